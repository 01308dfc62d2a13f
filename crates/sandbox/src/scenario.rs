//! Scripted events: things that happen in the account as time goes on.
//!
//! There is no background task. Before the account is read or changed, [`Account::advance`] lets everything happen that is
//! due by its clock, in order. So the state at a time is the same whenever the account is read.

use std::str::FromStr;
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::account::{Account, Body, Incident, Involvement, Status, Urgency};
use super::alerts::{Alert, Signal};
use super::behavior::change_events::ChangeEvent;
use super::behavior::changes::{Change, Record};
use super::documents::{entries, id_of, text};
use super::escalation::{Action, Path};
use super::kinds::{PRIORITY, SERVICE};
use super::log::{LogEvent, Via, itself};
use super::seed::{self, signals};

/// A script of events, from the start of the account on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// A night on which a deployment exhausts the connections of a database: three services, 49 minutes.
    Outage,
}

impl Scenario {
    /// The names of all scenarios.
    pub const NAMES: [&str; 1] = ["outage"];
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "outage" => Ok(Self::Outage),
            other => Err(format!("there is no scenario {other:?}; use {}", Self::NAMES.join(", "))),
        }
    }
}

static OUTAGE: LazyLock<Vec<Step>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../seed/outage.json")).unwrap_or_default());

/// The steps of a scenario that are still to come.
#[derive(Debug, Clone, Copy)]
pub struct Script(&'static [Step]);

impl Script {
    pub fn of(scenario: Scenario) -> Self {
        match scenario {
            Scenario::Outage => Self(&OUTAGE),
        }
    }
}

/// An event of a script.
#[derive(Debug, Deserialize)]
struct Step {
    /// The time since the start of the account.
    #[serde(deserialize_with = "duration")]
    at: SignedDuration,
    #[serde(flatten)]
    event: Event,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Event {
    Change {
        service: String,
        sent: Map<String, Value>,
    },
    Trigger(Trigger),
    Alert {
        incident: String,
        key: String,
        signal: signals::Sample,
    },
    EndAlert {
        incident: String,
        key: String,
    },
    Acknowledge {
        incident: String,
    },
    Snooze {
        incident: String,
        #[serde(rename = "for", deserialize_with = "duration")]
        time: SignedDuration,
    },
    Note {
        incident: String,
        text: String,
    },
    Priority {
        incident: String,
        priority: String,
    },
    Resolve {
        incident: String,
        text: String,
    },
}

/// An incident that an alert raises.
#[derive(Debug, Deserialize)]
struct Trigger {
    incident: String,
    service: String,
    /// A part of the title of the alarm whose incidents are similar.
    like: String,
    urgency: Urgency,
    key: String,
    signal: signals::Sample,
}

/// Parses a time such as `8m40s`.
fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<SignedDuration, D::Error> {
    String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
}

/// Something that happens by itself.
enum Due {
    Step(&'static Event),
    Action(Action, String),
}

impl Account {
    /// Returns whether something has to happen before the account is read.
    pub fn is_behind(&self) -> bool {
        self.script.is_some() && self.next().is_some_and(|(at, _)| at <= self.clock.now())
    }

    /// Lets everything happen that is due by the clock.
    pub fn advance(&mut self) {
        self.advance_to(self.clock.now());
    }

    /// Lets everything happen that is due at `now`, in order.
    pub fn advance_to(&mut self, now: Timestamp) {
        if self.script.is_none() {
            return;
        }
        while let Some((at, due)) = self.next().filter(|(at, _)| *at <= now) {
            match due {
                Due::Step(event) => {
                    self.script = self.script.and_then(|script| Some(Script(script.0.get(1..)?)));
                    self.happen(event, at);
                }
                Due::Action(action, incident) => self.take(action, &incident, at),
            }
        }
    }

    fn next(&self) -> Option<(Timestamp, Due)> {
        let step = self.script.and_then(|script| script.0.first()).and_then(|step| {
            let at = self.seeded.checked_add(step.at).ok()?;
            Some((at, Due::Step(&step.event)))
        });
        let action = self.next_action().map(|(at, action, incident)| (at, Due::Action(action, incident)));
        step.into_iter().chain(action).min_by_key(|(at, _)| *at)
    }

    /// Lets a scripted event happen, unless the users of the account have prevented it: an incident that a client has
    /// resolved stays resolved.
    fn happen(&mut self, event: &'static Event, at: Timestamp) {
        match event {
            Event::Change { service, sent } => self.receive(service, sent.clone(), at),
            Event::Trigger(trigger) => self.raise_by(trigger, at),
            Event::Alert { incident, key, signal } => {
                if let Some(incident) = self.incident_mut(incident).filter(|one| one.status != Status::Resolved) {
                    incident.add_alert(key, signal, at);
                }
            }
            Event::EndAlert { incident, key } => self.end_alert(incident, key, at),
            Event::Acknowledge { incident } => {
                if self.incident(incident).is_some_and(|one| one.status == Status::Triggered) {
                    self.react(incident, at, Change { status: Some(Status::Acknowledged), ..Change::default() });
                }
            }
            Event::Snooze { incident, time } => {
                self.react(incident, at, Change { snooze: Some(time.as_secs()), ..Change::default() });
            }
            Event::Note { incident, text } => {
                self.react(incident, at, Change { note: Some(text.clone()), ..Change::default() });
            }
            Event::Priority { incident, priority } => {
                let named = self.documents.all(&PRIORITY).iter().find(|one| text(one, "name") == priority);
                let priority = named.map(|one| text(one, "id").to_owned());
                self.react(incident, at, Change { priority, ..Change::default() });
            }
            Event::Resolve { incident, text } => {
                let note = Some(format!("Resolution Note: {text}"));
                self.react(incident, at, Change { status: Some(Status::Resolved), note, ..Change::default() });
            }
        }
    }

    /// Makes a change of an open incident in the name of its first assignee.
    fn react(&mut self, incident: &str, at: Timestamp, change: Change) {
        let assignee = self.incident(incident).and_then(|incident| incident.assignments.first());
        let Some(by) = assignee.map(|one| one.user.clone()) else { return };
        let record = Record { at, by, incident: incident.to_owned(), change };
        // A refused change has been prevented.
        if self.check(&record).is_ok() {
            _ = self.make(&record, Via::Website);
        }
    }

    /// Receives a change event of a service.
    fn receive(&mut self, service: &str, mut sent: Map<String, Value>, at: Timestamp) {
        let Some(document) = self.documents.get(&SERVICE, service) else { return };
        let times = signals::times(at, &self.zone).map(|(name, value)| (name.to_owned(), value));
        sent.values_mut().for_each(|value| signals::replace(value, &times.iter().collect::<Vec<_>>()));
        let change = ChangeEvent {
            id: format!("01NIGHT{:019}", self.changes.len()),
            at,
            service: service.to_owned(),
            team: self.team_of(service).map(str::to_owned),
            integration: entries(document, "integrations").first().map(|one| id_of(one).to_owned()),
            sent,
        };
        self.changes.push(change);
    }

    /// Ends an alert. The service resolves an incident without open alerts.
    fn end_alert(&mut self, id: &str, key: &str, at: Timestamp) {
        let Some(incident) = self.incident_mut(id) else { return };
        for alert in incident.alerts.iter_mut().filter(|alert| alert.key == *key && alert.is_open()) {
            alert.resolved_at = Some(at);
        }
        let is_over = !incident.alerts.iter().any(Alert::is_open);
        if is_over && incident.status != Status::Resolved {
            self.take(Action::Resolve, id, at);
        }
    }

    fn raise_by(&mut self, trigger: &'static Trigger, at: Timestamp) {
        let Some(service) = self.documents.get(&SERVICE, &trigger.service) else { return };
        let policy = service.get("escalation_policy").map(id_of).unwrap_or_default().to_owned();
        let users = self.on_call(&policy, 1, at);
        let number = self.incidents.last().map_or(1, |last| last.number + 1);
        let mut incident = Incident {
            alarm: seed::alarm_like(&trigger.like).unwrap_or(seed::ALARM_COUNT + number as usize),
            key: trigger.key.clone(),
            urgency: trigger.urgency,
            body: Body::Alert,
            path: Some(Path::new(at)),
            assignments: users.iter().map(|user| Involvement { at, user: user.clone() }).collect(),
            ..Incident::new(trigger.incident.clone(), number, &trigger.service, policy, at)
        };
        incident.log_entry = trigger.incident.replacen('Q', "R", 1);
        incident.add_alert(&trigger.key, &trigger.signal, at);
        let title = incident.alerts.first().map(|alert| alert.event(self, &incident).summary().to_owned());
        incident.retitle(&title.unwrap_or_default());
        incident.write(at, itself(&incident), LogEvent::Trigger);
        if !users.is_empty() {
            incident.write(at, itself(&incident), LogEvent::Assign(users));
        }
        let id = incident.id.clone();
        self.incidents.push(incident);
        self.notify_assigned(&id, at);
    }
}

impl Incident {
    fn add_alert(&mut self, key: &str, signal: &'static signals::Sample, at: Timestamp) {
        let number = self.alerts.len();
        self.alerts.push(Alert::new(self.number, number, at, key.to_owned(), Signal::Given(signal)));
        self.updated_at = at;
    }
}
