//! Schedules, of layers and of shifts.

use super::users::USERS;
use crate::{Answer, Operation, Paging, Resource};

/// Schedules of layers.
pub const SCHEDULES: Resource =
    Resource { noun: "schedule", one: "schedule", many: "schedules", pages: &["schedules"] };

/// Schedules of rotations and shifts, the newer kind, which have separate operations.
pub const SHIFT_SCHEDULES: Resource =
    Resource { noun: "shift-based schedule", one: "schedule", many: "schedules", pages: &[] };

/// Overrides of a schedule, of either kind.
pub const OVERRIDES: Resource = Resource { noun: "override", one: "override", many: "overrides", pages: &[] };

/// Rotations of a schedule of shifts.
pub const ROTATIONS: Resource = Resource { noun: "rotation", one: "rotation", many: "rotations", pages: &[] };

/// Single shifts of a schedule of shifts, outside its rotations.
pub const CUSTOM_SHIFTS: Resource =
    Resource { noun: "custom shift", one: "custom_shift", many: "custom_shifts", pages: &[] };

pub(super) const ALL: &[&Operation] = &[
    &LIST_SCHEDULES,
    &GET_SCHEDULE,
    &LIST_SCHEDULE_USERS,
    &LIST_SCHEDULE_OVERRIDES,
    &CREATE_SCHEDULE_OVERRIDE,
    &DELETE_SCHEDULE_OVERRIDE,
    &LIST_SCHEDULES_V3,
    &GET_SCHEDULE_V3,
    &LIST_ROTATIONS,
    &LIST_OVERRIDES,
    &CREATE_OVERRIDES,
    &GET_OVERRIDE,
    &UPDATE_OVERRIDE,
    &DELETE_OVERRIDE,
    &LIST_CUSTOM_SHIFTS,
    &CREATE_CUSTOM_SHIFTS,
    &GET_CUSTOM_SHIFT,
    &UPDATE_CUSTOM_SHIFT,
    &DELETE_CUSTOM_SHIFT,
];

const READ: &[&str] = &["schedules.read"];
const WRITE: &[&str] = &["schedules.write"];
/// PagerDuty names no scope for schedules of shifts.
const UNNAMED: &[&str] = &[];

/// Lists the schedules of layers.
pub const LIST_SCHEDULES: Operation = Operation::list("listSchedules", "/schedules", &SCHEDULES, Paging::Offset, READ);

/// Reads one schedule of layers.
pub const GET_SCHEDULE: Operation = Operation::get("getSchedule", "/schedules/{id}", &SCHEDULES, READ);

/// Lists the users who are on call on a schedule of layers.
pub const LIST_SCHEDULE_USERS: Operation =
    Operation::list_of("listScheduleUsers", "/schedules/{id}/users", &SCHEDULES, &USERS, &["users.read"]);

/// Lists the overrides of a schedule of layers that overlap a range. They come in one piece.
pub const LIST_SCHEDULE_OVERRIDES: Operation =
    Operation::list_of("listScheduleOverrides", "/schedules/{id}/overrides", &SCHEDULES, &OVERRIDES, READ);

/// Creates overrides of a schedule of layers.
pub const CREATE_SCHEDULE_OVERRIDE: Operation = Operation::create(
    "createScheduleOverride",
    "/schedules/{id}/overrides",
    &SCHEDULES,
    Answer::Outcomes(&OVERRIDES),
    WRITE,
);

/// Deletes an override of a schedule of layers, or ends it now if it has begun.
pub const DELETE_SCHEDULE_OVERRIDE: Operation =
    Operation::delete("deleteScheduleOverride", "/schedules/{id}/overrides/{override_id}", &OVERRIDES, WRITE)
        .below(&SCHEDULES);

/// Lists the schedules of shifts.
pub const LIST_SCHEDULES_V3: Operation =
    Operation::list("listSchedulesV3", "/v3/schedules", &SHIFT_SCHEDULES, Paging::Offset, UNNAMED);

/// Reads one schedule of shifts.
pub const GET_SCHEDULE_V3: Operation = Operation::get("getScheduleV3", "/v3/schedules/{id}", &SHIFT_SCHEDULES, UNNAMED);

/// Lists the rotations of a schedule of shifts.
pub const LIST_ROTATIONS: Operation =
    Operation::pages_of("listRotations", "/v3/schedules/{id}/rotations", &SHIFT_SCHEDULES, &ROTATIONS, UNNAMED);

/// Lists the overrides of a schedule of shifts that overlap a range.
pub const LIST_OVERRIDES: Operation =
    Operation::pages_of("listOverrides", "/v3/schedules/{id}/overrides", &SHIFT_SCHEDULES, &OVERRIDES, UNNAMED);

/// Creates overrides of a schedule of shifts.
pub const CREATE_OVERRIDES: Operation = Operation::create(
    "createOverrides",
    "/v3/schedules/{id}/overrides",
    &SHIFT_SCHEDULES,
    Answer::Many(&OVERRIDES, Paging::Whole),
    UNNAMED,
);

/// Reads one override of a schedule of shifts.
pub const GET_OVERRIDE: Operation =
    Operation::get("getOverride", OVERRIDE_PATH, &OVERRIDES, UNNAMED).below(&SHIFT_SCHEDULES);

/// Updates an override of a schedule of shifts.
pub const UPDATE_OVERRIDE: Operation =
    Operation::update("updateOverride", OVERRIDE_PATH, &OVERRIDES, UNNAMED).below(&SHIFT_SCHEDULES);

/// Deletes an override of a schedule of shifts.
pub const DELETE_OVERRIDE: Operation =
    Operation::delete("deleteOverride", OVERRIDE_PATH, &OVERRIDES, UNNAMED).below(&SHIFT_SCHEDULES);

/// Lists the custom shifts of a schedule that overlap a range.
pub const LIST_CUSTOM_SHIFTS: Operation = Operation::pages_of(
    "listCustomShifts",
    "/v3/schedules/{id}/custom_shifts",
    &SHIFT_SCHEDULES,
    &CUSTOM_SHIFTS,
    UNNAMED,
);

/// Creates custom shifts.
pub const CREATE_CUSTOM_SHIFTS: Operation = Operation::create(
    "createCustomShifts",
    "/v3/schedules/{id}/custom_shifts",
    &SHIFT_SCHEDULES,
    Answer::Many(&CUSTOM_SHIFTS, Paging::Whole),
    UNNAMED,
);

/// Reads one custom shift.
pub const GET_CUSTOM_SHIFT: Operation =
    Operation::get("getCustomShift", CUSTOM_SHIFT_PATH, &CUSTOM_SHIFTS, UNNAMED).below(&SHIFT_SCHEDULES);

/// Updates a custom shift, or only its end if it has begun.
pub const UPDATE_CUSTOM_SHIFT: Operation =
    Operation::update("updateCustomShift", CUSTOM_SHIFT_PATH, &CUSTOM_SHIFTS, UNNAMED).below(&SHIFT_SCHEDULES);

/// Deletes a custom shift, or ends it now if it has begun.
pub const DELETE_CUSTOM_SHIFT: Operation =
    Operation::delete("deleteCustomShift", CUSTOM_SHIFT_PATH, &CUSTOM_SHIFTS, UNNAMED).below(&SHIFT_SCHEDULES);

const OVERRIDE_PATH: &str = "/v3/schedules/{id}/overrides/{override_id}";
const CUSTOM_SHIFT_PATH: &str = "/v3/schedules/{id}/custom_shifts/{custom_shift_id}";
