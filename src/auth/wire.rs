//! Requests to the identity server over our HTTP client: retried after temporary failures, and classified by their meaning
//! for the login.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::config::Trust;
use crate::error::{Error, Result};
use crate::net::{http, tls};

/// The most attempts at a request: the first one and three retries.
const ATTEMPTS: u32 = 4;

/// The first wait between two attempts, which doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The time limit of an attempt. A code is valid for 30 seconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// The time limit of a request with all its attempts and waits.
pub const MAX_REQUEST: Duration = {
    let waits = FIRST_WAIT.saturating_mul(2_u32.pow(ATTEMPTS - 1) - 1);
    ATTEMPT_TIMEOUT.saturating_mul(ATTEMPTS).saturating_add(waits)
};

/// The largest response that is read. A larger one contains no tokens.
const MAX_BODY: usize = 1024 * 1024;

/// The connections to the identity server. There are only a few requests an hour, so connections are opened when needed
/// and not kept.
pub struct Wire(http::Pool);

impl Wire {
    /// Creates the connections. `plain` is set if the identity server is on this machine, without TLS.
    pub fn new(plain: bool, connect_timeout: Duration, trust: Trust) -> Self {
        let (timeout, headers) = (ATTEMPT_TIMEOUT, HeaderMap::new());
        Self(http::Pool::new(http::Settings { plain, connect_timeout, timeout, headers, trust }))
    }

    /// Sends a request, with retries after temporary failures.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Trouble> {
        let mut wait = FIRST_WAIT;
        for _ in 1..ATTEMPTS {
            match attempt(&self.0, request.clone()).await {
                Err(trouble) if trouble.passes() => {
                    tracing::debug!(%trouble, wait_s = crate::trace::seconds(wait), "asking the identity server again");
                    tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                    wait *= 2;
                }
                outcome => return outcome,
            }
        }
        attempt(&self.0, request).await
    }
}

impl<'c> AsyncHttpClient<'c> for Wire {
    type Error = Trouble;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Trouble>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

fn network(error: reqwest::Error) -> Trouble {
    match tls::untrusted(&error) {
        Some((why, hint)) => Trouble::Untrusted(why, hint),
        None => Trouble::Network(http::reason(error)),
    }
}

/// A failed request.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("{0}")]
    Network(String),
    /// The server's certificate does not verify: the reason, and what to do.
    #[error("{0}")]
    Untrusted(String, String),
    /// The settings do not allow a connection.
    #[error("{0}")]
    Unusable(Error),
    /// A temporary failure.
    #[error("status {0}")]
    Status(u16, Said),
    /// A refusal that is not an OAuth error, such as a gateway's page.
    #[error("status {0}")]
    Refused(u16, Said),
    #[error("the answer is too large")]
    TooLarge,
}

impl Trouble {
    fn passes(&self) -> bool {
        matches!(self, Trouble::Network(_) | Trouble::Status(..))
    }
}

/// The body of a refusal. It may echo a secret, so it is not printed; [`Identity`](super::identity::Identity) redacts it.
pub struct Said(pub Vec<u8>);

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

async fn attempt(pool: &http::Pool, request: HttpRequest) -> Result<HttpResponse, Trouble> {
    let (http, mut watch) = pool.client().map_err(Trouble::Unusable)?;
    let request = reqwest::Request::try_from(request).map_err(network)?;
    watch.begin(ATTEMPT_TIMEOUT);
    // A time-out retires the connection, so that the next attempt gets a new one.
    let outcome = exchange(&http, request).await;
    if !matches!(&outcome, Err(Trouble::Network(_))) {
        watch.end();
    }
    outcome
}

async fn exchange(http: &reqwest::Client, request: reqwest::Request) -> Result<HttpResponse, Trouble> {
    let mut answer = http.execute(request).await.map_err(network)?;
    let status = answer.status();
    let passes = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_BODY => return Err(Trouble::TooLarge),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            // The status is sufficient, even if the body cannot be read.
            Err(_) if passes => break,
            Err(error) => return Err(network(error)),
        }
    }
    if passes {
        return Err(Trouble::Status(status.as_u16(), Said(body)));
    }
    // `oauth2` would not report the status of a response that is not an OAuth error.
    if !status.is_success() && !is_oauth_error(&body) {
        return Err(Trouble::Refused(status.as_u16(), Said(body)));
    }
    let mut response = HttpResponse::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}

/// Returns whether a body is an error in the form of RFC 6749, section 5.2.
fn is_oauth_error(body: &[u8]) -> bool {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return false };
    let is_text = |name| body.get(name).is_none_or(|text| text.is_string() || text.is_null());
    body.get("error").is_some_and(Value::is_string) && is_text("error_description") && is_text("error_uri")
}
