//! Checks `Host` and `Origin` of every request, see [`names`] and 2025-11-25, "Transports", "Security Warning".

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Version, header};
use axum::response::Response;
use hyper::body::Incoming;

use super::connections::Connection;
use super::refusal::Refusal;
use super::{AppState, Asked, HttpOptions, cors, endpoint};
use crate::error::{Code, Error, Result};
use crate::metrics;
use crate::serve::names::{self, Name, is_local_page};
use crate::trace::Trace;

/// The allowed values of `Host` and `Origin`.
#[derive(Clone, Debug)]
pub struct Guard {
    hosts: Vec<Name>,
    origins: Vec<String>,
    /// Set if pages of this machine may send requests.
    local_pages: bool,
}

impl Guard {
    /// Reads the names that `options` allow on a server that listens on `bound`.
    pub fn new(options: &HttpOptions, bound: IpAddr) -> Result<Self> {
        let unusable = |option: &str, value: &str, expected: &str| {
            Error::new(Code::InvalidConfiguration, format!("{option} is {value:?}")).hint(format!("Pass {expected}."))
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
                names::origin(text)
                    .ok_or_else(|| unusable("--allowed-origin", text, "an origin such as https://app.example.com"))
            })
            .collect::<Result<_>>()?;
        Ok(Self { hosts, origins, local_pages: bound.is_loopback() })
    }

    fn allows_host(&self, host: &Name) -> bool {
        let same = |known: &Name| known.host == host.host && (known.port.is_none() || known.port == host.port);
        host.is_loopback() || self.hosts.iter().any(same)
    }

    fn allows_origin(&self, origin: &HeaderValue) -> bool {
        let Some(origin) = origin.to_str().ok().and_then(names::origin) else { return false };
        self.origins.contains(&origin) || (self.local_pages && is_local_page(&origin))
    }

    fn admit(&self, request: &Parts) -> Result<(), Refusal> {
        let headers = &request.headers;
        for name in [header::HOST, header::ORIGIN, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
            refuse_repeated(headers, &name)?;
        }
        let for_operators = metrics::known_path(request.uri.path()) != "/mcp";
        // Health checks of gateways send HTTP/1.0 without Host. A web page cannot leave it out.
        if for_operators && request.version == Version::HTTP_10 && !headers.contains_key(header::HOST) {
            return self.admit_origin(headers);
        }
        let text = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let malformed =
            |what: &str| Refusal::new(StatusCode::BAD_REQUEST, what, "Send one Host header: name or name:port.");
        let host = Name::parse(text).ok_or_else(|| malformed("the Host header is missing or malformed"))?;
        if request.uri.authority().is_some_and(|authority| authority.as_str() != text) {
            return Err(malformed("the request line and the Host header name different hosts"));
        }
        // Probes and scrapers address a pod by its IP address. A web page cannot: DNS rebinding needs a name.
        let probe = for_operators && host.host.parse::<IpAddr>().is_ok();
        if !self.allows_host(&host) && !probe {
            return Err(forbidden(
                format!("requests for the host {:?} are not served here", host.host),
                "If that is a name of this server, start it with --allowed-host NAME.",
            ));
        }
        self.admit_origin(headers)
    }

    fn admit_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        match headers.get(header::ORIGIN) {
            Some(origin) if !self.allows_origin(origin) => Err(forbidden(
                format!("pages of the origin {:?} may not send requests here", origin.to_str().unwrap_or_default()),
                "If you trust that site, start the server with --allowed-origin ORIGIN.",
            )),
            _ => Ok(()),
        }
    }
}

/// Refuses a repeated header: a gateway may have checked one value and this server another.
pub fn refuse_repeated(headers: &HeaderMap, name: &HeaderName) -> Result<(), Refusal> {
    let none_is_repeated = headers.len() == headers.keys_len();
    if none_is_repeated || headers.get_all(name).iter().nth(1).is_none() {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::BAD_REQUEST, format!("the header {name} is repeated"), "Send it once."))
}

fn forbidden(message: String, hint: &str) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, message, hint)
}

/// Passes a request on to its path, or refuses it.
///
/// The body is read first, within its limits, even if the request is refused: a gateway that is still sending the body
/// when the answer arrives may drop the answer. Requests are counted only after that, so a slow body takes no permit.
pub async fn check(state: &AppState, request: Request<Incoming>, connection: &Arc<Connection>) -> Response {
    let (parts, body) = request.into_parts();
    let path = metrics::known_path(parts.uri.path());
    let trace = Trace::from_headers(&parts.headers);
    let admitted = state.guard.admit(&parts);
    // With two lengths, the end of the body is not certain.
    let read =
        if has_one_length(&parts.headers) { endpoint::read(body, state.read_timeout).await } else { Ok(Bytes::new()) };
    let response = match (admitted, read) {
        (Ok(()), Ok(body)) => share(state, Asked { parts, body, trace, connection }).await,
        (Err(refusal), body) => refusal.to(&body.unwrap_or_default()).answer(trace.as_ref()),
        (Ok(()), Err(refusal)) => refusal.answer(trace.as_ref()),
    };
    metrics::http_request(path, response.status().as_u16());
    response
}

/// Answers an admitted request, and allows a page of another origin to read the answer.
async fn share(state: &AppState, asked: Asked<'_>) -> Response {
    let origin = asked.parts.headers.get(header::ORIGIN).cloned();
    if asked.parts.method == Method::OPTIONS {
        return cors::preflight(origin);
    }
    let mut answer = super::answer(state, asked).await;
    cors::expose(&mut answer, origin);
    answer
}

fn has_one_length(headers: &HeaderMap) -> bool {
    let count = |name| headers.get_all(name).iter().count();
    count(header::CONTENT_LENGTH) + count(header::TRANSFER_ENCODING) <= 1
}
