//! What the API's objects are: one type per resource, with its fields as a table.
//!
//! A model is two things. Its [`Field`] tables say what an answer shows by default and what else `include` may name; its
//! struct holds, typed, the few facts our own rules depend on (the status that is counted, the team IDs that scope a
//! query). Everything else passes through as JSON: PagerDuty may add fields, leave them out or null them, and grow its
//! enumerations, and over-strict types have broken other clients each time it did. See `docs/design.md`.

mod escalation_policies;
mod incidents;
mod oncalls;
mod schedules;
mod services;
mod shift_schedules;
mod standing;
mod teams;
mod users;

use std::borrow::Cow;

use pagerduty_rows::fields::{Echo, Field, Selection};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use serde_json::{Map, Value};

use crate::client::resources::Resource;

pub use escalation_policies::EscalationPolicy;
pub use incidents::{Incident, Note, Status, past_incident, related_incident};
pub use oncalls::Oncall;
pub use schedules::Schedule;
pub use services::Service;
pub use shift_schedules::ShiftSchedule;
pub use standing::Standing;
pub use teams::Team;
pub use users::User;

/// A resource of the API: where it is, what of it we show, and (as the type itself) what we need to know of it.
pub trait Model: DeserializeOwned + Send + Sync + 'static {
    /// Path, envelope keys and pagination.
    const RESOURCE: &'static Resource;
    /// The fields shown when `include` is absent.
    const DEFAULT: &'static [Field];
    /// Further PagerDuty fields that `include` may name. A test compares them with PagerDuty's OpenAPI description.
    const OTHER: &'static [&'static str];
    /// Fields of either table that are shown in more detail, or differently, when `include` names them.
    const NAMED: &'static [Field] = &[];
    /// Default fields that are left out when they only repeat another.
    const ECHOES: &'static [Echo] = &[];
    /// What the struct itself is read from.
    const FACTS: &'static [Field];
    /// Which value of PagerDuty's `include[]` brings a field that does not come by itself, and on which requests.
    const EXPANSIONS: &'static [Expansion] = &[];

    /// The ID, where the resource has one.
    fn id(&self) -> Option<&str>;

    /// What tells one row from another, so that a row that comes twice because the list moved is noticed.
    fn key(&self) -> Option<Cow<'_, str>> {
        self.id().map(Cow::Borrowed)
    }

    /// Returns whether the object precedes another one in PagerDuty's order, as far as that is known.
    fn goes_before(&self, _other: &Self) -> bool {
        false
    }

    /// The default set.
    #[must_use]
    fn defaults() -> Selection<'static> {
        Selection::new(Self::DEFAULT.to_vec(), Self::FACTS).without_echoes(Self::ECHOES)
    }

    /// Nothing to show: only the facts.
    #[must_use]
    fn facts_only() -> Selection<'static> {
        Selection::new(Vec::new(), Self::FACTS)
    }

    /// Returns the field with this name in `include`, if there is one.
    #[must_use]
    fn field(name: &str) -> Option<Field> {
        let field = Self::NAMED.iter().chain(Self::DEFAULT).find(|field| field.name == name).copied();
        field.or_else(|| {
            Self::OTHER.iter().find(|other| **other == name).map(|other| pagerduty_rows::fields::plain(other))
        })
    }

    /// The `include[]` values that a request for `selection` needs.
    #[must_use]
    fn expansions(selection: &Selection<'_>, request: Request) -> Vec<&'static str> {
        let mut values: Vec<_> = Self::EXPANSIONS
            .iter()
            .filter(|expansion| expansion.on.covers(request) && selection.shows(expansion.field))
            .map(|expansion| expansion.value)
            .collect();
        values.dedup();
        values
    }

    /// Returns whether an object has only references to objects that `selection` shows in full.
    #[must_use]
    fn has_bare_references(shown: &Map<String, Value>, selection: &Selection<'_>) -> bool {
        let is_bare =
            |item: &Value| item.get("type").and_then(Value::as_str).is_none_or(|kind| kind.ends_with("_reference"));
        let expanded = Self::EXPANSIONS.iter().filter(|expansion| selection.shows(expansion.field));
        expanded
            .filter_map(|expansion| shown.get(expansion.field.split_once('.')?.0)?.as_array())
            .flatten()
            .any(is_bare)
    }

    /// The fields of `selection` that do not come with this request.
    #[must_use]
    fn missing(selection: &Selection<'_>, request: Request) -> Vec<&'static str> {
        let comes = |expansion: &Expansion| expansion.on.covers(request) || expansion.on == On::List;
        let missing = Self::EXPANSIONS.iter().filter(|expansion| !comes(expansion) && selection.shows(expansion.field));
        missing.map(|expansion| expansion.field).collect()
    }
}

/// The shapes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// One object by ID.
    One,
    /// A page of a list.
    List,
    /// A change, whose answer is the object as it is then. It takes no `include[]`.
    Change,
}

/// On which requests an expansion is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Only on a single object.
    One,
    /// Only on lists, single objects having the field anyhow.
    List,
    /// On both.
    Both,
    /// On none that we send.
    None,
}

impl On {
    fn covers(self, request: Request) -> bool {
        match self {
            On::One => request == Request::One,
            On::List => request == Request::List,
            On::Both => request != Request::Change,
            On::None => false,
        }
    }
}

/// A field that PagerDuty only sends when its `include[]` names `value`.
#[derive(Clone, Copy, Debug)]
pub struct Expansion {
    /// Our field, or a part of it, after a dot, that only the expanded field has.
    pub field: &'static str,
    /// The value of `include[]`.
    pub value: &'static str,
    /// Where PagerDuty understands it.
    pub on: On,
}

/// Reads a fact: one that is missing, null or of another type than documented is not known, and fails nothing.
fn fact<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

/// Does the same for a list, leaving out unreadable entries.
fn known<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let entries = match Value::deserialize(deserializer)? {
        Value::Array(entries) => entries,
        _ => Vec::new(),
    };
    Ok(entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect())
}

/// Returns whether a name precedes another one in an alphabetical list.
fn comes_before(name: Option<&String>, other: Option<&String>) -> bool {
    let lower = |name: Option<&String>| name.map(|name| name.to_lowercase());
    lower(name) < lower(other)
}

/// A reference to another object, as far as our rules look at it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reference {
    /// The ID, which even a reference may lack.
    #[serde(deserialize_with = "fact")]
    pub id: Option<String>,
    /// `user_reference`, `service_reference`, …
    #[serde(rename = "type", deserialize_with = "fact")]
    pub kind: Option<String>,
    /// The name, where it was requested.
    #[serde(deserialize_with = "fact")]
    pub summary: Option<String>,
}

impl Reference {
    /// Returns the name, or else the ID.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.summary.as_deref().or(self.id.as_deref())
    }
}
