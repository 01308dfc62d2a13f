//! Faults: requests that go wrong on demand.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Mutex;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::connection::{Cut, Scissors};
use super::reply::{Problem, json};
use super::server::lock;

/// A fault waiting for its request.
///
/// Over HTTP it is the same in JSON, with `times` 1 and `skip` 0 when left out:
/// `{"method": "GET", "path": "/incidents/{id}", "times": 2, "kind": {"status": {"code": 503}}}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only requests with this method, or any.
    #[serde(default)]
    pub method: Option<String>,
    /// Which paths: one that matches segment by segment, where `{id}` stands for any one segment and a last `*` for any
    /// rest. `/incidents/{id}` is one incident and not its notes, `*` is everything.
    pub path: String,
    /// How many requests it spoils.
    #[serde(default = "once")]
    pub times: u32,
    /// How many matching requests pass before.
    #[serde(default)]
    pub skip: u32,
    /// What goes wrong.
    pub kind: FaultKind,
}

fn once() -> u32 {
    1
}

/// What goes wrong with a request.
///
/// In JSON: `"html"`, `"empty"`, `"truncated"`, `"reset"`, `"hang"`, `"lost_response"`, `{"status": {"code": 429}}`,
/// `{"delay": 250}` in milliseconds, `{"wrong_json": …}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// This status. The request has no effect.
    Status {
        /// The HTTP status.
        code: u16,
        /// Headers to add; nothing else but the content type is sent.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body, or PagerDuty's own for that status.
        #[serde(default)]
        body: Option<String>,
    },
    /// The page a proxy answers with when PagerDuty is out of its reach: status 502 and HTML.
    Html,
    /// Status 200 without a body.
    Empty,
    /// The right answer, cut off in the middle of its body. A write takes effect.
    Truncated,
    /// The connection is closed without an answer. The request has no effect.
    Reset,
    /// The right answer, late.
    #[serde(deserialize_with = "milliseconds")]
    Delay(Duration),
    /// No answer, and the connection stays open.
    Hang,
    /// Status 200 with JSON that is not what was asked for.
    WrongJson(Value),
    /// The request takes effect, and then the connection is closed without an answer.
    LostResponse,
}

fn milliseconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u64::deserialize(from).map(Duration::from_millis)
}

impl Fault {
    /// Spoils the next request to `path`, whatever its method.
    #[must_use]
    pub fn once(path: impl Into<String>, kind: FaultKind) -> Self {
        Self { method: None, path: path.into(), times: 1, skip: 0, kind }
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && path_matches(&self.path, path)
    }
}

fn path_matches(pattern: &str, path: &str) -> bool {
    let mut segments = path.trim_matches('/').split('/');
    for wanted in pattern.trim_matches('/').split('/') {
        match (wanted, segments.next()) {
            ("*", _) => return true,
            ("{id}", Some(_)) => {}
            (wanted, Some(segment)) if wanted == segment => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}

impl FaultKind {
    /// Answers `request` the wrong way.
    pub async fn strike(self, request: Request, next: Next, scissors: &Scissors) -> Response {
        match self {
            Self::Status { code, headers, body } => status(code, headers, body),
            Self::Html => html(),
            Self::Empty => json(StatusCode::OK, Body::empty()),
            Self::WrongJson(value) => json(StatusCode::OK, value.to_string()),
            Self::Hang => pending().await,
            Self::Delay(delay) => {
                tokio::time::sleep(delay).await;
                next.run(request).await
            }
            Self::Truncated => {
                scissors.arm(Cut::WithinBody);
                next.run(request).await
            }
            Self::Reset => cut_off(scissors),
            Self::LostResponse => {
                next.run(request).await;
                cut_off(scissors)
            }
        }
    }
}

/// A response that will not get past the scissors.
pub fn cut_off(scissors: &Scissors) -> Response {
    scissors.arm(Cut::BeforeAnswer);
    Response::default()
}

fn status(code: u16, headers: BTreeMap<String, String>, body: Option<String>) -> Response {
    let mut response = match body {
        Some(body) => json(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body),
        None => Problem::of_status(code).into_response(),
    };
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        } else {
            tracing::warn!("a header of a fault is not a valid one and was left out");
        }
    }
    response
}

fn html() -> Response {
    let page = "<html>\n<head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1></body>\n</html>\n";
    (StatusCode::BAD_GATEWAY, [(header::CONTENT_TYPE, "text/html")], page).into_response()
}

/// The faults that still wait.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub fn add(&self, fault: Fault) {
        lock(&self.0).push(fault);
    }

    pub fn clear(&self) {
        lock(&self.0).clear();
    }

    /// What is to go wrong with this request: the first fault that matches and has let enough pass.
    pub fn meet(&self, method: &str, path: &str) -> Option<FaultKind> {
        let mut faults = lock(&self.0);
        let due = faults.iter_mut().filter(|fault| fault.times > 0 && fault.matches(method, path)).find_map(|fault| {
            if fault.skip > 0 {
                fault.skip -= 1;
                return None;
            }
            fault.times -= 1;
            Some(fault.kind.clone())
        });
        faults.retain(|fault| fault.times > 0);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_by_segment() {
        assert!(path_matches("/incidents/{id}", "/incidents/PABC123"));
        assert!(!path_matches("/incidents/{id}", "/incidents/PABC123/notes"));
        assert!(!path_matches("/incidents", "/incidents/PABC123"));
        assert!(path_matches("/incidents/*", "/incidents/PABC123/notes"));
        assert!(path_matches("*", "/users/me"));
    }

    #[test]
    fn a_fault_lets_some_pass_strikes_and_is_spent() {
        let faults = Faults::default();
        faults.add(serde_json::from_str(r#"{"path": "/users", "times": 2, "skip": 1, "kind": "hang"}"#).unwrap());
        let strikes: Vec<bool> = (0..4).map(|_| faults.meet("GET", "/users").is_some()).collect();
        assert_eq!(strikes, [false, true, true, false]);
    }

    #[test]
    fn every_kind_has_a_form_in_json() {
        let kinds = r#"["html", "empty", "truncated", "reset", "hang", "lost_response", {"status": {"code": 503}},
            {"status": {"code": 429, "headers": {"retry-after": "1"}, "body": ""}}, {"delay": 5}, {"wrong_json": []}]"#;
        assert_eq!(serde_json::from_str::<Vec<FaultKind>>(kinds).unwrap().len(), 10);
    }
}
