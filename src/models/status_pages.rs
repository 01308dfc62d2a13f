//! Status pages, the values that their posts can have, and the posts with their updates.

use jiff::Timestamp;
use pagerduty_api::operations::status_pages::{
    LIST_STATUS_PAGES, POST_UPDATES, POSTMORTEMS, POSTS, STATUS_PAGES, STATUSES,
};
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::Field;
use serde_json::Value;

use super::{Listed, Model};

fn time(facts: &Facts<'_>, name: &str) -> Option<Timestamp> {
    facts.borrowed(name)?.parse().ok()
}

/// A status page.
#[derive(Clone, Debug)]
pub struct StatusPage {
    /// The ID.
    pub id: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// `public` or `private`.
    pub kind: Option<String>,
    /// The address.
    pub url: Option<String>,
    /// The time since which it can be read.
    pub published_at: Option<Timestamp>,
}

impl Model for StatusPage {
    const RESOURCE: &'static Resource = &STATUS_PAGES;
    const DEFAULT: &'static [Field] = &[];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] = &["id", "name", "status_page_type", "url", "published_at"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        Self {
            id: facts.text("id"),
            name: facts.text("name"),
            kind: facts.text("status_page_type"),
            url: facts.text("url"),
            published_at: time(facts, "published_at"),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Listed for StatusPage {
    const LIST: &'static Operation = &LIST_STATUS_PAGES;
}

/// A status, a severity, an impact or a service of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PagePart {
    /// The ID.
    pub id: Option<String>,
    /// The name of a service, or the description of another one.
    pub name: Option<String>,
    /// The type of posts that it is for, unless it is a service.
    pub post_type: Option<String>,
}

impl Model for PagePart {
    const RESOURCE: &'static Resource = &STATUSES;
    const DEFAULT: &'static [Field] = &[];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] = &["id", "name", "description", "post_type"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        Self {
            id: facts.text("id"),
            name: facts.text("name").or_else(|| facts.text("description")),
            post_type: facts.text("post_type"),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// A post on a status page.
#[derive(Clone, Debug, Default)]
pub struct Post {
    /// The ID.
    pub id: Option<String>,
    /// The title.
    pub title: Option<String>,
    /// `incident` or `maintenance`.
    pub post_type: Option<String>,
    /// The start of a maintenance.
    pub starts_at: Option<Timestamp>,
    /// The end of a maintenance.
    pub ends_at: Option<Timestamp>,
}

impl Model for Post {
    const RESOURCE: &'static Resource = &POSTS;
    const DEFAULT: &'static [Field] = &[];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] = &["id", "title", "post_type", "starts_at", "ends_at"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        Self {
            id: facts.text("id"),
            title: facts.text("title"),
            post_type: facts.text("post_type"),
            starts_at: time(facts, "starts_at"),
            ends_at: time(facts, "ends_at"),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// An update of a post.
#[derive(Clone, Debug, Default)]
pub struct PostUpdate {
    /// The ID.
    pub id: Option<String>,
    /// The text, which may be HTML.
    pub message: Option<String>,
    /// `approved` or `not_reviewed`.
    pub reviewed_status: Option<String>,
    /// The ID of the status.
    pub status: Option<String>,
    /// The ID of the severity.
    pub severity: Option<String>,
    /// The IDs of services, each with that of its impact.
    pub services: Vec<(String, String)>,
    /// The time until the next update, in milliseconds.
    pub frequency_ms: Option<i64>,
    /// Whether the subscribers of the page are notified.
    pub notifies: Option<bool>,
    /// The time of the update.
    pub reported_at: Option<Timestamp>,
}

impl Model for PostUpdate {
    const RESOURCE: &'static Resource = &POST_UPDATES;
    const DEFAULT: &'static [Field] = &[];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] = &[
        "id",
        "message",
        "reviewed_status",
        "status",
        "severity",
        "impacted_services",
        "update_frequency_ms",
        "notify_subscribers",
        "reported_at",
    ];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let services = facts.value("impacted_services");
        let pair = |pair: &Value| {
            let id = |name: &str| pair.get(name)?.get("id")?.as_str().map(str::to_owned);
            Some((id("service")?, id("impact")?))
        };
        Self {
            id: facts.text("id"),
            message: facts.text("message"),
            reviewed_status: facts.text("reviewed_status"),
            status: facts.text("status.id"),
            severity: facts.text("severity.id"),
            services: services.iter().filter_map(Value::as_array).flatten().filter_map(pair).collect(),
            frequency_ms: facts.value("update_frequency_ms").and_then(|length| length.as_i64()),
            notifies: facts.value("notify_subscribers").and_then(|notifies| notifies.as_bool()),
            reported_at: time(facts, "reported_at"),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// The postmortem of a post.
#[derive(Clone, Debug, Default)]
pub struct Postmortem {
    id: Option<String>,
    /// The text, which may be HTML.
    pub message: Option<String>,
    /// The time of its publication.
    pub reported_at: Option<Timestamp>,
}

impl Model for Postmortem {
    const RESOURCE: &'static Resource = &POSTMORTEMS;
    const DEFAULT: &'static [Field] = &[];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] = &["id", "message", "reported_at"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        Self { id: facts.text("id"), message: facts.text("message"), reported_at: time(facts, "reported_at") }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}
