//! Tests of `create_incident`: whom it pages, and that a lost response never leads to a second incident.

use std::collections::HashSet;

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};
use serde_json::{Value, json};

use crate::overrides::{Scene, all_tools};
use crate::support::{err, ok, rows};

fn checkout(more: Value) -> Value {
    let mut arguments = json!({"title": "Checkout is down", "service_id": "Checkout API"});
    arguments.as_object_mut().unwrap().extend(crate::support::object(more));
    arguments
}

impl Scene {
    /// Returns the incidents with this title.
    async fn titled(&self, title: &str) -> Vec<Value> {
        let found = self.ok("search_incidents", json!({"scope": "all", "text": title, "limit": 50})).await;
        rows(&found, "incidents").clone()
    }
}

fn fault(method: &str, path: &str, kind: FaultKind) -> Fault {
    Fault { method: Some(method.to_owned()), ..Fault::once(path, kind) }
}

#[tokio::test]
async fn created_incident_pages_and_its_receipt_resolves_it() {
    let scene = Scene::start().await;
    let arguments = checkout(json!({
        "details": "Every order fails", "urgency": "high", "priority": "P1", "incident_type": "major_incident",
        "conference_url": "https://meet.example/1",
    }));
    let dry = scene
        .ok("create_incident", {
            let mut dry = arguments.clone();
            dry["dry_run"] = true.into();
            dry
        })
        .await;
    assert_eq!((&dry["outcome"], &dry["sent"], &dry["receipt"]), (&json!("dry_run"), &json!(false), &Value::Null));
    assert!(!rows(&dry, "pages").is_empty() && dry["incidents"][0]["id"].is_null(), "{dry}");
    assert_eq!(scene.writes(), Vec::<String>::new());

    let made = scene.ok("create_incident", arguments.clone()).await;
    assert_eq!((&made["outcome"], &made["sent"]), (&json!("applied"), &json!(true)), "{made}");
    let row = &made["incidents"][0];
    assert_eq!(row["after"]["assignees"], dry["pages"], "the dry run names those that were paged");
    for name in ["status", "urgency", "assignees", "escalation_policy", "service", "incident_key"] {
        assert_eq!(dry["incidents"][0]["after"][name], row["after"][name], "{name}: {dry} {made}");
    }
    assert_eq!(row["after"]["service"]["name"], "Checkout API", "{made}");
    let include = json!(["title", "priority", "urgency", "incident_type", "conference_bridge", "body_details"]);
    let shown = scene.ok("get_incidents", json!({"incident_id": row["id"], "include": include})).await;
    let shown = &shown["incidents"][0];
    assert_eq!((&shown["urgency"], &shown["priority"]["summary"]), (&json!("high"), &json!("P1")), "{shown}");
    assert_eq!(shown["conference_bridge"]["conference_url"], "https://meet.example/1", "{shown}");
    assert_eq!(shown["incident_type"]["name"], "major_incident", "{shown}");
    assert!(shown.to_string().contains("Every order fails"), "{shown}");
    let timeline = scene.ok("get_timeline", json!({"incident_id": row["id"]})).await.to_string();
    assert!(timeline.contains("trigger") && timeline.contains("assign"), "{timeline}");

    let undone = scene.ok("undo", json!({"receipt": made["receipt"]})).await;
    assert_eq!(undone["outcome"], "applied", "{undone}");
    assert_eq!(undone["incidents"][0]["after"]["status"], "resolved", "{undone}");
    assert_eq!(scene.code("undo", json!({"receipt": made["receipt"]})).await, Code::InvalidReceipt);
    let other = ok(&all_tools(&scene.account, |_| {}), "undo", json!({"receipt": made["receipt"]})).await;
    assert_eq!((&other["outcome"], &other["sent"]), (&json!("already_so"), &json!(false)), "{other}");
    let again = scene.ok("create_incident", arguments).await;
    assert_eq!(again["outcome"], "applied", "the first one is resolved: {again}");
}

#[tokio::test]
async fn receipt_of_incident_that_was_acknowledged_is_refused() {
    let scene = Scene::start().await;
    let made = scene.ok("create_incident", checkout(json!({"assignee_ids": ["me"]}))).await;
    let row = &made["incidents"][0];
    assert_eq!(rows(&row["after"], "assignees").len(), 1, "{made}");
    scene.ok("acknowledge_incident", json!({"incident_id": row["id"]})).await;
    let undone = scene.ok("undo", json!({"receipt": made["receipt"]})).await;
    assert_eq!((&undone["outcome"], &undone["sent"]), (&json!("conflict"), &json!(false)), "{undone}");
}

#[tokio::test]
async fn lost_response_is_found_by_the_key() {
    let scene = Scene::start().await;
    scene.account.sandbox.fail(fault("POST", "/incidents", FaultKind::LostResponse));
    let made = scene.ok("create_incident", checkout(json!({}))).await;
    assert_eq!(made["outcome"], "applied", "{made}");
    assert!(made["warnings"].to_string().contains("did not confirm") && made["receipt"].is_string(), "{made}");
    assert_eq!(scene.titled("Checkout is down").await.len(), 1);
    assert_eq!(scene.writes(), ["POST /incidents"]);
}

#[tokio::test]
async fn repeated_call_after_unknown_outcome_finds_first() {
    for is_other_process in [false, true] {
        let scene = Scene::start().await;
        scene.account.sandbox.fail(fault("POST", "/incidents", FaultKind::LostResponse));
        let broken = FaultKind::Status { code: 500, headers: [].into(), body: None };
        scene.account.sandbox.fail(Fault { skip: 1, times: 3, ..fault("GET", "/incidents", broken) });
        let error = err(&scene.tools, "create_incident", checkout(json!({}))).await;
        assert_eq!(error.code(), Code::OutcomeUnknown, "{error}");
        assert!(error.hint_text().unwrap().contains("search_incidents with incident_key=mcp-"), "{error}");
        let other = all_tools(&scene.account, |_| {});
        let tools = if is_other_process { &other } else { &scene.tools };
        let again = ok(tools, "create_incident", checkout(json!({}))).await;
        assert_eq!((&again["outcome"], &again["sent"]), (&json!("already_so"), &json!(false)), "{again}");
        assert_eq!(scene.titled("Checkout is down").await.len(), 1);
        assert_eq!(scene.writes(), ["POST /incidents"]);
    }
}

#[tokio::test]
async fn identical_calls_at_once_create_one_incident() {
    let scene = Scene::start().await;
    let other = all_tools(&scene.account, |_| {});
    let (one, two, three) = tokio::join!(
        ok(&scene.tools, "create_incident", checkout(json!({}))),
        ok(&scene.tools, "create_incident", checkout(json!({}))),
        ok(&other, "create_incident", checkout(json!({}))),
    );
    // A call that waited for an identical one of the same process has its incident as well.
    let ids: HashSet<_> = [&one, &two, &three].map(|answer| answer["incidents"][0]["id"].as_str().unwrap()).into();
    assert_eq!(ids.len(), 1, "{one} {two} {three}");
    assert!([&one, &two, &three].iter().any(|answer| answer["outcome"] == "already_so"), "{one} {two} {three}");
    assert_eq!(scene.titled("Checkout is down").await.len(), 1);
}

#[tokio::test]
async fn incident_that_cannot_be_created_is_a_conflict() {
    let scene = Scene::start().await;
    scene.ok("create_incident", checkout(json!({"incident_key": "one"}))).await;
    let same = scene.ok("create_incident", checkout(json!({"incident_key": "one"}))).await;
    assert_eq!(same["outcome"], "already_so", "{same}");
    let sent = scene.writes().len();
    let key = json!({"title": "Other", "service_id": "Checkout API", "incident_key": "one"});
    for (arguments, reason) in [
        (key, "another value of title"),
        (
            json!({"title": "Checkout is down", "service_id": "Checkout API", "incident_key": "one", "priority": "P1"}),
            "another value of priority",
        ),
        (json!({"title": "Down", "service_id": "Landing Pages"}), "is disabled"),
        (json!({"title": "Down", "service_id": "Staging Clusters"}), "in maintenance"),
    ] {
        for dry_run in [true, false] {
            let mut arguments = arguments.clone();
            arguments["dry_run"] = dry_run.into();
            let answer = scene.ok("create_incident", arguments).await;
            assert_eq!((&answer["outcome"], &answer["sent"]), (&json!("conflict"), &json!(false)), "{answer}");
            assert!(answer["incidents"][0]["problem"].as_str().unwrap().contains(reason), "{answer}");
        }
    }
    for (more, code) in [
        (json!({"assignee_ids": ["me"], "policy_id": "Payments On-Call"}), Code::ConflictingParameters),
        (json!({"policy_id": "On-Call"}), Code::AmbiguousName),
        (json!({"service_id": "Service"}), Code::AmbiguousName),
        (json!({"title": " "}), Code::MissingParameter),
    ] {
        assert_eq!(scene.code("create_incident", checkout(more.clone())).await, code, "{more}");
    }
    assert_eq!(scene.writes().len(), sent);
}

#[tokio::test]
async fn order_of_assignees_does_not_change_the_key() {
    let scene = Scene::start().await;
    let users = scene.ok("get_users", json!({"limit": 2})).await;
    let [one, other] = [0, 1].map(|place| users["users"][place]["id"].clone());
    let made = scene.ok("create_incident", checkout(json!({"assignee_ids": [one, other]}))).await;
    assert_eq!(rows(&made["incidents"][0]["after"], "assignees").len(), 2, "{made}");
    let same = scene.ok("create_incident", checkout(json!({"assignee_ids": [other, one, other]}))).await;
    assert_eq!((&same["outcome"], &same["sent"]), (&json!("already_so"), &json!(false)), "{same}");
}

#[tokio::test]
async fn account_key_needs_an_author() {
    let scene = Scene::start().await;
    let tools = all_tools(&scene.account, |config| config.token = crate::support::config(tokens::ACCOUNT).token);
    let error = err(&tools, "create_incident", checkout(json!({}))).await;
    assert!(error.hint_text().is_some() && scene.writes().is_empty(), "{error}");
}
