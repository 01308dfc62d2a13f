//! Priorities of incidents.

use pagerduty_api::operations::priorities::{LIST_PRIORITIES, PRIORITIES};
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, plain};

use super::{Listed, Model};

/// A priority.
#[derive(Clone, Debug)]
pub struct Priority {
    id: Option<String>,
}

impl Model for Priority {
    const RESOURCE: &'static Resource = &PRIORITIES;
    const DEFAULT: &'static [Field] = &[plain("id"), plain("name"), plain("description")];
    const OTHER: &'static [&'static str] = &["color", "html_url", "order", "self", "summary", "type"];
    const FACTS: &'static [&'static str] = &["id"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        Self { id: facts.text("id") }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Listed for Priority {
    const LIST: &'static Operation = &LIST_PRIORITIES;
}
