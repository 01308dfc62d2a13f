//! Services. PagerDuty: `GET /services`, operation `listServices`.

use pagerduty_rows::fields::{Field, plain, reference};
use serde::Deserialize;

use super::{Expansion, Model, On};
use crate::client::resources::{Resource, SERVICES};

/// A service: the thing that breaks, and that incidents belong to.
#[derive(Clone, Debug, Deserialize)]
pub struct Service {
    #[serde(default, deserialize_with = "super::fact")]
    id: Option<String>,
    #[serde(default, deserialize_with = "super::fact")]
    name: Option<String>,
}

impl Model for Service {
    const RESOURCE: &'static Resource = &SERVICES;
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
    const FACTS: &'static [Field] = &[plain("id"), plain("name")];
    const EXPANSIONS: &'static [Expansion] = &[Expansion {
        field: "auto_pause_notifications_parameters",
        value: "auto_pause_notifications_parameters",
        on: On::Both,
    }];

    fn goes_before(&self, other: &Self) -> bool {
        super::comes_before(self.name.as_ref(), other.name.as_ref())
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}
