//! Alerts of incidents, and the events of monitors that raise them.
//!
//! An event has the form in which a monitor sends it to PagerDuty's Events API. PagerDuty leaves it with the alert in one of
//! three forms ([`Form`]).

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::account::{Account, Body, Incident};
use super::log::{ALERT_ENTRY_IDS, ALERT_IDS, part_id};
use super::seed::signals;

#[derive(Debug)]
pub struct Alert {
    pub id: String,
    /// The ID of the log entry that the alert began with.
    pub log_entry: String,
    pub at: Timestamp,
    pub resolved_at: Option<Timestamp>,
    pub key: String,
    pub signal: Signal,
}

/// The source of an alert's event.
#[derive(Debug)]
pub enum Signal {
    /// The event that raised the incident, which had this title.
    First(String),
    /// An event of the table of signals, by its place there.
    Sample(usize),
    /// This event.
    Given(&'static signals::Sample),
    /// The event of an alert that came from another incident, as it was there.
    Moved(Box<Received>),
}

/// The form in which an event is left with an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// In `body.cef_details`, with its details repeated in `body.details`.
    Cef,
    /// In `body.details.__pd_cef_payload`.
    PdCef,
    /// The details only, as from e-mails and the first version of the Events API.
    Plain,
}

impl Alert {
    /// Returns the alert with this number in an incident.
    pub fn new(incident: u32, number: usize, at: Timestamp, key: String, signal: Signal) -> Self {
        let (id, log_entry) =
            (part_id('Q', incident, ALERT_IDS + number), part_id('R', incident, ALERT_ENTRY_IDS + number));
        Self { id, log_entry, at, resolved_at: None, key, signal }
    }

    pub const fn is_open(&self) -> bool {
        self.resolved_at.is_none()
    }

    /// Returns the event of the alert, with the values of its incident.
    pub fn event(&self, account: &Account, incident: &Incident) -> Received {
        let (sample, title) = match &self.signal {
            Signal::First(title) => (signals::of_monitor(monitor(&incident.body)), title.as_str()),
            Signal::Sample(place) => (signals::all().get(*place), ""),
            Signal::Given(sample) => (Some(*sample), ""),
            Signal::Moved(event) => return Received::clone(event),
        };
        let Some(sample) = sample else { return Received { form: Form::Plain, event: Map::new() } };
        let event = sample.fill(&signals::values(account, incident, self, title));
        Received { form: sample.form, event }
    }
}

/// Returns the name of the monitor that raised an incident.
fn monitor(body: &Body) -> &'static str {
    match body {
        Body::Event(event) => event.client,
        Body::Text(_) => "E-mail",
        Body::Empty | Body::Absent | Body::Alert => "Person",
    }
}

/// An event as a monitor sent it.
#[derive(Debug, Clone)]
pub struct Received {
    form: Form,
    event: Map<String, Value>,
}

impl Received {
    /// Returns a field of the event's payload.
    fn payload(&self, name: &str) -> Option<&Value> {
        self.event.get("payload")?.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> &str {
        self.payload(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn summary(&self) -> &str {
        self.text("summary")
    }

    pub fn severity(&self) -> &str {
        self.text("severity")
    }

    /// Returns the program that sent the event, if it says so.
    pub fn client(&self) -> Option<&str> {
        self.event.get("client").and_then(Value::as_str)
    }

    /// Returns the links and images. A link can be a string.
    pub fn contexts(&self) -> Vec<Value> {
        let listed = |name| self.event.get(name).and_then(Value::as_array).into_iter().flatten();
        let context = |kind: &str, given: &Value| match given {
            Value::String(href) => json!({"type": kind, "href": href}),
            given => {
                let fields = given.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone()));
                std::iter::once(("type".to_owned(), kind.into())).chain(fields).collect::<Map<_, _>>().into()
            }
        };
        let links = listed("links").map(|link| context("link", link));
        links.chain(listed("images").map(|image| context("image", image))).collect()
    }

    pub fn details(&self) -> Value {
        self.payload("custom_details").cloned().unwrap_or_default()
    }

    /// Returns the event in the common event format: <https://support.pagerduty.com/docs/pd-cef>.
    pub fn common(&self, alert: &Alert) -> Value {
        let renamed = [
            ("creation_time", "timestamp"),
            ("event_class", "class"),
            ("severity", "severity"),
            ("source_component", "component"),
            ("source_origin", "source"),
            ("service_group", "group"),
        ];
        let sender = ["client", "client_url"].map(|name| (name, self.event.get(name).cloned()));
        let about = [
            ("contexts", Some(self.contexts().into())),
            ("dedup_key", Some(alert.key.as_str().into())),
            ("description", self.payload("summary").cloned()),
            ("details", Some(self.details())),
        ];
        let renamed = renamed.map(|(name, sent)| (name, self.payload(sent).cloned()));
        let fields = sender.into_iter().chain(about).chain(renamed);
        fields.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Map<_, _>>().into()
    }

    /// Returns the body of the alert.
    pub fn body(&self, alert: &Alert) -> Value {
        let contexts = self.contexts();
        match self.form {
            Form::Cef => json!({
                "type": "alert_body",
                "contexts": contexts,
                "cef_details": self.common(alert),
                "details": self.details(),
            }),
            Form::PdCef => {
                json!({"type": "alert_body", "contexts": contexts, "details": {"__pd_cef_payload": self.common(alert)}})
            }
            Form::Plain => json!({"type": "alert_body", "contexts": contexts, "details": self.details()}),
        }
    }
}
