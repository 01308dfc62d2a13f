//! Tests of rules for all tools, and of each tool's definition as a snapshot.

use std::collections::{BTreeSet, HashSet};

use pagerduty_mcp_server::server::definition;
use pagerduty_mcp_server::tools::{Filter, SETS, Tool, all};
use serde_json::{Map, Value};

/// The contract's twelve tools in their order, with the effect of each. This is the only place that pins them.
const DEFAULT: &str = include_str!("../default_tools.json");

fn effect(tool: &Tool) -> &'static str {
    match (tool.is_read_only(), tool.destructive) {
        (true, _) => "reads",
        (_, false) => "writes",
        (_, true) => "destroys",
    }
}

#[test]
fn default_tools_are_exactly_the_contracts_twelve() {
    let tools = Filter::default().tools().unwrap();
    let names: Map<_, _> = tools.iter().map(|tool| (tool.name.to_owned(), effect(tool).into())).collect();
    assert_eq!(serde_json::to_string(&names).unwrap(), serde_json::from_str::<Value>(DEFAULT).unwrap().to_string());
}

#[test]
fn toolsets_have_unique_names_and_each_tool_once() {
    let (mut sets, mut tools) = (HashSet::new(), HashSet::new());
    for set in SETS {
        assert!(sets.insert(set.name) && !set.title.is_empty() && set.about.ends_with('.'), "{}", set.name);
        for tool in set.tools {
            assert!(tools.insert(tool.name), "{} is there twice", tool.name);
        }
    }
    assert_eq!(all().count(), tools.len());
}

#[test]
fn definitions_match_their_snapshots() {
    for tool in all() {
        insta::with_settings!({ snapshot_path => "../snapshots/tools", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_json_snapshot!(tool.name, definition(tool));
        });
    }
}

#[test]
fn snapshots_exist_for_exactly_the_tools() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots/tools");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<_> = files.filter_map(|file| file.strip_suffix(".snap").map(str::to_owned)).collect();
    assert_eq!(names, all().map(|tool| tool.name.to_owned()).collect());
}

#[test]
fn schemas_use_only_portable_keywords() {
    const REFUSED: [&str; 6] = ["$ref", "$defs", "anyOf", "oneOf", "allOf", "format"];
    fn check(tool: &str, schema: &Value) {
        match schema {
            Value::Object(map) => {
                for (key, value) in map {
                    if let ("properties", Value::Object(parameters)) = (key.as_str(), value) {
                        // Names of parameters, not keywords.
                        parameters.values().for_each(|parameter| check(tool, parameter));
                        continue;
                    }
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
    for tool in all() {
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
    for tool in all() {
        assert!(tool.name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", tool.name);
        assert!(titles.insert(tool.title), "{}: the title is taken", tool.name);
        assert!(tool.description.ends_with('.'), "{}: the description is made of sentences", tool.name);
        assert!(tool.is_idempotent() || !tool.is_read_only(), "{}: reading twice changes nothing", tool.name);
        let hints = &definition(tool)["annotations"];
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(hints[hint].is_boolean(), "{}: {hint}", tool.name);
        }
    }
}

#[test]
fn parameters_with_same_meaning_have_same_schema() {
    for name in ["limit", "offset", "include"] {
        let schemas: HashSet<_> = all()
            .flat_map(|tool| tool.params.iter().filter(|parameter| parameter.name == name))
            .map(|parameter| format!("{:?} {}", parameter.form.schema(), parameter.description))
            .collect();
        assert_eq!(schemas.len(), 1, "{name}: {schemas:?}");
    }
}

#[test]
fn investigation_tools_only_read() {
    let set = SETS.iter().find(|set| set.name == "investigate").unwrap();
    assert_eq!(set.tools.len(), 12);
    for tool in set.tools {
        assert!(tool.is_read_only() && !tool.destructive, "{}", tool.name);
        assert!(tool.operations.iter().all(|operation| operation.effect.is_read()), "{}", tool.name);
    }
}
