//! How an answer is written.

use serde_json::Value;

use crate::config::FORMAT;
use crate::error::{Code, Error, Result};

/// How answers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// The contract's envelope, always.
    #[default]
    Json,
    /// Lists as tables, which hold the same in half the tokens; all else as JSON.
    Compact,
}

impl Format {
    /// A format by its name, `json` or `compact` in any case.
    pub fn parse(name: &str) -> Result<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "json" => Ok(Format::Json),
            "compact" => Ok(Format::Compact),
            _ => Err(Error::new(Code::InvalidConfiguration, format!("there is no format {name:?}"))
                .hint(format!("Set {FORMAT} (or --format) to json or compact."))),
        }
    }
}

/// An answer as it is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    /// An object: the envelope, or the flat answer.
    Json(Value),
    /// A list as a table, the metadata in its first line.
    Table(String),
}
