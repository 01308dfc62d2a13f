//! The size limits of an answer: in tokens, and in what its client shows whole.
//!
//! Common clients refuse a tool's answer above 25,000 tokens, and some show their model less than that, so a list is
//! cut before that.

use pagerduty_rows::object::Object;
use pagerduty_rows::table::Outline;
use pagerduty_rows::tokens::{Structure, estimate_text};
use pagerduty_rows::write::Extent;

use crate::clients::{Size, Unit};
use crate::config::Format;

/// The tokens of the envelope besides the rows: the metadata with a warning or two.
const ENVELOPE: usize = 250;

/// The additional tokens of a table: its columns and how to read it.
const HEADER: usize = 200;

/// The part of a client's limit that is reserved besides the rows, in the client's unit: the metadata with a few
/// warnings, the columns of a table, and the text that the client puts around an answer.
const AROUND: usize = 1_500;

/// The additional part of a client's limit for the columns of a table and how to read it.
const COLUMNS: usize = 800;

/// The length of the separator between two rows: a comma and a newline.
const SEPARATOR: usize = 2;

/// The budget that is left for rows.
#[derive(Clone, Debug)]
pub struct Budget {
    tokens: Option<Room>,
    size: Option<(Room, Unit)>,
    format: Format,
    /// The structure of earlier rows, if they are written as JSON.
    structure: Structure,
    /// The columns of the table, if it is written as one.
    outline: Outline,
}

/// The budget in one unit of measurement.
#[derive(Clone, Copy, Debug)]
struct Room {
    all: usize,
    left: usize,
}

impl Room {
    fn of(all: usize) -> Self {
        Self { all, left: all }
    }

    /// Takes a cost. Returns `false` if it does not fit.
    fn take(&mut self, cost: usize) -> bool {
        let rest = self.left.checked_sub(cost);
        self.left = rest.unwrap_or(0);
        rest.is_some()
    }

    /// Returns how many more rows fit if they are like the `taken` ones, plus one.
    fn likely_rows(self, taken: usize) -> usize {
        (self.left.saturating_mul(taken) / (self.all - self.left).max(1)).saturating_add(1)
    }
}

impl Budget {
    /// Returns a budget of so many tokens for the whole answer; `None` is no limit.
    #[must_use]
    pub fn of(tokens: Option<usize>) -> Self {
        let tokens = tokens.map(|tokens| Room::of(tokens.saturating_sub(ENVELOPE)));
        let (structure, outline) = (Structure::default(), Outline::default());
        Self { tokens, size: None, format: Format::Json, structure, outline }
    }

    /// Returns the same budget for a client that shows at most `most` of an answer.
    #[must_use]
    pub fn within(self, most: Option<Size>) -> Self {
        let size = most.map(|size| (Room::of(size.most.saturating_sub(AROUND)), size.unit));
        Self { size, ..self }
    }

    /// Returns the same budget for a list that is written in `format`.
    #[must_use]
    pub fn for_list(self, format: Format) -> Self {
        match format {
            Format::Json => self,
            Format::Compact => Self {
                tokens: self.tokens.map(|room| Room::of(room.left.saturating_sub(HEADER))),
                // The lines of a table depend on each other, and their size is estimated before the table is complete.
                size: self.size.map(|(room, unit)| (Room::of(room.left.saturating_sub(COLUMNS) / 10 * 9), unit)),
                format,
                ..self
            },
        }
    }

    /// Returns a budget without a limit.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::of(None)
    }

    /// Returns the tokens that are left; `None` is no limit.
    #[must_use]
    pub fn left(&self) -> Option<usize> {
        self.tokens.map(|room| room.left)
    }

    /// Returns how many more rows will fit, if they are as large as the `taken` ones, or `None` if there is no limit.
    #[must_use]
    pub fn likely_rows(&self, taken: usize) -> Option<usize> {
        let rooms = self.tokens.into_iter().chain(self.size.map(|(room, _)| room));
        rooms.map(|room| room.likely_rows(taken)).min()
    }

    /// Takes the cost of a row. Returns `false` if it does not fit.
    pub fn take(&mut self, row: &Object) -> bool {
        if self.tokens.is_none() && self.size.is_none() {
            return true;
        }
        match self.format {
            Format::Json => {
                let tokens = self.tokens.map_or(0, |_| self.structure.estimate_row(row.as_str()));
                self.charge(tokens, row.as_str())
            }
            Format::Compact => {
                let text = self.outline.likely_text(&row.members());
                let tokens = self.tokens.map_or(0, |_| estimate_text(&text) + 1);
                self.charge(tokens, &text)
            }
        }
    }

    /// Takes the cost of a text in a list. Returns `false` if it does not fit.
    pub fn take_text(&mut self, text: &str) -> bool {
        let written = format!("{text:?},");
        let tokens = self.tokens.map_or(0, |_| estimate_text(&written));
        self.charge(tokens, &written)
    }

    fn charge(&mut self, tokens: usize, text: &str) -> bool {
        let in_tokens = self.tokens.as_mut().is_none_or(|room| room.take(tokens));
        let in_size = self.size.as_mut().is_none_or(|(room, unit)| {
            let extent = Extent::from_text(text);
            let most = match unit {
                Unit::Characters => extent.characters,
                Unit::Bytes => extent.bytes,
            };
            room.take(most + SEPARATOR)
        });
        in_tokens && in_size
    }
}
