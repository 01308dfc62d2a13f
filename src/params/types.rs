//! The plain parameter types: text, numbers, switches, choices.

use std::marker::PhantomData;

use serde_json::{Map, Value};

use super::{
    Param, invalid, is_blank, is_blank_list, items, keywords, names_nothing, shorten, string, without_fraction,
};
use crate::error::{Code, Error, Result};
use crate::pagination::CEILING;

/// The longest search text in bytes: names are shorter, and it goes into a URL.
const LONGEST_QUERY: usize = 1_024;

/// The longest note in bytes. PagerDuty documents no limit of its own; this is some twenty printed pages.
const LONGEST_NOTE: usize = 65_536;

/// A text that is no longer than that.
fn bounded(name: &str, text: String, longest: usize) -> Result<String> {
    if text.len() <= longest {
        return Ok(text);
    }
    Err(Error::new(Code::InvalidParameter, format!("{name} has {} bytes, more than {longest}", text.len()))
        .hint(format!("Pass at most {longest} bytes of UTF-8.")))
}

/// A search text, trimmed and not blank.
#[derive(Clone, Debug)]
pub struct Text(String);

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Words that programs write for "no value". In another case these may be names.
const NO_VALUE: [&str; 4] = ["null", "None", "nil", "undefined"];

impl Param for Text {
    fn schema() -> Map<String, Value> {
        string()
    }

    fn is_blank(value: &Value) -> bool {
        match value {
            Value::String(text) => text.trim().is_empty() || NO_VALUE.contains(&text.trim()),
            other => is_blank(other),
        }
    }

    fn remark(name: &'static str, value: &Value) -> Option<String> {
        let word = NO_VALUE.iter().find(|word| value.as_str().is_some_and(|text| text.trim() == **word))?;
        let searched = word.to_uppercase();
        Some(format!("{name} {word:?} was taken for no value. To search for that word, write {searched}."))
    }

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let text = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        if text.is_empty() {
            return Err(invalid(name, value, "a text, or leave it out"));
        }
        bounded(name, text, LONGEST_QUERY).map(Self)
    }
}

/// The text of a note, kept as it is written.
#[derive(Clone, Debug)]
pub struct Content(String);

impl Content {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Param for Content {
    fn schema() -> Map<String, Value> {
        string()
    }

    /// Any text is the note, so only `null` is blank.
    fn is_blank(value: &Value) -> bool {
        value.is_null()
    }

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        match value {
            Value::String(text) if !text.trim().is_empty() => bounded(name, text.clone(), LONGEST_NOTE).map(Self),
            _ => Err(invalid(name, value, "a text that is not blank")),
        }
    }
}

/// Reads a whole number, from a number or the text of one.
pub(super) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => without_fraction(&number.to_string()).parse().ok(),
        Value::String(text) => without_fraction(text.trim()).parse().ok(),
        _ => None,
    }
}

fn integer() -> Map<String, Value> {
    keywords([("type", "integer".into())])
}

/// How many results at most: a positive number.
#[derive(Clone, Copy, Debug)]
pub struct Limit(usize);

impl Limit {
    /// What holds when no limit is given.
    pub const DEFAULT: usize = 100;

    /// The number.
    #[must_use]
    pub fn get(self) -> usize {
        self.0
    }
}

impl Param for Limit {
    fn schema() -> Map<String, Value> {
        integer()
    }

    /// Clients that must fill every number send 0.
    fn is_blank(value: &Value) -> bool {
        is_blank(value) || whole(value) == Some(0)
    }

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let limit = whole(value).and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
        limit.map(Self).ok_or_else(|| invalid(name, value, "a whole number of at least 1"))
    }
}

/// How many results to pass over, below PagerDuty's ceiling.
#[derive(Clone, Copy, Debug)]
pub struct Offset(usize);

impl Offset {
    /// The number.
    #[must_use]
    pub fn get(self) -> usize {
        self.0
    }
}

impl Param for Offset {
    fn schema() -> Map<String, Value> {
        integer()
    }

    fn is_blank(value: &Value) -> bool {
        is_blank(value) || whole(value) == Some(0)
    }

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let offset = whole(value).and_then(|offset| usize::try_from(offset).ok()).filter(|offset| *offset < CEILING);
        offset.map(Self).ok_or_else(|| {
            invalid(
                name,
                value,
                "the next_offset of the previous answer, a whole number from 0 to 9999, where PagerDuty's lists end",
            )
        })
    }
}

/// A switch with its default.
#[derive(Clone, Copy, Debug)]
pub struct Flag<const DEFAULT: bool>(bool);

impl<const DEFAULT: bool> Flag<DEFAULT> {
    /// Whether it is on.
    #[must_use]
    pub fn is_on(self) -> bool {
        self.0
    }
}

impl<const DEFAULT: bool> Param for Flag<DEFAULT> {
    const REQUIRED: bool = false;

    fn schema() -> Map<String, Value> {
        let mut schema = keywords([("type", "boolean".into())]);
        // A switch that is off by default needs no words for it.
        if DEFAULT {
            schema.insert("default".into(), true.into());
        }
        schema
    }

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let on = match value {
            Value::Bool(on) => Some(*on),
            Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            _ => None,
        };
        on.map(Self).ok_or_else(|| invalid(name, value, "true or false"))
    }

    fn absent(_: &'static str) -> Result<Self> {
        Ok(Self(DEFAULT))
    }

    fn is_given(&self) -> bool {
        self.0 != DEFAULT
    }
}

/// A closed set of words.
pub trait Choice: Send + Sync + 'static {
    /// The words, as they go over the wire.
    const WORDS: &'static [&'static str];
}

/// The statuses that incidents can be asked for.
#[derive(Clone, Debug)]
pub struct Statuses;

impl Choice for Statuses {
    const WORDS: &'static [&'static str] = &["triggered", "acknowledged", "resolved"];
}

/// The urgencies that incidents can be asked for.
#[derive(Clone, Debug)]
pub struct Urgencies;

impl Choice for Urgencies {
    const WORDS: &'static [&'static str] = &["high", "low"];
}

/// Some of a closed set of words. Unknown ones are ignored and remembered, so that the answer can say so.
#[derive(Clone, Debug)]
pub struct Choices<C> {
    words: Vec<&'static str>,
    ignored: Vec<String>,
    of: PhantomData<fn() -> C>,
}

impl<C: Choice> Choices<C> {
    /// The known words given, without repetition; none if the parameter was absent.
    #[must_use]
    pub fn words(&self) -> &[&'static str] {
        &self.words
    }

    /// What to say about the words that were ignored.
    #[must_use]
    pub fn warning(&self, name: &str) -> Option<String> {
        let (ignored, known) = (shorten(&self.ignored.join(", ")), C::WORDS.join(", "));
        (!self.ignored.is_empty()).then(|| format!("Ignored unknown {name}: {ignored}. Known are {known}."))
    }
}

impl<C: Choice> Param for Choices<C> {
    const REQUIRED: bool = false;

    fn schema() -> Map<String, Value> {
        let item = keywords([("type", "string".into()), ("enum", C::WORDS.into())]);
        keywords([("type", "array".into()), ("items", item.into())])
    }

    fn is_blank(value: &Value) -> bool {
        is_blank_list(value)
    }

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let expected = format!("a list of {}", C::WORDS.join(", "));
        let (mut words, mut ignored) = (Vec::new(), Vec::new());
        for item in items(name, value, &expected)? {
            match C::WORDS.iter().find(|word| item.eq_ignore_ascii_case(word)) {
                Some(word) if words.contains(word) => {}
                Some(word) => words.push(*word),
                None => ignored.push(item),
            }
        }
        // Ignoring every word would return everything.
        match (words.is_empty(), ignored.is_empty()) {
            (true, true) => return Err(names_nothing(Code::InvalidParameter, name, value)),
            (true, false) => return Err(invalid(name, value, &expected)),
            (false, _) => {}
        }
        Ok(Self { words, ignored, of: PhantomData })
    }

    fn absent(_: &'static str) -> Result<Self> {
        Ok(Self { words: Vec::new(), ignored: Vec::new(), of: PhantomData })
    }

    /// All words together do not narrow anything.
    fn is_given(&self) -> bool {
        !self.words.is_empty() && self.words.len() < C::WORDS.len()
    }
}
