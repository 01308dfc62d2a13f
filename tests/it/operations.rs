//! Compares the operations with PagerDuty's OpenAPI description, where it is available.

use std::collections::HashSet;
use std::path::Path;

use pagerduty_api::{Answer, Effect, Method, operations};
use serde_json::Value;

/// PagerDuty's OpenAPI description, which is not part of the repository.
fn description() -> Option<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/pagerduty-openapi.json");
    Some(serde_json::from_str(&std::fs::read_to_string(path).ok()?).expect("JSON"))
}

/// Returns the scope in the text of an operation: "Scoped OAuth requires: `teams.read`".
fn scopes(described: &Value) -> Vec<&str> {
    let text = described["description"].as_str().unwrap_or_default();
    text.lines().filter_map(|line| line.trim().strip_prefix("Scoped OAuth requires: `")?.strip_suffix('`')).collect()
}

#[test]
fn operations_agree_with_pagerdutys_description() {
    let Some(description) = description() else { return };
    for operation in operations::all() {
        let id = operation.id;
        let method = operation.method.as_str().to_ascii_lowercase();
        let described = &description["paths"][operation.path][&method];
        assert_eq!(described["operationId"], id, "{method} {}", operation.path);
        assert_eq!(scopes(described), operation.scopes, "{id}");
        let answers = described["responses"].as_object().expect("responses");
        let answer = ["200", "201", "204"].iter().find_map(|status| answers.get(*status)).expect("a success");
        let schema = &answer["content"]["application/json"]["schema"];
        assert_eq!(schema.is_null(), operation.answer == Answer::Nothing, "{id}: {answer}");
        let referred = schema["$ref"].as_str().and_then(|path| description.pointer(path.strip_prefix('#')?));
        let schema = referred.unwrap_or(schema).to_string();
        if let Some(key) = operation.key() {
            assert!(schema.contains(&format!("\"{key}\"")), "{id} has no {key}: {schema}");
        }
    }
}

/// The reads that have a body, so that they are sent by `POST`.
const READS_WITH_BODY: [&str; 1] = ["renderTemplate"];

#[test]
fn operations_are_declared_once_and_reads_are_get() {
    let mut ids = HashSet::new();
    let mut requests = HashSet::new();
    for operation in operations::all() {
        let id = operation.id;
        assert!(ids.insert(id) && requests.insert((operation.method.as_str(), operation.path)), "{id} is there twice");
        let is_read = operation.method == Method::Get || READS_WITH_BODY.contains(&id);
        assert_eq!(operation.effect == Effect::Read, is_read, "{id}");
        let ids = usize::from(operation.names_one()) + usize::from(operation.part.is_some());
        assert_eq!(operation.path.matches('{').count(), ids, "{id}: {}", operation.path);
        let path = operation.path_with(&["PONE", "PTWO"]);
        assert!(!path.contains('{') && path.contains("PTWO") == operation.part.is_some(), "{id}: {path}");
    }
}
