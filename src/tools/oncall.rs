//! The toolset `oncall`: who is on call, shifts, coverage, hand-off and overrides, over both kinds of schedule.

mod cancel;
mod cover;
mod times;

use super::Toolset;

/// The tools about on-call shifts.
pub(super) const SET: Toolset = Toolset {
    name: "oncall",
    title: "On-call shifts",
    about: "Who is on call and who is next, shifts, coverage, hand-off and overrides.",
    default: false,
    instructions: "",
    tools: &[&cover::OVERRIDE_ONCALL, &cancel::CANCEL_OVERRIDE],
};
