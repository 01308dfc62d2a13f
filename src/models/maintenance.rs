//! Maintenance windows.

use jiff::Timestamp;
use pagerduty_api::operations::maintenance::{GET_MAINTENANCE_WINDOW, LIST_MAINTENANCE_WINDOWS, MAINTENANCE_WINDOWS};
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, plain, reference};

use super::{Listed, Model, Readable, Reference, references};

/// A period in which services make no incidents.
#[derive(Clone, Debug)]
pub struct MaintenanceWindow {
    /// The ID.
    pub id: Option<String>,
    /// The reason, as the user wrote it.
    pub description: Option<String>,
    /// The start.
    pub start: Option<Timestamp>,
    /// The end.
    pub end: Option<Timestamp>,
    /// The services.
    pub services: Vec<Reference>,
    /// The user who created it.
    pub created_by: Option<Reference>,
}

impl Model for MaintenanceWindow {
    const RESOURCE: &'static Resource = &MAINTENANCE_WINDOWS;
    const DEFAULT: &'static [Field] = &[
        plain("id"),
        plain("description"),
        plain("start_time"),
        plain("end_time"),
        reference("services"),
        reference("created_by"),
    ];
    const OTHER: &'static [&'static str] = &["html_url", "self", "sequence_number", "summary", "teams", "type"];
    const FACTS: &'static [&'static str] =
        &["id", "description", "summary", "start_time", "end_time", "services", "created_by"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let time = |name: &str| facts.borrowed(name)?.parse().ok();
        Self {
            id: facts.text("id"),
            description: facts.text("description").or_else(|| facts.text("summary")),
            start: time("start_time"),
            end: time("end_time"),
            services: references(facts.json("services")),
            created_by: facts.value("created_by").as_ref().and_then(Reference::new),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Readable for MaintenanceWindow {
    const GET: &'static Operation = &GET_MAINTENANCE_WINDOW;
}

impl Listed for MaintenanceWindow {
    const LIST: &'static Operation = &LIST_MAINTENANCE_WINDOWS;
}
