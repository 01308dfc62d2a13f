//! From PagerDuty's refusals to our errors.
//!
//! Bodies are not always JSON: a proxy answers HTML, a body may be empty or cut off. None of that reaches the reader; what
//! does is PagerDuty's own message, its code and the request ID.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::request::Request;
use crate::auth::Credential;
use crate::config::{Host, REGION, Region};
use crate::error::{Code, Error};

/// PagerDuty's codes with a meaning of their own.
const ALREADY_RESOLVED: i64 = 1001;
const ALREADY_ACKNOWLEDGED: i64 = 1002;
const STALE: i64 = 1005;
const MERGED: i64 = 1019;

/// PagerDuty itself ran out of time.
pub(super) const TIMED_OUT: i64 = 2016;

/// What some servers of files put before text. JSON has none, and means the same with it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A body without the byte order mark.
pub fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)
}

/// How much of PagerDuty's message is passed on.
const MESSAGE_LIMIT: usize = 500;

/// The `x-request-id` of an answer, which PagerDuty's support asks for.
pub fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    Some(id.chars().take(100).collect())
}

/// The error for an answer that is not a success.
pub fn from_answer(
    request: &Request,
    credential: &Credential,
    host: &Host,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Error {
    let said = Said::read(body, credential);
    let subject = &request.subject;
    let error = match (status.as_u16(), said.code) {
        (400, Some(ALREADY_RESOLVED)) => {
            Error::new(Code::AlreadyResolved, format!("{subject} is resolved already{}", said.quoted()))
                .hint("Nothing is left to do; get_incidents shows who resolved it.")
        }
        (400, Some(ALREADY_ACKNOWLEDGED)) => {
            Error::new(Code::AlreadyAcknowledged, format!("{subject} is acknowledged already{}", said.quoted()))
                .hint("Nothing is left to do; get_incidents shows who acknowledged it.")
        }
        (400, Some(STALE)) => {
            Error::new(Code::ApiError, format!("{subject} is too old to be changed{}", said.quoted()))
                .hint("It stays as it is; get_incidents shows it.")
        }
        (400, Some(MERGED)) => {
            Error::new(Code::ApiError, format!("{subject} was merged into another one{}", said.quoted()))
                .hint("Change the incident that it was merged into; PagerDuty's web page of this one names it.")
        }
        (408, _) | (_, Some(TIMED_OUT)) => {
            Error::new(Code::Timeout, format!("PagerDuty ran out of time with {subject}{}", said.quoted()))
                .hint("Try again in a minute, and ask for less at a time.")
        }
        (401, _) => unauthorized(host, credential),
        (402, _) => {
            Error::new(Code::MissingAbility, format!("the account's plan does not allow this{}", said.quoted()))
                .hint("Ask the account owner about the plan, or do without this part.")
        }
        (403, _) => Error::new(
            Code::PermissionDenied,
            format!("the credential in {} may not do this ({subject}){}", credential.source(), said.quoted()),
        )
        .hint("Use a key of a user with a sufficient role, or an OAuth token with the scope that is missing."),
        (404, _) => {
            Error::new(Code::NotFound, format!("PagerDuty does not know {subject}, or the credential may not see it"))
                .hint("Check the ID, which is case-sensitive; list the objects to find the right one.")
        }
        (429, _) => Error::new(Code::RateLimited, "PagerDuty's rate limit for this credential is used up")
            .hint("Wait for retry_after_seconds, then ask for less at a time."),
        (status, _) => {
            let error =
                Error::new(Code::ApiError, format!("PagerDuty answered {status} to {subject}{}", said.quoted()));
            error.hint(match status {
                500.. => "PagerDuty has a problem of its own; try again in a minute.",
                300..400 => "PagerDuty's API does not redirect: check PAGERDUTY_API_HOST and any proxy.",
                414 => "The request was too long: name fewer IDs.",
                _ => "Change what PagerDuty objects to, and call again.",
            })
        }
    };
    error.status(status.as_u16()).request_id(request_id(headers)).api_code(said.code)
}

fn unauthorized(host: &Host, credential: &Credential) -> Error {
    let check = if credential.is_login() { "Log in again (pagerduty-mcp-server auth login)" } else { "Check the key" };
    let hint = match host.region() {
        Some(Region::Us) => format!("{check}. If the account is in the EU region, set {REGION}=eu."),
        Some(Region::Eu) => format!("{check}. If the account is in the US region, set {REGION}=us."),
        None => format!("{check}; see also whether the host serves the region (US or EU) of the account."),
    };
    let source = credential.source();
    Error::new(Code::AuthenticationFailed, format!("{} refused the credential in {source}", host.describe())).hint(hint)
}

/// What an error body says.
struct Said {
    code: Option<i64>,
    message: Option<String>,
}

impl Said {
    /// Reads `{"error": {"code", "message", "errors": […]}}`; anything else says nothing.
    fn read(body: &[u8], credential: &Credential) -> Self {
        let body: Value = serde_json::from_slice(without_mark(body)).unwrap_or_default();
        let error = body.get("error");
        let code = error.and_then(|error| error.get("code"));
        let code = code.and_then(|code| code.as_i64().or_else(|| code.as_str()?.trim().parse().ok()));
        let texts = error.into_iter().flat_map(|error| {
            let message = error.get("message").and_then(Value::as_str);
            let details = match error.get("errors") {
                Some(Value::Array(details)) => details.iter().filter_map(Value::as_str).collect(),
                Some(Value::String(detail)) => vec![detail.as_str()],
                _ => Vec::new(),
            };
            message.into_iter().chain(details)
        });
        // Redacted first: what is cut through the middle would no longer be found.
        let message = credential.redact(&texts.collect::<Vec<_>>().join("; "));
        let message: String = message.chars().take(MESSAGE_LIMIT).collect();
        Self { code, message: (!message.is_empty()).then_some(message) }
    }

    fn quoted(&self) -> String {
        self.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Query;
    use crate::client::resources::TEAMS;

    fn error(host: &Host, status: u16, body: &str) -> Error {
        let credential = Credential::new("u+SECRETTOKEN".into(), "PAGERDUTY_API_TOKEN");
        let status = StatusCode::from_u16(status).unwrap();
        from_answer(&Request::list(&TEAMS, Query::new()), &credential, host, status, &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn a_401_says_which_region_was_asked_and_names_the_other() {
        for (region, asked, other) in
            [(Region::Us, "US", "PAGERDUTY_REGION=eu"), (Region::Eu, "EU", "PAGERDUTY_REGION=us")]
        {
            let error = error(&Host::of_region(region), 401, "");
            assert!(error.message().contains(asked) && error.hint_text().unwrap().contains(other), "{error}");
        }
        let gateway = error(&Host::parse("https://gate.example").unwrap(), 401, "");
        assert!(gateway.message().contains("gate.example") && gateway.hint_text().unwrap().contains("region"));
    }

    #[test]
    fn an_error_body_is_read_with_a_mark_and_with_a_code_that_is_text() {
        let body = "\u{feff}{\"error\": {\"code\": \"1001\", \"message\": null}}";
        assert_eq!(error(&Host::of_region(Region::Us), 400, body).code(), Code::AlreadyResolved);
        let deep = "[".repeat(100_000);
        assert_eq!(error(&Host::of_region(Region::Us), 400, &deep).code(), Code::ApiError);
    }

    #[test]
    fn what_stands_in_the_way_of_a_change_is_named() {
        for (code, part) in [(1005, "too old"), (1019, "merged"), (2016, "ran out of time")] {
            let body = format!(r#"{{"error": {{"code": {code}}}}}"#);
            let error = error(&Host::of_region(Region::Us), 400, &body);
            assert!(error.message().contains(part) && error.pagerduty_code() == Some(code), "{error}");
        }
    }

    #[test]
    fn no_part_of_an_echoed_credential_is_left_by_shortening() {
        for padding in [0, MESSAGE_LIMIT - 10, MESSAGE_LIMIT + 10] {
            let body = format!(r#"{{"error": {{"message": "{}u+SECRETTOKEN"}}}}"#, "x".repeat(padding));
            let text = error(&Host::of_region(Region::Us), 400, &body).envelope().to_string();
            assert!(!text.contains("u+S") && !text.contains("TOKEN"), "{text}");
        }
    }
}
