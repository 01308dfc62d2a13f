//! The users whom a change reaches.

use std::collections::BTreeSet;

use serde_json::Value;

use super::report::person;
use crate::client::Query;
use crate::ids::Id;
use crate::models::{EscalationPolicy, User};
use crate::params::Moment;
use crate::tools::Context;
use crate::tools::oncall::read;

/// Returns users, and those who are on call now on levels of policies, with their names, and warnings.
pub async fn pages(
    cx: &Context,
    mut ids: BTreeSet<String>,
    levels: &BTreeSet<(String, usize)>,
) -> (Value, Vec<String>) {
    let mut warnings = Vec::new();
    let policies: Vec<_> = levels.iter().filter_map(|(policy, _)| Id::<EscalationPolicy>::parse(policy)).collect();
    if !policies.is_empty() {
        let now = Moment::at(jiff::Timestamp::now());
        match read::duties(cx, Query::new().with_all("escalation_policy_ids", &policies), (now, now)).await {
            Ok((duties, warning)) => {
                warnings.extend(warning);
                for (policy, level) in levels {
                    let mut on_level = duties
                        .iter()
                        .map(|shift| &shift.of)
                        .filter(|duty| duty.policy.id == *policy && duty.level == *level)
                        .peekable();
                    if on_level.peek().is_none() {
                        warnings.push(format!("Policy {policy} has no user on call on level {level} now."));
                    }
                    ids.extend(on_level.map(|duty| duty.user.id.clone()));
                }
            }
            Err(error) => warnings.push(format!("Who is on call could not be read, so pages are missing: {error}")),
        }
    }
    let (people, unread) = cx.api.people(ids.iter().filter_map(|id| Id::<User>::parse(id))).await;
    warnings.extend(unread);
    let named = |id: &String| person(id, people.get(id).and_then(|person| person.name.as_deref()));
    (ids.iter().map(named).collect(), warnings)
}
