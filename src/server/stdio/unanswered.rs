//! The requests of a session that have not been answered yet.

use std::collections::HashMap;

use rmcp::model::{ClientRequest, RequestId};
use tokio::sync::watch;

use crate::tools;

/// The memory that an unanswered request takes besides its own bytes, approximately: its task, and its arguments as
/// values.
pub(super) const OVERHEAD: usize = 16 * 1024;

/// The requests that were handed to `rmcp` and have neither been answered nor withdrawn. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Unanswered(watch::Sender<Requests>);

#[derive(Default)]
pub(super) struct Requests {
    waiting: HashMap<RequestId, Waiting>,
    /// The memory that all of them take.
    bytes: usize,
    /// The number of answers that are not queued yet. The IDs of their requests may be used again.
    leaving: usize,
}

/// An unanswered request.
struct Waiting {
    bytes: usize,
    /// Set if it calls a tool that changes something.
    changes: bool,
}

/// An answer on its way to the outbox.
pub(super) struct Leaving(watch::Sender<Requests>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.send_modify(|requests| requests.leaving -= 1);
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
        !self.waiting.values().any(|waiting| waiting.changes)
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

    /// Returns the IDs of all unanswered requests.
    pub(super) fn ids(&self) -> Vec<RequestId> {
        self.0.borrow().waiting.keys().cloned().collect()
    }

    /// Adds a request whose message has this many bytes.
    pub(super) fn add(&self, id: RequestId, request: &ClientRequest, bytes: usize) {
        let waiting = Waiting { bytes: bytes + OVERHEAD, changes: changes_something(request) };
        self.0.send_modify(|requests| {
            requests.bytes += waiting.bytes;
            requests.waiting.insert(id, waiting);
        });
    }

    /// Removes a request that will not be answered.
    pub(super) fn remove(&self, id: &RequestId) {
        self.0.send_modify(|requests| {
            requests.bytes -= requests.waiting.remove(id).map_or(0, |waiting| waiting.bytes);
        });
    }

    /// Removes a request that is about to be answered. Its ID is free from now on: a client that has read the answer
    /// may use it at once.
    pub(super) fn answer(&self, id: &RequestId) -> Option<Leaving> {
        let mut known = false;
        self.0.send_modify(|requests| {
            if let Some(waiting) = requests.waiting.remove(id) {
                requests.bytes -= waiting.bytes;
                requests.leaving += 1;
                known = true;
            }
        });
        known.then(|| Leaving(self.0.clone()))
    }

    /// Waits until the requests meet a condition.
    pub(super) async fn wait_until(&self, settled: impl FnMut(&Requests) -> bool) {
        // An error would mean that there is no sender left, and this is one.
        self.0.subscribe().wait_for(settled).await.ok();
    }
}

fn changes_something(request: &ClientRequest) -> bool {
    let ClientRequest::CallToolRequest(call) = request else { return false };
    tools::all().any(|tool| tool.name == call.params.name && !tool.is_read_only())
}
