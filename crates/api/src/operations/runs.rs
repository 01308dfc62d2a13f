//! Runs of automations on an incident: of automation actions, and of incident workflows.

use super::automations::{AUTOMATION_ACTIONS, INCIDENT_WORKFLOWS, INVOCATIONS};
use crate::{Answer, Operation, Resource};

/// Incident workflows that were started.
pub const WORKFLOW_INSTANCES: Resource = Resource {
    noun: "workflow run",
    one: "incident_workflow_instance",
    many: "incident_workflow_instances",
    pages: &[],
};

pub(super) const ALL: &[&Operation] = &[&CREATE_INVOCATION, &CREATE_WORKFLOW_INSTANCE];

/// Runs an automation action on an incident.
pub const CREATE_INVOCATION: Operation = Operation::create(
    "createAutomationActionInvocation",
    "/automation_actions/actions/{id}/invocations",
    &AUTOMATION_ACTIONS,
    Answer::One(&INVOCATIONS),
    &[],
);

/// Starts an incident workflow on an incident. No operation reads what was started.
pub const CREATE_WORKFLOW_INSTANCE: Operation = Operation::create(
    "createIncidentWorkflowInstance",
    "/incident_workflows/{id}/instances",
    &INCIDENT_WORKFLOWS,
    Answer::One(&WORKFLOW_INSTANCES),
    &["incident_workflows:instances.write"],
);
