//! The objects of the API: one type per resource, with its fields as a table.
//!
//! A model has two parts. Its [`Field`] tables list the fields that an answer shows by default and those that `include`
//! may name. Its struct holds, typed, the few facts that rules depend on, such as the status that is counted. Everything
//! else passes through as JSON: PagerDuty adds fields, leaves them out, sends null for them and extends its enumerations,
//! and strict types have broken other clients each time. See `docs/design.md`.

mod alerts;
mod automations;
mod changes;
mod communications;
mod covers;
mod dependencies;
mod escalation_policies;
mod found_incidents;
mod incidents;
mod log_entries;
mod maintenance;
mod matches;
mod oncalls;
mod outliers;
mod priorities;
mod rendered;
mod row;
mod schedules;
mod services;
mod shift_schedules;
mod standing;
mod status_pages;
mod table;
mod teams;
mod users;

use std::borrow::Cow;

use pagerduty_api::{Operation, Resource};
use pagerduty_rows::facts::{self, Facts};
use pagerduty_rows::fields::{Echo, Field, Selection};
use pagerduty_rows::object::Object;
use serde_json::Value;

use crate::error::Code;

pub use alerts::Alert;
pub use automations::{AutomationAction, Invocation, Memory, Workflow, WorkflowTrigger};
pub use changes::{Change, Integration, shown_link};
pub use communications::{Subscriber, Template};
pub use covers::{Cover, NewCover, Place};
pub use dependencies::{BusinessService, Impact, Node, Relationship};
pub use escalation_policies::EscalationPolicy;
pub use found_incidents::FoundIncident;
pub use incidents::{Incident, Note, Status, WRAPPED, past_incident, related_incident, related_incident_with};
pub use log_entries::{Agent, LogEntry, Notification};
pub use maintenance::MaintenanceWindow;
pub use matches::Match;
pub use oncalls::Oncall;
pub use outliers::Outlier;
pub use priorities::Priority;
pub use rendered::{Person, Rendered, ScheduleKind, Source, SourceKind, Turn};
pub use row::{Page, Row};
pub use schedules::Schedule;
pub use services::Service;
pub use shift_schedules::ShiftSchedule;
pub use standing::Standing;
pub use status_pages::{PagePart, Post, PostUpdate, Postmortem, StatusPage};
pub use table::Table;
pub use teams::Team;
pub use users::User;

/// The tables of the resources in the answers of tools.
pub const TABLES: &[Table] = &[
    Table::of::<Alert>(),
    Table::of::<Change>(),
    Table::of::<EscalationPolicy>(),
    Table::of::<Note>(),
    Table::of::<Incident>(),
    Table::of::<LogEntry>(),
    Table::of::<Oncall>(),
    Table::of::<Schedule>(),
    Table::of::<Service>(),
    Table::of::<Team>(),
    Table::of::<User>(),
];

/// A kind of object: the fields to show, and (as the type itself) the facts that rules depend on.
pub trait Model: Sized + Send + Sync + 'static {
    /// The names of the resource.
    const RESOURCE: &'static Resource;
    /// The error code for a malformed ID.
    const INVALID_ID: Code = Code::InvalidParameter;
    /// The fields shown when `include` is absent.
    const DEFAULT: &'static [Field];
    /// Further PagerDuty fields that `include` may name. A test compares them with PagerDuty's OpenAPI description.
    const OTHER: &'static [&'static str];
    /// Fields of either table that are shown in more detail, or differently, when `include` names them.
    const NAMED: &'static [Field] = &[];
    /// Default fields that are left out when they only repeat another field.
    const ECHOES: &'static [Echo] = &[];
    /// The PagerDuty fields from which the struct itself is read.
    const FACTS: &'static [&'static str];
    /// The values of PagerDuty's `include[]` for fields that are not sent otherwise, and the requests that take them.
    const EXPANSIONS: &'static [Expansion] = &[];

    /// Returns the facts. A fact that is missing, null or of another type than documented is unknown, and nothing fails.
    fn from_facts(facts: &Facts<'_>) -> Self;

    /// Returns the facts in an object.
    #[cfg(test)]
    #[must_use]
    fn from_json(object: &Value) -> Self {
        let selection = Self::facts_only();
        let json = object.to_string();
        Self::from_facts(&pagerduty_rows::decode::object(&json, &selection, 0).unwrap().1)
    }

    /// Returns the ID, if the resource has one.
    fn id(&self) -> Option<&str>;

    /// Returns the deduplication key. Lists shift between pages, so a row can appear twice.
    fn key(&self) -> Option<Cow<'_, str>> {
        self.id().map(Cow::Borrowed)
    }

    /// Returns whether the object precedes another one in PagerDuty's order, as far as that is known.
    fn goes_before(&self, _other: &Self) -> bool {
        false
    }

    /// Returns the default fields.
    #[must_use]
    fn defaults() -> Selection<'static> {
        Selection::new(Self::DEFAULT.to_vec(), Self::FACTS).without_echoes(Self::ECHOES)
    }

    /// Returns a selection of the facts alone, which shows nothing.
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

    /// Returns the `include[]` values that a request for `selection` needs.
    #[must_use]
    fn expansions(selection: &Selection<'_>, shape: Shape) -> Vec<&'static str> {
        let mut values: Vec<_> = Self::EXPANSIONS
            .iter()
            .filter(|expansion| expansion.on.covers(shape) && selection.shows(expansion.field))
            .map(|expansion| expansion.value)
            .collect();
        values.dedup();
        values
    }

    /// Returns whether an object has only references to objects that `selection` shows in full.
    #[must_use]
    fn has_bare_references(shown: &Object, selection: &Selection<'_>) -> bool {
        let is_bare =
            |item: &Value| item.get("type").and_then(Value::as_str).is_none_or(|kind| kind.ends_with("_reference"));
        let mut expanded = Self::EXPANSIONS.iter().filter(|expansion| selection.shows(expansion.field)).peekable();
        if expanded.peek().is_none() {
            return false;
        }
        let shown = shown.members();
        expanded
            .filter_map(|expansion| shown.get(expansion.field.split_once('.')?.0)?.as_array())
            .flatten()
            .any(is_bare)
    }

    /// Returns the fields of `selection` that a response to this request does not have.
    #[must_use]
    fn missing(selection: &Selection<'_>, shape: Shape) -> Vec<&'static str> {
        let comes = |expansion: &Expansion| expansion.on.covers(shape) || expansion.on == On::List;
        let missing = Self::EXPANSIONS.iter().filter(|expansion| !comes(expansion) && selection.shows(expansion.field));
        missing.map(|expansion| expansion.field).collect()
    }
}

/// A model whose objects can be read by ID.
pub trait Readable: Model {
    /// The operation that reads one object.
    const GET: &'static Operation;
}

/// A model with a list of all objects, which is read by offset.
pub trait Listed: Model {
    /// The operation that lists objects.
    const LIST: &'static Operation;
}

/// The shapes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One object by ID.
    One,
    /// A page of a list.
    List,
    /// A write, whose response is the changed object. It takes no `include[]`.
    Change,
}

/// The requests on which PagerDuty accepts an expansion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Requests for a single object.
    One,
    /// Lists only, since single objects always have the field.
    List,
    /// Both.
    Both,
    /// None of the requests that the client sends.
    None,
}

impl On {
    fn covers(self, shape: Shape) -> bool {
        match self {
            On::One => shape == Shape::One,
            On::List => shape == Shape::List,
            On::Both => shape != Shape::Change,
            On::None => false,
        }
    }
}

/// A field that PagerDuty only sends when its `include[]` names `value`.
#[derive(Clone, Copy, Debug)]
pub struct Expansion {
    /// The field, or after a dot a part of it that only the expanded field has.
    pub field: &'static str,
    /// The value of `include[]`.
    pub value: &'static str,
    /// The requests on which PagerDuty accepts it.
    pub on: On,
}

/// Reads a list of references, as JSON.
fn references(list: Option<&str>) -> Vec<Reference> {
    let list = list.and_then(facts::parse);
    list.iter().filter_map(Value::as_array).flatten().filter_map(Reference::new).collect()
}

/// Returns whether a name precedes another one in an alphabetical list.
fn comes_before(name: Option<&String>, other: Option<&String>) -> bool {
    let lower = |name: Option<&String>| name.map(|name| name.to_lowercase());
    lower(name) < lower(other)
}

/// A reference to another object, with the facts that rules depend on.
#[derive(Clone, Debug, Default)]
pub struct Reference {
    /// The ID, which a reference may lack.
    pub id: Option<String>,
    /// `user_reference`, `service_reference`, …
    pub kind: Option<String>,
    /// The name, where it was requested.
    pub summary: Option<String>,
}

impl Reference {
    /// Returns the reference, unless the value is no object. Parts of another type than documented are unknown.
    fn new(value: &Value) -> Option<Self> {
        let object = value.as_object()?;
        let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self { id: text("id"), kind: text("type"), summary: text("summary") })
    }

    /// Returns the name, or else the ID.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.summary.as_deref().or(self.id.as_deref())
    }
}
