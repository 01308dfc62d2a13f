//! Schedules with layers: users who take turns, restricted to hours of the day or week, and overrides.
//!
//! Turns are counted on the wall clock of the schedule's zone, so a hand-off at nine stays at nine when the clocks
//! change, and a turn of twelve hours may last eleven or thirteen.

use std::collections::BTreeMap;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer};

use crate::{Invalid, Range, Shift, Source, days, instant};

/// The layers and overrides of a schedule.
#[derive(Debug, Clone)]
pub struct Layered {
    /// The zone on whose clocks turns and restrictions are counted.
    pub zone: TimeZone,
    /// The first layer takes precedence over the second, as in PagerDuty's answers.
    pub layers: Vec<Layer>,
    /// They take precedence over layers, and later ones over earlier ones.
    pub overrides: Vec<Override>,
}

/// The shortest and the longest turn, in seconds.
const TURN: std::ops::RangeInclusive<i64> = 3600..=365 * DAY;
const DAY: i64 = 86_400;
/// The maximum number of restrictions of a layer.
const RESTRICTIONS: usize = 100;

/// Users who take turns, in PagerDuty's form.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Given")]
pub struct Layer {
    /// The first instant at which the layer applies.
    pub start: Timestamp,
    /// The first instant after the layer, or `None` if it does not end.
    pub end: Option<Timestamp>,
    /// The start of the first user's first turn, which may be before or after the start of the layer.
    pub virtual_start: Timestamp,
    /// The length of a turn on the wall clock.
    pub turn_in_seconds: i64,
    /// The IDs of the users, in the order of their turns.
    pub users: Vec<String>,
    /// The layer applies only in these hours. Without any, it applies always.
    restrictions: Vec<Restriction>,
}

/// A layer in PagerDuty's form.
#[derive(Deserialize)]
struct Given {
    start: Timestamp,
    end: Option<Timestamp>,
    rotation_virtual_start: Option<Timestamp>,
    rotation_turn_length_seconds: i64,
    users: Vec<Member>,
    #[serde(default)]
    restrictions: Vec<Restriction>,
}

#[derive(Deserialize)]
struct Member {
    user: User,
}

#[derive(Deserialize)]
struct User {
    id: String,
}

impl TryFrom<Given> for Layer {
    type Error = Invalid;

    fn try_from(given: Given) -> Result<Self, Invalid> {
        let turn = given.rotation_turn_length_seconds;
        if !TURN.contains(&turn) {
            let (least, most) = (TURN.start() / 3600, TURN.end() / DAY);
            return Err(Invalid(format!(
                "rotation_turn_length_seconds must be {least} hour to {most} days, not {turn} seconds"
            )));
        }
        if given.restrictions.len() > RESTRICTIONS {
            return Err(Invalid(format!(
                "restrictions must be at most {RESTRICTIONS}, not {}",
                given.restrictions.len()
            )));
        }
        Ok(Self {
            start: given.start,
            end: given.end,
            virtual_start: given.rotation_virtual_start.unwrap_or(given.start),
            turn_in_seconds: turn,
            users: given.users.into_iter().map(|member| member.user.id).collect(),
            restrictions: given.restrictions,
        })
    }
}

/// Hours of the day, or of the week, at which a layer applies.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "GivenRestriction")]
struct Restriction {
    windows: Windows,
    /// The time of day at which the hours begin.
    from: Time,
    duration_in_seconds: i64,
}

/// The days on which the hours of a restriction begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Windows {
    Daily,
    /// On one day of the week: 1 is Monday.
    Weekly(i8),
}

#[derive(Deserialize)]
struct GivenRestriction {
    #[serde(rename = "type")]
    kind: String,
    start_time_of_day: String,
    start_day_of_week: Option<i8>,
    duration_seconds: i64,
}

impl TryFrom<GivenRestriction> for Restriction {
    type Error = Invalid;

    fn try_from(given: GivenRestriction) -> Result<Self, Invalid> {
        let from = given.start_time_of_day.parse().map_err(|_| {
            Invalid(format!("start_time_of_day must be a time such as 09:00:00, not {:?}", given.start_time_of_day))
        })?;
        let (windows, longest) = match (given.kind.as_str(), given.start_day_of_week) {
            ("daily_restriction", _) => (Windows::Daily, DAY),
            ("weekly_restriction", Some(day @ 1..=7)) => (Windows::Weekly(day), 7 * DAY),
            ("weekly_restriction", day) => {
                let day = day.map_or_else(|| "missing".to_owned(), |day| day.to_string());
                return Err(Invalid(format!("start_day_of_week must be 1 (Monday) to 7, not {day}")));
            }
            (kind, _) => {
                let known = "daily_restriction or weekly_restriction";
                return Err(Invalid(format!("the type of a restriction must be {known}, not {kind:?}")));
            }
        };
        let duration = given.duration_seconds;
        if !(1..=longest).contains(&duration) {
            return Err(Invalid(format!("duration_seconds must be 1 to {longest}, not {duration}")));
        }
        Ok(Self { windows, from, duration_in_seconds: duration })
    }
}

/// A user who replaces the layers for a time, in PagerDuty's form.
#[derive(Debug, Clone, Deserialize)]
pub struct Override {
    #[serde(deserialize_with = "user")]
    /// The ID of the user.
    pub user: String,
    /// The first instant of the override.
    pub start: Timestamp,
    /// The first instant after the override.
    pub end: Timestamp,
}

fn user<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    User::deserialize(from).map(|user| user.id)
}

impl Layered {
    /// Returns the final schedule: every shift that overlaps `range`, in order. Shifts that begin before it or end after
    /// it are whole.
    pub fn shifts(&self, range: Range) -> Result<Vec<Shift>, Invalid> {
        range.check()?;
        let whole = |range| self.layers.iter().map(move |layer| layer.turns(&self.zone, range));
        // Other layers can shorten a shift at the edge of the range far outside of it.
        let wide = whole(range).flatten().fold(range, |wide, (_, start, end)| wide.with(start, end));
        let mut free = Free::default();
        let mut shifts = Vec::new();
        for (index, taken) in self.overrides.iter().enumerate().rev() {
            let parts = free.claim(taken.start, taken.end).into_iter();
            shifts.extend(parts.map(|part| shift(&taken.user, part, Source::Override(index))));
        }
        for (index, turns) in whole(wide).enumerate() {
            for (user, start, end) in turns {
                let parts = free.claim(start, end).into_iter();
                shifts.extend(parts.map(|part| shift(user, part, Source::Layer(index))));
            }
        }
        shifts.retain(|shift| range.overlaps(shift.start, shift.end));
        shifts.sort_by_key(|shift| shift.start);
        Ok(shifts)
    }

    /// Returns the shifts of one layer alone, as [`Layered::shifts`] does for all.
    pub fn shifts_of_layer(&self, index: usize, range: Range) -> Result<Vec<Shift>, Invalid> {
        range.check()?;
        let turns = self.layers.get(index).into_iter().flat_map(|layer| layer.turns(&self.zone, range));
        Ok(turns.map(|(user, start, end)| shift(user, (start, end), Source::Layer(index))).collect())
    }
}

fn shift(user: &str, (start, end): (Timestamp, Timestamp), source: Source) -> Shift {
    Shift { user: Some(user.to_owned()), start, end, source }
}

impl Layer {
    /// Returns the users with the parts of their turns in which the layer applies, if these overlap `range`.
    fn turns(&self, zone: &TimeZone, range: Range) -> Vec<(&String, Timestamp, Timestamp)> {
        let turn = self.turn_in_seconds.max(1);
        let first = zone.to_datetime(self.virtual_start);
        // Two days early, since the clocks may have changed, and even skipped a day.
        let wall = zone.to_datetime(range.widened(days(2)).since.max(self.start));
        let number = wall.duration_since(first).as_secs().div_euclid(turn).saturating_sub(1);
        let windows = self.windows(zone, range.widened(days(turn / DAY + 2)));
        let count = i64::try_from(self.users.len()).unwrap_or(i64::MAX).max(1);
        let mut turns = Vec::new();
        for number in number.. {
            let Some((from, to)) = at(first, number, turn).zip(at(first, number + 1, turn)) else { break };
            let (from, to) = (instant(zone, from).max(self.start), instant(zone, to));
            let to = self.end.map_or(to, |end| to.min(end));
            let after = self.end.is_some_and(|end| from >= end);
            let user = usize::try_from(number.rem_euclid(count)).ok().and_then(|place| self.users.get(place));
            let Some(user) = user.filter(|_| from < range.end() && !after) else { break };
            match &windows {
                None if from < to && range.overlaps(from, to) => turns.push((user, from, to)),
                None => {}
                Some(windows) => {
                    let next = windows.partition_point(|(_, end)| *end <= from);
                    let within = windows.iter().skip(next).take_while(|(start, _)| *start < to);
                    let parts = within.map(|(start, end)| (user, from.max(*start), to.min(*end)));
                    turns.extend(parts.filter(|(_, start, end)| range.overlaps(*start, *end)));
                }
            }
        }
        turns
    }

    /// Returns the times at which the layer applies, in order and without overlaps, or `None` if it applies always.
    fn windows(&self, zone: &TimeZone, range: Range) -> Option<Vec<(Timestamp, Timestamp)>> {
        if self.restrictions.is_empty() {
            return None;
        }
        let mut windows = Vec::new();
        for restriction in &self.restrictions {
            // A week early, since the hours of a week may have begun then.
            let mut date = zone.to_datetime(range.widened(days(8)).since).date();
            let mut step = 1;
            if let Windows::Weekly(day) = restriction.windows {
                let ahead = (i64::from(day) - i64::from(date.weekday().to_monday_one_offset())).rem_euclid(7);
                date = date.checked_add(days(ahead)).unwrap_or(date);
                step = 7;
            }
            let first = date.to_datetime(restriction.from);
            for number in 0.. {
                let Some(from) = at(first, number, step * DAY) else { break };
                let Some(to) = at(from, 1, restriction.duration_in_seconds) else { break };
                let (from, to) = (instant(zone, from), instant(zone, to));
                if from > range.until {
                    break;
                }
                if from < to {
                    windows.push((from, to));
                }
            }
        }
        windows.sort_unstable();
        let mut merged: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (start, end) in windows {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        Some(merged)
    }
}

/// Returns the wall time `number` times `seconds` after `first`.
fn at(first: DateTime, number: i64, seconds: i64) -> Option<DateTime> {
    first.checked_add(SignedDuration::from_secs(number.checked_mul(seconds)?)).ok()
}

/// The time that no shift has claimed yet.
#[derive(Default)]
struct Free {
    /// The claimed times, by their start. None overlap.
    claimed: BTreeMap<Timestamp, Timestamp>,
}

impl Free {
    /// Claims the time from `start` to `end`, and returns the parts of it that were free.
    fn claim(&mut self, start: Timestamp, end: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        if start >= end {
            return Vec::new();
        }
        let before = self.claimed.range(..start).next_back().filter(|(_, end)| **end > start);
        let from = before.map_or(start, |(start, _)| *start);
        let taken: Vec<_> = self.claimed.range(from..end).map(|(start, end)| (*start, *end)).collect();
        let mut parts = Vec::new();
        let (mut at, mut last) = (start, end);
        for (taken_start, taken_end) in taken {
            if at < taken_start {
                parts.push((at, taken_start));
            }
            at = at.max(taken_end);
            last = last.max(taken_end);
            self.claimed.remove(&taken_start);
        }
        if at < end {
            parts.push((at, end));
        }
        self.claimed.insert(from.min(start), last);
        parts
    }
}

#[cfg(test)]
mod tests;
