//! The exceptions (EXDATE) and additions (RDATE) of a recurrence.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::{Invalid, instant, zone};

/// The times of EXDATE and RDATE lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Exceptions {
    excluded: Vec<Timestamp>,
    excluded_days: Vec<Date>,
    /// Wall times of the event's zone, and their instants.
    added: Vec<(DateTime, Timestamp)>,
}

/// A value of RFC 5545.
pub(super) enum Moment {
    Day(Date),
    Wall(DateTime),
    Instant(Timestamp),
}

impl Moment {
    /// Parses `20261231`, `20261231T090000` or `20261231T090000Z`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let form: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        match form.as_str() {
            "00000000" => text.parse().ok().map(Self::Day),
            "00000000T000000" => text.parse().ok().map(Self::Wall),
            "00000000T000000Z" => text.parse().ok().map(Self::Instant),
            _ => None,
        }
    }
}

impl Exceptions {
    /// Reads an EXDATE. A date excludes every occurrence of that day.
    pub(super) fn exclude(&mut self, params: &str, value: &str, of_event: &TimeZone) -> Result<(), Invalid> {
        for (moment, zone) in moments("EXDATE", params, value, of_event)? {
            match moment {
                Moment::Day(day) => self.excluded_days.push(day),
                Moment::Wall(wall) => self.excluded.push(instant(&zone, wall)),
                Moment::Instant(at) => self.excluded.push(at),
            }
        }
        Ok(())
    }

    /// Reads an RDATE. A date adds an occurrence at the time of day of `first`.
    pub(super) fn add(
        &mut self,
        params: &str,
        value: &str,
        first: DateTime,
        of_event: &TimeZone,
    ) -> Result<(), Invalid> {
        for (moment, zone) in moments("RDATE", params, value, of_event)? {
            let at = match moment {
                Moment::Day(day) => instant(of_event, day.to_datetime(first.time())),
                Moment::Wall(wall) => instant(&zone, wall),
                Moment::Instant(at) => at,
            };
            let wall = of_event.to_datetime(at);
            if wall < first {
                return Err(Invalid(format!("RDATE must not be before start_time, {first}, as {wall} is")));
            }
            self.added.push((wall, at));
        }
        Ok(())
    }

    /// Returns the exceptions in order, each once.
    pub(super) fn sorted(mut self) -> Self {
        self.excluded.sort_unstable();
        self.excluded_days.sort_unstable();
        self.added.sort_unstable();
        self.added.dedup();
        self
    }

    pub(super) fn excludes(&self, wall: DateTime, at: Timestamp) -> bool {
        self.excluded.binary_search(&at).is_ok() || self.excluded_days.binary_search(&wall.date()).is_ok()
    }

    pub(super) fn added(&self) -> &[(DateTime, Timestamp)] {
        &self.added
    }
}

/// Parses the values of a line, each with the zone that it is in.
fn moments(name: &str, params: &str, value: &str, of_event: &TimeZone) -> Result<Vec<(Moment, TimeZone)>, Invalid> {
    let mut within = of_event.clone();
    for param in params.split(';').filter(|param| !param.is_empty()) {
        match param.split_once('=').map(|(name, value)| (name.to_ascii_uppercase(), value)) {
            Some((param, id)) if param == "TZID" => within = zone(id.trim_matches('"'))?,
            Some((param, "DATE" | "DATE-TIME")) if param == "VALUE" => {}
            _ => return Err(Invalid(format!("{name} must have TZID, VALUE=DATE or VALUE=DATE-TIME, not {param:?}"))),
        }
    }
    let moment = |text: &str| {
        let known = "a date or time such as 20261231T090000Z";
        let moment = Moment::parse(text).ok_or_else(|| Invalid(format!("{name} must be {known}, not {text:?}")))?;
        Ok((moment, within.clone()))
    };
    value.split(',').map(moment).collect()
}
