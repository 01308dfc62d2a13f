//! The parts that all HTTP clients in the crate share: the client of the API and that of the login.

use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::time::Instant;

use super::tls;
use crate::config::Trust;
use crate::error::{Code, Error, Result};
use crate::sync::lock;

/// The interval between HTTP/2 pings, which are also sent on idle connections: a dead connection is removed before the
/// next call needs it.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// The time limit of the response to a ping, and the silence after which the connection of an abandoned response counts as
/// stuck.
const MAX_SILENCE: Duration = Duration::from_secs(5);

/// The settings of a [`Pool`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// Set if the host is on this machine and used without TLS.
    pub plain: bool,
    /// The time that connecting may take.
    pub connect_timeout: Duration,
    /// The default time-out of a request.
    pub timeout: Duration,
    /// The headers of every request.
    pub headers: HeaderMap,
    /// The certificate authorities to trust.
    pub trust: Trust,
}

/// The most connections that stay open without a request. Each one of HTTP/1.1 keeps its buffers, which have grown to
/// the size of the answers. With HTTP/2, as PagerDuty has it, there is one connection.
const MAX_IDLE: usize = 4;

/// A pool of connections, opened as they are needed and kept for the next request.
///
/// All requests to a host share one HTTP/2 connection. If it stops answering without closing, every later request would
/// wait on it in vain. So a request that times out retires the pool: requests in progress keep their connections, and
/// later ones open new ones.
#[derive(Debug)]
pub struct Pool {
    settings: Settings,
    /// The TLS configuration, loaded with the first request and kept when connections are replaced: reading the
    /// system's certificates takes longer than answering `initialize`. It also lets TLS sessions be resumed.
    tls: OnceLock<rustls::ClientConfig>,
    current: Mutex<Current>,
}

#[derive(Debug, Default)]
struct Current {
    generation: u64,
    client: Option<reqwest::Client>,
}

impl Pool {
    /// Creates a pool. Nothing is opened or loaded yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, tls: OnceLock::new(), current: Mutex::default() }
    }

    /// Returns the time that connecting may take.
    pub fn connect_timeout(&self) -> Duration {
        self.settings.connect_timeout
    }

    /// Returns the HTTP client of the current connections, and a watch over the request that will use it.
    pub fn client(&self) -> Result<(reqwest::Client, Watch<'_>)> {
        let mut current = self.current();
        let client = if let Some(client) = &current.client {
            client.clone()
        } else {
            // Loading the certificates takes time, so nothing else waits for it.
            drop(current);
            let built = self.build(self.tls()?)?;
            current = self.current();
            current.client.get_or_insert(built).clone()
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
            // A redirect could carry a secret elsewhere, and PagerDuty's hosts do not redirect.
            .redirect(reqwest::redirect::Policy::none())
            .default_headers(self.settings.headers.clone())
            .connect_timeout(self.settings.connect_timeout)
            .timeout(self.settings.timeout)
            .pool_max_idle_per_host(MAX_IDLE)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(MAX_SILENCE)
            .http2_keep_alive_while_idle(true)
            .tls_backend_preconfigured(tls);
        // A proxy would see the secret, and could not reach the loopback of this machine anyway.
        let builder = if self.settings.plain { builder.no_proxy() } else { builder };
        builder
            .build()
            .map_err(|error| Error::new(Code::Internal, format!("the HTTP client cannot be built: {}", reason(error))))
    }

    /// Makes later requests open new connections, unless they already do.
    fn retire(&self, generation: u64) {
        let mut current = self.current();
        if current.generation == generation {
            tracing::debug!(generation, "no answer: later requests open a new connection");
            *current = Current { generation: generation + 1, client: None };
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        lock(&self.current)
    }
}

/// A watch over one request.
///
/// If it is dropped before the response has ended and after a silence that was too long, it retires the pool of the
/// request: the request timed out, or its caller canceled it.
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
    /// Starts the watch over a request with this time limit.
    pub fn begin(&mut self, within: Duration) {
        let now = Instant::now();
        (self.begun, self.heard, self.within) = (now, now, within);
    }

    /// Returns the time that the request may take.
    pub fn within(&self) -> Duration {
        self.within
    }

    /// Returns the duration of a request that timed out before its limit, because pings found that its connection was dead.
    pub fn broke_after(&self) -> Option<Duration> {
        Some(self.begun.elapsed()).filter(|lasted| *lasted < self.within)
    }

    /// Records that part of the response arrived.
    pub fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// Ends the watch after a response, or after an error that itself reports the fault of the connection.
    pub fn end(mut self) {
        self.over = true;
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        // A response that stalled half way also timed out, although its silence was shorter than the attempt.
        if !self.over && self.heard.elapsed() >= MAX_SILENCE.min(self.within / 2) {
            self.pool.retire(self.generation);
        }
    }
}

/// Returns the innermost reason of a failure, without the URL. The text of reqwest itself only names the stage that failed.
pub fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    chain(&error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

/// Returns an error and its causes, outermost first.
pub fn chain<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// Returns whether PagerDuty reports that it did not process a request: it refused the stream, or was closing the
/// connection.
/// <https://www.rfc-editor.org/rfc/rfc9113.html#section-8.7>
pub fn was_rejected(error: &reqwest::Error) -> bool {
    chain(error).filter_map(|error| error.downcast_ref::<h2::Error>()).any(|error| {
        let reason = error.reason();
        error.is_remote()
            && (error.is_reset() && reason == Some(h2::Reason::REFUSED_STREAM)
                || error.is_go_away() && reason == Some(h2::Reason::NO_ERROR))
    })
}
