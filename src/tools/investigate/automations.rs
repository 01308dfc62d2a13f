//! The automations that can be run for an incident or a service, and their past runs.

mod tool;

use std::cmp::Reverse;

use jiff::Timestamp;
use pagerduty_api::Operation;
use pagerduty_api::operations::automations::{
    LIST_AUTOMATION_ACTIONS, LIST_INVOCATIONS, LIST_MEMORIES, LIST_WORKFLOW_TRIGGERS,
};
use serde_json::{Map, Value};
use tokio::sync::SetOnce;
use tokio::time::Instant;

use crate::client::Query;
use crate::error::{Error, Result};
use crate::ids::Id;
use crate::models::{AutomationAction, Incident, Invocation, Memory, Model, Page, Service, WorkflowTrigger};
use crate::tools::Context;
use crate::tools::gather::in_time;
use crate::tools::oncall::read::Named;
use crate::tools::times::Local;
use crate::tools::words::{quoted, sentence};

pub(super) use tool::GET_AUTOMATIONS;

/// The most characters of a description in a sentence.
const MAX_DESCRIPTION: usize = 120;

/// The most characters of a memory in a sentence.
const MAX_MEMORY: usize = 300;

/// The automations that can be run, and past runs.
#[derive(Debug, Default)]
pub struct Automations {
    /// The workflows.
    pub workflows: Vec<Startable>,
    /// The automation actions.
    pub actions: Vec<Action>,
    /// The runs of automation actions, the latest first.
    pub runs: Vec<Run>,
    /// The texts that PagerDuty's SRE agent keeps, runbooks first.
    pub memories: Vec<Remembered>,
    /// Warnings about what is missing.
    pub warnings: Vec<String>,
}

/// A workflow that can be started, or starts by itself.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "they are independent facts about the triggers")]
pub struct Startable {
    /// The workflow.
    pub workflow: Named,
    /// The purpose, as its author wrote it.
    pub description: Option<String>,
    /// Set if users can start it.
    pub is_manual: bool,
    /// Set if it can start by itself.
    pub is_automatic: bool,
    /// Set if its triggers were read.
    pub has_known_triggers: bool,
    /// The conditions under which it starts by itself.
    pub conditions: Vec<String>,
    /// Set if only a team may start it.
    pub is_restricted: bool,
}

/// An automation action.
#[derive(Clone, Debug)]
pub struct Action {
    /// The ID and the name.
    pub named: Named,
    /// The purpose, as its author wrote it.
    pub description: Option<String>,
    /// `diagnostic` or `remediation`.
    pub classification: Option<String>,
    /// `script` or `process_automation`.
    pub kind: Option<String>,
    /// The time of the last run on any incident.
    pub last_run: Option<Timestamp>,
    /// Set if it runs only while the incident is open.
    pub needs_open_incident: bool,
}

/// A run of an automation action.
#[derive(Clone, Debug)]
pub struct Run {
    /// The ID.
    pub id: String,
    /// The action.
    pub action: Named,
    /// `queued`, `running`, `completed`, `error`, …
    pub state: String,
    /// The time at which it was started.
    pub started_at: Option<Timestamp>,
    /// The length in seconds, once it has ended.
    pub seconds: Option<u64>,
    /// The user or the rule that started it.
    pub by: Option<Named>,
    /// The ID of the incident.
    pub incident_id: Option<String>,
}

/// A text that PagerDuty's SRE agent keeps.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// The ID.
    pub id: String,
    /// `runbook`, `service_profile`, `incident_playbook` or `incident_summary`.
    pub kind: String,
    /// The text.
    pub content: String,
    /// The time of the last change.
    pub updated_at: Option<Timestamp>,
}

/// Returns what can be run on an incident, and what ran, in one round trip. Actions are those of `service`, which is the
/// incident's.
///
/// A part that fails is a warning. If all parts fail, it fails with the first error.
pub async fn of_incident(cx: &Context, incident: &Id<Incident>, service: Option<&Id<Service>>) -> Result<Automations> {
    of(cx, Some(incident), service).await
}

/// Returns what can be run for a service.
pub async fn of_service(cx: &Context, service: &Id<Service>) -> Result<Automations> {
    of(cx, None, Some(service)).await
}

async fn of(cx: &Context, incident: Option<&Id<Incident>>, service: Option<&Id<Service>>) -> Result<Automations> {
    let late = SetOnce::new();
    // A trigger belongs to the service of its incident.
    let place = match incident {
        Some(id) => Query::new().with("incident_id", Some(id)),
        None => Query::new().with("service_id", service),
    };
    let of_service = service.map(|id| Query::new().with("service_id", Some(id)));
    let of_incident = incident.map(|id| Query::new().with("incident_id", Some(id)));
    let about = of_service.clone().or_else(|| of_incident.clone());
    let (workflows, actions, runs, memories) = tokio::join!(
        part(cx, &late, Some(place).map(|query| Box::pin(workflows(cx, query)))),
        part(cx, &late, of_service.map(|query| Box::pin(actions(cx, query)))),
        part(cx, &late, of_incident.map(|query| Box::pin(runs(cx, query)))),
        part(cx, &late, about.map(|query| Box::pin(memories(cx, query)))),
    );
    let mut parts = Parts::default();
    let found = Automations {
        workflows: parts.take("Workflows", workflows),
        actions: parts.take("Automation actions", actions),
        runs: parts.take("Runs of automation actions", runs),
        memories: parts.take("Memories", memories),
        warnings: Vec::new(),
    };
    parts.found(found)
}

/// The rows of a part, and whether PagerDuty has more.
type Rows<T> = Result<(Vec<T>, bool)>;

/// Waits for a part, which is late if it takes much longer than the first one. `None` is a part that is not requested.
async fn part<T>(
    cx: &Context,
    late: &SetOnce<Instant>,
    request: Option<impl Future<Output = Rows<T>>>,
) -> Option<Rows<T>> {
    let answer = in_time(request?, late).await;
    if answer.is_ok() {
        let _ = late.set(cx.api.grace());
    }
    Some(answer)
}

/// The warnings about parts.
#[derive(Default)]
struct Parts {
    warnings: Vec<String>,
    failure: Option<Error>,
    has_any: bool,
}

impl Parts {
    /// Returns what was found with the warnings, or the first error if no part could be read.
    fn found(self, found: Automations) -> Result<Automations> {
        match self.failure {
            Some(error) if !self.has_any => Err(error),
            _ => Ok(Automations { warnings: self.warnings, ..found }),
        }
    }

    /// Returns the rows of a part.
    fn take<T>(&mut self, what: &str, rows: Option<Rows<T>>) -> Vec<T> {
        match rows {
            Some(Ok((rows, more))) => {
                self.has_any = true;
                self.warnings.extend(more.then(|| format!("{what}: PagerDuty has more than the {} here.", rows.len())));
                rows
            }
            Some(Err(error)) => {
                self.warnings.push(format!("{what} could not be fetched: {error}"));
                self.failure.get_or_insert(error);
                Vec::new()
            }
            None => Vec::new(),
        }
    }
}

/// Reads the first page of a list.
async fn page<M: Model>(cx: &Context, operation: &'static Operation, query: Query) -> Rows<M> {
    let page: Page<M> = cx.api.first(operation, query, &M::facts_only()).await?;
    Ok((page.rows.into_iter().flatten().map(|row| row.facts).collect(), page.more))
}

/// Reads workflows by their triggers. A workflow has one entry, with all its conditions.
async fn workflows(cx: &Context, query: Query) -> Rows<Startable> {
    let (triggers, more) = page::<WorkflowTrigger>(cx, &LIST_WORKFLOW_TRIGGERS, query).await?;
    let mut workflows: Vec<Startable> = Vec::new();
    for trigger in triggers.into_iter().filter(|trigger| !trigger.is_disabled) {
        let Some(id) = trigger.workflow.as_ref().and_then(|workflow| workflow.id.clone()) else { continue };
        let place = workflows.iter().position(|known| known.workflow.id == id);
        let name = trigger.workflow.and_then(|workflow| workflow.summary);
        let is_manual = trigger.kind.as_deref() == Some("manual");
        let new = || Startable {
            workflow: Named { id, name },
            description: trigger.description,
            is_manual: false,
            is_automatic: false,
            has_known_triggers: true,
            conditions: Vec::new(),
            is_restricted: false,
        };
        if place.is_none() {
            workflows.push(new());
        }
        let place = place.unwrap_or(workflows.len() - 1);
        if let Some(workflow) = workflows.get_mut(place) {
            workflow.is_manual |= is_manual;
            workflow.is_automatic |= !is_manual;
            workflow.is_restricted |= is_manual && trigger.is_restricted;
            workflow.conditions.extend(trigger.condition.filter(|text| !is_manual && !text.is_empty()));
        }
    }
    workflows.sort_by_key(|workflow| !workflow.is_manual);
    Ok((workflows, more))
}

/// Reads the automation actions that users can start, diagnostics first.
async fn actions(cx: &Context, query: Query) -> Rows<Action> {
    let (rows, more) = page::<AutomationAction>(cx, &LIST_AUTOMATION_ACTIONS, query).await?;
    let mut actions: Vec<_> = rows.into_iter().filter(|row| !row.is_automatic_only).filter_map(Action::read).collect();
    actions.sort_by_key(|action| action.classification.as_deref() != Some("diagnostic"));
    Ok((actions, more))
}

/// Reads the runs of automation actions, the latest first.
async fn runs(cx: &Context, query: Query) -> Rows<Run> {
    let (rows, more) = page::<Invocation>(cx, &LIST_INVOCATIONS, query).await?;
    let mut runs: Vec<_> = rows.into_iter().filter_map(Run::read).collect();
    runs.sort_by_key(|run| Reverse(run.started_at));
    Ok((runs, more))
}

/// Reads memories, runbooks first.
async fn memories(cx: &Context, query: Query) -> Rows<Remembered> {
    let (rows, more) = page::<Memory>(cx, &LIST_MEMORIES, query).await?;
    let mut memories: Vec<_> = rows.into_iter().filter_map(Remembered::read).collect();
    let kinds = ["runbook", "incident_playbook", "incident_summary"];
    memories.sort_by_key(|memory| kinds.iter().position(|kind| *kind == memory.kind).unwrap_or(kinds.len()));
    Ok((memories, more))
}

impl Startable {
    /// Returns the workflow as a sentence: `Workflow “Open a bridge”: can be started; starts by itself if “incident.priority
    /// matches 'P1'”.`
    pub fn line(&self) -> String {
        let restricted = if self.is_restricted { " by its team" } else { "" };
        let manual = self.is_manual.then(|| format!("can be started{restricted}"));
        let conditions =
            self.conditions.iter().map(|text| format!("starts by itself if {}", quoted(text, MAX_DESCRIPTION)));
        let mut ways: Vec<_> = manual.into_iter().chain(conditions).collect();
        if self.is_automatic && self.conditions.is_empty() {
            ways.push("starts by itself".to_owned());
        }
        if ways.is_empty() {
            ways.push(if self.has_known_triggers { "no trigger starts it" } else { "triggers unknown" }.to_owned());
        }
        let about = described(self.description.as_deref());
        sentence(format!("Workflow {}{about}: {}", name(&self.workflow), ways.join("; ")))
    }

    /// Returns the workflow for an answer.
    pub fn shown(&self) -> Map<String, Value> {
        let mut row = head("workflow", &self.workflow, self.line());
        row.extend(self.description.as_deref().map(|text| ("description".to_owned(), text.into())));
        row.extend(self.has_known_triggers.then(|| ("can_be_started".to_owned(), self.is_manual.into())));
        if !self.conditions.is_empty() {
            row.insert("conditions".to_owned(), self.conditions.clone().into());
        }
        row
    }
}

impl Action {
    fn read(row: AutomationAction) -> Option<Self> {
        Some(Self {
            named: Named { id: row.id?, name: row.name },
            description: row.description,
            classification: row.classification,
            kind: row.kind,
            last_run: row.last_run,
            needs_open_incident: row.needs_open_incident,
        })
    }

    /// Returns the action as a sentence: `Action “Show slow queries” (diagnostic), “…”: last run Mon 2026-11-30 02:10 EST.`
    pub fn line(&self, local: &Local) -> String {
        let class = self.classification.as_deref().map(|class| format!(" ({class})")).unwrap_or_default();
        let about = described(self.description.as_deref());
        let last = match self.last_run {
            Some(at) => format!("last run {}", local.text(at)),
            None => "no run known".to_owned(),
        };
        format!("Action {}{class}{about}: {last}.", name(&self.named))
    }

    /// Returns the action for an answer.
    pub fn shown(&self, local: &Local) -> Map<String, Value> {
        let mut row = head("action", &self.named, self.line(local));
        row.extend(self.description.as_deref().map(|text| ("description".to_owned(), text.into())));
        row.extend(self.classification.as_deref().map(|class| ("action_classification".to_owned(), class.into())));
        row.extend(self.kind.as_deref().map(|kind| ("action_type".to_owned(), kind.into())));
        row.extend(self.last_run.map(|at| ("last_run".to_owned(), local.iso(at).into())));
        row.extend(self.needs_open_incident.then(|| ("needs_open_incident".to_owned(), true.into())));
        row
    }
}

impl Run {
    fn read(row: Invocation) -> Option<Self> {
        Some(Self {
            id: row.id?,
            action: Named { id: row.action_id.unwrap_or_default(), name: row.name },
            state: row.state.unwrap_or_default(),
            started_at: row.started_at,
            seconds: row.seconds,
            by: row.agent.and_then(|agent| Some(Named { id: agent.id?, name: agent.summary })),
            incident_id: row.incident_id,
        })
    }

    /// Returns the run as a sentence: `Run of “Show slow queries” Mon 2026-11-30 03:10 EST by Ada: completed after 5 s.`
    pub fn line(&self, local: &Local) -> String {
        let at = self.started_at.map(|at| format!(" {}", local.text(at))).unwrap_or_default();
        let by = self.by.as_ref().map(|by| format!(" by {}", by.label())).unwrap_or_default();
        let after = self.seconds.map(|seconds| format!(" after {seconds} s")).unwrap_or_default();
        let state = if self.state == "error" { "failed".to_owned() } else { self.state.replace('_', " ") };
        format!("Run of {}{at}{by}: {state}{after}.", name(&self.action))
    }

    /// Returns the run for an answer.
    pub fn shown(&self, local: &Local) -> Map<String, Value> {
        let mut row = Map::new();
        row.insert("line".to_owned(), self.line(local).into());
        row.insert("type".to_owned(), "run".into());
        row.insert("id".to_owned(), self.id.as_str().into());
        row.insert("action".to_owned(), self.action.shown());
        row.insert("state".to_owned(), self.state.as_str().into());
        row.extend(self.started_at.map(|at| ("started_at".to_owned(), local.iso(at).into())));
        row.extend(self.seconds.map(|seconds| ("duration".to_owned(), seconds.into())));
        row.extend(self.by.as_ref().map(|by| ("agent".to_owned(), by.shown())));
        row.extend(self.incident_id.as_deref().map(|id| ("incident_id".to_owned(), id.into())));
        row
    }
}

impl Remembered {
    fn read(row: Memory) -> Option<Self> {
        let content = row.content.filter(|text| !text.trim().is_empty())?;
        Some(Self { id: row.id?, kind: row.kind.unwrap_or_default(), content, updated_at: row.updated_at })
    }

    /// Returns the memory as a sentence: `Runbook: “drain the traffic first”.`
    pub fn line(&self) -> String {
        let kind = self.kind.replace('_', " ");
        sentence(format!("Memory ({kind}): {}", quoted(&self.content, MAX_MEMORY)))
    }

    /// Returns the memory for an answer.
    pub fn shown(&self, local: &Local) -> Map<String, Value> {
        let mut row = Map::new();
        row.insert("line".to_owned(), self.line().into());
        row.insert("type".to_owned(), self.kind.as_str().into());
        row.insert("id".to_owned(), self.id.as_str().into());
        row.insert("content".to_owned(), self.content.as_str().into());
        row.extend(self.updated_at.map(|at| ("updated_at".to_owned(), local.iso(at).into())));
        row
    }
}

/// Returns the fields that name what can be run.
fn head(kind: &str, named: &Named, line: String) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("line".to_owned(), line.into());
    row.insert("type".to_owned(), kind.into());
    row.insert("id".to_owned(), named.id.as_str().into());
    row.insert("name".to_owned(), named.name.clone().into());
    row
}

/// Returns the name of what can be run as a quotation, or else its ID.
fn name(named: &Named) -> String {
    named.name.as_deref().map_or_else(|| named.id.clone(), |name| quoted(name, MAX_DESCRIPTION))
}

/// Returns a description as a quotation after a name.
fn described(text: Option<&str>) -> String {
    let text = text.filter(|text| !text.trim().is_empty());
    text.map(|text| format!(", {}", quoted(text, MAX_DESCRIPTION))).unwrap_or_default()
}
