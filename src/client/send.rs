//! Sends one request: waits for rate-limit capacity, retries, and classifies the outcome. The decisions are in `policy`.

use std::mem;
use std::time::Duration;

use pagerduty_api::{Answer, Effect, Operation, Paging};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::accounts::rate::{self, Admission, Hold, InFlight};
use super::decode::Unreadable;
use super::policy::{self, Attempt, Decision, Outcome};
use super::request::Write;
use super::{Api, RateLimit, Request, failure};
use crate::auth::Credential;
use crate::config::{Host, TIMEOUT};
use crate::error::{Code, Error, Result, spoken};
use crate::metrics;
use crate::net::http::{self, Watch};
use crate::net::{tls, words};
use crate::sync::lock;
use crate::trace::{Trace, seconds};

/// The next step when there is no connection.
const CHECK_NETWORK: &str = "Check the network, a firewall, a proxy (HTTPS_PROXY; not SOCKS), and PAGERDUTY_API_HOST.";

/// Decodes the body of an answer, and keeps what it says.
type Decode<'d> = dyn FnMut(&[u8]) -> Result<(), Unreadable> + Send + 'd;

/// The failure of a request that is not retried any more.
pub(super) struct GivenUp {
    /// The error of the last attempt.
    pub error: Error,
    /// Set if a write has to be verified, since it may have taken effect.
    pub verify: bool,
    /// The time of the first attempt that may have taken effect, or else of the last attempt.
    pub sent: Instant,
}

impl Api {
    /// Sends a read and decodes the response.
    pub(super) async fn send<T: Send>(
        &self,
        request: &Request,
        decode: impl FnMut(&[u8]) -> Result<T, Unreadable> + Send,
    ) -> Result<T> {
        self.exchange(request, decode).await.map_err(|given_up| given_up.error)
    }

    /// Sends a request, with retries, and decodes the response.
    pub(super) async fn exchange<T: Send>(
        &self,
        request: &Request,
        mut decode: impl FnMut(&[u8]) -> Result<T, Unreadable> + Send,
    ) -> Result<T, GivenUp> {
        let mut decoded = None;
        let mut decode = |body: &[u8]| {
            decoded = Some(decode(body)?);
            Ok(())
        };
        // The code that sends exists once, not once for each type of answer, and is no part of the caller's future.
        Box::pin(self.attempts(request, &mut decode)).await?;
        decoded.ok_or_else(|| {
            let error = Error::new(Code::Internal, format!("the answer to {} was not decoded", request.subject));
            GivenUp { error, verify: false, sent: Instant::now() }
        })
    }

    async fn attempts(&self, request: &Request, decode: &mut Decode<'_>) -> Result<(), GivenUp> {
        let effect = request.operation.effect;
        let (mut number, mut doubt, mut replaced, mut in_doubt_since) = (1, false, false, None);
        loop {
            let credential = self.current();
            // A write is sent without waiting after this line.
            let began = Instant::now();
            let Failure { outcome, requested_wait, mut error } = match self.attempt(request, &credential, decode).await
            {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            // A refused request had no effect, so a write is retried too, unless an earlier attempt is in doubt.
            if error.code() == Code::AuthenticationFailed && !replaced && (!doubt || effect != Effect::Once) {
                replaced = true;
                match self.replace(&credential).await {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(why) => error = error.adding(&format!("; refreshing the login failed: {}", why.message())),
                }
            }
            let last = Attempt { effect, number, outcome, doubt, requested_wait };
            doubt |= outcome.leaves_doubt();
            if doubt {
                in_doubt_since.get_or_insert(began);
            }
            let sent = in_doubt_since.unwrap_or(began);
            if !effect.is_read() && !doubt {
                self.call.doubt(None);
            }
            match self.call.decide(|left| self.client.policy.decide(&last, left, fastrand::f64())) {
                Decision::Retry(wait) => {
                    tracing::debug!(subject = request.subject, number, ?outcome, wait_s = seconds(wait), "retrying");
                    tokio::time::sleep(wait).await;
                    number += 1;
                }
                Decision::Verify => return Err(GivenUp { error, verify: true, sent }),
                Decision::GiveUp => return Err(GivenUp { error, verify: false, sent }),
            }
        }
    }

    /// Replaces a refused credential by another one of the same login, and returns whether there is one.
    async fn replace(&self, refused: &Credential) -> Result<bool> {
        let Some(other) = refused.replacement().await? else { return Ok(false) };
        tracing::debug!("the login was refused and is replaced");
        *lock(&self.replacement) = Some(other);
        Ok(true)
    }

    /// Waits for rate-limit capacity. The request counts as in flight until the returned guard is dropped.
    ///
    /// A write waits only when PagerDuty refuses the write itself: the known state of the limit comes from other requests,
    /// which may have separate limits, and acknowledging must not wait because of reads. The same applies to reads that
    /// belong to a write: its author, its incident's ID, and its verification.
    async fn admit(&self, operation: &'static Operation) -> Result<InFlight<'_>, Failure> {
        let rate = &self.account.rate;
        if !operation.effect.is_read() || self.urgent {
            return Ok(rate.acquire_unchecked());
        }
        loop {
            let (update, now) = (rate.update(), Instant::now());
            match rate.try_acquire(operation.id, now) {
                Admission::Granted(in_flight) => return Ok(in_flight),
                Admission::WaitForUpdate(until) => {
                    tracing::debug!("near the rate limit");
                    let _ = timeout_at(until, update).await;
                }
                Admission::WaitUntil(Hold { until, end }) => {
                    let until = rate::jittered(until, now, fastrand::f64());
                    let wait = until.saturating_duration_since(now);
                    let wait_or_not = |left: policy::Left| {
                        if left.fits(wait) { Decision::Retry(wait) } else { Decision::GiveUp }
                    };
                    if self.call.decide(wait_or_not) == Decision::GiveUp {
                        return Err(Failure::last(held_back(end.saturating_duration_since(now))));
                    }
                    tracing::debug!(wait_s = seconds(wait), "beyond the rate limit");
                    tokio::time::sleep_until(until).await;
                }
            }
        }
    }

    async fn attempt(
        &self,
        request: &Request,
        credential: &Credential,
        decode: &mut Decode<'_>,
    ) -> Result<(), Failure> {
        let operation = request.operation;
        let in_flight = self.admit(operation).await?;
        let Some(within) = self.client.policy.time_for(operation.effect, self.call.left()) else {
            return Err(Failure::last(self.too_late(request)));
        };
        let (http, mut watch) = self.client.http.client().map_err(Failure::last)?;
        let sending = self.build(&http, request, credential).map_err(Failure::last)?;
        let begun = Instant::now();
        if let Some(write) = &request.write {
            self.account.memory.sent(&write.key, request.from.as_deref()).map_err(Failure::last)?;
            self.call.doubt(request.unknown("the call ended before the answer came"));
        }
        watch.begin(within);
        let sent = sending.timeout(within).send().await;
        let status = sent.as_ref().ok().map(|answer| answer.status().as_u16());
        metrics::request(operation.method.as_str(), operation.path, status, begun.elapsed());
        let mut answer = sent.map_err(|error| self.unsent(request, error, &watch))?;
        // Reading the body does not use them.
        let (status, headers) = (answer.status(), mem::take(answer.headers_mut()));
        self.note(&in_flight, operation, status, &headers);
        drop(in_flight);
        let body = self.body(request, answer, &mut watch).await;
        if let Ok(body) = &body {
            watch.end();
            if operation.paging() == Some(Paging::Offset) {
                self.client.room.note(operation, body.len());
            }
        }
        // It is redacted, so it is only read where it is needed.
        let request_id = || failure::request_id(&headers, credential);
        if request.write.is_some() {
            self.call.answered(request_id());
        }
        tracing::debug!(
            subject = request.subject,
            status = status.as_u16(),
            bytes = body.as_ref().ok().map(|body| body.len()),
            request_id = request_id(),
            "PagerDuty answered"
        );
        let response =
            |body| failure::Response { request, credential, host: self.host(), status, headers: &headers, body };
        if !status.is_success() {
            // The status is enough, even if the body could not be read.
            return Err(self.refusal(&response(&body.unwrap_or_default())));
        }
        let with_facts = |error: Error| error.status(status.as_u16()).request_id(request_id());
        let body = body.map_err(|failure| Failure { error: with_facts(failure.error), ..failure })?;
        self.account.subdomain.learn(&body);
        // A page of another host may have the status of a success, and there is no content by which to recognize it.
        let is_confirmed = operation.answer != Answer::Nothing || status == StatusCode::NO_CONTENT;
        let decoded = if is_confirmed {
            decode(words::without_mark(&body))
        } else {
            Err(Unreadable::because("it should have status 204".to_owned()))
        };
        decoded.map_err(|unreadable| {
            let outcome = if unreadable.cut_off { Outcome::CutOff } else { Outcome::Garbled };
            let response = response(&body);
            let unusable = || with_facts(self.unexpected(request, &response.unusable(&unreadable)));
            Failure::new(outcome, response.error_in_success().unwrap_or_else(unusable))
        })
    }

    /// Records the parts of a response's head that concern later requests.
    fn note(&self, sent: &InFlight<'_>, operation: &Operation, status: StatusCode, headers: &HeaderMap) {
        let limit = RateLimit::from_headers(headers);
        self.account.clock.note(headers);
        let wait = || policy::requested_wait(headers).unwrap_or(self.client.policy.backoff);
        let refused = (status == StatusCode::TOO_MANY_REQUESTS).then(wait);
        self.account.rate.note(sent, operation.id, limit, refused, Instant::now());
        if let RateLimit { limit: Some(limit), remaining: Some(remaining), .. } = limit {
            metrics::headroom(remaining, limit);
        }
        if status == StatusCode::UNAUTHORIZED {
            self.client.accounts.forget(&self.account);
        }
    }

    /// Returns the failure for a response that is not a success.
    fn refusal(&self, response: &failure::Response<'_>) -> Failure {
        let error = response.error();
        let error = match &response.request.from {
            Some(from) if failure::is_about_the_author(response.body) => {
                let configured = self.client.user_email.as_ref() == Some(from) && !response.credential.is_callers();
                failure::unknown_author(from, configured).with_facts_of(&error)
            }
            _ => error,
        };
        let outcome = Outcome::from_response(response.status, error.pagerduty_code());
        if outcome != Outcome::Limited {
            return Failure::new(outcome, error);
        }
        let requested_wait = policy::requested_wait(response.headers);
        let retry_after = requested_wait.map_or(60, whole_seconds);
        Failure { outcome, requested_wait, error: error.retry_after(retry_after) }
    }

    /// Returns the host that the credential belongs to, or else that of the settings.
    pub(super) fn host(&self) -> &Host {
        self.credential.host().unwrap_or(&self.client.host)
    }

    /// Builds the HTTP request.
    pub(super) fn build(
        &self,
        http: &reqwest::Client,
        request: &Request,
        credential: &Credential,
    ) -> Result<reqwest::RequestBuilder> {
        let url = self.host().url(&request.path);
        let mut url = url.map_err(|error| Error::new(Code::Internal, format!("the request has no URL: {error}")))?;
        if !request.query.pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query.pairs);
        }
        let mut builder = http.request(http_method(request.operation.method), url);
        builder = builder.header(AUTHORIZATION, credential.header()?);
        for (name, value) in Trace::current().iter().flat_map(Trace::headers) {
            builder = builder.header(name, value);
        }
        for (name, value) in &request.headers {
            builder = builder.header(*name, *value);
        }
        if let Some(from) = &request.from {
            builder = builder.header("From", from);
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        Ok(builder)
    }

    /// Returns the failure of a request that ended before a response began.
    pub(super) fn unsent(&self, request: &Request, error: reqwest::Error, watch: &Watch<'_>) -> Failure {
        let host = self.host().describe();
        if let Some((why, hint)) = tls::untrusted(&error) {
            return Failure::last(Error::new(Code::NetworkError, format!("no connection to {host}: {why}")).hint(hint));
        }
        let (connect, timeout, builder) = (error.is_connect(), error.is_timeout(), error.is_builder());
        let rejected = http::was_rejected(&error);
        let why = http::reason(error);
        if builder {
            return Failure::last(Error::new(Code::Internal, format!("the request cannot be built: {why}")));
        }
        let network = |message: String, hint| Error::new(Code::NetworkError, message).hint(hint);
        let (outcome, error) = match (connect, timeout) {
            // Connecting is not retried after a time-out: three time-outs are no better than one.
            (true, true) => {
                let within = spoken(self.client.http.connect_timeout());
                (Outcome::Refused, network(format!("no connection to {host} within {within}"), CHECK_NETWORK))
            }
            (true, false) => (Outcome::NotArrived, network(format!("no connection to {host}: {why}"), CHECK_NETWORK)),
            (false, _) if rejected => {
                (Outcome::NotArrived, network(format!("{host} rejected the request unprocessed: {why}"), "Try again."))
            }
            (false, true) => (Outcome::Lost, self.timed_out(request, watch)),
            (false, false) => (Outcome::Lost, network(format!("the connection to {host} broke: {why}"), "Try again.")),
        };
        Failure::new(outcome, error)
    }

    /// Returns the failure of a request whose response began and did not end.
    pub(super) fn unread(&self, request: &Request, error: reqwest::Error, watch: &Watch<'_>) -> Failure {
        let timeout = error.is_timeout();
        let why = http::reason(error);
        let error = if timeout {
            self.timed_out(request, watch)
        } else {
            Error::new(
                Code::NetworkError,
                format!("the response to {} was truncated or damaged: {why}", request.subject),
            )
            .hint("Try again.")
        };
        Failure::new(Outcome::CutOff, error)
    }

    /// Returns the error for a response that did not arrive in time, with the limit that the user can set.
    fn timed_out(&self, request: &Request, watch: &Watch<'_>) -> Error {
        let (host, policy) = (self.host().describe(), self.client.policy);
        let call = spoken(policy.call);
        let limit = if let Some(after) = watch.broke_after() {
            format!("{host} stopped answering, and the connection was given up after {}", spoken(after))
        } else if watch.within() >= policy.attempt && policy.attempt < policy.call {
            let share = spoken(policy.attempt);
            format!("{host} did not answer within {share}, the share of one attempt in the time limit of {call}")
        } else {
            format!("{host} did not answer within the time limit of {call}")
        };
        let more = if request.write.is_none() { "Request less at a time, or allow" } else { "Try again, or allow" };
        Error::new(Code::Timeout, limit).hint(format!("{more} more time with {TIMEOUT}."))
    }

    /// Returns the error for a request that was not sent: no time is left, or too little to verify a write.
    fn too_late(&self, request: &Request) -> Error {
        let (subject, call) = (&request.subject, spoken(self.client.policy.call));
        let hint = format!("allow more time with {TIMEOUT}.");
        match &request.write {
            None => Error::new(
                Code::Timeout,
                format!("the {call} time limit of the call was used up before {subject} could be requested"),
            )
            .hint(format!("Request less at a time, or {hint}")),
            Some(Write { gerund, .. }) => Error::new(
                Code::Timeout,
                format!(
                    "not enough of the {call} time limit was left for {gerund} {subject} safely, so it was not sent"
                ),
            )
            .hint(format!("Nothing was changed. Try again, or {hint}")),
        }
    }

    /// Returns the error for a response that reports success and cannot be used.
    pub(super) fn unexpected(&self, request: &Request, why: &str) -> Error {
        let host = self.host().describe();
        Error::new(
            Code::UnexpectedResponse,
            format!("the answer of {host} to {} is not usable: {why}", request.subject),
        )
        .hint("Check that PAGERDUTY_API_HOST and any proxy lead to PagerDuty's REST API; otherwise report it.")
    }
}

/// Returns the error for a request that was not sent, since the rate limit resets too late for the call.
fn held_back(wait: Duration) -> Error {
    Error::new(Code::RateLimited, "PagerDuty's rate limit for this credential is used up, so the request was not sent")
        .hint("Wait for retry_after_seconds, then request less at a time.")
        .retry_after(whole_seconds(wait))
}

/// Rounds a wait up to at least a second, since zero would read as an invitation to retry at once.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// Returns a method in the form used by the HTTP client.
fn http_method(method: pagerduty_api::Method) -> Method {
    match method {
        pagerduty_api::Method::Get => Method::GET,
        pagerduty_api::Method::Post => Method::POST,
        pagerduty_api::Method::Put => Method::PUT,
        pagerduty_api::Method::Patch => Method::PATCH,
        pagerduty_api::Method::Delete => Method::DELETE,
    }
}

/// The failure of one attempt.
pub(super) struct Failure {
    outcome: Outcome,
    requested_wait: Option<Duration>,
    pub(super) error: Error,
}

impl Failure {
    pub(super) fn new(outcome: Outcome, error: Error) -> Self {
        Self { outcome, requested_wait: None, error }
    }

    /// Creates a failure that a retry would not change.
    fn last(error: Error) -> Self {
        Self::new(Outcome::Refused, error)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pagerduty_api::operations::incidents::CREATE_INCIDENT_NOTE;
    use pagerduty_api::operations::teams::LIST_TEAMS;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::client::{Client, Query};
    use crate::config::Config;
    use crate::ids::Id;
    use crate::models::Incident;
    use crate::sandbox::{Fault, FaultKind, Options, Sandbox, tokens};

    async fn api(adjust: impl FnOnce(&mut Client)) -> (Sandbox, Api) {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let mut config = Config::from_lookup(|_| None).unwrap();
        config.host = Host::parse(sandbox.url()).unwrap();
        config.backoff = Duration::from_millis(5);
        let mut client = Client::new(&config);
        adjust(&mut client);
        (sandbox, Arc::new(client).with(Credential::new(tokens::USER.into(), "a test")))
    }

    #[tokio::test]
    async fn large_answers_share_memory_and_release_it() {
        let (sandbox, api) = api(|client| client.large = Semaphore::new(4)).await;
        let request = Request::new(&LIST_TEAMS, Query::new());
        let error = |megabytes| {
            sandbox.fail(Fault { times: 9, ..Fault::once("/teams", FaultKind::Bomb(megabytes)) });
            async {
                let error =
                    api.send(&request, |_| Err::<(), _>(Unreadable::because("read".to_owned()))).await.unwrap_err();
                sandbox.clear();
                error
            }
        };
        assert!(error(3).await.message().contains("read"), "there is room for it");
        assert_eq!(error(6).await.code(), Code::NetworkError);
        assert_eq!(api.client.large.available_permits(), 4);
        assert_eq!(error(3).await.code(), Code::UnexpectedResponse, "there is again");
    }

    #[test]
    fn wait_below_a_second_is_rounded_up() {
        for (wait, seconds) in [(0, 1), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (45_000, 45), (44_990, 45)] {
            assert_eq!(whole_seconds(Duration::from_millis(wait)), seconds, "{wait} ms");
        }
    }

    #[tokio::test]
    async fn write_timestamp_is_the_last_attempt() {
        let (sandbox, api) = api(|_| {}).await;
        let limited = FaultKind::Status { code: 429, headers: [("retry-after".into(), "1".into())].into(), body: None };
        sandbox.fail(Fault::once("/incidents/{id}/notes", limited));
        sandbox.fail(Fault::once("/incidents/{id}/notes", FaultKind::Empty));
        let id: Id<Incident> = Id::parse("Q1").unwrap();
        let write = Write { gerund: "changing", hint: String::new(), key: String::new() };
        let request = Request::on(&CREATE_INCIDENT_NOTE, &id, Query::new());
        let request = request.writing(serde_json::json!({}), None, write);
        let began = Instant::now();
        let Err(given_up) =
            api.exchange(&request, |_| Err::<(), _>(Unreadable::because("it is empty".to_owned()))).await
        else {
            panic!("it was answered")
        };
        assert!(given_up.verify && given_up.sent - began >= Duration::from_secs(1), "{:?}", given_up.sent - began);
    }
}
