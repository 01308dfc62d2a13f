//! The one error type of the crate, and the list of its codes.
//!
//! An [`Error`] is part of the product: most of them are read by a language model that has to decide what to do next.
//! So each has a stable [`Code`] to match on, a message that names the offending thing and its value, and, wherever
//! there is one, a hint with the next step. No error ever holds a credential or a URL with one in it.
//!
//! The two translations, to MCP (`server::convert`) and to Python (`python::errors`), match on [`Code`] exhaustively: a new
//! code does not compile until both have an answer for it.

use serde_json::{Map, Value, json};

use pagerduty_rows::text;

/// What every fallible function of the crate returns.
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

/// What went wrong, as a stable name. Users and agents match on these: renaming one is a breaking change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// No credential was found.
    MissingCredentials,
    /// A setting (environment variable or option) cannot be used.
    InvalidConfiguration,
    /// PagerDuty answered 401.
    AuthenticationFailed,
    /// The login in the browser did not succeed.
    LoginFailed,
    /// The call ended before the login in the browser did.
    LoginPending,
    /// Nobody logged in within the time allowed.
    LoginTimeout,
    /// The port of the login's callback is taken.
    CallbackPortInUse,
    /// The place where tokens are kept cannot be used.
    TokenStoreUnavailable,
    /// PagerDuty answered 403.
    PermissionDenied,
    /// PagerDuty answered 402.
    MissingAbility,
    /// PagerDuty answered 404.
    NotFound,
    /// PagerDuty answered 429 until we gave up.
    RateLimited,
    /// An escalation policy ID has other characters than ASCII letters and digits.
    InvalidEscalationPolicyId,
    /// An incident ID or number has other characters than ASCII letters and digits.
    InvalidIncidentId,
    /// A schedule ID has other characters than ASCII letters and digits.
    InvalidScheduleId,
    /// A service ID has other characters than ASCII letters and digits.
    InvalidServiceId,
    /// A team ID has other characters than ASCII letters and digits.
    InvalidTeamId,
    /// A user ID has other characters than ASCII letters and digits.
    InvalidUserId,
    /// A required parameter, or one of several alternatives, is missing.
    MissingParameter,
    /// A parameter has a value of the wrong type or out of range.
    InvalidParameter,
    /// The tool has no parameter of that name.
    UnknownParameter,
    /// There is no tool of that name.
    UnknownTool,
    /// Two parameters contradict each other.
    ConflictingParameters,
    /// `include` names nothing, a misspelt field or something that cannot be one.
    InvalidInclude,
    /// A timestamp is not ISO 8601 or is out of range.
    InvalidTimestamp,
    /// A time range is reversed, empty, too long or too far ahead.
    InvalidTimeRange,
    /// The credential belongs to no user, so there is no current user.
    NoUserContext,
    /// The current user belongs to no team, and the whole account is not a substitute for it.
    NoTeams,
    /// The incident is resolved already.
    AlreadyResolved,
    /// The incident is acknowledged already and the account does not take a second acknowledgement.
    AlreadyAcknowledged,
    /// PagerDuty refused the request for a reason of its own.
    ApiError,
    /// PagerDuty's answer is not what its documentation promises.
    UnexpectedResponse,
    /// PagerDuty could not be reached, or the connection broke.
    NetworkError,
    /// The call took longer than allowed.
    Timeout,
    /// A change was sent, and whether it took effect could not be found out.
    OutcomeUnknown,
    /// The caller withdrew the call.
    Cancelled,
    /// A bug of ours.
    Internal,
}

impl Code {
    /// Every code, in the order of the documentation.
    pub const ALL: &'static [Code] = &[
        Code::MissingCredentials,
        Code::InvalidConfiguration,
        Code::AuthenticationFailed,
        Code::LoginFailed,
        Code::LoginPending,
        Code::LoginTimeout,
        Code::CallbackPortInUse,
        Code::TokenStoreUnavailable,
        Code::PermissionDenied,
        Code::MissingAbility,
        Code::NotFound,
        Code::RateLimited,
        Code::InvalidEscalationPolicyId,
        Code::InvalidIncidentId,
        Code::InvalidScheduleId,
        Code::InvalidServiceId,
        Code::InvalidTeamId,
        Code::InvalidUserId,
        Code::MissingParameter,
        Code::InvalidParameter,
        Code::UnknownParameter,
        Code::UnknownTool,
        Code::ConflictingParameters,
        Code::InvalidInclude,
        Code::InvalidTimestamp,
        Code::InvalidTimeRange,
        Code::NoUserContext,
        Code::NoTeams,
        Code::AlreadyResolved,
        Code::AlreadyAcknowledged,
        Code::ApiError,
        Code::UnexpectedResponse,
        Code::NetworkError,
        Code::Timeout,
        Code::OutcomeUnknown,
        Code::Cancelled,
        Code::Internal,
    ];

    /// The code as it stands in answers: `INVALID_USER_ID`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.entry().0
    }

    /// One sentence for the documentation (`docs/errors.md`): when this code is given.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        self.entry().1
    }

    /// Whether the same call may succeed later without any change to it.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Code::RateLimited | Code::NetworkError | Code::Timeout | Code::LoginPending | Code::LoginTimeout)
    }

    #[expect(clippy::too_many_lines, reason = "it is a table")]
    const fn entry(self) -> (&'static str, &'static str) {
        match self {
            Code::MissingCredentials => {
                ("MISSING_CREDENTIALS", "No credential was given in any of the ways the server understands.")
            }
            Code::InvalidConfiguration => (
                "INVALID_CONFIGURATION",
                "An environment variable or an option of the server has a value that cannot be used.",
            ),
            Code::AuthenticationFailed => (
                "AUTHENTICATION_FAILED",
                "PagerDuty answered 401: the credential is wrong, expired, or belongs to the other service region (US or EU).",
            ),
            Code::LoginFailed => {
                ("LOGIN_FAILED", "The login in the browser did not succeed: it was declined, or PagerDuty refused it.")
            }
            Code::LoginPending => (
                "LOGIN_PENDING",
                "The call ended while the login in the browser was still open; the next call uses it once it is done.",
            ),
            Code::LoginTimeout => {
                ("LOGIN_TIMEOUT", "Nobody logged in within the time allowed (`PAGERDUTY_OAUTH_TIMEOUT`).")
            }
            Code::CallbackPortInUse => (
                "CALLBACK_PORT_IN_USE",
                "The port that PagerDuty sends the browser back to is taken by another program.",
            ),
            Code::TokenStoreUnavailable => {
                ("TOKEN_STORE_UNAVAILABLE", "The keyring, or the file chosen in its place, cannot be read or written.")
            }
            Code::PermissionDenied => (
                "PERMISSION_DENIED",
                "PagerDuty answered 403: the credential is valid but lacks the role or the OAuth scope.",
            ),
            Code::MissingAbility => {
                ("MISSING_ABILITY", "PagerDuty answered 402: the account's plan does not include this feature.")
            }
            Code::NotFound => ("NOT_FOUND", "PagerDuty has nothing under this ID that the credential may see."),
            Code::RateLimited => {
                ("RATE_LIMITED", "PagerDuty's rate limit is used up; `retry_after_seconds` says how long to wait.")
            }
            Code::InvalidEscalationPolicyId => (
                "INVALID_ESCALATION_POLICY_ID",
                "An escalation policy ID holds something other than ASCII letters and digits.",
            ),
            Code::InvalidIncidentId => {
                ("INVALID_INCIDENT_ID", "An incident ID or number holds something other than ASCII letters and digits.")
            }
            Code::InvalidScheduleId => {
                ("INVALID_SCHEDULE_ID", "A schedule ID holds something other than ASCII letters and digits.")
            }
            Code::InvalidServiceId => {
                ("INVALID_SERVICE_ID", "A service ID holds something other than ASCII letters and digits.")
            }
            Code::InvalidTeamId => {
                ("INVALID_TEAM_ID", "A team ID holds something other than ASCII letters and digits.")
            }
            Code::InvalidUserId => {
                ("INVALID_USER_ID", "A user ID holds something other than ASCII letters and digits.")
            }
            Code::MissingParameter => {
                ("MISSING_PARAMETER", "A required parameter is missing, or none of several alternatives was given.")
            }
            Code::InvalidParameter => ("INVALID_PARAMETER", "A parameter has the wrong type or is out of range."),
            Code::UnknownParameter => (
                "UNKNOWN_PARAMETER",
                "The tool has no parameter of this name; the hint lists those it has and the nearest one.",
            ),
            Code::UnknownTool => {
                ("UNKNOWN_TOOL", "There is no tool of this name, or it was switched off when the server started.")
            }
            Code::ConflictingParameters => ("CONFLICTING_PARAMETERS", "Two parameters contradict each other."),
            Code::InvalidInclude => (
                "INVALID_INCLUDE",
                "`include` names nothing, a misspelt field or something that cannot be one; the hint gives the nearest names.",
            ),
            Code::InvalidTimestamp => ("INVALID_TIMESTAMP", "A timestamp is not ISO 8601 or is out of range."),
            Code::InvalidTimeRange => (
                "INVALID_TIME_RANGE",
                "`since` is not before `until`, the range is too long, or it reaches too far ahead.",
            ),
            Code::NoUserContext => (
                "NO_USER_CONTEXT",
                "The credential is an account-level key, which belongs to no user, and the call needs one.",
            ),
            Code::NoTeams => (
                "NO_TEAMS",
                "The current user belongs to no team, and the call would otherwise search the whole account.",
            ),
            Code::AlreadyResolved => {
                ("ALREADY_RESOLVED", "The incident is resolved; its status cannot be changed this way.")
            }
            Code::AlreadyAcknowledged => ("ALREADY_ACKNOWLEDGED", "The incident is acknowledged already."),
            Code::ApiError => (
                "API_ERROR",
                "PagerDuty refused the request; the message, its code and the `request_id` are PagerDuty's own.",
            ),
            Code::UnexpectedResponse => (
                "UNEXPECTED_RESPONSE",
                "The answer is not what PagerDuty's documentation promises: HTML from a proxy, cut off, or of another shape.",
            ),
            Code::NetworkError => ("NETWORK_ERROR", "PagerDuty could not be reached or the connection broke."),
            Code::Timeout => ("TIMEOUT", "The call took longer than allowed."),
            Code::OutcomeUnknown => (
                "OUTCOME_UNKNOWN",
                "A change was sent, its answer was lost, and a look did not tell whether it took effect; the hint says how to look again.",
            ),
            Code::Cancelled => ("CANCELLED", "The caller withdrew the call."),
            Code::Internal => ("INTERNAL", "A bug in this server. Please report it with the message."),
        }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failed call: what went wrong, with the value, and what to do next.
///
/// Boxed inside, so that a `Result` stays two words wide on the paths where nothing fails.
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
    /// The kind of account, for the metadata of the envelope.
    label: Option<&'static str>,
}

impl Error {
    /// An error with a code and a message that names what is at fault, with its value.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            hint: None,
            status: None,
            request_id: None,
            retry_after_seconds: None,
            api_code: None,
            label: None,
        }))
    }

    /// Adds the next step for whoever reads the error.
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

    /// Sets the kind of account in the envelope's metadata.
    #[must_use]
    pub fn labelled(mut self, label: Option<&'static str>) -> Self {
        self.0.label = label;
        self
    }

    /// Adds to the message.
    #[must_use]
    pub fn adding(mut self, more: &str) -> Self {
        self.0.message.push_str(more);
        self
    }

    /// Takes over what the error that led to this one knew of PagerDuty's answer.
    #[must_use]
    pub fn with_facts_of(mut self, cause: &Error) -> Self {
        self.0.status = cause.0.status;
        self.0.request_id.clone_from(&cause.0.request_id);
        self.0.retry_after_seconds = cause.0.retry_after_seconds;
        self.0.api_code = cause.0.api_code;
        self
    }

    /// Takes out of the text what a reader does not see: it may quote what PagerDuty or the caller said.
    #[must_use]
    pub fn neutralised(mut self) -> Self {
        self.0.message = text::neutralise(&self.0.message).into_owned();
        self.0.hint = self.0.hint.map(|hint| text::neutralise(&hint).into_owned());
        self.0.request_id = self.0.request_id.map(|id| text::neutralise(&id).into_owned());
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What went wrong, with the offending value.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do next, where there is something to do.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The HTTP status, where the error is PagerDuty's answer.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.0.status
    }

    /// PagerDuty's own numeric code, where its answer had one.
    #[must_use]
    pub fn pagerduty_code(&self) -> Option<i64> {
        self.0.api_code
    }

    /// Whether the same call may be made again without any change to it, and succeed: by its code, or because PagerDuty
    /// answered 5xx; never if it may have taken effect and would do so twice.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let server_error = self.0.status.is_some_and(|status| status >= 500) && self.0.code != Code::OutcomeUnknown;
        self.0.code.is_retryable() || server_error
    }

    /// PagerDuty's request ID, where it answered.
    #[must_use]
    pub fn pagerduty_request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The error envelope of the contract, the same at every door.
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
        let mut metadata = json!({"count": 0, "description": "Error occurred while processing request"});
        if let (Some(label), Some(metadata)) = (inner.label, metadata.as_object_mut()) {
            metadata.insert(label.to_owned(), true.into());
        }
        json!({"metadata": metadata, "error": error})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_upper_snake_case_and_all_listed() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for (index, code) in Code::ALL.iter().enumerate() {
            // `ALL` follows the declaration, so that a variant left out of it shows as a gap.
            assert_eq!(*code as usize, index, "{code} is out of place in Code::ALL");
            assert!(code.as_str().chars().all(|c| c.is_ascii_uppercase() || c == '_'), "{code}");
            assert!(code.meaning().ends_with('.'), "{code}: the meaning is a sentence");
        }
        assert_eq!(Code::Internal as usize + 1, Code::ALL.len(), "the last variant is listed last");
    }
}
