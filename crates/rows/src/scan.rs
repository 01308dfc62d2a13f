//! Reads JSON text token by token, without building values.
//!
//! Two kinds of damage are read as what they stand for, because [`repair`](crate::repair) can show them: raw control
//! characters in a string, and `NaN` or `Infinity` in place of a number. Everything else that is not JSON is an error.

use crate::decode::Unreadable;

/// A string literal.
#[derive(Clone, Copy, Debug)]
pub struct Literal<'t> {
    /// The literal with its quotes.
    pub quoted: &'t str,
    /// Set if it is written without escapes and control characters, so that it is the text that it stands for.
    pub is_plain: bool,
    /// Set if it is written as `serde_json` writes the text that it stands for.
    pub is_canonical: bool,
}

impl<'t> Literal<'t> {
    /// Returns the text between the quotes, as it is written.
    #[inline]
    #[must_use]
    pub fn text(self) -> &'t str {
        self.quoted.get(1..self.quoted.len() - 1).unwrap_or_default()
    }
}

/// The kind of a value, by its first character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// A string.
    String,
    /// A list.
    List,
    /// An object.
    Object,
}

impl Kind {
    /// Returns the name with an article.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Boolean => "a boolean",
            Kind::Number => "a number",
            Kind::String => "a string",
            Kind::List => "a list",
            Kind::Object => "an object",
        }
    }
}

/// The kind of a value by its first byte.
#[allow(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "while compiling")]
static KINDS: [Option<Kind>; 256] = {
    let mut kinds = [None; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            b'"' => Some(Kind::String),
            b'{' => Some(Kind::Object),
            b'[' => Some(Kind::List),
            b'-' | b'0'..=b'9' | b'N' | b'I' => Some(Kind::Number),
            b't' | b'f' => Some(Kind::Boolean),
            b'n' => Some(Kind::Null),
            _ => None,
        };
        byte += 1;
    }
    kinds
};

/// The position in a text.
#[derive(Clone, Debug)]
pub struct Scanner<'t> {
    text: &'t str,
    at: usize,
    /// The closing brackets of the objects and lists that are being skipped.
    open: Vec<u8>,
}

impl<'t> Scanner<'t> {
    /// Starts at the beginning of a text.
    #[must_use]
    pub fn new(text: &'t str) -> Self {
        Self { text, at: 0, open: Vec::new() }
    }

    /// Returns the current position, in bytes.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// Continues at an earlier or later position.
    pub fn go_to(&mut self, position: usize) {
        self.at = position;
    }

    /// Returns the text from a position to the current one.
    #[must_use]
    pub fn since(&self, start: usize) -> &'t str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Returns the next byte that is not white space, without consuming it.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        match self.byte(self.at) {
            Some(byte) if byte > b' ' => Some(byte),
            _ => self.peek_after_space(),
        }
    }

    #[inline(never)]
    fn peek_after_space(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte(self.at) {
            self.at += 1;
        }
        self.byte(self.at)
    }

    #[inline]
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Consumes the next byte if it is this one. White space before it is skipped.
    #[inline]
    pub fn takes(&mut self, byte: u8) -> bool {
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    /// Returns the kind of the next value.
    #[inline]
    pub fn kind(&mut self) -> Result<Kind, Unreadable> {
        let first = self.peek();
        match first.and_then(|byte| KINDS.get(usize::from(byte)).copied().flatten()) {
            Some(kind) => Ok(kind),
            None => Err(self.no_value()),
        }
    }

    #[inline(never)]
    fn no_value(&mut self) -> Unreadable {
        self.error(if self.at < self.text.len() { "expected value" } else { "EOF while parsing a value" })
    }

    /// Reads the opening bracket of an object or a list. Returns whether it has members.
    #[inline]
    pub fn opens(&mut self, close: u8) -> bool {
        // `kind` has found the bracket.
        self.at += 1;
        !self.takes(close)
    }

    /// Reads what follows a member of an object or list. Returns whether another member follows.
    #[inline]
    pub fn continues(&mut self, close: u8) -> Result<bool, Unreadable> {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            Some(_) if close == b'}' => Err(self.error("expected `,` or `}`")),
            Some(_) => Err(self.error("expected `,` or `]`")),
            None if close == b'}' => Err(self.error("EOF while parsing an object")),
            None => Err(self.error("EOF while parsing a list")),
        }
    }

    /// Consumes a text if it is next. Returns whether it is.
    #[inline]
    pub fn takes_text(&mut self, text: &str) -> bool {
        let rest = self.text.as_bytes().get(self.at..);
        let is = rest.is_some_and(|rest| rest.starts_with(text.as_bytes()));
        self.at += if is { text.len() } else { 0 };
        is
    }

    /// Reads the name of a member and the colon after it.
    #[inline]
    pub fn name(&mut self) -> Result<Literal<'t>, Unreadable> {
        if self.peek() != Some(b'"') {
            let why = if self.at < self.text.len() { "key must be a string" } else { "EOF while parsing an object" };
            return Err(self.error(why));
        }
        let name = self.string()?;
        if self.takes(b':') {
            return Ok(name);
        }
        let why = if self.at < self.text.len() { "expected `:`" } else { "EOF while parsing an object" };
        Err(self.error(why))
    }

    /// Reads a string whose opening quote is next.
    #[inline]
    pub fn string(&mut self) -> Result<Literal<'t>, Unreadable> {
        let start = self.at;
        let end = self.next_special(start + 1);
        if self.byte(end) == Some(b'"') {
            self.at = end + 1;
            return Ok(Literal { quoted: self.since(start), is_plain: true, is_canonical: true });
        }
        self.long_string(start, end)
    }

    /// Skips a string whose opening quote is next.
    #[inline]
    fn skip_string(&mut self) -> Result<(), Unreadable> {
        let start = self.at + 1;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let end = start + memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
        if self.byte(end) == Some(b'"') {
            self.at = end + 1;
            return Ok(());
        }
        self.long_string(self.at, end).map(drop)
    }

    /// Reads the rest of a string from its first backslash or control character.
    #[inline(never)]
    fn long_string(&mut self, start: usize, first: usize) -> Result<Literal<'t>, Unreadable> {
        let (mut at, mut is_canonical) = (first, true);
        loop {
            at = match self.byte(at) {
                Some(b'"') => {
                    self.at = at + 1;
                    return Ok(Literal { quoted: self.since(start), is_plain: false, is_canonical });
                }
                Some(b'\\') => {
                    let escaped = self.byte(at + 1);
                    is_canonical &= matches!(escaped, Some(b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't'));
                    self.after_escape(at)?
                }
                Some(_) => {
                    is_canonical = false;
                    at + 1
                }
                None => {
                    self.at = self.text.len();
                    return Err(self.error("EOF while parsing a string"));
                }
            };
            at = self.next_special(at);
        }
    }

    /// Returns the position of the next quote, backslash or control character, or the end. Eight bytes are compared at a
    /// time.
    #[inline]
    fn next_special(&self, at: usize) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        let (words, last) = rest.as_chunks::<8>();
        let mut passed = at;
        for word in words {
            let found = special(u64::from_le_bytes(*word));
            if found != 0 {
                return passed + (found.trailing_zeros() / 8) as usize;
            }
            passed += 8;
        }
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..b' ');
        passed + last.iter().position(is_special).unwrap_or(last.len())
    }

    /// Returns the position after the escape at a position.
    fn after_escape(&mut self, at: usize) -> Result<usize, Unreadable> {
        match self.byte(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
            Some(b'u') => {
                let digits = self.text.as_bytes().get(at + 2..at + 6);
                if digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                    return Ok(at + 6);
                }
                self.at = at + 2;
                let why = if digits.is_some() { "invalid escape" } else { "EOF while parsing a string" };
                self.at = if digits.is_some() { self.at } else { self.text.len() };
                Err(self.error(why))
            }
            Some(_) => {
                self.at = at + 1;
                Err(self.error("invalid escape"))
            }
            None => {
                self.at = self.text.len();
                Err(self.error("EOF while parsing a string"))
            }
        }
    }

    /// Reads a number, or a word in place of one.
    #[inline]
    pub fn number(&mut self) -> Result<&'t str, Unreadable> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = number_length(rest.as_bytes());
        let length = length
            .or_else(|| ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| rest.starts_with(word)).map(str::len));
        let Some(length) = length else { return Err(self.error("invalid number")) };
        self.at += length;
        Ok(rest.get(..length).unwrap_or_default())
    }

    /// Reads `null`, `true` or `false`.
    #[inline]
    pub fn word(&mut self) -> Result<&'t str, Unreadable> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(word) = ["null", "false", "true"].into_iter().find(|word| rest.starts_with(word)) else {
            let is_cut = ["null", "false", "true"].iter().any(|word| word.starts_with(rest));
            self.at = if is_cut { self.text.len() } else { self.at };
            return Err(self.error(if is_cut { "EOF while parsing a value" } else { "expected ident" }));
        };
        self.at += word.len();
        Ok(word)
    }

    /// Skips a value of any depth, and returns its text.
    pub fn skip(&mut self) -> Result<&'t str, Unreadable> {
        self.skip_value(None)
    }

    /// Does the same for a value that likely has the names of an earlier one, as they are written. Names that differ are
    /// replaced.
    pub fn skip_like(&mut self, names: &mut Vec<String>) -> Result<&'t str, Unreadable> {
        self.skip_value(Some(names))
    }

    #[inline]
    fn skip_value(&mut self, mut names: Option<&mut Vec<String>>) -> Result<&'t str, Unreadable> {
        self.peek();
        let (start, depth) = (self.at, self.open.len());
        let mut number = 0;
        loop {
            let close = match self.kind()? {
                Kind::Object => Some(b'}'),
                Kind::List => Some(b']'),
                Kind::String => self.skip_string().map(|()| None)?,
                Kind::Number => self.number().map(|_| None)?,
                Kind::Null | Kind::Boolean => self.word().map(|_| None)?,
            };
            let mut follows = close.is_some_and(|close| self.opens(close));
            if follows {
                self.open.extend(close);
            }
            while !follows {
                let Some(close) = self.open.last().copied().filter(|_| self.open.len() > depth) else {
                    return Ok(self.since(start));
                };
                follows = self.continues(close)?;
                if !follows {
                    self.open.pop();
                }
            }
            if self.open.last() == Some(&b'}') {
                match names.as_deref_mut() {
                    Some(names) => self.name_like(names, number)?,
                    None => drop(self.name()?),
                }
                number += 1;
            }
        }
    }

    fn name_like(&mut self, names: &mut Vec<String>, number: usize) -> Result<(), Unreadable> {
        if names.get(number).is_some_and(|name| self.takes_text(name)) {
            return Ok(());
        }
        self.peek();
        let start = self.at;
        self.name()?;
        names.truncate(number);
        names.push(self.since(start).to_owned());
        Ok(())
    }

    /// Returns an error at the current position. At the end of the text, the answer is cut off.
    pub fn error(&mut self, why: &str) -> Unreadable {
        let cut_off = self.at >= self.text.len();
        let before = self.text.as_bytes().get(..self.at).unwrap_or_default();
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let column = before.len() - start + usize::from(!cut_off);
        Unreadable { why: format!("{why} at line {line} column {column}"), cut_off }
    }
}

/// Returns a word with the highest bit set in the first byte that is a quote, a backslash or a control character, or 0 if
/// there is none. Later bytes may be set wrongly.
#[inline]
pub(crate) const fn special(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let quotes = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
    let backslashes = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    let controls = word.wrapping_sub(ONES * b' ' as u64);
    // A byte outside ASCII is none of them.
    (quotes | backslashes | controls) & !word & (ONES << 7)
}

/// Returns the length of the number at the start of a text, or `None` if there is none.
#[inline]
fn number_length(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| text.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let whole = usize::from(text.first() == Some(&b'-'));
    let count = digits(whole);
    let mut end = whole + count;
    if count == 0 || (count > 1 && text.get(whole) == Some(&b'0')) {
        return None;
    }
    if text.get(end) == Some(&b'.') {
        let count = digits(end + 1);
        if count == 0 {
            return None;
        }
        end += 1 + count;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        let count = digits(end + 1 + sign);
        if count == 0 {
            return None;
        }
        end += 1 + sign + count;
    }
    Some(end)
}

#[cfg(test)]
mod tests;
