//! Incidents, and their notes and similar incidents.

use crate::{Answer, Operation, Paging, Resource};

/// Incidents.
pub const INCIDENTS: Resource =
    Resource { noun: "incident", one: "incident", many: "incidents", pages: &["incidents"] };

/// Notes on incidents.
pub const NOTES: Resource = Resource { noun: "note", one: "note", many: "notes", pages: &[] };

/// Values of custom fields of incidents.
pub const FIELD_VALUES: Resource =
    Resource { noun: "custom field", one: "custom_field", many: "custom_fields", pages: &[] };

/// Similar incidents of the past, each wrapped in an object with its score.
pub const PAST_INCIDENTS: Resource =
    Resource { noun: "past incident", one: "past_incident", many: "past_incidents", pages: &[] };

/// Incidents on other services, each wrapped in an object with what relates it.
pub const RELATED_INCIDENTS: Resource =
    Resource { noun: "related incident", one: "related_incident", many: "related_incidents", pages: &[] };

/// An incident with how often others like it occur on its service.
pub const OUTLIER_INCIDENT: Resource =
    Resource { noun: "outlier incident", one: "outlier_incident", many: "outlier_incidents", pages: &[] };

/// Types of incidents.
pub const INCIDENT_TYPES: Resource =
    Resource { noun: "incident type", one: "incident_type", many: "incident_types", pages: &[] };

pub(super) const ALL: &[&Operation] = &[
    &LIST_INCIDENT_TYPES,
    &LIST_INCIDENTS,
    &GET_INCIDENT,
    &CREATE_INCIDENT,
    &UPDATE_INCIDENT,
    &UPDATE_INCIDENTS,
    &SET_INCIDENT_FIELD_VALUES,
    &CREATE_INCIDENT_SNOOZE,
    &MERGE_INCIDENTS,
    &LIST_INCIDENT_NOTES,
    &CREATE_INCIDENT_NOTE,
    &UPDATE_INCIDENT_NOTE,
    &DELETE_INCIDENT_NOTE,
    &GET_PAST_INCIDENTS,
    &GET_RELATED_INCIDENTS,
    &GET_OUTLIER_INCIDENT,
];

const READ: &[&str] = &["incidents.read"];
const WRITE: &[&str] = &["incidents.write"];

/// Lists incidents.
pub const LIST_INCIDENTS: Operation = Operation::list("listIncidents", "/incidents", &INCIDENTS, Paging::Offset, READ);

/// Reads one incident by ID or number.
pub const GET_INCIDENT: Operation = Operation::get("getIncident", "/incidents/{id}", &INCIDENTS, READ);

/// Creates an incident, which pages its assignees.
pub const CREATE_INCIDENT: Operation =
    Operation::create("createIncident", "/incidents", &INCIDENTS, Answer::One(&INCIDENTS), WRITE);

/// Updates one incident, for example its status.
pub const UPDATE_INCIDENT: Operation = Operation::update("updateIncident", "/incidents/{id}", &INCIDENTS, WRITE);

/// Updates up to 250 incidents: all of them, or none.
pub const UPDATE_INCIDENTS: Operation = Operation::update_all("updateIncidents", "/incidents", &INCIDENTS, WRITE);

/// Lists the types that incidents can have.
pub const LIST_INCIDENT_TYPES: Operation =
    Operation::list("listIncidentTypes", "/incidents/types", &INCIDENT_TYPES, Paging::Whole, &["incident_types.read"]);

/// Sets custom fields of an incident.
pub const SET_INCIDENT_FIELD_VALUES: Operation = Operation {
    answer: Answer::Many(&FIELD_VALUES, Paging::Whole),
    ..Operation::update("setIncidentFieldValues", "/incidents/{id}/custom_fields/values", &INCIDENTS, WRITE)
};

/// Snoozes an incident for some seconds.
pub const CREATE_INCIDENT_SNOOZE: Operation =
    Operation::create("createIncidentSnooze", "/incidents/{id}/snooze", &INCIDENTS, Answer::One(&INCIDENTS), WRITE);

/// Merges other incidents into one.
pub const MERGE_INCIDENTS: Operation = Operation::update("mergeIncidents", "/incidents/{id}/merge", &INCIDENTS, WRITE);

/// Changes a note on an incident.
pub const UPDATE_INCIDENT_NOTE: Operation =
    Operation::update("updateIncidentNote", "/incidents/{id}/notes/{note_id}", &NOTES, WRITE).below(&INCIDENTS);

/// Deletes a note on an incident.
pub const DELETE_INCIDENT_NOTE: Operation =
    Operation::delete("deleteIncidentNote", "/incidents/{id}/notes/{note_id}", &NOTES, WRITE).below(&INCIDENTS);

/// Lists the notes on an incident.
pub const LIST_INCIDENT_NOTES: Operation =
    Operation::list_of("listIncidentNotes", "/incidents/{id}/notes", &INCIDENTS, &NOTES, READ);

/// Adds a note to an incident.
pub const CREATE_INCIDENT_NOTE: Operation =
    Operation::create("createIncidentNote", "/incidents/{id}/notes", &INCIDENTS, Answer::One(&NOTES), WRITE);

/// Lists similar incidents of the past.
pub const GET_PAST_INCIDENTS: Operation =
    Operation::list_of("getPastIncidents", "/incidents/{id}/past_incidents", &INCIDENTS, &PAST_INCIDENTS, READ);

/// Lists related incidents on other services.
pub const GET_RELATED_INCIDENTS: Operation = Operation::list_of(
    "getRelatedIncidents",
    "/incidents/{id}/related_incidents",
    &INCIDENTS,
    &RELATED_INCIDENTS,
    READ,
);

/// Reads how often incidents like this one occur on its service.
pub const GET_OUTLIER_INCIDENT: Operation =
    Operation::get_of("getOutlierIncident", "/incidents/{id}/outlier_incident", &INCIDENTS, &OUTLIER_INCIDENT, READ);
