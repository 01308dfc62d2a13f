//! Whose a session is, and how many there are.
//!
//! `rmcp` serves whoever names a session. Its ID is hard to guess, but IDs end up in logs, and a session's stream can be
//! asked to repeat earlier answers. So a session is only there for the credential that opened it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rmcp::model::RequestId;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;

use super::limits::{Bounds, Limits, Permit};
use super::refusal::Refusal;
use crate::auth::Fingerprint;
use crate::metrics;
use crate::server::message;
use crate::sync;

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

/// How many sessions are open at a time. Each is a task and its buffers; `rmcp` ends one that was idle for five minutes.
const MAX_SESSIONS: usize = 1024;

/// How many of them for one credential: a person has a few clients, each with a session.
const MAX_SESSIONS_EACH: usize = 64;

/// The sessions, with the callers they belong to.
#[derive(Debug)]
pub struct Sessions {
    manager: Arc<LocalSessionManager>,
    owners: Mutex<HashMap<String, Owner>>,
    underway: Arc<Mutex<HashSet<Request>>>,
    limits: Arc<Limits>,
}

/// A request of a session, identified by both IDs.
type Request = (HeaderValue, RequestId);

/// An unanswered request of a session. Its ID is free again when this is dropped.
#[derive(Debug)]
pub struct Underway {
    request: Request,
    all: Arc<Mutex<HashSet<Request>>>,
}

impl Drop for Underway {
    fn drop(&mut self) {
        sync::lock(&self.all).remove(&self.request);
    }
}

#[derive(Debug)]
struct Owner {
    caller: Option<Fingerprint>,
    _place: Permit,
}

impl Sessions {
    /// Those that `manager` has.
    pub fn new(manager: Arc<LocalSessionManager>) -> Self {
        let limits = Limits::new(Bounds {
            of: "sessions",
            total: MAX_SESSIONS,
            each: MAX_SESSIONS_EACH,
            retry_after: 60,
            gauge: metrics::sessions,
        });
        Self { manager, owners: Mutex::default(), underway: Arc::default(), limits: Arc::new(limits) }
    }

    /// Whether the request is part of a session. One that is not the caller's is refused like one that does not exist.
    pub fn check(&self, headers: &HeaderMap, caller: Option<Fingerprint>) -> Result<bool, Refusal> {
        let Some(id) = headers.get(SESSION_ID) else { return Ok(false) };
        let owners = self.lock();
        let owner = id.to_str().ok().and_then(|id| owners.get(id));
        if owner.is_some_and(|owner| owner.caller == caller) { Ok(true) } else { Err(unknown()) }
    }

    /// Notes that a request of a session is being answered, if it belongs to one. `rmcp` would confuse two requests
    /// with the same ID, and leave the stream of the first one open.
    pub fn begin(&self, headers: &HeaderMap, id: &RequestId) -> Result<Option<Underway>, Refusal> {
        let Some(session) = headers.get(SESSION_ID) else { return Ok(None) };
        let request = (session.clone(), id.clone());
        if !sync::lock(&self.underway).insert(request.clone()) {
            return Err(Refusal::of_message(message::Refusal::id_in_use(id)));
        }
        Ok(Some(Underway { request, all: Arc::clone(&self.underway) }))
    }

    /// A place for one more session of a caller's.
    pub async fn admit(&self, caller: Option<Fingerprint>) -> Result<Permit, Refusal> {
        let open = self.manager.sessions.read().await;
        self.lock().retain(|id, _| open.contains_key(id.as_str()));
        // Some may be nobody's: their clients went away before they were told the ID.
        if open.len() >= MAX_SESSIONS { Err(self.limits.exhausted()) } else { self.limits.admit(caller) }
    }

    /// Notes whose a session is that an answer opens.
    pub fn note(&self, answer: &HeaderMap, caller: Option<Fingerprint>, place: Permit) {
        if let Some(id) = answer.get(SESSION_ID).and_then(|id| id.to_str().ok()) {
            self.lock().insert(id.to_owned(), Owner { caller, _place: place });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Owner>> {
        sync::lock(&self.owners)
    }
}

fn unknown() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "there is no such session",
        "Send `initialize` to open a session. One ends with its server, or after five minutes without a request.",
    )
}
