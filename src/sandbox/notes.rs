//! Notes on incidents: <https://developer.pagerduty.com/api-reference/a1ac30885eb7a-list-notes-for-an-incident>.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::{Account, Note, User};
use super::call::Call;
use super::reply::{self, Answer, Problem};
use super::time::utc;
use super::wire::Head;

/// How many notes an incident can have.
const MOST_NOTES: usize = 2_000;

/// `GET /incidents/{id}/notes`, newest first.
pub fn list(account: &Account, call: &Call) -> Answer {
    let incident = account.incident(&call.id)?;
    reply::all("notes", incident.notes.iter().rev().map(NoteFields::new))
}

#[derive(Debug, Deserialize)]
struct NewNote {
    note: Content,
}

#[derive(Debug, Deserialize)]
struct Content {
    content: String,
}

/// `POST /incidents/{id}/notes`
pub fn create(account: &mut Account, call: &Call) -> Answer {
    let actor = call.actor(account)?;
    account.incident(&call.id)?;
    let NewNote { note: Content { content } } = call.body()?;
    if content.trim().is_empty() {
        return Err(Problem::invalid("Content cannot be empty."));
    }
    reply::one("note", &NoteFields::new(account.add_note(&call.id, &actor, content)?))
}

impl Account {
    pub fn add_note(&mut self, incident: &str, user: &Arc<User>, content: String) -> Result<&Note, Problem> {
        let now = self.clock.now();
        let id = format!("PNOTE{:05}", self.notes_written + 1);
        let incident = self.incidents.iter_mut().find(|known| known.id == incident).ok_or_else(Problem::not_found)?;
        if incident.notes.len() >= MOST_NOTES {
            return Err(Problem::invalid("An incident can have at most 2,000 notes."));
        }
        self.notes_written += 1;
        incident.updated_at = now;
        incident.notes.push(Note { id, user: Arc::clone(user), channel: Note::API, content, created_at: now });
        incident.notes.last().ok_or_else(Problem::not_found)
    }
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
    pub fn new(note: &'a Note) -> Self {
        Self {
            id: &note.id,
            user: Head::reference(note.user.as_ref()),
            channel: Channel { summary: note.channel },
            content: &note.content,
            created_at: note.created_at,
        }
    }
}
