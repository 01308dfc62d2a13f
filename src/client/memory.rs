//! The changes whose outcome may not have reached their callers, so that an identical call checks before it sends.
//!
//! A change is remembered from the moment it may have been sent. It is forgotten when its caller has the answer, or
//! when it certainly did not take effect. A change that stays was withdrawn (the client gave up, the connection
//! closed), or its outcome is unknown.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::decode::Row;
use crate::models::Note;

/// The time that a change is remembered.
pub const KEPT: Duration = Duration::from_mins(10);

/// The most changes that are remembered for one owner; the oldest are evicted first.
const MOST: usize = 50;

/// The changes of one owner.
#[derive(Debug, Default)]
pub struct Memory {
    sent: Mutex<VecDeque<(String, Earlier)>>,
    running: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

/// An earlier call that made the same change.
#[derive(Clone, Debug)]
pub struct Earlier {
    /// The time the change was sent.
    pub sent: Instant,
    /// The address of its author, if known. Different users may use a login one after the other.
    pub author: Option<String>,
    /// The outcome of the change.
    pub outcome: Outcome,
}

/// The outcome of a change.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It may have taken effect.
    Unknown,
    /// The incident has the status.
    Set,
    /// The note was written.
    Written(Box<Row<Note>>),
}

impl Earlier {
    fn may_be_by(&self, author: Option<&str>) -> bool {
        let (Some(known), Some(author)) = (&self.author, author) else { return true };
        known.eq_ignore_ascii_case(author)
    }
}

impl Memory {
    /// Waits until no other call makes this change, and prevents others from making it until the returned guard is
    /// dropped.
    pub async fn alone(&self, change: &str) -> OwnedMutexGuard<()> {
        let mutex = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.retain(|_, mutex| mutex.strong_count() > 0);
            let mutex = running.get(change).and_then(Weak::upgrade).unwrap_or_default();
            running.insert(change.to_owned(), std::sync::Arc::downgrade(&mutex));
            mutex
        };
        mutex.lock_owned().await
    }

    /// Returns the earlier call by this author that made this change, if the outcome may not have reached its caller.
    pub fn earlier(&self, change: &str, author: Option<&str>) -> Option<Earlier> {
        self.all(|all| all.iter().find(|(known, _)| known == change).map(|(_, earlier)| earlier.clone()))
            .filter(|earlier| earlier.may_be_by(author))
    }

    /// Remembers that a change is being sent. If an earlier one is in doubt, its time is kept.
    pub fn sent(&self, change: &str, author: Option<&str>) {
        let unknown = |earlier: &Earlier| matches!(earlier.outcome, Outcome::Unknown);
        let sent = self.earlier(change, author).filter(unknown).map_or_else(Instant::now, |earlier| earlier.sent);
        self.keep(change, Some(Earlier { sent, author: author.map(str::to_owned), outcome: Outcome::Unknown }));
    }

    /// Records the outcome of a change.
    pub fn settle(&self, change: &str, outcome: Outcome) {
        let (sent, author) =
            self.earlier(change, None).map_or_else(|| (Instant::now(), None), |earlier| (earlier.sent, earlier.author));
        self.keep(change, Some(Earlier { sent, author, outcome }));
    }

    /// Returns whether changes are remembered or being made.
    pub fn is_in_use(&self) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.values().any(|mutex| mutex.strong_count() > 0) || self.all(|all| !all.is_empty())
    }

    /// Forgets a change whose outcome has reached a caller. It is kept while it is in doubt, and for an identical call
    /// that waits for this one: some clients give up without cancelling, and their models repeat the call.
    pub fn delivered(&self, change: &str) {
        if !self.is_awaited(change)
            && self.earlier(change, None).is_some_and(|earlier| !matches!(earlier.outcome, Outcome::Unknown))
        {
            self.keep(change, None);
        }
    }

    /// Returns whether another call waits for the end of the one that makes this change.
    fn is_awaited(&self, change: &str) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(change).is_some_and(|mutex| mutex.strong_count() > 1)
    }

    /// Replaces the remembered state of a change.
    pub fn keep(&self, change: &str, earlier: Option<Earlier>) {
        self.all(|all| {
            all.retain(|(known, _)| known != change);
            if all.len() >= MOST {
                all.pop_front();
            }
            all.extend(earlier.map(|earlier| (change.to_owned(), earlier)));
        });
    }

    fn all<T>(&self, with: impl FnOnce(&mut VecDeque<(String, Earlier)>) -> T) -> T {
        let mut all = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, earlier)| earlier.sent.elapsed() < KEPT);
        with(&mut all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn changes_are_kept_for_minutes_and_bounded_in_number() {
        let memory = Memory::default();
        memory.sent("0", None);
        tokio::time::advance(KEPT / 2).await;
        for number in 1..MOST {
            memory.sent(&number.to_string(), None);
        }
        assert!(memory.earlier("0", None).is_some());
        memory.sent("one more", None);
        assert!(memory.earlier("0", None).is_none() && memory.earlier("1", None).is_some(), "the oldest was evicted");
        tokio::time::advance(KEPT).await;
        assert!(memory.earlier("one more", None).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_delivered_change_is_forgotten_unless_in_doubt() {
        let memory = Memory::default();
        memory.sent("a", None);
        let first = Instant::now();
        memory.delivered("a");
        tokio::time::advance(Duration::from_secs(5)).await;
        memory.sent("a", None);
        assert_eq!(memory.earlier("a", None).unwrap().sent, first, "the first may still land");
        memory.settle("a", Outcome::Set);
        memory.delivered("a");
        assert!(memory.earlier("a", None).is_none());
    }
}
