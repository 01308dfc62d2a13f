//! Where a request may come from: `Host` and `Origin`.
//!
//! A web page can make a browser send requests here, and by DNS rebinding can read the answers: the page's own name then
//! leads to this server. Both are told by headers that a page cannot choose: `Host` has the name, `Origin` the page. See
//! 2025-11-25, "Transports", "Security Warning".

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::cors::{AllowOrigin, CorsLayer};
use url::Url;

use super::refusal::Refusal;
use super::{Options, Shared};
use crate::auth::TOKEN_HEADER;
use crate::error::{Code, Error, Result};
use crate::metrics;
use crate::trace::Trace;

/// How long a browser may remember that an origin is allowed.
const PREFLIGHT: Duration = Duration::from_mins(10);

/// What `Host` and `Origin` may say.
#[derive(Clone, Debug)]
pub struct Guard {
    hosts: Vec<Name>,
    origins: Vec<String>,
    /// Whether pages of this machine may send requests.
    local_pages: bool,
}

/// A host, with a port if that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    host: String,
    port: Option<u16>,
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        // Splits off user names, which no `Host` has, and would take `evil@localhost` for localhost.
        let authority: Authority = (!text.contains('@')).then(|| text.parse().ok()).flatten()?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let port = authority.as_str().rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map(|(_, port)| port);
        // A port that is none, or out of range, is not the absence of one.
        let port = port.map(str::parse).transpose().ok()?;
        // Names, addresses: nothing that would only seem to be a pattern.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        (!host.is_empty() && host.bytes().all(plain)).then_some(Self { host, port })
    }

    fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

impl Guard {
    /// What `options` allow on a server that listens on `bound`.
    pub fn new(options: &Options, bound: IpAddr) -> Result<Self> {
        let unusable = |option: &str, value: &str, expected: &str| {
            Error::new(Code::InvalidConfiguration, format!("{option} is {value:?}")).hint(format!("Give {expected}."))
        };
        let mut hosts = options
            .allowed_hosts
            .iter()
            .map(|text| {
                Name::parse(text).ok_or_else(|| {
                    unusable("--allowed-host", text, "a name such as mcp.example.com, with or without :port")
                })
            })
            .collect::<Result<Vec<_>>>()?;
        if !bound.is_unspecified() {
            hosts.push(Name { host: bound.to_string(), port: None });
            hosts.extend(Name::parse(&options.host));
        }
        let origins = options
            .allowed_origins
            .iter()
            .map(|text| {
                normal_origin(text)
                    .ok_or_else(|| unusable("--allowed-origin", text, "an origin such as https://app.example.com"))
            })
            .collect::<Result<_>>()?;
        Ok(Self { hosts, origins, local_pages: bound.is_loopback() })
    }

    fn knows_host(&self, host: &Name) -> bool {
        let same = |known: &Name| known.host == host.host && (known.port.is_none() || known.port == host.port);
        host.is_loopback() || self.hosts.iter().any(same)
    }

    fn knows_origin(&self, origin: &HeaderValue) -> bool {
        let Some(origin) = origin.to_str().ok().and_then(normal_origin) else { return false };
        let local = || {
            let rest = origin.split_once("://").map_or("", |(_, rest)| rest);
            Name::parse(rest).is_some_and(|name| name.is_loopback())
        };
        self.origins.contains(&origin) || (self.local_pages && local())
    }

    fn admit(&self, request: &Request) -> Result<(), Refusal> {
        let headers = request.headers();
        for name in [&header::HOST, &header::ORIGIN, &header::CONTENT_LENGTH, &header::TRANSFER_ENCODING] {
            refuse_repeated(headers, name)?;
        }
        let text = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let malformed =
            |what: &str| Refusal::new(StatusCode::BAD_REQUEST, what, "Send one Host header: name or name:port.");
        let host = Name::parse(text).ok_or_else(|| malformed("the Host header is missing or malformed"))?;
        if request.uri().authority().is_some_and(|authority| authority.as_str() != text) {
            return Err(malformed("the request line and the Host header name different hosts"));
        }
        // Probes and scrapers know a pod by its address. No page comes by one: rebinding needs a name.
        let probe = request.uri().path() != "/mcp" && host.host.parse::<IpAddr>().is_ok();
        if !self.knows_host(&host) && !probe {
            return Err(forbidden(
                format!("requests for the host {:?} are not served here", host.host),
                "If that is a name of this server, start it with --allowed-host NAME.",
            ));
        }
        match headers.get(header::ORIGIN) {
            Some(origin) if !self.knows_origin(origin) => Err(forbidden(
                format!("pages of the origin {:?} may not send requests here", origin.to_str().unwrap_or_default()),
                "If you trust that site, start the server with --allowed-origin ORIGIN.",
            )),
            _ => Ok(()),
        }
    }
}

/// Refuses a header that is there twice: of two values, a gateway may have looked at the one and we at the other.
pub fn refuse_repeated(headers: &HeaderMap, name: &HeaderName) -> Result<(), Refusal> {
    if headers.get_all(name).iter().nth(1).is_none() {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::BAD_REQUEST, format!("the header {name} is there more than once"), "Send it once."))
}

/// Scheme, host and port in the one way of writing them (RFC 6454, section 6.2). `null` is nobody's.
fn normal_origin(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    let origin = url.origin();
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    (origin.is_tuple() && bare && url.username().is_empty()).then(|| origin.ascii_serialization())
}

fn forbidden(message: String, hint: &str) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, message, hint)
}

/// What every request goes through first, whatever its path.
pub async fn check(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let path = metrics::known_path(request.uri().path());
    let response = match shared.guard.admit(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.answer(Trace::of(request.headers()).as_ref()),
    };
    metrics::http_request(path, response.status().as_u16());
    response
}

/// What a browser asks before it lets a page of an allowed origin send anything but a plain form.
pub fn cors(guard: &Guard) -> CorsLayer {
    let guard = guard.clone();
    let names = |names: &[&str]| names.iter().filter_map(|name| name.parse().ok()).collect::<Vec<HeaderName>>();
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| guard.knows_origin(origin)))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers(names(&[
            "accept",
            "content-type",
            "last-event-id",
            "mcp-method",
            "mcp-name",
            "mcp-protocol-version",
            "mcp-session-id",
            "traceparent",
            "tracestate",
            "x-mcp-readonly",
            "x-mcp-tools",
            TOKEN_HEADER,
        ]))
        .expose_headers(names(&["mcp-protocol-version", "mcp-session-id", "retry-after"]))
        .max_age(PREFLIGHT)
}
