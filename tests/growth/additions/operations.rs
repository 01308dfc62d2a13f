//! Vendors.

use crate::{Operation, Paging, Resource};

/// Vendors of integrations.
pub const VENDORS: Resource = Resource { noun: "vendor", one: "vendor", many: "vendors", pages: &[] };

pub(super) const ALL: &[&Operation] = &[&LIST_VENDORS];

/// Lists vendors.
pub const LIST_VENDORS: Operation =
    Operation::list("listVendors", "/vendors", &VENDORS, Paging::Offset, &["vendors.read"]);
