//! How large an answer may get: in tokens, and as much as its client shows whole.
//!
//! Common clients refuse a tool's answer above 25,000 tokens, and some show their model less than that, so a list is cut
//! before.

use pagerduty_rows::table;
use pagerduty_rows::tokens::{estimate_row, estimate_text};
use pagerduty_rows::write::{Extent, extent_of_row};
use serde_json::{Map, Value};

use super::Format;
use crate::clients::{Size, Unit};

/// What the envelope takes besides the rows, in tokens: the metadata with a warning or two.
const ENVELOPE: usize = 250;

/// What a table takes besides, in tokens: its columns and how to read it.
const HEADER: usize = 200;

/// What a client's limit has to hold besides the rows, in its own unit: the metadata with a few warnings, the columns of a
/// table, and what the client itself puts around an answer.
const AROUND: usize = 1_500;

/// What the columns of a table and how to read it take of a client's limit, besides.
const COLUMNS: usize = 800;

/// What separates two rows: a comma and a newline.
const SEPARATOR: usize = 2;

/// The room left for rows.
#[derive(Clone, Debug)]
pub struct Budget {
    tokens: Option<Room>,
    size: Option<(Room, Unit)>,
    format: Format,
}

/// One of the measures.
#[derive(Clone, Copy, Debug)]
struct Room {
    all: usize,
    left: usize,
}

impl Room {
    fn of(all: usize) -> Self {
        Self { all, left: all }
    }

    /// Takes a cost; `false` if it does not fit.
    fn take(&mut self, cost: usize) -> bool {
        let rest = self.left.checked_sub(cost);
        self.left = rest.unwrap_or(0);
        rest.is_some()
    }

    /// How many more rows fit if they are like the `taken` ones, and one more.
    fn likely_rows(self, taken: usize) -> usize {
        (self.left.saturating_mul(taken) / (self.all - self.left).max(1)).saturating_add(1)
    }
}

impl Budget {
    /// A budget of so many tokens for the whole answer; `None` is no limit.
    #[must_use]
    pub fn of(tokens: Option<usize>) -> Self {
        let tokens = tokens.map(|tokens| Room::of(tokens.saturating_sub(ENVELOPE)));
        Self { tokens, size: None, format: Format::Json }
    }

    /// The same for an answer that has to be shown whole by a client that shows so much.
    #[must_use]
    pub fn within(self, most: Option<Size>) -> Self {
        let size = most.map(|size| (Room::of(size.most.saturating_sub(AROUND)), size.unit));
        Self { size, ..self }
    }

    /// The same for a list that is written in `format`.
    #[must_use]
    pub fn for_list(self, format: Format) -> Self {
        match format {
            Format::Json => self,
            Format::Compact => Self {
                tokens: self.tokens.map(|room| Room::of(room.left.saturating_sub(HEADER))),
                // The lines of a table depend on each other, and are estimated before the table is known.
                size: self.size.map(|(room, unit)| (Room::of(room.left.saturating_sub(COLUMNS) / 10 * 9), unit)),
                format,
            },
        }
    }

    /// No limit.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::of(None)
    }

    /// The tokens that are left; `None` is no limit.
    #[must_use]
    pub fn left(&self) -> Option<usize> {
        self.tokens.map(|room| room.left)
    }

    /// How many more rows are going to fit, if they are as large as the `taken` ones; `None` is no limit.
    #[must_use]
    pub fn likely_rows(&self, taken: usize) -> Option<usize> {
        let rooms = self.tokens.into_iter().chain(self.size.map(|(room, _)| room));
        rooms.map(|room| room.likely_rows(taken)).min()
    }

    /// Takes the cost of a row; `false` if it does not fit.
    pub fn take(&mut self, row: &Map<String, Value>) -> bool {
        if self.tokens.is_none() && self.size.is_none() {
            return true;
        }
        match self.format {
            // Measured while it is written once, and nothing is kept of it.
            Format::Json => self.charge(|| estimate_row(row), || extent_of_row(row)),
            Format::Compact => {
                let line = table::likely_line(row);
                self.charge(|| estimate_text(&line) + 1, || Extent::of(&line))
            }
        }
    }

    fn charge(&mut self, tokens: impl FnOnce() -> usize, extent: impl FnOnce() -> Extent) -> bool {
        let in_tokens = self.tokens.as_mut().is_none_or(|room| room.take(tokens()));
        let in_size = self.size.as_mut().is_none_or(|(room, unit)| {
            let extent = extent();
            let most = match unit {
                Unit::Characters => extent.characters,
                Unit::Bytes => extent.bytes,
            };
            room.take(most + SEPARATOR)
        });
        in_tokens && in_size
    }
}
