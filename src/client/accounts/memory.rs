//! The writes whose outcome may not have reached their callers, so that an identical call verifies before it sends.
//!
//! A write is remembered from the moment it may have been sent. It is forgotten when its caller has the answer, or when
//! it certainly did not take effect. A write that stays was withdrawn (the client gave up, the connection closed), or
//! its outcome is unknown.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use pagerduty_rows::object::Object;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::error::{Code, Error, Result};
use crate::sync::lock;

/// The time that a write is remembered.
pub const RETENTION: Duration = Duration::from_mins(10);

/// The most writes that are remembered for one owner: eight times the calls that one credential may have in flight over
/// HTTP by default.
///
/// None is evicted before its time, so a write beyond this is refused.
const MAX_REMEMBERED: usize = 512;

/// The writes of one owner.
#[derive(Debug)]
pub struct Memory {
    /// The most writes that are remembered.
    capacity: usize,
    sent: Mutex<VecDeque<(String, Earlier)>>,
    running: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    /// The objects whose removal was sent, oldest first.
    removed: Mutex<VecDeque<String>>,
}

/// An earlier call that made the same write.
#[derive(Clone, Debug)]
pub struct Earlier {
    /// The time the write was sent.
    pub sent: Instant,
    /// The address of its author, if known. Different users may use a login one after the other.
    pub author: Option<String>,
    /// The outcome of the write.
    pub outcome: Outcome,
}

/// The outcome of a write.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It may have taken effect.
    Unknown,
    /// It took effect. The fields of the object are kept if they cannot be read again.
    Done(Option<Object>),
}

impl Earlier {
    fn may_be_by(&self, author: Option<&str>) -> bool {
        let (Some(known), Some(author)) = (&self.author, author) else { return true };
        known.eq_ignore_ascii_case(author)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::with_capacity(MAX_REMEMBERED)
    }
}

impl Memory {
    fn with_capacity(capacity: usize) -> Self {
        Self { capacity, sent: Mutex::default(), running: Mutex::default(), removed: Mutex::default() }
    }

    /// Returns a memory without capacity, whose owner can make no writes.
    pub fn full() -> Self {
        Self::with_capacity(0)
    }

    /// Waits until no other call makes this write, and prevents others from making it until the returned guard is dropped.
    pub async fn lock(&self, write: &str) -> OwnedMutexGuard<()> {
        self.mutex(write).lock_owned().await
    }

    /// Prevents other calls from making this write, unless one is making it.
    pub fn try_lock(&self, write: &str) -> Option<OwnedMutexGuard<()>> {
        self.mutex(write).try_lock_owned().ok()
    }

    fn mutex(&self, write: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut running = lock(&self.running);
        running.retain(|_, mutex| mutex.strong_count() > 0);
        let mutex = running.get(write).and_then(Weak::upgrade).unwrap_or_default();
        running.insert(write.to_owned(), Arc::downgrade(&mutex));
        mutex
    }

    /// Remembers that the removal of an object is sent. After many others, it is forgotten.
    pub fn removes(&self, object: String) {
        let mut removed = lock(&self.removed);
        if removed.len() >= MAX_REMEMBERED {
            removed.pop_front();
        }
        removed.push_back(object);
    }

    /// Remembers that something is used up, and returns whether it is the first time.
    pub fn removes_first(&self, object: String) -> bool {
        let mut removed = lock(&self.removed);
        if removed.contains(&object) {
            return false;
        }
        if removed.len() >= MAX_REMEMBERED {
            removed.pop_front();
        }
        removed.push_back(object);
        true
    }

    /// Returns whether the removal of an object was sent.
    pub fn was_removed(&self, object: &str) -> bool {
        lock(&self.removed).iter().any(|known| known == object)
    }

    /// Returns the earlier call by this author that made this write, if the outcome may not have reached its caller.
    pub fn earlier(&self, write: &str, author: Option<&str>) -> Option<Earlier> {
        self.all(|all| all.iter().find(|(known, _)| known == write).map(|(_, earlier)| earlier.clone()))
            .filter(|earlier| earlier.may_be_by(author))
    }

    /// Remembers that a write is about to be sent. If an earlier one is in doubt, its time is kept.
    ///
    /// Fails if there is no room. Then the write must not be sent, since its outcome could not be remembered.
    pub fn sent(&self, write: &str, author: Option<&str>) -> Result<()> {
        let unknown = |earlier: &Earlier| matches!(earlier.outcome, Outcome::Unknown);
        let sent = self.earlier(write, author).filter(unknown).map_or_else(Instant::now, |earlier| earlier.sent);
        let earlier = Earlier { sent, author: author.map(str::to_owned), outcome: Outcome::Unknown };
        self.all(|all| {
            let known = all.iter().position(|(known, _)| known == write);
            if known.is_none() && all.len() >= self.capacity {
                return Err(self.no_room(all));
            }
            known.and_then(|known| all.remove(known));
            all.push_back((write.to_owned(), earlier));
            Ok(())
        })
    }

    fn no_room(&self, all: &VecDeque<(String, Earlier)>) -> Error {
        let oldest = all.iter().map(|(_, earlier)| earlier.sent.elapsed()).max().unwrap_or_default();
        let wait = RETENTION.saturating_sub(oldest).as_secs() + 1;
        let message = match self.capacity {
            0 => "too many credentials have changes whose outcome is not known, so this change was not sent".to_owned(),
            most => format!(
                "{most} changes with this credential have an outcome that is not known, so this one was not sent"
            ),
        };
        Error::new(Code::RateLimited, message)
            .hint("Nothing was changed. Check those changes, and call again after retry_after_seconds.")
            .retry_after(wait)
    }

    /// Records the outcome of a write.
    pub fn settle(&self, write: &str, outcome: Outcome) {
        let (sent, author) =
            self.earlier(write, None).map_or_else(|| (Instant::now(), None), |earlier| (earlier.sent, earlier.author));
        self.keep(write, Some(Earlier { sent, author, outcome }));
    }

    /// Returns whether writes are remembered or being made.
    pub fn is_in_use(&self) -> bool {
        let running = lock(&self.running);
        running.values().any(|mutex| mutex.strong_count() > 0) || self.all(|all| !all.is_empty())
    }

    /// Forgets a write whose outcome has reached a caller.
    ///
    /// It is kept while it is in doubt, and for an identical call that waits for this one: some clients give up without
    /// canceling, and their models repeat the call.
    pub fn delivered(&self, write: &str) {
        if !self.is_awaited(write)
            && self.earlier(write, None).is_some_and(|earlier| !matches!(earlier.outcome, Outcome::Unknown))
        {
            self.keep(write, None);
        }
    }

    /// Returns whether another call waits for the end of the one that makes this write.
    fn is_awaited(&self, write: &str) -> bool {
        let running = lock(&self.running);
        running.get(write).is_some_and(|mutex| mutex.strong_count() > 1)
    }

    /// Replaces the remembered state of a write.
    pub fn keep(&self, write: &str, earlier: Option<Earlier>) {
        self.all(|all| {
            all.retain(|(known, _)| known != write);
            all.extend(earlier.map(|earlier| (write.to_owned(), earlier)));
        });
    }

    fn all<T>(&self, with: impl FnOnce(&mut VecDeque<(String, Earlier)>) -> T) -> T {
        let mut all = lock(&self.sent);
        all.retain(|(_, earlier)| earlier.sent.elapsed() < RETENTION);
        with(&mut all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn full_memory_refuses_writes_until_the_oldest_expires() {
        let memory = Memory::default();
        memory.sent("0", None).unwrap();
        tokio::time::advance(RETENTION / 2).await;
        for number in 1..MAX_REMEMBERED {
            memory.sent(&number.to_string(), None).unwrap();
        }
        let error = memory.sent("one more", None).unwrap_err();
        assert_eq!(error.envelope()["error"]["retry_after_seconds"], RETENTION.as_secs() / 2 + 1, "{error}");
        assert!(memory.earlier("0", None).is_some() && memory.earlier("1", None).is_some());
        memory.sent("0", None).unwrap();
        memory.settle("1", Outcome::Done(None));
        assert!(memory.sent("one more", None).is_err(), "the caller of 1 may not have its answer");
        memory.delivered("1");
        memory.sent("one more", None).unwrap();
        tokio::time::advance(RETENTION / 2).await;
        assert!(memory.earlier("0", None).is_none(), "the time of the first attempt counts");
        memory.sent("two more", None).unwrap();
        assert!(Memory::full().sent("0", None).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn delivered_write_is_forgotten_unless_in_doubt() {
        let memory = Memory::default();
        memory.sent("a", None).unwrap();
        let first = Instant::now();
        memory.delivered("a");
        tokio::time::advance(Duration::from_secs(5)).await;
        memory.sent("a", None).unwrap();
        assert_eq!(memory.earlier("a", None).unwrap().sent, first, "the first may still land");
        memory.settle("a", Outcome::Done(None));
        memory.delivered("a");
        assert!(memory.earlier("a", None).is_none());
    }
}
