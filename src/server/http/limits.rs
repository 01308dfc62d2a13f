//! How many of something at a time, in all and for one credential: requests that are served, sessions that are open.
//!
//! Beyond it a request is refused at once and told when to come back: a queue in front of a server that is too slow only
//! makes everybody wait for what they no longer want.
//!
//! As soon as several credentials hold something, nobody gets more than is still free (the dynamic threshold of shared
//! buffers, Choudhury and Hahne 1998): the fuller it is, the smaller is the share that a credential may add to, and what
//! becomes free goes to those who hold little. Who is alone may have all that a credential may.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::refusal::Refusal;
use crate::auth::Fingerprint;

/// The counts.
#[derive(Debug)]
pub struct Limits {
    bounds: Bounds,
    held: watch::Sender<Held>,
}

/// What is counted, and up to where.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// What is counted, for messages.
    pub of: &'static str,
    /// How many in all.
    pub total: usize,
    /// How many for one credential.
    pub each: usize,
    /// The seconds after which to try again.
    pub retry_after: u64,
    /// Told of every change.
    pub gauge: fn(i64),
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    /// Only credentials that hold something are in it.
    by: HashMap<Option<Fingerprint>, usize>,
}

/// The right to one, until dropped.
#[derive(Debug)]
pub struct Permit {
    limits: Arc<Limits>,
    caller: Option<Fingerprint>,
}

impl Limits {
    /// Nothing is counted yet.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, held: watch::Sender::default() }
    }

    /// Counts one of a caller's.
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
        if own >= self.bounds.each {
            return Err(self.refuse("this credential is at its limit"));
        }
        let others = held.all - own;
        if others > 0 && own >= free {
            return Err(self.refuse("what is left is kept for others who hold fewer: the server is close to its limit"));
        }
        held.all += 1;
        held.by.insert(caller, own + 1);
        Ok(())
    }

    /// The refusal when there is nothing left for anybody.
    pub fn exhausted(&self) -> Refusal {
        self.refuse("the server is at its limit")
    }

    fn refuse(&self, who: &str) -> Refusal {
        Refusal::busy(&format!("{who} of concurrent {}", self.bounds.of), self.bounds.retry_after)
    }

    /// Waits until nothing is held. Others are admitted in the meantime as before.
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
    use crate::auth::Origin;

    fn caller(secret: &str) -> Option<Fingerprint> {
        Origin::Http(Some(secret.into())).fingerprint()
    }

    fn limits(total: usize, each: usize) -> Arc<Limits> {
        Arc::new(Limits::new(Bounds { of: "requests", total, each, retry_after: 1, gauge: |_| {} }))
    }

    #[test]
    fn a_credential_and_all_together_have_a_limit_each() {
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
    fn who_is_alone_may_have_all() {
        for (total, each, most) in [(2, 64, 2), (64, 64, 64), (64, 48, 48)] {
            let limits = limits(total, each);
            let held: Vec<_> = std::iter::from_fn(|| limits.admit(caller("a")).ok()).collect();
            assert_eq!(held.len(), most);
        }
    }

    #[test]
    fn those_who_hold_much_leave_room_to_those_who_hold_little() {
        let limits = limits(256, 64);
        let take_all = |secret| std::iter::from_fn(|| limits.admit(caller(secret)).ok()).collect::<Vec<_>>();
        let mut greedy = ["a", "b", "c", "d"].map(take_all);
        assert_eq!(greedy.each_ref().map(Vec::len), [64, 64, 64, 32]);
        let newcomer = take_all("e");
        assert_eq!(newcomer.len(), 16);
        greedy[0].pop();
        assert!(limits.admit(caller("a")).is_err(), "what becomes free is not for them");
        assert!(limits.admit(caller("e")).is_ok());
    }

    #[test]
    fn who_waits_for_the_end_keeps_nobody_out() {
        let limits = limits(3, 2);
        let permit = limits.admit(caller("a")).unwrap();
        let mut drained = std::pin::pin!(limits.drained());
        assert!(drained.as_mut().now_or_never().is_none());
        let late = limits.admit(caller("b"));
        assert!(late.is_ok());
        drop((permit, late));
        assert!(drained.now_or_never().is_some());
        assert!(limits.held.borrow().by.is_empty(), "nothing is kept of a caller who has gone");
    }
}
