//! Requests to the identity server over our HTTP client: repeated after failures that pass, and told apart by what they
//! mean for the login.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::client::{http, tls};
use crate::config::Trust;
use crate::error::{Error, Result};

/// How often a request is sent at most: once, and three times again.
const ATTEMPTS: u32 = 4;

/// The first wait between two attempts; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// How long an attempt may take. A code lives 30 seconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may take with all its attempts, and the waits between them.
pub const LONGEST: Duration = {
    let waits = FIRST_WAIT.saturating_mul(2_u32.pow(ATTEMPTS - 1) - 1);
    ATTEMPT_TIMEOUT.saturating_mul(ATTEMPTS).saturating_add(waits)
};

/// An answer larger than this holds no tokens.
const BODY_LIMIT: usize = 1024 * 1024;

/// Connections for a few requests an hour at most, so made when they are needed: keeping them would keep one open.
pub struct Wire(http::Pool);

impl Wire {
    /// Connections to the identity server. `plain` says that it is on this machine, without TLS.
    pub fn new(plain: bool, connect_timeout: Duration, trust: Trust) -> Self {
        let (timeout, headers) = (ATTEMPT_TIMEOUT, HeaderMap::new());
        Self(http::Pool::new(http::Settings { plain, connect_timeout, timeout, headers, trust }))
    }

    /// Sends a request, again after failures that pass.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Trouble> {
        let mut wait = FIRST_WAIT;
        for _ in 1..ATTEMPTS {
            match attempt(&self.0, request.clone()).await {
                Err(trouble) if trouble.passes() => {
                    tracing::debug!(%trouble, ?wait, "asking the identity server again");
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

/// What went wrong on the wire.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("{0}")]
    Network(String),
    /// Its certificate does not verify: why, and what to do.
    #[error("{0}")]
    Untrusted(String, String),
    /// The settings do not allow for a connection.
    #[error("{0}")]
    Unusable(Error),
    #[error("status {0}")]
    Status(u16),
    #[error("status {0}")]
    Refused(u16),
    #[error("the answer is too large")]
    TooLarge,
}

impl Trouble {
    fn passes(&self) -> bool {
        matches!(self, Trouble::Network(_) | Trouble::Status(_))
    }
}

async fn attempt(pool: &http::Pool, request: HttpRequest) -> Result<HttpResponse, Trouble> {
    let (http, mut watch) = pool.client().map_err(Trouble::Unusable)?;
    let request = reqwest::Request::try_from(request).map_err(network)?;
    watch.begin(ATTEMPT_TIMEOUT);
    // A time-out retires the connection: the next attempt gets another one.
    let outcome = exchange(&http, request).await;
    if !matches!(&outcome, Err(Trouble::Network(_))) {
        watch.end();
    }
    outcome
}

async fn exchange(http: &reqwest::Client, request: reqwest::Request) -> Result<HttpResponse, Trouble> {
    let mut answer = http.execute(request).await.map_err(network)?;
    let status = answer.status();
    if status.is_server_error() || matches!(status.as_u16(), 408 | 429) {
        return Err(Trouble::Status(status.as_u16()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(network)? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(Trouble::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    // A refusal in other words than OAuth's, such as a gateway's page. `oauth2` would not tell its status.
    let said = serde_json::from_slice::<Value>(&body).is_ok_and(|body| body.get("error").is_some_and(Value::is_string));
    if !status.is_success() && !said {
        return Err(Trouble::Refused(status.as_u16()));
    }
    let mut response = HttpResponse::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}
