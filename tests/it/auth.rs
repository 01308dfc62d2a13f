//! Tests of the three credentials and of the whole login, with a real identity server and real callbacks. Only the
//! user's click is simulated.

use std::collections::HashSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use pagerduty_mcp_server::auth::{Credentials, Origin, Store};
use pagerduty_mcp_server::config::{By, Config, Host, Region};
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, IdentityOptions, tokens};
use pagerduty_mcp_server::tools::{Filter, Toolbox};
use serde_json::{Value, json};

use crate::browser::{self, Response};
use crate::scene::{Scene, open_only};
use crate::support::{self, binary, object, origin};

#[tokio::test]
async fn login_is_made_once_and_reused() {
    let scene = Scene::start().await;
    let toolbox = scene.toolbox();
    support::ok(&toolbox, "get_teams", json!({})).await;
    let stored = scene.stored();
    // A server that has the token does not read the store again.
    let away = scene.path().with_extension("away");
    fs::rename(scene.path(), &away).unwrap();
    support::ok(&toolbox, "get_teams", json!({})).await;
    fs::rename(&away, scene.path()).unwrap();
    scene.ok().await;
    assert_eq!((scene.opened(), scene.token_requests()), (1, 1));
    let expiry: i64 = stored["token_expiry"].as_str().unwrap().parse().unwrap();
    assert!(expiry > 1_700_000_000, "the expiry is in Unix seconds, as text");
    let page = scene.page();
    assert!(page.status == 200 && page.body.contains("You are logged in"), "{}", page.body);
    for absent in [stored["oauth_token"].as_str().unwrap(), "http:", "https:", "<script", "code="] {
        assert!(!page.body.contains(absent), "{absent}");
    }
    assert!(page.head.to_lowercase().contains("content-security-policy: default-src 'none'"), "{}", page.head);
}

#[tokio::test]
async fn present_credentials_need_no_login_or_refresh() {
    let present = async |scene: &Scene| Credentials::new(&scene.config).present().await;
    let scene = Scene::start().await.with_secret();
    let absent = present(&scene).await.unwrap_err();
    assert!(absent.message().contains("no user has logged in"), "{absent}");
    scene.ok().await;
    assert_eq!(present(&scene).await.unwrap().source(), "the OAuth login");
    let expired = present(&Scene::expired().await).await.unwrap_err();
    assert!(expired.message().contains("has expired"), "{expired}");
    assert_eq!((expired.code(), scene.opened()), (Code::MissingCredentials, 1));
}

#[tokio::test]
async fn authorize_request_has_pkce_and_redirect() {
    let scene = Scene::start().await;
    scene.ok().await;
    let asked = scene.sandbox.requests().into_iter().find(|request| request.path == "/oauth/authorize").unwrap();
    for part in [
        "response_type=code",
        "client_id=a-client",
        "code_challenge_method=S256",
        "scope=read+write",
        "redirect_uri=http%3A%2F%2Flocalhost%3A",
        "%2Foauth%2Fpagerduty",
    ] {
        assert!(asked.query.contains(part), "{part}: {}", asked.query);
    }
}

#[tokio::test]
async fn login_declined_fails_with_page() {
    let scene = Scene::start().await;
    scene.sandbox.identity(IdentityOptions { deny: true, ..Default::default() });
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!(error.code(), Code::LoginFailed);
    assert!(error.message().contains("declined") && !scene.path().exists(), "{error}");
    let page = scene.page();
    assert!(page.status == 400 && page.body.contains("Access was declined"), "{}", page.body);
}

#[tokio::test]
async fn callback_error_is_reported_by_code_only() {
    let scene = Scene::start().await;
    let error = Some("server_error<script>".to_owned());
    scene.sandbox.identity(IdentityOptions { error, ..Default::default() });
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!(error.code(), Code::LoginFailed);
    assert!(error.message().contains("\"server_errorscript\""), "{error}");
    let page = scene.page();
    assert!(page.status == 400 && !page.body.contains("server_error"), "{}", page.body);
}

#[tokio::test]
async fn login_with_refused_code_fails_with_page() {
    let scene = Scene::start().await;
    let body = r#"{"error": "invalid_grant", "error_description": "no"}"#.to_owned();
    let kind = FaultKind::Status { code: 400, headers: [].into(), body: Some(body) };
    scene.sandbox.fail(Fault::once("/oauth/token", kind));
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!(error.code(), Code::LoginFailed);
    assert!(error.message().contains("invalid_grant (no)"), "{error}");
    assert!(scene.page().body.contains("did not succeed"));
}

/// Calls the callback with wrong parameters first, as another page in the browser might.
fn visit_after_others(url: &str) -> Response {
    let callback = browser::query_value(url, "redirect_uri");
    let forged = browser::get(&format!("{callback}?code=stolen&state=forged"));
    assert!(forged.status == 400 && forged.body.contains("not the login that was started"), "{}", forged.body);
    assert!(!forged.body.contains("stolen") && !forged.body.contains("forged"));
    let denied = browser::get(&format!("{callback}?error=access_denied"));
    let empty = browser::get(&format!("{callback}?state={}", browser::query_value(url, "state")));
    let elsewhere = browser::get(&callback.replace("/oauth/pagerduty", "/favicon.ico"));
    assert_eq!((denied.status, empty.status, elsewhere.status), (400, 400, 404));
    browser::visit(url)
}

#[tokio::test]
async fn login_ignores_forged_state_and_wrong_path() {
    let scene = Scene::with(visit_after_others).await;
    scene.ok().await;
    assert_eq!(scene.page().status, 200);
}

#[tokio::test]
async fn login_port_in_use_fails_before_browser_opens() {
    let mut scene = Scene::start().await;
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    scene.config.oauth.callback_port = taken.local_addr().unwrap().port();
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!((error.code(), scene.opened()), (Code::CallbackPortInUse, 0));
    assert!(error.hint_text().unwrap().contains("PAGERDUTY_OAUTH_CALLBACK_PORT"), "{error}");
}

#[tokio::test]
async fn login_not_completed_times_out() {
    let mut scene = Scene::with(open_only).await;
    scene.config.oauth.timeout = Duration::from_millis(50);
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!((error.code(), error.is_retryable()), (Code::LoginTimeout, true));
    assert!(error.message().contains("50 ms"), "{error}");
}

#[tokio::test]
async fn login_stays_open_after_call_times_out() {
    let mut scene = Scene::with(open_only).await;
    scene.config.timeout = Duration::from_secs(1);
    let toolbox = scene.toolbox();
    let error = support::err(&toolbox, "get_teams", json!({})).await;
    assert_eq!((error.code(), error.is_retryable()), (Code::LoginPending, true));
    assert!(error.hint_text().unwrap().contains("auth login"), "{error}");
    let url = scene.page().head;
    assert!(!error.envelope().to_string().contains("http"), "the error has no URL for a model to follow");
    let page = tokio::task::spawn_blocking(move || browser::visit(&url)).await.unwrap();
    assert_eq!(page.status, 200);
    support::ok(&toolbox, "get_teams", json!({})).await;
    assert_eq!(scene.opened(), 1);
}

#[tokio::test]
async fn login_stays_open_after_call_is_canceled() {
    let scene = Scene::with(open_only).await;
    let toolbox = scene.toolbox();
    {
        let withdrawn = toolbox.call("get_teams", object(json!({})));
        tokio::pin!(withdrawn);
        while scene.opened() == 0 {
            assert!(futures_util::poll!(&mut withdrawn).is_pending());
            tokio::task::yield_now().await;
        }
    }
    let url = scene.page().head;
    tokio::task::spawn_blocking(move || browser::visit(&url)).await.unwrap();
    support::ok(&toolbox, "get_teams", json!({})).await;
    assert_eq!(scene.opened(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn token_file_is_readable_only_by_user() {
    use std::os::unix::fs::PermissionsExt;

    let scene = Scene::start().await;
    scene.ok().await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&scene.path()), mode(scene.path().parent().unwrap())), (0o600, 0o700));
    assert_eq!(mode(&scene.path().with_extension("lock")), 0o600);
    let files = fs::read_dir(scene.path().parent().unwrap()).unwrap().count();
    assert_eq!(files, 2, "only the tokens and the lock, without a draft");
    fs::set_permissions(scene.path(), fs::Permissions::from_mode(0o640)).unwrap();
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!(error.code(), Code::TokenStoreUnavailable);
    assert!(error.message().contains("other users"), "{error}");
}

#[tokio::test]
async fn token_file_damaged_is_not_quoted() {
    let scene = Scene::start().await;
    scene.ok().await;
    let text = fs::read_to_string(scene.path()).unwrap();
    fs::write(scene.path(), &text[..text.len() - 3]).unwrap();
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!(error.code(), Code::TokenStoreUnavailable);
    assert!(!error.envelope().to_string().contains("sandbox-"), "{error}");
    // Logging out solves the problem.
    let store = Store::new(scene.config.oauth.store.clone());
    store.clear(&store.exclusive().await).await.unwrap();
    scene.ok().await;
}

#[cfg(unix)]
#[tokio::test]
async fn token_file_unreadable_is_not_treated_as_absent() {
    let scene = Scene::start().await;
    // The parent is not a folder, so the existence of the file cannot be determined.
    fs::write(scene.path().parent().unwrap(), "").unwrap();
    assert_eq!(scene.code().await, Code::TokenStoreUnavailable);
    assert_eq!(scene.opened(), 0, "no login starts");
    let store = Store::new(scene.config.oauth.store.clone());
    let error = store.clear(&store.exclusive().await).await.unwrap_err();
    assert_eq!(error.code(), Code::TokenStoreUnavailable, "logging out cannot tell whether it removed anything");
}

#[cfg(all(unix, not(target_os = "macos")))]
#[tokio::test]
async fn login_without_keyring_names_alternatives() {
    let output = binary()
        .args(["call", "get_teams"])
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
        .env("PAGERDUTY_CLIENT_ID", "a-client")
        .output()
        .unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["error"]["code"], Code::TokenStoreUnavailable.as_str());
    for way in ["PAGERDUTY_API_TOKEN", "PAGERDUTY_TOKEN_STORE=file"] {
        assert!(answer["error"]["hint"].as_str().unwrap().contains(way), "{answer}");
    }
}

#[tokio::test]
async fn login_determines_region_unless_configured() {
    for (audience, region) in [
        ("api.eu.pagerduty.com", Some(Region::Eu)),
        ("https://api.pagerduty.com/", Some(Region::Us)),
        ("evil.example", None),
    ] {
        let scene = Scene::start().await;
        scene.sandbox.identity(IdentityOptions { id_token_host: Some(audience.to_owned()), ..Default::default() });
        let region_of = async |host_by: Option<By>| {
            let config = Config { host_by, ..scene.config.clone() };
            let credential = Credentials::new(&config).resolve(&Origin::Local).await.unwrap();
            credential.host().and_then(Host::region)
        };
        // Use the region first as received, then as stored, then against a configured host.
        assert_eq!(region_of(None).await, region, "{audience}");
        assert_eq!(region_of(None).await, region, "{audience}");
        assert_eq!(region_of(Some(By::User)).await, None, "{audience}");
        assert_eq!(scene.opened(), 1);
    }
}

#[tokio::test]
async fn revoked_login_error_names_next_step() {
    let scene = Scene::start().await;
    scene.ok().await;
    let mut stored = scene.stored();
    stored["oauth_token"] = "revoked".into();
    fs::write(scene.path(), stored.to_string()).unwrap();
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!(error.code(), Code::AuthenticationFailed);
    let hint = error.hint_text().unwrap();
    assert!(hint.contains("auth login") && hint.contains("region"), "{hint}");
}

#[tokio::test]
async fn login_by_other_process_is_used_after_refusal() {
    let scene = Scene::start().await;
    scene.ok().await;
    let good = scene.stored().to_string();
    let mut revoked = scene.stored();
    revoked["oauth_token"] = "revoked".into();
    fs::write(scene.path(), revoked.to_string()).unwrap();
    let running = scene.toolbox();
    assert_eq!(support::err(&running, "get_teams", json!({})).await.code(), Code::AuthenticationFailed);
    fs::write(scene.path(), good).unwrap();
    support::ok(&running, "get_teams", json!({})).await;
    assert_eq!(scene.opened(), 1, "no second login");
}

#[tokio::test]
async fn credentials_prefer_header_then_environment_then_login() {
    let mut scene = Scene::start().await;
    let user = async |config: &Config, origin: Origin| {
        let toolbox = Toolbox::new(config, &Filter::default()).unwrap();
        let reply = toolbox.call_from(&origin, "build_user_context", object(json!({}))).await;
        reply.map(|reply| reply.into_value()["user_id"].clone())
    };
    // Use the header only. A request over HTTP without one never opens the browser.
    assert!(user(&scene.config, origin(tokens::USER)).await.is_ok());
    for origin in [Origin::Http(None), origin(" ")] {
        let error = user(&scene.config, origin).await.unwrap_err();
        assert_eq!(error.code(), Code::MissingCredentials);
        assert!(error.message().contains("X-PagerDuty-Token"), "{error}");
        assert!(error.message().contains("cannot use the login of PAGERDUTY_CLIENT_ID"), "{error}");
    }
    let mut without_login = scene.config.clone();
    without_login.oauth.client_id = None;
    let error = user(&without_login, Origin::Http(None)).await.unwrap_err();
    assert!(!error.message().contains("PAGERDUTY_CLIENT_ID"), "the error mentions no login: {error}");
    assert_eq!(scene.opened(), 0);
    // The environment precedes the login, and the header precedes both.
    scene.config.token = Some((tokens::TEAMLESS.into(), "PAGERDUTY_API_TOKEN"));
    let by_environment = user(&scene.config, Origin::Local).await.unwrap();
    assert_eq!(user(&scene.config, Origin::Http(None)).await.unwrap(), by_environment);
    let by_header = user(&scene.config, origin(tokens::USER)).await.unwrap();
    assert_eq!(HashSet::from([&by_environment, &by_header]).len(), 2);
    let refused = user(&scene.config, origin("wrong")).await.unwrap_err();
    assert!(refused.message().contains("the X-PagerDuty-Token header"), "{refused}");
    assert_eq!(scene.opened(), 0);
}

#[tokio::test]
async fn login_not_stored_is_not_reported_as_done() {
    let scene = Scene::start().await;
    fs::create_dir_all(scene.path().with_extension("json.new").join("in-the-way")).unwrap();
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!(error.code(), Code::TokenStoreUnavailable);
    let page = scene.page();
    assert!(page.status == 500 && page.body.contains("could not be stored"), "{}", page.body);
}

#[tokio::test]
async fn stale_lock_and_draft_are_ignored_and_removed_by_logout() {
    let scene = Scene::start().await;
    let left = scene.path().with_extension("json.new");
    fs::create_dir_all(left.parent().unwrap()).unwrap();
    fs::write(&left, "{}").unwrap();
    scene.ok().await;
    assert!(!left.exists());
    fs::write(&left, "{}").unwrap();
    let store = Store::new(scene.config.oauth.store.clone());
    store.clear(&store.exclusive().await).await.unwrap();
    assert!(!left.exists() && !scene.path().exists());
}

#[tokio::test]
async fn login_redeems_code_while_store_is_locked() {
    let scene = Scene::start().await;
    let lock = scene.path().with_extension("lock");
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    let other = fs::File::create(lock).unwrap();
    other.lock().unwrap();
    let toolbox = scene.toolbox();
    let redeemed = async {
        while scene.token_requests() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(!scene.path().exists(), "the login is stored once the lock is free");
        drop(other);
    };
    let both = async { tokio::join!(support::ok(&toolbox, "get_teams", json!({})), redeemed) };
    tokio::time::timeout(Duration::from_secs(20), both).await.expect("the code is not kept until it is worthless");
    assert!(scene.path().exists());
}
