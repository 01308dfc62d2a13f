//! Change events.

use jiff::Timestamp;
use pagerduty_api::operations::changes::{CHANGE_EVENTS, GET_CHANGE_EVENT, INTEGRATIONS, LIST_CHANGE_EVENTS};
use pagerduty_api::{Operation, Resource};
use pagerduty_payloads::Link;
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, Keep, derived, line, plain, reference, verbatim};
use serde_json::{Map, Value};

use super::{Listed, Model, Readable, Reference};

/// A change event. Its sender may leave out all but the summary.
#[derive(Clone, Debug)]
pub struct Change {
    /// The ID.
    pub id: Option<String>,
    /// The change in words.
    pub summary: Option<String>,
    /// The time of the change.
    pub timestamp: Option<Timestamp>,
    /// The program or host that reported it.
    pub source: Option<String>,
    /// The services.
    pub services: Vec<Reference>,
    /// The reason why PagerDuty relates it to an incident: `most_recent`, `related_service` or `intelligent`.
    pub reason: Option<String>,
    /// The links.
    pub links: Vec<Link>,
    /// The address or the name of its author, if the details have one.
    pub author: Option<String>,
}

/// The names of details that name the author of a change.
const AUTHORS: &[&str] = &[
    "author_email",
    "email",
    "author",
    "user",
    "username",
    "deployed_by",
    "deployer",
    "triggered_by",
    "created_by",
    "committer",
    "pusher",
    "actor",
    "owner",
];

/// Returns the text in the details that names the author.
fn author(details: &Value) -> Option<String> {
    let details = details.as_object()?;
    let detail = |wanted: &&str| details.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let text = |value: &Value| match value {
        Value::Object(person) => {
            ["email", "name"].iter().find_map(|name| person.get(*name)?.as_str().map(str::to_owned))
        }
        value => value.as_str().map(str::to_owned),
    };
    let found = AUTHORS.iter().find_map(|name| text(detail(name)?.1))?;
    Some(found.trim().to_owned()).filter(|text| !text.is_empty())
}

impl Model for Change {
    const RESOURCE: &'static Resource = &CHANGE_EVENTS;
    const DEFAULT: &'static [Field] = &[
        plain("id"),
        line("summary"),
        plain("timestamp"),
        plain("source"),
        reference("services"),
        derived("links", "links", Keep::Raw, web_links),
        derived("custom_details", "custom_details", Keep::Raw, bounded),
        plain("correlation_reason"),
    ];
    const OTHER: &'static [&'static str] = &["html_url", "images", "integration", "routing_key", "self", "type"];
    // Data from the sender of the event.
    const NAMED: &'static [Field] = &[
        verbatim("custom_details"),
        verbatim("images"),
        derived("routing_key", "routing_key", Keep::Whole, last_four),
    ];
    const FACTS: &'static [&'static str] =
        &["id", "summary", "timestamp", "source", "services", "links", "correlation_reason", "custom_details"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let services = facts.value("services").and_then(|list| list.as_array().cloned()).unwrap_or_default();
        Self {
            id: facts.text("id"),
            summary: facts.text("summary"),
            timestamp: facts.borrowed("timestamp").and_then(|at| at.parse().ok()),
            source: facts.text("source").filter(|source| !source.trim().is_empty()),
            services: services.iter().filter_map(Reference::new).collect(),
            reason: facts.text("correlation_reason.reason"),
            links: facts.value("links").as_ref().map(pagerduty_payloads::read_links).unwrap_or_default(),
            author: facts.value("custom_details").as_ref().and_then(author),
        }
    }

    /// Returns whether the change is newer: lists have the newest first.
    fn goes_before(&self, other: &Self) -> bool {
        self.timestamp > other.timestamp
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Readable for Change {
    const GET: &'static Operation = &GET_CHANGE_EVENT;
}

impl Listed for Change {
    const LIST: &'static Operation = &LIST_CHANGE_EVENTS;
}

/// Returns the web addresses among links, with their texts.
fn web_links(links: &Value, _: &Facts<'_>) -> Option<Value> {
    let shown: Vec<_> = pagerduty_payloads::read_links(links).iter().map(shown_link).collect();
    (!shown.is_empty()).then(|| shown.into())
}

/// Returns a link as an answer shows it.
#[must_use]
pub fn shown_link(link: &Link) -> Value {
    let mut shown = Map::new();
    shown.insert("kind".to_owned(), link.meaning.name().into());
    shown.insert("href".to_owned(), link.href.as_str().into());
    shown.extend(link.text.as_deref().map(|text| ("text".to_owned(), text.into())));
    shown.into()
}

fn bounded(details: &Value, _: &Facts<'_>) -> Option<Value> {
    pagerduty_payloads::bounded(details)
}

/// Returns the end of a key: a change could be reported with all of it.
fn last_four(key: &Value, _: &Facts<'_>) -> Option<Value> {
    let key: Vec<_> = key.as_str()?.chars().collect();
    let end = key.get(key.len().saturating_sub(4)..).filter(|_| key.len() > 8).unwrap_or_default();
    Some(format!("…{}", end.iter().collect::<String>()).into())
}

/// An integration of a service, which is only named by its ID.
#[derive(Clone, Debug)]
pub struct Integration {
    id: Option<String>,
}

impl Model for Integration {
    const RESOURCE: &'static Resource = &INTEGRATIONS;
    const DEFAULT: &'static [Field] = &[plain("id")];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] = &["id"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        Self { id: facts.text("id") }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}
