//! The state of a service, which follows from its incidents.

use serde_json::Value;

use crate::account::{Account, Status};
use crate::documents::{Document, text};

/// Returns the status of a service, which is critical while one of its incidents is triggered, and a warning while all
/// open ones are acknowledged. Services that are disabled or in maintenance stay so.
pub fn status(account: &Account, service: &Document) -> Value {
    let has = |status: Status| account.incidents_of(text(service, "id")).any(|incident| incident.status == status);
    let status = match text(service, "status") {
        "active" if has(Status::Triggered) => "critical",
        "active" if has(Status::Acknowledged) => "warning",
        status => status,
    };
    status.into()
}

/// Returns the time of the latest incident.
pub fn last_incident(account: &Account, service: &Document) -> Value {
    account.incidents_of(text(service, "id")).last().map(|incident| incident.created_at.to_string()).into()
}
