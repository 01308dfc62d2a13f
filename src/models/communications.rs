//! Subscribers of incidents, and templates of status updates.

use pagerduty_api::operations::communications::{GET_TEMPLATE, LIST_TEMPLATES, SUBSCRIBERS, TEMPLATES};
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, plain};

use super::{Listed, Model, Readable};

/// A user or a team who receives the status updates of an incident.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// The ID of the user or team.
    pub id: Option<String>,
    /// Set if it is a team.
    pub is_team: bool,
}

impl Model for Subscriber {
    const RESOURCE: &'static Resource = &SUBSCRIBERS;
    const DEFAULT: &'static [Field] = &[];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] = &["subscriber_id", "subscriber_type"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let is_team = facts.borrowed("subscriber_type").is_some_and(|kind| kind == "team");
        Self { id: facts.text("subscriber_id"), is_team }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// A template of status updates.
#[derive(Clone, Debug)]
pub struct Template {
    id: Option<String>,
}

impl Model for Template {
    const RESOURCE: &'static Resource = &TEMPLATES;
    const DEFAULT: &'static [Field] = &[plain("id"), plain("name"), plain("description")];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] = &["id"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        Self { id: facts.text("id") }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Readable for Template {
    const GET: &'static Operation = &GET_TEMPLATE;
}

impl Listed for Template {
    const LIST: &'static Operation = &LIST_TEMPLATES;
}
