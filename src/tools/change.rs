//! Runs calls that change something. A change that was sent runs to its end, even if its caller has stopped waiting.
//!
//! Clients give up after some seconds, close their connection, or end the process, but the change they sent still takes
//! effect. Such a call runs in a separate task that its caller waits for. When the caller goes, a call that has sent
//! nothing ends at once; any other continues, and its outcome is remembered (`client/accounts/memory.rs`) for an identical call.

mod record;

use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::{RwLock, oneshot};
use tokio::time::Instant;

use super::Toolbox;
use super::toolbox::Call;
use crate::client::Api;
use crate::error::{Code, Error, Result};
use crate::reply::Reply;
use crate::trace::Trace;
use record::Ended;

/// The API that a call uses, once it is available.
pub type Started = OnceLock<Api>;

/// The message logged when a client gives up after its change was sent.
const GONE: &str = "the client has gone, and its change was sent: the call continues";

/// The warning about a record that is not in the audit log.
const UNRECORDED: &str = "The record of this call could not be written to the audit log.";

/// The time that the end of the process waits for sent changes: the time that PagerDuty may take for one attempt.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(20);

/// A lock that each task with a possible change holds for reading. The end of the process waits for write access.
static RUNNING: RwLock<()> = RwLock::const_new(());

/// Waits until no change is in flight, for at most some seconds. Called at the end of the process.
pub async fn settled() {
    if let Ok(guard) = RUNNING.try_write() {
        drop(guard);
        return;
    }
    tracing::info!("waiting for the answer to a change that was sent");
    if tokio::time::timeout(SHUTDOWN_LIMIT, RUNNING.write()).await.is_err() {
        tracing::warn!("leaving before the answer to a change that was sent: it may have taken effect");
    }
}

/// Calls a tool that changes something.
pub(super) async fn in_task(toolbox: Toolbox, call: Call) -> Result<Reply> {
    let (mut waiting, answer) = oneshot::channel();
    let (tool, caller) = (call.tool, call.caller.clone());
    let task = async move {
        let _running = RUNNING.read().await;
        let started = Started::new();
        let begun = Instant::now();
        let outcome = {
            let mut running = pin!(toolbox.observe(&call, &started));
            tokio::select! {
                biased;
                () = waiting.closed() => match started.get().filter(|api| api.in_doubt().is_some()) {
                    Some(api) => {
                        tracing::info!(tool = tool.name, "{GONE}");
                        api.withdraw();
                        running.await
                    }
                    // Nothing was sent.
                    None => return,
                },
                outcome = &mut running => outcome,
            }
        };
        let ended = Ended {
            outcome: &outcome,
            elapsed: begun.elapsed(),
            withdrawn: waiting.is_closed() || call.caller.is_gone(),
        };
        let record = record::of(&call, started.get(), &ended, toolbox.audit().with_arguments);
        let is_recorded = match &record {
            Some(record) => toolbox.audit().write(record).await,
            None => true,
        };
        let outcome = outcome.map(|reply| reply.warned((!is_recorded).then(|| UNRECORDED.to_owned())));
        // The API is sent along because it holds the lock for this change, so that an identical call waits until the
        // outcome is delivered or dropped.
        _ = waiting.send((outcome, started.into_inner()));
    };
    tokio::spawn(Trace::scope(Trace::current(), task));
    let (outcome, api) = answer.await.map_err(|_| {
        Error::new(Code::Internal, format!("{} was interrupted because the process ended", tool.name))
            .hint("A change may have taken effect: check before trying again.")
    })?;
    if let Some(api) = api.filter(|_| !caller.is_gone()) {
        api.delivered();
    }
    outcome
}
