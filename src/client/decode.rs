//! From bytes to rows: a decoder that builds only the fields a [`Selection`] keeps.
//!
//! An incident is some 4 kB of JSON of which a tenth is shown. The rest is skipped while parsing, so that it costs neither
//! memory nor time.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::fields::{Selection, Wire};
use crate::models::Model;

/// An answer that cannot be used.
#[derive(Debug)]
pub struct Unreadable {
    /// Why, without the text of the answer.
    pub why: String,
    /// Whether it ends too early, so that another attempt may bring the rest.
    pub cut_off: bool,
}

impl Unreadable {
    pub(super) fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), cut_off: false }
    }
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self { cut_off: error.is_eof(), why: without_text(&error.to_string()) }
    }
}

/// One object: what our rules need, typed, and what the answer shows.
#[derive(Clone, Debug)]
pub struct Row<M> {
    /// The typed facts.
    pub facts: M,
    /// The fields to show, in order.
    pub shown: Map<String, Value>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<M> {
    /// The objects.
    pub rows: Vec<Row<M>>,
    /// Whether PagerDuty has more after them.
    pub more: bool,
}

/// Decodes `{"<key>": {…}}`.
pub fn one<M: Model>(body: &[u8], key: &'static str, selection: &Selection) -> Result<Row<M>, Unreadable> {
    let envelope = envelope(body, key, selection.wire())?;
    row(envelope.content, key, selection)
}

/// Decodes `{"<key>": [{…}, …], "more": …}`.
pub fn page<M: Model>(body: &[u8], key: &'static str, selection: &Selection) -> Result<Page<M>, Unreadable> {
    let envelope = envelope(body, key, selection.wire())?;
    let Value::Array(items) = envelope.content else { return Err(Unreadable::because(format!("{key}: not a list"))) };
    let rows = items.into_iter().map(|item| row(item, key, selection)).collect::<Result<_, _>>()?;
    Ok(Page { rows, more: envelope.more })
}

fn row<M: Model>(decoded: Value, key: &str, selection: &Selection) -> Result<Row<M>, Unreadable> {
    if !decoded.is_object() {
        return Err(Unreadable::because(format!("{key}: not an object")));
    }
    let facts = M::deserialize(&decoded).map_err(|error| Unreadable::because(format!("{key}: {error}")))?;
    Ok(Row { facts, shown: selection.project(decoded) })
}

/// A list in an answer that is no resource of the table.
pub fn list(body: &[u8], key: &'static str) -> Result<Vec<Value>, Unreadable> {
    match envelope(body, key, &Wire::default())?.content {
        Value::Array(items) => Ok(items),
        _ => Err(Unreadable::because(format!("{key}: not a list"))),
    }
}

struct Envelope {
    content: Value,
    more: bool,
}

fn envelope(body: &[u8], key: &'static str, wire: &Wire) -> Result<Envelope, Unreadable> {
    let seed = EnvelopeSeed { key, wire };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let decoded = seed.deserialize(&mut deserializer).and_then(|envelope| deserializer.end().map(|()| envelope));
    Ok(decoded?)
}

/// An error without the text it quotes, which is of any length and may be a web page.
fn without_text(error: &str) -> String {
    match (error.split_once("string \""), error.rsplit_once("\", expected")) {
        (Some((before, _)), Some((_, after))) => format!("{before}a text, expected{after}"),
        _ => error.to_owned(),
    }
}

struct EnvelopeSeed<'w> {
    key: &'static str,
    wire: &'w Wire,
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
        let (mut content, mut more) = (None, false);
        while let Some(key) = map.next_key::<String>()? {
            if key == self.key {
                content = Some(map.next_value_seed(Kept { wire: self.wire, depth: 0 })?);
            } else if key == "more" {
                more = said(&map.next_value()?).ok_or_else(|| A::Error::custom("more: neither true nor false"))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        let content = content.ok_or_else(|| A::Error::missing_field(self.key))?;
        Ok(Envelope { content, more })
    }
}

/// Whether a switch is on that may have been written as text or as a number; what is missing or null is off. To take
/// anything else for off would cut the list short.
fn said(switch: &Value) -> Option<bool> {
    match switch {
        Value::Null => Some(false),
        Value::Bool(on) => Some(*on),
        Value::String(text) => text.to_ascii_lowercase().parse().ok(),
        Value::Number(number) => number.as_u64().filter(|number| *number <= 1).map(|number| number == 1),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// How deep a value is kept. The parser gives up at 128, and an incident is to be shown whatever an alert brought with it.
const DEEPEST: usize = 64;

/// What stands in the place of what is deeper.
const TOO_DEEP: &str = "[nested too deep to be shown]";

/// Builds the kept part of a value; lists apply it to each element.
#[derive(Clone, Copy)]
struct Kept<'w> {
    wire: &'w Wire,
    depth: usize,
}

impl<'w> Kept<'w> {
    fn below(self, wire: &'w Wire) -> Self {
        Self { wire, depth: self.depth + 1 }
    }
}

impl<'de> DeserializeSeed<'de> for Kept<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Kept<'_> {
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
        if self.depth == DEEPEST {
            // What is ignored is passed over without a stack.
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
        if self.depth == DEEPEST {
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
        while let Some(place) = map.next_key_seed(Place(keys))? {
            let Some((place, (name, wire))) = place.and_then(|place| Some((place, keys.get(place)?))) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value_seed(self.below(wire))?;
            // Nobody tells a null from what is not there.
            if !value.is_null() {
                kept.push((place, *name, value));
            }
        }
        // In the order in which it is going to be shown, so that nothing has to be built again for that.
        kept.sort_by_key(|(place, ..)| *place);
        let mut object = Map::with_capacity(kept.len());
        object.extend(kept.into_iter().map(|(_, name, value)| (name.to_owned(), value)));
        Ok(Value::Object(object))
    }
}

/// Looks for a key before anything is allocated for it: its place among those to keep.
struct Place<'w>(&'w [(&'static str, Wire)]);

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|(name, _)| *name == key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{Incident, Team};
    use proptest::prelude::*;
    use serde_json::json;

    fn decode(body: &str) -> Result<Page<Team>, Unreadable> {
        page(body.as_bytes(), "teams", &Team::defaults())
    }

    #[test]
    fn unwanted_fields_are_skipped_whatever_they_are() {
        let body = json!({"teams": [{"id": "P1", "self": {"deep": [1, {"x": null}]}, "parent": {"id": "P2", "self": 1}}],
            "more": true, "total": null});
        let page = decode(&body.to_string()).unwrap();
        assert!(page.more);
        assert_eq!(Value::Object(page.rows[0].shown.clone()), json!({"id": "P1", "parent": {"id": "P2"}}));
    }

    #[test]
    fn what_is_not_the_envelope_is_named() {
        for (body, part) in [
            ("{}", "missing field `teams`"),
            ("[]", "an object with \"teams\""),
            (r#"{"teams": 1}"#, "teams: not a list"),
            (r#"{"teams": [1]}"#, "teams: not an object"),
            (r#""<html>\"x\", expected</html>""#, "invalid type: a text, expected an object"),
            (r#"{"teams": [] "#, "EOF"),
            (r#"{"teams": []} x"#, "trailing"),
        ] {
            let error = decode(body).unwrap_err();
            assert!(error.why.contains(part), "{body}: {error:?}");
            assert_eq!(error.cut_off, part == "EOF", "{body}");
        }
    }

    #[test]
    fn more_may_be_text_and_is_never_guessed_at() {
        for (more, expected) in [
            ("true", Some(true)),
            ("\"True\"", Some(true)),
            ("1", Some(true)),
            ("\"false\"", Some(false)),
            ("0", Some(false)),
            ("null", Some(false)),
            ("2", None),
            ("\"\"", None),
            ("[]", None),
        ] {
            let page = decode(&format!(r#"{{"teams": [], "limit": "100", "total": "3", "more": {more}}}"#));
            assert_eq!(page.as_ref().ok().map(|page| page.more), expected, "{more}: {page:?}");
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_cut_and_the_rest_is_shown() {
        let nested = |open: &str, close: &str, depth| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        for depth in [10, 65, 130, 100_000] {
            for value in [nested("[", "]", depth), nested(r#"{"x":"#, "}", depth)] {
                let team = format!(r#"{{"id": "P1", "name": {value}, "summary": "s"}}"#);
                let page = decode(&format!(r#"{{"teams": [{team}], "x": {value}}}"#)).unwrap();
                assert_eq!(page.rows[0].shown["id"], "P1");
                let list = list(format!(r#"{{"past_incidents": [{team}]}}"#).as_bytes(), "past_incidents").unwrap();
                assert_eq!(list[0]["id"], "P1");
                assert_eq!(list[0].to_string().contains(TOO_DEEP), depth > DEEPEST, "{depth}");
                assert!(decode(&format!(r#"{{"teams": {value}}}"#)).is_err(), "not a list of objects");
            }
            assert!(decode(&"[".repeat(depth)).unwrap_err().why.contains("an object with"));
            assert!(decode(&r#"{"teams":"#.repeat(depth)).unwrap_err().cut_off);
        }
    }

    #[test]
    fn text_of_another_encoding_is_an_error() {
        let utf_16: Vec<u8> = r#"{"teams": []}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(page::<Team>(&utf_16, "teams", &Team::defaults()).is_err());
        assert!(page::<Team>(b"{\"teams\": [{\"name\": \"\xff\"}]}", "teams", &Team::defaults()).is_err());
    }

    #[test]
    fn nulls_and_missing_fields_are_fine() {
        let body = r#"{"incident": {"id": "Q1", "status": null, "last_status_change_by": null, "teams": null}}"#;
        let row: Row<Incident> = one(body.as_bytes(), "incident", &Incident::defaults()).unwrap();
        assert_eq!(Value::Object(row.shown), json!({"id": "Q1"}));
    }

    #[test]
    fn a_fact_of_another_type_is_not_known_and_breaks_nothing() {
        let body =
            json!({"incidents": [{"id": 7, "status": 5, "title": ["t"], "last_status_change_by": "x"}, {"id": "Q1"}]});
        let page: Page<Incident> = page(body.to_string().as_bytes(), "incidents", &Incident::defaults()).unwrap();
        assert_eq!((page.rows.len(), page.rows[0].facts.status.clone(), page.rows[0].facts.id()), (2, None, None));
        assert_eq!(page.rows[0].shown["status"], 5, "what came is shown");
    }

    proptest! {
        #[test]
        fn no_body_breaks_the_decoder(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = page::<Team>(&body, "teams", &Team::defaults());
        }

        #[test]
        fn decoding_kept_fields_is_the_same_as_decoding_all_and_projecting(name in ".*", id in "[A-Z0-9]{7}", other in ".*") {
            let team = json!({"name": name, "x": {"name": other}, "id": id, "parent": {"type": other, "id": id, "y": [other]}});
            let page = decode(&json!({"teams": [team]}).to_string()).unwrap();
            prop_assert_eq!(&page.rows[0].shown, &Team::defaults().project(team));
        }
    }
}
