//! Tests of `get_handoff`.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};
use serde_json::{Value, json};

use crate::overrides::{Scene, all_tools};
use crate::support::{Account, err, ok, rows};

/// Returns the values of a field of rows.
fn values<'v>(answer: &'v Value, key: &str, field: &str) -> Vec<&'v Value> {
    answer[key].as_array().into_iter().flatten().map(|row| &row[field]).collect()
}

#[tokio::test]
async fn handoff_names_next_users_and_open_incidents() {
    let scene = Scene::start().await;
    let report = scene.ok("get_handoff", json!({})).await;
    let mine = scene.ok("get_incidents", json!({"statuses": ["triggered", "acknowledged"]})).await;
    for incident in values(&report, "open", "id") {
        assert!(values(&mine, "incidents", "id").contains(&incident), "{incident}: {mine}");
    }
    let open = rows(&report, "open");
    assert!(!open.is_empty() && open.iter().all(|one| one["age"].is_string() && one["status"].is_string()), "{report}");
    let rank = |one: &Value| (one["urgency"] != "high", one["status"] != "triggered");
    assert!(open.iter().map(rank).is_sorted(), "the most urgent come first: {report}");

    let handovers = rows(&report, "handovers");
    assert!(!handovers.is_empty(), "{report}");
    for handover in handovers {
        let id = handover["schedule"]["id"].as_str().unwrap();
        let soon = json!({"schedule_id": id});
        let on = scene.ok("list_users_oncall", soon).await;
        let on: Vec<_> = rows(&on, "users").iter().map(|user| &user["id"]).collect();
        let from: Vec<_> = rows(handover, "from").iter().map(|user| &user["id"]).collect();
        assert_eq!(from, on, "{handover}");
        if let Some(to) = handover["to"].as_array() {
            assert!(to.iter().all(|user| user["name"].is_string()), "{handover}");
            assert!(handover["at"].is_string() && handover["in"].is_string(), "{handover}");
        }
    }
    let at: Vec<_> = handovers.iter().filter_map(|one| one["at"].as_str()).collect();
    assert!(at.is_sorted(), "the next one comes first: {at:?}");
}

#[tokio::test]
async fn last_note_is_shown_with_its_author() {
    let scene = Scene::start().await;
    let report = scene.ok("get_handoff", json!({})).await;
    let id = report["open"][0]["id"].clone();
    scene.ok("add_incident_note", json!({"incident_id": id, "content": "Restarted the pods, waiting."})).await;
    let report = scene.ok("get_handoff", json!({})).await;
    let me = scene.ok("build_user_context", json!({})).await;
    let note = &report["open"][0]["last_note"];
    assert_eq!((&note["text"], &note["by"]), (&json!("Restarted the pods, waiting."), &me["name"]), "{report}");
}

#[tokio::test]
async fn resolved_incident_appears_with_who_and_how_long() {
    let scene = Scene::start().await;
    let report = scene.ok("get_handoff", json!({})).await;
    let id = report["open"][0]["id"].clone();
    scene.ok("resolve_incident", json!({"incident_id": id})).await;
    let report = scene.ok("get_handoff", json!({})).await;
    assert!(!values(&report, "open", "id").contains(&&id), "{report}");
    let resolved = rows(&report, "resolved").iter().find(|one| one["id"] == id);
    let resolved = resolved.unwrap_or_else(|| panic!("{id} is missing in {report}"));
    let me = scene.ok("build_user_context", json!({})).await;
    assert_eq!(resolved["resolved_by"], me["name"], "{resolved}");
    assert!(resolved["lasted"].is_string() && report["happened"]["resolved"].as_u64() > Some(0), "{report}");
}

#[tokio::test]
async fn acknowledged_incident_returns_when_its_time_is_over() {
    let scene = Scene::start().await;
    let report = scene.ok("get_handoff", json!({})).await;
    let mut expected = Vec::new();
    for one in rows(&report, "open").iter().filter(|one| one["status"] == "triggered") {
        scene.ok("acknowledge_incident", json!({"incident_id": one["id"]})).await;
        let whole = json!({"incident_id": one["id"], "include": ["pending_actions"]});
        let whole = scene.ok("get_incidents", whole).await;
        let actions = whole["incidents"][0]["pending_actions"].as_array().unwrap();
        expected.extend(actions.iter().any(|action| action["type"] == "unacknowledge").then(|| one["id"].clone()));
    }
    assert!(!expected.is_empty(), "{report}");
    let report = scene.ok("get_handoff", json!({})).await;
    for id in &expected {
        assert!(values(&report, "returns", "id").contains(&id), "{id}: {report}");
    }
    for at in values(&report, "returns", "pages_again_at") {
        assert!(at.as_str().unwrap().parse::<jiff::Timestamp>().unwrap() > jiff::Timestamp::now(), "{report}");
    }
}

#[tokio::test]
async fn failing_part_is_a_warning() {
    for (path, what) in [
        ("/escalation_policies", "The schedules could not be read"),
        ("/incidents", "incidents could not be read"),
        ("/services", "The services could not be read"),
        ("/incidents/{id}/notes", "Some notes could not be read"),
    ] {
        let scene = Scene::start().await;
        scene.ok("get_teams", json!({})).await;
        let broken = FaultKind::Status { code: 403, headers: [].into(), body: None };
        scene.account.sandbox.fail(Fault { times: 99, ..Fault::once(path, broken) });
        let report = scene.ok("get_handoff", json!({})).await;
        let warnings = report["warnings"].to_string();
        assert!(warnings.contains(what), "{path}: {report}");
        let other = if path == "/incidents" { "handovers" } else { "open" };
        assert!(report[other].is_array(), "{path}: {report}");
    }
}

#[tokio::test]
async fn requests_without_response_hold_nothing_else_back() {
    let scene = Scene::start().await;
    let report = scene.ok("get_handoff", json!({})).await;
    let (note, schedule) = (&report["open"][0]["id"], &report["handovers"][0]["schedule"]["id"]);
    for path in
        [format!("/incidents/{}/notes", note.as_str().unwrap()), format!("/schedules/{}", schedule.as_str().unwrap())]
    {
        scene.account.sandbox.fail(Fault { times: 9, ..Fault::once(path, FaultKind::Hang) });
    }
    let began = std::time::Instant::now();
    let late = scene.ok("get_handoff", json!({})).await;
    assert!(began.elapsed() < std::time::Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!(rows(&late, "open").len(), rows(&report, "open").len());
    assert_eq!(rows(&late, "handovers").len() + 1, rows(&report, "handovers").len(), "{late}");
    assert!(late["warnings"].to_string().contains(schedule.as_str().unwrap()), "{late}");
}

#[tokio::test]
async fn account_level_key_needs_teams_or_schedules() {
    let account = Account::of(tokens::ACCOUNT).await;
    let tools = all_tools(&account, |config| {
        *config = crate::support::config(tokens::ACCOUNT);
        config.host = pagerduty_mcp_server::config::Host::parse(account.sandbox.url()).unwrap();
        config.max_response_tokens = None;
    });
    assert_eq!(err(&tools, "get_handoff", json!({})).await.code(), Code::NoUserContext);
    let schedules = ok(&tools, "get_schedules", json!({"limit": 1})).await;
    let id = schedules["schedules"][0]["id"].clone();
    let report = ok(&tools, "get_handoff", json!({"schedule_ids": [id], "time_zone": "Asia/Kolkata"})).await;
    assert_eq!((report["handovers"].as_array().unwrap().len(), &report["time_zone"]), (1, &json!("Asia/Kolkata")));
    assert!(report["since"].as_str().unwrap().ends_with("+05:30"), "{report}");
    assert!(!rows(&report, "open").is_empty(), "the incidents are those of the schedule's team: {report}");
}

#[tokio::test]
async fn report_stays_within_its_budget() {
    let account = Account::start().await;
    let tools = all_tools(&account, |config| config.max_response_tokens = Some(800));
    let report = ok(&tools, "get_handoff", json!({})).await;
    assert!(report["handovers"].is_array(), "the most telling part comes first: {report}");
    assert!(report["warnings"].to_string().contains("The answer is full"), "{report}");
    assert!(crate::support::tokens_of(&report.to_string()) < 1_400, "{report}");
}

#[tokio::test]
async fn handoff_of_a_schedule_reports_its_teams_incidents() {
    let scene = Scene::start().await;
    let schedule = scene.ok("get_schedules", json!({"schedule_id": "Legacy Batch Primary"})).await;
    let report = scene.ok("get_handoff", json!({"schedule_ids": ["Legacy Batch Primary"]})).await;
    assert_eq!(rows(&report, "handovers").len(), 1, "{report}");
    let team = schedule["schedules"][0]["teams"][0]["id"].clone();
    let arguments = json!({"current_user_context": false, "team_ids": [team], "include": ["id"]});
    let theirs = scene.ok("get_incidents", arguments).await;
    let theirs = values(&theirs, "incidents", "id");
    for id in [values(&report, "open", "id"), values(&report, "resolved", "id")].concat() {
        assert!(theirs.contains(&id), "{id} is of another team: {report}");
    }
}

#[tokio::test]
async fn unread_incidents_are_not_counted() {
    let scene = Scene::start().await;
    let refused = FaultKind::Status { code: 403, headers: [].into(), body: None };
    scene.account.sandbox.fail(Fault { times: 9, ..Fault::once("/incidents", refused) });
    let report = scene.ok("get_handoff", json!({})).await;
    assert!(report["happened"].is_null() && report["open"].is_null(), "{report}");
    assert!(report["warnings"].to_string().contains("could not be read"), "{report}");
}
