//! Projects PagerDuty's objects to the selected fields, in the selected order.
//!
//! PagerDuty's objects are large (an incident has about 4 kB) and consist mostly of links and nulls, while a model pays
//! for every token. So each resource declares a small default set as a table of [`Field`]s, which `include` replaces. A
//! [`Selection`] drives the decoder ([`decode`](crate::decode)), which builds only the selected fields, and then puts
//! them in the order of the request.
//!
//! Four rules apply to every object:
//!
//! - Empty and null fields are left out.
//! - A reference to another object shrinks to its `id` and `summary`, unless the table says otherwise.
//! - A deleted object keeps the time of its deletion.
//! - A field that only repeats another one is left out unless it is requested by name.

use serde_json::{Map, Value};

/// A field of a table that is known at compile time.
pub type Field = Named<'static>;

/// A field of a resource in an answer. Callers may name fields that are in no table.
#[derive(Clone, Copy, Debug)]
pub struct Named<'n> {
    /// The name in answers and in `include`.
    pub name: &'n str,
    /// The name of the PagerDuty field with the value.
    pub source: &'n str,
    /// The part of the PagerDuty field to decode, which is shown if there is no `derive`.
    pub keep: Keep,
    /// A function that computes the shown value, if it is more than a part of the field.
    pub derive: Option<Derive>,
}

/// A function that computes a field from the kept part of its source and the rest of the decoded object.
pub type Derive = fn(source: &Value, object: &Map<String, Value>) -> Option<Value>;

/// How much of a value to keep. On a list it applies to each element.
#[derive(Clone, Copy, Debug)]
pub enum Keep {
    /// The whole value, with nested references shrunk.
    Whole,
    /// The whole value without empty fields: data from a program or a person, in which nothing is a PagerDuty
    /// reference.
    Verbatim,
    /// The whole value, with white space trimmed from both ends of a text.
    Line,
    /// The given fields of an object, in this order, and `DELETED`.
    Only(&'static [Field]),
}

/// The field with the time an object was deleted. PagerDuty sends it for deleted objects that others still mention. It
/// is kept for every object.
const DELETED: &str = "deleted_at";

/// The fields of a shrunk reference.
const REFERENCE: &[Field] = &[plain("id"), plain("summary")];

/// Returns a field that is shown as PagerDuty sends it.
#[must_use]
pub const fn plain(name: &str) -> Named<'_> {
    Named { name, source: name, keep: Keep::Whole, derive: None }
}

/// Returns a field that is shown as PagerDuty sends it, without shrinking references in it.
#[must_use]
pub const fn verbatim(name: &'static str) -> Field {
    Named { name, source: name, keep: Keep::Verbatim, derive: None }
}

/// Returns a field that holds one line of text.
#[must_use]
pub const fn line(name: &'static str) -> Field {
    Named { name, source: name, keep: Keep::Line, derive: None }
}

/// Returns a field with a reference, or a list of them, shown as `id` and `summary`.
#[must_use]
pub const fn reference(name: &'static str) -> Field {
    nested(name, REFERENCE)
}

/// Returns a field with an object, or a list of them, of which only `fields` are shown.
#[must_use]
pub const fn nested(name: &'static str, fields: &'static [Field]) -> Field {
    Named { name, source: name, keep: Keep::Only(fields), derive: None }
}

/// Returns a field computed from the kept part of another one.
#[must_use]
pub const fn derived(name: &'static str, source: &'static str, keep: Keep, derive: Derive) -> Field {
    Named { name, source, keep, derive: Some(derive) }
}

/// The fields of one request: the part to decode, and the fields to show in their order.
#[derive(Clone, Debug)]
pub struct Selection<'n> {
    shown: Vec<Named<'n>>,
    wire: Wire<'n>,
    echoes: &'static [Echo],
}

/// A field that is left out of the default set if it repeats another one.
pub type Echo = (&'static str, &'static str);

/// The part of a JSON tree to decode: `None` for everything, otherwise these keys of an object.
#[derive(Clone, Debug, Default)]
pub struct Wire<'n> {
    keys: Option<Vec<(&'n str, Wire<'n>)>>,
}

impl<'n> Wire<'n> {
    fn from_keep(keep: Keep) -> Self {
        match keep {
            Keep::Whole | Keep::Verbatim | Keep::Line => Self { keys: None },
            Keep::Only(fields) => Self::from_fields(fields.iter()),
        }
    }

    fn from_fields<'f>(fields: impl Iterator<Item = &'f Named<'n>>) -> Self
    where
        'n: 'f,
    {
        let mut wire = Self { keys: Some(Vec::with_capacity(fields.size_hint().0 + 1)) };
        for field in fields {
            wire.add(field);
        }
        wire.add(&plain(DELETED));
        wire
    }

    /// Widens the tree by one field, so that two fields may read different parts of the same source.
    fn add(&mut self, field: &Named<'n>) {
        let Some(keys) = &mut self.keys else { return };
        match keys.iter_mut().find(|(key, _)| *key == field.source) {
            None => keys.push((field.source, Self::from_keep(field.keep))),
            Some((_, wire)) => match field.keep {
                Keep::Whole | Keep::Verbatim | Keep::Line => wire.keys = None,
                Keep::Only(fields) => {
                    for field in fields {
                        wire.add(field);
                    }
                }
            },
        }
    }

    /// Returns the keys to keep, in the order of the table, with the part to keep of each. `None` means everything.
    #[must_use]
    pub fn keys(&self) -> Option<&[(&'n str, Wire<'n>)]> {
        self.keys.as_deref()
    }
}

impl<'n> Selection<'n> {
    /// Selects `shown`, and also decodes the fields of `facts`.
    #[must_use]
    pub fn new(shown: Vec<Named<'n>>, facts: &'static [Field]) -> Self {
        let wire = Wire::from_fields(shown.iter().chain(facts));
        Self { shown, wire, echoes: &[] }
    }

    /// Leaves out fields that only repeat another one.
    #[must_use]
    pub fn without_echoes(self, echoes: &'static [Echo]) -> Self {
        Self { echoes, ..self }
    }

    /// Returns the part that the decoder keeps.
    #[must_use]
    pub fn wire(&self) -> &Wire<'n> {
        &self.wire
    }

    /// Returns whether a field of this name is shown. The name may continue after a dot with the name of a part.
    #[must_use]
    pub fn shows(&self, name: &str) -> bool {
        let (name, part) = name.split_once('.').map_or((name, None), |(name, part)| (name, Some(part)));
        let has = |field: &Named<'_>, part| match field.keep {
            Keep::Only(parts) => parts.iter().any(|field| field.name == part),
            Keep::Whole | Keep::Verbatim | Keep::Line => true,
        };
        self.shown.iter().any(|field| field.name == name && part.is_none_or(|part| has(field, part)))
    }

    /// Returns the selected fields of a decoded object in the selected order, without empty ones.
    #[must_use]
    pub fn project(&self, decoded: Value) -> Map<String, Value> {
        let mut shown = project(decoded, &self.shown);
        for (echo, original) in self.echoes {
            if member(&shown, echo).is_some_and(|value| Some(value) == member(&shown, original)) {
                shown.shift_remove(*echo);
            }
        }
        shown
    }
}

/// Returns the fields of an object in the order of the table, then `DELETED`, without empty ones. Values are moved,
/// not copied.
#[must_use]
pub fn project(decoded: Value, fields: &[Named<'_>]) -> Map<String, Value> {
    let Value::Object(mut decoded) = decoded else { return Map::new() };
    if is_in_order(&decoded, fields) {
        remove_unselected(&mut decoded, fields);
        return decoded;
    }
    // Compute these first, because another field may move their source.
    let derive = |field: &Named<'_>| {
        field.derive.map(|derive| decoded.get(field.source).and_then(|source| derive(source, &decoded)))
    };
    let mut derived = fields.iter().filter_map(derive).collect::<Vec<_>>().into_iter();
    let mut shown = Map::with_capacity(fields.len());
    for field in fields {
        let value = match field.derive {
            Some(_) => derived.next().flatten(),
            None => decoded.get_mut(field.source).map(|source| keep(source.take(), field.keep)),
        };
        if let Some(value) = value.filter(|value| !is_empty(value)) {
            shown.insert(field.name.to_owned(), value);
        }
    }
    if let Some(deleted) = decoded.remove(DELETED).filter(|deleted| !is_empty(deleted)) {
        shown.insert(DELETED.to_owned(), deleted);
    }
    shown
}

/// Returns whether an object has the fields of the table in its order and under their names.
///
/// The decoder returns nearly all objects so. Removing other fields from them is cheaper than building new objects.
fn is_in_order(decoded: &Map<String, Value>, fields: &[Named<'_>]) -> bool {
    let mut rest = fields.iter();
    decoded.keys().all(|key| {
        rest.any(|field| field.name == key && field.source == key && field.derive.is_none())
            || fields.iter().all(|field| field.name != key)
    }) && fields.iter().all(|field| field.derive.is_none() || member(decoded, field.source).is_none())
}

/// Returns a member of an object. Comparing the few names of a row is cheaper than hashing one.
fn member<'o>(object: &'o Map<String, Value>, name: &str) -> Option<&'o Value> {
    object.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Removes the fields that are not shown from such an object.
fn remove_unselected(decoded: &mut Map<String, Value>, fields: &[Named<'_>]) {
    let mut rest = fields.iter();
    let mut is_whole = true;
    for (key, value) in decoded.iter_mut() {
        match rest.find(|field| field.name == key) {
            Some(field) if needs_keeping(value, field.keep) => *value = keep(value.take(), field.keep),
            Some(_) => {}
            None if key == DELETED => {}
            None => *value = Value::Null,
        }
        is_whole &= !is_empty(value);
    }
    if !is_whole {
        decoded.retain(|_, value| !is_empty(value));
    }
}

/// Returns whether [`keep`] may change the value.
fn needs_keeping(value: &Value, how: Keep) -> bool {
    match value {
        Value::Object(_) | Value::Array(_) => true,
        Value::String(_) => matches!(how, Keep::Line),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Returns the part of `value` to keep. A list is treated element by element.
#[must_use]
pub fn keep(value: Value, how: Keep) -> Value {
    match (value, how) {
        (value, Keep::Verbatim) => without_empty(value),
        (Value::Array(items), _) => {
            let kept = items.into_iter().map(|item| keep(item, how));
            Value::Array(kept.filter(|item| !is_empty_object(item)).collect())
        }
        (object @ Value::Object(_), Keep::Only(fields)) => Value::Object(project(object, fields)),
        (Value::Object(object), Keep::Whole | Keep::Line) => Value::Object(prune(object)),
        (Value::String(text), Keep::Line) if text.trim().len() < text.len() => text.trim().into(),
        (scalar, _) => scalar,
    }
}

/// Returns an object without empty fields. A reference shrinks: it has `id`, `type`, `self` and `summary`.
fn prune(object: Map<String, Value>) -> Map<String, Value> {
    if ["id", "type", "self"].iter().all(|key| object.contains_key(*key)) && object.contains_key("summary") {
        return project(Value::Object(object), REFERENCE);
    }
    let kept = object.into_iter().map(|(key, value)| (key, keep(value, Keep::Whole)));
    kept.filter(|(_, value)| !is_empty(value)).collect()
}

/// Returns a value without empty fields, and otherwise complete.
#[must_use]
pub fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let fields = object.into_iter().map(|(key, value)| (key, without_empty(value)));
            Value::Object(fields.filter(|(_, value)| !is_empty(value)).collect())
        }
        Value::Array(items) => items.into_iter().map(without_empty).collect(),
        scalar => scalar,
    }
}

/// Returns whether a value is null, an empty string, an empty list or an empty object.
#[must_use]
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn is_empty_object(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FIELDS: &[Field] = &[plain("name"), reference("owner"), nested("parts", &[plain("id")]), plain("extra")];

    fn shown(object: &Value) -> Value {
        Value::Object(project(object.clone(), FIELDS))
    }

    #[test]
    fn project_orders_by_table_and_removes_empty() {
        let object = json!({"extra": {"a": null, "b": []}, "owner": {"id": "P1", "summary": "Ada", "self": "x"},
            "name": "n", "parts": [{"id": "A", "type": "part"}, {"type": "part"}], "other": 1});
        let expected = json!({"name": "n", "owner": {"id": "P1", "summary": "Ada"}, "parts": [{"id": "A"}]});
        assert_eq!(shown(&object).to_string(), expected.to_string());
    }

    #[test]
    fn project_is_independent_of_field_order() {
        let parts = json!([{"id": "A", "type": "part"}, {"id": "B", "x": []}]);
        let owner = json!({"id": "P1", "summary": "Ada", "type": "user_reference"});
        let members = [
            ("name", json!("n")),
            ("owner", owner),
            ("parts", parts),
            ("extra", json!([])),
            ("other", json!({"x": 1})),
        ];
        let expected =
            json!({"name": "n", "owner": {"id": "P1", "summary": "Ada"}, "parts": [{"id": "A"}, {"id": "B"}]});
        for first in 0..members.len() {
            let members = members.iter().cycle().skip(first).take(members.len()).cloned();
            let object = Value::Object(members.map(|(name, value)| (name.to_owned(), value)).collect());
            assert_eq!(shown(&object).to_string(), expected.to_string(), "{object}");
        }
    }

    #[test]
    fn project_shows_derived_fields_beside_source() {
        const FIELDS: &[Field] = &[
            plain("a"),
            derived("b", "a", Keep::Whole, |a, _| Some(json!(a.as_str()?.len()))),
            derived("c", "x", Keep::Whole, |x, object| {
                Some(if object.contains_key("a") { json!(0) } else { x.clone() })
            }),
        ];
        let shown = |object: Value| Value::Object(project(object, FIELDS)).to_string();
        assert_eq!(shown(json!({"a": "four"})), r#"{"a":"four","b":4}"#);
        assert_eq!(shown(json!({"x": 1})), r#"{"c":1}"#);
        assert_eq!(shown(json!({"x": 1, "a": "four"})), r#"{"a":"four","b":4,"c":0}"#);
        assert_eq!(shown(json!({"c": 1})), "{}", "the name of what is computed is no field of the object");
    }

    #[test]
    fn keep_shrinks_references_in_whole_values() {
        let object = json!({"extra": {"user": {"id": "P1", "type": "user_reference", "summary": "Ada", "self": null},
            "list": [1, null, 2]}});
        assert_eq!(shown(&object), json!({"extra": {"user": {"id": "P1", "summary": "Ada"}, "list": [1, null, 2]}}));
    }

    #[test]
    fn wire_of_two_fields_with_one_source_is_widened() {
        const SHOWN: Field = nested("a", &[plain("id")]);
        const FACTS: &[Field] = &[nested("a", &[plain("type")])];
        let selection = Selection::new(vec![SHOWN], FACTS);
        let [("a", a), (DELETED, _)] = selection.wire().keys().unwrap() else { panic!("{selection:?}") };
        let [("id", id), (DELETED, _), ("type", _)] = a.keys().unwrap() else { panic!("{a:?}") };
        assert!(id.keys().is_none(), "all of it");
        assert_eq!(selection.project(json!({"a": {"id": 1, "type": 2}})).get("a"), Some(&json!({"id": 1})));
    }

    #[test]
    fn project_marks_deleted_objects() {
        const FIELDS: &[Field] = &[
            plain("name"),
            reference("owner"),
            derived("size", "parts", Keep::Only(&[plain("id")]), |parts, _| Some(json!(parts.as_array()?.len()))),
            plain("parts"),
        ];
        let dead = |mut object: Value| {
            object["deleted_at"] = json!("2022");
            object
        };
        let reference = dead(json!({"id": "P1", "type": "user_reference", "summary": "Ada", "self": null}));
        let shrunk = dead(json!({"id": "P1", "summary": "Ada"}));
        for fields in [&FIELDS[..2], FIELDS] {
            let object = dead(json!({"owner": reference, "name": "n", "parts": [reference], "other": 1}));
            let shown = Value::Object(project(object.clone(), fields));
            assert_eq!((&shown["owner"], &shown["deleted_at"]), (&shrunk, &json!("2022")), "{shown}");
            assert!(shown["parts"].is_null() || shown["parts"] == json!([shrunk]), "{shown}");
            let wire = Selection::new(fields.to_vec(), &[]).wire().clone();
            assert!(wire.keys().unwrap().iter().any(|(key, _)| *key == DELETED), "{wire:?}");
        }
        let living = json!({"name": "n", "owner": {"id": "P1", "deleted_at": null}, "deleted_at": null});
        assert_eq!(shown(&living), json!({"name": "n", "owner": {"id": "P1"}}), "only if it is");
        let asked = [plain(DELETED), plain("name")];
        assert_eq!(
            Value::Object(project(dead(json!({"name": "n"})), &asked)).to_string(),
            r#"{"deleted_at":"2022","name":"n"}"#
        );
    }

    #[test]
    fn verbatim_values_are_never_references() {
        const FIELDS: &[Field] = &[verbatim("body")];
        let thing = json!({"id": "1", "type": "t", "self": "s", "summary": "x", "important": "y"});
        let object = json!({"body": {"thing": thing, "list": [thing, null, {}], "none": null, "deep": {"empty": ""}}});
        assert_eq!(
            Value::Object(project(object, FIELDS)),
            json!({"body": {"thing": thing, "list": [thing, null, {}]}})
        );
    }

    #[test]
    fn line_is_trimmed() {
        const FIELDS: &[Field] = &[plain("note"), line("title")];
        for (title, shown) in
            [("down\r\n", Some("down")), ("\t a b ", Some("a b")), ("a\nb", Some("a\nb")), (" \n", None)]
        {
            for object in [json!({"title": title, "note": "x\n"}), json!({"note": "x\n", "title": title})] {
                let mut expected = json!({"note": "x\n"});
                if let Some(shown) = shown {
                    expected["title"] = shown.into();
                }
                assert_eq!(Value::Object(project(object, FIELDS)), expected);
            }
        }
    }
}
