//! The fields of resources, as tables.
//!
//! PagerDuty's objects are large (an incident has about 4 kB) and consist mostly of links and nulls, while a model pays
//! for every token. So each resource declares a small default set as a table of [`Field`]s, which `include` replaces. A
//! [`Selection`] drives the projection (`project`), which copies only the selected fields.
//!
//! Four rules apply to every object:
//!
//! - Empty and null fields are left out.
//! - A reference to another object shrinks to its `id` and `summary`, unless the table says otherwise.
//! - A deleted object keeps the time of its deletion.
//! - A field that only repeats another one is left out unless it is requested by name.

use serde_json::Value;

use crate::facts::Facts;
use crate::plan::Plan;

/// A field of a table that is known at compile time.
pub type Field = Named<'static>;

/// A field of a resource in an answer. Callers may name fields that are in no table.
#[derive(Clone, Copy, Debug)]
pub struct Named<'n> {
    /// The name in answers and in `include`.
    pub name: &'n str,
    /// The name of the PagerDuty field with the value.
    pub source: &'n str,
    /// The part of the value to show.
    pub keep: Keep,
    /// A function that computes the value, if it is more than that of the PagerDuty field.
    pub derive: Option<Derive>,
}

/// A function that computes a field from its source and from the facts about the object.
pub type Derive = fn(source: &Value, facts: &Facts<'_>) -> Option<Value>;

/// How much of a value to keep. On a list it applies to each element.
#[derive(Clone, Copy, Debug)]
pub enum Keep {
    /// The whole value, with nested references shrunk.
    Whole,
    /// The whole value without empty fields: data from a program or a person, in which nothing is a PagerDuty
    /// reference.
    Verbatim,
    /// The whole value, with white space trimmed from both ends of a text.
    Line,
    /// The whole value as it is, with empty fields.
    Raw,
    /// The given fields of an object, in this order, and `DELETED`.
    Only(&'static [Field]),
}

/// The field with the time an object was deleted. PagerDuty sends it for deleted objects that others still mention. It
/// is kept for every object.
pub(crate) const DELETED: &str = "deleted_at";

/// The fields of a shrunk reference.
pub(crate) const REFERENCE: &[Field] = &[plain("id"), plain("summary")];

/// Returns a field that is shown as PagerDuty sends it.
#[must_use]
pub const fn plain(name: &str) -> Named<'_> {
    Named { name, source: name, keep: Keep::Whole, derive: None }
}

/// Returns a field that is shown as PagerDuty sends it, without shrinking references in it.
#[must_use]
pub const fn verbatim(name: &'static str) -> Field {
    Named { name, source: name, keep: Keep::Verbatim, derive: None }
}

/// Returns a field that holds one line of text.
#[must_use]
pub const fn line(name: &'static str) -> Field {
    Named { name, source: name, keep: Keep::Line, derive: None }
}

/// Returns a field with a reference, or a list of them, shown as `id` and `summary`.
#[must_use]
pub const fn reference(name: &'static str) -> Field {
    nested(name, REFERENCE)
}

/// Returns a field with an object, or a list of them, of which only `fields` are shown.
#[must_use]
pub const fn nested(name: &'static str, fields: &'static [Field]) -> Field {
    Named { name, source: name, keep: Keep::Only(fields), derive: None }
}

/// Returns a field computed from a PagerDuty field. `keep` is the part of the computed value to show.
#[must_use]
pub const fn derived(name: &'static str, source: &'static str, keep: Keep, derive: Derive) -> Field {
    Named { name, source, keep, derive: Some(derive) }
}

/// The fields of one request, in their order, and the facts to read beside them.
#[derive(Clone, Debug)]
pub struct Selection<'n> {
    shown: Vec<Named<'n>>,
    facts: &'static [&'static str],
    echoes: &'static [Echo],
}

/// A field that is left out of the default set if it repeats another one.
pub type Echo = (&'static str, &'static str);

impl<'n> Selection<'n> {
    /// Selects the fields `shown`, and the PagerDuty fields `facts`.
    #[must_use]
    pub fn new(shown: Vec<Named<'n>>, facts: &'static [&'static str]) -> Self {
        Self { shown, facts, echoes: &[] }
    }

    /// Leaves out fields that only repeat another one.
    #[must_use]
    pub fn without_echoes(self, echoes: &'static [Echo]) -> Self {
        Self { echoes, ..self }
    }

    /// Returns whether a field of this name is shown. The name may continue after a dot with the name of a part.
    #[must_use]
    pub fn shows(&self, name: &str) -> bool {
        let (name, part) = name.split_once('.').map_or((name, None), |(name, part)| (name, Some(part)));
        let has = |field: &Named<'_>, part| match field.keep {
            Keep::Only(parts) => parts.iter().any(|field| field.name == part),
            Keep::Whole | Keep::Verbatim | Keep::Line | Keep::Raw => true,
        };
        self.shown.iter().any(|field| field.name == name && part.is_none_or(|part| has(field, part)))
    }

    /// Returns the plan of the projection.
    pub(crate) fn plan(&self) -> Plan<'n> {
        Plan::new(&self.shown, self.facts, self.echoes)
    }

    /// Returns the names of the facts.
    pub(crate) fn facts(&self) -> &'static [&'static str] {
        self.facts
    }
}

/// Returns a value without empty fields, and otherwise complete.
#[must_use]
pub fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let fields = object.into_iter().map(|(key, value)| (key, without_empty(value)));
            Value::Object(fields.filter(|(_, value)| !is_empty(value)).collect())
        }
        Value::Array(items) => items.into_iter().map(without_empty).collect(),
        scalar => scalar,
    }
}

/// Returns whether a value is null, an empty string, an empty list or an empty object.
#[must_use]
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
