//! How large an answer may get, in tokens.
//!
//! Common clients refuse a tool's answer above 25,000 tokens, so a list is cut before. Counting tokens exactly would take
//! the tokenizer's tables of several megabytes; the estimate here looks only at runs of characters and is calibrated
//! against o200k on incidents (see `tests/it/budget.rs` for how close it is).

use std::io;

use serde::Serialize;
use serde_json::{Map, Value};

/// What the envelope takes besides the rows: metadata, a warning or two.
const ENVELOPE: usize = 200;

/// The tokens left for rows.
#[derive(Clone, Debug)]
pub struct Budget {
    left: Option<usize>,
}

impl Budget {
    /// A budget of so many tokens for the whole answer; `None` is no limit.
    #[must_use]
    pub fn of(tokens: Option<usize>) -> Self {
        Self { left: tokens.map(|tokens| tokens.saturating_sub(ENVELOPE)) }
    }

    /// No limit.
    #[must_use]
    pub fn unlimited() -> Self {
        Self { left: None }
    }

    /// Takes the cost of a row; `false` if it does not fit.
    pub fn take(&mut self, row: &Map<String, Value>) -> bool {
        let Some(left) = &mut self.left else { return true };
        // The comma that joins it to the row before is part of the tokens around it.
        match left.checked_sub(estimate_tokens(row)) {
            Some(rest) => *left = rest,
            None => return false,
        }
        true
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

/// Counts while JSON is written into it, so that nothing is built only to be measured.
#[derive(Default)]
struct Estimate {
    /// Hundredths of a token, closed runs only.
    hundredths: usize,
    run: Option<(Class, usize)>,
}

/// Characters that o200k tends to join.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    Digit,
    Mark,
    Wide,
}

impl Class {
    fn of(byte: u8) -> Self {
        match byte {
            b'a'..=b'z' | b' ' => Class::Lower,
            b'A'..=b'Z' => Class::Upper,
            b'0'..=b'9' => Class::Digit,
            0x80.. => Class::Wide,
            _ => Class::Mark,
        }
    }

    /// Hundredths of a token for a run of so many bytes.
    fn cost(self, length: usize) -> usize {
        match self {
            // Words and the space before them: short ones are one token.
            Class::Lower => 100 * length.div_ceil(7),
            Class::Upper => 55 * length,
            Class::Digit => 100 * length.div_ceil(3),
            Class::Mark => 100 * length.div_ceil(3),
            Class::Wide => 40 * length,
        }
    }
}

impl Estimate {
    fn tokens(mut self) -> usize {
        self.close();
        self.hundredths.div_ceil(100)
    }

    fn close(&mut self) {
        if let Some((class, length)) = self.run.take() {
            self.hundredths += class.cost(length);
        }
    }
}

impl io::Write for Estimate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for &byte in bytes {
            let class = Class::of(byte);
            match &mut self.run {
                // A space begins a word, so it ends the run before.
                Some((open, length)) if *open == class && byte != b' ' => *length += 1,
                _ => {
                    self.close();
                    self.run = Some((class, 1));
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
