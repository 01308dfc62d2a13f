//! Custom shifts: single shifts outside the rotations.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::list_of;
use super::parts::{Context, Part};
use super::turns::times;
use crate::documents::{Document, id_of};
use crate::reply::Problem;

pub static CUSTOM_SHIFTS: Part =
    Part { one: "custom_shift", many: "custom_shifts", kind: "custom_shift", create, update, delete };

fn create(context: &Context<'_>) -> Result<Document, Problem> {
    let fields = [
        ("start_time", context.time("start_time")?),
        ("end_time", context.time("end_time")?),
        ("assignments", assignments(context)?),
    ];
    context.in_order(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A shift that has begun changes its end only.
fn update(context: &Context<'_>, stored: &Document) -> Result<Document, Problem> {
    let mut changed = stored.clone();
    let (start, _) = times(&Value::Object(stored.clone()));
    let has_begun = start <= context.account.clock.now();
    for field in ["start_time", "end_time", "assignments"] {
        if !context.given.contains_key(field) {
            continue;
        }
        if has_begun && field != "end_time" {
            return Err(context.refused(field, "cannot change because the shift has begun"));
        }
        let value = if field == "assignments" { assignments(context)? } else { context.time(field)? };
        changed.insert(field.to_owned(), value);
    }
    context.in_order(changed)
}

/// Removes a shift with its overrides, or ends one that has begun.
fn delete(schedule: &mut Document, id: &str, now: Timestamp) -> Result<(), Problem> {
    let shifts = list_of(schedule, "custom_shifts")?;
    let Some(shift) = shifts.iter_mut().find(|shift| id_of(shift) == id) else { return Ok(()) };
    let (start, end) = times(shift);
    if end <= now {
        return Err(Problem::field("custom_shift.end_time", "is in the past: the shift has ended"));
    }
    if start < now {
        if let Some(fields) = shift.as_object_mut() {
            fields.insert("end_time".to_owned(), now.to_string().into());
        }
        return Ok(());
    }
    shifts.retain(|shift| id_of(shift) != id);
    let of_it = |one: &Value| one.get("custom_shift_id").and_then(Value::as_str) == Some(id);
    list_of(schedule, "overrides")?.retain(|one| !of_it(one));
    Ok(())
}

/// Returns the one assignment of a shift.
fn assignments(context: &Context<'_>) -> Result<Value, Problem> {
    let given = context.given.get("assignments").and_then(Value::as_array).map(Vec::as_slice);
    let Some([one]) = given else { return Err(context.refused("assignments", "must have exactly one assignment")) };
    let member = context.member("assignments.member", one.get("member"))?;
    let id = one.get("id").and_then(Value::as_str).map_or_else(|| format!("{}A", context.id), str::to_owned);
    Ok(json!([{"id": id, "type": "shift_assignment", "member": member}]))
}
