//! Incident workflows and their triggers, automation actions and their runs, and the memories of the SRE agent.

use crate::behavior::{automations, workflows};
use crate::documents::text;
use crate::kind::Filter::{By, Contains, Is, Refers};
use crate::kind::{Kind, optional, required};

/// <https://developer.pagerduty.com/api-reference/b2f1f0a3a2b5d-list-incident-workflows>
pub static INCIDENT_WORKFLOW: Kind = Kind {
    name: "incident_workflow",
    many: "incident_workflows",
    path: "incident_workflows",
    page: "flex-workflows/workflows",
    serves: &[],
    fields: &[
        required("name"),
        optional("description", r#""""#),
        optional("created_at", r#""now-200d""#),
        optional("team", "null").include("team"),
        optional("is_enabled", "true"),
        optional("steps", "[]"),
    ],
    filters: &[("query", Contains(&["name"]))],
    check: |_| Ok(()),
    seed: include_str!("../../seed/incident_workflows.json"),
};

/// <https://developer.pagerduty.com/api-reference/43a2ff8a4b9a1-list-triggers>
pub static WORKFLOW_TRIGGER: Kind = Kind {
    name: "workflow_trigger",
    many: "workflow_triggers",
    path: "incident_workflows/triggers",
    page: "",
    serves: &[],
    fields: &[
        required("trigger_type"),
        optional("condition", "null"),
        required("workflow").include("workflow"),
        optional("services", "[]"),
        optional("is_subscribed_to_all_services", "false"),
        optional("permissions", r#"{"restricted": false}"#),
        optional("is_disabled", "false"),
    ],
    filters: &[
        ("workflow_id", Refers("workflow")),
        ("trigger_type", Is("trigger_type")),
        ("service_id", By(workflows::is_for_service)),
        ("incident_id", By(workflows::is_for_incident)),
        ("workflow_name_contains", By(workflows::has_in_name)),
        ("is_disabled", By(workflows::is_disabled)),
    ],
    check: workflows::check,
    seed: include_str!("../../seed/workflow_triggers.json"),
};

/// <https://developer.pagerduty.com/api-reference/357ed15419f64-get-an-automation-action>
pub static AUTOMATION_ACTION: Kind = Kind {
    name: "action",
    many: "automation_actions",
    path: "automation_actions/actions",
    page: "automation-actions/actions",
    serves: &[],
    fields: &[
        required("name"),
        optional("description", r#""""#),
        optional("action_type", r#""script""#),
        optional("action_classification", "null"),
        optional("runner", r#""01DF4OBNYKW84FS9CCYVYS1MOS""#),
        optional("runner_type", r#""runbook""#),
        optional("services", "[]"),
        optional("teams", "[]"),
        optional("action_data_reference", "{}"),
        optional("created_at", r#""now-120d""#),
        optional("only_invocable_on_unresolved_incidents", "false"),
        optional("allow_invocation_manually", "true"),
        optional("allow_invocation_from_event_orchestration", "false"),
        optional("map_to_all_services", "false"),
    ],
    filters: &[
        ("name", Contains(&["name"])),
        ("classification", Is("action_classification")),
        ("action_type", Is("action_type")),
        ("runner_id", Is("runner")),
        ("team_id", Refers("teams")),
        ("service_id", By(automations::is_for_service)),
    ],
    check: |_| Ok(()),
    seed: include_str!("../../seed/automation_actions.json"),
};

/// A run of an action. The initial account has runs on its incidents, which are made with the incidents.
///
/// <https://developer.pagerduty.com/api-reference/99fa9ad2a1ce9-list-invocations>
pub static INVOCATION: Kind = Kind {
    name: "invocation",
    many: "invocations",
    path: "automation_actions/invocations",
    page: "",
    serves: &[],
    fields: &[
        required("action").include("action"),
        // Incidents are no documents, so this is an ID.
        optional("incident", "null"),
        optional("user", "null"),
        required("state"),
        optional("created_at", r#""now""#),
        optional("duration", "null"),
    ],
    filters: &[
        ("invocation_state", Is("state")),
        ("not_invocation_state", By(|_, run, state| text(run, "state") != state)),
        ("incident_id", Is("incident")),
        ("action_id", Refers("action")),
    ],
    check: |_| Ok(()),
    seed: "[]",
};

/// <https://developer.pagerduty.com/api-reference/listSreMemories>
pub static MEMORY: Kind = Kind {
    name: "memory",
    many: "memories",
    path: "sre_agent/memories",
    page: "",
    serves: &[],
    fields: &[
        required("content"),
        optional("memory_type", r#""runbook""#),
        optional("service", "null"),
        optional("incident", "null"),
        optional("created_at", r#""now-30d""#),
        optional("updated_at", r#""now-30d""#),
    ],
    filters: &[("service_id", Refers("service")), ("incident_id", Is("incident")), ("type", Is("memory_type"))],
    check: |_| Ok(()),
    seed: include_str!("../../seed/memories.json"),
};
