//! The account's clock, its time zones and ranges of time.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, civil};
pub use pagerduty_calendar::Range;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// The account's clock.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// Runs ahead of the machine's clock by this time.
    Running(SignedDuration),
    Stopped(Timestamp),
}

impl Clock {
    /// Returns the time to the second, as PagerDuty reports it.
    pub fn now(self) -> Timestamp {
        let now = match self {
            Self::Running(ahead) => Timestamp::now().checked_add(ahead).unwrap_or(Timestamp::MAX),
            Self::Stopped(now) => now,
        };
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }

    /// Returns the clock put forward. A stopped clock stays stopped.
    pub fn put_forward(self, by: SignedDuration) -> Self {
        match self {
            Self::Running(ahead) => Self::Running(ahead.saturating_add(by)),
            Self::Stopped(now) => Self::Stopped(now.checked_add(by).unwrap_or(Timestamp::MAX)),
        }
    }
}

/// A time zone by its IANA name.
#[derive(Debug, Clone)]
pub struct Zone {
    pub name: String,
    pub rules: TimeZone,
}

impl Zone {
    /// Returns the zone with this IANA or Rails name, or the reason if there is none.
    pub fn named(name: &str) -> Result<Self, String> {
        let found = pagerduty_calendar::zone(name);
        let rules = found.map_err(|unknown| format!("{unknown}; use an IANA name such as Europe/Berlin"))?;
        Ok(Self { name: rules.iana_name().unwrap_or(name).to_owned(), rules })
    }

    pub fn utc() -> Self {
        Self { name: "Etc/UTC".to_owned(), rules: TimeZone::UTC }
    }

    /// Returns `at` as PagerDuty writes it in this zone: `2026-08-03T09:00:00-04:00`.
    pub fn write(&self, at: Timestamp) -> String {
        at.display_with_offset(self.rules.to_offset(at)).to_string()
    }

    /// Parses an ISO 8601 time. Without an offset it is in this zone, and a date alone is its midnight.
    pub fn read(&self, text: &str) -> Option<Timestamp> {
        let local = || text.parse::<civil::DateTime>().ok()?.to_zoned(self.rules.clone()).ok();
        text.parse().ok().or_else(|| local().map(|zoned| zoned.timestamp()))
    }
}

/// Returns `at` plus `span`, counting days and months in UTC, or the end of time.
pub fn later(at: Timestamp, span: Span) -> Timestamp {
    at.to_zoned(TimeZone::UTC).checked_add(span).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// Returns `at` minus `span`, counting days and months in UTC, or the beginning of time.
pub fn earlier(at: Timestamp, span: Span) -> Timestamp {
    at.to_zoned(TimeZone::UTC).checked_sub(span).map_or(Timestamp::MIN, |zoned| zoned.timestamp())
}

/// Serializes a time in UTC, as in `2026-08-03T09:00:00Z`.
pub fn utc<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

/// Parses a time in the format of [`utc`].
pub fn from_utc<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

/// Parses a time that is relative to `now`, such as `now-2d`: steps from left to right, each of which adds or subtracts
/// weeks, days, hours, minutes or seconds (`+9h`), or goes back to the beginning of one (`/d`; a week begins on Monday).
/// Days are those of the zone.
pub fn relative(text: &str, now: Timestamp, zone: &Zone) -> Option<Timestamp> {
    let mut at = now.to_zoned(zone.rules.clone()).datetime();
    let mut rest = text.strip_prefix("now")?;
    while let Some(step) = rest.chars().next() {
        let amount: String = rest.chars().skip(1).take_while(char::is_ascii_digit).collect();
        let unit = rest.chars().nth(1 + amount.len())?;
        rest = rest.get(2 + amount.len()..)?;
        at = match step {
            '/' if amount.is_empty() => begin(at, unit)?,
            '+' => at.checked_add(span(amount.parse().ok()?, unit)?).ok()?,
            '-' => at.checked_sub(span(amount.parse().ok()?, unit)?).ok()?,
            _ => return None,
        };
    }
    Some(at.to_zoned(zone.rules.clone()).ok()?.timestamp())
}

fn span(amount: i64, unit: char) -> Option<Span> {
    let span = Span::new();
    match unit {
        'w' => span.try_weeks(amount).ok(),
        'd' => span.try_days(amount).ok(),
        'h' => span.try_hours(amount).ok(),
        'm' => span.try_minutes(amount).ok(),
        's' => span.try_seconds(amount).ok(),
        _ => None,
    }
}

/// Returns the beginning of the week, day, hour or minute.
fn begin(at: civil::DateTime, unit: char) -> Option<civil::DateTime> {
    let day = at.date().to_datetime(civil::Time::midnight());
    match unit {
        'w' => day.checked_sub(Span::new().days(at.weekday().to_monday_zero_offset())).ok(),
        'd' => Some(day),
        'h' => at.with().minute(0).second(0).subsec_nanosecond(0).build().ok(),
        'm' => at.with().second(0).subsec_nanosecond(0).build().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_times_are_counted_from_now() {
        let now = "2026-08-05T10:30:20Z".parse().unwrap();
        for (text, zone, expected) in [
            ("now", "UTC", "2026-08-05T10:30:20Z"),
            ("now-2d+1h", "UTC", "2026-08-03T11:30:20Z"),
            ("now/h-30h", "UTC", "2026-08-04T04:00:00Z"),
            ("now-9h/w+9h-7d", "America/New_York", "2026-07-27T13:00:00Z"),
            ("now/m", "UTC", "2026-08-05T10:30:00Z"),
        ] {
            let read = relative(text, now, &Zone::named(zone).unwrap()).map(|at| at.to_string());
            assert_eq!(read.as_deref(), Some(expected), "{text}");
        }
        for text in ["", "no", "now-", "now-2", "now-2x", "now/2d", "now*2d", "now-99999999999999999999d", "nowhere"] {
            assert_eq!(relative(text, now, &Zone::utc()), None, "{text}");
        }
    }

    #[test]
    fn zones_have_their_iana_name() {
        for (name, iana) in [("Etc/UTC", "Etc/UTC"), ("asia/kolkata", "Asia/Kolkata"), ("Kyiv", "Europe/Kyiv")] {
            assert_eq!(Zone::named(name).unwrap().name, iana);
        }
        let error = Zone::named("Mars/Olympus").unwrap_err();
        assert_eq!(error, "time zone \"Mars/Olympus\" is unknown; use an IANA name such as Europe/Berlin");
    }

    #[test]
    fn times_parse_with_and_without_offset() {
        let zone = Zone::named("America/New_York").unwrap();
        let read = |text| zone.read(text).map(|at: Timestamp| at.to_string()).unwrap_or_default();
        assert_eq!(read("2026-08-03T09:00:00-04:00"), "2026-08-03T13:00:00Z");
        assert_eq!(read("2026-08-03T09:00:00"), "2026-08-03T13:00:00Z");
        assert_eq!(read("2026-01-03"), "2026-01-03T05:00:00Z");
        assert_eq!(read("yesterday"), "");
    }
}
