//! Open connections, and which idle one to evict at the limit.
//!
//! A new connection must not wait at the limit: it may be a probe. The address does not tell which clients take up the
//! connections, since all clients behind a gateway have the same. But concurrent requests are limited to far fewer (`limits`),
//! so at the limit some connections are always idle, and the longest idle one is evicted.
//!
//! Only a connection with a permit is busy. A connection that is still sending a request, or does not read its answer, counts
//! as idle since its last progress: these cost an attacker nothing, and must not take up connections forever.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::future::{AbortHandle, AbortRegistration};
use tokio::sync::Notify;

use crate::metrics;
use crate::sync;

/// All open connections.
#[derive(Debug)]
pub struct Connections {
    max: usize,
    state: Mutex<State>,
    /// Notified when a connection gets its first request or is closed.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The number of open connections, without evicted ones.
    open: usize,
    /// The idle connections, in the order of their last progress.
    idle: BTreeMap<u64, Idle>,
    /// The key of the latest idle connection.
    latest: u64,
}

#[derive(Debug)]
struct Idle {
    close: AbortHandle,
    /// Set once the connection has sent the complete head of a request.
    used: bool,
}

/// An open connection, until dropped.
#[derive(Debug)]
pub struct Connection {
    all: Arc<Connections>,
    close: AbortHandle,
    /// Its key while it is idle.
    key: Mutex<Option<u64>>,
}

/// A connection that serves a request with a permit, until dropped.
#[derive(Debug)]
pub struct Busy(Arc<Connection>);

impl Connections {
    /// Creates an empty set for at most `max` connections.
    pub fn new(max: usize) -> Self {
        Self { max, state: Mutex::default(), changed: Notify::new() }
    }

    /// Adds a connection, and evicts an idle one at the limit. Returns `None` if all are busy. The task of the connection
    /// must end when the registration is aborted.
    pub fn open(self: &Arc<Self>) -> Option<(Arc<Connection>, AbortRegistration)> {
        let full = self.lock().open >= self.max;
        if full && !self.close_longest_idle() {
            return None;
        }
        let (close, closed) = AbortHandle::new_pair();
        self.lock().open += 1;
        metrics::connections(1);
        let connection = Connection { all: Arc::clone(self), close, key: Mutex::default() };
        connection.rest(false);
        Some((Arc::new(connection), closed))
    }

    /// Evicts the connection that was idle for longest. Returns whether there was one.
    pub fn close_longest_idle(&self) -> bool {
        let mut state = self.lock();
        let longest = state.idle.pop_first().map(|(_, idle)| idle.close.abort());
        state.open -= usize::from(longest.is_some());
        longest.is_some()
    }

    /// Waits until every connection has had a request.
    pub async fn all_used(&self) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.lock().idle.values().all(|idle| idle.used) {
                return;
            }
            changed.await;
        }
    }

    /// Evicts connections that have had no complete request.
    pub fn close_unused(&self) {
        let mut state = self.lock();
        let before = state.idle.len();
        state.idle.retain(|_, idle| {
            if !idle.used {
                idle.close.abort();
            }
            idle.used
        });
        state.open -= before - state.idle.len();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        sync::lock(&self.state)
    }
}

impl Connection {
    /// Records progress: a request has arrived, or the client has read more of an answer. Returns `false` if the connection
    /// was evicted and must not continue.
    pub fn touch(&self) -> bool {
        self.leave().map(|()| self.rest(true)).is_some()
    }

    /// Marks the connection as busy. Returns `None` if it was evicted.
    pub fn begin(self: &Arc<Self>) -> Option<Busy> {
        self.leave().map(|()| Busy(Arc::clone(self)))
    }

    /// Removes the connection from the idle ones, if it is there.
    fn leave(&self) -> Option<()> {
        let key = self.key().take()?;
        self.all.lock().idle.remove(&key).map(drop)
    }

    /// Adds the connection to the idle ones, as the latest.
    fn rest(&self, used: bool) {
        let mut state = self.all.lock();
        state.latest += 1;
        let key = state.latest;
        state.idle.insert(key, Idle { close: self.close.clone(), used });
        *self.key() = Some(key);
        self.all.changed.notify_waiters();
    }

    fn key(&self) -> MutexGuard<'_, Option<u64>> {
        sync::lock(&self.key)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        metrics::connections(-1);
        let mut state = self.all.lock();
        if !self.close.is_aborted() {
            state.open -= 1;
        }
        if let Some(key) = *self.key() {
            state.idle.remove(&key);
        }
        self.all.changed.notify_waiters();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.rest(true);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn open(all: &Arc<Connections>) -> Arc<Connection> {
        all.open().unwrap().0
    }

    #[test]
    fn longest_idle_connection_is_evicted() {
        let all = Arc::new(Connections::new(3));
        let [first, second, third] = [(); 3].map(|()| open(&all));
        let busy = first.begin().unwrap();
        let fourth = open(&all);
        assert!(second.begin().is_none(), "it was evicted, and serves nothing more");
        drop(busy);
        assert!(all.open().is_some());
        assert!(third.begin().is_none());
        let _busy = [first.begin().unwrap(), fourth.begin().unwrap()];
        drop((second, third));
        assert!(all.open().is_some(), "that one was dropped at once");
        let fifth = open(&all);
        let _last = fifth.begin().unwrap();
        assert!(all.open().is_none(), "all are busy");
    }

    #[test]
    fn progress_delays_eviction_and_does_not_prevent_it() {
        let all = Arc::new(Connections::new(2));
        let [stream, quiet] = [(); 2].map(|()| open(&all));
        assert!(stream.touch(), "an event was sent on it");
        let newcomer = open(&all);
        assert!(!quiet.touch(), "it was evicted");
        assert!(newcomer.touch());
        assert!(all.open().is_some(), "neither is busy");
        assert!(!stream.touch());
    }

    #[test]
    fn shutdown_closes_only_unused_connections_at_once() {
        let all = Arc::new(Connections::new(9));
        let [fresh, idle, busy] = [(); 3].map(|()| open(&all));
        assert!(idle.touch());
        let serving = busy.begin().unwrap();
        assert!(all.all_used().now_or_never().is_none(), "one may still send a request");
        all.close_unused();
        assert!(all.all_used().now_or_never().is_some());
        assert!(fresh.begin().is_none());
        assert!(idle.begin().is_some());
        drop((serving, fresh, idle, busy));
        let state = all.lock();
        assert_eq!((state.open, state.idle.len()), (0, 0));
    }
}
