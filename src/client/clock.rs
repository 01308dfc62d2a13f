//! PagerDuty's clock, as far as its answers show it. Ours may be wrong by hours, and nothing is compared with it.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap};
use tokio::time::Instant;

use crate::sync::lock;

/// The clock of the host that serves one credential.
#[derive(Debug, Default)]
pub struct Clock(Mutex<Option<(Timestamp, Instant)>>);

impl Clock {
    /// Takes note of the date of an answer. It may have none.
    pub fn note(&self, headers: &HeaderMap) {
        if let Some(date) = date(headers) {
            *lock(&self.0) = Some((date, Instant::now()));
        }
    }

    /// What it showed at a moment of ours, cut to the second; `None` if no answer has said.
    pub fn at(&self, moment: Instant) -> Option<Timestamp> {
        let (date, noted) = (*lock(&self.0))?;
        let between = |from: Instant, to: Instant| SignedDuration::try_from(to.saturating_duration_since(from)).ok();
        // One of the two is nothing: what it showed after the answer is as well known as what it showed before.
        date.checked_sub(between(moment, noted)?).ok()?.checked_add(between(noted, moment)?).ok()
    }
}

/// When an answer was given, by its own account.
pub fn date(headers: &HeaderMap) -> Option<Timestamp> {
    moment(headers.get(DATE)?.to_str().ok()?)
}

/// A moment as HTTP writes it.
pub fn moment(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_moment_of_ours_is_told_by_the_hosts_clock() {
        let clock = Clock::default();
        let began = Instant::now();
        assert_eq!(clock.at(began), None);
        tokio::time::advance(Duration::from_secs(7)).await;
        let mut headers = HeaderMap::new();
        headers.insert(DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
        clock.note(&headers);
        headers.insert(DATE, HeaderValue::from_static("yesterday"));
        clock.note(&headers);
        assert_eq!(clock.at(began), "1994-11-06T08:49:30Z".parse().ok());
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(clock.at(Instant::now()), "1994-11-06T08:50:37Z".parse().ok(), "long after the last answer");
    }
}
