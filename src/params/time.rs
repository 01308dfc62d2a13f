//! Timestamps and time ranges.
//!
//! PagerDuty reads a timestamp without an offset in the account's time zone, so every timestamp is sent with one: a bare
//! date or a time without an offset is taken as UTC. A range is checked here because PagerDuty's own refusal of a reversed
//! or overlong one does not say what is wrong.

use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::{Param, quote, string};
use crate::error::{Code, Error, Result};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The longest range of incidents and schedules.
const LONGEST: i32 = 180;

/// How far ahead on-calls can be asked for.
const AHEAD: i32 = 90;

/// A point in time, displayed in UTC with the offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Timestamp);

impl Moment {
    /// From ISO 8601: a timestamp with an offset, one without (UTC), or a date (its first moment in UTC).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.contains('[') {
            // A zone by its name would be read over, and the time taken for UTC.
            return None;
        }
        let utc = |time: DateTime| Offset::UTC.to_timestamp(time).ok();
        let parsed = text.parse::<Timestamp>().ok();
        // A date alone parses as a time too, at midnight; anything with an offset has been read above.
        let parsed = parsed.or_else(|| text.parse::<DateTime>().ok().and_then(utc));
        parsed.or_else(|| text.parse::<Date>().ok().and_then(|date| utc(date.into()))).map(Self)
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

impl Param for Moment {
    fn schema() -> Map<String, Value> {
        string()
    }

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        value.as_str().and_then(Moment::parse).ok_or_else(|| {
            Error::new(
                Code::InvalidTimestamp,
                format!("{name} is {}, which is not an ISO 8601 timestamp", quote(value)),
            )
            .hint("Write it like 2026-02-26T09:00:00Z, 2026-02-26T10:00:00+01:00, or 2026-02-26 for midnight UTC.")
        })
    }
}

/// A range of time, checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Range {
    /// Its start.
    pub since: Option<Moment>,
    /// Its end.
    pub until: Option<Moment>,
}

impl Range {
    /// A range of at most 180 days, for incidents and schedules.
    pub fn new(since: Option<Moment>, until: Option<Moment>) -> Result<Self> {
        let range = Self::ordered(since, until)?;
        let too_long = |(since, until): (Moment, Moment)| until.0.duration_since(since.0) > DAY * LONGEST;
        if let Some((since, until)) = since.zip(until).filter(|pair| too_long(*pair)) {
            let message = format!("since {since} to until {until} is longer than {LONGEST} days");
            return Err(Error::new(Code::InvalidTimeRange, message)
                .hint(format!("Ask for at most {LONGEST} days at a time, in several calls if need be.")));
        }
        Ok(range)
    }

    /// A range that looks at most 90 days ahead, for on-calls.
    pub fn ahead(since: Option<Moment>, until: Option<Moment>) -> Result<Self> {
        let last = Timestamp::now() + DAY * AHEAD;
        for (name, moment) in [("since", since), ("until", until)] {
            if let Some(moment) = moment.filter(|moment| moment.0 > last) {
                let message = format!("{name} {moment} is more than {AHEAD} days ahead");
                return Err(
                    Error::new(Code::InvalidTimeRange, message).hint(format!("Use {} or earlier.", Moment(last).day()))
                );
            }
        }
        // The end that is not given is now.
        let now = Moment(Timestamp::now());
        let contradicts = match (since, until) {
            (Some(since), None) => since > now,
            (None, Some(until)) => until < now,
            _ => false,
        };
        if contradicts {
            let (name, other) = if since.is_some() { ("since", "until") } else { ("until", "since") };
            let message = format!("{name} lies on the other side of now, and {other} would be now");
            return Err(Error::new(Code::InvalidTimeRange, message).hint(format!("Pass {other} too.")));
        }
        Self::ordered(since, until)
    }

    fn ordered(since: Option<Moment>, until: Option<Moment>) -> Result<Self> {
        match since.zip(until) {
            Some((since, until)) if since >= until => {
                let what = if since == until { "the same as" } else { "after" };
                Err(Error::new(Code::InvalidTimeRange, format!("since {since} is {what} until {until}"))
                    .hint("since must be before until."))
            }
            _ => Ok(Self { since, until }),
        }
    }

    /// Whether either end is given.
    #[must_use]
    pub fn given(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }

    /// Without either end, this moment: a range of a minute, since PagerDuty's ranges are not empty.
    #[must_use]
    pub fn or_now(self) -> Self {
        if self.given() {
            return self;
        }
        let now = Timestamp::now();
        Self { since: Some(Moment(now)), until: Some(Moment(now + SignedDuration::from_mins(1))) }
    }

    /// With a start and no end, the end is now, or 180 days after the start if that is earlier.
    ///
    /// PagerDuty would stop a month after the start, which nobody who asks "since March" expects.
    #[must_use]
    pub fn until_now(self) -> Self {
        let end = |since: Moment| {
            let now = Timestamp::now();
            // A start in the past leaves room for the sum; one in the far future might not.
            (since.0 < now).then(|| Moment(now.min(since.0 + DAY * LONGEST)))
        };
        Self { until: self.until.or_else(|| self.since.and_then(end)), ..self }
    }
}

impl Moment {
    fn day(self) -> Date {
        Offset::UTC.to_datetime(self.0).date()
    }

    /// Whether it lies in the past by more than a minute.
    #[must_use]
    pub fn is_past(self) -> bool {
        self.0 < Timestamp::now() - SignedDuration::from_mins(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn moment(text: &str) -> Option<Moment> {
        Moment::parse(text)
    }

    #[test]
    fn times_without_an_offset_are_utc() {
        for (text, sent) in [
            ("2026-02-26", "2026-02-26T00:00:00Z"),
            ("2026-02-26T09:30", "2026-02-26T09:30:00Z"),
            ("2026-02-26 09:30:00", "2026-02-26T09:30:00Z"),
            ("2026-02-26T09:30:00Z", "2026-02-26T09:30:00Z"),
            ("2026-02-26T09:30:00+01:00", "2026-02-26T08:30:00Z"),
            (" 2026-02-26T09:30:00-0800 ", "2026-02-26T17:30:00Z"),
            ("2026-02-26T09:30:00.250Z", "2026-02-26T09:30:00.25Z"),
        ] {
            assert_eq!(moment(text).unwrap().to_string(), sent, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_timestamp_is_not_guessed_at() {
        for text in [
            "",
            "yesterday",
            "26/02/2026",
            "2026-13-01",
            "2026-02-30",
            "1772100000",
            "2026-02-26T00:00[Europe/Berlin]",
            "2026-02-26T25:00:00Z",
            "10:00",
        ] {
            assert!(moment(text).is_none(), "{text:?} became {:?}", moment(text));
        }
    }

    #[test]
    fn ranges_must_go_forward_and_not_too_far() {
        let range = |since, until| Range::new(moment(since), moment(until)).map_err(|error| error.code());
        assert!(range("2026-01-01", "2026-06-30").is_ok());
        assert_eq!(range("2026-01-01", "2026-07-01").unwrap_err(), Code::InvalidTimeRange);
        assert_eq!(range("2026-01-02", "2026-01-01").unwrap_err(), Code::InvalidTimeRange);
        assert_eq!(range("2026-01-01", "2026-01-01T00:00:00Z").unwrap_err(), Code::InvalidTimeRange);
        let far = Moment(Timestamp::now() + DAY * (AHEAD + 1));
        assert_eq!(Range::ahead(None, Some(far)).unwrap_err().code(), Code::InvalidTimeRange);
        assert!(Range::ahead(moment("2020-01-01"), None).is_ok(), "the past has no limit");
        let soon = Moment(Timestamp::now() + DAY);
        assert_eq!(Range::ahead(Some(soon), None).unwrap_err().code(), Code::InvalidTimeRange);
        assert_eq!(Range::ahead(None, moment("2020-01-01")).unwrap_err().code(), Code::InvalidTimeRange);
    }

    #[test]
    fn an_open_end_is_now_or_the_longest_range() {
        let old = Range::new(moment("2020-01-01"), None).unwrap().until_now();
        assert_eq!(old.until.unwrap().to_string(), "2020-06-29T00:00:00Z");
        let recent = Range { since: Some(Moment(Timestamp::now() - DAY)), until: None }.until_now();
        assert!(recent.until.unwrap().0 <= Timestamp::now());
        let far = Range { since: moment("9999-12-30"), until: None }.until_now();
        assert!(far.until.is_none());
        let future = Range { since: Some(Moment(Timestamp::now() + DAY)), until: None }.until_now();
        assert!(future.until.is_none());
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in ".{0,40}") {
            let _ = moment(&text);
        }

        #[test]
        fn what_is_sent_reads_back_the_same(seconds in -30_000_000_000i64..253_000_000_000) {
            let sent = Moment(Timestamp::from_second(seconds).unwrap());
            prop_assert_eq!(moment(&sent.to_string()), Some(sent));
        }
    }
}
