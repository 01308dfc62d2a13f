//! Maintenance windows.

use crate::{Answer, Operation, Paging, Resource};

/// Maintenance windows: periods in which services make no incidents.
pub const MAINTENANCE_WINDOWS: Resource = Resource {
    noun: "maintenance window",
    one: "maintenance_window",
    many: "maintenance_windows",
    pages: &["maintenance_windows", "maintenance-windows"],
};

pub(super) const ALL: &[&Operation] = &[
    &LIST_MAINTENANCE_WINDOWS,
    &GET_MAINTENANCE_WINDOW,
    &CREATE_MAINTENANCE_WINDOW,
    &UPDATE_MAINTENANCE_WINDOW,
    &DELETE_MAINTENANCE_WINDOW,
];

const READ: &[&str] = &["services.read"];
const WRITE: &[&str] = &["services.write"];

/// Lists maintenance windows, of the past, the present or the future.
pub const LIST_MAINTENANCE_WINDOWS: Operation =
    Operation::list("listMaintenanceWindows", "/maintenance_windows", &MAINTENANCE_WINDOWS, Paging::Offset, READ);

/// Reads one maintenance window.
pub const GET_MAINTENANCE_WINDOW: Operation =
    Operation::get("getMaintenanceWindow", "/maintenance_windows/{id}", &MAINTENANCE_WINDOWS, READ);

/// Opens a maintenance window.
pub const CREATE_MAINTENANCE_WINDOW: Operation = Operation::create(
    "createMaintenanceWindow",
    "/maintenance_windows",
    &MAINTENANCE_WINDOWS,
    Answer::One(&MAINTENANCE_WINDOWS),
    WRITE,
);

/// Changes a maintenance window that is not over.
pub const UPDATE_MAINTENANCE_WINDOW: Operation =
    Operation::update("updateMaintenanceWindow", "/maintenance_windows/{id}", &MAINTENANCE_WINDOWS, WRITE);

/// Removes a maintenance window that has not begun, or ends one that has.
pub const DELETE_MAINTENANCE_WINDOW: Operation =
    Operation::delete("deleteMaintenanceWindow", "/maintenance_windows/{id}", &MAINTENANCE_WINDOWS, WRITE);
