//! The changes: statuses and notes, and the look at what became of them when their answer was lost.
//!
//! `policy` says when to look. What is not in effect may still be on its way: it is looked for a few times, and a note is
//! never sent again.

use jiff::{SignedDuration, Timestamp};
use pagerduty_rows::fields::Selection;
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::decode::{self, Row, Unreadable};
use super::policy::{Decision, Kind};
use super::request::Change;
use super::resources::{INCIDENTS, NOTES};
use super::send::GivenUp;
use super::{Api, Query, Request};
use crate::error::{Code, Error, Result};
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

    /// Whether an incident that is shown like this has it.
    fn is_that_of(self, row: &Row<Incident>) -> bool {
        row.facts.status.as_ref().is_some_and(|status| status.as_str() == self.as_str())
    }
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
        selection: &Selection<'_>,
    ) -> Result<Row<Incident>> {
        let body = json!({"incident": {"type": "incident", "status": status.as_str()}});
        let look = format!("Look at it: get_incidents with incident_id={id}. Calling again does no harm either.");
        let change = Change { deed: status.deed(), look };
        let request = Request::one(&INCIDENTS, id, Query::new()).change(Method::PUT, body, from, Kind::Status, change);
        let decode = |body: &[u8]| {
            let row = with_id(decode::one::<Incident>(body, INCIDENTS.one, selection)?)?;
            if row.facts.id() == Some(id.as_str()) && status.is_that_of(&row) {
                Ok(row)
            } else {
                Err(Unreadable::because(format!("it does not say that {id} is {}", status.as_str())))
            }
        };
        match self.exchange(&request, decode).await {
            Ok(row) => Ok(row),
            Err(given_up) if given_up.look => self.see_status(&request, id, status, selection, given_up.error).await,
            Err(given_up) => Err(given_up.error),
        }
    }

    /// What has become of a change of status that may have taken effect, and failed with `error` for all we saw. It is
    /// looked for a few times: it may be on its way, and when it has not come by then, it may still come.
    async fn see_status(
        &self,
        request: &Request,
        id: &Id<Incident>,
        wanted: NewStatus,
        selection: &Selection<'_>,
        error: Error,
    ) -> Result<Row<Incident>> {
        let mut looks = 1;
        let seen = loop {
            let row = match self.one::<Incident>(id, Query::new(), selection).await {
                Ok(row) => row,
                Err(unseen) => break format!("; reading it failed: {}", unseen.message()),
            };
            if wanted.is_that_of(&row) {
                return Ok(row);
            }
            let Some(status) = row.facts.status else { break "; the incident does not say its status".to_owned() };
            if status == Status::Resolved {
                let message = format!("incident {id} is resolved by now, so it is not {}", wanted.as_str());
                return Err(Error::new(Code::AlreadyResolved, message)
                    .hint("Nothing is left to do; get_incidents shows who resolved it."));
            }
            if !self.look_again(looks).await {
                break format!("; incident {id} is still {}, not {}", status.as_str(), wanted.as_str());
            }
            looks += 1;
        };
        Err(request.unknown_after(&error.adding(&seen)))
    }

    /// Adds a note. PagerDuty: operation `createIncidentNote`.
    ///
    /// When the answer is lost, the note is looked for among those of the incident.
    pub async fn add_note(&self, id: &Id<Incident>, content: &str, from: Option<String>) -> Result<Row<Note>> {
        let body = json!({"note": {"content": content}});
        let look = format!(
            "Look before writing it again: get_incidents with incident_id={id} and include_notes=true. It may take a moment \
             to appear."
        );
        let change = Change { deed: "adding the note to", look };
        let request = Request::below(&NOTES, id, Query::new());
        let request = request.change(Method::POST, body, from.clone(), Kind::Note, change);
        let selection = Note::defaults();
        let decode = |body: &[u8]| with_id(decode::one::<Note>(body, NOTES.one, &selection)?);
        // Of two calls with the same text, one could take the other's note for its own before its answer is there.
        let _alone = self.account.notes.alone(format!("{id} {}", comparable(content))).await;
        let given_up = match self.exchange(&request, decode).await {
            Ok(row) => {
                row.facts.id().map(|id| self.account.notes.claim(id));
                return Ok(row);
            }
            Err(given_up) if given_up.look => given_up,
            Err(given_up) => return Err(given_up.error),
        };
        let GivenUp { error, sent, .. } = given_up;
        // Without knowing who writes, somebody else's note of the same text could not be told from this one.
        let Some(author) = self.author_id(from.as_deref()).await else {
            return Err(request.unknown_after(&error.adding("; and whose the notes are cannot be told")));
        };
        let error = match self.find_note(id, &Wanted { content, author, sent }).await {
            Ok(Some(row)) => return Ok(row),
            Ok(None) => error.adding("; it is not among the incident's notes so far"),
            Err(unseen) => error.adding(&format!("; reading the notes failed: {}", unseen.message())),
        };
        Err(request.unknown_after(&error))
    }

    /// Who writes in the name of `from`, if that is the credential's own user.
    async fn author_id(&self, from: Option<&str>) -> Option<Id<User>> {
        let me = self.me().await.inspect_err(|error| tracing::debug!(%error, "the author is not known")).ok()?;
        from.is_none_or(|from| from.eq_ignore_ascii_case(&me.email)).then(|| me.id.clone())
    }

    /// Waits before the next look, if there is to be one; `looks` is how many there were.
    async fn look_again(&self, looks: u32) -> bool {
        let look_again = |left| match self.client.policy.look_again(looks, left, fastrand::f64()) {
            Some(wait) => Decision::Again(wait),
            None => Decision::GiveUp,
        };
        let Decision::Again(wait) = self.call.decide(look_again) else { return false };
        tokio::time::sleep(wait).await;
        true
    }

    /// Looks for a note whose answer was lost, a few times: it may be on its way.
    async fn find_note(&self, id: &Id<Incident>, wanted: &Wanted<'_>) -> Result<Option<Row<Note>>> {
        let mut looks = 1;
        loop {
            let listing = self.list_below::<Note, _>(&NOTES, id, Query::new(), Want::all(), &Note::defaults()).await?;
            // Without PagerDuty's time an older note of the same text could not be told from this one.
            let since = self.account.clock.at(wanted.sent).and_then(|sent| sent.checked_sub(LEEWAY).ok());
            let ours = |row: &Row<Note>| {
                let written = since.is_some_and(|since| wanted.is(&row.shown, since));
                written && row.facts.id().is_some_and(|id| self.account.notes.claim(id))
            };
            if let Some(row) = listing.rows.into_iter().find(ours) {
                return Ok(Some(row));
            }
            if !self.look_again(looks).await {
                return Ok(None);
            }
            looks += 1;
        }
    }
}

/// A success that says of nothing that it succeeded is none.
fn with_id<M: Model>(row: Row<M>) -> Result<Row<M>, Unreadable> {
    if row.facts.id().is_some() { Ok(row) } else { Err(Unreadable::because("it has no id".to_owned())) }
}

/// The text of a note without what may be changed on the way: space around it, and the form of line ends.
fn comparable(content: &str) -> String {
    content.trim().lines().collect::<Vec<_>>().join("\n")
}

/// A note whose answer was lost.
struct Wanted<'c> {
    content: &'c str,
    /// Who writes it.
    author: Id<User>,
    /// When it was sent.
    sent: Instant,
}

impl Wanted<'_> {
    /// Whether this is the note: the same text, by the same author, written since.
    fn is(&self, note: &Map<String, Value>, since: Timestamp) -> bool {
        let text = |name: &str| note.get(name).and_then(Value::as_str);
        let author = note.get("user").and_then(|user| user.get("id")).and_then(Value::as_str);
        let same_author = author == Some(self.author.as_str());
        let created = text("created_at").and_then(|at| at.parse::<Timestamp>().ok());
        let same_text = text("content").is_some_and(|content| comparable(content) == comparable(self.content));
        same_text && same_author && created.is_some_and(|created| created >= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_known_by_text_author_and_time() {
        let since = "2026-08-01T10:00:00Z".parse().unwrap();
        let wanted = Wanted { content: "on it\nnow", author: Id::parse("P1").unwrap(), sent: Instant::now() };
        let is = |note: Value| wanted.is(note.as_object().unwrap(), since);
        let note =
            |content: &str, author: Value, at: &str| json!({"content": content, "user": author, "created_at": at});
        assert!(is(note("on it\nnow", json!({"id": "P1"}), "2026-08-01T10:00:00Z")));
        assert!(is(note(" on it\r\nnow\n", json!({"id": "P1"}), "2026-08-01T12:00:01+02:00")), "as it may come back");
        assert!(!is(note("on it\nnow", json!(null), "2026-08-01T10:00:00Z")), "anybody's");
        assert!(!is(note("on it", json!({"id": "P1"}), "2026-08-01T10:00:00Z")));
        assert!(!is(note("on it\nnow", json!({"id": "P2"}), "2026-08-01T10:00:00Z")), "somebody else's");
        assert!(!is(note("on it\nnow", json!({"id": "P1"}), "2026-08-01T09:59:59Z")), "written before");
        assert!(!is(note("on it\nnow", json!({"id": "P1"}), "just now")));
    }
}
