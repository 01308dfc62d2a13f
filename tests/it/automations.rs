//! Tests of `get_automations`: what can be run, and what ran.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};
use serde_json::{Value, json};

use crate::overrides::{Scene, all_tools};
use crate::support::{Account, err, ok, rows, warnings};

const TOOL: &str = "get_automations";

/// Returns the names of the rows of a type.
fn names<'a>(answer: &'a Value, kind: &str) -> Vec<&'a str> {
    let rows = rows(answer, "automations").iter().filter(|row| row["type"] == kind);
    rows.map(|row| row["name"].as_str().or(row["action"]["name"].as_str()).unwrap()).collect()
}

/// Returns an open incident of a service.
async fn incident(scene: &Scene, service: &str) -> String {
    let open =
        json!({"current_user_context": false, "service_ids": [service], "statuses": ["triggered", "acknowledged"]});
    let open = scene.ok("get_incidents", open).await;
    open["incidents"][0]["id"].as_str().unwrap_or_else(|| panic!("{open}")).to_owned()
}

fn status(code: u16) -> FaultKind {
    FaultKind::Status { code, headers: [].into(), body: None }
}

#[tokio::test]
async fn incident_has_workflows_actions_runs_and_memories() {
    let scene = Scene::start().await;
    let id = incident(&scene, "Payments API").await;
    let answer = scene.ok(TOOL, json!({"incident_id": id})).await;
    let workflows = names(&answer, "workflow");
    assert!(workflows.contains(&"Fail over to the second bank") && workflows.contains(&"Open a bridge"), "{answer}");
    assert!(!workflows.contains(&"Drill of last year"), "a disabled trigger starts nothing: {answer}");
    let actions = names(&answer, "action");
    assert_eq!(actions.last(), Some(&"Restart payments-api"), "diagnostics come first: {answer}");
    assert!(actions.contains(&"Show slow queries") && actions.contains(&"Check certificates"), "{answer}");
    assert!(!actions.contains(&"Reroute payments"), "users cannot start it: {answer}");
    let runs: Vec<_> = rows(&answer, "automations").iter().filter(|row| row["type"] == "run").collect();
    assert!(!runs.is_empty() && runs.iter().all(|run| run["incident_id"] == id.as_str()), "{answer}");
    assert!(runs[0]["line"].as_str().unwrap().starts_with("Run of "), "{answer}");
    let runbook = rows(&answer, "automations").iter().find(|row| row["type"] == "runbook").unwrap();
    let line = runbook["line"].as_str().unwrap();
    assert!(line.starts_with("Memory (runbook): “If payments-api answers") && line.ends_with("minutes.”"), "{line}");
    assert_eq!(warnings(&answer), "");
}

#[tokio::test]
async fn incident_number_is_resolved_first() {
    let scene = Scene::start().await;
    let id = incident(&scene, "Payments API").await;
    let shown = scene.ok("get_incidents", json!({"incident_id": id})).await;
    let by_number = scene.ok(TOOL, json!({"incident_id": shown["incidents"][0]["incident_number"].to_string()})).await;
    let by_id = scene.ok(TOOL, json!({"incident_id": id})).await;
    assert_eq!(by_number["automations"], by_id["automations"]);
}

#[tokio::test]
async fn workflow_starts_by_hand_or_under_conditions() {
    let scene = Scene::start().await;
    let answer = scene.ok(TOOL, json!({"service_id": "Checkout API", "query": "SUPPORT"})).await;
    assert_eq!(names(&answer, "workflow"), ["Tell support about checkout"]);
    assert_eq!(
        answer["automations"][0]["line"],
        "Workflow “Tell support about checkout”, “Tells the support desk what customers see”: can be started; starts by itself \
         if “incident.urgency matches 'high'”."
    );
    let restricted = scene.ok(TOOL, json!({"service_id": "Payment Gateway", "query": "bank"})).await;
    let line = restricted["automations"][0]["line"].as_str().unwrap();
    assert!(line.ends_with(": can be started by its team."), "{line}");
}

#[tokio::test]
async fn one_workflow_has_its_steps_and_one_action_its_runs() {
    let scene = Scene::start().await;
    let all = scene.ok(TOOL, json!({})).await;
    let id_of = |name: &str| {
        let row = rows(&all, "automations").iter().find(|row| row["name"] == name);
        row.unwrap_or_else(|| panic!("{name}: {all}"))["id"].as_str().unwrap().to_owned()
    };
    assert!(!names(&all, "workflow").contains(&"Drill of last year"), "{all}");
    let bridge = rows(&all, "automations").iter().find(|row| row["name"] == "Open a bridge").unwrap();
    let line = "Workflow “Open a bridge”, “Starts a call and posts its link”: can be started.";
    assert_eq!((&bridge["line"], &bridge["can_be_started"]), (&json!(line), &json!(true)));
    let workflow = scene.ok(TOOL, json!({"workflow_id": id_of("Declare a major incident")})).await;
    let row = &rows(&workflow, "automations")[0];
    assert_eq!(row["steps"], json!(["Add a conference bridge", "Add responders", "Add stakeholders"]));
    assert_eq!(row["conditions"], json!(["incident.priority matches 'P1'"]));
    let action = scene.ok(TOOL, json!({"action_id": id_of("Show slow queries"), "limit": 3})).await;
    assert_eq!(names(&action, "action"), ["Show slow queries"]);
    let runs = names(&action, "run");
    assert!(runs.len() == 2 && runs.iter().all(|name| *name == "Show slow queries"), "{action}");
    assert!(warnings(&action).contains("automations are here: pass a larger limit"), "{action}");
    assert_eq!(scene.code(TOOL, json!({"workflow_id": "PNONE7"})).await, Code::NotFound);
    let both = json!({"workflow_id": "PNONE7", "service_id": "PNONE8"});
    assert_eq!(scene.code(TOOL, both).await, Code::ConflictingParameters);
}

#[tokio::test]
async fn workflows_and_actions_are_taken_by_name() {
    let scene = Scene::start().await;
    let workflow = scene.ok(TOOL, json!({"workflow_id": "declare a major incident"})).await;
    assert_eq!(names(&workflow, "workflow"), ["Declare a major incident"]);
    let action = scene.ok(TOOL, json!({"action_id": "Show slow queries"})).await;
    assert_eq!(names(&action, "action"), ["Show slow queries"]);
    for (parameter, text, near) in [
        ("workflow_id", "declare major", "Declare a major incident"),
        ("action_id", "show queries", "Show slow queries"),
    ] {
        let error = err(&scene.tools, TOOL, json!({parameter: format!("{text} xyz")})).await;
        assert_eq!(error.code(), Code::InvalidParameter, "{}", error.envelope());
        let hint = error.hint_text().unwrap();
        assert!(hint.contains("get_automations finds them") && !hint.contains("get_actions"), "{near}: {hint}");
    }
}

#[tokio::test]
async fn account_is_searched_by_name() {
    let scene = Scene::start().await;
    let found = scene.ok(TOOL, json!({"query": "cert"})).await;
    assert_eq!(names(&found, "action"), ["Check certificates"]);
    assert!(names(&found, "workflow").is_empty());
    let requests = scene.account.sandbox.requests();
    assert!(requests.iter().any(|one| one.path == "/automation_actions/actions" && one.query.contains("name=cert")));
}

#[tokio::test]
async fn part_that_fails_is_a_warning() {
    for (path, what, other) in [
        ("/incident_workflows/triggers", "Workflows could not be fetched", "action"),
        ("/automation_actions/actions", "Automation actions could not be fetched", "workflow"),
        ("/automation_actions/invocations", "Runs of automation actions could not be fetched", "action"),
        ("/sre_agent/memories", "Memories could not be fetched", "action"),
    ] {
        for kind in [status(403), status(402), FaultKind::Hang] {
            let scene = Scene::start().await;
            let id = incident(&scene, "Payments API").await;
            scene.account.sandbox.fail(Fault { times: 99, ..Fault::once(path, kind.clone()) });
            let answer = scene.ok(TOOL, json!({"incident_id": id})).await;
            assert!(warnings(&answer).contains(what), "{path} {kind:?}: {answer}");
            assert!(!names(&answer, other).is_empty(), "{path} {kind:?}: {answer}");
        }
    }
}

#[tokio::test]
async fn workflow_with_unknown_triggers_makes_no_claim() {
    let scene = Scene::start().await;
    scene.account.sandbox.fail(Fault { times: 99, ..Fault::once("/incident_workflows/triggers", status(403)) });
    let all = scene.ok(TOOL, json!({"query": "bridge"})).await;
    let row = &rows(&all, "automations")[0];
    assert_eq!(row["line"], "Workflow “Open a bridge”, “Starts a call and posts its link”: triggers unknown.");
    assert!(row.get("can_be_started").is_none() && warnings(&all).contains("Workflow triggers could not be"), "{all}");
}

#[tokio::test]
async fn plan_without_automations_is_an_error() {
    let account = Account::of(tokens::BASIC_PLAN).await;
    let tools = all_tools(&account, |config| {
        *config = crate::support::config(tokens::BASIC_PLAN);
        config.host = pagerduty_mcp_server::config::Host::parse(account.sandbox.url()).unwrap();
    });
    let error = err(&tools, TOOL, json!({"service_id": "P0319H3"})).await;
    assert_eq!(error.code(), Code::MissingAbility, "{}", error.envelope());
    assert_eq!(err(&tools, TOOL, json!({})).await.code(), Code::MissingAbility);
    // Dependencies belong to other plans.
    let answer = ok(&tools, "get_dependencies", json!({"service_id": "P0319H3"})).await;
    assert!(!rows(&answer, "dependencies").is_empty());
}

#[tokio::test]
async fn automations_of_an_incident_take_two_round_trips() {
    let scene = Scene::start().await;
    let id = incident(&scene, "Payments API").await;
    scene.ok("build_user_context", json!({})).await;
    scene.account.sandbox.clear();
    for round in [1, 4] {
        scene.account.sandbox.fail(Fault::together("*", round));
    }
    let answer = scene.ok(TOOL, json!({"incident_id": id})).await;
    assert_eq!(scene.account.sandbox.requests().len(), 5);
    assert_eq!(warnings(&answer), "");
}
