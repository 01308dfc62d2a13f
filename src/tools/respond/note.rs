//! `edit_incident_note`: changes or deletes a note of the user.

use pagerduty_api::operations::incidents::{
    DELETE_INCIDENT_NOTE, GET_INCIDENT, LIST_INCIDENT_NOTES, UPDATE_INCIDENT_NOTE,
};
use pagerduty_api::operations::users::GET_CURRENT_USER;
use serde_json::{Value, json};

use super::super::{About, Context, Tool, run};
use super::report::{Outcome, Report, Row};
use super::start;
use crate::client::comparable;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, Note};
use crate::params::{Content, Flag};
use crate::receipts::Fields;
use crate::reply::Reply;

/// The kind of these changes in receipts.
pub(super) const KIND: &str = "note";

/// The longest text that a receipt can restore, in bytes. A model has to copy the receipt.
const LONGEST_UNDONE: usize = 2_000;

/// Changes or deletes a note.
pub(super) const EDIT_INCIDENT_NOTE: Tool = Tool::new::<Params>(
    "edit_incident_note",
    About {
        title: "Edit or delete a note",
        description: "Fix or delete my comment (note).",
        hint: "fix edit change delete note comment typo wrote",
    },
    &[&UPDATE_INCIDENT_NOTE, &DELETE_INCIDENT_NOTE, &LIST_INCIDENT_NOTES, &GET_INCIDENT, &GET_CURRENT_USER],
    |cx, arguments| run(cx, arguments, edit_incident_note),
)
.destructive();

crate::params! {
    struct Params {
        "ID or number"
        incident_id: Id<Incident>,
        "From get_incidents with include_notes"
        note_id: Id<Note>,
        "New text"
        content: Option<Content>,
        "Delete it instead"
        delete: Flag<false>,
        "Only show what would change"
        dry_run: Flag<false>,
    }
}

async fn edit_incident_note(cx: Context, params: Params) -> Result<Reply> {
    let Params { note_id, content, delete, .. } = &params;
    match (content, delete.is_on()) {
        (None, false) => {
            return Err(Error::new(Code::MissingParameter, "neither content nor delete was given")
                .hint("Pass the new text as content, or delete=true."));
        }
        (Some(_), true) => {
            return Err(Error::new(Code::ConflictingParameters, "content contradicts delete")
                .hint("Pass the new text, or delete=true."));
        }
        _ => {}
    }
    let dry_run = params.dry_run.is_on();
    let (id, from) = tokio::try_join!(cx.api.incident_id(&params.incident_id), start::author(&cx, dry_run))?;
    let _held = start::hold(&cx, std::slice::from_ref(&id), dry_run).await;
    let notes = cx.api.notes_by_id(&id).await?;
    let mut report = Report { owner: id.to_string(), ..Report::new(KIND, "notes") };
    let Some(before) = notes.get(note_id.as_str()) else {
        if delete.is_on() && cx.api.has_deleted_note(&id, note_id) {
            report.rows.push(Row::new(note_id, Outcome::AlreadySo));
            return report.reply(&cx).await;
        }
        let message = format!("incident {id} has no note {note_id}");
        let known = notes.keys().rev().take(5).cloned().collect::<Vec<_>>().join(", ");
        return Err(Error::new(Code::NotFound, message).hint(format!(
            "Pass the ID of one of its notes{}; get_incidents with include_notes=true shows them.",
            if known.is_empty() { String::new() } else { format!(", like {known}") }
        )));
    };
    let mut row = Row::new(note_id, Outcome::Applied);
    row.before = only(before);
    let author = before.get("user").filter(|user| !user.is_null());
    let me = cx.api.author_of_writes(from.as_deref()).await;
    if let (Some(author), Some(me)) = (author, me)
        && comparable(author) != me.as_str()
    {
        let name = author.get("name").and_then(Value::as_str).unwrap_or("another user");
        row.outcome = Outcome::Conflict;
        row.problem = Some(format!("It is a note by {name}, and only its author changes it."));
    } else if content.as_ref().is_some_and(|content| before.get("content").is_some_and(|is| is == content.as_str())) {
        row.outcome = Outcome::AlreadySo;
    } else {
        let content = content.as_ref().map(Content::as_str);
        row.after.extend(content.map(|content| ("content".to_owned(), content.into())));
        let left = left(content, &row.before);
        report.without_receipt = left.is_some();
        if dry_run {
            row.outcome = Outcome::DryRun;
            report.preview(json!([]), left.unwrap_or("undo sets the text back."));
        } else {
            if content.is_none() {
                cx.api.deletes_note(&id, note_id);
            }
            let done = cx.api.edit_note(&id, note_id, content, from).await;
            report.sent = cx.api.has_sent();
            match done {
                Ok(done) => report.warnings.extend(done.warning),
                // Another client may have deleted it since it was read.
                Err(error) if content.is_none() && error.code() == Code::NotFound => {
                    let notes = cx.api.notes_by_id(&id).await;
                    if notes.is_ok_and(|notes| !notes.contains_key(note_id.as_str())) {
                        row.outcome = Outcome::AlreadySo;
                    } else {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
            report.warnings.extend(left.map(str::to_owned));
        }
    }
    report.rows.push(row);
    report.reply(&cx).await
}

/// Returns the reason why a change of a note cannot be undone.
fn left(content: Option<&str>, before: &Fields) -> Option<&'static str> {
    let text = before.get("content").and_then(Value::as_str).unwrap_or_default();
    match content {
        None => Some("A deleted note cannot be restored; before has its text."),
        Some(_) if text.len() > LONGEST_UNDONE => Some("The note is too long for a receipt; before has its text."),
        Some(_) => None,
    }
}

/// Returns the text of a note.
pub(super) fn only(note: &Fields) -> Fields {
    note.iter().filter(|(name, _)| *name == "content").map(|(name, value)| (name.clone(), value.clone())).collect()
}
