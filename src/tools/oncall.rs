//! The toolset `oncall`: who is on call, shifts, coverage, handoff and overrides, over both kinds of schedule.

mod cancel;
mod cover;
mod coverage;
mod files;
mod findings;
mod handoff;
pub(super) mod read;
mod shifts;
mod who;

use super::Toolset;

/// The tools about on-call shifts.
pub(super) const SET: Toolset = Toolset {
    name: "oncall",
    title: "On-call shifts",
    about: "On-call users by level, shifts, coverage, handoff and overrides.",
    default: false,
    instructions: "For the users on call now and next, prefer whos_oncall. Override on-call time only when the user asks.",
    tools: &[
        &who::WHOS_ONCALL,
        &shifts::GET_SHIFTS,
        &coverage::CHECK_COVERAGE,
        &handoff::GET_HANDOFF,
        &cover::OVERRIDE_ONCALL,
        &cancel::CANCEL_OVERRIDE,
    ],
};
