//! The owners of sessions, and their limits.
//!
//! `rmcp` serves every request that names a session. Its ID is hard to guess, but IDs are written to logs, and a session's
//! stream can repeat earlier answers. So a session exists only for the credential that opened it.

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

/// The most open sessions. Each is a task with buffers; `rmcp` ends a session after five idle minutes.
const MAX_SESSIONS: usize = 1024;

/// The most open sessions of one credential: a user has a few clients with a session each.
const MAX_SESSIONS_EACH: usize = 64;

/// The sessions and their owners.
#[derive(Debug)]
pub struct Sessions {
    manager: Arc<LocalSessionManager>,
    owners: Mutex<HashMap<String, Owner>>,
    in_progress: Arc<Mutex<HashSet<Request>>>,
    limits: Arc<Limits>,
}

/// A request of a session, identified by both IDs.
type Request = (HeaderValue, RequestId);

/// An unanswered request of a session. Its ID is free again when this is dropped.
#[derive(Debug)]
pub struct InProgress {
    request: Request,
    all: Arc<Mutex<HashSet<Request>>>,
}

impl Drop for InProgress {
    fn drop(&mut self) {
        sync::lock(&self.all).remove(&self.request);
    }
}

#[derive(Debug)]
struct Owner {
    caller: Option<Fingerprint>,
    _permit: Permit,
}

impl Sessions {
    /// Creates the owners and limits for the sessions of `manager`.
    pub fn new(manager: Arc<LocalSessionManager>) -> Self {
        let limits = Limits::new(Bounds {
            of: "sessions",
            total: MAX_SESSIONS,
            per_credential: MAX_SESSIONS_EACH,
            retry_after: 60,
            gauge: metrics::sessions,
        });
        Self { manager, owners: Mutex::default(), in_progress: Arc::default(), limits: Arc::new(limits) }
    }

    /// Returns whether the request belongs to a session. Another caller's session is refused like one that does not exist.
    pub fn check(&self, headers: &HeaderMap, caller: Option<Fingerprint>) -> Result<bool, Refusal> {
        let Some(id) = headers.get(SESSION_ID) else { return Ok(false) };
        let owners = self.lock();
        let owner = id.to_str().ok().and_then(|id| owners.get(id));
        if owner.is_some_and(|owner| owner.caller == caller) { Ok(true) } else { Err(unknown()) }
    }

    /// Registers a request in its session, if it has one. `rmcp` would confuse two requests with the same ID, and leave the
    /// stream of the first one open.
    pub fn begin(&self, headers: &HeaderMap, id: &RequestId) -> Result<Option<InProgress>, Refusal> {
        let Some(session) = headers.get(SESSION_ID) else { return Ok(None) };
        let request = (session.clone(), id.clone());
        if !sync::lock(&self.in_progress).insert(request.clone()) {
            return Err(Refusal::of_message(message::Refusal::id_in_use(id)));
        }
        Ok(Some(InProgress { request, all: Arc::clone(&self.in_progress) }))
    }

    /// Acquires a permit for one more session of `caller`.
    pub async fn admit(&self, caller: Option<Fingerprint>) -> Result<Permit, Refusal> {
        let open = self.manager.sessions.read().await;
        self.lock().retain(|id, _| open.contains_key(id.as_str()));
        // Some have no owner: their clients disconnected before they received the ID.
        if open.len() >= MAX_SESSIONS { Err(self.limits.exhausted()) } else { self.limits.admit(caller) }
    }

    /// Records the owner of the session that an answer opens.
    pub fn note(&self, answer: &HeaderMap, caller: Option<Fingerprint>, permit: Permit) {
        if let Some(id) = answer.get(SESSION_ID).and_then(|id| id.to_str().ok()) {
            self.lock().insert(id.to_owned(), Owner { caller, _permit: permit });
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
