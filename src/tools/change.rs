//! Runs calls that change something. A change that was sent runs to its end, even if its caller has stopped waiting.
//!
//! Clients give up after some seconds, close their connection, or end the process, but the change they sent still takes
//! effect. Such a call runs in a separate task that its caller waits for. When the caller goes, a call that has sent
//! nothing ends at once; any other continues, and its outcome is remembered (`client/accounts/memory.rs`) for an identical call.

use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;

use pagerduty_api::operations::incidents::INCIDENTS;
use tokio::sync::{RwLock, oneshot};
use tokio::time::Instant;

use super::toolbox::Call;
use super::{Party, Tool, Toolbox};
use crate::client::Api;
use crate::error::{Code, Error, Result};
use crate::reply::Reply;
use crate::trace::{Trace, seconds};

/// The API that a call uses, once it is available.
pub type Started = OnceLock<Api>;

/// The message logged when a client gives up after its change was sent.
const GONE: &str = "the client has gone, and its change was sent: the call continues";

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
        let withdrawn = waiting.is_closed() || call.caller.is_gone();
        audit(tool, &call.caller, started.get(), &outcome, begun.elapsed(), withdrawn);
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

/// The log target of the lines that `audit` writes.
pub const AUDIT: &str = "pagerduty_mcp_server::audit";

/// Logs who changed what, a line for each change, without the text of notes and without credentials.
fn audit(tool: &Tool, caller: &Party, api: Option<&Api>, outcome: &Result<Reply>, elapsed: Duration, withdrawn: bool) {
    // Without a change, the call was refused before it got that far.
    let Some(api) = api else { return };
    let error = outcome.as_ref().err();
    for change in api.changes() {
        tracing::info!(
            target: AUDIT,
            tool = tool.name,
            object = change.object,
            incident = Some(&change.id).filter(|_| change.resource == &INCIDENTS),
            outcome = change.outcome.unwrap_or_else(|| error.map_or("ok", |error| error.code().as_str())),
            sent = api.has_sent(),
            withdrawn,
            author = change.author,
            user_id = api.user_id(),
            credential = api.credential().source(),
            credential_fingerprint = api.credential().fingerprint().short(),
            client = caller.client_name,
            request_id = error.and_then(Error::pagerduty_request_id),
            elapsed_s = seconds(elapsed),
            "change"
        );
    }
}
