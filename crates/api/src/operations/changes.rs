//! Change events: deploys and other changes that programs report.

use super::incidents::INCIDENTS;
use super::services::SERVICES;
use crate::{Operation, Paging, Resource};

/// Change events.
pub const CHANGE_EVENTS: Resource =
    Resource { noun: "change event", one: "change_event", many: "change_events", pages: &["change_events"] };

/// Integrations, which report changes.
pub const INTEGRATIONS: Resource =
    Resource { noun: "integration", one: "integration", many: "integrations", pages: &[] };

pub(super) const ALL: &[&Operation] =
    &[&LIST_CHANGE_EVENTS, &GET_CHANGE_EVENT, &LIST_SERVICE_CHANGE_EVENTS, &LIST_INCIDENT_RELATED_CHANGE_EVENTS];

const READ: &[&str] = &["change_events.read"];

/// Lists change events, the newest first.
pub const LIST_CHANGE_EVENTS: Operation =
    Operation::list("listChangeEvents", "/change_events", &CHANGE_EVENTS, Paging::Offset, READ);

/// Reads one change event.
pub const GET_CHANGE_EVENT: Operation = Operation::get("getChangeEvent", "/change_events/{id}", &CHANGE_EVENTS, READ);

/// Lists the change events of a service, the newest first.
pub const LIST_SERVICE_CHANGE_EVENTS: Operation = Operation::pages_of(
    "listServiceChangeEvents",
    "/services/{id}/change_events",
    &SERVICES,
    &CHANGE_EVENTS,
    &["services.read"],
);

/// Lists the change events that PagerDuty relates to an incident, with the reason.
pub const LIST_INCIDENT_RELATED_CHANGE_EVENTS: Operation = Operation::list_of(
    "listIncidentRelatedChangeEvents",
    "/incidents/{id}/related_change_events",
    &INCIDENTS,
    &CHANGE_EVENTS,
    &["incidents.read"],
);
