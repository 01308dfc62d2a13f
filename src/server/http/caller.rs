//! Who sends a request, and what they may do: its credential, and the tools it leaves itself.

use std::fmt;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use secrecy::SecretString;

use super::guard::refuse_repeated;
use super::limits::Permit;
use super::refusal::Refusal;
use super::sessions::Underway;
use crate::auth::{Origin, TOKEN_HEADER};
use crate::error::{Code, Error};
use crate::tools::{Filter, Toolbox};
use crate::trace::Trace;

/// `true` leaves a request only the tools that change nothing.
const READ_ONLY: HeaderName = HeaderName::from_static("x-mcp-readonly");

/// The names of the tools that a request leaves itself.
const TOOLS: HeaderName = HeaderName::from_static("x-mcp-tools");

/// What comes with a request, for the handler of its message.
#[derive(Clone)]
pub struct Caller {
    /// Whose credential it has.
    pub origin: Origin,
    /// The tools, if the request narrows them.
    pub toolbox: Option<Arc<Toolbox>>,
    /// The trace it belongs to.
    pub trace: Option<Trace>,
    /// Whether its client can read progress notifications before the answer.
    pub reads_events: bool,
    /// Its place among the requests of its session.
    pub underway: Option<Arc<Underway>>,
    /// The right to be served, once it has it and if it needs one: held for as long as anybody is at work on the request.
    pub permit: Option<Arc<Permit>>,
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
            origin: Origin::Http(credential(headers, required)?),
            toolbox: narrowed(headers, toolbox)?.map(Arc::new),
            trace: Trace::of(headers),
            reads_events: false,
            underway: None,
            permit: None,
        })
    }
}

/// An empty header is not the absence of one: a gateway that failed to fill it in must not act as the server itself.
fn credential(headers: &HeaderMap, required: bool) -> Result<Option<SecretString>, Refusal> {
    let name = HeaderName::from_static("x-pagerduty-token");
    refuse_repeated(headers, &name)?;
    match headers.get(name) {
        None if required => Err(unauthorized(format!(
            "no PagerDuty credential: the request has no {TOKEN_HEADER} header, which every request to this server needs"
        ))),
        None => Ok(None),
        Some(value) => match value.to_str().map(str::trim) {
            Ok("") => Err(unauthorized(format!("no PagerDuty credential: the {TOKEN_HEADER} header is empty"))),
            Ok(text) => Ok(Some(text.into())),
            Err(_) => Err(unauthorized(format!("the {TOKEN_HEADER} header holds characters that no credential has"))),
        },
    }
}

fn unauthorized(message: String) -> Refusal {
    let error = Error::new(Code::MissingCredentials, message)
        .hint(format!("Send a PagerDuty API key or OAuth access token in {TOKEN_HEADER}."));
    // RFC 9110 wants a challenge with a 401. Not `Bearer`: that would send MCP clients looking for an authorization server.
    let challenge = HeaderValue::from_static("PagerDuty-Token header=\"X-PagerDuty-Token\"");
    Refusal::of(StatusCode::UNAUTHORIZED, &error).header(header::WWW_AUTHENTICATE, challenge)
}

/// The tools, if the request asks for fewer than the server has. What it names beyond those is not switched on by it.
fn narrowed(headers: &HeaderMap, toolbox: &Toolbox) -> Result<Option<Toolbox>, Refusal> {
    let (read_only, tools) = (text(headers, &READ_ONLY)?, text(headers, &TOOLS)?);
    let read_only = match read_only.map(str::to_ascii_lowercase).as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(wrong(&READ_ONLY, &format!("is {other:?}"), "Send true or false.")),
    };
    let tools = tools.map(|names| {
        names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    });
    if !read_only && tools.is_none() {
        return Ok(None);
    }
    let filter = Filter { read_only, tools, toolsets: None };
    let narrowed = toolbox.narrowed(&filter);
    narrowed.map(Some).map_err(|error| wrong(&TOOLS, error.message(), error.hint_text().unwrap_or_default()))
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
