//! On-call entries.

use std::borrow::Cow;

use pagerduty_api::operations::oncalls::{LIST_ON_CALLS, ONCALLS};
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::fields::{Field, nested, plain, reference};
use serde::Deserialize;
use serde_json::Value;

use super::{Listed, Model};

/// An on-call entry: a user on a level of an escalation policy, by a schedule or always. It has no ID.
#[derive(Clone, Debug, Deserialize)]
pub struct Oncall {
    #[serde(default)]
    user: Value,
    #[serde(default)]
    schedule: Value,
    #[serde(default)]
    escalation_policy: Value,
    #[serde(default)]
    escalation_level: Value,
    #[serde(default)]
    start: Value,
    #[serde(default)]
    end: Value,
}

impl Oncall {
    /// Returns whether the on-call comes from the schedule with this ID.
    #[must_use]
    pub fn is_by(&self, schedule: &str) -> bool {
        self.schedule.get("id").is_some_and(|id| id == schedule)
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
    const FACTS: &'static [Field] = &[
        nested("user", &[plain("id")]),
        nested("schedule", &[plain("id")]),
        nested("escalation_policy", &[plain("id")]),
        plain("escalation_level"),
        plain("start"),
        plain("end"),
    ];

    fn id(&self) -> Option<&str> {
        None
    }

    /// Returns all parts of the entry. Without an ID, two entries that agree in all parts are the same.
    fn key(&self) -> Option<Cow<'_, str>> {
        let Self { user, schedule, escalation_policy, escalation_level, start, end } = self;
        let ids = [user, schedule, escalation_policy].map(|reference| reference.get("id").cloned().unwrap_or_default());
        let all: Value = ids.iter().chain([escalation_level, start, end]).cloned().collect();
        Some(all.to_string().into())
    }
}

impl Listed for Oncall {
    const LIST: &'static Operation = &LIST_ON_CALLS;
}
