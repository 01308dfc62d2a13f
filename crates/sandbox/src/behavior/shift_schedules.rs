//! Shift-based schedules: <https://developer.pagerduty.com/api-reference/listSchedulesV3>.
//!
//! A document has the rotations with their events, the custom shifts and the overrides as PagerDuty's API writes them.
//! `turns` renders them, and `parts` has the operations for custom shifts and overrides.

mod custom_shifts;
mod overrides;
pub mod parts;
pub mod turns;

use pagerduty_calendar::Shift;
use serde_json::{Value, json};

use super::schedules::Rendering;
use crate::account::Account;
use crate::call::Call;
use crate::documents::{Document, entries, reference, text};
use crate::engine;
use crate::kinds::{SHIFT_SCHEDULE, USER};
use crate::reply::{self, Answer, OrNotFound, Problem};
use crate::time::Zone;
use crate::view::{View, with};

/// The default and the maximum number of schedules of a page.
const PAGE: [usize; 2] = [100, 1000];

/// Answers `GET /v3/schedules`, which has references only.
pub fn list(account: &Account, call: &Call) -> Answer {
    let schedules = engine::select(&SHIFT_SCHEDULE, account, &call.params);
    let view = call.view(account, &[]);
    reply::sized_list("schedules", &schedules, &call.params, PAGE, |schedule| {
        view.reference(&SHIFT_SCHEDULE, text(schedule, "id"), text(schedule, "name"))
    })
}

/// Answers `GET /v3/schedules/{id}`, with the final schedule if `include[]` names it and a range is given.
pub fn show(account: &Account, call: &Call) -> Answer {
    let schedule = account.documents.get(&SHIFT_SCHEDULE, &call.id).or_404()?;
    let rendering = Rendering::of(account, call)?.filter(|_| call.includes().contains(&"final_schedule"));
    let zone = zone(schedule, call)?;
    let rendered = rendering.map(|rendering| final_schedule(schedule, rendering, &zone));
    reply::one("schedule", &shown(schedule, call.view(account, &call.includes()), rendered))
}

/// Returns a schedule as PagerDuty shows it.
fn shown(schedule: &Document, view: View<'_>, final_schedule: Option<Value>) -> Document {
    let mut whole = view.whole(&SHIFT_SCHEDULE, schedule);
    whole.remove("summary");
    if !view.includes("users") {
        whole.remove("users");
    }
    let rotations = entries(schedule, "rotations").iter().filter_map(Value::as_object).map(|rotation| {
        let events = entries(rotation, "events").iter().filter_map(Value::as_object);
        let events = events.map(|event| with(typed("schedule_event", event), json!({})));
        with(typed("schedule_rotation", rotation), json!({"events": events.collect::<Vec<_>>()}))
    });
    whole.insert("rotations".to_owned(), rotations.map(Value::from).collect());
    whole.extend(final_schedule.map(|rendered| ("final_schedule".to_owned(), rendered)));
    whole
}

/// Returns an object with its type.
fn typed(kind: &str, object: &Document) -> Document {
    let mut typed =
        Document::from_iter([("id".to_owned(), text(object, "id").into()), ("type".to_owned(), kind.into())]);
    typed.extend(object.clone());
    typed
}

/// Returns the zone in which times are written: the one in the request, or else the schedule's.
fn zone(schedule: &Document, call: &Call) -> Result<Zone, Problem> {
    let name = call.params.one("time_zone").unwrap_or_else(|| text(schedule, "time_zone"));
    Zone::named(name).map_err(|why| Problem::field("time_zone", why))
}

fn final_schedule(schedule: &Document, rendering: Rendering, zone: &Zone) -> Value {
    let range = rendering.range;
    let turns = turns::of(schedule, range);
    let covered = turns::coverage(&turns, range);
    let assignment = |turn: &Shift| {
        let (start, end) = if rendering.overflow { (turn.start, turn.end) } else { range.clip(turn.start, turn.end) };
        json!({
            "type": "computed_shift_assignment",
            "start_time": zone.write(start),
            "end_time": zone.write(end),
            "member": member(turn.user.as_deref()),
            "source": turns::source(turn),
        })
    };
    let assignments: Value = turns.iter().map(assignment).collect();
    json!({"type": "final_schedule", "rendered_coverage_percentage": covered, "computed_shift_assignments": assignments})
}

/// Returns a member of a shift: a user, or none.
fn member(user: Option<&str>) -> Value {
    match user {
        Some(user) => json!({"type": "user_member", "user_id": user}),
        None => json!({"type": "empty_member"}),
    }
}

/// Returns references to the users in a schedule, each once.
pub fn members(_: &Account, schedule: &Document) -> Value {
    users_of(schedule).into_iter().map(|user| reference(&USER, user)).collect()
}

/// Returns the IDs of the users in a schedule, each once.
pub fn users_of(schedule: &Document) -> Vec<&str> {
    let mut users = Vec::new();
    for field in ["rotations", "custom_shifts", "overrides"] {
        entries(schedule, field).iter().for_each(|value| add_users(value, &mut users));
    }
    users
}

/// Adds the users that a value names in `user_id`, each once.
fn add_users<'a>(value: &'a Value, users: &mut Vec<&'a str>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| add_users(value, users)),
        Value::Object(fields) => {
            let user = text(fields, "user_id");
            if !user.is_empty() && !users.contains(&user) {
                users.push(user);
            }
            fields.values().for_each(|value| add_users(value, users));
        }
        _ => {}
    }
}

/// Returns the reason if a schedule cannot be rendered.
pub fn check(schedule: &Document) -> Result<(), String> {
    turns::read(schedule).map(|_| ())
}
