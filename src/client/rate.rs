//! How many requests a credential may still send, as far as its last answer says.
//! <https://developer.pagerduty.com/docs/rest-api-rate-limits>

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::probe::RateLimit;

/// PagerDuty's window, for an answer that does not say when it ends.
const WINDOW: Duration = Duration::from_mins(1);

/// Where the rate limit of one credential stands.
#[derive(Debug, Default)]
pub struct Rate {
    left: Mutex<Option<(usize, Instant)>>,
    underway: AtomicUsize,
}

/// A request that was sent and is not answered.
pub struct Underway<'r>(&'r Rate);

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.0.underway.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Rate {
    /// Counts a request for as long as what is returned lives.
    pub fn send(&self) -> Underway<'_> {
        self.underway.fetch_add(1, Ordering::Relaxed);
        Underway(self)
    }

    /// Takes note of what an answer said.
    pub fn note(&self, limit: RateLimit) {
        let Some(remaining) = limit.remaining else { return };
        let until = Instant::now() + limit.reset.map_or(WINDOW, |seconds| Duration::from_secs(seconds.min(3_600)));
        let remaining = usize::try_from(remaining).unwrap_or(usize::MAX);
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some((remaining, until));
    }

    /// How many more requests may be sent side by side; as many as one likes when nothing is known.
    pub fn room(&self) -> usize {
        match *self.left.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((left, until)) if Instant::now() < until => left.saturating_sub(self.underway.load(Ordering::Relaxed)),
            _ => usize::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderMap, HeaderValue};

    #[tokio::test(start_paused = true)]
    async fn what_is_left_is_what_the_last_answer_said_without_what_was_sent_since() {
        let rate = Rate::default();
        assert_eq!(rate.room(), usize::MAX, "nothing is known");
        let mut headers = HeaderMap::new();
        headers.insert("ratelimit-remaining", HeaderValue::from_static("3"));
        headers.insert("ratelimit-reset", HeaderValue::from_static("10"));
        rate.note(RateLimit::of(&headers));
        let sent = [rate.send(), rate.send()];
        assert_eq!(rate.room(), 1);
        rate.note(RateLimit::of(&HeaderMap::new()));
        drop(sent);
        assert_eq!(rate.room(), 3, "an answer without the headers says nothing");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(rate.room(), usize::MAX, "the next window");
    }
}
