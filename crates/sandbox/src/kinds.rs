//! The kinds of objects in the account.

mod automations;
mod communications;
mod dependencies;
mod status_pages;

use super::behavior::{escalation_policies, schedules, services, shift_schedules};
use super::kind::Filter::{By, Contains, Is, Refers};
use super::kind::Verb::{Create, Delete, List, Update};
use super::kind::{CRUD, Kind, computed, optional, required};

pub use automations::{AUTOMATION_ACTION, INCIDENT_WORKFLOW, INVOCATION, MEMORY, WORKFLOW_TRIGGER};
pub use communications::TEMPLATE;
pub use dependencies::{BUSINESS_SERVICE, MAINTENANCE_WINDOW, SERVICE_DEPENDENCY};
pub use status_pages::{STATUS_PAGE, STATUS_PAGE_POST};

/// Every kind that is stored as documents, referenced kinds first. Their documents are added in this order.
pub const KINDS: &[&Kind] = &[
    &TEAM,
    &USER,
    &PRIORITY,
    &SCHEDULE,
    &SHIFT_SCHEDULE,
    &ESCALATION_POLICY,
    &SERVICE,
    &BUSINESS_SERVICE,
    &SERVICE_DEPENDENCY,
    &MAINTENANCE_WINDOW,
    &INCIDENT_WORKFLOW,
    &WORKFLOW_TRIGGER,
    &AUTOMATION_ACTION,
    &INVOCATION,
    &MEMORY,
    &TEMPLATE,
    &STATUS_PAGE,
    &STATUS_PAGE_POST,
];

/// Returns the kind with this name.
pub fn named(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.name == name)
}

/// <https://developer.pagerduty.com/api-reference/0138639504311-list-teams>
pub static TEAM: Kind = Kind {
    name: "team",
    many: "teams",
    path: "teams",
    page: "teams",
    serves: CRUD,
    fields: &[
        required("name"),
        optional("description", r#""""#),
        optional("default_role", r#""manager""#),
        optional("parent", "null"),
    ],
    filters: &[("query", Contains(&["name"]))],
    check: |_| Ok(()),
    seed: include_str!("../seed/teams.json"),
};

/// <https://developer.pagerduty.com/api-reference/c96e889522dd6-list-users>
///
/// The references in `teams` may have a `role`, the user's role in the team.
pub static USER: Kind = Kind {
    name: "user",
    many: "users",
    path: "users",
    page: "users",
    serves: &[List, Create, Update, Delete],
    fields: &[
        required("name"),
        required("email").unique(),
        optional("time_zone", r#""Etc/UTC""#),
        optional("color", r#""purple""#),
        optional("avatar_url", r#""https://acme.pagerduty.com/avatars/blank.png""#),
        optional("role", r#""user""#),
        optional("description", "null"),
        optional("invitation_sent", "false"),
        optional("job_title", r#""""#),
        optional("created_via_sso", "true"),
        optional("teams", "[]").include("teams"),
        optional("contact_methods", "[]").include("contact_methods").parts(),
        optional("notification_rules", "[]").include("notification_rules").parts(),
        // A deleted user is in no list, and stays in schedules and policies.
        optional("deleted_at", "null").hidden(),
    ],
    filters: &[("query", Contains(&["name", "email"])), ("team_ids[]", Refers("teams"))],
    check: |_| Ok(()),
    seed: include_str!("../seed/users.json"),
};

/// <https://developer.pagerduty.com/api-reference/0fa9ad52bf2d2-list-priorities>
pub static PRIORITY: Kind = Kind {
    name: "priority",
    many: "priorities",
    path: "priorities",
    page: "priorities",
    serves: &[List],
    fields: &[required("name"), optional("description", r#""""#)],
    filters: &[],
    check: |_| Ok(()),
    seed: include_str!("../seed/priorities.json"),
};

/// <https://developer.pagerduty.com/api-reference/846ecf84402bb-list-schedules>
pub static SCHEDULE: Kind = Kind {
    name: "schedule",
    many: "schedules",
    path: "schedules",
    page: "schedules",
    serves: &[],
    fields: &[
        required("name"),
        optional("time_zone", r#""Etc/UTC""#),
        optional("description", r#""""#),
        computed("escalation_policies", schedules::escalation_policies).include("escalation_policies"),
        computed("users", schedules::members).include("users"),
        optional("teams", "[]").include("teams"),
        optional("schedule_layers", "[]").hidden(),
        optional("overrides", "[]").hidden().parts(),
    ],
    filters: &[("query", Contains(&["name"])), ("team_ids[]", Refers("teams"))],
    check: schedules::check,
    seed: include_str!("../seed/schedules.json"),
};

/// The newer kind of schedule, which has its own operations: <https://developer.pagerduty.com/api-reference/listSchedulesV3>.
pub static SHIFT_SCHEDULE: Kind = Kind {
    name: "schedule_v3",
    many: "shift_schedules",
    path: "v3/schedules",
    page: "schedules",
    serves: &[],
    fields: &[
        required("name"),
        optional("time_zone", r#""Etc/UTC""#),
        optional("description", r#""""#),
        optional("teams", "[]"),
        computed("escalation_policies", schedules::escalation_policies),
        computed("users", shift_schedules::members).include("users"),
        optional("rotations", "[]").hidden(),
        optional("custom_shifts", "[]").hidden(),
        optional("overrides", "[]").hidden(),
    ],
    filters: &[("query", Contains(&["name"])), ("team_ids[]", Refers("teams"))],
    check: shift_schedules::check,
    seed: include_str!("../seed/shift_schedules.json"),
};

/// <https://developer.pagerduty.com/api-reference/51b21014a4f5a-list-escalation-policies>
pub static ESCALATION_POLICY: Kind = Kind {
    name: "escalation_policy",
    many: "escalation_policies",
    path: "escalation_policies",
    page: "escalation_policies",
    serves: CRUD,
    fields: &[
        required("name"),
        optional("description", r#""""#),
        optional("num_loops", "0"),
        optional("on_call_handoff_notifications", r#""if_has_services""#),
        optional("escalation_rules", "[]").include("targets"),
        computed("services", escalation_policies::services).include("services"),
        optional("teams", "[]").include("teams"),
    ],
    filters: &[
        ("query", Contains(&["name"])),
        ("user_ids[]", By(escalation_policies::involves)),
        ("team_ids[]", Refers("teams")),
    ],
    check: |_| Ok(()),
    seed: include_str!("../seed/escalation_policies.json"),
};

/// <https://developer.pagerduty.com/api-reference/e960cca205c0f-list-services>
pub static SERVICE: Kind = Kind {
    name: "service",
    many: "services",
    path: "services",
    page: "service-directory",
    serves: CRUD,
    fields: &[
        required("name"),
        optional("description", r#""""#),
        optional("created_at", r#""now-365d""#),
        computed("updated_at", |_, service| service.get("created_at").cloned().unwrap_or_default()),
        optional("status", r#""active""#).computed(services::status).accepted(services::enabled),
        computed("last_incident_timestamp", services::last_incident),
        optional("auto_resolve_timeout", "14400"),
        optional("acknowledgement_timeout", "1800"),
        optional("alert_creation", r#""create_alerts_and_incidents""#),
        optional("incident_urgency_rule", r#"{"type": "constant", "urgency": "severity_based"}"#),
        required("escalation_policy").include("escalation_policies"),
        optional("teams", "[]").include("teams"),
        optional("integrations", "[]").include("integrations").parts(),
    ],
    filters: &[("query", Contains(&["name"])), ("name", Is("name")), ("team_ids[]", Refers("teams"))],
    check: |_| Ok(()),
    seed: include_str!("../seed/services.json"),
};

/// Incidents are not stored as documents; links to them need their names.
///
/// <https://developer.pagerduty.com/api-reference/9d0b4b12e36f9-list-incidents>
pub static INCIDENT: Kind = Kind {
    name: "incident",
    many: "incidents",
    path: "incidents",
    page: "incidents",
    serves: &[],
    fields: &[],
    filters: &[],
    check: |_| Ok(()),
    seed: "[]",
};
