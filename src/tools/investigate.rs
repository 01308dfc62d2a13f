//! The toolset `investigate`: everything about one incident, its alerts and timeline, and what resembles or causes it.

pub(super) mod alerts;
mod automations;
pub(super) mod changes;
mod dependencies;
pub(super) mod explain;
#[allow(dead_code, reason = "its tools are not in the catalogue yet")]
mod impacts;
#[allow(dead_code, reason = "its tools are not in the catalogue yet")]
mod maintenance;
mod search;
mod similar;
mod storm;
mod subject;
pub(super) mod timeline;

use super::Toolset;

/// The tools that investigate incidents. None of them changes anything.
pub(super) const SET: Toolset = Toolset {
    name: "investigate",
    title: "Investigating incidents",
    about: "Incident briefs, alerts, timelines, changes, similar incidents, dependencies and automations.",
    default: false,
    instructions: "For a question about one incident, begin with get_incident_brief.",
    tools: &[
        &explain::EXPLAIN_PAGE,
        &search::SEARCH_INCIDENTS,
        &alerts::GET_ALERTS,
        &timeline::GET_TIMELINE,
        &changes::GET_CHANGES,
        &similar::GET_SIMILAR_INCIDENTS,
        &storm::GET_STORM,
        &dependencies::GET_DEPENDENCIES,
        &automations::GET_AUTOMATIONS,
    ],
};
