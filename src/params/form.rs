//! The forms of values: the JSON Schema of each form, and the values of it that are equivalent to none.

use pagerduty_api::Resource;
use serde_json::{Map, Value};

use super::{is_null_word, whole};

/// The form of a parameter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A text to search for.
    Text,
    /// A text that is kept as it is written.
    Verbatim,
    /// An object of this resource: its ID, its number, or another text that stands for it.
    Id(&'static Resource),
    /// A list of objects of this resource.
    Ids(&'static Resource),
    /// A point in time.
    Time,
    /// A whole number.
    Integer,
    /// A switch with its default.
    Switch(bool),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of texts. If words are named here, only these are valid.
    List(&'static [&'static str]),
}

/// Words that programs write for "no value". In another case these may be names.
const NO_VALUE: [&str; 4] = ["null", "None", "nil", "undefined"];

impl Form {
    /// Returns the JSON Schema without a description. Plain keywords only: several clients refuse `$ref`, `anyOf`,
    /// `oneOf`, `allOf` and lists of types.
    #[must_use]
    pub fn schema(self) -> Map<String, Value> {
        match self {
            Form::Text | Form::Verbatim | Form::Id(_) | Form::Time => keywords([("type", "string".into())]),
            Form::Integer => keywords([("type", "integer".into())]),
            Form::Word(words) => keywords([("type", "string".into()), ("enum", words.into())]),
            // A switch that is off by default needs no default in its schema.
            Form::Switch(false) => keywords([("type", "boolean".into())]),
            Form::Switch(true) => keywords([("type", "boolean".into()), ("default", true.into())]),
            Form::Ids(_) => Form::List(&[]).schema(),
            Form::List(words) => {
                let mut item = keywords([("type", "string".into())]);
                if !words.is_empty() {
                    item.insert("enum".into(), words.into());
                }
                keywords([("type", "array".into()), ("items", item.into())])
            }
        }
    }

    /// Returns the resource of the objects that a value stands for, if it stands for any.
    #[must_use]
    pub fn resource(self) -> Option<&'static Resource> {
        match self {
            Form::Id(resource) | Form::Ids(resource) => Some(resource),
            _ => None,
        }
    }

    /// Returns whether a value is equivalent to none.
    #[must_use]
    pub fn is_blank(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null) => true,
            // Any text is the value.
            (Form::Verbatim, _) => false,
            // Clients that must fill every number send 0.
            (Form::Id(_) | Form::Integer, value) if whole(value) == Some(0) => true,
            (Form::Text, Value::String(text)) => text.trim().is_empty() || NO_VALUE.contains(&text.trim()),
            // A blank entry, unlike an empty list, may have been meant to narrow the query.
            (Form::List(_) | Form::Ids(_), Value::String(text)) => {
                text.is_empty() || is_null_word(text) || text.replace(' ', "") == "[]"
            }
            (_, Value::String(text)) => text.trim().is_empty() || is_null_word(text),
            (_, Value::Array(list)) => list.is_empty(),
            (_, Value::Bool(_) | Value::Number(_) | Value::Object(_)) => false,
        }
    }

    /// Returns a remark for the answer about a value that was interpreted in a way that the caller may not have meant.
    #[must_use]
    pub fn remark(self, name: &str, value: &Value) -> Option<String> {
        let text = value.as_str().filter(|_| self == Form::Text)?.trim();
        let word = NO_VALUE.iter().find(|word| **word == text)?;
        let searched = word.to_uppercase();
        Some(format!("{name} {word:?} was taken for no value. To search for that word, write {searched}."))
    }
}

/// Returns a schema from its keywords.
fn keywords<const N: usize>(keywords: [(&str, Value); N]) -> Map<String, Value> {
    keywords.into_iter().map(|(keyword, value)| (keyword.to_owned(), value)).collect()
}
