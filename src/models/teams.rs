//! Teams. PagerDuty: `GET /teams`, operation `listTeams`.

use pagerduty_rows::fields::{Field, nested, plain};
use serde::Deserialize;

use super::Model;
use crate::client::resources::{Resource, TEAMS};

/// A team.
#[derive(Clone, Debug, Deserialize)]
pub struct Team {
    #[serde(default, deserialize_with = "super::fact")]
    id: Option<String>,
}

impl Model for Team {
    const RESOURCE: &'static Resource = &TEAMS;
    const DEFAULT: &'static [Field] = &[
        plain("id"),
        plain("name"),
        plain("description"),
        nested("parent", &[plain("id"), plain("summary"), plain("type")]),
    ];
    const OTHER: &'static [&'static str] = &["default_role", "html_url", "self", "summary", "type"];
    const FACTS: &'static [Field] = &[plain("id")];

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}
