//! Priorities of incidents.

use crate::{Operation, Paging, Resource};

/// Priorities.
pub const PRIORITIES: Resource = Resource { noun: "priority", one: "priority", many: "priorities", pages: &[] };

pub(super) const ALL: &[&Operation] = &[&LIST_PRIORITIES];

/// Lists priorities, the most severe first.
pub const LIST_PRIORITIES: Operation =
    Operation::list("listPriorities", "/priorities", &PRIORITIES, Paging::Offset, &["priorities.read"]);
