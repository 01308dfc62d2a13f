//! Sends writes so that none takes effect twice by mistake, and none is reported as failed that may have taken effect.
//!
//! `policy` decides when a write has to be verified: its response was lost, so the current state is read. A write that is
//! not there may still arrive, so it is verified a few times, and a `Once` is never sent again. An identical call after
//! one whose answer did not reach its caller also verifies before it sends.

mod communications;
mod covers;
mod created;
mod declared;
mod incident_fields;
mod incident_state;
mod maintenance;
mod notes;
mod responders;
mod responses;
mod runs;
mod status_pages;
mod statuses;

use jiff::{SignedDuration, Timestamp};
use pagerduty_rows::object::Object;
use tokio::time::Instant;

use super::accounts::memory::{Earlier, Outcome};
use super::decode::Unreadable;
use super::policy::{self, Decision};
use super::send::GivenUp;
use super::{Api, Request, call};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Model, Row, User};

pub use communications::{IMPACTED, StatusUpdate};
pub use covers::{Added, CoverChange, CoverKind};
pub use created::NewIncident;
pub(super) use declared::Source;
pub use declared::{State, changed, comparable, has};
pub use incident_fields::{IncidentChange, IncidentOutcome};
pub use incident_state::{CUSTOM, RESOLUTION, SENT_ONLY, settable_changes};
pub use responders::{PENDING, Responder};
pub use status_pages::plain_text;
pub use statuses::NewStatus;

/// The time by which a change may seem to precede its request: PagerDuty's times have no fractions, and come from other
/// machines than the date of the response.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(5);

/// The outcome of a write.
#[derive(Debug)]
pub struct Changed {
    /// The fields of the current object to show.
    pub shown: Object,
    /// Additional information for the caller.
    pub warning: Option<String>,
    /// Set if an earlier call made the change, so that nothing was sent.
    pub earlier: bool,
}

impl Changed {
    /// Creates the outcome of a write that this call sent.
    fn new(shown: Object) -> Self {
        Self { shown, warning: None, earlier: false }
    }
}

/// The state of an object after a write whose response was lost.
pub(super) enum Seen {
    /// The write took effect.
    Done(Changed),
    /// The write has not taken effect so far, for this reason.
    NotYet(String),
    /// The outcome cannot be determined, for this reason.
    Unknown(String),
    /// The write certainly did not take effect.
    Refused(Error),
}

/// A write of one operation: the content of its response, and how to verify it.
pub(super) trait Verify: Send + Sync {
    /// Decodes the response to the write. A response without the expected state is not a success.
    fn decode(&self, body: &[u8]) -> Result<Object, Unreadable>;

    /// Reads the current state once, to see whether the write took effect that was sent first at `sent`. `error` is the
    /// reason why its outcome is unknown.
    fn verify(&mut self, api: &Api, sent: Instant, error: &Error) -> impl Future<Output = Seen> + Send;

    /// Returns the object if an earlier call made this write, or `None` if the write has to be sent.
    ///
    /// Fails if that cannot be determined and the write must not take effect twice. By default, twice has the effect of
    /// once, so it is sent.
    fn made_earlier(
        &mut self,
        _api: &Api,
        _request: &Request,
        _earlier: &Earlier,
    ) -> impl Future<Output = Result<Option<Object>>> + Send {
        std::future::ready(Ok(None))
    }

    /// Returns the outcome to remember for an object that the write left. By default, the object is read again for an
    /// identical call.
    fn outcome(&self, _api: &Api, _shown: &Object) -> Outcome {
        Outcome::Done(None)
    }

    /// Returns the warning for a write that an earlier call made.
    fn earlier_warning(&self) -> String {
        "An earlier call, whose answer did not reach you, made this change. Nothing was sent again.".to_owned()
    }

    /// Returns the warning for a write that is sent after an earlier one of unknown outcome, if it matters.
    fn repeat_warning(&self, _earlier: &Earlier) -> Option<String> {
        None
    }
}

impl Api {
    /// Sends a write and returns the object that it left, verifying it if the response was lost.
    pub(super) async fn write(&self, request: &Request, mut write: impl Verify) -> Result<Changed> {
        let (memory, key) = (&self.account.memory, request.key());
        // Of two simultaneous calls that make the same write, one could mistake the other's for its own.
        let earlier = self.begin_write(request).await;
        if let Some(earlier) = &earlier
            && let Some(shown) = write.made_earlier(self, request, earlier).await?
        {
            memory.settle(key, write.outcome(self, &shown));
            return Ok(Changed { shown, warning: Some(write.earlier_warning()), earlier: true });
        }
        let warning = earlier.as_ref().and_then(|earlier| write.repeat_warning(earlier));
        let changed = match self.exchange(request, |body| write.decode(body)).await {
            Ok(shown) => Ok(Changed { warning, ..Changed::new(shown) }),
            Err(GivenUp { error, verify: false, .. }) => {
                memory.keep(key, earlier);
                self.call.changed(key, error.code().as_str());
                return Err(error);
            }
            Err(given_up) => self
                .verified(request, &mut write, given_up)
                .await
                .map(|changed| Changed { warning: changed.warning.or(warning), ..changed }),
        };
        self.call.changed(key, changed.as_ref().map_or_else(|error| error.code().as_str(), |_| "ok"));
        match &changed {
            Ok(changed) => memory.settle(key, write.outcome(self, &changed.shown)),
            // A write of unknown outcome stays remembered as sent.
            Err(error) if error.code() == Code::OutcomeUnknown => {}
            Err(_) => memory.keep(key, None),
        }
        changed
    }

    /// Waits until no other call makes the same write, and returns an earlier call whose outcome may not have reached
    /// its caller.
    async fn begin_write(&self, request: &Request) -> Option<Earlier> {
        let key = request.key();
        // A call waits for no lock that it holds.
        if self.call.keys().iter().any(|known| known == key) {
            return None;
        }
        let lock = self.account.memory.lock(key).await;
        let author = request.from.as_deref();
        let change = call::Change {
            resource: request.operation.resource,
            id: request.id.clone().unwrap_or_default(),
            object: request.subject.clone(),
            author: author.map(str::to_owned),
            outcome: None,
        };
        self.call.changes(key.to_owned(), change, lock);
        self.account.memory.earlier(key, author)
    }

    /// Verifies a write a few times: it may still arrive, even after the last time.
    async fn verified(&self, request: &Request, write: &mut impl Verify, given_up: GivenUp) -> Result<Changed> {
        let GivenUp { error, sent, .. } = given_up;
        let mut verified = 1;
        let why = loop {
            match write.verify(self, sent, &error).await {
                Seen::Done(changed) => return Ok(changed),
                Seen::Refused(error) => return Err(error),
                Seen::Unknown(why) => break why,
                Seen::NotYet(why) if !self.verify_again(verified, policy::ATTEMPTS).await => break why,
                Seen::NotYet(_) => verified += 1,
            }
        };
        Err(request.unknown_after(&error.adding(&format!("; {why}"))))
    }

    /// Waits before a write is verified again, and returns whether it is, after `verified` of at most `most` times.
    pub(super) async fn verify_again(&self, verified: u32, most: u32) -> bool {
        let again = |left| match self.client.policy.verify_again(verified, most, left, fastrand::f64()) {
            Some(wait) => Decision::Retry(wait),
            None => Decision::GiveUp,
        };
        let Decision::Retry(wait) = self.call.decide(again) else { return false };
        tokio::time::sleep(wait).await;
        true
    }

    /// Returns the user who makes writes with this `From` address, if known.
    pub async fn author_of_writes(&self, from: Option<&str>) -> Option<Id<User>> {
        self.author_id(from).await
    }

    /// Returns the author of a write with this `From` address, if known.
    pub(super) async fn author_id(&self, from: Option<&str>) -> Option<Id<User>> {
        let me =
            self.me_for_a_write().await.inspect_err(|error| tracing::debug!(%error, "the author is not known")).ok();
        match (from, me) {
            (None, me) => me.map(|me| me.id.clone()),
            (Some(from), Some(me)) if from.eq_ignore_ascii_case(&me.email) => Some(me.id.clone()),
            (Some(from), _) => self.user_by_email(from).await,
        }
    }

    /// Returns PagerDuty's time when a write was sent, minus the tolerance for its clocks, or `None` if it is unknown.
    pub(super) fn since(&self, sent: Instant) -> Option<Timestamp> {
        self.account.clock.at(sent).and_then(|sent| sent.checked_sub(CLOCK_TOLERANCE).ok())
    }
}

/// Rejects an object without an ID: such a response does not show that a write succeeded.
pub(super) fn with_id<M: Model>(row: Row<M>) -> Result<Row<M>, Unreadable> {
    if row.facts.id().is_some() { Ok(row) } else { Err(Unreadable::because("it has no id".to_owned())) }
}
