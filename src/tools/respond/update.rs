//! `update_incidents`: changes fields of one or many incidents.

mod custom;
mod preview;

use std::collections::HashSet;

use pagerduty_api::operations::escalation_policies::GET_ESCALATION_POLICY;
use pagerduty_api::operations::incidents::{
    GET_INCIDENT, LIST_INCIDENT_TYPES, SET_INCIDENT_FIELD_VALUES, UPDATE_INCIDENT, UPDATE_INCIDENTS as UPDATE_MANY,
};
use pagerduty_api::operations::oncalls::LIST_ON_CALLS;
use pagerduty_api::operations::priorities::LIST_PRIORITIES;
use pagerduty_api::operations::users::{GET_CURRENT_USER, GET_USER};
use serde_json::{Value, json};

use super::super::{About, Context, Tool, run};
use super::report::{Outcome, Report, Row};
use super::start;
use crate::client::{CUSTOM, IncidentChange, IncidentOutcome, RESOLUTION, SENT_ONLY, has, settable_changes};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{EscalationPolicy, Incident, Priority, User};
use crate::params::{Flag, Ids, Limit, Settings, Statuses, Targets, Text, Urgencies, WebAddress, Word};
use crate::receipts::Fields;
use crate::reply::Reply;
use custom::typed;
pub(super) use preview::paged;
use preview::{Levels, preview};

/// The kind of these changes in receipts.
pub(super) const KIND: &str = "incidents";

/// Changes incidents.
pub(super) const UPDATE_INCIDENTS: Tool = Tool::new::<Params>(
    "update_incidents",
    About {
        title: "Update incidents: reassign, escalate, priority",
        description: "Ack, resolve (close), reopen, reassign or escalate one or many incidents; change priority (P1), urgency, \
                      title, fields. Only when the user asks.",
        hint: "reassign assign another engineer escalate priority p1 urgency reopen ack acknowledge resolve close all raise \
               next level",
    },
    &[
        &UPDATE_INCIDENT,
        &UPDATE_MANY,
        &SET_INCIDENT_FIELD_VALUES,
        &GET_INCIDENT,
        &GET_CURRENT_USER,
        &GET_USER,
        &LIST_ON_CALLS,
        &LIST_INCIDENT_TYPES,
        &LIST_PRIORITIES,
        &GET_ESCALATION_POLICY,
    ],
    |cx, arguments| run(cx, arguments, update_incidents),
);

crate::params! {
    struct Params {
        "IDs or numbers"
        incident_ids: Targets<Incident>,
        "Reopens if triggered"
        status: Option<Word<Statuses>>,
        "How it was resolved"
        resolution: Option<Text>,
        "New title"
        title: Option<Text>,
        "New urgency"
        urgency: Option<Word<Urgencies>>,
        "Name, like P1"
        priority: Option<Id<Priority>>,
        "Users to assign; they are paged"
        assignee_ids: Ids<User>,
        "Assign by this policy; pages its on-call"
        policy_id: Option<Id<EscalationPolicy>>,
        "Escalate to this level; pages it"
        escalation_level: Option<Limit>,
        "Name of the type"
        incident_type: Option<Text>,
        "Custom fields: name=value"
        fields: Settings,
        "Of the call"
        conference_url: Option<WebAddress>,
        "Only show what would change"
        dry_run: Flag<false>,
    }
}

impl Params {
    /// Returns the wanted values but for the custom fields, whose types are not known yet.
    fn wanted(&self) -> Result<Fields> {
        let status = self.status.as_ref().map(Word::get);
        let (pages, conflict) = (
            [
                ("assignee_ids", !self.assignee_ids.as_slice().is_empty()),
                ("policy_id", self.policy_id.is_some()),
                ("escalation_level", self.escalation_level.is_some()),
            ],
            |one: &str, other: &str| Error::new(Code::ConflictingParameters, format!("{one} contradicts {other}")),
        );
        let given: Vec<_> = pages.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
        if given.len() > 1 && given.first() == Some(&"assignee_ids") {
            let hint = "Pass the users, or the policy and its level.";
            return Err(conflict("assignee_ids", given.last().unwrap_or(&"")).hint(hint));
        }
        if let Some(name) = given.first().filter(|_| status == Some("resolved")) {
            let hint = "A resolved incident has no assignees: pass one of the two.";
            return Err(conflict(name, "status resolved").hint(hint));
        }
        if self.resolution.is_some() && status != Some("resolved") {
            let message = "resolution needs status resolved".to_owned();
            return Err(Error::new(Code::MissingParameter, message).hint("Pass status=resolved, or add a note."));
        }
        let mut wanted = Fields::new();
        let mut set = |name: &str, value: Option<Value>| wanted.extend(value.map(|value| (name.to_owned(), value)));
        let text = |text: &Option<Text>| text.as_ref().map(|text| Value::from(text.to_string()));
        set("status", status.map(Value::from));
        set("resolution", text(&self.resolution));
        set("title", text(&self.title));
        set("urgency", self.urgency.as_ref().map(|urgency| urgency.get().into()));
        set("priority", self.priority.as_ref().map(|id| json!({"id": id.as_str()})));
        let users: Vec<_> = self.assignee_ids.as_slice().iter().map(|id| json!({"id": id.as_str()})).collect();
        set("assignees", (!users.is_empty()).then(|| users.into()));
        set("escalation_policy", self.policy_id.as_ref().map(|id| json!({"id": id.as_str()})));
        set("escalation_level", self.escalation_level.map(|level| level.get().into()));
        // Its name may be another than the given one.
        set("incident_type", text(&self.incident_type));
        set("conference_url", self.conference_url.as_ref().map(|address| address.as_str().into()));
        if wanted.is_empty() && self.fields.as_slice().is_empty() {
            return Err(Error::new(Code::MissingParameter, "nothing to change was given")
                .hint("Pass status, priority, assignee_ids or another field to change."));
        }
        Ok(wanted)
    }
}

async fn update_incidents(cx: Context, params: Params) -> Result<Reply> {
    let (mut wanted, custom) = (params.wanted()?, params.fields.as_slice());
    if let Some(kind) = &params.incident_type {
        wanted.insert("incident_type".to_owned(), cx.api.incident_type(&kind.to_string()).await?.into());
    }
    let mut names: Vec<_> = wanted.keys().cloned().collect();
    names.extend(custom.iter().map(|(name, _)| format!("{CUSTOM}{name}")));
    let ids = params.incident_ids.as_slice();
    let dry_run = params.dry_run.is_on();
    let (from, known) = tokio::join!(start::author(&cx, dry_run), cx.api.incident_ids(ids));
    let from = from?;
    let found: Vec<_> = known.iter().filter_map(|id| id.as_ref().ok().cloned()).collect();
    let _held = start::hold(&cx, &found, dry_run).await;
    let states = cx.api.incident_fields(&found, &names).await;
    let levels = Levels::read(&cx, &wanted, states.iter().flatten().map(|(_, before)| before)).await;
    let (mut states, mut rows, mut changes) = (states.into_iter(), Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for (given, known) in ids.iter().zip(known) {
        let read = match known {
            Ok(_) => states.next().unwrap_or_else(|| Err(Error::new(Code::Internal, "an incident was not read"))),
            Err(error) => Err(error),
        };
        let (id, before) = match read {
            Ok(read) => read,
            Err(error) => {
                rows.push(Row::failed(given, error));
                continue;
            }
        };
        // An incident may be given by its number and by its ID.
        if !seen.insert(id.to_string()) {
            continue;
        }
        let mut wanted = wanted.clone();
        match typed(custom, &before) {
            Ok(typed) => wanted.extend(typed),
            Err(error) => {
                rows.push(Row { head: head(&before), ..Row::failed(&id, error) });
                continue;
            }
        }
        let row = levels.checked(planned(&id, &before, &wanted), &before, &wanted);
        if row.outcome == Outcome::DryRun {
            let wanted = needed(&before, &wanted);
            changes.push((rows.len(), IncidentChange { id, before, wanted }));
        }
        rows.push(row);
    }
    let mut report = Report { rows, ..Report::new(KIND, "incidents") };
    if dry_run {
        preview(&cx, &changes, &mut report).await;
    } else {
        apply(&cx, changes, from.as_deref(), &mut report).await;
    }
    report.reply(&cx).await
}

/// Returns the values that differ from those of an incident. A repeated status would be a further event in its log.
fn needed(before: &Fields, wanted: &Fields) -> Fields {
    let mut needed = settable_changes(wanted, before);
    needed.extend(wanted.iter().filter(|(name, _)| SENT_ONLY.contains(&name.as_str())).map(owned));
    if !needed.contains_key("status") {
        needed.shift_remove(RESOLUTION);
    }
    needed
}

/// Returns the row of an incident before anything is sent for it.
pub(super) fn planned(id: &Id<Incident>, before: &Fields, wanted: &Fields) -> Row {
    let mut after = needed(before, wanted);
    let outcome = match obstacle(before, wanted) {
        Some(_) => Outcome::Conflict,
        None if after.is_empty() => Outcome::AlreadySo,
        None => Outcome::DryRun,
    };
    if outcome != Outcome::DryRun {
        after.retain(|name, _| !SENT_ONLY.contains(&name.as_str()));
    }
    let mut row = Row { problem: obstacle(before, wanted).map(str::to_owned), ..Row::new(id, outcome) };
    row.head = head(before);
    row.before = before.iter().filter(|(name, _)| after.contains_key(*name)).map(owned).collect();
    row.after = after;
    row
}

/// Returns a field with its own name and value.
pub(super) fn owned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

/// Returns the members of an incident that identify it.
pub(in crate::tools) fn head(state: &Fields) -> Fields {
    let members = ["incident_number", "title"].into_iter();
    members
        .filter_map(|name| Some((name.to_owned(), state.get(name).filter(|value| !value.is_null())?.clone())))
        .collect()
}

/// Returns why the state of an incident does not allow a change.
fn obstacle(before: &Fields, wanted: &Fields) -> Option<&'static str> {
    let is_resolved = before.get("status").is_some_and(|status| status == "resolved");
    let status = wanted.get("status").and_then(Value::as_str);
    let assigns = ["assignees", "escalation_policy", "escalation_level"].iter().any(|name| wanted.contains_key(*name));
    match status {
        Some("acknowledged") if is_resolved => Some("It is resolved. Pass status=triggered to reopen it."),
        None if is_resolved && assigns => {
            Some("It is resolved, so no user can be assigned. Pass status=triggered, too.")
        }
        _ => None,
    }
}

/// Sends the changes, and records what happened to each incident.
pub(super) async fn apply(
    cx: &Context,
    changes: Vec<(usize, IncidentChange)>,
    from: Option<&str>,
    report: &mut Report,
) {
    let (places, changes): (Vec<_>, Vec<_>) = changes.into_iter().unzip();
    let outcomes = cx.api.set_incident_fields(&changes, from).await;
    for ((place, change), outcome) in places.into_iter().zip(&changes).zip(outcomes) {
        let Some(row) = report.rows.get_mut(place) else { continue };
        report.sent |= cx.api.has_sent();
        let warnings = settle(row, change, outcome);
        report.warnings.extend(warnings);
    }
    report.warnings.dedup();
}

/// Records the outcome of a change in its row, and returns warnings.
fn settle(row: &mut Row, change: &IncidentChange, outcome: IncidentOutcome) -> Vec<String> {
    let IncidentOutcome { after, applied, by_another, error, warnings } = outcome;
    row.before = settable_changes(&change.before, &after);
    row.after = settable_changes(&after, &change.before);
    if applied {
        row.after.extend(change.wanted.iter().filter(|(name, _)| *name == RESOLUTION).map(owned));
    }
    row.problem = error.as_ref().map(ToString::to_string);
    row.outcome = match &error {
        None if by_another && !applied => Outcome::AlreadySo,
        None => Outcome::Applied,
        Some(_) if applied => Outcome::Partial,
        Some(error) if error.code() == Code::OutcomeUnknown => Outcome::Unknown,
        Some(_) => Outcome::Failed,
    };
    row.error = error;
    warnings
}

/// Returns whether an incident has these values already.
pub(super) fn is_so(state: &Fields, wanted: &Fields) -> bool {
    has(state, wanted)
}
