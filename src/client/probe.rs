//! One look at the API, for `doctor`: whether it answers, and what its answer says beside the body.
//!
//! Sent once and never again: a doctor reports the fever, it does not wait until it has passed.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde::Deserialize;

use super::http::Watch;
use super::{Api, Client, Query, Request, clock, failure, policy};
use crate::auth::Credential;
use crate::error::{Code, Error, Result};

/// What an answer says beside its body.
#[derive(Clone, Debug)]
pub struct Probe {
    /// How long the answer took.
    pub took: Duration,
    /// The account's abilities, by name, or why PagerDuty did not give them.
    pub abilities: Result<Vec<String>>,
    /// Where the credential stands.
    pub rate_limit: RateLimit,
    /// How many seconds our clock is ahead of the host's (negative: behind). An answer may lack the date.
    pub ahead: Option<i64>,
}

/// The `ratelimit-*` and `daily-ratelimit-*` headers of an answer. Any may be missing.
/// <https://developer.pagerduty.com/docs/rest-api-rate-limits>
#[derive(Clone, Copy, Debug, Default)]
pub struct RateLimit {
    /// Requests a window allows.
    pub limit: Option<u64>,
    /// Requests that are left of them.
    pub remaining: Option<u64>,
    /// Seconds until the window ends.
    pub reset: Option<u64>,
    /// The number of seconds until a used-up daily limit ends.
    pub daily_reset: Option<u64>,
}

/// `{"abilities": […]}`. PagerDuty: operation `listAbilities`.
#[derive(Deserialize)]
struct Abilities {
    abilities: Vec<String>,
}

impl Client {
    /// Looks at the API, in the name of `credential` or of nobody. Nobody is refused, which shows the host all the same.
    /// An error means that there was no answer at all.
    pub async fn probe(self: &std::sync::Arc<Self>, credential: Option<Credential>) -> Result<Probe> {
        let anonymous = credential.is_none();
        let api = self.with(credential.unwrap_or_else(|| Credential::new(String::new().into(), "nobody's name")));
        let request = Request::get("/abilities".to_owned(), Query::new(), "the abilities of the account".to_owned());
        let (http, mut watch) = self.http.client()?;
        watch.begin(self.policy.attempt);
        let unsent = |error, watch: &Watch<'_>| api.unsent(&request, error, watch).error;
        let sent = api.build(&http, &request, &api.credential)?.build();
        let mut sent = sent.map_err(|error| unsent(error, &watch))?;
        if anonymous {
            sent.headers_mut().remove(AUTHORIZATION);
        }
        let start = Instant::now();
        let answer = http.execute(sent).await.map_err(|error| unsent(error, &watch))?;
        let took = start.elapsed();
        let now = Timestamp::now().as_second();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = api.body(&request, answer, &mut watch).await.map_err(|failure| failure.error)?;
        let answer = failure::Answer {
            request: &request,
            credential: &api.credential,
            host: api.host(),
            status,
            headers: &headers,
            body: &body,
        };
        let abilities = if anonymous {
            Err(Error::new(Code::MissingCredentials, "nobody asked for the abilities"))
        } else if status.is_success() {
            api.abilities(&answer)
        } else {
            Err(answer.error())
        };
        Ok(Probe {
            took,
            abilities,
            rate_limit: RateLimit::of(&headers),
            ahead: clock::date(&headers).map(|then| now - then.as_second()),
        })
    }
}

impl Api {
    fn abilities(&self, answer: &failure::Answer<'_>) -> Result<Vec<String>> {
        serde_json::from_slice::<Abilities>(answer.body).map(|answer| answer.abilities).map_err(|_| {
            answer.error_in_success().unwrap_or_else(|| {
                self.unexpected(answer.request, "it has no list of abilities").request_id(answer.request_id())
            })
        })
    }
}

impl RateLimit {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
        Self {
            limit: number("ratelimit-limit"),
            remaining: number("ratelimit-remaining"),
            reset: policy::seconds(headers, "ratelimit-reset").map(|reset| reset.as_secs()),
            daily_reset: policy::daily_wait(headers).map(|reset| reset.as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{DATE, HeaderValue};

    #[test]
    fn headers_that_make_no_sense_count_as_missing() {
        let mut headers = HeaderMap::new();
        headers.insert("ratelimit-limit", HeaderValue::from_static("960"));
        headers.insert("ratelimit-remaining", HeaderValue::from_static("plenty"));
        headers.insert(DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
        let limit = RateLimit::of(&headers);
        assert_eq!((limit.limit, limit.remaining, limit.reset), (Some(960), None, None));
        headers.insert("ratelimit-reset", HeaderValue::from_static("12.5"));
        assert_eq!(RateLimit::of(&headers).reset, Some(13));
        assert_eq!(clock::date(&headers).map(Timestamp::as_second), Some(784_111_777));
        headers.insert(DATE, HeaderValue::from_static("yesterday"));
        assert_eq!(clock::date(&headers), None);
    }
}
