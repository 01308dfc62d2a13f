//! Retry policy: after a failed attempt, retry, verify, or give up.
//!
//! All decisions are functions of values, without clock, chance or network. `send.rs` carries them out. The table shows
//! the decision while attempts, time and patience are left:
//!
//! | outcome of the attempt | `Read` | `Idempotent` | `Once` |
//! |---|---|---|---|
//! | the request did not arrive, or was refused for now (429) | retry | retry | retry |
//! | the response was lost, or is a 5xx or a time-out | retry | retry | verify |
//! | the response reports success and is cut off | retry | verify | verify |
//! | the response reports success and cannot be decoded | give up | verify | verify |
//! | the request was refused | give up | give up | give up |
//!
//! If nothing is left for a retry, and in each row that gives up, a write is verified if this attempt or an earlier one
//! may have taken effect. A `Once` is not sent again even if it is not found: a request that seems lost may still arrive.

use std::time::Duration;

use pagerduty_api::Effect;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::accounts::clock;
use super::codes;

/// The most attempts at a request, and the most verifications of a write.
pub const ATTEMPTS: u32 = 3;

/// The longest time that one call waits in all, between attempts and for the rate limit, over all its requests.
pub const CALL_PATIENCE: Duration = Duration::from_secs(30);

/// The longest wait that is taken from a header, so that no number there grows out of hand.
const MAX_HEADER_WAIT: Duration = Duration::from_hours(24);

/// The most time that is reserved for verifying a write.
const VERIFY_RESERVE: Duration = Duration::from_secs(5);

/// The outcome of an attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The request did not reach PagerDuty.
    NotArrived,
    /// PagerDuty refused it for now, with 429.
    Limited,
    /// It may have reached PagerDuty, and no response came: the connection broke, or the attempt timed out.
    Lost,
    /// PagerDuty answered with a 5xx, or that it ran out of time. A gateway may give up while the work behind it
    /// continues.
    ServerError,
    /// The response reports success and ends too early.
    CutOff,
    /// The response, of PagerDuty or of a host in its place, reports success and cannot be decoded.
    Garbled,
    /// The request was refused, and sending it again would change nothing.
    Refused,
}

impl Outcome {
    /// Returns the outcome for a response that is not a success, from its status and PagerDuty's code.
    pub fn from_response(status: StatusCode, code: Option<i64>) -> Self {
        match status {
            StatusCode::TOO_MANY_REQUESTS => Outcome::Limited,
            StatusCode::REQUEST_TIMEOUT => Outcome::ServerError,
            status if status.is_server_error() || code == Some(codes::TIMED_OUT) => Outcome::ServerError,
            _ => Outcome::Refused,
        }
    }

    /// Returns whether a write may have taken effect.
    pub fn leaves_doubt(self) -> bool {
        matches!(self, Outcome::Lost | Outcome::ServerError | Outcome::CutOff | Outcome::Garbled)
    }

    /// Returns whether a request with this effect may be retried.
    fn allows_retry(self, effect: Effect) -> bool {
        match self {
            Outcome::NotArrived | Outcome::Limited => true,
            Outcome::Lost | Outcome::ServerError => effect != Effect::Once,
            Outcome::CutOff => effect == Effect::Read,
            Outcome::Garbled | Outcome::Refused => false,
        }
    }
}

/// A failed attempt.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// The effect of the request.
    pub effect: Effect,
    /// The number of the attempt, from 1.
    pub number: u32,
    /// The outcome.
    pub outcome: Outcome,
    /// Set if an earlier attempt may have taken effect.
    pub doubt: bool,
    /// The wait that PagerDuty requests.
    pub requested_wait: Option<Duration>,
}

/// The time and patience that a call has left.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    /// The time until the call's deadline.
    pub time: Duration,
    /// The time that the call may still wait.
    pub patience: Duration,
}

impl Left {
    /// Returns whether there is room for a wait.
    pub fn fits(self, wait: Duration) -> bool {
        wait <= self.patience && wait < self.time
    }
}

/// The next step after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Sending the request again after this wait.
    Retry(Duration),
    /// Verifying whether the write took effect.
    Verify,
    /// Reporting the failure.
    GiveUp,
}

/// The times of the policy.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The time limit of an attempt, so that a hanging one leaves time for another.
    pub attempt: Duration,
    /// The first back-off, which doubles.
    pub backoff: Duration,
    /// The time limit of a call.
    pub call: Duration,
}

impl Policy {
    /// Decides about a failed attempt. `chance`, from 0 to 1, is the jitter of waits.
    pub fn decide(&self, last: &Attempt, left: Left, chance: f64) -> Decision {
        let wait = self.wait(last.number, last.requested_wait, chance);
        let left = Left { time: left.time.saturating_sub(self.reserve(last.effect)), ..left };
        if last.outcome.allows_retry(last.effect) && last.number < ATTEMPTS && left.fits(wait) {
            Decision::Retry(wait)
        } else if !last.effect.is_read() && (last.doubt || last.outcome.leaves_doubt()) {
            Decision::Verify
        } else {
            Decision::GiveUp
        }
    }

    /// Returns the wait before a write that was not found is verified again, after `verified` of at most `most` times.
    pub fn verify_again(&self, verified: u32, most: u32, left: Left, chance: f64) -> Option<Duration> {
        let wait = self.wait(verified, None, chance);
        (verified < most && left.fits(wait)).then_some(wait)
    }

    /// Returns the time that an attempt may take, or `None` if it would leave no time to verify a write.
    pub fn time_for(&self, effect: Effect, left: Left) -> Option<Duration> {
        let left = left.time.saturating_sub(self.reserve(effect));
        (!left.is_zero()).then(|| self.attempt.min(left))
    }

    /// Returns the time that is reserved for verifying.
    fn reserve(&self, effect: Effect) -> Duration {
        if effect.is_read() { Duration::ZERO } else { self.spare() }
    }

    /// Returns the time that a call reserves for its end.
    pub fn spare(&self) -> Duration {
        VERIFY_RESERVE.min(self.call / 4)
    }

    /// Returns the wait after an attempt: between half and all of a time that doubles, or the requested one and up to a
    /// tenth more, whichever is longer.
    fn wait(&self, number: u32, requested: Option<Duration>, chance: f64) -> Duration {
        let full = self.backoff * 2_u32.saturating_pow(number.saturating_sub(1));
        let requested = requested.map_or(Duration::ZERO, |requested| requested.mul_f64(1.0 + chance / 10.0));
        requested.max(full.mul_f64(0.5 + chance / 2.0))
    }
}

/// Returns the wait given in the headers of a 429 response, if there is one.
///
/// <https://developer.pagerduty.com/docs/rest-api-rate-limits>
pub fn requested_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    // A gateway may give a date instead, by its own clock.
    let date = || {
        let (then, now) = (clock::parse(text(RETRY_AFTER.as_str())?)?, clock::parse(text(DATE.as_str())?)?);
        Duration::try_from(then.duration_since(now)).ok().map(|wait| wait.min(MAX_HEADER_WAIT))
    };
    let retry_after = seconds(headers, RETRY_AFTER.as_str()).or_else(date);
    seconds(headers, "ratelimit-reset").max(retry_after).max(daily_wait(headers))
}

/// Returns the time until a used-up daily limit resets.
///
/// Some operations have this limit besides that of the credential. Its headers come with every response; without a
/// remaining count, they explain a refusal only if the other limit is not used up.
pub fn daily_wait(headers: &HeaderMap) -> Option<Duration> {
    let left = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let spent = match (left("daily-ratelimit-remaining"), left("ratelimit-remaining")) {
        (Some(of_day), _) => of_day <= 0.0,
        (None, of_minute) => of_minute.is_none_or(|left| left > 0.0),
    };
    seconds(headers, "daily-ratelimit-reset").filter(|_| spent)
}

/// Returns the time in a header in seconds, rounded up. A negative or unreadable number is ignored.
pub fn seconds(headers: &HeaderMap, name: &str) -> Option<Duration> {
    let seconds = headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok().filter(|seconds| seconds.is_finite())?;
    Duration::try_from_secs_f64(seconds.min(MAX_HEADER_WAIT.as_secs_f64()).ceil()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    const SECOND: Duration = Duration::from_secs(1);
    const POLICY: Policy =
        Policy { attempt: Duration::from_secs(20), backoff: Duration::from_millis(200), call: Duration::from_mins(1) };
    const PLENTY: Left = Left { time: Duration::from_mins(1), patience: CALL_PATIENCE };

    fn first(effect: Effect, outcome: Outcome) -> Attempt {
        Attempt { effect, number: 1, outcome, doubt: false, requested_wait: None }
    }

    #[test]
    fn decision_follows_outcome_and_effect() {
        use Outcome::{CutOff, Garbled, Limited, Lost, NotArrived, Refused, ServerError};
        let row = |outcome| {
            [Effect::Read, Effect::Idempotent, Effect::Once].map(|effect| {
                match POLICY.decide(&first(effect, outcome), PLENTY, 0.0) {
                    Decision::Retry(_) => "retry",
                    Decision::Verify => "verify",
                    Decision::GiveUp => "give up",
                }
            })
        };
        assert_eq!(row(NotArrived), ["retry", "retry", "retry"]);
        assert_eq!(row(Limited), ["retry", "retry", "retry"]);
        assert_eq!(row(Lost), ["retry", "retry", "verify"]);
        assert_eq!(row(ServerError), ["retry", "retry", "verify"]);
        assert_eq!(row(CutOff), ["retry", "verify", "verify"]);
        assert_eq!(row(Garbled), ["give up", "verify", "verify"]);
        assert_eq!(row(Refused), ["give up", "give up", "give up"]);
    }

    #[test]
    fn earlier_attempt_in_doubt_is_verified() {
        for outcome in [Outcome::Refused, Outcome::NotArrived, Outcome::Limited] {
            let last = Attempt { number: ATTEMPTS, ..first(Effect::Idempotent, outcome) };
            assert_eq!(POLICY.decide(&last, PLENTY, 0.5), Decision::GiveUp, "{outcome:?}");
            assert_eq!(POLICY.decide(&Attempt { doubt: true, ..last }, PLENTY, 0.5), Decision::Verify, "{outcome:?}");
        }
    }

    #[test]
    fn wait_beyond_time_or_patience_gives_up() {
        let limited =
            |seconds| Attempt { requested_wait: Some(seconds * SECOND), ..first(Effect::Read, Outcome::Limited) };
        assert_eq!(POLICY.decide(&limited(25), PLENTY, 0.0), Decision::Retry(25 * SECOND));
        assert_eq!(POLICY.decide(&limited(31), PLENTY, 0.0), Decision::GiveUp, "30 s in all");
        assert_eq!(POLICY.decide(&limited(25), Left { time: 20 * SECOND, ..PLENTY }, 0.0), Decision::GiveUp);
        assert_eq!(POLICY.decide(&limited(25), Left { patience: 20 * SECOND, ..PLENTY }, 0.0), Decision::GiveUp);
        let no_more = Left { time: 25 * SECOND, ..PLENTY };
        assert_eq!(POLICY.decide(&limited(25), no_more, 0.0), Decision::GiveUp, "the call would end with the wait");
        let last = Attempt { number: ATTEMPTS, ..limited(1) };
        assert_eq!(POLICY.decide(&last, PLENTY, 0.0), Decision::GiveUp, "the third attempt is the last");
    }

    #[test]
    fn wait_doubles_has_jitter_and_is_never_too_short() {
        for (number, full) in [(1, 200), (2, 400), (3, 800)] {
            for chance in [0.0, 0.5, 1.0] {
                let wait = POLICY.wait(number, None, chance).as_millis();
                assert!(wait >= full / 2 && wait <= full, "after {number}: {wait} ms");
            }
        }
        assert_eq!(POLICY.wait(1, Some(10 * SECOND), 0.0), 10 * SECOND);
        assert_eq!(POLICY.wait(1, Some(10 * SECOND), 1.0), 11 * SECOND);
        assert_eq!(POLICY.wait(1, Some(Duration::ZERO), 0.0), POLICY.backoff / 2, "zero is not taken literally");
    }

    #[test]
    fn write_reserves_time_to_verify() {
        let left = |seconds| Left { time: seconds * SECOND, ..PLENTY };
        assert_eq!(POLICY.time_for(Effect::Read, left(12)), Some(12 * SECOND));
        assert_eq!(POLICY.time_for(Effect::Once, left(12)), Some(7 * SECOND));
        assert_eq!(POLICY.time_for(Effect::Once, left(60)), Some(20 * SECOND));
        assert_eq!(POLICY.time_for(Effect::Idempotent, left(5)), None, "it is not sent");
        let lost = first(Effect::Idempotent, Outcome::Lost);
        assert_eq!(POLICY.decide(&lost, left(5), 0.0), Decision::Verify);
        let short = Policy { call: 2 * SECOND, ..POLICY };
        assert_eq!(short.time_for(Effect::Once, left(2)), Some(Duration::from_millis(1_500)));
    }

    #[test]
    fn verification_is_repeated_a_few_times() {
        assert!(POLICY.verify_again(1, 3, PLENTY, 0.0).is_some() && POLICY.verify_again(2, 3, PLENTY, 0.0).is_some());
        assert_eq!(POLICY.verify_again(3, 3, PLENTY, 0.0), None);
        assert_eq!(POLICY.verify_again(1, 3, Left { time: Duration::ZERO, ..PLENTY }, 0.0), None);
    }

    #[test]
    fn requested_wait_is_the_longest_of_all_headers() {
        let requested = |headers: &[(&'static str, &'static str)]| {
            let pair = |(name, value): &(&'static str, &'static str)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            requested_wait(&headers.iter().map(pair).collect()).map(|wait| wait.as_secs())
        };
        assert_eq!(requested(&[("ratelimit-reset", "12.5")]), Some(13));
        assert_eq!(requested(&[("retry-after", "18400000000000000000")]), Some(86_400), "at most a day");
        assert_eq!(requested(&[("ratelimit-reset", "12"), ("retry-after", "20")]), Some(20));
        let day = ("daily-ratelimit-reset", "49015");
        let minute = ("ratelimit-reset", "56");
        assert_eq!(requested(&[minute, ("daily-ratelimit-remaining", "-273"), day]), Some(49_015));
        assert_eq!(requested(&[minute, ("daily-ratelimit-remaining", "7"), day]), Some(56));
        assert_eq!(requested(&[minute, ("ratelimit-remaining", "0"), day]), Some(56));
        assert_eq!(requested(&[minute, ("ratelimit-remaining", "959"), day]), Some(49_015));
        assert_eq!(requested(&[day]), Some(49_015));
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(requested(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"), date]), Some(30));
        assert_eq!(
            requested(&[("retry-after", "Sun, 06 Nov 1994 08:49:07 GMT"), date]),
            None,
            "the date is in the past"
        );
        for nonsense in ["soon", "-1", "NaN", "inf", ""] {
            assert_eq!(requested(&[("retry-after", nonsense), date]), None, "{nonsense}");
        }
    }
}
