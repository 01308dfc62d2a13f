//! The state shared by the requests of one call: its deadline, its patience, the change it makes, and whether its
//! caller has gone.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::policy::{Decision, Left, PATIENCE};
use crate::error::Error;
use crate::sync::lock;

/// The time that an additional request may continue once the main answer is there.
const GRACE: Duration = Duration::from_secs(5);

/// One call.
#[derive(Debug)]
pub struct Call {
    deadline: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waited: Duration,
    doubt: Option<Error>,
    sent: bool,
    withdrawn: bool,
    changing: Option<Changing>,
}

/// The change that a call makes and its author, for the log.
#[derive(Clone, Debug)]
pub struct Change {
    /// The ID of the incident.
    pub incident: String,
    /// The `From` address, if there is one.
    pub author: Option<String>,
}

/// The change that a call makes, with its key and its lock.
#[derive(Debug)]
struct Changing {
    /// The key of the change in the credential's memory.
    key: String,
    what: Change,
    /// The lock that keeps identical calls waiting until this answer has reached its caller, or the caller has gone.
    _alone: OwnedMutexGuard<()>,
}

impl Call {
    /// A call that has to be answered by then.
    pub fn until(deadline: Instant) -> Self {
        Self { deadline, state: Mutex::default() }
    }

    /// What it has left.
    pub fn left(&self) -> Left {
        self.left_of(&self.state())
    }

    fn left_of(&self, state: &State) -> Left {
        let time = self.deadline.saturating_duration_since(Instant::now());
        Left { time, patience: PATIENCE.saturating_sub(state.waited) }
    }

    /// Makes a decision from the remaining time and patience, and counts a wait that results. A withdrawn call sends
    /// nothing again, unless it has a change in doubt.
    pub fn decide(&self, decide: impl FnOnce(Left) -> Decision) -> Decision {
        let mut state = self.state();
        if state.withdrawn && state.doubt.is_none() {
            return Decision::GiveUp;
        }
        let decision = decide(self.left_of(&state));
        if let Decision::Again(wait) = decision {
            state.waited += wait;
        }
        decision
    }

    /// Returns the time until which additional requests are waited for once the main answer is there: for a few
    /// seconds, and at most until `spare` before the call has to be answered.
    pub fn grace(&self, spare: Duration) -> Instant {
        let now = Instant::now();
        let latest = self.deadline.checked_sub(spare).unwrap_or(now);
        latest.min(now + GRACE)
    }

    /// Notes what to say if the call ends now: that a change was sent and its answer is not known. `None`: nothing is in
    /// doubt any more.
    pub fn doubt(&self, doubt: Option<Error>) {
        let mut state = self.state();
        state.sent |= doubt.is_some();
        state.doubt = doubt;
    }

    /// What to say if the call ends now, where there is a change in doubt.
    pub fn in_doubt(&self) -> Option<Error> {
        self.state().doubt.clone()
    }

    /// Notes that the caller has gone.
    pub fn withdraw(&self) {
        self.state().withdrawn = true;
    }

    /// Notes which change the call makes.
    pub fn changes(&self, key: String, what: Change, alone: OwnedMutexGuard<()>) {
        self.state().changing = Some(Changing { key, what, _alone: alone });
    }

    /// Returns the key of the change that the call makes, if it makes one.
    pub fn key(&self) -> Option<String> {
        self.state().changing.as_ref().map(|changing| changing.key.clone())
    }

    /// Returns whether a change was sent, regardless of its outcome.
    pub fn has_sent(&self) -> bool {
        self.state().sent
    }

    /// Returns the change that the call makes, if any.
    pub fn change(&self) -> Option<Change> {
        self.state().changing.as_ref().map(|changing| changing.what.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_and_patience_are_for_all_requests_together() {
        let second = Duration::from_secs(1);
        let call = Call::until(Instant::now() + 60 * second);
        assert_eq!(call.decide(|_| Decision::Again(25 * second)), Decision::Again(25 * second));
        call.decide(|_| Decision::GiveUp);
        tokio::time::advance(40 * second).await;
        assert_eq!((call.left().patience, call.left().time), (5 * second, 20 * second));
        call.decide(|_| Decision::Again(60 * second));
        assert_eq!(call.left().patience, Duration::ZERO);
    }
}
