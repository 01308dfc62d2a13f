//! Parses a JSON-RPC message, or returns the refusal to answer it with.
//!
//! `rmcp` drops input that is not JSON without an answer, and answers JSON that is not a message without its ID. Here each of
//! them gets the answer that JSON-RPC 2.0 ("Error object") asks for. Whether a message is allowed at this moment is not
//! decided here.

use rmcp::ErrorData;
use rmcp::model::{ClientJsonRpcMessage, ClientNotification, ClientRequest, ErrorCode, RequestId};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use crate::params::shorten;

use super::params;

/// The refusal of a batch.
///
/// Revision 2025-03-26 asks servers to receive batches; the revisions before and after it do not have them, and no client is
/// known to send them (`docs/design.md`).
const BATCH: &str = "JSON-RPC batches are not supported: send each message by itself, without an array around it";

/// The answer to a message that is not dispatched, as it is written.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    jsonrpc: &'static str,
    /// The request's ID, with the digits that were sent, even if it is not a valid ID of a request. On standard output it
    /// is left out if there is none, in accordance with the schemas of 2025-11-25 and 2026-07-28. JSON-RPC asks for `null`
    /// in that case, which HTTP requests get (`http::refusal`).
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Box<RawValue>>,
    error: Box<ErrorData>,
}

impl Refusal {
    pub(super) fn new(id: Option<Box<RawValue>>, error: ErrorData) -> Self {
        Self { jsonrpc: "2.0", id, error: Box::new(error) }
    }

    /// Returns the refusal with code -32600: input that is not a message, or a message at the wrong time.
    pub(super) fn invalid_request(id: Option<Box<RawValue>>, message: impl Into<String>) -> Self {
        Self::new(id, ErrorData::new(ErrorCode::INVALID_REQUEST, message.into(), None))
    }

    /// Returns the refusal of a request whose ID is in use: `rmcp` would answer one of the two requests, and leave the
    /// other open.
    pub(super) fn id_in_use(id: &RequestId) -> Self {
        Self::invalid_request(None, "a request with this id is still being answered").answering(id)
    }

    /// Sets the ID of the refused request.
    pub(super) fn answering(mut self, id: &RequestId) -> Self {
        self.id = to_raw_value(id).ok();
        self
    }

    /// Sets the ID of the refused request, unless there is one; `None` is written as `null`.
    pub(super) fn answer_to(&mut self, id: Option<RequestId>) {
        if self.id.is_none() {
            self.id = to_raw_value(&id).ok();
        }
    }

    /// Returns the code of the answer.
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
        Ok(Value::Object(message)) => read_object(line, message),
        Ok(Value::Array(_)) => Err(Refusal::invalid_request(None, BATCH)),
        Ok(_) => Err(Refusal::invalid_request(None, "a JSON-RPC message is a JSON object")),
        Err(error) => {
            Err(Refusal::new(None, ErrorData::new(ErrorCode::PARSE_ERROR, format!("not valid JSON: {error}"), None)))
        }
    }
}

fn read_object(line: &[u8], message: Map<String, Value>) -> Result<Option<ClientJsonRpcMessage>, Refusal> {
    let is_response = message.contains_key("result") || message.contains_key("error");
    if is_response && !message.contains_key("method") {
        // The server sends no requests, so nothing waits for a response. Refusing it could go on forever with a client that
        // returns every message it cannot read.
        tracing::debug!("dropped a response without a request");
        return Ok(None);
    }

    let id = message.get("id").cloned();
    let written = id.as_ref().and_then(|id| as_written(id, line));
    let invalid = |what: &str| Err(Refusal::invalid_request(written.clone(), what));
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return invalid("`jsonrpc` must be \"2.0\"");
    }
    if is_response {
        return invalid("a message with a `method` has no `result` and no `error`");
    }
    let Some(method) = message.get("method").and_then(Value::as_str) else {
        return invalid("`method` is missing or is not a string");
    };

    match id {
        Some(id) => {
            let Ok(request_id) = RequestId::deserialize(&id) else {
                let text = written.as_ref().map_or_else(|| id.to_string(), |written| written.get().to_owned());
                return invalid(&format!("`id` is {}: send a string or an integer below 2^63", shorten(&text)));
            };
            let params = params::check(method, message.get("params"));
            params.map_err(|error| Refusal::new(written.clone(), error))?;
            match serde_json::from_value::<ClientRequest>(Value::Object(message)) {
                Ok(request) => Ok(Some(ClientJsonRpcMessage::request(request, request_id))),
                Err(error) => invalid(&error.to_string()),
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

/// Returns the ID of a message as the answer repeats it, so that the client can match the answer to its request. It is
/// `None` if JSON-RPC does not allow the ID.
///
/// A number that fits no integer type is taken from the line: its value would be a rounded one.
fn as_written(id: &Value, line: &[u8]) -> Option<Box<RawValue>> {
    #[derive(Deserialize)]
    struct Identified<'l> {
        #[serde(borrow)]
        id: &'l RawValue,
    }
    match id {
        Value::Number(number) if number.is_f64() => {
            serde_json::from_slice::<Identified<'_>>(line).ok().map(|message| message.id.to_owned())
        }
        Value::Number(_) | Value::String(_) => to_raw_value(id).ok(),
        _ => None,
    }
}
