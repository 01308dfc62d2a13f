//! Decodes responses into typed rows.
//!
//! The parser, which processes every byte of a response, is [`pagerduty_rows::decode`].

use pagerduty_rows::decode::envelope;
use pagerduty_rows::fields::Selection;
use serde_json::Value;

use crate::models::{Model, Page, Row};

pub use pagerduty_rows::decode::{Unreadable, list};

/// Decodes `{"<key>": {…}}`.
pub fn one<M: Model>(body: &[u8], key: &'static str, selection: &Selection<'_>) -> Result<Row<M>, Unreadable> {
    let envelope = envelope(body, key, selection.wire())?;
    row(envelope.content, key, selection)
}

/// Decodes `{"<key>": [{…}, …], "more": …}`.
///
/// A row that is not an object does not affect the others. A page of only strings or numbers is not PagerDuty's.
pub fn page<M: Model>(body: &[u8], key: &'static str, selection: &Selection<'_>) -> Result<Page<M>, Unreadable> {
    let envelope = envelope(body, key, selection.wire())?;
    let Value::Array(items) = envelope.content else { return Err(Unreadable::because(format!("{key}: not a list"))) };
    if let Some(other) = items.iter().find(|item| !item.is_null()).filter(|_| !items.iter().any(Value::is_object)) {
        return Err(no_object(key, other));
    }
    let rows = items.into_iter().map(|item| row(item, key, selection)).collect();
    let total = envelope.total.and_then(|total| usize::try_from(total).ok());
    Ok(Page { rows, more: envelope.more, total })
}

fn row<M: Model>(decoded: Value, key: &str, selection: &Selection<'_>) -> Result<Row<M>, Unreadable> {
    if !decoded.is_object() {
        return Err(no_object(key, &decoded));
    }
    let facts = M::deserialize(&decoded).map_err(|error| Unreadable::because(format!("{key}: {error}")))?;
    Ok(Row { facts, shown: selection.project(decoded) })
}

fn no_object(key: &str, value: &Value) -> Unreadable {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Unreadable::because(format!("{key}: {kind} instead of an object"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{Incident, Team};
    use pagerduty_rows::decode::{MAX_DEPTH, TOO_DEEP};
    use proptest::prelude::*;
    use serde_json::{Map, json};

    fn decode(body: &str) -> Result<Page<Team>, Unreadable> {
        page(body.as_bytes(), "teams", &Team::defaults())
    }

    fn shown<M: Model>(page: &Page<M>, row: usize) -> &Map<String, Value> {
        &page.rows[row].as_ref().unwrap().shown
    }

    #[test]
    fn other_fields_are_skipped_whatever_their_content() {
        let body = json!({"teams": [{"id": "P1", "self": {"deep": [1, {"x": null}]}, "parent": {"id": "P2", "self": 1}}],
            "more": true, "total": null});
        let page = decode(&body.to_string()).unwrap();
        assert!(page.more);
        assert_eq!(Value::Object(shown(&page, 0).clone()), json!({"id": "P1", "parent": {"id": "P2"}}));
    }

    #[test]
    fn unexpected_envelope_is_named() {
        for (body, part) in [
            ("{}", "missing field `teams`"),
            ("[]", "an object with \"teams\""),
            (r#"{"teams": 1}"#, "teams: not a list"),
            (r#"{"teams": [null, "P1"]}"#, "teams: a string instead of an object"),
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
    fn more_may_be_text_and_is_never_guessed() {
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
    fn deeply_nested_value_is_cut_and_the_rest_is_shown() {
        let nested = |open: &str, close: &str, depth| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        for depth in [10, 65, 130, 100_000] {
            for value in [nested("[", "]", depth), nested(r#"{"x":"#, "}", depth)] {
                let team = format!(r#"{{"id": "P1", "name": {value}, "summary": "s"}}"#);
                let page = decode(&format!(r#"{{"teams": [{team}], "x": {value}}}"#)).unwrap();
                assert_eq!(shown(&page, 0)["id"], "P1");
                let list = list(format!(r#"{{"past_incidents": [{team}]}}"#).as_bytes(), "past_incidents").unwrap();
                assert_eq!(list[0]["id"], "P1");
                assert_eq!(list[0].to_string().contains(TOO_DEEP), depth > MAX_DEPTH, "{depth}");
                assert!(decode(&format!(r#"{{"teams": {value}}}"#)).is_err(), "not a list of objects");
            }
            assert!(decode(&"[".repeat(depth)).unwrap_err().why.contains("an object with"));
            assert!(decode(&r#"{"teams":"#.repeat(depth)).unwrap_err().cut_off);
        }
    }

    #[test]
    fn text_in_another_encoding_is_an_error() {
        let utf_16: Vec<u8> = r#"{"teams": []}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(page::<Team>(&utf_16, "teams", &Team::defaults()).is_err());
    }

    #[test]
    fn odd_values_lose_neither_the_row_nor_the_list() {
        let body = br#"{"teams": [{"id": "P1", "name": "cut \ud83d"}, null, {"id": "P2", "name": 1e400},
            {"id": "P3", "name": "\xff"}, {"id": 123456789012345678901234567890, "name": [0.1, 1.10]}, 7, []]}"#;
        let body: Vec<u8> = String::from_utf8_lossy(body).replace("\\xff", "?").into_bytes();
        let body: Vec<u8> = body.into_iter().map(|byte| if byte == b'?' { 0xff } else { byte }).collect();
        let page = page::<Team>(&body, "teams", &Team::defaults()).unwrap();
        let read: Vec<_> = page.rows.iter().filter_map(|row| row.as_ref().ok()).map(|row| &row.shown).collect();
        let expected = json!([{"id": "P1", "name": "cut \u{fffd}"}, {"id": "P2", "name": "1e400"},
            {"id": "P3", "name": "\u{fffd}"}, {"id": "123456789012345678901234567890", "name": [0.1, 1.1]}]);
        assert_eq!(serde_json::to_value(read).unwrap(), expected);
        let left_out: Vec<_> = page.rows.iter().filter_map(|row| row.as_ref().err()).map(|row| &row.why).collect();
        let expected = ["null", "a number", "a list"].map(|kind| format!("teams: {kind} instead of an object"));
        assert_eq!(left_out, expected.iter().collect::<Vec<_>>());
    }

    #[test]
    fn nulls_and_missing_fields_are_accepted() {
        let body = r#"{"incident": {"id": "Q1", "status": null, "last_status_change_by": null, "teams": null}}"#;
        let row: Row<Incident> = one(body.as_bytes(), "incident", &Incident::defaults()).unwrap();
        assert_eq!(Value::Object(row.shown), json!({"id": "Q1"}));
    }

    #[test]
    fn fact_of_another_type_is_unknown() {
        let body =
            json!({"incidents": [{"id": 7, "status": 5, "title": ["t"], "last_status_change_by": "x"}, {"id": "Q1"}]});
        let page: Page<Incident> = page(body.to_string().as_bytes(), "incidents", &Incident::defaults()).unwrap();
        assert_eq!(
            (
                page.rows.len(),
                page.rows[0].as_ref().unwrap().facts.status.clone(),
                page.rows[0].as_ref().unwrap().facts.id()
            ),
            (2, None, None)
        );
        assert_eq!(shown(&page, 0)["status"], 5, "the value is shown as it came");
    }

    proptest! {
        #[test]
        fn any_body_can_be_decoded(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = page::<Team>(&body, "teams", &Team::defaults());
        }

        #[test]
        fn decoding_some_fields_equals_projecting_all(name in ".*", id in "[A-Z0-9]{7}", other in ".*") {
            let team = json!({"name": name, "x": {"name": other}, "id": id, "parent": {"type": other, "id": id, "y": [other]}});
            let page = decode(&json!({"teams": [team]}).to_string()).unwrap();
            prop_assert_eq!(shown(&page, 0), &Team::defaults().project(team));
        }
    }
}
