//! Starts automation actions and workflows on an incident, and reads runs of actions.
//!
//! A run is never started twice: after a lost response, an identical call looks for the run and sends nothing.

use pagerduty_api::operations::automations::{GET_INVOCATION, LIST_INVOCATIONS};
use pagerduty_api::operations::runs::{CREATE_INVOCATION, CREATE_WORKFLOW_INSTANCE};
use pagerduty_rows::fields::{Field, Keep, plain};
use serde_json::{Map, Value, json};

use super::declared::{Declared, Done, Echo, Proof, Source};
use crate::client::{Api, Query, Request};
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Alert, AutomationAction, Incident, Invocation, User, Workflow};
use crate::receipts::Fields;

const RUN: &[Field] =
    &[plain("id"), plain("action_id"), plain("state"), plain("duration"), raw("metadata"), raw("timing")];

const fn raw(name: &'static str) -> Field {
    Field { name, source: name, keep: Keep::Raw, derive: None }
}

/// Returns the state of a run of an action.
fn read(run: &Map<String, Value>) -> Fields {
    let get = |name: &str| run.get(name).cloned().unwrap_or_default();
    let of = |name: &str| run.get("metadata").and_then(|metadata| metadata.get(name)?.get("id").cloned());
    let timing = run.get("timing").and_then(Value::as_array).into_iter().flatten();
    // The description names the time `timestamp`, and its example `creation_timestamp`.
    let at = |one: &Value| {
        let at = one.get("timestamp").or_else(|| one.get("creation_timestamp"))?.as_str()?;
        at.parse::<jiff::Timestamp>().ok()
    };
    let started = timing.filter_map(at).min().map(|at| at.to_string());
    Fields::from_iter([
        ("action".to_owned(), get("action_id")),
        ("incident".to_owned(), of("incident").unwrap_or_default()),
        ("agent".to_owned(), of("agent").unwrap_or_default()),
        ("state".to_owned(), get("state")),
        ("seconds".to_owned(), get("duration")),
        ("started_at".to_owned(), started.into()),
    ])
}

/// Returns the way to the runs of an action on an incident.
fn runs(action: &Id<AutomationAction>, incident: &Id<Incident>) -> Source {
    let query = Query::new().with("incident_id", Some(incident)).with("action_id", Some(action));
    Source { request: Request::new(&LIST_INVOCATIONS, query), fields: RUN, read }
}

impl Api {
    /// Returns the IDs of the runs of an action on an incident.
    pub async fn runs_of_action(&self, action: &Id<AutomationAction>, incident: &Id<Incident>) -> Result<Vec<String>> {
        Ok(self.state(&runs(action, incident)).await?.into_keys().collect())
    }

    /// Runs an automation action on an incident. `user` is the user of the credential, if it is known, and `known` are the
    /// runs of it so far.
    pub async fn run_action(
        &self,
        action: &Id<AutomationAction>,
        incident: &Id<Incident>,
        alert: Option<&Id<Alert>>,
        user: Option<&Id<User>>,
        known: Vec<String>,
        from: Option<String>,
    ) -> Result<Done> {
        let mut metadata = Map::from_iter([("incident_id".to_owned(), Value::from(incident.as_str()))]);
        metadata.extend(alert.map(|alert| ("alert_id".to_owned(), alert.as_str().into())));
        let mut fields = Fields::from_iter([
            ("action".to_owned(), Value::from(action.as_str())),
            ("incident".to_owned(), incident.as_str().into()),
        ]);
        fields.extend(user.map(|user| ("agent".to_owned(), user.as_str().into())));
        let declared = Declared {
            request: Request::on(&CREATE_INVOCATION, action, Query::new()),
            body: json!({"invocation": {"metadata": metadata}}),
            gerund: "running",
            check: format!("get_automations with incident_id={incident}"),
            sources: vec![runs(action, incident)],
            proof: Proof::Started { fields, at: "started_at", known },
            echo: Echo::Objects(&["agent", "incident"]),
        };
        self.make(&declared, from).await
    }

    /// Starts a workflow on an incident. PagerDuty does not list what was started.
    pub async fn start_workflow(
        &self,
        workflow: &Id<Workflow>,
        incident: &Id<Incident>,
        from: Option<String>,
    ) -> Result<Done> {
        let incident_reference = json!({"id": incident.as_str(), "type": "incident_reference"});
        let declared = Declared {
            request: Request::on(&CREATE_WORKFLOW_INSTANCE, workflow, Query::new()),
            body: json!({"incident_workflow_instance": {
                "type": "incident_workflow_instance", "incident": incident_reference,
            }}),
            gerund: "starting",
            check: format!("get_timeline with incident_id={incident}"),
            sources: Vec::new(),
            proof: Proof::Started { fields: Fields::new(), at: "started_at", known: Vec::new() },
            echo: Echo::Envelope,
        };
        self.make(&declared, from).await
    }

    /// Reads a run of an automation action.
    pub async fn run_of_action(&self, id: &Id<Invocation>) -> Result<Fields> {
        let source = Source { request: Request::on(&GET_INVOCATION, id, Query::new()), fields: RUN, read };
        let found = self.state(&source).await?.into_values().next();
        found.ok_or_else(|| self.unexpected(&source.request, "it has no usable id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_is_read_in_both_forms() {
        let run = json!({"id": "01A", "action_id": "01B", "state": "completed", "duration": 5,
            "metadata": {"agent": {"id": "PU"}, "incident": {"id": "Q1"}},
            "timing": [{"creation_timestamp": "2022-11-08T06:30:10.069000Z"}, {"timestamp": "2022-11-08T06:30:05Z"}]});
        let run = read(run.as_object().unwrap());
        assert_eq!(run["started_at"], "2022-11-08T06:30:05Z");
        assert_eq!((&run["agent"], &run["incident"], &run["seconds"]), (&json!("PU"), &json!("Q1"), &json!(5)));
        assert_eq!(read(&Map::new())["state"], Value::Null);
    }
}
