//! Operations on on-call entries.

use crate::resources::ONCALLS;
use crate::{Operation, Paging};

pub(super) const ALL: &[&Operation] = &[&LIST_ON_CALLS];

/// Lists the users who are on call, by schedule and level of an escalation policy.
pub const LIST_ON_CALLS: Operation =
    Operation::list("listOnCalls", "/oncalls", &ONCALLS, Paging::Offset, &["oncalls.read"]);
