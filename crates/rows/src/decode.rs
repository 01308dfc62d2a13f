//! Decodes bytes into values, and builds only the fields that a [`Selection`](crate::fields::Selection) keeps.
//!
//! An incident has about 4 kB of JSON, of which a tenth is shown. The decoder skips the rest while parsing, so that it
//! costs neither memory nor time.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::de::Read;
use serde_json::{Map, Value};

use crate::fields::Wire;
use crate::repair::repair;

/// An answer that cannot be used.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// The reason, without the text of the answer.
    pub why: String,
    /// Set if the answer ends too early, so that another attempt may get all of it.
    pub cut_off: bool,
}

impl Unreadable {
    /// Returns an error with this reason, for an answer that does not end too early.
    #[must_use]
    pub fn because(why: String) -> Self {
        Self { why, cut_off: false }
    }
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self { cut_off: error.is_eof(), why: without_text(&error.to_string()) }
    }
}

/// Decodes a list that is not a resource of the table.
pub fn list(body: &[u8], key: &'static str) -> Result<Vec<Value>, Unreadable> {
    match envelope(body, key, &Wire::default())?.content {
        Value::Array(items) => Ok(items),
        _ => Err(Unreadable::because(format!("{key}: not a list"))),
    }
}

/// An answer without its envelope.
#[derive(Debug)]
pub struct Envelope {
    /// The kept part of the value under the key.
    pub content: Value,
    /// Set if PagerDuty reports that there is more.
    pub more: bool,
    /// The total number of objects, if the request asked PagerDuty to count them.
    pub total: Option<u64>,
}

/// Decodes `{"<key>": …, "more": …}`, and keeps the part of the value under the key that `wire` names.
///
/// If the body is refused, or holds a number that may have been rounded, it is decoded again after [`repair`] has
/// rewritten it.
pub fn envelope(body: &[u8], key: &'static str, wire: &Wire<'_>) -> Result<Envelope, Unreadable> {
    let has_float = Cell::new(false);
    let decoded = parse(body, EnvelopeSeed { key, wire, has_float: &has_float });
    let is_suspect = match &decoded {
        Ok(_) => has_float.get(),
        Err(unreadable) => !unreadable.cut_off,
    };
    match is_suspect.then(|| repair(body)).flatten() {
        Some(repaired) => parse(&repaired, EnvelopeSeed { key, wire, has_float: &has_float }),
        None => decoded,
    }
}

/// Parses a body. Checking it as a whole is faster than checking each string; bytes that are not UTF-8 are refused only
/// in strings that are kept.
fn parse(body: &[u8], seed: EnvelopeSeed<'_>) -> Result<Envelope, Unreadable> {
    match std::str::from_utf8(body) {
        Ok(text) => parse_with(&mut serde_json::Deserializer::from_str(text), seed),
        Err(_) => parse_with(&mut serde_json::Deserializer::from_slice(body), seed),
    }
}

fn parse_with<'de, R: Read<'de>>(
    deserializer: &mut serde_json::Deserializer<R>,
    seed: EnvelopeSeed<'_>,
) -> Result<Envelope, Unreadable> {
    let envelope = seed.deserialize(&mut *deserializer)?;
    deserializer.end()?;
    Ok(envelope)
}

/// Returns an error without the text that it quotes, which has any length and may be a web page.
fn without_text(error: &str) -> String {
    match (error.split_once("string \""), error.rsplit_once("\", expected")) {
        (Some((before, _)), Some((_, after))) => format!("{before}a text, expected{after}"),
        _ => error.to_owned(),
    }
}

struct EnvelopeSeed<'w> {
    key: &'static str,
    wire: &'w Wire<'w>,
    /// Set when a kept number has a fraction, an exponent or more digits than an integer holds.
    has_float: &'w Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for EnvelopeSeed<'_> {
    type Value = Envelope;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Envelope, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EnvelopeSeed<'_> {
    type Value = Envelope;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with {:?}", self.key)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope, A::Error> {
        let (mut content, mut more, mut total) = (None, false, None);
        while let Some(key) = map.next_key::<String>()? {
            if key == self.key {
                content =
                    Some(map.next_value_seed(ValueSeed { wire: self.wire, depth: 0, has_float: self.has_float })?);
            } else if key == "more" {
                more = flag(&map.next_value()?).ok_or_else(|| A::Error::custom("more: neither true nor false"))?;
            } else if key == "total" {
                total = map.next_value::<Value>()?.as_u64();
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        let content = content.ok_or_else(|| A::Error::missing_field(self.key))?;
        Ok(Envelope { content, more, total })
    }
}

/// Reads a flag that may be written as text or as a number. Null counts as off.
///
/// Anything else is refused: reading it as off would end the list early.
fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Null => Some(false),
        Value::Bool(on) => Some(*on),
        Value::String(text) => text.to_ascii_lowercase().parse().ok(),
        Value::Number(number) => number.as_u64().filter(|number| *number <= 1).map(|number| number == 1),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// The depth to which a value is kept. The parser fails at 128, but an incident must be shown with any details of an alert.
pub const MAX_DEPTH: usize = 64;

/// The replacement for deeper values.
pub const TOO_DEEP: &str = "[nested too deep to be shown]";

/// Builds the kept part of a value; lists apply it to each element.
#[derive(Clone, Copy)]
struct ValueSeed<'w> {
    wire: &'w Wire<'w>,
    depth: usize,
    has_float: &'w Cell<bool>,
}

impl<'w> ValueSeed<'w> {
    fn below(self, wire: &'w Wire<'w>) -> Self {
        Self { wire, depth: self.depth + 1, ..self }
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        self.has_float.set(true);
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        if self.depth == MAX_DEPTH {
            // Ignored values are skipped without recursion.
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(TOO_DEEP.into());
        }
        let mut items = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(1024));
        while let Some(item) = seq.next_element_seed(self.below(self.wire))? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        if self.depth == MAX_DEPTH {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(TOO_DEEP.into());
        }
        let Some(keys) = self.wire.keys() else {
            let mut object = Map::new();
            while let Some(key) = map.next_key::<String>()? {
                object.insert(key, map.next_value_seed(self.below(self.wire))?);
            }
            return Ok(Value::Object(object));
        };
        let mut kept = Vec::with_capacity(keys.len());
        while let Some(place) = map.next_key_seed(KeySeed(keys))? {
            let Some((place, (name, wire))) = place.and_then(|place| Some((place, keys.get(place)?))) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value_seed(self.below(wire))?;
            // A null counts as absent.
            if !value.is_null() {
                kept.push((place, *name, value));
            }
        }
        // Sort into the order of the answer, so that the object need not be built again.
        kept.sort_by_key(|(place, ..)| *place);
        let mut object = Map::with_capacity(kept.len());
        object.extend(kept.into_iter().map(|(_, name, value)| (name.to_owned(), value)));
        Ok(Value::Object(object))
    }
}

/// Finds the position of a key among those to keep, before anything is allocated for it.
struct KeySeed<'w>(&'w [(&'w str, Wire<'w>)]);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|(name, _)| *name == key))
    }
}
