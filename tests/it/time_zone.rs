//! Tests of tools whose times are in the zone of the user, if that zone cannot be read.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use pagerduty_api::operations::users::GET_CURRENT_USER;
use pagerduty_mcp_server::error::Code;
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

/// Returns whether the tool has times in the zone of the user, and answers without the current user.
async fn checked(tool: &Tool) -> Option<bool> {
    let account = Account::start().await;
    let (mut has_zone, mut answers) = (false, false);
    for call in calls(&account, tool).await {
        account.sandbox.clear();
        let ask = || async {
            toolbox_with(&account, tool)
                .call(tool.name, call.clone())
                .await
                .map(pagerduty_mcp_server::reply::Reply::into_value)
        };
        let whole = ask().await.unwrap_or_default();
        if zone(&whole).0.is_none() {
            continue;
        }
        has_zone = true;
        break_user(&account, FaultKind::Status { code: 403, headers: [].into(), body: None });
        // The tool may need the user for more than the time zone.
        let Ok(refused) = ask().await else { continue };
        answers = true;
        account.sandbox.clear();
        break_user(&account, FaultKind::Hang);
        let began = Instant::now();
        let hanging = ask().await.unwrap_or_else(|error| panic!("{} {call:?}: {error}", tool.name));
        assert!(began.elapsed() < Duration::from_secs(12), "{} {call:?}: {:?}", tool.name, began.elapsed());
        for (answer, reason) in [(refused, "PERMISSION_DENIED"), (hanging, "no response")] {
            let (zone, warnings) = zone(&answer);
            assert_eq!(zone, Some("UTC"), "{} {call:?}: {answer}", tool.name);
            assert!(
                warnings.contains("times are in UTC") && warnings.contains(reason),
                "{} {call:?}: {answer}",
                tool.name
            );
        }
    }
    has_zone.then_some(answers)
}

#[tokio::test]
async fn unreadable_time_zone_holds_no_tool_and_is_reported() {
    let reads_user = |tool: &&Tool| tool.operations.iter().any(|operation| operation.id == GET_CURRENT_USER.id);
    let tools: Vec<_> = all().filter(reads_user).filter(|tool| tool.is_read_only()).collect();
    let outcomes = join_all(tools.iter().map(|tool| checked(tool))).await;
    let local: BTreeSet<_> =
        tools.iter().zip(outcomes).filter_map(|(tool, answers)| Some((tool.name, answers?))).collect();
    assert!(local.iter().all(|(_, answers)| *answers), "{local:?}");
    for name in ["whos_oncall", "get_shifts", "check_coverage", "get_handoff", "get_incident_brief", "explain_page"] {
        assert!(local.contains(&(name, true)), "{name}: {local:?}");
    }
    assert!(local.len() >= 14, "{local:?}");
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
