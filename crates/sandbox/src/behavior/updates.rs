//! Updates of an incident: <https://developer.pagerduty.com/api-reference/8a0e1aa2ec666-update-an-incident>.
//!
//! Status, title, urgency, priority, service, escalation policy and level, assignments, conference bridge and resolution
//! take effect. Other fields are ignored, as clients send back whole objects.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::changes::{Change, Record};
use super::incidents::shown;
use crate::account::{Account, Bridge};
use crate::call::Call;
use crate::documents::text as text_of;
use crate::kinds::PRIORITY;
use crate::reply::{self, Answer, OrNotFound, Problem};

/// The maximum number of incidents that one request may update.
const MAX_BATCH: usize = 250;

/// Answers `PUT /incidents/{id}`, by ID only.
pub fn update(account: &mut Account, call: &Call) -> Answer {
    let by = call.actor(account)?;
    account.incident(&call.id).or_404()?;
    let body = call.body()?;
    let fields = body.get("incident").ok_or_else(|| Problem::invalid("Incident cannot be empty."))?;
    let record = Record { at: account.clock.now(), by, incident: call.id.clone(), change: read(account, fields)? };
    account.perform(record)?;
    let view = call.view(account, &[]);
    reply::one("incident", &shown(account.incident(&call.id).or_404()?, view))
}

/// Answers `PUT /incidents`: all of them are updated, or none if one is wrong.
pub fn update_many(account: &mut Account, call: &Call) -> Answer {
    let by = call.actor(account)?;
    let body = call.body()?;
    let incidents = body.get("incidents").and_then(Value::as_array);
    let incidents = incidents.ok_or_else(|| Problem::invalid("Incidents cannot be empty."))?;
    if incidents.len() > MAX_BATCH {
        return Err(Problem::too_many_incidents());
    }
    let now = account.clock.now();
    let record = |fields| {
        let id = text(fields, "id")?.ok_or_else(|| Problem::invalid("Every incident needs an id."))?;
        Ok(Record { at: now, by: by.clone(), incident: id, change: read(account, fields)? })
    };
    let records = incidents.iter().map(record).collect::<Result<Vec<_>, Problem>>()?;
    records.iter().try_for_each(|record| account.check(record))?;
    for record in &records {
        account.perform(record.clone())?;
    }
    let view = call.view(account, &[]);
    let incidents = records.iter().map(|record| Ok(shown(account.incident(&record.incident).or_404()?, view)));
    reply::all("incidents", incidents.collect::<Result<Vec<_>, Problem>>()?)
}

/// Returns the change that the fields of an incident ask for.
pub(super) fn read(account: &Account, fields: &Value) -> Result<Change, Problem> {
    if !matches!(fields.get("type").and_then(Value::as_str), Some("incident" | "incident_reference")) {
        return Err(Problem::invalid("Type must be incident or incident_reference."));
    }
    let title = text(fields, "title")?;
    if title.as_ref().is_some_and(|title| title.trim().is_empty()) {
        return Err(Problem::invalid("Title cannot be empty."));
    }
    Ok(Change {
        status: field(fields, "status", "triggered, acknowledged or resolved")?,
        title,
        urgency: field(fields, "urgency", "high or low")?,
        priority: priority(account, fields)?,
        service: reference(fields, "service")?,
        escalation_policy: reference(fields, "escalation_policy")?,
        escalation_level: field(fields, "escalation_level", "a number")?,
        assignees: assignees(fields)?,
        conference_bridge: field::<Bridge>(
            fields,
            "conference_bridge",
            "an object with conference_number and conference_url",
        )?,
        kind: kind(fields)?,
        response: None,
        note: text(fields, "resolution")?.map(|resolution| format!("Resolution Note: {resolution}")),
        ..Change::default()
    })
}

/// Returns the value of a field, unless it is absent or null.
fn field<T: DeserializeOwned>(fields: &Value, name: &str, expected: &str) -> Result<Option<T>, Problem> {
    let Some(value) = fields.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    T::deserialize(value).map(Some).map_err(|_| Problem::invalid(format!("{} must be {expected}.", title_of(name))))
}

pub(super) fn text(fields: &Value, name: &str) -> Result<Option<String>, Problem> {
    field(fields, name, "a string")
}

/// Returns the name of a type.
fn kind(fields: &Value) -> Result<Option<String>, Problem> {
    let Some(value) = fields.get("incident_type").filter(|value| !value.is_null()) else { return Ok(None) };
    let name = value.get("name").and_then(Value::as_str).map(|name| Some(name.to_owned()));
    name.ok_or_else(|| Problem::invalid("Incident type must be an object with a name."))
}

/// Returns the ID in a reference.
fn reference(fields: &Value, name: &str) -> Result<Option<String>, Problem> {
    let Some(value) = fields.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    let id = value.get("id").and_then(Value::as_str);
    id.map(|id| Some(id.to_owned()))
        .ok_or_else(|| Problem::invalid(format!("{} must be a reference with an id.", title_of(name))))
}

/// Returns a priority, given as a reference or by name; null removes it.
fn priority(account: &Account, fields: &Value) -> Result<Option<String>, Problem> {
    match fields.get("priority") {
        Some(Value::Null) => Ok(Some(String::new())),
        Some(Value::String(name)) => {
            let mut priorities = account.documents.all(&PRIORITY).iter();
            let named = priorities.find(|priority| text_of(priority, "name") == name);
            named
                .map(|priority| Some(text_of(priority, "id").to_owned()))
                .ok_or_else(|| Problem::invalid("Priority Not Found"))
        }
        _ => reference(fields, "priority"),
    }
}

/// Returns the IDs of the users to assign the incident to.
fn assignees(fields: &Value) -> Result<Vec<String>, Problem> {
    let assignments: Vec<Value> = field(fields, "assignments", "an array")?.unwrap_or_default();
    let assignee = |assignment: &Value| {
        reference(assignment, "assignee")?.ok_or_else(|| Problem::invalid("Every assignment needs an assignee."))
    };
    assignments.iter().map(assignee).collect()
}

/// Returns a field's name in the form used in errors: `escalation_level` is `Escalation level`.
fn title_of(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
