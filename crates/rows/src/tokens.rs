//! Estimates the number of tokens in a text, erring on the high side.
//!
//! An exact count needs the tokenizer's tables of several megabytes. The estimate cuts text where o200k cuts it before
//! any lookup (into words, groups of digits and runs of punctuation) and has a cost for each kind of piece. If it is
//! too high, the caller needs another page; if it is too low, the client refuses the whole answer. So text that
//! outsiders can write freely is counted at its worst-case cost:
//!
//! - words by how likely o200k cuts before each letter, given the two before it (`tokens/letters.bin`): `ing` is seldom
//!   cut, `xqz` nearly always;
//! - characters outside ASCII by the cost of each alone (`tokens/wide.bin`);
//! - punctuation by the character, except for the quotes, commas and brackets between the values of JSON.
//!
//! `tests/it/tokens.rs` compares the estimate with the real tokenizer, and `benches/token_tables` makes the tables.

mod pieces;

use pieces::{AFTER_WIDE, CLASSES, Class, ONE_SPACE, step};

/// Returns about how many o200k tokens a text has.
#[must_use]
pub fn estimate_text(text: &str) -> usize {
    let mut estimate = Estimate::default();
    estimate.add(text.as_bytes());
    estimate.tokens()
}

/// The cost of the text read so far.
#[derive(Default)]
struct Estimate {
    /// The sum so far in hundredths of a token, including the piece being read.
    hundredths: i64,
    /// The piece being read, as `Piece::state`.
    state: u8,
    /// The last three characters, five bits each: letters from 1 to 26, anything else 0.
    letters: u16,
    /// The character outside ASCII that is being read.
    wide: Wide,
}

/// A partly read character outside ASCII.
#[derive(Clone, Copy, Default)]
struct Wide {
    code: u32,
    /// The number of its bytes that are still missing.
    missing: u8,
    /// Set if a single space precedes it.
    spaced: bool,
}

impl Estimate {
    /// The percentage added to the sum: lists of few and short fields would be estimated that much too low.
    const MARGIN: i64 = 2;

    /// Reads more of the text. Every answer passes through this byte by byte, so each byte takes one or two table
    /// lookups, and the state stays in registers.
    fn add(&mut self, bytes: &[u8]) {
        let (mut hundredths, mut state, mut letters) = (self.hundredths, self.state, self.letters);
        let mut rest = bytes;
        while let [byte, after @ ..] = rest {
            rest = after;
            let (class, letter) = CLASSES.get(usize::from(*byte)).copied().unwrap_or((Class::Mark, 0));
            if matches!(class, Class::Wide) {
                (self.hundredths, self.state, self.letters) = (hundredths, state, letters);
                self.add_wide(*byte);
                (hundredths, state, letters) = (self.hundredths, self.state, self.letters);
                continue;
            }
            let step = step(state, class);
            hundredths += i64::from(step.hundredths);
            state = step.next;
            letters = ((letters << 5) | u16::from(letter)) & THREE_LETTERS;
            if !matches!(class, Class::Small) {
                continue;
            }
            hundredths += cut(letters);
            // The rest of the word adds its cuts and nothing else.
            while let [byte, after @ ..] = rest
                && byte.is_ascii_lowercase()
            {
                rest = after;
                letters = ((letters << 5) | u16::from(byte & 31)) & THREE_LETTERS;
                hundredths += cut(letters);
            }
        }
        (self.hundredths, self.state, self.letters) = (hundredths, state, letters);
    }

    /// Reads a byte of a character outside ASCII. The last byte adds the cost of the character.
    fn add_wide(&mut self, byte: u8) {
        let Wide { code, missing, spaced } = self.wide;
        self.wide = match byte.leading_ones() {
            1 => Wide { code: (code << 6) | u32::from(byte & 0x3f), missing: missing.saturating_sub(1), spaced },
            2 => Wide { code: u32::from(byte & 0x1f), missing: 1, spaced: self.state == ONE_SPACE },
            3 => Wide { code: u32::from(byte & 0x0f), missing: 2, spaced: self.state == ONE_SPACE },
            _ => Wide { code: u32::from(byte & 0x07), missing: 3, spaced: self.state == ONE_SPACE },
        };
        (self.state, self.letters) = (AFTER_WIDE, 0);
        if self.wide.missing == 0 {
            let cost = wide_cost(self.wide.code);
            // A rare character does not merge with the space before it.
            let space = i64::from(self.wide.spaced && cost > 1);
            self.hundredths += 100 * (cost + space);
        }
    }

    fn tokens(self) -> usize {
        usize::try_from(self.hundredths * (100 + Self::MARGIN)).unwrap_or(0).div_ceil(10_000)
    }
}

/// The percentage of times that o200k cuts before the third of three letters. The first two may be 0, which is not a
/// letter.
#[allow(clippy::indexing_slicing, reason = "while compiling")]
static LETTERS: [u8; THREE_LETTERS as usize + 1] = {
    let packed = include_bytes!("tokens/letters.bin");
    let mut letters = [0; THREE_LETTERS as usize + 1];
    let mut place = 0;
    while place < packed.len() {
        let (first, second, third) = (place / (ALPHABET * ALPHABET), place / ALPHABET % ALPHABET, place % ALPHABET);
        letters[(first << 10) | (second << 5) | third] = packed[place];
        place += 1;
    }
    letters
};
/// Returns the percentage of times that o200k cuts before the last of three letters.
fn cut(letters: u16) -> i64 {
    i64::from(LETTERS.get(usize::from(letters)).copied().unwrap_or(0))
}

const ALPHABET: usize = 27;
const THREE_LETTERS: u16 = 0x7fff;

/// The cost of each character of the first plane and of the emoji block, minus one, in two bits each.
static WIDE: &[u8; (FIRST_PLANE + 0x1000) / 4] = include_bytes!("tokens/wide.bin");
const FIRST_PLANE: usize = 0x1_0000;
const EMOJI: usize = 0x1_f000;

/// Returns the cost of a single character outside ASCII: one to four tokens.
fn wide_cost(code: u32) -> i64 {
    let place = match code as usize {
        code @ 0..FIRST_PLANE => code,
        code @ EMOJI..0x2_0000 => FIRST_PLANE + code - EMOJI,
        _ => return 4,
    };
    WIDE.get(place / 4).map_or(4, |four| i64::from((four >> (2 * (place % 4))) & 3) + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::pieces::{CLASSES, Piece, STATES};
    use super::*;

    fn hundredths(text: &str) -> i64 {
        let mut estimate = Estimate::default();
        estimate.add(text.as_bytes());
        estimate.hundredths
    }

    proptest! {
        #[test]
        fn add_cost_is_independent_of_splits(text in "([A-Za-z]{0,12}é{0,3}漢?🔥?[0-9]{0,9}[ \\\\\":,{}\t!-]{1,9})*", cut in 0usize..60) {
            let mut estimate = Estimate::default();
            let (head, tail) = text.as_bytes().split_at(cut.min(text.len()));
            estimate.add(head);
            estimate.add(tail);
            prop_assert_eq!(estimate.hundredths, hundredths(&text));
        }

        #[test]
        fn step_costs_match_their_pieces(marks in "[\":,{}!#]{1,12}") {
            let (mut piece, mut cost) = (Piece::None, 0);
            for byte in marks.bytes() {
                let (next, more) = piece.followed_by(CLASSES[usize::from(byte)].0);
                (piece, cost) = (next, cost + more);
            }
            prop_assert_eq!(hundredths(&marks), cost);
            prop_assert_eq!(i64::try_from(piece.hundredths()).unwrap(), cost);
        }
    }

    #[test]
    fn state_round_trips_through_piece() {
        assert!((0..STATES).all(|state| Piece::from_state(state).state() == state));
    }

    #[test]
    fn add_cost_matches_pieces() {
        for (text, expected) in [
            ("", 0),
            ("1234", 200),
            ("\t\t", 75),
            ("a b", 200),
            ("a  b", 300),
            ("a 1", 300),
            ("!", 100),
            ("!a", 100),
            ("!?#", 300),
            ("!?a", 300),
            ("\":\"", 100),
            ("{[{", 300),
            ("é", 100),
            ("鿋", 300),
            ("\u{20000}", 400),
            ("a \u{20000}", 600),
            ("a é", 200),
            ("AB", 159),
        ] {
            assert_eq!(hundredths(text), expected, "{text:?}");
        }
        assert!(hundredths("xqzkv") > 350 && hundredths("service") < 140, "{}", hundredths("service"));
    }
}
