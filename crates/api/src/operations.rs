//! The resources and their operations, one module per area. Each operation has PagerDuty's name of it.

pub mod account;
pub mod alerts;
pub mod automations;
pub mod changes;
pub mod communications;
pub mod dependencies;
pub mod escalation_policies;
pub mod incidents;
pub mod log_entries;
pub mod maintenance;
pub mod oncalls;
pub mod priorities;
pub mod responders;
pub mod runs;
pub mod schedules;
pub mod services;
pub mod status_pages;
pub mod teams;
pub mod users;

use crate::Operation;

/// The operations of each area.
const AREAS: &[&[&Operation]] = &[
    account::ALL,
    alerts::ALL,
    automations::ALL,
    changes::ALL,
    communications::ALL,
    dependencies::ALL,
    escalation_policies::ALL,
    incidents::ALL,
    maintenance::ALL,
    log_entries::ALL,
    oncalls::ALL,
    priorities::ALL,
    responders::ALL,
    runs::ALL,
    schedules::ALL,
    services::ALL,
    status_pages::ALL,
    teams::ALL,
    users::ALL,
];

/// Returns all operations, area by area.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    AREAS.iter().copied().flatten().copied()
}
