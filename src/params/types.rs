//! The plain parameter types: text, numbers, switches, choices.

use std::marker::PhantomData;

use pagerduty_api::MAX_ROWS;
use serde_json::Value;

use super::{Form, Param, invalid, items, names_nothing, shorten, whole};
use crate::error::{Code, Error, Result};

/// The longest search text in bytes: names are shorter, and it goes into a URL.
const LONGEST_QUERY: usize = 1_024;

/// The longest note in bytes, some twenty printed pages. PagerDuty documents no limit.
const LONGEST_NOTE: usize = 65_536;

/// Returns a text, unless it is too long.
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

impl Param for Text {
    const FORM: Form = Form::Text;

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

/// The address of a web page.
#[derive(Clone, Debug)]
pub struct WebAddress(String);

impl WebAddress {
    /// Returns the address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Param for WebAddress {
    const FORM: Form = Form::Text;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let Text(address) = Text::decode(name, value)?;
        let is_web = ["https://", "http://"].iter().any(|scheme| address.starts_with(scheme));
        if is_web { Ok(Self(address)) } else { Err(invalid(name, value, "an address that begins with https://")) }
    }
}

/// Texts to search for, trimmed and not blank. A plain text is one text, since names may have commas.
#[derive(Clone, Debug)]
pub struct Texts(Vec<String>);

impl Texts {
    /// The most texts in a list.
    pub const MOST: usize = 20;

    /// Returns the texts, without repetition.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

impl Param for Texts {
    const FORM: Form = Form::List(&[]);
    const REQUIRED: bool = false;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let list = match value {
            Value::Array(list) => list.clone(),
            Value::String(text) if text.trim_start().starts_with('[') => {
                serde_json::from_str(text).unwrap_or_else(|_| vec![value.clone()])
            }
            other => vec![other.clone()],
        };
        let mut texts: Vec<String> = Vec::new();
        for item in list.iter().filter(|item| !Form::Text.is_blank(item)) {
            let text = Text::decode(name, item)?.0;
            // A separator alone names nothing.
            if text.contains(char::is_alphanumeric) && !texts.contains(&text) {
                texts.push(text);
            }
        }
        match texts.len() {
            0 => Err(names_nothing(Code::InvalidParameter, name, value)),
            count if count > Self::MOST => {
                let message = format!("{name} has {count} texts, more than {}", Self::MOST);
                Err(Error::new(Code::InvalidParameter, message)
                    .hint(format!("Pass at most {} at a time, in several calls.", Self::MOST)))
            }
            _ => Ok(Self(texts)),
        }
    }

    fn absent(_: &'static str) -> Result<Self> {
        Ok(Self(Vec::new()))
    }

    fn is_given(&self) -> bool {
        !self.0.is_empty()
    }
}

/// A JSON object, or a text of one.
#[derive(Clone, Debug)]
pub struct Json(Value);

impl Json {
    /// Returns the object.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }
}

impl Param for Json {
    const FORM: Form = Form::Verbatim;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let read = match value {
            Value::String(text) => serde_json::from_str(text).map_err(|error| {
                Error::new(Code::InvalidParameter, format!("{name} is not JSON: {error}"))
                    .hint(format!("Pass {name} as a JSON object, like {{\"name\": \"Ada\"}}."))
            })?,
            other => other.clone(),
        };
        if read.is_object() { Ok(Self(read)) } else { Err(invalid(name, value, "a JSON object")) }
    }
}

/// The text of a note, kept as it is written.
#[derive(Clone, Debug)]
pub struct Content(String);

impl Content {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Param for Content {
    const FORM: Form = Form::Verbatim;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        match value {
            Value::String(text) if !text.trim().is_empty() => bounded(name, text.clone(), LONGEST_NOTE).map(Self),
            _ => Err(invalid(name, value, "a text that is not blank")),
        }
    }
}

/// The largest number of results, at least 1.
#[derive(Clone, Copy, Debug)]
pub struct Limit(usize);

impl Limit {
    /// The limit if none is given.
    pub const DEFAULT: usize = 100;

    /// Returns the number.
    #[must_use]
    pub fn get(self) -> usize {
        self.0
    }
}

impl Param for Limit {
    const FORM: Form = Form::Integer;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let limit = whole(value).and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
        limit.map(Self).ok_or_else(|| invalid(name, value, "a whole number of at least 1"))
    }
}

/// The number of results to skip, below PagerDuty's ceiling.
#[derive(Clone, Copy, Debug)]
pub struct Offset(usize);

impl Offset {
    /// Returns the number.
    #[must_use]
    pub fn get(self) -> usize {
        self.0
    }
}

impl Param for Offset {
    const FORM: Form = Form::Integer;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let offset = whole(value).and_then(|offset| usize::try_from(offset).ok()).filter(|offset| *offset < MAX_ROWS);
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
    /// Returns whether the switch is on.
    #[must_use]
    pub fn is_on(self) -> bool {
        self.0
    }
}

impl<const DEFAULT: bool> Param for Flag<DEFAULT> {
    const FORM: Form = Form::Switch(DEFAULT);
    const REQUIRED: bool = false;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        is_on(name, value).map(Self)
    }

    fn absent(_: &'static str) -> Result<Self> {
        Ok(Self(DEFAULT))
    }

    fn is_given(&self) -> bool {
        self.0 != DEFAULT
    }
}

/// A switch that must be given, because neither value is what callers expect.
#[derive(Clone, Copy, Debug)]
pub struct Switch(bool);

impl Switch {
    /// Returns whether the switch is on.
    #[must_use]
    pub fn is_on(self) -> bool {
        self.0
    }
}

impl Param for Switch {
    const FORM: Form = Form::Switch(false);

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        is_on(name, value).map(Self)
    }
}

/// Reads a switch.
fn is_on(name: &str, value: &Value) -> Result<bool> {
    let on = match value {
        Value::Bool(on) => Some(*on),
        Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
        _ => None,
    };
    on.ok_or_else(|| invalid(name, value, "true or false"))
}

/// A closed set of words.
pub trait Choice: Send + Sync + 'static {
    /// The words, as they are sent.
    const WORDS: &'static [&'static str];
}

/// The statuses by which incidents can be listed.
#[derive(Clone, Debug)]
pub struct Statuses;

impl Choice for Statuses {
    const WORDS: &'static [&'static str] = &["triggered", "acknowledged", "resolved"];
}

/// The urgencies by which incidents can be listed.
#[derive(Clone, Debug)]
pub struct Urgencies;

impl Choice for Urgencies {
    const WORDS: &'static [&'static str] = &["high", "low"];
}

/// One of a closed set of words, by default the first.
#[derive(Clone, Copy, Debug)]
pub struct Word<C> {
    word: &'static str,
    of: PhantomData<fn() -> C>,
}

impl<C: Choice> Word<C> {
    /// Returns the word.
    #[must_use]
    pub fn get(&self) -> &'static str {
        self.word
    }
}

impl<C: Choice> Param for Word<C> {
    const FORM: Form = Form::Word(C::WORDS);
    const REQUIRED: bool = false;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let text = value.as_str().map(str::trim).unwrap_or_default();
        let word = C::WORDS.iter().find(|word| text.eq_ignore_ascii_case(word));
        let word = word.ok_or_else(|| invalid(name, value, &format!("one of {}", C::WORDS.join(", "))))?;
        Ok(Self { word, of: PhantomData })
    }

    fn absent(_: &'static str) -> Result<Self> {
        Ok(Self { word: C::WORDS.first().copied().unwrap_or_default(), of: PhantomData })
    }

    fn is_given(&self) -> bool {
        C::WORDS.first() != Some(&self.word)
    }
}

/// Some of a closed set of words. Unknown words are ignored, and kept for a warning in the answer.
#[derive(Clone, Debug)]
pub struct Choices<C> {
    words: Vec<&'static str>,
    ignored: Vec<String>,
    of: PhantomData<fn() -> C>,
}

impl<C: Choice> Choices<C> {
    /// Returns the known words, without repetition, or none if the parameter was absent.
    #[must_use]
    pub fn words(&self) -> &[&'static str] {
        &self.words
    }

    /// Returns a warning about the words that were ignored.
    #[must_use]
    pub fn warning(&self, name: &str) -> Option<String> {
        let (ignored, known) = (shorten(&self.ignored.join(", ")), C::WORDS.join(", "));
        (!self.ignored.is_empty()).then(|| format!("Ignored unknown {name}: {ignored}. Known are {known}."))
    }
}

impl<C: Choice> Param for Choices<C> {
    const FORM: Form = Form::List(C::WORDS);
    const REQUIRED: bool = false;

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

    /// All words together do not narrow a list.
    fn is_given(&self) -> bool {
        !self.words.is_empty() && self.words.len() < C::WORDS.len()
    }
}
