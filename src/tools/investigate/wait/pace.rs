//! The times of the requests of a call that waits for an event: at most twelve a minute, and more often when something is
//! likely to happen.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The most requests in a [`WINDOW`].
const MOST: usize = 12;
const WINDOW: Duration = Duration::from_mins(1);

/// The time between requests soon after something happened, when more is likely to follow.
const SOON: Duration = Duration::from_millis(1_500);

/// The least time between other requests. Twelve of them are a minute.
const LATER: Duration = Duration::from_secs(5);

/// The requests that are kept for later in a window, so that no time has too few.
const KEPT: usize = 4;

/// The time from an announced action of PagerDuty to the request that shows it.
const AFTER_ACTION: Duration = Duration::from_secs(1);

/// The pace of a call.
#[derive(Debug, Default)]
pub struct Pace {
    /// The times of the requests in the last window, oldest first.
    sent: VecDeque<Instant>,
    /// The number of requests that follow soon.
    soon: usize,
    /// The time before which no request is sent.
    held_until: Option<Instant>,
}

impl Pace {
    /// Records that a request is sent.
    pub fn note(&mut self, at: Instant) {
        self.sent.push_back(at);
        while self.sent.len() > MOST {
            self.sent.pop_front();
        }
        self.soon = self.soon.saturating_sub(1);
    }

    /// Makes this many of the next requests follow soon.
    pub fn hurry(&mut self, requests: usize) {
        self.soon = self.soon.max(requests);
    }

    /// Sends no request before a time, which PagerDuty's rate limit demands.
    pub fn hold(&mut self, until: Instant) {
        self.held_until = self.held_until.max(Some(until));
    }

    /// Returns the time of the next request. `action` is the next time at which PagerDuty acts by itself.
    pub fn next(&self, now: Instant, action: Option<Instant>) -> Instant {
        let recent: Vec<_> = self.sent.iter().copied().filter(|at| *at + WINDOW > now).collect();
        let left = MOST.saturating_sub(recent.len());
        let last = self.sent.back().copied().unwrap_or(now);
        let free = recent.first().map_or(now, |first| *first + WINDOW);
        // One request is kept for an announced action.
        let others = left.saturating_sub(usize::from(action.is_some()));
        let mut at = if others == 0 {
            free
        } else if self.soon > 0 && left > KEPT {
            last + SOON
        } else {
            // The remaining requests of the window are spread over it.
            let parts = u32::try_from(others + 1).unwrap_or(u32::MAX);
            last + LATER.max(free.saturating_duration_since(last) / parts)
        };
        let action = action.map(|action| action + AFTER_ACTION).filter(|action| *action > now && left > 0);
        at = action.map_or(at, |action| at.min(action));
        at.max(now).max(self.held_until.unwrap_or(now))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Returns the times of requests in seconds. `events` hurry the pace when a request shows them.
    fn times(length: u64, events: &[u64], actions: &[u64]) -> Vec<f64> {
        let began = Instant::now();
        let (mut pace, mut now, mut times) = (Pace::default(), began, Vec::new());
        pace.note(now);
        pace.hurry(4);
        let mut before = now;
        loop {
            let action = actions
                .iter()
                .map(|at| began + SECOND * u32::try_from(*at).unwrap())
                .find(|at| *at + AFTER_ACTION > now);
            now = pace.next(now, action);
            if now > began + Duration::from_secs(length) {
                return times;
            }
            pace.note(now);
            let seen = |event: &&u64| (before..now).contains(&(began + Duration::from_secs(**event)));
            if events.iter().any(|event| seen(&event)) {
                pace.hurry(3);
            }
            before = now;
            times.push((now - began).as_secs_f64());
        }
    }

    /// Returns the longest wait from a second of a range to the next request.
    fn latency(times: &[f64], from: u32, to: u32) -> f64 {
        let waits = (from * 10..to * 10).map(|tenth| {
            let at = f64::from(tenth) / 10.0;
            times.iter().find(|time| **time > at).map_or(f64::MAX, |time| time - at)
        });
        waits.fold(0.0, f64::max)
    }

    #[test]
    fn requests_come_soon_and_then_evenly() {
        let times = times(300, &[], &[]);
        println!("{times:?}");
        assert!(latency(&times, 0, 6) <= 1.6, "{times:?}");
        assert!(latency(&times, 6, 60) <= 7.0, "{times:?}");
        assert!(latency(&times, 60, 290) <= 7.0, "{times:?}");
    }

    #[test]
    fn announced_action_is_seen_within_two_seconds() {
        for at in 7..200 {
            let times = times(300, &[], &[at]);
            let seen = times.iter().find(|time| **time > f64::from(u32::try_from(at).unwrap())).unwrap();
            assert!(seen - f64::from(u32::try_from(at).unwrap()) <= 2.0 || times.len() < 12, "{at}: {times:?}");
        }
    }

    #[test]
    fn hold_of_the_rate_limit_is_obeyed() {
        let now = Instant::now();
        let mut pace = Pace::default();
        pace.note(now);
        pace.hold(now + 30 * SECOND);
        assert_eq!(pace.next(now, Some(now + 2 * SECOND)), now + 30 * SECOND);
    }

    proptest! {
        #[test]
        fn no_minute_has_more_than_twelve_requests(
            events in proptest::collection::vec(0_u64..240, 0..40),
            actions in proptest::collection::vec(0_u64..240, 0..12),
        ) {
            let mut actions = actions;
            actions.sort_unstable();
            let times = [vec![0.0], times(240, &events, &actions)].concat();
            for window in times.windows(MOST + 1) {
                prop_assert!(window[MOST] - window[0] >= 60.0 - 1e-6, "{window:?}");
            }
        }
    }
}
