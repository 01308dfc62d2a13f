//! Schedules. PagerDuty: `GET /schedules`, operation `listSchedules`.

use pagerduty_rows::fields::{self, Field, Keep, derived, nested, plain, reference};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Expansion, Model, On};
use crate::client::resources::{Resource, SCHEDULES};

/// A schedule: whose turn it is when.
#[derive(Clone, Debug, Deserialize)]
pub struct Schedule {
    #[serde(default, deserialize_with = "super::fact")]
    id: Option<String>,
}

impl Schedule {
    /// Returns a schedule of which only the ID is known.
    #[must_use]
    pub fn with_id(id: Option<&str>) -> Self {
        Self { id: id.map(str::to_owned) }
    }
}

const PERSON: &[Field] = &[plain("id"), plain("summary")];
const LAYER: &[Field] = &[
    plain("id"),
    plain("name"),
    plain("start"),
    plain("end"),
    derived("users", "users", Keep::Only(&[nested("user", PERSON), plain("id"), plain("summary")]), layer_users),
];
const ENTRY: &[Field] = &[plain("start"), plain("end"), reference("user")];
const RENDERED: &[Field] = &[nested("rendered_schedule_entries", ENTRY)];

/// Returns the users of a layer. PagerDuty wraps each one in another object or not.
fn layer_users(users: &Value, _: &Map<String, Value>) -> Option<Value> {
    let user = |member| Value::get(member, "user").filter(|user| user.is_object()).unwrap_or(member);
    let users = users.as_array()?.iter().map(user).filter(|user| user.is_object()).cloned().collect();
    Some(fields::keep(users, Keep::Only(PERSON)))
}

/// The overrides are a layer of their own, of which only the rendered turns are of use.
fn overrides(subschedule: &Value, _: &Map<String, Value>) -> Option<Value> {
    subschedule.get("rendered_schedule_entries").map(|entries| fields::keep(entries.clone(), Keep::Only(ENTRY)))
}

impl Model for Schedule {
    const RESOURCE: &'static Resource = &SCHEDULES;
    const DEFAULT: &'static [Field] = &[
        plain("id"),
        plain("name"),
        plain("summary"),
        plain("time_zone"),
        plain("description"),
        reference("escalation_policies"),
        reference("teams"),
        nested("schedule_layers", LAYER),
        nested("final_schedule", RENDERED),
        derived("overrides", "overrides_subschedule", Keep::Only(RENDERED), overrides),
    ];
    const OTHER: &'static [&'static str] =
        &["html_url", "next_oncall_for_user", "overrides_subschedule", "self", "type", "users"];
    const FACTS: &'static [Field] = &[plain("id")];
    // A single schedule brings its layers by itself. The other two renderings of a list need a range, which lists
    // do not take here.
    const EXPANSIONS: &'static [Expansion] = &[
        Expansion { field: "schedule_layers", value: "schedule_layers", on: On::List },
        // PagerDuty wants to be told whose; `get_oncalls` with earliest=true says the same for everybody.
        Expansion { field: "next_oncall_for_user", value: "", on: On::None },
    ];

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}
