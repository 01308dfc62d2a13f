//! The confirmation of changes by a person.

use std::time::Duration;

use jiff::SignedDuration;

/// Whether and how a person confirms changes that cannot be undone.
///
/// The times have no variables; programs and tests may set them.
#[derive(Clone, Copy, Debug)]
pub struct Confirm {
    /// Whether a person has to confirm such changes.
    pub required: bool,
    /// The longest wait for an answer within a call. It is below the time-out of most clients, 60 s.
    pub wait: Duration,
    /// The time within which the answer to a question may come in another call.
    pub validity: SignedDuration,
}

impl Confirm {
    pub(super) fn new(required: bool) -> Self {
        Self { required, wait: Duration::from_secs(50), validity: SignedDuration::from_mins(15) }
    }
}
