//! The toolset `api`: every operation of PagerDuty's REST API, found by words, checked before it is sent.
//!
//! The table of operations is the crate `reference`. These tools are for what no other tool does.

mod call;
mod find;
mod get;
mod request;

use super::Toolset;

/// The tools that use any operation of the API.
pub(super) const SET: Toolset = Toolset {
    name: "api",
    title: "The whole API",
    about: "Finds, reads and calls any operation of PagerDuty's REST API, checked before it is sent.",
    default: false,
    instructions: "For what no tool does: find_api, then get_api or call_api.",
    tools: &[&find::FIND_API, &get::GET_API, &call::CALL_API],
};
