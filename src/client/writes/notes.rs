//! Writes notes, which PagerDuty cannot tell from repetitions: there is no key that identifies a request.

use jiff::Timestamp;
use pagerduty_api::operations::incidents::{CREATE_INCIDENT_NOTE, LIST_INCIDENT_NOTES, NOTES};
use pagerduty_rows::object::Object;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Changed, Seen, Verify, with_id};
use crate::client::accounts::NoteLedger;
use crate::client::accounts::memory::{Earlier, Outcome};
use crate::client::decode::{self, Unreadable};
use crate::client::request::Write;
use crate::client::{Api, Query, Request};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, Model, Note, Row, User};
use crate::pagination::ListRequest;

/// The number of times that an earlier note is verified before it is written once more: enough to find one that was
/// queued for seconds.
const VERIFICATIONS_BEFORE_REPEAT: u32 = 6;

impl Api {
    /// Adds a note to an incident. If the response is lost, the note is searched for among those of the incident.
    pub async fn add_note(&self, id: &Id<Incident>, content: &str, from: Option<String>) -> Result<Changed> {
        let key = format!("{id} note {}", comparable(content));
        let hint = format!(
            "Check before writing it again: get_incidents with incident_id={id} and include_notes=true. It may take a moment \
             to appear."
        );
        let write = Write { gerund: "adding the note to", hint, key };
        let body = json!({"note": {"content": content}});
        let request = Request::on(&CREATE_INCIDENT_NOTE, id, Query::new()).writing(body, from.clone(), write);
        let note = NewNote { incident: id.clone(), content, from, author: None };
        self.write(&request, note).await
    }

    /// Returns the notes of an incident, oldest first as PagerDuty gives them.
    pub async fn notes(&self, id: &Id<Incident>) -> Result<Vec<Object>> {
        Ok(self.note_rows(id).await?.into_iter().map(|row| row.shown).collect())
    }

    async fn note_rows(&self, id: &Id<Incident>) -> Result<Vec<Row<Note>>> {
        let (all, selection) = (ListRequest::all(), Note::defaults());
        let listing = self.list_below::<Note, _>(&LIST_INCIDENT_NOTES, id, Query::new(), all, &selection).await?;
        Ok(listing.rows)
    }
}

/// A note that is being written.
struct NewNote<'c> {
    incident: Id<Incident>,
    content: &'c str,
    /// The `From` address of its author.
    from: Option<String>,
    /// The ID of its author, once it is needed.
    author: Option<Id<User>>,
}

impl NewNote<'_> {
    /// Returns the note if it is among those of the incident, or `None` if its author is not known: another user's note
    /// with the same text could not be distinguished from this one.
    async fn find(&mut self, api: &Api, sent: Instant) -> Option<Result<Option<Object>>> {
        if self.author.is_none() {
            self.author = api.author_id(self.from.as_deref()).await;
        }
        let query = NoteQuery { content: self.content, author: self.author.as_ref()?, ledger: &api.account.notes };
        let notes = api.note_rows(&self.incident).await;
        // Without PagerDuty's time an older note with the same text could not be distinguished from this one.
        let since = api.since(sent);
        let is_it = |note: &Row<Note>| since.is_some_and(|since| query.claims(&note.facts, since));
        Some(notes.map(|notes| notes.into_iter().find(is_it).map(|note| note.shown)))
    }
}

impl Verify for NewNote<'_> {
    fn decode(&self, body: &[u8]) -> Result<Object, Unreadable> {
        Ok(with_id(decode::one::<Note>(body, NOTES.one, &Note::defaults())?)?.shown)
    }

    async fn verify(&mut self, api: &Api, sent: Instant, _: &Error) -> Seen {
        match self.find(api, sent).await {
            None => Seen::Unknown("the author of the notes cannot be determined".to_owned()),
            Some(Err(error)) => Seen::Unknown(format!("reading the notes failed: {}", error.message())),
            Some(Ok(None)) => Seen::NotYet("it is not among the incident's notes so far".to_owned()),
            Some(Ok(Some(shown))) => Seen::Done(Changed::new(shown)),
        }
    }

    async fn made_earlier(&mut self, api: &Api, request: &Request, earlier: &Earlier) -> Result<Option<Object>> {
        if let Outcome::Done(Some(shown)) = &earlier.outcome {
            return Ok(Some(shown.clone()));
        }
        let mut verified = 1;
        let why = loop {
            match self.find(api, earlier.sent).await {
                None => {
                    break "the author of the incident's notes cannot be determined, so it was not sent again"
                        .to_owned();
                }
                Some(Err(error)) => {
                    break format!("reading the notes failed, so it was not sent again: {}", error.message());
                }
                Some(Ok(Some(shown))) => return Ok(Some(shown)),
                Some(Ok(None)) if !api.verify_again(verified, VERIFICATIONS_BEFORE_REPEAT).await => return Ok(None),
                Some(Ok(None)) => verified += 1,
            }
        };
        let ago = earlier.sent.elapsed().as_secs();
        let message = format!("an identical call sent this note {ago} s ago and its outcome is not known; {why}");
        let hint = request.write.as_ref().map_or_else(String::new, |write| write.hint.clone());
        Err(Error::new(Code::OutcomeUnknown, message).hint(hint))
    }

    fn outcome(&self, api: &Api, shown: &Object) -> Outcome {
        if let Some(id) = shown.members().get("id").and_then(Value::as_str) {
            api.account.notes.claim(id);
        }
        Outcome::Done(Some(shown.clone()))
    }

    fn earlier_warning(&self) -> String {
        "An earlier call wrote this note, and its answer did not reach you. It was not written again; to write the same \
         text once more, repeat this call."
            .to_owned()
    }

    fn repeat_warning(&self, earlier: &Earlier) -> Option<String> {
        let ago = earlier.sent.elapsed().as_secs();
        Some(format!(
            "An identical call sent this note {ago} s ago, and its outcome is not known. The incident did not have the \
             note, so it was written now; the earlier one may still appear as a second note."
        ))
    }
}

/// Returns the text of a note without the parts that may change on the way: white space around it and at the ends of
/// lines, and the form of line ends.
pub(super) fn comparable(content: &str) -> String {
    let content = content.trim().replace("\r\n", "\n");
    content.split(['\r', '\n']).map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// A search for a note whose response was lost.
struct NoteQuery<'q> {
    content: &'q str,
    author: &'q Id<User>,
    ledger: &'q NoteLedger,
}

impl NoteQuery<'_> {
    /// Returns whether this is the note and no other call has claimed it, and claims it.
    fn claims(&self, note: &Note, since: Timestamp) -> bool {
        self.matches(note, since) && note.id().is_some_and(|id| self.ledger.claim(id))
    }

    /// Returns whether this may be the note: the same text, by the same author, written since.
    fn matches(&self, note: &Note, since: Timestamp) -> bool {
        let same_author = note.author.as_deref() == Some(self.author.as_str());
        let content = note.content.as_deref();
        let same_text = content.is_some_and(|content| comparable(content) == comparable(self.content));
        same_text && same_author && note.created_at.is_some_and(|created| created >= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn note_query_matches_text_author_and_time() {
        let since = "2026-08-01T10:00:00Z".parse().unwrap();
        let (author, ledger) = (Id::parse("P1").unwrap(), NoteLedger::default());
        let query = NoteQuery { content: "on it\nnow", author: &author, ledger: &ledger };
        let matches = |note: Value| query.matches(&Note::from_json(&note), since);
        let note =
            |content: &str, author: Value, at: &str| json!({"content": content, "user": author, "created_at": at});
        assert!(matches(note("on it\nnow", json!({"id": "P1"}), "2026-08-01T10:00:00Z")));
        let changed = note(" on it\r\nnow\n", json!({"id": "P1"}), "2026-08-01T12:00:01+02:00");
        assert!(matches(changed), "as it may come back");
        let old_line_end = note("on it  \rnow", json!({"id": "P1"}), "2026-08-01T10:00:00Z");
        assert!(matches(old_line_end), "an old line end after blanks");
        assert!(!matches(note("on it\n\nnow", json!({"id": "P1"}), "2026-08-01T10:00:00Z")), "one more line");
        assert!(!matches(note("on it\nnow", json!(null), "2026-08-01T10:00:00Z")), "no author");
        assert!(!matches(note("on it", json!({"id": "P1"}), "2026-08-01T10:00:00Z")));
        assert!(!matches(note("on it\nnow", json!({"id": "P2"}), "2026-08-01T10:00:00Z")), "another author");
        assert!(!matches(note("on it\nnow", json!({"id": "P1"}), "2026-08-01T09:59:59Z")), "written before");
        assert!(!matches(note("on it\nnow", json!({"id": "P1"}), "just now")));
    }
}
