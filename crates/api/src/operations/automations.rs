//! Incident workflows, automation actions and what ran, and the memories of PagerDuty's SRE agent.

use crate::{Operation, Paging, Resource};

/// Incident workflows: steps that run on an incident.
pub const INCIDENT_WORKFLOWS: Resource = Resource {
    noun: "incident workflow",
    one: "incident_workflow",
    many: "incident_workflows",
    pages: &["incident_workflows", "workflows"],
};

/// Triggers, which start a workflow by hand or under a condition.
pub const WORKFLOW_TRIGGERS: Resource =
    Resource { noun: "workflow trigger", one: "trigger", many: "triggers", pages: &[] };

/// Automation actions: scripts and jobs that a runner executes.
pub const AUTOMATION_ACTIONS: Resource =
    Resource { noun: "automation action", one: "action", many: "actions", pages: &["actions"] };

/// Runs of automation actions.
pub const INVOCATIONS: Resource =
    Resource { noun: "automation run", one: "invocation", many: "invocations", pages: &[] };

/// Texts that PagerDuty's SRE agent keeps: runbooks, profiles of services, and how incidents went.
pub const MEMORIES: Resource = Resource { noun: "memory", one: "memory", many: "memories", pages: &[] };

pub(super) const ALL: &[&Operation] = &[
    &LIST_INCIDENT_WORKFLOWS,
    &GET_INCIDENT_WORKFLOW,
    &LIST_WORKFLOW_TRIGGERS,
    &LIST_AUTOMATION_ACTIONS,
    &GET_AUTOMATION_ACTION,
    &LIST_INVOCATIONS,
    &GET_INVOCATION,
    &LIST_MEMORIES,
];

const READ: &[&str] = &["incident_workflows.read"];
/// PagerDuty names no scope for automation actions.
const UNNAMED: &[&str] = &[];

/// Lists incident workflows.
pub const LIST_INCIDENT_WORKFLOWS: Operation =
    Operation::list("listIncidentWorkflows", "/incident_workflows", &INCIDENT_WORKFLOWS, Paging::Offset, READ);

/// Reads one incident workflow with its steps.
pub const GET_INCIDENT_WORKFLOW: Operation =
    Operation::get("getIncidentWorkflow", "/incident_workflows/{id}", &INCIDENT_WORKFLOWS, READ);

/// Lists triggers of workflows: those of an incident's service, of a service, or of a workflow.
pub const LIST_WORKFLOW_TRIGGERS: Operation = Operation::list(
    "listIncidentWorkflowTriggers",
    "/incident_workflows/triggers",
    &WORKFLOW_TRIGGERS,
    Paging::Cursor,
    READ,
);

/// Lists automation actions.
pub const LIST_AUTOMATION_ACTIONS: Operation = Operation::list(
    "getAllAutomationActions",
    "/automation_actions/actions",
    &AUTOMATION_ACTIONS,
    Paging::Cursor,
    UNNAMED,
);

/// Reads one automation action.
pub const GET_AUTOMATION_ACTION: Operation =
    Operation::get("getAutomationAction", "/automation_actions/actions/{id}", &AUTOMATION_ACTIONS, UNNAMED);

/// Lists runs of automation actions.
pub const LIST_INVOCATIONS: Operation = Operation::list(
    "listAutomationActionInvocations",
    "/automation_actions/invocations",
    &INVOCATIONS,
    Paging::Whole,
    UNNAMED,
);

/// Reads one run of an automation action.
pub const GET_INVOCATION: Operation =
    Operation::get("getAutomationActionsInvocation", "/automation_actions/invocations/{id}", &INVOCATIONS, UNNAMED);

/// Lists the memories about a service or an incident.
pub const LIST_MEMORIES: Operation =
    Operation::list("listSreMemories", "/sre_agent/memories", &MEMORIES, Paging::Whole, &["incident.read"]);
