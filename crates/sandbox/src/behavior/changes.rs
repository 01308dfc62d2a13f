//! Changes of incidents, as records that can be stored and applied again.
//!
//! Every change of an incident goes through [`Account::perform`], so the records describe all changes since the account
//! was seeded.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::account::{Account, Agent, Bridge, Incident, Involvement, Note, Status, Urgency};
use crate::documents::entries;
use crate::edits::Entry;
use crate::kinds::{ESCALATION_POLICY, PRIORITY, SERVICE, USER};
use crate::reply::{OrNotFound, Problem};
use crate::time::{from_utc, utc};

/// The maximum number of notes on an incident.
const MAX_NOTES: usize = 2_000;

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
        let incident = self.incident(incident).or_404()?;
        let unknown = |what: &str| Problem::invalid(format!("{what} Not Found"));
        self.documents.get(&USER, by).ok_or_else(Problem::requester_not_found)?;
        if incident.status == Status::Resolved && matches!(change.status, Some(Status::Acknowledged | Status::Resolved))
        {
            return Err(Problem::already_resolved());
        }
        if let Some(priority) = change.priority.as_deref().filter(|id| !id.is_empty()) {
            self.documents.get(&PRIORITY, priority).ok_or_else(|| unknown("Priority"))?;
        }
        if let Some(service) = &change.service {
            self.documents.get(&SERVICE, service).ok_or_else(|| unknown("Service"))?;
        }
        if change.assignees.iter().any(|user| self.documents.get(&USER, user).is_none()) {
            return Err(unknown("Assignee"));
        }
        let policy = change.escalation_policy.as_ref().unwrap_or(&incident.policy);
        let policy = self.documents.get(&ESCALATION_POLICY, policy).ok_or_else(|| unknown("Escalation Policy"))?;
        let levels = entries(policy, "escalation_rules").len();
        if change.escalation_level.is_some_and(|level| level == 0 || level > levels) {
            return Err(Problem::invalid("Escalation Level is invalid"));
        }
        if change.note.is_some() && incident.notes.len() >= MAX_NOTES {
            return Err(Problem::invalid("An incident can have at most 2,000 notes."));
        }
        Ok(())
    }

    /// Makes a change and adds its record.
    pub fn perform(&mut self, record: Record) -> Result<(), Problem> {
        self.check(&record)?;
        let Record { at, change, by, .. } = &record;
        let note = change.note.clone().map(|content| {
            self.notes_written += 1;
            let id = format!("PNOTE{:05}", self.notes_written);
            Note { id, user: by.clone(), channel: Note::API, content, created_at: *at }
        });
        let incident = self.incident_mut(&record.incident).or_404()?;
        incident.updated_at = *at;
        incident.notes.extend(note);
        if let Some(title) = &change.title {
            incident.title.clone_from(title);
            incident.summary = format!("[#{}] {title}", incident.number);
        }
        incident.urgency = change.urgency.unwrap_or(incident.urgency);
        match change.priority.as_deref() {
            Some("") => incident.priority = None,
            Some(priority) => incident.priority = Some(priority.to_owned()),
            None => {}
        }
        incident.bridge = change.conference_bridge.clone().or_else(|| incident.bridge.take());
        incident.service = change.service.clone().unwrap_or_else(|| std::mem::take(&mut incident.service));
        let moved = change.escalation_policy.as_ref().is_some_and(|policy| *policy != incident.policy);
        incident.policy = change.escalation_policy.clone().unwrap_or_else(|| std::mem::take(&mut incident.policy));
        let (policy, is_open) = (incident.policy.clone(), incident.status != Status::Resolved);
        let level = change.escalation_level.or(moved.then_some(1));
        let on_call = level.map(|level| self.on_call(&policy, level, *at)).unwrap_or_default();
        // An incident that is triggered again is assigned to the users on call.
        let triggered = change.status == Some(Status::Triggered);
        let on_call_now = if triggered { self.on_call(&policy, 1, *at) } else { Vec::new() };
        let incident = self.incident_mut(&record.incident).or_404()?;
        if is_open || triggered {
            incident.assign(if change.assignees.is_empty() { on_call } else { change.assignees.clone() }, *at);
        }
        match change.status {
            Some(Status::Acknowledged) => incident.acknowledge(by, *at),
            Some(Status::Resolved) => incident.resolve(by, *at),
            Some(Status::Triggered) => incident.trigger(by, on_call_now, *at),
            None => {}
        }
        self.records.push(Entry::Incident(record));
        Ok(())
    }
}

impl Incident {
    /// Assigns the incident to these users, if there are any. An assignee who stays keeps the time of the assignment.
    fn assign(&mut self, users: Vec<String>, now: Timestamp) {
        if users.is_empty() {
            return;
        }
        let before = std::mem::take(&mut self.assignments);
        let since = |user: &str| before.iter().find(|one| one.user == user).map_or(now, |one| one.at);
        self.assignments.extend(users.into_iter().map(|user| Involvement { at: since(&user), user }));
    }

    /// Acknowledges the incident. The assignees stay, and a repeated acknowledgement by a user replaces the earlier
    /// one.
    fn acknowledge(&mut self, actor: &str, now: Timestamp) {
        self.acknowledgements.retain(|acknowledgement| acknowledgement.user != actor);
        self.acknowledgements.push(Involvement { at: now, user: actor.to_owned() });
        self.change(Status::Acknowledged, actor, now);
    }

    /// Resolves the incident, which removes its assignments.
    fn resolve(&mut self, actor: &str, now: Timestamp) {
        self.assignments.clear();
        self.acknowledgements.clear();
        self.change(Status::Resolved, actor, now);
    }

    /// Triggers the incident again, and assigns it to the users on call unless it is still assigned.
    fn trigger(&mut self, actor: &str, on_call: Vec<String>, now: Timestamp) {
        if self.assignments.is_empty() {
            self.assignments.extend(on_call.into_iter().map(|user| Involvement { at: now, user }));
        }
        self.acknowledgements.clear();
        self.change(Status::Triggered, actor, now);
    }

    fn change(&mut self, status: Status, actor: &str, now: Timestamp) {
        self.status = status;
        self.resolved_at = (status == Status::Resolved).then_some(now);
        self.changed_at = now;
        self.changed_by = Agent { kind: &USER, id: actor.to_owned() };
    }
}
