//! Automation actions, their runs, and the memories of the SRE agent:
//! <https://developer.pagerduty.com/api-reference/357ed15419f64-get-an-automation-action>.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::runs;
use crate::account::Account;
use crate::call::Call;
use crate::documents::{Document, entries, id_of, text};
use crate::engine;
use crate::kinds::{AUTOMATION_ACTION, INCIDENT, INVOCATION, MEMORY, SERVICE, TEAM, USER};
use crate::reply::{self, Answer, OrNotFound};
use crate::view::View;

/// The fields of an action that are shown as they are stored, in the order of PagerDuty's answers.
const PLAIN: &[&str] = &[
    "name",
    "description",
    "action_type",
    "action_classification",
    "runner",
    "runner_type",
    "action_data_reference",
    "only_invocable_on_unresolved_incidents",
    "allow_invocation_manually",
    "allow_invocation_from_event_orchestration",
    "map_to_all_services",
];

/// Answers `GET /automation_actions/actions`, by name.
pub fn list(account: &Account, call: &Call) -> Answer {
    call.caller.may_automate()?;
    let actions = engine::select(&AUTOMATION_ACTION, account, &call.params);
    let view = call.view(account, &[]);
    reply::pages(("actions", false), &actions, &call.params, |action| shown(action, view))
}

/// Answers `GET /automation_actions/actions/{id}`, which has the teams too.
pub fn show(account: &Account, call: &Call) -> Answer {
    call.caller.may_automate()?;
    let action = account.documents.get(&AUTOMATION_ACTION, &call.id).or_404()?;
    let view = call.view(account, &[]);
    let mut shown = shown(action, view);
    let teams = entries(action, "teams").iter().map(|team| view.link(&TEAM, id_of(team), ""));
    shown.insert("teams".to_owned(), teams.collect());
    reply::one(AUTOMATION_ACTION.name, &shown)
}

fn shown(action: &Document, view: View<'_>) -> Document {
    let id = text(action, "id");
    let mut shown = view.head(&AUTOMATION_ACTION, AUTOMATION_ACTION.name, id, text(action, "name"));
    for field in PLAIN {
        shown.insert((*field).to_owned(), action.get(*field).cloned().unwrap_or_default());
    }
    let services = entries(action, "services").iter().map(|service| view.link(&SERVICE, id_of(service), ""));
    shown.insert("services".to_owned(), services.collect());
    shown.insert("privileges".to_owned(), json!({"permissions": ["invoke"]}));
    for field in ["creation_time", "modify_time"] {
        shown.insert(field.to_owned(), text(action, "created_at").into());
    }
    let runs = view.account.documents.all(&INVOCATION).iter().filter(|run| run.get("action").map(id_of) == Some(id));
    if let Some(last) = runs.max_by_key(|run| created(run)) {
        shown.insert("last_run".to_owned(), text(last, "created_at").into());
        let user = last.get("user").map(|user| view.link(&USER, id_of(user), ""));
        shown.insert("last_run_by".to_owned(), user.unwrap_or_default());
    }
    shown
}

/// Returns whether an action is for the incidents of a service.
pub fn is_for_service(_: &Account, action: &Document, service: &str) -> bool {
    action.get("map_to_all_services").and_then(Value::as_bool) == Some(true)
        || entries(action, "services").iter().any(|one| id_of(one) == service)
}

fn created(run: &Document) -> Option<Timestamp> {
    text(run, "created_at").parse().ok()
}

/// Answers `GET /automation_actions/invocations`, the latest first.
pub fn runs(account: &Account, call: &Call) -> Answer {
    call.caller.may_automate()?;
    let mut runs = engine::select(&INVOCATION, account, &call.params);
    runs.sort_by_key(|run| std::cmp::Reverse(created(run)));
    let view = call.view(account, &[]);
    reply::all("invocations", runs.into_iter().map(|run| run_shown(run, view)))
}

/// Answers `GET /automation_actions/invocations/{id}`.
pub fn run(account: &Account, call: &Call) -> Answer {
    call.caller.may_automate()?;
    let run = account.documents.get(&INVOCATION, &call.id).or_404()?;
    reply::one(INVOCATION.name, &run_shown(run, call.view(account, &[])))
}

pub fn run_shown(run: &Document, view: View<'_>) -> Value {
    let action = run.get("action").map(id_of).unwrap_or_default();
    let snapshot = view.account.documents.get(&AUTOMATION_ACTION, action).map(|action| {
        let field = |name: &str| action.get(name).cloned();
        json!({"name": field("name"), "action_type": field("action_type"),
            "action_data_reference": field("action_data_reference")})
    });
    let began = created(run).unwrap_or_default();
    let state = runs::state_at(run, began, view.account.clock.now());
    let is_over = state == text(run, "state");
    let seconds = run.get("duration").and_then(Value::as_i64).filter(|_| is_over);
    let timing = |after: i64, state: &str| json!({"timestamp": (began + SignedDuration::from_secs(after)).to_string(), "state": state});
    let mut timings = vec![timing(0, "created"), timing(0, "queued")];
    timings.extend((state != "queued").then(|| timing(1, "running")));
    timings.extend(seconds.map(|seconds| timing(seconds, &state)));
    let user = run.get("user").map(|user| view.link(&USER, id_of(user), ""));
    let incident = view.account.incident(text(run, "incident"));
    let incident = incident.map(|incident| view.reference(&INCIDENT, &incident.id, &incident.summary));
    let mut shown = json!({
        "id": text(run, "id"),
        "type": INVOCATION.name,
        "action_id": action,
        "action_snapshot": snapshot,
        "runner_id": view.account.documents.get(&AUTOMATION_ACTION, action).map(|action| text(action, "runner")),
        "state": state,
        "timing": timings,
        "metadata": {"agent": user},
    });
    if let Some(fields) = shown.as_object_mut() {
        fields.extend(seconds.map(|seconds| ("duration".to_owned(), seconds.into())));
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.extend(incident.map(|incident| ("incident".to_owned(), incident.into())));
        }
    }
    shown
}

/// The default number of memories.
const MEMORIES: usize = 20;

/// The maximum number of memories.
const MAX_MEMORIES: usize = 100;

/// Answers `GET /sre_agent/memories`.
pub fn memories(account: &Account, call: &Call) -> Answer {
    if call.caller.may_automate().is_err() {
        return Err(reply::Problem::access_denied());
    }
    let memories = engine::select(&MEMORY, account, &call.params);
    let limit = call.params.one("limit").and_then(|limit| limit.parse().ok()).unwrap_or(MEMORIES);
    let limit = limit.clamp(1, MAX_MEMORIES);
    let shown: Vec<_> = memories.iter().take(limit).map(|memory| memory_shown(memory)).collect();
    reply::written(&json!({"memories": shown, "limit": limit}))
}

fn memory_shown(memory: &Document) -> Value {
    let mut attributes = json!({"account_id": "PACME01", "type": text(memory, "memory_type")});
    if let Some(fields) = attributes.as_object_mut() {
        let service = memory.get("service").map(id_of).filter(|id| !id.is_empty());
        let incident = Some(text(memory, "incident")).filter(|id| !id.is_empty());
        fields.extend(service.map(|id| ("service_id".to_owned(), id.into())));
        fields.extend(incident.map(|id| ("incident_id".to_owned(), id.into())));
    }
    json!({
        "id": text(memory, "id"),
        "type": text(memory, "memory_type"),
        "content": text(memory, "content"),
        "attributes": attributes,
        "created_at": text(memory, "created_at"),
        "updated_at": text(memory, "updated_at"),
    })
}
