//! The toolset `oncall`: who is on call, shifts, coverage, hand-off and overrides, over both kinds of schedule.

use super::Toolset;

/// The tools about on-call shifts.
pub(super) const SET: Toolset = Toolset {
    name: "oncall",
    title: "On-call shifts",
    about: "Who is on call and who is next, shifts, coverage, hand-off and overrides.",
    default: false,
    instructions: "",
    tools: &[],
};
