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

use pieces::{AFTER_WIDE, Byte, Class, FIRST_MARKS, ONE_SPACE, TIME, class_of, step};

/// Returns about how many o200k tokens a text has.
#[must_use]
pub fn estimate_text(text: &str) -> usize {
    let mut estimate = Estimate::default();
    estimate.add(text.as_bytes());
    estimate.tokens()
}

/// The structure between the values of earlier rows: punctuation and names, as in `","title":"`. Each piece of it has the
/// same cost again.
///
/// The pieces are in the order in which they came, so that the next one of a row is nearly always the next one here.
#[derive(Clone, Debug, Default)]
pub struct Structure(Vec<Between>);

/// The text between two values.
#[derive(Clone, Debug)]
struct Between {
    text: Box<[u8]>,
    hundredths: i64,
    /// The state after it.
    state: u8,
}

impl Structure {
    /// The most pieces that are remembered.
    const MOST: usize = 64;

    /// Returns about how many o200k tokens a row has, as [`estimate_text`] does.
    #[must_use]
    pub fn estimate_row(&mut self, json: &str) -> usize {
        let (mut estimate, mut expected, mut rest) = (Estimate::default(), 0, json.as_bytes());
        loop {
            rest = estimate.add_until_structure(rest);
            let is_next = |piece: &Between| rest.starts_with(&piece.text);
            let known = match self.0.get(expected) {
                Some(piece) if is_next(piece) => Some(expected),
                _ if rest.is_empty() => return estimate.tokens(),
                _ => self.find_or_add(expected, rest),
            };
            if let Some(piece) = known.and_then(|known| self.0.get(known)) {
                estimate.hundredths += piece.hundredths;
                (estimate.state, estimate.letters) = (piece.state, 0);
                rest = rest.get(piece.text.len()..).unwrap_or_default();
                expected = known.map_or(expected, |known| known + 1);
                if let Some((time, after)) = rest.split_first_chunk()
                    && is_time(time)
                {
                    estimate.hundredths += TIME.hundredths;
                    (estimate.state, estimate.letters) = (TIME.state, u32::from(class_of(b'Z').letter));
                    rest = after;
                }
            } else if let Some((mark, after)) = rest.split_first() {
                estimate.add_ascii(*mark);
                rest = after;
            }
        }
    }

    /// Returns the position of the piece at the start of a text, which is added if it is missing. Returns `None` if the
    /// text starts with no structure that has a name.
    fn find_or_add(&mut self, expected: usize, text: &[u8]) -> Option<usize> {
        let [b'"' | b',' | b'{' | b'}' | b']', b'"' | b',' | b'{' | b'}' | b']', ..] = text else { return None };
        let later =
            self.0.get(expected..).and_then(|pieces| pieces.iter().position(|piece| text.starts_with(&piece.text)));
        if let Some(passed) = later {
            return Some(expected + passed);
        }
        let text = structure(text)?;
        let mut cost = Estimate::default();
        for byte in text {
            cost.add_ascii(*byte);
        }
        if self.0.len() == Self::MOST {
            self.0.clear();
        }
        let position = expected.min(self.0.len());
        self.0.insert(position, Between { text: text.into(), hundredths: cost.hundredths, state: cost.state });
        Some(position)
    }
}

/// Returns whether a text is a time, such as `2026-11-30T03:10:10Z`. All times have the same cost.
fn is_time(text: &[u8; TIME.text.len()]) -> bool {
    let fits = |byte: u8, sample: u8| byte.wrapping_sub(sample) <= if sample == b'0' { 9 } else { 0 };
    text.iter().zip(TIME.text).fold(true, |all, (byte, sample)| all & fits(*byte, *sample))
}

/// Returns the punctuation and names at the start of a text, up to the next value. Returns `None` without a plain name.
fn structure(text: &[u8]) -> Option<&[u8]> {
    let (mut has_name, mut rest) = (false, text);
    loop {
        let marks = rest.iter().position(|byte| !b"\",:{}[]".contains(byte))?;
        let (_, word) = rest.split_at_checked(marks)?;
        let name = word.iter().position(|byte| !byte.is_ascii_lowercase() && *byte != b'_')?;
        let after = word.get(name..)?;
        if name == 0 || !after.starts_with(b"\":") {
            return text.get(..text.len() - word.len()).filter(|_| has_name);
        }
        (has_name, rest) = (true, after);
    }
}

/// The cost of the text read so far.
#[derive(Default)]
struct Estimate {
    /// The sum so far in hundredths of a token, including the piece being read.
    hundredths: i64,
    /// The piece being read, as `Piece::state`.
    state: u8,
    /// The last characters, five bits each: letters from 1 to 26, anything else 0.
    letters: u32,
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

    /// Reads more of the text.
    fn add(&mut self, bytes: &[u8]) {
        let mut rest = self.add_until_structure(bytes);
        while let Some((mark, after)) = rest.split_first() {
            self.add_ascii(*mark);
            rest = self.add_until_structure(after);
        }
    }

    /// Reads the text up to a quote, comma or bracket that begins a run of punctuation. Returns the rest.
    ///
    /// Every answer passes through this byte by byte, so each byte takes one or two table lookups, and the state stays in
    /// registers.
    #[inline]
    fn add_until_structure<'t>(&mut self, bytes: &'t [u8]) -> &'t [u8] {
        let (mut hundredths, mut state, mut letters) = (self.hundredths, self.state, self.letters);
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            let Byte { class, letter } = class_of(*byte);
            let step = step(state, class);
            if class < Class::Quote {
                (hundredths, state) = (hundredths + i64::from(step.hundredths), step.next);
                letters = (letters << 5) | u32::from(letter);
                rest = after;
                continue;
            }
            if class == Class::Small {
                (hundredths, state) = (hundredths + i64::from(step.hundredths), step.next);
                letters = (letters << 5) | u32::from(letter);
                hundredths += cut(letters);
                // The rest of the word adds its cuts and nothing else.
                let length = after.iter().position(|byte| !byte.is_ascii_lowercase()).unwrap_or(after.len());
                let (word, after) = after.split_at_checked(length).unwrap_or_default();
                for byte in word {
                    letters = (letters << 5) | u32::from(byte & 31);
                    hundredths += cut(letters);
                }
                rest = after;
                continue;
            }
            (self.hundredths, self.state, self.letters) = (hundredths, state, letters);
            if class == Class::Wide {
                self.add_wide(*byte);
            } else if state < FIRST_MARKS {
                return rest;
            } else {
                self.add_ascii(*byte);
            }
            (hundredths, state, letters) = (self.hundredths, self.state, self.letters);
            rest = after;
        }
        (self.hundredths, self.state, self.letters) = (hundredths, state, letters);
        rest
    }

    /// Reads a byte of ASCII.
    fn add_ascii(&mut self, byte: u8) {
        let Byte { class, letter } = class_of(byte);
        let step = step(self.state, class);
        (self.hundredths, self.state) = (self.hundredths + i64::from(step.hundredths), step.next);
        self.letters = (self.letters << 5) | u32::from(letter);
        if class == Class::Small {
            self.hundredths += cut(self.letters);
        }
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
fn cut(letters: u32) -> i64 {
    i64::from(LETTERS.get((letters & THREE_LETTERS) as usize).copied().unwrap_or(0))
}

const ALPHABET: usize = 27;
const THREE_LETTERS: u32 = 0x7fff;

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
    use serde_json::{Map, Value, json};

    use super::pieces::{Piece, STATES};
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
        fn row_costs_as_much_as_its_text(
            rows in proptest::collection::vec(
                proptest::collection::vec(("[a-z_]{1,9}|[A-Z]a", "[a-z]{0,4}|[ -~é\n]{0,9}|2026-11-30T03:10:10Z", 0..5u8), 0..8),
                0..6,
            ),
        ) {
            let mut structure = Structure::default();
            for members in rows {
                let mut row = Map::new();
                for (name, text, kind) in members {
                    let value = match kind {
                        0 => json!(text.len()),
                        1 => json!({name.as_str(): text, "at": [text]}),
                        2 => json!([true, null, {}]),
                        _ => json!(text),
                    };
                    row.insert(name, value);
                }
                let json = Value::Object(row).to_string();
                prop_assert_eq!(structure.estimate_row(&json), estimate_text(&json), "{}", json);
            }
        }

        #[test]
        fn any_text_costs_as_much_as_a_row(texts in proptest::collection::vec("([\",:{}\\[\\] a-z]|2026-11-30T03:10:1[0-9]Z){0,30}", 0..9)) {
            let mut structure = Structure::default();
            for text in texts {
                prop_assert_eq!(structure.estimate_row(&text), estimate_text(&text), "{}", text);
            }
        }

        #[test]
        fn step_costs_match_their_pieces(marks in "[\":,{}!#]{1,12}") {
            let (mut piece, mut cost) = (Piece::None, 0);
            for byte in marks.bytes() {
                let (next, more) = piece.followed_by(class_of(byte).class);
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
    fn structure_costs_the_same_after_any_word() {
        for mark in [Class::Quote, Class::Structure] {
            let after = |state| (step(state, mark).next, step(state, mark).hundredths);
            assert!((0..FIRST_MARKS).all(|state| after(state) == after(0)));
        }
    }

    #[test]
    fn structure_remembers_a_limited_number() {
        let mut structure = Structure::default();
        for number in 0..=Structure::MOST {
            let name = "a".repeat(number + 1);
            let row = format!(r#"{{"{name}":1,"id":"P1"}}"#);
            assert_eq!(structure.estimate_row(&row), estimate_text(&row));
        }
        assert!(structure.0.len() <= Structure::MOST);
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
