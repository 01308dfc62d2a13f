//! The formats of answers.

use super::{FORMAT, unusable};
use crate::error::{Code, Error, Result};

/// The format of answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// The contract's envelope, always.
    #[default]
    Json,
    /// Lists as tables, which hold the same in half the tokens; all else as JSON.
    Compact,
}

impl Format {
    /// Reads the value of a variable.
    pub(super) fn parse_setting(name: &'static str, value: &str) -> Result<Self> {
        Self::parse(value).map_err(|_| unusable(name, value, "json or compact"))
    }

    /// Returns a format by its name, `json` or `compact` in any case.
    pub fn parse(name: &str) -> Result<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "json" => Ok(Format::Json),
            "compact" => Ok(Format::Compact),
            _ => Err(Error::new(Code::InvalidConfiguration, format!("there is no format {name:?}"))
                .hint(format!("Set {FORMAT} (or --format) to json or compact."))),
        }
    }
}
