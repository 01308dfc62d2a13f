//! The PagerDuty client: one connection pool for the process, one [`Api`] for a call.
//!
//! It sends [`Request`]s with the right headers, repeats what may be repeated, and decodes what comes back. It knows the
//! wire, not the tools: which filters a question needs is not decided here. Only this module and `auth` name `reqwest`.

mod accounts;
mod context;
pub mod decode;
pub(crate) mod failure;
pub(crate) mod http;
mod incidents;
mod probe;
mod rate;
mod request;
pub mod resources;
pub(crate) mod retry;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};

use crate::auth::Credential;
use crate::config::{Config, Host, TIMEOUT};
use crate::error::{Code, Error, Result};
use crate::fields::Selection;
use crate::ids::Id;
use crate::metrics;
use crate::models::{Model, Request as Shape};
use crate::pagination::{self, Listing, Want};
use crate::trace::Trace;
use decode::{Page, Row, Unreadable};
use resources::{Paging, Resource};
use retry::{Outcome, Patience};

use accounts::{Account, Accounts};
pub use context::{Owned, UserContext};
pub use incidents::NewStatus;
pub use probe::{Probe, RateLimit};
use request::Repeat;
pub use request::{Query, Request};

/// The longest an attempt may take, so that a hanging one leaves time for another.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// An answer larger than this is not PagerDuty's: its largest pages are a few megabytes.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// What all calls share.
#[derive(Debug)]
pub struct Client {
    /// Built with the first request: loading the system's certificates takes longer than answering `initialize`.
    http: OnceLock<reqwest::Client>,
    accounts: Accounts,
    host: Host,
    user_email: Option<String>,
    call_timeout: Duration,
    attempt_timeout: Duration,
    connect_timeout: Duration,
}

impl Client {
    /// A client for the host in `config`. Nothing is opened yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            http: OnceLock::new(),
            accounts: Accounts::default(),
            host: config.host.clone(),
            user_email: config.user_email.clone(),
            call_timeout: config.timeout,
            attempt_timeout: ATTEMPT_TIMEOUT.min(config.timeout),
            connect_timeout: config.connect_timeout,
        }
    }

    /// The client for one call in the name of a credential.
    #[must_use]
    pub fn with(self: &Arc<Self>, credential: Credential) -> Api {
        Api {
            account: self.accounts.of(credential.fingerprint()),
            client: Arc::clone(self),
            credential,
            patience: Arc::new(Patience::of(self.call_timeout)),
        }
    }

    /// Opens a connection to the configured host, so that the first call finds it open. What is sent is a `HEAD` of the
    /// base URL, without the credential and without a trace of whose it is. Failing is no failure: a call that follows
    /// says what is wrong.
    pub async fn warm_up(&self) {
        let outcome = match self.http() {
            Ok(http) => http.head(self.host.base()).send().await.map_err(http::reason),
            Err(error) => Err(error.to_string()),
        };
        match outcome {
            Ok(answer) => tracing::debug!(status = answer.status().as_u16(), "connected early"),
            Err(reason) => tracing::debug!(reason, "no connection yet"),
        }
    }

    /// Whether the HTTP client is there, or can be built now.
    pub fn ready(&self) -> Result<()> {
        self.http().map(drop)
    }

    fn http(&self) -> Result<&reqwest::Client> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.pagerduty+json;version=2"));
        let builder = http::builder(self.host.is_plain())
            .default_headers(headers)
            .connect_timeout(self.connect_timeout)
            .timeout(self.attempt_timeout);
        let built = builder.build().map_err(|error| {
            Error::new(Code::Internal, format!("the HTTP client cannot be built: {}", http::reason(error)))
        })?;
        Ok(self.http.get_or_init(|| built))
    }
}

/// The API for one call, in the name of one credential.
#[derive(Clone, Debug)]
pub struct Api {
    client: Arc<Client>,
    account: Arc<Account>,
    credential: Credential,
    patience: Arc<Patience>,
}

impl Api {
    /// One object by its ID, with the fields of `selection`.
    pub async fn one<M: Model>(&self, id: &Id<M>, query: Query, selection: &Selection) -> Result<Row<M>> {
        let query = query.with_all("include", &M::expansions(selection, Shape::One));
        self.read_one(&Request::one(M::RESOURCE, id, query), M::RESOURCE.one, selection).await
    }

    /// A list, page after page until `want` is met.
    pub async fn list<M: Model>(&self, query: Query, want: Want, selection: &Selection) -> Result<Listing<M>> {
        let query = query.with_all("include", &M::expansions(selection, Shape::List));
        debug_assert_eq!(M::RESOURCE.paging, Paging::Offset);
        pagination::collect(
            want,
            || self.account.rate.room(),
            |offset, size| {
                let query = query.clone().with("limit", Some(size)).with("offset", Some(offset));
                async move { self.page(&Request::list(M::RESOURCE, query), M::RESOURCE.many, selection).await }
            },
        )
        .await
    }

    /// A list that belongs to one object and comes in one piece, cut to `want`.
    pub async fn list_below<M: Model, P>(
        &self,
        resource: &'static Resource,
        parent: &Id<P>,
        query: Query,
        want: Want,
        selection: &Selection,
    ) -> Result<Listing<M>> {
        debug_assert_eq!(resource.paging, Paging::Whole);
        let page = self.page(&Request::below(resource, parent, query), resource.many, selection).await?;
        Ok(pagination::cut(want, page))
    }

    async fn read_one<M: Model>(&self, request: &Request, key: &'static str, selection: &Selection) -> Result<Row<M>> {
        self.send(request, |body| decode::one(body, key, selection)).await
    }

    async fn page<M: Model>(&self, request: &Request, key: &'static str, selection: &Selection) -> Result<Page<M>> {
        self.send(request, |body| decode::page(body, key, selection)).await
    }

    /// Sends a request, again if need be and allowed, and decodes the answer.
    async fn send<T>(&self, request: &Request, decode: impl Fn(&[u8]) -> Result<T, Unreadable>) -> Result<T> {
        self.send_noting(request, decode, &mut false).await
    }

    /// The same, and notes in `lost` whether an earlier attempt may have taken effect without our seeing its answer.
    async fn send_noting<T>(
        &self,
        request: &Request,
        decode: impl Fn(&[u8]) -> Result<T, Unreadable>,
        lost: &mut bool,
    ) -> Result<T> {
        let mut attempt = 1;
        loop {
            let failure = match self.attempt(request, &decode).await {
                Ok(decoded) => return Ok(decoded),
                Err(failure) => failure,
            };
            let again = attempt < retry::ATTEMPTS && failure.outcome.allows(request.repeat);
            let wait = failure.wait.unwrap_or_else(|| retry::backoff(attempt + 1));
            let Some(wait) = again.then(|| self.patience.grant(wait)).flatten() else {
                return Err(failure.into_error(request));
            };
            tracing::debug!(subject = request.subject, attempt, outcome = ?failure.outcome, ?wait, "sending again");
            *lost |= failure.outcome.leaves_doubt();
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt<T>(
        &self,
        request: &Request,
        decode: impl Fn(&[u8]) -> Result<T, Unreadable>,
    ) -> Result<T, Failure> {
        let sending = self.build(request).map_err(Failure::last)?;
        let underway = self.account.rate.send();
        let begun = Instant::now();
        let sent = sending.send().await;
        let status = sent.as_ref().ok().map(|answer| answer.status().as_u16());
        metrics::request(request.method.as_str(), &request.template, status, begun.elapsed());
        let mut answer = sent.map_err(|error| self.unsent(error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let rate_limit = RateLimit::of(&headers);
        self.account.rate.note(rate_limit);
        drop(underway);
        if let RateLimit { limit: Some(limit), remaining: Some(remaining), .. } = rate_limit {
            metrics::headroom(remaining, limit);
        }
        if status == StatusCode::UNAUTHORIZED {
            self.client.accounts.forget(&self.account);
        }
        let mut body = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > BODY_LIMIT => {
                    return Err(Failure::last(self.unexpected(request, "it is too large")));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return Err(self.unread(request, &headers, error)),
            }
        }
        tracing::debug!(
            subject = request.subject,
            status = status.as_u16(),
            bytes = body.len(),
            request_id = failure::request_id(&headers),
            "PagerDuty answered"
        );
        if !status.is_success() {
            let mut error = failure::from_answer(request, &self.credential, self.host(), status, &headers, &body);
            let outcome = Outcome::of_status(status);
            let wait = retry::asked_wait(&headers).filter(|_| outcome == Outcome::Limited);
            if outcome == Outcome::Limited {
                error = error.retry_after(wait.map_or(60, |wait| wait.as_secs()));
            }
            return Err(Failure { outcome, wait, error });
        }
        decode(&body).map_err(|unreadable| {
            let html = body.trim_ascii_start().starts_with(b"<");
            let why = if html { "it is HTML, not JSON".to_owned() } else { self.credential.redact(&unreadable.why) };
            let outcome = if unreadable.cut_off { Outcome::Unknown } else { Outcome::Garbled };
            let error =
                self.unexpected(request, &why).status(status.as_u16()).request_id(failure::request_id(&headers));
            Failure { outcome, wait: None, error }
        })
    }

    /// Where the credential is for, else where the settings say.
    fn host(&self) -> &Host {
        self.credential.host().unwrap_or(&self.client.host)
    }

    fn build(&self, request: &Request) -> Result<reqwest::RequestBuilder> {
        let mut url = format!("{}{}", self.host().base(), request.path);
        if !request.query.pairs.is_empty() {
            let pairs =
                url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&request.query.pairs).finish();
            url.push('?');
            url.push_str(&pairs);
        }
        let mut builder = self.client.http()?.request(request.method.clone(), url);
        builder = builder.header(AUTHORIZATION, self.credential.header()?);
        for (name, value) in Trace::current().iter().flat_map(Trace::headers) {
            builder = builder.header(name, value);
        }
        if let Some(from) = &request.from {
            builder = builder.header("From", from);
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        Ok(builder)
    }

    /// The request failed before an answer began.
    fn unsent(&self, error: reqwest::Error) -> Failure {
        let host = self.host().describe();
        let (connect, timeout, builder) = (error.is_connect(), error.is_timeout(), error.is_builder());
        let why = http::reason(error);
        if builder {
            return Failure::last(Error::new(Code::Internal, format!("the request cannot be built: {why}")));
        }
        let (outcome, error) = match (connect, timeout) {
            // A host that does not answer at all is not asked again: three time-outs are no better than one.
            (true, true) => (
                Outcome::Final,
                Error::new(
                    Code::NetworkError,
                    format!("no connection to {host} within {:?}", self.client.connect_timeout),
                )
                .hint("Check the network, a proxy or firewall, and PAGERDUTY_API_HOST."),
            ),
            (true, false) => (
                Outcome::NotArrived,
                Error::new(Code::NetworkError, format!("no connection to {host}: {why}"))
                    .hint("Check the network, a proxy or firewall, and PAGERDUTY_API_HOST."),
            ),
            (false, true) => (Outcome::Unknown, self.timed_out()),
            (false, false) => (
                Outcome::Unknown,
                Error::new(Code::NetworkError, format!("the connection to {host} broke: {why}")).hint("Try again."),
            ),
        };
        Failure { outcome, wait: None, error }
    }

    /// The answer began and did not end.
    fn unread(&self, request: &Request, headers: &HeaderMap, error: reqwest::Error) -> Failure {
        let timeout = error.is_timeout();
        let why = http::reason(error);
        let error = if timeout {
            self.timed_out()
        } else {
            Error::new(Code::NetworkError, format!("the answer to {} was cut off or damaged: {why}", request.subject))
                .hint("Try again.")
        };
        Failure { outcome: Outcome::Unknown, wait: None, error: error.request_id(failure::request_id(headers)) }
    }

    fn timed_out(&self) -> Error {
        let host = self.host().describe();
        Error::new(Code::Timeout, format!("{host} did not answer within {:?}", self.client.attempt_timeout)).hint(
            format!("Ask for less at a time, or allow more with {TIMEOUT}. A write may have taken effect: look first."),
        )
    }

    fn unexpected(&self, request: &Request, why: &str) -> Error {
        let host = self.host().describe();
        Error::new(
            Code::UnexpectedResponse,
            format!("the answer of {host} to {} is not usable: {why}", request.subject),
        )
        .hint("Check that PAGERDUTY_API_HOST and any proxy lead to PagerDuty's REST API; otherwise report it.")
    }
}

/// Why an attempt failed, and whether another may help.
struct Failure {
    outcome: Outcome,
    wait: Option<Duration>,
    error: Error,
}

impl Failure {
    fn last(error: Error) -> Self {
        Self { outcome: Outcome::Final, wait: None, error }
    }

    /// What the caller is told. After a write that may have taken effect, the next step is to look, whatever went wrong.
    fn into_error(self, request: &Request) -> Error {
        if request.method == reqwest::Method::GET || !self.outcome.leaves_doubt() {
            return self.error;
        }
        let error = self.error.hint("The change may have taken effect: look at the incident before trying again.");
        if request.repeat == Repeat::IfNotArrived { error.not_retryable() } else { error }
    }
}
