//! The state of a running sandbox: the account, faults, limits and the requests received.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use axum::extract::Request;
use axum::http::HeaderMap;
use jiff::SignedDuration;
use oauth2::CsrfToken;
use serde::Serialize;
use tokio::sync::watch;

use super::Options;
use super::account::Account;
use super::faults::Faults;
use super::gate::{Caller, RateLimit};
use super::identity::Identity;
use super::reply::Problem;
use super::seed::Seed;
use super::store::{Store, is_old};
use super::time::Clock;
use crate::LOG;

/// A received request, without its credential.
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

/// The state that all requests share.
#[derive(Debug)]
pub struct Server {
    account: RwLock<Account>,
    store: Option<Store>,
    seed: Seed,
    /// `http`, or `https` if TLS is terminated in front of it.
    pub scheme: &'static str,
    /// The token for the remote control.
    pub control: CsrfToken,
    pub faults: Faults,
    pub identity: Identity,
    pub limit: RateLimit,
    pub latency: Duration,
    requests: Mutex<VecDeque<Recorded>>,
    answered: AtomicU64,
    /// Changes when the sandbox ends.
    pub stopped: watch::Receiver<()>,
}

pub type Shared = Arc<Server>;

/// The number of requests kept: more than a test reads, and few enough for a long demonstration.
const REQUESTS_KEPT: usize = 10_000;

impl Server {
    /// Seeds an account.
    ///
    /// # Errors
    /// If a document of the options cannot be used.
    pub fn new(options: &Options, stopped: watch::Receiver<()>) -> Result<Self, String> {
        let clock = options.now.map_or(Clock::Running(SignedDuration::ZERO), Clock::Stopped);
        let seed =
            Seed { incidents: options.incidents, documents: options.documents.clone(), scenario: options.scenario };
        Ok(Self {
            account: RwLock::new(seed.account(clock, clock.now())?),
            store: options.state.clone().map(Store::new),
            seed,
            scheme: if options.tls { "https" } else { "http" },
            control: CsrfToken::new_random(),
            faults: Faults::of(&options.faults),
            identity: Identity::default(),
            limit: RateLimit::new(options.rate_limit),
            latency: options.latency,
            requests: Mutex::default(),
            answered: AtomicU64::default(),
            stopped,
        })
    }

    /// Returns the account, including the changes that other processes have made.
    pub fn account(&self) -> RwLockReadGuard<'_, Account> {
        if let Some(store) = &self.store {
            self.catch_up(store, &mut lock(&store.seen));
        }
        let read = || self.account.read().unwrap_or_else(PoisonError::into_inner);
        let account = read();
        if !account.is_behind() {
            return account;
        }
        drop(account);
        self.account.write().unwrap_or_else(PoisonError::into_inner).advance();
        read()
    }

    /// Puts the account's clock forward.
    pub fn put_forward(&self, by: SignedDuration) {
        let mut account = self.account.write().unwrap_or_else(PoisonError::into_inner);
        account.clock = account.clock.put_forward(by);
    }

    /// Changes the account. Waits for other processes that are changing it.
    pub fn change<T>(&self, make: impl FnOnce(&mut Account) -> T) -> T {
        let write = || self.account.write().unwrap_or_else(PoisonError::into_inner);
        let make = |account: &mut Account| {
            account.advance();
            make(account)
        };
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
    pub fn changes_take_time(&self) -> bool {
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
        // The same documents were accepted at the start.
        let Ok(mut account) = self.seed.account(clock, kept.as_ref().map_or(now, |kept| kept.seeded)) else { return };
        for record in kept.into_iter().flat_map(|kept| kept.records) {
            // The record is from another version of this program, which had other incidents.
            if account.replay(record).is_err() {
                tracing::warn!(target: LOG, "a change in the sandbox's file refers to an object that does not exist");
            }
        }
        *self.account.write().unwrap_or_else(PoisonError::into_inner) = account;
    }

    /// Returns the account's time.
    pub fn now(&self) -> jiff::Timestamp {
        self.account.read().unwrap_or_else(PoisonError::into_inner).clock.now()
    }

    /// Returns the caller that a request's credential belongs to.
    pub fn caller(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let known = || Caller::of(headers, &self.account.read().unwrap_or_else(PoisonError::into_inner));
        self.identity.caller(headers).map_or_else(known, Ok)
    }

    /// Returns a number for the next answer.
    pub fn number_answer(&self) -> u64 {
        self.answered.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub fn recorded(&self) -> Vec<Recorded> {
        lock(&self.requests).iter().cloned().collect()
    }

    pub fn forget(&self) {
        lock(&self.requests).clear();
    }

    /// Records a request for tests.
    pub fn record(&self, request: &Request) {
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

/// Locks a value that cannot be left half changed, so that a panic in another thread does not matter.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
