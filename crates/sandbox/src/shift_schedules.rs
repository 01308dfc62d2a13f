//! Shift-based schedules: <https://developer.pagerduty.com/api-reference/listSchedulesV3>.
//!
//! Internally they are layer-based schedules, shown in PagerDuty's form of the newer kind: each layer is a rotation
//! with one event.

use serde::Serialize;
use serde_json::{Value, json};

use super::account::{Account, Layer, Policy, Schedule, Team, find};
use super::call::Call;
use super::params::select;
use super::reply::{self, Answer, Problem};
use super::rotation::{clipped, coverage};
use super::schedules::{FILTERS, Rendering};
use super::time::later;
use super::wire::{Link, WEBSITE};

/// Returns the answer to `GET /v3/schedules`, which has references only.
pub fn list(account: &Account, call: &Call) -> Answer {
    let schedules = account.schedules.iter().map(AsRef::as_ref).filter(|schedule| schedule.shift_based);
    let schedules = select(schedules, FILTERS, &call.params);
    reply::list("schedules", &schedules, &call.params, |schedule| {
        let (api, page) = links(schedule, &call.base);
        json!({"id": schedule.id, "type": "schedule_v3_reference", "summary": schedule.name, "self": api, "html_url": page})
    })
}

/// Returns the answer to `GET /v3/schedules/{id}`, with the final schedule if `include[]` asks for it over a range.
pub fn show(account: &Account, call: &Call) -> Answer {
    let schedule = find::<Schedule>(&account.schedules, &call.id)?;
    if !schedule.shift_based {
        return Err(Problem::not_found());
    }
    let view = call.view(account, &[]);
    let (api, page) = links(schedule, &call.base);
    let rendering = Rendering::of(account, call)?.filter(|_| call.includes().contains(&"final_schedule"));
    reply::one(
        "schedule",
        &Fields {
            id: &schedule.id,
            kind: "schedule_v3",
            name: &schedule.name,
            time_zone: schedule.zone.name,
            description: &schedule.description,
            teams: view.links([schedule.team.as_ref()], "teams"),
            escalation_policies: view.links(account.policies_of(schedule), "escalation_policies"),
            rotations: schedule.layers.iter().map(|layer| rotation(schedule, layer)).collect(),
            final_schedule: rendering.map(|rendering| final_schedule(schedule, rendering)),
            api,
            html_url: page,
        },
    )
}

fn links(schedule: &Schedule, base: &str) -> (String, String) {
    (format!("{base}/v3/schedules/{}", schedule.id), format!("{WEBSITE}/schedules/{}", schedule.id))
}

#[derive(Serialize)]
struct Fields<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    time_zone: &'a str,
    description: &'a str,
    teams: Vec<Link<'a, Team>>,
    escalation_policies: Vec<Link<'a, Policy>>,
    rotations: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    final_schedule: Option<Value>,
    #[serde(rename = "self")]
    api: String,
    html_url: String,
}

fn rotation_id(layer: &Layer) -> &str {
    layer.id.as_deref().unwrap_or("ROTATION")
}

fn rotation(schedule: &Schedule, layer: &Layer) -> Value {
    let time = |at| json!({"date_time": schedule.zone.write(at), "time_zone": schedule.zone.name});
    let end = later(layer.start, jiff::Span::new().days(layer.turn_in_days));
    let members: Vec<_> = layer.users.iter().map(|user| json!({"type": "user_member", "user_id": user.id})).collect();
    let strategy = json!({"type": "rotating_member_assignment_strategy", "shifts_per_member": 1, "members": members});
    let event = json!({
        "id": format!("{}E", rotation_id(layer)),
        "type": "schedule_event",
        "name": layer.name,
        "start_time": time(layer.start),
        "end_time": time(end),
        "effective_since": layer.start.to_string(),
        "effective_until": null,
        "recurrence": [format!("RRULE:FREQ=DAILY;INTERVAL={}", layer.turn_in_days)],
        "assignment_strategy": strategy,
    });
    json!({"id": rotation_id(layer), "type": "schedule_rotation", "events": [event]})
}

fn final_schedule(schedule: &Schedule, rendering: Rendering) -> Value {
    let shifts = schedule.shifts(rendering.range);
    let covered = coverage(&shifts, rendering.range);
    let shifts = if rendering.overflow { shifts } else { clipped(shifts, rendering.range) };
    let rotation = schedule.layers.first().map(rotation_id);
    let assignments: Vec<_> = shifts
        .iter()
        .map(|shift| {
            json!({
                "type": "computed_shift_assignment",
                "start_time": schedule.zone.write(shift.start),
                "end_time": schedule.zone.write(shift.end),
                "member": {"type": "user_member", "user_id": shift.user.id},
                "source": {"type": "schedule_rotation", "rotation_id": rotation},
            })
        })
        .collect();
    json!({"type": "final_schedule", "rendered_coverage_percentage": covered, "computed_shift_assignments": assignments})
}
