//! Calls that change something. A change that was sent runs to its end, whether or not its caller still waits.
//!
//! Clients give up after some seconds, close their connection, or end the process; what they sent takes effect all the same.
//! Such a call runs in a task that its caller waits for and does not own. When the caller goes, a call of which nothing was
//! sent ends at once; any other goes on, and its outcome is remembered (`client/memory.rs`) for an identical call.

use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::{RwLock, oneshot};
use tokio::time::Instant;
use tracing::Instrument;

use super::{Party, Terms, Tool, Toolbox};
use crate::client::Api;
use crate::error::{Code, Error, Result};
use crate::reply::Reply;
use crate::trace::{Trace, seconds};

/// The API that a call works with, once it has one.
pub type Started = OnceLock<Api>;

/// Logged when a client gives up after its change was sent.
const GONE: &str = "the client has gone, and its change was sent: the call goes on";

/// How long the end of the process waits for changes that were sent: as long as PagerDuty may take for one attempt.
const PATIENCE: Duration = Duration::from_secs(20);

/// Held for reading by each task that may have sent a change; the end of the process waits until it can be had for writing.
static RUNNING: RwLock<()> = RwLock::const_new(());

/// Waits until no change is in flight, for some seconds at most. For the end of the process.
pub async fn settled() {
    if let Ok(guard) = RUNNING.try_write() {
        drop(guard);
        return;
    }
    tracing::info!("waiting for the answer to a change that was sent");
    if tokio::time::timeout(PATIENCE, RUNNING.write()).await.is_err() {
        tracing::warn!("leaving before the answer to a change that was sent: it may have taken effect");
    }
}

/// Calls a tool that changes something.
pub async fn in_task(
    toolbox: Toolbox,
    party: Party,
    terms: Terms,
    tool: &'static Tool,
    arguments: Map<String, Value>,
) -> Result<Reply> {
    let (mut caller, answer) = oneshot::channel();
    let trace = Trace::current();
    let call = async move {
        let _running = RUNNING.read().await;
        let started = Started::new();
        let begun = Instant::now();
        let outcome = {
            let mut running = pin!(toolbox.logged(&party, terms, tool.name, arguments, &started));
            tokio::select! {
                biased;
                () = caller.closed() => match started.get().filter(|api| api.in_doubt().is_some()) {
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
        audit(tool, &party, started.get(), &outcome, begun.elapsed(), caller.is_closed());
        // With the API goes the right to make this change, so that an identical call waits until it is delivered or not.
        _ = caller.send((outcome, started.into_inner()));
    };
    let call = async move {
        match trace {
            Some(trace) => trace.around(call).await,
            None => call.await,
        }
    };
    tokio::spawn(call.in_current_span());
    let (outcome, api) = answer.await.map_err(|_| {
        Error::new(Code::Internal, format!("{} was ended with the process", tool.name))
            .hint("A change may have taken effect: look before trying again.")
    })?;
    if let Some(api) = api {
        api.delivered();
    }
    outcome
}

/// The target of the lines that [`audit`] writes.
pub const AUDIT: &str = "pagerduty_mcp_server::audit";

/// Writes a line to the log that says who changed what: no text of notes and no credential.
fn audit(tool: &Tool, party: &Party, api: Option<&Api>, outcome: &Result<Reply>, elapsed: Duration, withdrawn: bool) {
    // Without one, the call was refused before it came to the change.
    let Some((api, change)) = api.and_then(|api| Some((api, api.change()?))) else { return };
    let error = outcome.as_ref().err();
    tracing::info!(
        target: AUDIT,
        tool = tool.name,
        incident = change.incident,
        outcome = error.map_or("ok", |error| error.code().as_str()),
        sent = api.has_sent(),
        withdrawn,
        author = change.author,
        user_id = api.user_id(),
        credential = api.credential().source(),
        credential_fingerprint = api.credential().fingerprint().short(),
        client = party.client_name,
        request_id = error.and_then(Error::pagerduty_request_id),
        elapsed_s = seconds(elapsed),
        "change"
    );
}
