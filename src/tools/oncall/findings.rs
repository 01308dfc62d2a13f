//! The findings of a coverage check, from what was read. It has no I/O.
//!
//! Each kind is defined in [`Kind`], so that an account without a fault has no finding.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};
use serde_json::{Map, Value};

use super::read::{Duty, Named, Policy, Reach, ServiceState, shown, spoken, text};
use crate::models::Person;
use crate::shifts::{Period, Shift, gaps, merged, overlaps};
use crate::tools::times::{Local, hours, number_of_hours};

/// The kinds of findings, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// No level of a policy has a user in a period, or a schedule that the caller names has none.
    Gap,
    /// A service that accepts no alerts.
    ServiceDisabled,
    /// A service that no other tool can send events to.
    NoIntegration,
    /// A service whose alerts open no incidents for now.
    InMaintenance,
    /// A level without a user in the whole range, while other levels have users.
    EmptyLevel,
    /// A level with users in a period, of whom a page reaches none by phone or push.
    Unreachable,
    /// A level without a user in a part of the range, while other levels have users.
    LevelGap,
    /// A deleted user who is a target of a policy or in a rotation, or a deleted schedule that is a target.
    Deleted,
    /// A user on two levels of a policy at a time, so that an escalation reaches no other user.
    TwoLevels,
    /// A user on two schedules at a time that share no policy.
    Clash,
    /// A service outside its support hours, when its incidents are of low urgency.
    OutsideHours,
}

impl Kind {
    /// Returns the name in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::ServiceDisabled => "service_disabled",
            Self::NoIntegration => "service_without_integration",
            Self::InMaintenance => "service_in_maintenance",
            Self::EmptyLevel => "empty_level",
            Self::Unreachable => "unreachable",
            Self::LevelGap => "level_gap",
            Self::Deleted => "deleted",
            Self::TwoLevels => "two_levels",
            Self::Clash => "clash",
            Self::OutsideHours => "outside_support_hours",
        }
    }

    /// Returns the next step for the user.
    const fn next_step(self) -> &'static str {
        match self {
            Self::Gap | Self::LevelGap => "Cover the time with override_oncall, or change the schedule.",
            Self::ServiceDisabled => "Enable the service in PagerDuty if it is in use.",
            Self::NoIntegration => "Add an integration to the service in PagerDuty.",
            Self::InMaintenance => "End the maintenance window in PagerDuty if the work is done.",
            Self::EmptyLevel => "Add a user or a schedule to the level in PagerDuty, or remove the level.",
            Self::Unreachable => "Ask the user to add a phone or the app, and a notification rule for it.",
            Self::Deleted => "Replace the user or schedule in PagerDuty.",
            Self::TwoLevels => "Let another user take one of the levels with override_oncall.",
            Self::Clash => "Let another user take one of the shifts with override_oncall.",
            Self::OutsideHours => "Check that low urgency is enough at that time.",
        }
    }
}

/// The object that a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Policy,
    Schedule,
    Service,
}

/// A finding.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The kind.
    pub kind: Kind,
    subject: (Subject, Named),
    level: Option<usize>,
    /// The periods, in order. Without one it has no time.
    periods: Vec<Period>,
    who: Vec<Person>,
    /// The fault, as a part of a sentence.
    what: String,
}

impl Finding {
    fn new(kind: Kind, subject: Subject, named: &Named, what: impl Into<String>) -> Self {
        let subject = (subject, named.clone());
        Self { kind, subject, level: None, periods: Vec::new(), who: Vec::new(), what: what.into() }
    }

    fn on(self, level: usize) -> Self {
        Self { level: Some(level), ..self }
    }

    fn during(self, periods: Vec<Period>) -> Self {
        Self { periods, ..self }
    }

    fn with(self, who: Vec<Person>) -> Self {
        Self { who, ..self }
    }

    /// Returns the place of the finding among others: worst first, then earliest first.
    fn rank(&self) -> (Kind, Option<Period>, String, Option<usize>) {
        (self.kind, self.periods.first().copied(), self.subject.1.label().into_owned(), self.level)
    }

    /// Returns the finding as a row.
    pub fn shown(&self, local: &Local) -> Map<String, Value> {
        let mut row = Map::new();
        row.insert("kind".to_owned(), self.kind.as_str().into());
        row.insert("line".to_owned(), self.line(local).into());
        let subject = match self.subject.0 {
            Subject::Policy => "policy",
            Subject::Schedule => "schedule",
            Subject::Service => "service",
        };
        row.insert(subject.to_owned(), self.subject.1.shown());
        row.extend(self.level.map(|level| ("level".to_owned(), level.into())));
        if let Some(first) = self.periods.first() {
            row.insert("since".to_owned(), local.iso(first.start()).into());
            row.insert("until".to_owned(), local.iso(first.end()).into());
            row.insert("hours".to_owned(), number_of_hours(self.length()).into());
        }
        if self.periods.len() > 1 {
            row.insert("times".to_owned(), self.periods.len().into());
        }
        if !self.who.is_empty() {
            row.insert("who".to_owned(), self.who.iter().map(|person| Value::Object(shown(person))).collect());
        }
        row.insert("next_step".to_owned(), self.kind.next_step().into());
        row
    }

    fn length(&self) -> SignedDuration {
        self.periods.iter().map(|period| period.length()).sum()
    }

    /// Returns the finding as a sentence.
    fn line(&self, local: &Local) -> String {
        let level = self.level.map(|level| format!(", level {level}")).unwrap_or_default();
        let time = match self.periods.as_slice() {
            [] => String::new(),
            [one] => format!(", {} ({})", local.span(*one), local.length(*one)),
            [first, others @ ..] => {
                let times =
                    if others.len() == 1 { "once more".to_owned() } else { format!("{} more times", others.len()) };
                format!(", {} and {times} ({} in all)", local.span(*first), hours(self.length()))
            }
        };
        format!("{}{level}: {}{time}.", self.subject.1.label(), self.what)
    }
}

/// A schedule that was read: the users of its rotations, and its shifts if the caller named it.
#[derive(Clone, Debug, Default)]
pub struct Rotation {
    /// The ID and the name.
    pub named: Named,
    /// The users of its layers or rotations.
    pub members: Vec<Person>,
    /// The shifts over the range, if the caller named the schedule.
    pub shifts: Option<Vec<Shift<Person>>>,
    /// The IDs of its policies, if the caller named the schedule.
    pub policies: Vec<String>,
}

/// Everything that was read.
#[derive(Debug)]
pub struct Facts {
    /// The checked range.
    pub range: Period,
    /// The policies whose on-calls are known.
    pub policies: Vec<Policy>,
    /// The on-calls of these policies.
    pub duties: Vec<Shift<Duty>>,
    /// The schedules on the policies, and those that the caller named.
    pub rotations: Vec<Rotation>,
    /// The services that the caller named.
    pub services: Vec<ServiceState>,
    /// The contact data of users, as far as it is known.
    pub reach: HashMap<String, Reach>,
}

impl Facts {
    /// Returns the findings, worst first.
    pub fn findings(&self) -> Vec<Finding> {
        let mut found: Vec<_> = self.policies.iter().flat_map(|policy| self.of_policy(policy)).collect();
        found.extend(self.rotations.iter().flat_map(|rotation| self.of_rotation(rotation)));
        found.extend(self.services.iter().flat_map(|service| of_service(service, self.range)));
        found.extend(self.clashes());
        found.sort_by_key(Finding::rank);
        found
    }

    /// Returns whether a user was deleted.
    fn is_gone(&self, user: &Person) -> bool {
        user.deleted || self.reach.get(&user.id).is_some_and(|reach| reach.person.deleted)
    }

    /// Returns whether a page may reach a user by phone or push. Without contact data it may.
    fn may_wake(&self, user: &Person) -> bool {
        self.reach.get(&user.id).is_none_or(Reach::is_woken)
    }

    /// Returns the on-calls of a policy within the range, without those of deleted users.
    fn duties_of<'f>(&'f self, policy: &'f Policy) -> impl Iterator<Item = Shift<&'f Duty>> {
        let of_policy = self.duties.iter().filter(|duty| duty.of.policy.id == policy.named.id);
        let of_policy = of_policy.filter(|duty| !self.is_gone(&duty.of.user));
        of_policy.filter_map(|duty| Some(Shift::new(duty.period.clip(self.range)?, &duty.of)))
    }

    /// Returns a sentence about the users whom a page reaches by phone or push, by the first level that has such a user.
    pub fn verdict(&self, policy: &Policy) -> String {
        let duties: Vec<_> = self.duties_of(policy).filter(|duty| self.may_wake(&duty.of.user)).collect();
        let (mut open, mut parts) = (vec![self.range], Vec::new());
        let mut delay = Some(0);
        let share = |periods: &[Period]| {
            let length: SignedDuration = periods.iter().map(|period| period.length()).sum();
            if length == self.range.length() { String::new() } else { format!(" for {}", hours(length)) }
        };
        for (level, of) in (1..).zip(&policy.levels) {
            let there: Vec<_> = duties.iter().filter(|duty| duty.of.level == level).collect();
            let left = without(&open, &merged(there.iter().map(|duty| duty.period)));
            let reached = without(&open, &left);
            if !reached.is_empty() {
                let is_there = |duty: &Shift<&Duty>| reached.iter().any(|period| period.clip(duty.period).is_some());
                let who = unique(there.iter().filter(|duty| is_there(duty)).map(|duty| &duty.of.user));
                let names: Vec<_> = who.iter().map(spoken).collect();
                let names = if names.len() > 3 { format!("{} users", names.len()) } else { names.join(" or ") };
                let is_known = who.iter().all(|user| self.reach.contains_key(&user.id));
                let unknown = if is_known { "" } else { " (contact data not read)" };
                let after = delay.filter(|delay| *delay > 0);
                let after = after.map(|delay| format!(", after up to {delay} min,")).unwrap_or_default();
                let share = share(&reached);
                let after = if share.is_empty() { after.trim_end_matches(',') } else { &after };
                parts.push(format!("{names}{unknown} at level {level}{after}{share}"));
            }
            open = left;
            delay = delay.zip(of.delay).map(|(sum, delay)| sum + delay);
        }
        if !open.is_empty() {
            parts.push(format!("no user by phone or push{}", share(&open)));
        }
        format!("{}: reaches {}.", policy.named.label(), parts.join("; "))
    }

    fn of_policy(&self, policy: &Policy) -> Vec<Finding> {
        let duties: Vec<_> = self.duties_of(policy).collect();
        let finding = |kind, what: String| Finding::new(kind, Subject::Policy, &policy.named, what);
        let mut found = Vec::new();
        let uncovered = gaps(self.range, duties.iter().map(|duty| duty.period));
        if !uncovered.is_empty() {
            found.push(finding(Kind::Gap, "no user is on call on any level".to_owned()).during(uncovered.clone()));
        }
        for (level, of) in (1..).zip(&policy.levels) {
            let there: Vec<_> = duties.iter().filter(|duty| duty.of.level == level).collect();
            let covered = merged(there.iter().map(|duty| duty.period));
            let empty = without(&gaps(self.range, covered.iter().copied()), &uncovered);
            let gone: Vec<_> = of.targets.iter().filter(|target| target.deleted).collect();
            if !empty.is_empty() && covered.is_empty() {
                let all = !of.targets.is_empty() && gone.len() == of.targets.len();
                let why = if all { "all its targets are deleted" } else { "no user is on call there" };
                found.push(finding(Kind::EmptyLevel, why.to_owned()).on(level).during(empty));
            } else if !empty.is_empty() {
                found.push(finding(Kind::LevelGap, "no user is on call there".to_owned()).on(level).during(empty));
            }
            for target in gone {
                let kind = if target.is_schedule { "schedule" } else { "user" };
                let what = format!("{} (deleted {kind}) is still a target", target.named.label());
                found.push(finding(Kind::Deleted, what).on(level));
            }
            let woken = there.iter().filter(|duty| self.may_wake(&duty.of.user)).map(|duty| duty.period);
            let asleep = without(&covered, &merged(woken));
            if !asleep.is_empty() {
                let is_there = |duty: &Shift<&Duty>| asleep.iter().any(|period| period.clip(duty.period).is_some());
                let who = unique(there.iter().filter(|duty| is_there(duty)).map(|duty| &duty.of.user));
                let names: Vec<_> = who.iter().map(spoken).collect();
                let what = format!("no page reaches {} by phone or push", names.join(" or "));
                found.push(finding(Kind::Unreachable, what).on(level).during(asleep).with(who));
            }
        }
        let mut twice: BTreeMap<(String, usize, usize), (Person, Vec<Period>)> = BTreeMap::new();
        for (one, other, common) in
            overlaps(&duties, |one, other| one.user.id == other.user.id && one.level != other.level)
        {
            let (low, high) = (one.of.level.min(other.of.level), one.of.level.max(other.of.level));
            let entry = twice.entry((one.of.user.id.clone(), low, high));
            entry.or_insert_with(|| (one.of.user.clone(), Vec::new())).1.push(common);
        }
        for ((_, low, high), (user, periods)) in twice {
            let what = format!("{} is on levels {low} and {high} at once", spoken(&user));
            found.push(finding(Kind::TwoLevels, what).on(low).during(merged(periods)).with(vec![user]));
        }
        found
    }

    fn of_rotation(&self, rotation: &Rotation) -> Vec<Finding> {
        let finding = |kind, what: String| Finding::new(kind, Subject::Schedule, &rotation.named, what);
        let mut found = Vec::new();
        if let Some(shifts) = &rotation.shifts {
            let covered = shifts.iter().filter(|shift| !self.is_gone(&shift.of)).map(|shift| shift.period);
            let uncovered = gaps(self.range, covered);
            if !uncovered.is_empty() {
                found.push(finding(Kind::Gap, "no user is on call".to_owned()).during(uncovered));
            }
        }
        let on_call = self
            .duties
            .iter()
            .filter(|duty| duty.of.schedule.as_ref().is_some_and(|schedule| schedule.id == rotation.named.id));
        let on_call = on_call.map(|duty| &duty.of.user).chain(rotation.shifts.iter().flatten().map(|shift| &shift.of));
        let gone = unique(rotation.members.iter().chain(on_call).filter(|user| self.is_gone(user)));
        for user in gone {
            let user = Person { deleted: true, ..user };
            found.push(finding(Kind::Deleted, format!("{} is still in the rotation", spoken(&user))).with(vec![user]));
        }
        found
    }

    /// Returns the users who are on two schedules at a time that share no policy. Two schedules of one policy are its
    /// levels, which have a finding of their kind.
    fn clashes(&self) -> Vec<Finding> {
        let mut policies: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        let mut places: HashMap<&str, BTreeSet<String>> = HashMap::new();
        let mut shifts = Vec::new();
        for duty in self.duties.iter().filter(|duty| !self.is_gone(&duty.of.user)) {
            let Some(schedule) = &duty.of.schedule else { continue };
            policies.entry(&schedule.id).or_default().insert(&duty.of.policy.id);
            let place = format!("{}, level {}", duty.of.policy.label(), duty.of.level);
            places.entry(&schedule.id).or_default().insert(place);
            shifts.extend(duty.period.clip(self.range).map(|period| Shift::new(period, (&duty.of.user, schedule))));
        }
        for rotation in &self.rotations {
            policies.entry(&rotation.named.id).or_default().extend(rotation.policies.iter().map(String::as_str));
            for shift in rotation.shifts.iter().flatten().filter(|shift| !self.is_gone(&shift.of)) {
                let period = shift.period.clip(self.range);
                shifts.extend(period.map(|period| Shift::new(period, (&shift.of, &rotation.named))));
            }
        }
        let share = |one: &str, other: &str| match (policies.get(one), policies.get(other)) {
            (Some(one), Some(other)) => !one.is_disjoint(other),
            _ => false,
        };
        let clash = |one: &(&Person, &Named), other: &(&Person, &Named)| {
            one.0.id == other.0.id && one.1.id != other.1.id && !share(&one.1.id, &other.1.id)
        };
        let mut found: BTreeMap<(&str, &Named, &Named), (&Person, Vec<Period>)> = BTreeMap::new();
        for (one, other, common) in overlaps(&shifts, clash) {
            let (first, second) = if one.of.1 <= other.of.1 { (one.of.1, other.of.1) } else { (other.of.1, one.of.1) };
            let entry = found.entry((&one.of.0.id, first, second)).or_insert_with(|| (one.of.0, Vec::new()));
            entry.1.push(common);
        }
        let place = |schedule: &Named| {
            let places: Vec<_> = places.get(schedule.id.as_str()).into_iter().flatten().cloned().collect();
            if places.is_empty() {
                schedule.label().into_owned()
            } else {
                format!("{} ({})", schedule.label(), places.join("; "))
            }
        };
        let finding = |((_, first, second), (user, periods)): ((&str, &Named, &Named), (&Person, Vec<Period>))| {
            let what = format!("{} is also on {} at once", spoken(user), place(second));
            Finding::new(Kind::Clash, Subject::Schedule, first, what).during(merged(periods)).with(vec![user.clone()])
        };
        found.into_iter().map(finding).collect()
    }
}

fn of_service(service: &ServiceState, range: Period) -> Vec<Finding> {
    let finding = |kind, what: &str| Finding::new(kind, Subject::Service, &service.named, what);
    let mut found = Vec::new();
    match service.status.as_str() {
        "disabled" => found.push(finding(Kind::ServiceDisabled, "the service is disabled, its alerts page no user")),
        "maintenance" => {
            found.push(finding(Kind::InMaintenance, "the service is in maintenance, its alerts open no incidents now"));
        }
        _ => {}
    }
    if service.integrations == 0 {
        found.push(finding(Kind::NoIntegration, "the service has no integration, so no monitoring tool can page"));
    }
    let outside = outside_hours(service, range).unwrap_or_default();
    if !outside.is_empty() {
        let what = "outside the support hours incidents are of low urgency";
        found.push(finding(Kind::OutsideHours, what).during(outside));
    }
    found
}

/// Returns the parts of the range in which a service has low urgency because they are outside its support hours.
/// `None` if it has no such rule or if its hours cannot be read.
fn outside_hours(service: &ServiceState, range: Period) -> Option<Vec<Period>> {
    let outside = service.urgency.get("outside_support_hours")?;
    if text(&service.urgency, "type")? != "use_support_hours" || text(outside, "urgency")? != "low" {
        return None;
    }
    let zone = pagerduty_calendar::zone(&text(&service.hours, "time_zone")?).ok()?;
    let time = |name: &str| text(&service.hours, name)?.parse::<Time>().ok();
    let (start, end) = (time("start_time")?, time("end_time")?);
    let days = service.hours.get("days_of_week")?.as_array()?.iter().filter_map(Value::as_i64);
    let days: Vec<_> = days.filter_map(|day| Weekday::from_monday_one_offset(i8::try_from(day).ok()?).ok()).collect();
    Some(gaps(range, support(range, &zone, &days, (start, end))))
}

/// Returns the support hours of a range. Hours whose end is not after their start end on the next day.
fn support(range: Period, zone: &TimeZone, days: &[Weekday], (start, end): (Time, Time)) -> Vec<Period> {
    let local = |time: jiff::Timestamp| time.to_zoned(zone.clone()).date();
    let (Ok(first), last) = (local(range.start()).checked_sub(1.day()), local(range.end())) else { return Vec::new() };
    let dates = first.series(1.day()).take_while(|date| *date <= last);
    let hours = dates.filter(|date| days.contains(&date.weekday())).filter_map(|date| {
        let until = if end > start { date } else { date.tomorrow().ok()? };
        let instant = |date: jiff::civil::Date, time| pagerduty_calendar::instant(zone, date.to_datetime(time));
        Period::new(instant(date, start), instant(until, end))
    });
    hours.collect()
}

/// Returns the parts of periods that others do not cover.
fn without(periods: &[Period], others: &[Period]) -> Vec<Period> {
    periods.iter().flat_map(|period| gaps(*period, others.iter().copied())).collect()
}

/// Returns each user once.
fn unique<'p>(people: impl Iterator<Item = &'p Person>) -> Vec<Person> {
    let mut seen = BTreeSet::new();
    people.filter(|person| seen.insert(&person.id)).cloned().collect()
}
