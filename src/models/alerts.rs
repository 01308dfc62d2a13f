//! Alerts, with the content of their events.

use jiff::Timestamp;
use pagerduty_api::Resource;
use pagerduty_api::operations::alerts::ALERTS;
use pagerduty_payloads::Payload;
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, plain, verbatim};

use super::Model;

/// An alert.
#[derive(Clone, Debug)]
pub struct Alert {
    /// The ID.
    pub id: Option<String>,
    /// `triggered` or `resolved`.
    pub status: Option<String>,
    /// PagerDuty's severity: `info`, `warning`, `error` or `critical`.
    pub severity: Option<String>,
    /// The title.
    pub summary: Option<String>,
    /// The key under which PagerDuty takes later events for this alert.
    pub key: Option<String>,
    /// The time at which PagerDuty created it.
    pub created_at: Option<Timestamp>,
    /// The time at which it was resolved.
    pub resolved_at: Option<Timestamp>,
    /// The content of its event.
    pub payload: Payload,
}

impl Model for Alert {
    const RESOURCE: &'static Resource = &ALERTS;
    const DEFAULT: &'static [Field] = &[plain("id"), plain("status"), plain("severity"), plain("created_at")];
    const OTHER: &'static [&'static str] = &[
        "alert_key",
        "body",
        "first_trigger_log_entry",
        "html_url",
        "incident",
        "integration",
        "self",
        "service",
        "summary",
        "suppressed",
        "type",
    ];
    // Data from the sender of the event.
    const NAMED: &'static [Field] = &[verbatim("body")];
    const FACTS: &'static [&'static str] =
        &["id", "status", "severity", "summary", "alert_key", "created_at", "resolved_at", "body"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let time = |name: &str| facts.borrowed(name)?.parse().ok();
        let summary = facts.text("summary");
        let body = facts.value("body").unwrap_or_default();
        Self {
            id: facts.text("id"),
            status: facts.text("status"),
            severity: facts.text("severity"),
            key: facts.text("alert_key"),
            created_at: time("created_at"),
            resolved_at: time("resolved_at"),
            payload: pagerduty_payloads::read(&body, summary.as_deref()),
            summary,
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}
