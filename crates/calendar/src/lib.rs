//! Time zones by name, and the arithmetic of PagerDuty's schedules: turns of layers, recurring events, restrictions and
//! overrides, all on the wall clock of a time zone.
//!
//! PagerDuty renders the schedules of real accounts. This crate renders those of the sandbox, and answers questions that
//! PagerDuty has no endpoint for. It does no I/O, except that [`zones`] may read the machine's time zone database.

mod events;
mod layers;
mod recurrence;
pub mod zones;

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub use events::{Event, Rotations, WallTime};
pub use layers::{Layer, Layered, Override};
pub use zones::{UnknownZone, zone};

/// The time from `since` (inclusive) to `until` (exclusive).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first instant in the range.
    pub since: Timestamp,
    /// The first instant after the range.
    pub until: Timestamp,
}

/// The maximum length of a rendered range in days.
const LONGEST_RANGE: i64 = 1100;

impl Range {
    /// Returns whether a time is in the range.
    #[must_use]
    pub fn contains(self, at: Timestamp) -> bool {
        self.since <= at && at < self.until
    }

    /// Returns whether the time from `start` to `end` overlaps the range. A range without length is a moment.
    #[must_use]
    pub fn overlaps(self, start: Timestamp, end: Timestamp) -> bool {
        start < self.end() && self.since < end
    }

    /// Returns `until`, or a second after `since` if the range is a moment.
    fn end(self) -> Timestamp {
        self.until.max(moved(self.since, SignedDuration::from_secs(1)))
    }

    /// Returns the smallest range with this one and the time from `start` to `end`.
    fn with(self, start: Timestamp, end: Timestamp) -> Self {
        Self { since: self.since.min(start), until: self.until.max(end) }
    }

    /// Returns the range with `by` added at both ends.
    #[must_use]
    pub fn widened(self, by: SignedDuration) -> Self {
        Self { since: moved(self.since, -by), until: moved(self.until, by) }
    }

    /// Returns the part of the time from `start` to `end` that is in the range.
    #[must_use]
    pub fn clip(self, start: Timestamp, end: Timestamp) -> (Timestamp, Timestamp) {
        (start.max(self.since), end.min(self.until))
    }

    /// Rejects a range that would take long to render.
    fn check(self) -> Result<(), Invalid> {
        let days = self.until.duration_since(self.since).as_hours() / 24;
        if days > LONGEST_RANGE {
            return Err(Invalid(format!("the range of {days} days is longer than {LONGEST_RANGE} days")));
        }
        Ok(())
    }
}

/// An uninterrupted time on call, and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// The ID of the user, or `None` if the shift is intentionally unassigned.
    pub user: Option<String>,
    /// The first instant of the shift.
    pub start: Timestamp,
    /// The first instant after the shift.
    pub end: Timestamp,
    /// The origin of the shift.
    pub source: Source,
}

/// The part of a schedule that puts a user on call, by ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A layer, by its position. PagerDuty omits the IDs of layers at times.
    Layer(usize),
    /// An override of a schedule with layers, by its position.
    Override(usize),
    /// An event of this rotation.
    Rotation(String),
    /// This custom shift.
    CustomShift(String),
    /// A rotation, and the override that replaced its user.
    RotationOverride(String, String),
    /// A custom shift, and the override that replaced its user.
    CustomShiftOverride(String, String),
}

/// The reason why a schedule cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(String);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

impl From<UnknownZone> for Invalid {
    fn from(unknown: UnknownZone) -> Self {
        Self(unknown.to_string())
    }
}

/// Returns the instant at which the clocks of a zone show `wall`.
///
/// A time that the clocks skip counts with the offset before the gap (02:30 becomes 03:30), and of a repeated time the
/// first one counts, as RFC 5545 (3.3.5) requires.
#[must_use]
pub fn instant(zone: &TimeZone, wall: DateTime) -> Timestamp {
    // Fails within a day of the years -9999 and 9999 only.
    let end = if wall.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    zone.to_ambiguous_zoned(wall).compatible().map_or(end, |zoned| zoned.timestamp())
}

/// Returns `at` plus `by`, or the first or last instant of time.
fn moved(at: Timestamp, by: SignedDuration) -> Timestamp {
    let end = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
    at.checked_add(by).unwrap_or(end)
}

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count.saturating_mul(24))
}
