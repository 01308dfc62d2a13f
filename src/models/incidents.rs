//! Incidents and their notes. PagerDuty: `GET /incidents`, operation `listIncidents`.

use pagerduty_rows::fields::{self, Echo, Field, Keep, derived, nested, plain, reference};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Expansion, Model, On, Reference, fact};
use crate::client::resources::{INCIDENTS, NOTES, Resource};

/// The status of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nobody has taken it yet.
    Triggered,
    /// Somebody is on it.
    Acknowledged,
    /// It is over.
    Resolved,
    /// A status PagerDuty added after this was written.
    #[serde(untagged)]
    Other(String),
}

impl Status {
    /// The status as PagerDuty writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Status::Triggered => "triggered",
            Status::Acknowledged => "acknowledged",
            Status::Resolved => "resolved",
            Status::Other(other) => other,
        }
    }
}

/// An incident, with the facts that are counted in the metadata of lists.
#[derive(Clone, Debug, Deserialize)]
pub struct Incident {
    #[serde(default, deserialize_with = "fact")]
    id: Option<String>,
    /// The title; `No Data: …` marks an alert about missing metrics.
    #[serde(default, deserialize_with = "fact")]
    pub title: Option<String>,
    /// Where it stands.
    #[serde(default, deserialize_with = "fact")]
    pub status: Option<Status>,
    #[serde(default, deserialize_with = "fact")]
    created_at: Option<String>,
    #[serde(default, deserialize_with = "fact")]
    last_status_change_by: Option<Reference>,
}

impl Incident {
    /// Whether a service, not a person, resolved it.
    #[must_use]
    pub fn is_autoresolved(&self) -> bool {
        let by = self.last_status_change_by.as_ref().and_then(|by| by.kind.as_deref());
        self.status == Some(Status::Resolved) && by == Some("service_reference")
    }

    /// Whether it says that a metric stopped coming in.
    #[must_use]
    pub fn is_no_data(&self) -> bool {
        self.title.as_deref().is_some_and(|title| title.starts_with("No Data:"))
    }
}

impl Model for Incident {
    const RESOURCE: &'static Resource = &INCIDENTS;
    const DEFAULT: &'static [Field] = &[
        plain("id"),
        plain("incident_number"),
        plain("title"),
        plain("status"),
        plain("urgency"),
        plain("created_at"),
        plain("updated_at"),
        plain("summary"),
        plain("description"),
        plain("last_status_change_at"),
        plain("resolved_at"),
        plain("alert_counts"),
        derived("body_details", "body", Keep::Whole, body_details),
        derived("client_url", "body", Keep::Whole, client_url),
        nested("service", &[plain("id")]),
        reference("escalation_policy"),
        reference("last_status_change_by"),
        nested("assignments", &[reference("assignee"), plain("at")]),
        nested("acknowledgements", &[reference("acknowledger"), plain("at")]),
        reference("teams"),
    ];
    const OTHER: &'static [&'static str] = &[
        "alert_grouping",
        "assigned_via",
        "body",
        "conference_bridge",
        "custom_fields",
        "first_trigger_log_entry",
        "html_url",
        "incident_key",
        "incident_type",
        "incidents_responders",
        "is_mergeable",
        "pending_actions",
        "priority",
        "resolve_reason",
        "responder_requests",
        "self",
        "type",
    ];
    // A hundred incidents have to fit an answer, and most descriptions are the title once more.
    const ECHOES: &'static [Echo] = &[("description", "title")];
    const FACTS: &'static [Field] = &[
        plain("id"),
        plain("title"),
        plain("status"),
        plain("created_at"),
        nested("last_status_change_by", &[plain("type")]),
    ];
    const EXPANSIONS: &'static [Expansion] = &[
        Expansion { field: "body_details", value: "body", on: On::One },
        Expansion { field: "client_url", value: "body", on: On::One },
        Expansion { field: "body", value: "body", on: On::One },
        Expansion { field: "conference_bridge", value: "conference_bridge", on: On::Both },
        Expansion { field: "custom_fields", value: "custom_fields", on: On::One },
    ];

    /// Newest first, which is what lists ask for.
    fn goes_before(&self, other: &Self) -> bool {
        let time = |incident: &Self| incident.created_at.as_ref()?.parse::<jiff::Timestamp>().ok();
        time(self) > time(other)
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// The common event format of the alert behind an incident, which PagerDuty nests two levels deep.
fn cef(body: &Value) -> Option<&Map<String, Value>> {
    body.get("details")?.get("__pd_cef_payload")?.as_object()
}

/// What the alert said: the details of its payload without the title, which the incident repeats.
fn body_details(body: &Value) -> Option<Value> {
    let details = match (cef(body), body.get("details")?) {
        (Some(cef), _) => cef.get("details")?,
        (None, details) => details,
    };
    match details {
        Value::String(text) if text.is_empty() => None,
        // Events sent by email or by hand have plain text here.
        Value::String(text) => Some(json!({"description": text})),
        Value::Object(details) => {
            let mut details = details.clone();
            details.shift_remove("title");
            // Whatever it resembles, it is the monitoring tool's, and nothing of it is ours to shorten.
            Some(fields::without_empty(&Value::Object(details)))
        }
        other => Some(other.clone()),
    }
}

fn client_url(body: &Value) -> Option<Value> {
    cef(body)?.get("client_url").cloned()
}

/// A similar incident of the past, with how similar it is.
/// PagerDuty: `GET /incidents/{id}/past_incidents`, operation `getPastIncidents`.
///
/// Takes one element of `past_incidents`; returns the incident's default fields and `similarity_score`.
#[must_use]
pub fn past_incident(item: &Value) -> Map<String, Value> {
    let mut incident =
        item.get("incident").map(|found| fields::project(found.clone(), Incident::DEFAULT)).unwrap_or_default();
    if let Some(score) = item.get("score") {
        incident.insert("similarity_score".into(), score.clone());
    }
    incident
}

/// A related incident, with what relates it.
/// PagerDuty: `GET /incidents/{id}/related_incidents`, operation `getRelatedIncidents`.
///
/// Takes one element of `related_incidents`; returns the incident's default fields, `relationship_type` and
/// `relationship_metadata`. PagerDuty may give several reasons: the first is the one shown.
#[must_use]
pub fn related_incident(item: &Value) -> Map<String, Value> {
    let mut incident =
        item.get("incident").map(|found| fields::project(found.clone(), Incident::DEFAULT)).unwrap_or_default();
    let relationship = item.get("relationships").and_then(|list| list.get(0));
    for (name, source) in [("relationship_type", "type"), ("relationship_metadata", "metadata")] {
        let value =
            relationship.and_then(|reason| reason.get(source)).map(|value| fields::keep(value.clone(), Keep::Whole));
        if let Some(value) = value.filter(|value| !fields::is_empty(value)) {
            incident.insert(name.into(), value);
        }
    }
    incident
}

/// A note on an incident.
/// PagerDuty: `GET /incidents/{id}/notes`, operation `listIncidentNotes`.
#[derive(Clone, Debug, Deserialize)]
pub struct Note {
    #[serde(default, deserialize_with = "fact")]
    id: Option<String>,
}

const AUTHOR: &[Field] = &[plain("id"), plain("name"), plain("summary")];

/// PagerDuty sends the author as a reference, whose summary is the name.
fn author(user: &Value) -> Option<Value> {
    let name = user.get("name").filter(|name| !name.is_null()).or_else(|| user.get("summary"));
    let author = json!({"id": user.get("id"), "name": name});
    user.is_object().then(|| fields::keep(author, Keep::Whole))
}

impl Model for Note {
    const RESOURCE: &'static Resource = &NOTES;
    const DEFAULT: &'static [Field] = &[
        plain("id"),
        plain("content"),
        plain("created_at"),
        derived("user", "user", Keep::Only(AUTHOR), author),
        nested("channel", &[plain("summary")]),
    ];
    const OTHER: &'static [&'static str] = &["updated_at"];
    const FACTS: &'static [Field] = &[plain("id")];

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(body: &Value) -> Value {
        let selection = Incident::defaults();
        Value::Object(selection.project(json!({ "body": body })))
    }

    #[test]
    fn the_body_of_an_incident_comes_in_three_kinds() {
        let cef = json!({"details": {"__pd_cef_payload": {"client_url": "https://m.example",
            "details": {"title": "t", "region": "eu", "empty": null}}}});
        assert_eq!(details(&cef), json!({"body_details": {"region": "eu"}, "client_url": "https://m.example"}));
        assert_eq!(details(&json!({"details": "disk full"})), json!({"body_details": {"description": "disk full"}}));
        for nothing in [json!({"details": null}), json!({}), json!(null), json!({"details": ""})] {
            assert_eq!(details(&nothing), json!({}));
        }
    }

    #[test]
    fn a_payload_whose_details_are_text_is_a_description_too() {
        let body = json!({"details": {"__pd_cef_payload": {"details": "queue is long"}}});
        assert_eq!(details(&body), json!({"body_details": {"description": "queue is long"}}));
    }

    #[test]
    fn what_looks_like_a_reference_in_a_payload_is_kept_whole() {
        let thing = json!({"id": "1", "type": "t", "self": "s", "summary": "x", "important": "y"});
        let body = json!({"details": {"__pd_cef_payload": {"details": {"thing": thing, "none": null}}}});
        assert_eq!(details(&body), json!({"body_details": {"thing": thing}}));
    }

    #[test]
    fn unknown_statuses_pass_through() {
        let incident: Incident = serde_json::from_value(json!({"status": "merged"})).unwrap();
        assert_eq!(incident.status, Some(Status::Other("merged".into())));
        assert!(!incident.is_autoresolved() && !incident.is_no_data());
    }
}
