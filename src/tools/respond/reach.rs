//! The users whom a change reaches.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::report::person;
use crate::client::Query;
use crate::ids::Id;
use crate::models::{EscalationPolicy, User};
use crate::params::Moment;
use crate::tools::Context;
use crate::tools::oncall::read;

/// A level of a policy, by the ID of the policy.
pub type Level = (String, usize);

/// Users with their names.
pub struct Reached {
    /// All of them.
    pub users: Value,
    /// The users who are on call now, by level.
    pub on_call: BTreeMap<Level, Value>,
    pub warnings: Vec<String>,
}

/// Returns users, and those who are on call now on levels of policies, with their names, and warnings.
pub async fn pages(cx: &Context, ids: BTreeSet<String>, levels: &BTreeSet<Level>) -> (Value, Vec<String>) {
    let Reached { users, warnings, .. } = reached(cx, ids, levels).await;
    (users, warnings)
}

/// Returns users, and those who are on call now on levels of policies.
pub async fn reached(cx: &Context, mut ids: BTreeSet<String>, levels: &BTreeSet<Level>) -> Reached {
    let mut warnings = Vec::new();
    let on_call = on_call(cx, levels, &mut warnings).await;
    ids.extend(on_call.values().flatten().cloned());
    let (people, unread) = cx.api.people(ids.iter().filter_map(|id| Id::<User>::parse(id))).await;
    warnings.extend(unread);
    warnings
        .extend(people.values().filter(|user| user.deleted).map(|user| format!("PagerDuty has no user {}.", user.id)));
    let named = |id: &String| person(id, people.get(id).and_then(|person| person.name.as_deref()));
    let on_call = on_call.into_iter().map(|(level, users)| (level, users.iter().map(named).collect())).collect();
    Reached { users: ids.iter().map(named).collect(), on_call, warnings }
}

/// Returns the users on call on levels of policies, as far as they can be read.
async fn on_call(
    cx: &Context,
    levels: &BTreeSet<Level>,
    warnings: &mut Vec<String>,
) -> BTreeMap<Level, BTreeSet<String>> {
    let policies: BTreeSet<_> = levels.iter().map(|(policy, _)| policy).collect();
    let policies: Vec<_> = policies.into_iter().filter_map(|policy| Id::<EscalationPolicy>::parse(policy)).collect();
    if policies.is_empty() {
        return BTreeMap::new();
    }
    let now = Moment::at(jiff::Timestamp::now());
    let duties = match read::duties(cx, Query::new().with_all("escalation_policy_ids", &policies), (now, now)).await {
        Ok((duties, warning)) => {
            warnings.extend(warning);
            duties
        }
        Err(error) => {
            warnings.push(format!("Who is on call could not be read, so pages are missing: {error}"));
            return BTreeMap::new();
        }
    };
    let mut found = BTreeMap::new();
    for (policy, level) in levels {
        let duties = duties.iter().map(|shift| &shift.of);
        let on_level = duties.filter(|duty| duty.policy.id == *policy && duty.level == *level);
        let users: BTreeSet<_> = on_level.map(|duty| duty.user.id.clone()).collect();
        if users.is_empty() {
            warnings.push(format!("Policy {policy} has no user on call on level {level} now."));
        } else {
            found.insert((policy.clone(), *level), users);
        }
    }
    found
}
