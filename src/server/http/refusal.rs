//! The answer to a request that does not get as far as the protocol.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rmcp::ErrorData;
use rmcp::model::ErrorCode;
use serde_json::{Value, json};

use crate::error::{Code, Error};
use crate::server::message;
use crate::trace::Trace;

/// A status, and why: as a JSON-RPC error without an id, which is how the protocol has it (2026-07-28, "Streamable HTTP",
/// "Sending Messages to the Server").
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    body: message::Refusal,
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

impl Refusal {
    /// A request that is wrong in itself.
    pub fn new(status: StatusCode, message: impl Into<String>, hint: &str) -> Self {
        Self::with_data(status, ErrorCode::INVALID_REQUEST, message.into(), json!({ "hint": hint }))
    }

    /// The same with one of our stable codes.
    pub fn of(status: StatusCode, error: &Error) -> Self {
        let data = error.envelope().get("error").cloned().unwrap_or_default();
        Self::with_data(status, ErrorCode::INVALID_REQUEST, error.message().to_owned(), data)
    }

    /// A body that is not a JSON-RPC message, or asks for a method that its revision does not have.
    pub fn of_message(refusal: message::Refusal) -> Self {
        let not_found = refusal.code() == ErrorCode::METHOD_NOT_FOUND;
        let status = if not_found { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST };
        Self { status, body: refusal, headers: Vec::new() }
    }

    /// Too much at a time: try again after so many seconds.
    pub fn busy(message: &str, seconds: u64) -> Self {
        let error = Error::new(Code::RateLimited, message)
            .hint("Send fewer requests at a time, or wait before trying again.")
            .retry_after(seconds);
        Self::of(StatusCode::TOO_MANY_REQUESTS, &error).header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    fn with_data(status: StatusCode, code: ErrorCode, message: String, data: Value) -> Self {
        let body = message::Refusal::new(None, ErrorData::new(code, message, Some(data)));
        Self { status, body, headers: Vec::new() }
    }

    /// With a header.
    pub fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl Refusal {
    /// The answer to a request, with a line in the log.
    pub fn answer(self, trace: Option<&Trace>) -> Response {
        Trace::span(trace).in_scope(|| tracing::info!(refusal = ?self, "request refused"));
        self.into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body.into_message())).into_response();
        // Whoever sends requests without reading the answers gets one refusal, and not as many as fit into memory.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response.headers_mut().extend(self.headers);
        response
    }
}

/// A request on a connection that has to make room for another.
pub fn closing() -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the connection is being closed", "Send the request on another one.")
}

/// Any path that is not one of ours, to the letter.
pub async fn no_such_path() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this path", "The MCP endpoint is /mcp.")
}
