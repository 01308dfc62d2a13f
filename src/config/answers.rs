//! The settings of answers: their size, their form, and their structured content.

use super::{Config, flag, unusable};
use crate::error::Result;

/// The budget of an answer.
pub const MAX_RESPONSE_TOKENS: &str = "PAGERDUTY_MAX_RESPONSE_TOKENS";
/// The switch for structured content.
pub const STRUCTURED_CONTENT: &str = "PAGERDUTY_STRUCTURED_CONTENT";
/// The switch that leaves text unchanged.
pub const RAW_TEXT: &str = "PAGERDUTY_RAW_TEXT";
/// The format of answers.
pub const FORMAT: &str = "PAGERDUTY_FORMAT";

impl Config {
    /// Sets the budget of an answer explicitly, as a number of tokens. 0 means no limit.
    pub fn set_max_response_tokens(&mut self, value: &str) -> Result<()> {
        self.max_response_tokens = tokens(value)?;
        self.budget_by_hand = true;
        Ok(())
    }

    /// Sets whether answers have structured content: `on` or `off`.
    pub fn set_structured_content(&mut self, value: &str) -> Result<()> {
        self.structured_content = flag(STRUCTURED_CONTENT, value)?;
        Ok(())
    }
}

/// Reads a budget in tokens. 0 means no limit.
pub(super) fn tokens(value: &str) -> Result<Option<usize>> {
    let tokens: usize = value
        .parse()
        .map_err(|_| unusable(MAX_RESPONSE_TOKENS, value, "a number of tokens, such as 25000, or 0 for no limit"))?;
    Ok((tokens > 0).then_some(tokens))
}
