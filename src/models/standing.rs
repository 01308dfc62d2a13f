//! The status of an incident and its origin, for verifying a write.

use jiff::Timestamp;
use pagerduty_api::Resource;
use pagerduty_api::operations::incidents::INCIDENTS;
use pagerduty_rows::fields::{Field, nested, plain};
use serde::{Deserialize, Deserializer};

use super::{Model, Reference, Status, fact, known};

/// The status of an incident, and its origin.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Standing {
    #[serde(deserialize_with = "fact")]
    id: Option<String>,
    /// The current status.
    #[serde(deserialize_with = "fact")]
    pub status: Option<Status>,
    /// The users who have acknowledged the incident, each with the time.
    #[serde(deserialize_with = "known")]
    pub acknowledgements: Vec<Acknowledgement>,
    /// The user or service that changed the status last.
    #[serde(deserialize_with = "fact")]
    pub last_status_change_by: Option<Reference>,
    /// The time of the last change of the status.
    #[serde(deserialize_with = "moment")]
    pub last_status_change_at: Option<Timestamp>,
}

/// An acknowledgement of an incident.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Acknowledgement {
    /// The user who acknowledged it.
    pub acknowledger: Reference,
    /// The time of the acknowledgement.
    #[serde(deserialize_with = "moment")]
    pub at: Option<Timestamp>,
}

/// Reads a time; an unreadable one counts as unknown.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(fact::<D, String>(deserializer)?.and_then(|text| text.parse().ok()))
}

impl Model for Standing {
    const RESOURCE: &'static Resource = &INCIDENTS;
    const DEFAULT: &'static [Field] = &[];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [Field] = &[
        plain("id"),
        plain("status"),
        nested("acknowledgements", &[nested("acknowledger", &[plain("id"), plain("summary")]), plain("at")]),
        nested("last_status_change_by", &[plain("id"), plain("type"), plain("summary")]),
        plain("last_status_change_at"),
    ];

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}
