//! One line of input, read as a JSON-RPC message; or the refusal it is answered with.
//!
//! `rmcp` has a reader of its own, which drops what is not JSON without an answer, and answers what is not a message
//! without its id. Here every line that is not a message gets the answer that JSON-RPC 2.0 ("Error object") asks for. What
//! the message means, and whether it comes at the right time, is not decided here.

use rmcp::ErrorData;
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ClientRequest, ErrorCode, RequestId, ServerJsonRpcMessage,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::params;

/// The answer to something that is not going to be dispatched.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The request's id. Left out of the answer if there is none to be read, as the schemas of 2025-11-25 and 2026-07-28
    /// have it. JSON-RPC asks for a `null` there; of the official clients some expect the one and some the other, and none
    /// does worse than log it.
    id: Option<RequestId>,
    error: Box<ErrorData>,
}

impl Refusal {
    pub(super) fn new(id: Option<RequestId>, error: ErrorData) -> Self {
        Self { id, error: Box::new(error) }
    }

    /// -32600, the code for what is not a message, or comes when it cannot.
    pub(super) fn invalid_request(id: Option<RequestId>, message: impl Into<String>) -> Self {
        Self::new(id, ErrorData::new(ErrorCode::INVALID_REQUEST, message.into(), None))
    }

    /// The code of the answer.
    pub(super) fn code(&self) -> ErrorCode {
        self.error.code
    }

    /// The message to be sent.
    pub(super) fn into_message(self) -> ServerJsonRpcMessage {
        ServerJsonRpcMessage::error(*self.error, self.id)
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
            Err(Refusal::invalid_request(None, "JSON-RPC batches are not part of MCP: send one message a line"))
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

    let id = message.get("id").and_then(|id| RequestId::deserialize(id).ok());
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(Refusal::invalid_request(id, "`jsonrpc` must be \"2.0\""));
    }
    if is_response {
        return Err(Refusal::invalid_request(id, "a message with a `method` has no `result` and no `error`"));
    }
    let Some(method) = message.get("method").and_then(Value::as_str) else {
        return Err(Refusal::invalid_request(id, "`method` is missing or is not a string"));
    };

    match id {
        Some(id) => {
            let params = params::check(method, message.get("params"));
            params.map_err(|error| Refusal::new(Some(id.clone()), error))?;
            match serde_json::from_value::<ClientRequest>(Value::Object(message)) {
                Ok(request) => Ok(Some(ClientJsonRpcMessage::request(request, id))),
                Err(error) => Err(Refusal::invalid_request(Some(id), error.to_string())),
            }
        }
        None if message.contains_key("id") => {
            Err(Refusal::invalid_request(None, "`id` must be a string or an integer"))
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
