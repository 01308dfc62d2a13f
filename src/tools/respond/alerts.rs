//! `update_alerts`: resolves or reopens alerts of an incident, or moves them to another one.

use pagerduty_api::operations::alerts::{GET_INCIDENT_ALERT, UPDATE_INCIDENT_ALERTS};
use pagerduty_api::operations::incidents::GET_INCIDENT;
use pagerduty_api::operations::users::GET_CURRENT_USER;
use serde_json::{Value, json};

use super::super::{About, Context, Tool, run};
use super::report::{Outcome, Report, Row};
use crate::client::{changed, has};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Alert, Incident};
use crate::params::{Choice, Targets, Word};
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
    }
}

async fn update_alerts(cx: Context, params: Params) -> Result<Reply> {
    if params.status.is_none() && params.move_to_id.is_none() {
        return Err(Error::new(Code::MissingParameter, "neither status nor move_to_id was given")
            .hint("Pass the new status, the incident to move the alerts to, or both."));
    }
    let mut given = vec![params.incident_id.clone()];
    given.extend(params.move_to_id.clone());
    let (from, ids) = tokio::join!(cx.api.author(), cx.api.incident_ids(&given));
    let (from, ids) = (from?, ids.into_iter().collect::<Result<Vec<_>>>()?);
    let Some(incident) = ids.first() else { return Err(Error::new(Code::Internal, "the incident was not read")) };
    let _held = cx.api.hold_incidents(&ids).await;
    let mut wanted = Fields::new();
    wanted.extend(params.status.map(|status| ("status".to_owned(), status.get().into())));
    wanted.extend(ids.get(1).map(|target| ("incident".to_owned(), json!({"id": target.as_str()}))));
    let alerts = params.alert_ids.as_slice();
    let mut report = Report { owner: incident.to_string(), ..Report::new(KIND, "alerts") };
    let mut changes = Vec::new();
    for (id, state) in alerts.iter().zip(cx.api.alert_fields(incident, alerts).await) {
        match state {
            Err(error) => report.rows.push(Row::failed(id, error)),
            Ok(state) if has(&state, &wanted) => report.rows.push(row(id, &state, Outcome::AlreadySo)),
            Ok(state) => {
                changes.push((report.rows.len(), id.clone(), state.clone(), wanted.clone()));
                report.rows.push(row(id, &state, Outcome::DryRun));
            }
        }
    }
    apply(&cx, incident, changes, from.as_deref(), &mut report).await;
    report.reply(&cx).await
}

pub(super) fn row(id: &Id<Alert>, state: &Fields, outcome: Outcome) -> Row {
    let mut row = Row::new(id, outcome);
    row.head.extend(state.get("summary").map(|summary| ("title".to_owned(), summary.clone())));
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
