//! The future of an open incident without a reaction: the users who are paged, and the time at which it ends by itself.

use jiff::{SignedDuration, Timestamp};
use pagerduty_rows::fields::{Field, Selection, plain};
use serde_json::{Map, Value, json};

use crate::client::Query;
use crate::error::Result;
use crate::ids::Id;
use crate::models::{EscalationPolicy, Model, Person, Service};
use crate::params::Moment;
use crate::shifts::Shift;
use crate::tools::Context;
use crate::tools::gather::beside;
use crate::tools::oncall::read::{self, Duty, Policy, shown, spoken};
use crate::tools::subject::Subject;
use crate::tools::times::{Local, hours};
use crate::tools::words::list;

/// The time ahead in which steps are searched for.
const HORIZON: SignedDuration = SignedDuration::from_hours(24);

/// The longest time back for which on-calls are read.
const BACK: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The most steps.
const MAX_STEPS: usize = 8;

/// The escalation of an incident as it will be.
#[derive(Clone, Debug, Default)]
pub(in crate::tools) struct Next {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The time limits of the service, unless they could not be read.
    pub limits: Option<Limits>,
    /// The policy.
    pub policy: Option<Policy>,
    /// The on-calls of the policy, also of the time before.
    pub duties: Vec<Shift<Duty>>,
    /// The time from which all on-calls of the policy were read, unless they could not be read.
    pub duties_since: Option<Timestamp>,
    /// Warnings about what is missing.
    pub warnings: Vec<String>,
}

/// The time limits of a service.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::tools) struct Limits {
    /// The time after which an acknowledged incident pages again, if it does.
    pub acknowledgement: Option<SignedDuration>,
}

/// An event to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::tools) struct Step {
    /// The time.
    pub at: Timestamp,
    /// The event.
    pub event: Event,
    /// The users who are paged.
    pub users: Vec<Person>,
    /// Set if PagerDuty does not announce the time, so that it was computed from the policy.
    pub is_computed: bool,
}

/// The kinds of events to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::tools) enum Event {
    /// The incident goes to a level, which is unknown if its users are on none.
    Escalates(Option<usize>),
    /// The escalation begins again at level 1.
    BeginsAgain,
    /// The acknowledgement or the snooze ends.
    PagesAgain,
    /// The urgency becomes high.
    BecomesUrgent,
    /// The service resolves the incident.
    Resolves,
}

impl Event {
    fn name(self) -> &'static str {
        match self {
            Self::Escalates(_) => "escalates",
            Self::BeginsAgain => "begins_again",
            Self::PagesAgain => "pages_again",
            Self::BecomesUrgent => "becomes_high_urgency",
            Self::Resolves => "resolves",
        }
    }
}

impl Step {
    /// Returns the step as a sentence: `In 4 min (Tue 2026-12-01 03:07 CET), the incident escalates to level 2 and pages
    /// Ada.`
    pub fn line(&self, local: &Local, now: Timestamp) -> String {
        let about = if self.is_computed { "about " } else { "" };
        let wait = self.at.duration_since(now);
        let wait = if wait < SignedDuration::from_mins(1) { "less than 1 min".to_owned() } else { hours(wait) };
        let names = list(&self.users.iter().map(spoken).collect::<Vec<_>>());
        let pages = if names.is_empty() { String::new() } else { format!(" and pages {names}") };
        let what = match self.event {
            Event::Escalates(Some(level)) => format!("the incident escalates to level {level}{pages}"),
            Event::Escalates(None) => format!("the incident escalates to the next level{pages}"),
            Event::BeginsAgain => format!("the escalation begins again at level 1{pages}"),
            Event::PagesAgain => format!("the incident is triggered again{pages}"),
            Event::BecomesUrgent => "the incident becomes high urgency".to_owned(),
            Event::Resolves => "its service resolves the incident".to_owned(),
        };
        format!("In {about}{wait} ({}), {what}.", local.text(self.at))
    }

    /// Returns the step as an answer shows it.
    pub fn shown(&self, local: &Local, now: Timestamp) -> Value {
        let mut members = Map::new();
        members.insert("at".to_owned(), local.iso(self.at).into());
        members.insert("event".to_owned(), self.event.name().into());
        members.insert("line".to_owned(), self.line(local, now).into());
        let level = match self.event {
            Event::Escalates(level) => level,
            Event::BeginsAgain => Some(1),
            Event::PagesAgain | Event::BecomesUrgent | Event::Resolves => None,
        };
        members.extend(level.map(|level| ("level".to_owned(), level.into())));
        if !self.users.is_empty() {
            members.insert("users".to_owned(), self.users.iter().map(shown).map(Value::Object).collect());
        }
        members.into()
    }
}

impl Next {
    /// Returns whether no step pages a user.
    pub fn pages_no_user(&self) -> bool {
        self.steps.iter().all(|step| matches!(step.event, Event::Resolves | Event::BecomesUrgent))
    }

    /// Returns the sentence about an incident whose steps page no user.
    pub fn nothing(subject: &Subject) -> &'static str {
        match subject.status.as_deref() {
            Some("resolved") => "The incident is resolved: no user is paged any more.",
            Some("acknowledged") => "The incident is acknowledged: no user is paged until it changes.",
            _ => "PagerDuty announces no further escalation.",
        }
    }

    /// Returns the effect of an acknowledgement as a sentence.
    pub fn on_acknowledgement(&self, subject: &Subject) -> Option<String> {
        if subject.status.as_deref() != Some("triggered") {
            return None;
        }
        let after = match self.limits {
            Some(Limits { acknowledgement: Some(after) }) => {
                format!("; it pages again after {} unless it is resolved", hours(after))
            }
            Some(Limits { acknowledgement: None }) => String::new(),
            None => "; it is unknown when it pages again, since the service could not be read".to_owned(),
        };
        Some(format!("Acknowledging it stops the escalation{after}."))
    }
}

const LIMITS: &[Field] = &[plain("acknowledgement_timeout")];

/// Returns what happens to an incident without a reaction. `since` is an earlier time whose on-calls are needed, too.
///
/// `repeats` is the number of times that the escalation has begun again so far. If it is unknown, the steps end with the
/// last level.
pub(in crate::tools) async fn next_steps(
    cx: &Context,
    subject: &Subject,
    repeats: Option<usize>,
    since: Option<Timestamp>,
) -> Result<Next> {
    let now = cx.api.now_there();
    let Some(policy) = subject.policy.as_ref().and_then(|policy| Id::<EscalationPolicy>::parse(&policy.id)) else {
        let steps = steps(subject, None, &[], repeats, now);
        return Ok(Next { steps: steps.0, ..Next::default() });
    };
    let from = subject.assigned.iter().filter_map(|holder| holder.at).chain(since).min();
    let from = from.unwrap_or(now).min(now).max(now - BACK);
    let range = (Moment::at(from), Moment::at(now + HORIZON));
    let ids = std::slice::from_ref(&policy);
    let main = async { tokio::join!(read::policy(cx, &policy), read::duties_of(cx, ids, range)) };
    let limits = async {
        let id = subject.service.as_ref().and_then(|service| Id::<Service>::parse(&service.id))?;
        Some(cx.api.one(&id, Query::new(), &Selection::new(LIMITS.to_vec(), Service::FACTS)).await)
    };
    let (main, limits) = beside(cx, main, limits).await;
    let (policy, duties) = main;
    let (duties, mut warnings, unread) = duties?;
    let policy =
        policy.map_err(|error| warnings.push(format!("The escalation policy could not be read: {error}"))).ok();
    let limits = match limits {
        Ok(Some(Ok(row))) => {
            let seconds = row.shown.members().get("acknowledgement_timeout").and_then(Value::as_i64);
            let acknowledgement = seconds.filter(|seconds| *seconds > 0).map(SignedDuration::from_secs);
            Some(Limits { acknowledgement })
        }
        Ok(None) => None,
        Ok(Some(Err(error))) | Err(error) => {
            warnings.push(format!("The time limits of the service could not be read: {error}"));
            None
        }
    };
    let (steps, _) = steps(subject, policy.as_ref(), &duties, repeats, now);
    let duties_since = Some(from).filter(|_| unread.is_empty());
    Ok(Next { steps, limits, policy, duties, duties_since, warnings })
}

/// Returns the users on call on a level at a time.
fn on_call(duties: &[Shift<Duty>], level: usize, at: Timestamp) -> Vec<Person> {
    let mut users: Vec<Person> = Vec::new();
    for duty in duties.iter().filter(|duty| duty.of.level == level && duty.period.contains(at)) {
        if !users.iter().any(|user| user.id == duty.of.user.id) {
            users.push(duty.of.user.clone());
        }
    }
    users
}

/// Returns the level of the incident's users: the lowest one with most of them at the time of their assignment.
fn level_of(subject: &Subject, duties: &[Shift<Duty>], now: Timestamp) -> Option<usize> {
    let highest = duties.iter().map(|duty| duty.of.level).max()?;
    let count = |level: &usize| {
        let is_on = |at: Timestamp, id: &str| on_call(duties, *level, at).iter().any(|user| user.id == id);
        subject.assigned.iter().filter(|holder| is_on(holder.at.unwrap_or(now), &holder.user.id)).count()
    };
    (1..=highest).rev().max_by_key(count).filter(|level| count(level) > 0)
}

/// Returns the steps, and the level of the incident's users.
fn steps(
    subject: &Subject,
    policy: Option<&Policy>,
    duties: &[Shift<Duty>],
    repeats: Option<usize>,
    now: Timestamp,
) -> (Vec<Step>, Option<usize>) {
    let level = level_of(subject, duties, now);
    if subject.is_resolved() {
        return (Vec::new(), level);
    }
    let pending = |kind: &str| {
        let times = subject.pending.iter().filter(|(name, at)| name == kind && *at > now).map(|(_, at)| *at);
        times.min()
    };
    let mut steps = Vec::new();
    let one = |at, event| Step { at, event, users: Vec::new(), is_computed: false };
    let delay = |level: usize| {
        let delay = policy?.levels.get(level.checked_sub(1)?)?.delay?;
        Some(SignedDuration::from_mins(delay))
    };
    let again = pending("unacknowledge");
    if let Some(at) = again {
        let users = subject.assigned.iter().map(|holder| holder.user.clone()).collect();
        steps.push(Step { users, ..one(at, Event::PagesAgain) });
    }
    // Incidents of low urgency and direct assignments do not escalate.
    let may_escalate = subject.urgency.as_deref() != Some("low") && !subject.is_direct;
    let first = pending("escalate").map(|at| (at, false)).or_else(|| {
        // PagerDuty announces an escalation that is due.
        let is_triggered = subject.status.as_deref() == Some("triggered") && !subject.has_pending;
        let began =
            again.or_else(|| subject.assigned.iter().filter_map(|holder| holder.at).max().filter(|_| is_triggered))?;
        let at = began.checked_add(delay(level?)?).ok()?;
        (may_escalate && at > now).then_some((at, true))
    });
    if let Some((at, is_computed)) = first {
        let chain = Chain { policy, duties, repeats, is_computed, end: now + HORIZON };
        steps.extend(chain.from(level, at));
    }
    steps.extend(pending("urgency_change").map(|at| one(at, Event::BecomesUrgent)));
    let resolves = pending("resolve");
    steps.sort_by_key(|step| step.at);
    steps.truncate(MAX_STEPS);
    if let Some(end) = resolves {
        steps.retain(|step| step.at < end);
        steps.push(one(end, Event::Resolves));
    }
    (steps, level)
}

/// The levels that follow each other.
struct Chain<'c> {
    policy: Option<&'c Policy>,
    duties: &'c [Shift<Duty>],
    repeats: Option<usize>,
    is_computed: bool,
    end: Timestamp,
}

impl Chain<'_> {
    /// Returns the levels after this one, the first of them at `at`. PagerDuty skips a level on which no user is on call.
    fn from(&self, level: Option<usize>, mut at: Timestamp) -> Vec<Step> {
        let (Some(policy), Some(mut level)) = (self.policy, level) else {
            let (event, is_computed) = (Event::Escalates(None), self.is_computed);
            return vec![Step { at, event, users: Vec::new(), is_computed }];
        };
        let loops = usize::try_from(policy.loops).unwrap_or_default();
        let loops = self.repeats.map_or(0, |repeats| loops.saturating_sub(repeats));
        let (mut loops, mut steps) = (loops, Vec::new());
        let mut skipped = 0;
        while steps.len() < MAX_STEPS && at < self.end && skipped <= policy.levels.len() {
            level += 1;
            if level > policy.levels.len() {
                if loops == 0 {
                    break;
                }
                (loops, level) = (loops - 1, 1);
            }
            let users = on_call(self.duties, level, at);
            if users.is_empty() {
                skipped += 1;
                continue;
            }
            skipped = 0;
            let event = if level == 1 { Event::BeginsAgain } else { Event::Escalates(Some(level)) };
            // After the first step, the times follow from the policy.
            let is_computed = self.is_computed || !steps.is_empty();
            steps.push(Step { at, event, users, is_computed });
            let delay = policy.levels.get(level - 1).and_then(|level| level.delay).map(SignedDuration::from_mins);
            let Some(later) = delay.and_then(|delay| at.checked_add(delay).ok()) else { break };
            at = later;
        }
        steps
    }
}

/// Returns steps as an answer shows them.
pub(in crate::tools) fn shown_steps(next: &Next, local: &Local, now: Timestamp) -> Value {
    json!(next.steps.iter().map(|step| step.shown(local, now)).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::shifts::Period;
    use crate::tools::oncall::read::{Level, Named};

    fn at(text: &str) -> Timestamp {
        format!("2026-11-30T{text}:00Z").parse().unwrap()
    }

    fn person(id: &str) -> Person {
        Person { id: id.to_owned(), name: Some(id.to_owned()), ..Person::default() }
    }

    fn policy(delays: &[i64], loops: u64) -> Policy {
        let levels = delays.iter().map(|delay| Level { delay: Some(*delay), targets: Vec::new() }).collect();
        Policy { named: Named { id: "PP1".to_owned(), name: None }, levels, loops }
    }

    fn duty(user: &str, level: usize, period: Period) -> Shift<Duty> {
        let policy = Named { id: "PP1".to_owned(), name: None };
        Shift::new(period, Duty { user: person(user), schedule: None, policy, level })
    }

    fn incident(more: &Value) -> Subject {
        let mut incident = json!({"id": "Q1", "status": "triggered", "urgency": "high", "assigned_via": "escalation_policy",
            "assignments": [{"at": "2026-11-30T03:00:00Z", "assignee": {"id": "Ada", "type": "user_reference", "summary": "Ada"}}]});
        incident.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Subject::from_members(incident.as_object().unwrap().clone()).unwrap()
    }

    fn said(subject: &Subject, policy: &Policy, duties: &[Shift<Duty>]) -> Vec<String> {
        let (steps, _) = steps(subject, Some(policy), duties, Some(0), at("03:01"));
        let say = |step: &Step| step.line(&Local::in_zone(None), at("03:01")).replace("Mon 2026-11-30 ", "");
        steps.iter().map(say).collect()
    }

    #[test]
    fn levels_follow_with_the_users_of_their_time() {
        let early = Period::open(None, Some(at("03:06"))).unwrap();
        let late = Period::open(Some(at("03:06")), None).unwrap();
        let duties =
            [duty("Ada", 1, Period::ALWAYS), duty("Bo", 2, early), duty("Cy", 2, late), duty("Di", 4, Period::ALWAYS)];
        let announced = json!({"pending_actions": [
            {"type": "escalate", "at": "2026-11-30T03:05:00Z"}, {"type": "resolve", "at": "2026-11-30T07:00:00Z"}]});
        let expected = [
            "In 4 min (03:05 UTC), the incident escalates to level 2 and pages Bo.",
            "In about 14 min (03:15 UTC), the incident escalates to level 4 and pages Di.",
            "In about 24 min (03:25 UTC), the escalation begins again at level 1 and pages Ada.",
            "In about 29 min (03:30 UTC), the incident escalates to level 2 and pages Cy.",
            "In about 39 min (03:40 UTC), the incident escalates to level 4 and pages Di.",
            "In 3 h 59 min (07:00 UTC), its service resolves the incident.",
        ];
        assert_eq!(said(&incident(&announced), &policy(&[5, 10, 10, 10], 1), &duties), expected);
        let computed = said(&incident(&json!({})), &policy(&[5, 10, 10, 10], 0), &duties);
        assert_eq!(computed[0], "In about 4 min (03:05 UTC), the incident escalates to level 2 and pages Bo.");
    }

    #[test]
    fn acknowledged_incident_pages_its_users_first() {
        let duties = [duty("Ada", 1, Period::ALWAYS), duty("Bo", 2, Period::ALWAYS)];
        let acknowledged = json!({"status": "acknowledged",
            "pending_actions": [{"type": "unacknowledge", "at": "2026-11-30T03:31:00Z"}]});
        let expected = [
            "In 30 min (03:31 UTC), the incident is triggered again and pages Ada.",
            "In about 35 min (03:36 UTC), the incident escalates to level 2 and pages Bo.",
        ];
        assert_eq!(said(&incident(&acknowledged), &policy(&[5, 10], 0), &duties), expected);
    }

    #[test]
    fn incident_that_does_not_escalate_has_no_steps() {
        let duties = [duty("Ada", 1, Period::ALWAYS), duty("Bo", 2, Period::ALWAYS)];
        for more in [
            json!({"urgency": "low"}),
            json!({"assigned_via": "direct_assignment"}),
            json!({"status": "resolved", "pending_actions": [{"type": "escalate", "at": "2026-11-30T03:05:00Z"}]}),
            json!({"status": "acknowledged"}),
            json!({"assignments": []}),
            json!({"pending_actions": []}),
        ] {
            assert_eq!(said(&incident(&more), &policy(&[5, 10], 0), &duties), [] as [String; 0], "{more}");
        }
        assert_eq!(said(&incident(&json!({})), &policy(&[5], 0), &duties[..1]), [] as [String; 0], "the last level");
    }
}
