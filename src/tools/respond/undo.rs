//! `undo`: takes back a change by its receipt, unless the objects were changed since.

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use pagerduty_api::operations::alerts::{GET_INCIDENT_ALERT, UPDATE_INCIDENT_ALERTS};
use pagerduty_api::operations::incidents::{
    GET_INCIDENT, LIST_INCIDENT_NOTES, SET_INCIDENT_FIELD_VALUES, UPDATE_INCIDENT, UPDATE_INCIDENT_NOTE,
    UPDATE_INCIDENTS,
};
use pagerduty_api::operations::log_entries::LIST_INCIDENT_LOG_ENTRIES;
use pagerduty_api::operations::oncalls::LIST_ON_CALLS;
use pagerduty_api::operations::users::{GET_CURRENT_USER, GET_USER};
use serde_json::Value;

use super::super::{About, Context, Tool, run};
use super::report::{Outcome, Report, Row};
use super::{alerts, note, update};
use crate::client::{CUSTOM, IncidentChange, comparable, has};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Alert, Incident, Note};
use crate::params::{Content, Flag};
use crate::receipts::{Fields, Receipt, Row as Change, is_still};
use crate::reply::Reply;
use crate::tools::investigate::timeline::{self, Entry};

/// Takes back a change.
pub(super) const UNDO: Tool = Tool::new::<Params>(
    "undo",
    About {
        title: "Undo (revert) a change",
        description: "Revert (undo, roll back) a change just made, by its receipt.",
        hint: "undo revert roll back rollback mistake oops just did",
    },
    &[
        &UPDATE_INCIDENT,
        &UPDATE_INCIDENTS,
        &SET_INCIDENT_FIELD_VALUES,
        &UPDATE_INCIDENT_NOTE,
        &UPDATE_INCIDENT_ALERTS,
        &LIST_INCIDENT_NOTES,
        &GET_INCIDENT_ALERT,
        &LIST_INCIDENT_LOG_ENTRIES,
        &GET_INCIDENT,
        &GET_CURRENT_USER,
        &GET_USER,
        &LIST_ON_CALLS,
    ],
    |cx, arguments| run(cx, arguments, undo),
)
.destructive();

crate::params! {
    struct Params {
        "From the answer of the change"
        receipt: Content,
        "Only show what would change"
        dry_run: Flag<false>,
    }
}

async fn undo(cx: Context, params: Params) -> Result<Reply> {
    let key = cx.api.receipt_key().await?;
    let receipt = Receipt::read(params.receipt.as_str(), &key, Timestamp::now())?;
    // The signature is the same for every way in which a receipt is quoted.
    let signed = receipt.sign(&key);
    if cx.api.has_used_receipt(&signed) {
        return Err(Error::new(Code::InvalidReceipt, "the change of this receipt was taken back before")
            .hint("Nothing was sent. To make the change again, pass the receipt of the answer that took it back."));
    }
    let dry_run = params.dry_run.is_on();
    let report = match receipt.kind.as_str() {
        update::KIND => incidents(&cx, &receipt, dry_run).await?,
        note::KIND | alerts::KIND => parts(&cx, &receipt, dry_run).await?,
        other => {
            let message = format!("the receipt is for {other}, which this version cannot undo");
            return Err(Error::new(Code::InvalidReceipt, message).hint("Change the object directly."));
        }
    };
    let is_done = |row: &Row| matches!(row.outcome, Outcome::Applied | Outcome::AlreadySo);
    if report.sent && report.rows.iter().all(is_done) {
        cx.api.uses_receipt(&signed);
    }
    report.reply(&cx).await
}

/// Takes back changes of incidents.
async fn incidents(cx: &Context, receipt: &Receipt, dry_run: bool) -> Result<Report> {
    let wanted = |change: &Change, id: &String| Some((Id::<Incident>::parse(id)?, change.clone()));
    let targets: Vec<_> =
        receipt.rows.iter().flat_map(|change| change.ids.iter().filter_map(|id| wanted(change, id))).collect();
    let ids: Vec<_> = targets.iter().map(|(id, _)| id.clone()).collect();
    let names: Vec<_> = receipt.rows.iter().flat_map(|change| change.before.keys().cloned()).collect();
    let from = if dry_run { None } else { cx.api.author().await? };
    let _held = if dry_run { Vec::new() } else { cx.api.hold_incidents(&ids).await };
    let (states, logs) = tokio::join!(cx.api.incident_fields(&ids, &names), since(cx, receipt, &ids));
    let mut logs = logs.into_iter();
    let (mut rows, mut changes) = (Vec::new(), Vec::new());
    for ((id, change), state) in targets.into_iter().zip(states) {
        let later = logs.next().flatten().and_then(|entries| later_change(&entries, &change.after));
        let now = match state {
            Ok((_, now)) => now,
            Err(error) => {
                rows.push(Row::failed(&id, error));
                continue;
            }
        };
        let mut row = update::planned(&id, &now, &change.before);
        row.problem = None;
        let differs = differences(&change.after, &now);
        if update::is_so(&now, &change.before) {
            row.outcome = Outcome::AlreadySo;
        } else if !differs.is_empty() || later.is_some() {
            row.outcome = Outcome::Conflict;
            row.problem = Some(changed_since(&differs, &now, later.as_deref()));
        } else {
            row.outcome = Outcome::DryRun;
            changes.push((rows.len(), IncidentChange { id, before: now, wanted: change.before }));
        }
        rows.push(row);
    }
    let mut report = Report { rows, ..Report::new(update::KIND, "incidents") };
    if !changes.is_empty() {
        let (users, warnings) = update::paged(cx, &changes).await;
        report.more.insert("pages".to_owned(), users);
        report.warnings.extend(warnings);
    }
    if dry_run {
        return Ok(report);
    }
    let wanted: Vec<_> = changes.iter().map(|(place, change)| (*place, change.wanted.clone())).collect();
    update::apply(cx, changes, from.as_deref(), &mut report).await;
    for (place, wanted) in wanted {
        let Some(row) = report.rows.get(place).filter(|row| row.outcome == Outcome::Applied) else { continue };
        let left: Vec<_> =
            wanted.iter().filter(|(name, value)| is_left(row, name, value)).map(|(name, _)| name).collect();
        if !left.is_empty() {
            let names = left.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            report.warnings.push(format!("PagerDuty did not set back {names} of incident {}.", row.id));
        }
    }
    Ok(report)
}

/// Takes back changes of notes or alerts of an incident.
async fn parts(cx: &Context, receipt: &Receipt, dry_run: bool) -> Result<Report> {
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

/// Returns whether a field of an incident has another value than the wanted one after the change.
fn is_left(row: &Row, name: &str, wanted: &Value) -> bool {
    row.after.get(name).is_some_and(|now| comparable(now) != comparable(wanted))
}

/// The most incidents whose logs are read.
const MOST_LOGS: usize = 50;

/// The time within which the entries of a change follow each other.
const SAME_CHANGE: SignedDuration = SignedDuration::from_secs(5);

/// The fields of incidents, and the kinds of log entries about them.
const KINDS: &[(&str, &[&str])] = &[
    ("status", &["acknowledge", "acknowledgement", "unacknowledge", "resolve", "trigger"]),
    ("assignees", &["assign", "reassign", "escalate", "delegate"]),
    ("escalation_policy", &["delegate"]),
    ("urgency", &["urgency_change"]),
    ("priority", &["priority_change"]),
    ("title", &["field_value_change"]),
    ("incident_type", &["field_value_change"]),
    ("conference_url", &["field_value_change"]),
];

/// Reads the events of incidents since a change, as far as they can be read.
async fn since(cx: &Context, receipt: &Receipt, ids: &[Id<Incident>]) -> Vec<Option<Vec<Entry>>> {
    let since = receipt.at.checked_add(SAME_CHANGE).ok();
    let logs = ids.iter().take(MOST_LOGS).map(|id| async move { timeline::of_incident(cx, id, since).await.ok() });
    join_all(logs).await
}

/// Returns the last event about fields that a change left, in words with its time.
fn later_change(entries: &[Entry], left: &Fields) -> Option<String> {
    let is_about = |entry: &&Entry| {
        let kinds = KINDS.iter().filter(|(name, _)| left.contains_key(*name)).flat_map(|(_, kinds)| *kinds);
        kinds.into_iter().any(|kind| entry.kind == *kind)
            || (entry.kind == "custom_field_value_change" && left.keys().any(|name| name.starts_with(CUSTOM)))
    };
    let last = entries.iter().rev().find(is_about)?;
    Some(format!("{} at {}", last.line, last.at))
}

/// Returns the names of fields whose values are not those that the change left.
fn differences<'r>(left: &'r Fields, now: &Fields) -> Vec<&'r str> {
    let differs =
        |(name, value): &(&String, &Value)| !is_still(value, &comparable(now.get(*name).unwrap_or(&Value::Null)));
    left.iter().filter(differs).map(|(name, _)| name.as_str()).collect()
}

/// Returns the reason why a change cannot be taken back, with the user who changed the status last.
fn changed_since(differs: &[&str], now: &Fields, later: Option<&str>) -> String {
    let mut problem = match differs {
        [] => "Changed since, to the same values.".to_owned(),
        differs => format!("Changed since: {}.", differs.join(", ")),
    };
    if let Some(later) = later {
        problem.extend([" ", later, "."]);
    } else if differs.contains(&"status") {
        let by = now.get("last_status_change_by").and_then(|by| by.get("name")?.as_str());
        let at = now.get("last_status_change_at").and_then(Value::as_str);
        if let Some((by, at)) = by.zip(at) {
            problem.extend([" ", by, " changed the status at ", at, "."]);
        }
    }
    problem.push_str(" Nothing was sent; set the values with update_incidents.");
    problem
}
