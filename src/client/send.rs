//! The way of one request: its turn, its attempts, and what each of them ends with. `policy` decides, this does.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::decode::Unreadable;
use super::http::{self, Watch};
use super::policy::{self, Attempt, Decision, Kind, Outcome};
use super::rate::{self, Hold, Turn, Underway};
use super::request::Change;
use super::{Api, RateLimit, Request, failure, tls, words};
use crate::auth::Credential;
use crate::config::{Host, TIMEOUT};
use crate::error::{Code, Error, Result, spoken};
use crate::metrics;
use crate::sync::lock;
use crate::trace::{Trace, seconds};

/// An answer larger than this is not PagerDuty's: its largest pages are a few megabytes.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// What all answers that are being read may hold beyond a megabyte each, in megabytes. Those of PagerDuty are hardly ever
/// that large, and a host in its place that answers many calls at once must not fill the memory.
pub(super) const LARGE: usize = 512;

/// The next step when there is no connection.
const CHECK: &str = "Check the network, a firewall, a proxy (HTTPS_PROXY; not SOCKS), and PAGERDUTY_API_HOST.";

/// A body, with the room that it takes up as long as it is there.
#[derive(Default)]
pub(super) struct Body<'c> {
    bytes: Vec<u8>,
    room: Option<SemaphorePermit<'c>>,
}

impl std::ops::Deref for Body<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why a request was given up.
pub(super) struct GivenUp {
    /// What went wrong.
    pub error: Error,
    /// Whether to look if it took effect all the same.
    pub look: bool,
    /// The time of the first attempt that may have taken effect, else of the last attempt.
    pub sent: Instant,
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
        let (mut number, mut doubt, mut replaced, mut in_doubt_since) = (1, false, false, None);
        loop {
            let credential = self.current();
            // A change waits for nothing between this and being sent.
            let began = Instant::now();
            let Failure { outcome, asked, mut error } = match self.attempt(request, &credential, &decode).await {
                Ok(decoded) => return Ok(decoded),
                Err(failure) => failure,
            };
            // A refused request had no effect, so a change is repeated too, unless an earlier attempt is in doubt.
            if error.code() == Code::AuthenticationFailed && !replaced && (!doubt || request.kind != Kind::Note) {
                replaced = true;
                match self.replace(&credential).await {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(why) => error = error.adding(&format!("; refreshing the login failed: {}", why.message())),
                }
            }
            let last = Attempt { kind: request.kind, number, outcome, doubt, asked };
            doubt |= outcome.leaves_doubt();
            if doubt {
                in_doubt_since.get_or_insert(began);
            }
            let sent = in_doubt_since.unwrap_or(began);
            if request.kind != Kind::Read && !doubt {
                self.call.doubt(None);
            }
            match self.call.decide(|left| self.client.policy.decide(&last, left, fastrand::f64())) {
                Decision::Again(wait) => {
                    tracing::debug!(
                        subject = request.subject,
                        number,
                        ?outcome,
                        wait_s = seconds(wait),
                        "sending again"
                    );
                    tokio::time::sleep(wait).await;
                    number += 1;
                }
                Decision::Look => return Err(GivenUp { error, look: true, sent }),
                Decision::GiveUp => return Err(GivenUp { error, look: false, sent }),
            }
        }
    }

    /// Replaces a refused credential by another one of the same login. Returns whether there is one.
    async fn replace(&self, refused: &Credential) -> Result<bool> {
        let Some(other) = refused.replacement().await? else { return Ok(false) };
        tracing::debug!("the login was refused and is replaced");
        *lock(&self.replacement) = Some(other);
        Ok(true)
    }

    /// Waits until the rate limit lets a request go; it is counted until what is returned is dropped.
    ///
    /// A change waits only when PagerDuty refuses the change itself: the known state of the limit comes from other
    /// requests, which may have separate limits, and acknowledging must not wait because of reads. The same applies to
    /// reads that belong to a change: its author, its incident's ID, and the look at its outcome.
    async fn turn(&self, kind: Kind, operation: &str) -> Result<Underway<'_>, Failure> {
        let rate = &self.account.rate;
        if kind != Kind::Read || self.urgent {
            return Ok(rate.pass());
        }
        loop {
            let (news, now) = (rate.news(), Instant::now());
            match rate.enter(operation, now) {
                Turn::Now(underway) => return Ok(underway),
                Turn::News(until) => {
                    tracing::debug!("near the rate limit");
                    let _ = timeout_at(until, news).await;
                }
                Turn::Shut(Hold { until, end }) => {
                    let turn = rate::spread(until, now, fastrand::f64());
                    let wait = turn.saturating_duration_since(now);
                    let wait_or_not = |left: policy::Left| {
                        if left.fits(wait) { Decision::Again(wait) } else { Decision::GiveUp }
                    };
                    if self.call.decide(wait_or_not) == Decision::GiveUp {
                        return Err(Failure::last(held_back(end.saturating_duration_since(now))));
                    }
                    tracing::debug!(wait_s = seconds(wait), "beyond the rate limit");
                    tokio::time::sleep_until(turn).await;
                }
            }
        }
    }

    async fn attempt<T>(
        &self,
        request: &Request,
        credential: &Credential,
        decode: impl Fn(&[u8]) -> Result<T, Unreadable>,
    ) -> Result<T, Failure> {
        let operation = request.operation();
        let underway = self.turn(request.kind, &operation).await?;
        let Some(within) = self.client.policy.time_for(request.kind, self.call.left()) else {
            return Err(Failure::last(self.too_late(request)));
        };
        let (http, mut watch) = self.client.http.client().map_err(Failure::last)?;
        let sending = self.build(&http, request, credential).map_err(Failure::last)?;
        let begun = Instant::now();
        if let Some(change) = &request.change {
            self.account.memory.sent(&change.key, request.from.as_deref()).map_err(Failure::last)?;
            self.call.doubt(request.unknown("the call ended before the answer came"));
        }
        watch.begin(within);
        let sent = sending.timeout(within).send().await;
        let status = sent.as_ref().ok().map(|answer| answer.status().as_u16());
        metrics::request(request.method.as_str(), &request.template, status, begun.elapsed());
        let answer = sent.map_err(|error| self.unsent(request, error, &watch))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        self.note(&underway, &operation, status, &headers);
        drop(underway);
        let body = self.body(request, answer, &mut watch).await;
        if body.is_ok() {
            watch.end();
        }
        let request_id = failure::request_id(&headers, credential);
        tracing::debug!(
            subject = request.subject,
            status = status.as_u16(),
            bytes = body.as_ref().ok().map(|body| body.len()),
            request_id,
            "PagerDuty answered"
        );
        let answer = |body| failure::Answer { request, credential, host: self.host(), status, headers: &headers, body };
        if !status.is_success() {
            // The status says it, whatever has become of the body.
            return Err(self.refusal(&answer(&body.unwrap_or_default())));
        }
        let noting = |error: Error| error.status(status.as_u16()).request_id(request_id.clone());
        let body = body.map_err(|failure| Failure { error: noting(failure.error), ..failure })?;
        decode(words::without_mark(&body)).map_err(|unreadable| {
            let outcome = if unreadable.cut_off { Outcome::CutOff } else { Outcome::Garbled };
            let answer = answer(&body);
            let unusable = || noting(self.unexpected(request, &answer.unusable(&unreadable)));
            Failure { outcome, asked: None, error: answer.error_in_success().unwrap_or_else(unusable) }
        })
    }

    /// Takes note of what the head of an answer says about more than its request.
    fn note(&self, sent: &Underway<'_>, operation: &str, status: StatusCode, headers: &HeaderMap) {
        let limit = RateLimit::of(headers);
        self.account.clock.note(headers);
        let asked = || policy::asked_wait(headers).unwrap_or(self.client.policy.backoff);
        let refused = (status == StatusCode::TOO_MANY_REQUESTS).then(asked);
        self.account.rate.note(sent, operation, limit, refused, Instant::now());
        if let RateLimit { limit: Some(limit), remaining: Some(remaining), .. } = limit {
            metrics::headroom(remaining, limit);
        }
        if status == StatusCode::UNAUTHORIZED {
            self.client.accounts.forget(&self.account);
        }
    }

    /// The body of an answer, decompressed.
    pub(super) async fn body(
        &self,
        request: &Request,
        mut answer: reqwest::Response,
        watch: &mut Watch<'_>,
    ) -> Result<Body<'_>, Failure> {
        let mut body = Body::default();
        loop {
            watch.heard();
            match answer.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > BODY_LIMIT => {
                    let error = self.unexpected(request, &format!("it is larger than {} MB", BODY_LIMIT >> 20));
                    return Err(Failure { outcome: Outcome::Garbled, asked: None, error });
                }
                Ok(Some(chunk)) => {
                    self.make_room(request, &mut body, chunk.len())?;
                    body.bytes.extend_from_slice(&chunk);
                }
                Ok(None) => return Ok(body),
                Err(error) => return Err(self.unread(request, error, watch)),
            }
        }
    }

    /// Takes up room for more of a body. Nobody waits for it: those who wait for each other would have it for ever.
    fn make_room<'c>(&'c self, request: &Request, body: &mut Body<'c>, more: usize) -> Result<(), Failure> {
        let has = body.room.as_ref().map_or(0, SemaphorePermit::num_permits);
        let needs = (body.len() + more) >> 20;
        let lacks = u32::try_from(needs.saturating_sub(has)).unwrap_or(u32::MAX);
        if lacks == 0 {
            return Ok(());
        }
        let Ok(room) = self.client.large.try_acquire_many(lacks) else {
            let subject = &request.subject;
            let message =
                format!("the answer to {subject} was not read to its end: too many large ones are being read");
            let error = Error::new(Code::NetworkError, message).hint("Try again, and ask for less at a time.");
            return Err(Failure { outcome: Outcome::CutOff, asked: None, error });
        };
        match &mut body.room {
            Some(had) => had.merge(room),
            none => *none = Some(room),
        }
        Ok(())
    }

    fn refusal(&self, answer: &failure::Answer<'_>) -> Failure {
        let error = answer.error();
        let error = match &answer.request.from {
            Some(from) if failure::is_about_the_author(answer.body) => {
                let configured = self.client.user_email.as_ref() == Some(from) && !answer.credential.is_callers();
                failure::unknown_author(from, configured).with_facts_of(&error)
            }
            _ => error,
        };
        let outcome = Outcome::of_answer(answer.status, error.pagerduty_code());
        if outcome != Outcome::Limited {
            return Failure { outcome, asked: None, error };
        }
        let asked = policy::asked_wait(answer.headers);
        Failure { outcome, asked, error: error.retry_after(asked.map_or(60, whole_seconds)) }
    }

    /// Where the credential is for, else where the settings say.
    pub(super) fn host(&self) -> &Host {
        self.credential.host().unwrap_or(&self.client.host)
    }

    pub(super) fn build(
        &self,
        http: &reqwest::Client,
        request: &Request,
        credential: &Credential,
    ) -> Result<reqwest::RequestBuilder> {
        let mut url = format!("{}{}", self.host().base(), request.path);
        if !request.query.pairs.is_empty() {
            let pairs =
                url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&request.query.pairs).finish();
            url.push('?');
            url.push_str(&pairs);
        }
        let mut builder = http.request(request.method.clone(), url);
        builder = builder.header(AUTHORIZATION, credential.header()?);
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
    pub(super) fn unsent(&self, request: &Request, error: reqwest::Error, watch: &Watch<'_>) -> Failure {
        let host = self.host().describe();
        if let Some((why, hint)) = tls::untrusted(&error) {
            return Failure::last(Error::new(Code::NetworkError, format!("no connection to {host}: {why}")).hint(hint));
        }
        let (connect, timeout, builder) = (error.is_connect(), error.is_timeout(), error.is_builder());
        let turned_away = http::was_turned_away(&error);
        let why = http::reason(error);
        if builder {
            return Failure::last(Error::new(Code::Internal, format!("the request cannot be built: {why}")));
        }
        let network = |message: String, hint| Error::new(Code::NetworkError, message).hint(hint);
        let (outcome, error) = match (connect, timeout) {
            // A host that does not answer at all is not asked again: three time-outs are no better than one.
            (true, true) => {
                let within = spoken(self.client.http.connect_timeout());
                (Outcome::Refused, network(format!("no connection to {host} within {within}"), CHECK))
            }
            (true, false) => (Outcome::NotArrived, network(format!("no connection to {host}: {why}"), CHECK)),
            (false, _) if turned_away => {
                (Outcome::NotArrived, network(format!("{host} did not take the request: {why}"), "Try again."))
            }
            (false, true) => (Outcome::Lost, self.timed_out(request, watch)),
            (false, false) => (Outcome::Lost, network(format!("the connection to {host} broke: {why}"), "Try again.")),
        };
        Failure { outcome, asked: None, error }
    }

    /// The answer began and did not end.
    fn unread(&self, request: &Request, error: reqwest::Error, watch: &Watch<'_>) -> Failure {
        let timeout = error.is_timeout();
        let why = http::reason(error);
        let error = if timeout {
            self.timed_out(request, watch)
        } else {
            Error::new(Code::NetworkError, format!("the answer to {} was cut off or damaged: {why}", request.subject))
                .hint("Try again.")
        };
        Failure { outcome: Outcome::CutOff, asked: None, error }
    }

    /// Returns the error for an answer that did not arrive in time, with the limit that the user can set.
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
        let more = if request.kind == Kind::Read { "Ask for less at a time, or allow" } else { "Try again, or allow" };
        Error::new(Code::Timeout, limit).hint(format!("{more} more time with {TIMEOUT}."))
    }

    /// Returns the error for a request that was not sent: there is no time left, or too little to check a change.
    fn too_late(&self, request: &Request) -> Error {
        let (subject, call) = (&request.subject, spoken(self.client.policy.call));
        let hint = format!("allow more time with {TIMEOUT}.");
        match &request.change {
            None => {
                Error::new(Code::Timeout, format!("the time of the call ({call}) ran out before asking for {subject}"))
                    .hint(format!("Ask for less at a time, or {hint}"))
            }
            Some(Change { deed, .. }) => Error::new(
                Code::Timeout,
                format!("too little time of the call ({call}) was left for {deed} {subject}, so it was not sent"),
            )
            .hint(format!("Nothing was changed. Try again, or {hint}")),
        }
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
fn held_back(wait: Duration) -> Error {
    Error::new(Code::RateLimited, "PagerDuty's rate limit for this credential is used up; the request was held back")
        .hint("Wait for retry_after_seconds, then ask for less at a time.")
        .retry_after(whole_seconds(wait))
}

/// A wait as it is told: never none, which would read as an invitation.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;
    use crate::client::resources::{INCIDENTS, TEAMS};
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
    async fn large_answers_share_room_and_give_it_back() {
        let (sandbox, api) = api(|client| client.large = Semaphore::new(4)).await;
        let request = Request::list(&TEAMS, Query::new());
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
    fn a_part_of_a_second_is_told_as_a_whole_one() {
        for (wait, told) in [(0, 1), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (45_000, 45), (44_990, 45)] {
            assert_eq!(whole_seconds(Duration::from_millis(wait)), told, "{wait} ms");
        }
    }

    #[tokio::test]
    async fn a_change_was_sent_when_it_was_sent_for_the_last_time() {
        let (sandbox, api) = api(|_| {}).await;
        let limited = FaultKind::Status { code: 429, headers: [("retry-after".into(), "1".into())].into(), body: None };
        sandbox.fail(Fault::once("/incidents/{id}", limited));
        sandbox.fail(Fault::once("/incidents/{id}", FaultKind::Empty));
        let id: Id<Incident> = Id::parse("Q1").unwrap();
        let change = Change { deed: "changing", look: String::new(), key: String::new() };
        let request = Request::one(&INCIDENTS, &id, Query::new());
        let request = request.change(reqwest::Method::PUT, serde_json::json!({}), None, Kind::Note, change);
        let began = Instant::now();
        let Err(given_up) =
            api.exchange(&request, |_| Err::<(), _>(Unreadable::because("it is empty".to_owned()))).await
        else {
            panic!("it was answered")
        };
        assert!(given_up.look && given_up.sent - began >= Duration::from_secs(1), "{:?}", given_up.sent - began);
    }
}
