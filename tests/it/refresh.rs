//! Tests of expired logins: each is refreshed once, for any number of callers and processes, and never lost.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use pagerduty_mcp_server::config::By;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, IdentityOptions};
use pagerduty_mcp_server::tools::Toolbox;
use serde_json::json;

use crate::scene::Scene;
use crate::support::{self, object};

#[tokio::test]
async fn expired_login_without_client_secret_logs_in_again() {
    let mut scene = Scene::expired().await;
    scene.config.oauth.client_secret = None;
    scene.ok().await;
    assert_eq!(scene.opened(), 2);
}

#[tokio::test]
async fn expired_login_is_refreshed_and_token_rotates() {
    let scene = Scene::expired().await;
    let before = scene.stored();
    scene.ok().await;
    scene.ok().await;
    let after = scene.stored();
    assert_eq!((scene.opened(), scene.token_requests()), (1, 1));
    for name in ["oauth_token", "refresh_token"] {
        assert!(after[name].is_string() && after[name] != before[name], "{name}");
    }
    // The old refresh token is invalid: if it were still stored, the next refresh would be refused.
    fs::write(scene.path(), before.to_string()).unwrap();
    scene.ok().await;
    assert_eq!(scene.opened(), 2, "a new login replaces the refresh");
}

#[tokio::test]
async fn refused_refresh_clears_store_and_logs_in() {
    let scene = Scene::expired().await;
    let before = scene.stored();
    scene.sandbox.identity(IdentityOptions { reject_refresh: true, deny: true, ..Default::default() });
    assert_eq!(scene.code().await, Code::LoginFailed);
    assert!(!scene.path().exists(), "the store was cleared, and the declined login stored nothing");
    scene.sandbox.identity(IdentityOptions::default());
    scene.ok().await;
    assert_ne!(scene.stored()["refresh_token"], before["refresh_token"]);
    assert_eq!(scene.opened(), 3);
}

#[tokio::test]
async fn refresh_uses_tokens_of_faster_process() {
    let scene = Scene::expired().await;
    let before = scene.stored();
    scene.ok().await;
    let after = scene.stored();
    // This process has read the old tokens when the other process writes the new ones.
    fs::write(scene.path(), before.to_string()).unwrap();
    scene.sandbox.clear();
    scene.sandbox.fail(Fault::once("/oauth/token", FaultKind::Delay(Duration::from_millis(300))));
    let (toolbox, path) = (scene.toolbox(), scene.path());
    let other = async {
        while scene.token_requests() == 0 {
            tokio::task::yield_now().await;
        }
        fs::write(path, after.to_string()).unwrap();
    };
    tokio::join!(support::ok(&toolbox, "get_teams", json!({})), other);
    assert_eq!((scene.stored(), scene.opened()), (after, 1));
}

#[tokio::test]
async fn refresh_server_error_is_retried_and_keeps_login() {
    let scene = Scene::expired().await;
    let before = scene.stored();
    scene.sandbox.identity(IdentityOptions { fail: 4, ..Default::default() });
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!((error.code(), error.http_status(), error.is_retryable()), (Code::ApiError, Some(503), true));
    assert_eq!((scene.token_requests(), scene.opened()), (4, 1));
    assert_eq!(scene.stored(), before);
    scene.sandbox.identity(IdentityOptions { fail: 3, ..Default::default() });
    scene.ok().await;
    assert_eq!(scene.opened(), 1);
}

#[tokio::test]
async fn refresh_network_error_or_html_keeps_login() {
    let scene = Scene::expired().await;
    let before = scene.stored();
    scene.sandbox.fail(Fault { times: 4, ..Fault::once("/oauth/token", FaultKind::Reset) });
    assert_eq!(scene.code().await, Code::NetworkError);
    scene.sandbox.fail(Fault::once("/oauth/token", FaultKind::WrongJson(json!({"welcome": true}))));
    assert_eq!(scene.code().await, Code::UnexpectedResponse);
    assert_eq!((scene.stored(), scene.opened()), (before, 1));
}

#[tokio::test]
async fn concurrent_calls_share_one_login_and_refresh() {
    let scene = Scene::start().await.with_secret();
    scene.sandbox.identity(IdentityOptions { expires_in: 1, ..Default::default() });
    let toolbox = scene.toolbox();
    let five = || async {
        let calls = (0..5).map(|_| toolbox.call("get_teams", object(json!({}))));
        for outcome in futures_util::future::join_all(calls).await {
            outcome.unwrap();
        }
    };
    five().await;
    assert_eq!((scene.opened(), scene.token_requests()), (1, 1));
    five().await;
    assert_eq!((scene.opened(), scene.token_requests()), (1, 2));
}

#[tokio::test]
async fn concurrent_processes_refresh_once() {
    let scene = Scene::expired().await;
    let toolboxes = [scene.toolbox(), scene.toolbox(), scene.toolbox()];
    let calls = toolboxes.iter().map(|toolbox| support::ok(toolbox, "get_teams", json!({})));
    futures_util::future::join_all(calls).await;
    assert_eq!((scene.opened(), scene.token_requests()), (1, 1));
}

/// Makes the token file readable but not writable, for any user: a folder takes the path of the new file.
fn block(scene: &Scene) -> std::path::PathBuf {
    let folder = scene.path().with_extension("json.new");
    fs::create_dir_all(folder.join("in-the-way")).unwrap();
    folder
}

/// Returns tools that refreshed the login, valid for a second, while it could not be stored. By now it could be.
async fn unsaved(scene: &Scene) -> Arc<Toolbox> {
    let obstacle = block(scene);
    let toolbox = scene.toolbox();
    scene.sandbox.identity(IdentityOptions { expires_in: 1, ..Default::default() });
    support::ok(&toolbox, "get_teams", json!({})).await;
    fs::remove_dir_all(obstacle).unwrap();
    toolbox
}

#[tokio::test]
async fn refreshed_token_not_stored_is_kept_in_memory() {
    let scene = Scene::expired().await;
    let before = scene.stored();
    let obstacle = block(&scene);
    let toolbox = scene.toolbox();
    scene.sandbox.identity(IdentityOptions { expires_in: 1, ..Default::default() });
    for refreshes in 1..=2 {
        // The second time, the stored token is invalid, so only the one in memory can be refreshed.
        support::ok(&toolbox, "get_teams", json!({})).await;
        assert_eq!((scene.opened(), scene.token_requests()), (1, refreshes));
        assert_eq!(scene.stored(), before);
    }
    fs::remove_dir_all(obstacle).unwrap();
    support::ok(&toolbox, "get_teams", json!({})).await;
    assert_ne!(scene.stored(), before, "the token is stored once the store is writable");
    scene.ok().await;
    assert_eq!(scene.opened(), 1, "another process uses the stored token");
}

#[tokio::test]
async fn refused_unstored_token_needs_new_login() {
    let scene = Scene::expired().await;
    let toolbox = unsaved(&scene).await;
    // The store has the token that this process replaced, not one of another process, so there is nothing to wait for.
    scene.sandbox.identity(IdentityOptions { reject_refresh: true, ..Default::default() });
    support::ok(&toolbox, "get_teams", json!({})).await;
    assert_eq!(scene.opened(), 2);
    scene.ok().await;
    assert_eq!(scene.opened(), 2, "the new login is stored");
}

#[tokio::test]
async fn unstored_token_is_dropped_after_logout() {
    let scene = Scene::expired().await;
    let toolbox = unsaved(&scene).await;
    // After a logout, no process may continue with the tokens in its memory.
    fs::remove_file(scene.path()).unwrap();
    support::ok(&toolbox, "get_teams", json!({})).await;
    assert_eq!(scene.opened(), 2);
}

#[tokio::test]
async fn refresh_with_refused_client_keeps_login() {
    for word in ["invalid_client", "unauthorized_client"] {
        let scene = Scene::expired().await;
        let before = scene.stored();
        let kind =
            FaultKind::Status { code: 401, headers: [].into(), body: Some(json!({ "error": word }).to_string()) };
        scene.sandbox.fail(Fault::once("/oauth/token", kind));
        let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
        assert_eq!(error.code(), Code::LoginFailed);
        assert!(error.hint_text().unwrap().contains("PAGERDUTY_CLIENT_SECRET"), "{error}");
        assert_eq!((scene.stored(), scene.opened()), (before, 1));
    }
}

#[tokio::test]
async fn refresh_refusal_without_oauth_error_keeps_login() {
    for (code, body, words) in [
        (400, String::new(), "400"),
        (401, "<h1>Who are you?</h1>".to_owned(), ": Who are you?"),
        (401, json!({"error": {"message": "no", "code": 2006}}).to_string(), ": no"),
        (403, json!({"error": "Forbidden by the gateway"}).to_string(), "Forbidden by the gateway"),
        (400, json!({"error": "invalid_grant", "error_description": ["a", "b"]}).to_string(), ": invalid_grant; a; b"),
        (429, "Slow\u{200b} down\n".to_owned(), ": Slow\u{fffd} down"),
    ] {
        let scene = Scene::expired().await;
        let before = scene.stored();
        let kind = FaultKind::Status { code, headers: [].into(), body: Some(body.clone()) };
        scene.sandbox.fail(Fault { times: if code == 429 { 4 } else { 1 }, ..Fault::once("/oauth/token", kind) });
        let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
        assert_eq!((scene.path().exists(), scene.opened()), (true, 1), "{code} {body}");
        assert_eq!(scene.stored(), before);
        assert!(error.message().contains(words), "{body}: {error}");
        let hint = error.hint_text().unwrap();
        assert!(code == 429 || hint.contains("auth login"), "the error names a remedy: {error}");
        scene.ok().await;
        assert_eq!(scene.opened(), 1, "the stored login is still valid");
    }
}

#[tokio::test]
async fn dotenv_client_cannot_remove_stored_login() {
    let mut scene = Scene::expired().await;
    let before = scene.stored();
    scene.config.oauth.client_by = Some(By::File);
    scene.sandbox.identity(IdentityOptions { reject_refresh: true, ..Default::default() });
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!(error.code(), Code::LoginFailed);
    assert!(error.message().contains(".env") && error.message().contains("PAGERDUTY_CLIENT_ID"), "{error}");
    assert_eq!((scene.stored(), scene.opened()), (before, 1));
}

/// Returns a login whose access token PagerDuty refuses long before it expires, with a valid refresh token.
async fn refused() -> Scene {
    let scene = Scene::start().await.with_secret();
    scene.ok().await;
    let mut stored = scene.stored();
    stored["oauth_token"] = "revoked".into();
    fs::write(scene.path(), stored.to_string()).unwrap();
    scene.sandbox.clear();
    scene
}

#[tokio::test]
async fn refused_token_is_refreshed_and_read_retried() {
    let scene = refused().await;
    let toolbox = scene.toolbox();
    support::ok(&toolbox, "get_teams", json!({})).await;
    assert_eq!((scene.opened(), scene.token_requests()), (1, 1));
    let asked = scene.sandbox.requests().iter().filter(|request| request.path == "/teams").count();
    assert_eq!(asked, 2);
    assert_ne!(scene.stored()["oauth_token"], "revoked");
    support::ok(&toolbox, "get_teams", json!({})).await;
    assert_eq!(scene.token_requests(), 1, "the new token is stored");
}

#[tokio::test]
async fn concurrent_refused_calls_share_one_refresh() {
    let scene = refused().await;
    let toolboxes = [scene.toolbox(), scene.toolbox()];
    let calls = (0..10).map(|number| toolboxes[number % 2].call("build_user_context", object(json!({}))));
    for outcome in futures_util::future::join_all(calls).await {
        outcome.unwrap();
    }
    assert_eq!((scene.opened(), scene.token_requests()), (1, 1), "two processes share one refresh");
}

#[tokio::test]
async fn refused_change_is_retried_after_refresh() {
    let scene = Scene::start().await.with_secret();
    let open = json!({"statuses": ["triggered"], "limit": 1});
    let open = support::ok(&scene.toolbox(), "get_incidents", open).await;
    let id = open["incidents"][0]["id"].clone();
    let refuse = || FaultKind::Status { code: 401, headers: [].into(), body: None };
    for (tool, path, arguments) in [
        ("acknowledge_incident", "/incidents/{id}", json!({"incident_id": id})),
        ("add_incident_note", "/incidents/{id}/notes", json!({"incident_id": id, "content": "seen"})),
    ] {
        // Use a new server: one that has just refreshed does not do so again after a refusal.
        let toolbox = scene.toolbox();
        scene.sandbox.clear();
        scene.sandbox.fail(Fault::once(path, refuse()));
        support::ok(&toolbox, tool, arguments).await;
        let changes = scene.sandbox.requests().iter().filter(|request| request.method != "GET").count();
        assert_eq!(changes, 3, "{tool}: refused, refreshed, repeated");
    }
    let notes = support::ok(&scene.toolbox(), "get_incidents", json!({"incident_id": id, "include_notes": true})).await;
    let written = notes["incidents"][0]["notes"].as_array().unwrap().iter().filter(|note| note["content"] == "seen");
    assert_eq!(written.count(), 1);
}

#[tokio::test]
async fn refused_token_without_refresh_asks_for_login() {
    let scene = refused().await;
    scene.sandbox.identity(IdentityOptions { reject_refresh: true, ..Default::default() });
    let toolbox = scene.toolbox();
    let error = support::err(&toolbox, "get_teams", json!({})).await;
    assert_eq!((error.code(), error.http_status()), (Code::AuthenticationFailed, Some(401)));
    assert!(error.hint_text().unwrap().contains("auth login"), "{error}");
    assert_eq!(
        (scene.opened(), scene.path().exists()),
        (1, false),
        "the call starts no login, and the invalid token is removed"
    );
    support::ok(&toolbox, "get_teams", json!({})).await;
    assert_eq!(scene.opened(), 2);
}

#[tokio::test]
async fn refusal_after_refresh_is_not_refreshed_again() {
    let scene = Scene::start().await.with_secret();
    let toolbox = scene.toolbox();
    support::ok(&toolbox, "get_teams", json!({})).await;
    scene.sandbox.clear();
    let elsewhere = FaultKind::Status { code: 401, headers: [].into(), body: None };
    scene.sandbox.fail(Fault { times: 9, ..Fault::once("/teams", elsewhere) });
    for _ in 0..3 {
        assert_eq!(support::err(&toolbox, "get_teams", json!({})).await.code(), Code::AuthenticationFailed);
    }
    assert_eq!((scene.opened(), scene.token_requests()), (1, 1));
    let asked = scene.sandbox.requests().iter().filter(|request| request.path == "/teams").count();
    assert_eq!(asked, 4);
}

#[tokio::test]
async fn refresh_failure_after_refusal_is_reported() {
    let scene = refused().await;
    let before = scene.stored();
    scene.sandbox.identity(IdentityOptions { fail: 9, ..Default::default() });
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!(error.code(), Code::AuthenticationFailed);
    assert!(error.message().contains("; refreshing the login failed: "), "{error}");
    assert_eq!((scene.stored(), scene.opened()), (before, 1));
}
