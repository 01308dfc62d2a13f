//! The account: the objects of a company.
//!
//! Everything but incidents is a document (see [`documents`](super::documents)). Incidents change
//! by [`Account::perform`], documents by [`edits`](super::edits). Objects refer to others by ID.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::alerts::Alert;
use super::behavior::change_events::ChangeEvent;
use super::behavior::communications::{StatusUpdate, Subscriber};
use super::behavior::responders::{Request, Responder};
use super::documents::{Document, Documents, entries, id_of, text};
use super::edits::Entry;
use super::escalation::Path;
use super::kind::Kind;
use super::kinds::{SERVICE, USER};
use super::log::LogEntry;
use super::scenario::Script;
use super::seed;
use super::time::{Clock, Zone};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    Low,
    High,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Triggered,
    Acknowledged,
    Resolved,
}

impl Urgency {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::High => "high",
        }
    }
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Triggered => "triggered",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

/// The author of a change: the kind and the ID of a user or a service.
#[derive(Debug, Clone)]
pub struct Agent {
    pub kind: &'static Kind,
    pub id: String,
}

/// Something that concerns a user since a moment: an assignment or an acknowledgement.
#[derive(Debug, Clone)]
pub struct Involvement {
    pub at: Timestamp,
    pub user: String,
}

/// The details of an incident, in one of three forms or absent.
#[derive(Debug)]
pub enum Body {
    /// From the events API.
    Event(Event),
    /// From an e-mail, or entered by a user.
    Text(String),
    /// A body whose details are null.
    Empty,
    /// No body at all.
    Absent,
    /// The event of the first alert.
    Alert,
}

/// The data of a monitor. The rest of the alert is in the incident.
#[derive(Debug)]
pub struct Event {
    pub client: &'static str,
    pub client_url: String,
    pub class: &'static str,
    pub details: Vec<(&'static str, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bridge {
    #[serde(rename = "conference_number", default)]
    pub number: String,
    #[serde(rename = "conference_url", default)]
    pub url: String,
}

impl Bridge {
    /// Returns the number, or without one the link, or `null`.
    pub fn place(&self) -> Value {
        let place = [&self.number, &self.url].into_iter().find(|place| !place.is_empty());
        place.map(|place| Value::from(place.as_str())).unwrap_or_default()
    }
}

#[derive(Debug)]
pub struct Note {
    pub id: String,
    pub user: String,
    pub channel: &'static str,
    pub content: String,
    pub created_at: Timestamp,
}

#[derive(Debug)]
pub struct Incident {
    pub id: String,
    pub number: u32,
    pub title: String,
    pub summary: String,
    pub key: String,
    /// The number of the alarm that raised it. Incidents of one alarm are similar.
    pub alarm: usize,
    pub kind: &'static str,
    pub status: Status,
    pub urgency: Urgency,
    pub priority: Option<String>,
    pub service: String,
    pub policy: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub changed_at: Timestamp,
    pub changed_by: Agent,
    pub resolved_at: Option<Timestamp>,
    pub assignments: Vec<Involvement>,
    pub acknowledgements: Vec<Involvement>,
    /// Oldest first, beginning with the one that raised it.
    pub alerts: Vec<Alert>,
    /// The ID of the log entry that it began with.
    pub log_entry: String,
    /// Oldest first, with notifications that are still to be sent.
    pub log: Vec<LogEntry>,
    /// The number of log entries written so far, from which the IDs of new ones are made.
    pub log_ids: usize,
    /// The ID of the incident that it was merged into.
    pub merged_into: Option<String>,
    /// The end of a snooze, which replaces the time that an acknowledgement lasts.
    pub snoozed_until: Option<Timestamp>,
    /// The way through the escalation policy, for incidents that escalate by themselves.
    pub path: Option<Path>,
    pub bridge: Option<Bridge>,
    pub body: Body,
    pub notes: Vec<Note>,
    /// The requests to join it, oldest first.
    pub requests: Vec<Request>,
    /// The users who were requested.
    pub responders: Vec<Responder>,
    /// The values of custom fields, by name.
    pub custom_fields: BTreeMap<String, Value>,
    /// Whether it impacts business services, by their IDs, where a user has stated it.
    pub impacts: BTreeMap<String, bool>,
    /// The users and teams who receive its status updates.
    pub subscribers: Vec<Subscriber>,
    /// Oldest first.
    pub status_updates: Vec<StatusUpdate>,
}

/// The IDs of the users that the tokens belong to.
#[derive(Debug, Clone)]
pub struct Cast {
    pub current: String,
    pub teamless: String,
    pub read_only: String,
}

#[derive(Debug)]
pub struct Account {
    pub clock: Clock,
    /// The zone of times without an offset.
    pub zone: Zone,
    pub cast: Cast,
    /// The moment at which the account was seeded.
    pub seeded: Timestamp,
    pub documents: Documents,
    /// In the order they were created, which is also the order of their numbers.
    pub incidents: Vec<Incident>,
    /// In the order in which they were received.
    pub changes: Vec<ChangeEvent>,
    /// The number of notes written over the API, from which the IDs of new ones are made.
    pub notes_written: u32,
    /// The events that are still to come, if the account has a scenario.
    pub script: Option<Script>,
    /// The changes made since it was seeded, in order.
    pub records: Vec<Entry>,
}

impl Account {
    pub fn user_by_email(&self, email: &str) -> Option<&Document> {
        self.documents.all(&USER).iter().find(|user| text(user, "email").eq_ignore_ascii_case(email))
    }

    /// Returns the service of an incident.
    pub fn service_of(&self, incident: &Incident) -> Option<&Document> {
        self.documents.get(&SERVICE, &incident.service)
    }

    /// Returns the ID of the team that a service belongs to.
    pub fn team_of(&self, service: &str) -> Option<&str> {
        self.documents.get(&SERVICE, service).and_then(|service| entries(service, "teams").first()).map(id_of)
    }

    pub fn incidents_of<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Incident> {
        self.incidents.iter().filter(move |incident| incident.service == service)
    }

    pub fn incident(&self, id: &str) -> Option<&Incident> {
        self.incidents.iter().find(|incident| incident.id == id)
    }

    pub fn incident_mut(&mut self, id: &str) -> Option<&mut Incident> {
        self.incidents.iter_mut().find(|incident| incident.id == id)
    }

    /// Returns the incident with this ID or number. `GET` alone takes numbers.
    pub fn incident_by_id_or_number(&self, id: &str) -> Option<&Incident> {
        let number = id.parse().ok();
        self.incidents.iter().find(|incident| incident.id == id || Some(incident.number) == number)
    }
}

impl Incident {
    /// Returns an incident that its service has triggered, without a title, an alert and a log.
    pub fn new(id: String, number: u32, service: &str, policy: String, at: Timestamp) -> Self {
        Self {
            id,
            number,
            title: String::new(),
            summary: String::new(),
            key: format!("{number:032x}"),
            // No alarm of the seed: the incident is not similar to another because of its alarm.
            alarm: seed::ALARM_COUNT + number as usize,
            kind: "incident_default",
            status: Status::Triggered,
            urgency: Urgency::High,
            priority: None,
            service: service.to_owned(),
            policy,
            created_at: at,
            updated_at: at,
            changed_at: at,
            changed_by: Agent { kind: &SERVICE, id: service.to_owned() },
            resolved_at: None,
            assignments: Vec::new(),
            acknowledgements: Vec::new(),
            alerts: Vec::new(),
            log_entry: String::new(),
            log: Vec::new(),
            log_ids: 0,
            merged_into: None,
            snoozed_until: None,
            path: None,
            bridge: None,
            body: Body::Absent,
            notes: Vec::new(),
            requests: Vec::new(),
            responders: Vec::new(),
            custom_fields: BTreeMap::new(),
            impacts: BTreeMap::new(),
            subscribers: Vec::new(),
            status_updates: Vec::new(),
        }
    }

    /// Sets the title and what follows from it.
    pub fn retitle(&mut self, title: &str) {
        title.clone_into(&mut self.title);
        self.summary = format!("[#{}] {title}", self.number);
    }

    /// Returns whether the incident refers to the object with this ID.
    pub fn refers_to(&self, id: &str) -> bool {
        let involved = self.assignments.iter().chain(&self.acknowledgements).map(|one| &one.user);
        let mut users = involved.chain(self.notes.iter().map(|note| &note.user));
        [&self.service, &self.policy, &self.changed_by.id].into_iter().chain(&self.priority).any(|one| one == id)
            || users.any(|user| user == id)
    }
}

/// Returns whether a user is in a team.
pub fn is_in(user: &Document, team: &str) -> bool {
    entries(user, "teams").iter().any(|membership| id_of(membership) == team)
}
