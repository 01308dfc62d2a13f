//! The account's clock, its time zones and ranges of time.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, civil};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What time it is in the account.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    Running,
    Stopped(Timestamp),
}

impl Clock {
    /// The time to the second, as PagerDuty reports it.
    pub fn now(self) -> Timestamp {
        let now = match self {
            Self::Running => Timestamp::now(),
            Self::Stopped(now) => now,
        };
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }
}

/// A time zone by its IANA name, with its current rules written out.
///
/// The rules are in POSIX notation so that neither the machine nor the binary has to bring a time zone database along.
#[derive(Debug, Clone)]
pub struct Zone {
    pub name: &'static str,
    pub rules: TimeZone,
}

const ZONES: &[(&str, &str)] = &[
    ("America/Los_Angeles", "PST8PDT,M3.2.0,M11.1.0"),
    ("America/New_York", "EST5EDT,M3.2.0,M11.1.0"),
    ("America/Sao_Paulo", "<-03>3"),
    ("Asia/Kolkata", "IST-5:30"),
    ("Asia/Tokyo", "JST-9"),
    ("Australia/Sydney", "AEST-10AEDT,M10.1.0,M4.1.0/3"),
    ("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"),
    ("Europe/London", "GMT0BST,M3.5.0/1,M10.5.0"),
];

impl Zone {
    /// The zone of that name, or UTC when the table does not have it.
    pub fn named(name: &str) -> Self {
        ZONES
            .iter()
            .find(|(known, _)| *known == name)
            .and_then(|(name, rules)| Some(Self { name, rules: TimeZone::posix(rules).ok()? }))
            .unwrap_or(Self { name: "Etc/UTC", rules: TimeZone::UTC })
    }

    /// `at` as PagerDuty writes it in this zone: `2026-08-03T09:00:00-04:00`.
    pub fn write(&self, at: Timestamp) -> String {
        at.display_with_offset(self.rules.to_offset(at)).to_string()
    }

    /// Reads an ISO 8601 time. Without an offset it is taken in this zone, and a bare date is its midnight.
    pub fn read(&self, text: &str) -> Option<Timestamp> {
        let local = || text.parse::<civil::DateTime>().ok()?.to_zoned(self.rules.clone()).ok();
        text.parse().ok().or_else(|| local().map(|zoned| zoned.timestamp()))
    }
}

/// The time from `since` up to but not including `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub since: Timestamp,
    pub until: Timestamp,
}

impl Range {
    pub fn contains(self, at: Timestamp) -> bool {
        self.since <= at && at < self.until
    }

    /// Whether something that lasts from `start` to `end` happens in the range. A range of no length asks about that
    /// moment.
    pub fn overlaps(self, start: Timestamp, end: Timestamp) -> bool {
        start < self.until.max(later(self.since, Span::new().seconds(1))) && self.since < end
    }

    /// The range with `span` added at both ends.
    pub fn widened(self, span: Span) -> Self {
        Self { since: earlier(self.since, span), until: later(self.until, span) }
    }
}

/// `at` plus `span`, counting days and months in UTC, or the end of time.
pub fn later(at: Timestamp, span: Span) -> Timestamp {
    at.to_zoned(TimeZone::UTC).checked_add(span).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// `at` minus `span`, counting days and months in UTC, or the beginning of time.
pub fn earlier(at: Timestamp, span: Span) -> Timestamp {
    at.to_zoned(TimeZone::UTC).checked_sub(span).map_or(Timestamp::MIN, |zoned| zoned.timestamp())
}

/// Serialises a time in UTC, as in `2026-08-03T09:00:00Z`.
pub fn utc<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

/// Reads a time in the format of [`utc`].
pub fn from_utc<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

/// [`utc`] for a time that may be absent.
#[expect(clippy::ref_option, reason = "serde's `serialize_with` hands over a reference to the field")]
pub fn maybe_utc<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    at.map(|at| at.to_string()).serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_has_rules_that_parse() {
        for (name, _) in ZONES {
            assert_eq!(Zone::named(name).name, *name);
        }
    }

    #[test]
    fn times_are_read_with_and_without_an_offset() {
        let zone = Zone::named("America/New_York");
        let read = |text| zone.read(text).map(|at: Timestamp| at.to_string()).unwrap_or_default();
        assert_eq!(read("2026-08-03T09:00:00-04:00"), "2026-08-03T13:00:00Z");
        assert_eq!(read("2026-08-03T09:00:00"), "2026-08-03T13:00:00Z");
        assert_eq!(read("2026-01-03"), "2026-01-03T05:00:00Z");
        assert_eq!(read("yesterday"), "");
    }

    #[test]
    fn a_moment_overlaps_what_is_going_on_and_not_what_has_just_ended() {
        let at = |text: &str| text.parse().unwrap();
        let now = Range { since: at("2026-08-03T09:00:00Z"), until: at("2026-08-03T09:00:00Z") };
        assert!(now.overlaps(at("2026-08-03T09:00:00Z"), at("2026-08-03T10:00:00Z")));
        assert!(!now.overlaps(at("2026-08-03T08:00:00Z"), at("2026-08-03T09:00:00Z")));
    }
}
