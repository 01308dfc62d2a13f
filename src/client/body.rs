//! Reads the bodies of responses, within the memory that all of them may use.

use tokio::sync::SemaphorePermit;

use super::policy::Outcome;
use super::send::Failure;
use super::{Api, Request};
use crate::error::{Code, Error};
use crate::net::http::Watch;

/// The largest response that is read. PagerDuty's largest pages are a few megabytes.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// The memory that all responses in progress may use beyond a megabyte each, in megabytes.
///
/// Responses of PagerDuty are hardly ever that large, and a host in its place that answers many calls at once must not fill
/// the memory.
pub const LARGE_ANSWERS: usize = 512;

/// The most memory that is reserved for a body before it is read: what each may use without a permit.
const MOST_EXPECTED: usize = 1 << 20;

/// A body, with the permit for the memory that it uses.
#[derive(Default)]
pub(super) struct Body<'c> {
    bytes: Vec<u8>,
    permit: Option<SemaphorePermit<'c>>,
}

impl std::ops::Deref for Body<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Api {
    /// Reads the body of a response, decompressed.
    pub(super) async fn body(
        &self,
        request: &Request,
        mut answer: reqwest::Response,
        watch: &mut Watch<'_>,
    ) -> Result<Body<'_>, Failure> {
        let mut body = Body::default();
        let expected = answer.content_length().and_then(|length| usize::try_from(length).ok());
        body.bytes.reserve(expected.unwrap_or(0).min(MOST_EXPECTED));
        loop {
            watch.heard();
            match answer.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > MAX_BODY => {
                    let error = self.unexpected(request, &format!("it is larger than {} MB", MAX_BODY >> 20));
                    return Err(Failure::new(Outcome::Garbled, error));
                }
                Ok(Some(chunk)) => {
                    self.reserve(request, &mut body, chunk.len())?;
                    body.bytes.extend_from_slice(&chunk);
                }
                Ok(None) => return Ok(body),
                Err(error) => return Err(self.unread(request, error, watch)),
            }
        }
    }

    /// Reserves memory for more of a body.
    ///
    /// It fails instead of waiting: requests that wait for each other would never end.
    fn reserve<'c>(&'c self, request: &Request, body: &mut Body<'c>, more: usize) -> Result<(), Failure> {
        let has = body.permit.as_ref().map_or(0, SemaphorePermit::num_permits);
        let needs = (body.len() + more) >> 20;
        let lacks = u32::try_from(needs.saturating_sub(has)).unwrap_or(u32::MAX);
        if lacks == 0 {
            return Ok(());
        }
        let Ok(permit) = self.client.large.try_acquire_many(lacks) else {
            let subject = &request.subject;
            let message =
                format!("the answer to {subject} was not read to its end: too many large answers are in progress");
            let error = Error::new(Code::NetworkError, message).hint("Try again, and request less at a time.");
            return Err(Failure::new(Outcome::CutOff, error));
        };
        match &mut body.permit {
            Some(had) => had.merge(permit),
            none => *none = Some(permit),
        }
        Ok(())
    }
}
