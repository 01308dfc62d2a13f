//! Every error code, declared once.

/// The kind of failure that a code stands for. It decides how a failure reaches an MCP client and which exception a
/// Python program receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// There is no credential, or it cannot be used.
    Auth,
    /// The arguments of the call cannot be used.
    Arguments,
    /// The request names no tool, so there is no tool whose result it could be.
    Request,
    /// The call failed for another reason.
    Call,
}

/// The properties of a code.
struct Entry {
    text: &'static str,
    family: Family,
    retryable: bool,
    meaning: &'static str,
}

macro_rules! codes {
    ($($code:ident = $text:literal: $family:ident $($retryable:ident)?, $meaning:literal;)*) => {
        /// The stable name of a failure. Users and agents match on these names: renaming one is a breaking change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $code,)*
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$code),*];

            const fn entry(self) -> Entry {
                match self {
                    $(Code::$code => Entry {
                        text: $text,
                        family: Family::$family,
                        retryable: codes!(@retryable $($retryable)?),
                        meaning: $meaning,
                    },)*
                }
            }
        }
    };
    (@retryable retryable) => { true };
    (@retryable) => { false };
}

codes! {
    MissingCredentials = "MISSING_CREDENTIALS": Auth,
        "No credential was given in any of the ways that the server understands.";
    InvalidConfiguration = "INVALID_CONFIGURATION": Call,
        "An environment variable or an option of the server has a value that cannot be used.";
    AuthenticationFailed = "AUTHENTICATION_FAILED": Auth,
        "PagerDuty answered 401: the credential is wrong, expired, or belongs to the other service region (US or EU).";
    LoginFailed = "LOGIN_FAILED": Auth,
        "The login in the browser did not succeed: it was declined, or PagerDuty refused it.";
    LoginPending = "LOGIN_PENDING": Auth retryable,
        "The call ended while the login in the browser was still open; the next call uses it once it is done.";
    LoginTimeout = "LOGIN_TIMEOUT": Auth retryable,
        "The login in the browser was not completed within the time allowed (`PAGERDUTY_OAUTH_TIMEOUT`).";
    CallbackPortInUse = "CALLBACK_PORT_IN_USE": Auth,
        "Another program uses the port to which PagerDuty sends the browser back.";
    TokenStoreUnavailable = "TOKEN_STORE_UNAVAILABLE": Auth,
        "The keyring, or the file chosen in its place, cannot be read or written.";
    PermissionDenied = "PERMISSION_DENIED": Call,
        "PagerDuty answered 403: the credential is valid but lacks the role or the OAuth scope.";
    MissingAbility = "MISSING_ABILITY": Call,
        "PagerDuty answered 402: the account's plan does not include this feature.";
    NotFound = "NOT_FOUND": Call,
        "PagerDuty has nothing under this ID that the credential may see.";
    RateLimited = "RATE_LIMITED": Call retryable,
        "PagerDuty's rate limit is used up, or too many changes have an unknown outcome; `retry_after_seconds` is the time to wait.";
    InvalidEscalationPolicyId = "INVALID_ESCALATION_POLICY_ID": Arguments,
        "A text is neither the ID nor the name of an escalation policy.";
    InvalidIncidentId = "INVALID_INCIDENT_ID": Arguments,
        "A text is neither the ID nor the number of an incident.";
    InvalidScheduleId = "INVALID_SCHEDULE_ID": Arguments,
        "A text is neither the ID nor the name of a schedule.";
    InvalidServiceId = "INVALID_SERVICE_ID": Arguments,
        "A text is neither the ID nor the name of a service.";
    InvalidTeamId = "INVALID_TEAM_ID": Arguments,
        "A text is neither the ID nor the name of a team.";
    InvalidUserId = "INVALID_USER_ID": Arguments,
        "A text is neither the ID, the name nor the email address of a user.";
    AmbiguousName = "AMBIGUOUS_NAME": Arguments,
        "Several objects have this name, or have it in their name; `candidates` lists them with their IDs.";
    WrongAccount = "WRONG_ACCOUNT": Arguments,
        "A link belongs to another PagerDuty account than the credential.";
    MissingParameter = "MISSING_PARAMETER": Arguments,
        "A required parameter is missing, or none of several alternatives was given.";
    InvalidParameter = "INVALID_PARAMETER": Arguments,
        "A parameter has the wrong type or is out of range.";
    UnknownParameter = "UNKNOWN_PARAMETER": Arguments,
        "The tool has no parameter of this name; the hint lists its parameters and the nearest name.";
    UnknownTool = "UNKNOWN_TOOL": Request,
        "There is no tool of this name, or it was switched off when the server started.";
    ConflictingParameters = "CONFLICTING_PARAMETERS": Arguments,
        "Two parameters contradict each other.";
    InvalidInclude = "INVALID_INCLUDE": Arguments,
        "`include` names nothing, a misspelled field or something that cannot be one; the hint gives the nearest names.";
    InvalidReceipt = "INVALID_RECEIPT": Arguments,
        "A text is not the receipt of a change, or it was altered, is older than 7 days or belongs to another credential.";
    InvalidTimestamp = "INVALID_TIMESTAMP": Arguments,
        "A timestamp is not ISO 8601 or is out of range.";
    InvalidTimeRange = "INVALID_TIME_RANGE": Arguments,
        "`since` is not before `until`, the range is too long, or it reaches too far ahead.";
    NoUserContext = "NO_USER_CONTEXT": Call,
        "The credential is an account-level key, which belongs to no user, and the call needs one.";
    NoTeams = "NO_TEAMS": Call,
        "The current user belongs to no team, and the call would otherwise search the whole account.";
    AlreadyResolved = "ALREADY_RESOLVED": Call,
        "The incident is resolved; its status cannot be changed this way.";
    AlreadyAcknowledged = "ALREADY_ACKNOWLEDGED": Call,
        "The incident is acknowledged already, and the account does not accept a second acknowledgement.";
    NotConfirmed = "NOT_CONFIRMED": Call,
        "The server asks a person before this tool (`--confirm`), and no person confirmed the call, so nothing was changed.";
    ConfirmationUnavailable = "CONFIRMATION_UNAVAILABLE": Call,
        "The server asks a person before this tool (`--confirm`), and the caller cannot pass the question on, so nothing was changed.";
    ApiError = "API_ERROR": Call,
        "PagerDuty refused the request; the message, its code and the `request_id` are PagerDuty's own.";
    UnexpectedResponse = "UNEXPECTED_RESPONSE": Call,
        "The response is not what PagerDuty's documentation promises: HTML from a proxy, cut off, or of another shape.";
    NetworkError = "NETWORK_ERROR": Call retryable,
        "PagerDuty could not be reached or the connection broke.";
    Timeout = "TIMEOUT": Call retryable,
        "The call exceeded its time limit.";
    OutcomeUnknown = "OUTCOME_UNKNOWN": Call,
        "A change was sent, its response was lost, and a check did not show whether it took effect; the hint describes how to check again.";
    Cancelled = "CANCELLED": Call,
        "The caller withdrew the call.";
    Internal = "INTERNAL": Call,
        "A bug in this server. Please report it with the message.";
}

impl Code {
    /// Returns the code as it stands in answers: `INVALID_USER_ID`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.entry().text
    }

    /// Returns the sentence of the documentation (`docs/errors.md`) about the code.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        self.entry().meaning
    }

    /// Returns the kind of failure.
    #[must_use]
    pub const fn family(self) -> Family {
        self.entry().family
    }

    /// Returns whether the same call may succeed later without any change to it.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        self.entry().retryable
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_upper_snake_case_with_a_meaning() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.as_str().chars().all(|c| c.is_ascii_uppercase() || c == '_'), "{code}");
            assert!(code.meaning().ends_with('.'), "{code}: the meaning is a sentence");
        }
    }
}
