//! The environment of a login: an account with an identity server, a token store, and a simulated user.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use pagerduty_mcp_server::config::{Browser, Config, Host, TokenStore};
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{IdentityOptions, Options, Sandbox};
use pagerduty_mcp_server::tools::{Filter, Toolbox};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::{self, Response};
use crate::support;

/// An account, a token store, and a simulated user.
pub struct Scene {
    pub sandbox: Sandbox,
    pub config: Config,
    opened: Arc<AtomicUsize>,
    pages: mpsc::Receiver<Response>,
    folder: TempDir,
}

impl Scene {
    /// Starts an account whose user logs in whenever the browser opens.
    pub async fn start() -> Self {
        Self::with(browser::visit).await
    }

    /// Starts an account whose user acts as `visit` does: from the address of the login page to the last page.
    pub async fn with(visit: fn(&str) -> Response) -> Self {
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

    /// Adds the client secret, which a refresh needs.
    pub fn with_secret(mut self) -> Self {
        self.config.oauth.client_secret = Some("a-client-secret".into());
        self
    }

    /// Returns the tools of a new server, with nothing in memory.
    pub fn toolbox(&self) -> Arc<Toolbox> {
        Arc::new(Toolbox::new(&self.config, &Filter::default()).unwrap())
    }

    /// Makes a successful call on a new server.
    pub async fn ok(&self) {
        support::ok(&self.toolbox(), "get_teams", json!({})).await;
    }

    /// Returns the code of a failing call on a new server.
    pub async fn code(&self) -> Code {
        support::err(&self.toolbox(), "get_teams", json!({})).await.code()
    }

    /// Returns the last page that the user has seen.
    pub fn page(&self) -> Response {
        self.pages.recv_timeout(Duration::from_secs(30)).expect("no page was opened")
    }

    /// Returns how many times the browser was opened.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// Returns the path of the token store.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("below").join("tokens.json")
    }

    /// Returns the stored tokens.
    pub fn stored(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path()).unwrap()).unwrap()
    }

    /// Returns how many requests for tokens the identity server received.
    pub fn token_requests(&self) -> usize {
        self.sandbox.requests().iter().filter(|request| request.path == "/oauth/token").count()
    }

    /// Logs in with a token that expires at once. Later tokens are valid for longer.
    pub async fn expired() -> Self {
        let scene = Self::start().await.with_secret();
        scene.sandbox.identity(IdentityOptions { expires_in: 1, ..Default::default() });
        scene.ok().await;
        scene.sandbox.identity(IdentityOptions::default());
        scene.sandbox.clear();
        assert_eq!(scene.opened(), 1);
        scene
    }
}

/// Opens the page and does nothing. The page holds only its address.
pub fn open_only(url: &str) -> Response {
    Response { status: 0, head: url.to_owned(), body: String::new() }
}
