//! On-calls: <https://developer.pagerduty.com/api-reference/3a6b910f11050-list-all-of-the-on-calls>.
//!
//! Worked out from policies and schedules for every question; nothing about them is stored.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::{Span, Timestamp};
use serde::Serialize;

use super::account::{Account, Policy, Schedule, Shift, Target, User};
use super::call::Call;
use super::params::{Filter, select};
use super::reply::{self, Answer, Problem};
use super::time::{Range, later, maybe_utc};
use super::wire::{Link, View};

/// A user's uninterrupted time on call at one level of a policy.
struct Oncall {
    policy: Arc<Policy>,
    level: u32,
    user: Arc<User>,
    /// None for a user who is a target in person, and so on call at all times.
    schedule: Option<Arc<Schedule>>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

const FILTERS: &[Filter<Oncall>] = &[
    ("user_ids[]", |oncall, wanted| wanted.contains(&oncall.user.id.as_str())),
    ("escalation_policy_ids[]", |oncall, wanted| wanted.contains(&oncall.policy.id.as_str())),
    // PagerDuty takes the word null for those who are on call without a schedule.
    ("schedule_ids[]", |oncall, wanted| {
        wanted.contains(&oncall.schedule.as_ref().map_or("null", |schedule| &schedule.id))
    }),
];

/// `GET /oncalls`
pub fn list(account: &Account, call: &Call) -> Answer {
    let range = range(account, call)?;
    let oncalls: Vec<Oncall> = account.policies.iter().flat_map(|policy| of_policy(policy, range)).collect();
    let mut oncalls = select(&oncalls, FILTERS, &call.params);
    if call.params.is_true("earliest") {
        keep_earliest(&mut oncalls);
    }
    let includes = call.includes();
    let view = call.view(account, &includes);
    reply::list("oncalls", &oncalls, &call.params, |oncall| OncallFields::new(oncall, view))
}

/// Both bounds are now unless given, and PagerDuty looks no further than 90 days ahead.
fn range(account: &Account, call: &Call) -> Result<Range, Problem> {
    let now = account.clock.now();
    let (since, until) = call.params.bounds(account)?;
    let since = since.unwrap_or(now);
    let until = until.unwrap_or_else(|| now.max(since));
    if until < since {
        return Err(Problem::invalid("until must not be before since."));
    }
    if until > later(now, Span::new().days(90)) {
        return Err(Problem::invalid("until must be within 90 days from now."));
    }
    Ok(Range { since, until })
}

fn of_policy(policy: &Arc<Policy>, range: Range) -> Vec<Oncall> {
    let levels = policy.rules.iter().zip(1..);
    let targets = levels.flat_map(|(rule, level)| rule.targets.iter().map(move |target| (level, target)));
    targets.flat_map(|(level, target)| of_target(policy, level, target, range)).collect()
}

fn of_target(policy: &Arc<Policy>, level: u32, target: &Target, range: Range) -> Vec<Oncall> {
    let policy = || Arc::clone(policy);
    match target {
        Target::User(user) => {
            vec![Oncall { policy: policy(), level, user: Arc::clone(user), schedule: None, start: None, end: None }]
        }
        Target::Schedule(schedule) => {
            let oncall = |shift: Shift| {
                let (start, end) = (Some(shift.start), Some(shift.end));
                Oncall { policy: policy(), level, user: shift.user, schedule: Some(Arc::clone(schedule)), start, end }
            };
            schedule.shifts(range).into_iter().map(oncall).collect()
        }
    }
}

/// Leaves the first on-call of each user at each level of each policy.
fn keep_earliest(oncalls: &mut Vec<&Oncall>) {
    oncalls.sort_by_key(|oncall| oncall.start);
    let mut seen = HashSet::new();
    oncalls.retain(|oncall| seen.insert((oncall.policy.id.as_str(), oncall.level, oncall.user.id.as_str())));
}

#[derive(Serialize)]
struct OncallFields<'a> {
    user: Link<'a, User>,
    schedule: Option<Link<'a, Schedule>>,
    escalation_policy: Link<'a, Policy>,
    escalation_level: u32,
    #[serde(serialize_with = "maybe_utc")]
    start: Option<Timestamp>,
    #[serde(serialize_with = "maybe_utc")]
    end: Option<Timestamp>,
}

impl<'a> OncallFields<'a> {
    fn new(oncall: &'a Oncall, view: View<'a>) -> Self {
        Self {
            user: view.link(oncall.user.as_ref(), "users"),
            schedule: oncall.schedule.as_deref().map(|schedule| view.link(schedule, "schedules")),
            escalation_policy: view.link(oncall.policy.as_ref(), "escalation_policies"),
            escalation_level: oncall.level,
            start: oncall.start,
            end: oncall.end,
        }
    }
}
