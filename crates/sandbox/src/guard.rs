//! Checks the origin of requests: only programs and pages of this machine may send them.
//!
//! The account is fictional, but a page of another site that could change it, or make its requests fail, would still
//! mislead the user.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::call::read_body;
use super::reply::Problem;
use super::state::Shared;
use pagerduty_serve::names::{Name, is_local_page, origin};

/// The URL under which a caller reached the sandbox, without a slash at the end. Handlers get it as an extension.
#[derive(Clone, Debug)]
pub struct Base(pub String);

/// The header in which the remote control expects its token.
pub const CONTROL_HEADER: &str = "X-Sandbox-Token";

/// Rejects requests for other hosts and from pages of other sites, on every route.
///
/// The body is read first: an answer that is sent before it would close the connection, and lose the client's next request.
pub async fn check(State(server): State<Shared>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = match read_body(Request::new(body), &server).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    match host(&parts.headers) {
        Ok(host) => {
            let base = Base(format!("{}://{host}", server.scheme));
            parts.extensions.insert(base);
            next.run(Request::from_parts(parts, Body::from(body))).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// Allows a request to the remote control if it has the token.
pub async fn check_control(State(server): State<Shared>, request: Request, next: Next) -> Response {
    let token = single(request.headers(), &HeaderName::from_static("x-sandbox-token"));
    // `CsrfToken` compares in constant time.
    let given = token.ok().flatten().map(|token| oauth2::CsrfToken::new(token.to_owned()));
    if given.as_ref() == Some(&server.control) {
        next.run(request).await
    } else {
        Problem::without_control_token(CONTROL_HEADER).into_response()
    }
}

/// Returns the `Host` of a request that is allowed.
fn host(headers: &HeaderMap) -> Result<&str, Problem> {
    let host = single(headers, &header::HOST)?.unwrap_or_default();
    if !Name::parse(host).is_some_and(|name| name.is_loopback()) {
        return Err(Problem::refused(format!("the sandbox is at 127.0.0.1 and localhost, not at {host:?}")));
    }
    match single(headers, &header::ORIGIN)? {
        Some(page) if !origin(page).is_some_and(|page| is_local_page(&page)) => {
            Err(Problem::refused(format!("pages of {page:?} may not send requests to the sandbox")))
        }
        _ => Ok(host),
    }
}

/// Returns the value of a header. A repeated header is refused, since another program might use the other value.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(|value| value.to_str().map_err(|_| Problem::refused(format!("{name} is not text"))));
    if values.next().is_some() {
        return Err(Problem::refused(format!("{name} is given more than once")));
    }
    value.transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guard_admits_loopback_names_and_pages_only() {
        let passes = |pairs: &[(&'static str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
            let mut headers = HeaderMap::new();
            pairs.for_each(|(name, value)| {
                headers.append(name, value);
            });
            host(&headers).is_ok()
        };
        for name in ["127.0.0.1:8", "localhost:8", "LOCALHOST", "[::1]:8", "127.8.9.1"] {
            assert!(passes(&[("host", name)]), "{name}");
            assert!(passes(&[("host", name), ("origin", "http://localhost:3000")]), "{name}");
            assert!(!passes(&[("host", name), ("origin", "https://evil.example")]), "{name}");
            assert!(!passes(&[("host", name), ("origin", "null")]), "{name}");
            assert!(!passes(&[("host", name), ("host", name)]), "{name}");
        }
        for name in ["evil.example", "localhost.evil.example", "x@localhost", "10.0.0.1", "0.0.0.0", "", "localhost:x"]
        {
            assert!(!passes(&[("host", name)]), "{name}");
        }
        assert!(!passes(&[]));
    }
}
