//! The rate limit of a credential, as far as its responses show it, and whether the next request is admitted.
//! <https://developer.pagerduty.com/docs/rest-api-rate-limits>
//!
//! While more requests remain than are in flight and not counted yet, nothing waits. Beyond that a request waits for a
//! response with a newer count, and when none remain, until the window resets. So many callers are slowed down before
//! PagerDuty rejects them, and a single caller is not slowed down while any requests remain.
//!
//! Some operations have a separate limit besides that of the credential. Its state concerns them alone.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use crate::client::RateLimit;
use crate::sync::lock;

/// The length of a window: for a response without the time of its reset, and the longest time that requests wait without
/// trying PagerDuty again.
const WINDOW: Duration = Duration::from_mins(1);

/// The rate limit of one credential.
#[derive(Debug, Default)]
pub struct Rate {
    known: Mutex<Known>,
    updated: Notify,
}

/// The state that responses have shown. Whatever has expired is removed at each access.
#[derive(Debug, Default)]
struct Known {
    /// The number of requests that were sent.
    sent: usize,
    /// The number of them that are in flight.
    in_flight: usize,
    /// The credential's limit: the largest in any response.
    limit: u64,
    window: Option<Window>,
    /// The hold of the latest 429.
    closed: Option<Hold>,
    /// The holds of operations with separate limits, by ID.
    operations: HashMap<&'static str, Hold>,
}

/// A time during which no request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hold {
    /// The time of the next attempt.
    pub until: Instant,
    /// The time until which PagerDuty rejects requests, as far as is known.
    pub end: Instant,
}

/// A window that has not reset, as far as is known.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// The requests that remain, by PagerDuty's count in a response.
    remaining: usize,
    /// The number of the request with that response.
    by: usize,
    /// The time of the reset.
    until: Instant,
}

/// The decision about a request.
pub enum Admission<'r> {
    /// It is admitted and counts as in flight.
    Granted(InFlight<'r>),
    /// It has to wait for the next response, at most until then.
    WaitForUpdate(Instant),
    /// It has to wait until the hold ends.
    WaitUntil(Hold),
}

/// A request in flight. It is counted until this is dropped.
pub struct InFlight<'r> {
    rate: &'r Rate,
    number: usize,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.rate.known(Instant::now()).in_flight -= 1;
        self.rate.updated.notify_waiters();
    }
}

impl Known {
    /// Returns the hold on an operation, if there is one.
    fn hold(&self, operation: &str) -> Option<Hold> {
        let spent = self.window.filter(|window| window.remaining == 0);
        let spent = spent.map(|window| Hold { until: window.until, end: window.until });
        spent.max(self.closed).max(self.operations.get(operation).copied())
    }

    /// Returns the requests that remain without those in flight that PagerDuty has not counted. Requests that failed on
    /// the way are not counted.
    fn spare(&self, window: Window) -> usize {
        window.remaining.saturating_sub(self.in_flight.min(self.sent - window.by))
    }

    /// Counts a request as sent.
    fn admit<'r>(&mut self, rate: &'r Rate) -> InFlight<'r> {
        self.sent += 1;
        self.in_flight += 1;
        InFlight { rate, number: self.sent }
    }
}

/// Returns the end of a wait with jitter of up to a tenth, so that requests that wait for the same moment are not sent
/// together.
pub fn jittered(until: Instant, now: Instant, chance: f64) -> Instant {
    until + until.saturating_duration_since(now).mul_f64(chance / 10.0)
}

impl Rate {
    /// Reserves a slot if the limit allows one.
    pub fn try_acquire(&self, operation: &str, now: Instant) -> Admission<'_> {
        let mut known = self.known(now);
        match (known.hold(operation), known.window) {
            (Some(hold), _) => Admission::WaitUntil(hold),
            (None, Some(window)) if known.spare(window) == 0 => Admission::WaitForUpdate(window.until),
            _ => Admission::Granted(known.admit(self)),
        }
    }

    /// Reserves a slot regardless of the limit.
    pub fn acquire_unchecked(&self) -> InFlight<'_> {
        self.known(Instant::now()).admit(self)
    }

    /// Waits for the next response after this was called.
    pub fn update(&self) -> Notified<'_> {
        self.updated.notified()
    }

    /// Records the headers of a response. `refused` is the wait that a 429 requests.
    pub fn note(
        &self,
        sent: &InFlight<'_>,
        operation: &'static str,
        headers: RateLimit,
        refused: Option<Duration>,
        now: Instant,
    ) {
        let mut known = self.known(now);
        known.limit = known.limit.max(headers.limit.unwrap_or_default());
        let is_separate = headers.limit.is_some_and(|limit| limit < known.limit);
        if let Some(remaining) = headers.remaining.filter(|_| !is_separate) {
            let until = now + headers.reset.map_or(WINDOW, Duration::from_secs).min(WINDOW);
            let remaining = usize::try_from(remaining).unwrap_or(usize::MAX);
            // Responses overtake each other: the one to the latest request is the newest.
            if known.window.is_none_or(|window| window.by <= sent.number) {
                known.window = Some(Window { remaining, by: sent.number, until });
            }
        }
        if let Some(wait) = refused {
            let hold = Some(Hold { until: now + wait.min(WINDOW), end: now + wait });
            if is_separate || headers.daily_reset.is_some() || headers.limit.is_none() {
                let closed = known.operations.get(operation).copied().max(hold);
                known.operations.extend(closed.map(|closed| (operation, closed)));
            } else {
                known.closed = known.closed.max(hold);
            }
        }
    }

    /// Returns the number of further requests that may be in flight: unlimited if nothing is known.
    pub fn room(&self) -> usize {
        let known = self.known(Instant::now());
        if known.closed.is_some() { 0 } else { known.window.map_or(usize::MAX, |window| known.spare(window)) }
    }

    fn known(&self, now: Instant) -> MutexGuard<'_, Known> {
        let mut known = lock(&self.known);
        known.window = known.window.filter(|window| window.until > now);
        known.closed = known.closed.filter(|hold| hold.until > now);
        known.operations.retain(|_, hold| hold.until > now);
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limit(remaining: u64, reset: u64) -> RateLimit {
        RateLimit { limit: Some(960), remaining: Some(remaining), reset: Some(reset), daily_reset: None }
    }

    /// Records the response to a request that is sent regardless of the limit.
    fn respond(rate: &Rate, headers: RateLimit, refused: Option<Duration>, now: Instant) {
        rate.note(&rate.acquire_unchecked(), "teams", headers, refused, now);
    }

    /// Returns the requests of a crowd that are admitted at once.
    fn crowd(rate: &Rate, now: Instant, crowd: usize) -> Vec<InFlight<'_>> {
        let admissions = (0..crowd).map(|_| rate.try_acquire("users", now));
        let granted = |admission| if let Admission::Granted(request) = admission { Some(request) } else { None };
        admissions.filter_map(granted).collect()
    }

    /// Returns the seconds that an operation has to wait.
    fn wait(rate: &Rate, operation: &str, now: Instant) -> Option<f64> {
        match rate.try_acquire(operation, now) {
            Admission::WaitUntil(hold) => Some((hold.until - now).as_secs_f64()),
            Admission::Granted(_) | Admission::WaitForUpdate(_) => None,
        }
    }

    #[test]
    fn requests_beyond_the_remaining_wait_for_an_update() {
        let (rate, now) = (Rate::default(), Instant::now());
        assert_eq!(crowd(&rate, now, 500).len(), 500, "nothing is known");
        respond(&rate, limit(350, 60), None, now);
        assert_eq!(crowd(&rate, now, 200).len(), 200);
        respond(&rate, limit(8, 60), None, now);
        let mut sent = crowd(&rate, now, 12);
        assert_eq!((sent.len(), rate.room()), (8, 0));
        assert!(
            matches!(rate.try_acquire("users", now), Admission::WaitForUpdate(until) if until == now + 60 * SECOND)
        );
        rate.note(&sent[3], "users", limit(4, 60), None, now);
        assert_eq!(rate.room(), 0, "the other four were sent after it");
        drop(sent.split_off(2));
        assert_eq!(rate.room(), 2, "requests that ended are not counted");
        assert_eq!(crowd(&rate, now + 60 * SECOND, 20).len(), 20, "the next window");
    }

    #[test]
    fn counted_request_is_not_counted_again() {
        let (rate, now) = (Rate::default(), Instant::now());
        let before = crowd(&rate, now, 50);
        respond(&rate, limit(10, 60), None, now);
        assert_eq!(rate.room(), 10);
        rate.note(&before[0], "users", limit(59, 60), None, now);
        assert_eq!(rate.room(), 10, "a response to an earlier request is older");
        let _sent = crowd(&rate, now, 3);
        assert_eq!(rate.room(), 7);
        respond(&rate, RateLimit::default(), None, now);
        assert_eq!(rate.room(), 6, "a response without headers changes nothing, but its request counts");
    }

    #[test]
    fn single_caller_never_waits_while_requests_remain() {
        let (rate, now) = (Rate::default(), Instant::now());
        for left in [959, 10, 1] {
            respond(&rate, limit(left, 60), None, now);
            assert_eq!(crowd(&rate, now, 1).len(), 1, "{left} left");
        }
        respond(&rate, limit(0, 60), None, now);
        assert_eq!(wait(&rate, "users", now), Some(60.0), "none remain");
    }

    #[tokio::test]
    async fn waiters_wake_on_answer_and_on_drop() {
        let (rate, now) = (Rate::default(), Instant::now());
        respond(&rate, limit(1, 60), None, now);
        let sent = crowd(&rate, now, 2);
        let update = rate.update();
        drop(sent);
        update.await;
        assert_eq!(crowd(&rate, now, 2).len(), 1);
    }

    #[test]
    fn rate_limited_response_holds_all_for_at_most_a_window() {
        let (rate, now) = (Rate::default(), Instant::now());
        respond(&rate, limit(900, 30), None, now);
        respond(&rate, limit(900, 5), Some(5 * SECOND), now);
        respond(&rate, limit(890, 30), None, now);
        assert_eq!(wait(&rate, "users", now), Some(5.0), "a response from before the 429 ends no hold");
        assert_eq!(rate.room(), 0);
        respond(&rate, limit(900, 30), Some(3_600 * SECOND), now);
        assert_eq!(wait(&rate, "users", now), Some(60.0));
        assert_eq!(jittered(now + WINDOW, now, 1.0), now + 66 * SECOND);
        assert_eq!(wait(&rate, "users", now + WINDOW), None);
    }

    #[test]
    fn separate_limit_holds_its_operation_only() {
        let (rate, now) = (Rate::default(), Instant::now());
        let separate = RateLimit { limit: Some(10), ..limit(0, 30) };
        respond(&rate, limit(900, 30), None, now);
        respond(&rate, separate, None, now);
        assert_eq!(rate.room(), 900);
        for headers in [separate, RateLimit::default()] {
            respond(&rate, headers, Some(30 * SECOND), now);
            assert_eq!((wait(&rate, "teams", now), wait(&rate, "users", now)), (Some(30.0), None));
        }
        assert_eq!(wait(&rate, "teams", now + 30 * SECOND), None);
    }

    #[test]
    fn daily_limit_holds_its_operation_and_reports_the_end() {
        let (rate, now) = (Rate::default(), Instant::now());
        let spent = RateLimit { daily_reset: Some(49_015), ..limit(959, 56) };
        respond(&rate, spent, Some(49_015 * SECOND), now);
        let Admission::WaitUntil(hold) = rate.try_acquire("teams", now) else { panic!("it was admitted") };
        assert_eq!((hold.until - now, hold.end - now), (WINDOW, 49_015 * SECOND));
        assert_eq!(wait(&rate, "users", now), None, "the others have no such limit");
        assert_eq!(wait(&rate, "teams", now + WINDOW), None, "PagerDuty is tried once more");
    }
}
