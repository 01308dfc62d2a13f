//! The alerts of incidents.

use super::incidents::INCIDENTS;
use crate::{Answer, Operation, Paging, Resource};

/// Alerts. An alert belongs to one incident.
pub const ALERTS: Resource = Resource { noun: "alert", one: "alert", many: "alerts", pages: &[] };

pub(super) const ALL: &[&Operation] = &[&LIST_INCIDENT_ALERTS, &GET_INCIDENT_ALERT, &UPDATE_INCIDENT_ALERTS];

const READ: &[&str] = &["incidents.read"];
const WRITE: &[&str] = &["incidents.write"];

/// Lists the alerts of an incident.
pub const LIST_INCIDENT_ALERTS: Operation =
    Operation::pages_of("listIncidentAlerts", "/incidents/{id}/alerts", &INCIDENTS, &ALERTS, READ);

/// Reads one alert of an incident.
pub const GET_INCIDENT_ALERT: Operation =
    Operation::get("getIncidentAlert", "/incidents/{id}/alerts/{alert_id}", &ALERTS, READ).below(&INCIDENTS);

/// Resolves or reopens up to 250 alerts of an incident, or moves them to another one: all of them, or none.
pub const UPDATE_INCIDENT_ALERTS: Operation = Operation {
    answer: Answer::Many(&ALERTS, Paging::Whole),
    ..Operation::update("updateIncidentAlerts", "/incidents/{id}/alerts", &INCIDENTS, WRITE)
};
