//! Shift-based schedules: rotations of recurring events, custom shifts, and overrides that replace one user of either.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::recurrence::Recurrence;
use crate::{Invalid, Range, Shift, Source, days, instant, zone};

/// A shift-based schedule, in PagerDuty's form: `rotations`, `custom_shifts` and `overrides`, each a list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Rotations {
    #[serde(rename = "rotations")]
    all: Vec<Rotation>,
    custom_shifts: Vec<CustomShift>,
    /// They apply in this order.
    overrides: Vec<Replacement>,
}

/// Events whose shifts have one origin. Rotations do not take precedence over each other.
#[derive(Debug, Clone, Deserialize)]
struct Rotation {
    id: String,
    #[serde(default)]
    events: Vec<Event>,
}

/// A recurring shift in PagerDuty's form, and the users who share it.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Given")]
pub struct Event {
    start: WallTime,
    end: WallTime,
    since: Timestamp,
    until: Option<Timestamp>,
    recurrence: Recurrence,
    assignment: Assignment,
}

/// The maximum length of a shift in days.
const LONGEST_SHIFT: i64 = 366;
/// The maximum number of shifts of a schedule: 20 users who change hourly for a year.
const MOST_SHIFTS: usize = 200_000;

/// An event in PagerDuty's form.
#[derive(Deserialize)]
struct Given {
    start_time: WallTime,
    end_time: WallTime,
    effective_since: Timestamp,
    effective_until: Option<Timestamp>,
    recurrence: Vec<String>,
    assignment_strategy: Assignment,
}

impl TryFrom<Given> for Event {
    type Error = Invalid;

    fn try_from(given: Given) -> Result<Self, Invalid> {
        let (start, end) = (given.start_time, given.end_time);
        // On the wall clock if there is one: the first occurrence may be in a gap, where it has no length.
        let length = if start.zone.iana_name() == end.zone.iana_name() {
            end.wall.duration_since(start.wall)
        } else {
            instant(&end.zone, end.wall).duration_since(instant(&start.zone, start.wall))
        };
        if !length.is_positive() || length > days(LONGEST_SHIFT) {
            let (from, to) = (start.wall, end.wall);
            let most = format!("by at most {LONGEST_SHIFT} days");
            return Err(Invalid(format!("end_time must be after start_time {most}, not {from} to {to}")));
        }
        let lines = given.recurrence.iter().map(String::as_str);
        Ok(Self {
            recurrence: Recurrence::parse(lines, start.wall, start.zone.clone())?,
            start,
            end,
            since: given.effective_since,
            until: given.effective_until,
            assignment: given.assignment_strategy,
        })
    }
}

/// A time on the wall clock of a zone.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "GivenTime")]
pub struct WallTime {
    /// The time that the clocks show.
    pub wall: DateTime,
    /// The zone of the clocks.
    pub zone: TimeZone,
}

#[derive(Deserialize)]
struct GivenTime {
    date_time: String,
    time_zone: String,
}

impl TryFrom<GivenTime> for WallTime {
    type Error = Invalid;

    fn try_from(given: GivenTime) -> Result<Self, Invalid> {
        Self::parse(&given.date_time, &given.time_zone)
    }
}

impl WallTime {
    /// Reads the start or end of an event.
    ///
    /// A `Z` is ignored: PagerDuty's description has `2025-03-03T09:00:00Z` beside `America/New_York` as an example of
    /// "9 AM … in New York". A numeric offset names an instant, so `2025-03-03T15:00:00+01:00` is the same 9 AM.
    pub fn parse(date_time: &str, time_zone: &str) -> Result<Self, Invalid> {
        let zone = zone(time_zone)?;
        let invalid = |_| Invalid(format!("date_time must be a time such as 2025-03-03T09:00:00, not {date_time:?}"));
        let wall = match (date_time.strip_suffix(['Z', 'z']), date_time.parse::<Timestamp>()) {
            (None, Ok(at)) => zone.to_datetime(at),
            (wall, _) => wall.unwrap_or(date_time).parse().map_err(invalid)?,
        };
        let wall = wall.with().subsec_nanosecond(0).build().unwrap_or(wall);
        Ok(Self { wall, zone })
    }

    /// Returns the instant that is as much later on the wall clock as `wall` is after `first`.
    fn moved(&self, first: DateTime, wall: DateTime) -> Timestamp {
        let later = self.wall.checked_add(wall.duration_since(first)).unwrap_or(DateTime::MAX);
        instant(&self.zone, later)
    }
}

/// The users of an event's shifts.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "GivenAssignment")]
enum Assignment {
    /// One user at a time, for a number of consecutive occurrences.
    Rotating { shifts_per_member: u64, members: Vec<Member> },
    /// All users at once.
    Every { members: Vec<Member> },
}

#[derive(Deserialize)]
struct GivenAssignment {
    #[serde(rename = "type")]
    kind: String,
    shifts_per_member: Option<u64>,
    members: Vec<Member>,
}

impl TryFrom<GivenAssignment> for Assignment {
    type Error = Invalid;

    fn try_from(given: GivenAssignment) -> Result<Self, Invalid> {
        let members = given.members;
        if members.is_empty() {
            return Err(Invalid("members must not be empty".to_owned()));
        }
        match (given.kind.as_str(), given.shifts_per_member) {
            ("every_member_assignment_strategy", _) => Ok(Self::Every { members }),
            ("rotating_member_assignment_strategy", Some(shifts_per_member @ 1..)) => {
                Ok(Self::Rotating { shifts_per_member, members })
            }
            ("rotating_member_assignment_strategy", _) => {
                Err(Invalid("shifts_per_member must be 1 or more".to_owned()))
            }
            (kind, _) => {
                let known = "rotating_member_assignment_strategy or every_member_assignment_strategy";
                Err(Invalid(format!("the type of assignment_strategy must be {known}, not {kind:?}")))
            }
        }
    }
}

impl Assignment {
    /// Returns the users of an occurrence.
    fn members(&self, number: u64) -> &[Member] {
        match self {
            Self::Every { members } => members,
            Self::Rotating { shifts_per_member, members } => {
                let count = u64::try_from(members.len()).unwrap_or(u64::MAX).max(1);
                let place = usize::try_from(number / (*shifts_per_member).max(1) % count).unwrap_or_default();
                members.get(place..=place).unwrap_or_default()
            }
        }
    }
}

/// A user, or a place that is intentionally empty.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "GivenMember")]
struct Member(Option<String>);

#[derive(Deserialize)]
struct GivenMember {
    #[serde(rename = "type")]
    kind: String,
    user_id: Option<String>,
}

impl TryFrom<GivenMember> for Member {
    type Error = Invalid;

    fn try_from(given: GivenMember) -> Result<Self, Invalid> {
        match (given.kind.as_str(), given.user_id) {
            ("empty_member", _) => Ok(Self(None)),
            ("user_member", Some(user)) => Ok(Self(Some(user))),
            ("user_member", None) => Err(Invalid("a user_member must have a user_id".to_owned())),
            (kind, _) => {
                Err(Invalid(format!("the type of a member must be user_member or empty_member, not {kind:?}")))
            }
        }
    }
}

/// A single shift outside of rotations.
#[derive(Debug, Clone, Deserialize)]
struct CustomShift {
    id: String,
    #[serde(rename = "start_time")]
    start: Timestamp,
    #[serde(rename = "end_time")]
    end: Timestamp,
    assignments: Vec<ShiftAssignment>,
}

/// A user of a custom shift.
#[derive(Debug, Clone, Deserialize)]
struct ShiftAssignment {
    member: Member,
}

/// An override: a user who replaces another one of a rotation or custom shift for a time.
#[derive(Debug, Clone, Deserialize)]
struct Replacement {
    id: String,
    rotation_id: Option<String>,
    custom_shift_id: Option<String>,
    #[serde(rename = "start_time")]
    start: Timestamp,
    #[serde(rename = "end_time")]
    end: Timestamp,
    overridden_member: Member,
    overriding_member: Member,
}

impl Rotations {
    /// Returns every shift that overlaps `range`, in order. Shifts that begin before it or end after it are whole.
    pub fn shifts(&self, range: Range) -> Result<Vec<Shift>, Invalid> {
        range.check()?;
        let mut shifts = Vec::new();
        for (rotation, event) in self.all.iter().flat_map(|one| one.events.iter().map(move |event| (one, event))) {
            let source = Source::Rotation(rotation.id.clone());
            for turn in event.shifts(range)? {
                shifts.extend(turn.members.iter().map(|member| member.shift(turn.start, turn.end, source.clone())));
                if shifts.len() > MOST_SHIFTS {
                    return Err(Invalid(format!("the schedule has more than {MOST_SHIFTS} shifts in the range")));
                }
            }
        }
        for custom in &self.custom_shifts {
            let source = Source::CustomShift(custom.id.clone());
            let assigned = custom.assignments.iter();
            shifts.extend(assigned.map(|one| one.member.shift(custom.start, custom.end, source.clone())));
        }
        shifts.retain(|shift| range.overlaps(shift.start, shift.end));
        for replacement in &self.overrides {
            shifts = shifts.into_iter().flat_map(|shift| replacement.applied_to(shift)).collect();
        }
        shifts.retain(|shift| range.overlaps(shift.start, shift.end));
        shifts.sort_by(|one, other| (one.start, one.end, &one.user).cmp(&(other.start, other.end, &other.user)));
        Ok(shifts)
    }
}

/// A shift, and its users.
struct Turn<'a> {
    start: Timestamp,
    end: Timestamp,
    members: &'a [Member],
}

impl Event {
    /// Returns the shifts that may overlap `range`, with their users.
    ///
    /// A shift that is in progress at the event's `effective_since` begins then, and one in progress at its
    /// `effective_until` ends then.
    fn shifts(&self, range: Range) -> Result<Vec<Turn<'_>>, Invalid> {
        let zone = &self.start.zone;
        // A day for the change of clocks, and one for an end in another zone.
        let length = self.end.wall.duration_since(self.start.wall) + days(2);
        let bound = |at: Timestamp, by| zone.to_datetime(crate::moved(at, by));
        let since = bound(range.since.max(self.since), -length);
        let until = bound(range.until.min(self.until.unwrap_or(Timestamp::MAX)), days(2));
        let shift = |number, wall, at: Timestamp| {
            let end = self.end.moved(self.start.wall, wall).min(self.until.unwrap_or(Timestamp::MAX));
            Turn { start: at.max(self.since), end, members: self.assignment.members(number) }
        };
        let occurrences = self.recurrence.between(since, until)?;
        let shifts = occurrences.into_iter().map(|one| shift(one.number, one.wall, one.at));
        Ok(shifts.filter(|turn| turn.start < turn.end).collect())
    }
}

impl Member {
    fn shift(&self, start: Timestamp, end: Timestamp, source: Source) -> Shift {
        Shift { user: self.0.clone(), start, end, source }
    }
}

impl Replacement {
    /// Returns a shift with this override applied: as it was, or in up to three parts.
    fn applied_to(&self, shift: Shift) -> Vec<Shift> {
        let replacement = self.id.clone();
        let replaced = match &shift.source {
            Source::Rotation(rotation) | Source::RotationOverride(rotation, _)
                if self.rotation_id.as_ref() == Some(rotation) =>
            {
                Source::RotationOverride(rotation.clone(), replacement)
            }
            Source::CustomShift(shift) | Source::CustomShiftOverride(shift, _)
                if self.custom_shift_id.as_ref() == Some(shift) =>
            {
                Source::CustomShiftOverride(shift.clone(), replacement)
            }
            _ => return vec![shift],
        };
        let (start, end) = (shift.start.max(self.start), shift.end.min(self.end));
        if shift.user != self.overridden_member.0 || start >= end {
            return vec![shift];
        }
        let before = Shift { end: start, ..shift.clone() };
        let after = Shift { start: end, ..shift };
        let parts = [before, self.overriding_member.shift(start, end, replaced), after];
        parts.into_iter().filter(|part| part.start < part.end).collect()
    }
}

#[cfg(test)]
mod tests;
