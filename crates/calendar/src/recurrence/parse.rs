//! The text of an RRULE.

use std::collections::HashSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::exceptions::Moment;
use super::{Frequency, Rule, Until};
use crate::{Invalid, instant};

/// The maximum INTERVAL: thousands of years of days.
const INTERVAL: i64 = 1_000_000;

impl Rule {
    /// Parses the value of an RRULE. `zone` is that of the event, in which an UNTIL without zone is.
    pub(super) fn parse(text: &str, zone: &TimeZone) -> Result<Self, Invalid> {
        let mut every = None;
        let mut rule = Self {
            every: Frequency::Daily,
            interval: 1,
            count: None,
            until: None,
            months: Vec::new(),
            month_days: Vec::new(),
            days: Vec::new(),
            hours: Vec::new(),
            minutes: Vec::new(),
            positions: Vec::new(),
            week_start: Weekday::Monday,
        };
        let mut seen = HashSet::new();
        let text = text.to_ascii_uppercase();
        for part in text.split(';').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            if !seen.insert(name) {
                return Err(Invalid(format!("RRULE must have {name} once")));
            }
            match name {
                "FREQ" => every = Some(frequency(value)?),
                "INTERVAL" => rule.interval = number(name, value, 1..=INTERVAL)?,
                "COUNT" => rule.count = Some(number(name, value, 1..=u64::MAX)?),
                "UNTIL" => rule.until = Some(until(value, zone)?),
                "BYMONTH" => rule.months = list(name, value, 1..=12)?,
                "BYMONTHDAY" => rule.month_days = list(name, value, -31..=31)?,
                "BYHOUR" => rule.hours = list(name, value, 0..=23)?,
                "BYMINUTE" => rule.minutes = list(name, value, 0..=59)?,
                "BYSETPOS" => rule.positions = list(name, value, -366..=366)?,
                "BYDAY" => rule.days = value.split(',').map(day).collect::<Result<_, _>>()?,
                "WKST" => rule.week_start = weekday(value)?,
                _ => return Err(Invalid(format!("RRULE must not have {name}, which is not supported"))),
            }
        }
        rule.every = every.ok_or_else(|| Invalid("RRULE must have FREQ".to_owned()))?;
        rule.check()?;
        Ok(rule)
    }

    /// Rejects what RFC 5545 forbids: parts that do not fit together.
    fn check(&self) -> Result<(), Invalid> {
        use Frequency::{Monthly, Weekly, Yearly};
        let invalid = |why: &str| Err(Invalid(format!("RRULE {why}")));
        let ordinals = self.days.iter().any(|(ordinal, _)| *ordinal != 0);
        let parts = [&self.months, &self.month_days, &self.hours, &self.minutes];
        if self.count.is_some() && self.until.is_some() {
            invalid("must have COUNT or UNTIL, not both")
        } else if ordinals && !matches!(self.every, Monthly | Yearly) {
            invalid("must have numbers in BYDAY only if FREQ is MONTHLY or YEARLY")
        } else if self.every == Weekly && !self.month_days.is_empty() {
            invalid("must not have BYMONTHDAY if FREQ is WEEKLY")
        } else if self.month_days.contains(&0) || self.positions.contains(&0) {
            invalid("must not have 0 in BYMONTHDAY or BYSETPOS")
        } else if !self.positions.is_empty() && self.days.is_empty() && parts.iter().all(|part| part.is_empty()) {
            invalid("must have BYSETPOS only with another BY… part")
        } else {
            Ok(())
        }
    }
}

fn frequency(value: &str) -> Result<Frequency, Invalid> {
    match value {
        "YEARLY" => Ok(Frequency::Yearly),
        "MONTHLY" => Ok(Frequency::Monthly),
        "WEEKLY" => Ok(Frequency::Weekly),
        "DAILY" => Ok(Frequency::Daily),
        "HOURLY" => Ok(Frequency::Hourly),
        _ => Err(Invalid(format!("FREQ must be YEARLY, MONTHLY, WEEKLY, DAILY or HOURLY, not {value:?}"))),
    }
}

fn until(value: &str, zone: &TimeZone) -> Result<Until, Invalid> {
    Ok(match Moment::parse(value).ok_or_else(|| not_a("UNTIL", "a date or time such as 20261231T235959Z", value))? {
        Moment::Day(day) => Until::Day(day),
        Moment::Wall(wall) => Until::Instant(instant(zone, wall), wall),
        Moment::Instant(at) => Until::Instant(at, zone.to_datetime(at)),
    })
}

fn day(text: &str) -> Result<(i16, Weekday), Invalid> {
    let place = text.len().saturating_sub(2);
    let (ordinal, name) = text.split_at_checked(place).unwrap_or(("", text));
    let ordinal = match ordinal {
        "" => 0,
        _ => number("BYDAY", ordinal, -53..=53).ok().filter(|ordinal| *ordinal != 0).ok_or_else(|| no_day(text))?,
    };
    Ok((ordinal, weekday(name).map_err(|_| no_day(text))?))
}

fn no_day(text: &str) -> Invalid {
    not_a("BYDAY", "days such as MO, 1MO or -1FR", text)
}

fn weekday(name: &str) -> Result<Weekday, Invalid> {
    let names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let place = (0..).zip(names).find(|(_, known)| *known == name).map(|(place, _)| place);
    let found = place.and_then(|place| Weekday::from_monday_zero_offset(place).ok());
    found.ok_or_else(|| not_a("WKST", "MO, TU, WE, TH, FR, SA or SU", name))
}

/// Parses numbers, and returns them in order, each once.
fn list<T: FromStr + Ord + Display + Copy>(
    name: &str,
    value: &str,
    allowed: RangeInclusive<T>,
) -> Result<Vec<T>, Invalid> {
    let numbers = value.split(',').map(|text| number(name, text, *allowed.start()..=*allowed.end()));
    let mut numbers = numbers.collect::<Result<Vec<_>, _>>()?;
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

fn number<T: FromStr + PartialOrd + Display>(name: &str, text: &str, allowed: RangeInclusive<T>) -> Result<T, Invalid> {
    let found = text.parse().ok().filter(|number| allowed.contains(number));
    found.ok_or_else(|| not_a(name, &format!("{} to {}", allowed.start(), allowed.end()), text))
}

fn not_a(name: &str, what: &str, value: &str) -> Invalid {
    Invalid(format!("{name} must be {what}, not {value:?}"))
}
