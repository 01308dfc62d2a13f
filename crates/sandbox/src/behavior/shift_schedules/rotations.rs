//! The rotations of a schedule, and their events.
//!
//! Shifts of the past stay. So a rotation or an event that has begun is not removed: it ends now, and `deleted_at` hides it
//! from every answer but the final schedule.

use axum::http::StatusCode;
use jiff::Timestamp;
use pagerduty_calendar::{Event, WallTime};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{add_users, list_of, typed};
use crate::account::Account;
use crate::call::Call;
use crate::documents::{Document, entries, id_of, text};
use crate::kinds::{SHIFT_SCHEDULE, USER};
use crate::reply::{self, Answer, OrNotFound, Problem, Written};

/// The maximum number of events of a rotation, and of members of an event.
const MAX_EVENTS: usize = 5;
const MAX_MEMBERS: usize = 20;

const STRATEGY: &str = "assignment_strategy";

/// The fields of an event.
const FIELDS: &[&str] =
    &["name", "start_time", "end_time", "effective_since", "effective_until", "recurrence", "assignment_strategy"];

/// Answers `GET /v3/schedules/{id}/rotations`.
pub fn list(account: &Account, call: &Call) -> Answer {
    let schedule = account.documents.get(&SHIFT_SCHEDULE, &call.id).or_404()?;
    let rotations: Vec<&Document> = present(schedule, "rotations").collect();
    reply::list("rotations", &rotations, &call.params, |rotation| shown(rotation, schedule, &call.base))
}

/// Answers `GET /v3/schedules/{id}/rotations/{rotation_id}`.
pub fn show(account: &Account, call: &Call) -> Answer {
    let schedule = account.documents.get(&SHIFT_SCHEDULE, &call.id).or_404()?;
    let rotation = present(schedule, "rotations").find(|one| text(one, "id") == call.part()).or_404()?;
    reply::one("rotation", &shown(rotation, schedule, &call.base))
}

/// Answers `POST /v3/schedules/{id}/rotations`, whose body is empty.
pub fn create(account: &mut Account, call: &Call) -> Written {
    let body = if call.is_empty() { Map::new() } else { call.body()?.as_object().cloned().unwrap_or_default() };
    if !body.is_empty() {
        return Err(Problem::field("rotation", "takes no fields: add events to the rotation"));
    }
    let id = account.new_part_ids().next().or_404()?;
    change(account, call, |schedule, _, _| {
        list_of(schedule, "rotations")?.push(json!({"id": id, "events": []}));
        Ok(())
    })?;
    let schedule = account.documents.get(&SHIFT_SCHEDULE, &call.id).or_404()?;
    let rotation = present(schedule, "rotations").find(|one| text(one, "id") == id).or_404()?;
    Ok((StatusCode::CREATED, reply::one("rotation", &shown(rotation, schedule, &call.base))?))
}

/// Answers `DELETE /v3/schedules/{id}/rotations/{rotation_id}`.
pub fn delete(account: &mut Account, call: &Call) -> Written {
    change(account, call, |schedule, _, now| {
        let rotation = rotation_of(schedule, call.part())?;
        retire(list_of(rotation, "events")?, |_| true, now);
        rotation.insert("deleted_at".to_owned(), now.to_string().into());
        let id = call.part();
        list_of(schedule, "rotations")?.retain(|one| {
            id_of(one) != id || one.get("events").and_then(Value::as_array).is_some_and(|all| !all.is_empty())
        });
        let remains = entries(schedule, "rotations").iter().any(|one| id_of(one) == id);
        list_of(schedule, "overrides")?
            .retain(|one| remains || one.get("rotation_id").and_then(Value::as_str) != Some(id));
        Ok(())
    })?;
    Ok((StatusCode::NO_CONTENT, Vec::new()))
}

/// Answers `GET /v3/schedules/{id}/rotations/{rotation_id}/events`, by their starts.
pub fn list_events((): (), account: &Account, call: &Call) -> Answer {
    let schedule = account.documents.get(&SHIFT_SCHEDULE, &call.id).or_404()?;
    let rotation = present(schedule, "rotations").find(|one| text(one, "id") == call.part()).or_404()?;
    let mut events: Vec<&Document> = present(rotation, "events").collect();
    events.sort_by_key(|event| effective(event).0);
    reply::list("events", &events, &call.params, |event| shown_event(event, text(rotation, "id"), schedule, &call.base))
}

/// Answers `GET /v3/schedules/{id}/rotations/{rotation_id}/events/{event_id}`.
pub fn show_event((): (), account: &Account, call: &Call) -> Answer {
    answer_event(account, call, call.outer_part(), call.part())
}

/// Answers `POST /v3/schedules/{id}/rotations/{rotation_id}/events`.
pub fn create_event((): (), account: &mut Account, call: &Call) -> Written {
    let id = account.new_part_ids().next().or_404()?;
    change(account, call, |schedule, account, now| {
        let given = given(call)?;
        let rotation = rotation_of(schedule, call.part())?;
        if present(rotation, "events").count() >= MAX_EVENTS {
            return Err(Problem::field("rotation.events", format!("must have at most {MAX_EVENTS} events")));
        }
        let event = read(account, rotation, &id, None, &given, now)?;
        list_of(rotation, "events")?.push(event.into());
        Ok(())
    })?;
    Ok((StatusCode::CREATED, answer_event(account, call, call.part(), &id)?))
}

/// Answers `PUT /v3/schedules/{id}/rotations/{rotation_id}/events/{event_id}`. Omitted fields are unchanged.
pub fn update_event((): (), account: &mut Account, call: &Call) -> Written {
    change(account, call, |schedule, account, now| {
        let given = given(call)?;
        let rotation = rotation_of(schedule, call.outer_part())?;
        let stored = present(rotation, "events").find(|one| text(one, "id") == call.part()).or_404()?.clone();
        let (since, until) = effective(&stored);
        if until <= now {
            return Err(Problem::field("event.effective_until", "is in the past: the event cannot change"));
        }
        let changes = |field: &&&str| given.get(**field).is_some_and(|value| stored.get(**field) != Some(value));
        let fixed = FIELDS.iter().filter(|field| **field != "effective_until").find(changes);
        if let Some(field) = fixed.filter(|_| since <= now) {
            let reason = "cannot change because the event has begun: only effective_until can";
            return Err(Problem::field(format!("event.{field}"), reason));
        }
        let event = read(account, rotation, call.part(), Some(&stored), &given, now)?;
        for one in list_of(rotation, "events")?.iter_mut().filter(|one| id_of(one) == call.part()) {
            *one = event.clone().into();
        }
        Ok(())
    })?;
    Ok((StatusCode::OK, answer_event(account, call, call.outer_part(), call.part())?))
}

/// Answers `DELETE /v3/schedules/{id}/rotations/{rotation_id}/events/{event_id}`.
pub fn delete_event((): (), account: &mut Account, call: &Call) -> Written {
    change(account, call, |schedule, _, now| {
        let rotation = rotation_of(schedule, call.outer_part())?;
        present(rotation, "events").find(|one| text(one, "id") == call.part()).or_404()?;
        retire(list_of(rotation, "events")?, |event| text(event, "id") == call.part(), now);
        Ok(())
    })?;
    Ok((StatusCode::NO_CONTENT, Vec::new()))
}

/// Changes a schedule.
fn change(
    account: &mut Account,
    call: &Call,
    make: impl FnOnce(&mut Document, &Account, Timestamp) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let by = call.author(account)?;
    let mut schedule = account.documents.get(&SHIFT_SCHEDULE, &call.id).or_404()?.clone();
    make(&mut schedule, account, account.clock.now())?;
    account.rewrite(&SHIFT_SCHEDULE, schedule, by)
}

/// Returns the objects of a list that are not deleted.
fn present<'a>(owner: &'a Document, field: &str) -> impl Iterator<Item = &'a Document> {
    entries(owner, field).iter().filter_map(Value::as_object).filter(|one| text(one, "deleted_at").is_empty())
}

fn rotation_of<'a>(schedule: &'a mut Document, id: &str) -> Result<&'a mut Document, Problem> {
    let mut rotations = list_of(schedule, "rotations")?.iter_mut().filter_map(Value::as_object_mut);
    rotations.find(|one| text(one, "id") == id && text(one, "deleted_at").is_empty()).or_404()
}

/// Removes events that have not begun, and ends and hides the others.
fn retire(events: &mut Vec<Value>, which: impl Fn(&Document) -> bool, now: Timestamp) {
    events.retain(|event| event.as_object().is_some_and(|event| !which(event) || effective(event).0 < now));
    for event in events.iter_mut().filter_map(Value::as_object_mut).filter(|event| which(event)) {
        let until = effective(event).1.min(now);
        event.insert("effective_until".to_owned(), until.to_string().into());
        event.insert("deleted_at".to_owned(), now.to_string().into());
    }
}

/// Returns the time in which an event has shifts.
fn effective(event: &Document) -> (Timestamp, Timestamp) {
    let time = |field| text(event, field).parse().ok();
    (time("effective_since").unwrap_or(Timestamp::MIN), time("effective_until").unwrap_or(Timestamp::MAX))
}

fn given(call: &Call) -> Result<Document, Problem> {
    let body = call.body()?;
    body.get("event").and_then(Value::as_object).cloned().ok_or_else(|| Problem::field("event", "must be an object"))
}

/// Reads an event from a request, with the fields of the stored one in place of omitted ones.
fn read(
    account: &Account,
    rotation: &Document,
    id: &str,
    stored: Option<&Document>,
    given: &Document,
    now: Timestamp,
) -> Result<Document, Problem> {
    let refused = |field: &str, why: &str| Problem::field(format!("event.{field}"), why);
    let mut event = Document::from_iter([("id".to_owned(), id.into())]);
    for &field in FIELDS {
        let value = given.get(field).or_else(|| stored?.get(field)).cloned();
        let value = value.or_else(|| (field == "effective_until").then_some(Value::Null));
        event.insert(field.to_owned(), value.ok_or_else(|| refused(field, "is required"))?);
    }
    let name = text(&event, "name");
    if name.trim().is_empty() || name.chars().count() > 255 {
        return Err(refused("name", "must have 1 to 255 characters"));
    }
    for field in ["effective_since", "effective_until"] {
        let value = event.get(field).cloned().unwrap_or_default();
        if field == "effective_until" && value.is_null() {
            continue;
        }
        let at: Option<Timestamp> = value.as_str().and_then(|text| text.parse().ok());
        let at = at.ok_or_else(|| refused(field, "must be an ISO 8601 time with an offset"))?;
        // The past does not change.
        let is_new = stored.is_none_or(|stored| stored.get(field) != Some(&value));
        event.insert(field.to_owned(), if is_new { at.max(now) } else { at }.to_string().into());
    }
    let (since, until) = effective(&event);
    if until <= since && stored.is_none_or(|stored| effective(stored).0 > now) {
        return Err(refused("effective_until", "must be after effective_since"));
    }
    let clashes = |other: &&Document| {
        let (from, to) = effective(other);
        text(other, "id") != id && from < until && since < to
    };
    if let Some(other) = present(rotation, "events").find(clashes) {
        return Err(refused("effective_since", &format!("overlaps the event {}", text(other, "id"))));
    }
    for field in ["start_time", "end_time"] {
        WallTime::deserialize(event.get(field).unwrap_or(&Value::Null))
            .map_err(|why| refused(field, &why.to_string()))?;
    }
    check_members(account, &event).map_err(|why| refused(STRATEGY, &why))?;
    Event::deserialize(&event).map_err(|why| {
        let why = why.to_string();
        let parts = [("end_time", "end_time"), ("shifts_per_member", STRATEGY), ("assignment_strategy", STRATEGY)];
        let part = parts.into_iter().find(|(part, _)| why.contains(part));
        refused(part.map_or("recurrence", |(_, field)| field), &why)
    })?;
    Ok(event)
}

/// Returns the reason if an event has too many members, or members who do not exist.
fn check_members(account: &Account, event: &Document) -> Result<(), String> {
    let strategy = event.get("assignment_strategy").unwrap_or(&Value::Null);
    let members = strategy.get("members").and_then(Value::as_array).map_or(0, Vec::len);
    if !(1..=MAX_MEMBERS).contains(&members) {
        return Err(format!("members must be 1 to {MAX_MEMBERS} members, not {members}"));
    }
    let mut users = Vec::new();
    add_users(strategy, &mut users);
    let unknown = users.into_iter().find(|user| account.documents.get(&USER, user).is_none());
    unknown.map_or(Ok(()), |user| Err(format!("members have the user {user:?}, who does not exist")))
}

fn answer_event(account: &Account, call: &Call, rotation: &str, id: &str) -> Answer {
    let schedule = account.documents.get(&SHIFT_SCHEDULE, &call.id).or_404()?;
    let owner = present(schedule, "rotations").find(|one| text(one, "id") == rotation).or_404()?;
    let event = present(owner, "events").find(|one| text(one, "id") == id).or_404()?;
    reply::one("event", &shown_event(event, rotation, schedule, &call.base))
}

/// Returns the rotations of a schedule as PagerDuty shows them.
pub fn all_shown(schedule: &Document, base: &str) -> Value {
    present(schedule, "rotations").map(|rotation| Value::from(shown(rotation, schedule, base))).collect()
}

fn shown(rotation: &Document, schedule: &Document, base: &str) -> Document {
    let id = text(rotation, "id");
    let events = present(rotation, "events").map(|event| Value::from(shown_event(event, id, schedule, base)));
    let mut shown = typed("schedule_rotation", rotation);
    shown.insert("events".to_owned(), events.collect());
    shown.insert("self".to_owned(), format!("{base}/v3/schedules/{}/rotations/{id}", text(schedule, "id")).into());
    shown
}

fn shown_event(event: &Document, rotation: &str, schedule: &Document, base: &str) -> Document {
    let mut shown = typed("schedule_event", event);
    let (schedule, id) = (text(schedule, "id"), text(event, "id"));
    shown.insert("self".to_owned(), format!("{base}/v3/schedules/{schedule}/rotations/{rotation}/events/{id}").into());
    shown
}
