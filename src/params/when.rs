//! Times that a person gives on a wall clock.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde_json::Value;

use super::{Form, Param, is_on_a_clock, shorten};
use crate::error::{Code, Error, Result};

/// A point in time as a person gives it.
///
/// A time without an offset is on the wall clock of the answer: that of the schedule for an override, as on PagerDuty's
/// website, and that of the user for the other on-call tools. The default tools take such times as UTC ([`Moment`]).
///
/// [`Moment`]: super::Moment
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The time of the call.
    Now,
    /// A time with an offset.
    At(Timestamp),
    /// A time on the wall clock.
    Local(DateTime),
}

impl When {
    /// Reads `now`, or ISO 8601 with or without an offset. A date is its first moment.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("now") {
            return Some(Self::Now);
        }
        // The name of a time zone would be ignored.
        if text.contains('[') || !is_on_a_clock(text) {
            return None;
        }
        let at = text.parse().ok().map(Self::At);
        let local = || text.parse().ok().map(Self::Local);
        at.or_else(local).or_else(|| text.parse::<Date>().ok().map(|date| Self::Local(date.into())))
    }

    /// Returns the time to the second, and a remark if the clock shows it twice or never.
    pub fn resolve(self, zone: Option<&TimeZone>, now: Timestamp) -> Result<(Timestamp, Option<String>)> {
        let (at, remark) = match self {
            Self::Now => (now, None),
            Self::At(at) => (at, None),
            Self::Local(local) => {
                let zone = zone.ok_or_else(|| {
                    Error::new(Code::InvalidTimestamp, format!("{local} has no offset, and the time zone is unknown"))
                        .hint("Write it like 2026-12-24T08:00:00+01:00.")
                })?;
                let ambiguous = zone.to_ambiguous_timestamp(local);
                let remark = match ambiguous.offset() {
                    AmbiguousOffset::Unambiguous { .. } => None,
                    AmbiguousOffset::Gap { .. } => {
                        Some("does not exist: the clocks go forward. The time after the change was used")
                    }
                    AmbiguousOffset::Fold { .. } => Some("comes twice: the clocks go back. The first one was used"),
                };
                let at = ambiguous.compatible().map_err(|_| {
                    Error::new(Code::InvalidTimestamp, format!("{local} is out of range"))
                        .hint("Use a year from 0001 to 9998.")
                })?;
                (at, remark.map(|remark| format!("{local} {remark}; pass an offset for another.")))
            }
        };
        Ok((Timestamp::from_second(at.as_second()).unwrap_or(at), remark))
    }

    /// Returns the time, with an error of less than a day if it is local.
    #[must_use]
    pub fn roughly(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Now => now,
            Self::At(at) => at,
            Self::Local(local) => TimeZone::UTC.to_timestamp(local).unwrap_or(now),
        }
    }
}

impl Param for When {
    const FORM: Form = Form::Time;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        value.as_str().and_then(Self::parse).ok_or_else(|| {
            let message = format!("{name} is {}, which is not an ISO 8601 timestamp", shorten(&value.to_string()));
            Error::new(Code::InvalidTimestamp, message)
                .hint("Write it like 2026-12-24T08:00 (local time), 2026-12-24T08:00:00+01:00, or now.")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn local_time_is_that_of_the_zone() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let resolved =
            |text: &str| When::parse(text).unwrap().resolve(Some(&zone), at("2026-01-01T00:00:00Z")).unwrap();
        for (text, expected, remark) in [
            ("2026-12-24 08:00", "2026-12-24T07:00:00Z", None),
            ("2026-07-01", "2026-06-30T22:00:00Z", None),
            ("2026-12-24T08:00:00+00:00", "2026-12-24T08:00:00Z", None),
            ("now", "2026-01-01T00:00:00Z", None),
            ("2027-03-28T02:30", "2027-03-28T01:30:00Z", Some("does not exist")),
            ("2026-10-25T02:30", "2026-10-25T00:30:00Z", Some("comes twice")),
        ] {
            let (found, said) = resolved(text);
            assert_eq!(found, at(expected), "{text}");
            assert_eq!(said.is_some(), remark.is_some(), "{text}: {said:?}");
            assert!(remark.is_none_or(|remark| said.unwrap().contains(remark)), "{text}");
        }
        let error = When::parse("2026-12-24").unwrap().resolve(None, at("2026-01-01T00:00:00Z")).unwrap_err();
        assert_eq!(error.code(), Code::InvalidTimestamp);
    }
}
