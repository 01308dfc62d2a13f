//! The one error type of the crate, and its codes.
//!
//! An [`Error`] is part of the product: its reader is usually a language model that has to decide what to do next. Each
//! error therefore has a stable [`Code`] to match on, a message that names the offending thing and its value, and,
//! where there is one, a hint with the next step. No error contains a credential or a URL with one in it.
//!
//! The two translations, to MCP (`server::convert`) and to Python (`python::errors`), match on the [`Family`] of the code,
//! so a new code needs no change there.

mod codes;

use serde_json::{Map, Value, json};

use pagerduty_rows::text;

pub use codes::{Code, Family};

/// The result of every fallible function of the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Returns a time in the form used in messages: "45 s", "1.5 s", "20 ms".
#[must_use]
pub fn spoken(time: std::time::Duration) -> String {
    if time < std::time::Duration::from_secs(1) {
        return format!("{} ms", time.as_micros().div_ceil(1_000));
    }
    let tenths = time.as_millis().div_ceil(100);
    match tenths % 10 {
        0 => format!("{} s", tenths / 10),
        tenth => format!("{}.{tenth} s", tenths / 10),
    }
}

/// The failure of a call: the problem, with the offending value, and the next step.
///
/// The content is boxed, so that a `Result` stays two words wide where nothing fails.
///
/// ```
/// use pagerduty_mcp_server::error::{Code, Error};
///
/// let error = Error::new(Code::InvalidTeamId, "team_id \"a/b\" is not a PagerDuty ID").hint("Use get_teams to find IDs.");
/// assert_eq!(error.code().as_str(), "INVALID_TEAM_ID");
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {}", .0.code, .0.message)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    code: Code,
    message: String,
    hint: Option<String>,
    status: Option<u16>,
    request_id: Option<String>,
    retry_after_seconds: Option<u64>,
    api_code: Option<i64>,
    /// Further members of the error in the envelope.
    details: Map<String, Value>,
    /// The kind of account, for the metadata of the envelope.
    label: Option<&'static str>,
}

impl Error {
    /// Returns an error with a code and a message, which names the offending thing and its value.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            hint: None,
            status: None,
            request_id: None,
            retry_after_seconds: None,
            api_code: None,
            details: Map::new(),
            label: None,
        }))
    }

    /// Adds the next step for the reader of the error.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the HTTP status of PagerDuty's answer.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds PagerDuty's `x-request-id`, which its support asks for.
    #[must_use]
    pub fn request_id(mut self, request_id: Option<String>) -> Self {
        self.0.request_id = request_id;
        self
    }

    /// Adds the number of seconds after which the call may succeed.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// Adds PagerDuty's own numeric error code.
    /// See PagerDuty's developer documentation, "Errors".
    #[must_use]
    pub fn api_code(mut self, code: Option<i64>) -> Self {
        self.0.api_code = code;
        self
    }

    /// Adds a member to the error in the envelope, for programs.
    #[must_use]
    pub fn detail(mut self, name: &str, value: Value) -> Self {
        self.0.details.insert(name.to_owned(), value);
        self
    }

    /// Puts words before the message.
    #[must_use]
    pub fn preceded(mut self, words: &str) -> Self {
        self.0.message.insert_str(0, words);
        self
    }

    /// Sets the kind of account in the envelope's metadata.
    #[must_use]
    pub fn labeled(mut self, label: Option<&'static str>) -> Self {
        self.0.label = label;
        self
    }

    /// Adds to the message.
    #[must_use]
    pub fn adding(mut self, more: &str) -> Self {
        self.0.message.push_str(more);
        self
    }

    /// Adds the facts about PagerDuty's response from the error that led to this one.
    #[must_use]
    pub fn with_facts_of(mut self, cause: &Error) -> Self {
        self.0.status = cause.0.status;
        self.0.request_id.clone_from(&cause.0.request_id);
        self.0.retry_after_seconds = cause.0.retry_after_seconds;
        self.0.api_code = cause.0.api_code;
        self
    }

    /// Makes invisible characters of the text visible: it may quote PagerDuty or the caller.
    #[must_use]
    pub fn neutralized(mut self) -> Self {
        self.0.message = text::neutralize(&self.0.message).into_owned();
        self.0.hint = self.0.hint.map(|hint| text::neutralize(&hint).into_owned());
        self.0.request_id = self.0.request_id.map(|id| text::neutralize(&id).into_owned());
        text::neutralize_object(&mut self.0.details);
        self
    }

    /// Returns the number of seconds after which the call may succeed, if PagerDuty requests a wait.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.0.retry_after_seconds
    }

    /// Returns the stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Returns the problem, with the offending value.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the next step, if there is one.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Returns the HTTP status, if the error is PagerDuty's response.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.0.status
    }

    /// Returns PagerDuty's numeric code, if its response had one.
    #[must_use]
    pub fn pagerduty_code(&self) -> Option<i64> {
        self.0.api_code
    }

    /// Returns whether the same call may succeed later without any change to it, by its code or because PagerDuty
    /// answered 5xx. A call that may have taken effect is not retryable, because it could take effect twice.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let server_error = self.0.status.is_some_and(|status| status >= 500) && self.0.code != Code::OutcomeUnknown;
        self.0.code.is_retryable() || server_error
    }

    /// Returns PagerDuty's request ID, if it answered.
    #[must_use]
    pub fn pagerduty_request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Returns the error envelope of the contract, the same at every door.
    ///
    /// ```
    /// # use pagerduty_mcp_server::error::{Code, Error};
    /// let envelope = Error::new(Code::NotFound, "there is no team PXXXXXX").envelope();
    /// assert_eq!(envelope["error"]["code"], "NOT_FOUND");
    /// assert_eq!(envelope["metadata"]["count"], 0);
    /// ```
    #[must_use]
    pub fn envelope(&self) -> Value {
        let inner = &self.0;
        let mut error = Map::new();
        error.insert("code".into(), inner.code.as_str().into());
        error.insert("message".into(), inner.message.clone().into());
        let optional = [
            ("hint", inner.hint.clone().map(Value::from)),
            ("status", inner.status.map(Value::from)),
            ("pagerduty_code", inner.api_code.map(Value::from)),
            ("request_id", inner.request_id.clone().map(Value::from)),
            ("retry_after_seconds", inner.retry_after_seconds.map(Value::from)),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                error.insert(name.into(), value);
            }
        }
        error.extend(inner.details.clone());
        let mut metadata = json!({"count": 0, "description": "Error occurred while processing request"});
        if let (Some(label), Some(metadata)) = (inner.label, metadata.as_object_mut()) {
            metadata.insert(label.to_owned(), true.into());
        }
        json!({"metadata": metadata, "error": error})
    }
}
