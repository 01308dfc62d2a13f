//! Services.

use crate::{Operation, Paging, Resource};

/// Services.
pub const SERVICES: Resource =
    Resource { noun: "service", one: "service", many: "services", pages: &["services", "service-directory"] };

pub(super) const ALL: &[&Operation] = &[&LIST_SERVICES, &GET_SERVICE];

const READ: &[&str] = &["services.read"];

/// Lists services.
pub const LIST_SERVICES: Operation = Operation::list("listServices", "/services", &SERVICES, Paging::Offset, READ);

/// Reads one service.
pub const GET_SERVICE: Operation = Operation::get("getService", "/services/{id}", &SERVICES, READ);
