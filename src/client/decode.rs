//! Decodes responses into typed rows.
//!
//! The parser, which processes every byte of a response, is [`pagerduty_rows::decode`].

use pagerduty_rows::decode::{Content, Item, envelope, text};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::Selection;
use pagerduty_rows::scan::Kind;

use crate::models::{Model, Page, Row};

pub use pagerduty_rows::decode::Unreadable;

/// Decodes `{"<key>": {…}}`.
pub fn one<M: Model>(body: &[u8], key: &'static str, selection: &Selection<'_>) -> Result<Row<M>, Unreadable> {
    match envelope(&text(body), key, selection)?.content {
        Content::One(item) => row(item, key),
        Content::Many(_) => Err(no_object(key, Kind::List)),
    }
}

/// Decodes `{"<key>": [{…}, …], "more": …}`.
///
/// A row that is not an object does not affect the others. A page of only strings or numbers is not PagerDuty's.
pub fn page<M: Model>(body: &[u8], key: &'static str, selection: &Selection<'_>) -> Result<Page<M>, Unreadable> {
    let text = text(body);
    let envelope = envelope(&text, key, selection)?;
    let Content::Many(items) = envelope.content else { return Err(no_list(key)) };
    let other = items.iter().filter_map(|item| item.as_ref().err()).find(|kind| **kind != Kind::Null);
    if let Some(other) = other.filter(|_| items.iter().all(Result::is_err)) {
        return Err(no_object(key, *other));
    }
    let rows = items.into_iter().map(|item| row(item, key)).collect();
    let total = envelope.total.and_then(|total| usize::try_from(total).ok());
    Ok(Page { rows, more: envelope.more, total })
}

/// Decodes a list whose elements are no rows of a model: reads `facts` of each, and returns what `read` makes of them.
/// An element that is not an object has no facts.
pub fn list<T>(
    body: &[u8],
    key: &'static str,
    facts: &'static [&'static str],
    read: impl Fn(&Facts<'_>) -> T,
) -> Result<Vec<T>, Unreadable> {
    let text = text(body);
    match envelope(&text, key, &Selection::new(Vec::new(), facts))?.content {
        Content::Many(items) => Ok(items
            .into_iter()
            .map(|item| read(&item.map_or_else(|_| Facts::absent(facts, 2), |(_, facts)| facts)))
            .collect()),
        Content::One(_) => Err(no_list(key)),
    }
}

fn row<M: Model>(item: Item<'_>, key: &str) -> Result<Row<M>, Unreadable> {
    let (shown, facts) = item.map_err(|kind| no_object(key, kind))?;
    Ok(Row { facts: M::from_facts(&facts), shown })
}

fn no_list(key: &str) -> Unreadable {
    Unreadable::because(format!("{key}: not a list"))
}

fn no_object(key: &str, kind: Kind) -> Unreadable {
    Unreadable::because(format!("{key}: {} instead of an object", kind.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{Incident, Team};
    use pagerduty_rows::decode::{MAX_DEPTH, TOO_DEEP};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn decode(body: &str) -> Result<Page<Team>, Unreadable> {
        page(body.as_bytes(), "teams", &Team::defaults())
    }

    fn shown<M: Model>(page: &Page<M>, row: usize) -> Value {
        Value::Object(page.rows[row].as_ref().unwrap().shown.members())
    }

    #[test]
    fn other_fields_are_skipped_whatever_their_content() {
        let body = json!({"teams": [{"id": "P1", "self": {"deep": [1, {"x": null}]}, "parent": {"id": "P2", "self": 1}}],
            "more": true, "total": null});
        let page = decode(&body.to_string()).unwrap();
        assert!(page.more);
        assert_eq!(shown(&page, 0), json!({"id": "P1", "parent": {"id": "P2"}}));
    }

    #[test]
    fn unexpected_envelope_is_named() {
        for (body, part) in [
            ("{}", "missing field `teams`"),
            ("[]", "an object with \"teams\""),
            (r#"{"teams": 1}"#, "teams: not a list"),
            (r#"{"teams": [null, "P1"]}"#, "teams: a string instead of an object"),
            (r#""<html>\"x\", expected</html>""#, "invalid type: a string, expected an object"),
            (r#"{"teams": [] "#, "EOF"),
            (r#"{"teams": []} x"#, "trailing"),
        ] {
            let error = decode(body).unwrap_err();
            assert!(error.why.contains(part), "{body}: {error:?}");
            assert_eq!(error.cut_off, part == "EOF", "{body}");
        }
    }

    #[test]
    fn place_of_the_next_page_means_that_there_is_more() {
        for (place, expected) in [("null", false), ("\"\"", false), ("\"abc\"", true), ("7", false)] {
            let page = decode(&format!(r#"{{"teams": [], "more": false, "next_cursor": {place}}}"#)).unwrap();
            assert_eq!(page.more, expected, "{place}");
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
                let name = |facts: &Facts<'_>| facts.value("name").unwrap().to_string();
                let body = format!(r#"{{"past_incidents": [{team}]}}"#);
                let names = list(body.as_bytes(), "past_incidents", &["name"], name).unwrap();
                assert_eq!(names[0].contains(TOO_DEEP), depth > MAX_DEPTH, "{depth}");
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
        let read: Vec<_> = page.rows.iter().filter_map(|row| row.as_ref().ok()).map(|row| row.shown.as_str()).collect();
        let expected = json!([{"id": "P1", "name": "cut \u{fffd}"}, {"id": "P2", "name": "1e400"},
            {"id": "P3", "name": "\u{fffd}"}, {"id": "123456789012345678901234567890", "name": [0.1, 1.1]}]);
        let expected = expected.as_array().unwrap().iter().map(|row| row.to_string().replace("1.1]", "1.10]"));
        assert_eq!(read, expected.collect::<Vec<_>>());
        let left_out: Vec<_> = page.rows.iter().filter_map(|row| row.as_ref().err()).map(|row| &row.why).collect();
        let expected = ["null", "a number", "a list"].map(|kind| format!("teams: {kind} instead of an object"));
        assert_eq!(left_out, expected.iter().collect::<Vec<_>>());
    }

    #[test]
    fn nulls_and_missing_fields_are_accepted() {
        let body = r#"{"incident": {"id": "Q1", "status": null, "last_status_change_by": null, "teams": null}}"#;
        let row: Row<Incident> = one(body.as_bytes(), "incident", &Incident::defaults()).unwrap();
        assert_eq!(row.shown.as_str(), r#"{"id":"Q1"}"#);
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
            let mut expected = json!({"id": id, "name": name, "parent": {"id": id, "type": other}});
            for (object, name) in [("", "name"), ("/parent", "type")] {
                let members = expected.pointer_mut(object).unwrap().as_object_mut().unwrap();
                members.retain(|member, value| member != name || value != "");
            }
            prop_assert_eq!(shown(&page, 0).to_string(), expected.to_string());
        }
    }
}
