//! The alerts of incidents.

use super::incidents::INCIDENTS;
use crate::{Operation, Resource};

/// Alerts. An alert belongs to one incident.
pub const ALERTS: Resource = Resource { noun: "alert", one: "alert", many: "alerts", pages: &[] };

pub(super) const ALL: &[&Operation] = &[&LIST_INCIDENT_ALERTS, &GET_INCIDENT_ALERT];

const READ: &[&str] = &["incidents.read"];

/// Lists the alerts of an incident.
pub const LIST_INCIDENT_ALERTS: Operation =
    Operation::pages_of("listIncidentAlerts", "/incidents/{id}/alerts", &INCIDENTS, &ALERTS, READ);

/// Reads one alert of an incident.
pub const GET_INCIDENT_ALERT: Operation =
    Operation::get("getIncidentAlert", "/incidents/{id}/alerts/{alert_id}", &ALERTS, READ).below(&INCIDENTS);
