//! On-call entries.

use std::borrow::Cow;

use pagerduty_api::operations::oncalls::{LIST_ON_CALLS, ONCALLS};
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, plain, reference};

use super::{Listed, Model};

/// An on-call entry: a user on a level of an escalation policy, by a schedule or always. It has no ID.
#[derive(Clone, Debug)]
pub struct Oncall {
    /// All parts of the entry. Without an ID, two entries that agree in all parts are the same.
    key: String,
    schedule: Option<String>,
}

impl Oncall {
    /// Returns whether the on-call comes from the schedule with this ID.
    #[must_use]
    pub fn is_by(&self, schedule: &str) -> bool {
        self.schedule.as_deref() == Some(schedule)
    }
}

impl Model for Oncall {
    const RESOURCE: &'static Resource = &ONCALLS;
    const DEFAULT: &'static [Field] = &[
        reference("user"),
        reference("schedule"),
        reference("escalation_policy"),
        plain("escalation_level"),
        plain("start"),
        plain("end"),
    ];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] =
        &["user", "schedule", "escalation_policy", "escalation_level", "start", "end"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let parts = ["user.id", "schedule.id", "escalation_policy.id", "escalation_level", "start", "end"];
        let key = parts.map(|part| facts.comparable(part).unwrap_or_default()).join(",");
        Self { key, schedule: facts.text("schedule.id") }
    }

    fn id(&self) -> Option<&str> {
        None
    }

    fn key(&self) -> Option<Cow<'_, str>> {
        Some(self.key.as_str().into())
    }
}

impl Listed for Oncall {
    const LIST: &'static Operation = &LIST_ON_CALLS;
}
