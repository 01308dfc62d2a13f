//! Connections that can be aborted.
//!
//! An HTTP framework always completes an answer, and the faults worth testing are those in which it is not completed. So
//! the connection is aborted below the framework, where the answer is written as bytes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Aborts one connection. Handlers get it as an extension of the request.
#[derive(Debug, Clone, Default)]
pub struct Abort(Arc<AtomicU8>);

/// The part of the next answer that is sent before the connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Cut {
    /// Nothing at all.
    BeforeAnswer = 1,
    /// The head, with the full length, and half of the body.
    WithinBody = 2,
}

impl Abort {
    pub fn arm(&self, cut: Cut) {
        self.0.store(cut as u8, Ordering::Relaxed);
    }

    fn is_armed(&self, cut: Cut) -> bool {
        self.0.load(Ordering::Relaxed) == cut as u8
    }
}

/// A connection that can be aborted.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    abort: Abort,
}

impl Connection {
    /// Returns the connection, and the handle that aborts it.
    pub fn new(stream: TcpStream) -> (Self, Abort) {
        let abort = Abort::default();
        (Self { stream, abort: abort.clone() }, abort)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.abort.is_armed(Cut::BeforeAnswer) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if !self.abort.is_armed(Cut::WithinBody) {
            return Pin::new(&mut self.stream).poll_write(cx, bytes);
        }
        let kept = bytes.get(..half_of_body(bytes)).unwrap_or(bytes);
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, kept))?;
        self.abort.arm(Cut::BeforeAnswer);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    // Vectored writes are not offered, so hyper writes head and body in one piece, in which the middle of the body can
    // be found.
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

/// Returns the length of an answer's head and half of its body.
fn half_of_body(answer: &[u8]) -> usize {
    const END_OF_HEAD: &[u8] = b"\r\n\r\n";
    let head = answer
        .windows(END_OF_HEAD.len())
        .position(|window| window == END_OF_HEAD)
        .map_or(0, |at| at + END_OF_HEAD.len());
    head + (answer.len() - head) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_body_is_counted_after_head() {
        assert_eq!(half_of_body(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody"), 40);
    }
}
