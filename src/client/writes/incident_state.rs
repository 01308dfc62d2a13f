//! The fields of incidents that can be set: how each is read, how it is sent, and in which steps.

use pagerduty_api::operations::incidents::GET_INCIDENT;
use pagerduty_rows::fields::{Field, Keep, nested, plain};
use serde_json::{Map, Value, json};

use super::declared::{Source, changed, comparable};
use crate::client::{Query, Request};
use crate::ids::Id;
use crate::models::Incident;
use crate::receipts::Fields;

/// The beginning of the names of custom fields.
pub const CUSTOM: &str = "custom_fields.";

/// A field of incidents that can be set.
struct Settable {
    name: &'static str,
    /// Returns the value of an incident, as PagerDuty sends it.
    read: fn(&Map<String, Value>) -> Value,
    /// Returns the member of a request that sets a value.
    write: fn(Value) -> (&'static str, Value),
}

const SETTABLE: &[Settable] = &[
    Settable { name: "status", read: |of| get(of, "status"), write: |value| ("status", value) },
    Settable { name: "title", read: |of| get(of, "title"), write: |value| ("title", value) },
    Settable { name: "urgency", read: |of| get(of, "urgency"), write: |value| ("urgency", value) },
    Settable {
        name: "priority",
        read: |of| of.get("priority").map_or(Value::Null, named),
        write: |value| ("priority", reference(&value, "priority_reference")),
    },
    Settable {
        name: "assignees",
        read: |of| list(of, "assignments").filter_map(|entry| entry.get("assignee")).map(named).collect(),
        write: |value| {
            let users = value.as_array().into_iter().flatten();
            ("assignments", users.map(|user| json!({"assignee": reference(user, "user_reference")})).collect())
        },
    },
    Settable {
        name: "escalation_policy",
        read: |of| of.get("escalation_policy").map_or(Value::Null, named),
        write: |value| ("escalation_policy", reference(&value, "escalation_policy_reference")),
    },
    Settable {
        name: "incident_type",
        read: |of| of.get("incident_type").map_or(Value::Null, |kind| part(kind, "name")),
        write: |value| ("incident_type", json!({ "name": value })),
    },
    Settable { name: "conference_url", read: |of| bridge(of, "conference_url"), write: conference },
];

/// Fields that a response to a change does not have.
pub(super) const UNECHOED: &[&str] = &["conference_url"];

/// The text that PagerDuty stores as a note when an incident is resolved.
pub const RESOLUTION: &str = "resolution";

/// Fields that are sent and cannot be read.
pub const SENT_ONLY: [&str; 2] = [RESOLUTION, "escalation_level"];

const PERSON: &[Field] = &[plain("id"), plain("name"), plain("summary")];

/// Fields by which an incident is compared and shown.
pub(super) const STATE: &[Field] = &[
    plain("id"),
    plain("incident_number"),
    plain("incident_key"),
    plain("created_at"),
    plain("html_url"),
    raw("title"),
    plain("status"),
    plain("urgency"),
    nested("priority", PERSON),
    nested("assignments", &[nested("assignee", PERSON)]),
    nested("escalation_policy", PERSON),
    raw("incident_type"),
    raw("conference_bridge"),
    raw("custom_fields"),
    nested("service", PERSON),
    raw("pending_actions"),
    raw("alert_counts"),
    raw("resolve_reason"),
    plain("last_status_change_at"),
    nested("last_status_change_by", PERSON),
];

const fn raw(name: &'static str) -> Field {
    Field { name, source: name, keep: Keep::Raw, derive: None }
}

fn get(of: &Map<String, Value>, name: &str) -> Value {
    of.get(name).cloned().unwrap_or_default()
}

fn part(of: &Value, name: &str) -> Value {
    of.get(name).cloned().unwrap_or_default()
}

fn list<'v>(of: &'v Map<String, Value>, name: &str) -> impl Iterator<Item = &'v Value> {
    of.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// Returns a part of the conference bridge. PagerDuty sends empty texts for one without address.
fn bridge(of: &Map<String, Value>, name: &str) -> Value {
    let value = of.get("conference_bridge").map_or(Value::Null, |bridge| part(bridge, name));
    if value.as_str().is_some_and(str::is_empty) { Value::Null } else { value }
}

fn conference(url: Value) -> (&'static str, Value) {
    let url = if url.is_null() { Value::from("") } else { url };
    ("conference_bridge", json!({ "conference_url": url }))
}

/// Returns a reference as the ID and the name of the object.
pub(super) fn named(value: &Value) -> Value {
    let name = value.get("name").or_else(|| value.get("summary")).cloned().unwrap_or_default();
    match value.get("id") {
        Some(id) => json!({"id": id, "name": name}),
        None => Value::Null,
    }
}

/// Returns a reference for a request. Null stays null, which removes a priority.
fn reference(value: &Value, kind: &str) -> Value {
    match comparable(value) {
        Value::Null => Value::Null,
        id => json!({"id": id, "type": kind}),
    }
}

/// Returns the type of a custom field's value: `integer`, or `list of string`.
fn type_of(field: &Value) -> String {
    let text = |name: &str| field.get(name).and_then(Value::as_str).unwrap_or_default();
    let list = if text("field_type").starts_with("multi") { "list of " } else { "" };
    format!("{list}{}", text("data_type"))
}

/// Returns the state of an incident.
pub(super) fn read(incident: &Map<String, Value>) -> Fields {
    let mut state: Fields = SETTABLE.iter().map(|field| (field.name.to_owned(), (field.read)(incident))).collect();
    let mut types = Fields::new();
    for field in list(incident, "custom_fields") {
        if let Some(name) = field.get("name").and_then(Value::as_str) {
            state.insert(format!("{CUSTOM}{name}"), part(field, "value"));
            types.insert(name.to_owned(), type_of(field).into());
        }
    }
    state.insert("field_types".to_owned(), types.into());
    let returns = list(incident, "pending_actions").find(|action| part(action, "type") == "unacknowledge");
    state.insert("returns_at".to_owned(), returns.map_or(Value::Null, |action| part(action, "at")));
    state.insert("alerts".to_owned(), incident.get("alert_counts").map_or(Value::Null, |counts| part(counts, "all")));
    let target = incident.get("resolve_reason").and_then(|reason| reason.get("incident"));
    state.insert("merged_into".to_owned(), target.map_or(Value::Null, named));
    for name in ["incident_number", "incident_key", "created_at", "html_url", "last_status_change_at"] {
        state.insert(name.to_owned(), get(incident, name));
    }
    for name in ["service", "last_status_change_by"] {
        state.insert(name.to_owned(), incident.get(name).map_or(Value::Null, named));
    }
    state
}

/// Returns the fields that differ between two states and can be set, with the values of the first one.
#[must_use]
pub fn settable_changes(one: &Fields, other: &Fields) -> Fields {
    let mut changes = changed(one, other);
    changes.retain(|name, _| is_settable(name));
    changes
}

fn is_settable(name: &str) -> bool {
    name.starts_with(CUSTOM) || SETTABLE.iter().any(|field| field.name == name)
}

/// Returns the way to the state of an incident with these fields.
pub(super) fn source<'n>(id: &Id<Incident>, names: impl IntoIterator<Item = &'n String>) -> Source {
    let mut includes = Vec::new();
    for name in names {
        let include = match name.as_str() {
            "conference_url" => "conference_bridge",
            name if name.starts_with(CUSTOM) => "custom_fields",
            _ => continue,
        };
        if !includes.contains(&include) {
            includes.push(include);
        }
    }
    let request = Request::on(&GET_INCIDENT, id, Query::new().with_all("include", &includes));
    Source { request, fields: STATE, read }
}

pub(super) fn readable(fields: &Fields) -> Fields {
    let kept = fields.iter().filter(|(name, _)| !SENT_ONLY.contains(&name.as_str()));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

pub(super) fn is_echoed(name: &str) -> bool {
    !UNECHOED.contains(&name) && !name.starts_with(CUSTOM)
}

/// Returns the steps in which the wanted fields are set.
///
/// An incident that is acknowledged again is reopened before, and assignees replace those that a policy determines.
pub(super) fn steps(before: &Fields, wanted: &Fields) -> Vec<Fields> {
    let (custom, mut first): (Fields, Fields) =
        wanted.clone().into_iter().partition(|(name, _)| name.starts_with(CUSTOM));
    let (mut second, mut third) = (Fields::new(), Fields::new());
    let is = |fields: &Fields, status: &str| fields.get("status").is_some_and(|value| value == status);
    if is(before, "resolved") && is(wanted, "acknowledged") {
        first.insert("status".to_owned(), "triggered".into());
        third.insert("status".to_owned(), "acknowledged".into());
    }
    // PagerDuty removes the assignees of a resolved incident, and takes no empty list.
    let unset = first.get("assignees").is_some_and(|users| users.as_array().is_some_and(Vec::is_empty));
    if unset || is(wanted, "resolved") {
        first.shift_remove("assignees");
    }
    if first.contains_key("escalation_policy")
        && let Some(users) = first.shift_remove("assignees")
    {
        second.insert("assignees".to_owned(), users);
    }
    [first, second, third, custom].into_iter().filter(|step| !step.is_empty()).collect()
}

/// Returns the members of a request that set fields.
pub(super) fn members(fields: &Fields) -> Map<String, Value> {
    let mut members = Map::from_iter([("type".to_owned(), Value::from("incident_reference"))]);
    for (name, value) in fields {
        match SETTABLE.iter().find(|field| field.name == name) {
            Some(field) => {
                let (name, value) = (field.write)(value.clone());
                members.insert(name.to_owned(), value);
            }
            None => {
                members.insert(name.clone(), value.clone());
            }
        }
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(value: Value) -> Fields {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn state_has_the_settable_fields_of_an_incident() {
        let incident = json!({"id": "Q1", "title": " t ", "status": "triggered", "urgency": "high",
            "priority": {"id": "P1", "summary": "P1"}, "escalation_policy": {"id": "PE", "summary": "Web"},
            "assignments": [{"assignee": {"id": "PU", "summary": "Ada"}}], "incident_type": {"name": "base"},
            "conference_bridge": {"conference_number": "1", "conference_url": ""},
            "custom_fields": [{"name": "env", "value": "prod"}, {"name": "none"}]});
        let state = read(incident.as_object().unwrap());
        assert_eq!(state["assignees"], json!([{"id": "PU", "name": "Ada"}]));
        assert_eq!((&state["title"], &state["conference_url"]), (&json!(" t "), &Value::Null));
        assert_eq!((&state["custom_fields.env"], &state["custom_fields.none"]), (&json!("prod"), &Value::Null));
        let sent = members(&settable_changes(&state, &Fields::new()));
        assert_eq!(sent["assignments"], json!([{"assignee": {"id": "PU", "type": "user_reference"}}]));
        assert_eq!(sent["priority"], json!({"id": "P1", "type": "priority_reference"}));
        assert!(!sent.contains_key("service") && !sent.contains_key("last_status_change_by"), "{sent:?}");
    }

    #[test]
    fn steps_follow_what_pagerduty_takes_together() {
        let names = |before: Value, wanted: Value| {
            let steps = steps(&fields(before), &fields(wanted));
            steps.iter().map(|step| Value::Object(step.clone()).to_string()).collect::<Vec<_>>()
        };
        let open = json!({"status": "triggered"});
        assert_eq!(names(open.clone(), json!({"status": "resolved", "assignees": []})), [r#"{"status":"resolved"}"#]);
        assert_eq!(
            names(json!({"status": "resolved"}), json!({"status": "acknowledged", "assignees": ["A"]})),
            [r#"{"status":"triggered","assignees":["A"]}"#, r#"{"status":"acknowledged"}"#]
        );
        assert_eq!(
            names(open, json!({"assignees": ["A"], "escalation_policy": "P", "custom_fields.env": "x"})),
            [r#"{"escalation_policy":"P"}"#, r#"{"assignees":["A"]}"#, r#"{"custom_fields.env":"x"}"#]
        );
    }
}
