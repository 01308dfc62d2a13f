//! The three tools that act: what they change, and in whose name.

use std::sync::Arc;

use pagerduty_mcp_server::auth::Origin;
use pagerduty_mcp_server::config::Config;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, tokens};
use serde_json::{Value, json};

use crate::support::{Account, object, rows};

async fn open_incident(account: &Account) -> Value {
    let arguments = json!({"statuses": ["triggered"], "limit": 1});
    account.ok("get_incidents", arguments).await["incidents"][0].clone()
}

/// The `From` addresses of the writes so far.
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
async fn an_incident_is_acknowledged_then_resolved_and_stays_so() {
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
        assert_eq!(seen["incidents"][0]["status"], status, "the next call sees it");
    }
    for tool in ["resolve_incident", "acknowledge_incident"] {
        assert_eq!(account.err(tool, argument.clone()).await.code(), Code::AlreadyResolved, "{tool}");
    }
}

#[tokio::test]
async fn acknowledging_twice_is_the_same_as_once() {
    let account = Account::start().await;
    let argument = json!({"incident_id": open_incident(&account).await["id"], "include": ["status"]});
    let first = account.ok("acknowledge_incident", argument.clone()).await;
    assert_eq!(account.ok("acknowledge_incident", argument).await, first);
}

#[tokio::test]
async fn an_incident_can_be_named_by_its_number() {
    let account = Account::start().await;
    let incident = open_incident(&account).await;
    let number = incident["incident_number"].clone();
    account.ok("add_incident_note", json!({"incident_id": number, "content": "by number"})).await;
    let answer = account.ok("acknowledge_incident", json!({"incident_id": number, "include": ["id", "status"]})).await;
    assert_eq!(answer["incidents"][0], json!({"id": incident["id"], "status": "acknowledged"}));
}

#[tokio::test]
async fn a_note_is_kept_as_it_is_written() {
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
async fn writes_are_made_in_the_name_of_the_current_user_or_the_configured_one() {
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
    assert!(key.sandbox.requests().iter().all(|request| request.path != "/users/me"), "nobody had to be asked");
}

#[tokio::test]
async fn an_account_level_key_needs_an_author() {
    let account = Account::of(tokens::ACCOUNT).await;
    let error = account.err("resolve_incident", json!({"incident_id": "Q1"})).await;
    assert_eq!(error.code(), Code::NoUserContext);
    assert!(error.hint_text().unwrap().contains("PAGERDUTY_USER_EMAIL"));
    assert!(authors(&account).is_empty(), "nothing was written");
}

#[tokio::test]
async fn the_configured_author_is_not_that_of_callers_with_a_credential_of_their_own() {
    let configured = |config: &mut Config| config.user_email = Some("robot@example.com".to_owned());
    let account = Account::with(tokens::USER, Options::default(), configured).await;
    let id = open_incident(&account).await["id"].clone();
    let me = account.ok("build_user_context", json!({})).await;
    let note = |token: &str| {
        let arguments = object(json!({"incident_id": id, "content": "seen"}));
        let (toolbox, origin) = (Arc::clone(&account.toolbox), Origin::Http(Some(token.into())));
        async move { toolbox.call_from(&origin, "add_incident_note", arguments).await }
    };
    account.sandbox.clear();
    note(tokens::USER).await.unwrap();
    assert_eq!(authors(&account), [Some(me["email"].as_str().unwrap().to_owned())]);

    let error = note(tokens::ACCOUNT).await.unwrap_err();
    assert_eq!(error.code(), Code::NoUserContext);
    assert!(!error.hint_text().unwrap().contains("PAGERDUTY_USER_EMAIL"), "that is not theirs to set");
    assert_eq!(authors(&account).len(), 1, "nothing more was written");
}

#[tokio::test]
async fn a_token_that_may_not_read_users_writes_without_naming_the_author() {
    let account = Account::start().await;
    let id = open_incident(&account).await["id"].clone();
    let account = account.cold();
    account.sandbox.clear();
    account.sandbox.fail(Fault::once("/users/me", FaultKind::Status { code: 403, headers: [].into(), body: None }));
    account.ok("acknowledge_incident", json!({"incident_id": id})).await;
    assert_eq!(authors(&account), [None]);
}

#[tokio::test]
async fn an_author_who_cannot_be_asked_for_is_not_one_who_does_not_exist() {
    let account = Account::start().await;
    let id = open_incident(&account).await["id"].clone();
    let account = account.cold();
    account.sandbox.clear();
    let broken = FaultKind::Status { code: 503, headers: [].into(), body: None };
    account.sandbox.fail(Fault { times: 99, ..Fault::once("/users/me", broken) });
    for (tool, arguments) in [("acknowledge_incident", json!({"incident_id": id})), ("build_user_context", json!({}))] {
        let error = account.err(tool, arguments).await;
        assert_eq!((error.code(), error.http_status()), (Code::ApiError, Some(503)), "{tool}: {error}");
    }
    assert!(authors(&account).is_empty(), "nothing was written");
}

#[tokio::test]
async fn what_somebody_else_resolved_is_not_taken_for_a_lost_answer_after_a_rate_limit() {
    let account = Account::start().await;
    let id = open_incident(&account).await["id"].clone();
    account.ok("resolve_incident", json!({"incident_id": id})).await;
    let limited = FaultKind::Status { code: 429, headers: [].into(), body: None };
    account.sandbox.fail(Fault { method: Some("PUT".into()), ..Fault::once("/incidents/{id}", limited) });
    assert_eq!(account.err("resolve_incident", json!({"incident_id": id})).await.code(), Code::AlreadyResolved);
}

#[tokio::test]
async fn fields_that_a_change_does_not_bring_are_named() {
    let account = Account::start().await;
    let id = open_incident(&account).await["id"].clone();
    let answer =
        account.ok("acknowledge_incident", json!({"incident_id": id, "include": ["status", "body_details"]})).await;
    assert_eq!(answer["incidents"][0], json!({"status": "acknowledged"}));
    assert!(crate::support::warnings(&answer).contains("body_details"), "{answer}");
}

#[tokio::test]
async fn who_may_only_read_changes_nothing() {
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
