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
mod teams;
mod users;

use serde::de::DeserializeOwned;

use crate::client::resources::Resource;
use crate::fields::{Echo, Field, Selection};

pub use escalation_policies::EscalationPolicy;
pub use incidents::{Incident, Note, Status, past_incident, related_incident};
pub use oncalls::Oncall;
pub use schedules::Schedule;
pub use services::Service;
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
    /// Default fields that are left out when they only repeat another.
    const ECHOES: &'static [Echo] = &[];
    /// What the struct itself is read from.
    const FACTS: &'static [Field];
    /// Which value of PagerDuty's `include[]` brings a field that does not come by itself.
    const EXPANSIONS: &'static [Expansion] = &[];

    /// What tells one row from another, where the rows have an ID.
    fn id(&self) -> Option<&str>;

    /// The default set.
    #[must_use]
    fn defaults() -> Selection {
        Selection::new(Self::DEFAULT.to_vec(), Self::FACTS).without_echoes(Self::ECHOES)
    }

    /// Nothing to show: only the facts.
    #[must_use]
    fn facts_only() -> Selection {
        Selection::new(Vec::new(), Self::FACTS)
    }

    /// The field of this name, if there is one.
    #[must_use]
    fn field(name: &str) -> Option<Field> {
        let default = Self::DEFAULT.iter().find(|field| field.name == name).copied();
        default.or_else(|| Self::OTHER.iter().find(|other| **other == name).map(|other| crate::fields::plain(other)))
    }

    /// The `include[]` values that a request for `selection` needs.
    #[must_use]
    fn expansions(selection: &Selection, request: Request) -> Vec<&'static str> {
        let mut values: Vec<_> = Self::EXPANSIONS
            .iter()
            .filter(|expansion| expansion.on.covers(request) && selection.shows(expansion.field))
            .map(|expansion| expansion.value)
            .collect();
        values.dedup();
        values
    }
}

/// The two shapes of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// One object by ID.
    One,
    /// A page of a list.
    List,
}

/// On which requests an expansion is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Only on a single object.
    One,
    /// Only on lists.
    List,
    /// On both.
    Both,
}

impl On {
    fn covers(self, request: Request) -> bool {
        match self {
            On::One => request == Request::One,
            On::List => request == Request::List,
            On::Both => true,
        }
    }
}

/// A field that PagerDuty only sends when its `include[]` names `value`.
#[derive(Clone, Copy, Debug)]
pub struct Expansion {
    /// Our field.
    pub field: &'static str,
    /// The value of `include[]`.
    pub value: &'static str,
    /// Where PagerDuty understands it.
    pub on: On,
}

/// A reference to another object, as far as our rules look at it.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Reference {
    /// The ID, which even a reference may lack.
    pub id: Option<String>,
    /// `user_reference`, `service_reference`, …
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// The IDs of a list of references; those without one are passed over.
fn ids(references: Option<&Vec<Reference>>) -> Vec<String> {
    references.into_iter().flatten().filter_map(|reference| reference.id.clone()).collect()
}
