//! Changes of incidents, as records that can be kept and applied again.
//!
//! Every change of the account goes through [`Account::perform`], so the records describe everything that has happened
//! to it since it was seeded.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::{Account, Agent, Bridge, Incident, Involvement, Note, Status, Urgency, User, find_shared};
use super::reply::Problem;
use super::time::{from_utc, utc};

/// The most notes on an incident.
const MOST_NOTES: usize = 2_000;

/// A change that was made: its time, its user and its incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    #[serde(serialize_with = "utc", deserialize_with = "from_utc")]
    pub at: Timestamp,
    pub by: String,
    pub incident: String,
    #[serde(flatten)]
    pub change: Change,
}

/// The changed fields of an incident. References are IDs; absent fields stay unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Urgency>,
    /// The ID of the new priority; an empty one removes the priority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalation_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalation_level: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assignees: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conference_bridge: Option<Bridge>,
    /// A note to add.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Account {
    /// Returns the reason if a change cannot be made.
    pub fn check(&self, record: &Record) -> Result<(), Problem> {
        let Record { by, incident, change, .. } = record;
        let incident = self.incident(incident)?;
        let unknown = |what: &str| Problem::invalid(format!("{what} Not Found"));
        find_shared(&self.users, by).ok_or_else(Problem::requester_not_found)?;
        if incident.status == Status::Resolved && matches!(change.status, Some(Status::Acknowledged | Status::Resolved))
        {
            return Err(Problem::already_resolved());
        }
        if let Some(priority) = change.priority.as_deref().filter(|id| !id.is_empty()) {
            find_shared(&self.priorities, priority).ok_or_else(|| unknown("Priority"))?;
        }
        if let Some(service) = &change.service {
            find_shared(&self.services, service).ok_or_else(|| unknown("Service"))?;
        }
        if change.assignees.iter().any(|user| find_shared(&self.users, user).is_none()) {
            return Err(unknown("Assignee"));
        }
        let policy = match &change.escalation_policy {
            Some(policy) => find_shared(&self.policies, policy).ok_or_else(|| unknown("Escalation Policy"))?,
            None => &incident.policy,
        };
        if change.escalation_level.is_some_and(|level| level == 0 || level > policy.rules.len()) {
            return Err(Problem::invalid("Escalation Level is invalid"));
        }
        if change.note.is_some() && incident.notes.len() >= MOST_NOTES {
            return Err(Problem::invalid("An incident can have at most 2,000 notes."));
        }
        Ok(())
    }

    /// Makes a change and keeps its record.
    pub fn perform(&mut self, record: Record) -> Result<(), Problem> {
        self.check(&record)?;
        let Record { at, change, .. } = &record;
        let actor = find_shared(&self.users, &record.by).cloned().ok_or_else(Problem::requester_not_found)?;
        let priority = change.priority.as_deref().map(|id| find_shared(&self.priorities, id).cloned());
        let service = change.service.as_deref().and_then(|id| find_shared(&self.services, id)).cloned();
        let policy = change.escalation_policy.as_deref().and_then(|id| find_shared(&self.policies, id)).cloned();
        let assignees: Vec<_> =
            change.assignees.iter().filter_map(|id| find_shared(&self.users, id)).cloned().collect();
        let note = change.note.clone().map(|content| {
            self.notes_written += 1;
            let id = format!("PNOTE{:05}", self.notes_written);
            Note { id, user: Arc::clone(&actor), channel: Note::API, content, created_at: *at }
        });
        let incident = self.incident_mut(&record.incident)?;
        incident.updated_at = *at;
        incident.notes.extend(note);
        if let Some(title) = &change.title {
            incident.title.clone_from(title);
            incident.summary = format!("[#{}] {title}", incident.number);
        }
        incident.urgency = change.urgency.unwrap_or(incident.urgency);
        incident.priority = priority.unwrap_or_else(|| incident.priority.take());
        incident.bridge = change.conference_bridge.clone().or_else(|| incident.bridge.take());
        incident.service = service.unwrap_or_else(|| Arc::clone(&incident.service));
        let moved = policy.as_ref().is_some_and(|policy| policy.id != incident.policy.id);
        incident.policy = policy.unwrap_or_else(|| Arc::clone(&incident.policy));
        if incident.status != Status::Resolved || change.status == Some(Status::Triggered) {
            let level = change.escalation_level.or(moved.then_some(1));
            let on_call = level.map(|level| incident.policy.on_call_from(level, *at)).unwrap_or_default();
            incident.assign(if assignees.is_empty() { on_call } else { assignees }, *at);
        }
        match change.status {
            Some(Status::Acknowledged) => incident.acknowledge(&actor, *at),
            Some(Status::Resolved) => incident.resolve(&actor, *at),
            Some(Status::Triggered) => incident.trigger(&actor, *at),
            None => {}
        }
        self.records.push(record);
        Ok(())
    }
}

impl Incident {
    /// Assigns the incident to these users, if there are any. An assignee who stays keeps the time of the assignment.
    fn assign(&mut self, users: Vec<Arc<User>>, now: Timestamp) {
        if users.is_empty() {
            return;
        }
        let before = std::mem::take(&mut self.assignments);
        let since = |user: &User| before.iter().find(|one| one.user.id == user.id).map_or(now, |one| one.at);
        self.assignments.extend(users.into_iter().map(|user| Involvement { at: since(&user), user }));
    }

    /// Acknowledges the incident. The assignees stay, and a repeated acknowledgement by a user replaces the earlier
    /// one.
    fn acknowledge(&mut self, actor: &Arc<User>, now: Timestamp) {
        self.acknowledgements.retain(|acknowledgement| acknowledgement.user.id != actor.id);
        self.acknowledgements.push(Involvement { at: now, user: Arc::clone(actor) });
        self.change(Status::Acknowledged, actor, now);
    }

    /// Resolves the incident, which removes its assignments.
    fn resolve(&mut self, actor: &Arc<User>, now: Timestamp) {
        self.assignments.clear();
        self.acknowledgements.clear();
        self.change(Status::Resolved, actor, now);
    }

    /// Triggers the incident again, and assigns it to the users on call unless it is still assigned.
    fn trigger(&mut self, actor: &Arc<User>, now: Timestamp) {
        if self.assignments.is_empty() {
            let on_call = self.policy.on_call(now);
            self.assignments.extend(on_call.into_iter().map(|user| Involvement { at: now, user }));
        }
        self.acknowledgements.clear();
        self.change(Status::Triggered, actor, now);
    }

    fn change(&mut self, status: Status, actor: &Arc<User>, now: Timestamp) {
        self.status = status;
        self.resolved_at = (status == Status::Resolved).then_some(now);
        self.changed_at = now;
        self.changed_by = Agent::User(Arc::clone(actor));
    }
}
