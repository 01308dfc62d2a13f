//! The effects of a change before it is sent: the users whom it would page, and the levels of policies.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use serde_json::Value;

use super::super::reach;
use super::super::report::{Outcome, Report, Row};
use crate::client::{IncidentChange, RESOLUTION};
use crate::ids::Id;
use crate::models::EscalationPolicy;
use crate::receipts::Fields;
use crate::tools::Context;
use crate::tools::oncall::read;

/// The most policies that are read to check a level.
const MOST_POLICIES: usize = 20;

/// The numbers of levels of policies, by ID. A policy that could not be read is not among them.
#[derive(Default)]
pub struct Levels(BTreeMap<String, (usize, Option<String>)>);

impl Levels {
    /// Reads the policies of incidents if a level was given.
    pub async fn read(cx: &Context, wanted: &Fields, states: impl Iterator<Item = &Fields>) -> Self {
        if level(wanted).is_none() {
            return Self::default();
        }
        let ids: BTreeSet<_> = states.filter_map(|before| policy(wanted).or_else(|| policy(before))).collect();
        let ids: Vec<Id<EscalationPolicy>> = ids.iter().take(MOST_POLICIES).filter_map(|id| Id::parse(id)).collect();
        let policies = join_all(ids.iter().map(|id| read::policy(cx, id))).await;
        let levels = |(id, policy): (&Id<EscalationPolicy>, read::Policy)| {
            (id.to_string(), (policy.levels.len(), policy.named.name))
        };
        Self(ids.iter().zip(policies).filter_map(|(id, policy)| Some(levels((id, policy.ok()?)))).collect())
    }

    /// Returns the row of an incident, as a conflict if its policy does not have the level.
    pub fn checked(&self, row: Row, before: &Fields, wanted: &Fields) -> Row {
        let known = policy(wanted).or_else(|| policy(before)).and_then(|id| self.0.get(&id));
        let Some(((levels, name), level)) = known.zip(level(wanted)) else { return row };
        if row.outcome != Outcome::DryRun || (1..=*levels).contains(&level) || *levels == 0 {
            return row;
        }
        let name = name.as_deref().map(|name| format!(" {name:?}")).unwrap_or_default();
        let problem = format!("Its policy{name} has {levels} levels, so there is no level {level}.");
        Row { outcome: Outcome::Conflict, problem: Some(problem), ..row }
    }
}

/// The users whom changes page.
pub struct Paged {
    /// All of them.
    pub users: Value,
    /// The users on call on the levels to which incidents are escalated, by the place of the incident.
    assigned: Vec<(usize, Value)>,
    pub warnings: Vec<String>,
}

/// Adds to a preview whom the changes would page, and what undoing them would take.
pub async fn preview(cx: &Context, changes: &[(usize, IncidentChange)], report: &mut Report) {
    if changes.is_empty() {
        return;
    }
    let any = |name: &str| changes.iter().find_map(|(_, change)| change.wanted.get(name));
    let paged = paged(cx, changes).await;
    let has_users = paged.users.as_array().is_some_and(|users| !users.is_empty());
    report.warnings.extend(paged.warnings);
    for (place, users) in paged.assigned {
        let change = changes.iter().find(|(known, _)| *known == place);
        let (Some(row), Some((_, change))) = (report.rows.get_mut(place), change) else { continue };
        row.before.extend(change.before.get("assignees").map(|users| ("assignees".to_owned(), users.clone())));
        row.after.insert("assignees".to_owned(), users);
    }
    let cost = match any("status").and_then(Value::as_str) {
        Some("resolved") if any(RESOLUTION).is_some() => {
            "undo reopens them, which pages their assignees again; the resolution stays as a note."
        }
        Some("resolved") => "undo reopens them, which pages their assignees again.",
        Some("acknowledged") => "undo triggers them again, which pages their assignees.",
        _ if any("escalation_level").is_some() => {
            "undo puts the assignees back, and the level stays; pages that were sent stay sent."
        }
        _ if has_users => "undo sets the values back; pages that were sent stay sent.",
        _ => "undo sets the values back.",
    };
    report.preview(paged.users, cost);
}

/// Returns the users whom changes would page.
pub async fn paged(cx: &Context, changes: &[(usize, IncidentChange)]) -> Paged {
    let (mut ids, mut levels) = (BTreeSet::new(), BTreeMap::<_, Vec<usize>>::new());
    for (place, IncidentChange { before, wanted, .. }) in changes {
        let assigned = users(before);
        ids.extend(users(wanted).difference(&assigned).cloned());
        let reopens = wanted.get("status").is_some_and(|status| status == "triggered")
            && before.get("status").is_some_and(|status| status == "resolved");
        let moves = wanted.contains_key("escalation_policy") || (reopens && users(wanted).is_empty());
        if let Some(policy) = policy(wanted).or_else(|| policy(before)).filter(|_| moves || level(wanted).is_some()) {
            let places = levels.entry((policy, level(wanted).unwrap_or(1))).or_default();
            places.extend(users(wanted).is_empty().then_some(*place));
        }
        // An incident that is triggered again pages its assignees, unless the policy replaces them.
        let is_replaced = moves || level(wanted).is_some();
        let is = |fields: &Fields, status: &str| fields.get("status").is_some_and(|is| is == status);
        if is(wanted, "triggered") && !is(before, "triggered") {
            let stay = if is_replaced { BTreeSet::new() } else { assigned };
            ids.extend(if users(wanted).is_empty() { stay } else { users(wanted) });
        }
    }
    let reached = reach::reached(cx, ids, &levels.keys().cloned().collect()).await;
    let assigned = |(level, users): (reach::Level, Value)| {
        let places = levels.get(&level).into_iter().flatten();
        places.map(|place| (*place, users.clone())).collect::<Vec<_>>()
    };
    let assigned = reached.on_call.into_iter().flat_map(assigned).collect();
    Paged { users: reached.users, assigned, warnings: reached.warnings }
}

fn level(wanted: &Fields) -> Option<usize> {
    wanted.get("escalation_level").and_then(Value::as_u64).map(|level| usize::try_from(level).unwrap_or(usize::MAX))
}

fn policy(fields: &Fields) -> Option<String> {
    fields.get("escalation_policy").and_then(id_of)
}

fn id_of(value: &Value) -> Option<String> {
    value.get("id").unwrap_or(value).as_str().map(str::to_owned)
}

/// Returns the IDs of the assignees in a state.
fn users(state: &Fields) -> BTreeSet<String> {
    state.get("assignees").and_then(Value::as_array).into_iter().flatten().filter_map(id_of).collect()
}
