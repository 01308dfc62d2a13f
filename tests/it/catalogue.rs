//! Tests of rules for all tools, and of each tool's definition as a snapshot.

use std::collections::HashSet;

use pagerduty_mcp_server::tools::{ALL, Access};
use serde_json::Value;

/// The twelve tools of the default set.
const NAMES: [&str; 12] = [
    "acknowledge_incident",
    "add_incident_note",
    "build_user_context",
    "get_escalation_policies",
    "get_incidents",
    "get_oncalls",
    "get_schedules",
    "get_services",
    "get_teams",
    "get_users",
    "list_users_oncall",
    "resolve_incident",
];

#[test]
fn catalogue_has_exactly_the_twelve_tools() {
    let mut names: Vec<_> = ALL.iter().map(|tool| tool.name).collect();
    names.sort_unstable();
    assert_eq!(names, NAMES);
}

#[test]
fn definitions_match_their_snapshots() {
    for tool in ALL {
        insta::with_settings!({ snapshot_path => "../snapshots/tools", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_json_snapshot!(tool.name, tool.definition());
        });
    }
}

#[test]
fn snapshots_exist_for_exactly_the_tools() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots/tools");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = files.filter_map(|file| file.strip_suffix(".snap").map(str::to_owned)).collect();
    names.sort_unstable();
    assert_eq!(names, NAMES);
}

#[test]
fn schemas_use_only_portable_keywords() {
    const REFUSED: [&str; 6] = ["$ref", "$defs", "anyOf", "oneOf", "allOf", "format"];
    fn check(tool: &str, schema: &Value) {
        match schema {
            Value::Object(map) => {
                for (key, value) in map {
                    assert!(!REFUSED.contains(&key.as_str()), "{tool}: {key}");
                    assert!(key != "default" || !value.is_null(), "{tool}: default is null");
                    assert!(key != "type" || value.is_string() || value.is_object(), "{tool}: a list of types");
                    check(tool, value);
                }
            }
            Value::Array(list) => list.iter().for_each(|item| check(tool, item)),
            Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {}
        }
    }
    for tool in ALL {
        let schema = Value::Object(tool.input_schema());
        check(tool.name, &schema);
        assert_eq!(schema["type"], "object", "{}", tool.name);
        assert_eq!(schema["additionalProperties"], false, "{}", tool.name);
        assert!(schema["properties"].is_object(), "{}: some clients need it even when it is empty", tool.name);
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(property["type"].is_string(), "{}.{name} has no type", tool.name);
            assert!(
                !property["description"].as_str().unwrap_or_default().is_empty(),
                "{}.{name} is not described",
                tool.name
            );
        }
    }
}

#[test]
fn tools_have_name_description_and_annotations() {
    let mut titles = HashSet::new();
    for tool in ALL {
        assert!(tool.name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", tool.name);
        assert!(titles.insert(tool.title), "{}: the title is taken", tool.name);
        assert!(tool.description.ends_with('.'), "{}: the description is made of sentences", tool.name);
        assert_eq!(tool.is_read_only(), tool.access == Access::Read);
        assert!(tool.idempotent || !tool.is_read_only(), "{}: reading twice changes nothing", tool.name);
        let hints = &tool.definition()["annotations"];
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(hints[hint].is_boolean(), "{}: {hint}", tool.name);
        }
    }
}

#[test]
fn only_three_incident_tools_write() {
    let writes: Vec<_> = ALL.iter().filter(|tool| !tool.is_read_only()).map(|tool| tool.name).collect();
    assert_eq!(writes, ["acknowledge_incident", "resolve_incident", "add_incident_note"]);
    let destructive: Vec<_> = ALL.iter().filter(|tool| tool.is_destructive()).map(|tool| tool.name).collect();
    assert_eq!(destructive, ["resolve_incident"]);
}

#[test]
fn parameters_with_same_meaning_have_same_schema() {
    for name in ["limit", "offset", "include"] {
        let schemas: HashSet<_> = ALL
            .iter()
            .flat_map(|tool| tool.params.iter().filter(|parameter| parameter.name == name))
            .map(|parameter| format!("{:?} {}", parameter.form.schema(), parameter.description))
            .collect();
        assert_eq!(schemas.len(), 1, "{name}: {schemas:?}");
    }
}
