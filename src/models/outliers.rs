//! Outlier incidents: how often incidents like one occur on its service.

use jiff::Timestamp;
use pagerduty_api::Resource;
use pagerduty_api::operations::incidents::OUTLIER_INCIDENT;
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::Field;

use super::Model;

/// The occurrence of incidents like one, as PagerDuty computes it. Each part may be missing.
#[derive(Clone, Debug, Default)]
pub struct Outlier {
    /// The number of incidents like it, itself included.
    pub count: Option<u64>,
    /// Their part of all incidents of the service, from 0 to 1.
    pub frequency: Option<f64>,
    /// PagerDuty's word for it: `frequent`, `rare` or `anomaly`.
    pub category: Option<String>,
    /// The start of the time in which incidents were counted.
    pub since: Option<Timestamp>,
    /// The end of that time.
    pub until: Option<Timestamp>,
    /// The title without its varying words.
    pub pattern: Option<String>,
}

impl Model for Outlier {
    const RESOURCE: &'static Resource = &OUTLIER_INCIDENT;
    const DEFAULT: &'static [Field] = &[];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] = &["incident", "incident_template"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let value = |name: &str| facts.value(&format!("incident.occurrence.{name}"));
        let time = |name: &str| facts.text(&format!("incident.occurrence.{name}"))?.parse().ok();
        Self {
            count: value("count").and_then(|count| count.as_u64()),
            frequency: value("frequency").and_then(|frequency| frequency.as_f64()),
            category: facts.text("incident.occurrence.category"),
            since: time("since"),
            until: time("until"),
            pattern: facts.text("incident_template.mined_text"),
        }
    }

    fn id(&self) -> Option<&str> {
        None
    }
}
