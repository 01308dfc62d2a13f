//! Who sends a request, and what they may do: its credential, and the tools it leaves itself.

use std::fmt;
use std::sync::{Arc, Weak};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use secrecy::SecretString;

use super::guard::refuse_repeated;
use super::limits::Permit;
use super::refusal::Refusal;
use super::sessions::Underway;
use crate::auth::{BY_AUTHORIZATION, BY_TOKEN_HEADER, Door, Origin, TOKEN_HEADER, is_unfilled, is_web_token, read_key};
use crate::error::{Code, Error};
use crate::tools::{Filter, Toolbox};
use crate::trace::Trace;

/// `true` leaves a request only the tools that change nothing.
const READ_ONLY: HeaderName = HeaderName::from_static("x-mcp-readonly");

/// The names of the tools that a request leaves itself.
const TOOLS: HeaderName = HeaderName::from_static("x-mcp-tools");

/// The word for every toolset in the header that names toolsets.
const ALL: &str = "all";

/// The header in which a request names the toolsets to keep; `all` keeps every one.
const TOOLSETS: HeaderName = HeaderName::from_static("x-mcp-toolsets");

/// The next step for a request without a credential.
const SEND: &str = "Send your PagerDuty API key in the header X-PagerDuty-Token (or Authorization: Bearer).";

/// What comes with a request, for the handler of its message.
#[derive(Clone)]
pub struct Caller {
    /// Whose credential it has.
    pub origin: Origin,
    /// The tools, if the request narrows them.
    pub toolbox: Option<Arc<Toolbox>>,
    /// The trace it belongs to.
    pub trace: Option<Trace>,
    /// Set if its client can read progress notifications before the answer.
    pub reads_events: bool,
    /// Its registration among the requests of its session.
    pub underway: Option<Arc<Underway>>,
    /// The right to be served, once it has it and if it needs one: held for as long as anybody is at work on the request.
    pub permit: Option<Arc<Permit>>,
    /// A reference that is dropped with the answer's body, which happens when the connection closes.
    pub reader: Option<Weak<()>>,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").finish_non_exhaustive()
    }
}

impl Caller {
    /// Reads it off the headers. `required` refuses a request without a credential of its own.
    pub fn of(headers: &HeaderMap, toolbox: &Toolbox, required: bool) -> Result<Self, Refusal> {
        Ok(Self {
            origin: origin(headers, required)?,
            toolbox: narrowed(headers, toolbox)?.map(Arc::new),
            trace: Trace::of(headers),
            reads_events: false,
            underway: None,
            permit: None,
            reader: None,
        })
    }
}

/// Reads the credential of a request from [`TOKEN_HEADER`], or else from `Authorization` unless that is the gateway's.
///
/// An empty header differs from an absent one: if a gateway failed to fill it in, the request must not use the server's
/// credential.
fn origin(headers: &HeaderMap, required: bool) -> Result<Origin, Refusal> {
    let name = HeaderName::from_static("x-pagerduty-token");
    for name in [&name, &header::AUTHORIZATION] {
        refuse_repeated(headers, name)?;
    }
    if let Some(value) = headers.get(name) {
        return key(value, BY_TOKEN_HEADER).map(|key| Origin::Http(Some(key)));
    }
    match headers.get(header::AUTHORIZATION).filter(|value| !is_gateways(value)) {
        Some(value) => {
            let key = key(value, BY_AUTHORIZATION)?;
            if is_bare(value) { Err(no_scheme()) } else { Ok(Origin::HttpAuthorization(key)) }
        }
        None if required => {
            let message = format!("no PagerDuty credential: the request has no {TOKEN_HEADER} header");
            Err(unauthorized(&Error::new(Code::MissingCredentials, message).hint(SEND)))
        }
        None => Ok(Origin::Http(None)),
    }
}

fn key(value: &HeaderValue, source: &str) -> Result<SecretString, Refusal> {
    read_key(&String::from_utf8_lossy(value.as_bytes()), source, Door::Header).map_err(|error| unauthorized(&error))
}

/// Returns whether an `Authorization` header belongs to the gateway: it has a scheme that PagerDuty does not accept, or
/// a JSON Web Token, which gateways and service meshes pass on and no PagerDuty key is. A header that was not filled in
/// is not the gateway's: the request must not use the server's credential then.
fn is_gateways(value: &HeaderValue) -> bool {
    let text = String::from_utf8_lossy(value.as_bytes());
    let Some((scheme, _)) = text.trim().split_once([' ', '\t']) else { return is_web_token(&text) };
    let is_scheme = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte));
    let other = is_scheme && !is_pagerdutys(scheme) && !is_unfilled(&text);
    other || is_web_token(&text)
}

/// Returns whether an `Authorization` header is one word without a scheme.
fn is_bare(value: &HeaderValue) -> bool {
    let text = String::from_utf8_lossy(value.as_bytes());
    let (scheme, _) = text.trim().split_once('=').unwrap_or_default();
    !text.trim().contains([' ', '\t']) && !is_pagerdutys(scheme)
}

/// Returns whether this is a scheme that PagerDuty accepts for its keys.
fn is_pagerdutys(scheme: &str) -> bool {
    ["bearer", "token"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

/// Returns the refusal of an `Authorization` header without a scheme.
fn no_scheme() -> Refusal {
    let message = format!("{BY_AUTHORIZATION} has no scheme before its value");
    let hint = "Send Authorization: Bearer KEY, or the key alone in the header X-PagerDuty-Token.";
    unauthorized(&Error::new(Code::InvalidConfiguration, message).hint(hint))
}

/// Returns the refusal of a request because of its credential. Clients print the message, and Codex only the realm, so
/// both have the next step.
///
/// Every client that knows OAuth treats any 401 as an invitation to log in, whatever the scheme of the challenge
/// (`docs/design.md`); `refusal::no_login` answers the requests that follow.
fn unauthorized(error: &Error) -> Refusal {
    let challenge =
        HeaderValue::from_static("PagerDuty-Token realm=\"Send your PagerDuty API key in X-PagerDuty-Token\"");
    Refusal::explained(StatusCode::UNAUTHORIZED, error).header(header::WWW_AUTHENTICATE, challenge)
}

/// The tools, if the request asks for fewer than the server has. What it names beyond those is not switched on by it.
fn narrowed(headers: &HeaderMap, toolbox: &Toolbox) -> Result<Option<Toolbox>, Refusal> {
    let (read_only, tools, toolsets) =
        (text(headers, &READ_ONLY)?, names(headers, &TOOLS)?, names(headers, &TOOLSETS)?);
    let read_only = match read_only.map(str::to_ascii_lowercase).as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(wrong(&READ_ONLY, &format!("is {other:?}"), "Send true or false.")),
    };
    let toolsets = toolsets.filter(|names| !names.is_empty() && !names.iter().any(|name| name == ALL));
    if !read_only && tools.is_none() && toolsets.is_none() {
        return Ok(None);
    }
    let refused =
        |name: &HeaderName, error: &Error| wrong(name, error.message(), error.hint_text().unwrap_or_default());
    let filter = Filter { read_only, tools, toolsets: None };
    let narrowed = toolbox.narrowed(&filter).map_err(|error| refused(&TOOLS, &error))?;
    let filter = Filter { toolsets, ..Filter::default() };
    narrowed.narrowed(&filter).map(Some).map_err(|error| refused(&TOOLSETS, &error))
}

/// Returns the names in a header, which are separated by commas.
fn names(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Vec<String>>, Refusal> {
    let split =
        |names: &str| names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Ok(text(headers, name)?.map(split))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Refusal> {
    refuse_repeated(headers, name)?;
    let text = headers.get(name).map(|value| value.to_str().map(str::trim));
    text.transpose().map_err(|_| wrong(name, "is not ASCII", "Send plain text."))
}

fn wrong(name: &HeaderName, what: &str, hint: &str) -> Refusal {
    let error = Error::new(Code::InvalidParameter, format!("the header {name}: {what}")).hint(hint);
    Refusal::of(StatusCode::BAD_REQUEST, &error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &'static str, value: &[u8]) -> Result<Origin, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_bytes(value).unwrap());
        origin(&headers, false)
    }

    #[test]
    fn authorization_counts_if_it_holds_a_key() {
        for value in ["Bearer u+abc", "bearer u+abc", "Token token=u+abc", "Token token=\"u+abc\"", "token u+abc"] {
            let brought = of("authorization", value.as_bytes()).unwrap();
            let same = Origin::HttpAuthorization("u+abc".into());
            assert!(matches!(brought, Origin::HttpAuthorization(_)), "{value}");
            assert!(brought.fingerprint() == same.fingerprint(), "{value}");
        }
        let web_token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln";
        let quoted = format!("\"Bearer {web_token}\"");
        let bearer = format!("Bearer {web_token}");
        for value in ["Basic dTpw", "Basic /w==", "Negotiate abc", "Digest x", web_token, &bearer, &quoted] {
            assert!(matches!(of("authorization", value.as_bytes()).unwrap(), Origin::Http(None)), "{value}");
        }
        for value in [
            "",
            "Bearer",
            "Bearer ${PAGERDUTY_API_TOKEN}",
            "Bearer null",
            "Token token=",
            "(null)",
            "undefined",
            "[object Object]",
            "${PD_KEY}",
            "${{ secrets.PD_KEY }}",
            "$(cat key)",
            "Basic ${PD_KEY}",
            "u+abc",
            "\"u+abc\"",
            "PAGERDUTY_API_TOKEN=u+abc",
        ] {
            assert!(of("authorization", value.as_bytes()).is_err(), "{value}");
        }
    }

    #[test]
    fn a_header_without_a_key_never_counts_as_absent() {
        for value in [&b""[..], b" ", b"(null)", b"\"\"", b"{env:KEY}", b"u+a b", b"u+\xff", b"Bearer "] {
            assert!(of("x-pagerduty-token", value).is_err(), "{value:?}");
        }
    }
}
