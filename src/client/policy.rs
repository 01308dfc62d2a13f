//! What is done about an attempt that failed: send it again, look what became of it, or give up.
//!
//! All of it is decided here, by functions of what is known: no clock, no chance and no network of their own.
//! `send.rs` only does what they say. The table, before attempts, time and patience run out:
//!
//! | what became of it | a read | a status change | a note |
//! |---|---|---|---|
//! | it did not arrive, or was refused for now (429) | again | again | again |
//! | its answer was lost, or is a 5xx or a time-out | again | again | look |
//! | its answer says success and is cut off | again | look | look |
//! | its answer says success and makes no sense | give up | look | look |
//! | it was refused | give up | give up | give up |
//!
//! Where it says again and nothing is left for it, and wherever it says give up, a change that may have taken effect in
//! this attempt or an earlier one is looked for instead. A note is not sent again even if the look does not find it: what
//! was lost on the way may still be on the way.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::clock;
use super::failure::TIMED_OUT;

/// How often a request is sent at most, and how often a change is looked for.
pub const ATTEMPTS: u32 = 3;

/// How long one call may wait in all, between attempts and for the rate limit, those of all its requests together.
/// Beyond it the caller is told to come back.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The longest wait that is taken from a header. No number that somebody sends may grow out of hand.
const LONGEST: Duration = Duration::from_hours(24);

/// The most time that is kept for a look at what became of a change.
const FOR_A_LOOK: Duration = Duration::from_secs(5);

/// What a request does, which decides what may be done about its failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It changes nothing.
    Read,
    /// It sets a status: twice is the same as once.
    Status,
    /// It adds a note: twice is two notes.
    Note,
}

/// What became of an attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The request did not reach PagerDuty.
    NotArrived,
    /// PagerDuty refused it for now, 429.
    Limited,
    /// It may have reached PagerDuty, which did not answer: the connection broke, or it took too long.
    Lost,
    /// PagerDuty answered with an error of its own making: 5xx, or that it ran out of time. A gateway gives up while the
    /// work behind it goes on.
    ServerError,
    /// PagerDuty says that it succeeded, in an answer that ends too early.
    CutOff,
    /// PagerDuty, or somebody in its place, says that it succeeded, in an answer that makes no sense.
    Garbled,
    /// Sending it again would change nothing.
    Refused,
}

impl Outcome {
    /// The outcome of an answer that is not a success, by its status and PagerDuty's code.
    pub fn of_answer(status: StatusCode, code: Option<i64>) -> Self {
        match status {
            StatusCode::TOO_MANY_REQUESTS => Outcome::Limited,
            StatusCode::REQUEST_TIMEOUT => Outcome::ServerError,
            status if status.is_server_error() || code == Some(TIMED_OUT) => Outcome::ServerError,
            _ => Outcome::Refused,
        }
    }

    /// Whether a change may have taken effect.
    pub fn leaves_doubt(self) -> bool {
        matches!(self, Outcome::Lost | Outcome::ServerError | Outcome::CutOff | Outcome::Garbled)
    }

    /// Whether a request of this kind may be sent again after it.
    fn allows(self, kind: Kind) -> bool {
        match self {
            Outcome::NotArrived | Outcome::Limited => true,
            Outcome::Lost | Outcome::ServerError => kind != Kind::Note,
            Outcome::CutOff => kind == Kind::Read,
            Outcome::Garbled | Outcome::Refused => false,
        }
    }
}

/// A failed attempt.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// What was sent.
    pub kind: Kind,
    /// The first is 1.
    pub number: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether an earlier attempt may have taken effect.
    pub doubt: bool,
    /// How long PagerDuty asks to wait.
    pub asked: Option<Duration>,
}

/// What a call has left.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    /// Until it has to be answered.
    pub time: Duration,
    /// Of its willingness to wait.
    pub patience: Duration,
}

impl Left {
    /// Whether a wait fits.
    pub fn fits(self, wait: Duration) -> bool {
        wait <= self.patience && wait < self.time
    }
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Send it again after this wait.
    Again(Duration),
    /// Look whether it took effect.
    Look,
    /// Report the failure.
    GiveUp,
}

/// The times the policy works with.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The longest an attempt may take, so that a hanging one leaves time for another.
    pub attempt: Duration,
    /// The first back-off; it doubles.
    pub backoff: Duration,
    /// The longest a call may take.
    pub call: Duration,
}

impl Policy {
    /// What to do about a failed attempt. `chance`, from 0 to 1, spreads the waits, so that callers who failed together do
    /// not come back together.
    pub fn decide(&self, last: &Attempt, left: Left, chance: f64) -> Decision {
        let wait = self.wait(last.number, last.asked, chance);
        let left = Left { time: left.time.saturating_sub(self.reserve(last.kind)), ..left };
        if last.outcome.allows(last.kind) && last.number < ATTEMPTS && left.fits(wait) {
            Decision::Again(wait)
        } else if last.kind != Kind::Read && (last.doubt || last.outcome.leaves_doubt()) {
            Decision::Look
        } else {
            Decision::GiveUp
        }
    }

    /// Returns the wait before looking once more for a change that was not found, for at most `most` looks. `looks` is
    /// the number of looks so far.
    pub fn look_again(&self, looks: u32, most: u32, left: Left, chance: f64) -> Option<Duration> {
        let wait = self.wait(looks, None, chance);
        (looks < most && left.fits(wait)).then_some(wait)
    }

    /// How long an attempt may take; `None` when it is not to be made, because there would be no time to look what became
    /// of it.
    pub fn time_for(&self, kind: Kind, left: Left) -> Option<Duration> {
        let left = left.time.saturating_sub(self.reserve(kind));
        (!left.is_zero()).then(|| self.attempt.min(left))
    }

    /// The time that is kept for a look.
    fn reserve(&self, kind: Kind) -> Duration {
        if kind == Kind::Read { Duration::ZERO } else { self.spare() }
    }

    /// Returns the time that a call reserves for its end.
    pub fn spare(&self) -> Duration {
        FOR_A_LOOK.min(self.call / 4)
    }

    /// The wait after attempt `number`: between half and all of a doubling time, or what PagerDuty asks for and up to a
    /// tenth more, if that is longer.
    fn wait(&self, number: u32, asked: Option<Duration>, chance: f64) -> Duration {
        let full = self.backoff * 2_u32.saturating_pow(number.saturating_sub(1));
        let asked = asked.map_or(Duration::ZERO, |asked| asked.mul_f64(1.0 + chance / 10.0));
        asked.max(full.mul_f64(0.5 + chance / 2.0))
    }
}

/// How long PagerDuty asks to wait, from the headers of a 429. It may send none.
/// <https://developer.pagerduty.com/docs/rest-api-rate-limits>
pub fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    // A gateway may name a moment instead, on its own clock.
    let moment = || {
        let (then, now) = (clock::moment(text(RETRY_AFTER.as_str())?)?, clock::moment(text(DATE.as_str())?)?);
        Duration::try_from(then.duration_since(now)).ok().map(|wait| wait.min(LONGEST))
    };
    let retry_after = seconds(headers, RETRY_AFTER.as_str()).or_else(moment);
    seconds(headers, "ratelimit-reset").max(retry_after).max(daily_wait(headers))
}

/// Returns the time until a used-up daily limit ends. Some operations have this limit besides that of the credential.
/// Its headers come with every answer; without a remaining count, they explain a refusal only if the other limit is not
/// used up.
pub fn daily_wait(headers: &HeaderMap) -> Option<Duration> {
    let left = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let spent = match (left("daily-ratelimit-remaining"), left("ratelimit-remaining")) {
        (Some(of_day), _) => of_day <= 0.0,
        (None, of_minute) => of_minute.is_none_or(|left| left > 0.0),
    };
    seconds(headers, "daily-ratelimit-reset").filter(|_| spent)
}

/// A time that a header gives in seconds, in whole ones. What is below zero or no number is none.
pub fn seconds(headers: &HeaderMap, name: &str) -> Option<Duration> {
    let seconds = headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok().filter(|seconds| seconds.is_finite())?;
    Duration::try_from_secs_f64(seconds.min(LONGEST.as_secs_f64()).ceil()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    const SECOND: Duration = Duration::from_secs(1);
    const POLICY: Policy =
        Policy { attempt: Duration::from_secs(20), backoff: Duration::from_millis(200), call: Duration::from_mins(1) };
    const PLENTY: Left = Left { time: Duration::from_mins(1), patience: PATIENCE };

    fn first(kind: Kind, outcome: Outcome) -> Attempt {
        Attempt { kind, number: 1, outcome, doubt: false, asked: None }
    }

    #[test]
    fn each_outcome_has_its_answer_for_each_kind() {
        use Outcome::{CutOff, Garbled, Limited, Lost, NotArrived, Refused, ServerError};
        let row = |outcome| {
            [Kind::Read, Kind::Status, Kind::Note].map(|kind| match POLICY.decide(&first(kind, outcome), PLENTY, 0.0) {
                Decision::Again(_) => "again",
                Decision::Look => "look",
                Decision::GiveUp => "give up",
            })
        };
        assert_eq!(row(NotArrived), ["again", "again", "again"]);
        assert_eq!(row(Limited), ["again", "again", "again"]);
        assert_eq!(row(Lost), ["again", "again", "look"]);
        assert_eq!(row(ServerError), ["again", "again", "look"]);
        assert_eq!(row(CutOff), ["again", "look", "look"]);
        assert_eq!(row(Garbled), ["give up", "look", "look"]);
        assert_eq!(row(Refused), ["give up", "give up", "give up"]);
    }

    #[test]
    fn doubt_about_an_earlier_attempt_is_not_forgotten() {
        for outcome in [Outcome::Refused, Outcome::NotArrived, Outcome::Limited] {
            let last = Attempt { number: ATTEMPTS, ..first(Kind::Status, outcome) };
            assert_eq!(POLICY.decide(&last, PLENTY, 0.5), Decision::GiveUp, "{outcome:?}");
            assert_eq!(POLICY.decide(&Attempt { doubt: true, ..last }, PLENTY, 0.5), Decision::Look, "{outcome:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_not_waited_for() {
        let limited = |seconds| Attempt { asked: Some(seconds * SECOND), ..first(Kind::Read, Outcome::Limited) };
        assert_eq!(POLICY.decide(&limited(25), PLENTY, 0.0), Decision::Again(25 * SECOND));
        assert_eq!(POLICY.decide(&limited(31), PLENTY, 0.0), Decision::GiveUp, "thirty seconds in all");
        assert_eq!(POLICY.decide(&limited(25), Left { time: 20 * SECOND, ..PLENTY }, 0.0), Decision::GiveUp);
        assert_eq!(POLICY.decide(&limited(25), Left { patience: 20 * SECOND, ..PLENTY }, 0.0), Decision::GiveUp);
        let no_more = Left { time: 25 * SECOND, ..PLENTY };
        assert_eq!(POLICY.decide(&limited(25), no_more, 0.0), Decision::GiveUp, "the call would end with the wait");
        let last = Attempt { number: ATTEMPTS, ..limited(1) };
        assert_eq!(POLICY.decide(&last, PLENTY, 0.0), Decision::GiveUp, "the third is the last");
    }

    #[test]
    fn waits_double_are_spread_and_never_shorter_than_asked() {
        for (number, full) in [(1, 200), (2, 400), (3, 800)] {
            for chance in [0.0, 0.5, 1.0] {
                let wait = POLICY.wait(number, None, chance).as_millis();
                assert!(wait >= full / 2 && wait <= full, "after {number}: {wait} ms");
            }
        }
        assert_eq!(POLICY.wait(1, Some(10 * SECOND), 0.0), 10 * SECOND);
        assert_eq!(POLICY.wait(1, Some(10 * SECOND), 1.0), 11 * SECOND);
        assert_eq!(POLICY.wait(1, Some(Duration::ZERO), 0.0), POLICY.backoff / 2, "at once is not meant");
    }

    #[test]
    fn a_change_leaves_time_for_a_look() {
        let left = |seconds| Left { time: seconds * SECOND, ..PLENTY };
        assert_eq!(POLICY.time_for(Kind::Read, left(12)), Some(12 * SECOND));
        assert_eq!(POLICY.time_for(Kind::Note, left(12)), Some(7 * SECOND));
        assert_eq!(POLICY.time_for(Kind::Note, left(60)), Some(20 * SECOND));
        assert_eq!(POLICY.time_for(Kind::Status, left(5)), None, "it is not begun");
        let again = first(Kind::Status, Outcome::Lost);
        assert_eq!(POLICY.decide(&again, left(5), 0.0), Decision::Look);
        let short = Policy { call: 2 * SECOND, ..POLICY };
        assert_eq!(short.time_for(Kind::Note, left(2)), Some(Duration::from_millis(1_500)));
    }

    #[test]
    fn a_note_is_looked_for_a_few_times() {
        assert!(POLICY.look_again(1, 3, PLENTY, 0.0).is_some() && POLICY.look_again(2, 3, PLENTY, 0.0).is_some());
        assert_eq!(POLICY.look_again(3, 3, PLENTY, 0.0), None);
        assert_eq!(POLICY.look_again(1, 3, Left { time: Duration::ZERO, ..PLENTY }, 0.0), None);
    }

    #[test]
    fn the_longest_wait_that_a_429_asks_for_counts() {
        let asked = |headers: &[(&'static str, &'static str)]| {
            let pair = |(name, value): &(&'static str, &'static str)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            asked_wait(&headers.iter().map(pair).collect()).map(|wait| wait.as_secs())
        };
        assert_eq!(asked(&[("ratelimit-reset", "12.5")]), Some(13));
        assert_eq!(
            asked(&[("retry-after", "18400000000000000000")]),
            Some(86_400),
            "nobody waits for longer than a day"
        );
        assert_eq!(asked(&[("ratelimit-reset", "12"), ("retry-after", "20")]), Some(20));
        let day = ("daily-ratelimit-reset", "49015");
        let minute = ("ratelimit-reset", "56");
        assert_eq!(asked(&[minute, ("daily-ratelimit-remaining", "-273"), day]), Some(49_015));
        assert_eq!(asked(&[minute, ("daily-ratelimit-remaining", "7"), day]), Some(56));
        assert_eq!(asked(&[minute, ("ratelimit-remaining", "0"), day]), Some(56));
        assert_eq!(asked(&[minute, ("ratelimit-remaining", "959"), day]), Some(49_015));
        assert_eq!(asked(&[day]), Some(49_015));
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(asked(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"), date]), Some(30));
        assert_eq!(asked(&[("retry-after", "Sun, 06 Nov 1994 08:49:07 GMT"), date]), None, "it is over");
        for nonsense in ["soon", "-1", "NaN", "inf", ""] {
            assert_eq!(asked(&[("retry-after", nonsense), date]), None, "{nonsense}");
        }
    }
}
