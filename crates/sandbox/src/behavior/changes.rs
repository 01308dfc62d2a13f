//! Changes of incidents, as records that can be stored and applied again.
//!
//! Every change of an incident goes through [`Account::perform`], so the records describe all changes since the account
//! was seeded.

use std::collections::BTreeMap;

use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::created::Created;
use super::responses::{Response, type_named};
use crate::account::{Account, Agent, Bridge, Incident, Involvement, Note, Status, Urgency};
use crate::documents::{Document, entries};
use crate::edits::Entry;
use crate::kinds::{ESCALATION_POLICY, PRIORITY, SERVICE, USER};
use crate::log::{LogEvent, Via, person};
use crate::reply::{OrNotFound, Problem};
use crate::time::{from_utc, later, utc};

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
    /// The name of the new type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// A merge, or a change of notes or alerts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
    /// A note to add.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The number of seconds for which an acknowledgement lasts now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snooze: Option<i64>,
    /// Set if the incident is created with these fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Created>,
    /// The new values of custom fields, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_fields: BTreeMap<String, Value>,
}

impl Account {
    /// Returns the reason if a change cannot be made.
    pub fn check(&self, record: &Record) -> Result<(), Problem> {
        let Record { by, incident, change, .. } = record;
        // Some changes need no author, and an account-level key has none.
        if !by.is_empty() {
            self.documents.get(&USER, by).ok_or_else(Problem::requester_not_found)?;
        }
        if let Some(created) = &change.created {
            self.check_references(change)?;
            return self.check_created(change, created);
        }
        let incident = self.incident(incident).or_404()?;
        if incident.status == Status::Resolved && matches!(change.status, Some(Status::Acknowledged | Status::Resolved))
        {
            return Err(Problem::already_resolved());
        }
        self.check_references(change)?;
        let policy = change.escalation_policy.as_ref().unwrap_or(&incident.policy);
        let policy = self.documents.get(&ESCALATION_POLICY, policy).ok_or_else(|| unknown("Escalation Policy"))?;
        let levels = entries(policy, "escalation_rules").len();
        if change.escalation_level.is_some_and(|level| level == 0 || level > levels) {
            return Err(Problem::invalid("Escalation Level is invalid"));
        }
        if change.snooze.is_some() && incident.status != Status::Acknowledged {
            return Err(Problem::invalid("Incident must be acknowledged to be snoozed."));
        }
        if let Some(response) = &change.response {
            self.check_response(incident, response)?;
        }
        if change.note.is_some() && incident.notes.len() >= MAX_NOTES {
            return Err(Problem::invalid("An incident can have at most 2,000 notes."));
        }
        Ok(())
    }

    /// Returns the reason if a change refers to an object that does not exist.
    fn check_references(&self, change: &Change) -> Result<(), Problem> {
        if let Some(priority) = change.priority.as_deref().filter(|id| !id.is_empty()) {
            self.documents.get(&PRIORITY, priority).ok_or_else(|| unknown("Priority"))?;
        }
        if let Some(service) = &change.service {
            self.documents.get(&SERVICE, service).ok_or_else(|| unknown("Service"))?;
        }
        if let Some(policy) = &change.escalation_policy {
            self.documents.get(&ESCALATION_POLICY, policy).ok_or_else(|| unknown("Escalation Policy"))?;
        }
        if change.assignees.iter().any(|user| self.documents.get(&USER, user).is_none()) {
            return Err(unknown("Assignee"));
        }
        if change.kind.is_some() && type_named(change.kind.as_deref()).is_none() {
            return Err(unknown("Incident Type"));
        }
        Ok(())
    }

    /// Makes a change and adds its record.
    pub fn perform(&mut self, record: Record) -> Result<(), Problem> {
        self.check(&record)?;
        self.make(&record, Via::Api)?;
        self.records.push(Entry::Incident(Box::new(record)));
        Ok(())
    }

    /// Makes a change that was checked.
    pub fn make(&mut self, record: &Record, via: Via) -> Result<(), Problem> {
        let Record { at, change, by, .. } = record;
        if let Some(created) = &change.created {
            return self.create(record, created);
        }
        let note = change.note.clone().map(|content| {
            self.notes_written += 1;
            let id = format!("PNOTE{:05}", self.notes_written);
            Note { id, user: by.clone(), channel: Note::API, content, created_at: *at }
        });
        if let Some(response) = &change.response {
            self.respond(&record.incident, response, by, *at)?;
        }
        let incident = self.incident_mut(&record.incident).or_404()?;
        incident.updated_at = *at;
        incident.notes.extend(note);
        for event in incident.set(change) {
            incident.write_via(via, *at, person(by), event);
        }
        let moved = change.escalation_policy.as_ref().is_some_and(|policy| *policy != incident.policy);
        incident.policy = change.escalation_policy.clone().unwrap_or_else(|| std::mem::take(&mut incident.policy));
        let (policy, service, before) = (incident.policy.clone(), incident.service.clone(), incident.status);
        let timeout = self.documents.get(&SERVICE, &service).and_then(timeout);
        let level = change.escalation_level.or(moved.then_some(1));
        let on_call = level.map(|level| self.on_call(&policy, level, *at)).unwrap_or_default();
        // An incident that is triggered again is assigned to the users on call.
        let triggered = change.status == Some(Status::Triggered);
        let on_call_now = if triggered { self.on_call(&policy, 1, *at) } else { Vec::new() };
        let incident = self.incident_mut(&record.incident).or_404()?;
        let given = change.assignees.clone();
        let users = if given.is_empty() { on_call } else { given };
        let is_assigned = (before != Status::Resolved || triggered) && !users.is_empty();
        if is_assigned {
            incident.assign(users.clone(), *at);
            if let Some(path) = &mut incident.path {
                if change.assignees.is_empty() { path.go_to(level, *at) } else { path.leave() }
            }
            let event = match (&change.assignees[..], moved) {
                ([], true) => LogEvent::Delegate { policy, users },
                ([], false) => LogEvent::Escalate(users),
                _ => LogEvent::Assign(users),
            };
            incident.write_via(via, *at, person(by), event);
        }
        match change.status {
            Some(Status::Acknowledged) => {
                incident.acknowledge(by, *at);
                incident.join(by, *at);
            }
            Some(Status::Resolved) => incident.resolve(person(by), *at),
            Some(Status::Triggered) => incident.trigger(person(by), on_call_now, *at),
            None => {}
        }
        let event = match (change.status, before) {
            (Some(Status::Acknowledged), _) => Some(LogEvent::Acknowledge(timeout)),
            (Some(Status::Resolved), _) => Some(LogEvent::Resolve),
            (Some(Status::Triggered), Status::Acknowledged) => Some(LogEvent::Unacknowledge),
            (Some(Status::Triggered), Status::Resolved) => Some(LogEvent::Trigger),
            (Some(Status::Triggered), Status::Triggered) | (None, _) => None,
        };
        incident.snoozed_until =
            change.snooze.map(|seconds| later(*at, Span::new().seconds(seconds))).or(incident.snoozed_until);
        let snoozed = change.snooze.map(LogEvent::Snooze);
        for event in event.into_iter().chain(snoozed).chain(change.note.clone().map(LogEvent::Annotate)) {
            incident.write_via(via, *at, person(by), event);
        }
        if is_assigned || incident.status != before {
            self.notify_assigned(&record.incident, *at);
        }
        Ok(())
    }
}

fn unknown(what: &str) -> Problem {
    Problem::invalid(format!("{what} Not Found"))
}

/// Returns the number of seconds for which an acknowledgement lasts.
fn timeout(service: &Document) -> Option<i64> {
    service.get("acknowledgement_timeout")?.as_i64()
}

impl Incident {
    /// Sets the fields that are independent of the others, and returns the events of those that changed.
    fn set(&mut self, change: &Change) -> Vec<LogEvent> {
        let mut events = Vec::new();
        let mut field = |name, from: Value, to: Value| {
            if from != to {
                events.push(LogEvent::Field { name, from, to });
            }
        };
        if let Some(title) = &change.title {
            field("title", self.title.as_str().into(), title.as_str().into());
            self.retitle(title);
        }
        if let Some(bridge) = &change.conference_bridge {
            field("conference_bridge", self.bridge.as_ref().map(Bridge::place).unwrap_or_default(), bridge.place());
            self.bridge = Some(bridge.clone());
        }
        if let Some(kind) = type_named(change.kind.as_deref()) {
            field("incident_type", self.kind.into(), kind.into());
            self.kind = kind;
        }
        if let Some(service) = &change.service {
            field("service", self.service.as_str().into(), service.as_str().into());
            self.service.clone_from(service);
        }
        if let Some(urgency) = change.urgency.filter(|urgency| *urgency != self.urgency) {
            self.urgency = urgency;
            events.push(LogEvent::Urgency(urgency));
        }
        if let Some(priority) = &change.priority {
            let to = Some(priority.clone()).filter(|id| !id.is_empty());
            let from = std::mem::replace(&mut self.priority, to.clone());
            if from != to {
                events.push(LogEvent::Priority { from, to });
            }
        }
        for (name, to) in &change.custom_fields {
            let from = self.custom_fields.insert(name.clone(), to.clone()).unwrap_or_default();
            if from != *to {
                events.push(LogEvent::CustomField { name: name.clone(), from, to: to.clone() });
            }
        }
        events
    }

    /// Assigns the incident to these users, if there are any. An assignee who stays keeps the time of the assignment.
    pub fn assign(&mut self, users: Vec<String>, now: Timestamp) {
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
        self.change(Status::Acknowledged, person(actor), now);
    }

    /// Resolves the incident, which removes its assignments.
    pub fn resolve(&mut self, by: Agent, now: Timestamp) {
        self.assignments.clear();
        self.acknowledgements.clear();
        for alert in self.alerts.iter_mut().filter(|alert| alert.is_open()) {
            alert.resolved_at = Some(now);
        }
        self.change(Status::Resolved, by, now);
    }

    /// Triggers the incident again, and assigns it to the users on call unless it is still assigned. The alerts that ended
    /// with it go on.
    pub fn trigger(&mut self, by: Agent, on_call: Vec<String>, now: Timestamp) {
        if let Some(end) = self.resolved_at {
            for alert in self.alerts.iter_mut().filter(|alert| alert.resolved_at >= Some(end)) {
                alert.resolved_at = None;
            }
        }
        if self.assignments.is_empty() {
            self.assignments.extend(on_call.into_iter().map(|user| Involvement { at: now, user }));
        }
        self.acknowledgements.clear();
        self.change(Status::Triggered, by, now);
    }

    fn change(&mut self, status: Status, by: Agent, now: Timestamp) {
        self.status = status;
        self.resolved_at = (status == Status::Resolved).then_some(now);
        self.changed_at = now;
        self.changed_by = by;
        self.snoozed_until = None;
        self.merged_into = self.merged_into.take().filter(|_| status == Status::Resolved);
        if let Some(path) = self.path.as_mut().filter(|_| status == Status::Triggered) {
            path.go_to(None, now);
        }
    }
}
