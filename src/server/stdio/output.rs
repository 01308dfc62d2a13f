//! Writes outgoing messages.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::client::Share;
use crate::error::spoken;
use crate::server::encode::Line;

/// The number of outgoing messages that wait for a client that does not read.
///
/// With a full outbox nothing more is read from the client, as in other filters: finished answers would otherwise pile up
/// without a bound.
pub(super) const OUTBOX: usize = 256;

/// The time after the end of input within which the client must read part of what waits for it.
///
/// While the input is open, a client may take any time. Afterward it may have left without closing its end of the output,
/// and the process would never end.
const READ_GRACE: Duration = Duration::from_secs(30);

/// The most bytes in one write, so that slow reading of a long answer counts as progress.
const MAX_WRITE: usize = 64 * 1024;

/// An outgoing message.
pub(super) struct Outgoing {
    /// The line.
    pub line: Line,
    /// The memory that the call reserved, which is released when the line is written.
    pub share: Option<Arc<Share>>,
}

impl From<Vec<u8>> for Outgoing {
    fn from(line: Vec<u8>) -> Self {
        Self { line: line.into(), share: None }
    }
}

/// The end of input, as seen by the output. Clones share it.
#[derive(Clone, Default)]
pub(super) struct InputEnd(watch::Sender<bool>);

impl InputEnd {
    /// Records that the client sends nothing more.
    pub(super) fn mark(&self) {
        self.0.send_replace(true);
    }

    /// Waits for the end of input.
    async fn reached(&self) {
        // An error would mean that there is no sender left, and this is one.
        self.0.subscribe().wait_for(|ended| *ended).await.ok();
    }
}

/// Writes the lines that arrive in `inbox` until all its senders are gone.
///
/// This is the only place that writes, so no message is ever cut by another one, or by the end of the task that sent it.
/// A client that stops reading after the end of input is treated like one that has closed the output.
pub(super) async fn write_lines<W: AsyncWrite + Unpin>(
    mut writer: W,
    mut inbox: mpsc::Receiver<Outgoing>,
    input: &InputEnd,
) -> io::Result<()> {
    let mut lines = Vec::new();
    while inbox.recv_many(&mut lines, OUTBOX).await > 0 {
        let mut piece = Vec::new();
        for Outgoing { line, share: _share } in lines.drain(..) {
            match line {
                Line::Whole(line) => write_all(&mut writer, &line, input).await?,
                Line::Answer(mut answer) => {
                    while answer.append_next(&mut piece) {
                        write_all(&mut writer, &piece, input).await?;
                        piece.clear();
                    }
                }
            }
        }
        in_time(writer.flush(), input).await?;
    }
    Ok(())
}

/// Writes all bytes.
async fn write_all<W: AsyncWrite + Unpin>(writer: &mut W, mut bytes: &[u8], input: &InputEnd) -> io::Result<()> {
    while !bytes.is_empty() {
        let (piece, _) = bytes.split_at(bytes.len().min(MAX_WRITE));
        let written = in_time(writer.write(piece), input).await?;
        bytes = bytes.get(written..).filter(|_| written > 0).ok_or(io::ErrorKind::WriteZero)?;
    }
    Ok(())
}

/// Waits for one step of writing, but not for longer than [`READ_GRACE`] after the end of input.
async fn in_time<T>(step: impl Future<Output = io::Result<T>>, input: &InputEnd) -> io::Result<T> {
    let overdue = async {
        input.reached().await;
        sleep(READ_GRACE).await;
    };
    tokio::select! {
        biased;
        done = step => done,
        () = overdue => {
            tracing::warn!(
                "ending the session: the client closed the input and has not read the output for {}",
                spoken(READ_GRACE)
            );
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
}
