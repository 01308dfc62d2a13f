//! Incident workflows, automation actions and their runs, and the memories of PagerDuty's SRE agent.

use jiff::Timestamp;
use pagerduty_api::operations::automations::{
    AUTOMATION_ACTIONS, GET_AUTOMATION_ACTION, GET_INCIDENT_WORKFLOW, INCIDENT_WORKFLOWS, INVOCATIONS,
    LIST_INCIDENT_WORKFLOWS, MEMORIES, WORKFLOW_TRIGGERS,
};
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, nested, plain, reference};
use serde_json::Value;

use super::{Listed, Model, Readable, Reference, references};

/// An incident workflow: steps that run on an incident.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// The ID.
    pub id: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// The description, as its author wrote it.
    pub description: Option<String>,
    /// Whether it can be started, if PagerDuty says so.
    pub is_enabled: Option<bool>,
    /// The names of its steps, if it was read with them.
    pub steps: Vec<String>,
}

impl Model for Workflow {
    const RESOURCE: &'static Resource = &INCIDENT_WORKFLOWS;
    const DEFAULT: &'static [Field] = &[
        plain("id"),
        plain("name"),
        plain("description"),
        plain("is_enabled"),
        nested("steps", &[plain("name"), plain("description")]),
    ];
    const OTHER: &'static [&'static str] = &["created_at", "html_url", "self", "summary", "team", "type"];
    const FACTS: &'static [&'static str] = &["id", "name", "description", "is_enabled", "steps"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let steps = facts.value("steps");
        let steps = steps.as_ref().and_then(Value::as_array).into_iter().flatten();
        Self {
            id: facts.text("id"),
            name: facts.text("name"),
            description: facts.text("description"),
            is_enabled: facts.value("is_enabled").and_then(|on| on.as_bool()),
            steps: steps.filter_map(|step| step.get("name")?.as_str().map(str::to_owned)).collect(),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Readable for Workflow {
    const GET: &'static Operation = &GET_INCIDENT_WORKFLOW;
}

impl Listed for Workflow {
    const LIST: &'static Operation = &LIST_INCIDENT_WORKFLOWS;
}

/// A trigger of a workflow.
#[derive(Clone, Debug)]
pub struct WorkflowTrigger {
    id: Option<String>,
    /// `manual`, `conditional` or `incident_type`.
    pub kind: Option<String>,
    /// The condition under which it starts the workflow.
    pub condition: Option<String>,
    /// The workflow.
    pub workflow: Option<Reference>,
    /// The purpose of the workflow, as its author wrote it.
    pub description: Option<String>,
    /// Set if it starts nothing.
    pub is_disabled: bool,
    /// Set if only a team may start it.
    pub is_restricted: bool,
}

impl Model for WorkflowTrigger {
    const RESOURCE: &'static Resource = &WORKFLOW_TRIGGERS;
    const DEFAULT: &'static [Field] = &[];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] =
        &["id", "trigger_type", "condition", "workflow", "workflow_id", "workflow_name", "is_disabled", "permissions"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let flag = |path: &str| facts.json(path) == Some("true");
        let workflow = facts.value("workflow");
        let described = |name: &str| Some(workflow.as_ref()?.get(name)?.as_str()?.to_owned());
        let named = workflow.as_ref().and_then(Reference::new).unwrap_or_default();
        let named = Reference {
            id: named.id.or_else(|| facts.text("workflow_id")),
            summary: described("name").or(named.summary).or_else(|| facts.text("workflow_name")),
            ..named
        };
        Self {
            id: facts.text("id"),
            kind: facts.text("trigger_type"),
            condition: facts.text("condition"),
            description: described("description"),
            workflow: Some(named).filter(|workflow| workflow.id.is_some()),
            is_disabled: flag("is_disabled"),
            is_restricted: flag("permissions.restricted"),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// An automation action: a script or a job that a runner executes.
#[derive(Clone, Debug)]
pub struct AutomationAction {
    /// The ID.
    pub id: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// The description, as its author wrote it.
    pub description: Option<String>,
    /// `script` or `process_automation`.
    pub kind: Option<String>,
    /// `diagnostic` or `remediation`.
    pub classification: Option<String>,
    /// The time of the last run.
    pub last_run: Option<Timestamp>,
    /// Set if it runs only while the incident is open.
    pub needs_open_incident: bool,
    /// Set if users cannot start it.
    pub is_automatic_only: bool,
    /// The services that it is for.
    pub services: Vec<Reference>,
}

impl Model for AutomationAction {
    const RESOURCE: &'static Resource = &AUTOMATION_ACTIONS;
    const DEFAULT: &'static [Field] = &[
        plain("id"),
        plain("name"),
        plain("description"),
        plain("action_type"),
        plain("action_classification"),
        plain("last_run"),
        reference("services"),
    ];
    const OTHER: &'static [&'static str] = &["action_data_reference", "runner", "runner_type", "type"];
    const FACTS: &'static [&'static str] = &[
        "id",
        "name",
        "description",
        "action_type",
        "action_classification",
        "last_run",
        "only_invocable_on_unresolved_incidents",
        "allow_invocation_manually",
        "services",
    ];

    fn from_facts(facts: &Facts<'_>) -> Self {
        Self {
            id: facts.text("id"),
            name: facts.text("name"),
            description: facts.text("description"),
            kind: facts.text("action_type"),
            classification: facts.text("action_classification"),
            last_run: facts.borrowed("last_run").and_then(|at| at.parse().ok()),
            needs_open_incident: facts.json("only_invocable_on_unresolved_incidents") == Some("true"),
            is_automatic_only: facts.json("allow_invocation_manually") == Some("false"),
            services: references(facts.json("services")),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Readable for AutomationAction {
    const GET: &'static Operation = &GET_AUTOMATION_ACTION;
}

/// A run of an automation action.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The ID.
    pub id: Option<String>,
    /// The ID of the action.
    pub action_id: Option<String>,
    /// The name of the action at the time of the run.
    pub name: Option<String>,
    /// `queued`, `running`, `completed`, `error`, …
    pub state: Option<String>,
    /// The length in seconds, once it has ended.
    pub seconds: Option<u64>,
    /// The user or the rule that started it.
    pub agent: Option<Reference>,
    /// The ID of the incident that it ran on.
    pub incident_id: Option<String>,
    /// The time at which it was started.
    pub started_at: Option<Timestamp>,
}

impl Model for Invocation {
    const RESOURCE: &'static Resource = &INVOCATIONS;
    const DEFAULT: &'static [Field] = &[];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] =
        &["id", "action_id", "action_snapshot", "state", "duration", "metadata", "timing"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let timing = facts.value("timing");
        let timing = timing.as_ref().and_then(Value::as_array).into_iter().flatten();
        // The description names the time `timestamp`, and its example `creation_timestamp`.
        let at = |one: &Value| one.get("timestamp").or_else(|| one.get("creation_timestamp"))?.as_str()?.parse().ok();
        Self {
            id: facts.text("id"),
            action_id: facts.text("action_id"),
            name: facts.text("action_snapshot.name"),
            state: facts.text("state"),
            seconds: facts.value("duration").and_then(|seconds| seconds.as_u64()),
            agent: facts.value("metadata.agent").as_ref().and_then(Reference::new),
            incident_id: facts.text("metadata.incident.id"),
            started_at: timing.filter_map(at).min(),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// A text that PagerDuty's SRE agent keeps.
#[derive(Clone, Debug)]
pub struct Memory {
    /// The ID.
    pub id: Option<String>,
    /// `runbook`, `service_profile`, `incident_playbook` or `incident_summary`.
    pub kind: Option<String>,
    /// The text.
    pub content: Option<String>,
    /// The time of the last change.
    pub updated_at: Option<Timestamp>,
}

impl Model for Memory {
    const RESOURCE: &'static Resource = &MEMORIES;
    const DEFAULT: &'static [Field] = &[];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] = &["id", "type", "content", "attributes", "created_at", "updated_at"];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let time = |name: &str| facts.borrowed(name)?.parse().ok();
        Self {
            id: facts.text("id"),
            // The description has the type in both places, and its example only in the second.
            kind: facts.text("type").or_else(|| facts.text("attributes.type")),
            content: facts.text("content"),
            updated_at: time("updated_at").or_else(|| time("created_at")),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}
