//! How large an answer may get, in tokens.
//!
//! Common clients refuse a tool's answer above 25,000 tokens, so a list is cut before. To count tokens exactly takes the
//! tokenizer's tables of several megabytes. The estimate here cuts text where o200k cuts it before looking anything up (into
//! words, groups of digits and runs of marks) and knows what such pieces cost on average in PagerDuty's data.
//! `tests/it/tokens.rs` holds it against the real tokenizer.

use std::io;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Format, table};

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
            Format::Json => estimate_tokens(row),
            Format::Compact => estimate_text(&table::likely_line(row)) + 1,
        };
        let rest = left.checked_sub(cost);
        *left = rest.unwrap_or(0);
        rest.is_some()
    }
}

/// About how many o200k tokens the compact JSON of `value` has.
#[must_use]
pub fn estimate_tokens(value: &impl Serialize) -> usize {
    let mut estimate = Estimate::default();
    match serde_json::to_writer(&mut estimate, value) {
        Ok(()) => estimate.tokens(),
        // What cannot be written has no size; it fails where it is written for real.
        Err(_) => 0,
    }
}

/// About how many o200k tokens a text has.
#[must_use]
pub fn estimate_text(text: &str) -> usize {
    let mut estimate = Estimate::default();
    estimate.add(text.as_bytes());
    estimate.tokens()
}

/// Counts while JSON is written into it, so that nothing is built only to be measured.
#[derive(Default)]
struct Estimate {
    /// Hundredths of a token of the pieces that are closed.
    hundredths: usize,
    piece: Piece,
}

/// The piece being read: how many bytes it has.
#[derive(Clone, Copy, Default)]
enum Piece {
    #[default]
    None,
    Digits(usize),
    Marks(usize),
    /// Between the cells of a table. A word does not take it as it takes a space.
    Tabs,
    /// Capitals, then small letters, then bytes outside ASCII (letters of other alphabets, most of them).
    Word {
        capitals: usize,
        small: usize,
        wide: usize,
    },
}

impl Piece {
    fn hundredths(self) -> usize {
        match self {
            Piece::None => 0,
            Piece::Digits(digits) => 100 * digits.div_ceil(3),
            Piece::Tabs => 75,
            Piece::Marks(marks @ 0..=3) => 100 * marks.min(1),
            Piece::Marks(marks) => 30 + 30 * marks,
            Piece::Word { capitals, small, wide } if wide > 0 => 70 + 25 * wide + 15 * (capitals + small),
            Piece::Word { capitals, small: 0, .. } => 45 + 57 * capitals,
            Piece::Word { capitals: 0, small, .. } => 104 + 32 * small.saturating_sub(9),
            // A name has one capital; several of them before small letters are seldom words.
            Piece::Word { capitals: 2.., small, .. } if small < 4 => 190 + 25 * small,
            Piece::Word { capitals, small, .. } => 105 + 12 * (capitals + small).saturating_sub(3).min(5),
        }
    }

    /// The piece that begins with a byte.
    fn of(byte: u8) -> Self {
        match byte {
            b'0'..=b'9' => Piece::Digits(1),
            b'A'..=b'Z' => Piece::Word { capitals: 1, small: 0, wide: 0 },
            b'a'..=b'z' => Piece::Word { capitals: 0, small: 1, wide: 0 },
            0x80.. => Piece::Word { capitals: 0, small: 0, wide: 1 },
            b'\t' => Piece::Tabs,
            _ => Piece::Marks(1),
        }
    }

    /// A word takes the mark before it, such as the space or the quote.
    fn before_word(self) -> Self {
        match self {
            Piece::Marks(marks) => Piece::Marks(marks - 1),
            other => other,
        }
    }
}

impl Estimate {
    /// Every answer passes through this byte by byte, so the common case is one addition.
    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match (byte, &mut self.piece) {
                (b'a'..=b'z', Piece::Word { small: more, .. })
                | (b'A'..=b'Z', Piece::Word { capitals: more, small: 0, wide: 0 })
                | (0x80.., Piece::Word { wide: more, .. })
                | (b'0'..=b'9', Piece::Digits(more)) => *more += 1,
                (b'\t', Piece::Tabs) => {}
                (byte, open) => {
                    let next = Piece::of(byte);
                    match (next, &mut *open) {
                        (Piece::Marks(_), Piece::Marks(marks)) => *marks += 1,
                        (Piece::Word { .. }, closed) => {
                            self.hundredths += closed.before_word().hundredths();
                            *open = next;
                        }
                        (_, closed) => {
                            self.hundredths += closed.hundredths();
                            *open = next;
                        }
                    }
                }
            }
        }
    }

    fn tokens(self) -> usize {
        (self.hundredths + self.piece.hundredths()).div_ceil(100)
    }
}

impl io::Write for Estimate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
