//! PagerDuty's clock, from the dates of its responses. The local clock may be wrong by hours, so it is never compared.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap};
use tokio::time::Instant;

use crate::sync::lock;

/// The clock of the host that serves one credential.
#[derive(Debug, Default)]
pub struct Clock(Mutex<Option<(Timestamp, Instant)>>);

impl Clock {
    /// Records the date of a response, if it has one.
    pub fn note(&self, headers: &HeaderMap) {
        if let Some(date) = date(headers) {
            *lock(&self.0) = Some((date, Instant::now()));
        }
    }

    /// Returns its time at a local moment, rounded down to the second, or `None` if no response had a date.
    pub fn at(&self, moment: Instant) -> Option<Timestamp> {
        let (date, noted) = (*lock(&self.0))?;
        let between = |from: Instant, to: Instant| SignedDuration::try_from(to.saturating_duration_since(from)).ok();
        // One of the two is zero: the moment is before or after the response.
        date.checked_sub(between(moment, noted)?).ok()?.checked_add(between(noted, moment)?).ok()
    }
}

/// Returns the date of a response.
pub fn date(headers: &HeaderMap) -> Option<Timestamp> {
    parse(headers.get(DATE)?.to_str().ok()?)
}

/// Parses a date in the form used by HTTP.
pub fn parse(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn local_moment_is_converted_to_the_hosts_clock() {
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
