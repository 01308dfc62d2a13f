//! Takes back changes of notes and alerts of an incident.

use serde_json::{Value, json};

use super::super::report::{Outcome, Report, Row};
use super::super::{alerts, note, start};
use super::since::{conflict, differences};
use crate::client::has;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Alert, Incident, Note};
use crate::receipts::{Fields, Receipt};
use crate::tools::Context;

/// Takes back changes of notes or alerts of an incident.
pub(super) async fn undo(cx: &Context, receipt: &Receipt, dry_run: bool) -> Result<Report> {
    let is_note = receipt.kind == note::KIND;
    let (kind, many) = if is_note { (note::KIND, "notes") } else { (alerts::KIND, "alerts") };
    let from = start::author(cx, dry_run).await?;
    let mut report = Report { owner: receipt.owner.clone(), ..Report::new(kind, many) };
    for change in &receipt.rows {
        // A moved alert is part of the other incident.
        let place = alerts::place(&change.after, &receipt.owner).ok_or_else(|| {
            Error::new(Code::InvalidReceipt, "the receipt has no usable ID").hint("Change the object directly.")
        })?;
        let _held = start::hold(cx, std::slice::from_ref(&place), dry_run).await;
        let ids: Vec<Id<Alert>> = change.ids.iter().filter_map(|id| Id::parse(id)).collect();
        // An alert that another client moved back is part of the incident before.
        let before = alerts::place(&change.before, &receipt.owner);
        let places: Vec<_> = std::iter::once(place.clone()).chain(before).collect();
        let states = if is_note {
            notes(cx, &place, &ids).await?
        } else {
            alerts::states(cx, &places, &ids, &change.before).await
        };
        let mut changes = Vec::new();
        for (id, state) in ids.iter().cloned().zip(states) {
            let state = match state {
                Ok(state) => state,
                Err(error) => {
                    report.rows.push(Row::failed(&id, error));
                    continue;
                }
            };
            let mut row = alerts::planned(&id, &state, &change.before);
            let differs = differences(&change.after, &state);
            if has(&state, &change.before) {
                row.outcome = Outcome::AlreadySo;
            } else if differs.is_empty() {
                changes.push((report.rows.len(), id, state, change.before.clone()));
            } else {
                row.outcome = Outcome::Conflict;
                row.problem = Some(conflict(cx, receipt, &place, &differs, &state).await);
            }
            report.rows.push(row);
        }
        match (dry_run, is_note) {
            (true, _) => {}
            (false, true) => set_notes(cx, &place, changes, from.as_deref(), &mut report).await,
            (false, false) => {
                alerts::apply(cx, &place, changes, from.as_deref(), &mut report).await;
                alerts::look_again(cx, &places, &ids, &change.before, &mut report).await;
            }
        }
    }
    if dry_run {
        report.preview(json!([]), "the receipt of the undo makes the change again.");
    }
    Ok(report)
}

/// Reads notes of an incident.
async fn notes(cx: &Context, incident: &Id<Incident>, ids: &[Id<Alert>]) -> Result<Vec<Result<Fields>>> {
    let notes = cx.api.notes_by_id(incident).await?;
    let of = |id: &Id<Alert>| {
        notes.get(id.as_str()).cloned().ok_or_else(|| {
            let message = format!("incident {incident} has no note {id} any more");
            Error::new(Code::NotFound, message).hint("Add it again with add_incident_note.")
        })
    };
    Ok(ids.iter().map(of).collect())
}

/// Sets the texts of notes back.
async fn set_notes(
    cx: &Context,
    incident: &Id<Incident>,
    changes: Vec<(usize, Id<Alert>, Fields, Fields)>,
    from: Option<&str>,
    report: &mut Report,
) {
    for (place, id, _, wanted) in changes {
        let content = wanted.get("content").and_then(Value::as_str);
        let made = cx.api.edit_note(incident, &id.cast::<Note>(), content, from.map(str::to_owned)).await;
        report.sent |= cx.api.has_sent();
        let Some(row) = report.rows.get_mut(place) else { continue };
        match made {
            Ok(done) => {
                row.outcome = Outcome::Applied;
                report.warnings.extend(done.warning);
            }
            Err(error) => *row = Row::failed(&id, error),
        }
    }
}
