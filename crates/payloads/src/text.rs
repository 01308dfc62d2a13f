//! Bounded texts.

use serde_json::{Map, Value};

/// The most characters of a fact or of a detail.
pub const MAX_TEXT: usize = 500;

/// The most characters of details that are shown as they are.
const MAX_DETAILS: usize = 4_000;

/// The most details that are shown as they are.
const MAX_NAMES: usize = 40;

/// The most characters of the name of a detail.
const MAX_NAME: usize = 100;

/// Returns at most `most` characters of a text, with an ellipsis if there are more.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
    }
}

/// Returns the text of a scalar, trimmed, unless it is empty.
pub fn scalar(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(is) => is.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// Reads the text of a JSON object.
pub fn object(text: &str) -> Option<Value> {
    let text = text.trim();
    let parsed = text.starts_with('{').then(|| serde_json::from_str(text).ok())?;
    parsed.filter(Value::is_object)
}

/// Returns details as they are, scalars first, and the number of those that were left out.
///
/// A nested value that is long becomes the beginning of its JSON.
pub fn details(details: &Value) -> (Option<Value>, usize) {
    let object = match details {
        Value::Object(object) => object,
        Value::Null => return (None, 0),
        Value::String(text) if text.trim().is_empty() => return (None, 0),
        Value::String(text) => return (Some(cut(text.trim(), MAX_DETAILS).into()), 0),
        other => return (Some(shown(other)), 0),
    };
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    let given: Vec<_> = object.iter().filter(|(_, value)| !is_empty(value)).collect();
    let (flat, nested): (Vec<_>, Vec<_>) = given.iter().partition(|(_, value)| !value.is_object() && !value.is_array());
    let mut kept = Map::new();
    let mut left = MAX_DETAILS;
    for (name, value) in flat.into_iter().chain(nested).take(MAX_NAMES) {
        let (name, value) = (cut(name, MAX_NAME), shown(value));
        let size = name.len() + value.as_str().map_or_else(|| value.to_string().len(), str::len);
        let Some(rest) = left.checked_sub(size) else { break };
        left = rest;
        kept.insert(name, value);
    }
    let left_out = given.len() - kept.len();
    ((!kept.is_empty()).then(|| kept.into()), left_out)
}

fn shown(value: &Value) -> Value {
    match value {
        Value::String(text) => cut(text.trim(), MAX_TEXT).into(),
        Value::Object(_) | Value::Array(_) => {
            let json = value.to_string();
            if json.chars().nth(MAX_TEXT).is_none() { value.clone() } else { cut(&json, MAX_TEXT).into() }
        }
        scalar => scalar.clone(),
    }
}

/// Returns a title without digits and without differences in white space.
pub fn pattern(title: &str) -> String {
    let mut pattern = String::new();
    for word in title.split_whitespace() {
        if !pattern.is_empty() {
            pattern.push(' ');
        }
        let mut was_digit = false;
        for one in word.chars().flat_map(char::to_lowercase) {
            let is_digit = one.is_ascii_digit();
            if !is_digit {
                pattern.push(one);
            } else if !was_digit {
                pattern.push('#');
            }
            was_digit = is_digit;
        }
    }
    pattern
}
