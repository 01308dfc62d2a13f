//! Time zones as parameters, and times as a person in a zone reads them.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use serde_json::Value;
use tokio::time::timeout;

use crate::error::{Code, Error, Result};
use crate::params::{Form, Moment, Param, When, shorten};
use crate::reply::Reply;
use crate::shifts::Period;
use crate::tools::Context;

/// A time zone from the arguments. Its name is known.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Param for Zone {
    const FORM: Form = Form::Text;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let zone = value.as_str().and_then(named);
        zone.map(Self).ok_or_else(|| {
            let message = format!("{name} is {}, which is not a known time zone", shorten(&value.to_string()));
            Error::new(Code::InvalidParameter, message).hint("Pass an IANA name, like Europe/Berlin or UTC.")
        })
    }
}

/// Returns the time zone with this name, if there is one.
fn named(name: &str) -> Option<TimeZone> {
    pagerduty_calendar::zone(name).ok()
}

/// The longest time that a call waits for the zone of the user.
const ZONE_TIMEOUT: Duration = Duration::from_secs(3);

/// The times of one zone.
#[derive(Clone, Debug)]
pub struct Local {
    zone: TimeZone,
    /// The reason why the zone of the user is unknown.
    problem: Option<Error>,
}

/// Times from the arguments, and the zone if it was needed for them.
pub struct Read<const N: usize> {
    local: Option<Local>,
    /// The times.
    pub moments: [Option<Moment>; N],
    /// Warnings about them.
    pub remarks: Vec<String>,
}

impl<const N: usize> Read<N> {
    /// Returns the zone of the answer.
    pub async fn local(&self, cx: &Context, given: Option<&Zone>) -> Local {
        match &self.local {
            Some(local) => local.clone(),
            None => Local::of(cx, given).await,
        }
    }
}

impl Local {
    /// Returns the given zone, or else that of the user, or else UTC.
    ///
    /// An account-level key belongs to no user, and a user may have a zone of an unknown name. An answer shows the zone
    /// that it uses, so neither is an error.
    pub async fn of(cx: &Context, given: Option<&Zone>) -> Self {
        if let Some(Zone(zone)) = given {
            return Self { zone: zone.clone(), problem: None };
        }
        // The zone is rarely worth a wait: PagerDuty's answers without it are useful, too.
        let me = timeout(ZONE_TIMEOUT, cx.api.me()).await.unwrap_or_else(|_| {
            let message = format!("there was no response within {} s; try again", ZONE_TIMEOUT.as_secs());
            Err(Error::new(Code::Timeout, message))
        });
        match me {
            Ok(me) => Self::in_zone(me.time_zone.as_deref()),
            Err(error) if error.code() == Code::NoUserContext => Self::in_zone(None),
            Err(error) => Self { problem: Some(error), ..Self::in_zone(None) },
        }
    }

    /// Returns the times of a schedule's zone, or UTC if its name is unknown.
    pub fn in_zone(name: Option<&str>) -> Self {
        Self { zone: name.and_then(named).unwrap_or(TimeZone::UTC), problem: None }
    }

    /// Returns the warning about a zone that could not be read.
    pub fn warning(&self) -> Option<String> {
        let error = self.problem.as_ref()?;
        Some(format!("The time zone of the user could not be read, so times are in UTC: {error}"))
    }

    /// Adds the name of the zone to an answer, and a warning if it could not be read.
    pub fn name_in(&self, reply: &mut Reply) {
        reply.set("time_zone", self.name());
        self.warning().into_iter().for_each(|warning| reply.warn(warning));
    }

    /// Returns the times of an answer, and those of its parameters. The zone is only waited for if one of them needs it.
    ///
    /// The remarks are about times that the clock shows twice or never. A local time fails if the zone cannot be read: it
    /// would be another time in UTC.
    pub async fn read<const N: usize>(cx: &Context, given: Option<&Zone>, times: [Option<When>; N]) -> Result<Read<N>> {
        let needs_zone = times.iter().flatten().any(|time| matches!(time, When::Local(_)));
        let local = if needs_zone { Some(Self::of(cx, given).await) } else { None };
        if let Some(error) = local.as_ref().and_then(|local| local.problem.clone()) {
            return Err(error.hint("Try again, or pass times with an offset, like 2026-12-24T08:00:00+01:00."));
        }
        let zone = local.as_ref().map(|local| &local.zone);
        let (mut moments, mut remarks, now) = ([None; N], Vec::new(), Timestamp::now());
        for (moment, time) in moments.iter_mut().zip(times) {
            let resolved = time.map(|time| time.resolve(zone, now)).transpose()?;
            remarks.extend(resolved.iter().filter_map(|(_, remark)| remark.clone()));
            *moment = resolved.map(|(at, _)| Moment::at(at));
        }
        Ok(Read { local, moments, remarks })
    }

    /// Returns the name of the zone.
    pub fn name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    fn zoned(&self, time: Timestamp) -> Zoned {
        time.to_zoned(self.zone.clone())
    }

    /// Returns the hour of the day, from 0 to 23.
    pub fn hour(&self, time: Timestamp) -> i8 {
        self.zoned(time).hour()
    }

    /// Returns a time for programs: `2026-12-01T09:00:00-05:00`.
    pub fn iso(&self, time: Timestamp) -> String {
        self.zoned(time).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// Returns a time for people: `Tue 2026-12-01 09:00 EST`.
    pub fn text(&self, time: Timestamp) -> String {
        self.zoned(time).strftime("%a %Y-%m-%d %H:%M %Z").to_string()
    }

    /// Returns a period for people: `Tue 2026-12-01 09:00 to 17:00 EST`. The second date is left out if it is the same.
    pub fn span(&self, period: Period) -> String {
        let (start, end) = (self.zoned(period.start()), self.zoned(period.end()));
        let first = if start.offset() == end.offset() { "%a %Y-%m-%d %H:%M" } else { "%a %Y-%m-%d %H:%M %Z" };
        let second = if start.date() == end.date() { "%H:%M %Z" } else { "%a %Y-%m-%d %H:%M %Z" };
        format!("{} to {}", start.strftime(first), end.strftime(second))
    }

    /// Returns the elapsed time of a period for people: `8 h`, or `7 h, clocks go forward` if the clocks of the zone show
    /// another difference.
    pub fn length(&self, period: Period) -> String {
        let (start, end) = (self.zoned(period.start()).datetime(), self.zoned(period.end()).datetime());
        let (elapsed, shown) = (period.length(), end.duration_since(start));
        let change = match shown.cmp(&elapsed) {
            std::cmp::Ordering::Greater => ", clocks go forward",
            std::cmp::Ordering::Less => ", clocks go back",
            std::cmp::Ordering::Equal => "",
        };
        format!("{}{change}", hours(elapsed))
    }
}

/// Returns an age for people, in days from two days on: `3 days 14 h`, `9 h 46 min`.
pub fn age(length: SignedDuration) -> String {
    match (length.as_hours() / 24, length.as_hours() % 24) {
        (..2, _) => hours(length),
        (days, 0) => format!("{days} days"),
        (days, left) => format!("{days} days {left} h"),
    }
}

/// Returns a length of time for people: `12 h`, `9 h 46 min`, `20 min`.
pub fn hours(length: SignedDuration) -> String {
    match (length.as_hours(), length.as_mins() % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// Returns a length of time for people, in days if it is long: `22 min`, `9 h 46 min`, `28 days`.
pub fn length(length: SignedDuration) -> String {
    match length.as_hours() / 24 {
        0 | 1 => hours(length),
        days => format!("{days} days"),
    }
}

/// Returns a length of time in hours, to a hundredth.
pub fn number_of_hours(length: SignedDuration) -> f64 {
    (length.as_secs_f64() / 36.0).round() / 100.0
}
