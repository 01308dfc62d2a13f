//! The connections that are open, and which of them nobody would miss.
//!
//! There is a bound on them, and whoever comes when it is reached must not have to wait: it may be a probe. Nor can those
//! who take up the room be told by their address, since behind a gateway all have the same. But what is served at a time is
//! bounded well below (`limits`), so that beyond it there are always idle ones, and the one that was idle for longest goes.
//!
//! Busy is only who has a permit. Whoever is still sending a request, or does not read what was answered, counts as idle
//! since the last sign of life: all of these cost a stranger nothing, and must not fill the room for good.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::future::{AbortHandle, AbortRegistration};
use tokio::sync::Notify;

use crate::metrics;
use crate::sync;

/// All of them.
#[derive(Debug)]
pub struct Connections {
    most: usize,
    state: Mutex<State>,
    /// Told when something was asked on a connection, or one is gone.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// How many are open, without those told to close.
    open: usize,
    /// The idle ones, by when something last happened on them: turns, not times.
    idle: BTreeMap<u64, Idle>,
    turn: u64,
}

#[derive(Debug)]
struct Idle {
    close: AbortHandle,
    /// Whether there ever was the whole head of a request.
    asked: bool,
}

/// One of them, until dropped.
#[derive(Debug)]
pub struct Connection {
    all: Arc<Connections>,
    close: AbortHandle,
    /// Its key while it is idle.
    turn: Mutex<Option<u64>>,
}

/// A connection on which a request is served that counts, until dropped.
#[derive(Debug)]
pub struct Busy(Arc<Connection>);

impl Connections {
    /// None yet, and never more than `most`.
    pub fn new(most: usize) -> Self {
        Self { most, state: Mutex::default(), changed: Notify::new() }
    }

    /// One more, in place of another if need be; nothing if all are busy. What runs it has to end with the registration.
    pub fn open(self: &Arc<Self>) -> Option<(Arc<Connection>, AbortRegistration)> {
        let full = self.lock().open >= self.most;
        if full && !self.close_longest_idle() {
            return None;
        }
        let (close, closed) = AbortHandle::new_pair();
        self.lock().open += 1;
        metrics::connections(1);
        let connection = Connection { all: Arc::clone(self), close, turn: Mutex::default() };
        connection.rest(false);
        Some((Arc::new(connection), closed))
    }

    /// Closes the connection that was idle for longest, if any is.
    pub fn close_longest_idle(&self) -> bool {
        let mut state = self.lock();
        let longest = state.idle.pop_first().map(|(_, idle)| idle.close.abort());
        state.open -= usize::from(longest.is_some());
        longest.is_some()
    }

    /// Waits until something was asked on each.
    pub async fn asked(&self) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.lock().idle.values().all(|idle| idle.asked) {
                return;
            }
            changed.await;
        }
    }

    /// Closes those on which nothing was asked yet. They may have half a request, which nobody waits for.
    pub fn close_unasked(&self) {
        let mut state = self.lock();
        let before = state.idle.len();
        state.idle.retain(|_, idle| {
            if !idle.asked {
                idle.close.abort();
            }
            idle.asked
        });
        state.open -= before - state.idle.len();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        sync::lock(&self.state)
    }
}

impl Connection {
    /// Notes that a request has come, or more of an answer was taken. Whether the connection may go on: nothing begins on
    /// one that has been told to close.
    pub fn touch(&self) -> bool {
        self.leave().map(|()| self.rest(true)).is_some()
    }

    /// Begins to serve a request that counts; nothing if the connection has been told to close.
    pub fn begin(self: &Arc<Self>) -> Option<Busy> {
        self.leave().map(|()| Busy(Arc::clone(self)))
    }

    /// Takes it from among the idle ones, if it is there.
    fn leave(&self) -> Option<()> {
        let turn = self.turn().take()?;
        self.all.lock().idle.remove(&turn).map(drop)
    }

    fn rest(&self, asked: bool) {
        let mut state = self.all.lock();
        state.turn += 1;
        let turn = state.turn;
        state.idle.insert(turn, Idle { close: self.close.clone(), asked });
        *self.turn() = Some(turn);
        self.all.changed.notify_waiters();
    }

    fn turn(&self) -> MutexGuard<'_, Option<u64>> {
        sync::lock(&self.turn)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        metrics::connections(-1);
        let mut state = self.all.lock();
        if !self.close.is_aborted() {
            state.open -= 1;
        }
        if let Some(turn) = *self.turn() {
            state.idle.remove(&turn);
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
    fn the_one_that_was_idle_for_longest_makes_room() {
        let all = Arc::new(Connections::new(3));
        let [first, second, third] = [(); 3].map(|()| open(&all));
        let busy = first.begin().unwrap();
        let fourth = open(&all);
        assert!(second.begin().is_none(), "it has to close, and begins nothing any more");
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
    fn a_sign_of_life_puts_off_the_end_and_keeps_nobody_out() {
        let all = Arc::new(Connections::new(2));
        let [stream, quiet] = [(); 2].map(|()| open(&all));
        assert!(stream.touch(), "an event was sent on it");
        let newcomer = open(&all);
        assert!(!quiet.touch(), "it has to close");
        assert!(newcomer.touch());
        assert!(all.open().is_some(), "neither is busy");
        assert!(!stream.touch());
    }

    #[test]
    fn at_the_end_only_those_go_at_once_that_never_asked() {
        let all = Arc::new(Connections::new(9));
        let [fresh, idle, busy] = [(); 3].map(|()| open(&all));
        assert!(idle.touch());
        let serving = busy.begin().unwrap();
        assert!(all.asked().now_or_never().is_none(), "one may still ask");
        all.close_unasked();
        assert!(all.asked().now_or_never().is_some());
        assert!(fresh.begin().is_none());
        assert!(idle.begin().is_some());
        drop((serving, fresh, idle, busy));
        let state = all.lock();
        assert_eq!((state.open, state.idle.len()), (0, 0));
    }
}
