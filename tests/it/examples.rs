//! Tests that every example in PagerDuty's OpenAPI description decodes and projects, for the endpoints in use.
//!
//! The description is not part of the repository. Without it, the tests print a note and pass.

use std::fs;
use std::path::Path;

use pagerduty_mcp_server::client::decode;
use pagerduty_mcp_server::models::{
    Alert, Change, EscalationPolicy, Incident, Model, Note, Oncall, Schedule, Service, Team, User, WRAPPED,
    past_incident, related_incident,
};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, is_empty};
use serde_json::Value;

fn description() -> Option<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/pagerduty-openapi.json");
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: PagerDuty's OpenAPI description is not beside the project");
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

/// Returns the target of a `$ref`, or the value itself.
fn resolve<'d>(description: &'d Value, value: &'d Value) -> &'d Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => resolve(description, description.pointer(reference.trim_start_matches('#')).unwrap()),
        None => value,
    }
}

/// Returns the examples of the successful response to a request.
fn examples(description: &Value, method: &str, path: &str) -> Vec<Value> {
    let responses = &description["paths"][path][method]["responses"];
    let answer = ["200", "201"].iter().find_map(|status| responses.get(*status)).unwrap();
    let content = &resolve(description, answer)["content"]["application/json"];
    let found: Vec<_> = content["examples"].as_object().unwrap().values().collect();
    found.into_iter().map(|example| resolve(description, example)["value"].clone()).collect()
}

/// Decodes every example of a request, and compares the shown rows with it. Returns the number of rows.
fn check<M: Model>(description: &Value, method: &str, path: &str, list: bool) -> usize {
    let (one, many) = (M::RESOURCE.one, M::RESOURCE.many);
    let mut rows = 0;
    for example in examples(description, method, path) {
        let body = example.to_string();
        let decoded = if list {
            decode::page::<M>(body.as_bytes(), many, &M::defaults()).and_then(|page| page.rows.into_iter().collect())
        } else {
            decode::one::<M>(body.as_bytes(), one, &M::defaults()).map(|row| vec![row])
        };
        let decoded = decoded.unwrap_or_else(|error| panic!("{method} {path}: {}", error.why));
        let given = if list { example[many].as_array().unwrap().clone() } else { vec![example[one].clone()] };
        assert_eq!(decoded.len(), given.len(), "{method} {path}");
        for (row, given) in decoded.iter().zip(&given) {
            compare_row::<M>(&row.shown.members(), given, &format!("{method} {path}"));
        }
        rows += decoded.len();
    }
    rows
}

/// Checks that a row has every default field of the example and no other, with the same value where the field is plain.
fn compare_row<M: Model>(shown: &serde_json::Map<String, Value>, given: &Value, request: &str) {
    let is_echo = |field: &Field| M::ECHOES.iter().any(|(echo, of)| *echo == field.name && given[*echo] == given[*of]);
    for field in M::DEFAULT.iter().filter(|field| field.derive.is_none() && !is_echo(field)) {
        let source = &given[field.source];
        let found = shown.get(field.name);
        assert_eq!(found.is_some(), !is_empty(source), "{request}: {}", field.name);
        if let Some(found) = found.filter(|_| source.is_string() || source.is_number()) {
            assert_eq!(found, source, "{request}: {}", field.name);
        }
    }
    for name in shown.keys() {
        assert!(M::DEFAULT.iter().any(|field| field.name == name), "{request}: {name} is not a default field");
    }
}

#[test]
fn openapi_examples_decode_and_project() {
    let Some(description) = description() else { return };
    let d = &description;
    let cases = [
        ("get /escalation_policies", check::<EscalationPolicy>(d, "get", "/escalation_policies", true)),
        ("get /escalation_policies/{id}", check::<EscalationPolicy>(d, "get", "/escalation_policies/{id}", false)),
        ("get /incidents", check::<Incident>(d, "get", "/incidents", true)),
        ("get /incidents/{id}", check::<Incident>(d, "get", "/incidents/{id}", false)),
        ("put /incidents/{id}", check::<Incident>(d, "put", "/incidents/{id}", false)),
        ("get /incidents/{id}/notes", check::<Note>(d, "get", "/incidents/{id}/notes", true)),
        ("post /incidents/{id}/notes", check::<Note>(d, "post", "/incidents/{id}/notes", false)),
        ("get /oncalls", check::<Oncall>(d, "get", "/oncalls", true)),
        ("get /schedules", check::<Schedule>(d, "get", "/schedules", true)),
        ("get /schedules/{id}", check::<Schedule>(d, "get", "/schedules/{id}", false)),
        ("get /schedules/{id}/users", check::<User>(d, "get", "/schedules/{id}/users", true)),
        ("get /services", check::<Service>(d, "get", "/services", true)),
        ("get /services/{id}", check::<Service>(d, "get", "/services/{id}", false)),
        ("get /teams", check::<Team>(d, "get", "/teams", true)),
        ("get /teams/{id}", check::<Team>(d, "get", "/teams/{id}", false)),
        ("get /users", check::<User>(d, "get", "/users", true)),
        ("get /users/{id}", check::<User>(d, "get", "/users/{id}", false)),
        ("get /users/me", check::<User>(d, "get", "/users/me", false)),
    ];
    for (request, rows) in cases {
        assert!(rows > 0, "{request} has no example");
    }
}

#[test]
fn openapi_examples_show_past_and_related_incidents() {
    let Some(description) = description() else { return };
    for (key, reshape, added) in [
        ("past_incidents", past_incident as fn(&Facts<'_>) -> serde_json::Map<String, Value>, "similarity_score"),
        ("related_incidents", related_incident, "relationship_type"),
    ] {
        for example in examples(&description, "get", &format!("/incidents/{{id}}/{key}")) {
            for shown in decode::list(example.to_string().as_bytes(), key, WRAPPED, reshape).unwrap() {
                assert!(shown.contains_key("title") && shown.contains_key(added), "{key}: {shown:?}");
            }
        }
    }
}

/// Returns the names of the properties of a schema, including the parts of an `allOf` and the like.
fn properties(description: &Value, schema: &Value, names: &mut Vec<String>) {
    let schema = resolve(description, schema);
    for part in ["allOf", "anyOf", "oneOf"].iter().filter_map(|key| schema[*key].as_array()).flatten() {
        properties(description, part, names);
    }
    names.extend(schema["properties"].as_object().into_iter().flat_map(serde_json::Map::keys).cloned());
}

/// Checks that `include` accepts every field that PagerDuty documents, and no undocumented one.
fn compare<M: Model>(description: &Value, schema: &str, undocumented: &[&str]) {
    let mut documented = Vec::new();
    properties(description, &description["components"]["schemas"][schema], &mut documented);
    for name in &documented {
        assert!(M::field(name).is_some(), "{schema}: include does not accept {name}");
    }
    for field in M::DEFAULT.iter().map(|field| field.source).chain(M::OTHER.iter().copied()) {
        let known = documented.iter().any(|name| name == field) || undocumented.contains(&field);
        assert!(known, "{schema}: PagerDuty documents no {field}");
    }
}

#[test]
fn include_accepts_exactly_documented_fields() {
    let Some(description) = description() else { return };
    let d = &description;
    compare::<Alert>(d, "Alert", &[]);
    // Only changes that are related to an incident have the reason.
    compare::<Change>(d, "ChangeEvent", &["correlation_reason"]);
    compare::<EscalationPolicy>(d, "EscalationPolicy", &[]);
    // The API has long sent `description`. `body` and `custom_fields` are sent if include[] names them.
    compare::<Incident>(d, "Incident", &["description", "body", "custom_fields"]);
    compare::<Note>(d, "IncidentNote", &[]);
    compare::<Oncall>(d, "Oncall", &[]);
    compare::<Schedule>(d, "Schedule", &[]);
    compare::<Service>(d, "Service", &["updated_at"]);
    compare::<Team>(d, "Team", &["parent"]);
    compare::<User>(d, "User", &[]);
}
