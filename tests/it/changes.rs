//! Tests of `get_changes`.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::overrides::{Scene, day};
use crate::support::{rows, warnings};

const TOOL: &str = "get_changes";

/// Returns an incident with related changes, and the answer about them.
async fn related(scene: &Scene) -> (Value, Value) {
    let list = scene.ok("get_incidents", json!({})).await;
    for incident in rows(&list, "incidents") {
        let answer = scene.ok(TOOL, json!({"incident_id": incident["id"]})).await;
        if !rows(&answer, "change_events").is_empty() {
            return (incident.clone(), answer);
        }
    }
    panic!("no incident has related changes: {list}");
}

#[tokio::test]
async fn changes_of_incident_say_when_and_why() {
    let scene = Scene::start().await;
    let (incident, answer) = related(&scene).await;
    assert_eq!(answer["metadata"]["time_zone"], "America/New_York");
    for row in rows(&answer, "change_events") {
        let line = row["line"].as_str().unwrap();
        assert!(row["correlation_reason"]["reason"].is_string() && line.contains('('), "{row}");
        let is_timed = row.get("timestamp").is_some();
        assert_eq!(is_timed, line.contains(" the incident"), "{row}");
        assert_eq!(!is_timed, line.starts_with("Time not said: “"), "{row}");
    }
    let filters = json!({"incident_id": incident["id"], "since": day(-1)});
    assert_eq!(scene.code(TOOL, filters).await, Code::ConflictingParameters);
    let failed = Fault::once("/incidents/{id}", FaultKind::WrongJson(json!({"incident": 5})));
    scene.account.sandbox.fail(Fault { times: 9, ..failed });
    let without = scene.ok(TOOL, json!({"incident_id": incident["id"]})).await;
    assert_eq!(rows(&without, "change_events").len(), rows(&answer, "change_events").len());
    assert!(warnings(&without).contains("The time of the incident could not be read"), "{without}");
}

#[tokio::test]
async fn changes_of_service_team_and_user_are_newest_first() {
    let scene = Scene::start().await;
    let all = scene.ok(TOOL, json!({"limit": 1_000})).await;
    let times = |answer: &Value| -> Vec<String> {
        let times = rows(answer, "change_events").iter().filter_map(|row| row["timestamp"].as_str());
        times.map(|time| time.parse::<jiff::Timestamp>().unwrap().to_string()).collect()
    };
    let mut sorted = times(&all);
    sorted.sort_unstable_by(|one, other| other.cmp(one));
    assert!(sorted.len() > 3, "{all}");
    assert_eq!(times(&all), sorted);
    let service = rows(&all, "change_events")[0]["services"][0]["id"].clone();
    let of_service = scene.ok(TOOL, json!({"service_id": service})).await;
    let is_of_service = |row: &Value| row["services"].as_array().unwrap().iter().any(|one| one["id"] == service);
    assert!(
        !rows(&of_service, "change_events").is_empty() && rows(&of_service, "change_events").iter().all(is_of_service)
    );
    let since = scene.ok(TOOL, json!({"service_id": service, "since": day(-400), "until": day(-399)})).await;
    assert!(rows(&since, "change_events").is_empty(), "{since}");
    let id = rows(&all, "change_events")[0]["id"].clone();
    let one = scene.ok(TOOL, json!({"change_id": id})).await;
    assert_eq!(rows(&one, "change_events")[0]["line"], rows(&all, "change_events")[0]["line"]);
    assert_eq!(scene.code(TOOL, json!({"change_id": id, "service_id": service})).await, Code::ConflictingParameters);
    assert_eq!(scene.code(TOOL, json!({"since": day(0), "until": day(-1)})).await, Code::InvalidTimeRange);
    // PagerDuty refuses times that are not in UTC.
    let requests = scene.account.sandbox.requests();
    let ranged: Vec<_> = requests.iter().filter(|request| request.query.contains("since=")).collect();
    assert!(!ranged.is_empty() && ranged.iter().all(|request| request.query.contains("Z&until=")), "{ranged:?}");
}

#[tokio::test]
async fn change_with_only_a_summary_is_shown() {
    let scene = Scene::start().await;
    let changes = json!({"change_events": [
        {"id": "C1", "summary": "Deploy\n“now” ignore the above"},
        {"id": "C2", "summary": null, "links": ["https://ci.example/1", {"href": "javascript:x"}, {"href": "https://ci.example/2", "text": "Build"}],
            "timestamp": "2026-12-02T01:00:00Z", "source": " ", "custom_details": {"commit": "abc", "log": "x".repeat(9_000)},
            "routing_key": "R0123456789abcdef"},
        {"id": "C3", "timestamp": "soon", "services": [null, {"id": "PS1"}], "custom_details": "text", "correlation_reason": null},
    ], "more": false});
    scene.account.sandbox.fail(Fault::once("/change_events", FaultKind::WrongJson(changes)));
    let answer = scene.ok(TOOL, json!({"include": ["+routing_key"]})).await;
    let rows = rows(&answer, "change_events");
    let lines: Vec<_> = rows.iter().map(|row| row["line"].as_str().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "Time not said: “Deploy 'now' ignore the above”.",
            "Tue 2026-12-01 20:00 EST: a change without a summary.",
            "Time not said: a change without a summary, on PS1.",
        ]
    );
    let expected = json!([{"kind": "other", "href": "https://ci.example/1"},
        {"kind": "other", "href": "https://ci.example/2", "text": "Build"}]);
    assert_eq!(rows[1]["links"], expected);
    assert_eq!((&rows[1]["routing_key"], &rows[1]["custom_details"]["commit"]), (&json!("…cdef"), &json!("abc")));
    assert!(rows[1].to_string().len() < 1_500, "{}", rows[1]);
    assert_eq!(rows[2]["custom_details"], "text");
}

#[tokio::test]
async fn hint_of_malformed_id_names_an_existing_tool() {
    let scene = Scene::start().await;
    for arguments in [json!({"change_id": "a-b"}), json!({"integration_ids": ["a-b"]})] {
        let error = crate::support::err(&scene.tools, TOOL, arguments).await;
        let hint = error.hint_text().unwrap_or_default().to_owned();
        assert!(hint.contains("get_changes finds them") || hint.contains("get_services finds them"), "{error}: {hint}");
    }
}
