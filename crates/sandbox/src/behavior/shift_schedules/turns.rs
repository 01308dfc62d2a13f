//! The turns that a shift-based schedule results in: those of its rotations and its custom shifts, with their overrides.
//! The calendar computes them.
//!
//! All of them count at the same time, so several users can be on call.

use jiff::Timestamp;
use pagerduty_calendar::{Rotations, Shift, Source};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::documents::Document;
use crate::time::Range;

/// Returns every turn that overlaps `range`, in order. Turns that begin before it or end after it are whole.
///
/// Callers reject ranges that are too long for the calendar.
pub fn of(schedule: &Document, range: Range) -> Vec<Shift> {
    read(schedule).ok().and_then(|rotations| rotations.shifts(range).ok()).unwrap_or_default()
}

/// Reads the rotations, custom shifts and overrides of a schedule, or returns the reason why they are not valid.
pub fn read(schedule: &Document) -> Result<Rotations, String> {
    Rotations::deserialize(schedule).map_err(|error| error.to_string())
}

/// Returns the source of a turn as PagerDuty writes it.
pub fn source(turn: &Shift) -> Value {
    match &turn.source {
        Source::Rotation(id) => json!({"type": "schedule_rotation", "rotation_id": id}),
        Source::RotationOverride(id, by) => {
            json!({"type": "schedule_rotation_override", "rotation_id": id, "override_id": by})
        }
        Source::CustomShift(id) => json!({"type": "custom_shift", "shift_id": id}),
        Source::CustomShiftOverride(id, by) => {
            json!({"type": "custom_shift_override", "shift_id": id, "override_id": by})
        }
        Source::Layer(_) | Source::Override(_) => Value::Null,
    }
}

/// Returns the share of `range` in which a user is on call, in percent with one decimal.
pub fn coverage(turns: &[Shift], range: Range) -> f64 {
    let mut until = range.since;
    let mut covered = 0;
    for turn in turns.iter().filter(|turn| turn.user.is_some()) {
        let (start, end) = range.clip(turn.start.max(until), turn.end);
        covered += end.as_second().saturating_sub(start.as_second()).max(0);
        until = until.max(end);
    }
    let whole = range.until.as_second().saturating_sub(range.since.as_second()).max(1);
    f64::from(i32::try_from(covered.saturating_mul(1000) / whole).unwrap_or(1000)) / 10.0
}

/// Returns the start and the end of a custom shift or an override.
pub fn times(part: &Value) -> (Timestamp, Timestamp) {
    let time = |name| part.get(name)?.as_str()?.parse().ok();
    (time("start_time").unwrap_or_default(), time("end_time").unwrap_or_default())
}

/// Returns the user of a member, or `None` for an empty one.
pub fn user_of(member: Option<&Value>) -> Option<&str> {
    member?.get("user_id")?.as_str()
}
