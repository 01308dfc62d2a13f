//! Writes notes, and has the part that all changes share: the look at the outcome of a change whose answer was lost.
//!
//! `policy` says when to look. A note that is not there may still be on its way, so the call looks a few times and
//! never sends it again. An identical call that follows one whose answer did not reach its caller also looks first.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::decode::{self, Row, Unreadable};
use super::memory::{Earlier, Outcome};
use super::policy::{self, Decision, Kind};
use super::request::Change;
use super::resources::NOTES;
use super::send::GivenUp;
use super::{Api, Query, Request, call};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, Model, Note, User};
use crate::pagination::Want;

/// The amount by which the time of a change may precede its request: PagerDuty's times have no fractions, and come from
/// other machines than the date of the answer.
const LEEWAY: SignedDuration = SignedDuration::from_secs(5);

/// The number of looks for a note before it is written once more: enough to find one that was queued for seconds.
const LOOKS_BEFORE_A_REPEAT: u32 = 6;

/// The answer to a change.
#[derive(Debug)]
pub struct Changed<M> {
    /// The current state of the object.
    pub row: Row<M>,
    /// Additional information for the caller.
    pub warning: Option<String>,
}

impl<M> From<Row<M>> for Changed<M> {
    fn from(row: Row<M>) -> Self {
        Self { row, warning: None }
    }
}

impl Api {
    /// Adds a note. PagerDuty: operation `createIncidentNote`.
    ///
    /// When the answer is lost, the note is looked for among those of the incident.
    pub async fn add_note(&self, id: &Id<Incident>, content: &str, from: Option<String>) -> Result<Changed<Note>> {
        let key = format!("{id} note {}", comparable(content));
        // Of two simultaneous calls with the same text, one could mistake the other's note for its own.
        let earlier = self.begin_change(&key, id, from.as_deref()).await;
        let request = note_request(id, content, from.clone(), key.clone());
        if let Some(earlier) = &earlier
            && let Some(row) = self.earlier_note(&request, id, content, from.as_deref(), earlier).await?
        {
            let warning = "An earlier call wrote this note, and its answer did not reach you. It was not written again; to \
                           write the same text once more, repeat this call.";
            return Ok(Changed { row, warning: Some(warning.to_owned()) });
        }
        // The earlier note was not found, and it may still be on its way.
        let warning = earlier.as_ref().map(|earlier| {
            let ago = earlier.sent.elapsed().as_secs();
            format!(
                "An identical call sent this note {ago} s ago, and its outcome is not known. The incident did not have the \
                 note, so it was written now; the earlier one may still appear as a second note."
            )
        });
        let selection = Note::defaults();
        let decode = |body: &[u8]| with_id(decode::one::<Note>(body, NOTES.one, &selection)?);
        let given_up = match self.exchange(&request, decode).await {
            Ok(row) => {
                row.facts.id().map(|id| self.account.notes.claim(id));
                self.account.memory.settle(&key, Outcome::Written(Box::new(row.clone())));
                return Ok(Changed { row, warning });
            }
            Err(given_up) if given_up.look => given_up,
            Err(given_up) => {
                self.account.memory.keep(&key, earlier);
                return Err(given_up.error);
            }
        };
        let GivenUp { error, sent, .. } = given_up;
        // Without the author, another user's note with the same text could not be told apart from this one.
        let Some(author) = self.author_id(from.as_deref()).await else {
            return Err(request.unknown_after(&error.adding("; and whose the notes are cannot be told")));
        };
        let error = match self.find_note(id, &Wanted { content, author, sent }, policy::ATTEMPTS).await {
            Ok(Some(row)) => {
                self.account.memory.settle(&key, Outcome::Written(Box::new(row.clone())));
                return Ok(Changed { row, warning });
            }
            Ok(None) => error.adding("; it is not among the incident's notes so far"),
            Err(unseen) => error.adding(&format!("; reading the notes failed: {}", unseen.message())),
        };
        Err(request.unknown_after(&error))
    }

    /// Waits until no other call makes the same change, and returns an earlier call whose outcome may not have reached
    /// its caller.
    pub(super) async fn begin_change(&self, key: &str, id: &Id<Incident>, from: Option<&str>) -> Option<Earlier> {
        let alone = self.account.memory.alone(key).await;
        let what = call::Change { incident: id.to_string(), author: from.map(str::to_owned) };
        self.call.changes(key.to_owned(), what, alone);
        self.account.memory.earlier(key, from)
    }

    /// Returns the note that an earlier call wrote, if it did. Fails if that cannot be determined, so that the note is
    /// not sent again.
    async fn earlier_note(
        &self,
        request: &Request,
        id: &Id<Incident>,
        content: &str,
        from: Option<&str>,
        earlier: &Earlier,
    ) -> Result<Option<Row<Note>>> {
        if let Outcome::Written(row) = &earlier.outcome {
            return Ok(Some(Row::clone(row)));
        }
        let unknown = |why: String| {
            let ago = earlier.sent.elapsed().as_secs();
            let message = format!("an identical call sent this note {ago} s ago and its outcome is not known; {why}");
            Error::new(Code::OutcomeUnknown, message)
                .hint(request.change.as_ref().map_or_else(String::new, |change| change.look.clone()))
        };
        let Some(author) = self.author_id(from).await else {
            return Err(unknown("whose the incident's notes are cannot be told, so it was not sent again".to_owned()));
        };
        let wanted = Wanted { content, author, sent: earlier.sent };
        let found = self.find_note(id, &wanted, LOOKS_BEFORE_A_REPEAT).await.map_err(|unseen| {
            unknown(format!("reading the notes failed, so it was not sent again: {}", unseen.message()))
        })?;
        if let (Some(row), Some(change)) = (&found, &request.change) {
            self.account.memory.settle(&change.key, Outcome::Written(Box::new(row.clone())));
        }
        Ok(found)
    }

    /// Returns the author of a change with this `From` address, if known.
    pub(super) async fn author_id(&self, from: Option<&str>) -> Option<Id<User>> {
        let me =
            self.me_for_a_change().await.inspect_err(|error| tracing::debug!(%error, "the author is not known")).ok();
        match (from, me) {
            (None, me) => me.map(|me| me.id.clone()),
            (Some(from), Some(me)) if from.eq_ignore_ascii_case(&me.email) => Some(me.id.clone()),
            (Some(from), _) => self.user_by_email(from).await,
        }
    }

    /// Waits before the next of at most `most` looks, and returns whether there is one. `looks` is the number of looks
    /// so far.
    pub(super) async fn look_again(&self, looks: u32, most: u32) -> bool {
        let look_again = |left| match self.client.policy.look_again(looks, most, left, fastrand::f64()) {
            Some(wait) => Decision::Again(wait),
            None => Decision::GiveUp,
        };
        let Decision::Again(wait) = self.call.decide(look_again) else { return false };
        tokio::time::sleep(wait).await;
        true
    }

    /// Returns PagerDuty's time when a change was sent, minus the tolerance for its clocks, or `None` if it is unknown.
    pub(super) fn since(&self, sent: Instant) -> Option<Timestamp> {
        self.account.clock.at(sent).and_then(|sent| sent.checked_sub(LEEWAY).ok())
    }

    /// Looks for a note whose answer was lost, a few times: it may be on its way.
    async fn find_note(&self, id: &Id<Incident>, wanted: &Wanted<'_>, most: u32) -> Result<Option<Row<Note>>> {
        let mut looks = 1;
        loop {
            let listing = self.list_below::<Note, _>(&NOTES, id, Query::new(), Want::all(), &Note::defaults()).await?;
            // Without PagerDuty's time an older note of the same text could not be told from this one.
            let since = self.since(wanted.sent);
            let ours = |row: &Row<Note>| {
                let written = since.is_some_and(|since| wanted.is(&row.shown, since));
                written && row.facts.id().is_some_and(|id| self.account.notes.claim(id))
            };
            if let Some(row) = listing.rows.into_iter().find(ours) {
                return Ok(Some(row));
            }
            if !self.look_again(looks, most).await {
                return Ok(None);
            }
            looks += 1;
        }
    }
}

fn note_request(id: &Id<Incident>, content: &str, from: Option<String>, key: String) -> Request {
    let body = json!({"note": {"content": content}});
    let look = format!(
        "Look before writing it again: get_incidents with incident_id={id} and include_notes=true. It may take a moment to \
         appear."
    );
    let change = Change { deed: "adding the note to", look, key };
    Request::below(&NOTES, id, Query::new()).change(Method::POST, body, from, Kind::Note, change)
}

/// A success that says of nothing that it succeeded is none.
pub(super) fn with_id<M: Model>(row: Row<M>) -> Result<Row<M>, Unreadable> {
    if row.facts.id().is_some() { Ok(row) } else { Err(Unreadable::because("it has no id".to_owned())) }
}

/// Returns the text of a note without the parts that may change on the way: white space around it and at the ends of
/// lines, and the form of line ends.
fn comparable(content: &str) -> String {
    let content = content.trim().replace("\r\n", "\n");
    content.split(['\r', '\n']).map(str::trim_end).collect::<Vec<_>>().join("\n")
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
        assert!(is(note("on it  \rnow", json!({"id": "P1"}), "2026-08-01T10:00:00Z")), "an old line end after blanks");
        assert!(!is(note("on it\n\nnow", json!({"id": "P1"}), "2026-08-01T10:00:00Z")), "one more line");
        assert!(!is(note("on it\nnow", json!(null), "2026-08-01T10:00:00Z")), "anybody's");
        assert!(!is(note("on it", json!({"id": "P1"}), "2026-08-01T10:00:00Z")));
        assert!(!is(note("on it\nnow", json!({"id": "P2"}), "2026-08-01T10:00:00Z")), "somebody else's");
        assert!(!is(note("on it\nnow", json!({"id": "P1"}), "2026-08-01T09:59:59Z")), "written before");
        assert!(!is(note("on it\nnow", json!({"id": "P1"}), "just now")));
    }
}
