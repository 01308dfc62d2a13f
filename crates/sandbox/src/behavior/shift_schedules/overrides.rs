//! Overrides: each replaces one member of a rotation or of a custom shift for a time.

use jiff::Timestamp;
use serde_json::Value;

use super::parts::{Context, Part};
use super::turns::{times, user_of};
use super::{add_users, list_of};
use crate::documents::{Document, entries, id_of, text};
use crate::reply::Problem;

pub static OVERRIDES: Part =
    Part { one: "override", many: "overrides", kind: "override_shift", create, update, delete };

fn create(context: &Context<'_>) -> Result<Document, Problem> {
    let (source, id) = match (text(context.given, "rotation_id"), text(context.given, "custom_shift_id")) {
        (rotation, "") if !rotation.is_empty() => ("rotation_id", rotation),
        ("", shift) if !shift.is_empty() => ("custom_shift_id", shift),
        _ => return Err(context.refused("rotation_id", "or custom_shift_id is required, and not both")),
    };
    let overridden = context.member("overridden_member", context.given.get("overridden_member"))?;
    let collection = if source == "rotation_id" { "rotations" } else { "custom_shifts" };
    let owner = entries(context.schedule, collection).iter().find(|one| id_of(one) == id);
    let owner = owner.ok_or_else(|| context.refused(source, "does not exist in this schedule"))?;
    let mut members = Vec::new();
    add_users(owner, &mut members);
    if user_of(Some(&overridden)).is_some_and(|user| !members.contains(&user)) {
        return Err(context.refused("overridden_member", format!("is not a member of the {source}")));
    }
    let fields = [
        (source, id.into()),
        ("start_time", context.time("start_time")?),
        ("end_time", context.time("end_time")?),
        ("overridden_member", overridden),
        ("overriding_member", context.member("overriding_member", context.given.get("overriding_member"))?),
    ];
    fits(context, fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn update(context: &Context<'_>, stored: &Document) -> Result<Document, Problem> {
    let mut changed = stored.clone();
    for field in ["start_time", "end_time", "overriding_member"] {
        if let Some(given) = context.given.get(field) {
            let is_member = field == "overriding_member";
            let value = if is_member { context.member(field, Some(given))? } else { context.time(field)? };
            changed.insert(field.to_owned(), value);
        }
    }
    fits(context, changed)
}

fn delete(schedule: &mut Document, id: &str, _: Timestamp) -> Result<(), Problem> {
    list_of(schedule, "overrides")?.retain(|one| id_of(one) != id);
    Ok(())
}

/// Refuses an override that overlaps another of the same member and source.
fn fits(context: &Context<'_>, one: Document) -> Result<Document, Problem> {
    let one = Value::Object(context.in_order(one)?);
    let (start, end) = times(&one);
    let same = |other: &Value, field| one.get(field) == other.get(field);
    let clashes = |other: &&Value| {
        let (from, to) = times(other);
        let alike = ["rotation_id", "custom_shift_id", "overridden_member"].into_iter().all(|field| same(other, field));
        id_of(other) != context.id && alike && from < end && start < to
    };
    match entries(context.schedule, "overrides").iter().find(clashes) {
        Some(other) => {
            let reason = format!("overlaps the override {} of the same member", id_of(other));
            Err(context.refused("start_time", reason))
        }
        None => Ok(one.as_object().cloned().unwrap_or_default()),
    }
}
