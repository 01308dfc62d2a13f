//! The type of a toolset.

use super::Tool;

/// A named group of tools, which can be switched on and off together.
#[derive(Debug)]
pub struct Toolset {
    /// The name, as in `--toolsets`.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// The purpose of its tools.
    pub about: &'static str,
    /// Whether its tools are on unless the user chooses others. Each model pays for their definitions with every request.
    pub default: bool,
    /// The sentences that the instructions of the server have while its tools are on.
    pub instructions: &'static str,
    /// The tools, in the order of the documentation.
    pub tools: &'static [&'static Tool],
}

impl Toolset {
    /// Returns whether the tool of this name belongs to the toolset.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.tools.iter().any(|tool| tool.name == name)
    }
}
