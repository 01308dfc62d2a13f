//! The requests of a session that have not been answered yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use pagerduty_rows::write::Parts;
use rmcp::model::RequestId;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::client::Share;
use crate::sync::lock;
use crate::tools::{ByLane, Lane};

/// The memory that an unanswered request takes besides its own bytes, approximately: its task, and its arguments as
/// values.
pub(super) const OVERHEAD: usize = 16 * 1024;

/// The memory that a request takes besides its own bytes, approximately, while it waits to be handed to `rmcp`.
pub(super) const QUEUED: usize = 512;

/// The requests that were read and have neither been answered nor withdrawn. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Unanswered(watch::Sender<Requests>);

#[derive(Default)]
pub(super) struct Requests {
    waiting: HashMap<RequestId, Waiting>,
    /// The memory that all of them take.
    bytes: usize,
    /// The calls that were handed to `rmcp`, by lane.
    running: ByLane<usize>,
    /// The number of answers that are not queued yet. The IDs of their requests may be used again.
    leaving: usize,
}

/// An unanswered request.
struct Waiting {
    ticket: Ticket,
    bytes: usize,
    /// The lane, if it calls a tool.
    lane: Option<Lane>,
    /// Set if it was handed to `rmcp`.
    runs: bool,
}

/// The arrival of a request, and the outcome of its call until the answer is written.
///
/// It travels in the extensions of the request, because the types of `rmcp` cannot hold it. If the request is withdrawn,
/// both ends drop it.
#[derive(Clone)]
pub(in crate::server) struct Ticket(Arc<Issued>);

struct Issued {
    arrived: Instant,
    held: Mutex<Held>,
}

/// The parts of an answer that travel beside its message.
#[derive(Default)]
pub(in crate::server) struct Held {
    /// The memory that the call has reserved.
    pub share: Option<Arc<Share>>,
    /// The text, if that of the message is empty.
    pub text: Option<Parts>,
}

impl Ticket {
    fn new() -> Self {
        Self(Arc::new(Issued { arrived: Instant::now(), held: Mutex::default() }))
    }

    /// Returns the time the request arrived.
    pub(in crate::server) fn arrived(&self) -> Instant {
        self.0.arrived
    }

    /// Holds the parts of an answer.
    pub(in crate::server) fn hold(&self, held: Held) {
        *lock(&self.0.held) = held;
    }
}

/// An answer on its way to the outbox.
pub(super) struct Leaving {
    requests: watch::Sender<Requests>,
    ticket: Ticket,
}

impl Leaving {
    /// Takes the parts that travel beside the message.
    pub(super) fn take(&self) -> Held {
        std::mem::take(&mut *lock(&self.ticket.0.held))
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.requests.send_modify(|requests| requests.leaving -= 1);
    }
}

impl Requests {
    /// Returns whether all answers are queued.
    pub(super) fn are_settled(&self) -> bool {
        self.waiting.is_empty() && self.leaving == 0
    }

    /// Returns whether the answer to this request, and all answers before it, are queued.
    pub(super) fn has_answered(&self, id: &RequestId) -> bool {
        !self.waiting.contains_key(id) && self.leaving == 0
    }

    /// Returns whether no unanswered request changes anything.
    pub(super) fn are_reads(&self) -> bool {
        !self.waiting.values().any(|waiting| waiting.lane == Some(Lane::Change))
    }

    fn take(&mut self, id: &RequestId) -> Option<Waiting> {
        let waiting = self.waiting.remove(id)?;
        self.bytes -= waiting.bytes;
        if let Some(lane) = waiting.lane.filter(|_| waiting.runs) {
            *self.running.of_mut(lane) -= 1;
        }
        Some(waiting)
    }

    /// Returns the memory that unanswered requests take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Unanswered {
    /// Returns whether a request with this ID is unanswered.
    pub(super) fn contains(&self, id: &RequestId) -> bool {
        self.0.borrow().waiting.contains_key(id)
    }

    /// Returns the number of calls in a lane that were handed to `rmcp`.
    pub(super) fn running(&self, lane: Lane) -> usize {
        *self.0.borrow().running.of(lane)
    }

    /// Returns the IDs of all unanswered requests.
    pub(super) fn ids(&self) -> Vec<RequestId> {
        self.0.borrow().waiting.keys().cloned().collect()
    }

    /// Adds a request whose message has this many bytes.
    pub(super) fn add(&self, id: RequestId, lane: Option<Lane>, bytes: usize) {
        let waiting = Waiting { ticket: Ticket::new(), bytes: bytes + QUEUED, lane, runs: false };
        self.0.send_modify(|requests| {
            requests.bytes += waiting.bytes;
            requests.waiting.insert(id, waiting);
        });
    }

    /// Records that a request is handed to `rmcp`. Returns the ticket to hand over with it.
    pub(super) fn run(&self, id: &RequestId) -> Option<Ticket> {
        let mut ticket = None;
        self.0.send_modify(|requests| {
            if let Some(waiting) = requests.waiting.get_mut(id) {
                waiting.runs = true;
                waiting.bytes += OVERHEAD - QUEUED;
                requests.bytes += OVERHEAD - QUEUED;
                if let Some(lane) = waiting.lane {
                    *requests.running.of_mut(lane) += 1;
                }
                ticket = Some(waiting.ticket.clone());
            }
        });
        ticket
    }

    /// Removes a request that will not be answered.
    pub(super) fn remove(&self, id: &RequestId) {
        self.0.send_modify(|requests| {
            requests.take(id);
        });
    }

    /// Removes a request that is about to be answered. Its ID is free from now on: a client that has read the answer
    /// may use it at once.
    pub(super) fn answer(&self, id: &RequestId) -> Option<Leaving> {
        let mut ticket = None;
        self.0.send_modify(|requests| {
            if let Some(waiting) = requests.take(id) {
                requests.leaving += 1;
                ticket = Some(waiting.ticket);
            }
        });
        Some(Leaving { requests: self.0.clone(), ticket: ticket? })
    }

    /// Waits until the requests meet a condition.
    pub(super) async fn wait_until(&self, settled: impl FnMut(&Requests) -> bool) {
        // An error would mean that there is no sender left, and this is one.
        self.0.subscribe().wait_for(settled).await.ok();
    }
}
