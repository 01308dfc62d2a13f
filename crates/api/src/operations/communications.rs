//! Status updates of incidents, their subscribers and templates, and the impact that a user states.

use super::dependencies::BUSINESS_SERVICES;
use super::incidents::INCIDENTS;
use crate::{Answer, Effect, Operation, Paging, Resource};

/// Status updates: messages about an incident to its subscribers.
pub const STATUS_UPDATES: Resource =
    Resource { noun: "status update", one: "status_update", many: "status_updates", pages: &[] };

/// Subscribers: users and teams who receive the status updates of an incident.
pub const SUBSCRIBERS: Resource = Resource { noun: "subscriber", one: "subscriber", many: "subscribers", pages: &[] };

/// The outcomes of subscribing users and teams.
pub const SUBSCRIPTIONS: Resource =
    Resource { noun: "subscription", one: "subscription", many: "subscriptions", pages: &[] };

/// Templates of status updates.
pub const TEMPLATES: Resource = Resource { noun: "template", one: "template", many: "templates", pages: &[] };

/// The texts of a template for one incident.
pub const RENDERED: Resource =
    Resource { noun: "rendered template", one: "templated_fields", many: "templated_fields", pages: &[] };

/// Whether an incident impacts a business service, as a user has stated it: a word without an object.
pub const RELATIONS: Resource = Resource { noun: "impact", one: "relation", many: "relations", pages: &[] };

pub(super) const ALL: &[&Operation] = &[
    &CREATE_STATUS_UPDATE,
    &LIST_SUBSCRIBERS,
    &SUBSCRIBE,
    &LIST_BUSINESS_SERVICE_SUBSCRIBERS,
    &LIST_TEMPLATES,
    &GET_TEMPLATE,
    &RENDER_TEMPLATE,
    &SET_INCIDENT_IMPACT,
];

const WRITE: &[&str] = &["incidents.write"];

/// Sends a status update to the subscribers of an incident.
pub const CREATE_STATUS_UPDATE: Operation = Operation::create(
    "createIncidentStatusUpdate",
    "/incidents/{id}/status_updates",
    &INCIDENTS,
    Answer::One(&STATUS_UPDATES),
    WRITE,
);

/// Lists the subscribers of an incident.
pub const LIST_SUBSCRIBERS: Operation = Operation::list_of(
    "getIncidentNotificationSubscribers",
    "/incidents/{id}/status_updates/subscribers",
    &INCIDENTS,
    &SUBSCRIBERS,
    &["subscribers.read"],
);

/// Subscribes users and teams to an incident. An existing subscription stays.
pub const SUBSCRIBE: Operation = Operation {
    effect: Effect::Idempotent,
    ..Operation::create(
        "createIncidentNotificationSubscribers",
        "/incidents/{id}/status_updates/subscribers",
        &INCIDENTS,
        Answer::Many(&SUBSCRIPTIONS, Paging::Whole),
        &["subscribers.write"],
    )
};

/// Lists the subscribers of a business service, whom PagerDuty notifies of impacts on it.
pub const LIST_BUSINESS_SERVICE_SUBSCRIBERS: Operation = Operation::list_of(
    "getBusinessServiceSubscribers",
    "/business_services/{id}/subscribers",
    &BUSINESS_SERVICES,
    &SUBSCRIBERS,
    &["subscribers.read"],
);

const READ_TEMPLATES: &[&str] = &["templates.read"];

/// Lists templates.
pub const LIST_TEMPLATES: Operation =
    Operation::list("getTemplates", "/templates", &TEMPLATES, Paging::Offset, READ_TEMPLATES);

/// Reads one template.
pub const GET_TEMPLATE: Operation = Operation::get("getTemplate", "/templates/{id}", &TEMPLATES, READ_TEMPLATES);

/// Fills a template with the facts of an incident. It is a `POST` that changes nothing.
pub const RENDER_TEMPLATE: Operation = Operation {
    effect: Effect::Read,
    ..Operation::create("renderTemplate", "/templates/{id}/render", &TEMPLATES, Answer::One(&RENDERED), READ_TEMPLATES)
};

/// States whether an incident impacts a business service.
pub const SET_INCIDENT_IMPACT: Operation = Operation {
    answer: Answer::One(&RELATIONS),
    ..Operation::update(
        "putIncidentManualBusinessServiceAssociation",
        "/incidents/{id}/business_services/{business_service_id}/impacts",
        &BUSINESS_SERVICES,
        WRITE,
    )
    .below(&INCIDENTS)
};
