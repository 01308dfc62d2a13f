//! Maps PagerDuty's refusals to our errors: a code for the meaning, PagerDuty's own words ([`words`](super::words)),
//! and a next step that fits the request.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::decode::Unreadable;
use super::request::Request;
use super::words::{Words, without_mark};
use crate::auth::Credential;
use crate::config::{Host, REGION, Region, USER_EMAIL};
use crate::error::{Code, Error};

/// PagerDuty's codes with a meaning of their own.
const ALREADY_RESOLVED: i64 = 1001;
const ALREADY_ACKNOWLEDGED: i64 = 1002;
const STALE: i64 = 1005;
const MERGED: i64 = 1019;

/// PagerDuty itself ran out of time.
pub(super) const TIMED_OUT: i64 = 2016;

/// Returns whether a refusal is about the author of a change and not about its object. PagerDuty says so with 400 and
/// with 404, under several codes.
pub fn is_about_the_author(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).to_ascii_lowercase().contains("requester user not found")
}

/// Returns the error for a change by an author whose address belongs to no user. `configured` says whether the settings
/// name it.
pub fn unknown_author(from: &str, configured: bool) -> Error {
    let (whose, hint) = if configured {
        (
            format!("which {USER_EMAIL} sets as the author of changes"),
            format!("Set {USER_EMAIL} to the address of a user of the account, or unset it if the key is a user's."),
        )
    } else {
        (
            "the address of the credential's own user".to_owned(),
            "Check the user's address in PagerDuty, then call again.".to_owned(),
        )
    };
    let message = format!("PagerDuty knows no user {from:?}, {whose} (Requester User Not Found)");
    Error::new(Code::InvalidConfiguration, message).hint(format!("Nothing was changed. {hint}"))
}

/// An answer of PagerDuty, and the request that it belongs to.
pub struct Answer<'a> {
    /// The request.
    pub request: &'a Request,
    /// The credential of the request, which may not be passed on.
    pub credential: &'a Credential,
    /// The host that answered.
    pub host: &'a Host,
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The decompressed body.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// Returns the error for an answer that is not a success.
    pub fn error(&self) -> Error {
        self.explain(&Words::read(self.body, |text| self.credential.redact(text)))
    }

    /// Returns the error that PagerDuty describes in an answer with the status of a success, if it describes one.
    pub fn error_in_success(&self) -> Option<Error> {
        Words::of_error(self.body, |text| self.credential.redact(text)).map(|said| self.explain(&said))
    }

    /// Returns the reason why an answer with the status of a success cannot be used.
    pub fn unusable(&self, unreadable: &Unreadable) -> String {
        let is_html = without_mark(self.body).trim_ascii_start().starts_with(b"<");
        if is_html { "it is HTML, not JSON".to_owned() } else { self.credential.redact(&unreadable.why) }
    }

    /// Returns the `x-request-id`, which PagerDuty's support asks for.
    pub fn request_id(&self) -> Option<String> {
        request_id(self.headers, self.credential)
    }

    fn explain(&self, said: &Words) -> Error {
        let &Self { request, credential, host, status, .. } = self;
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
            (401, _) => unauthorized(host, credential, said),
            (402, _) => {
                Error::new(Code::MissingAbility, format!("the account's plan does not allow this{}", said.quoted()))
                    .hint("Ask the account owner about the plan, or do without this part.")
            }
            (403, _) => forbidden(request, credential, said),
            (404, _) => not_found(request, said),
            (429, _) => Error::new(
                Code::RateLimited,
                format!("PagerDuty's rate limit for this credential is used up{}", said.quoted()),
            )
            .hint("Wait for retry_after_seconds, then ask for less at a time."),
            (status, _) => {
                // The page of a failing proxy says nothing about the request.
                let words = if status >= 500 && said.is_page { String::new() } else { said.quoted() };
                let error = Error::new(Code::ApiError, format!("PagerDuty answered {status} to {subject}{words}"));
                error.hint(match status {
                    500.. => "PagerDuty has a problem of its own; try again in a minute.",
                    300..400 => "PagerDuty's API does not redirect: check PAGERDUTY_API_HOST and any proxy.",
                    200..300 => {
                        "The answer has a success status but only this message: solve what it names, or check \
                         PAGERDUTY_API_HOST and any proxy."
                    }
                    414 if !request.given_ids().is_empty() => "The request was too long: name fewer IDs.",
                    414 => "The request was too long for a server on the way: check PAGERDUTY_API_HOST and any proxy.",
                    _ if said.is_page => BEFORE_THE_API,
                    _ if request.asks_for_nothing() => BEFORE_ANY_ARGUMENT,
                    _ => "Change what PagerDuty objects to, and call again.",
                })
            }
        };
        error.status(status.as_u16()).request_id(self.request_id()).api_code(said.code)
    }
}

/// Returns the `x-request-id` of an answer to a request with this credential.
pub fn request_id(headers: &HeaderMap, credential: &Credential) -> Option<String> {
    let id = credential.redact(headers.get("x-request-id")?.to_str().ok()?);
    Some(id.chars().take(100).collect())
}

/// The next step when the answer is a web page, as for a malformed key, or from a proxy.
const BEFORE_THE_API: &str =
    "The answer is a web page, which the API itself does not send: check the key, PAGERDUTY_API_HOST and any proxy.";

/// The next step for a request without an ID or a filter that could be wrong.
const BEFORE_ANY_ARGUMENT: &str =
    "It is not about an argument of the call: check the key, its region (PAGERDUTY_REGION) and PAGERDUTY_API_HOST.";

fn forbidden(request: &Request, credential: &Credential, said: &Words) -> Error {
    let (source, subject) = (credential.source(), &request.subject);
    let message = format!("the credential in {source} may not do this ({subject}){}", said.quoted());
    if said.scopes.is_empty() {
        return Error::new(Code::PermissionDenied, message).hint(if said.is_page {
            BEFORE_THE_API
        } else {
            "Use a key of a user with a sufficient role, or an OAuth token with the scope that is missing."
        });
    }
    let scopes = said.scopes.join(", ");
    Error::new(Code::PermissionDenied, format!("{message}; required scopes: {scopes}"))
        .hint(format!("Use an OAuth token with {scopes}, or a key of a user with a sufficient role."))
}

/// The kinds of objects that PagerDuty names in a 404.
const KINDS: [&str; 8] =
    ["requester", "account", "team", "user", "service", "schedule", "escalation policy", "incident"];

/// Returns the error for a 404, which may be about the requested object, about another one that the request names, or
/// about neither.
fn not_found(request: &Request, said: &Words) -> Error {
    let (subject, words, ids) = (&request.subject, said.quoted(), request.given_ids());
    let named = || KINDS.iter().filter(|kind| said.mention(&[kind]));
    let about_another = named().count() > 0 && !named().any(|kind| subject.starts_with(kind));
    if request.names_one() && !about_another && !said.is_page {
        let message = format!("PagerDuty does not know {subject}, or the credential may not see it{words}");
        return Error::new(Code::NotFound, message)
            .hint("Check the ID, which is case-sensitive; list the objects to find the right one.");
    }
    let hint = match () {
        () if said.is_page => BEFORE_THE_API.to_owned(),
        () if said.mention(&["requester"]) => {
            format!("The change is made in the name of a user whom PagerDuty does not find: check {USER_EMAIL}.")
        }
        () if !said.mention(&["account"]) && !ids.is_empty() => {
            let ids = ids.join(", ");
            format!("Check the IDs in {ids}, which are case-sensitive; list the objects to find the right ones.")
        }
        () if request.names_one() && !said.mention(&["account"]) => {
            "PagerDuty means another object than the one asked for: check whether it still exists.".to_owned()
        }
        () => BEFORE_ANY_ARGUMENT.to_owned(),
    };
    Error::new(Code::NotFound, format!("PagerDuty answered 404 to {subject}{words}")).hint(hint)
}

fn unauthorized(host: &Host, credential: &Credential, said: &Words) -> Error {
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
    use super::*;
    use crate::client::Query;
    use crate::client::resources::TEAMS;
    use crate::client::words::LONGEST;

    fn error(host: &Host, status: u16, body: &str) -> Error {
        let credential = Credential::new("u+SECRETTOKEN".into(), "PAGERDUTY_API_TOKEN");
        let status = StatusCode::from_u16(status).unwrap();
        let (request, headers) = (Request::list(&TEAMS, Query::new()), HeaderMap::new());
        let (credential, body) = (&credential, body.as_bytes());
        Answer { request: &request, credential, host, status, headers: &headers, body }.error()
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
        for padding in [0, LONGEST - 10, LONGEST + 10] {
            let body = format!(r#"{{"error": {{"message": "{}u+SECRETTOKEN"}}}}"#, "x".repeat(padding));
            let text = error(&Host::of_region(Region::Us), 400, &body).envelope().to_string();
            assert!(!text.contains("u+S") && !text.contains("TOKEN"), "{text}");
        }
    }
}
