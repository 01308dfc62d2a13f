//! `update_incidents`: changes fields of one or many incidents.

use std::collections::BTreeSet;

use pagerduty_api::operations::incidents::{
    GET_INCIDENT, SET_INCIDENT_FIELD_VALUES, UPDATE_INCIDENT, UPDATE_INCIDENTS as UPDATE_MANY,
};
use pagerduty_api::operations::oncalls::LIST_ON_CALLS;
use pagerduty_api::operations::users::{GET_CURRENT_USER, GET_USER};
use serde_json::{Value, json};

use super::super::{About, Context, Tool, run};
use super::reach;
use super::report::{Outcome, Report, Row};
use crate::client::{CUSTOM, IncidentChange, IncidentOutcome, has, settable_changes};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{EscalationPolicy, Incident, Priority, User};
use crate::params::{Flag, Ids, Limit, Statuses, Targets, Text, Texts, Urgencies, WebAddress, Word};
use crate::receipts::Fields;
use crate::reply::Reply;

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
        fields: Texts,
        "Of the call"
        conference_url: Option<WebAddress>,
        "Only show what would change, and whom it pages"
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
        set("incident_type", text(&self.incident_type));
        set("conference_url", self.conference_url.as_ref().map(|address| address.as_str().into()));
        if wanted.is_empty() && self.fields.as_slice().is_empty() {
            return Err(Error::new(Code::MissingParameter, "nothing to change was given")
                .hint("Pass status, priority, assignee_ids or another field to change."));
        }
        Ok(wanted)
    }

    /// Returns the custom fields, each with its value as text.
    fn custom(&self) -> Result<Vec<(String, String)>> {
        let field = |line: &String| {
            let (name, value) = line.split_once('=').filter(|(name, _)| !name.trim().is_empty()).ok_or_else(|| {
                Error::new(Code::InvalidParameter, format!("fields has {line:?}, which is not name=value"))
                    .hint("Write each like environment=production; an empty value clears the field.")
            })?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        };
        self.fields.as_slice().iter().map(field).collect()
    }
}

async fn update_incidents(cx: Context, params: Params) -> Result<Reply> {
    let (wanted, custom) = (params.wanted()?, params.custom()?);
    let mut names: Vec<_> = wanted.keys().cloned().collect();
    names.extend(custom.iter().map(|(name, _)| format!("{CUSTOM}{name}")));
    let ids = params.incident_ids.as_slice();
    let from = async { if params.dry_run.is_on() { Ok(None) } else { cx.api.author().await } };
    let (from, known) = tokio::join!(from, cx.api.incident_ids(ids));
    let from = from?;
    let found: Vec<_> = known.iter().filter_map(|id| id.as_ref().ok().cloned()).collect();
    let _held = if params.dry_run.is_on() { Vec::new() } else { cx.api.hold_incidents(&found).await };
    let mut states = cx.api.incident_fields(&found, &names).await.into_iter();
    let (mut rows, mut changes) = (Vec::new(), Vec::new());
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
        let mut wanted = wanted.clone();
        wanted.extend(typed(&custom, &before)?);
        let row = planned(&id, &before, &wanted);
        if row.outcome == Outcome::DryRun {
            changes.push((rows.len(), IncidentChange { id, before, wanted }));
        }
        rows.push(row);
    }
    let mut report = Report { rows, ..Report::new(KIND, "incidents") };
    if params.dry_run.is_on() {
        preview(&cx, &params, &changes, &mut report).await;
    } else {
        apply(&cx, changes, from.as_deref(), &mut report).await;
    }
    report.reply(&cx).await
}

/// Returns the row of an incident before anything is sent for it.
pub(super) fn planned(id: &Id<Incident>, before: &Fields, wanted: &Fields) -> Row {
    let readable: Fields = wanted
        .iter()
        .filter(|(name, _)| !["resolution", "escalation_level"].contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let after = settable_changes(&readable, before);
    let outcome = match obstacle(before, wanted) {
        Some(_) => Outcome::Conflict,
        None if after.is_empty() && !wanted.contains_key("escalation_level") => Outcome::AlreadySo,
        None => Outcome::DryRun,
    };
    let mut row = Row { problem: obstacle(before, wanted).map(str::to_owned), ..Row::new(id, outcome) };
    row.head = head(before);
    row.before = before.iter().filter(|(name, _)| after.contains_key(*name)).map(owned).collect();
    row.after = after;
    row
}

fn owned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

/// Returns the members of an incident that identify it.
pub(super) fn head(state: &Fields) -> Fields {
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

/// Adds to a preview whom the changes would page, and what undoing them would take.
async fn preview(cx: &Context, params: &Params, changes: &[(usize, IncidentChange)], report: &mut Report) {
    if changes.is_empty() {
        return;
    }
    let (users, warnings) = paged(cx, changes).await;
    let pages = users.as_array().is_some_and(|users| !users.is_empty());
    report.warnings.extend(warnings);
    report.more.insert("pages".to_owned(), users);
    let status = params.status.as_ref().map(Word::get);
    let cost = match status {
        Some("resolved") if params.resolution.is_some() => {
            "undo reopens them, which pages their assignees again; the resolution stays as a note."
        }
        Some("resolved") => "undo reopens them, which pages their assignees again.",
        Some("acknowledged") => "undo triggers them again, which pages their assignees.",
        _ if pages => "undo sets the values back; pages that were sent stay sent.",
        _ => "undo sets the values back.",
    };
    report.more.insert("undo".to_owned(), cost.into());
}

/// Returns the users whom changes would page, and warnings.
pub(super) async fn paged(cx: &Context, changes: &[(usize, IncidentChange)]) -> (Value, Vec<String>) {
    let (mut ids, mut levels) = (BTreeSet::new(), BTreeSet::new());
    for (_, IncidentChange { before, wanted, .. }) in changes {
        let assigned = users(before);
        ids.extend(users(wanted).difference(&assigned).cloned());
        let of = |fields: &Fields| fields.get("escalation_policy").and_then(id_of);
        let reopens = wanted.get("status").is_some_and(|status| status == "triggered")
            && before.get("status").is_some_and(|status| status == "resolved");
        let level = wanted.get("escalation_level").and_then(Value::as_u64);
        let moves = wanted.contains_key("escalation_policy") || (reopens && users(wanted).is_empty());
        if let Some(policy) = of(wanted).or_else(|| of(before)).filter(|_| moves || level.is_some()) {
            levels.insert((policy, usize::try_from(level.unwrap_or(1)).unwrap_or(usize::MAX)));
        }
        // An incident that is triggered again pages its assignees.
        let is = |fields: &Fields, status: &str| fields.get("status").is_some_and(|is| is == status);
        if is(wanted, "triggered") && !is(before, "triggered") {
            ids.extend(if users(wanted).is_empty() { assigned } else { users(wanted) });
        }
    }
    reach::pages(cx, ids, &levels).await
}

fn id_of(value: &Value) -> Option<String> {
    value.get("id").unwrap_or(value).as_str().map(str::to_owned)
}

/// Returns the IDs of the assignees in a state.
fn users(state: &Fields) -> BTreeSet<String> {
    state.get("assignees").and_then(Value::as_array).into_iter().flatten().filter_map(id_of).collect()
}

/// Returns custom fields with values of their types.
fn typed(custom: &[(String, String)], state: &Fields) -> Result<Fields> {
    let types = state.get("field_types").and_then(Value::as_object);
    let known: Vec<_> = types.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let field = |(name, text): &(String, String)| {
        let unknown = || {
            let hint = if known.is_empty() {
                "The incident has no custom fields.".to_owned()
            } else {
                format!("Its custom fields: {}.", known.join(", "))
            };
            Error::new(Code::InvalidParameter, format!("fields names {name:?}, which the incident does not have"))
                .hint(hint)
        };
        let kind = types.and_then(|types| types.get(name)).and_then(Value::as_str).ok_or_else(unknown)?;
        let (kind, is_list) = kind.strip_prefix("list of ").map_or((kind, false), |kind| (kind, true));
        let one = |text: &str| match kind {
            "integer" => text.parse::<i64>().ok().map(Value::from),
            "float" => text.parse::<f64>().ok().map(Value::from),
            "boolean" => text.parse::<bool>().ok().map(Value::from),
            _ => Some(text.into()),
        };
        let value = match (text.is_empty(), is_list) {
            (true, _) => Some(Value::Null),
            (false, true) => text.split(',').map(|part| one(part.trim())).collect::<Option<Value>>(),
            (false, false) => one(text),
        };
        let value = value.ok_or_else(|| {
            Error::new(Code::InvalidParameter, format!("fields sets {name} to {text:?}, which is not of type {kind}"))
                .hint("Write it like customers_affected=42 or resolved_early=true.")
        })?;
        Ok((format!("{CUSTOM}{name}"), value))
    };
    custom.iter().map(field).collect()
}

/// Returns whether an incident has these values already.
pub(super) fn is_so(state: &Fields, wanted: &Fields) -> bool {
    has(state, wanted)
}
