//! How the process is told to end.

use std::future::pending;

use crate::error::Result;

const INTERRUPTED: u8 = 130;
#[cfg(unix)]
const TERMINATED: u8 = 143;

/// Done when somebody wants the process to end: the exit status that says so.
///
/// Ctrl-C, and SIGTERM unless it is `graceful`, which means that it asks for something gentler: over HTTP what runs is
/// answered first. MCP clients send it to a server over standard input that has not gone with the end of its input.
pub async fn told_to_end(graceful: bool) -> Result<u8> {
    let terminated = async {
        if graceful {
            return pending().await;
        }
        Ok(terminated()?.await)
    };
    tokio::select! {
        biased;
        Ok(()) = tokio::signal::ctrl_c() => Ok(INTERRUPTED),
        told = terminated => told,
    }
}

/// Waits for the second signal to end the process; `first` is whether there was one. MCP clients close the streams and
/// send a signal some seconds later, which is the first. Never returns if signals cannot be received.
pub async fn second(first: bool) {
    if !first {
        if told_to_end(false).await.is_err() {
            return pending().await;
        }
        tracing::info!("told to end while finishing: another signal ends the process at once");
    }
    if told_to_end(false).await.is_err() {
        pending::<()>().await;
    }
}

/// Done when the process is asked to end by SIGTERM.
#[cfg(unix)]
pub fn terminated() -> Result<impl Future<Output = u8>> {
    use tokio::signal::unix::{SignalKind, signal};

    use crate::error::{Code, Error};

    let signals = signal(SignalKind::terminate());
    let mut signals =
        signals.map_err(|error| Error::new(Code::Internal, format!("SIGTERM cannot be listened for: {error}")))?;
    Ok(async move {
        _ = signals.recv().await;
        TERMINATED
    })
}

/// Windows has no such request: Ctrl-C and the end of the process are all there is.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "as on Unix")]
pub fn terminated() -> Result<impl Future<Output = u8>> {
    Ok(pending())
}
