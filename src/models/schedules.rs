//! Schedules of layers.

use pagerduty_api::operations::schedules::{GET_SCHEDULE, LIST_SCHEDULES, SCHEDULES};
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, Keep, derived, nested, plain, reference};
use serde_json::Value;

use super::{Expansion, Listed, Model, On, Readable, ScheduleKind};
use crate::error::Code;

/// A schedule: the users on call over time.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) time_zone: Option<String>,
    /// The teams as JSON.
    pub(super) teams: Option<String>,
    /// The escalation policies as JSON.
    pub(super) policies: Option<String>,
    /// The final schedule as JSON.
    pub(super) rendered: Option<String>,
    /// The rendered overrides as JSON.
    pub(super) overrides: Option<String>,
}

impl Schedule {
    /// Creates a schedule from its ID alone.
    #[must_use]
    pub fn with_id(id: Option<&str>) -> Self {
        Self {
            id: id.map(str::to_owned),
            name: None,
            time_zone: None,
            teams: None,
            policies: None,
            rendered: None,
            overrides: None,
        }
    }
}

const PERSON: &[Field] = &[plain("id"), plain("summary")];
const LAYER: &[Field] = &[
    plain("id"),
    plain("name"),
    plain("start"),
    plain("end"),
    derived("users", "users", Keep::Only(PERSON), layer_users),
];
const ENTRY: &[Field] = &[plain("start"), plain("end"), reference("user")];
const OVERRIDE: &[Field] = &[plain("id"), plain("start"), plain("end"), reference("user")];
// The percentage shows that a schedule without entries was rendered, and is empty.
const RENDERED: &[Field] = &[plain("rendered_coverage_percentage"), nested("rendered_schedule_entries", ENTRY)];

/// Returns the users of a layer. PagerDuty wraps each one in another object or not.
fn layer_users(users: &Value, _: &Facts<'_>) -> Option<Value> {
    let user = |member| Value::get(member, "user").filter(|user| user.is_object()).unwrap_or(member);
    Some(users.as_array()?.iter().map(user).filter(|user| user.is_object()).cloned().collect())
}

/// Returns the kind of a schedule by its type.
pub(super) fn kind(kind: &Value, _: &Facts<'_>) -> Option<Value> {
    Some(ScheduleKind::of_type(kind.as_str()?)?.as_str().into())
}

/// Returns the rendered entries of the overrides, which PagerDuty sends as a separate layer.
fn overrides(subschedule: &Value, _: &Facts<'_>) -> Option<Value> {
    subschedule.get("rendered_schedule_entries").cloned()
}

impl Model for Schedule {
    const RESOURCE: &'static Resource = &SCHEDULES;
    const INVALID_ID: Code = Code::InvalidScheduleId;
    const DEFAULT: &'static [Field] = &[
        plain("id"),
        plain("name"),
        plain("summary"),
        plain("time_zone"),
        plain("description"),
        derived("kind", "type", Keep::Whole, kind),
        reference("escalation_policies"),
        reference("teams"),
        nested("schedule_layers", LAYER),
        nested("final_schedule", RENDERED),
        derived("overrides", "overrides_subschedule", Keep::Only(OVERRIDE), overrides),
    ];
    const OTHER: &'static [&'static str] =
        &["html_url", "next_oncall_for_user", "overrides_subschedule", "self", "type", "users"];
    const FACTS: &'static [&'static str] =
        &["id", "name", "time_zone", "teams", "escalation_policies", "final_schedule", "overrides_subschedule"];
    // A single schedule always has its layers. The other two renderings of a list need a range, which the tool does not
    // take for lists.
    const EXPANSIONS: &'static [Expansion] = &[
        Expansion { field: "schedule_layers", value: "schedule_layers", on: On::List },
        // PagerDuty requires a user for it. `get_oncalls` with earliest=true returns the same for all users.
        Expansion { field: "next_oncall_for_user", value: "", on: On::None },
    ];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let json = |name| facts.json(name).map(str::to_owned);
        Self {
            id: facts.text("id"),
            name: facts.text("name"),
            time_zone: facts.text("time_zone"),
            teams: json("teams"),
            policies: json("escalation_policies"),
            rendered: json("final_schedule"),
            overrides: json("overrides_subschedule"),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Readable for Schedule {
    const GET: &'static Operation = &GET_SCHEDULE;
}

impl Listed for Schedule {
    const LIST: &'static Operation = &LIST_SCHEDULES;
}
