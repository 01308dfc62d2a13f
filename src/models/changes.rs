//! Change events.

use jiff::Timestamp;
use pagerduty_api::operations::changes::{CHANGE_EVENTS, GET_CHANGE_EVENT, INTEGRATIONS, LIST_CHANGE_EVENTS};
use pagerduty_api::{Operation, Resource};
use pagerduty_payloads::Link;
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, line, plain, reference, verbatim};
use serde_json::Value;

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
    /// The sender's details, bounded.
    pub details: Option<Value>,
}

impl Model for Change {
    const RESOURCE: &'static Resource = &CHANGE_EVENTS;
    const DEFAULT: &'static [Field] = &[
        plain("id"),
        line("summary"),
        plain("timestamp"),
        plain("source"),
        reference("services"),
        plain("correlation_reason"),
    ];
    const OTHER: &'static [&'static str] = &["custom_details", "html_url", "images", "integration", "self", "type"];
    // Data from the sender of the event.
    const NAMED: &'static [Field] = &[verbatim("custom_details"), verbatim("images")];
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
            details: facts.value("custom_details").and_then(|details| pagerduty_payloads::bounded(&details)),
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
