//! The capabilities that depend on the tools that are switched on.

use super::prompts;
use crate::tools::Toolbox;

/// The optional capabilities that a server announces. Methods of the others are not served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Offer {
    /// Set if there are prompts.
    pub prompts: bool,
}

impl Offer {
    /// Returns the capabilities of a server with these tools.
    pub(super) fn of(toolbox: &Toolbox) -> Self {
        Self { prompts: prompts::offered(toolbox.tools()).next().is_some() }
    }

    /// Returns the names of all capabilities, as a phrase.
    pub(super) fn describe(self) -> &'static str {
        if self.prompts { "tools, resources and prompts" } else { "tools and resources" }
    }
}
