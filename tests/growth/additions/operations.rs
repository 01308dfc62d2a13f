//! Operations on vendors.

use crate::resources::VENDORS;
use crate::{Operation, Paging};

pub(super) const ALL: &[&Operation] = &[&LIST_VENDORS];

/// Lists vendors.
pub const LIST_VENDORS: Operation =
    Operation::list("listVendors", "/vendors", &VENDORS, Paging::Offset, &["vendors.read"]);
