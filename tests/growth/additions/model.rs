//! Vendors.

use pagerduty_api::operations::vendors::{LIST_VENDORS, VENDORS};
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, plain};

use super::{Listed, Model};

/// A vendor of integrations.
#[derive(Clone, Debug)]
pub struct Vendor {
    id: Option<String>,
}

impl Model for Vendor {
    const RESOURCE: &'static Resource = &VENDORS;
    const DEFAULT: &'static [Field] = &[plain("id"), plain("name"), plain("description")];
    const OTHER: &'static [&'static str] = &["html_url", "self", "summary", "type"];
    const FACTS: &'static [&'static str] = &["id"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        Self { id: facts.text("id") }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Listed for Vendor {
    const LIST: &'static Operation = &LIST_VENDORS;
}
