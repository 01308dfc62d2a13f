//! Recurrence rules of RFC 5545 on the wall clock, without a time zone.
//!
//! The subset that PagerDuty's events use. `docs/design.md` has the reasons why no crate does it.

mod exceptions;
mod parse;

use std::ops::ControlFlow;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use crate::{Invalid, instant};
use exceptions::Exceptions;

/// A rule, its exceptions and its additions: the recurrence of an event.
#[derive(Debug, Clone)]
pub(crate) struct Recurrence {
    /// The wall time of the first occurrence, from which the rule counts.
    first: DateTime,
    zone: TimeZone,
    rule: Rule,
    exceptions: Exceptions,
}

/// An RRULE. An empty list does not restrict anything.
#[derive(Debug, Clone)]
struct Rule {
    every: Frequency,
    interval: i64,
    count: Option<u64>,
    until: Option<Until>,
    months: Vec<i8>,
    month_days: Vec<i8>,
    days: Vec<(i16, Weekday)>,
    hours: Vec<i8>,
    minutes: Vec<i8>,
    positions: Vec<i32>,
    week_start: Weekday,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frequency {
    Yearly,
    Monthly,
    Weekly,
    Daily,
    Hourly,
}

/// The end of a rule, which includes the occurrence at this time.
#[derive(Debug, Clone, Copy)]
enum Until {
    /// An instant, and the wall time of the event's zone at it.
    Instant(Timestamp, DateTime),
    /// Through this day.
    Day(Date),
}

/// An occurrence of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Occurrence {
    /// The position among all occurrences since the first one, including excluded ones.
    pub number: u64,
    pub wall: DateTime,
    pub at: Timestamp,
}

/// The maximum number of periods and candidates that are examined: hourly for 68 years.
const MOST: u32 = 600_000;

impl Recurrence {
    /// Parses the lines of an event's recurrence: one RRULE, and any number of EXDATE and RDATE.
    ///
    /// `first` is the wall time in `zone` at which the event begins.
    pub(crate) fn parse<'a>(
        lines: impl IntoIterator<Item = &'a str>,
        first: DateTime,
        zone: TimeZone,
    ) -> Result<Self, Invalid> {
        let mut rule = None;
        let mut exceptions = Exceptions::default();
        for line in lines {
            let invalid = || Invalid(format!("recurrence must be RRULE, EXDATE or RDATE and a value, not {line:?}"));
            let (head, value) = line.trim().split_once(':').ok_or_else(invalid)?;
            let (name, params) = head.split_once(';').unwrap_or((head, ""));
            match name.to_ascii_uppercase().as_str() {
                "RRULE" if rule.is_none() && params.is_empty() => rule = Some(Rule::parse(value, &zone)?),
                "RRULE" => {
                    return Err(Invalid("recurrence must have exactly one RRULE, without parameters".to_owned()));
                }
                "EXDATE" => exceptions.exclude(params, value, &zone)?,
                "RDATE" => exceptions.add(params, value, first, &zone)?,
                _ => return Err(invalid()),
            }
        }
        let rule = rule.ok_or_else(|| Invalid("recurrence must have exactly one RRULE".to_owned()))?;
        Ok(Self { first, zone, rule, exceptions: exceptions.sorted() })
    }

    /// Returns the occurrences with wall times from `since` to `until`, in order.
    ///
    /// Occurrences are numbered from the event's first one, so a shift has the same user in any range. One that an EXDATE
    /// removes keeps its number, so that later turns do not change.
    pub(crate) fn between(&self, since: DateTime, until: DateTime) -> Result<Vec<Occurrence>, Invalid> {
        let mut found = Vec::new();
        let mut number = 0;
        let mut add = |wall: DateTime, at: Timestamp| {
            if since <= wall && !self.exceptions.excludes(wall, at) {
                found.push(Occurrence { number, wall, at });
            }
            number += 1;
        };
        let mut added = self.exceptions.added().iter().take_while(|(wall, _)| *wall <= until).peekable();
        // An addition is a double if it is at the instant of an occurrence of the rule.
        let is_at = |wall: Option<DateTime>, at| wall.is_some_and(|wall| instant(&self.zone, wall) == at);
        let mut last = None;
        self.rule.walls(self.first, until, |wall| {
            if self.rule.ends_before(wall, &self.zone) {
                return ControlFlow::Break(());
            }
            let is_due = |(added, at): &(DateTime, Timestamp)| {
                *added < wall || *added == wall && *at <= instant(&self.zone, wall)
            };
            while let Some((earlier, at)) = added.next_if(|added| is_due(added)) {
                if !is_at(last, *at) && !is_at(Some(wall), *at) {
                    add(*earlier, *at);
                }
            }
            add(wall, if since <= wall { instant(&self.zone, wall) } else { Timestamp::MIN });
            last = Some(wall);
            ControlFlow::Continue(())
        })?;
        added.filter(|(_, at)| !is_at(last, *at)).for_each(|(wall, at)| add(*wall, *at));
        Ok(found)
    }
}

impl Rule {
    fn ends_before(&self, wall: DateTime, zone: &TimeZone) -> bool {
        match self.until {
            None => false,
            Some(Until::Day(day)) => wall.date() > day,
            // Wall times are not in the order of their instants where the clocks change.
            Some(Until::Instant(at, until)) if wall.duration_since(until).abs() < SignedDuration::from_hours(25) => {
                instant(zone, wall) > at
            }
            Some(Until::Instant(_, until)) => wall > until,
        }
    }

    /// Calls `found` with each occurrence from `first` through `until`, in order, up to COUNT. UNTIL is not applied.
    fn walls(
        &self,
        first: DateTime,
        until: DateTime,
        mut found: impl FnMut(DateTime) -> ControlFlow<()>,
    ) -> Result<(), Invalid> {
        let mut left = self.count.unwrap_or(u64::MAX);
        let mut examined = 0;
        for number in 0.. {
            let Some((start, dates, times)) = self.period(first, number).filter(|(start, ..)| *start <= until) else {
                return Ok(());
            };
            let dates: Vec<_> = dates.into_iter().filter(|date| self.allows(*date)).collect();
            let candidates = u32::try_from(dates.len().saturating_mul(times.len())).unwrap_or(u32::MAX);
            examined = candidates.saturating_add(1).saturating_add(examined);
            if examined > MOST {
                let start = start.date();
                return Err(Invalid(format!(
                    "the recurrence has too many occurrences to count from {first} to {start}"
                )));
            }
            let set = dates.iter().flat_map(|date| times.iter().map(|time| date.to_datetime(*time))).collect();
            for wall in self.selected(set).into_iter().filter(|wall| *wall >= first) {
                if wall > until || left == 0 {
                    return Ok(());
                }
                left -= 1;
                if found(wall).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Returns the period with this number, counted from that of `first`: its start, its days and its times of day, both
    /// in order. Returns `None` at the end of time.
    fn period(&self, first: DateTime, number: i64) -> Option<(DateTime, Vec<Date>, Vec<Time>)> {
        let steps = number.checked_mul(self.interval)?;
        let day = first.date();
        let (start, dates) = match self.every {
            Frequency::Yearly => {
                let year = i16::try_from(i64::from(day.year()).checked_add(steps)?).ok()?;
                (Date::new(year, 1, 1).ok()?, self.days_of_year(year, day))
            }
            Frequency::Monthly => {
                let month = day.first_of_month().checked_add(Span::new().try_months(steps).ok()?).ok()?;
                (month, self.days_of_month(month, day))
            }
            Frequency::Weekly => {
                let into = day.weekday().since(self.week_start);
                let week = day.checked_sub(Span::new().days(into)).ok()?;
                let week = week.checked_add(Span::new().try_weeks(steps).ok()?).ok()?;
                let is_given = |date: &Date| match self.days.as_slice() {
                    [] => date.weekday() == day.weekday(),
                    days => days.iter().any(|(_, weekday)| *weekday == date.weekday()),
                };
                (week, series(week, 7).filter(is_given).collect())
            }
            Frequency::Daily => {
                let day = day.checked_add(Span::new().try_days(steps).ok()?).ok()?;
                (day, vec![day])
            }
            Frequency::Hourly => {
                let hour = DateTime::from_parts(day, Time::new(first.hour(), 0, first.second(), 0).ok()?);
                let hour = hour.checked_add(SignedDuration::from_hours(steps)).ok()?;
                let is_given = self.hours.is_empty() || self.hours.contains(&hour.hour());
                let times = if is_given { self.times(&[hour.hour()], first.time()) } else { Vec::new() };
                return Some((hour, vec![hour.date()], times));
            }
        };
        let hour = [first.hour()];
        let hours = if self.hours.is_empty() { &hour[..] } else { &self.hours };
        Some((start.to_datetime(Time::midnight()), dates, self.times(hours, first.time())))
    }

    fn times(&self, hours: &[i8], first: Time) -> Vec<Time> {
        let minute = [first.minute()];
        let minutes = if self.minutes.is_empty() { &minute[..] } else { &self.minutes };
        let time = |hour, minute| Time::new(hour, minute, first.second(), 0).ok();
        hours.iter().flat_map(|hour| minutes.iter().filter_map(move |minute| time(*hour, *minute))).collect()
    }

    fn days_of_year(&self, year: i16, first: Date) -> Vec<Date> {
        let month_of = |month| Date::new(year, month, 1).ok();
        let of_months = |months: &[i8]| -> Vec<Date> {
            months
                .iter()
                .filter_map(|month| month_of(*month))
                .flat_map(|month| self.days_of_month(month, first))
                .collect()
        };
        match (month_of(1), self.months.as_slice(), self.days.as_slice(), self.month_days.as_slice()) {
            (None, ..) => Vec::new(),
            (Some(_), [], [], []) => Date::new(year, first.month(), first.day()).into_iter().collect(),
            (Some(_), [], [], _) => of_months(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
            (Some(start), [], ..) => {
                let length = start.days_in_year();
                series(start, length).filter(|date| self.is_given(*date, date.day_of_year(), length)).collect()
            }
            (Some(_), months, ..) => of_months(months),
        }
    }

    fn days_of_month(&self, month: Date, first: Date) -> Vec<Date> {
        let length = month.days_in_month();
        if self.days.is_empty() && self.month_days.is_empty() {
            return Date::new(month.year(), month.month(), first.day()).into_iter().collect();
        }
        let is_given = |date: &Date| self.days.is_empty() || self.is_given(*date, date.day().into(), length.into());
        series(month, length.into()).filter(is_given).collect()
    }

    /// Returns whether BYDAY contains a day, which is the `day`-th of a month or year of `length` days.
    fn is_given(&self, date: Date, day: i16, length: i16) -> bool {
        let from_start = (day - 1) / 7 + 1;
        let from_end = -((length - day) / 7 + 1);
        let is = |(ordinal, weekday): &(i16, Weekday)| {
            *weekday == date.weekday() && [0, from_start, from_end].contains(ordinal)
        };
        self.days.iter().any(is)
    }

    /// Returns whether BYMONTH, BYMONTHDAY and, if a period is at most a day, BYDAY allow a day.
    fn allows(&self, date: Date) -> bool {
        let days = [date.day(), date.day() - date.days_in_month() - 1];
        let short = matches!(self.every, Frequency::Daily | Frequency::Hourly);
        (self.months.is_empty() || self.months.contains(&date.month()))
            && (self.month_days.is_empty() || days.iter().any(|day| self.month_days.contains(day)))
            && (!short || self.days.is_empty() || self.days.iter().any(|(_, weekday)| *weekday == date.weekday()))
    }

    /// Returns the times that BYSETPOS selects of a period.
    fn selected(&self, set: Vec<DateTime>) -> Vec<DateTime> {
        if self.positions.is_empty() {
            return set;
        }
        let length = i32::try_from(set.len()).unwrap_or(i32::MAX);
        let is_given = |place: i32| self.positions.contains(&(place + 1)) || self.positions.contains(&(place - length));
        (0..).zip(set).filter(|(place, _)| is_given(*place)).map(|(_, wall)| wall).collect()
    }
}

/// Returns this day and those after it.
fn series(first: Date, length: i16) -> impl Iterator<Item = Date> {
    (0..length).filter_map(move |days| first.checked_add(Span::new().days(days)).ok())
}

#[cfg(test)]
mod tests;
