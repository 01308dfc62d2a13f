//! The memory that lists in progress may use: one budget for the process, shared fairly between credentials.
//!
//! A list reserves its share before its first request: the pages that it may read at the same time, and the rows that it
//! keeps. The share is held until the answer is written, so answers that a client does not read keep further lists from
//! starting. Reads of one object and writes reserve nothing, since they take little, and must never wait behind lists.
//!
//! A call waits at most once, and only while it holds nothing, so calls cannot wait for each other.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use pagerduty_api::{MAX_PAGE, Operation};
use tokio::sync::oneshot;

use crate::auth::Fingerprint;
use crate::metrics;
use crate::pagination::MAX_PARALLEL_PAGES;
use crate::sync::lock;

/// The size in bytes of a row, until pages of the same list have been read. It is that of an incident, the largest.
const UNKNOWN_ROW: usize = 4 * 1024;

/// The memory of a kept row as a part of its size in a page, since most fields are dropped.
const KEPT: usize = 4;

/// The budget.
#[derive(Debug)]
pub struct Room {
    total: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The memory in use in bytes. It exceeds the budget while shares have grown.
    used: usize,
    /// The memory that each credential uses.
    by_owner: HashMap<Fingerprint, usize>,
    /// The calls that wait, by credential. The first credential is served next and then becomes the last.
    waiting: VecDeque<(Fingerprint, VecDeque<Waiting>)>,
    /// The size of the largest recent page of each operation.
    pages: HashMap<&'static str, usize>,
}

#[derive(Debug)]
struct Waiting {
    size: usize,
    grant: oneshot::Sender<Share>,
}

/// A part of the budget, which is released when dropped.
#[derive(Debug)]
pub struct Share {
    room: Arc<Room>,
    owner: Fingerprint,
    size: usize,
}

impl Room {
    /// Creates a budget of `total` bytes.
    #[must_use]
    pub fn new(total: usize) -> Self {
        Self { total, state: Mutex::default() }
    }

    /// Reserves memory, waiting until it is free. More than a credential can have counts as that.
    ///
    /// Dropping the future gives up the place in the queue.
    pub async fn reserve(self: &Arc<Self>, owner: Fingerprint, size: usize) -> Share {
        let size = size.min(self.most_of_one());
        let granted = {
            let mut state = lock(&self.state);
            if state.waiting.is_empty() && self.fits(&state, owner, size) {
                return self.take(&mut state, owner, size);
            }
            let (grant, granted) = oneshot::channel();
            let waiting = Waiting { size, grant };
            match state.waiting.iter_mut().find(|(known, _)| *known == owner) {
                Some((_, queue)) => queue.push_back(waiting),
                None => state.waiting.push_back((owner, VecDeque::from([waiting]))),
            }
            // The queue may consist of calls that have left, or of credentials that use all they can have.
            let refused = self.serve(&mut state);
            drop(state);
            drop(refused);
            granted
        };
        metrics::lists_waiting(1);
        let _leaving = Leaving;
        // A waiting call is only removed with a share, or when it has left, so this does not fail.
        granted.await.unwrap_or_else(|_| Share { room: Arc::clone(self), owner, size: 0 })
    }

    /// Returns the memory that a list of at most `rows` rows may take.
    pub fn estimate(&self, operation: &Operation, rows: usize) -> usize {
        let per_page = rows.clamp(1, MAX_PAGE);
        let unknown = per_page * UNKNOWN_ROW;
        let page = lock(&self.state).pages.get(operation.id).map_or(unknown, |known| unknown.min(*known));
        let pages = rows.div_ceil(per_page);
        // A page is held while it is read and while it is decoded.
        2 * page * pages.min(MAX_PARALLEL_PAGES) + page / KEPT * pages.min(10 * MAX_PARALLEL_PAGES)
    }

    /// Notes the size of a page. Smaller pages lower the estimate only slowly.
    pub fn note(&self, operation: &Operation, size: usize) {
        let mut state = lock(&self.state);
        let known = state.pages.entry(operation.id).or_insert(size);
        *known = size.max(*known - *known / 8);
    }

    /// Returns the most that one credential can have, so that there is always some left for others.
    fn most_of_one(&self) -> usize {
        self.total - self.total / 4
    }

    fn fits(&self, state: &State, owner: Fingerprint, size: usize) -> bool {
        let own = state.by_owner.get(&owner).copied().unwrap_or_default();
        state.used + size <= self.total && own + size <= self.most_of_one()
    }

    fn take(self: &Arc<Self>, state: &mut State, owner: Fingerprint, size: usize) -> Share {
        state.add(owner, size);
        Share { room: Arc::clone(self), owner, size }
    }

    /// Gives memory back.
    fn release(self: &Arc<Self>, owner: Fingerprint, size: usize) {
        let mut state = lock(&self.state);
        state.remove(owner, size);
        let refused = self.serve(&mut state);
        drop(state);
        drop(refused);
    }

    /// Serves the calls that wait, one of each credential in turn. Returns the shares of calls that left meanwhile, which
    /// have to be dropped after the lock.
    fn serve(self: &Arc<Self>, state: &mut State) -> Vec<Share> {
        let mut refused = Vec::new();
        let mut passed = 0;
        while passed < state.waiting.len() {
            let Some((owner, mut queue)) = state.waiting.remove(passed) else { break };
            while queue.front().is_some_and(|first| first.grant.is_closed()) {
                queue.pop_front();
            }
            let Some(first) = queue.pop_front() else { continue };
            if self.fits(state, owner, first.size) {
                refused.extend(first.grant.send(self.take(state, owner, first.size)).err());
                if !queue.is_empty() {
                    state.waiting.push_back((owner, queue));
                }
                continue;
            }
            let lacks_memory = state.used + first.size > self.total;
            queue.push_front(first);
            state.waiting.insert(passed, (owner, queue));
            // Smaller calls do not pass one that waits for memory. They do pass a credential that uses all it can have.
            if lacks_memory {
                break;
            }
            passed += 1;
        }
        refused
    }
}

impl State {
    fn add(&mut self, owner: Fingerprint, size: usize) {
        self.used += size;
        *self.by_owner.entry(owner).or_default() += size;
        metrics::list_memory(self.used);
    }

    fn remove(&mut self, owner: Fingerprint, size: usize) {
        self.used = self.used.saturating_sub(size);
        if let Some(own) = self.by_owner.get_mut(&owner) {
            *own = own.saturating_sub(size);
            if *own == 0 {
                self.by_owner.remove(&owner);
            }
        }
        metrics::list_memory(self.used);
    }
}

impl Share {
    /// Changes the size to the memory that is really used. A larger one is taken without waiting.
    pub fn resize(&mut self, size: usize) {
        if size > self.size {
            lock(&self.room.state).add(self.owner, size - self.size);
        } else {
            self.room.release(self.owner, self.size - size);
        }
        self.size = size;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.release(self.owner, self.size);
    }
}

/// Counts a call as waiting until it is dropped.
struct Leaving;

impl Drop for Leaving {
    fn drop(&mut self) {
        metrics::lists_waiting(-1);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use pagerduty_api::operations::incidents::LIST_INCIDENTS;
    use pagerduty_api::operations::teams::LIST_TEAMS;
    use proptest::prelude::*;

    use super::*;
    use crate::auth::Credential;

    fn owner(number: u8) -> Fingerprint {
        Credential::new(format!("u+{number}").into(), "a test").fingerprint()
    }

    fn free(room: &Room) -> usize {
        room.total - lock(&room.state).used
    }

    #[tokio::test]
    async fn share_is_given_back_and_the_next_call_served() {
        let room = Arc::new(Room::new(400));
        let first = room.reserve(owner(1), 200).await;
        let mut second = std::pin::pin!(room.reserve(owner(1), 200));
        assert!(second.as_mut().now_or_never().is_none(), "one credential has at most three quarters");
        let other = room.reserve(owner(2), 200).now_or_never().expect("another credential does not wait behind it");
        drop(first);
        let mut second = second.now_or_never().expect("there is memory again");
        second.resize(50);
        drop(other);
        assert_eq!(free(&room), 350);
        second.resize(900);
        assert_eq!(lock(&room.state).used, 900, "it grew without waiting");
        drop(second);
        assert_eq!(free(&room), 400);
        assert!(lock(&room.state).by_owner.is_empty());
    }

    #[tokio::test]
    async fn waiting_credentials_take_turns() {
        let room = Arc::new(Room::new(100));
        let all = room.reserve(owner(0), 75).await;
        let mut waiting = [1, 1, 1, 2, 3].map(|number| Box::pin(room.reserve(owner(number), 75)));
        assert!(waiting.iter_mut().all(|one| one.as_mut().now_or_never().is_none()));
        let (mut order, mut held) = (Vec::new(), Some(all));
        for _ in 0..5 {
            drop(held.take());
            for (number, one) in waiting.iter_mut().enumerate().filter(|(number, _)| !order.contains(number)) {
                if let Some(share) = one.as_mut().now_or_never() {
                    order.push(number);
                    held = Some(share);
                    break;
                }
            }
        }
        assert_eq!(order, [0, 3, 4, 1, 2], "each credential in turn");
    }

    #[test]
    fn estimate_follows_the_pages_that_were_read() {
        let room = Room::new(1 << 20);
        let unknown = room.estimate(&LIST_INCIDENTS, 100);
        assert!(unknown > 100 * UNKNOWN_ROW);
        assert!(room.estimate(&LIST_INCIDENTS, 5) < unknown / 10, "fewer rows");
        room.note(&LIST_INCIDENTS, 10_000);
        assert_eq!(room.estimate(&LIST_INCIDENTS, 100), 22_500);
        assert_eq!(room.estimate(&LIST_TEAMS, 100), unknown, "another list");
        room.note(&LIST_INCIDENTS, 80_000);
        room.note(&LIST_INCIDENTS, 10_000);
        assert_eq!(room.estimate(&LIST_INCIDENTS, 100), 2 * 70_000 + 17_500);
        assert!(room.estimate(&LIST_INCIDENTS, usize::MAX) < 20 * 200_000, "the pages that are read at a time");
    }

    /// A step of a random sequence.
    #[derive(Clone, Debug)]
    enum Step {
        Reserve { owner: u8, size: usize },
        Finish(usize),
        Leave(usize),
        Grow { which: usize, size: usize },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..3_u8, 0..120_usize).prop_map(|(owner, size)| Step::Reserve { owner, size }),
            (0..9_usize).prop_map(Step::Finish),
            (0..9_usize).prop_map(Step::Leave),
            (0..9_usize, 0..200_usize).prop_map(|(which, size)| Step::Grow { which, size }),
        ]
    }

    proptest! {
        #[test]
        fn every_call_is_served_once_others_have_ended(steps in proptest::collection::vec(step(), 0..60)) {
            let room = Arc::new(Room::new(100));
            let (mut waiting, mut served) = (VecDeque::new(), Vec::new());
            for step in steps {
                match step {
                    Step::Reserve { owner: number, size } => {
                        let room = Arc::clone(&room);
                        waiting.push_back(Box::pin(async move { room.reserve(owner(number), size).await }));
                    }
                    Step::Finish(which) if !served.is_empty() => drop(served.swap_remove(which % served.len())),
                    Step::Leave(which) if !waiting.is_empty() => drop(waiting.remove(which % waiting.len())),
                    Step::Grow { which, size } if !served.is_empty() => {
                        let count = served.len();
                        let share: &mut Share = &mut served[which % count];
                        share.resize(size);
                    }
                    _ => {}
                }
                waiting.retain_mut(|one| one.as_mut().now_or_never().map(|share| served.push(share)).is_none());
            }
            while !waiting.is_empty() {
                let before = waiting.len();
                served.clear();
                waiting.retain_mut(|one| one.as_mut().now_or_never().map(|share| served.push(share)).is_none());
                prop_assert!(waiting.len() < before, "the calls that wait are stuck");
            }
            served.clear();
            prop_assert_eq!(free(&room), 100);
        }
    }
}
