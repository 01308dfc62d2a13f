//! Notes on incidents: <https://developer.pagerduty.com/api-reference/a1ac30885eb7a-list-notes-for-an-incident>.

use serde_json::{Value, json};

use super::changes::{Change, Record};
use crate::account::{Account, Note};
use crate::call::Call;
use crate::kinds::USER;
use crate::reply::{self, Answer, OrNotFound, Problem};
use crate::view::View;

/// Answers `GET /incidents/{id}/notes`, newest first.
pub fn list(account: &Account, call: &Call) -> Answer {
    let incident = account.incident(&call.id).or_404()?;
    let view = call.view(account, &[]);
    reply::all("notes", incident.notes.iter().rev().map(|note| shown(note, view)))
}

/// Answers `POST /incidents/{id}/notes`.
pub fn create(account: &mut Account, call: &Call) -> Answer {
    let by = call.actor(account)?;
    account.incident(&call.id).or_404()?;
    let body = call.body()?;
    let content = body.get("note").and_then(|note| note.get("content")?.as_str()).unwrap_or_default();
    if content.trim().is_empty() {
        return Err(Problem::invalid("Content cannot be empty."));
    }
    let change = Change { note: Some(content.to_owned()), ..Change::default() };
    account.perform(Record { at: account.clock.now(), by, incident: call.id.clone(), change })?;
    let note = account.incident(&call.id).and_then(|incident| incident.notes.last()).or_404()?;
    reply::one("note", &shown(note, call.view(account, &[])))
}

impl Note {
    /// The channel of a note that came over the API.
    pub const API: &str = "The PagerDuty website or APIs";
}

/// Returns a note as PagerDuty shows it.
pub fn shown(note: &Note, view: View<'_>) -> Value {
    json!({
        "id": note.id,
        "user": view.link(&USER, &note.user, ""),
        "channel": {"summary": note.channel},
        "content": note.content,
        "created_at": note.created_at.to_string(),
    })
}
