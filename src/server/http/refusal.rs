//! The answer to a request that is refused before it reaches the protocol.

use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rmcp::ErrorData;
use rmcp::model::{ErrorCode, RequestId};
use serde_json::{Map, Value, json};

use crate::error::{Code, Error};
use crate::server::message;
use crate::trace::Trace;

/// The most bytes that are read of a refusal by `rmcp`. Each one is a sentence.
const MAX_TEXT: usize = 64 * 1024;

/// A status with its reason, as a JSON-RPC error with the ID of the request, or `null` if there is none. Clients match
/// errors by the ID, and some show the message only then.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    body: message::Refusal,
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

impl Refusal {
    /// Returns the refusal of an invalid request.
    pub fn new(status: StatusCode, message: impl Into<String>, hint: &str) -> Self {
        Self::with_data(status, ErrorCode::INVALID_REQUEST, message.into(), json!({ "hint": hint }))
    }

    /// Returns the refusal with the stable code of an error.
    pub fn of(status: StatusCode, error: &Error) -> Self {
        let data = error.envelope().get("error").cloned().unwrap_or_default();
        Self::with_data(status, ErrorCode::INVALID_REQUEST, error.message().to_owned(), data)
    }

    /// Returns the refusal with the next step in the message too: most clients print nothing else.
    pub fn explained(status: StatusCode, error: &Error) -> Self {
        let data = error.envelope().get("error").cloned().unwrap_or_default();
        let hint = error.hint_text().map(|hint| format!(". {hint}")).unwrap_or_default();
        Self::with_data(status, ErrorCode::INVALID_REQUEST, format!("{}{hint}", error.message()), data)
    }

    /// Returns the refusal of a body that is not a JSON-RPC message, or that asks for a method that is not served.
    pub fn of_message(refusal: message::Refusal) -> Self {
        let not_found = refusal.code() == ErrorCode::METHOD_NOT_FOUND;
        let status = if not_found { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST };
        Self { status, body: refusal, headers: Vec::new() }
    }

    /// Returns the refusal of a request beyond a limit, which may be retried after some seconds.
    pub fn busy(message: &str, seconds: u64) -> Self {
        let error = Error::new(Code::RateLimited, message)
            .hint("Send fewer concurrent requests, or wait before retrying.")
            .retry_after(seconds);
        Self::of(StatusCode::TOO_MANY_REQUESTS, &error).header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    fn with_data(status: StatusCode, code: ErrorCode, message: String, data: Value) -> Self {
        let body = message::Refusal::new(None, ErrorData::new(code, message, Some(data)));
        Self { status, body, headers: Vec::new() }
    }

    /// Sets the ID of the request that it answers.
    pub fn answering(mut self, id: &RequestId) -> Self {
        self.body = self.body.answering(id);
        self
    }

    /// Sets the ID of the request in `body`, if one can be read.
    pub fn to(mut self, body: &[u8]) -> Self {
        self.body.answer_to(id_of(body).as_ref());
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl Refusal {
    /// Returns the answer to a request, and logs it.
    pub fn answer(self, trace: Option<&Trace>) -> Response {
        Trace::span(trace).in_scope(|| tracing::info!(refusal = ?self, "request refused"));
        self.into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(mut self) -> Response {
        self.body.answer_to(None);
        let mut response = (self.status, axum::Json(self.body)).into_response();
        // A client that sends requests without reading gets one refusal, and not as many as fit into memory.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response.headers_mut().extend(self.headers);
        response
    }
}

/// Returns the refusal of a request on a connection that was evicted.
pub fn closing() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "the connection is being closed",
        "Send the request on another connection.",
    )
}

/// Returns the refusal of a method that a path does not have.
pub fn no_such_method() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "the path does not have this method", "Send GET to this path.")
        .header(header::ALLOW, HeaderValue::from_static("GET,HEAD"))
}

/// Returns the answer of `rmcp` to `request` with changed refusals: those in plain text become JSON-RPC errors, and
/// those without an id get that of the request.
pub async fn as_json(answer: Response, request: &[u8]) -> Response {
    if !answer.status().is_client_error() && !answer.status().is_server_error() {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let text = axum::body::to_bytes(body, MAX_TEXT).await.unwrap_or_default();
    let mut message = serde_json::from_slice::<Map<String, Value>>(&text).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(&text);
        let text = if text.is_empty() { parts.status.to_string() } else { text.into_owned() };
        let refusal = serde_json::to_value(message::Refusal::invalid_request(None, text)).unwrap_or_default();
        refusal.as_object().cloned().unwrap_or_default()
    });
    message.entry("id").or_insert_with(|| json!(id_of(request)));
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    let mut json = axum::Json(message).into_response();
    json.headers_mut().extend(parts.headers);
    *json.status_mut() = parts.status;
    json
}

/// Returns the ID of the request in a body, if one can be read.
fn id_of(body: &[u8]) -> Option<RequestId> {
    // Not a struct, which serde also reads from a list.
    let mut request = serde_json::from_slice::<Map<String, Value>>(body).ok()?;
    serde_json::from_value(request.remove("id")?).ok()
}

/// Answers requests to any other path than the server's.
pub fn no_such_path(uri: &Uri, body: &[u8]) -> Response {
    if is_oauth(uri.path()) {
        return no_login();
    }
    Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this path", "The MCP endpoint is /mcp.")
        .to(body)
        .into_response()
}

/// Returns whether OAuth clients request this path after a 401: metadata (RFC 8414, RFC 9728, OpenID Connect) at the
/// host or below the endpoint, or the endpoints that they assume when they find no metadata, at the host, below the
/// endpoint or below `/oauth`. Empty segments do not count.
fn is_oauth(path: &str) -> bool {
    let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let documents = ["oauth-protected-resource", "oauth-authorization-server", "openid-configuration", "jwks.json"];
    let is_document = |pair: &[&str]| matches!(pair, [".well-known", name] if documents.contains(name));
    let is_endpoint = segments.split_last().is_some_and(|(last, above)| {
        ["register", "authorize", "token", "revoke"].contains(last)
            && above.iter().all(|name| ["mcp", "oauth"].contains(name))
    });
    is_endpoint || segments.windows(2).any(is_document)
}

/// Returns the refusal of a login as an error of client registration (RFC 7591): OAuth clients show its description.
fn no_login() -> Response {
    let error = json!({
        "error": "invalid_client_metadata",
        "error_description": "This server has no login. Send your PagerDuty API key in the header X-PagerDuty-Token \
                              (or Authorization: Bearer).",
    });
    let headers = [(header::CONNECTION, "close"), (header::CACHE_CONTROL, "no-store")];
    (StatusCode::NOT_FOUND, headers, axum::Json(error)).into_response()
}
