//! The words in which a person is shown the effect of a call.
//!
//! Texts of PagerDuty are quoted, so that a title cannot add lines to the question.

use pagerduty_rows::text::{neutralize, neutralize_object};
use serde_json::{Map, Value};

use crate::tools::Tool;
use crate::tools::words::quoted;

/// Members of an answer that do not describe its effect.
const HIDDEN: [&str; 4] = ["outcome", "sent", "receipt", "sandbox"];

/// Members whose texts are sentences of this server.
const SENTENCES: [&str; 3] = ["undo", "warnings", "problem"];

/// The members that identify an object.
const NAMES: [&str; 4] = ["name", "title", "summary", "label"];

/// The most items of a list that are shown.
const MOST_ITEMS: usize = 25;

/// The most characters of a text that are shown: those of the longest text that a tool publishes.
const MOST_CHARACTERS: usize = 10_000;

/// The effect of a call in words.
pub struct Words {
    /// The effect, as the person reads it.
    pub text: String,
    /// The same without times that depend on the time of the dry run. An effect with the same words is the same.
    pub compared: String,
}

/// Returns the effect that a dry run shows.
pub fn of_preview(tool: &Tool, shown: Map<String, Value>) -> Words {
    both(tool, shown.into_iter().filter(|(name, _)| !HIDDEN.contains(&name.as_str())).collect())
}

/// Returns the effect of a call whose tool has no dry run, from its arguments.
pub fn of_arguments(tool: &Tool, arguments: Map<String, Value>) -> Words {
    both(tool, arguments.into_iter().filter(|(name, _)| name != "include").collect())
}

fn both(tool: &Tool, fields: Map<String, Value>) -> Words {
    Words { compared: words(tool, without_times(fields.clone())), text: words(tool, fields) }
}

/// Removes the members with a time of an event, which a tool may compute from the current time.
fn without_times(fields: Map<String, Value>) -> Map<String, Value> {
    let fields = fields.into_iter().filter(|(name, _)| !name.ends_with("_at"));
    fields.map(|(name, value)| (name, without_times_in(value))).collect()
}

fn without_times_in(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(without_times(members)),
        Value::Array(items) => items.into_iter().map(without_times_in).collect(),
        other => other,
    }
}

/// Returns the question after one whose effect changed meanwhile.
pub fn changed(text: &str) -> String {
    format!("This changed since the last question.\n{text}")
}

fn words(tool: &Tool, mut fields: Map<String, Value>) -> String {
    neutralize_object(&mut fields);
    let mut lines = vec![format!("{}:", tool.title)];
    for (name, value) in &fields {
        let label = label(name);
        match value {
            Value::Null => {}
            Value::Array(items) if items.is_empty() => lines.push(format!("- {label}: none")),
            Value::Array(items) => {
                lines.extend(items.iter().take(MOST_ITEMS).map(|item| format!("- {label}: {}", shown(name, item))));
                if let Some(more) = items.len().checked_sub(MOST_ITEMS).filter(|more| *more > 0) {
                    lines.push(format!("- {label}: {more} more"));
                }
                lines.dedup();
            }
            value => lines.push(format!("- {label}: {}", shown(name, value))),
        }
    }
    if tool.description.contains("Cannot be undone") && !fields.contains_key("undo") {
        lines.push("This cannot be undone.".to_owned());
    }
    lines.join("\n")
}

/// Returns the name of a member in words. Custom fields have names of PagerDuty's users.
fn label(name: &str) -> String {
    let words = name.strip_suffix("_id").unwrap_or(name).replace('_', " ");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns a value in words.
fn shown(name: &str, value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(is_on) => if *is_on { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if SENTENCES.contains(&name) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) => quoted(text, MOST_CHARACTERS),
        Value::Array(items) => {
            let words: Vec<_> = items.iter().take(MOST_ITEMS).map(|item| shown(name, item)).collect();
            let more = items.len().saturating_sub(MOST_ITEMS);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            if words.is_empty() { "none".to_owned() } else { format!("{}{more}", words.join(", ")) }
        }
        Value::Object(members) => object(members),
    }
}

/// Returns an object, and what changes of it.
fn object(members: &Map<String, Value>) -> String {
    // The time of a turn that began is that of the dry run.
    if let (Some(Value::Object(user)), true) = (members.get("user"), members.contains_key("start")) {
        return object(user);
    }
    let identity = identity(members);
    let (before, after) = (fields(members, "before"), fields(members, "after"));
    let mut parts = Vec::new();
    for name in before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))) {
        let of = |fields: &Map<String, Value>| shown(name, fields.get(name).unwrap_or(&Value::Null));
        parts.push(format!("{} {} → {}", label(name), of(&before), of(&after)));
    }
    if let Some(problem) = members.get("problem") {
        parts.push(shown("problem", problem));
    }
    match (identity, parts.is_empty()) {
        (Some(identity), true) => identity,
        (Some(identity), false) => format!("{identity}: {}", parts.join("; ")),
        (None, _) => {
            let member = |(name, value): (&String, &Value)| format!("{} {}", label(name), shown(name, value));
            members.iter().filter(|(_, value)| !value.is_null()).map(member).collect::<Vec<_>>().join(", ")
        }
    }
}

fn fields(members: &Map<String, Value>, name: &str) -> Map<String, Value> {
    members.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// Returns the number, the name and the ID of an object.
fn identity(members: &Map<String, Value>) -> Option<String> {
    let number = members.get("incident_number").and_then(Value::as_u64).map(|number| format!("#{number}"));
    let name = NAMES.iter().find_map(|name| members.get(*name)?.as_str()).map(|name| quoted(name, MOST_CHARACTERS));
    let id = members.get("id").and_then(Value::as_str).map(|id| neutralize(id).into_owned());
    let id = match (&number, &name) {
        (None, None) => id,
        _ => id.map(|id| format!("({id})")),
    };
    let parts: Vec<_> = [number, name, id].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// Returns whether a text is an ID, a word, a time or an address.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_:.+@/".contains(c))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::all;

    fn tool(name: &str) -> &'static Tool {
        all().find(|tool| tool.name == name).unwrap()
    }

    fn map(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn question_shows_objects_by_name_and_what_changes() {
        let shown = json!({
            "outcome": "dry_run", "sent": false,
            "into": {"id": "Q1", "incident_number": 7, "title": "Disk is full"},
            "merged": [{"id": "Q2", "title": "Disk", "outcome": "dry_run", "before": {"status": "triggered"},
                "after": {"status": "resolved", "merged_into": {"id": "Q1"}}}],
            "pages": [], "alerts_moved": 3, "undo": "A merge cannot be undone.",
        });
        let text = of_preview(tool("merge_incidents"), map(shown)).text;
        let expected = "Merge (combine) duplicate incidents:\n- into: #7 “Disk is full” (Q1)\n\
                        - merged: “Disk” (Q2): status triggered → resolved; merged into none → Q1\n- pages: none\n\
                        - alerts moved: 3\n- undo: A merge cannot be undone.";
        assert_eq!(text, expected);
    }

    #[test]
    fn text_of_pagerduty_adds_no_line_to_a_question() {
        let title = "x”\n- pages: none\u{202e}";
        let text =
            of_arguments(tool("resolve_incident"), map(json!({"incident_id": {"id": "Q1", "name": title}}))).text;
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(!text.contains('\u{202e}') && text.ends_with("This cannot be undone."), "{text}");
    }

    #[test]
    fn long_list_is_counted() {
        let items: Vec<_> = (0..30).map(|number| json!({"id": format!("Q{number}"), "outcome": "dry_run"})).collect();
        let text = of_preview(tool("undo"), map(json!({ "incidents": items }))).text;
        assert!(text.ends_with("- incidents: 5 more"), "{text}");
    }

    #[test]
    fn computed_time_is_shown_and_not_compared() {
        let row = |at: &str| json!({"posts": [{"id": "P1", "after": {"next_update_at": at, "status": "open"}}]});
        let [one, other] =
            ["2026-11-30T12:00:00Z", "2026-11-30T12:00:09Z"].map(|at| of_preview(tool("undo"), map(row(at))));
        assert!(one.text.contains("12:00:00") && one.text != other.text, "{}", one.text);
        assert_eq!(one.compared, other.compared);
    }
}
