//! About how many tokens a text has.
//!
//! To count them exactly takes the tokenizer's tables of several megabytes. The estimate here cuts text where o200k cuts it
//! before looking anything up (into words, groups of digits and runs of marks) and knows what such pieces cost on average in
//! PagerDuty's data. `tests/it/tokens.rs` holds it against the real tokenizer.

use std::io;

use serde_json::{Map, Value};

/// About how many o200k tokens the compact JSON of a row has.
#[must_use]
pub fn estimate_row(row: &Map<String, Value>) -> usize {
    let mut estimate = Estimate::default();
    match serde_json::to_writer(&mut estimate, row) {
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
    /// Hundredths of a token so far, those of the piece being read among them.
    hundredths: i64,
    /// The piece being read, as [`Piece::state`].
    state: u8,
}

impl Estimate {
    /// Every answer passes through this byte by byte, so that a byte is two looks into tables and an addition.
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let class = CLASSES.get(usize::from(*byte)).copied().unwrap_or(Class::Mark);
            let step = STEPS.get(usize::from(self.state) * CLASS_COUNT + class as usize).copied().unwrap_or(Step::NONE);
            self.hundredths += i64::from(step.hundredths);
            self.state = step.next;
        }
    }

    fn tokens(self) -> usize {
        usize::try_from(self.hundredths).unwrap_or(0).div_ceil(100)
    }
}

/// A part of the text: how many bytes of which kind it has.
#[derive(Clone, Copy)]
enum Piece {
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

/// What a byte is, as far as pieces are concerned.
#[derive(Clone, Copy)]
enum Class {
    Small,
    Capital,
    /// Outside ASCII.
    Wide,
    Digit,
    Tab,
    Mark,
}

/// As many as a row of [`STEPS`] has room for.
const CLASS_COUNT: usize = 8;

/// How far letters are counted. What more of them cost is the same for each.
const CAPITALS: usize = 12;
const SMALL: usize = 15;

impl Piece {
    /// What it costs. The figures are averages over PagerDuty's data.
    const fn hundredths(self) -> usize {
        match self {
            Piece::None | Piece::Marks(0) => 0,
            Piece::Digits(digits) => 100 * digits.div_ceil(3),
            Piece::Tabs => 75,
            Piece::Marks(1..=3) => 100,
            Piece::Marks(marks) => 30 + 30 * marks,
            Piece::Word { capitals, small, wide } if wide > 0 => 70 + 25 * wide + 15 * (capitals + small),
            Piece::Word { capitals, small: 0, .. } => 45 + 57 * capitals,
            Piece::Word { capitals: 0, small, .. } => 104 + 32 * small.saturating_sub(9),
            // A name has one capital; several of them before small letters are seldom words.
            Piece::Word { capitals: 2.., small, .. } if small < 4 => 190 + 25 * small,
            Piece::Word { capitals, small, .. } => 105 + 12 * at_most((capitals + small).saturating_sub(3), 5),
        }
    }

    /// The piece with a byte more, or the one that the byte begins; and what that adds to the cost of the text.
    const fn followed_by(self, class: Class) -> (Self, i64) {
        let (next, closed) = match (self, class) {
            (Piece::Word { capitals, small, wide }, Class::Small) => {
                (Piece::Word { capitals, small: small + 1, wide }, Piece::None)
            }
            (Piece::Word { capitals, small: 0, wide: 0 }, Class::Capital) => {
                (Piece::Word { capitals: capitals + 1, small: 0, wide: 0 }, Piece::None)
            }
            (Piece::Word { capitals, small, wide }, Class::Wide) => {
                (Piece::Word { capitals, small, wide: wide + 1 }, Piece::None)
            }
            (Piece::Digits(digits), Class::Digit) => (Piece::Digits(digits + 1), Piece::None),
            (Piece::Marks(marks), Class::Mark) => (Piece::Marks(marks + 1), Piece::None),
            (Piece::Tabs, Class::Tab) => (Piece::Tabs, Piece::None),
            // A word takes the mark before it, such as the space or the quote.
            (Piece::Marks(marks), Class::Small | Class::Capital | Class::Wide) => {
                (Piece::begun_by(class), Piece::Marks(marks - 1))
            }
            (closed, class) => (Piece::begun_by(class), closed),
        };
        let (after, before) = (next.hundredths() + closed.hundredths(), self.hundredths());
        (next, after.cast_signed() as i64 - before.cast_signed() as i64)
    }

    const fn begun_by(class: Class) -> Self {
        match class {
            Class::Small => Piece::Word { capitals: 0, small: 1, wide: 0 },
            Class::Capital => Piece::Word { capitals: 1, small: 0, wide: 0 },
            Class::Wide => Piece::Word { capitals: 0, small: 0, wide: 1 },
            Class::Digit => Piece::Digits(1),
            Class::Tab => Piece::Tabs,
            Class::Mark => Piece::Marks(1),
        }
    }

    /// Its number. Pieces that go on alike have the same one.
    const fn state(self) -> usize {
        match self {
            Piece::None => 0,
            Piece::Tabs => 1,
            Piece::Digits(digits) => 2 + (digits - 1) % 3,
            Piece::Marks(marks) => 4 + at_most(marks, 5),
            Piece::Word { wide: 1.., .. } => 10,
            Piece::Word { capitals, small, .. } => {
                11 + at_most(capitals, CAPITALS) * (SMALL + 1) + at_most(small, SMALL)
            }
        }
    }

    /// The shortest piece of a number.
    const fn of(state: usize) -> Self {
        match state {
            0 => Piece::None,
            1 => Piece::Tabs,
            2..=4 => Piece::Digits(state - 1),
            5..=9 => Piece::Marks(state - 4),
            10 => Piece::Word { capitals: 0, small: 0, wide: 1 },
            word => {
                let letters = word - 11;
                Piece::Word { capitals: letters / (SMALL + 1), small: letters % (SMALL + 1), wide: 0 }
            }
        }
    }
}

const STATES: usize = 11 + (CAPITALS + 1) * (SMALL + 1);

const fn at_most(number: usize, most: usize) -> usize {
    if number < most { number } else { most }
}

/// What a byte does to the estimate.
#[derive(Clone, Copy)]
struct Step {
    next: u8,
    hundredths: i16,
}

impl Step {
    const NONE: Self = Self { next: 0, hundredths: 0 };
}

/// What a byte of each class does in each state, from the rules of [`Piece`].
#[allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "while compiling, where both would be noticed"
)]
static STEPS: [Step; 256 * CLASS_COUNT] = {
    let all = [Class::Small, Class::Capital, Class::Wide, Class::Digit, Class::Tab, Class::Mark];
    let mut steps = [Step::NONE; 256 * CLASS_COUNT];
    let mut state = 0;
    while state < STATES {
        let mut class = 0;
        while class < all.len() {
            let (next, hundredths) = Piece::of(state).followed_by(all[class]);
            assert!(next.state() < STATES && hundredths.abs() < i16::MAX as i64);
            let step = Step { next: next.state() as u8, hundredths: hundredths as i16 };
            steps[state * CLASS_COUNT + all[class] as usize] = step;
            class += 1;
        }
        state += 1;
    }
    steps
};

/// The class of each byte.
#[allow(clippy::indexing_slicing, reason = "while compiling")]
static CLASSES: [Class; 256] = {
    let mut classes = [Class::Mark; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte {
            0x61..=0x7a => Class::Small,
            0x41..=0x5a => Class::Capital,
            0x30..=0x39 => Class::Digit,
            0x09 => Class::Tab,
            0x80.. => Class::Wide,
            _ => Class::Mark,
        };
        byte += 1;
    }
    classes
};

impl io::Write for Estimate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_table_says_what_the_pieces_cost(
            text in "([A-Z]{0,12}[a-z]{0,15}é{0,3}[0-9]{0,9}[ \":,{}\t-]{1,7})*", cut in 0usize..40,
        ) {
            let (mut piece, mut cost) = (Piece::None, 0);
            for byte in text.bytes() {
                let (next, more) = piece.followed_by(CLASSES[usize::from(byte)]);
                cost += more;
                piece = next;
            }
            let mut estimate = Estimate::default();
            let (head, tail) = text.as_bytes().split_at(cut.min(text.len()));
            estimate.add(head);
            estimate.add(tail);
            prop_assert_eq!(estimate.hundredths, cost);
        }
    }

    #[test]
    fn a_row_costs_what_its_json_does() {
        let row =
            serde_json::json!({"id": "Q1", "title": "a \"b\" é\n", "teams": [{"id": "PT1"}, null], "count": 12345});
        assert_eq!(estimate_row(row.as_object().unwrap()), estimate_text(&row.to_string()));
    }

    #[test]
    fn every_state_has_a_piece_of_its_own() {
        assert!((0..STATES).all(|state| Piece::of(state).state() == state));
        let cost = |text: &str| {
            let mut estimate = Estimate::default();
            estimate.add(text.as_bytes());
            estimate.hundredths
        };
        for (text, expected) in [("", 0), ("\"id\"", 204), ("1234", 200), ("Ada", 105), ("------", 210), ("\t\t", 75)] {
            assert_eq!(cost(text), expected, "{text:?}");
        }
    }
}
