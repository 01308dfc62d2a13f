//! The login as a source of credentials: what is stored, refreshed if need be, asked of a person if nothing else helps.
//!
//! Whatever takes time runs once per process, in a task of its own, and all calls that need it share its outcome. The task
//! outlives them: a call that runs out of time leaves the login open, and the next one finds it done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use secrecy::ExposeSecret;

use super::Credential;
use super::flow;
use super::identity::{Identity, Refusal};
use super::tokens::{Store, Tokens};
use crate::config::{API_TOKEN, Config, OAuth, TIMEOUT};
use crate::error::{Code, Error, Result};

/// What the calls wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Store,
    Refresh,
    Browser,
}

type Acquisition = Shared<BoxFuture<'static, Result<Tokens>>>;

#[derive(Debug)]
struct State {
    tokens: Option<Tokens>,
    running: Option<Acquisition>,
    stage: Stage,
}

/// The login of an OAuth client.
#[derive(Debug)]
pub struct Login {
    settings: OAuth,
    identity: Identity,
    store: Store,
    follow_region: bool,
    call_timeout: Duration,
    state: Mutex<State>,
}

impl Login {
    /// The login of `config`, if it names a client. Nothing is read or opened yet.
    #[must_use]
    pub fn new(config: &Config) -> Option<Self> {
        let settings = config.oauth.clone();
        let client_id = settings.client_id.clone()?;
        Some(Self {
            identity: Identity::new(client_id, &settings, config.connect_timeout),
            store: Store::new(settings.store.clone()),
            settings,
            follow_region: config.host_by_login,
            call_timeout: config.timeout,
            state: Mutex::new(State { tokens: None, running: None, stage: Stage::Store }),
        })
    }

    /// The access token of the login that is in force. Waits for a person if there is none.
    pub async fn credential(self: &Arc<Self>) -> Result<Credential> {
        self.tokens(false).await.map(|tokens| tokens.credential(self.follow_region))
    }

    /// Forgets an access token that PagerDuty refused, so that the next call looks at the store again: somebody may have
    /// logged in or out elsewhere in the meantime.
    pub fn forget(&self) {
        self.lock().tokens = None;
    }

    /// A new login, whatever is stored.
    pub async fn renew(self: &Arc<Self>) -> Result<Credential> {
        self.tokens(true).await.map(|tokens| tokens.credential(self.follow_region))
    }

    /// The access token that is stored, if it can be used as it is.
    pub async fn present(&self) -> Result<Credential> {
        let hint = "Log in with `pagerduty-mcp-server auth login`, or call a tool and log in when the browser opens.";
        let missing = |why: &str| Err(Error::new(Code::MissingCredentials, why).hint(hint));
        match self.store.load().await? {
            None => missing("nobody has logged in yet"),
            Some(tokens) if !tokens.is_fresh() => missing("the login has expired"),
            Some(tokens) => Ok(tokens.credential(self.follow_region)),
        }
    }

    /// The error for a call whose time was over before there was a token.
    #[must_use]
    pub fn interrupted(&self) -> Error {
        let after = self.call_timeout;
        match self.lock().stage {
            Stage::Browser => Error::new(
                Code::LoginPending,
                format!("the login in the browser was not finished within {after:?}"),
            )
            .hint(
                "As long as the server runs the login is open: finish it in the browser (the server's log has the \
                     address), then call again. From the command line, run `pagerduty-mcp-server auth login` first.",
            ),
            Stage::Refresh => Error::new(Code::Timeout, format!("the login was not refreshed within {after:?}"))
                .hint(format!("Try again in a minute, or allow more with {TIMEOUT}.")),
            Stage::Store => Error::new(Code::Timeout, format!("the token store did not answer within {after:?}")).hint(
                format!("Perhaps the keyring asks to be unlocked: look for its window. Or set {API_TOKEN} instead."),
            ),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, stage: Stage) {
        self.lock().stage = stage;
    }

    async fn tokens(self: &Arc<Self>, anew: bool) -> Result<Tokens> {
        let acquisition = {
            let mut state = self.lock();
            if let Some(tokens) = state.tokens.as_ref().filter(|tokens| !anew && tokens.is_fresh()) {
                return Ok(tokens.clone());
            }
            if let Some(running) = &state.running {
                running.clone()
            } else {
                let acquisition = self.start(anew);
                state.running = Some(acquisition.clone());
                acquisition
            }
        };
        acquisition.await
    }

    fn start(self: &Arc<Self>, anew: bool) -> Acquisition {
        let this = Arc::clone(self);
        let task = tokio::spawn(async move {
            let outcome = this.acquire(anew).await;
            let mut state = this.lock();
            state.running = None;
            state.tokens = outcome.as_ref().ok().cloned();
            outcome
        });
        let this = Arc::downgrade(self);
        task.map(move |ended| {
            ended.unwrap_or_else(|error| {
                // It panicked, or the runtime is going away: the next call has to start another.
                if let Some(this) = this.upgrade() {
                    this.lock().running = None;
                }
                Err(Error::new(Code::Internal, format!("the login failed: {error}")))
            })
        })
        .boxed()
        .shared()
    }

    async fn acquire(&self, anew: bool) -> Result<Tokens> {
        self.enter(Stage::Store);
        // Also before a new login: without a usable store it would be in vain.
        let stored = self.store.load().await?;
        if let Some(stored) = stored.filter(|_| !anew)
            && let Some(tokens) = self.reuse(stored).await?
        {
            return Ok(tokens);
        }
        self.enter(Stage::Browser);
        flow::run(&self.settings, &self.identity, &self.store).await
    }

    /// What is stored, refreshed if it has to be and can be; nothing if it is of no use any more.
    async fn reuse(&self, stored: Tokens) -> Result<Option<Tokens>> {
        if stored.is_fresh() {
            return Ok(Some(stored));
        }
        let Some(refresh) = stored.refresh.as_ref().filter(|_| self.identity.can_refresh()) else { return Ok(None) };
        self.enter(Stage::Refresh);
        match self.identity.refresh(refresh).await {
            Ok(mut tokens) => {
                tokens.region = tokens.region.or(stored.region);
                // First stored, then used: the old refresh token is dead, and this one is known nowhere else. Should the
                // store fail now, what we hold is still good for this process.
                if let Err(error) = self.store.save(&tokens).await {
                    tracing::warn!(%error, "the refreshed login could not be stored; it ends with this process");
                }
                Ok(Some(tokens))
            }
            Err(Refusal::Failed(error)) => Err(error),
            Err(Refusal::Rejected(why)) => {
                // Another process may have refreshed in the meantime, and its tokens must not be thrown away.
                if let Some(now) = self.store.load().await? {
                    if now.is_fresh() {
                        return Ok(Some(now));
                    }
                    if now.refresh.as_ref().map(ExposeSecret::expose_secret) != Some(refresh.expose_secret()) {
                        return Err(Error::new(Code::LoginFailed, "another process is refreshing the same login")
                            .hint("Call again: what it stored is taken then."));
                    }
                }
                tracing::warn!(why, "the stored login was refused and is removed");
                self.store.clear().await?;
                Ok(None)
            }
        }
    }
}
