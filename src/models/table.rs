//! The field tables of the resources, as values for the documentation and the types of other languages.

use pagerduty_api::Resource;
use pagerduty_rows::fields::Field;

use super::{EscalationPolicy, Incident, Model, Note, Oncall, Schedule, Service, Team, User};

/// The field tables of a resource.
#[derive(Debug)]
pub struct Table {
    /// The resource.
    pub resource: &'static Resource,
    /// See [`Model::DEFAULT`].
    pub default: &'static [Field],
    /// See [`Model::OTHER`].
    pub other: &'static [&'static str],
    /// See [`Model::NAMED`].
    pub named: &'static [Field],
}

/// The tables of the resources in the answers of tools.
pub const TABLES: &[Table] = &[
    Table::of::<EscalationPolicy>(),
    Table::of::<Note>(),
    Table::of::<Incident>(),
    Table::of::<Oncall>(),
    Table::of::<Schedule>(),
    Table::of::<Service>(),
    Table::of::<Team>(),
    Table::of::<User>(),
];

impl Table {
    const fn of<M: Model>() -> Self {
        Self { resource: M::RESOURCE, default: M::DEFAULT, other: M::OTHER, named: M::NAMED }
    }
}
