//! Limits on concurrent requests and open sessions, in total and per credential.
//!
//! A request beyond a limit is refused at once, with the time after which to retry. A queue in front of an overloaded server
//! would only delay answers until their callers have given up.
//!
//! While several credentials hold permits, none may hold more than are still free (the dynamic threshold of shared buffers,
//! Choudhury and Hahne 1998): the fuller the server, the smaller the share up to which a credential gets new permits, and free
//! permits go to credentials that hold few. A single active credential may use its full limit.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::refusal::Refusal;
use crate::auth::Fingerprint;

/// The permits in use, and their limits.
#[derive(Debug)]
pub struct Limits {
    bounds: Bounds,
    held: watch::Sender<Held>,
}

/// The limits on one kind of permit.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The kind, for messages.
    pub of: &'static str,
    /// The most permits in total.
    pub total: usize,
    /// The most permits of one credential.
    pub per_credential: usize,
    /// The seconds after which to retry.
    pub retry_after: u64,
    /// The metric of permits in use.
    pub gauge: fn(i64),
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    /// The permits of each credential that holds any.
    by: HashMap<Option<Fingerprint>, usize>,
}

/// A permit, which is released when dropped.
#[derive(Debug)]
pub struct Permit {
    limits: Arc<Limits>,
    caller: Option<Fingerprint>,
}

impl Limits {
    /// Creates the limits, with all permits free.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, held: watch::Sender::default() }
    }

    /// Acquires a permit for `caller`.
    pub fn admit(self: &Arc<Self>, caller: Option<Fingerprint>) -> Result<Permit, Refusal> {
        let mut admitted = Ok(());
        self.held.send_if_modified(|held| {
            admitted = self.count(held, caller);
            admitted.is_ok()
        });
        admitted?;
        (self.bounds.gauge)(1);
        Ok(Permit { limits: Arc::clone(self), caller })
    }

    fn count(&self, held: &mut Held, caller: Option<Fingerprint>) -> Result<(), Refusal> {
        let free = self.bounds.total.saturating_sub(held.all);
        let own = held.by.get(&caller).copied().unwrap_or_default();
        if free == 0 {
            return Err(self.exhausted());
        }
        if own >= self.bounds.per_credential {
            return Err(self.refuse("this credential is at its limit"));
        }
        let others = held.all - own;
        if others > 0 && own >= free {
            return Err(self.refuse("other credentials hold fewer, and the server is near its limit"));
        }
        held.all += 1;
        held.by.insert(caller, own + 1);
        Ok(())
    }

    /// Returns the refusal when no permit is free.
    pub fn exhausted(&self) -> Refusal {
        self.refuse("the server is at its limit")
    }

    fn refuse(&self, reason: &str) -> Refusal {
        Refusal::busy(&format!("{reason} of concurrent {}", self.bounds.of), self.bounds.retry_after)
    }

    /// Waits until all permits are free. Meanwhile permits are granted as before.
    pub async fn drained(&self) {
        // An error would mean that there is no sender left, and this is one.
        self.held.subscribe().wait_for(|held| held.all == 0).await.ok();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        (self.limits.bounds.gauge)(-1);
        self.limits.held.send_modify(|held| {
            held.all -= 1;
            let left = held.by.get_mut(&self.caller).map(|count| {
                *count -= 1;
                *count
            });
            if left == Some(0) {
                held.by.remove(&self.caller);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::auth::{BY_TOKEN_HEADER, Credential, Origin};

    fn caller(secret: &str) -> Option<Fingerprint> {
        Origin::Http(Credential::from_header(&secret.into(), BY_TOKEN_HEADER)).fingerprint()
    }

    fn limits(total: usize, per_credential: usize) -> Arc<Limits> {
        Arc::new(Limits::new(Bounds { of: "requests", total, per_credential, retry_after: 1, gauge: |_| {} }))
    }

    #[test]
    fn credential_and_total_are_limited() {
        let limits = limits(3, 2);
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
    fn single_credential_gets_its_full_limit() {
        for (total, per_credential, most) in [(2, 64, 2), (64, 64, 64), (64, 48, 48)] {
            let limits = limits(total, per_credential);
            let held: Vec<_> = std::iter::from_fn(|| limits.admit(caller("a")).ok()).collect();
            assert_eq!(held.len(), most);
        }
    }

    #[test]
    fn heavy_callers_yield_when_nearly_full() {
        let limits = limits(256, 64);
        let take_all = |secret| std::iter::from_fn(|| limits.admit(caller(secret)).ok()).collect::<Vec<_>>();
        let mut greedy = ["a", "b", "c", "d"].map(take_all);
        assert_eq!(greedy.each_ref().map(Vec::len), [64, 64, 64, 32]);
        let newcomer = take_all("e");
        assert_eq!(newcomer.len(), 16);
        greedy[0].pop();
        assert!(limits.admit(caller("a")).is_err(), "a free permit goes to another credential");
        assert!(limits.admit(caller("e")).is_ok());
    }

    #[test]
    fn waiting_for_the_end_admits_new_callers() {
        let limits = limits(3, 2);
        let permit = limits.admit(caller("a")).unwrap();
        let mut drained = std::pin::pin!(limits.drained());
        assert!(drained.as_mut().now_or_never().is_none());
        let late = limits.admit(caller("b"));
        assert!(late.is_ok());
        drop((permit, late));
        assert!(drained.now_or_never().is_some());
        assert!(limits.held.borrow().by.is_empty(), "callers without permits are removed");
    }
}
