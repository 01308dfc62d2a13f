//! Opens, changes and ends maintenance windows.

use std::collections::BTreeSet;

use jiff::Timestamp;
use pagerduty_api::operations::maintenance::{
    CREATE_MAINTENANCE_WINDOW, DELETE_MAINTENANCE_WINDOW, GET_MAINTENANCE_WINDOW, LIST_MAINTENANCE_WINDOWS,
    UPDATE_MAINTENANCE_WINDOW,
};
use pagerduty_rows::fields::{Field, Keep, nested, plain};
use serde_json::{Map, Value, json};
use tokio::sync::OwnedMutexGuard;

use super::declared::{Declared, Done, Echo, Expected, Proof, Source, State, comparable};
use super::incident_state::named;
use crate::client::{Api, Query, Request};
use crate::error::Result;
use crate::ids::Id;
use crate::models::{MaintenanceWindow, Service};
use crate::receipts::Fields;

/// The fields of windows by which they are compared and shown.
const STATE: &[Field] = &[
    plain("id"),
    plain("start_time"),
    plain("end_time"),
    Field { name: "description", source: "description", keep: Keep::Raw, derive: None },
    nested("services", &[plain("id"), plain("name"), plain("summary")]),
];

/// Returns the state of a window, with times in UTC.
fn read(window: &Map<String, Value>) -> Fields {
    let time = |name: &str| {
        let at = window.get(name).and_then(Value::as_str).and_then(|at| at.parse::<Timestamp>().ok());
        Value::from(at.map(|at| at.to_string()))
    };
    let services = window.get("services").and_then(Value::as_array).into_iter().flatten();
    let description = window.get("description").filter(|text| text.as_str() != Some("")).cloned();
    Fields::from_iter([
        ("start".to_owned(), time("start_time")),
        ("end".to_owned(), time("end_time")),
        ("description".to_owned(), description.unwrap_or_default()),
        ("services".to_owned(), services.map(named).collect()),
    ])
}

/// Returns the way to the windows of services that have not ended.
fn open_windows(services: &[Id<Service>]) -> Source {
    let query = Query::new().with_all("service_ids", services).with("filter", Some("open")).with("limit", Some(100));
    Source { request: Request::new(&LIST_MAINTENANCE_WINDOWS, query), fields: STATE, read }
}

fn source(id: &Id<MaintenanceWindow>) -> Source {
    Source { request: Request::on(&GET_MAINTENANCE_WINDOW, id, Query::new()), fields: STATE, read }
}

/// Returns the body that gives a window these values.
fn body(fields: &Fields) -> Value {
    let mut window = Map::from_iter([("type".to_owned(), Value::from("maintenance_window"))]);
    for (name, value) in fields {
        let (name, value) = match name.as_str() {
            "start" => ("start_time", value.clone()),
            "end" => ("end_time", value.clone()),
            "services" => {
                let services = value.as_array().into_iter().flatten();
                let reference = |one: &Value| json!({"id": comparable(one), "type": "service_reference"});
                ("services", services.map(reference).collect())
            }
            "description" => ("description", if value.is_null() { "".into() } else { value.clone() }),
            _ => continue,
        };
        window.insert(name.to_owned(), value);
    }
    json!({ "maintenance_window": window })
}

impl Api {
    /// Reads a maintenance window.
    pub async fn window_fields(&self, id: &Id<MaintenanceWindow>) -> Result<Fields> {
        let source = source(id);
        let found = self.state(&source).await?.into_values().next();
        found.ok_or_else(|| self.unexpected(&source.request, "it has no usable id"))
    }

    /// Waits until no other call with this credential opens windows of these services, and prevents others from doing so
    /// until the returned guards are dropped.
    ///
    /// PagerDuty has no key that identifies a window, so the windows are read and opened under one guard.
    pub async fn hold_windows(&self, services: &[Id<Service>]) -> Vec<OwnedMutexGuard<()>> {
        // Two calls that wait for each other would never end, so all wait in the same order.
        let ids: BTreeSet<_> = services.iter().map(Id::as_str).collect();
        let mut held = Vec::with_capacity(ids.len());
        for id in ids {
            held.push(self.account.memory.lock(&format!("windows of service {id}")).await);
        }
        held
    }

    /// Reads the maintenance windows of services that have not ended.
    pub async fn open_windows(&self, services: &[Id<Service>]) -> Result<State> {
        self.state(&open_windows(services)).await
    }

    /// Opens a maintenance window. Its start is not compared if it begins at once: PagerDuty sets it to its own time.
    pub async fn open_window(
        &self,
        services: &[Id<Service>],
        fields: &Fields,
        at_once: bool,
        from: Option<String>,
    ) -> Result<Done> {
        let mut wanted = fields.clone();
        if at_once {
            wanted.shift_remove("start");
        }
        let declared = Declared {
            request: Request::new(&CREATE_MAINTENANCE_WINDOW, Query::new()),
            body: body(fields),
            gerund: "opening",
            check: "set_maintenance with the same arguments and dry_run=true".to_owned(),
            sources: vec![open_windows(services)],
            proof: Proof::New { fields: wanted, at: None },
            echo: Echo::Objects(&[]),
        };
        self.make(&declared, from).await
    }

    /// Changes a maintenance window. PagerDuty wants its times and services even if they stay as they are.
    pub async fn change_window(
        &self,
        id: &Id<MaintenanceWindow>,
        before: &Fields,
        wanted: &Fields,
        from: Option<String>,
    ) -> Result<Done> {
        let mut all = before.clone();
        all.shift_remove("description");
        all.extend(wanted.clone());
        let declared = Declared {
            request: Request::on(&UPDATE_MAINTENANCE_WINDOW, id, Query::new()),
            body: body(&all),
            gerund: "changing",
            check: format!("set_maintenance with window_id={id} and dry_run=true"),
            sources: vec![source(id)],
            proof: Proof::Set(vec![Expected { fields: wanted.clone(), ..Expected::of(id.as_str()) }]),
            echo: Echo::Objects(&[]),
        };
        self.make(&declared, from).await
    }

    /// Returns whether this process ended or removed a window before.
    #[must_use]
    pub fn has_ended_window(&self, id: &Id<MaintenanceWindow>) -> bool {
        self.account.memory.was_removed(&format!("window {id}"))
    }

    /// Removes a window that has not begun, or ends one that has.
    pub async fn end_window(
        &self,
        id: &Id<MaintenanceWindow>,
        before: &Fields,
        has_begun: bool,
        from: Option<String>,
    ) -> Result<Done> {
        self.account.memory.removes(format!("window {id}"));
        let end = before.get("end").cloned().unwrap_or_default();
        let replaced = Fields::from_iter([("end".to_owned(), end)]);
        let declared = Declared {
            request: Request::on(&DELETE_MAINTENANCE_WINDOW, id, Query::new()),
            body: Value::Null,
            gerund: "ending",
            check: format!("set_maintenance with window_id={id} and dry_run=true"),
            sources: vec![source(id)],
            proof: if has_begun {
                Proof::Set(vec![Expected { replaced, ..Expected::of(id.as_str()) }])
            } else {
                Proof::Gone(id.to_string())
            },
            echo: Echo::Nothing,
        };
        self.make(&declared, from).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_has_only_given_values() {
        let fields: Fields =
            serde_json::from_value(json!({"end": "2026-12-01T10:00:00Z", "services": [{"id": "P1"}]})).unwrap();
        let services = json!([{"id": "P1", "type": "service_reference"}]);
        let window = json!({"type": "maintenance_window", "end_time": "2026-12-01T10:00:00Z", "services": services});
        assert_eq!(body(&fields), json!({ "maintenance_window": window }));
    }

    #[test]
    fn times_are_compared_in_utc() {
        let window = json!({"start_time": "2026-12-01T10:00:00+02:00", "end_time": "x", "description": "",
            "services": [{"id": "P1", "summary": "Mail"}]});
        let state = read(window.as_object().unwrap());
        assert_eq!((&state["start"], &state["end"]), (&json!("2026-12-01T08:00:00Z"), &Value::Null));
        assert_eq!((&state["description"], &state["services"]), (&Value::Null, &json!([{"id": "P1", "name": "Mail"}])));
    }
}
