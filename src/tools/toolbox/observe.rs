//! The outermost layer: every call is counted and logged, and its answer is labeled and neutralized.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

use super::{Call, Toolbox};
use crate::client::Api;
use crate::error::{Code, Error, Result};
use crate::metrics;
use crate::reply::Reply;
use crate::tools::change::Started;
use crate::tools::confirm::Confirmed;
use crate::trace::seconds;

impl Toolbox {
    /// Runs a call, and leaves the API that it uses in `started` as soon as there is one.
    pub(in crate::tools) async fn observe(&self, call: &Call, started: &Started) -> Result<Reply> {
        let name = call.tool.name;
        let counted = Counted::begin(name);
        let outcome = AssertUnwindSafe(self.confirmed(call, started)).catch_unwind().await;
        let outcome = outcome.unwrap_or_else(|panic| Err(panicked(name, panic.as_ref(), started.get())));
        self.report(name, counted, outcome)
    }

    /// Runs a call, once a person has confirmed it if that is necessary.
    async fn confirmed(&self, call: &Call, started: &Started) -> Result<Reply> {
        if !self.needs_confirmation(call) {
            return self.limit(call, started).await;
        }
        match Box::pin(self.confirm(call, started)).await? {
            Confirmed::Run => self.limit(call, started).await,
            Confirmed::RunFromNow => Box::pin(self.limit(&call.restarted(), started)).await,
            Confirmed::Ended(reply) => Ok(reply),
        }
    }

    /// Reports the refusal of a call that names no tool.
    pub(super) fn refuse(&self, name: &str, error: Error) -> Result<Reply> {
        self.report(name, Counted::begin("unknown"), Err(error))
    }

    /// Counts and logs the end of a call, and returns its outcome for the caller.
    fn report(&self, name: &str, counted: Counted, outcome: Result<Reply>) -> Result<Reply> {
        let outcome = match outcome {
            Ok(reply) => Ok(self.marked(reply)),
            Err(error) => Err(self.marked_error(error)),
        };
        let elapsed = counted.end(outcome.as_ref().map_or_else(|error| error.code().as_str(), |_| "ok"));
        let elapsed_s = seconds(elapsed);
        match &outcome {
            Ok(_) => tracing::info!(tool = name, elapsed_s, "call answered"),
            // The caller can act on other errors. These are for the operator of the server.
            Err(error) if error.http_status().is_some() || error.is_retryable() || error.code() == Code::Internal => {
                let request_id = error.pagerduty_request_id();
                tracing::warn!(tool = name, elapsed_s, request_id, %error, "call failed");
            }
            Err(error) => tracing::debug!(tool = name, elapsed_s, %error, "call refused"),
        }
        outcome
    }

    fn marked(&self, mut reply: Reply) -> Reply {
        if let Some(label) = self.label {
            reply.set(label.name, true);
        }
        if self.raw_text { reply } else { reply.neutralized() }
    }

    fn marked_error(&self, error: Error) -> Error {
        let error = error.labeled(self.label.map(|label| label.name));
        if self.raw_text { error } else { error.neutralized() }
    }
}

/// Returns the error for a call that panicked.
fn panicked(name: &str, panic: &(dyn Any + Send), api: Option<&Api>) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    let message = format!("{name} failed: {text}");
    match api.and_then(Api::in_doubt) {
        // The outcome of a change matters more than the panic.
        Some(doubt) => doubt.adding(&format!("; {message}")),
        None => Error::new(Code::Internal, message).hint("This is a bug in the server; report it with the arguments."),
    }
}

/// A counted call. It counts when it ends, and as withdrawn if it is dropped before.
struct Counted {
    tool: &'static str,
    begun: Instant,
    ended: bool,
}

impl Counted {
    /// Starts to count a call of a tool.
    fn begin(tool: &'static str) -> Self {
        Self { tool, begun: Instant::now(), ended: false }
    }

    /// Counts the end of the call, and returns its duration.
    fn end(mut self, outcome: &'static str) -> Duration {
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
