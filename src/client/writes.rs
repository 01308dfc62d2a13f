//! The changes: statuses and notes, and the look at what became of them when their answer was lost.
//!
//! `policy` says when to look. A status is what it is, so one look tells. A note may still be on its way when it is not
//! there: it is looked for a few times, and never sent again.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::decode::{self, Row, Unreadable};
use super::policy::{Decision, Kind};
use super::request::Change;
use super::resources::{INCIDENTS, NOTES};
use super::{Api, Query, Request};
use crate::error::{Code, Error, Result};
use crate::fields::Selection;
use crate::ids::Id;
use crate::models::{Incident, Model, Note, Status, User};
use crate::pagination::Want;

/// How much earlier than its request a note may claim to have been written: moments come without fractions, and from
/// another of PagerDuty's machines than the date of the answer.
const LEEWAY: SignedDuration = SignedDuration::from_secs(5);

/// The status an incident can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewStatus {
    /// Somebody is on it.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl NewStatus {
    const fn as_str(self) -> &'static str {
        match self {
            NewStatus::Acknowledged => "acknowledged",
            NewStatus::Resolved => "resolved",
        }
    }

    const fn deed(self) -> &'static str {
        match self {
            NewStatus::Acknowledged => "acknowledging",
            NewStatus::Resolved => "resolving",
        }
    }

    /// What the incident's status says about a change that may have taken effect, and failed with `error` for all we saw.
    fn judge(self, id: &Id<Incident>, row: Row<Incident>, error: Error) -> Result<Row<Incident>, Verdict> {
        match (self, &row.facts.status) {
            (NewStatus::Resolved, Some(Status::Resolved)) | (NewStatus::Acknowledged, Some(Status::Acknowledged)) => {
                Ok(row)
            }
            (NewStatus::Acknowledged, Some(Status::Resolved)) => {
                let message = format!("incident {id} is resolved by now, so it is not acknowledged");
                let error = Error::new(Code::AlreadyResolved, message);
                Err(Verdict::Failed(error.hint("Nothing is left to do; get_incidents shows who resolved it.")))
            }
            (_, Some(status)) => {
                let (status, wanted) = (status.as_str(), self.as_str());
                let error = error.adding(&format!("; incident {id} is still {status}, not {wanted}"));
                Err(Verdict::Failed(error.hint("Call again: it does no harm if the change takes effect after all.")))
            }
            (_, None) => Err(Verdict::Unknown(error)),
        }
    }
}

/// What a look ends with that has not found the change in effect.
enum Verdict {
    /// It did not take effect.
    Failed(Error),
    /// That cannot be told.
    Unknown(Error),
}

impl Api {
    /// Sets the status. PagerDuty: operation `updateIncident`.
    ///
    /// When the answer is lost, the incident is read and reported as it is: what was wished for may have come true.
    pub async fn set_status(
        &self,
        id: &Id<Incident>,
        status: NewStatus,
        from: Option<String>,
        selection: &Selection,
    ) -> Result<Row<Incident>> {
        let body = json!({"incident": {"type": "incident", "status": status.as_str()}});
        let look = format!("Look at it: get_incidents with incident_id={id}. Calling again does no harm either.");
        let change = Change { deed: status.deed(), look };
        let request = Request::one(&INCIDENTS, id, Query::new()).change(Method::PUT, body, from, Kind::Status, change);
        let decode = |body: &[u8]| with_id(decode::one::<Incident>(body, INCIDENTS.one, selection)?);
        let given_up = match self.exchange(&request, decode).await {
            Ok(row) => return Ok(row),
            Err(given_up) if given_up.look => given_up.error,
            Err(given_up) => return Err(given_up.error),
        };
        let verdict = match self.one::<Incident>(id, Query::new(), selection).await {
            Ok(row) => status.judge(id, row, given_up),
            Err(unseen) => {
                Err(Verdict::Unknown(given_up.adding(&format!("; reading it failed: {}", unseen.message()))))
            }
        };
        verdict.map_err(|verdict| match verdict {
            Verdict::Failed(error) => error,
            Verdict::Unknown(error) => request.unknown_after(&error),
        })
    }

    /// Adds a note. PagerDuty: operation `createIncidentNote`.
    ///
    /// When the answer is lost, the note is looked for among those of the incident.
    pub async fn add_note(&self, id: &Id<Incident>, content: &str, from: Option<String>) -> Result<Row<Note>> {
        let author = self.account.me.kept(&()).filter(|me| from.as_deref().is_none_or(|from| from == me.email));
        let author = author.map(|me| me.id.clone());
        let body = json!({"note": {"content": content}});
        let look = format!(
            "Look before writing it again: get_incidents with incident_id={id} and include_notes=true. It may take a moment \
             to appear."
        );
        let change = Change { deed: "adding the note to", look };
        let request = Request::below(&NOTES, id, Query::new()).change(Method::POST, body, from, Kind::Note, change);
        let selection = Note::defaults();
        let decode = |body: &[u8]| with_id(decode::one::<Note>(body, NOTES.one, &selection)?);
        let began = Instant::now();
        let given_up = match self.exchange(&request, decode).await {
            Ok(row) => {
                row.facts.id().map(|id| self.account.notes.claim(id));
                return Ok(row);
            }
            Err(given_up) if given_up.look => given_up.error,
            Err(given_up) => return Err(given_up.error),
        };
        let wanted = Wanted { content, author, began };
        let error = match self.find_note(id, &wanted).await {
            Ok(Some(row)) => return Ok(row),
            Ok(None) => given_up.adding("; it is not among the incident's notes so far"),
            Err(unseen) => given_up.adding(&format!("; reading the notes failed: {}", unseen.message())),
        };
        Err(request.unknown_after(&error))
    }

    /// Looks for a note whose answer was lost, a few times: it may be on its way.
    async fn find_note(&self, id: &Id<Incident>, wanted: &Wanted<'_>) -> Result<Option<Row<Note>>> {
        let mut looks = 1;
        loop {
            let listing = self.list_below::<Note, _>(&NOTES, id, Query::new(), Want::all(), &Note::defaults()).await?;
            // Without PagerDuty's time an older note of the same text could not be told from this one.
            let since = self.account.clock.at(wanted.began).and_then(|began| began.checked_sub(LEEWAY).ok());
            let ours = |row: &Row<Note>| {
                let written = since.is_some_and(|since| wanted.is(&row.shown, since));
                written && row.facts.id().is_some_and(|id| self.account.notes.claim(id))
            };
            if let Some(row) = listing.rows.into_iter().find(ours) {
                return Ok(Some(row));
            }
            let look_again = |left| match self.client.policy.look_again(looks, left, fastrand::f64()) {
                Some(wait) => Decision::Again(wait),
                None => Decision::GiveUp,
            };
            let Decision::Again(wait) = self.call.decide(look_again) else { return Ok(None) };
            tokio::time::sleep(wait).await;
            looks += 1;
        }
    }
}

/// A success that says of nothing that it succeeded is none.
fn with_id<M: Model>(row: Row<M>) -> Result<Row<M>, Unreadable> {
    if row.facts.id().is_some() { Ok(row) } else { Err(Unreadable::because("it has no id")) }
}

/// A note whose answer was lost.
struct Wanted<'c> {
    content: &'c str,
    /// Who writes it, where that is known.
    author: Option<Id<User>>,
    /// When it was sent for the first time.
    began: Instant,
}

impl Wanted<'_> {
    /// Whether this is the note: the same text, by the same author, written since.
    fn is(&self, note: &Map<String, Value>, since: Timestamp) -> bool {
        let text = |name: &str| note.get(name).and_then(Value::as_str);
        let author = note.get("user").and_then(|user| user.get("id")).and_then(Value::as_str);
        let same_author = match (&self.author, author) {
            (Some(ours), Some(theirs)) => ours.as_str() == theirs,
            _ => true,
        };
        let created = text("created_at").and_then(|at| at.parse::<Timestamp>().ok());
        // Space around a text and the form of line ends may be changed on the way.
        let same_text = text("content").is_some_and(|content| content.trim().lines().eq(self.content.trim().lines()));
        same_text && same_author && created.is_some_and(|created| created >= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_known_by_text_author_and_time() {
        let since = "2026-08-01T10:00:00Z".parse().unwrap();
        let wanted = Wanted { content: "on it\nnow", author: Id::parse("P1"), began: Instant::now() };
        let is = |note: Value| wanted.is(note.as_object().unwrap(), since);
        let note =
            |content: &str, author: Value, at: &str| json!({"content": content, "user": author, "created_at": at});
        assert!(is(note("on it\nnow", json!({"id": "P1"}), "2026-08-01T10:00:00Z")));
        assert!(is(note(" on it\r\nnow\n", json!({"id": "P1"}), "2026-08-01T12:00:01+02:00")), "as it may come back");
        assert!(is(note("on it\nnow", json!(null), "2026-08-01T10:00:00Z")), "an author may be missing");
        assert!(!is(note("on it", json!({"id": "P1"}), "2026-08-01T10:00:00Z")));
        assert!(!is(note("on it\nnow", json!({"id": "P2"}), "2026-08-01T10:00:00Z")), "somebody else's");
        assert!(!is(note("on it\nnow", json!({"id": "P1"}), "2026-08-01T09:59:59Z")), "written before");
        assert!(!is(note("on it\nnow", json!({"id": "P1"}), "just now")));
    }
}
