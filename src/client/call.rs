//! What the requests of one call share: its time, its patience, the change it makes, and whether its caller has gone.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::policy::{Decision, Left, PATIENCE};
use crate::error::Error;

/// How long a side request may go on once the main answer is there.
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

/// What a call changes, and in whose name, for the log.
#[derive(Clone, Debug)]
pub struct Change {
    /// The incident's ID.
    pub incident: String,
    /// The `From` address, if there is one.
    pub author: Option<String>,
}

/// The change that a call makes.
#[derive(Debug)]
struct Changing {
    /// Its key in the credential's memory.
    key: String,
    what: Change,
    /// Keeps identical calls waiting until this one's answer has reached its caller, or its caller has gone.
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

    /// Decides by what is left; a wait that comes of it is counted. A call that was withdrawn sends nothing again, unless
    /// it has a change in doubt.
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

    /// Until when what was asked for beside the main answer is waited for, now that this is there: for a few seconds, and
    /// until `spare` before the call has to be answered.
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

    /// The key of the change that the call makes, if it makes one.
    pub fn key(&self) -> Option<String> {
        self.state().changing.as_ref().map(|changing| changing.key.clone())
    }

    /// Whether a change was sent, whatever came of it.
    pub fn has_sent(&self) -> bool {
        self.state().sent
    }

    /// What the call changes, if anything.
    pub fn change(&self) -> Option<Change> {
        self.state().changing.as_ref().map(|changing| changing.what.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
