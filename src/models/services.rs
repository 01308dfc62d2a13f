//! Services.

use pagerduty_api::operations::services::{GET_SERVICE, LIST_SERVICES, SERVICES};
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, plain, reference};

use super::{Expansion, Listed, Model, On, Readable};
use crate::error::Code;

/// A service, which incidents belong to.
#[derive(Clone, Debug)]
pub struct Service {
    id: Option<String>,
    name: Option<String>,
}

impl Model for Service {
    const RESOURCE: &'static Resource = &SERVICES;
    const INVALID_ID: Code = Code::InvalidServiceId;
    const DEFAULT: &'static [Field] = &[
        plain("id"),
        plain("name"),
        plain("status"),
        plain("created_at"),
        plain("updated_at"),
        plain("description"),
        reference("teams"),
        reference("integrations"),
    ];
    const OTHER: &'static [&'static str] = &[
        "acknowledgement_timeout",
        "addons",
        "alert_creation",
        "alert_grouping",
        "alert_grouping_parameters",
        "alert_grouping_timeout",
        "auto_pause_notifications_parameters",
        "auto_resolve_timeout",
        "escalation_policy",
        "html_url",
        "incident_urgency_rule",
        "last_incident_timestamp",
        "response_play",
        "scheduled_actions",
        "self",
        "summary",
        "support_hours",
        "type",
    ];
    const FACTS: &'static [&'static str] = &["id", "name"];
    const EXPANSIONS: &'static [Expansion] = &[Expansion {
        field: "auto_pause_notifications_parameters",
        value: "auto_pause_notifications_parameters",
        on: On::Both,
    }];

    fn from_facts(facts: &Facts<'_>) -> Self {
        Self { id: facts.text("id"), name: facts.text("name") }
    }

    fn goes_before(&self, other: &Self) -> bool {
        super::comes_before(self.name.as_ref(), other.name.as_ref())
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Readable for Service {
    const GET: &'static Operation = &GET_SERVICE;
}

impl Listed for Service {
    const LIST: &'static Operation = &LIST_SERVICES;
}
