//! Tests of retries: which requests are sent again, and which are not.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::support::{Account, rows};

fn status(code: u16) -> FaultKind {
    FaultKind::Status { code, headers: [("ratelimit-reset".to_owned(), "0".to_owned())].into(), body: None }
}

/// Returns faults that end within three attempts.
fn passing() -> [FaultKind; 6] {
    [status(429), status(500), status(503), FaultKind::Html, FaultKind::Reset, FaultKind::Truncated]
}

async fn open_incident(account: &Account) -> Value {
    account.ok("get_incidents", json!({"statuses": ["triggered", "acknowledged"], "limit": 1})).await["incidents"][0]["id"].clone()
}

fn count(account: &Account, method: &str) -> usize {
    account.sandbox.requests().iter().filter(|request| request.method == method).count()
}

#[tokio::test]
async fn reads_retry_twice_then_fail() {
    let account = Account::start().await;
    for kind in passing() {
        account.sandbox.clear();
        account.sandbox.fail(Fault { times: 2, ..Fault::once("/teams", kind.clone()) });
        account.ok("get_teams", json!({})).await;
        assert_eq!(count(&account, "GET"), 3, "{kind:?}");
        account.sandbox.clear();
        account.sandbox.fail(Fault { times: 9, ..Fault::once("/teams", kind.clone()) });
        let error = account.err("get_teams", json!({})).await;
        assert_eq!(count(&account, "GET"), 3, "{kind:?}");
        assert!(error.is_retryable(), "{kind:?}: {error}");
    }
}

#[tokio::test]
async fn refused_request_is_not_retried() {
    let account = Account::start().await;
    for code in [400, 401, 402, 403, 404] {
        account.sandbox.clear();
        account.sandbox.fail(Fault { times: 9, ..Fault::once("/teams", status(code)) });
        assert!(!account.err("get_teams", json!({})).await.is_retryable());
        assert_eq!(count(&account, "GET"), 1, "{code}");
    }
}

#[tokio::test]
async fn failed_page_fails_call() {
    let account = Account::start().await;
    account.sandbox.fail(Fault { times: 9, skip: 1, ..Fault::once("/incidents", status(500)) });
    let error = account.err("get_incidents", json!({"limit": 150})).await;
    assert_eq!(error.code(), Code::ApiError, "{error}");
}

#[tokio::test]
async fn lost_status_change_is_retried_and_succeeds() {
    let account = Account::start().await;
    for (kind, puts) in [
        (status(429), 2),
        (status(500), 2),
        (FaultKind::Reset, 2),
        (FaultKind::LostResponse, 2),
        // A change with a success status is not sent again. The incident is read instead.
        (FaultKind::Truncated, 1),
    ] {
        let id = open_incident(&account).await;
        account.sandbox.clear();
        account.sandbox.fail(Fault { method: Some("PUT".into()), ..Fault::once("/incidents/{id}", kind.clone()) });
        let answer = account.ok("resolve_incident", json!({"incident_id": id})).await;
        assert_eq!(answer["incidents"][0]["status"], "resolved", "{kind:?}");
        assert_eq!(count(&account, "PUT"), puts, "{kind:?}");
    }
}

#[tokio::test]
async fn lost_note_is_verified_and_not_repeated() {
    let account = Account::start().await;
    for (kind, arrives) in [
        (FaultKind::LostResponse, true),
        (FaultKind::Truncated, true),
        (FaultKind::Reset, false),
        (status(500), false),
        (FaultKind::Html, false),
    ] {
        let id = open_incident(&account).await;
        account.sandbox.clear();
        account
            .sandbox
            .fail(Fault { method: Some("POST".into()), ..Fault::once("/incidents/{id}/notes", kind.clone()) });
        let content = format!("after {kind:?}");
        let arguments = json!({"incident_id": id, "content": content});
        if arrives {
            let answer = account.ok("add_incident_note", arguments).await;
            assert_eq!(answer["notes"][0]["content"], content, "{kind:?}");
        } else {
            let error = account.err("add_incident_note", arguments).await;
            assert_eq!(error.code(), Code::OutcomeUnknown, "{kind:?}: {error}");
            assert!(!error.is_retryable() && error.hint_text().unwrap().contains("include_notes=true"), "{error}");
        }
        assert_eq!(count(&account, "POST"), 1, "{kind:?}");
        assert_eq!(notes(&account, &id, &content).await, usize::from(arrives), "{kind:?}");
    }
}

/// Returns how many notes of an incident have this text.
async fn notes(account: &Account, id: &Value, content: &str) -> usize {
    let incident = account.ok("get_incidents", json!({"incident_id": id, "include": ["id", "notes"]})).await;
    let notes = incident["incidents"][0]["notes"].as_array().into_iter().flatten();
    notes.filter(|note| note["content"] == content).count()
}

#[tokio::test]
async fn rate_limited_note_is_retried() {
    let account = Account::start().await;
    let id = open_incident(&account).await;
    account.sandbox.clear();
    account.sandbox.fail(Fault { method: Some("POST".into()), ..Fault::once("/incidents/{id}/notes", status(429)) });
    let answer = account.ok("add_incident_note", json!({"incident_id": id, "content": "on it"})).await;
    assert_eq!((rows(&answer, "notes").len(), count(&account, "POST")), (1, 2));
}

#[tokio::test]
async fn unreadable_change_answer_reports_incident_as_read() {
    let account = Account::start().await;
    let id = open_incident(&account).await;
    account.sandbox.clear();
    let nonsense = FaultKind::WrongJson(json!({"done": true}));
    account.sandbox.fail(Fault { method: Some("PUT".into()), ..Fault::once("/incidents/{id}", nonsense) });
    let error = account.err("resolve_incident", json!({"incident_id": id})).await;
    assert_eq!((error.code(), count(&account, "PUT"), count(&account, "GET")), (Code::OutcomeUnknown, 1, 3));
    assert!(error.message().contains("is still "), "{error}");
}

#[tokio::test]
async fn read_with_empty_or_cut_answer_is_retried() {
    let account = Account::start().await;
    let half = FaultKind::Status { code: 200, headers: [].into(), body: Some(r#"{"teams": [{"id":"#.into()) };
    for kind in [FaultKind::Empty, half] {
        account.sandbox.clear();
        account.sandbox.fail(Fault::once("/teams", kind));
        account.ok("get_teams", json!({})).await;
        assert_eq!(count(&account, "GET"), 2);
    }
}

#[tokio::test]
async fn wait_beyond_call_time_limit_fails_at_once() {
    let account = Account::with(
        pagerduty_mcp_server::sandbox::tokens::USER,
        pagerduty_mcp_server::sandbox::Options::default(),
        |config| config.timeout = std::time::Duration::from_secs(10),
    )
    .await;
    let limited = FaultKind::Status {
        code: 429,
        headers: [("ratelimit-reset".to_owned(), "12.5".to_owned())].into(),
        body: None,
    };
    account.sandbox.fail(Fault::once("/teams", limited));
    let error = account.err("get_teams", json!({})).await;
    assert_eq!((error.code(), &error.envelope()["error"]["retry_after_seconds"]), (Code::RateLimited, &json!(13)));
}

#[tokio::test]
async fn account_rate_limit_is_respected() {
    let options = pagerduty_mcp_server::sandbox::Options { rate_limit: 2, ..Default::default() };
    let account = Account::with(pagerduty_mcp_server::sandbox::tokens::USER, options, |_| {}).await;
    account.ok("get_teams", json!({})).await;
    account.ok("get_teams", json!({})).await;
    let error = account.err("get_teams", json!({})).await;
    assert_eq!(error.code(), Code::RateLimited);
    let seconds = error.envelope()["error"]["retry_after_seconds"].as_u64().unwrap();
    assert!((30..=60).contains(&seconds), "{seconds}");
}
