//! One line of input, read as a JSON-RPC message; or the refusal it is answered with.
//!
//! `rmcp` has a reader of its own, which drops what is not JSON without an answer, and answers what is not a message
//! without its id. Here every line that is not a message gets the answer that JSON-RPC 2.0 ("Error object") asks for. What
//! the message means, and whether it comes at the right time, is not decided here.

use rmcp::ErrorData;
use rmcp::model::{ClientJsonRpcMessage, ClientNotification, ClientRequest, ErrorCode, RequestId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::params::shorten;

use super::params;

/// The answer, as it is written, to a message that is not dispatched.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    jsonrpc: &'static str,
    /// The request's id as it was sent, even if it is not a valid id of a request. On standard output it is left out if
    /// no id can be read, in accordance with the schemas of 2025-11-25 and 2026-07-28. JSON-RPC asks for `null` in that
    /// case, which HTTP requests get (`http::refusal`).
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Box<Value>>,
    error: Box<ErrorData>,
}

impl Refusal {
    pub(super) fn new(id: Option<Value>, error: ErrorData) -> Self {
        Self { jsonrpc: "2.0", id: id.map(Box::new), error: Box::new(error) }
    }

    /// -32600, the code for what is not a message, or comes when it cannot.
    pub(super) fn invalid_request(id: Option<Value>, message: impl Into<String>) -> Self {
        Self::new(id, ErrorData::new(ErrorCode::INVALID_REQUEST, message.into(), None))
    }

    /// Returns the refusal of a request whose ID is in use: `rmcp` would answer one of the two requests, and leave the
    /// other open.
    pub(super) fn id_in_use(id: &RequestId) -> Self {
        Self::invalid_request(None, "a request with this id is still being answered").answering(id)
    }

    /// Sets the ID of the refused request.
    pub(super) fn answering(mut self, id: &RequestId) -> Self {
        self.id = Some(Box::new(json!(id)));
        self
    }

    /// Sets the ID of the refused request, unless there is one.
    pub(super) fn answer_to(&mut self, id: Value) {
        self.id.get_or_insert_with(|| Box::new(id));
    }

    /// The code of the answer.
    pub(super) fn code(&self) -> ErrorCode {
        self.error.code
    }
}

/// Reads a line: a message to be dispatched, nothing (there is nothing to do and nothing to answer), or a refusal.
pub(super) fn read(line: &[u8]) -> Result<Option<ClientJsonRpcMessage>, Refusal> {
    // Some Windows shells start what they pipe with a byte order mark.
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    match serde_json::from_slice(line) {
        Ok(Value::Object(message)) => read_object(message),
        Ok(Value::Array(_)) => {
            Err(Refusal::invalid_request(None, "JSON-RPC batches are not supported: send each message by itself"))
        }
        Ok(_) => Err(Refusal::invalid_request(None, "a JSON-RPC message is a JSON object")),
        Err(error) => {
            Err(Refusal::new(None, ErrorData::new(ErrorCode::PARSE_ERROR, format!("not valid JSON: {error}"), None)))
        }
    }
}

fn read_object(message: Map<String, Value>) -> Result<Option<ClientJsonRpcMessage>, Refusal> {
    let is_response = message.contains_key("result") || message.contains_key("error");
    if is_response && !message.contains_key("method") {
        // We ask clients nothing, so nobody waits for it. Refusing it could go on forever, against a client that sends
        // back whatever it does not understand.
        tracing::debug!("dropped a response that nobody asked for");
        return Ok(None);
    }

    let written_id = message.get("id").cloned();
    let id = written_id.clone().filter(|id| id.is_string() || id.is_number());
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(Refusal::invalid_request(id, "`jsonrpc` must be \"2.0\""));
    }
    if is_response {
        return Err(Refusal::invalid_request(id, "a message with a `method` has no `result` and no `error`"));
    }
    let Some(method) = message.get("method").and_then(Value::as_str) else {
        return Err(Refusal::invalid_request(id, "`method` is missing or is not a string"));
    };

    match written_id {
        Some(id) => {
            let Ok(request_id) = RequestId::deserialize(&id) else { return Err(unusable_id(id)) };
            let params = params::check(method, message.get("params"));
            params.map_err(|error| Refusal::new(Some(id.clone()), error))?;
            match serde_json::from_value::<ClientRequest>(Value::Object(message)) {
                Ok(request) => Ok(Some(ClientJsonRpcMessage::request(request, request_id))),
                Err(error) => Err(Refusal::invalid_request(Some(id), error.to_string())),
            }
        }
        None => match serde_json::from_value::<ClientNotification>(Value::Object(message)) {
            Ok(notification) => Ok(Some(ClientJsonRpcMessage::notification(notification))),
            Err(error) => {
                // Notifications are never answered, not even bad ones.
                tracing::debug!(%error, "dropped a malformed notification");
                Ok(None)
            }
        },
    }
}

/// Returns the refusal of an id that no request may have. The answer has the id if it is valid in JSON-RPC, so that the
/// client can tell which request is meant.
fn unusable_id(id: Value) -> Refusal {
    let message = format!("`id` is {}: send a string or an integer below 2^63", shorten(&id.to_string()));
    Refusal::invalid_request(id.is_number().then_some(id), message)
}
