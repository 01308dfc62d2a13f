//! Tests of tools whose times are in the zone of the user, if that zone cannot be read.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use pagerduty_api::operations::users::GET_CURRENT_USER;
use pagerduty_mcp_server::error::{Code, Error};
use pagerduty_mcp_server::reply::Reply;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind};
use pagerduty_mcp_server::tools::{Tool, all};
use serde_json::{Map, Value, json};

use crate::overrides::all_tools;
use crate::support::{Account, err, ok};
use crate::tool_operations::{arguments, toolbox_with};

/// Makes all requests for the current user fail.
fn break_user(account: &Account, kind: FaultKind) {
    account.sandbox.fail(Fault { times: 99, ..Fault::once("/users/me", kind) });
}

/// Returns the calls of a tool, also one with a team, which needs no current user.
async fn calls(account: &Account, tool: &Tool) -> Vec<Map<String, Value>> {
    let mut calls = arguments(account, tool).await;
    if tool.waits.is_none() && tool.params.iter().any(|parameter| parameter.name == "team_ids") {
        let teams = ok(&all_tools(account, |_| {}), "get_teams", json!({"limit": 1})).await;
        calls.push(json!({"team_ids": [teams["teams"][0]["id"]]}).as_object().unwrap().clone());
    }
    calls
}

/// Returns the time zone of an answer, and its warnings.
fn zone(answer: &Value) -> (Option<&str>, String) {
    let member = |name: &str| answer["metadata"].get(name).or(answer.get(name)).cloned().unwrap_or_default();
    let zone = answer["metadata"].get("time_zone").or(answer.get("time_zone")).and_then(Value::as_str);
    (zone, member("warnings").to_string())
}

/// Checks the zone and the warning of an answer.
fn check(name: &str, call: &Map<String, Value>, answer: &Value, reason: &str) {
    let (zone, warnings) = zone(answer);
    assert_eq!(zone, Some("UTC"), "{name} {call:?}: {answer}");
    assert!(warnings.contains("times are in UTC") && warnings.contains(reason), "{name} {call:?}: {answer}");
}

async fn ask(account: &Account, tool: &Tool, call: &Map<String, Value>) -> Result<Value, Error> {
    toolbox_with(account, tool).call(tool.name, call.clone()).await.map(Reply::into_value)
}

/// Returns the calls of a tool whose answers have times in the zone of the user and need no current user, if there are such
/// times at all.
async fn local_calls(account: &Account, tool: &Tool) -> Option<Vec<Map<String, Value>>> {
    let (mut has_zone, mut found) = (false, Vec::new());
    for call in calls(account, tool).await {
        account.sandbox.clear();
        if zone(&ask(account, tool, &call).await.unwrap_or_default()).0.is_none() {
            continue;
        }
        has_zone = true;
        break_user(account, FaultKind::Status { code: 403, headers: [].into(), body: None });
        // The tool may need the user for more than the time zone.
        if let Ok(refused) = ask(account, tool, &call).await {
            check(tool.name, &call, &refused, "PERMISSION_DENIED");
            found.push(call);
        }
    }
    has_zone.then_some(found)
}

#[tokio::test]
async fn unreadable_time_zone_holds_no_tool_and_is_reported() {
    let reads_user = |tool: &&Tool| tool.operations.iter().any(|operation| operation.id == GET_CURRENT_USER.id);
    let mut local = Vec::new();
    for tool in all().filter(reads_user).filter(|tool| tool.is_read_only()) {
        let account = Account::start().await;
        if let Some(calls) = local_calls(&account, tool).await {
            assert!(!calls.is_empty(), "{} needs the current user", tool.name);
            local.push((tool, account, calls));
        }
    }
    let names: Vec<_> = local.iter().map(|(tool, ..)| tool.name).collect();
    for name in ["whos_oncall", "get_shifts", "check_coverage", "get_handoff", "get_incident_brief", "explain_page"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    assert!(names.len() >= 14, "{names:?}");
    let hang = async |tool: &Tool, account: &Account, call: &Map<String, Value>| {
        let began = Instant::now();
        let answer = ask(account, tool, call).await.unwrap_or_else(|error| panic!("{} {call:?}: {error}", tool.name));
        assert!(began.elapsed() < Duration::from_secs(25), "{} {call:?}: {:?}", tool.name, began.elapsed());
        check(tool.name, call, &answer, "no response");
    };
    for (_, account, _) in &local {
        account.sandbox.clear();
        break_user(account, FaultKind::Hang);
    }
    let calls = local.iter().flat_map(|(tool, account, calls)| calls.iter().map(move |call| (*tool, account, call)));
    join_all(calls.map(|(tool, account, call)| hang(tool, account, call))).await;
}

#[tokio::test]
async fn local_time_of_an_unreadable_zone_is_refused() {
    let account = Account::start().await;
    let tools = all_tools(&account, |_| {});
    break_user(&account, FaultKind::Status { code: 403, headers: [].into(), body: None });
    for (tool, call) in [
        ("whos_oncall", json!({"at": "2026-12-24T08:00"})),
        ("snooze_incident", json!({"incident_id": "Q1ABC", "until": "2026-12-24T08:00"})),
    ] {
        let error = err(&tools, tool, call).await;
        assert_eq!(error.code(), Code::PermissionDenied, "{error}");
        assert!(error.hint_text().unwrap().contains("offset"), "{error:?}");
    }
}
