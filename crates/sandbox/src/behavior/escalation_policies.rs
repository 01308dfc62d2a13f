//! The users that an escalation policy notifies.

use jiff::Timestamp;
use serde_json::Value;

use super::rotation::{Rotation, Shift};
use super::schedules::users_of;
use super::shift_schedules::{self, turns};
use crate::account::Account;
use crate::documents::{Document, entries, id_of, reference, referred, text};
use crate::kind::Kind;
use crate::kinds::{ESCALATION_POLICY, SERVICE, SHIFT_SCHEDULE, USER};
use crate::time::Range;

/// Returns references to the services with this policy.
pub fn services(account: &Account, policy: &Document) -> Value {
    let uses =
        |service: &&Document| service.get("escalation_policy").is_some_and(|one| id_of(one) == text(policy, "id"));
    account
        .documents
        .all(&SERVICE)
        .iter()
        .filter(uses)
        .map(|service| reference(&SERVICE, text(service, "id")))
        .collect()
}

/// A target of a rule.
pub enum Target<'a> {
    User(&'a str),
    Schedule(&'static Kind, &'a Document),
}

impl Target<'_> {
    /// Returns the shifts of a schedule over a range, or none for a user.
    pub fn shifts(&self, range: Range) -> Vec<Shift> {
        match self {
            Self::User(_) => Vec::new(),
            Self::Schedule(kind, schedule) if kind.name == SHIFT_SCHEDULE.name => {
                let turns = turns::of(schedule, range).into_iter();
                turns.filter_map(|turn| Some(Shift { user: turn.user?, start: turn.start, end: turn.end })).collect()
            }
            Self::Schedule(_, schedule) => Rotation::of(schedule).shifts(range),
        }
    }
}

/// Returns the targets of each level, the first level first.
pub fn levels<'a>(account: &'a Account, policy: &'a Document) -> impl Iterator<Item = Vec<Target<'a>>> {
    entries(policy, "escalation_rules").iter().map(|rule| {
        let targets = rule.get("targets").and_then(Value::as_array).into_iter().flatten();
        let target = |target| match referred(target)? {
            (kind, id) if kind.name == USER.name => Some(Target::User(id)),
            (kind, id) => account.documents.get(kind, id).map(|schedule| Target::Schedule(kind, schedule)),
        };
        targets.filter_map(target).collect()
    })
}

/// Returns whether the user is a target, in person or through a schedule.
pub fn involves(account: &Account, policy: &Document, user: &str) -> bool {
    levels(account, policy).flatten().any(|target| match target {
        Target::User(id) => id == user,
        Target::Schedule(kind, schedule) if kind.name == SHIFT_SCHEDULE.name => {
            shift_schedules::users_of(schedule).contains(&user)
        }
        Target::Schedule(_, schedule) => users_of(schedule).contains(&user),
    })
}

impl Account {
    /// Returns the users that a new incident is assigned to: those on call at the first level that has any, beginning
    /// with this level. The first is 1.
    pub fn on_call(&self, policy: &str, level: usize, at: Timestamp) -> Vec<String> {
        let Some(policy) = self.documents.get(&ESCALATION_POLICY, policy) else { return Vec::new() };
        let moment = Range { since: at, until: at };
        let on_call = |targets: Vec<Target<'_>>| -> Vec<String> {
            let users = targets.into_iter().flat_map(|target| match target {
                Target::User(user) => vec![user.to_owned()],
                schedule @ Target::Schedule(..) => {
                    schedule.shifts(moment).into_iter().map(|shift| shift.user).collect()
                }
            });
            users.filter(|user| self.documents.get(&USER, user).is_some()).collect()
        };
        let mut levels = levels(self, policy).skip(level.saturating_sub(1)).map(on_call);
        levels.find(|users| !users.is_empty()).unwrap_or_default()
    }
}
