//! The three credentials, and the login end to end: a real identity server, real callbacks, nothing stubbed but the click.

use std::collections::HashSet;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use pagerduty_mcp_server::auth::{Credentials, Origin, Store};
use pagerduty_mcp_server::config::{Browser, Config, Host, Region, TokenStore};
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, IdentityOptions, Options, Sandbox, tokens};
use pagerduty_mcp_server::tools::{Filter, Toolbox};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::{self, Seen};
use crate::support::{self, object};

/// An account, a place for tokens, and a person who clicks.
struct Scene {
    sandbox: Sandbox,
    config: Config,
    opened: Arc<AtomicUsize>,
    pages: mpsc::Receiver<Seen>,
    folder: TempDir,
}

impl Scene {
    /// The person logs in whenever the browser opens.
    async fn start() -> Self {
        Self::with(browser::visit).await
    }

    /// The person does as `visit` says: from the login page's address to the last page seen.
    async fn with(visit: fn(&str) -> Seen) -> Self {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let opened = Arc::new(AtomicUsize::new(0));
        let (sender, pages) = mpsc::channel();
        let count = Arc::clone(&opened);
        let open = move |url: &str| {
            count.fetch_add(1, Ordering::SeqCst);
            let (url, sender) = (url.to_owned(), sender.clone());
            thread::spawn(move || sender.send(visit(&url)));
        };
        let mut config = support::config("");
        config.host = Host::parse(sandbox.url()).unwrap();
        config.oauth.identity = config.host.clone();
        config.oauth.client_id = Some("a-client".to_owned());
        config.oauth.callback_port = 0;
        config.oauth.store = TokenStore::File(folder.path().join("below").join("tokens.json"));
        config.oauth.browser = Browser::Function(Arc::new(open));
        Self { sandbox, config, opened, pages, folder }
    }

    /// A server that can refresh.
    fn with_secret(mut self) -> Self {
        self.config.oauth.client_secret = Some("a-client-secret".into());
        self
    }

    fn toolbox(&self) -> Arc<Toolbox> {
        Arc::new(Toolbox::new(&self.config, &Filter::default()).unwrap())
    }

    /// A call in a process of its own, as far as memory goes.
    async fn ok(&self) {
        support::ok(&self.toolbox(), "get_teams", json!({})).await;
    }

    async fn code(&self) -> Code {
        support::err(&self.toolbox(), "get_teams", json!({})).await.code()
    }

    fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("below").join("tokens.json")
    }

    fn stored(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path()).unwrap()).unwrap()
    }

    fn tokens_asked(&self) -> usize {
        self.sandbox.requests().iter().filter(|request| request.path == "/oauth/token").count()
    }

    /// Logs in with a token that counts as expired at once, and goes on with a server whose tokens live.
    async fn expired() -> Self {
        let scene = Self::start().await.with_secret();
        scene.sandbox.identity(IdentityOptions { expires_in: 1, ..Default::default() });
        scene.ok().await;
        scene.sandbox.identity(IdentityOptions::default());
        scene.sandbox.clear();
        assert_eq!(scene.opened(), 1);
        scene
    }
}

#[tokio::test]
async fn a_first_call_logs_in_and_all_others_reuse_it() {
    let scene = Scene::start().await;
    let toolbox = scene.toolbox();
    support::ok(&toolbox, "get_teams", json!({})).await;
    support::ok(&toolbox, "get_teams", json!({})).await;
    scene.ok().await;
    assert_eq!((scene.opened(), scene.tokens_asked()), (1, 1));
    let stored = scene.stored();
    let expiry: i64 = stored["token_expiry"].as_str().unwrap().parse().unwrap();
    assert!(expiry > 1_700_000_000, "Unix seconds as text");
    let page = scene.pages.recv().unwrap();
    assert!(page.status == 200 && page.body.contains("You are logged in"), "{}", page.body);
    for absent in [stored["oauth_token"].as_str().unwrap(), "http:", "https:", "<script", "code="] {
        assert!(!page.body.contains(absent), "{absent}");
    }
    assert!(page.head.to_lowercase().contains("content-security-policy: default-src 'none'"), "{}", page.head);
}

#[tokio::test]
async fn the_browser_is_sent_with_pkce_and_the_contracts_redirect() {
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
async fn an_expired_login_without_the_clients_secret_is_made_anew() {
    let mut scene = Scene::expired().await;
    scene.config.oauth.client_secret = None;
    scene.ok().await;
    assert_eq!(scene.opened(), 2);
}

#[tokio::test]
async fn an_expired_login_is_refreshed_and_the_refresh_token_rotates() {
    let scene = Scene::expired().await;
    let before = scene.stored();
    scene.ok().await;
    scene.ok().await;
    let after = scene.stored();
    assert_eq!((scene.opened(), scene.tokens_asked()), (1, 1));
    for name in ["oauth_token", "refresh_token"] {
        assert!(after[name].is_string() && after[name] != before[name], "{name}");
    }
    // The old refresh token is dead: with it in the store, the next refresh is refused.
    fs::write(scene.path(), before.to_string()).unwrap();
    scene.ok().await;
    assert_eq!(scene.opened(), 2, "a login in place of the refresh");
}

#[tokio::test]
async fn a_refused_refresh_clears_the_store_and_starts_over() {
    let scene = Scene::expired().await;
    let before = scene.stored();
    scene.sandbox.identity(IdentityOptions { reject_refresh: true, deny: true, ..Default::default() });
    assert_eq!(scene.code().await, Code::LoginFailed);
    assert!(!scene.path().exists(), "cleared, and nothing new since it was declined");
    scene.sandbox.identity(IdentityOptions::default());
    scene.ok().await;
    assert_ne!(scene.stored()["refresh_token"], before["refresh_token"]);
    assert_eq!(scene.opened(), 3);
}

#[tokio::test]
async fn a_refresh_that_another_process_was_faster_with_takes_its_tokens() {
    let scene = Scene::expired().await;
    let before = scene.stored();
    scene.ok().await;
    let after = scene.stored();
    // We have read the old tokens when the other process writes the new ones.
    fs::write(scene.path(), before.to_string()).unwrap();
    scene.sandbox.clear();
    scene.sandbox.fail(Fault::once("/oauth/token", FaultKind::Delay(Duration::from_millis(300))));
    let (toolbox, path) = (scene.toolbox(), scene.path());
    let other = async {
        while scene.tokens_asked() == 0 {
            tokio::task::yield_now().await;
        }
        fs::write(path, after.to_string()).unwrap();
    };
    tokio::join!(support::ok(&toolbox, "get_teams", json!({})), other);
    assert_eq!((scene.stored(), scene.opened()), (after, 1));
}

#[tokio::test]
async fn a_server_error_is_retried_three_times_and_loses_nothing() {
    let scene = Scene::expired().await;
    let before = scene.stored();
    scene.sandbox.identity(IdentityOptions { fail: 4, ..Default::default() });
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!((error.code(), error.http_status(), error.is_retryable()), (Code::ApiError, Some(503), true));
    assert_eq!((scene.tokens_asked(), scene.opened()), (4, 1));
    assert_eq!(scene.stored(), before);
    scene.sandbox.identity(IdentityOptions { fail: 3, ..Default::default() });
    scene.ok().await;
    assert_eq!(scene.opened(), 1);
}

#[tokio::test]
async fn a_broken_connection_and_a_gateways_page_lose_nothing_either() {
    let scene = Scene::expired().await;
    let before = scene.stored();
    scene.sandbox.fail(Fault { times: 4, ..Fault::once("/oauth/token", FaultKind::Reset) });
    assert_eq!(scene.code().await, Code::NetworkError);
    scene.sandbox.fail(Fault::once("/oauth/token", FaultKind::WrongJson(json!({"welcome": true}))));
    assert_eq!(scene.code().await, Code::UnexpectedResponse);
    assert_eq!((scene.stored(), scene.opened()), (before, 1));
}

#[tokio::test]
async fn declining_is_a_failed_login_with_its_own_page() {
    let scene = Scene::start().await;
    scene.sandbox.identity(IdentityOptions { deny: true, ..Default::default() });
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!(error.code(), Code::LoginFailed);
    assert!(error.message().contains("declined") && !scene.path().exists(), "{error}");
    let page = scene.pages.recv().unwrap();
    assert!(page.status == 400 && page.body.contains("Access was declined"), "{}", page.body);
}

#[tokio::test]
async fn an_error_in_the_callback_is_passed_on_by_its_name_alone() {
    let scene = Scene::start().await;
    let error = Some("server_error<script>".to_owned());
    scene.sandbox.identity(IdentityOptions { error, ..Default::default() });
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!(error.code(), Code::LoginFailed);
    assert!(error.message().contains("\"server_errorscript\""), "{error}");
    let page = scene.pages.recv().unwrap();
    assert!(page.status == 400 && !page.body.contains("server_error"), "{}", page.body);
}

#[tokio::test]
async fn a_code_that_is_refused_is_a_failed_login_and_the_page_says_so() {
    let scene = Scene::start().await;
    let body = r#"{"error": "invalid_grant", "error_description": "no"}"#.to_owned();
    let kind = FaultKind::Status { code: 400, headers: [].into(), body: Some(body) };
    scene.sandbox.fail(Fault::once("/oauth/token", kind));
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!(error.code(), Code::LoginFailed);
    assert!(error.message().contains("invalid_grant (no)"), "{error}");
    assert!(scene.pages.recv().unwrap().body.contains("did not succeed"));
}

/// Calls the callback in the wrong ways first, as another page in the browser might.
fn visit_after_others(url: &str) -> Seen {
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
async fn a_forged_state_and_a_wrong_path_do_not_disturb_the_login() {
    let scene = Scene::with(visit_after_others).await;
    scene.ok().await;
    assert_eq!(scene.pages.recv().unwrap().status, 200);
}

#[tokio::test]
async fn a_port_in_use_is_said_before_the_browser_opens() {
    let mut scene = Scene::start().await;
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    scene.config.oauth.callback_port = taken.local_addr().unwrap().port();
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!((error.code(), scene.opened()), (Code::CallbackPortInUse, 0));
    assert!(error.hint_text().unwrap().contains("PAGERDUTY_OAUTH_CALLBACK_PORT"), "{error}");
}

#[tokio::test]
async fn a_login_that_nobody_makes_times_out() {
    let mut scene = Scene::with(only_look).await;
    scene.config.oauth.timeout = Duration::from_millis(50);
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!((error.code(), error.is_retryable()), (Code::LoginTimeout, true));
    assert!(error.message().contains("50ms"), "{error}");
}

/// Leaves the page open: what is seen is its address.
fn only_look(url: &str) -> Seen {
    Seen { status: 0, head: url.to_owned(), body: String::new() }
}

#[tokio::test]
async fn a_call_that_runs_out_of_time_leaves_the_login_open() {
    let mut scene = Scene::with(only_look).await;
    scene.config.timeout = Duration::from_secs(1);
    let toolbox = scene.toolbox();
    let error = support::err(&toolbox, "get_teams", json!({})).await;
    assert_eq!((error.code(), error.is_retryable()), (Code::LoginPending, true));
    assert!(error.hint_text().unwrap().contains("auth login"), "{error}");
    let url = scene.pages.recv().unwrap().head;
    assert!(!error.envelope().to_string().contains("http"), "no address for a model to follow");
    let page = tokio::task::spawn_blocking(move || browser::visit(&url)).await.unwrap();
    assert_eq!(page.status, 200);
    support::ok(&toolbox, "get_teams", json!({})).await;
    assert_eq!(scene.opened(), 1);
}

#[tokio::test]
async fn calls_at_the_same_time_share_one_login_and_one_refresh() {
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
    assert_eq!((scene.opened(), scene.tokens_asked()), (1, 1));
    five().await;
    assert_eq!((scene.opened(), scene.tokens_asked()), (1, 2));
}

#[tokio::test]
async fn a_call_that_is_withdrawn_does_not_take_the_login_with_it() {
    let scene = Scene::with(only_look).await;
    let toolbox = scene.toolbox();
    {
        let withdrawn = toolbox.call("get_teams", object(json!({})));
        tokio::pin!(withdrawn);
        while scene.opened() == 0 {
            assert!(futures_util::poll!(&mut withdrawn).is_pending());
            tokio::task::yield_now().await;
        }
    }
    let url = scene.pages.recv().unwrap().head;
    tokio::task::spawn_blocking(move || browser::visit(&url)).await.unwrap();
    support::ok(&toolbox, "get_teams", json!({})).await;
    assert_eq!(scene.opened(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn the_token_file_is_the_users_alone() {
    use std::os::unix::fs::PermissionsExt;

    let scene = Scene::start().await;
    scene.ok().await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&scene.path()), mode(scene.path().parent().unwrap())), (0o600, 0o700));
    let drafts = fs::read_dir(scene.path().parent().unwrap()).unwrap().count();
    assert_eq!(drafts, 1, "no draft is left");
    fs::set_permissions(scene.path(), fs::Permissions::from_mode(0o640)).unwrap();
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!(error.code(), Code::TokenStoreUnavailable);
    assert!(error.message().contains("other users"), "{error}");
}

#[tokio::test]
async fn a_damaged_token_file_is_not_quoted() {
    let scene = Scene::start().await;
    scene.ok().await;
    let text = fs::read_to_string(scene.path()).unwrap();
    fs::write(scene.path(), &text[..text.len() - 3]).unwrap();
    let error = support::err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!(error.code(), Code::TokenStoreUnavailable);
    assert!(!error.envelope().to_string().contains("sandbox-"), "{error}");
    // Logging out is the way out.
    Store::new(scene.config.oauth.store.clone()).clear().await.unwrap();
    scene.ok().await;
}

#[cfg(all(unix, not(target_os = "macos")))]
#[tokio::test]
async fn without_a_keyring_the_ways_out_are_named() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_pagerduty-mcp-server"))
        .args(["call", "get_teams"])
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
        .env("PAGERDUTY_CLIENT_ID", "a-client")
        .env_remove("PAGERDUTY_API_TOKEN")
        .env_remove("PAGERDUTY_TOKEN_STORE")
        .output()
        .unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["error"]["code"], Code::TokenStoreUnavailable.as_str());
    for way in ["PAGERDUTY_API_TOKEN", "PAGERDUTY_TOKEN_STORE=file"] {
        assert!(answer["error"]["hint"].as_str().unwrap().contains(way), "{answer}");
    }
}

#[tokio::test]
async fn the_login_names_the_region_unless_somebody_chose_it() {
    for (audience, region) in [
        ("api.eu.pagerduty.com", Some(Region::Eu)),
        ("https://api.pagerduty.com/", Some(Region::Us)),
        ("evil.example", None),
    ] {
        let scene = Scene::start().await;
        scene.sandbox.identity(IdentityOptions { id_token_host: Some(audience.to_owned()), ..Default::default() });
        let region_of = async |by_login: bool| {
            let config = Config { host_by_login: by_login, ..scene.config.clone() };
            let credential = Credentials::new(&config).resolve(&Origin::Local).await.unwrap();
            credential.host().and_then(Host::region)
        };
        // Once as it comes, once as it was stored, once against a choice.
        assert_eq!(region_of(true).await, region, "{audience}");
        assert_eq!(region_of(true).await, region, "{audience}");
        assert_eq!(region_of(false).await, None, "{audience}");
        assert_eq!(scene.opened(), 1);
    }
}

#[tokio::test]
async fn a_login_that_was_revoked_is_told_how_to_begin_again() {
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
async fn a_login_made_elsewhere_after_a_refusal_takes_effect_without_a_restart() {
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
    assert_eq!(scene.opened(), 1, "nobody was asked again");
}

#[tokio::test]
async fn the_order_is_header_environment_login() {
    let mut scene = Scene::start().await;
    let user = async |config: &Config, origin: Origin| {
        let toolbox = Toolbox::new(config, &Filter::default()).unwrap();
        let reply = toolbox.call_from(&origin, "build_user_context", object(json!({}))).await;
        reply.map(|reply| reply.into_value()["user_id"].clone())
    };
    let header = |token: &str| Origin::Http(Some(token.into()));
    // The header alone; a request over HTTP without one never opens the browser.
    assert!(user(&scene.config, header(tokens::USER)).await.is_ok());
    for origin in [Origin::Http(None), header(" ")] {
        let error = user(&scene.config, origin).await.unwrap_err();
        assert_eq!(error.code(), Code::MissingCredentials);
        assert!(error.message().contains("X-PagerDuty-Token"), "{error}");
    }
    assert_eq!(scene.opened(), 0);
    // The environment before the login, the header before both.
    scene.config.token = Some((tokens::TEAMLESS.into(), "PAGERDUTY_API_TOKEN"));
    let by_environment = user(&scene.config, Origin::Local).await.unwrap();
    assert_eq!(user(&scene.config, Origin::Http(None)).await.unwrap(), by_environment);
    let by_header = user(&scene.config, header(tokens::USER)).await.unwrap();
    assert_eq!(HashSet::from([&by_environment, &by_header]).len(), 2);
    let refused = user(&scene.config, header("wrong")).await.unwrap_err();
    assert!(refused.message().contains("the X-PagerDuty-Token header"), "{refused}");
    assert_eq!(scene.opened(), 0);
}
