//! Who set an incident's status: what is looked at when the answer to a change was lost.

use jiff::Timestamp;
use pagerduty_rows::fields::{Field, nested, plain};
use serde::{Deserialize, Deserializer};

use super::{Model, Reference, Status, fact, known};
use crate::client::resources::{INCIDENTS, Resource};

/// Where an incident stands, and by whom.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Standing {
    #[serde(deserialize_with = "fact")]
    id: Option<String>,
    /// Where it stands.
    #[serde(deserialize_with = "fact")]
    pub status: Option<Status>,
    /// Who has acknowledged it, and when.
    #[serde(deserialize_with = "known")]
    pub acknowledgements: Vec<Acknowledgement>,
    /// Who changed the status last: a user or a service.
    #[serde(deserialize_with = "fact")]
    pub last_status_change_by: Option<Reference>,
    /// When that was.
    #[serde(deserialize_with = "moment")]
    pub last_status_change_at: Option<Timestamp>,
}

/// An acknowledgement of an incident.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Acknowledgement {
    /// The user.
    pub acknowledger: Reference,
    /// When it was acknowledged.
    #[serde(deserialize_with = "moment")]
    pub at: Option<Timestamp>,
}

/// Reads a moment; one that makes no sense is not known.
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
