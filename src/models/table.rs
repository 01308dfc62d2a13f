//! The field tables of a resource as a value, for the documentation and the types of other languages.

use pagerduty_api::Resource;
use pagerduty_rows::fields::Field;

use super::Model;

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

impl Table {
    pub(super) const fn of<M: Model>() -> Self {
        Self { resource: M::RESOURCE, default: M::DEFAULT, other: M::OTHER, named: M::NAMED }
    }
}
