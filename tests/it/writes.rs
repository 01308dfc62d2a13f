//! Tests of the three tools that write: their changes, and the author of each change.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use pagerduty_mcp_server::config::Config;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, tokens};
use pagerduty_mcp_server::tools::Toolbox;
use serde_json::{Value, json};

use crate::support::{self, Account, err, object, ok, rows, toolbox, warnings};

async fn open_incident(account: &Account) -> Value {
    let arguments = json!({"statuses": ["triggered"], "limit": 1});
    account.ok("get_incidents", arguments).await["incidents"][0].clone()
}

/// Returns the `From` addresses of the writes so far.
fn authors(account: &Account) -> Vec<Option<String>> {
    account
        .sandbox
        .requests()
        .into_iter()
        .filter(|request| request.method != "GET")
        .map(|request| request.from)
        .collect()
}

#[tokio::test]
async fn incident_is_acknowledged_then_resolved() {
    let account = Account::start().await;
    let incident = open_incident(&account).await;
    let argument = json!({"incident_id": incident["id"]});
    for (tool, status) in [("acknowledge_incident", "acknowledged"), ("resolve_incident", "resolved")] {
        let answer = account.ok(tool, argument.clone()).await;
        assert_eq!(answer["metadata"]["description"], "Found 1 result for resource type incidents");
        assert_eq!(
            (&answer["incidents"][0]["id"], &answer["incidents"][0]["status"]),
            (&incident["id"], &json!(status))
        );
        let seen = account.ok("get_incidents", argument.clone()).await;
        assert_eq!(seen["incidents"][0]["status"], status, "the next call shows the change");
    }
    for tool in ["resolve_incident", "acknowledge_incident"] {
        assert_eq!(account.err(tool, argument.clone()).await.code(), Code::AlreadyResolved, "{tool}");
    }
}

#[tokio::test]
async fn acknowledging_twice_equals_once() {
    let account = Account::start().await;
    let argument = json!({"incident_id": open_incident(&account).await["id"], "include": ["status"]});
    let first = account.ok("acknowledge_incident", argument.clone()).await;
    assert_eq!(account.ok("acknowledge_incident", argument).await, first);
}

#[tokio::test]
async fn writes_accept_incident_number() {
    let account = Account::start().await;
    let incident = open_incident(&account).await;
    let number = incident["incident_number"].clone();
    account.ok("add_incident_note", json!({"incident_id": number, "content": "by number"})).await;
    let answer = account.ok("acknowledge_incident", json!({"incident_id": number, "include": ["id", "status"]})).await;
    assert_eq!(answer["incidents"][0], json!({"id": incident["id"], "status": "acknowledged"}));
}

#[tokio::test]
async fn note_content_is_stored_unchanged() {
    let account = Account::start().await;
    let id = open_incident(&account).await["id"].clone();
    let content = "  Rolled back.\n\nSee \"graph\" \u{1f4c8} ";
    let answer = account.ok("add_incident_note", json!({"incident_id": id, "content": content})).await;
    let note = rows(&answer, "notes")[0].clone();
    assert_eq!(note["content"], content);
    assert!(note["user"]["name"].is_string());
    let incident = account.ok("get_incidents", json!({"incident_id": id, "include_notes": true})).await;
    assert!(rows(&incident["incidents"][0], "notes").contains(&note));
}

#[tokio::test]
async fn writes_use_current_or_configured_author() {
    let account = Account::start().await;
    let me = account.ok("build_user_context", json!({})).await;
    let id = open_incident(&account).await["id"].clone();
    account.sandbox.clear();
    account.ok("acknowledge_incident", json!({"incident_id": id})).await;
    assert_eq!(authors(&account), [Some(me["email"].as_str().unwrap().to_owned())]);

    let colleague = account.ok("get_users", json!({})).await["users"][0]["email"].as_str().unwrap().to_owned();
    let email = colleague.clone();
    let key = Account::with(tokens::ACCOUNT, Options::default(), |config| config.user_email = Some(email)).await;
    key.ok("resolve_incident", json!({"incident_id": id})).await;
    assert_eq!(authors(&key), [Some(colleague)]);
    assert!(key.sandbox.requests().iter().all(|request| request.path != "/users/me"), "no user lookup is needed");
}

#[tokio::test]
async fn writes_with_account_level_key_need_author() {
    let account = Account::of(tokens::ACCOUNT).await;
    let error = account.err("resolve_incident", json!({"incident_id": "Q1"})).await;
    assert_eq!(error.code(), Code::NoUserContext);
    assert!(error.hint_text().unwrap().contains("PAGERDUTY_USER_EMAIL"));
    assert!(authors(&account).is_empty(), "nothing was written");
}

#[tokio::test]
async fn configured_author_is_not_used_for_own_credentials() {
    let configured = |config: &mut Config| config.user_email = Some("robot@example.com".to_owned());
    let account = Account::with(tokens::USER, Options::default(), configured).await;
    let id = open_incident(&account).await["id"].clone();
    let me = account.ok("build_user_context", json!({})).await;
    let note = |token: &str| {
        let arguments = object(json!({"incident_id": id, "content": "seen"}));
        let (toolbox, origin) = (Arc::clone(&account.toolbox), support::origin(token));
        async move { toolbox.call_from(&origin, "add_incident_note", arguments).await }
    };
    account.sandbox.clear();
    note(tokens::USER).await.unwrap();
    assert_eq!(authors(&account), [Some(me["email"].as_str().unwrap().to_owned())]);

    let error = note(tokens::ACCOUNT).await.unwrap_err();
    assert_eq!(error.code(), Code::NoUserContext);
    assert!(!error.hint_text().unwrap().contains("PAGERDUTY_USER_EMAIL"), "callers cannot set the author");
    assert_eq!(authors(&account).len(), 1, "no second note was written");
}

#[tokio::test]
async fn write_without_users_scope_sends_no_author() {
    let account = Account::start().await;
    let id = open_incident(&account).await["id"].clone();
    let account = account.cold();
    account.sandbox.clear();
    account.sandbox.fail(Fault::once("/users/me", FaultKind::Status { code: 403, headers: [].into(), body: None }));
    account.ok("acknowledge_incident", json!({"incident_id": id})).await;
    assert_eq!(authors(&account), [None]);
}

#[tokio::test]
async fn failed_author_lookup_is_not_unknown_author() {
    let account = Account::start().await;
    let id = open_incident(&account).await["id"].clone();
    let account = account.cold();
    account.sandbox.clear();
    let broken = FaultKind::Status { code: 503, headers: [].into(), body: None };
    account.sandbox.fail(Fault { times: 99, ..Fault::once("/users/me", broken) });
    let error = account.err("build_user_context", json!({})).await;
    assert_eq!((error.code(), error.http_status()), (Code::ApiError, Some(503)), "{error}");
    // A user's key already identifies the author.
    account.ok("acknowledge_incident", json!({"incident_id": id})).await;
    assert_eq!(authors(&account), [None]);
}

#[tokio::test]
async fn resolution_by_other_user_after_rate_limit_is_reported() {
    let account = Account::start().await;
    let id = open_incident(&account).await["id"].clone();
    account.ok("resolve_incident", json!({"incident_id": id})).await;
    let limited = FaultKind::Status { code: 429, headers: [].into(), body: None };
    account.sandbox.fail(Fault { method: Some("PUT".into()), ..Fault::once("/incidents/{id}", limited) });
    assert_eq!(account.err("resolve_incident", json!({"incident_id": id})).await.code(), Code::AlreadyResolved);
}

#[tokio::test]
async fn fields_missing_from_change_are_named() {
    let account = Account::start().await;
    let id = open_incident(&account).await["id"].clone();
    let answer =
        account.ok("acknowledge_incident", json!({"incident_id": id, "include": ["status", "body_details"]})).await;
    assert_eq!(answer["incidents"][0], json!({"status": "acknowledged"}));
    assert!(crate::support::warnings(&answer).contains("body_details"), "{answer}");
}

#[tokio::test]
async fn read_only_token_changes_nothing() {
    let account = Account::of(tokens::READ_ONLY).await;
    let list = account.ok("get_incidents", json!({"statuses": ["triggered", "acknowledged"]})).await;
    let id = list["incidents"][0]["id"].clone();
    for (tool, arguments) in [
        ("acknowledge_incident", json!({"incident_id": id})),
        ("resolve_incident", json!({"incident_id": id})),
        ("add_incident_note", json!({"incident_id": id, "content": "x"})),
    ] {
        assert_eq!(account.err(tool, arguments).await.code(), Code::PermissionDenied, "{tool}");
    }
}

/// Returns a new server with an empty cache of users.
fn cold(account: &Account) -> Arc<Toolbox> {
    toolbox(&account.sandbox, tokens::USER, |config| config.backoff = Duration::from_millis(5))
}

/// Returns the tools of another user of the account, and that user.
async fn colleague(account: &Account) -> (Arc<Toolbox>, Value) {
    let me = account.ok("build_user_context", json!({})).await;
    let users = account.ok("get_users", json!({})).await;
    let other = rows(&users, "users").iter().find(|user| user["id"] != me["user_id"]).unwrap().clone();
    let email = other["email"].as_str().unwrap().to_owned();
    let toolbox = toolbox(&account.sandbox, tokens::ACCOUNT, |config| {
        config.user_email = Some(email);
        config.backoff = Duration::from_millis(5);
    });
    (toolbox, other)
}

fn always(method: &str, path: &str, kind: FaultKind) -> Fault {
    Fault { method: Some(method.to_owned()), times: u32::MAX, ..Fault::once(path, kind) }
}

fn status(code: u16) -> FaultKind {
    FaultKind::Status { code, headers: [].into(), body: None }
}

#[tokio::test]
async fn acknowledgement_by_other_user_is_not_claimed() {
    let account = Account::start().await;
    let (theirs, other) = colleague(&account).await;
    let arguments = json!({"incident_id": open_incident(&account).await["id"]});
    ok(&theirs, "acknowledge_incident", arguments.clone()).await;
    for kind in [status(500), FaultKind::Reset] {
        account.sandbox.clear();
        account.sandbox.fail(always("PUT", "/incidents/{id}", kind));
        let error = err(&cold(&account), "acknowledge_incident", arguments.clone()).await;
        assert_eq!(error.code(), Code::OutcomeUnknown, "{error}");
        assert!(error.message().contains(other["name"].as_str().unwrap()), "{error}");
    }
    // After the same failure, the status turns out to be set by the caller.
    account.sandbox.clear();
    account.sandbox.fail(always("PUT", "/incidents/{id}", FaultKind::Replaced(500)));
    let answer = ok(&cold(&account), "acknowledge_incident", arguments.clone()).await;
    assert_eq!((&answer["incidents"][0]["status"], warnings(&answer)), (&json!("acknowledged"), String::new()));
}

#[tokio::test]
async fn earlier_acknowledgement_by_same_user_is_reported() {
    let account = Account::start().await;
    let arguments = json!({"incident_id": open_incident(&account).await["id"]});
    account.ok("acknowledge_incident", arguments.clone()).await;
    // The time difference exceeds the tolerance for PagerDuty's clocks.
    let ahead =
        (jiff::Timestamp::now() + SignedDuration::from_mins(5)).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    account.sandbox.fail(always("GET", "*", FaultKind::Headers([("date".to_owned(), ahead.clone())].into())));
    let headers = [("date".to_owned(), ahead)].into();
    account.sandbox.fail(always("PUT", "/incidents/{id}", FaultKind::Status { code: 500, headers, body: None }));
    let answer = ok(&cold(&account), "acknowledge_incident", arguments).await;
    assert!(warnings(&answer).contains("PagerDuty did not confirm"), "{answer}");
}

#[tokio::test]
async fn resolution_by_other_user_is_not_claimed() {
    let account = Account::start().await;
    let (theirs, other) = colleague(&account).await;
    let arguments = json!({"incident_id": open_incident(&account).await["id"]});
    ok(&theirs, "resolve_incident", arguments.clone()).await;
    account.sandbox.fail(always("PUT", "/incidents/{id}", status(500)));
    let error = err(&cold(&account), "resolve_incident", arguments).await;
    assert_eq!(error.code(), Code::AlreadyResolved, "{error}");
    assert!(error.message().contains(other["name"].as_str().unwrap()), "{error}");
}

#[tokio::test]
async fn lost_change_by_configured_author_is_found() {
    let account = Account::start().await;
    let (theirs, _) = colleague(&account).await;
    let id = open_incident(&account).await["id"].clone();
    for (tool, method, path, arguments) in [
        ("acknowledge_incident", "PUT", "/incidents/{id}", json!({"incident_id": id})),
        ("add_incident_note", "POST", "/incidents/{id}/notes", json!({"incident_id": id, "content": "seen"})),
        ("resolve_incident", "PUT", "/incidents/{id}", json!({"incident_id": id})),
    ] {
        account.sandbox.fail(always(method, path, FaultKind::LostResponse));
        assert_eq!(warnings(&ok(&theirs, tool, arguments).await), "", "{tool}");
        account.sandbox.clear();
    }
}

#[tokio::test]
async fn change_by_unknown_author_is_outcome_unknown() {
    let account = Account::start().await;
    let arguments = json!({"incident_id": open_incident(&account).await["id"]});
    account.sandbox.fail(always("GET", "/users/me", status(503)));
    account.sandbox.fail(always("PUT", "/incidents/{id}", FaultKind::LostResponse));
    let error = err(&cold(&account), "acknowledge_incident", arguments).await;
    assert_eq!(error.code(), Code::OutcomeUnknown, "{error}");
    assert!(error.message().contains("the user who did it cannot be determined"), "{error}");
}

#[tokio::test]
async fn change_does_not_wait_for_author_lookup() {
    let limit = [("ratelimit-limit", "960"), ("ratelimit-remaining", "0"), ("ratelimit-reset", "60")];
    let spent = limit.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let refused =
        FaultKind::Status { code: 429, headers: [("ratelimit-reset".into(), "45".into())].into(), body: None };
    for (what, kind) in [
        ("the rate limit is used up", None),
        ("refused for now", Some(refused)),
        ("unavailable", Some(status(503))),
        ("gone", Some(status(404))),
        ("no answer", Some(FaultKind::Hang)),
    ] {
        let account = Account::start().await;
        let incident = open_incident(&account).await;
        let server = cold(&account);
        account.sandbox.clear();
        if let Some(kind) = kind {
            account.sandbox.fail(always("GET", "/users/me", kind));
        } else {
            account.sandbox.fail(Fault::once("/teams", FaultKind::Headers(spent.clone().into())));
            ok(&server, "get_teams", json!({})).await;
        }
        let began = std::time::Instant::now();
        // The incident is given by number, so it has to be read first.
        let arguments = json!({"incident_id": incident["incident_number"], "include": ["status"]});
        let answer = ok(&server, "acknowledge_incident", arguments).await;
        assert_eq!(answer["incidents"][0]["status"], "acknowledged", "{what}");
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn verification_of_change_is_not_delayed() {
    let account = Account::start().await;
    let server = cold(&account);
    ok(&server, "build_user_context", json!({})).await;
    let limit = [("ratelimit-limit", "960"), ("ratelimit-remaining", "0"), ("ratelimit-reset", "60")];
    let spent: std::collections::BTreeMap<_, _> = limit.map(|(name, value)| (name.into(), value.into())).into();
    let id = open_incident(&account).await["id"].clone();
    account.sandbox.fail(Fault::once("/teams", FaultKind::Headers(spent)));
    ok(&server, "get_teams", json!({})).await;
    account.sandbox.fail(always("POST", "/incidents/{id}/notes", FaultKind::LostResponse));
    ok(&server, "add_incident_note", json!({"incident_id": id, "content": "on it"})).await;
}
