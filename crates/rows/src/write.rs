//! Values and texts as JSON.

use serde::Serialize;
use serde_json::Value;

/// A value as compact JSON.
#[must_use]
pub fn json(value: &Value) -> String {
    // Not `Value::to_string`, which writes by way of `fmt`, at twice the cost; it is the same text.
    serde_json::to_string(value).unwrap_or_else(|_| value.to_string())
}

/// Appends a text to a line as a string of JSON, with its quotes.
pub fn quoted(line: &mut Vec<u8>, text: &str) -> serde_json::Result<()> {
    text.serialize(&mut serde_json::Serializer::new(line))
}
