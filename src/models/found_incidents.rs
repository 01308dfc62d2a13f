//! Incidents with the facts by which a search selects them. PagerDuty does not search titles.

use pagerduty_api::operations::incidents::LIST_INCIDENTS;
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Echo, Field, line, nested, plain, reference};

use super::{Expansion, Incident, Listed, Model};
use crate::error::Code;

/// An incident with its title and its service.
#[derive(Clone, Debug)]
pub struct FoundIncident {
    incident: Incident,
    /// The title.
    pub title: String,
    /// The ID and the name of the service.
    pub service: [Option<String>; 2],
}

impl Model for FoundIncident {
    const RESOURCE: &'static Resource = Incident::RESOURCE;
    const INVALID_ID: Code = Incident::INVALID_ID;
    // The fields that tell incidents apart, because a search returns many.
    const DEFAULT: &'static [Field] = &[
        plain("id"),
        plain("incident_number"),
        line("title"),
        plain("status"),
        plain("urgency"),
        reference("priority"),
        plain("created_at"),
        plain("resolved_at"),
        reference("service"),
        nested("assignments", &[reference("assignee"), plain("at")]),
        reference("last_status_change_by"),
    ];
    const OTHER: &'static [&'static str] = Incident::OTHER;
    const NAMED: &'static [Field] = Incident::NAMED;
    const ECHOES: &'static [Echo] = Incident::ECHOES;
    const FACTS: &'static [&'static str] = &["id", "title", "status", "created_at", "last_status_change_by", "service"];
    const EXPANSIONS: &'static [Expansion] = Incident::EXPANSIONS;

    fn from_facts(facts: &Facts<'_>) -> Self {
        Self {
            incident: Incident::from_facts(facts),
            title: facts.text("title").unwrap_or_default(),
            service: [facts.text("service.id"), facts.text("service.summary")],
        }
    }

    fn field(name: &str) -> Option<Field> {
        Incident::field(name)
    }

    fn goes_before(&self, other: &Self) -> bool {
        self.incident.goes_before(&other.incident)
    }

    fn id(&self) -> Option<&str> {
        self.incident.id()
    }
}

impl Listed for FoundIncident {
    const LIST: &'static Operation = &LIST_INCIDENTS;
}
