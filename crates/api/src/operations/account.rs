//! Operations on the account itself.

use crate::resources::ABILITIES;
use crate::{Operation, Paging};

pub(super) const ALL: &[&Operation] = &[&LIST_ABILITIES];

/// Lists the features that the account's plan includes.
pub const LIST_ABILITIES: Operation =
    Operation::list("listAbilities", "/abilities", &ABILITIES, Paging::Whole, &["abilities.read"]);
