//! On-calls: <https://developer.pagerduty.com/api-reference/3a6b910f11050-list-all-of-the-on-calls>.
//!
//! They are computed from policies and schedules for each request; nothing about them is stored.

use std::collections::HashSet;

use jiff::{Span, Timestamp};
use serde_json::{Value, json};

use super::escalation_policies::{Target, levels};
use super::rotation::Shift;
use crate::account::Account;
use crate::call::Call;
use crate::documents::{Document, text};
use crate::kind::Kind;
use crate::kinds::{ESCALATION_POLICY, USER};
use crate::params::{Filter, select};
use crate::reply::{self, Answer, Problem};
use crate::time::{Range, later};
use crate::view::View;

/// A user's uninterrupted time on call at one level of a policy.
struct Oncall {
    policy: String,
    level: u32,
    user: String,
    /// `None` for a user who is a target in person, and so on call at all times.
    schedule: Option<(&'static Kind, String)>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

const FILTERS: &[Filter<Oncall>] = &[
    ("user_ids[]", |oncall, wanted| wanted.contains(&oncall.user.as_str())),
    ("escalation_policy_ids[]", |oncall, wanted| wanted.contains(&oncall.policy.as_str())),
    // PagerDuty takes the word null for users who are on call without a schedule.
    ("schedule_ids[]", |oncall, wanted| wanted.contains(&oncall.schedule.as_ref().map_or("null", |(_, id)| id))),
];

/// Answers `GET /oncalls`.
pub fn list(account: &Account, call: &Call) -> Answer {
    let range = range(account, call)?;
    let policies = account.documents.all(&ESCALATION_POLICY).iter();
    let oncalls: Vec<Oncall> = policies.flat_map(|policy| of_policy(account, policy, range)).collect();
    let mut oncalls = select(&oncalls, FILTERS, &call.params);
    if call.params.is_true("earliest") {
        keep_earliest(&mut oncalls);
    }
    let includes = call.includes();
    let view = call.view(account, &includes);
    reply::list("oncalls", &oncalls, &call.params, |oncall| shown(oncall, view))
}

/// Returns the range asked for. Both bounds are now unless given, and PagerDuty accepts no time more than 90 days ahead.
fn range(account: &Account, call: &Call) -> Result<Range, Problem> {
    let now = account.clock.now();
    let (since, until) = call.params.bounds(account)?;
    let since = since.unwrap_or(now);
    let until = until.unwrap_or_else(|| now.max(since));
    if until < since {
        return Err(Problem::invalid("until must not be before since."));
    }
    // PagerDuty documents no limit. This one keeps a mistyped date from rendering centuries.
    if until > later(since, Span::new().years(1)) {
        return Err(Problem::invalid("The range between since and until must not exceed a year."));
    }
    if until > later(now, Span::new().days(90)) {
        return Err(Problem::invalid("until must be within 90 days from now."));
    }
    Ok(Range { since, until })
}

fn of_policy(account: &Account, policy: &Document, range: Range) -> Vec<Oncall> {
    let policy_id = || text(policy, "id").to_owned();
    let of_target = |level, target: Target<'_>| match &target {
        Target::User(user) => {
            vec![Oncall {
                policy: policy_id(),
                level,
                user: (*user).to_owned(),
                schedule: None,
                start: None,
                end: None,
            }]
        }
        Target::Schedule(kind, schedule) => {
            let oncall = |shift: Shift| {
                let (start, end) = (Some(shift.start), Some(shift.end));
                Oncall {
                    policy: policy_id(),
                    level,
                    user: shift.user,
                    schedule: Some((kind, text(schedule, "id").to_owned())),
                    start,
                    end,
                }
            };
            target.shifts(range).into_iter().map(oncall).collect()
        }
    };
    let levels = levels(account, policy).zip(1..);
    levels
        .flat_map(|(targets, level)| {
            targets.into_iter().flat_map(|target| of_target(level, target)).collect::<Vec<_>>()
        })
        .collect()
}

/// Keeps the first on-call of each user at each level of each policy.
fn keep_earliest(oncalls: &mut Vec<&Oncall>) {
    oncalls.sort_by_key(|oncall| oncall.start);
    let mut seen = HashSet::new();
    oncalls.retain(|oncall| seen.insert((oncall.policy.as_str(), oncall.level, oncall.user.as_str())));
}

fn shown(oncall: &Oncall, view: View<'_>) -> Value {
    json!({
        "user": view.link(&USER, &oncall.user, "users"),
        "schedule": oncall.schedule.as_ref().map(|(kind, id)| view.link(kind, id, "schedules")),
        "escalation_policy": view.link(&ESCALATION_POLICY, &oncall.policy, "escalation_policies"),
        "escalation_level": oncall.level,
        "start": oncall.start.map(|start| start.to_string()),
        "end": oncall.end.map(|end| end.to_string()),
    })
}
