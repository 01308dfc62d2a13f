//! Overrides of layer-based schedules:
//! <https://developer.pagerduty.com/api-reference/5690afea8d5dc-list-overrides>.
//!
//! They are in the field `overrides` of their schedule, oldest first. Of two that overlap, the later one applies.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::rotation::Shift;
use crate::account::Account;
use crate::call::Call;
use crate::documents::{Document, entries, id_of, reference, text};
use crate::kinds::{SCHEDULE, USER};
use crate::reply::{self, Answer, OrNotFound, Problem, Written};
use crate::time::Zone;
use crate::view::View;

/// Answers `GET /schedules/{id}/overrides`, whose range is required.
pub fn list(account: &Account, call: &Call) -> Answer {
    let schedule = account.documents.get(&SCHEDULE, &call.id).or_404()?;
    let range = call.params.required_range(account)?;
    let (view, zone, now) = (call.view(account, &[]), zone_of(schedule), account.clock.now());
    let editable = call.params.one("editable").is_some();
    let overflow = call.params.is_true("overflow");
    let shown = |entry: &Value| {
        let (start, end) = times(entry);
        if !range.overlaps(start, end) || (editable && start <= now) {
            return None;
        }
        if editable {
            return Some(json!({"id": entry.get("id")}));
        }
        let (start, end) = if overflow { (start, end) } else { range.clip(start, end) };
        Some(shown(id_of(entry), user_of(entry), (start, end), &zone, view))
    };
    reply::all("overrides", entries(schedule, "overrides").iter().filter_map(shown))
}

/// Answers `POST /schedules/{id}/overrides`: a list, of which the valid ones are created, or in the older form one.
pub fn create(account: &mut Account, call: &Call) -> Answer {
    let by = call.author(account)?;
    let mut schedule = account.documents.get(&SCHEDULE, &call.id).or_404()?.clone();
    let body = call.body()?;
    let (given, is_list) = match (body.get("overrides"), body.get("override")) {
        (Some(Value::Array(given)), _) if !given.is_empty() => (given.as_slice(), true),
        (None, Some(one)) => (std::slice::from_ref(one), false),
        _ => return Err(Problem::invalid("overrides must be a list of overrides.")),
    };
    let zone = zone_of(&schedule);
    let created: Vec<_> =
        given.iter().zip(account.new_part_ids()).map(|(one, id)| (one, read(account, one, &zone), id)).collect();
    if let ([(_, Err(why), _)], false) = (created.as_slice(), is_list) {
        return Err(Problem::invalid(why.clone()));
    }
    let overrides = created.iter().filter_map(|(_, shift, id)| Some(stored(id, shift.as_ref().ok()?)));
    let overrides: Vec<Value> = entries(&schedule, "overrides").iter().cloned().chain(overrides).collect();
    let any = created.iter().any(|(_, shift, _)| shift.is_ok());
    schedule.insert("overrides".to_owned(), overrides.into());
    if any {
        account.rewrite(&SCHEDULE, schedule, by)?;
    }
    let view = call.view(account, &[]);
    let outcome = |(given, shift, id): &(&Value, Result<Shift, String>, String)| match shift {
        Ok(shift) => {
            let shown = shown(id, &shift.user, (shift.start, shift.end), &zone, view);
            json!({"status": 201, "override": shown})
        }
        Err(why) => json!({"status": 400, "errors": [why], "override": given}),
    };
    let mut outcomes = created.iter().map(outcome);
    match (is_list, outcomes.next()) {
        (false, Some(only)) => reply::one("override", only.get("override").unwrap_or(&Value::Null)),
        (_, first) => reply::written(&first.into_iter().chain(outcomes).collect::<Value>()),
    }
}

/// Answers `DELETE /schedules/{id}/overrides/{override_id}`. One that has begun ends now, and a past one stays.
pub fn delete(account: &mut Account, call: &Call) -> Written {
    let by = call.author(account)?;
    let mut schedule = account.documents.get(&SCHEDULE, &call.id).or_404()?.clone();
    let now = account.clock.now();
    let overrides = schedule.get_mut("overrides").and_then(Value::as_array_mut).or_404()?;
    let place = overrides.iter().position(|one| id_of(one) == call.part()).or_404()?;
    let (start, end) = overrides.get(place).map(times).or_404()?;
    let status = if end <= now {
        return Err(Problem::invalid("You cannot remove a past override."));
    } else if start < now {
        let fields = overrides.get_mut(place).and_then(Value::as_object_mut).or_404()?;
        fields.insert("end".to_owned(), now.to_string().into());
        StatusCode::OK
    } else {
        overrides.remove(place);
        StatusCode::NO_CONTENT
    };
    account.rewrite(&SCHEDULE, schedule, by)?;
    Ok((status, Vec::new()))
}

/// Reads an override in a request, or returns the reason why it is not valid.
fn read(account: &Account, given: &Value, zone: &Zone) -> Result<Shift, String> {
    let field = |name| given.get(name).and_then(Value::as_str).unwrap_or_default();
    let zone = if field("time_zone").is_empty() { zone } else { &Zone::named(field("time_zone"))? };
    let time = |name| zone.read(field(name)).ok_or_else(|| format!("Override {name} must be an ISO 8601 time"));
    let user = user_of(given);
    account.documents.get(&USER, user).ok_or("Override user does not exist")?;
    let shift = Shift { user: user.to_owned(), start: time("start")?, end: time("end")? };
    if shift.end <= shift.start {
        return Err("Override must end after its start".to_owned());
    }
    if shift.end <= account.clock.now() {
        return Err("Override must not be in the past".to_owned());
    }
    Ok(shift)
}

fn stored(id: &str, shift: &Shift) -> Value {
    let user = reference(&USER, &shift.user);
    json!({"id": id, "user": user, "start": shift.start.to_string(), "end": shift.end.to_string()})
}

fn shown(id: &str, user: &str, (start, end): (Timestamp, Timestamp), zone: &Zone, view: View<'_>) -> Value {
    json!({"id": id, "start": zone.write(start), "end": zone.write(end), "user": view.link(&USER, user, "")})
}

fn user_of(given: &Value) -> &str {
    given.get("user").map(id_of).unwrap_or_default()
}

/// Returns the start and the end of a stored override.
fn times(stored: &Value) -> (Timestamp, Timestamp) {
    let time = |name| stored.get(name)?.as_str()?.parse().ok();
    (time("start").unwrap_or_default(), time("end").unwrap_or_default())
}

fn zone_of(schedule: &Document) -> Zone {
    Zone::named(text(schedule, "time_zone")).unwrap_or_else(|_| Zone::utc())
}
