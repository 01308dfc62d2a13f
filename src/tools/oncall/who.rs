//! `whos_oncall`.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use jiff::Timestamp;
use pagerduty_api::Resource;
use pagerduty_api::operations::escalation_policies::{GET_ESCALATION_POLICY, LIST_ESCALATION_POLICIES};
use pagerduty_api::operations::oncalls::LIST_ON_CALLS;
use pagerduty_api::operations::schedules::{GET_SCHEDULE, GET_SCHEDULE_V3};
use pagerduty_api::operations::services::GET_SERVICE;
use pagerduty_api::operations::users::{GET_CURRENT_USER, GET_USER};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value, json};
use tokio::sync::SetOnce;

use super::read::{self, Duty, Level, MAX_POLICIES, Named, Policy, Reach, shown, spoken};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{EscalationPolicy, Person, Schedule, Service, Team};
use crate::params::{Flag, Moment, Range, When, given};
use crate::reply::Reply;
use crate::shifts::{Period, Shift, joined};
use crate::tools::times::Local;
use crate::tools::tool::{About, run};
use crate::tools::{Context, Tool};

/// Returns the users on call, level by level, and those who follow.
pub(super) const WHOS_ONCALL: Tool = Tool::new::<Params>(
    "whos_oncall",
    About {
        title: "Who is on call (pager), level by level",
        description: "Show who is on call (has the pager) for a service, team, policy or schedule, now or later: each level, until when, who is next.",
        hint: "who is on call oncall carrying pager now weekend contact phone next paged",
    },
    &[
        &LIST_ON_CALLS,
        &GET_SERVICE,
        &LIST_ESCALATION_POLICIES,
        &GET_ESCALATION_POLICY,
        &GET_SCHEDULE,
        &GET_SCHEDULE_V3,
        &GET_CURRENT_USER,
        &GET_USER,
    ],
    |cx, arguments| run(cx, arguments, whos_oncall),
);

crate::params! {
    struct Params {
        "One of these four; none: my policies"
        service_id: Option<Id<Service>>,
        "Team"
        team_id: Option<Id<Team>>,
        "Escalation policy"
        policy_id: Option<Id<EscalationPolicy>>,
        "Schedule"
        schedule_id: Option<Id<Schedule>>,
        "ISO 8601, local without an offset; default now"
        at: Option<When>,
        "Add phone numbers and emails"
        contact: Flag<false>,
    }
}

/// The rows of the answer: a level of a policy, or a schedule.
const LEVELS: Resource = Resource { noun: "level", one: "level", many: "levels", pages: &[] };

/// The days after the time in which the next users are searched for. Most rotations take turns of one or two weeks.
const HORIZON: i32 = 14;

async fn whos_oncall(cx: Context, params: Params) -> Result<Reply> {
    let named = given!(params, [service_id, team_id, policy_id, schedule_id]);
    if let [first, second, ..] = named.iter().filter(|(_, given)| *given).collect::<Vec<_>>().as_slice() {
        let message = format!("{} cannot be combined with {}", first.0, second.0);
        return Err(
            Error::new(Code::ConflictingParameters, message).hint("Pass one of them, in several calls if need be.")
        );
    }
    let read = Local::read(&cx, None, [params.at]).await?;
    let [at] = read.moments;
    let at = at.unwrap_or_else(Moment::now);
    let range = Range::of_horizon(at, HORIZON)?;
    let (local, found) = tokio::join!(read.local(&cx, None), find(&cx, &params, range));
    let Found { groups, mut warnings, subject } = found?;
    warnings.extend(read.remarks);
    let horizon = Period::new(range.0.instant(), range.1.instant()).unwrap_or(Period::ALWAYS);
    let states: Vec<_> = groups.into_iter().map(|group| State::of(group, horizon)).collect();
    let contacts = if params.contact.is_on() {
        let users = states.iter().flat_map(State::users).map(|user| user.id.clone());
        let (contacts, missing) = read::reach(&cx, users.collect::<BTreeSet<_>>(), &SetOnce::new()).await;
        warnings.extend(missing);
        contacts
    } else {
        HashMap::new()
    };
    let rows = states.iter().map(|state| Object::from_members(state.shown(&local, &contacts))).collect();
    let mut reply = cx.composed(&LEVELS, rows, "service_id, policy_id or schedule_id");
    reply.set("at", local.iso(at.instant()));
    local.name_in(&mut reply);
    if let Some((name, value)) = subject {
        reply.set(name, value);
    }
    Ok(reply.warned(warnings))
}

/// Everything that was read.
#[derive(Default)]
struct Found {
    groups: Vec<Group>,
    warnings: Vec<String>,
    /// The service, for the metadata.
    subject: Option<(&'static str, Value)>,
}

/// A level of a policy or a schedule, with its on-calls.
struct Group {
    place: Place,
    duties: Vec<Shift<Seat>>,
    /// Set if the shifts are cut at the end of the range.
    is_cut: bool,
}

/// The place in an escalation that a group is about.
enum Place {
    Level { policy: Named, level: usize, of: Level },
    Schedule(Named),
}

/// A user on call, by a schedule or directly.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seat {
    user: Person,
    schedule: Option<Named>,
}

/// Reads what the parameters name, in at most two round trips.
async fn find(cx: &Context, params: &Params, range: (Moment, Moment)) -> Result<Found> {
    if let Some(id) = &params.schedule_id {
        return of_schedule(cx, id, range).await;
    }
    if let Some(id) = &params.policy_id {
        let (policy, duties) = tokio::join!(read::policy(cx, id), read::duties_of(cx, std::slice::from_ref(id), range));
        return Ok(of_policies(vec![policy?], duties?));
    }
    if let Some(id) = &params.service_id {
        let service = read::service(cx, id).await?;
        let subject = json!({"id": service.named.id, "name": service.named.name, "status": service.status});
        let ids = service.policy_id.as_slice();
        let policy = async {
            match (service.policy, ids.first()) {
                (Some(policy), _) => Ok(Some(policy)),
                (None, Some(id)) => read::policy(cx, id).await.map(Some),
                (None, None) => Ok(None),
            }
        };
        let (policy, duties) = tokio::join!(policy, read::duties_of(cx, ids, range));
        let found = of_policies(policy?.into_iter().collect(), duties?);
        return Ok(Found { subject: Some(("service", subject)), ..found });
    }
    let mut policies = match &params.team_id {
        Some(id) => read::policies_of(cx, std::slice::from_ref(id)).await?,
        None => read::own_policies(cx).await?,
    };
    let mut warnings = Vec::new();
    if policies.len() > MAX_POLICIES {
        warnings
            .push(format!("Only {MAX_POLICIES} of {} policies are here: pass policy_id for others.", policies.len()));
        policies.truncate(MAX_POLICIES);
    }
    if policies.is_empty() {
        let whose = if params.team_id.is_some() { "The team has" } else { "The current user and their teams have" };
        warnings.push(format!("{whose} no escalation policy. Pass service_id, policy_id or schedule_id."));
    }
    let ids: Vec<_> = policies.iter().filter_map(Policy::id).collect();
    let duties = read::duties_of(cx, &ids, range).await?;
    let mut found = of_policies(policies, duties);
    found.warnings.extend(warnings);
    Ok(found)
}

/// The on-calls of policies, warnings, and the policies without.
type Duties = (Vec<Shift<Duty>>, Vec<String>, BTreeSet<String>);

/// Returns the levels of policies with their on-calls. A policy whose on-calls could not be read is left out.
fn of_policies(policies: Vec<Policy>, (duties, warnings, unread): Duties) -> Found {
    let mut groups = Vec::new();
    for policy in policies.into_iter().filter(|policy| !unread.contains(&policy.named.id)) {
        let of_policy: Vec<_> = duties.iter().filter(|duty| duty.of.policy.id == policy.named.id).collect();
        let highest = of_policy.iter().map(|duty| duty.of.level).max().unwrap_or(0).max(policy.levels.len());
        for (level, of) in (1..=highest).zip(policy.levels.into_iter().map(Some).chain(std::iter::repeat(None))) {
            let seat = |duty: &Shift<Duty>| {
                Shift::new(duty.period, Seat { user: duty.of.user.clone(), schedule: duty.of.schedule.clone() })
            };
            let duties = of_policy.iter().filter(|duty| duty.of.level == level).map(|duty| seat(duty)).collect();
            let place = Place::Level { policy: policy.named.clone(), level, of: of.unwrap_or_default() };
            groups.push(Group { place, duties, is_cut: false });
        }
    }
    Found { groups, warnings, subject: None }
}

/// Reads a schedule, whether or not it is on a policy.
async fn of_schedule(cx: &Context, id: &Id<Schedule>, range: (Moment, Moment)) -> Result<Found> {
    // PagerDuty cuts turns at the start of the range.
    let (since, _) = Range::wider(range.0, range.1, HORIZON);
    let mut rendered = cx.api.rendered(id, since, range.1).await?;
    let mut warnings = cx.api.name_turns([&mut rendered]).await;
    let schedule = Named { id: rendered.id.clone(), name: rendered.name.clone() };
    let Some(turns) = rendered.turns else {
        warnings.push("PagerDuty did not render this schedule, so it is not known who is on call.".to_owned());
        return Ok(Found { warnings, ..Found::default() });
    };
    if rendered.unreadable > 0 {
        warnings.push(format!("{} shifts could not be read and are left out.", rendered.unreadable));
    }
    let duties = turns.into_iter().filter_map(|turn| {
        let period = Period::open((turn.start > since.instant()).then_some(turn.start), turn.end)?;
        Some(Shift::new(period, Seat { user: turn.user?, schedule: Some(schedule.clone()) }))
    });
    let group = Group { duties: duties.collect(), place: Place::Schedule(schedule), is_cut: true };
    Ok(Found { groups: vec![group], warnings, subject: None })
}

/// A level or a schedule at a time.
struct State {
    place: Place,
    /// The users on call, by schedule.
    now: Vec<Shift<Seat>>,
    /// The next users on call, by schedule.
    next: Vec<Shift<Seat>>,
    /// The shifts of deleted users before those, in which a page reaches no user.
    void: Vec<Shift<Seat>>,
    /// The last time that is known.
    end: Timestamp,
    is_cut: bool,
}

impl State {
    /// Returns the state at the start of `range`.
    fn of(Group { place, duties, is_cut }: Group, range: Period) -> Self {
        let at = range.start();
        let (void, shifts): (Vec<_>, Vec<_>) = joined(duties).into_iter().partition(|shift| shift.of.user.deleted);
        let now: Vec<_> = shifts.iter().filter(|shift| shift.period.contains(at)).cloned().collect();
        // The next shift of each schedule. A schedule of shifts may have several users at a time.
        let mut next: Vec<Shift<Seat>> = Vec::new();
        for shift in shifts.into_iter().filter(|shift| shift.period.start() > at) {
            let first = next.iter().find(|first| first.of.schedule == shift.of.schedule);
            if first.is_none_or(|first| first.period.start() == shift.period.start()) {
                next.push(shift);
            }
        }
        let begins = next.iter().map(|shift| shift.period.start()).min().unwrap_or(range.end());
        let is_before = |shift: &Shift<Seat>| shift.period.end() > at && shift.period.start() < begins;
        let void = void.into_iter().filter(is_before).collect();
        Self { place, now, next, void, end: range.end(), is_cut }
    }

    /// Returns the users on call and the next ones.
    fn users(&self) -> impl Iterator<Item = &Person> {
        self.now.iter().chain(&self.next).map(|shift| &shift.of.user)
    }

    /// Returns the end of a shift, and whether it may be later.
    fn end(&self, shift: &Shift<Seat>) -> Option<(Timestamp, bool)> {
        let end = shift.period.end();
        (end != Timestamp::MAX).then_some((end, self.is_cut && end >= self.end))
    }

    /// Returns the time at which a gap ends, if no user is on call.
    fn gap_end(&self) -> Option<Timestamp> {
        self.next.iter().map(|shift| shift.period.start()).min()
    }

    fn shown(&self, local: &Local, contacts: &HashMap<String, Reach>) -> Map<String, Value> {
        let mut row = Map::new();
        match &self.place {
            Place::Level { policy, level, of } => {
                row.insert("policy".to_owned(), policy.shown());
                row.insert("level".to_owned(), (*level).into());
                row.insert("line".to_owned(), self.line(local).into());
                row.extend(of.delay.map(|delay| ("escalates_after_minutes".to_owned(), delay.into())));
            }
            Place::Schedule(schedule) => {
                row.insert("schedule".to_owned(), schedule.shown());
                row.insert("line".to_owned(), self.line(local).into());
            }
        }
        let entry = |shift: &Shift<Seat>| {
            let mut entry = shown(&shift.of.user);
            let by = shift.of.schedule.as_ref().filter(|_| matches!(self.place, Place::Level { .. }));
            entry.extend(by.map(|schedule| ("schedule".to_owned(), schedule.shown())));
            if shift.period.start() != Timestamp::MIN {
                entry.insert("from".to_owned(), local.iso(shift.period.start()).into());
            }
            if let Some((end, may_be_later)) = self.end(shift) {
                entry.insert("until".to_owned(), local.iso(end).into());
                entry.extend(may_be_later.then(|| ("or_later".to_owned(), true.into())));
            }
            if let Some(reach) = contacts.get(&shift.of.user.id) {
                let contacts: Vec<_> = reach.contacts.iter().map(super::read::Contact::shown).collect();
                entry.extend(reach.person.email.as_deref().map(|email| ("email".to_owned(), email.into())));
                entry.insert("contact".to_owned(), contacts.into());
            }
            Value::Object(entry)
        };
        row.insert("oncall".to_owned(), self.now.iter().map(entry).collect());
        if self.now.is_empty() {
            row.insert("gap".to_owned(), json!({"until": self.gap_end().map(|end| local.iso(end))}));
        }
        if !self.next.is_empty() {
            row.insert("next".to_owned(), self.next.iter().map(entry).collect());
        }
        if !self.void.is_empty() {
            row.insert("deleted".to_owned(), self.void.iter().map(entry).collect());
        }
        row
    }

    /// Returns the state as a sentence: `Payments, level 1: Ada (Payments Primary) until Tue 2026-12-01 09:00 EST, then
    /// Grace.`
    fn line(&self, local: &Local) -> String {
        let place = match &self.place {
            Place::Level { policy, level, .. } => format!("{}, level {level}", policy.label()),
            Place::Schedule(schedule) => schedule.label().into_owned(),
        };
        let names = |shifts: &[&Shift<Seat>]| {
            let names: Vec<_> = shifts.iter().map(|shift| spoken(&shift.of.user)).collect();
            names.join(" and ")
        };
        let deleted = self.deleted(local);
        if self.now.is_empty() {
            let Some(end) = self.gap_end() else {
                return format!("{place}: a gap, no user is on call before {}.{deleted}", local.text(self.end));
            };
            let next: Vec<_> = self.next.iter().filter(|shift| shift.period.start() == end).collect();
            let end = local.text(end);
            return format!("{place}: a gap, no user is on call until {end}, then {}.{deleted}", names(&next));
        }
        let mut parts = Vec::new();
        let mut said: Vec<&Option<Named>> = Vec::new();
        for shift in &self.now {
            let schedule = &shift.of.schedule;
            if schedule.is_some() && said.contains(&schedule) {
                continue;
            }
            said.push(schedule);
            let Some(by) = schedule else {
                parts.push(format!("{} (always)", spoken(&shift.of.user)));
                continue;
            };
            let now: Vec<_> = self.now.iter().filter(|other| other.of.schedule == *schedule).collect();
            let next: Vec<_> = self.next.iter().filter(|other| other.of.schedule == *schedule).collect();
            let by =
                if matches!(self.place, Place::Level { .. }) { format!(" ({})", by.label()) } else { String::new() };
            let last = now.iter().copied().max_by_key(|shift| shift.period.end());
            // Users whose shifts end earlier are named separately.
            let earlier = now.iter().filter(|shift| last.is_some_and(|last| shift.period.end() < last.period.end()));
            for shift in earlier {
                parts.push(format!("{}{by} until {}", spoken(&shift.of.user), local.text(shift.period.end())));
            }
            let now: Vec<_> = now
                .iter()
                .copied()
                .filter(|shift| last.is_some_and(|last| shift.period.end() == last.period.end()))
                .collect();
            let until = last.and_then(|shift| self.end(shift));
            let until = until.map(|(end, may_be_later)| {
                let then = match next.first().map(|shift| shift.period.start()) {
                    None => String::new(),
                    Some(start) if start <= end => format!(", then {}", names(&next)),
                    Some(start) => format!(", then a gap until {}, then {}", local.text(start), names(&next)),
                };
                format!(" until {}{}{then}", local.text(end), if may_be_later { " or later" } else { "" })
            });
            parts.push(format!("{}{by}{}", names(&now), until.unwrap_or_default()));
        }
        format!("{place}: {}.{deleted}", parts.join("; "))
    }

    /// Returns sentences about the targets of a level that were deleted, and about the shifts of deleted users.
    fn deleted(&self, local: &Local) -> String {
        let targets = match &self.place {
            Place::Level { of, .. } => of.targets.as_slice(),
            Place::Schedule(_) => &[],
        };
        let targets: Vec<_> =
            targets.iter().filter(|target| target.deleted).map(|target| target.named.label()).collect();
        let mut text = String::new();
        if !targets.is_empty() {
            text = format!(" Deleted and never paged: {}.", targets.join(", "));
        }
        for shift in self.void.iter().filter(|shift| shift.of.schedule.is_some()) {
            let when = match self.end(shift) {
                Some(_) if shift.period.start() != Timestamp::MIN => local.span(shift.period),
                Some((end, _)) => format!("until {}", local.text(end)),
                None => "always".to_owned(),
            };
            let _ = write!(text, " {} is still assigned: {when}.", spoken(&shift.of.user));
        }
        text
    }
}
