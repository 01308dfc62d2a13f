//! The endpoints for operators: liveness, readiness and metrics.

use std::sync::atomic::Ordering;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::AppState;
use crate::metrics;

/// `/healthz`: returns that the process answers.
pub fn alive(_state: &AppState) -> Response {
    "alive\n".into_response()
}

/// `/readyz`: returns whether calls can be answered.
///
/// A server that shuts down is not ready, and still serves for a while, so that gateways stop sending it calls before it
/// refuses them. It does not depend on PagerDuty: an outage is the same for every instance, and taking all of them out of service would only
/// replace PagerDuty's errors by a gateway's.
pub fn ready(state: &AppState) -> Response {
    if state.stopping.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n").into_response();
    }
    match state.toolbox.ready() {
        Ok(()) => "ready\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", error.message())).into_response(),
    }
}

/// `/metrics`: returns all counters in the text format that Prometheus reads.
pub fn metrics(_state: &AppState) -> Response {
    match metrics::text() {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
