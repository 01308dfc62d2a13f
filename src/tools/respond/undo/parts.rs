//! Takes back changes of notes and alerts of an incident.

use serde_json::Value;

use super::super::report::{Outcome, Report, Row};
use super::super::{alerts, note};
use super::since::differences;
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
    let from = if dry_run { None } else { cx.api.author().await? };
    let mut report = Report { owner: receipt.owner.clone(), ..Report::new(kind, many) };
    for change in &receipt.rows {
        // A moved alert is part of the other incident.
        let place = alerts::place(&change.after, &receipt.owner).ok_or_else(|| {
            Error::new(Code::InvalidReceipt, "the receipt has no usable ID").hint("Change the object directly.")
        })?;
        let _held = if dry_run { Vec::new() } else { cx.api.hold_incidents(std::slice::from_ref(&place)).await };
        let ids: Vec<Id<Alert>> = change.ids.iter().filter_map(|id| Id::parse(id)).collect();
        let states = if is_note { notes(cx, &place, &ids).await? } else { cx.api.alert_fields(&place, &ids).await };
        let mut changes = Vec::new();
        for (id, state) in ids.into_iter().zip(states) {
            let state = match state {
                Ok(state) => state,
                Err(error) => {
                    report.rows.push(Row::failed(&id, error));
                    continue;
                }
            };
            let mut row = alerts::row(&id, &state, Outcome::DryRun);
            let differs = differences(&change.after, &state);
            if has(&state, &change.before) {
                row.outcome = Outcome::AlreadySo;
            } else if differs.is_empty() {
                row.before = known(&state, &change.before);
                row.after.clone_from(&change.before);
                changes.push((report.rows.len(), id, state, change.before.clone()));
            } else {
                row.outcome = Outcome::Conflict;
                row.problem = Some(format!("Changed since: {}. Nothing was sent.", differs.join(", ")));
            }
            report.rows.push(row);
        }
        match (dry_run, is_note) {
            (true, _) => {}
            (false, true) => set_notes(cx, &place, changes, from.as_deref(), &mut report).await,
            (false, false) => alerts::apply(cx, &place, changes, from.as_deref(), &mut report).await,
        }
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

/// Returns the values of an object under the names of other fields.
fn known(state: &Fields, names: &Fields) -> Fields {
    names.keys().filter_map(|name| Some((name.clone(), state.get(name)?.clone()))).collect()
}
