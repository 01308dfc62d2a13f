//! Finished objects of an answer.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::project::decoded;
use crate::scan::Scanner;
use crate::text::{is_latin, neutralize, neutralize_object};
use crate::write::{append_quoted, to_json};

/// An object of an answer as compact JSON on one line.
#[derive(Clone, Debug)]
pub struct Object(String);

impl Object {
    pub(crate) fn from_text(json: String) -> Self {
        Self(json)
    }

    /// Returns the object with these members.
    #[must_use]
    pub fn from_members(members: Map<String, Value>) -> Self {
        Self(to_json(&Value::Object(members)))
    }

    /// Removes hidden characters from every text in the object and from the names of its members.
    #[must_use]
    pub fn neutralized(self) -> Self {
        if !may_hide(&self.0) {
            return self;
        }
        if let Some(json) = with_texts_neutralized(&self.0) {
            return Self(json);
        }
        // Two names may become the same one.
        let mut members = self.members();
        neutralize_object(&mut members);
        Self::from_members(members)
    }

    /// Returns the JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the members as values.
    #[must_use]
    pub fn members(&self) -> Map<String, Value> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Returns whether the object has a member of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        let mut scanner = Scanner::new(&self.0);
        let mut follows = scanner.kind().is_ok() && scanner.opens(b'}');
        while follows {
            match scanner.name() {
                Ok(found) if found.text() == name => return true,
                Ok(_) if scanner.skip().is_ok() => follows = scanner.continues(b'}').unwrap_or(false),
                _ => return false,
            }
        }
        false
    }
}

/// Removes hidden characters from every text in a JSON text. Returns `None` if a name has some.
fn with_texts_neutralized(json: &str) -> Option<String> {
    let mut shown = Vec::with_capacity(json.len() + 8);
    let (mut scanner, mut copied) = (Scanner::new(json), 0);
    while let Some(quote) = memchr::memchr(b'"', json.as_bytes().get(scanner.position()..)?) {
        let start = scanner.position() + quote;
        scanner.go_to(start);
        let literal = scanner.string().ok()?;
        if !may_hide(literal.text()) {
            continue;
        }
        if let Cow::Owned(text) = neutralize(&decoded(literal)) {
            let end = scanner.position();
            if scanner.takes(b':') {
                return None;
            }
            shown.extend_from_slice(json.as_bytes().get(copied..start)?);
            append_quoted(&mut shown, &text).ok()?;
            copied = end;
        }
    }
    shown.extend_from_slice(json.as_bytes().get(copied..)?);
    String::from_utf8(shown).ok()
}

/// Returns whether a JSON text may have characters that a reader does not see: others than visible ASCII and Latin
/// letters, or escapes other than those of quotes, backslashes and line breaks.
fn may_hide(json: &str) -> bool {
    let escapes = memchr::memchr_iter(b'\\', json.as_bytes());
    let mut pair_ends = 0;
    !is_latin(json)
        || escapes.into_iter().any(|at| {
            if at < pair_ends {
                return false;
            }
            pair_ends = at + 2;
            !matches!(json.as_bytes().get(at + 1), Some(b'"' | b'\\' | b'n' | b'r' | b't'))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_found_by_name() {
        let object = Object::from_members(json!({"a": {"b": [1, "c"]}, "d": null}).as_object().cloned().unwrap());
        assert!(object.has("a") && object.has("d") && !object.has("b") && !object.has("c"));
        assert!(!Object::from_members(Map::new()).has("a"));
    }

    proptest! {
        #[test]
        fn neutralized_text_equals_neutralized_values(
            texts in proptest::collection::vec("[a-zé\"\\\\\n\u{0}\u{8}\u{7f}\u{ad}\u{200b}\u{202e}\u{e0041} ]{0,8}", 0..5),
            name in "[a-z\u{200b}é]{1,3}",
        ) {
            let members = json!({"x": texts, name: {"y": texts.first(), "z": 1.5}});
            let mut expected = members.as_object().cloned().unwrap();
            let object = Object::from_members(expected.clone());
            neutralize_object(&mut expected);
            let (shown, expected) = (object.neutralized(), Object::from_members(expected));
            prop_assert_eq!(shown.as_str(), expected.as_str());
        }
    }
}
