//! Tests of `get_storm`.

use std::time::Duration;

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, Scenario, tokens};
use serde_json::{Value, json};

use crate::overrides::{Scene, all_tools};
use crate::support::{Account, ok, rows, warnings};

const TOOL: &str = "get_storm";

/// Returns an open incident.
fn incident(number: usize, minute: usize, title: &str, service: &Value, status: &str) -> Value {
    json!({"id": format!("QSTORM{number:02}"), "incident_number": 100 + number, "title": title, "status": status,
        "urgency": "high", "created_at": format!("2026-12-02T0{}:{:02}:00Z", 1 + minute / 60, minute % 60),
        "service": {"id": service["id"], "summary": service["name"], "type": "service_reference"},
        "incident_key": format!("key {number}")})
}

/// Returns the answer for an account with these open incidents.
async fn storm(scene: &Scene, incidents: &[Value], arguments: Value) -> Value {
    let list = json!({"incidents": incidents, "limit": 100, "offset": 0, "more": false});
    scene.account.sandbox.fail(Fault::once("/incidents", FaultKind::WrongJson(list)));
    scene.ok(TOOL, arguments).await
}

/// Returns the services with these names.
async fn services<const N: usize>(scene: &Scene, names: [&str; N]) -> [Value; N] {
    let mut found = names.map(Value::from);
    for name in &mut found {
        let list = scene.ok("get_services", json!({"current_user_context": false, "query": name})).await;
        *name = rows(&list, "services").iter().find(|row| row["name"] == *name).cloned().expect("the service");
    }
    found
}

#[tokio::test]
async fn open_incidents_are_grouped_with_a_merge_each() {
    let scene = Scene::start().await;
    let [database, payments, checkout, other] =
        services(&scene, ["Payments Database", "Payments API", "Checkout API", "Login"]).await;
    let mut incidents = vec![
        incident(1, 0, "PostgresTooManyConnections payments-primary", &database, "triggered"),
        incident(2, 4, "Payments API 5xx 12 %", &payments, "acknowledged"),
        incident(3, 6, "Payments API 5xx 31 %", &payments, "triggered"),
        incident(4, 9, "Checkout is slow", &checkout, "triggered"),
        incident(5, 70, "Certificate of login ends in 3 days", &other, "triggered"),
    ];
    incidents.reverse();
    let answer = storm(&scene, &incidents, json!({})).await;
    let found = rows(&answer, "groups");
    assert_eq!(answer["metadata"]["open_incidents"], 5);
    assert_eq!(found.iter().map(|row| row["count"].as_u64().unwrap()).collect::<Vec<_>>(), [4, 1]);
    let merge = json!({"target_id": "QSTORM01", "source_ids": ["QSTORM02", "QSTORM03", "QSTORM04"]});
    assert_eq!(found[0]["proposed_merge"], merge);
    assert_eq!(found[0]["reasons"], json!(["title", "dependency"]));
    assert_eq!(found[0]["probable_cause"], json!({"id": database["id"], "name": "Payments Database"}));
    assert_eq!(found[0]["incidents"][1]["created_at"], "2026-12-01T20:04:00-05:00");
    let line = found[0]["line"].as_str().unwrap();
    assert!(
        line.starts_with("4 incidents: #101 “PostgresTooManyConnections payments-primary” and 3 more, on "),
        "{line}"
    );
    assert!(line.contains("since Tue 2026-12-01 20:00 EST, the last one 9 min later; 1 acknowledged."), "{line}");
    assert!(line.ends_with("Probable cause: Payments Database, which the others depend on."), "{line}");
    assert!(found[1].get("proposed_merge").is_none() && found[1].get("reasons").is_none(), "{answer}");
    // The alerts of incidents that do not exist.
    assert!(warnings(&answer).contains("alerts of 4 incidents could not be read"), "{answer}");
    let apart = storm(&scene, &incidents, json!({"window_minutes": 2})).await;
    assert_eq!(rows(&apart, "groups").len(), 4, "{apart}");
    assert_eq!(scene.code(TOOL, json!({"window_minutes": 5_000})).await, Code::InvalidParameter);
}

#[tokio::test]
async fn incident_that_cannot_be_merged_is_not_proposed() {
    let scene = Scene::start().await;
    let [service] = services(&scene, ["Login"]).await;
    let mut incidents: Vec<_> =
        (1..=14).map(|number| incident(number, number, "Disk 9 % free", &service, "triggered")).collect();
    incidents[0]["is_mergeable"] = false.into();
    let answer = storm(&scene, &incidents, json!({})).await;
    let row = &rows(&answer, "groups")[0];
    assert_eq!((&row["count"], &row["more_incidents"]), (&json!(14), &json!(4)));
    assert_eq!(row["proposed_merge"]["target_id"], "QSTORM02");
    assert_eq!(row["proposed_merge"]["source_ids"].as_array().unwrap().len(), 12);
    let two: Vec<_> = incidents.into_iter().take(2).collect();
    let answer = storm(&scene, &two, json!({})).await;
    assert_eq!(rows(&answer, "groups")[0].get("proposed_merge"), None);
}

#[tokio::test]
async fn storm_of_the_account_changes_nothing_and_reads_little() {
    let scene = Scene::start().await;
    scene.account.sandbox.clear();
    let answer = scene.ok(TOOL, json!({})).await;
    let found = rows(&answer, "groups");
    let count = |name: &str| found.iter().map(|row| row[name].as_u64().unwrap_or(0)).sum::<u64>();
    let added = answer["metadata"]["added_from_dependencies"].as_u64().unwrap_or(0);
    assert_eq!(answer["metadata"]["open_incidents"], count("count") - added);
    assert!(found.iter().any(|row| row["first_alert"].is_string()), "{answer}");
    assert_eq!(warnings(&answer), "");
    let requests = scene.account.sandbox.requests();
    assert!(requests.iter().all(|request| request.method == "GET"));
    assert!(requests.len() < 80, "{}", requests.len());
}

#[tokio::test]
async fn parts_without_response_do_not_hold_the_storm() {
    let hang = async |path: &str, warning: &str| {
        let scene = Scene::start().await;
        scene.account.sandbox.fail(Fault { times: 999, ..Fault::once(path, FaultKind::Hang) });
        let began = std::time::Instant::now();
        let answer = scene.ok(TOOL, json!({})).await;
        assert!(began.elapsed() < Duration::from_secs(15), "{path}: {:?}", began.elapsed());
        assert!(!rows(&answer, "groups").is_empty() && warnings(&answer).contains(warning), "{path}: {answer}");
    };
    tokio::join!(
        hang("/service_dependencies/technical_services/{id}", "Dependencies could not be fetched"),
        hang("/incidents/{id}/alerts", "incidents could not be read")
    );
}

#[tokio::test]
async fn zero_counts_as_no_window() {
    let scene = Scene::start().await;
    let answer = scene.ok(TOOL, json!({"window_minutes": 0})).await;
    assert_eq!(answer["metadata"]["window_minutes"], 30, "as every number that a client has to fill in");
}

#[tokio::test]
async fn cause_on_a_service_of_another_team_is_added() {
    let options = Options { incidents: 40, scenario: Some(Scenario::Outage), ..Options::default() };
    let account = Account::with(tokens::USER, options, |_| {}).await;
    let tools = all_tools(&account, |_| {});
    account.sandbox.put_forward(Duration::from_mins(22));
    let mine = ok(&tools, "get_incidents", json!({"statuses": ["triggered", "acknowledged"], "limit": 1_000})).await;
    let is_mine = |id: &str| rows(&mine, "incidents").iter().any(|row| row["id"] == id);
    assert!(is_mine("QN1GHT0PAYMENT") && !is_mine("QN1GHT0DATABAS"), "{mine}");
    let answer = ok(&tools, TOOL, json!({})).await;
    let has = |row: &&Value, id: &str| row["incidents"].as_array().unwrap().iter().any(|one| one["id"] == id);
    let group = rows(&answer, "groups").iter().find(|row| has(row, "QN1GHT0PAYMENT")).unwrap();
    assert!(has(&group, "QN1GHT0DATABAS"), "{group}");
    assert_eq!(group["probable_cause"]["name"], "Payments Database", "{group}");
    assert_eq!(group["proposed_merge"]["target_id"], "QN1GHT0DATABAS", "{group}");
    assert_eq!(answer["metadata"]["added_from_dependencies"], 1, "{answer}");
}
