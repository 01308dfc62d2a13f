//! On-call entries.

use crate::{Operation, Paging, Resource};

/// On-call entries, which have no ID.
pub const ONCALLS: Resource = Resource { noun: "on-call entry", one: "oncall", many: "oncalls", pages: &[] };

pub(super) const ALL: &[&Operation] = &[&LIST_ON_CALLS];

/// Lists the users who are on call, by schedule and level of an escalation policy.
pub const LIST_ON_CALLS: Operation =
    Operation::list("listOnCalls", "/oncalls", &ONCALLS, Paging::Offset, &["oncalls.read"]);
