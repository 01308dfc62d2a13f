//! The account itself.

use crate::{Operation, Paging, Resource};

/// Abilities: the features that an account's plan includes.
pub const ABILITIES: Resource = Resource { noun: "ability", one: "ability", many: "abilities", pages: &[] };

pub(super) const ALL: &[&Operation] = &[&LIST_ABILITIES];

/// Lists the features that the account's plan includes.
pub const LIST_ABILITIES: Operation =
    Operation::list("listAbilities", "/abilities", &ABILITIES, Paging::Whole, &["abilities.read"]);
