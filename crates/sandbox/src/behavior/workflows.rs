//! Incident workflows and their triggers: <https://developer.pagerduty.com/api-reference/b2f1f0a3a2b5d-list-incident-workflows>.

use serde_json::{Value, json};

use crate::account::Account;
use crate::call::Call;
use crate::documents::{Document, entries, id_of, text};
use crate::engine;
use crate::kinds::{INCIDENT_WORKFLOW, SERVICE, WORKFLOW_TRIGGER};
use crate::reply::{self, Answer, OrNotFound};
use crate::view::{View, with};

/// Answers `GET /incident_workflows`, without their steps unless `include[]` names them.
pub fn list(account: &Account, call: &Call) -> Answer {
    call.caller.may_automate()?;
    let workflows = engine::select(&INCIDENT_WORKFLOW, account, &call.params);
    let includes = call.includes();
    let view = call.view(account, &includes);
    reply::list(INCIDENT_WORKFLOW.many, &workflows, &call.params, |workflow| {
        let mut shown = whole(workflow, view);
        if !view.includes("steps") {
            shown.shift_remove("steps");
        }
        shown
    })
}

/// Returns a workflow as PagerDuty shows it, without the field for a team if it has none.
fn whole(workflow: &Document, view: View<'_>) -> Document {
    let mut shown = view.whole(&INCIDENT_WORKFLOW, workflow);
    if shown.get("team").is_some_and(Value::is_null) {
        shown.shift_remove("team");
    }
    shown
}

/// Answers `GET /incident_workflows/{id}`.
pub fn show(account: &Account, call: &Call) -> Answer {
    call.caller.may_automate()?;
    let workflow = account.documents.get(&INCIDENT_WORKFLOW, &call.id).or_404()?;
    let includes = call.includes();
    reply::one(INCIDENT_WORKFLOW.name, &whole(workflow, call.view(account, &includes)))
}

/// Answers `GET /incident_workflows/triggers`.
pub fn triggers(account: &Account, call: &Call) -> Answer {
    call.caller.may_automate()?;
    let triggers = engine::select(&WORKFLOW_TRIGGER, account, &call.params);
    let view = call.view(account, &[]);
    reply::pages(("triggers", true), &triggers, &call.params, |trigger| shown(trigger, view))
}

fn shown(trigger: &Document, view: View<'_>) -> Value {
    let id = uuid(text(trigger, "id"));
    let url = format!("{}/incident_workflows/triggers/{id}", view.base);
    let workflow = trigger.get("workflow").map(id_of).unwrap_or_default();
    let workflow = view.account.documents.get(&INCIDENT_WORKFLOW, workflow);
    let workflow = workflow.map(|workflow| {
        let shown = view.head(&INCIDENT_WORKFLOW, "workflow_reference", text(workflow, "id"), text(workflow, "name"));
        with(shown, json!({"name": workflow.get("name"), "description": workflow.get("description")}))
    });
    let name = match text(trigger, "trigger_type") {
        "manual" => "Manual Trigger",
        _ => "Conditional Trigger",
    };
    let services = entries(trigger, "services").iter().filter_map(|service| {
        let service = view.account.documents.get(&SERVICE, id_of(service))?;
        Some(Value::Object(view.head(&SERVICE, SERVICE.name, text(service, "id"), text(service, "name"))))
    });
    let mut shown = json!({
        "id": id,
        "type": WORKFLOW_TRIGGER.name,
        "trigger_type_name": name,
        "trigger_type": trigger.get("trigger_type"),
        "condition": trigger.get("condition"),
        "trigger_url": format!("{url}/start"),
        "self": url,
        "workflow_id": workflow.as_ref().map(|one| text(one, "id")),
        "workflow_name": workflow.as_ref().map(|one| text(one, "name")),
        "is_subscribed_to_all_services": trigger.get("is_subscribed_to_all_services"),
        "services": services.collect::<Value>(),
        "workflow": workflow,
        "permissions": trigger.get("permissions"),
        "is_disabled": trigger.get("is_disabled"),
    });
    if let Some(fields) = shown.as_object_mut().filter(|fields| fields.get("condition").is_some_and(Value::is_null)) {
        fields.shift_remove("condition");
    }
    shown
}

/// Returns an ID of hexadecimal digits as PagerDuty writes those of triggers.
fn uuid(id: &str) -> String {
    let mut shown = String::new();
    for (place, digit) in id.to_lowercase().chars().enumerate() {
        if [8, 12, 16, 20].contains(&place) {
            shown.push('-');
        }
        shown.push(digit);
    }
    shown
}

/// Refuses an unknown type of trigger.
pub fn check(trigger: &Document) -> Result<(), String> {
    match text(trigger, "trigger_type") {
        "manual" | "conditional" | "incident_type" => Ok(()),
        other => Err(format!("trigger_type must be manual, conditional or incident_type, not {other:?}")),
    }
}

/// Returns whether a trigger is for the incidents of a service.
pub fn is_for_service(_: &Account, trigger: &Document, service: &str) -> bool {
    trigger.get("is_subscribed_to_all_services").and_then(Value::as_bool) == Some(true)
        || entries(trigger, "services").iter().any(|one| id_of(one) == service)
}

/// Returns whether a trigger is for the service of an incident.
pub fn is_for_incident(account: &Account, trigger: &Document, incident: &str) -> bool {
    account.incident(incident).is_some_and(|incident| is_for_service(account, trigger, &incident.service))
}

/// Returns whether the name of the workflow contains a text.
pub fn has_in_name(account: &Account, trigger: &Document, wanted: &str) -> bool {
    let workflow = trigger.get("workflow").map(id_of).unwrap_or_default();
    let workflow = account.documents.get(&INCIDENT_WORKFLOW, workflow);
    workflow.is_some_and(|workflow| text(workflow, "name").to_lowercase().contains(&wanted.to_lowercase()))
}

/// Returns whether a trigger is disabled, as the text of a parameter says.
pub fn is_disabled(_: &Account, trigger: &Document, wanted: &str) -> bool {
    trigger.get("is_disabled").and_then(Value::as_bool) == wanted.parse().ok()
}
