//! How many requests a credential may still send, as far as its answers say, and when the next one may go.
//! <https://developer.pagerduty.com/docs/rest-api-rate-limits>
//!
//! Far from the limit nothing waits. When not more is left than is under way already, further requests are spread over
//! what remains of the window; when nothing is left, they wait for the next one. So a crowd is slowed down before it is
//! refused, and whoever calls alone is not slowed down at all while anything is left.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::probe::RateLimit;

/// PagerDuty's window: for an answer that does not say when it ends, and the longest that anybody is held back without
/// asking PagerDuty once more.
const WINDOW: Duration = Duration::from_mins(1);

/// Ends this close together are those of one window: they come in whole seconds.
const SAME_WINDOW: Duration = Duration::from_secs(2);

/// Where the rate limit of one credential stands.
#[derive(Debug, Default)]
pub struct Rate {
    known: Mutex<Known>,
    underway: AtomicUsize,
}

/// What answers have said. What is over is taken out when somebody looks.
#[derive(Debug, Default)]
struct Known {
    window: Option<Window>,
    /// Until when PagerDuty asked to wait, in a 429.
    closed: Option<Instant>,
}

/// A window that is not over, as far as is known.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// Requests that are left, by PagerDuty's count.
    left: usize,
    /// When it ends.
    until: Instant,
    /// When the last request that had to wait goes.
    last: Option<Instant>,
}

/// A request that is waiting for its turn, or was sent and is not answered.
pub struct Underway<'r>(&'r Rate);

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.0.underway.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Window {
    /// When a request may go while `underway` others are waiting or unanswered.
    fn turn(&mut self, underway: usize, now: Instant, chance: f64) -> Instant {
        let spare = self.left.saturating_sub(underway);
        if spare > underway {
            return now;
        }
        if spare == 0 {
            return spread(self.until, now, chance);
        }
        let after = self.last.map_or(now, |last| last.max(now));
        let rest = self.until.saturating_duration_since(after);
        let turn = after + rest / u32::try_from(spare + 1).unwrap_or(u32::MAX);
        self.last = Some(turn);
        turn
    }

    /// With what another answer says.
    fn with(self, left: usize, until: Instant) -> Self {
        let apart = until.saturating_duration_since(self.until).max(self.until.saturating_duration_since(until));
        if apart > SAME_WINDOW {
            return Self { left, until, last: None };
        }
        // Answers overtake each other, and within a window what is left only shrinks.
        Self { left: left.min(self.left), until: until.max(self.until), ..self }
    }
}

impl Known {
    /// Until when nothing may be sent, if that is so.
    fn shut(&self) -> Option<Instant> {
        let spent = self.window.filter(|window| window.left == 0).map(|window| window.until);
        spent.max(self.closed)
    }
}

/// The end of a wait, up to a tenth of it later: those who wait for the same moment do not come back together.
fn spread(until: Instant, now: Instant, chance: f64) -> Instant {
    until + until.saturating_duration_since(now).mul_f64(chance / 10.0)
}

impl Rate {
    /// Counts a request for as long as what is returned lives, and says when it may be sent.
    pub fn enter(&self, now: Instant, chance: f64) -> (Underway<'_>, Instant) {
        let mut known = self.known(now);
        let others = self.underway.fetch_add(1, Ordering::Relaxed);
        let turn = match known.shut() {
            Some(until) => spread(until, now, chance),
            None => known.window.as_mut().map_or(now, |window| window.turn(others, now, chance)),
        };
        (Underway(self), turn)
    }

    /// Counts a request that goes at once.
    pub fn pass(&self) -> Underway<'_> {
        self.underway.fetch_add(1, Ordering::Relaxed);
        Underway(self)
    }

    /// Until when nothing may be sent, if that is so: nothing is left of the window, or PagerDuty has asked to wait.
    pub fn closed(&self, now: Instant, chance: f64) -> Option<Instant> {
        self.known(now).shut().map(|until| spread(until, now, chance))
    }

    /// Takes note of what an answer said.
    pub fn note(&self, limit: RateLimit, now: Instant) {
        let Some(left) = limit.remaining else { return };
        let until = now + limit.reset.map_or(WINDOW, Duration::from_secs).min(WINDOW);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let mut known = self.known(now);
        known.window = Some(known.window.map_or(Window { left, until, last: None }, |window| window.with(left, until)));
    }

    /// Takes note of a 429: nobody sends anything for so long.
    pub fn close(&self, wait: Duration, now: Instant) {
        let mut known = self.known(now);
        known.closed = known.closed.max(Some(now + wait.min(WINDOW)));
    }

    /// How many more requests may be sent side by side; as many as one likes when nothing is known.
    pub fn room(&self) -> usize {
        let known = self.known(Instant::now());
        let left = if known.closed.is_some() { 0 } else { known.window.map_or(usize::MAX, |window| window.left) };
        if left == usize::MAX { left } else { left.saturating_sub(self.underway.load(Ordering::Relaxed)) }
    }

    fn known(&self, now: Instant) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.window = known.window.filter(|window| window.until > now);
        known.closed = known.closed.filter(|until| *until > now);
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limit(remaining: u64, reset: u64) -> RateLimit {
        RateLimit { limit: Some(960), remaining: Some(remaining), reset: Some(reset) }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_is_what_the_last_answer_said_without_what_was_sent_since() {
        let rate = Rate::default();
        let now = Instant::now();
        assert_eq!(rate.room(), usize::MAX, "nothing is known");
        rate.note(limit(3, 10), now);
        let sent = [rate.enter(now, 0.0), rate.enter(now, 0.0)];
        assert_eq!(rate.room(), 1);
        rate.note(RateLimit::default(), now);
        drop(sent);
        assert_eq!(rate.room(), 3, "an answer without the headers says nothing");
        tokio::time::advance(10 * SECOND).await;
        assert_eq!(rate.room(), usize::MAX, "the next window");
    }

    /// When each of a crowd may go that comes at once, in seconds from now.
    fn turns(rate: &Rate, now: Instant, crowd: usize) -> Vec<f64> {
        let entered: Vec<_> = (0..crowd).map(|_| rate.enter(now, 0.0)).collect();
        entered.iter().map(|(_, turn)| (*turn - now).as_secs_f64()).collect()
    }

    #[test]
    fn a_call_alone_waits_for_nothing_while_anything_is_left() {
        let (rate, now) = (Rate::default(), Instant::now());
        for left in [959, 10, 1] {
            rate.note(limit(left, 60), now);
            assert_eq!(turns(&rate, now, 1), [0.0], "{left} left");
        }
        rate.note(limit(0, 60), now);
        assert_eq!(turns(&rate, now, 1), [60.0], "there is none");
    }

    #[test]
    fn a_crowd_is_spread_over_the_window_and_the_rest_waits_for_the_next() {
        let (rate, now) = (Rate::default(), Instant::now());
        assert_eq!(turns(&rate, now, 500), vec![0.0; 500], "nothing is known");
        rate.note(limit(8, 10), now);
        let turns = turns(&rate, now, 12);
        assert_eq!(turns[..4], [0.0; 4], "half of what is left goes at once");
        let spread: Vec<_> = turns[3..8].windows(2).map(|pair| ((pair[1] - pair[0]) * 10.0).round()).collect();
        assert_eq!(spread, [20.0; 4], "the others at even distances: {turns:?}");
        assert_eq!(turns[8..], [10.0; 4], "and what is left of the crowd after the window");
    }

    #[test]
    fn a_crowd_far_from_the_limit_is_not_held_up() {
        let (rate, now) = (Rate::default(), Instant::now());
        rate.note(limit(900, 30), now);
        assert_eq!(turns(&rate, now, 400), vec![0.0; 400]);
    }

    #[test]
    fn a_429_holds_back_everybody_and_nobody_for_longer_than_a_window() {
        let (rate, now) = (Rate::default(), Instant::now());
        assert_eq!(rate.closed(now, 0.0), None);
        rate.note(limit(900, 30), now);
        rate.close(5 * SECOND, now);
        rate.note(limit(890, 30), now);
        assert_eq!(rate.closed(now, 0.0), Some(now + 5 * SECOND), "an answer from before the 429 opens nothing");
        assert_eq!((turns(&rate, now, 2), rate.room()), (vec![5.0; 2], 0));
        rate.close(3_600 * SECOND, now);
        assert_eq!(rate.closed(now, 0.0), Some(now + WINDOW));
        assert_eq!(rate.closed(now, 1.0), Some(now + WINDOW + 6 * SECOND), "spread by chance");
        assert_eq!(rate.closed(now + WINDOW, 0.0), None);
    }

    #[test]
    fn answers_that_overtake_each_other_do_not_add_to_what_is_left() {
        let (rate, now) = (Rate::default(), Instant::now());
        rate.note(limit(5, 30), now);
        rate.note(limit(9, 30), now);
        assert_eq!(rate.room(), 5);
        rate.note(limit(950, 60), now + 29 * SECOND);
        assert_eq!(rate.room(), 950, "the next window");
        rate.note(limit(3, 5), now + 29 * SECOND);
        assert_eq!(turns(&rate, now + 29 * SECOND, 4).last(), Some(&5.0), "what is said last holds");
    }
}
