//! Whose a session is.
//!
//! `rmcp` serves whoever names a session. Its ID is hard to guess, but IDs end up in logs, and a session's stream can be
//! asked to repeat earlier answers. So a session is only there for the credential that opened it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderName, StatusCode};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;

use super::refusal::Refusal;
use crate::auth::Fingerprint;

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

/// How many sessions are open at a time. Each is a task and its buffers; `rmcp` ends one that was idle for five minutes.
const MAX_SESSIONS: usize = 1024;

/// The sessions, with the callers they belong to.
#[derive(Debug, Default)]
pub struct Owners(Mutex<HashMap<String, Option<Fingerprint>>>);

impl Owners {
    /// Refuses a session that is not the caller's, as one that does not exist; and a new one if there are too many.
    pub async fn check(
        &self,
        headers: &HeaderMap,
        caller: Option<Fingerprint>,
        sessions: &LocalSessionManager,
    ) -> Result<(), Refusal> {
        let Some(id) = headers.get(SESSION_ID) else {
            if sessions.sessions.read().await.len() >= MAX_SESSIONS {
                return Err(Refusal::busy("the server is at its limit of sessions", 60));
            }
            return Ok(());
        };
        let owners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = id.to_str().ok().and_then(|id| owners.get(id));
        if owner == Some(&caller) { Ok(()) } else { Err(unknown()) }
    }

    /// Notes whose a session is that an answer opens, and forgets those that have ended.
    pub async fn note(&self, answer: &HeaderMap, caller: Option<Fingerprint>, sessions: &LocalSessionManager) {
        let Some(id) = answer.get(SESSION_ID).and_then(|id| id.to_str().ok()) else { return };
        let open = sessions.sessions.read().await;
        let mut owners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        owners.retain(|id, _| open.contains_key(id.as_str()));
        owners.insert(id.to_owned(), caller);
    }
}

fn unknown() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "there is no such session",
        "Send `initialize` to open a session. One ends with its server, or after five minutes without a request.",
    )
}
