//! A login's surroundings: an account with an identity server, a place for tokens, and a person who clicks.

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

use crate::browser::{self, Seen};
use crate::support;

/// An account, a place for tokens, and a person who clicks.
pub struct Scene {
    pub sandbox: Sandbox,
    pub config: Config,
    opened: Arc<AtomicUsize>,
    pages: mpsc::Receiver<Seen>,
    folder: TempDir,
}

impl Scene {
    /// The person logs in whenever the browser opens.
    pub async fn start() -> Self {
        Self::with(browser::visit).await
    }

    /// The person does as `visit` says: from the login page's address to the last page seen.
    pub async fn with(visit: fn(&str) -> Seen) -> Self {
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
    pub fn with_secret(mut self) -> Self {
        self.config.oauth.client_secret = Some("a-client-secret".into());
        self
    }

    /// A server of its own, as far as memory goes.
    pub fn toolbox(&self) -> Arc<Toolbox> {
        Arc::new(Toolbox::new(&self.config, &Filter::default()).unwrap())
    }

    /// A call in a process of its own, as far as memory goes.
    pub async fn ok(&self) {
        support::ok(&self.toolbox(), "get_teams", json!({})).await;
    }

    /// The code of a call that fails.
    pub async fn code(&self) -> Code {
        support::err(&self.toolbox(), "get_teams", json!({})).await.code()
    }

    /// The last page that a person has seen.
    pub fn page(&self) -> Seen {
        self.pages.recv_timeout(Duration::from_secs(30)).expect("nobody has seen a page")
    }

    /// How often the browser was opened.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// Where the tokens are kept.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("below").join("tokens.json")
    }

    /// What is kept.
    pub fn stored(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path()).unwrap()).unwrap()
    }

    /// How often the identity server was asked for tokens.
    pub fn tokens_asked(&self) -> usize {
        self.sandbox.requests().iter().filter(|request| request.path == "/oauth/token").count()
    }

    /// Logs in with a token that counts as expired at once, and goes on with a server whose tokens live.
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

/// Leaves the page open: what is seen is its address.
pub fn only_look(url: &str) -> Seen {
    Seen { status: 0, head: url.to_owned(), body: String::new() }
}
