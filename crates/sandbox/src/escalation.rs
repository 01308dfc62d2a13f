//! The actions that PagerDuty takes by itself: it escalates, takes an acknowledgement back, and resolves.
//!
//! An answer announces them as `pending_actions`. They happen only to incidents that have a [`Path`], which are those of a
//! [scenario](super::scenario): the others stay as they are, so that a demonstration finds them so every time.

use jiff::{Span, Timestamp};
use serde_json::Value;

use super::account::{Account, Incident, Status};
use super::documents::{Document, entries};
use super::kinds::{ESCALATION_POLICY, SERVICE};
use super::log::{LogEvent, itself};
use super::time::later;

/// The place of an incident on the way through its escalation policy.
#[derive(Debug, Clone)]
pub struct Path {
    /// The current level; the first is 1.
    level: usize,
    /// The time at which the incident reached it.
    since: Timestamp,
    /// The number of times that the policy was repeated.
    repeats: i64,
    /// Set if the incident escalates no further.
    ended: bool,
}

impl Path {
    /// Returns the beginning of a policy.
    pub const fn new(since: Timestamp) -> Self {
        Self { level: 1, since, repeats: 0, ended: false }
    }

    /// Goes to a level, or stays there from `since` on.
    pub fn go_to(&mut self, level: Option<usize>, since: Timestamp) {
        self.ended &= level.is_none();
        self.level = level.unwrap_or(self.level);
        self.since = since;
    }

    /// Leaves the policy, because users were chosen by hand.
    pub const fn leave(&mut self) {
        self.ended = true;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Escalate,
    Unacknowledge,
    Resolve,
}

impl Action {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Escalate => "escalate",
            Self::Unacknowledge => "unacknowledge",
            Self::Resolve => "resolve",
        }
    }
}

impl Account {
    /// Returns the actions to come of an incident.
    pub fn pending_actions(&self, incident: &Incident) -> Vec<(Timestamp, Action)> {
        let service = self.documents.get(&SERVICE, &incident.service);
        // A service without a time limit has no such action.
        let after = |limit: &str| {
            let seconds = service?.get(limit)?.as_i64()?;
            Some(later(incident.changed_at, Span::new().try_seconds(seconds).ok()?))
        };
        let acknowledged = incident.snoozed_until.or_else(|| after("acknowledgement_timeout"));
        let (escalate, resolve) = (self.escalates_at(incident), after("auto_resolve_timeout"));
        let actions = match incident.status {
            Status::Triggered => [escalate.map(|at| (at, Action::Escalate)), resolve.map(|at| (at, Action::Resolve))],
            Status::Acknowledged => {
                [acknowledged.map(|at| (at, Action::Unacknowledge)), resolve.map(|at| (at, Action::Resolve))]
            }
            Status::Resolved => [None, None],
        };
        actions.into_iter().flatten().collect()
    }

    fn escalates_at(&self, incident: &Incident) -> Option<Timestamp> {
        let path = incident.path.as_ref().filter(|path| !path.ended)?;
        let rules = entries(self.documents.get(&ESCALATION_POLICY, &incident.policy)?, "escalation_rules");
        let minutes = rules.get(path.level - 1)?.get("escalation_delay_in_minutes")?.as_i64()?;
        Some(later(path.since, Span::new().try_minutes(minutes).ok()?))
    }

    /// Returns the next action that happens by itself, and its incident.
    pub fn next_action(&self) -> Option<(Timestamp, Action, String)> {
        let alive = self.incidents.iter().filter(|incident| incident.path.is_some());
        let actions = alive.flat_map(|incident| {
            let of_incident = self.pending_actions(incident).into_iter();
            of_incident.map(|(at, action)| (at, action, incident.id.as_str()))
        });
        actions.min_by_key(|(at, ..)| *at).map(|(at, action, id)| (at, action, id.to_owned()))
    }

    /// Takes an action.
    pub fn take(&mut self, action: Action, id: &str, at: Timestamp) {
        if action == Action::Escalate {
            self.escalate(id, at);
        } else if let Some(incident) = self.incident_mut(id) {
            let by = itself(incident);
            if action == Action::Resolve {
                incident.write(at, by.clone(), LogEvent::Resolve);
                incident.resolve(by, at);
            } else {
                incident.write(at, by.clone(), LogEvent::Unacknowledge);
                incident.trigger(by, Vec::new(), at);
            }
        }
        self.notify_assigned(id, at);
    }

    /// Assigns an incident to the users of the next level, or of the first one if the policy repeats.
    fn escalate(&mut self, id: &str, at: Timestamp) {
        let Some(incident) = self.incident(id) else { return };
        let Some(path) = incident.path.clone() else { return };
        let policy = self.documents.get(&ESCALATION_POLICY, &incident.policy);
        let number = |name: &str| policy.and_then(|policy: &Document| policy.get(name)).and_then(Value::as_i64);
        let levels = policy.map_or(0, |policy| entries(policy, "escalation_rules").len());
        let is_last = path.level >= levels;
        let repeats = is_last && path.repeats < number("num_loops").unwrap_or_default();
        let level = if is_last { 1 } else { path.level + 1 };
        let users = if is_last && !repeats { Vec::new() } else { self.on_call(&incident.policy, level, at) };
        let Some(incident) = self.incident_mut(id) else { return };
        incident.updated_at = at;
        let by = itself(incident);
        if is_last {
            let event = if repeats { LogEvent::RepeatPath } else { LogEvent::ExhaustPath };
            incident.write(at, by.clone(), event);
        }
        if !users.is_empty() {
            incident.assign(users.clone(), at);
            incident.write(at, by, LogEvent::Escalate(users));
        }
        let repeats = path.repeats + i64::from(repeats);
        incident.path = Some(Path { level, since: at, repeats, ended: is_last && repeats == path.repeats });
    }
}
