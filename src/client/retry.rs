//! When to send a request again, and how long to wait before.
//!
//! Reads and status changes may be repeated after anything that can pass: 429, a server error, a broken connection, a body
//! that was cut off. A note is repeated only if it surely did not arrive. The waits grow and are spread by chance, so that
//! callers who failed together do not come back together.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::request::Repeat;

/// How often a request is sent at most.
pub const ATTEMPTS: u32 = 3;

/// How long one call may wait in all between attempts, those of all its requests together. Beyond it the caller is told to
/// come back.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The first back-off; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// What became of an attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The request did not reach PagerDuty.
    NotArrived,
    /// It may have: the connection broke, or the answer is cut off.
    Unknown,
    /// It did, and took effect for all we know, but the answer makes no sense.
    Garbled,
    /// PagerDuty answered with an error of its own making, 5xx.
    ServerError,
    /// PagerDuty refused it for now, 429.
    Limited,
    /// Sending it again would change nothing.
    Final,
}

impl Outcome {
    /// The outcome of an answer that is not a success.
    pub fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::TOO_MANY_REQUESTS => Outcome::Limited,
            status if status.is_server_error() => Outcome::ServerError,
            _ => Outcome::Final,
        }
    }

    /// Whether a write may have taken effect.
    pub fn leaves_doubt(self) -> bool {
        matches!(self, Outcome::Unknown | Outcome::Garbled | Outcome::ServerError)
    }

    /// Whether to send a request again after this.
    pub fn allows(self, repeat: Repeat) -> bool {
        match self {
            Outcome::Final | Outcome::Garbled => false,
            Outcome::NotArrived | Outcome::Limited => true,
            Outcome::Unknown | Outcome::ServerError => repeat == Repeat::Always,
        }
    }
}

/// The wait before attempt number `attempt` (the second is 2), between half and all of a doubling time.
pub fn backoff(attempt: u32) -> Duration {
    let full = FIRST_WAIT * 2u32.saturating_pow(attempt.saturating_sub(2));
    full.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// How long PagerDuty asks to wait, from the headers of a 429. It may send none.
/// <https://developer.pagerduty.com/docs/rest-api-rate-limits>
pub fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = seconds("ratelimit-reset").or_else(|| seconds("retry-after"))?;
    Duration::try_from_secs_f64(seconds.ceil()).ok()
}

/// How long one call is still willing to wait.
#[derive(Debug)]
pub struct Patience {
    waited: Mutex<Duration>,
    deadline: Instant,
}

impl Patience {
    /// The patience of a call that has `time` to finish.
    pub fn of(time: Duration) -> Self {
        Self { waited: Mutex::new(Duration::ZERO), deadline: Instant::now() + time }
    }

    /// Whether a wait is still in it, which is then counted. Spread a little, so that callers who were limited together do
    /// not come back together.
    pub fn grant(&self, wait: Duration) -> Option<Duration> {
        let wait = wait.mul_f64(1.0 + fastrand::f64() / 10.0);
        let mut waited = self.waited.lock().unwrap_or_else(PoisonError::into_inner);
        let granted = *waited + wait <= MAX_WAIT && Instant::now() + wait < self.deadline;
        granted.then(|| {
            *waited += wait;
            wait
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_repeated_only_if_it_surely_did_not_arrive() {
        let repeated = |repeat| {
            use Outcome::{Final, Garbled, Limited, NotArrived, ServerError, Unknown};
            [NotArrived, Unknown, ServerError, Limited, Garbled, Final].map(|outcome: Outcome| outcome.allows(repeat))
        };
        assert_eq!(repeated(Repeat::Always), [true, true, true, true, false, false]);
        assert_eq!(repeated(Repeat::IfNotArrived), [true, false, false, true, false, false]);
    }

    #[test]
    fn the_patience_of_a_call_is_for_all_its_requests_together() {
        let second = Duration::from_secs(1);
        let patience = Patience::of(60 * second);
        assert!(patience.grant(25 * second).is_some());
        assert!(patience.grant(25 * second).is_none(), "thirty seconds in all");
        assert!(patience.grant(second).is_some());
        assert!(Patience::of(10 * second).grant(15 * second).is_none(), "not beyond the call's own time");
    }

    #[test]
    fn waits_double_and_stay_within_their_bounds() {
        for (attempt, full) in [(2, 200), (3, 400), (4, 800)] {
            let wait = backoff(attempt).as_millis();
            assert!(wait >= full / 2 && wait <= full, "attempt {attempt}: {wait} ms");
        }
    }
}
