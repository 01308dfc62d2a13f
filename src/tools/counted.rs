//! Counts calls, for metrics and the log.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::Code;
use crate::metrics;
use crate::trace::seconds;

/// A counted call. It counts when it ends, and as withdrawn if it is dropped before.
pub struct Counted {
    tool: &'static str,
    begun: Instant,
    ended: bool,
}

impl Counted {
    /// Starts to count a call of a tool.
    pub fn begin(tool: &'static str) -> Self {
        Self { tool, begun: Instant::now(), ended: false }
    }

    /// Counts the end of the call, and returns how long it took.
    pub fn end(mut self, outcome: &'static str) -> Duration {
        self.ended = true;
        let elapsed = self.begun.elapsed();
        metrics::call(self.tool, outcome, elapsed);
        elapsed
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if !self.ended {
            let elapsed = self.begun.elapsed();
            metrics::call(self.tool, Code::Cancelled.as_str(), elapsed);
            tracing::info!(tool = self.tool, elapsed_s = seconds(elapsed), "call withdrawn");
        }
    }
}
