//! Shift-based schedules: <https://developer.pagerduty.com/api-reference/listSchedulesV3>.
//!
//! A document has the rotations with their events, the custom shifts and the overrides as PagerDuty's API writes them.
//! `turns` renders them, and `parts` has the operations for custom shifts and overrides.

mod custom_shifts;
mod overrides;
pub mod parts;
pub mod rotations;
pub mod turns;

use axum::http::StatusCode;
use pagerduty_calendar::Shift;
use serde_json::{Value, json};

use super::feeds;
use super::schedules::Rendering;
use crate::account::Account;
use crate::call::Call;
use crate::documents::{Document, entries, id_of, reference, text};
use crate::kinds::{SHIFT_SCHEDULE, USER};
use crate::reply::{self, Answer, OrNotFound, Problem, Written};
use crate::time::Zone;
use crate::view::View;
use crate::{edits, engine};

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

/// Answers `POST /v3/schedules`. Rotations and events follow in other requests.
pub fn create(account: &mut Account, call: &Call) -> Written {
    let id = account.new_id(&SHIFT_SCHEDULE);
    let document = Document::from_iter([("id".to_owned(), id.as_str().into())]);
    let document = read(call, document, &["name", "time_zone", "description", "teams"], &["name", "time_zone"])?;
    let by = call.author(account)?;
    account.rewrite(&SHIFT_SCHEDULE, document, by)?;
    Ok((StatusCode::CREATED, one(account, call, &id)?))
}

/// Answers `PUT /v3/schedules/{id}`. Omitted fields are unchanged.
pub fn update(account: &mut Account, call: &Call) -> Written {
    let document = account.documents.get(&SHIFT_SCHEDULE, &call.id).or_404()?.clone();
    let document = read(call, document, &["name", "time_zone", "description"], &[])?;
    let by = call.author(account)?;
    account.rewrite(&SHIFT_SCHEDULE, document, by)?;
    Ok((StatusCode::OK, one(account, call, &call.id)?))
}

/// Answers `DELETE /v3/schedules/{id}`. A schedule in an escalation policy is not deleted.
pub fn delete(account: &mut Account, call: &Call) -> Answer {
    let schedule = account.documents.get(&SHIFT_SCHEDULE, &call.id).or_404()?;
    let policies = super::schedules::escalation_policies(account, schedule);
    if let Some(policy) = policies.get(0).map(id_of) {
        return Err(Problem::field("schedule", format!("is in the escalation policy {policy}")));
    }
    edits::delete(&SHIFT_SCHEDULE, account, call)
}

fn one(account: &Account, call: &Call, id: &str) -> Answer {
    let schedule = account.documents.get(&SHIFT_SCHEDULE, id).or_404()?;
    reply::one("schedule", &shown(schedule, call.view(account, &[]), None))
}

/// Returns a schedule with the fields of a request.
fn read(call: &Call, mut document: Document, fields: &[&str], required: &[&str]) -> Result<Document, Problem> {
    let refused = |field: &str, why: String| Problem::field(format!("schedule.{field}"), why);
    let body = call.body()?;
    let given = body.get("schedule").and_then(Value::as_object);
    let given = given.ok_or_else(|| Problem::field("schedule", "must be an object"))?;
    if let Some(field) = ["rotations", "escalation_policies"].into_iter().find(|field| given.contains_key(*field)) {
        return Err(refused(field, "is not accepted here".to_owned()));
    }
    if let Some(field) = required.iter().copied().find(|field| !given.contains_key(*field)) {
        return Err(refused(field, "is required".to_owned()));
    }
    for (field, most) in [("name", 255), ("description", 1024)] {
        let Some(value) = given.get(field) else { continue };
        let length = value.as_str().map(|text| text.chars().count());
        let least = usize::from(field == "name");
        if !length.is_some_and(|length| (least..=most).contains(&length)) {
            return Err(refused(field, format!("must be a text of {least} to {most} characters")));
        }
    }
    if let Some(zone) = given.get("time_zone") {
        let zone = zone.as_str().unwrap_or_default();
        Zone::named(zone).map_err(|why| refused("time_zone", why))?;
    }
    let given = given.iter().filter(|(field, _)| fields.contains(&field.as_str()));
    document.extend(given.map(|(field, value)| (field.clone(), value.clone())));
    Ok(document)
}

/// Returns a schedule as PagerDuty shows it.
fn shown(schedule: &Document, view: View<'_>, final_schedule: Option<Value>) -> Document {
    let mut whole = view.whole(&SHIFT_SCHEDULE, schedule);
    whole.remove("summary");
    if !view.includes("users") {
        whole.remove("users");
    }
    feeds::add_urls(&mut whole, &SHIFT_SCHEDULE, view.base);
    whole.insert("rotations".to_owned(), rotations::all_shown(schedule, view.base));
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

/// Returns a list in a document to be changed.
fn list_of<'a>(document: &'a mut Document, field: &str) -> Result<&'a mut Vec<Value>, Problem> {
    document.get_mut(field).and_then(Value::as_array_mut).or_404()
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
        for value in entries(schedule, field) {
            add_users(value, &mut users);
        }
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
