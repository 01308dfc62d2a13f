//! The answer to a request that does not get as far as the protocol.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rmcp::ErrorData;
use rmcp::model::{ErrorCode, RequestId};
use serde_json::{Value, json};

use crate::error::{Code, Error};
use crate::server::message;
use crate::trace::Trace;

/// How much of a refusal in plain text is read. They are a sentence each.
const MOST_TEXT: usize = 4096;

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

    /// A body that is not a JSON-RPC message, or asks for a method that is not served.
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

    /// With the ID of the request it answers.
    pub fn answering(mut self, id: &RequestId) -> Self {
        self.body = self.body.answering(id);
        self
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
        let mut response = (self.status, axum::Json(self.body)).into_response();
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

/// A method that a path does not have. Its `Allow` header is already there.
pub async fn no_such_method() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "the path does not have this method", "Send GET to this path.")
}

/// An answer of `rmcp`, which refuses some requests in plain text: that becomes the message of a JSON-RPC error.
pub async fn as_json(answer: Response) -> Response {
    let is_json = |value: &HeaderValue| value.as_bytes().starts_with(b"application/json");
    let refused = answer.status().is_client_error() || answer.status().is_server_error();
    if !refused || answer.headers().get(header::CONTENT_TYPE).is_some_and(is_json) {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let text = axum::body::to_bytes(body, MOST_TEXT).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let message = if text.is_empty() { parts.status.to_string() } else { text.into_owned() };
    let body = message::Refusal::invalid_request(None, message);
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    let mut json = axum::Json(body).into_response();
    json.headers_mut().extend(parts.headers);
    *json.status_mut() = parts.status;
    json
}

/// Any path that is not one of ours, to the letter.
pub async fn no_such_path() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this path", "The MCP endpoint is /mcp.")
}
