//! The log of an incident: an entry for each event, from the first alert to the resolution.
//!
//! The seed writes the log of the past (`seed::log`), and [`Account::perform`](super::account::Account) continues it. Entries
//! can have a time to come: a notification that a rule sends after some minutes. They are in no answer before their time, and
//! are removed if the incident changes first.

use jiff::{Span, Timestamp};
use serde_json::Value;

use super::account::{Account, Agent, Incident, Status, Urgency};
use super::documents::{Document, entries, id_of, text};
use super::kinds::{SERVICE, USER};
use super::time::later;

#[derive(Debug, Clone)]
pub struct LogEntry {
    pub id: String,
    pub at: Timestamp,
    pub agent: Agent,
    pub via: Via,
    pub event: LogEvent,
}

/// The way in which a user makes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// On PagerDuty's website, as in the history and in scripted events.
    Website,
    /// By a request of a client.
    Api,
}

impl Via {
    /// Returns the type of the channel.
    pub const fn channel(self) -> &'static str {
        match self {
            Self::Website => "website",
            Self::Api => "api",
        }
    }
}

/// The event of an entry. The types of PagerDuty's entries follow from it.
#[derive(Debug, Clone)]
pub enum LogEvent {
    Trigger,
    Assign(Vec<String>),
    Escalate(Vec<String>),
    RepeatPath,
    ExhaustPath,
    Delegate {
        policy: String,
        users: Vec<String>,
    },
    Notify {
        user: String,
        method: &'static str,
        address: Option<String>,
    },
    /// With the number of seconds for which the acknowledgement lasts.
    Acknowledge(Option<i64>),
    Unacknowledge,
    Snooze(i64),
    Annotate(String),
    /// A request to users to join, with its message.
    Request {
        users: Vec<String>,
        message: String,
    },
    CancelRequest,
    Join,
    StatusUpdate(String),
    Resolve,
    Urgency(Urgency),
    Priority {
        from: Option<String>,
        to: Option<String>,
    },
    Field {
        name: &'static str,
        from: Value,
        to: Value,
    },
    CustomField {
        name: String,
        from: Value,
        to: Value,
    },
}

impl LogEvent {
    /// Returns whether the event is in the overview of the log, which has only the most important changes.
    pub const fn is_in_overview(&self) -> bool {
        !matches!(self, Self::Notify { .. } | Self::Field { .. } | Self::CustomField { .. })
    }
}

/// The first number of the IDs of alerts, and of the log entries that they begin with. The other entries count from 0.
pub const ALERT_IDS: usize = 1 << 14;
pub const ALERT_ENTRY_IDS: usize = 1 << 15;

/// Returns an ID of 14 characters for an object inside an incident. It is different for each incident and number.
pub fn part_id(initial: char, incident: u32, number: usize) -> String {
    // A bijection, so that no two objects have one ID.
    let mut bits = (u64::from(incident) << 20 | number as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    let mut id = vec![b'0'; 14];
    for place in id.iter_mut().rev() {
        let digit = u8::try_from(bits % 36).unwrap_or_default();
        *place = if digit < 10 { b'0' + digit } else { b'A' + digit - 10 };
        bits /= 36;
    }
    id.into_iter().enumerate().map(|(place, byte)| if place == 0 { initial } else { char::from(byte) }).collect()
}

/// Returns the service of an incident as the author of an event that PagerDuty caused by itself.
pub fn itself(incident: &Incident) -> Agent {
    Agent { kind: &SERVICE, id: incident.service.clone() }
}

/// Returns a user as the author of an event.
pub fn person(user: &str) -> Agent {
    Agent { kind: &USER, id: user.to_owned() }
}

impl Incident {
    /// Adds an entry to the log, before those that are still to come. A user causes its event on the website.
    pub fn write(&mut self, at: Timestamp, agent: Agent, event: LogEvent) {
        self.write_via(Via::Website, at, agent, event);
    }

    /// Adds an entry to the log, before those that are still to come.
    pub fn write_via(&mut self, via: Via, at: Timestamp, agent: Agent, event: LogEvent) {
        let id = if self.log.is_empty() { self.log_entry.clone() } else { part_id('R', self.number, self.log_ids) };
        self.log_ids += 1;
        let place = self.log.partition_point(|entry| entry.at <= at);
        self.log.insert(place, LogEntry { id, at, agent, via, event });
    }

    /// Returns the entries up to `now`, oldest first.
    pub fn log_until(&self, now: Timestamp) -> &[LogEntry] {
        let end = self.log.partition_point(|entry| entry.at <= now);
        self.log.get(..end).unwrap_or_default()
    }
}

impl Account {
    /// Replaces the notifications after `at` by those of the users that an incident is assigned to now. Only a triggered
    /// incident notifies.
    pub fn notify_assigned(&mut self, incident: &str, at: Timestamp) {
        let Self { documents, incidents, .. } = self;
        let Some(incident) = incidents.iter_mut().find(|one| one.id == incident) else { return };
        incident.log.retain(|entry| entry.at <= at || !matches!(entry.event, LogEvent::Notify { .. }));
        if incident.status == Status::Triggered {
            let users: Vec<String> = incident.assignments.iter().map(|one| one.user.clone()).collect();
            let users = users.iter().filter_map(|user| documents.get(&USER, user));
            for notice in users.flat_map(|user| notices(user, incident.urgency, at)).collect::<Vec<_>>() {
                incident.write(notice.at, itself(incident), notice.event);
            }
        }
    }
}

/// A notification that a rule sends.
pub struct Notice {
    pub at: Timestamp,
    pub event: LogEvent,
}

/// The kinds of contact methods, and of the notifications by them.
const METHODS: &[(&str, &str)] = &[
    ("email_contact_method", "email"),
    ("phone_contact_method", "phone"),
    ("sms_contact_method", "sms"),
    ("push_notification_contact_method", "push"),
];

/// The time that PagerDuty takes to send a notification.
const DELIVERY_IN_SECONDS: i64 = 3;

/// Returns the notifications of an incident that a user's rules send to a user who is assigned at `at`.
pub fn notices(user: &Document, urgency: Urgency, at: Timestamp) -> impl Iterator<Item = Notice> {
    let rules = entries(user, "notification_rules").iter().filter(move |rule| {
        let field = |name| rule.get(name).and_then(Value::as_str);
        field("urgency") == Some(urgency.name()) && field("type") == Some("assignment_notification_rule")
    });
    rules.filter_map(move |rule| {
        let id = rule.get("contact_method").map(id_of)?;
        let contact = entries(user, "contact_methods").iter().find(|contact| id_of(contact) == id)?.as_object()?;
        let (_, method) = METHODS.iter().find(|(kind, _)| *kind == text(contact, "type"))?;
        let address = match (*method, contact.get("country_code").and_then(Value::as_i64)) {
            ("push", _) => None,
            (_, Some(country)) => Some(format!("+{country}{}", text(contact, "address"))),
            _ => Some(text(contact, "address").to_owned()),
        };
        let minutes = rule.get("start_delay_in_minutes").and_then(Value::as_i64).unwrap_or_default();
        let after = Span::new().try_minutes(minutes).ok()?.seconds(DELIVERY_IN_SECONDS);
        Some(Notice {
            at: later(at, after),
            event: LogEvent::Notify { user: text(user, "id").to_owned(), method, address },
        })
    })
}
