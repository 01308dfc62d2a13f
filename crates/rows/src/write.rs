//! Writes values and texts as JSON.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::object::Object;
use crate::scan::special;

/// Returns a value as compact JSON.
#[must_use]
pub fn to_json(value: &Value) -> String {
    // `Value::to_string` gives the same text, but costs twice as much because it uses `fmt`.
    serde_json::to_string(value).unwrap_or_else(|_| value.to_string())
}

/// Appends a text to a line as a JSON string with quotes.
pub fn append_quoted(line: &mut Vec<u8>, text: &str) -> serde_json::Result<()> {
    text.serialize(&mut serde_json::Serializer::new(line))
}

/// Appends a JSON text, or a part of one, as the content of a JSON string.
///
/// Between its values the text may have newlines, and in its strings it has no control characters.
// Not compiled into its caller, which is optimized for size.
#[inline(never)]
pub fn append_json_escaped(line: &mut Vec<u8>, json: &str) {
    line.reserve(json.len() * 5 / 4);
    let mut rest = json.as_bytes();
    while let Some(word) = rest.first_chunk::<8>() {
        line.extend_from_slice(word);
        let found = special(u64::from_le_bytes(*word));
        if found == 0 {
            rest = rest.get(8..).unwrap_or_default();
            continue;
        }
        let at = (found.trailing_zeros() / 8) as usize;
        line.truncate(line.len() - 8 + at);
        rest = rest.get(at..).unwrap_or_default();
        rest = append_escaped(line, rest);
    }
    while !rest.is_empty() {
        rest = append_escaped(line, rest);
    }
}

/// Appends the first byte of a text, escaped if it needs to be. Returns the rest.
#[inline]
fn append_escaped<'t>(line: &mut Vec<u8>, text: &'t [u8]) -> &'t [u8] {
    let Some((first, rest)) = text.split_first() else { return text };
    match first {
        b'\n' => line.extend_from_slice(b"\\n"),
        b'"' | b'\\' => line.extend_from_slice(&[b'\\', *first]),
        _ => line.push(*first),
    }
    rest
}

/// Returns an envelope as JSON with each object of its list on a separate line, for readers that cut at whole lines.
///
/// There are no other newlines. Without them, the text is the compact JSON of the envelope.
#[must_use]
pub fn to_lines(envelope: &Value) -> String {
    let Value::Object(members) = envelope else { return to_json(envelope) };
    let mut text = Vec::new();
    let written = write_lines(&mut text, members).ok().and_then(|()| String::from_utf8(text).ok());
    written.unwrap_or_else(|| to_json(envelope))
}

fn write_lines(text: &mut Vec<u8>, members: &Map<String, Value>) -> serde_json::Result<()> {
    let mut before: &[u8] = b"{";
    for (name, value) in members {
        text.extend_from_slice(before);
        before = b",";
        append_quoted(text, name)?;
        text.push(b':');
        match value {
            Value::Array(items) if items.first().is_some_and(Value::is_object) => {
                let mut before: &[u8] = b"[";
                for item in items {
                    text.extend_from_slice(before);
                    before = b",\n";
                    serde_json::to_writer(&mut *text, item)?;
                }
                text.push(b']');
            }
            value => serde_json::to_writer(&mut *text, value)?,
        }
    }
    text.extend_from_slice(if members.is_empty() { b"{}" } else { b"}" });
    Ok(())
}

/// The JSON of an answer in parts: its rows, and the texts around them. It is as long as all of them, and never in memory
/// as a whole unless a caller needs it so.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    head: String,
    rows: Vec<Object>,
    between: &'static str,
    tail: &'static str,
}

impl From<String> for Parts {
    fn from(text: String) -> Self {
        Self { head: text, ..Self::default() }
    }
}

impl Parts {
    /// Returns the envelope of rows, with each row on a separate line, like [`to_lines`].
    #[must_use]
    pub fn envelope(metadata: &Map<String, Value>, key: &str, rows: Vec<Object>) -> Self {
        let metadata = serde_json::to_string(metadata).unwrap_or_default();
        let head = ["{\"metadata\":", &metadata, ",\"", key, "\":["].concat();
        Self { head, rows, between: ",\n", tail: "]}" }
    }

    /// Returns the same JSON on one line.
    #[must_use]
    pub fn unbroken(mut self) -> Self {
        self.head = self.head.replace('\n', "");
        Self { between: ",", ..self }
    }

    /// Returns a part by its number.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&str> {
        let (at, count) = (number / 2, self.rows.len());
        match number {
            0 => Some(&self.head),
            _ if number == (2 * count).max(1) => Some(self.tail),
            _ if number % 2 == 1 => self.rows.get(at).map(Object::as_str),
            _ => (at < count).then_some(self.between),
        }
    }

    /// Returns the size of the whole text in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        (0..).map_while(|number| self.get(number)).map(str::len).sum()
    }

    /// Returns the whole text.
    #[must_use]
    pub fn into_text(self) -> String {
        if self.rows.is_empty() && self.tail.is_empty() {
            return self.head;
        }
        let mut text = String::with_capacity(self.size());
        text.extend((0..).map_while(|number| self.get(number)));
        text
    }
}

/// Appends a text to a line without its line breaks.
pub fn append_unbroken(line: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some((part, after)) = memchr::memchr(b'\n', rest).and_then(|at| rest.split_at_checked(at)) {
        line.extend_from_slice(part);
        rest = after.get(1..).unwrap_or_default();
    }
    line.extend_from_slice(rest);
}

/// The length of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// The length in bytes of UTF-8, once hidden characters are replaced.
    pub bytes: usize,
    /// The length in characters as JavaScript counts them: UTF-16 code units.
    pub characters: usize,
}

impl Extent {
    /// Returns the extent of a text.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let bytes = text.as_bytes();
        if text.is_ascii() {
            return Self { bytes: bytes.len() + growth(bytes), characters: bytes.len() };
        }
        // Every byte that is not a continuation byte starts a character; a four-byte character is two UTF-16 units.
        let begun = bytes.iter().filter(|byte| (**byte & 0xC0) != 0x80).count();
        let doubled = bytes.iter().filter(|byte| **byte >= 0xF0).count();
        Self { bytes: bytes.len() + growth(bytes), characters: begun + doubled }
    }
}

/// Returns by how many bytes a text grows at most when its hidden characters become U+FFFD, which has three.
fn growth(bytes: &[u8]) -> usize {
    let deleted = memchr::memchr_iter(0x7f, bytes).count();
    // C1 controls and the combining grapheme joiner have two.
    let is_short = |at: &usize| matches!(bytes.get(*at..at + 2), Some([0xc2, 0x80..=0x9f] | [0xcd, 0x8f]));
    let short = memchr::memchr2_iter(0xc2, 0xcd, bytes).filter(is_short).count();
    2 * deleted + short
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn to_lines_puts_each_object_on_a_line() {
        let envelope = json!({"metadata": {"count": 2, "warnings": ["a", "b"]}, "teams": [{"id": "a\n"}, {"id": []}]});
        let text = to_lines(&envelope);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert_eq!(text.replace('\n', ""), to_json(&envelope));
        for same in [json!({}), json!({"a": ["b", "c"], "d": []}), json!([{"a": 1}, {}]), json!({"teams": [{}]})] {
            assert_eq!(to_lines(&same), to_json(&same));
        }
    }

    #[test]
    fn parts_of_an_envelope_are_its_text() {
        let row = |number: i32| Object::from_members(json!({"id": number}).as_object().cloned().unwrap());
        let metadata = json!({"count": 1}).as_object().cloned().unwrap();
        for count in 0..4 {
            let rows: Vec<_> = (0..count).map(row).collect();
            let same = json!({"metadata": &metadata, "teams": rows.iter().map(Object::members).collect::<Vec<_>>()});
            let parts = Parts::envelope(&metadata, "teams", rows);
            assert_eq!(parts.size(), parts.clone().into_text().len());
            assert_eq!(parts.clone().unbroken().into_text(), to_json(&same));
            assert_eq!(parts.into_text(), to_lines(&same));
        }
        assert_eq!(Parts::from("a\nb".to_owned()).into_text(), "a\nb");
        assert_eq!(Parts::from("a\nb".to_owned()).unbroken().into_text(), "ab");
    }

    #[test]
    fn extent_includes_what_hidden_characters_become() {
        for (text, growth) in [("\u{7f}", 2), ("\u{80}\u{9f}", 2), ("\u{a0}\u{c0}", 0), ("\u{34e}\u{34f}\u{350}", 1)] {
            assert_eq!(Extent::from_text(text).bytes, text.len() + growth, "{text:?}");
        }
    }

    #[test]
    fn extent_matches_text() {
        for text in ["", "abc", "é ÿ", "決済", "😀 a"] {
            assert_eq!(
                Extent::from_text(text),
                Extent { bytes: text.len(), characters: text.encode_utf16().count() },
                "{text}"
            );
        }
    }
}
