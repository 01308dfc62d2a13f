//! Actions of responders beside updates of an incident: snoozing and merging it, and changing its notes and alerts.

use pagerduty_api::operations::alerts::{GET_INCIDENT_ALERT, UPDATE_INCIDENT_ALERTS};
use pagerduty_api::operations::incidents::{
    CREATE_INCIDENT_SNOOZE, DELETE_INCIDENT_NOTE, LIST_INCIDENT_NOTES, MERGE_INCIDENTS, UPDATE_INCIDENT_NOTE,
};
use pagerduty_rows::fields::{Field, Keep, nested, plain};
use serde_json::{Map, Value, json};

use super::declared::{Declared, Done, Echo, Expected, Proof, Source, State, comparable};
use super::incident_state::{named, source};
use crate::client::{Api, Query, Request};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Alert, Incident, Note};
use crate::receipts::Fields;

const NAMED: &[Field] = &[plain("id"), plain("name"), plain("summary")];

/// The fields of notes and alerts by which they are compared and shown.
const PARTS: &[Field] = &[
    plain("id"),
    plain("status"),
    plain("summary"),
    nested("incident", NAMED),
    Field { name: "content", source: "content", keep: Keep::Raw, derive: None },
    nested("user", NAMED),
    plain("created_at"),
];

/// Returns the state of a note.
fn note(members: &Map<String, Value>) -> Fields {
    let get = |name: &str| members.get(name).cloned().unwrap_or_default();
    let user = members.get("user").map_or(Value::Null, named);
    Fields::from_iter([
        ("content".to_owned(), get("content")),
        ("user".to_owned(), user),
        ("created_at".to_owned(), get("created_at")),
    ])
}

/// Returns the state of an alert.
fn alert(members: &Map<String, Value>) -> Fields {
    let get = |name: &str| members.get(name).cloned().unwrap_or_default();
    let incident = members.get("incident").map_or(Value::Null, named);
    Fields::from_iter([
        ("summary".to_owned(), get("summary")),
        ("status".to_owned(), get("status")),
        ("incident".to_owned(), incident),
    ])
}

/// Returns the way to the notes of an incident. PagerDuty does not read a single one.
fn notes_of(incident: &Id<Incident>) -> Source {
    Source { request: Request::on(&LIST_INCIDENT_NOTES, incident, Query::new()), fields: PARTS, read: note }
}

/// Returns the way to an alert.
fn alert_of(incident: &Id<Incident>, id: &Id<Alert>) -> Source {
    Source { request: Request::below(&GET_INCIDENT_ALERT, incident, id, Query::new()), fields: PARTS, read: alert }
}

fn check(id: &Id<Incident>) -> String {
    format!("get_incidents with incident_id={id}")
}

impl Api {
    /// Snoozes an incident for some seconds. `before` is the time at which it would return otherwise.
    pub async fn snooze(&self, id: &Id<Incident>, seconds: i64, before: &Value, from: Option<String>) -> Result<Done> {
        let replaced = Fields::from_iter([("returns_at".to_owned(), before.clone())]);
        let declared = Declared {
            request: Request::on(&CREATE_INCIDENT_SNOOZE, id, Query::new()),
            body: json!({"duration": seconds}),
            gerund: "snoozing",
            check: check(id),
            sources: vec![source(id, [])],
            proof: Proof::Set(vec![Expected { replaced, ..Expected::of(id.as_str()) }]),
            echo: Echo::Objects(&[]),
        };
        self.make(&declared, from).await
    }

    /// Merges incidents into another one.
    pub async fn merge(&self, target: &Id<Incident>, sources: &[Id<Incident>], from: Option<String>) -> Result<Done> {
        let merged = |id: &Id<Incident>| {
            let fields = Fields::from_iter([("merged_into".to_owned(), target.as_str().into())]);
            Expected { fields, ..Expected::of(id.as_str()) }
        };
        let reference = |id: &Id<Incident>| json!({"id": id.as_str(), "type": "incident_reference"});
        let declared = Declared {
            request: Request::on(&MERGE_INCIDENTS, target, Query::new()),
            body: json!({"source_incidents": sources.iter().map(reference).collect::<Value>()}),
            gerund: "merging the others into",
            check: check(target),
            sources: sources.iter().map(|id| source(id, [])).collect(),
            proof: Proof::Set(sources.iter().map(merged).collect()),
            echo: Echo::Envelope,
        };
        self.make(&declared, from).await
    }

    /// Reads the notes of an incident, by ID.
    pub async fn notes_by_id(&self, incident: &Id<Incident>) -> Result<State> {
        self.state(&notes_of(incident)).await
    }

    /// Remembers that the deletion of a note is sent.
    pub fn deletes_note(&self, incident: &Id<Incident>, id: &Id<Note>) {
        self.account.memory.removes(format!("{incident} note {id}"));
    }

    /// Returns whether the deletion of a note was sent before.
    #[must_use]
    pub fn has_deleted_note(&self, incident: &Id<Incident>, id: &Id<Note>) -> bool {
        self.account.memory.was_removed(&format!("{incident} note {id}"))
    }

    /// Changes the text of a note, or deletes it.
    pub async fn edit_note(
        &self,
        incident: &Id<Incident>,
        id: &Id<Note>,
        content: Option<&str>,
        from: Option<String>,
    ) -> Result<Done> {
        let check = format!("get_incidents with incident_id={incident} and include_notes=true");
        let declared = match content {
            Some(content) => {
                let fields = Fields::from_iter([("content".to_owned(), content.into())]);
                Declared {
                    request: Request::below(&UPDATE_INCIDENT_NOTE, incident, id, Query::new()),
                    body: json!({"note": {"content": content}}),
                    gerund: "changing",
                    check,
                    sources: vec![notes_of(incident)],
                    proof: Proof::Set(vec![Expected { fields, ..Expected::of(id.as_str()) }]),
                    echo: Echo::Objects(&[]),
                }
            }
            None => Declared {
                request: Request::below(&DELETE_INCIDENT_NOTE, incident, id, Query::new()),
                body: Value::Null,
                gerund: "deleting",
                check,
                sources: vec![notes_of(incident)],
                proof: Proof::Gone(id.to_string()),
                echo: Echo::Nothing,
            },
        };
        self.make(&declared, from).await
    }

    /// Reads alerts of an incident by ID.
    pub async fn alert_fields(&self, incident: &Id<Incident>, ids: &[Id<Alert>]) -> Vec<Result<Fields>> {
        let sources: Vec<_> = ids.iter().map(|id| alert_of(incident, id)).collect();
        let states = self.states(&sources).await;
        let first = |(state, source): (Result<State>, &Source)| {
            let found = state?.into_values().next();
            found.ok_or_else(|| self.unexpected(&source.request, "it has no usable id"))
        };
        states.into_iter().zip(&sources).map(first).collect()
    }

    /// Sets the status of alerts of an incident, or moves them to another one. Each has its outcome: the fields after it.
    ///
    /// PagerDuty changes all of them or none. If it refuses them together, each is sent alone.
    pub async fn set_alerts(
        &self,
        incident: &Id<Incident>,
        changes: &[(Id<Alert>, Fields)],
        from: Option<&str>,
    ) -> Vec<Result<Fields>> {
        let from = || from.map(str::to_owned);
        let made = self.make(&alerts(incident, changes), from()).await;
        let after = |id: &Id<Alert>, done: &Done| done.after.get(id.as_str()).cloned().unwrap_or_default();
        match made {
            Ok(done) => changes.iter().map(|(id, _)| Ok(after(id, &done))).collect(),
            Err(error) if changes.len() > 1 && is_about_an_item(&error) => {
                let mut outcomes = Vec::with_capacity(changes.len());
                for change in changes {
                    let made = self.make(&alerts(incident, std::slice::from_ref(change)), from()).await;
                    outcomes.push(made.map(|done| after(&change.0, &done)));
                }
                outcomes
            }
            Err(error) => changes.iter().map(|_| Err(error.clone())).collect(),
        }
    }
}

/// Returns whether PagerDuty refused a request because of one of its objects.
pub(super) fn is_about_an_item(error: &Error) -> bool {
    matches!(error.http_status(), Some(400 | 404)) && error.code() != Code::OutcomeUnknown
}

/// Returns the change of some alerts of an incident.
fn alerts(incident: &Id<Incident>, changes: &[(Id<Alert>, Fields)]) -> Declared {
    let target =
        |fields: &Fields| fields.get("incident").and_then(|incident| Id::parse(comparable(incident).as_str()?));
    let members = |(id, fields): &(Id<Alert>, Fields)| {
        let mut members = Map::from_iter([("id".to_owned(), id.as_str().into()), ("type".to_owned(), "alert".into())]);
        members.extend(fields.get("status").map(|status| ("status".to_owned(), status.clone())));
        let moved = target(fields).map(|id: Id<Incident>| json!({"id": id.as_str(), "type": "incident_reference"}));
        members.extend(moved.map(|incident| ("incident".to_owned(), incident)));
        Value::Object(members)
    };
    let place = |(id, fields): &(Id<Alert>, Fields)| alert_of(&target(fields).unwrap_or_else(|| incident.clone()), id);
    let expected =
        |(id, fields): &(Id<Alert>, Fields)| Expected { fields: fields.clone(), ..Expected::of(id.as_str()) };
    Declared {
        request: Request::on(&UPDATE_INCIDENT_ALERTS, incident, Query::new()),
        body: json!({"alerts": changes.iter().map(members).collect::<Value>()}),
        gerund: "changing the alerts of",
        check: format!("get_alerts with incident_id={incident}"),
        sources: changes.iter().map(place).collect(),
        proof: Proof::Set(changes.iter().map(expected).collect()),
        echo: Echo::Objects(&[]),
    }
}
