//! The pieces that o200k cuts a text into and their costs, first as rules and then as a table of steps made from the
//! rules.

/// A partly read piece of the text.
#[derive(Clone, Copy)]
pub enum Piece {
    None,
    Digits(usize),
    Tabs,
    Spaces(usize),
    Wide,
    /// A word that ends in a lowercase letter.
    Small,
    /// A word of capital letters.
    Capitals,
    /// A run of punctuation: how much of it JSON writes between values, whether that includes a quote, and how much is
    /// other.
    Marks {
        structure: usize,
        quoted: bool,
        other: usize,
    },
}

/// The classes of bytes that determine a piece.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Capital,
    Digit,
    Tab,
    Space,
    /// The start of an escape, whose letters are not a word.
    Escape,
    Mark,
    Quote,
    /// A byte other than a quote that JSON writes between values.
    Structure,
    Small,
    /// A byte outside ASCII, which has no step: see `Estimate::add_wide`.
    Wide,
}

const CLASSES_IN_ORDER: [Class; 9] = [
    Class::Small,
    Class::Capital,
    Class::Digit,
    Class::Tab,
    Class::Space,
    Class::Quote,
    Class::Structure,
    Class::Escape,
    Class::Mark,
];

/// The number of classes that a row of [`STEPS`] has room for.
const CLASS_COUNT: usize = 16;

/// The number of marks up to which a run is counted. Each further mark has the same cost.
const STRUCTURE: usize = 6;
const OTHER: usize = 2;

impl Piece {
    const MARK: Self = Piece::Marks { structure: 0, quoted: false, other: 0 };

    /// Returns the cost in hundredths, without the letters after the first, whose cost is in `LETTERS`.
    pub const fn hundredths(self) -> usize {
        match self {
            Piece::None | Piece::Wide | Piece::Spaces(1) => 0,
            Piece::Digits(digits) => 100 * digits.div_ceil(3),
            Piece::Tabs => 75,
            Piece::Spaces(_) | Piece::Small => 100,
            Piece::Capitals => 102,
            Piece::Marks { structure, quoted, other } => structure_hundredths(structure, quoted) + 100 * other,
        }
    }

    /// Returns the piece after one more byte, or the new piece that the byte begins, and the cost that this adds.
    pub const fn followed_by(self, class: Class) -> (Self, i64) {
        let (next, more) = match (self, class) {
            (Piece::Small | Piece::Capitals, Class::Small) => return (Piece::Small, 0),
            (Piece::Capitals, Class::Capital) => return (Piece::Capitals, 57),
            // A word merges with the space or the single mark before it.
            (Piece::Marks { structure, quoted, other }, Class::Small | Class::Capital) => {
                (Self::begun_by(class), -taken_by_word(structure, quoted, other))
            }
            // Digits do not merge with a space.
            (Piece::Spaces(1), Class::Digit) => (Self::begun_by(class), 100),
            (Piece::Spaces(spaces), Class::Space) => {
                return (Piece::Spaces(spaces + 1), if spaces == 1 { 100 } else { 0 });
            }
            (Piece::Tabs, Class::Tab) => return (self, 0),
            (Piece::Digits(digits), Class::Digit) => {
                return (Piece::Digits(digits + 1), if digits % 3 == 0 { 100 } else { 0 });
            }
            (Piece::Marks { .. }, Class::Quote | Class::Structure | Class::Mark) => {
                let next = self.with(class);
                return (next, next.hundredths().cast_signed() as i64 - self.hundredths().cast_signed() as i64);
            }
            _ => (Self::begun_by(class), if matches!(class, Class::Escape) { 100 } else { 0 }),
        };
        (next, next.hundredths().cast_signed() as i64 + more)
    }

    const fn begun_by(class: Class) -> Self {
        match class {
            Class::Small => Piece::Small,
            Class::Capital => Piece::Capitals,
            Class::Digit => Piece::Digits(1),
            Class::Tab => Piece::Tabs,
            Class::Space => Piece::Spaces(1),
            Class::Escape | Class::Wide => Piece::None,
            Class::Quote | Class::Structure | Class::Mark => Self::MARK.with(class),
        }
    }

    /// Returns a run of marks with one more mark.
    const fn with(self, class: Class) -> Self {
        let Piece::Marks { structure, quoted, other } = self else { return self };
        match class {
            // The length of an unquoted run is not known above a limit, so the run stays unquoted.
            Class::Quote if structure < STRUCTURE => Piece::Marks { structure: structure + 1, quoted: true, other },
            Class::Quote | Class::Structure => Piece::Marks { structure: structure + 1, quoted, other },
            _ => Piece::Marks { structure, quoted, other: other + 1 },
        }
    }

    /// Returns the number of the piece's state. Pieces that continue in the same way share a number.
    pub const fn state(self) -> usize {
        match self {
            Piece::None => 0,
            Piece::Tabs => 1,
            Piece::Digits(digits) => 2 + (digits - 1) % 3,
            Piece::Spaces(spaces) => 4 + at_most(spaces, 2),
            Piece::Wide => 7,
            Piece::Small => 8,
            Piece::Capitals => 9,
            Piece::Marks { structure, quoted, other } => {
                FIRST_MARKS as usize
                    + (at_most(structure, STRUCTURE) * 2 + quoted as usize) * (OTHER + 1)
                    + at_most(other, OTHER)
            }
        }
    }

    /// Returns the shortest piece of a state.
    pub const fn from_state(state: usize) -> Self {
        match state {
            0 => Piece::None,
            1 => Piece::Tabs,
            2..=4 => Piece::Digits(state - 1),
            5..=6 => Piece::Spaces(state - 4),
            7 => Piece::Wide,
            8 => Piece::Small,
            9 => Piece::Capitals,
            marks => {
                let marks = marks - FIRST_MARKS as usize;
                let (run, other) = (marks / (OTHER + 1), marks % (OTHER + 1));
                Piece::Marks { structure: run / 2, quoted: run % 2 == 1, other }
            }
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "there are fewer than 256 states")]
pub const ONE_SPACE: u8 = Piece::Spaces(1).state() as u8;
#[allow(clippy::cast_possible_truncation, reason = "there are fewer than 256 states")]
pub const AFTER_WIDE: u8 = Piece::Wide.state() as u8;

/// The first state of a run of punctuation. The states of all other pieces are before it.
pub const FIRST_MARKS: u8 = 10;

pub const STATES: usize = FIRST_MARKS as usize + (STRUCTURE + 1) * 2 * (OTHER + 1);

/// Returns the cost of marks that JSON writes between values. Without a quote they are not JSON structure but other
/// text.
const fn structure_hundredths(marks: usize, quoted: bool) -> usize {
    match marks {
        0 => 0,
        _ if !quoted => 100 * marks,
        1..=3 => 100,
        4..=5 => 30 + 30 * marks,
        _ => 180 + 100 * (marks - 5),
    }
}

/// Returns how much less marks cost when a word follows them.
const fn taken_by_word(structure: usize, quoted: bool, other: usize) -> i64 {
    match (structure, other) {
        (1, 0) | (0, 1) => 100,
        (2.., 0) if quoted => {
            (structure_hundredths(structure, true) - structure_hundredths(structure - 1, true)).cast_signed() as i64
        }
        _ => 0,
    }
}

const fn at_most(number: usize, most: usize) -> usize {
    if number < most { number } else { most }
}

/// The effect of a byte on the estimate.
#[derive(Clone, Copy)]
pub struct Step {
    pub next: u8,
    pub hundredths: i16,
}

impl Step {
    const NONE: Self = Self { next: 0, hundredths: 0 };
}

/// Returns the effect of a byte of this class in this state.
#[inline]
pub fn step(state: u8, class: Class) -> Step {
    STEPS.get(usize::from(state) * CLASS_COUNT + class as usize).copied().unwrap_or(Step::NONE)
}

/// The effect of each class of byte in each state, computed from the rules of [`Piece`].
#[allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "while compiling, where both would be noticed"
)]
static STEPS: [Step; 256 * CLASS_COUNT] = {
    let mut steps = [Step::NONE; 256 * CLASS_COUNT];
    let mut state = 0;
    while state < STATES {
        let mut class = 0;
        while class < CLASSES_IN_ORDER.len() {
            let (next, hundredths) = Piece::from_state(state).followed_by(CLASSES_IN_ORDER[class]);
            assert!(next.state() < STATES && hundredths.abs() < i16::MAX as i64);
            let step = Step { next: next.state() as u8, hundredths: hundredths as i16 };
            steps[state * CLASS_COUNT + CLASSES_IN_ORDER[class] as usize] = step;
            class += 1;
        }
        state += 1;
    }
    steps
};

/// A byte's class, and its letter from 1 to 26 or else 0.
#[derive(Clone, Copy)]
pub struct Byte {
    pub class: Class,
    pub letter: u8,
}

/// Returns the class and the letter of a byte.
#[inline]
pub fn class_of(byte: u8) -> Byte {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(Byte { class: Class::Mark, letter: 0 })
}

#[allow(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "while compiling")]
static CLASSES: [Byte; 256] = {
    let mut classes = [Byte { class: Class::Mark, letter: 0 }; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = Byte::new(byte as u8);
        byte += 1;
    }
    classes
};

impl Byte {
    const fn new(byte: u8) -> Self {
        let (class, letter) = match byte {
            small @ b'a'..=b'z' => (Class::Small, small - b'a' + 1),
            capital @ b'A'..=b'Z' => (Class::Capital, capital - b'A' + 1),
            b'0'..=b'9' => (Class::Digit, 0),
            b'\t' => (Class::Tab, 0),
            b' ' => (Class::Space, 0),
            b'"' => (Class::Quote, 0),
            b':' | b',' | b'{' | b'}' | b'[' | b']' | b'\n' => (Class::Structure, 0),
            // A delete character becomes U+FFFD, and no word takes it.
            b'\\' | 0x7f => (Class::Escape, 0),
            0x80.. => (Class::Wide, 0),
            _ => (Class::Mark, 0),
        };
        Self { class, letter }
    }
}

/// A time after punctuation, with the sum of its steps and the state after it.
pub struct Time {
    pub text: &'static [u8; 20],
    pub hundredths: i64,
    pub state: u8,
}

/// The cost of every time in PagerDuty's form.
#[allow(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "while compiling")]
pub const TIME: Time = {
    let text = b"0000-00-00T00:00:00Z";
    let (mut piece, mut hundredths, mut at) = (Piece::MARK, 0, 0);
    while at < text.len() {
        let (next, more) = piece.followed_by(Byte::new(text[at]).class);
        (piece, hundredths, at) = (next, hundredths + more, at + 1);
    }
    Time { text, hundredths, state: piece.state() as u8 }
};
