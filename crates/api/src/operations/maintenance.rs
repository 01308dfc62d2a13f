//! Maintenance windows.

use crate::{Operation, Paging, Resource};

/// Maintenance windows: periods in which services make no incidents.
pub const MAINTENANCE_WINDOWS: Resource = Resource {
    noun: "maintenance window",
    one: "maintenance_window",
    many: "maintenance_windows",
    pages: &["maintenance_windows", "maintenance-windows"],
};

pub(super) const ALL: &[&Operation] = &[&LIST_MAINTENANCE_WINDOWS, &GET_MAINTENANCE_WINDOW];

const READ: &[&str] = &["services.read"];

/// Lists maintenance windows, of the past, the present or the future.
pub const LIST_MAINTENANCE_WINDOWS: Operation =
    Operation::list("listMaintenanceWindows", "/maintenance_windows", &MAINTENANCE_WINDOWS, Paging::Offset, READ);

/// Reads one maintenance window.
pub const GET_MAINTENANCE_WINDOW: Operation =
    Operation::get("getMaintenanceWindow", "/maintenance_windows/{id}", &MAINTENANCE_WINDOWS, READ);
