//! The status of an incident and its origin, for verifying a write.

use super::{Model, Reference, Status};
use jiff::Timestamp;
use pagerduty_api::Resource;
use pagerduty_api::operations::incidents::INCIDENTS;
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::Field;
use serde_json::Value;

/// The status of an incident, and its origin.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    id: Option<String>,
    /// The current status.
    pub status: Option<Status>,
    /// The users who have acknowledged the incident, each with the time.
    pub acknowledgements: Vec<Acknowledgement>,
    /// The user or service that changed the status last.
    pub last_status_change_by: Option<Reference>,
    /// The time of the last change of the status.
    pub last_status_change_at: Option<Timestamp>,
}

/// An acknowledgement of an incident.
#[derive(Clone, Debug, Default)]
pub struct Acknowledgement {
    /// The user who acknowledged it.
    pub acknowledger: Reference,
    /// The time of the acknowledgement.
    pub at: Option<Timestamp>,
}

impl Acknowledgement {
    fn new(value: &Value) -> Self {
        let acknowledger = value.get("acknowledger").and_then(Reference::new).unwrap_or_default();
        Self { acknowledger, at: value.get("at").and_then(Value::as_str).and_then(|at| at.parse().ok()) }
    }
}

impl Model for Standing {
    const RESOURCE: &'static Resource = &INCIDENTS;
    const DEFAULT: &'static [Field] = &[];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] =
        &["id", "status", "acknowledgements", "last_status_change_by", "last_status_change_at"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let acknowledgements = facts.value("acknowledgements");
        let acknowledgements = acknowledgements.as_ref().and_then(Value::as_array).into_iter().flatten();
        Self {
            id: facts.text("id"),
            status: facts.borrowed("status").map(Status::named),
            acknowledgements: acknowledgements.filter(|entry| entry.is_object()).map(Acknowledgement::new).collect(),
            last_status_change_by: facts.value("last_status_change_by").as_ref().and_then(Reference::new),
            last_status_change_at: facts.text("last_status_change_at").and_then(|at| at.parse().ok()),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}
