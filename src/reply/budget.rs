//! How large an answer may get, in tokens.
//!
//! Common clients refuse a tool's answer above 25,000 tokens, so a list is cut before.

use pagerduty_rows::table;
use pagerduty_rows::tokens::{estimate_row, estimate_text};
use serde_json::{Map, Value};

use super::Format;

/// What the envelope takes besides the rows: the metadata with a warning or two.
const ENVELOPE: usize = 250;

/// What a table takes besides: its columns and how to read it.
const HEADER: usize = 200;

/// The tokens left for rows.
#[derive(Clone, Debug)]
pub struct Budget {
    left: Option<usize>,
    format: Format,
}

impl Budget {
    /// A budget of so many tokens for the whole answer; `None` is no limit.
    #[must_use]
    pub fn of(tokens: Option<usize>) -> Self {
        Self { left: tokens.map(|tokens| tokens.saturating_sub(ENVELOPE)), format: Format::Json }
    }

    /// The same for a list that is written in `format`.
    #[must_use]
    pub fn for_list(self, format: Format) -> Self {
        let left = match format {
            Format::Json => self.left,
            Format::Compact => self.left.map(|left| left.saturating_sub(HEADER)),
        };
        Self { left, format }
    }

    /// No limit.
    #[must_use]
    pub fn unlimited() -> Self {
        Self { left: None, format: Format::Json }
    }

    /// The tokens that are left; `None` is no limit.
    #[must_use]
    pub fn left(&self) -> Option<usize> {
        self.left
    }

    /// Takes the cost of a row; `false` if it does not fit.
    pub fn take(&mut self, row: &Map<String, Value>) -> bool {
        let Some(left) = &mut self.left else { return true };
        let cost = match self.format {
            Format::Json => estimate_row(row),
            Format::Compact => estimate_text(&table::likely_line(row)) + 1,
        };
        let rest = left.checked_sub(cost);
        *left = rest.unwrap_or(0);
        rest.is_some()
    }
}
