//! Tests of the current user's context: it is fetched once, cached for a minute, and never shared between users.

use std::sync::Arc;

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};
use serde_json::{Map, Value, json};

use crate::support::{Account, object, origin};

/// Returns the requests of one successful call, without their queries.
async fn paths(account: &Account, tool: &str, arguments: Value) -> Vec<String> {
    let requests = account.requests_of(tool, arguments).await;
    requests.iter().map(|request| request.split('?').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn context_requests_only_what_tool_needs_once() {
    let mut account = Account::start().await;
    for (tool, cold) in [
        ("get_teams", &["GET /teams"][..]),
        ("get_schedules", &["GET /schedules", "GET /v3/schedules"]),
        ("get_services", &["GET /users/me", "GET /services"]),
        ("get_users", &["GET /users/me", "GET /users"]),
        ("get_escalation_policies", &["GET /users/me", "GET /escalation_policies"]),
        ("get_incidents", &["GET /users/me", "GET /services", "GET /incidents"]),
        ("get_oncalls", &["GET /users/me", "GET /escalation_policies", "GET /escalation_policies", "GET /oncalls"]),
    ] {
        account = account.cold();
        assert_eq!(paths(&account, tool, json!({"limit": 10})).await, cold, "{tool}");
        let warm = if tool == "get_schedules" { cold } else { &cold[cold.len() - 1..] };
        assert_eq!(paths(&account, tool, json!({"limit": 10})).await, warm, "{tool} once more");
    }
}

#[tokio::test]
async fn build_user_context_refetches_and_fills_cache() {
    let account = Account::start().await;
    for _ in 0..2 {
        let mut asked = paths(&account, "build_user_context", json!({})).await;
        asked.sort();
        assert_eq!(asked, ["GET /escalation_policies", "GET /services", "GET /users/me"]);
    }
    assert_eq!(paths(&account, "get_incidents", json!({"limit": 10})).await, ["GET /incidents"]);
}

#[tokio::test]
async fn write_with_known_author_is_one_request() {
    let account = Account::start().await;
    let id =
        account.ok("get_incidents", json!({"limit": 1, "statuses": ["triggered"]})).await["incidents"][0]["id"].clone();
    let note = paths(&account, "add_incident_note", json!({"incident_id": id, "content": "on it"})).await;
    assert_eq!(note, [format!("POST /incidents/{}/notes", id.as_str().unwrap())]);
    for tool in ["acknowledge_incident", "resolve_incident"] {
        let change = paths(&account, tool, json!({"incident_id": id})).await;
        assert_eq!(change, [format!("PUT /incidents/{}", id.as_str().unwrap())], "{tool}");
    }
    let authors: Vec<_> = account.sandbox.requests().into_iter().map(|request| request.from).collect();
    assert!(authors.iter().all(Option::is_some), "the author is the user: {authors:?}");
}

#[tokio::test]
async fn concurrent_calls_fetch_context_once() {
    let account = Account::start().await;
    account.sandbox.clear();
    let calls = (0..20).map(|_| account.ok("get_incidents", json!({"limit": 1})));
    futures_util::future::join_all(calls).await;
    let asked = |path: &str| account.sandbox.requests().iter().filter(|request| request.path == path).count();
    assert_eq!((asked("/users/me"), asked("/services"), asked("/incidents")), (1, 1, 20));
}

#[tokio::test]
async fn failed_context_is_not_cached() {
    let account = Account::start().await;
    account.sandbox.fail(Fault::once("/users/me", FaultKind::Status { code: 403, headers: [].into(), body: None }));
    assert_eq!(account.err("get_incidents", json!({})).await.code(), Code::PermissionDenied);
    account.ok("get_incidents", json!({"limit": 1})).await;
}

#[tokio::test]
async fn refused_credential_clears_its_cache() {
    let account = Account::start().await;
    account.ok("get_incidents", json!({"limit": 1})).await;
    account.sandbox.fail(Fault::once("/teams", FaultKind::Status { code: 401, headers: [].into(), body: None }));
    assert_eq!(account.err("get_teams", json!({})).await.code(), Code::AuthenticationFailed);
    let asked = paths(&account, "get_incidents", json!({"limit": 1})).await;
    assert_eq!(asked, ["GET /users/me", "GET /services", "GET /incidents"]);
}

#[tokio::test]
async fn context_is_not_shared_between_users() {
    let account = Account::start().await;
    let mine = account.ok("get_oncalls", json!({"limit": 5})).await;
    let teamless = origin(tokens::TEAMLESS);
    account.sandbox.clear();
    let toolbox = Arc::clone(&account.toolbox);
    toolbox.call_from(&teamless, "get_oncalls", object(json!({"limit": 5}))).await.unwrap();
    let requests = account.sandbox.requests();
    assert_eq!(requests[0].path, "/users/me", "the cached user of the other credential is not used");
    assert!(requests.last().unwrap().query.contains("user_ids"), "a user without teams gets their own shifts");
    assert_eq!(account.ok("get_oncalls", json!({"limit": 5})).await, mine);
    let error = toolbox.call_from(&origin("u+nobody"), "get_oncalls", Map::new()).await.unwrap_err();
    assert_eq!(error.code(), Code::AuthenticationFailed);
}

#[tokio::test]
async fn context_of_many_services_reads_one_page() {
    let account = Account::start().await;
    let page: Vec<_> = (0..100).map(|number| json!({"id": format!("PS{number}")})).collect();
    let kind = FaultKind::WrongJson(json!({"services": page, "more": true}));
    account.sandbox.clear();
    account.sandbox.fail(Fault { times: 9, ..Fault::once("/services", kind) });
    account.ok("get_incidents", json!({"limit": 1})).await;
    let asked: Vec<_> = account.sandbox.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(asked, ["/users/me", "/services", "/incidents"]);
}
