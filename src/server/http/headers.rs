//! Reads the caller of a request from its headers: its credential, and the tools to which it narrows itself.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::guard::refuse_repeated;
use super::refusal::Refusal;
use crate::auth::{
    BY_AUTHORIZATION, BY_TOKEN_HEADER, Credential, Door, Origin, TOKEN_HEADER, is_unfilled, is_web_token, read_key,
};
use crate::error::{Code, Error};
use crate::server::caller::Caller;
use crate::tools::{EVERY, Filter, Toolbox};
use crate::trace::Trace;

/// The header that narrows a request to tools that change nothing, if it is `true`.
pub const READ_ONLY: HeaderName = HeaderName::from_static("x-mcp-readonly");

/// The header that names the tools to keep.
pub const TOOLS: HeaderName = HeaderName::from_static("x-mcp-tools");

/// The header in which a request names the toolsets to keep; `all` keeps every one.
pub const TOOLSETS: HeaderName = HeaderName::from_static("x-mcp-toolsets");

/// [`TOKEN_HEADER`], as headers are compared.
pub const TOKEN: HeaderName = HeaderName::from_static("x-pagerduty-token");

/// Reads the caller of a request from its headers. `required` refuses a request without a credential.
pub fn caller(headers: &HeaderMap, trace: Option<Trace>, toolbox: &Toolbox, required: bool) -> Result<Caller, Refusal> {
    Ok(Caller {
        origin: origin(headers, required)?,
        toolbox: narrowed(headers, toolbox)?.map(Arc::new),
        trace,
        reads_events: false,
        in_session: false,
        permit: None,
        reader: None,
    })
}

/// Reads the credential of a request from [`TOKEN_HEADER`], or else from `Authorization` unless that is the gateway's.
///
/// An empty header differs from an absent one: if a gateway failed to fill it in, the request must not use the server's
/// credential.
fn origin(headers: &HeaderMap, required: bool) -> Result<Origin, Refusal> {
    for name in [TOKEN, header::AUTHORIZATION] {
        refuse_repeated(headers, &name)?;
    }
    if let Some(value) = headers.get(TOKEN) {
        return credential(value, BY_TOKEN_HEADER).map(Origin::Http);
    }
    match headers.get(header::AUTHORIZATION).filter(|value| !is_gateways(value)) {
        Some(value) => {
            let credential = credential(value, BY_AUTHORIZATION)?;
            if is_bare(value) { Err(no_scheme()) } else { Ok(Origin::Http(credential)) }
        }
        None if required => {
            let message = format!("no PagerDuty credential: the request has no {TOKEN_HEADER} header");
            let hint = format!("Send your PagerDuty API key in the header {TOKEN_HEADER} (or Authorization: Bearer).");
            Err(unauthorized(&Error::new(Code::MissingCredentials, message).hint(hint)))
        }
        None => Ok(Origin::Http(None)),
    }
}

fn credential(value: &HeaderValue, source: &'static str) -> Result<Option<Credential>, Refusal> {
    let key = read_key(&String::from_utf8_lossy(value.as_bytes()), source, Door::Header);
    key.map(|key| Credential::from_header(&key, source)).map_err(|error| unauthorized(&error))
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
    let hint = format!("Send Authorization: Bearer KEY, or the key alone in the header {TOKEN_HEADER}.");
    unauthorized(&Error::new(Code::InvalidConfiguration, message).hint(hint))
}

/// Returns the refusal of a request because of its credential. Clients print the message, and Codex only the realm, so
/// both have the next step.
///
/// Every client that knows OAuth treats any 401 as an invitation to log in, whatever the scheme of the challenge
/// (`docs/design.md`); `refusal::no_login` answers the requests that follow.
fn unauthorized(error: &Error) -> Refusal {
    let challenge = format!("PagerDuty-Token realm=\"Send your PagerDuty API key in {TOKEN_HEADER}\"");
    let refusal = Refusal::explained(StatusCode::UNAUTHORIZED, error);
    match HeaderValue::try_from(challenge) {
        Ok(challenge) => refusal.header(header::WWW_AUTHENTICATE, challenge),
        Err(_) => refusal,
    }
}

/// Returns the tools of a request that narrows them. It cannot add tools that the server does not offer.
fn narrowed(headers: &HeaderMap, toolbox: &Toolbox) -> Result<Option<Toolbox>, Refusal> {
    let (read_only, tools, toolsets) =
        (text(headers, &READ_ONLY)?, names(headers, &TOOLS)?, names(headers, &TOOLSETS)?);
    let read_only = match read_only.map(str::to_ascii_lowercase).as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(wrong(&READ_ONLY, &format!("is {other:?}"), "Send true or false.")),
    };
    let toolsets = toolsets.filter(|names| !names.is_empty() && !names.iter().any(|name| name == EVERY));
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
    fn authorization_with_key_is_used() {
        for value in ["Bearer u+abc", "bearer u+abc", "Token token=u+abc", "Token token=\"u+abc\"", "token u+abc"] {
            let brought = of("authorization", value.as_bytes()).unwrap();
            let same = Origin::Http(Credential::from_header(&"u+abc".into(), BY_TOKEN_HEADER));
            assert!(
                matches!(&brought, Origin::Http(Some(credential)) if credential.source() == BY_AUTHORIZATION),
                "{value}"
            );
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
    fn token_header_has_one_name() {
        assert_eq!(TOKEN, TOKEN_HEADER);
    }

    #[test]
    fn header_without_key_is_refused() {
        for value in [&b""[..], b" ", b"(null)", b"\"\"", b"{env:KEY}", b"u+a b", b"u+\xff", b"Bearer "] {
            assert!(of("x-pagerduty-token", value).is_err(), "{value:?}");
        }
    }
}
