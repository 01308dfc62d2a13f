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

use super::offer::Offer;
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
    pub(super) fn answer_to(&mut self, id: Option<&RequestId>) {
        if self.id.is_none() {
            self.id = to_raw_value(&id).ok();
        }
    }

    /// Returns the code of the answer.
    pub(super) fn code(&self) -> ErrorCode {
        self.error.code
    }
}

/// A message whose frame is valid.
pub(super) enum Message {
    /// A request, which is answered.
    Request(Request),
    /// A notification, which is not answered.
    Notification(Map<String, Value>),
    /// A response to a request of the server, or to none.
    Response(Map<String, Value>),
}

/// A request whose frame is valid. Its parameters may be wrong.
pub(super) struct Request {
    /// The ID.
    pub id: RequestId,
    /// The ID as the answer repeats it.
    written_id: Option<Box<RawValue>>,
    message: Map<String, Value>,
}

impl Request {
    /// Returns whether the request is an `initialize`.
    pub(super) fn is_initialize(&self) -> bool {
        self.method() == "initialize"
    }

    /// Returns whether the request declares revision 2026-07-28 or later.
    pub(super) fn declares_2026(&self) -> bool {
        params::declares_2026(self.message.get("params"))
    }

    /// Checks the method and its parameters.
    pub(super) fn check(&self, offer: Offer) -> Result<(), Refusal> {
        let checked = params::check(self.method(), self.message.get("params"), offer);
        checked.map_err(|error| Refusal::new(self.written_id.clone(), error))
    }

    /// Returns the request in `rmcp`'s types.
    pub(super) fn typed(self) -> Result<ClientJsonRpcMessage, Refusal> {
        let request = serde_json::from_value::<ClientRequest>(Value::Object(self.message));
        match request {
            Ok(request) => Ok(ClientJsonRpcMessage::request(request, self.id)),
            Err(error) => Err(Refusal::invalid_request(self.written_id, error.to_string())),
        }
    }

    fn method(&self) -> &str {
        self.message.get("method").and_then(Value::as_str).unwrap_or_default()
    }
}

/// Parses a line and its parameters into a message for `rmcp`. Returns `None` if there is nothing to do and nothing to
/// answer.
pub(super) fn read(line: &[u8], offer: Offer) -> Result<Option<ClientJsonRpcMessage>, Refusal> {
    match parse(line)? {
        Some(Message::Request(request)) => {
            request.check(offer)?;
            request.typed().map(Some)
        }
        Some(Message::Notification(message)) => {
            // Notifications are never answered, not even malformed ones.
            let notification = serde_json::from_value::<ClientNotification>(Value::Object(message));
            let notification =
                notification.inspect_err(|error| tracing::debug!(%error, "malformed notification dropped"));
            Ok(notification.ok().map(ClientJsonRpcMessage::notification))
        }
        Some(Message::Response(message)) => {
            // Refusing it could go on forever with a client that returns every message it cannot read.
            let response = serde_json::from_value::<ClientJsonRpcMessage>(Value::Object(message));
            let response = response.inspect_err(|error| tracing::debug!(%error, "malformed response dropped"));
            Ok(response.ok())
        }
        None => Ok(None),
    }
}

/// Parses the frame of a message. Returns `None` for a blank line.
pub(super) fn parse(line: &[u8]) -> Result<Option<Message>, Refusal> {
    // Some Windows shells start piped input with a byte order mark.
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    match serde_json::from_slice(line) {
        Ok(Value::Object(message)) => parse_object(line, message).map(Some),
        Ok(Value::Array(_)) => Err(Refusal::invalid_request(None, BATCH)),
        Ok(_) => Err(Refusal::invalid_request(None, "a JSON-RPC message is a JSON object")),
        Err(error) => {
            Err(Refusal::new(None, ErrorData::new(ErrorCode::PARSE_ERROR, format!("not valid JSON: {error}"), None)))
        }
    }
}

fn parse_object(line: &[u8], message: Map<String, Value>) -> Result<Message, Refusal> {
    let is_response = message.contains_key("result") || message.contains_key("error");
    if is_response && !message.contains_key("method") {
        return Ok(Message::Response(message));
    }
    let id = message.get("id");
    let written_id = id.and_then(|id| as_written(id, line));
    let invalid = |what: &str| Err(Refusal::invalid_request(written_id.clone(), what));
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return invalid("`jsonrpc` must be \"2.0\"");
    }
    if is_response {
        return invalid("a message with a `method` has no `result` and no `error`");
    }
    if !message.get("method").is_some_and(Value::is_string) {
        return invalid("`method` is missing or is not a string");
    }
    let Some(id) = id else { return Ok(Message::Notification(message)) };
    if let Ok(id) = RequestId::deserialize(id) {
        return Ok(Message::Request(Request { id, written_id, message }));
    }
    let text = written_id.as_ref().map_or_else(|| id.to_string(), |written| written.get().to_owned());
    invalid(&format!("`id` is {}: send a string or an integer below 2^63", shorten(&text)))
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
