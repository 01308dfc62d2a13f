//! Shift-based schedules: <https://developer.pagerduty.com/api-reference/listSchedulesV3>.
//!
//! Internally they are layer-based schedules, shown in PagerDuty's form of the newer kind: each layer is a rotation
//! with one event.

use serde_json::{Value, json};

use super::rotation::{Layer, Rotation, clipped, coverage};
use super::schedules::{Rendering, is_shift_based};
use crate::account::Account;
use crate::call::Call;
use crate::documents::{Document, text};
use crate::engine;
use crate::kinds::SCHEDULE;
use crate::reply::{self, Answer, OrNotFound};
use crate::time::later;
use crate::view::WEBSITE;

/// Answers `GET /v3/schedules`, which has references only.
pub fn list(account: &Account, call: &Call) -> Answer {
    let mut schedules = engine::select(&SCHEDULE, account, &call.params);
    schedules.retain(|schedule| is_shift_based(schedule));
    reply::list("schedules", &schedules, &call.params, |schedule| {
        let (id, url, page) = links(schedule, &call.base);
        json!({
            "id": id, "type": "schedule_v3_reference", "summary": schedule.get("name"), "self": url, "html_url": page,
        })
    })
}

/// Answers `GET /v3/schedules/{id}`, with the final schedule if `include[]` names it and a range is given.
pub fn show(account: &Account, call: &Call) -> Answer {
    let schedule = account.documents.get(&SCHEDULE, &call.id).filter(|schedule| is_shift_based(schedule)).or_404()?;
    let rotation = Rotation::of(schedule);
    let whole = call.view(account, &[]).whole(&SCHEDULE, schedule);
    let (id, url, page) = links(schedule, &call.base);
    let rendering = Rendering::of(account, call)?.filter(|_| call.includes().contains(&"final_schedule"));
    let mut shown = json!({
        "id": id,
        "type": "schedule_v3",
        "name": schedule.get("name"),
        "time_zone": rotation.zone.name,
        "description": schedule.get("description"),
        "teams": whole.get("teams"),
        "escalation_policies": whole.get("escalation_policies"),
        "rotations": (0..rotation.layers.len()).filter_map(|layer| shown_rotation(&rotation, layer)).collect::<Value>(),
    });
    if let Some(fields) = shown.as_object_mut() {
        let rendered = rendering.map(|rendering| ("final_schedule", final_schedule(&rotation, rendering)));
        let links = [("self", url.into()), ("html_url", page.into())];
        fields.extend(rendered.into_iter().chain(links).map(|(name, value)| (name.to_owned(), value)));
    }
    reply::one("schedule", &shown)
}

fn links<'a>(schedule: &'a Document, base: &str) -> (&'a str, String, String) {
    let id = text(schedule, "id");
    (id, format!("{base}/v3/schedules/{id}"), format!("{WEBSITE}/schedules/{id}"))
}

fn rotation_id(layer: &Layer) -> &str {
    layer.id.as_deref().unwrap_or("ROTATION")
}

fn shown_rotation(rotation: &Rotation, layer: usize) -> Option<Value> {
    let (layer, turns) = (rotation.layers.get(layer)?, rotation.turns(layer)?);
    let days = turns.turn_in_seconds / 86_400;
    let time = |at| json!({"date_time": rotation.zone.write(at), "time_zone": rotation.zone.name});
    let end = later(turns.start, jiff::Span::new().days(days));
    let members: Vec<_> = turns.users.iter().map(|user| json!({"type": "user_member", "user_id": user})).collect();
    let strategy = json!({"type": "rotating_member_assignment_strategy", "shifts_per_member": 1, "members": members});
    let event = json!({
        "id": format!("{}E", rotation_id(layer)),
        "type": "schedule_event",
        "name": layer.name,
        "start_time": time(turns.start),
        "end_time": time(end),
        "effective_since": turns.start.to_string(),
        "effective_until": null,
        "recurrence": [format!("RRULE:FREQ=DAILY;INTERVAL={}", days)],
        "assignment_strategy": strategy,
    });
    Some(json!({"id": rotation_id(layer), "type": "schedule_rotation", "events": [event]}))
}

fn final_schedule(schedule: &Rotation, rendering: Rendering) -> Value {
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
                "member": {"type": "user_member", "user_id": shift.user},
                "source": {"type": "schedule_rotation", "rotation_id": rotation},
            })
        })
        .collect();
    json!({"type": "final_schedule", "rendered_coverage_percentage": covered, "computed_shift_assignments": assignments})
}
