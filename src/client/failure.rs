//! Maps PagerDuty's refusals to our errors: a code for the meaning, PagerDuty's own words ([`words`](crate::net::words)),
//! and a next step that fits the request.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::codes::{ALREADY_ACKNOWLEDGED, ALREADY_RESOLVED, MERGED, STALE, TIMED_OUT};
use super::decode::Unreadable;
use super::request::Request;
use crate::auth::Credential;
use crate::config::{Host, REGION, Region, USER_EMAIL};
use crate::error::{Code, Error};
use crate::net::words::{ErrorBody, without_mark};

/// Returns whether a refusal is about the author of a write and not about its object. PagerDuty reports this with 400
/// and with 404, under several codes.
pub fn is_about_the_author(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).to_ascii_lowercase().contains("requester user not found")
}

/// Returns the error for a write by an author whose address belongs to no user. `configured` is set if the settings name
/// the address.
pub fn unknown_author(from: &str, configured: bool) -> Error {
    let (whose, hint) = if configured {
        (
            format!("which {USER_EMAIL} sets as the author of changes"),
            format!("Set {USER_EMAIL} to the address of a user of the account, or unset it if the key is a user's."),
        )
    } else {
        (
            "which is that of the credential's user".to_owned(),
            "Check the user's address in PagerDuty, then call again.".to_owned(),
        )
    };
    let message =
        format!("the account has no user with the email address {from:?}, {whose} (Requester User Not Found)");
    Error::new(Code::InvalidConfiguration, message).hint(format!("Nothing was changed. {hint}"))
}

/// A complete response, and the request that it belongs to.
pub struct Response<'a> {
    /// The request.
    pub request: &'a Request,
    /// The credential of the request, which may not be passed on.
    pub credential: &'a Credential,
    /// The host that responded.
    pub host: &'a Host,
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The decompressed body.
    pub body: &'a [u8],
}

impl Response<'_> {
    /// Returns the error for a response that is not a success.
    pub fn error(&self) -> Error {
        self.explain(&ErrorBody::read(self.body, |text| self.credential.redact(text)))
    }

    /// Returns the error that PagerDuty describes in a response with the status of a success, if it describes one.
    pub fn error_in_success(&self) -> Option<Error> {
        ErrorBody::from_success(self.body, |text| self.credential.redact(text)).map(|body| self.explain(&body))
    }

    /// Returns the reason why a response with the status of a success cannot be used.
    pub fn unusable(&self, unreadable: &Unreadable) -> String {
        let is_html = without_mark(self.body).trim_ascii_start().starts_with(b"<");
        if is_html { "it is HTML, not JSON".to_owned() } else { self.credential.redact(&unreadable.why) }
    }

    /// Returns the `x-request-id`, which PagerDuty's support needs.
    pub fn request_id(&self) -> Option<String> {
        request_id(self.headers, self.credential)
    }

    /// Returns the error for an error body: its code, PagerDuty's words, and a next step.
    fn explain(&self, said: &ErrorBody) -> Error {
        let &Self { request, credential, host, status, .. } = self;
        let subject = &request.subject;
        let error = match (status.as_u16(), said.code) {
            (400, Some(ALREADY_RESOLVED)) => {
                Error::new(Code::AlreadyResolved, format!("{subject} is already resolved{}", said.quoted()))
                    .hint("Nothing is left to do; get_incidents shows who resolved it.")
            }
            (400, Some(ALREADY_ACKNOWLEDGED)) => {
                Error::new(Code::AlreadyAcknowledged, format!("{subject} is already acknowledged{}", said.quoted()))
                    .hint("Nothing is left to do; get_incidents shows who acknowledged it.")
            }
            (400, Some(STALE)) => {
                Error::new(Code::ApiError, format!("{subject} is too old to be changed{}", said.quoted()))
                    .hint("PagerDuty no longer accepts changes to it; read it with get_incidents.")
            }
            (400, Some(MERGED)) => Error::new(
                Code::ApiError,
                format!("{subject} was merged into another one{}", said.quoted()),
            )
            .hint(
                "Change the incident that it was merged into; PagerDuty's web page of this incident shows which one.",
            ),
            (408, _) | (_, Some(TIMED_OUT)) => {
                Error::new(Code::Timeout, format!("PagerDuty ran out of time with {subject}{}", said.quoted()))
                    .hint("Try again in a minute, and request less at a time.")
            }
            (401, _) => unauthorized(host, credential, said),
            (402, _) => {
                Error::new(Code::MissingAbility, format!("the account's plan does not allow this{}", said.quoted()))
                    .hint("Ask the account owner about the plan, or omit this part.")
            }
            (403, _) => forbidden(request, credential, said),
            (404, _) => not_found(request, said),
            (429, _) => Error::new(
                Code::RateLimited,
                format!("PagerDuty's rate limit for this credential is used up{}", said.quoted()),
            )
            .hint("Wait for retry_after_seconds, then request less at a time."),
            (status, _) => {
                // The page of a failing proxy says nothing about the request.
                let words = if status >= 500 && said.is_page { String::new() } else { said.quoted() };
                let error = Error::new(Code::ApiError, format!("PagerDuty answered {status} to {subject}{words}"));
                error.hint(match status {
                    500.. => "PagerDuty has a problem; try again in a minute.",
                    300..400 => "PagerDuty's API does not redirect: check PAGERDUTY_API_HOST and any proxy.",
                    200..300 => {
                        "The answer has a success status but only this message: solve what it names, or check \
                         PAGERDUTY_API_HOST and any proxy."
                    }
                    414 if !request.given_ids().is_empty() => "The request was too long: name fewer IDs.",
                    414 => "The request was too long for a server on the way: check PAGERDUTY_API_HOST and any proxy.",
                    _ if said.is_page => CHECK_FOR_PROXY,
                    _ if request.has_no_argument() => CHECK_CREDENTIAL,
                    _ => "Change what PagerDuty objects to, and call again.",
                })
            }
        };
        error.status(status.as_u16()).request_id(self.request_id()).api_code(said.code)
    }
}

/// Returns the `x-request-id` of a response to a request with this credential, which PagerDuty's support needs.
pub fn request_id(headers: &HeaderMap, credential: &Credential) -> Option<String> {
    let id = credential.redact(headers.get("x-request-id")?.to_str().ok()?);
    Some(id.chars().take(100).collect())
}

/// The next step when the response is a web page, as for a malformed key or from a proxy.
const CHECK_FOR_PROXY: &str =
    "The answer is a web page, which the API itself does not send: check the key, PAGERDUTY_API_HOST and any proxy.";

/// The next step for a request without an ID or a filter that could be wrong.
const CHECK_CREDENTIAL: &str =
    "It is not about an argument of the call: check the key, its region (PAGERDUTY_REGION) and PAGERDUTY_API_HOST.";

fn forbidden(request: &Request, credential: &Credential, said: &ErrorBody) -> Error {
    let (source, subject) = (credential.source(), &request.subject);
    let message = format!("the credential in {source} may not do this ({subject}){}", said.quoted());
    if said.scopes.is_empty() {
        return Error::new(Code::PermissionDenied, message).hint(if said.is_page {
            CHECK_FOR_PROXY
        } else {
            "Use a key of a user with a sufficient role, or an OAuth token with the scope that is missing."
        });
    }
    let scopes = said.scopes.join(", ");
    Error::new(Code::PermissionDenied, format!("{message}; required scopes: {scopes}"))
        .hint(format!("Use an OAuth token with {scopes}, or a key of a user with a sufficient role."))
}

/// The nouns of objects that PagerDuty names in a 404.
const NOUNS_IN_404: [&str; 8] =
    ["requester", "account", "team", "user", "service", "schedule", "escalation policy", "incident"];

/// Returns the error for a 404, which may be about the requested object, about another one that the request names, or
/// about neither.
fn not_found(request: &Request, said: &ErrorBody) -> Error {
    let (subject, words, ids) = (&request.subject, said.quoted(), request.given_ids());
    let named = || NOUNS_IN_404.iter().filter(|noun| said.mention(&[noun]));
    let about_another = named().count() > 0 && !named().any(|noun| subject.starts_with(noun));
    if request.operation.names_one() && !about_another && !said.is_page {
        let message = format!("PagerDuty has no {subject} that this credential may see{words}");
        let is_number = subject.rsplit(' ').next().is_some_and(|id| id.bytes().all(|one| one.is_ascii_digit()));
        let what = if is_number { "number" } else { "ID, which is case-sensitive" };
        return Error::new(Code::NotFound, message)
            .hint(format!("Check the {what}; list the objects to find the right one."));
    }
    let hint = match () {
        () if said.is_page => CHECK_FOR_PROXY.to_owned(),
        () if said.mention(&["requester"]) => {
            format!("PagerDuty does not find the user who makes the change: check {USER_EMAIL}.")
        }
        () if !said.mention(&["account"]) && !ids.is_empty() => {
            let ids = ids.join(", ");
            format!("Check the IDs in {ids}, which are case-sensitive; list the objects to find the right ones.")
        }
        () if request.operation.names_one() && !said.mention(&["account"]) => {
            "PagerDuty means another object than the requested one: check whether it still exists.".to_owned()
        }
        () => CHECK_CREDENTIAL.to_owned(),
    };
    Error::new(Code::NotFound, format!("PagerDuty answered 404 to {subject}{words}")).hint(hint)
}

fn unauthorized(host: &Host, credential: &Credential, said: &ErrorBody) -> Error {
    let check = if credential.is_login() { "Log in again (pagerduty-mcp-server auth login)" } else { "Check the key" };
    let hint = match host.region() {
        Some(Region::Us) => format!("{check}. If the account is in the EU region, set {REGION}=eu."),
        Some(Region::Eu) => format!("{check}. If the account is in the US region, set {REGION}=us."),
        None => format!("{check}; see also whether the host serves the region (US or EU) of the account."),
    };
    let source = credential.source();
    let message = format!("{} refused the credential in {source}{}", host.describe(), said.quoted());
    Error::new(Code::AuthenticationFailed, message).hint(hint)
}

#[cfg(test)]
mod tests {
    use pagerduty_api::operations::teams::LIST_TEAMS;

    use super::*;
    use crate::client::Query;
    use crate::net::words::MAX_TEXT;

    fn error(host: &Host, status: u16, body: &str) -> Error {
        let credential = Credential::new("u+SECRETTOKEN".into(), "PAGERDUTY_API_TOKEN");
        let status = StatusCode::from_u16(status).unwrap();
        let (request, headers) = (Request::new(&LIST_TEAMS, Query::new()), HeaderMap::new());
        let (credential, body) = (&credential, body.as_bytes());
        Response { request: &request, credential, host, status, headers: &headers, body }.error()
    }

    #[test]
    fn unauthorized_names_the_region_and_the_other_one() {
        for (region, used, other) in
            [(Region::Us, "US", "PAGERDUTY_REGION=eu"), (Region::Eu, "EU", "PAGERDUTY_REGION=us")]
        {
            let error = error(&Host::of_region(region), 401, "");
            assert!(error.message().contains(used) && error.hint_text().unwrap().contains(other), "{error}");
        }
        let gateway = error(&Host::parse("https://gate.example").unwrap(), 401, "");
        assert!(gateway.message().contains("gate.example") && gateway.hint_text().unwrap().contains("region"));
    }

    #[test]
    fn error_body_with_bom_and_textual_code_is_read() {
        let body = "\u{feff}{\"error\": {\"code\": \"1001\", \"message\": null}}";
        assert_eq!(error(&Host::of_region(Region::Us), 400, body).code(), Code::AlreadyResolved);
        let deep = "[".repeat(100_000);
        assert_eq!(error(&Host::of_region(Region::Us), 400, &deep).code(), Code::ApiError);
    }

    #[test]
    fn obstacle_to_a_write_is_named() {
        for (code, part) in [(1005, "too old"), (1019, "merged"), (2016, "ran out of time")] {
            let body = format!(r#"{{"error": {{"code": {code}}}}}"#);
            let error = error(&Host::of_region(Region::Us), 400, &body);
            assert!(error.message().contains(part) && error.pagerduty_code() == Some(code), "{error}");
        }
    }

    #[test]
    fn truncated_error_has_no_part_of_a_credential() {
        for padding in [0, MAX_TEXT - 10, MAX_TEXT + 10] {
            let body = format!(r#"{{"error": {{"message": "{}u+SECRETTOKEN"}}}}"#, "x".repeat(padding));
            let text = error(&Host::of_region(Region::Us), 400, &body).envelope().to_string();
            assert!(!text.contains("u+S") && !text.contains("TOKEN"), "{text}");
        }
    }
}
