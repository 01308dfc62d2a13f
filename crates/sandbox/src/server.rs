//! The server: its routes, and what happens to every request on the way to them and back.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::DATE;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, get, on};
use oauth2::CsrfToken;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::account::Account;
use super::call::Call;
use super::connection::{Line, Scissors};
use super::faults::{Faults, cut_off};
use super::gate::{Caller, RateLimit};
use super::identity::{self, Identity};
use super::reply::{Answer, Problem, response};
use super::store::{Store, is_old};
use super::time::Clock;
use super::{
    Options, control, escalation_policies, guard, incidents, notes, oncalls, schedules, seed, services,
    shift_schedules, similar, teams, updates, users,
};
use crate::LOG;
use pagerduty_serve::serve;

/// A request as it arrived, without its credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// The HTTP method, in upper case.
    pub method: String,
    /// The path, as sent.
    pub path: String,
    /// The query string, as sent, without the question mark; empty when there was none.
    pub query: String,
    /// The `From` header.
    pub from: Option<String>,
    /// The `traceparent` header.
    pub traceparent: Option<String>,
}

/// Everything the sandbox keeps.
#[derive(Debug)]
pub struct Server {
    account: RwLock<Account>,
    store: Option<Store>,
    /// The number of incidents that an account is seeded with.
    incidents: usize,
    /// `http`, or `https` if TLS is terminated in front of it.
    pub scheme: &'static str,
    /// The token that opens the remote control.
    pub control: CsrfToken,
    pub faults: Faults,
    pub identity: Identity,
    pub limit: RateLimit,
    latency: Duration,
    requests: Mutex<VecDeque<Recorded>>,
    answered: AtomicU64,
    stopped: watch::Receiver<()>,
}

pub type Shared = Arc<Server>;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// More requests than a test would look through, and little enough to keep through a long demonstration.
const REQUESTS_KEPT: usize = 10_000;

impl Server {
    pub fn new(options: &Options, stopped: watch::Receiver<()>) -> Self {
        let clock = options.now.map_or(Clock::Running, Clock::Stopped);
        Self {
            account: RwLock::new(seed::account(clock, clock.now(), options.incidents)),
            store: options.state.clone().map(Store::new),
            incidents: options.incidents,
            scheme: if options.tls { "https" } else { "http" },
            control: CsrfToken::new_random(),
            faults: Faults::of(&options.faults),
            identity: Identity::default(),
            limit: RateLimit::new(options.rate_limit),
            latency: options.latency,
            requests: Mutex::default(),
            answered: AtomicU64::default(),
            stopped,
        }
    }

    /// Returns the account, including the changes that other processes have made.
    pub fn account(&self) -> RwLockReadGuard<'_, Account> {
        if let Some(store) = &self.store {
            self.catch_up(store, &mut lock(&store.seen));
        }
        self.account.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the account. Waits for other processes that are changing it.
    pub fn change<T>(&self, make: impl FnOnce(&mut Account) -> T) -> T {
        let write = || self.account.write().unwrap_or_else(PoisonError::into_inner);
        let Some(store) = &self.store else { return make(&mut write()) };
        let mut seen = lock(&store.seen);
        // Before the lock, too: this refuses an unsuitable file, which then gets no lock file beside it.
        self.catch_up(store, &mut seen);
        let _lock = store.lock();
        self.catch_up(store, &mut seen);
        let mut account = write();
        let before = account.records.len();
        let outcome = make(&mut account);
        if account.records.len() > before {
            store.write(&account, &mut seen);
        }
        outcome
    }

    /// Returns whether a change may have to wait for the disk or for another process.
    fn changes_take_time(&self) -> bool {
        self.store.is_some()
    }

    /// Rebuilds the account from the file if the file has changed or the account has become too old.
    fn catch_up(&self, store: &Store, seen: &mut Option<String>) {
        let (clock, seeded) = {
            let account = self.account.read().unwrap_or_else(PoisonError::into_inner);
            (account.clock, account.seeded)
        };
        let now = clock.now();
        if !store.changed(seen) && !is_old(seeded, now) {
            return;
        }
        let kept = store.parse(seen.as_deref(), now);
        let mut account = seed::account(clock, kept.as_ref().map_or(now, |kept| kept.seeded), self.incidents);
        for record in kept.into_iter().flat_map(|kept| kept.records) {
            // The record is from another version of this program, which had other incidents.
            if account.perform(record).is_err() {
                tracing::warn!(target: LOG, "a change in the sandbox's file is about something that does not exist");
            }
        }
        *self.account.write().unwrap_or_else(PoisonError::into_inner) = account;
    }

    pub fn recorded(&self) -> Vec<Recorded> {
        lock(&self.requests).iter().cloned().collect()
    }

    pub fn forget(&self) {
        lock(&self.requests).clear();
    }

    fn record(&self, request: &Request) {
        let header = |name| request.headers().get(name)?.to_str().ok().map(str::to_owned);
        let mut requests = lock(&self.requests);
        if requests.len() == REQUESTS_KEPT {
            requests.pop_front();
        }
        requests.push_back(Recorded {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            from: header("from"),
            traceparent: header("traceparent"),
        });
    }
}

/// Locks what cannot be left half changed, so that a panic elsewhere does not matter.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves until the other end of [`Server::stopped`] is gone.
pub async fn run(server: Shared, listener: TcpListener) {
    let mut stopped = server.stopped.clone();
    serve(listener, routes(server), Line::new, async move { _ = stopped.changed().await }).await;
}

fn routes(server: Shared) -> Router {
    let api = Router::new()
        .route("/abilities", read(control::abilities))
        .route("/escalation_policies", read(escalation_policies::list))
        .route("/escalation_policies/{id}", read(escalation_policies::show))
        .route("/incidents", read(incidents::list).merge(write(MethodFilter::PUT, updates::update_many)))
        .route("/incidents/{id}", read(incidents::show).merge(write(MethodFilter::PUT, updates::update)))
        .route("/incidents/{id}/notes", read(notes::list).merge(write(MethodFilter::POST, notes::create)))
        .route("/incidents/{id}/past_incidents", read(similar::past))
        .route("/incidents/{id}/related_incidents", read(similar::related))
        .route("/oncalls", read(oncalls::list))
        .route("/schedules", read(schedules::list))
        .route("/schedules/{id}", read(schedules::show))
        .route("/schedules/{id}/users", read(schedules::users))
        .route("/v3/schedules", read(shift_schedules::list))
        .route("/v3/schedules/{id}", read(shift_schedules::show))
        .route("/services", read(services::list))
        .route("/services/{id}", read(services::show))
        .route("/teams", read(teams::list))
        .route("/teams/{id}", read(teams::show))
        .route("/teams/{id}/members", read(teams::members))
        .route("/users", read(users::list))
        .route("/users/me", read(users::me))
        .route("/users/{id}", read(users::show))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::not_found())
        .layer(from_fn_with_state(Arc::clone(&server), admit))
        .merge(identity::routes())
        .layer(from_fn_with_state(Arc::clone(&server), disturb));
    control::routes(&server).merge(api).layer(from_fn_with_state(Arc::clone(&server), guard::check)).with_state(server)
}

/// A handler that looks at the account.
type Read = fn(&Account, &Call) -> Answer;

/// A handler that changes it.
type Write = fn(&mut Account, &Call) -> Answer;

fn read(handler: Read) -> MethodRouter<Shared> {
    get(async move |State(server): State<Shared>, call: Call| response(handler(&server.account(), &call)))
}

fn write(method: MethodFilter, handler: Write) -> MethodRouter<Shared> {
    on(method, async move |State(server): State<Shared>, call: Call| {
        if let Err(problem) = call.caller.may_write() {
            return problem.into_response();
        }
        let takes_time = server.changes_take_time();
        let change = move || response(server.change(|account| handler(account, &call)));
        if takes_time {
            tokio::task::spawn_blocking(change).await.unwrap_or_else(|_| Problem::of_status(500).into_response())
        } else {
            change()
        }
    })
}

/// What every request goes through first: it is recorded and held back, a fault may strike, and the end of the sandbox
/// ends it.
async fn disturb(
    State(server): State<Shared>,
    Extension(scissors): Extension<Scissors>,
    request: Request,
    next: Next,
) -> Response {
    server.record(&request);
    let mut stopped = server.stopped.clone();
    let answer = async {
        if !server.latency.is_zero() {
            tokio::time::sleep(server.latency).await;
        }
        match server.faults.meet(
            request.method().as_str(),
            request.uri().path(),
            request.uri().query().unwrap_or_default(),
        ) {
            Some(fault) => fault.strike(request, next, &scissors).await,
            None => next.run(request).await,
        }
    };
    tokio::select! {
        answer = answer => answer,
        _ = stopped.changed() => cut_off(&scissors),
    }
}

/// Lets a known caller within the rate limit through, and adds the headers that every answer of PagerDuty has.
async fn admit(State(server): State<Shared>, mut request: Request, next: Next) -> Response {
    let issued = server.identity.caller(request.headers());
    let known = || Caller::of(request.headers(), &server.account.read().unwrap_or_else(PoisonError::into_inner));
    let caller = issued.map_or_else(known, Ok);
    let allowance = match &caller {
        Ok(caller) => server.limit.spend(caller, Instant::now()),
        Err(_) => server.limit.untouched(),
    };
    let mut response = match caller {
        Err(problem) => problem.into_response(),
        Ok(_) if allowance.exceeded => Problem::rate_limited().into_response(),
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
    };
    allowance.write(response.headers_mut());
    // By the account's clock, as everything it says.
    let now = server.account.read().unwrap_or_else(PoisonError::into_inner).clock.now();
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now).ok();
    response.headers_mut().extend(date.and_then(|date| HeaderValue::try_from(date).ok()).map(|date| (DATE, date)));
    let id = format!("sandbox-{:08}", server.answered.fetch_add(1, Ordering::Relaxed) + 1);
    response.headers_mut().extend(HeaderValue::try_from(id).ok().map(|id| (X_REQUEST_ID, id)));
    response
}
