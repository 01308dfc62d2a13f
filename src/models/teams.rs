//! Teams.

use pagerduty_api::operations::teams::{GET_TEAM, LIST_TEAMS, TEAMS};
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, nested, plain};

use super::{Listed, Model, Readable};
use crate::error::Code;

/// A team.
#[derive(Clone, Debug)]
pub struct Team {
    id: Option<String>,
}

impl Model for Team {
    const RESOURCE: &'static Resource = &TEAMS;
    const INVALID_ID: Code = Code::InvalidTeamId;
    const DEFAULT: &'static [Field] = &[
        plain("id"),
        plain("name"),
        plain("description"),
        nested("parent", &[plain("id"), plain("summary"), plain("type")]),
    ];
    const OTHER: &'static [&'static str] = &["default_role", "html_url", "self", "summary", "type"];
    const FACTS: &'static [&'static str] = &["id"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        Self { id: facts.text("id") }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Readable for Team {
    const GET: &'static Operation = &GET_TEAM;
}

impl Listed for Team {
    const LIST: &'static Operation = &LIST_TEAMS;
}
