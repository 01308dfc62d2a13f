//! Timestamps and time ranges.
//!
//! PagerDuty reads a timestamp without an offset in the account's time zone, so every timestamp is sent with one: a bare
//! date or a time without an offset is taken as UTC. A range is checked here because PagerDuty's own refusal of a reversed
//! or overlong one does not say what is wrong.

use jiff::civil::{Date, DateTime};
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Form, Param, quote};
use crate::error::{Code, Error, Result};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The longest range of incidents and schedules, in days.
const LONGEST: i32 = 180;

/// The number of days before the end of a range of incidents that are covered if no start is given.
const MONTH: i32 = 30;

/// The number of days of a schedule that are rendered if only one bound is given.
const RENDERED: i32 = 14;

/// The number of days ahead for which on-calls can be listed.
const AHEAD: i32 = 90;

/// A point in time, no finer than milliseconds, displayed in UTC with the offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Timestamp);

impl Moment {
    /// Returns a time truncated to milliseconds: not every program reads nanoseconds.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        Self(Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time))
    }

    /// Returns the instant.
    #[must_use]
    pub fn instant(self) -> Timestamp {
        self.0
    }

    /// Reads ISO 8601: a timestamp with an offset, one without (UTC), or a date (its first moment in UTC).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.contains('[') || !is_on_a_clock(text) {
            // The name of a time zone would be ignored, and the time read as UTC.
            return None;
        }
        let utc = |time: DateTime| Offset::UTC.to_timestamp(time).ok();
        let parsed = text.parse::<Timestamp>().ok();
        // A date alone parses as midnight. Timestamps with an offset have been read above.
        let parsed = parsed.or_else(|| text.parse::<DateTime>().ok().and_then(utc));
        parsed.or_else(|| text.parse::<Date>().ok().and_then(|date| utc(date.into()))).map(Self::at)
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

impl Param for Moment {
    const FORM: Form = Form::Time;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let text = value.as_str().unwrap_or_default();
        Moment::parse(text).ok_or_else(|| {
            let (why, hint) = if is_well_formed(text) {
                ("out of range", "Use a year from 0001 to 9998.")
            } else {
                (
                    "not an ISO 8601 timestamp",
                    "Write it like 2026-02-26T09:00:00Z, 2026-02-26T10:00:00+01:00, or 2026-02-26 for midnight UTC.",
                )
            };
            Error::new(Code::InvalidTimestamp, format!("{name} is {}, which is {why}", quote(value))).hint(hint)
        })
    }
}

/// Returns whether a text has the form of a timestamp, even of one that is out of range.
fn is_well_formed(text: &str) -> bool {
    !text.contains('[') && is_on_a_clock(text) && Pieces::parse(text.trim()).is_ok()
}

/// The largest offset of a time zone from UTC, in seconds.
const MAX_OFFSET: i32 = 14 * 60 * 60;

/// Returns whether the offset of a timestamp belongs to a time zone, and its second is below 60.
///
/// The parser accepts greater offsets, and reads the second 60 as 59.
#[must_use]
pub fn is_on_a_clock(text: &str) -> bool {
    let pieces = Pieces::parse(text.trim()).ok();
    let offset = pieces.and_then(|pieces| pieces.to_numeric_offset());
    // Without colons: "235960".
    let time = text.trim().split(['T', 't', ' ']).nth(1).unwrap_or_default();
    let digits = time.split(|at: char| !at.is_ascii_digit()).next().unwrap_or_default();
    let is_leap = text.contains(":60") || (digits.len() == 6 && digits.ends_with("60"));
    offset.is_none_or(|offset| offset.seconds().abs() <= MAX_OFFSET) && !is_leap
}

/// A checked time range. Either both bounds are given or neither is: PagerDuty treats a single bound differently on
/// each path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Range {
    /// The start.
    pub since: Option<Moment>,
    /// The end.
    pub until: Option<Moment>,
}

impl Range {
    /// Returns the range for a query of incidents: at most 180 days.
    ///
    /// A start without an end reaches until now, and an end without a start 30 days back, which PagerDuty calls a
    /// month. If the start is more than 180 days back, the range is the newest 180 days.
    pub fn of_incidents(since: Option<Moment>, until: Option<Moment>) -> Result<Self> {
        match (since, until) {
            (Some(_), None) => {
                let range = Self::at(since, None);
                let earliest = range.until.map(|until| until.shifted(-DAY * LONGEST));
                Self::bounded(range.since.max(earliest), range.until)
            }
            (None, Some(end)) => Self::bounded(Some(end.shifted(-DAY * MONTH)), until),
            _ => Self::bounded(since, until),
        }
    }

    /// Returns the range over which a schedule is rendered: at most 180 days. A single bound gives two weeks.
    pub fn of_schedule(since: Option<Moment>, until: Option<Moment>) -> Result<Self> {
        let start = since.or_else(|| until.map(|until| until.shifted(-DAY * RENDERED)));
        let end = until.or_else(|| since.map(|since| since.shifted(DAY * RENDERED)));
        Self::bounded(start, end)
    }

    /// Returns the range for a query of one schedule's users: at most 180 days. A missing bound is now.
    pub fn of_users(since: Option<Moment>, until: Option<Moment>) -> Result<Self> {
        let range = Self::at(since.or_else(|| until.is_none().then(Moment::now)), until);
        Self::bounded(range.since, range.until)
    }

    /// Returns the range for a query of on-calls, which looks at most 90 days ahead. A missing bound is now.
    pub fn of_oncalls(since: Option<Moment>, until: Option<Moment>) -> Result<Self> {
        let last = Moment::now().shifted(DAY * AHEAD);
        for (name, moment) in [("since", since), ("until", until)] {
            if let Some(moment) = moment.filter(|moment| *moment > last) {
                let message = format!("{name} {moment} is more than {AHEAD} days ahead");
                return Err(Error::new(Code::InvalidTimeRange, message).hint(format!("Use {} or earlier.", last.day())));
            }
        }
        let range = Self::at(since, until);
        Self::ordered(range.since, range.until)
    }

    /// Returns the range for a query of change events. A missing bound stays open.
    pub fn of_changes(since: Option<Moment>, until: Option<Moment>) -> Result<Self> {
        Self::ordered(since, until)
    }

    /// Returns the range for a tool that renders shifts: from now for `days`, unless other bounds are given. It is at
    /// most 180 days long, and reaches at most 90 days ahead, as PagerDuty's on-calls do.
    ///
    /// An end in the past without a start ends a range of `days`.
    pub fn of_shifts(since: Option<Moment>, until: Option<Moment>, days: i32) -> Result<(Moment, Moment)> {
        let now = Moment::now();
        let start = since.or(until.filter(|until| *until <= now).map(|until| until.shifted(-DAY * days)));
        let start = start.unwrap_or(now);
        let end = until.unwrap_or_else(|| start.shifted(DAY * days).min(Self::last()).max(start.shifted(MINUTE)));
        Self::of_oncalls(Some(start), Some(end))?;
        Self::bounded(Some(start), Some(end))?;
        Ok((start, end))
    }

    /// Returns the range from a time for `days`, as far ahead as PagerDuty has on-calls.
    pub fn of_horizon(at: Moment, days: i32) -> Result<(Moment, Moment)> {
        Self::of_oncalls(Some(at), None)?;
        let end = at.shifted(DAY * days).min(Self::last());
        Ok((at, end.max(at.shifted(MINUTE))))
    }

    /// Returns a range that is wider by `days` at both ends, or by less within the longest range.
    #[must_use]
    pub fn wider(since: Moment, until: Moment, days: i32) -> (Moment, Moment) {
        let left = DAY * LONGEST - until.0.duration_since(since.0);
        let by = (DAY * days).min(left / 2).max(SignedDuration::ZERO);
        (since.shifted(-by), until.shifted(by))
    }

    /// Returns the latest end of a range that is not given. PagerDuty's clock may be behind.
    fn last() -> Moment {
        Moment::now().shifted(DAY * AHEAD - MINUTE * 5)
    }

    /// Uses now for a missing bound. If that would be on the wrong side, the range is the minute at the other bound: a
    /// start in the future without an end means that moment.
    fn at(since: Option<Moment>, until: Option<Moment>) -> Self {
        let start = since.or_else(|| until.map(|until| Moment::now().min(until.shifted(-MINUTE))));
        let end = until.or_else(|| since.map(|since| Moment::now().max(since.shifted(MINUTE))));
        Self { since: start, until: end }
    }

    fn bounded(since: Option<Moment>, until: Option<Moment>) -> Result<Self> {
        let range = Self::ordered(since, until)?;
        let too_long = |(since, until): (Moment, Moment)| until.0.duration_since(since.0) > DAY * LONGEST;
        if let Some((since, until)) = since.zip(until).filter(|pair| too_long(*pair)) {
            let message = format!("since {since} to until {until} is longer than {LONGEST} days");
            return Err(Error::new(Code::InvalidTimeRange, message)
                .hint(format!("Request at most {LONGEST} days at a time, in several calls if need be.")));
        }
        Ok(range)
    }

    fn ordered(since: Option<Moment>, until: Option<Moment>) -> Result<Self> {
        match since.zip(until) {
            Some((since, until)) if since >= until => {
                let what = if since == until { "the same as" } else { "after" };
                Err(Error::new(Code::InvalidTimeRange, format!("since {since} is {what} until {until}"))
                    .hint("Pass a since that is before until."))
            }
            _ => Ok(Self { since, until }),
        }
    }

    /// Returns whether the bounds are given.
    #[must_use]
    pub fn given(&self) -> bool {
        self.since.is_some()
    }
}

impl Moment {
    /// Returns the current time, to the second.
    #[must_use]
    pub fn now() -> Self {
        let now = Timestamp::now();
        Self(Timestamp::from_second(now.as_second()).unwrap_or(now))
    }

    /// Returns a time that is later by `by`, or the limit of the times that can be written.
    fn shifted(self, by: SignedDuration) -> Self {
        let end = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
        Self(self.0.checked_add(by).unwrap_or(end))
    }

    fn day(self) -> Date {
        Offset::UTC.to_datetime(self.0).date()
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
    fn time_that_no_clock_shows_is_refused() {
        for text in
            ["2026-12-09T10:00:00+25:30", "2026-12-09T10:00:00-14:01", "2026-12-09T10:00:60Z", "20261209T100060Z"]
        {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
        for text in
            ["2026-12-09T10:00:00+14:00", "2026-12-09T10:00:00.123460Z", "20261209T100059Z", "2026-12-09 10:00:59"]
        {
            assert!(Moment::parse(text).is_some(), "{text}");
        }
    }

    #[test]
    fn times_without_offset_are_utc() {
        for (text, sent) in [
            ("2026-02-26", "2026-02-26T00:00:00Z"),
            ("2026-02-26T09:30", "2026-02-26T09:30:00Z"),
            ("2026-02-26 09:30:00", "2026-02-26T09:30:00Z"),
            ("2026-02-26T09:30:00Z", "2026-02-26T09:30:00Z"),
            ("2026-02-26T09:30:00+01:00", "2026-02-26T08:30:00Z"),
            (" 2026-02-26T09:30:00-0800 ", "2026-02-26T17:30:00Z"),
            ("2026-02-26T09:30:00.250Z", "2026-02-26T09:30:00.25Z"),
            ("2026-02-26T09:30:00.123456789Z", "2026-02-26T09:30:00.123Z"),
            ("2026-02-26T09:30:00.000456789Z", "2026-02-26T09:30:00Z"),
        ] {
            assert_eq!(moment(text).unwrap().to_string(), sent, "{text}");
        }
    }

    #[test]
    fn text_other_than_a_timestamp_is_refused() {
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
    fn ranges_reversed_or_too_long_are_refused() {
        let range = |since, until| Range::of_incidents(moment(since), moment(until)).map_err(|error| error.code());
        assert!(range("2026-01-01", "2026-06-30").is_ok());
        assert_eq!(range("2026-01-01", "2026-07-01").unwrap_err(), Code::InvalidTimeRange);
        assert_eq!(range("2026-01-02", "2026-01-01").unwrap_err(), Code::InvalidTimeRange);
        assert_eq!(range("2026-01-01", "2026-01-01T00:00:00Z").unwrap_err(), Code::InvalidTimeRange);
        let far = Moment::now().shifted(DAY * (AHEAD + 1));
        for (since, until) in [(None, Some(far)), (Some(far), None)] {
            assert_eq!(Range::of_oncalls(since, until).unwrap_err().code(), Code::InvalidTimeRange);
        }
        assert!(Range::of_oncalls(moment("2020-01-01"), None).is_ok(), "the past has no limit");
        assert_eq!(Range::of_users(moment("2020-01-01"), None).unwrap_err().code(), Code::InvalidTimeRange);
    }

    /// Returns the bounds of a range in days from now.
    fn days(range: Result<Range>) -> (i64, i64) {
        let from_now = |moment: Option<Moment>| {
            let seconds = moment.unwrap().0.duration_since(Timestamp::now()).as_secs();
            (seconds + 43_200).div_euclid(86_400)
        };
        let range = range.unwrap();
        assert!(range.since < range.until);
        (from_now(range.since), from_now(range.until))
    }

    #[test]
    fn missing_bound_is_filled() {
        let ago = |days: i32| Some(Moment::now().shifted(-DAY * days));
        assert_eq!(days(Range::of_incidents(ago(100), None)), (-100, 0));
        assert_eq!(days(Range::of_incidents(ago(1_000), None)), (-180, 0), "the newest");
        assert_eq!(days(Range::of_incidents(ago(-3), None)), (3, 3));
        assert_eq!(days(Range::of_incidents(None, ago(10))), (-40, -10));
        assert_eq!(days(Range::of_schedule(ago(1), None)), (-1, 13));
        assert_eq!(days(Range::of_schedule(None, ago(-7))), (-7, 7));
        for fill in [Range::of_users, Range::of_oncalls] {
            assert_eq!(days(fill(ago(2), None)), (-2, 0));
            assert_eq!(days(fill(ago(-2), None)), (2, 2), "that moment");
            assert_eq!(days(fill(None, ago(-2))), (0, 2));
            assert_eq!(days(fill(None, ago(2))), (-2, -2), "that moment");
        }
        assert_eq!(days(Range::of_users(None, None)), (0, 0));
        for range in [Range::of_incidents(None, None), Range::of_schedule(None, None), Range::of_oncalls(None, None)] {
            assert!(!range.unwrap().given(), "PagerDuty's own default");
        }
    }

    #[test]
    fn extreme_bound_does_not_panic() {
        for end in [Timestamp::MIN, Timestamp::MAX].map(|end| Some(Moment(end))) {
            for fill in [Range::of_incidents, Range::of_schedule, Range::of_users, Range::of_oncalls] {
                let _ = (fill(end, None), fill(None, end));
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_without_panic(text in ".{0,40}") {
            let _ = moment(&text);
        }

        #[test]
        fn sent_timestamp_reads_back_equal(seconds in -30_000_000_000i64..253_000_000_000) {
            let sent = Moment(Timestamp::from_second(seconds).unwrap());
            prop_assert_eq!(moment(&sent.to_string()), Some(sent));
        }
    }
}
