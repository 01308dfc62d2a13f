//! The toolset `respond`: the changes that a responder makes, each shown before and after, and undone by its receipt.
//!
//! Every change is declared as data (`client/writes/declared.rs`). The tools here read the objects before, decide with
//! [`report`] what remains to be done, and show what happened to each object.

mod alerts;
mod create;
mod maintenance;
mod merge;
mod named;
mod note;
mod reach;
pub(in crate::tools) mod report;
mod responders;
mod run;
mod snooze;
pub(in crate::tools) mod start;
mod undo;
pub(super) mod update;

use super::Toolset;

/// The tools that change incidents and what belongs to them.
pub(super) const SET: Toolset = Toolset {
    name: "respond",
    title: "Responding to incidents",
    about: "Changes of one or many incidents, with a preview and a receipt to undo them.",
    default: false,
    instructions: "Changes show before and after; undo takes their receipt.",
    tools: &[
        &create::CREATE_INCIDENT,
        &update::UPDATE_INCIDENTS,
        &snooze::SNOOZE_INCIDENT,
        &merge::MERGE_INCIDENTS,
        &alerts::UPDATE_ALERTS,
        &note::EDIT_INCIDENT_NOTE,
        &responders::REQUEST_RESPONDERS,
        &run::RUN_AUTOMATION,
        &maintenance::SET_MAINTENANCE,
        &undo::UNDO,
    ],
};
