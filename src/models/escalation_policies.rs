//! Escalation policies.

use pagerduty_api::operations::escalation_policies::{
    ESCALATION_POLICIES, GET_ESCALATION_POLICY, LIST_ESCALATION_POLICIES,
};
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, nested, plain, reference};

use super::{Listed, Model, Readable};
use crate::error::Code;

/// An escalation policy: the users to notify, in order, with the delay between levels.
#[derive(Clone, Debug)]
pub struct EscalationPolicy {
    id: Option<String>,
    name: Option<String>,
}

const TARGET: &[Field] = &[plain("id"), plain("summary"), plain("type")];
const RULE: &[Field] = &[plain("id"), plain("escalation_delay_in_minutes"), nested("targets", TARGET)];

impl Model for EscalationPolicy {
    const RESOURCE: &'static Resource = &ESCALATION_POLICIES;
    const INVALID_ID: Code = Code::InvalidEscalationPolicyId;
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
    const FACTS: &'static [&'static str] = &["id", "name"];

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

impl Readable for EscalationPolicy {
    const GET: &'static Operation = &GET_ESCALATION_POLICY;
}

impl Listed for EscalationPolicy {
    const LIST: &'static Operation = &LIST_ESCALATION_POLICIES;
}
