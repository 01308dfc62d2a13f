//! Incidents and their notes.

use std::borrow::Cow;

use jiff::Timestamp;
use pagerduty_api::operations::incidents::{GET_INCIDENT, INCIDENTS, LIST_INCIDENTS, NOTES};
use pagerduty_api::{Operation, Resource};
use pagerduty_payloads::common_event;
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{self, Echo, Field, Keep, Selection, derived, line, nested, plain, reference, verbatim};
use pagerduty_rows::{decode, write};
use serde_json::{Map, Value, json};

use super::{Expansion, Listed, Model, On, Readable};
use crate::error::Code;

/// The status of an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// No user has acknowledged it.
    Triggered,
    /// A user works on it.
    Acknowledged,
    /// It is over.
    Resolved,
    /// A status that PagerDuty added later.
    Other(String),
}

impl Status {
    /// Returns the status that PagerDuty names so.
    pub(super) fn named(name: Cow<'_, str>) -> Self {
        match name.as_ref() {
            "triggered" => Status::Triggered,
            "acknowledged" => Status::Acknowledged,
            "resolved" => Status::Resolved,
            _ => Status::Other(name.into_owned()),
        }
    }

    /// Returns the status in PagerDuty's form.
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
#[derive(Clone, Debug)]
pub struct Incident {
    id: Option<String>,
    /// Set if the title is that of an alert about a metric without data, `No Data: …`.
    is_no_data: bool,
    /// The status.
    pub status: Option<Status>,
    created_at: Option<String>,
    /// Set if a service changed the status last, and not a user.
    is_changed_by_service: bool,
}

impl Incident {
    /// Returns whether a service resolved it, and not a user.
    #[must_use]
    pub fn is_autoresolved(&self) -> bool {
        self.status == Some(Status::Resolved) && self.is_changed_by_service
    }

    /// Returns whether it reports a metric without data.
    #[must_use]
    pub fn is_no_data(&self) -> bool {
        self.is_no_data
    }
}

impl Model for Incident {
    const RESOURCE: &'static Resource = &INCIDENTS;
    const INVALID_ID: Code = Code::InvalidIncidentId;
    const DEFAULT: &'static [Field] = &[
        plain("id"),
        plain("incident_number"),
        line("title"),
        plain("status"),
        plain("urgency"),
        plain("created_at"),
        plain("updated_at"),
        line("summary"),
        line("description"),
        plain("last_status_change_at"),
        plain("resolved_at"),
        plain("alert_counts"),
        derived("alert", "body", Keep::Raw, alert),
        derived("body_details", "body", Keep::Raw, body_details),
        derived("client_url", "body", Keep::Raw, client_url),
        reference("service"),
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
    // Data from the sender of the event and from users.
    const NAMED: &'static [Field] = &[verbatim("body"), verbatim("custom_fields")];
    // An answer has to hold a hundred incidents, and most descriptions repeat the title.
    const ECHOES: &'static [Echo] = &[("description", "title")];
    const FACTS: &'static [&'static str] = &["id", "title", "status", "created_at", "last_status_change_by"];
    const EXPANSIONS: &'static [Expansion] = &[
        Expansion { field: "alert", value: "body", on: On::One },
        Expansion { field: "body_details", value: "body", on: On::One },
        Expansion { field: "client_url", value: "body", on: On::One },
        Expansion { field: "body", value: "body", on: On::One },
        Expansion { field: "conference_bridge", value: "conference_bridge", on: On::Both },
        Expansion { field: "custom_fields", value: "custom_fields", on: On::One },
    ];

    fn from_facts(facts: &Facts<'_>) -> Self {
        Self {
            id: facts.text("id"),
            is_no_data: facts.borrowed("title").is_some_and(|title| title.starts_with("No Data:")),
            status: facts.borrowed("status").map(Status::named),
            created_at: facts.text("created_at"),
            is_changed_by_service: facts
                .borrowed("last_status_change_by.type")
                .is_some_and(|kind| kind == "service_reference"),
        }
    }

    /// Returns whether the incident is newer: lists request the newest first.
    fn goes_before(&self, other: &Self) -> bool {
        let time = |incident: &Self| incident.created_at.as_ref()?.parse::<jiff::Timestamp>().ok();
        time(self) > time(other)
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Readable for Incident {
    const GET: &'static Operation = &GET_INCIDENT;
}

impl Listed for Incident {
    const LIST: &'static Operation = &LIST_INCIDENTS;
}

/// The parts of an event beside its details that say what is wrong and where: our name, then the names that PagerDuty
/// and the sender use.
const ALERT: &[(&str, &[&str])] = &[
    ("severity", &["severity"]),
    ("source", &["source_origin", "source"]),
    ("component", &["source_component", "component"]),
    ("group", &["service_group", "group"]),
    ("class", &["event_class", "class"]),
    ("client", &["client"]),
    ("dedup_key", &["dedup_key"]),
    ("links", &["contexts", "links"]),
];

/// Returns the parts of the event beside its details: severity, source, links to runbooks and graphs, …
fn alert(body: &Value, _: &Facts<'_>) -> Option<Value> {
    let said = |name: &&str| {
        let of_event = common_event(body).and_then(|event| event.get(*name)).filter(|value| !fields::is_empty(value));
        // The links also occur a second time, beside the details.
        of_event.or_else(|| body.get(*name).filter(|links| links.is_array()))
    };
    let parts = ALERT.iter().filter_map(|(name, sources)| Some(((*name).to_owned(), sources.iter().find_map(said)?)));
    let alert: Map<_, _> = parts.map(|(name, value)| (name, fields::without_empty(value.clone()))).collect();
    (!alert.is_empty()).then(|| alert.into())
}

/// Returns the details of the event's payload, as the sender wrote them. A title among them is left out, unless the
/// incident has a different one.
fn body_details(body: &Value, incident: &Facts<'_>) -> Option<Value> {
    let details = match common_event(body) {
        Some(event) => event.get("details"),
        None => body.get("details"),
    };
    match details?.clone() {
        Value::String(text) if text.is_empty() => None,
        // Events sent by email or by hand have plain text here.
        Value::String(text) => Some(json!({"description": text})),
        Value::Object(mut details) => {
            let detail = details.get("title").and_then(Value::as_str).map(str::trim);
            if detail.is_some_and(|detail| incident.text("title").is_none_or(|title| title.trim() == detail)) {
                details.shift_remove("title");
            }
            Some(fields::without_empty(Value::Object(details)))
        }
        other => Some(other),
    }
}

fn client_url(body: &Value, _: &Facts<'_>) -> Option<Value> {
    common_event(body)?.get("client_url").cloned()
}

/// The parts of an element of `past_incidents` or `related_incidents`.
pub const WRAPPED: &[&str] = &["incident", "score", "relationships"];

/// Returns a similar incident of the past from an element of `past_incidents`: the incident's default fields and its
/// `similarity_score`.
#[must_use]
pub fn past_incident(wrapped: &Facts<'_>) -> Map<String, Value> {
    let mut incident = unwrapped(wrapped, &defaults());
    incident.extend(wrapped.value("score").map(|score| ("similarity_score".to_owned(), score)));
    incident
}

/// Returns a related incident from an element of `related_incidents`: the incident's default fields, `relationship_type`
/// and `relationship_metadata`. PagerDuty may give several reasons, of which the first one is shown.
#[must_use]
pub fn related_incident(wrapped: &Facts<'_>) -> Map<String, Value> {
    related_incident_with(wrapped, &defaults())
}

/// Returns a related incident like [`related_incident`], with these fields of the incident.
#[must_use]
pub fn related_incident_with(wrapped: &Facts<'_>, selection: &Selection<'_>) -> Map<String, Value> {
    const REASON: &[Field] = &[plain("type"), plain("metadata")];
    let mut incident = unwrapped(wrapped, selection);
    let first = wrapped.value("relationships").and_then(|list| list.get(0).map(write::to_json)).unwrap_or_default();
    let reason = decode::object(&first, &Selection::new(REASON.to_vec(), &[]), 3).map(|(reason, _)| reason.members());
    let reason =
        reason.unwrap_or_default().into_iter().filter(|(name, _)| REASON.iter().any(|field| field.name == name));
    incident.extend(reason.map(|(name, value)| (format!("relationship_{name}"), value)));
    incident
}

fn defaults() -> Selection<'static> {
    Selection::new(Incident::DEFAULT.to_vec(), Incident::FACTS)
}

/// Returns the incident in such an element.
fn unwrapped(wrapped: &Facts<'_>, selection: &Selection<'_>) -> Map<String, Value> {
    wrapped.object("incident", selection).map(|incident| incident.members()).unwrap_or_default()
}

/// A note on an incident.
#[derive(Clone, Debug)]
pub struct Note {
    id: Option<String>,
    /// The text.
    pub content: Option<String>,
    /// The ID of the author.
    pub author: Option<String>,
    /// The time at which PagerDuty received it.
    pub created_at: Option<Timestamp>,
}

const AUTHOR: &[Field] = &[plain("id"), plain("name")];

/// Returns the author of a note. PagerDuty sends a reference, whose summary is the name.
fn author(user: &Value, _: &Facts<'_>) -> Option<Value> {
    let name = user.get("name").filter(|name| !name.is_null()).or_else(|| user.get("summary"));
    user.is_object().then(|| json!({"id": user.get("id"), "name": name, "deleted_at": user.get("deleted_at")}))
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
    const FACTS: &'static [&'static str] = &["id", "content", "user", "created_at"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        Self {
            id: facts.text("id"),
            content: facts.text("content"),
            author: facts.text("user.id"),
            created_at: facts.text("created_at").and_then(|at| at.parse().ok()),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(incident: &Value) -> Value {
        with(&Incident::defaults(), incident)
    }

    fn with(selection: &Selection<'_>, incident: &Value) -> Value {
        Value::Object(decode::object(&incident.to_string(), selection, 0).unwrap().0.members())
    }

    fn details(body: &Value) -> Value {
        shown(&json!({ "body": body }))
    }

    fn payload(payload: &Value) -> Value {
        json!({"details": {"__pd_cef_payload": payload}})
    }

    #[test]
    fn incident_body_is_read_in_its_three_kinds() {
        let cef = payload(&json!({"client_url": "https://m.example",
            "details": {"title": "t", "region": "eu", "empty": null}}));
        assert_eq!(details(&cef), json!({"body_details": {"region": "eu"}, "client_url": "https://m.example"}));
        assert_eq!(details(&json!({"details": "disk full"})), json!({"body_details": {"description": "disk full"}}));
        for nothing in [json!({"details": null}), json!({}), json!(null), json!({"details": ""})] {
            assert_eq!(details(&nothing), json!({}));
        }
    }

    #[test]
    fn payload_details_as_text_are_a_description() {
        let body = payload(&json!({"details": "queue is long"}));
        assert_eq!(details(&body), json!({"body_details": {"description": "queue is long"}}));
    }

    #[test]
    fn payload_object_like_a_reference_is_kept_whole() {
        let thing = json!({"id": "1", "type": "t", "self": "s", "summary": "x", "important": "y"});
        let body = payload(&json!({"details": {"thing": thing, "none": null}}));
        assert_eq!(details(&body), json!({"body_details": {"thing": thing}}));
        for (field, whole) in [("body", &body), ("custom_fields", &json!([thing]))] {
            let selection = Selection::new(vec![Incident::field(field).unwrap()], Incident::FACTS);
            let shown = with(&selection, &json!({ field: whole }));
            assert_eq!(shown[field], fields::without_empty(whole.clone()), "{field}");
        }
    }

    #[test]
    fn detail_named_title_is_kept_if_it_differs() {
        let body = payload(&json!({"details": {"title": "disk is full\r\n", "region": "eu"}}));
        for (title, kept) in [("disk is full", false), ("disk is full\r\n", false), ("[FIRING:1] disk", true)] {
            let shown = shown(&json!({"title": title, "body": body}));
            assert_eq!(shown["title"], title.trim());
            assert_eq!(shown["body_details"].get("title").is_some(), kept, "{shown}");
            assert_eq!(shown["body_details"]["region"], "eu");
        }
    }

    #[test]
    fn event_parts_beside_its_details_are_shown() {
        let links = json!([{"type": "link", "href": "https://r.example/disk", "text": "Runbook"}]);
        let event = json!({"severity": "critical", "source_origin": "db-1", "source_component": "disk",
            "service_group": "db", "event_class": "", "client": "Monitor", "dedup_key": "k1", "contexts": links,
            "details": {"free": "1 %"}, "creation_time": "2026-11-29T10:00:00Z"});
        let alert = json!({"severity": "critical", "source": "db-1", "component": "disk", "group": "db",
            "client": "Monitor", "dedup_key": "k1", "links": links});
        let expected = json!({"alert": alert, "body_details": {"free": "1 %"}});
        assert_eq!(details(&payload(&event)), expected);
        let twice = json!({"type": "alert_body", "cef_details": event, "details": {"free": "1 %"}, "contexts": links});
        assert_eq!(details(&twice), expected);
        let beside = json!({"details": "disk full", "contexts": links});
        assert_eq!(details(&beside), json!({"alert": {"links": links}, "body_details": {"description": "disk full"}}));
        let as_sent = json!({"severity": "error", "source": "db-1", "links": ["https://r.example"], "group": null});
        assert_eq!(
            details(&payload(&as_sent)),
            json!({"alert": {"severity": "error", "source": "db-1", "links": ["https://r.example"]}})
        );
    }

    #[test]
    fn unknown_status_passes_through() {
        let incident = Incident::from_json(&json!({"status": "merged"}));
        assert_eq!(incident.status, Some(Status::Other("merged".into())));
        assert!(!incident.is_autoresolved() && !incident.is_no_data());
    }
}
