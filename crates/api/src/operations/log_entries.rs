//! The log of incidents, and the notifications that users received.

use super::incidents::INCIDENTS;
use crate::{Operation, Paging, Resource};

/// Entries of the log of an incident.
pub const LOG_ENTRIES: Resource = Resource { noun: "log entry", one: "log_entry", many: "log_entries", pages: &[] };

/// Notifications that users received, of all incidents.
pub const NOTIFICATIONS: Resource =
    Resource { noun: "notification", one: "notification", many: "notifications", pages: &[] };

pub(super) const ALL: &[&Operation] =
    &[&LIST_LOG_ENTRIES, &GET_LOG_ENTRY, &LIST_INCIDENT_LOG_ENTRIES, &LIST_NOTIFICATIONS];

const READ: &[&str] = &["incidents.read"];

/// Lists the log entries of all incidents, newest first.
pub const LIST_LOG_ENTRIES: Operation =
    Operation::list("listLogEntries", "/log_entries", &LOG_ENTRIES, Paging::Offset, READ);

/// Reads one log entry.
pub const GET_LOG_ENTRY: Operation = Operation::get("getLogEntry", "/log_entries/{id}", &LOG_ENTRIES, READ);

/// Lists the log entries of one incident, newest first.
pub const LIST_INCIDENT_LOG_ENTRIES: Operation =
    Operation::pages_of("listIncidentLogEntries", "/incidents/{id}/log_entries", &INCIDENTS, &LOG_ENTRIES, READ);

/// Lists the notifications of a range of time.
pub const LIST_NOTIFICATIONS: Operation = Operation::list(
    "listNotifications",
    "/notifications",
    &NOTIFICATIONS,
    Paging::Offset,
    &["users:notifications.read"],
);
