//! `update_alerts`: resolves or reopens alerts of an incident, or moves them to another one.

use pagerduty_api::operations::alerts::{GET_INCIDENT_ALERT, UPDATE_INCIDENT_ALERTS};
use pagerduty_api::operations::incidents::GET_INCIDENT;
use pagerduty_api::operations::users::GET_CURRENT_USER;
use serde_json::{Value, json};

use super::super::{About, Context, Tool, run};
use super::report::{Outcome, Report, Row};
use super::{start, update};
use crate::client::{changed, has};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Alert, Incident};
use crate::params::{Choice, Flag, Targets, Word};
use crate::receipts::Fields;
use crate::reply::Reply;

/// The kind of these changes in receipts.
pub(super) const KIND: &str = "alerts";

/// Changes alerts.
pub(super) const UPDATE_ALERTS: Tool = Tool::new::<Params>(
    "update_alerts",
    About {
        title: "Resolve or move single alerts",
        description: "Resolve or reopen a single alert, or move it to another incident.",
        hint: "alert move resolve reopen different another single one",
    },
    &[&UPDATE_INCIDENT_ALERTS, &GET_INCIDENT_ALERT, &GET_INCIDENT, &GET_CURRENT_USER],
    |cx, arguments| run(cx, arguments, update_alerts),
);

/// The fields of alerts that can be set.
const SETTABLE: [&str; 2] = ["status", "incident"];

/// The statuses that an alert can be given.
#[derive(Clone, Debug)]
struct AlertStatuses;

impl Choice for AlertStatuses {
    const WORDS: &'static [&'static str] = &["resolved", "triggered"];
}

crate::params! {
    struct Params {
        "ID or number"
        incident_id: Id<Incident>,
        "From get_alerts"
        alert_ids: Targets<Alert>,
        "New status"
        status: Option<Word<AlertStatuses>>,
        "Incident that gets them"
        move_to_id: Option<Id<Incident>>,
        "Only show what would change"
        dry_run: Flag<false>,
    }
}

async fn update_alerts(cx: Context, params: Params) -> Result<Reply> {
    if params.status.is_none() && params.move_to_id.is_none() {
        return Err(Error::new(Code::MissingParameter, "neither status nor move_to_id was given")
            .hint("Pass the new status, the incident to move the alerts to, or both."));
    }
    let mut given = vec![params.incident_id.clone()];
    given.extend(params.move_to_id.clone());
    let dry_run = params.dry_run.is_on();
    let (from, ids) = tokio::join!(start::author(&cx, dry_run), cx.api.incident_ids(&given));
    let (from, ids) = (from?, ids.into_iter().collect::<Result<Vec<_>>>()?);
    let Some(incident) = ids.first() else { return Err(Error::new(Code::Internal, "the incident was not read")) };
    let _held = start::hold(&cx, &ids, dry_run).await;
    let mut wanted = Fields::new();
    wanted.extend(params.status.map(|status| ("status".to_owned(), status.get().into())));
    wanted.extend(ids.get(1).map(|target| ("incident".to_owned(), json!({"id": target.as_str()}))));
    let problem = match ids.get(1) {
        Some(target) => resolved(&cx, target).await?,
        None => None,
    };
    let alerts = params.alert_ids.as_slice();
    let mut report = Report { owner: incident.to_string(), ..Report::new(KIND, "alerts") };
    let mut changes = Vec::new();
    for (id, state) in alerts.iter().zip(states(&cx, &ids, alerts, &wanted).await) {
        match state {
            Err(error) => report.rows.push(Row::failed(id, error)),
            Ok(state) if has(&state, &wanted) => report.rows.push(row(id, &state, Outcome::AlreadySo)),
            Ok(state) if problem.is_some() => {
                report.rows.push(Row { problem: problem.clone(), ..row(id, &state, Outcome::Conflict) });
            }
            Ok(state) => {
                changes.push((report.rows.len(), id.clone(), state.clone(), wanted.clone()));
                report.rows.push(planned(id, &state, &wanted));
            }
        }
    }
    if dry_run && !changes.is_empty() {
        report.preview(json!([]), "undo sets the values back.");
    } else if !dry_run {
        apply(&cx, incident, changes, from.as_deref(), &mut report).await;
        look_again(&cx, &ids, alerts, &wanted, &mut report).await;
    }
    report.reply(&cx).await
}

/// Reads alerts once more whose change PagerDuty refused: another client may have made it since they were read.
pub(super) async fn look_again(
    cx: &Context,
    incidents: &[Id<Incident>],
    alerts: &[Id<Alert>],
    wanted: &Fields,
    report: &mut Report,
) {
    let is_refused = |row: &&mut Row| {
        let is_refusal =
            |error: &Error| matches!(error.http_status(), Some(400 | 404)) && error.code() != Code::OutcomeUnknown;
        row.error.as_ref().is_some_and(is_refusal)
    };
    for row in report.rows.iter_mut().filter(is_refused) {
        let Some(id) = alerts.iter().find(|id| id.as_str() == row.id) else { continue };
        let states = states(cx, incidents, std::slice::from_ref(id), wanted).await;
        if states.iter().flatten().any(|state| has(state, wanted)) {
            *row = Row { head: std::mem::take(&mut row.head), ..Row::new(id, Outcome::AlreadySo) };
        }
    }
}

/// Returns the reason why an incident takes no alerts, if there is one.
async fn resolved(cx: &Context, id: &Id<Incident>) -> Result<Option<String>> {
    let mut states = cx.api.incident_fields(std::slice::from_ref(id), &[]).await;
    let state = states.pop().transpose()?.map(|(_, state)| state).unwrap_or_default();
    let is_resolved = state.get("status").is_some_and(|status| status == "resolved");
    Ok(is_resolved.then(|| "The incident that gets it is resolved. Choose an open one, or reopen it.".to_owned()))
}

/// Reads alerts of the first of these incidents. An alert that is not part of it may have been moved to the second one
/// already.
pub(super) async fn states(
    cx: &Context,
    incidents: &[Id<Incident>],
    alerts: &[Id<Alert>],
    wanted: &Fields,
) -> Vec<Result<Fields>> {
    let Some((incident, targets)) = incidents.split_first() else { return Vec::new() };
    let mut states = cx.api.alert_fields(incident, alerts).await;
    for (id, state) in alerts.iter().zip(&mut states) {
        let is_gone = state.as_ref().is_err_and(|error| error.code() == Code::NotFound);
        let Some(target) = targets.first().filter(|_| is_gone) else { continue };
        let mut found = cx.api.alert_fields(target, std::slice::from_ref(id)).await.into_iter().flatten();
        if let Some(moved) = found.next().filter(|moved| has(moved, wanted)) {
            *state = Ok(moved);
        }
    }
    states
}

pub(super) fn row(id: &Id<Alert>, state: &Fields, outcome: Outcome) -> Row {
    let mut row = Row::new(id, outcome);
    row.head.extend(state.get("summary").map(|summary| ("title".to_owned(), summary.clone())));
    row
}

/// Returns the row of an alert before anything is sent for it.
pub(super) fn planned(id: &Id<Alert>, state: &Fields, wanted: &Fields) -> Row {
    let mut row = row(id, state, Outcome::DryRun);
    row.after = changed(wanted, state);
    row.before = state.iter().filter(|(name, _)| row.after.contains_key(*name)).map(update::owned).collect();
    row
}

/// Sends the changes of alerts of an incident, and records what happened to each.
pub(super) async fn apply(
    cx: &Context,
    incident: &Id<Incident>,
    changes: Vec<(usize, Id<Alert>, Fields, Fields)>,
    from: Option<&str>,
    report: &mut Report,
) {
    if changes.is_empty() {
        return;
    }
    let wanted: Vec<_> = changes.iter().map(|(_, id, _, wanted)| (id.clone(), wanted.clone())).collect();
    let outcomes = cx.api.set_alerts(incident, &wanted, from).await;
    report.sent |= cx.api.has_sent();
    for ((place, id, before, _), outcome) in changes.into_iter().zip(outcomes) {
        let Some(row) = report.rows.get_mut(place) else { continue };
        match outcome {
            Ok(after) => {
                let mut known = before.clone();
                known.extend(after);
                (row.before, row.after) = (changed(&before, &known), changed(&known, &before));
                for side in [&mut row.before, &mut row.after] {
                    side.retain(|name, _| SETTABLE.contains(&name.as_str()));
                }
                row.outcome = Outcome::Applied;
            }
            Err(error) => *row = Row { head: std::mem::take(&mut row.head), ..Row::failed(&id, error) },
        }
    }
}

/// Returns the incident that has an alert after a change.
pub(super) fn place(after: &Fields, owner: &str) -> Option<Id<Incident>> {
    Id::parse(after.get("incident").and_then(Value::as_str).unwrap_or(owner))
}
