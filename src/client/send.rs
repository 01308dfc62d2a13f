//! The way of one request: its turn, its attempts, and what each of them ends with. `policy` decides, this does.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use tokio::time::Instant;

use super::decode::Unreadable;
use super::policy::{self, Attempt, Decision, Kind, Outcome};
use super::rate::Underway;
use super::{Api, RateLimit, Request, failure, http};
use crate::config::{Host, TIMEOUT};
use crate::error::{Code, Error, Result};
use crate::metrics;
use crate::trace::Trace;

/// An answer larger than this is not PagerDuty's: its largest pages are a few megabytes.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// Why a request was given up.
pub(super) struct GivenUp {
    /// What went wrong.
    pub error: Error,
    /// Whether to look if it took effect all the same.
    pub look: bool,
}

impl Api {
    /// Sends what only reads, and decodes the answer.
    pub(super) async fn send<T>(
        &self,
        request: &Request,
        decode: impl Fn(&[u8]) -> Result<T, Unreadable>,
    ) -> Result<T> {
        self.exchange(request, decode).await.map_err(|given_up| given_up.error)
    }

    /// Sends a request, again if need be and allowed, and decodes the answer.
    pub(super) async fn exchange<T>(
        &self,
        request: &Request,
        decode: impl Fn(&[u8]) -> Result<T, Unreadable>,
    ) -> Result<T, GivenUp> {
        let (mut number, mut doubt) = (1, false);
        loop {
            let Failure { outcome, asked, error } = match self.attempt(request, &decode).await {
                Ok(decoded) => return Ok(decoded),
                Err(failure) => failure,
            };
            let last = Attempt { kind: request.kind, number, outcome, doubt, asked };
            doubt |= outcome.leaves_doubt();
            if request.kind != Kind::Read && !doubt {
                self.call.doubt(None);
            }
            match self.call.decide(|left| self.client.policy.decide(&last, left, fastrand::f64())) {
                Decision::Again(wait) => {
                    tracing::debug!(subject = request.subject, number, ?outcome, ?wait, "sending again");
                    tokio::time::sleep(wait).await;
                    number += 1;
                }
                Decision::Look => return Err(GivenUp { error, look: true }),
                Decision::GiveUp => return Err(GivenUp { error, look: false }),
            }
        }
    }

    /// Waits until the rate limit lets a request go; it is counted until what is returned is dropped.
    ///
    /// A change waits for nothing but what PagerDuty has told itself: what is known of the limit comes from other requests,
    /// which may have limits of their own, and acknowledging must not wait because somebody has read too much.
    async fn turn(&self, kind: Kind) -> Result<Underway<'_>, Failure> {
        let rate = &self.account.rate;
        if kind != Kind::Read {
            return Ok(rate.pass());
        }
        let (underway, turn) = rate.enter(Instant::now(), fastrand::f64());
        let mut next = Some(turn);
        while let Some(turn) = next {
            let wait = turn.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                let wait_or_not = |left: policy::Left| {
                    if left.fits(wait) { Decision::Again(wait) } else { Decision::GiveUp }
                };
                if self.call.decide(wait_or_not) == Decision::GiveUp {
                    let open = rate.closed(Instant::now(), 0.0).unwrap_or(turn);
                    return Err(Failure::last(limited(open.saturating_duration_since(Instant::now()))));
                }
                tracing::debug!(?wait, "near the rate limit");
                tokio::time::sleep_until(turn).await;
            }
            // A 429 may have come in the meantime.
            next = rate.closed(Instant::now(), fastrand::f64());
        }
        Ok(underway)
    }

    async fn attempt<T>(
        &self,
        request: &Request,
        decode: impl Fn(&[u8]) -> Result<T, Unreadable>,
    ) -> Result<T, Failure> {
        let sending = self.build(request).map_err(Failure::last)?;
        let underway = self.turn(request.kind).await?;
        let Some(within) = self.client.policy.time_for(request.kind, self.call.left()) else {
            return Err(Failure::last(self.too_late(request)));
        };
        let begun = Instant::now();
        if let Some(unknown) = request.unknown("the call ended before the answer came") {
            self.call.doubt(Some(unknown));
        }
        let sent = sending.timeout(within).send().await;
        let status = sent.as_ref().ok().map(|answer| answer.status().as_u16());
        metrics::request(request.method.as_str(), &request.template, status, begun.elapsed());
        let answer = sent.map_err(|error| self.unsent(error, within))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        self.note(status, &headers);
        drop(underway);
        let body = self.body(request, answer, within).await;
        tracing::debug!(
            subject = request.subject,
            status = status.as_u16(),
            bytes = body.as_ref().ok().map(Vec::len),
            request_id = failure::request_id(&headers),
            "PagerDuty answered"
        );
        if !status.is_success() {
            // The status says it, whatever has become of the body.
            return Err(self.refusal(request, status, &headers, &body.unwrap_or_default()));
        }
        let noting = |error: Error| error.status(status.as_u16()).request_id(failure::request_id(&headers));
        let body = body.map_err(|failure| Failure { error: noting(failure.error), ..failure })?;
        decode(failure::without_mark(&body)).map_err(|unreadable| {
            let html = failure::without_mark(&body).trim_ascii_start().starts_with(b"<");
            let why = if html { "it is HTML, not JSON".to_owned() } else { self.credential.redact(&unreadable.why) };
            let outcome = if unreadable.cut_off { Outcome::CutOff } else { Outcome::Garbled };
            Failure { outcome, asked: None, error: noting(self.unexpected(request, &why)) }
        })
    }

    /// Takes note of what the head of an answer says about more than its request.
    fn note(&self, status: StatusCode, headers: &HeaderMap) {
        let (now, limit) = (Instant::now(), RateLimit::of(headers));
        self.account.clock.note(headers);
        self.account.rate.note(limit, now);
        if let RateLimit { limit: Some(limit), remaining: Some(remaining), .. } = limit {
            metrics::headroom(remaining, limit);
        }
        match status {
            StatusCode::TOO_MANY_REQUESTS => {
                self.account.rate.close(policy::asked_wait(headers).unwrap_or(self.client.policy.backoff), now);
            }
            StatusCode::UNAUTHORIZED => self.client.accounts.forget(&self.account),
            _ => {}
        }
    }

    /// The body of an answer, decompressed.
    pub(super) async fn body(
        &self,
        request: &Request,
        mut answer: reqwest::Response,
        within: Duration,
    ) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > BODY_LIMIT => {
                    let error = self.unexpected(request, &format!("it is larger than {} MB", BODY_LIMIT >> 20));
                    return Err(Failure { outcome: Outcome::Garbled, asked: None, error });
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(body),
                Err(error) => return Err(self.unread(request, error, within)),
            }
        }
    }

    fn refusal(&self, request: &Request, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        let error = failure::from_answer(request, &self.credential, self.host(), status, headers, body);
        let outcome = Outcome::of_status(status);
        if outcome != Outcome::Limited {
            return Failure { outcome, asked: None, error };
        }
        let asked = policy::asked_wait(headers);
        Failure { outcome, asked, error: error.retry_after(asked.map_or(60, |asked| asked.as_secs())) }
    }

    /// Where the credential is for, else where the settings say.
    pub(super) fn host(&self) -> &Host {
        self.credential.host().unwrap_or(&self.client.host)
    }

    pub(super) fn build(&self, request: &Request) -> Result<reqwest::RequestBuilder> {
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
    pub(super) fn unsent(&self, error: reqwest::Error, within: Duration) -> Failure {
        let host = self.host().describe();
        let (connect, timeout, builder) = (error.is_connect(), error.is_timeout(), error.is_builder());
        let why = http::reason(error);
        if builder {
            return Failure::last(Error::new(Code::Internal, format!("the request cannot be built: {why}")));
        }
        let (outcome, error) = match (connect, timeout) {
            // A host that does not answer at all is not asked again: three time-outs are no better than one.
            (true, true) => (
                Outcome::Refused,
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
            (false, true) => (Outcome::Lost, self.timed_out(within)),
            (false, false) => (
                Outcome::Lost,
                Error::new(Code::NetworkError, format!("the connection to {host} broke: {why}")).hint("Try again."),
            ),
        };
        Failure { outcome, asked: None, error }
    }

    /// The answer began and did not end.
    fn unread(&self, request: &Request, error: reqwest::Error, within: Duration) -> Failure {
        let timeout = error.is_timeout();
        let why = http::reason(error);
        let error = if timeout {
            self.timed_out(within)
        } else {
            Error::new(Code::NetworkError, format!("the answer to {} was cut off or damaged: {why}", request.subject))
                .hint("Try again.")
        };
        Failure { outcome: Outcome::CutOff, asked: None, error }
    }

    fn timed_out(&self, within: Duration) -> Error {
        let host = self.host().describe();
        Error::new(Code::Timeout, format!("{host} did not answer within {within:?}"))
            .hint(format!("Ask for less at a time, or allow more with {TIMEOUT}."))
    }

    /// A change that was not sent, since there would be no time to see what becomes of it.
    fn too_late(&self, request: &Request) -> Error {
        let took = self.client.policy.call;
        Error::new(Code::Timeout, format!("of {took:?} too little was left to change {}", request.subject))
            .hint("Nothing was changed. Try again.")
    }

    pub(super) fn unexpected(&self, request: &Request, why: &str) -> Error {
        let host = self.host().describe();
        Error::new(
            Code::UnexpectedResponse,
            format!("the answer of {host} to {} is not usable: {why}", request.subject),
        )
        .hint("Check that PAGERDUTY_API_HOST and any proxy lead to PagerDuty's REST API; otherwise report it.")
    }
}

/// The error for a request that was not sent, since the rate limit would not let it through in time.
fn limited(wait: Duration) -> Error {
    Error::new(Code::RateLimited, "PagerDuty's rate limit for this credential is used up; the request was held back")
        .hint("Wait for retry_after_seconds, then ask for less at a time.")
        .retry_after(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}

/// Why an attempt failed.
pub(super) struct Failure {
    outcome: Outcome,
    asked: Option<Duration>,
    pub(super) error: Error,
}

impl Failure {
    fn last(error: Error) -> Self {
        Self { outcome: Outcome::Refused, asked: None, error }
    }
}
