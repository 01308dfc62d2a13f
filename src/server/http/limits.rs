//! How many requests are served at a time, in all and for one credential.
//!
//! Beyond it a request is refused at once and told when to come back: a queue in front of a server that is too slow only
//! makes everybody wait for what they no longer want.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::Refusal;
use crate::auth::Fingerprint;
use crate::metrics;

/// The seconds after which to try again. Calls take less than that as a rule.
const RETRY_AFTER: u64 = 1;

/// The counts.
#[derive(Debug)]
pub struct Limits {
    all: Arc<Semaphore>,
    total: u32,
    each: usize,
    /// Only credentials with a request underway are in it.
    underway: Mutex<HashMap<Option<Fingerprint>, usize>>,
}

/// The right to be served, until dropped.
#[derive(Debug)]
pub struct Permit {
    limits: Arc<Limits>,
    caller: Option<Fingerprint>,
    _one: OwnedSemaphorePermit,
}

impl Limits {
    /// At most `total` requests, and `each` for one credential.
    pub fn new(total: usize, each: usize) -> Self {
        let total = u32::try_from(total.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        Self { all: Arc::new(Semaphore::new(total as usize)), total, each, underway: Mutex::default() }
    }

    /// Counts a request of a caller's.
    pub fn admit(self: &Arc<Self>, caller: Option<Fingerprint>) -> Result<Permit, Refusal> {
        let Ok(one) = Arc::clone(&self.all).try_acquire_owned() else {
            return Err(Refusal::busy("the server is at its limit of concurrent requests", RETRY_AFTER));
        };
        let mut underway = self.underway.lock().unwrap_or_else(PoisonError::into_inner);
        let count = underway.entry(caller).or_default();
        if *count >= self.each {
            return Err(Refusal::busy("this credential is at its limit of concurrent requests", RETRY_AFTER));
        }
        *count += 1;
        metrics::in_flight(1);
        Ok(Permit { limits: Arc::clone(self), caller, _one: one })
    }

    /// Waits until nothing is underway.
    pub async fn drained(&self) {
        // An error would mean a closed semaphore, and nobody closes this one.
        let _ = self.all.acquire_many(self.total).await;
    }
}

impl Permit {
    /// An answer whose request is underway until the last of it is sent.
    pub fn around<B>(self, body: B) -> Underway<B> {
        Underway { body, _permit: self }
    }
}

/// A body that holds a permit.
#[derive(Debug)]
pub struct Underway<B> {
    body: B,
    _permit: Permit,
}

impl<B: Body + Unpin> Body for Underway<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        metrics::in_flight(-1);
        let mut underway = self.limits.underway.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = underway.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                underway.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::auth::Origin;

    fn caller(secret: &str) -> Option<Fingerprint> {
        Origin::Http(Some(secret.into())).fingerprint()
    }

    #[test]
    fn a_credential_and_all_together_have_a_limit_each() {
        let limits = Arc::new(Limits::new(3, 2));
        let first = limits.admit(caller("a")).unwrap();
        let _second = limits.admit(caller("a")).unwrap();
        assert!(limits.admit(caller("a")).is_err(), "two for one credential");
        let third = limits.admit(caller("b")).unwrap();
        assert!(limits.admit(caller("c")).is_err(), "three in all");
        drop(third);
        assert!(limits.admit(caller("a")).is_err());
        drop(first);
        assert!(limits.admit(caller("a")).is_ok());
    }

    #[test]
    fn nothing_is_kept_of_a_caller_who_has_gone() {
        let limits = Arc::new(Limits::new(3, 2));
        let permit = limits.admit(caller("a")).unwrap();
        assert!(limits.drained().now_or_never().is_none());
        drop(permit);
        assert!(limits.underway.lock().unwrap().is_empty());
        assert!(limits.drained().now_or_never().is_some());
    }
}
