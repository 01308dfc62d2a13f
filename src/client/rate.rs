//! How many requests a credential may still send, as far as its answers say, and whether the next one may go.
//! <https://developer.pagerduty.com/docs/rest-api-rate-limits>
//!
//! While more is left than has been sent and not counted yet, nothing waits. Beyond that a request waits until an answer
//! says more, and when nothing is left, for the next window. So a crowd is slowed down before it is refused, and whoever
//! calls alone is not slowed down at all while anything is left.
//!
//! Some operations have a limit of their own beside that of the credential. What is said of it concerns them alone.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use super::probe::RateLimit;

use crate::sync::lock;

/// PagerDuty's window: for an answer that does not say when it ends, and the longest that anybody is held back without
/// asking PagerDuty once more.
const WINDOW: Duration = Duration::from_mins(1);

/// Where the rate limit of one credential stands.
#[derive(Debug, Default)]
pub struct Rate {
    known: Mutex<Known>,
    news: Notify,
}

/// What answers have said. What is over is taken out when somebody looks.
#[derive(Debug, Default)]
struct Known {
    /// How many requests have been sent.
    sent: usize,
    /// How many of them are not answered.
    underway: usize,
    /// The credential's limit: the largest that an answer has named.
    limit: u64,
    window: Option<Window>,
    /// Until when PagerDuty asked to wait, in a 429.
    closed: Option<Hold>,
    /// The same for single operations.
    operations: HashMap<String, Hold>,
}

/// A time during which nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hold {
    /// The time of the next attempt.
    pub until: Instant,
    /// The time until which PagerDuty said it would refuse requests.
    pub end: Instant,
}

/// A window that is not over, as far as is known.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// Requests that are left, by PagerDuty's count in an answer.
    left: usize,
    /// The number of the request that was answered.
    by: usize,
    /// When it ends.
    until: Instant,
}

/// Whether a request may go.
pub enum Turn<'r> {
    /// It may, and counts as sent.
    Now(Underway<'r>),
    /// When an answer says more, and at the latest then.
    News(Instant),
    /// Not before then.
    Shut(Hold),
}

/// A request that was sent and is not answered.
pub struct Underway<'r> {
    rate: &'r Rate,
    number: usize,
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.rate.known(Instant::now()).underway -= 1;
        self.rate.news.notify_waiters();
    }
}

impl Known {
    /// Until when this operation may not be sent, if that is so.
    fn shut(&self, operation: &str) -> Option<Hold> {
        let spent = self.window.filter(|window| window.left == 0);
        let spent = spent.map(|window| Hold { until: window.until, end: window.until });
        spent.max(self.closed).max(self.operations.get(operation).copied())
    }

    /// What is left of a window without what was sent since PagerDuty counted. Those that failed on the way are not held
    /// against anybody.
    fn spare(&self, window: Window) -> usize {
        window.left.saturating_sub(self.underway.min(self.sent - window.by))
    }

    fn send<'r>(&mut self, rate: &'r Rate) -> Underway<'r> {
        self.sent += 1;
        self.underway += 1;
        Underway { rate, number: self.sent }
    }
}

/// The end of a wait, up to a tenth of it later: those who wait for the same moment do not come back together.
pub fn spread(until: Instant, now: Instant, chance: f64) -> Instant {
    until + until.saturating_duration_since(now).mul_f64(chance / 10.0)
}

impl Rate {
    /// Sends a request if it may go.
    pub fn enter(&self, operation: &str, now: Instant) -> Turn<'_> {
        let mut known = self.known(now);
        match (known.shut(operation), known.window) {
            (Some(hold), _) => Turn::Shut(hold),
            (None, Some(window)) if known.spare(window) == 0 => Turn::News(window.until),
            _ => Turn::Now(known.send(self)),
        }
    }

    /// Sends a request that waits for nobody.
    pub fn pass(&self) -> Underway<'_> {
        self.known(Instant::now()).send(self)
    }

    /// Ends when an answer has said more than was known when this was called.
    pub fn news(&self) -> Notified<'_> {
        self.news.notified()
    }

    /// Takes note of what the answer to a request said; `refused` is how long a 429 asks to wait.
    pub fn note(&self, sent: &Underway<'_>, operation: &str, said: RateLimit, refused: Option<Duration>, now: Instant) {
        let mut known = self.known(now);
        known.limit = known.limit.max(said.limit.unwrap_or_default());
        let own = said.limit.is_some_and(|limit| limit < known.limit);
        if let Some(left) = said.remaining.filter(|_| !own) {
            let until = now + said.reset.map_or(WINDOW, Duration::from_secs).min(WINDOW);
            let left = usize::try_from(left).unwrap_or(usize::MAX);
            // Answers overtake each other: the one to the latest request knows most.
            if known.window.is_none_or(|window| window.by <= sent.number) {
                known.window = Some(Window { left, by: sent.number, until });
            }
        }
        if let Some(wait) = refused {
            let hold = Some(Hold { until: now + wait.min(WINDOW), end: now + wait });
            if own || said.daily_reset.is_some() || said.limit.is_none() {
                let closed = known.operations.get(operation).copied().max(hold);
                known.operations.extend(closed.map(|closed| (operation.to_owned(), closed)));
            } else {
                known.closed = known.closed.max(hold);
            }
        }
    }

    /// How many more requests may be sent side by side; as many as one likes when nothing is known.
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

    fn says(remaining: u64, reset: u64) -> RateLimit {
        RateLimit { limit: Some(960), remaining: Some(remaining), reset: Some(reset), daily_reset: None }
    }

    /// What the answer to a request says that is sent now, whatever holds others back.
    fn answered(rate: &Rate, said: RateLimit, refused: Option<Duration>, now: Instant) {
        rate.note(&rate.pass(), "teams", said, refused, now);
    }

    /// Those of a crowd that may go at once.
    fn crowd(rate: &Rate, now: Instant, crowd: usize) -> Vec<Underway<'_>> {
        let turns = (0..crowd).map(|_| rate.enter("users", now));
        turns.filter_map(|turn| if let Turn::Now(underway) = turn { Some(underway) } else { None }).collect()
    }

    fn shut(rate: &Rate, operation: &str, now: Instant) -> Option<f64> {
        match rate.enter(operation, now) {
            Turn::Shut(hold) => Some((hold.until - now).as_secs_f64()),
            Turn::Now(_) | Turn::News(_) => None,
        }
    }

    #[test]
    fn as_many_go_as_are_left_and_the_others_when_an_answer_says_more() {
        let (rate, now) = (Rate::default(), Instant::now());
        assert_eq!(crowd(&rate, now, 500).len(), 500, "nothing is known");
        answered(&rate, says(350, 60), None, now);
        assert_eq!(crowd(&rate, now, 200).len(), 200);
        answered(&rate, says(8, 60), None, now);
        let mut sent = crowd(&rate, now, 12);
        assert_eq!((sent.len(), rate.room()), (8, 0));
        assert!(matches!(rate.enter("users", now), Turn::News(until) if until == now + 60 * SECOND));
        rate.note(&sent[3], "users", says(4, 60), None, now);
        assert_eq!(rate.room(), 0, "the other four were sent after it");
        drop(sent.split_off(2));
        assert_eq!(rate.room(), 2, "those that ended have no claim to what is left");
        assert_eq!(crowd(&rate, now + 60 * SECOND, 20).len(), 20, "the next window");
    }

    #[test]
    fn what_pagerduty_has_counted_is_not_counted_again() {
        let (rate, now) = (Rate::default(), Instant::now());
        let before = crowd(&rate, now, 50);
        answered(&rate, says(10, 60), None, now);
        assert_eq!(rate.room(), 10);
        rate.note(&before[0], "users", says(59, 60), None, now);
        assert_eq!(rate.room(), 10, "an answer to an earlier request knows less");
        let _sent = crowd(&rate, now, 3);
        assert_eq!(rate.room(), 7);
        answered(&rate, RateLimit::default(), None, now);
        assert_eq!(rate.room(), 6, "an answer without the headers says nothing, but its request was one more");
    }

    #[test]
    fn a_call_alone_waits_for_nothing_while_anything_is_left() {
        let (rate, now) = (Rate::default(), Instant::now());
        for left in [959, 10, 1] {
            answered(&rate, says(left, 60), None, now);
            assert_eq!(crowd(&rate, now, 1).len(), 1, "{left} left");
        }
        answered(&rate, says(0, 60), None, now);
        assert_eq!(shut(&rate, "users", now), Some(60.0), "there is none");
    }

    #[tokio::test]
    async fn whoever_waits_hears_of_an_answer_and_of_one_that_never_comes() {
        let (rate, now) = (Rate::default(), Instant::now());
        answered(&rate, says(1, 60), None, now);
        let sent = crowd(&rate, now, 2);
        let news = rate.news();
        drop(sent);
        news.await;
        assert_eq!(crowd(&rate, now, 2).len(), 1);
    }

    #[test]
    fn a_429_holds_back_everybody_and_nobody_for_longer_than_a_window() {
        let (rate, now) = (Rate::default(), Instant::now());
        answered(&rate, says(900, 30), None, now);
        answered(&rate, says(900, 5), Some(5 * SECOND), now);
        answered(&rate, says(890, 30), None, now);
        assert_eq!(shut(&rate, "users", now), Some(5.0), "an answer from before the 429 opens nothing");
        assert_eq!(rate.room(), 0);
        answered(&rate, says(900, 30), Some(3_600 * SECOND), now);
        assert_eq!(shut(&rate, "users", now), Some(60.0));
        assert_eq!(spread(now + WINDOW, now, 1.0), now + 66 * SECOND);
        assert_eq!(shut(&rate, "users", now + WINDOW), None);
    }

    #[test]
    fn a_limit_of_one_operation_holds_back_that_operation() {
        let (rate, now) = (Rate::default(), Instant::now());
        let own = RateLimit { limit: Some(10), ..says(0, 30) };
        answered(&rate, says(900, 30), None, now);
        answered(&rate, own, None, now);
        assert_eq!(rate.room(), 900);
        for said in [own, RateLimit::default()] {
            answered(&rate, said, Some(30 * SECOND), now);
            assert_eq!((shut(&rate, "teams", now), shut(&rate, "users", now)), (Some(30.0), None));
        }
        assert_eq!(shut(&rate, "teams", now + 30 * SECOND), None);
    }

    #[test]
    fn a_daily_limit_holds_back_its_operation_and_tells_its_end() {
        let (rate, now) = (Rate::default(), Instant::now());
        let spent = RateLimit { daily_reset: Some(49_015), ..says(959, 56) };
        answered(&rate, spent, Some(49_015 * SECOND), now);
        let Turn::Shut(hold) = rate.enter("teams", now) else { panic!("it may not go") };
        assert_eq!((hold.until - now, hold.end - now), (WINDOW, 49_015 * SECOND));
        assert_eq!(shut(&rate, "users", now), None, "others have no such limit");
        assert_eq!(shut(&rate, "teams", now + WINDOW), None, "PagerDuty is asked once more");
    }
}
