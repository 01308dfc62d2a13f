//! The toolset `investigate`: everything about one incident, its alerts and timeline, and what resembles or causes it.

pub(super) mod alerts;
mod automations;
mod brief;
pub(super) mod changes;
mod dependencies;
pub(super) mod explain;
mod help;
mod impacts;
mod maintenance;
mod search;
mod similar;
mod storm;
pub(super) mod timeline;
pub(super) mod wait;

use super::Toolset;

/// The tools that investigate incidents. None of them changes anything.
pub(super) const SET: Toolset = Toolset {
    name: "investigate",
    title: "Investigating incidents",
    about: "Incident briefs, alerts, timelines, changes, similar incidents, dependencies and automations.",
    default: false,
    instructions: "For a question about one incident, begin with get_incident_brief.",
    tools: &[
        &brief::GET_INCIDENT_BRIEF,
        &explain::EXPLAIN_PAGE,
        &search::SEARCH_INCIDENTS,
        &alerts::GET_ALERTS,
        &timeline::GET_TIMELINE,
        &changes::GET_CHANGES,
        &similar::GET_SIMILAR_INCIDENTS,
        &help::WHO_CAN_HELP,
        &storm::GET_STORM,
        &dependencies::GET_DEPENDENCIES,
        &automations::GET_AUTOMATIONS,
        &wait::WAIT_FOR,
    ],
};
