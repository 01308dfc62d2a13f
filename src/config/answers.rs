//! The settings of answers.

use super::{Config, flag, unusable};
use crate::error::Result;

impl Config {
    /// Sets the budget of an answer explicitly, as a number of tokens. 0 means no limit. `name` is the option, for errors.
    pub fn set_max_response_tokens(&mut self, name: &'static str, value: &str) -> Result<()> {
        self.max_response_tokens = tokens(name, value)?;
        self.budget_by_hand = true;
        Ok(())
    }

    /// Sets whether answers have structured content: `on` or `off`. `name` is the option, for errors.
    pub fn set_structured_content(&mut self, name: &'static str, value: &str) -> Result<()> {
        self.structured_content = flag(name, value)?;
        Ok(())
    }
}

/// Reads a budget in tokens. 0 means no limit.
pub(super) fn tokens(name: &'static str, value: &str) -> Result<Option<usize>> {
    let tokens: usize =
        value.parse().map_err(|_| unusable(name, value, "a number of tokens, such as 25000, or 0 for no limit"))?;
    Ok((tokens > 0).then_some(tokens))
}
