//! The state of a service, which follows from its incidents.

use serde_json::Value;

use super::maintenance_windows;
use crate::account::{Account, Status};
use crate::documents::{Document, text};

/// Returns the status of a service, which is critical while one of its incidents is triggered, and a warning while all
/// open ones are acknowledged. A service that is disabled or in maintenance stays so, and one with a maintenance window is
/// in maintenance as long as that lasts.
pub fn status(account: &Account, service: &Document) -> Value {
    let has = |status: Status| account.incidents_of(text(service, "id")).any(|incident| incident.status == status);
    let status = match text(service, "status") {
        "active" if maintenance_windows::covers(account, text(service, "id")) => "maintenance",
        "active" if has(Status::Triggered) => "critical",
        "active" if has(Status::Acknowledged) => "warning",
        status => status,
    };
    status.into()
}

/// Returns the status to store for the one in a request. Only services that are not enabled store theirs.
///
/// A new service can only be active: <https://developer.pagerduty.com/api-reference/7062f2631b397-create-a-service>.
pub fn enabled(stored: Option<&Document>, status: &Value) -> Result<Value, String> {
    match (status.as_str(), stored) {
        (Some("active"), _) | (Some("warning" | "critical"), Some(_)) => Ok("active".into()),
        (Some("maintenance" | "disabled"), Some(_)) => Ok(status.clone()),
        (_, None) => Err(format!("status of a new service must be active, not {status}")),
        (_, Some(_)) => Err(format!("status must be active, warning, critical, maintenance or disabled, not {status}")),
    }
}

/// Returns the time of the latest incident.
pub fn last_incident(account: &Account, service: &Document) -> Value {
    account.incidents_of(text(service, "id")).last().map(|incident| incident.created_at.to_string()).into()
}
