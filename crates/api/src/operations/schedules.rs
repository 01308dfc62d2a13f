//! Schedules, of layers and of shifts.

use super::users::USERS;
use crate::{Operation, Paging, Resource};

/// Schedules of layers.
pub const SCHEDULES: Resource =
    Resource { noun: "schedule", one: "schedule", many: "schedules", pages: &["schedules"] };

/// Schedules of rotations and shifts, the newer kind, which have separate operations.
pub const SHIFT_SCHEDULES: Resource =
    Resource { noun: "shift-based schedule", one: "schedule", many: "schedules", pages: &[] };

pub(super) const ALL: &[&Operation] =
    &[&LIST_SCHEDULES, &GET_SCHEDULE, &LIST_SCHEDULE_USERS, &LIST_SCHEDULES_V3, &GET_SCHEDULE_V3];

const READ: &[&str] = &["schedules.read"];

/// Lists the schedules of layers.
pub const LIST_SCHEDULES: Operation = Operation::list("listSchedules", "/schedules", &SCHEDULES, Paging::Offset, READ);

/// Reads one schedule of layers.
pub const GET_SCHEDULE: Operation = Operation::get("getSchedule", "/schedules/{id}", &SCHEDULES, READ);

/// Lists the users who are on call on a schedule of layers.
pub const LIST_SCHEDULE_USERS: Operation =
    Operation::list_of("listScheduleUsers", "/schedules/{id}/users", &SCHEDULES, &USERS, &["users.read"]);

/// Lists the schedules of shifts. PagerDuty names no scope.
pub const LIST_SCHEDULES_V3: Operation =
    Operation::list("listSchedulesV3", "/v3/schedules", &SHIFT_SCHEDULES, Paging::Offset, &[]);

/// Reads one schedule of shifts. PagerDuty names no scope.
pub const GET_SCHEDULE_V3: Operation = Operation::get("getScheduleV3", "/v3/schedules/{id}", &SHIFT_SCHEDULES, &[]);
