//! Runs that users start: <https://developer.pagerduty.com/api-reference/8c9ad1b72a9ed-create-an-invocation> and
//! <https://developer.pagerduty.com/api-reference/45e9c8f2a6d0c-start-an-incident-workflow-instance>.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::automations;
use super::changes::{Change, Record};
use crate::account::{Account, Bridge, Status};
use crate::call::Call;
use crate::documents::{Document, entries, reference, text};
use crate::kinds::{AUTOMATION_ACTION, INCIDENT, INCIDENT_WORKFLOW, INVOCATION, USER};
use crate::reply::{self, Answer, OrNotFound, Problem};

/// The times after which a run is queued, and begins.
const QUEUED: SignedDuration = SignedDuration::from_millis(200);

/// Returns the length of a run in seconds, and the state that it ends in.
fn course(action: &Document) -> (i64, &'static str) {
    match (text(action, "action_type"), text(action, "action_classification")) {
        ("process_automation", _) => (90, "completed"),
        (_, "remediation") => (1, "error"),
        _ => (1, "completed"),
    }
}

/// Returns the state of a run at a time. A stored run has the state that it ends in.
pub fn state_at(run: &Document, began: Timestamp, now: Timestamp) -> String {
    let seconds = run.get("duration").and_then(Value::as_i64);
    match seconds {
        Some(seconds) if now < began + SignedDuration::from_secs(seconds) => {
            if now < began + QUEUED { "queued" } else { "running" }.to_owned()
        }
        _ => text(run, "state").to_owned(),
    }
}

/// Answers `POST /automation_actions/actions/{id}/invocations`.
pub fn invoke(account: &mut Account, call: &Call) -> Answer {
    call.caller.may_automate()?;
    let by = call.actor(account)?;
    let action = account.documents.get(&AUTOMATION_ACTION, &call.id).or_404()?;
    let body = call.body()?;
    let metadata = body.get("invocation").and_then(|invocation| invocation.get("metadata"));
    let field = |name: &str| metadata.and_then(|metadata| metadata.get(name)?.as_str()).unwrap_or_default();
    let incident = account.incident(field("incident_id")).ok_or_else(|| Problem::invalid("Incident Not Found"))?;
    let is = |name: &str| action.get(name).and_then(Value::as_bool).unwrap_or_default();
    if !is("allow_invocation_manually") {
        return Err(Problem::invalid("Action cannot be invoked manually."));
    }
    if is("only_invocable_on_unresolved_incidents") && incident.status == Status::Resolved {
        return Err(Problem::invalid("Action can only be invoked on unresolved incidents."));
    }
    if !automations::is_for_service(account, action, &incident.service) {
        return Err(Problem::invalid("Action is not associated with the service of the incident."));
    }
    let alert = field("alert_id");
    if !alert.is_empty() && !incident.alerts.iter().any(|one| one.id == alert) {
        return Err(Problem::invalid("Alert Not Found"));
    }
    let (seconds, state) = course(action);
    let id = format!("01KNEW{:020}", account.records.len() + 1);
    let run = json!({
        "id": id, "action": reference(&AUTOMATION_ACTION, &call.id), "incident": incident.id,
        "user": reference(&USER, &by), "state": state, "created_at": account.clock.now().to_string(), "duration": seconds,
    });
    let Value::Object(run) = run else { return Err(Problem::of_status(500)) };
    account.rewrite(&INVOCATION, run, by)?;
    let run = account.documents.get(&INVOCATION, &id).or_404()?;
    reply::one(INVOCATION.name, &automations::run_shown(run, call.view(account, &[])))
}

/// Answers `POST /incident_workflows/{id}/instances`. Of the steps, those that change the incident take effect.
pub fn start(account: &mut Account, call: &Call) -> Answer {
    call.caller.may_automate()?;
    let by = call.actor(account)?;
    let workflow = account.documents.get(&INCIDENT_WORKFLOW, &call.id).or_404()?;
    let body = call.body()?;
    let instance = body.get("incident_workflow_instance");
    let instance = instance.ok_or_else(|| Problem::invalid("Incident workflow instance cannot be empty."))?;
    let id = instance.get("incident").and_then(|incident| incident.get("id")?.as_str()).unwrap_or_default().to_owned();
    account.incident(&id).ok_or_else(|| Problem::invalid("Incident Not Found"))?;
    if workflow.get("is_enabled") == Some(&false.into()) {
        return Err(Problem::invalid("Incident workflow is disabled."));
    }
    let name = text(workflow, "name").to_owned();
    let steps = entries(workflow, "steps").iter();
    let is_bridge = |step: &Value| step.to_string().contains(":add-conference-bridge:");
    let bridge = steps
        .clone()
        .find(|step| is_bridge(step))
        .map(|_| Bridge { number: String::new(), url: format!("https://meet.acme.example/{id}") });
    let steps: Vec<_> = steps.filter_map(|step| step.get("name")?.as_str()).collect();
    let note = format!("Workflow {name}: {}.", steps.join(", "));
    let change = Change { conference_bridge: bridge, note: Some(note), ..Change::default() };
    let at = account.clock.now();
    account.perform(Record { at, by, incident: id.clone(), change })?;
    let incident = account.incident(&id).or_404()?;
    let shown = json!({
        "id": format!("PRUN{:08}", account.records.len()),
        "type": "incident_workflow_instance",
        "incident": call.view(account, &[]).reference(&INCIDENT, &id, &incident.summary),
    });
    reply::one("incident_workflow_instance", &shown)
}
