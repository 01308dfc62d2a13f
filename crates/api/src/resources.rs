//! The resources, in alphabetical order.

use crate::Resource;

/// Abilities: the features that an account's plan includes.
pub const ABILITIES: Resource = Resource { noun: "ability", one: "ability", many: "abilities" };

/// Escalation policies.
pub const ESCALATION_POLICIES: Resource =
    Resource { noun: "escalation policy", one: "escalation_policy", many: "escalation_policies" };

/// Incidents.
pub const INCIDENTS: Resource = Resource { noun: "incident", one: "incident", many: "incidents" };

/// Notes on incidents.
pub const NOTES: Resource = Resource { noun: "note", one: "note", many: "notes" };

/// On-call entries, which have no ID.
pub const ONCALLS: Resource = Resource { noun: "on-call entry", one: "oncall", many: "oncalls" };

/// Similar incidents of the past, each wrapped in an object with its score.
pub const PAST_INCIDENTS: Resource = Resource { noun: "past incident", one: "past_incident", many: "past_incidents" };

/// Incidents on other services, each wrapped in an object with what relates it.
pub const RELATED_INCIDENTS: Resource =
    Resource { noun: "related incident", one: "related_incident", many: "related_incidents" };

/// Schedules of layers.
pub const SCHEDULES: Resource = Resource { noun: "schedule", one: "schedule", many: "schedules" };

/// Schedules of rotations and shifts, the newer kind, which have separate operations.
pub const SHIFT_SCHEDULES: Resource = Resource { noun: "shift-based schedule", one: "schedule", many: "schedules" };

/// Services.
pub const SERVICES: Resource = Resource { noun: "service", one: "service", many: "services" };

/// Teams.
pub const TEAMS: Resource = Resource { noun: "team", one: "team", many: "teams" };

/// Users.
pub const USERS: Resource = Resource { noun: "user", one: "user", many: "users" };
