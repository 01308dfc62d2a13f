//! Entries of the logs of incidents, and notifications of users.

use jiff::{SignedDuration, Timestamp};
use pagerduty_api::operations::log_entries::{
    GET_LOG_ENTRY, LIST_LOG_ENTRIES, LIST_NOTIFICATIONS, LOG_ENTRIES, NOTIFICATIONS,
};
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, plain, reference, verbatim};
use serde_json::Value;

use super::{Listed, Model, Person, Readable};

/// An entry of the log of an incident, with the facts that a sentence about it needs.
///
/// PagerDuty documents only some types of entries and some fields of channels, and sends others, too. So each fact is
/// optional, and a type is a text.
#[derive(Clone, Debug, Default)]
pub struct LogEntry {
    id: Option<String>,
    /// The type without its ending: `notify` for `notify_log_entry`.
    pub kind: String,
    /// The time of the event.
    pub at: Option<Timestamp>,
    /// PagerDuty's short description.
    pub summary: Option<String>,
    /// The user, service or integration that caused the event.
    pub agent: Option<Agent>,
    /// The type of the channel: `website`, `api`, `timeout`.
    pub channel: Option<String>,
    /// The type of the notification, and its outcome: `phone`, `success`.
    pub notification: Option<(String, Option<String>)>,
    /// The users who were notified, assigned or requested.
    pub users: Vec<Person>,
    /// The text of the event, from an alert or a user.
    pub text: Option<String>,
    /// The previous and the new value of what changed.
    pub change: (Option<String>, Option<String>),
    /// The time for which an acknowledgement or a snooze lasts.
    pub length: Option<SignedDuration>,
    /// The ID and the title of the incident.
    pub incident: Option<(String, Option<String>)>,
    /// The ID and the name of the service.
    pub service: Option<(String, Option<String>)>,
}

/// The user, service or integration that caused an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// The ID.
    pub id: String,
    /// The name.
    pub name: Option<String>,
    /// Set if it is a user.
    pub is_user: bool,
}

impl Agent {
    fn new(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let is_user = text("type").is_some_and(|kind| kind.starts_with("user"));
        Some(Self { id: text("id")?, name: text("summary").or_else(|| text("name")), is_user })
    }
}

/// The fields with a text of the event, the most specific first. A path may have several parts.
const TEXTS: &[&str] = &[
    "event_details.description",
    "note",
    "message",
    "channel.content",
    "channel.subject",
    "channel.description",
    "channel.summary",
];

impl Model for LogEntry {
    const RESOURCE: &'static Resource = &LOG_ENTRIES;
    const DEFAULT: &'static [Field] = &[
        plain("created_at"),
        plain("type"),
        reference("agent"),
        reference("user"),
        reference("assignees"),
        reference("incident"),
        plain("id"),
    ];
    const OTHER: &'static [&'static str] = &[
        "acknowledgement_timeout",
        "changed_actions",
        "changeset",
        "channel",
        "contexts",
        "event_details",
        "html_url",
        "note",
        "self",
        "service",
        "summary",
        "teams",
    ];
    // Data from the sender of the event and from users.
    const NAMED: &'static [Field] = &[verbatim("channel"), verbatim("event_details"), verbatim("contexts")];
    const FACTS: &'static [&'static str] = &[
        "id",
        "type",
        "created_at",
        "summary",
        "agent",
        "channel",
        "user",
        "assignees",
        "responders",
        "note",
        "message",
        "event_details",
        "changeset",
        "acknowledgement_timeout",
        "changed_actions",
        "incident",
        "service",
    ];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let kind = facts.text("type").unwrap_or_default();
        let kind = kind.strip_suffix("_log_entry").unwrap_or(&kind).to_owned();
        let at = facts.text("created_at").and_then(|at| at.parse().ok());
        let named = |name: &str| {
            let value = facts.value(name)?;
            let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
            Some((text("id")?, text("summary")))
        };
        let notification = facts.text("channel.notification.type").map(|kind| {
            let kind = kind.strip_suffix("_notification").unwrap_or(&kind).to_owned();
            (kind, facts.text("channel.notification.status"))
        });
        Self {
            id: facts.text("id"),
            kind,
            at,
            summary: facts.text("summary"),
            agent: facts.value("agent").as_ref().and_then(Agent::new),
            channel: facts.text("channel.type"),
            notification,
            users: users(facts),
            text: changes(facts).or_else(|| TEXTS.iter().find_map(|path| present(facts, path))),
            change: (value(facts, "old"), value(facts, "new")),
            length: length(facts, at),
            incident: named("incident"),
            service: named("service"),
        }
    }

    /// Returns whether the entry is newer: lists begin with the newest.
    fn goes_before(&self, other: &Self) -> bool {
        self.at > other.at
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Readable for LogEntry {
    const GET: &'static Operation = &GET_LOG_ENTRY;
}

impl Listed for LogEntry {
    const LIST: &'static Operation = &LIST_LOG_ENTRIES;
}

/// Returns the text at a path, unless it is blank.
fn present(facts: &Facts<'_>, path: &str) -> Option<String> {
    facts.text(path).filter(|text| !text.trim().is_empty())
}

/// Returns the users who were notified, assigned or requested.
fn users(facts: &Facts<'_>) -> Vec<Person> {
    let lists = ["assignees", "responders"].into_iter().filter_map(|name| facts.value(name));
    let listed = lists.filter_map(|list| list.as_array().cloned()).flatten();
    let all = facts.value("user").into_iter().chain(facts.value("channel.user")).chain(listed);
    let mut users: Vec<Person> = Vec::new();
    // A responder is wrapped in an object with the state of the request.
    for user in all.filter_map(|one| Person::from_reference(one.get("user").unwrap_or(&one))) {
        if !users.iter().any(|known| known.id == user.id) {
            users.push(user);
        }
    }
    users
}

/// Returns the changed fields as a text: `Updated region to eu; Updated serial to 12`.
fn changes(facts: &Facts<'_>) -> Option<String> {
    let sentences = facts.value("changeset");
    let sentences = sentences.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str);
    // PagerDuty writes an empty value as nothing after the last word.
    let complete = |sentence: &str| match sentence.trim_end() {
        removed if removed.ends_with(" to") => format!("{removed} nothing"),
        whole => whole.to_owned(),
    };
    let sentences: Vec<_> = sentences.map(complete).collect();
    if !sentences.is_empty() {
        return Some(sentences.join("; "));
    }
    let changes = facts.value("channel.changeset")?;
    let lists = ["application_fields", "customer_fields", "custom_fields"].into_iter();
    let fields = lists.filter_map(|list| changes.get(list)?.as_array()).flatten();
    let fields: Vec<_> = fields
        .filter_map(|field| {
            let name = field.get("name")?.as_str()?;
            let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let [old, new] = ["old_value", "value"].map(|name| field.get(name).filter(|value| !value.is_null()));
            let old = old.map(|old| format!(" from {}", shown(old))).unwrap_or_default();
            Some(format!("{name}{old} to {}", new.map_or_else(|| "nothing".to_owned(), shown)))
        })
        .collect();
    (!fields.is_empty()).then(|| fields.join("; "))
}

/// Returns the previous or the new value of a priority or urgency. Its fields are not documented.
fn value(facts: &Facts<'_>, age: &str) -> Option<String> {
    ["priority", "urgency"].into_iter().find_map(|what| {
        let value = facts.value(&format!("channel.{age}_{what}"))?;
        let named = || value.get("name").or_else(|| value.get("summary"))?.as_str();
        value.as_str().or_else(named).map(str::to_owned)
    })
}

/// Returns the time for which an acknowledgement or a snooze lasts.
fn length(facts: &Facts<'_>, at: Option<Timestamp>) -> Option<SignedDuration> {
    let seconds =
        |path: &str| facts.value(path)?.as_i64().filter(|seconds| *seconds > 0).map(SignedDuration::from_secs);
    let until = || {
        let actions = facts.value("changed_actions")?;
        let action =
            actions.as_array()?.iter().find(|action| action.get("type").is_some_and(|one| one == "unacknowledge"))?;
        let until: Timestamp = action.get("at")?.as_str()?.parse().ok()?;
        Some(until.duration_since(at?)).filter(SignedDuration::is_positive)
    };
    seconds("channel.duration").or_else(|| seconds("acknowledgement_timeout")).or_else(until)
}

/// A notification that a user received, about an incident that PagerDuty does not name.
#[derive(Clone, Debug)]
pub struct Notification {
    id: Option<String>,
    /// The time at which it was sent.
    pub at: Option<Timestamp>,
    /// `phone`, `sms`, `email` or `push`.
    pub kind: Option<String>,
    /// The recipient.
    pub user: Option<Person>,
}

impl Model for Notification {
    const RESOURCE: &'static Resource = &NOTIFICATIONS;
    const DEFAULT: &'static [Field] =
        &[plain("started_at"), plain("type"), reference("user"), plain("address"), plain("status"), plain("id")];
    const OTHER: &'static [&'static str] = &["conferenceAddress"];
    const FACTS: &'static [&'static str] = &["id", "started_at", "type", "user"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let kind = facts.text("type");
        Self {
            id: facts.text("id"),
            at: facts.text("started_at").and_then(|at| at.parse().ok()),
            kind: kind.map(|kind| kind.strip_suffix("_notification").unwrap_or(&kind).to_owned()),
            user: facts.value("user").as_ref().and_then(Person::from_reference),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Listed for Notification {
    const LIST: &'static Operation = &LIST_NOTIFICATIONS;
}
