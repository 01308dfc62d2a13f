//! Requests to users and policies to join an incident.

use super::incidents::INCIDENTS;
use crate::{Answer, Operation, Paging, Resource};

/// Requests to join an incident.
pub const RESPONDER_REQUESTS: Resource =
    Resource { noun: "responder request", one: "responder_request", many: "responder_requests", pages: &[] };

/// The users and policies that were requested, each with what became of it.
pub const REQUEST_TARGETS: Resource = Resource {
    noun: "requested responder",
    one: "responder_request_target",
    many: "responder_request_targets",
    pages: &[],
};

pub(super) const ALL: &[&Operation] = &[&CREATE_RESPONDER_REQUEST, &CANCEL_RESPONDER_REQUEST];

const WRITE: &[&str] = &["incidents.write"];

/// Requests users and policies to join an incident, which pages them.
pub const CREATE_RESPONDER_REQUEST: Operation = Operation::create(
    "createIncidentResponderRequest",
    "/incidents/{id}/responder_requests",
    &INCIDENTS,
    Answer::One(&RESPONDER_REQUESTS),
    WRITE,
);

/// Cancels pending requests to join an incident.
pub const CANCEL_RESPONDER_REQUEST: Operation = Operation {
    answer: Answer::Many(&REQUEST_TARGETS, Paging::Whole),
    ..Operation::update(
        "cancelIncidentResponderRequest",
        "/incidents/{id}/responder_requests/cancel",
        &INCIDENTS,
        WRITE,
    )
};
