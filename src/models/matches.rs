//! Matches: objects of any kind that a text may mean. They are not PagerDuty's, so they are in no field table.

use std::borrow::Cow;

use pagerduty_api::Resource;
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::Field;

use super::Model;

const MATCHES: Resource = Resource { noun: "match", one: "match", many: "matches", pages: &[] };

/// An object that a text may mean.
#[derive(Clone, Debug)]
pub struct Match;

impl Model for Match {
    const RESOURCE: &'static Resource = &MATCHES;
    const DEFAULT: &'static [Field] = &[];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] = &[];

    fn from_facts(_: &Facts<'_>) -> Self {
        Self
    }

    fn id(&self) -> Option<&str> {
        None
    }

    /// Returns no key, because several texts may mean the same object.
    fn key(&self) -> Option<Cow<'_, str>> {
        None
    }
}
