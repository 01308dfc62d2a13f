//! A single request to the API for `doctor`: whether it responds, and the facts in the head of its response.
//!
//! It is never retried, so that `doctor` reports a fault instead of waiting until it has passed.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use pagerduty_api::operations::account::LIST_ABILITIES;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde::Deserialize;

use super::accounts::clock;
use super::{Api, Client, Query, Request, failure, policy};
use crate::auth::Credential;
use crate::error::{Code, Error, Result};
use crate::net::http::Watch;

/// The facts of a response.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The time that the response took.
    pub took: Duration,
    /// The account's abilities, by name, or why PagerDuty did not give them.
    pub abilities: Result<Vec<String>>,
    /// The rate limit of the credential.
    pub rate_limit: RateLimit,
    /// The number of seconds by which the local clock is ahead of the host's, negative if it is behind. A response may
    /// lack the date.
    pub ahead: Option<i64>,
}

/// The `ratelimit-*` and `daily-ratelimit-*` headers of a response. Any may be missing.
/// <https://developer.pagerduty.com/docs/rest-api-rate-limits>
#[derive(Clone, Copy, Debug, Default)]
pub struct RateLimit {
    /// The requests that a window allows.
    pub limit: Option<u64>,
    /// The requests that remain in the window.
    pub remaining: Option<u64>,
    /// The seconds until the window resets.
    pub reset: Option<u64>,
    /// The seconds until a used-up daily limit resets.
    pub daily_reset: Option<u64>,
}

/// The body of a response to [`LIST_ABILITIES`].
#[derive(Deserialize)]
struct Abilities {
    abilities: Vec<String>,
}

impl Client {
    /// Probes the API, with or without a credential. Without one the API responds with a refusal, which shows the host
    /// too. An error means that there was no response.
    pub async fn probe(self: &std::sync::Arc<Self>, credential: Option<Credential>) -> Result<Probe> {
        let anonymous = credential.is_none();
        let api = self.with(credential.unwrap_or_else(|| Credential::new(String::new().into(), "no setting")));
        let request = Request::new(&LIST_ABILITIES, Query::new()).about("the abilities of the account");
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
        let response = failure::Response {
            request: &request,
            credential: &api.credential,
            host: api.host(),
            status,
            headers: &headers,
            body: &body,
        };
        let abilities = if anonymous {
            Err(Error::new(Code::MissingCredentials, "the abilities were requested without a credential"))
        } else if status.is_success() {
            api.abilities(&response)
        } else {
            Err(response.error())
        };
        Ok(Probe {
            took,
            abilities,
            rate_limit: RateLimit::from_headers(&headers),
            ahead: clock::date(&headers).map(|then| now - then.as_second()),
        })
    }
}

impl Api {
    fn abilities(&self, response: &failure::Response<'_>) -> Result<Vec<String>> {
        serde_json::from_slice::<Abilities>(response.body).map(|body| body.abilities).map_err(|_| {
            response.error_in_success().unwrap_or_else(|| {
                self.unexpected(response.request, "it has no list of abilities").request_id(response.request_id())
            })
        })
    }
}

impl RateLimit {
    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
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
    fn unreadable_header_counts_as_missing() {
        let mut headers = HeaderMap::new();
        headers.insert("ratelimit-limit", HeaderValue::from_static("960"));
        headers.insert("ratelimit-remaining", HeaderValue::from_static("plenty"));
        headers.insert(DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
        let limit = RateLimit::from_headers(&headers);
        assert_eq!((limit.limit, limit.remaining, limit.reset), (Some(960), None, None));
        headers.insert("ratelimit-reset", HeaderValue::from_static("12.5"));
        assert_eq!(RateLimit::from_headers(&headers).reset, Some(13));
        assert_eq!(clock::date(&headers).map(Timestamp::as_second), Some(784_111_777));
        headers.insert(DATE, HeaderValue::from_static("yesterday"));
        assert_eq!(clock::date(&headers), None);
    }
}
