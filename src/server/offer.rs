//! The capabilities that depend on the tools that are switched on.

use super::{completion, prompts};
use crate::tools::Toolbox;

/// The optional capabilities that a server announces. Methods of the others are not served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Offer {
    /// Set if there are prompts.
    pub prompts: bool,
    /// Set if arguments are completed.
    pub completions: bool,
}

impl Offer {
    /// Returns the capabilities of a server with these tools.
    pub(super) fn of(toolbox: &Toolbox) -> Self {
        let tools = toolbox.tools();
        Self { prompts: prompts::offered(tools).next().is_some(), completions: completion::is_offered(tools) }
    }

    /// Returns the names of all capabilities, as a phrase.
    pub(super) fn describe(self) -> &'static str {
        match (self.prompts, self.completions) {
            (true, true) => "tools, resources, prompts and completions",
            (true, false) => "tools, resources and prompts",
            (false, _) => "tools and resources",
        }
    }
}
