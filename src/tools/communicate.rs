//! The toolset `communicate`: what other people than the responders read about an incident.
//!
//! Its changes are declared and reported like those of the toolset `respond`.

mod draft;
pub(super) mod impact;
mod page;
mod pages;
mod post;
mod subscribers;
mod update;

use super::Toolset;

/// The tools that tell other people about incidents.
pub(super) const SET: Toolset = Toolset {
    name: "communicate",
    title: "Communicating about incidents",
    about: "Status updates to subscribers, status pages, and the impact on business services.",
    default: false,
    instructions: "Before a text is published or sent, show it with dry_run.",
    tools: &[
        &update::SEND_STATUS_UPDATE,
        &pages::GET_STATUS_PAGES,
        &post::POST_STATUS_PAGE,
        &impact::SET_BUSINESS_IMPACT,
    ],
};
