//! On-call shifts: layers and their turns, and overrides, which take precedence. The calendar computes them.

use jiff::Timestamp;
use pagerduty_calendar::{Layered, Shift as Rendered};
use serde::Deserialize;
use serde_json::Value;

pub use pagerduty_calendar::Override as Shift;

use crate::documents::{Document, text};
use crate::time::{Range, Zone};

/// The layers and overrides of a schedule.
#[derive(Debug)]
pub struct Rotation {
    pub zone: Zone,
    /// The first layer takes precedence over the second, as in PagerDuty's answers.
    pub layers: Vec<Layer>,
    schedule: Layered,
}

/// Users who take turns.
#[derive(Debug, Deserialize)]
pub struct Layer {
    /// PagerDuty omits it at times.
    pub id: Option<String>,
    pub name: String,
    #[serde(default)]
    pub restrictions: Vec<Value>,
}

impl Rotation {
    /// Reads the rotation of a schedule.
    pub fn of(schedule: &Document) -> Self {
        Self::read(schedule).unwrap_or_else(|_| {
            let zone = Zone::utc();
            let schedule = Layered { zone: zone.rules.clone(), layers: Vec::new(), overrides: Vec::new() };
            Self { zone, layers: Vec::new(), schedule }
        })
    }

    /// Reads the rotation of a schedule, or returns the reason why it is not valid.
    pub fn read(schedule: &Document) -> Result<Self, String> {
        let zone = Zone::named(text(schedule, "time_zone"))?;
        let layers = list(schedule, "schedule_layers")?;
        let overrides = list(schedule, "overrides")?;
        let schedule = Layered { zone: zone.rules.clone(), layers: list(schedule, "schedule_layers")?, overrides };
        Ok(Self { zone, layers, schedule })
    }

    /// Returns the final schedule: every shift that overlaps `range`, in order. Shifts that begin before it or end after
    /// it are whole.
    ///
    /// Callers reject ranges that are too long for the calendar.
    pub fn shifts(&self, range: Range) -> Vec<Shift> {
        taken(self.schedule.shifts(range).unwrap_or_default())
    }

    /// Returns every shift of a layer alone that overlaps `range`.
    pub fn shifts_of_layer(&self, layer: usize, range: Range) -> Vec<Shift> {
        taken(self.schedule.shifts_of_layer(layer, range).unwrap_or_default())
    }

    /// Returns the turns and users of a layer.
    pub fn turns(&self, layer: usize) -> Option<&pagerduty_calendar::Layer> {
        self.schedule.layers.get(layer)
    }

    pub fn overrides(&self) -> &[Shift] {
        &self.schedule.overrides
    }
}

fn list<T: for<'de> Deserialize<'de>>(schedule: &Document, field: &str) -> Result<Vec<T>, String> {
    let list = Option::<Vec<T>>::deserialize(schedule.get(field).unwrap_or(&Value::Null));
    Ok(list.map_err(|error| format!("{field}: {error}"))?.unwrap_or_default())
}

/// Returns the shifts with a user, which are all shifts of layers and overrides.
fn taken(shifts: Vec<Rendered>) -> Vec<Shift> {
    let taken = |shift: Rendered| Some(Shift { user: shift.user?, start: shift.start, end: shift.end });
    shifts.into_iter().filter_map(taken).collect()
}

/// Returns the shifts without their parts outside `range`.
pub fn clipped(shifts: Vec<Shift>, range: Range) -> Vec<Shift> {
    let clip = |shift: Shift| {
        let (start, end) = range.clip(shift.start, shift.end);
        Shift { start, end, ..shift }
    };
    shifts.into_iter().map(clip).collect()
}

/// Returns the share of `range` that the shifts cover, in percent with one decimal.
pub fn coverage(shifts: &[Shift], range: Range) -> f64 {
    let seconds = |start: Timestamp, end: Timestamp| end.as_second().saturating_sub(start.as_second());
    let covered: i64 = clipped(shifts.to_vec(), range).iter().map(|shift| seconds(shift.start, shift.end)).sum();
    let tenths = covered.saturating_mul(1000) / seconds(range.since, range.until).max(1);
    f64::from(i32::try_from(tenths).unwrap_or(1000)) / 10.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn coverage_excludes_time_outside_the_range() {
        let range =
            Range { since: "2026-07-01T00:00:00Z".parse().unwrap(), until: "2026-07-03T00:00:00Z".parse().unwrap() };
        let office = json!({
            "time_zone": "Eastern Time (US & Canada)",
            "schedule_layers": [{
                "name": "Office", "start": "2026-03-02T14:00:00Z", "rotation_turn_length_seconds": 86400,
                "users": [{"user": {"id": "D"}}],
                "restrictions": [
                    {"type": "daily_restriction", "start_time_of_day": "09:00:00", "duration_seconds": 8 * 3600},
                ],
            }],
        });
        let office = Rotation::read(office.as_object().unwrap()).unwrap();
        assert!((coverage(&office.shifts(range), range) - 33.3).abs() < 0.01);
    }
}
