//! For those who run the server: is it alive, can it serve, what does it do.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Shared;
use crate::metrics;

/// `/healthz`: the process runs and answers.
pub async fn alive() -> &'static str {
    "alive\n"
}

/// `/readyz`: calls can be answered. Not whether PagerDuty can be reached: that is the same from every instance, and taking
/// all of them out of service would only replace its errors by a gateway's.
pub async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    match shared.toolbox.ready() {
        Ok(()) => "ready\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", error.message())).into_response(),
    }
}

/// `/metrics`: everything counted, in the text format that Prometheus reads.
pub async fn metrics() -> Response {
    match metrics::text() {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
