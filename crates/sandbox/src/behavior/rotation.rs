//! On-call shifts: layers, their turns and restrictions, and overrides, which take precedence.
//!
//! Turns are counted in days of the schedule's time zone, as PagerDuty does, so a hand-off at nine stays at nine when
//! the clocks change.

use jiff::civil::Time;
use jiff::{Span, Timestamp, Zoned};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::documents::{Document, id_of, text};
use crate::time::{Range, Zone, from_utc};

/// The layers and overrides of a schedule.
#[derive(Debug)]
pub struct Rotation {
    pub zone: Zone,
    /// The first layer takes precedence over the second, as in PagerDuty's answers.
    pub layers: Vec<Layer>,
    pub overrides: Vec<Shift>,
}

/// The maximum length of a turn in days.
const MAX_TURN: i64 = 365;

/// Users who take turns.
#[derive(Debug, Deserialize)]
pub struct Layer {
    /// PagerDuty omits it at times.
    pub id: Option<String>,
    pub name: String,
    #[serde(deserialize_with = "from_utc")]
    pub start: Timestamp,
    #[serde(rename = "rotation_turn_length_seconds")]
    pub turn_in_seconds: i64,
    #[serde(deserialize_with = "members")]
    pub users: Vec<String>,
    #[serde(default)]
    pub restrictions: Vec<Restriction>,
}

/// The hours of each day on which a layer applies.
#[derive(Debug, Clone, Deserialize)]
pub struct Restriction {
    #[serde(rename = "type")]
    pub kind: String,
    pub start_time_of_day: String,
    pub duration_seconds: i64,
}

/// A user's time on call.
#[derive(Debug, Clone, Deserialize)]
pub struct Shift {
    #[serde(deserialize_with = "user")]
    pub user: String,
    #[serde(deserialize_with = "from_utc")]
    pub start: Timestamp,
    #[serde(deserialize_with = "from_utc")]
    pub end: Timestamp,
}

fn user<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Value::deserialize(from).map(|user| id_of(&user).to_owned())
}

fn members<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let members = Vec::<Value>::deserialize(from)?;
    Ok(members.iter().map(|member| id_of(member.get("user").unwrap_or(&Value::Null)).to_owned()).collect())
}

impl Rotation {
    /// Reads the rotation of a schedule.
    pub fn of(schedule: &Document) -> Self {
        Self::read(schedule).unwrap_or_else(|_| Self {
            zone: Zone::named(""),
            layers: Vec::new(),
            overrides: Vec::new(),
        })
    }

    /// Reads the rotation of a schedule, or returns the reason why it is not valid.
    pub fn read(schedule: &Document) -> Result<Self, String> {
        let list = |field| schedule.get(field).unwrap_or(&Value::Null);
        let why = |field| move |error: serde_json::Error| format!("{field}: {error}");
        let layers: Option<Vec<Layer>> =
            Deserialize::deserialize(list("schedule_layers")).map_err(why("schedule_layers"))?;
        let overrides: Option<Vec<Shift>> = Deserialize::deserialize(list("overrides")).map_err(why("overrides"))?;
        let (layers, overrides) = (layers.unwrap_or_default(), overrides.unwrap_or_default());
        layers.iter().try_for_each(Layer::check).map_err(|why| format!("schedule_layers: {why}"))?;
        Ok(Self { zone: Zone::named(text(schedule, "time_zone")), layers, overrides })
    }

    /// Returns the final schedule: every shift that overlaps `range`, in order. Shifts that begin before it or end after
    /// it are whole.
    pub fn shifts(&self, range: Range) -> Vec<Shift> {
        // Shifts beyond the range, up to the longest turn away, can shorten a shift at its edge.
        let longest = self.layers.iter().map(Layer::turn_in_days).fold(7, i64::max);
        let wide = range.widened(Span::new().days(longest + 1));
        let mut shifts = self.overrides.clone();
        for layer in &self.layers {
            let free = layer
                .shifts(&self.zone, wide)
                .into_iter()
                .flat_map(|shift| without(shift, &shifts))
                .collect::<Vec<_>>();
            shifts.extend(free);
        }
        shifts.retain(|shift| range.overlaps(shift.start, shift.end));
        shifts.sort_by_key(|shift| shift.start);
        shifts
    }
}

impl Layer {
    /// Returns the reason if the turns or the restriction cannot be computed.
    fn check(&self) -> Result<(), String> {
        let turn = self.turn_in_seconds;
        if turn % 86_400 != 0 || !(1..=MAX_TURN).contains(&self.turn_in_days()) {
            return Err(format!("rotation_turn_length_seconds must be 1 to {MAX_TURN} whole days, not {turn} seconds"));
        }
        match self.restrictions.as_slice() {
            [] => Ok(()),
            [one] if one.kind == "daily_restriction" && one.start_time_of_day.parse::<Time>().is_ok() => {
                let day = (1..=86_400).contains(&one.duration_seconds);
                day.then_some(())
                    .ok_or_else(|| format!("duration_seconds must be 1 to 86400, not {}", one.duration_seconds))
            }
            _ => Err("restrictions must be at most one daily_restriction with a start_time_of_day".to_owned()),
        }
    }

    /// Returns the length of a turn.
    pub fn turn_in_days(&self) -> i64 {
        self.turn_in_seconds / 86_400
    }

    /// Returns every shift of this layer alone that overlaps `range`.
    pub fn shifts(&self, zone: &Zone, range: Range) -> Vec<Shift> {
        let start = self.start.to_zoned(zone.rules.clone());
        let elapsed = range.since.as_second().saturating_sub(self.start.as_second()).max(0);
        // One turn early, since turns that span a change of the clocks are an hour longer or shorter than counted here.
        let first = (elapsed / (86_400 * self.turn_in_days().max(1)) - 1).max(0);
        let mut shifts = Vec::new();
        for (turn, user) in (first..).zip(self.rotation_from(first)) {
            let Some((from, to)) = self.turn(&start, turn).filter(|(from, _)| from.timestamp() <= range.until) else {
                break;
            };
            let hours = self.hours(&from, &to).into_iter().filter(|(start, end)| range.overlaps(*start, *end));
            shifts.extend(hours.map(|(start, end)| Shift { user: user.clone(), start, end }));
        }
        shifts
    }

    /// Returns the users in the order of their turns, from turn number `first` on, without end.
    fn rotation_from(&self, first: i64) -> impl Iterator<Item = &String> {
        let count = i64::try_from(self.users.len()).unwrap_or(i64::MAX).max(1);
        self.users.iter().cycle().skip(usize::try_from(first % count).unwrap_or_default())
    }

    fn turn(&self, start: &Zoned, number: i64) -> Option<(Zoned, Zoned)> {
        let day =
            |turn: i64| start.checked_add(Span::new().try_days(turn.checked_mul(self.turn_in_days())?).ok()?).ok();
        Some((day(number)?, day(number + 1)?))
    }

    /// Returns the parts of a turn in which the layer applies: all of it, or some hours of each day.
    fn hours(&self, from: &Zoned, to: &Zoned) -> Vec<(Timestamp, Timestamp)> {
        let Some(restriction) = self.restrictions.first() else { return vec![(from.timestamp(), to.timestamp())] };
        let days = (0..=self.turn_in_days()).filter_map(|day| {
            let date = from.date().checked_add(Span::new().days(day)).ok()?;
            let start = date.to_datetime(restriction.from()).to_zoned(from.time_zone().clone()).ok()?;
            let end = start.checked_add(Span::new().seconds(restriction.duration_seconds)).ok()?;
            Some((start.max(from.clone()).timestamp(), end.min(to.clone()).timestamp()))
        });
        days.filter(|(start, end)| start < end).collect()
    }
}

impl Restriction {
    /// Returns the time of day at which the layer begins to apply.
    fn from(&self) -> Time {
        self.start_time_of_day.parse().unwrap_or_default()
    }
}

/// Returns the parts of a shift outside the `taken` ones.
fn without(shift: Shift, taken: &[Shift]) -> Vec<Shift> {
    taken.iter().fold(vec![shift], |left, taken| {
        let around = |shift: Shift| {
            let before = Shift { end: shift.end.min(taken.start), ..shift.clone() };
            let after = Shift { start: shift.start.max(taken.end), ..shift };
            [before, after].into_iter().filter(|part| part.start < part.end)
        };
        left.into_iter().flat_map(around).collect()
    })
}

/// Returns the shifts without their parts outside `range`.
pub fn clipped(shifts: Vec<Shift>, range: Range) -> Vec<Shift> {
    let clip = |shift: Shift| Shift { start: shift.start.max(range.since), end: shift.end.min(range.until), ..shift };
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
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn layer(users: &[&str], turn_in_days: i64, restriction: Option<Restriction>) -> Layer {
        Layer {
            id: None,
            name: "Layer".to_owned(),
            start: at("2026-03-02T14:00:00Z"),
            turn_in_seconds: turn_in_days * 86_400,
            users: users.iter().map(|&user| user.to_owned()).collect(),
            restrictions: restriction.into_iter().collect(),
        }
    }

    fn office() -> Restriction {
        Restriction {
            kind: "daily_restriction".to_owned(),
            start_time_of_day: "09:00:00".to_owned(),
            duration_seconds: 8 * 3600,
        }
    }

    fn rotation(layers: Vec<Layer>, overrides: Vec<Shift>) -> Rotation {
        Rotation { zone: Zone::named("America/New_York"), layers, overrides }
    }

    /// Compares the shifts between two times, one per line, in the schedule's time zone.
    fn check(schedule: &Rotation, since: &str, until: &str, expected: &[&str]) {
        let line = |shift: &Shift| {
            format!("{} {} {}", shift.user, schedule.zone.write(shift.start), schedule.zone.write(shift.end))
        };
        let shifts = schedule.shifts(Range { since: at(since), until: at(until) });
        assert_eq!(shifts.iter().map(line).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn turns_keep_their_hour_across_clock_changes() {
        let weekly = rotation(vec![layer(&["A", "B"], 7, None)], Vec::new());
        check(
            &weekly,
            "2026-03-05T00:00:00Z",
            "2026-03-10T00:00:00Z",
            &[
                "A 2026-03-02T09:00:00-05:00 2026-03-09T09:00:00-04:00",
                "B 2026-03-09T09:00:00-04:00 2026-03-16T09:00:00-04:00",
            ],
        );
    }

    #[test]
    fn shifts_of_a_moment_and_before_the_start() {
        let daily = rotation(vec![layer(&["A", "B", "C"], 1, None)], Vec::new());
        let shift = &["B 2026-07-04T09:00:00-04:00 2026-07-05T09:00:00-04:00"];
        check(&daily, "2026-07-04T13:00:00Z", "2026-07-04T13:00:00Z", shift);
        check(&daily, "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z", &[]);
    }

    #[test]
    fn overrides_precede_layers_and_layers_each_other() {
        let replaced =
            Shift { user: "O".to_owned(), start: at("2026-07-01T15:00:00Z"), end: at("2026-07-01T16:00:00Z") };
        let both = rotation(vec![layer(&["D"], 1, Some(office())), layer(&["N"], 7, None)], vec![replaced]);
        check(
            &both,
            "2026-07-01T14:00:00Z",
            "2026-07-01T22:00:00Z",
            &[
                "D 2026-07-01T09:00:00-04:00 2026-07-01T11:00:00-04:00",
                "O 2026-07-01T11:00:00-04:00 2026-07-01T12:00:00-04:00",
                "D 2026-07-01T12:00:00-04:00 2026-07-01T17:00:00-04:00",
                "N 2026-07-01T17:00:00-04:00 2026-07-02T09:00:00-04:00",
            ],
        );
    }

    #[test]
    fn coverage_excludes_time_outside_the_range() {
        let range = Range { since: at("2026-07-01T00:00:00Z"), until: at("2026-07-03T00:00:00Z") };
        let office = rotation(vec![layer(&["D"], 1, Some(office()))], Vec::new());
        assert!((coverage(&office.shifts(range), range) - 33.3).abs() < 0.01);
    }
}
