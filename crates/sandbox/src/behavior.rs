//! The behavior that is specific to one kind: computed fields, on-call rotations, and changes of incidents.

pub mod alerts;
pub mod automations;
pub mod change_events;
pub mod changes;
pub mod contacts;
pub mod custom_fields;
pub mod dependencies;
pub mod escalation_policies;
pub mod feeds;
pub mod incidents;
pub mod log_entries;
pub mod maintenance_windows;
pub mod notes;
pub mod notifications;
pub mod oncalls;
pub mod overrides;
pub mod responses;
pub mod rotation;
pub mod schedules;
pub mod services;
pub mod shift_schedules;
pub mod similar;
pub mod teams;
pub mod updates;
pub mod users;
pub mod workflows;
