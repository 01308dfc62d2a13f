//! What every HTTP client in the crate has in common: that of the API, and that of the login.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::time::Instant;

use super::tls;
use crate::config::Trust;
use crate::error::{Code, Error, Result};

/// How often a connection is asked for a sign of life over HTTP/2, also while it is idle: one that died unnoticed is gone
/// before the next call needs it.
const PING: Duration = Duration::from_secs(5);

/// How long the sign of life may take, and how long an answer that was then no longer waited for may have been silent
/// before its connection counts as stuck.
const SILENCE: Duration = Duration::from_secs(5);

/// What a [`Pool`] is made with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether the host is on this machine and spoken to without TLS.
    pub plain: bool,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a request may take that does not say otherwise.
    pub timeout: Duration,
    /// Headers of every request.
    pub headers: HeaderMap,
    /// The certificate authorities to trust.
    pub trust: Trust,
}

/// Connections, opened as they are needed and kept for the next request.
///
/// All requests to a host share one HTTP/2 connection. If it stops answering without closing, every later request would
/// wait on it in vain. So a request that times out retires the pool: requests under way keep the connections they have,
/// later ones open new ones.
#[derive(Debug)]
pub struct Pool {
    settings: Settings,
    /// Loaded with the first request, and kept when the connections are replaced: reading the system's certificates takes
    /// longer than answering `initialize`. TLS sessions are resumed with it.
    tls: OnceLock<rustls::ClientConfig>,
    current: Mutex<Current>,
}

#[derive(Debug, Default)]
struct Current {
    generation: u64,
    client: Option<reqwest::Client>,
}

impl Pool {
    /// A pool. Nothing is opened or loaded yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, tls: OnceLock::new(), current: Mutex::default() }
    }

    /// How long connecting may take.
    pub fn connect_timeout(&self) -> Duration {
        self.settings.connect_timeout
    }

    /// The HTTP client of the current connections, and a watch over the request that it is for.
    pub fn client(&self) -> Result<(reqwest::Client, Watch<'_>)> {
        let tls = self.tls()?;
        let mut current = self.current();
        let client = match &current.client {
            Some(client) => client.clone(),
            None => current.client.insert(self.build(tls)?).clone(),
        };
        let (generation, now) = (current.generation, Instant::now());
        Ok((
            client,
            Watch { pool: self, generation, begun: now, heard: now, within: self.settings.timeout, over: false },
        ))
    }

    fn tls(&self) -> Result<rustls::ClientConfig> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls.clone());
        }
        let tls = tls::config(&self.settings)?;
        Ok(self.tls.get_or_init(|| tls).clone())
    }

    fn build(&self, tls: rustls::ClientConfig) -> Result<reqwest::Client> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("pagerduty-mcp-server/", env!("CARGO_PKG_VERSION")))
            // A redirect could carry a secret elsewhere, and PagerDuty's hosts have none.
            .redirect(reqwest::redirect::Policy::none())
            .default_headers(self.settings.headers.clone())
            .connect_timeout(self.settings.connect_timeout)
            .timeout(self.settings.timeout)
            .http2_keep_alive_interval(PING)
            .http2_keep_alive_timeout(SILENCE)
            .http2_keep_alive_while_idle(true)
            .tls_backend_preconfigured(tls);
        // A proxy would see the secret, and could not reach this machine's loopback anyhow.
        let builder = if self.settings.plain { builder.no_proxy() } else { builder };
        builder
            .build()
            .map_err(|error| Error::new(Code::Internal, format!("the HTTP client cannot be built: {}", reason(error))))
    }

    /// Lets later requests open new connections, unless they do already.
    fn retire(&self, generation: u64) {
        let mut current = self.current();
        if current.generation == generation {
            tracing::debug!(generation, "no answer: later requests open a new connection");
            *current = Current { generation: generation + 1, client: None };
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watches one request. Dropped before the answer has ended, after a silence that was too long, it retires the pool that
/// the request came from: the request timed out, or its caller gave it up.
#[must_use]
pub struct Watch<'p> {
    pool: &'p Pool,
    generation: u64,
    begun: Instant,
    heard: Instant,
    within: Duration,
    over: bool,
}

impl Watch<'_> {
    /// Begins, with a request that may take so long.
    pub fn begin(&mut self, within: Duration) {
        let now = Instant::now();
        (self.begun, self.heard, self.within) = (now, now, within);
    }

    /// How long an answer was waited for that did not come in time: less than it might have taken, where pings found that
    /// the connection was dead.
    pub fn waited(&self) -> Duration {
        self.begun.elapsed().min(self.within)
    }

    /// Notes that a part of the answer came.
    pub fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// Ends with an answer, or with an error that says itself what is wrong with the connection.
    pub fn end(mut self) {
        self.over = true;
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        // An answer that stalled half way timed out, too, though its silence was shorter than the attempt.
        if !self.over && self.heard.elapsed() >= SILENCE.min(self.within / 2) {
            self.pool.retire(self.generation);
        }
    }
}

/// The innermost reason of a failure, which is the one that helps: reqwest's own text only says which stage failed. Without
/// the URL.
pub fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    chain(&error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

/// An error and what caused it, outermost first.
pub fn chain<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// Whether PagerDuty says that it did nothing about a request: its stream was refused, or the connection was on its way out.
/// <https://www.rfc-editor.org/rfc/rfc9113.html#section-8.7>
pub fn was_turned_away(error: &reqwest::Error) -> bool {
    chain(error).filter_map(|error| error.downcast_ref::<h2::Error>()).any(|error| {
        let reason = error.reason();
        error.is_remote()
            && (error.is_reset() && reason == Some(h2::Reason::REFUSED_STREAM)
                || error.is_go_away() && reason == Some(h2::Reason::NO_ERROR))
    })
}
