//! Times as a person in a time zone reads them.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::shifts::Period;

/// Returns the time zone with this name, if there is one.
fn named(name: &str) -> Option<TimeZone> {
    pagerduty_calendar::zone(name).ok()
}

/// The times of one zone.
#[derive(Clone, Debug)]
pub struct Local(TimeZone);

impl Local {
    /// Returns the times of a schedule's zone, or UTC if its name is unknown.
    pub fn in_zone(name: Option<&str>) -> Self {
        Self(name.and_then(named).unwrap_or(TimeZone::UTC))
    }

    /// Returns the name of the zone.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    fn zoned(&self, time: Timestamp) -> Zoned {
        time.to_zoned(self.0.clone())
    }

    /// Returns a time for programs: `2026-12-01T09:00:00-05:00`.
    pub fn iso(&self, time: Timestamp) -> String {
        self.zoned(time).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// Returns a period for people: `Tue 2026-12-01 09:00 to 17:00 EST`. The second date is left out if it is the same.
    pub fn span(&self, period: Period) -> String {
        let (start, end) = (self.zoned(period.start()), self.zoned(period.end()));
        let first = if start.offset() == end.offset() { "%a %Y-%m-%d %H:%M" } else { "%a %Y-%m-%d %H:%M %Z" };
        let second = if start.date() == end.date() { "%H:%M %Z" } else { "%a %Y-%m-%d %H:%M %Z" };
        format!("{} to {}", start.strftime(first), end.strftime(second))
    }
}
