//! Tests of the projection.

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::decode;
use crate::fields::{Field, Keep, Selection, derived, line, nested, plain, reference, verbatim};

const FIELDS: &[Field] = &[plain("name"), reference("owner"), nested("parts", &[plain("id")]), plain("extra")];

/// Returns the JSON of the fields of an object.
fn text(json: &str, fields: &[Field]) -> String {
    let selection = Selection::new(fields.to_vec(), &["a"]);
    decode::object(json, &selection, 0).unwrap().0.as_str().to_owned()
}

fn project(object: &Value, fields: &[Field]) -> Value {
    serde_json::from_str(&text(&object.to_string(), fields)).unwrap()
}

#[test]
fn project_orders_by_table_and_removes_empty() {
    let object = json!({"extra": {"a": null, "b": []}, "owner": {"id": "P1", "summary": "Ada", "self": "x"},
        "name": "n", "parts": [{"id": "A", "type": "part"}, {"type": "part"}], "other": 1});
    let expected = json!({"name": "n", "owner": {"id": "P1", "summary": "Ada"}, "parts": [{"id": "A"}]});
    assert_eq!(text(&object.to_string(), FIELDS), expected.to_string());
}

#[test]
fn project_is_independent_of_field_order() {
    let parts = json!([{"id": "A", "type": "part"}, {"id": "B", "x": []}]);
    let owner = json!({"id": "P1", "summary": "Ada", "type": "user_reference"});
    let members =
        [("name", json!("n")), ("owner", owner), ("parts", parts), ("extra", json!([])), ("other", json!({"x": 1}))];
    let expected = json!({"name": "n", "owner": {"id": "P1", "summary": "Ada"}, "parts": [{"id": "A"}, {"id": "B"}]});
    for first in 0..members.len() {
        let members = members.iter().cycle().skip(first).take(members.len()).cloned();
        let object: Map<_, _> = members.map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(text(&Value::Object(object).to_string(), FIELDS), expected.to_string());
    }
}

#[test]
fn rows_with_other_names_in_between_are_read_by_name() {
    let body =
        r#"{"rows": [{"name": "a", "x": 1, "extra": 2}, {"extra": 3, "name": "b"}, {}, {"name": "c", "extra": 4}]}"#;
    let envelope = decode::envelope(body, "rows", &Selection::new(FIELDS.to_vec(), &[])).unwrap();
    let decode::Content::Many(items) = envelope.content else { panic!("a list") };
    let rows: Vec<_> = items.into_iter().map(|item| item.unwrap().0.as_str().to_owned()).collect();
    assert_eq!(rows, [r#"{"name":"a","extra":2}"#, r#"{"name":"b","extra":3}"#, "{}", r#"{"name":"c","extra":4}"#]);
}

#[test]
fn project_shows_derived_fields_beside_source() {
    const FIELDS: &[Field] = &[
        plain("a"),
        derived("b", "a", Keep::Whole, |a, _| Some(json!(a.as_str()?.len()))),
        derived("c", "x", Keep::Whole, |x, facts| Some(if facts.text("a").is_some() { json!(0) } else { x.clone() })),
    ];
    assert_eq!(text(r#"{"a": "four"}"#, FIELDS), r#"{"a":"four","b":4}"#);
    assert_eq!(text(r#"{"x": 1}"#, FIELDS), r#"{"c":1}"#);
    assert_eq!(text(r#"{"x": 1, "a": "four"}"#, FIELDS), r#"{"a":"four","b":4,"c":0}"#);
    assert_eq!(text(r#"{"c": 1}"#, FIELDS), "{}", "the name of what is computed is no field of the object");
}

#[test]
fn whole_values_have_shrunk_references() {
    let object = json!({"extra": {"user": {"id": "P1", "type": "user_reference", "summary": "Ada", "self": null},
        "list": [1, null, 2]}});
    let expected = json!({"extra": {"user": {"id": "P1", "summary": "Ada"}, "list": [1, null, 2]}});
    assert_eq!(project(&object, FIELDS), expected);
}

#[test]
fn project_marks_deleted_objects() {
    const FIELDS: &[Field] = &[
        plain("name"),
        reference("owner"),
        derived("size", "parts", Keep::Whole, |parts, _| Some(json!(parts.as_array()?.len()))),
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
        let shown = project(&object, fields);
        assert_eq!((&shown["owner"], &shown["deleted_at"]), (&shrunk, &json!("2022")), "{shown}");
        assert!(shown["parts"].is_null() || shown["parts"] == json!([shrunk]), "{shown}");
    }
    let living = json!({"name": "n", "owner": {"id": "P1", "deleted_at": null}, "deleted_at": null});
    assert_eq!(project(&living, FIELDS), json!({"name": "n", "owner": {"id": "P1"}}), "only if it is");
    let asked = [plain(DELETED), plain("name")];
    assert_eq!(text(r#"{"name": "n", "deleted_at": "2022"}"#, &asked), r#"{"deleted_at":"2022","name":"n"}"#);
}

#[test]
fn verbatim_values_are_never_references() {
    const FIELDS: &[Field] = &[verbatim("body")];
    let thing = json!({"id": "1", "type": "t", "self": "s", "summary": "x", "important": "y"});
    let object = json!({"body": {"thing": thing, "list": [thing, null, {}], "none": null, "deep": {"empty": ""}}});
    assert_eq!(project(&object, FIELDS), json!({"body": {"thing": thing, "list": [thing, null, {}]}}));
}

#[test]
fn line_is_trimmed() {
    const FIELDS: &[Field] = &[plain("note"), line("title")];
    for (title, shown) in [
        ("down\r\n", Some("down")),
        ("\t a b ", Some("a b")),
        ("a\nb", Some("a\nb")),
        (" \n", None),
        (" é ", Some("é")),
    ] {
        for object in [json!({"title": title, "note": "x\n"}), json!({"note": "x\n", "title": title})] {
            let mut expected = json!({"note": "x\n"});
            if let Some(shown) = shown {
                expected["title"] = shown.into();
            }
            assert_eq!(project(&object, FIELDS), expected);
        }
    }
}

#[test]
fn echo_is_left_out_unless_it_differs() {
    let selection = Selection::new(vec![plain("a"), line("b")], &[]).without_echoes(&[("b", "a")]);
    let shown = |json| decode::object(json, &selection, 0).unwrap().0.as_str().to_owned();
    assert_eq!(shown(r#"{"b": " x", "a": "x"}"#), r#"{"a":"x"}"#);
    assert_eq!(shown(r#"{"b": "y", "a": "x"}"#), r#"{"a":"x","b":"y"}"#);
    assert_eq!(shown(r#"{"b": "y"}"#), r#"{"b":"y"}"#);
}

#[test]
fn numbers_keep_their_text() {
    let numbers = "[1.10,1e2,-0.0,46.80,18446744073709551615,0.1]";
    assert_eq!(text(&format!(r#"{{"extra": {numbers}}}"#), FIELDS), format!(r#"{{"extra":{numbers}}}"#));
    let odd = r#"{"extra": [-0, 1e400, NaN, 100000000000000000000]}"#;
    assert_eq!(text(odd, FIELDS), r#"{"extra":[0,"1e400","NaN","100000000000000000000"]}"#);
}

#[test]
fn last_of_equal_names_counts_at_the_first_place() {
    assert_eq!(
        text(r#"{"name": "a", "extra": 1, "name": "b", "n\u0061me": null}"#, FIELDS),
        r#"{"name":"b","extra":1}"#
    );
    let whole = r#"{"extra": {"x": 1, "y": 2, "x": 3, "z": 4, "z": null}}"#;
    assert_eq!(text(whole, FIELDS), r#"{"extra":{"x":3,"y":2}}"#);
    let many: Vec<_> = (0..40).map(|number| format!("\"k{}\":{number}", number % 20)).collect();
    let shown: Vec<_> = (20..40).map(|number| format!("\"k{}\":{number}", number - 20)).collect();
    let (many, shown) = (many.join(","), shown.join(","));
    assert_eq!(text(&format!(r#"{{"extra":{{{many}}}}}"#), FIELDS), format!(r#"{{"extra":{{{shown}}}}}"#));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zé\"\\\\\n\u{7f} ]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec(("id|type|self|summary|deleted_at|a|é", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The rules for [`Keep::Whole`], on values.
fn pruned(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(pruned).filter(|item| *item != json!({})).collect(),
        Value::Object(object) => {
            let is_reference = ["id", "type", "self", "summary"].iter().all(|name| object.contains_key(*name));
            let names: Vec<&str> = if is_reference {
                ["id", "summary", "deleted_at"].into_iter().filter(|name| object.contains_key(*name)).collect()
            } else {
                object.keys().map(String::as_str).collect()
            };
            let members = names.into_iter().map(|name| (name.to_owned(), pruned(&object[name])));
            Value::Object(members.filter(|(_, value)| !crate::fields::is_empty(value)).collect())
        }
        scalar => scalar.clone(),
    }
}

proptest! {
    #[test]
    fn escaped_text_is_written_as_the_json_library_does(
        literal in r#"([a é]|\\["\\/bfnrt]|\\u00(0a|1F|e9|20)|\x01|\t){0,8}"#,
    ) {
        let json = format!("{{\"line\":\"{literal}\",\"text\":\"{literal}\"}}");
        // The library refuses raw control characters.
        let readable = literal.replace('\u{1}', "\\u0001").replace('\t', "\\t");
        let read: String = serde_json::from_str(&format!("\"{readable}\"")).unwrap();
        let mut expected = Map::new();
        for (name, text) in [("line", read.trim()), ("text", read.as_str())] {
            expected.extend((!text.is_empty()).then(|| (name.to_owned(), text.into())));
        }
        let selection = Selection::new(vec![line("line"), plain("text")], &["text"]);
        let (object, facts) = decode::object(&json, &selection, 0).unwrap();
        prop_assert_eq!(object.as_str(), Value::Object(expected).to_string());
        prop_assert_eq!(facts.text("text"), Some(read));
    }

    #[test]
    fn whole_values_follow_the_rules(value in any_value(), pretty in any::<bool>()) {
        let object = json!({"extra": value});
        let json = if pretty { serde_json::to_string_pretty(&object).unwrap() } else { object.to_string() };
        let pruned = pruned(&value);
        let expected = if crate::fields::is_empty(&pruned) { json!({}) } else { json!({"extra": pruned}) };
        prop_assert_eq!(text(&json, FIELDS), expected.to_string());
    }

    #[test]
    fn raw_values_are_read_as_the_json_library_reads_them(value in any_value()) {
        prop_assert_eq!(super::value(&value.to_string(), 0), Some(value));
    }
}
