//! The signals that end the process.

use std::future::pending;

use super::status::INTERRUPTED;
#[cfg(unix)]
use super::status::TERMINATED;
use crate::error::Result;

/// Waits for a termination signal, and returns the matching exit status.
///
/// The signals are Ctrl-C and, unless `graceful` is set, SIGTERM: over HTTP, SIGTERM lets the server answer the requests in
/// progress. MCP clients send SIGTERM to a server over stdio that does not end with its input.
pub async fn received(graceful: bool) -> Result<u8> {
    let terminated = async {
        if graceful {
            return pending().await;
        }
        Ok(terminated()?.await)
    };
    tokio::select! {
        biased;
        Ok(()) = tokio::signal::ctrl_c() => Ok(INTERRUPTED),
        status = terminated => status,
    }
}

/// Waits for the second termination signal; `first` is set if one was received. MCP clients close the streams and send a
/// signal some seconds later, which is the first. Never returns if signals cannot be received.
pub async fn second(first: bool) {
    if !first {
        if received(false).await.is_err() {
            return pending().await;
        }
        tracing::info!("signal received while the last changes finish: another signal ends the process at once");
    }
    if received(false).await.is_err() {
        pending::<()>().await;
    }
}

/// Returns a future that waits for SIGTERM.
#[cfg(unix)]
pub fn terminated() -> Result<impl Future<Output = u8>> {
    use tokio::signal::unix::{SignalKind, signal};

    use crate::error::{Code, Error};

    let signals = signal(SignalKind::terminate());
    let mut signals = signals
        .map_err(|error| Error::new(Code::Internal, format!("the handler of SIGTERM cannot be installed: {error}")))?;
    Ok(async move {
        _ = signals.recv().await;
        TERMINATED
    })
}

/// Returns a future that is never ready: Windows has no SIGTERM.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "as on Unix")]
pub fn terminated() -> Result<impl Future<Output = u8>> {
    Ok(pending())
}
