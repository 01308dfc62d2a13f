//! The headers for pages of other origins (CORS), see <https://fetch.spec.whatwg.org/#http-cors-protocol>.
//!
//! `guard` has refused the origins that are not allowed.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::headers::{READ_ONLY, TOKEN, TOOLS, TOOLSETS};

/// The time for which a browser may cache that an origin is allowed.
const PREFLIGHT: Duration = Duration::from_mins(10);

/// The request headers that a page may set.
static ALLOWED: [HeaderName; 14] = [
    header::ACCEPT,
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("mcp-method"),
    HeaderName::from_static("mcp-name"),
    HeaderName::from_static("mcp-protocol-version"),
    HeaderName::from_static("mcp-session-id"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    READ_ONLY,
    TOOLS,
    TOOLSETS,
    TOKEN,
];

/// Answers a preflight request, which a browser sends before a page may send anything but a plain form.
pub fn preflight(origin: Option<HeaderValue>) -> Response {
    let mut headers = HeaderMap::new();
    let allowed: Vec<_> = ALLOWED.iter().map(HeaderName::as_str).collect();
    headers.insert(header::VARY, VARY);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,POST,DELETE"));
    headers.extend(
        HeaderValue::try_from(allowed.join(",")).map(|allowed| (header::ACCESS_CONTROL_ALLOW_HEADERS, allowed)),
    );
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(PREFLIGHT.as_secs()));
    headers.extend(origin.map(|origin| (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)));
    headers.into_response()
}

/// Adds the headers that let a page read an answer.
pub fn expose(answer: &mut Response, origin: Option<HeaderValue>) {
    let headers = answer.headers_mut();
    headers.append(header::VARY, VARY);
    let exposed = HeaderValue::from_static("mcp-protocol-version,mcp-session-id,retry-after");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    headers.extend(origin.map(|origin| (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)));
}

/// The request headers on which the headers above depend.
const VARY: HeaderValue =
    HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers");
