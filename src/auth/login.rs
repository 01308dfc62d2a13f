//! The login as a source of credentials: the stored tokens, refreshed if necessary, or a new login in the browser.
//!
//! Slow work runs once per process in a separate task, and all calls that need it share its outcome. The task outlives
//! them: a call that times out leaves the login open, and the next call finds it done.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use secrecy::{ExposeSecret, SecretString};

use super::Credential;
use super::exclusive::Exclusive;
use super::flow;
use super::identity::{Identity, Refusal};
use super::tokens::{self, Store, Tokens};
use super::worker;
use crate::config::{API_TOKEN, By, CLIENT_ID, Config, OAuth, TIMEOUT, TokenStore};
use crate::error::{Code, Error, Result, spoken};
use crate::sync;

/// The waits before a store that failed is tried again.
const SAVE_RETRIES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// The time during which a token that replaced a refused one is not replaced again.
const MIN_REFRESH_INTERVAL: Duration = Duration::from_mins(1);

/// The work that calls wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Store,
    Refresh,
    Browser,
}

type Acquisition = Shared<BoxFuture<'static, Result<Tokens>>>;

/// The tokens that a caller needs.
#[derive(Clone, Debug)]
enum Need {
    /// Any usable tokens, by a new login if there is no other way.
    Usable,
    /// The tokens of a new login, even if others are stored.
    Anew,
    /// Any tokens except those with this access token, which PagerDuty refused, without a new login.
    InsteadOf(SecretString),
}

impl Need {
    /// Returns whether the tokens satisfy the need.
    fn takes(&self, tokens: &Tokens) -> bool {
        let refused = match self {
            Need::Usable | Need::Anew => None,
            Need::InsteadOf(refused) => Some(refused),
        };
        tokens.is_fresh() && !same(Some(&tokens.access), refused)
    }
}

#[derive(Debug)]
struct State {
    tokens: Option<Tokens>,
    /// The acquisition in progress, and whether it ends without a new login.
    running: Option<(bool, Acquisition)>,
    unsaved: Option<Unsaved>,
    stage: Stage,
    /// The access token that replaced the last refused one, and the time.
    replaced: Option<(SecretString, Instant)>,
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
    /// Creates the login of `config`, if it names a client. Nothing is read or opened yet.
    #[must_use]
    pub fn new(config: &Config) -> Option<Self> {
        let settings = config.oauth.clone();
        let client_id = settings.client_id.clone()?;
        Some(Self {
            identity: Identity::new(client_id, config),
            store: Store::new(settings.store.clone()),
            settings,
            // A file may name a region, but the region of the login takes precedence.
            follow_region: config.host_by != Some(By::User),
            call_timeout: config.timeout,
            state: Mutex::new(State {
                tokens: None,
                running: None,
                unsaved: None,
                stage: Stage::Store,
                replaced: None,
            }),
        })
    }

    /// Returns the current access token. Waits for the user to log in if there is none.
    pub async fn credential(self: &Arc<Self>) -> Result<Credential> {
        self.tokens(&Need::Usable).await.map(|tokens| self.credential_of(&tokens))
    }

    fn credential_of(self: &Arc<Self>, tokens: &Tokens) -> Credential {
        tokens.credential(self.follow_region).replaced_by(self)
    }

    /// Returns a credential to use instead of one that PagerDuty refused: the known or stored one if that is different, or
    /// else a refreshed one. Returns `None` if the user has to log in. Simultaneous calls share one refresh.
    pub async fn replace(self: &Arc<Self>, refused: &SecretString) -> Result<Option<Credential>> {
        // A refusal that a refresh does not fix has another reason, such as the region. Refreshing for it would repeat
        // with each call.
        let fruitless = |(token, at): &(SecretString, Instant)| {
            same(Some(token), Some(refused)) && at.elapsed() < MIN_REFRESH_INTERVAL
        };
        if self.lock().replaced.as_ref().is_some_and(fruitless) {
            return Ok(None);
        }
        match self.tokens(&Need::InsteadOf(refused.clone())).await {
            Ok(tokens) => Ok(Some(self.credential_of(&tokens))),
            Err(error) if error.code() == Code::AuthenticationFailed => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Forgets an access token that PagerDuty refused, so that the next call reads the store again: another process may have
    /// logged in or out.
    pub fn forget(&self) {
        self.lock().tokens = None;
    }

    /// Logs in anew, even if tokens are stored.
    pub async fn renew(self: &Arc<Self>) -> Result<Credential> {
        self.tokens(&Need::Anew).await.map(|tokens| self.credential_of(&tokens))
    }

    /// Returns the stored access token, if it can be used as it is.
    pub async fn present(&self) -> Result<Credential> {
        let hint = "Log in with `pagerduty-mcp-server auth login`, or call a tool and log in when the browser opens.";
        let missing = |why: &str| Err(Error::new(Code::MissingCredentials, why).hint(hint));
        match self.store.load().await? {
            None => missing("no user has logged in yet"),
            Some(tokens) if !tokens.is_fresh() => missing("the login has expired"),
            Some(tokens) => Ok(tokens.credential(self.follow_region)),
        }
    }

    /// Returns the error for a call that timed out before there was a token.
    #[must_use]
    pub fn interrupted(&self) -> Error {
        let after = self.call_timeout;
        let limit = spoken(after);
        match self.lock().stage {
            Stage::Browser => Error::new(
                Code::LoginPending,
                format!("the login in the browser was not finished within {limit}"),
            )
            .hint(
                "Finish the login in the browser (the server's log has the address), then call again. The page works \
                     as long as the server runs. From the command line, run `pagerduty-mcp-server auth login` first.",
            ),
            Stage::Refresh => Error::new(Code::Timeout, format!("the login was not refreshed within {limit}"))
                .hint(format!("Try again in a minute, or allow more with {TIMEOUT}.")),
            Stage::Store if self.settings.store == TokenStore::Keyring => tokens::waiting(after),
            Stage::Store => Error::new(Code::Timeout, format!("the token store did not answer within {limit}"))
                .hint(format!("Try again, or set {API_TOKEN} instead.")),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        sync::lock(&self.state)
    }

    fn enter(&self, stage: Stage) {
        self.lock().stage = stage;
    }

    async fn tokens(self: &Arc<Self>, need: &Need) -> Result<Tokens> {
        let is_unattended = matches!(need, Need::InsteadOf(_));
        loop {
            let (theirs, acquisition) = {
                let mut state = self.lock();
                let anew = matches!(need, Need::Anew);
                if let Some(tokens) = state.tokens.as_ref().filter(|tokens| !anew && need.takes(tokens)) {
                    return Ok(tokens.clone());
                }
                if let Some((other, running)) = &state.running {
                    (*other != is_unattended, running.clone())
                } else {
                    let acquisition = self.start(need.clone());
                    state.running = Some((is_unattended, acquisition.clone()));
                    (false, acquisition)
                }
            };
            let outcome = acquisition.await;
            // Tokens that other callers acquired may not satisfy this need.
            if !theirs || outcome.as_ref().is_ok_and(|tokens| need.takes(tokens)) {
                return outcome;
            }
        }
    }

    fn start(self: &Arc<Self>, need: Need) -> Acquisition {
        let this = Arc::clone(self);
        let task = tokio::spawn(async move {
            let outcome = this.acquire(&need).await;
            let mut state = this.lock();
            state.running = None;
            state.tokens = outcome.as_ref().ok().cloned();
            outcome
        });
        let this = Arc::downgrade(self);
        task.map(move |ended| {
            ended.unwrap_or_else(|error| {
                // It panicked, or the runtime is shutting down: the next call has to start another.
                if let Some(this) = this.upgrade() {
                    this.lock().running = None;
                }
                Err(Error::new(Code::Internal, format!("the login failed: {error}")))
            })
        })
        .boxed()
        .shared()
    }

    async fn acquire(&self, need: &Need) -> Result<Tokens> {
        self.enter(Stage::Store);
        // This comes before a new login, which would be in vain without a usable store.
        let known = self.known().await?;
        if let Some(known) = known.filter(|_| !matches!(need, Need::Anew)) {
            if need.takes(&known) {
                return Ok(known);
            }
            if self.identity.can_refresh()
                && known.has_refresh_token()
                && let Some(tokens) = self.refresh(need).await?
            {
                return Ok(tokens);
            }
        }
        if matches!(need, Need::InsteadOf(_)) {
            return Err(Error::new(Code::AuthenticationFailed, "a new login is necessary"));
        }
        self.enter(Stage::Browser);
        flow::run(&self.settings, &self.identity, &self.store).await
    }

    /// Returns the stored tokens, or those that the store failed to take.
    async fn known(&self) -> Result<Option<Tokens>> {
        let Some(unsaved) = self.lock().unsaved.clone() else { return self.store.load().await };
        match self.store.load().await {
            // Another process has logged in or out.
            Ok(stored) if !unsaved.follows(stored.as_ref()) => {
                self.lock().unsaved = None;
                Ok(stored)
            }
            Ok(_) => Ok(Some(unsaved.tokens)),
            Err(error) => {
                tracing::debug!(%error, "the token store is still not usable; going on with what is in memory");
                Ok(Some(unsaved.tokens))
            }
        }
    }

    /// Refreshes the login, unless another process has just done so. Returns `None` if the login is not usable any more.
    async fn refresh(&self, need: &Need) -> Result<Option<Tokens>> {
        self.enter(Stage::Refresh);
        let right = self.store.exclusive().await;
        let Some(known) = self.known().await? else { return Ok(None) };
        if need.takes(&known) {
            return Ok(Some(known));
        }
        let Some(refresh) = &known.refresh else { return Ok(None) };
        match self.identity.refresh(refresh).await {
            Ok(mut tokens) => {
                tokens.region = tokens.region.or(known.region);
                // It is stored before it is used: the old refresh token is invalid, and only this process has the new one.
                self.keep(&known, &tokens, &right).await;
                if let Need::InsteadOf(_) = need {
                    self.lock().replaced = Some((tokens.access.clone(), Instant::now()));
                }
                Ok(Some(tokens))
            }
            Err(Refusal::Failed(error)) => Err(error),
            Err(Refusal::Rejected(why)) => {
                // If there were tokens in memory alone, these are refused.
                let unsaved = self.lock().unsaved.take();
                // A program without this lock, such as the Python server, may have refreshed in the meantime, and its tokens must
                // be kept. Tokens that this process replaced and could not overwrite are not such tokens.
                let ours = |now: &Tokens| {
                    same(now.refresh.as_ref(), Some(refresh))
                        || unsaved.as_ref().is_some_and(|own| own.follows(Some(now)))
                };
                if let Some(now) = self.store.load().await?.filter(|now| !ours(now)) {
                    if need.takes(&now) {
                        return Ok(Some(now));
                    }
                    return Err(Error::new(Code::LoginFailed, "another program is refreshing the same login")
                        .hint("Call again to use the refreshed login."));
                }
                if self.settings.client_by == Some(By::File) {
                    return Err(Error::new(
                        Code::LoginFailed,
                        format!("the stored login was refused for the {CLIENT_ID} of the .env file: {why}"),
                    )
                    .hint(format!(
                        "It may be another app's login, and is kept. If the app of the file is the right one, log in with \
                         `pagerduty-mcp-server auth login`; if not, set {CLIENT_ID} in the environment."
                    )));
                }
                tracing::warn!(why, "the stored login was refused and is removed");
                self.store.clear(&right).await?;
                Ok(None)
            }
        }
    }

    /// Stores refreshed tokens. If the store fails, they stay in memory and are stored with the next refresh.
    async fn keep(&self, before: &Tokens, tokens: &Tokens, right: &Exclusive) {
        let begun = Instant::now();
        let mut outcome = self.store.save(tokens, right).await;
        for wait in SAVE_RETRIES {
            // A locked keyring has received the tokens, and writes them once it is unlocked.
            if outcome.is_ok() || begun.elapsed() >= worker::KEYRING_TIMEOUT {
                break;
            }
            tokio::time::sleep(wait).await;
            outcome = self.store.save(tokens, right).await;
        }
        let mut state = self.lock();
        let replaced = state.unsaved.take().map_or_else(|| before.refresh.clone(), |unsaved| unsaved.replaced);
        if let Err(error) = outcome {
            tracing::warn!(%error, "the refreshed login could not be stored: if this process ends, log in again");
            state.unsaved = Some(Unsaved { replaced, tokens: tokens.clone() });
        }
    }
}

/// Tokens that the store failed to take.
#[derive(Clone, Debug)]
struct Unsaved {
    /// The refresh token that is still in the store, and invalid.
    replaced: Option<SecretString>,
    tokens: Tokens,
}

impl Unsaved {
    /// Returns whether these tokens were to replace `stored`.
    fn follows(&self, stored: Option<&Tokens>) -> bool {
        stored.is_some_and(|stored| same(stored.refresh.as_ref(), self.replaced.as_ref()))
    }
}

fn same(one: Option<&SecretString>, other: Option<&SecretString>) -> bool {
    one.map(ExposeSecret::expose_secret) == other.map(ExposeSecret::expose_secret)
}
