//! Escalation policies. PagerDuty: `GET /escalation_policies`, operation `listEscalationPolicies`.

use pagerduty_rows::fields::{Field, nested, plain, reference};
use serde::Deserialize;

use super::Model;
use crate::client::resources::{ESCALATION_POLICIES, Resource};

/// An escalation policy: who is notified, in which order, after how many minutes.
#[derive(Clone, Debug, Deserialize)]
pub struct EscalationPolicy {
    #[serde(default, deserialize_with = "super::fact")]
    id: Option<String>,
    #[serde(default, deserialize_with = "super::fact")]
    name: Option<String>,
}

const TARGET: &[Field] = &[plain("id"), plain("summary"), plain("type")];
const RULE: &[Field] = &[plain("id"), plain("escalation_delay_in_minutes"), nested("targets", TARGET)];

impl Model for EscalationPolicy {
    const RESOURCE: &'static Resource = &ESCALATION_POLICIES;
    const DEFAULT: &'static [Field] = &[
        plain("id"),
        plain("name"),
        plain("description"),
        nested("escalation_rules", RULE),
        reference("services"),
        reference("teams"),
    ];
    const OTHER: &'static [&'static str] =
        &["html_url", "num_loops", "on_call_handoff_notifications", "self", "summary", "type"];
    const FACTS: &'static [Field] = &[plain("id"), plain("name")];

    fn goes_before(&self, other: &Self) -> bool {
        super::comes_before(self.name.as_ref(), other.name.as_ref())
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}
