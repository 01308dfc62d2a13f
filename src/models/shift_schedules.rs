//! Shift-based schedules.

use pagerduty_api::operations::schedules::{GET_SCHEDULE_V3, LIST_SCHEDULES_V3, SHIFT_SCHEDULES};
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, Keep, derived, nested, plain, reference};
use serde_json::{Value, json};

use super::schedules::kind;
use super::{Expansion, Listed, Model, On, Readable};
use crate::error::Code;

/// A schedule of rotations and shifts, the newer kind. A schedule that is upgraded to this kind keeps its ID.
#[derive(Clone, Debug)]
pub struct ShiftSchedule {
    pub(super) id: Option<String>,
    name: Option<String>,
    summary: Option<String>,
    pub(super) time_zone: Option<String>,
    /// The teams as JSON.
    pub(super) teams: Option<String>,
    /// The escalation policies as JSON.
    pub(super) policies: Option<String>,
    /// The final schedule as JSON.
    pub(super) rendered: Option<String>,
}

impl ShiftSchedule {
    /// Returns the name. Lists hold references, where the name is the summary.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref().or(self.summary.as_deref())
    }
}

const MEMBER: &[Field] = &[plain("type"), plain("user_id")];
const STRATEGY: &[Field] = &[plain("type"), plain("shifts_per_member"), nested("members", MEMBER)];
const EVENT: &[Field] = &[
    plain("id"),
    plain("name"),
    plain("start_time"),
    plain("end_time"),
    plain("effective_since"),
    plain("effective_until"),
    plain("recurrence"),
    nested("assignment_strategy", STRATEGY),
];
const ROTATION: &[Field] = &[plain("id"), nested("events", EVENT)];

/// Returns the final schedule in the form of layer-based schedules, so that there is only one form. A shift without a
/// member is a planned gap.
fn final_schedule(rendered: &Value, _: &Facts<'_>) -> Option<Value> {
    let entry = |assignment: &Value| {
        let user = assignment["member"].get("user_id").map(|id| json!({"id": id}));
        json!({"start": assignment["start_time"], "end": assignment["end_time"], "user": user,
            "source": assignment["source"].get("type")})
    };
    let entries: Vec<_> = rendered.get("computed_shift_assignments")?.as_array()?.iter().map(entry).collect();
    Some(json!({
        "rendered_coverage_percentage": rendered.get("rendered_coverage_percentage"),
        "rendered_schedule_entries": entries,
    }))
}

/// Returns the overrides of the final schedule, in the form of layer-based schedules.
fn overrides(rendered: &Value, _: &Facts<'_>) -> Option<Value> {
    let entry = |assignment: &Value| {
        let source = &assignment["source"];
        let id = source.get("override_id")?;
        let user = assignment["member"].get("user_id").map(|id| json!({"id": id}));
        Some(json!({"id": id, "start": assignment["start_time"], "end": assignment["end_time"], "user": user}))
    };
    let entries: Vec<_> = rendered.get("computed_shift_assignments")?.as_array()?.iter().filter_map(entry).collect();
    Some(entries.into())
}

impl Model for ShiftSchedule {
    const RESOURCE: &'static Resource = &SHIFT_SCHEDULES;
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
        nested("rotations", ROTATION),
        derived("final_schedule", "final_schedule", Keep::Verbatim, final_schedule),
        derived("overrides", "final_schedule", Keep::Verbatim, overrides),
    ];
    const OTHER: &'static [&'static str] = &["html_url", "http_cal_url", "self", "users", "web_cal_url"];
    const FACTS: &'static [&'static str] =
        &["id", "name", "summary", "time_zone", "teams", "escalation_policies", "final_schedule"];
    const EXPANSIONS: &'static [Expansion] =
        &[Expansion { field: "final_schedule", value: "final_schedule", on: On::One }];

    fn from_facts(facts: &Facts<'_>) -> Self {
        Self {
            id: facts.text("id"),
            name: facts.text("name"),
            summary: facts.text("summary"),
            time_zone: facts.text("time_zone"),
            teams: facts.json("teams").map(str::to_owned),
            policies: facts.json("escalation_policies").map(str::to_owned),
            rendered: facts.json("final_schedule").map(str::to_owned),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Readable for ShiftSchedule {
    const GET: &'static Operation = &GET_SCHEDULE_V3;
}

impl Listed for ShiftSchedule {
    const LIST: &'static Operation = &LIST_SCHEDULES_V3;
}
