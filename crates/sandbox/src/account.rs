//! The account: what PagerDuty knows about a company.
//!
//! Objects hold shared pointers to what they refer to (an incident its service, a service its policy, a policy its
//! schedules, a schedule its users, a user her teams), so a dangling reference cannot be built. The other direction is
//! searched. Incidents are the only thing that changes, by [`Account::perform`](super::changes).

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::changes::Record;
use super::reply::Problem;
use super::time::{Clock, Range, Zone};
use super::wire::Object;

#[derive(Debug)]
pub struct Team {
    pub id: String,
    pub name: &'static str,
    pub description: &'static str,
    pub parent: Option<Arc<Team>>,
}

#[derive(Debug)]
pub struct User {
    pub id: String,
    pub name: &'static str,
    pub email: String,
    pub time_zone: &'static str,
    pub color: &'static str,
    pub role: &'static str,
    pub job_title: &'static str,
    pub description: Option<&'static str>,
    pub memberships: Vec<Membership>,
    pub contact_methods: Vec<ContactMethod>,
    pub notification_rules: Vec<NotificationRule>,
}

impl User {
    pub fn is_in(&self, team: &Team) -> bool {
        self.memberships.iter().any(|membership| membership.team.id == team.id)
    }
}

#[derive(Debug)]
pub struct Membership {
    pub team: Arc<Team>,
    pub role: &'static str,
}

#[derive(Debug)]
pub struct ContactMethod {
    pub id: String,
    pub kind: Kind,
    pub label: &'static str,
    pub address: String,
}

#[derive(Debug)]
pub struct NotificationRule {
    pub id: String,
    pub summary: &'static str,
    pub delay_in_minutes: u32,
    pub urgency: Urgency,
    /// Which of the user's contact methods it uses.
    pub contact_method: String,
}

#[derive(Debug)]
pub struct Schedule {
    pub id: String,
    pub name: String,
    pub description: String,
    pub zone: Zone,
    pub team: Arc<Team>,
    /// The first layer takes precedence over the second, as in PagerDuty's answers.
    pub layers: Vec<Layer>,
    pub overrides: Vec<Shift>,
    /// Set if it is one of the newer schedules, which only `/v3/schedules` shows.
    pub shift_based: bool,
}

/// Users who take turns.
#[derive(Debug)]
pub struct Layer {
    /// PagerDuty leaves it out at times.
    pub id: Option<String>,
    pub name: &'static str,
    pub start: Timestamp,
    pub turn_in_days: i64,
    pub users: Vec<Arc<User>>,
    pub restriction: Option<Restriction>,
}

/// The hours of each day on which a layer applies.
#[derive(Debug, Clone, Copy)]
pub struct Restriction {
    pub from_hour: i8,
    pub hours: i64,
}

/// A user's time on call.
#[derive(Debug, Clone)]
pub struct Shift {
    pub user: Arc<User>,
    pub start: Timestamp,
    pub end: Timestamp,
}

#[derive(Debug)]
pub struct Policy {
    pub id: String,
    pub name: String,
    pub description: String,
    pub team: Option<Arc<Team>>,
    pub loops: u32,
    pub rules: Vec<Rule>,
}

#[derive(Debug)]
pub struct Rule {
    pub id: String,
    pub delay_in_minutes: u32,
    pub targets: Vec<Target>,
}

#[derive(Debug, Clone)]
pub enum Target {
    User(Arc<User>),
    Schedule(Arc<Schedule>),
}

impl Policy {
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.rules.iter().flat_map(|rule| &rule.targets)
    }

    /// Whether the user is a target, in person or through a schedule.
    pub fn involves(&self, user: &str) -> bool {
        self.targets().any(|target| match target {
            Target::User(target) => target.id == user,
            Target::Schedule(schedule) => schedule.users().iter().any(|target| target.id == user),
        })
    }

    /// Returns the users a new incident is assigned to: those on call at the first level that has any.
    pub fn on_call(&self, at: Timestamp) -> Vec<Arc<User>> {
        self.on_call_from(1, at)
    }

    /// Returns the same, starting at a level; the first is 1.
    pub fn on_call_from(&self, level: usize, at: Timestamp) -> Vec<Arc<User>> {
        let moment = Range { since: at, until: at };
        let on_call = |rule: &Rule| -> Vec<Arc<User>> {
            let users = rule.targets.iter().flat_map(|target| match target {
                Target::User(user) => vec![Arc::clone(user)],
                Target::Schedule(schedule) => schedule.shifts(moment).into_iter().map(|shift| shift.user).collect(),
            });
            users.collect()
        };
        self.rules.iter().skip(level.saturating_sub(1)).map(on_call).find(|users| !users.is_empty()).unwrap_or_default()
    }
}

#[derive(Debug)]
pub struct Service {
    pub id: String,
    pub name: &'static str,
    pub description: &'static str,
    pub created_at: Timestamp,
    pub policy: Arc<Policy>,
    pub team: Option<Arc<Team>>,
    pub integrations: Vec<Integration>,
    pub urgency: &'static str,
    /// `maintenance` or `disabled`, which hide what its incidents would say.
    pub out_of_use: Option<&'static str>,
}

#[derive(Debug)]
pub struct Integration {
    pub id: String,
    pub name: &'static str,
    pub kind: Kind,
}

/// The `type` of something of which PagerDuty has several types.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its type when written whole.
    pub whole: &'static str,
    /// Its type in a reference.
    pub reference: &'static str,
}

#[derive(Debug)]
pub struct Priority {
    pub id: String,
    pub name: &'static str,
    pub description: &'static str,
}

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

/// Who changed an incident.
#[derive(Debug, Clone)]
pub enum Agent {
    User(Arc<User>),
    Service(Arc<Service>),
}

/// Something that concerns a user since a moment: an assignment or an acknowledgement.
#[derive(Debug, Clone)]
pub struct Involvement {
    pub at: Timestamp,
    pub user: Arc<User>,
}

/// The three kinds of detail an incident comes with, and none.
#[derive(Debug)]
pub enum Body {
    /// From the events API.
    Event(Event),
    /// From an e-mail or typed in.
    Text(String),
    /// A body whose details are null.
    Empty,
    /// No body at all.
    Absent,
}

/// What a monitor said; the rest of the alert is in the incident.
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

#[derive(Debug)]
pub struct Note {
    pub id: String,
    pub user: Arc<User>,
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
    /// Which of the seed's alarms raised it; incidents of one alarm are similar.
    pub alarm: usize,
    pub kind: &'static str,
    pub status: Status,
    pub urgency: Urgency,
    pub priority: Option<Arc<Priority>>,
    pub service: Arc<Service>,
    pub policy: Arc<Policy>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub changed_at: Timestamp,
    pub changed_by: Agent,
    pub resolved_at: Option<Timestamp>,
    pub assignments: Vec<Involvement>,
    pub acknowledgements: Vec<Involvement>,
    pub alerts: u32,
    pub log_entry: String,
    pub bridge: Option<Bridge>,
    pub body: Body,
    pub notes: Vec<Note>,
}

/// Those whom the tokens stand for.
#[derive(Debug)]
pub struct Cast {
    pub current: Arc<User>,
    pub teamless: Arc<User>,
    pub read_only: Arc<User>,
}

#[derive(Debug)]
pub struct Account {
    pub clock: Clock,
    /// Times without an offset are read in it.
    pub zone: Zone,
    pub cast: Cast,
    /// The moment at which the account was seeded.
    pub seeded: Timestamp,
    pub teams: Vec<Arc<Team>>,
    pub users: Vec<Arc<User>>,
    pub schedules: Vec<Arc<Schedule>>,
    pub policies: Vec<Arc<Policy>>,
    pub services: Vec<Arc<Service>>,
    pub priorities: Vec<Arc<Priority>>,
    /// In the order they were created, which is also the order of their numbers.
    pub incidents: Vec<Incident>,
    /// How many notes have been written over the API, which makes the IDs of new ones.
    pub notes_written: u32,
    /// The changes made since it was seeded, in order.
    pub records: Vec<Record>,
}

impl Account {
    pub fn members<'a>(&'a self, team: &'a Team) -> impl Iterator<Item = (&'a User, &'a Membership)> {
        let membership = |user: &'a Arc<User>| {
            let membership = user.memberships.iter().find(|membership| membership.team.id == team.id);
            membership.map(|membership| (user.as_ref(), membership))
        };
        self.users.iter().filter_map(membership)
    }

    pub fn user_by_email(&self, email: &str) -> Option<&Arc<User>> {
        self.users.iter().find(|user| user.email.eq_ignore_ascii_case(email))
    }

    pub fn services_of<'a>(&'a self, policy: &'a Policy) -> impl Iterator<Item = &'a Service> {
        self.services.iter().map(AsRef::as_ref).filter(|service| service.policy.id == policy.id)
    }

    pub fn policies_of<'a>(&'a self, schedule: &'a Schedule) -> impl Iterator<Item = &'a Policy> {
        let uses = |target: &Target| matches!(target, Target::Schedule(used) if used.id == schedule.id);
        self.policies.iter().map(AsRef::as_ref).filter(move |policy| policy.targets().any(uses))
    }

    pub fn incidents_of<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a Incident> {
        self.incidents.iter().filter(|incident| incident.service.id == service.id)
    }

    pub fn incident(&self, id: &str) -> Result<&Incident, Problem> {
        self.incidents.iter().find(|incident| incident.id == id).ok_or_else(Problem::not_found)
    }

    pub fn incident_mut(&mut self, id: &str) -> Result<&mut Incident, Problem> {
        self.incidents.iter_mut().find(|incident| incident.id == id).ok_or_else(Problem::not_found)
    }

    /// `GET` alone also takes the incident's number.
    pub fn incident_by_id_or_number(&self, id: &str) -> Result<&Incident, Problem> {
        let number = id.parse().ok();
        let found = self.incidents.iter().find(|incident| incident.id == id || Some(incident.number) == number);
        found.ok_or_else(Problem::not_found)
    }
}

/// The object with that ID.
pub fn find<'a, T: Object>(rows: &'a [Arc<T>], id: &str) -> Result<&'a T, Problem> {
    find_shared(rows, id).map(AsRef::as_ref).ok_or_else(Problem::not_found)
}

/// Returns the shared pointer to the object with that ID.
pub fn find_shared<'a, T: Object>(rows: &'a [Arc<T>], id: &str) -> Option<&'a Arc<T>> {
    rows.iter().find(|row| row.id() == id)
}
