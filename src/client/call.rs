//! The state shared by the requests of one call: its deadline, its patience, the writes it makes, and whether it was
//! withdrawn.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use pagerduty_api::Resource;
use tokio::sync::{OnceCell, OwnedMutexGuard};
use tokio::time::{Instant, timeout_at};

use super::policy::{CALL_PATIENCE, Decision, Left};
use super::room::Share;
use crate::config::LIST_MEMORY;
use crate::error::{Code, Error, Result};
use crate::sync::lock;

/// The time that an additional request may continue once the main answer is there.
pub const SIDE_REQUEST_GRACE: Duration = Duration::from_secs(5);

/// One call.
#[derive(Debug)]
pub struct Call {
    deadline: Instant,
    state: Mutex<State>,
    /// The memory that its lists use. It is reserved once, by the first list.
    share: OnceCell<Mutex<Option<Share>>>,
}

#[derive(Debug, Default)]
struct State {
    waited: Duration,
    doubt: Option<Error>,
    sent: bool,
    withdrawn: bool,
    writing: Vec<Writing>,
    /// PagerDuty's IDs of the writes.
    request_ids: Vec<String>,
}

/// The object that a call changes and the author, for the log.
#[derive(Clone, Debug)]
pub struct Change {
    /// The resource of the object.
    pub resource: &'static Resource,
    /// The ID of the object.
    pub id: String,
    /// The object in words: "incident Q1", "override Q2 of schedule P1".
    pub object: String,
    /// The `From` address, if there is one.
    pub author: Option<String>,
    /// The outcome, once it is known: `ok`, or the code of the error.
    pub outcome: Option<&'static str>,
}

/// A write that a call makes, with its key and its lock.
#[derive(Debug)]
struct Writing {
    /// The key of the write in the account's memory.
    key: String,
    change: Change,
    /// Held until the answer has reached its caller or the caller has disconnected; identical calls wait for it.
    _lock: OwnedMutexGuard<()>,
}

impl Call {
    /// Creates a call that has to be answered by `deadline`.
    pub fn until(deadline: Instant) -> Self {
        Self { deadline, state: Mutex::default(), share: OnceCell::new() }
    }

    /// Creates a call whose requests are sent once each.
    pub fn once_until(deadline: Instant) -> Self {
        let call = Self::until(deadline);
        call.withdraw();
        call
    }

    /// Creates a call that never waits for memory, since other calls wait for it.
    pub fn exempt_until(deadline: Instant) -> Self {
        Self { share: OnceCell::new_with(Some(Mutex::default())), ..Self::until(deadline) }
    }

    /// Waits for the memory of its lists, if this is the first one.
    pub async fn reserve(&self, share: impl Future<Output = Share>) -> Result<()> {
        // Boxed, because the cell would hold it twice.
        let reserve = Box::pin(async {
            let share = timeout_at(self.deadline, share).await;
            let late = |_| {
                let message = "the time limit of the call was used up while other lists took the memory";
                let hint = format!("Send fewer calls at a time, or allow lists more memory with {LIST_MEMORY}.");
                Error::new(Code::Timeout, message).hint(hint)
            };
            share.map(|share| Mutex::new(Some(share))).map_err(late)
        });
        self.share.get_or_try_init(|| reserve).await.map(drop)
    }

    /// Takes the memory of its lists.
    pub fn take_share(&self) -> Option<Share> {
        lock(self.share.get()?).take()
    }

    /// Returns the time and patience that are left.
    pub fn left(&self) -> Left {
        self.left_of(&self.state())
    }

    fn left_of(&self, state: &State) -> Left {
        let time = self.deadline.saturating_duration_since(Instant::now());
        Left { time, patience: CALL_PATIENCE.saturating_sub(state.waited) }
    }

    /// Makes a decision from the remaining time and patience, and counts a wait that results.
    ///
    /// A withdrawn call retries nothing, unless it has a write in doubt.
    pub fn decide(&self, decide: impl FnOnce(Left) -> Decision) -> Decision {
        let mut state = self.state();
        if state.withdrawn && state.doubt.is_none() {
            return Decision::GiveUp;
        }
        let decision = decide(self.left_of(&state));
        if let Decision::Retry(wait) = decision {
            state.waited += wait;
        }
        decision
    }

    /// Returns the time until which additional requests are waited for once the main answer is there: for `most`, and at
    /// most until `spare` before the call has to be answered.
    pub fn grace(&self, most: Duration, spare: Duration) -> Instant {
        let now = Instant::now();
        let latest = self.deadline.checked_sub(spare).unwrap_or(now);
        latest.min(now + most)
    }

    /// Records the error for a call that ends now, after a write was sent and before its outcome is known. `None` means
    /// that nothing is in doubt any more.
    pub fn doubt(&self, doubt: Option<Error>) {
        let mut state = self.state();
        state.sent |= doubt.is_some();
        state.doubt = doubt;
    }

    /// Returns the error for a call that ends now, if it has a write in doubt.
    pub fn in_doubt(&self) -> Option<Error> {
        self.state().doubt.clone()
    }

    /// Records that the caller withdrew the call.
    pub fn withdraw(&self) {
        self.state().withdrawn = true;
    }

    /// Records a write that the call makes.
    pub fn changes(&self, key: String, change: Change, lock: OwnedMutexGuard<()>) {
        self.state().writing.push(Writing { key, change, _lock: lock });
    }

    /// Records the outcome of a write.
    pub fn changed(&self, key: &str, outcome: &'static str) {
        for writing in self.state().writing.iter_mut().filter(|writing| writing.key == key) {
            writing.change.outcome = Some(outcome);
        }
    }

    /// Returns the keys of the writes that the call makes.
    pub fn keys(&self) -> Vec<String> {
        self.state().writing.iter().map(|writing| writing.key.clone()).collect()
    }

    /// Records PagerDuty's ID of a write.
    pub fn answered(&self, request_id: Option<String>) {
        self.state().request_ids.extend(request_id);
    }

    /// Returns PagerDuty's IDs of the writes that were answered.
    pub fn request_ids(&self) -> Vec<String> {
        self.state().request_ids.clone()
    }

    /// Returns whether a write was sent, regardless of its outcome.
    pub fn has_sent(&self) -> bool {
        self.state().sent
    }

    /// Returns the changes that the call makes, in order.
    pub fn all_changes(&self) -> Vec<Change> {
        self.state().writing.iter().map(|writing| writing.change.clone()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_and_patience_are_shared_by_all_requests() {
        let second = Duration::from_secs(1);
        let call = Call::until(Instant::now() + 60 * second);
        assert_eq!(call.decide(|_| Decision::Retry(25 * second)), Decision::Retry(25 * second));
        call.decide(|_| Decision::GiveUp);
        tokio::time::advance(40 * second).await;
        assert_eq!((call.left().patience, call.left().time), (5 * second, 20 * second));
        call.decide(|_| Decision::Retry(60 * second));
        assert_eq!(call.left().patience, Duration::ZERO);
    }
}
