//! The operations, one module per area. Each constant has PagerDuty's name of the operation.

mod account;
mod escalation_policies;
mod incidents;
mod oncalls;
mod schedules;
mod services;
mod teams;
mod users;

use crate::Operation;

pub use account::LIST_ABILITIES;
pub use escalation_policies::{GET_ESCALATION_POLICY, LIST_ESCALATION_POLICIES};
pub use incidents::{
    CREATE_INCIDENT_NOTE, GET_INCIDENT, GET_PAST_INCIDENTS, GET_RELATED_INCIDENTS, LIST_INCIDENT_NOTES, LIST_INCIDENTS,
    UPDATE_INCIDENT,
};
pub use oncalls::LIST_ON_CALLS;
pub use schedules::{GET_SCHEDULE, GET_SCHEDULE_V3, LIST_SCHEDULE_USERS, LIST_SCHEDULES, LIST_SCHEDULES_V3};
pub use services::{GET_SERVICE, LIST_SERVICES};
pub use teams::{GET_TEAM, LIST_TEAMS};
pub use users::{GET_CURRENT_USER, GET_USER, LIST_USERS};

/// The operations of each area.
const AREAS: &[&[&Operation]] = &[
    account::ALL,
    escalation_policies::ALL,
    incidents::ALL,
    oncalls::ALL,
    schedules::ALL,
    services::ALL,
    teams::ALL,
    users::ALL,
];

/// Returns all operations, area by area.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    AREAS.iter().copied().flatten().copied()
}
