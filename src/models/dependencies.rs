//! Dependencies between services, and business services with the impact on them.

use pagerduty_api::operations::dependencies::{
    BUSINESS_SERVICES, GET_BUSINESS_SERVICE, IMPACTS, LIST_BUSINESS_SERVICES, RELATIONSHIPS,
};
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, nested, plain};

use super::{Listed, Model, Readable};
use crate::ids::Id;

/// A service at one end of a dependency.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// The ID of the service.
    pub id: String,
    /// Set if it is a business service, and not a technical one.
    pub is_business: bool,
}

/// A dependency between two services.
#[derive(Clone, Debug)]
pub struct Relationship {
    id: Option<String>,
    /// The service that the other one needs.
    pub supporting: Option<Node>,
    /// The service that needs the other one.
    pub dependent: Option<Node>,
}

impl Model for Relationship {
    const RESOURCE: &'static Resource = &RELATIONSHIPS;
    const DEFAULT: &'static [Field] = &[];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] = &["id", "supporting_service", "dependent_service"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let end = |id: &str, kind: &str| {
            let id = facts.text(id).filter(|id| Id::<Self>::parse(id).is_some())?;
            Some(Node { id, is_business: facts.borrowed(kind)?.starts_with("business_service") })
        };
        Self {
            id: facts.text("id"),
            supporting: end("supporting_service.id", "supporting_service.type"),
            dependent: end("dependent_service.id", "dependent_service.type"),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// A business service.
#[derive(Clone, Debug)]
pub struct BusinessService {
    id: Option<String>,
    /// The name.
    pub name: Option<String>,
}

impl Model for BusinessService {
    const RESOURCE: &'static Resource = &BUSINESS_SERVICES;
    const DEFAULT: &'static [Field] = &[
        plain("id"),
        plain("name"),
        plain("description"),
        plain("point_of_contact"),
        nested("team", &[plain("id"), plain("type")]),
    ];
    const OTHER: &'static [&'static str] = &["html_url", "self", "summary", "type"];
    const FACTS: &'static [&'static str] = &["id", "name"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        Self { id: facts.text("id"), name: facts.text("name") }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Readable for BusinessService {
    const GET: &'static Operation = &GET_BUSINESS_SERVICE;
}

impl Listed for BusinessService {
    const LIST: &'static Operation = &LIST_BUSINESS_SERVICES;
}

/// A business service with the impact of the open incidents on it.
#[derive(Clone, Debug)]
pub struct Impact {
    /// The ID of the business service.
    pub id: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// Whether an incident impacts it, if PagerDuty says so.
    pub is_impacted: Option<bool>,
    /// The ID of the highest priority of those incidents, if it was requested.
    pub priority: Option<String>,
}

impl Model for Impact {
    const RESOURCE: &'static Resource = &IMPACTS;
    const DEFAULT: &'static [Field] = &[];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] = &["id", "name", "status", "additional_fields"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        Self {
            id: facts.text("id"),
            name: facts.text("name"),
            is_impacted: facts.borrowed("status").map(|status| status == "impacted"),
            priority: facts.text("additional_fields.highest_impacting_priority.id"),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}
