//! Notes on incidents: <https://developer.pagerduty.com/api-reference/a1ac30885eb7a-list-notes-for-an-incident>.

use jiff::Timestamp;
use serde::Serialize;

use super::account::{Account, Note};
use super::call::Call;
use super::changes::{Change, Record};
use super::reply::{self, Answer, Problem};
use super::time::utc;
use super::wire::Head;

/// `GET /incidents/{id}/notes`, newest first.
pub fn list(account: &Account, call: &Call) -> Answer {
    let incident = account.incident(&call.id)?;
    reply::all("notes", incident.notes.iter().rev().map(|note| NoteFields::new(note, &call.base)))
}

/// `POST /incidents/{id}/notes`
pub fn create(account: &mut Account, call: &Call) -> Answer {
    let by = call.actor(account)?.id.clone();
    account.incident(&call.id)?;
    let body = call.body()?;
    let content = body.get("note").and_then(|note| note.get("content")?.as_str()).unwrap_or_default();
    if content.trim().is_empty() {
        return Err(Problem::invalid("Content cannot be empty."));
    }
    let change = Change { note: Some(content.to_owned()), ..Change::default() };
    account.perform(Record { at: account.clock.now(), by, incident: call.id.clone(), change })?;
    let note = account.incident(&call.id)?.notes.last().ok_or_else(Problem::not_found)?;
    reply::one("note", &NoteFields::new(note, &call.base))
}

impl Note {
    /// The channel of a note that came over the API.
    pub const API: &str = "The PagerDuty website or APIs";
}

#[derive(Serialize)]
pub struct NoteFields<'a> {
    id: &'a str,
    user: Head<'a>,
    channel: Channel<'a>,
    content: &'a str,
    #[serde(serialize_with = "utc")]
    created_at: Timestamp,
}

#[derive(Serialize)]
struct Channel<'a> {
    summary: &'a str,
}

impl<'a> NoteFields<'a> {
    pub fn new(note: &'a Note, base: &str) -> Self {
        Self {
            id: &note.id,
            user: Head::reference(note.user.as_ref(), base),
            channel: Channel { summary: note.channel },
            content: &note.content,
            created_at: note.created_at,
        }
    }
}
