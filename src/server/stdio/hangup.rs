//! Detects that a client has closed its ends of the standard streams, without reading or writing them.

use std::future::pending;

use tokio::sync::oneshot;

/// The closed ends of standard input and output. Both futures are pending forever if the system cannot report it: for
/// files, and on systems other than Unix, where the end of input has to be read and the next write fails.
pub(super) struct Hangups {
    input: oneshot::Receiver<()>,
    output: oneshot::Receiver<()>,
}

impl Hangups {
    /// Starts to watch both streams.
    pub(super) fn watch() -> Self {
        let (input_closed, input) = oneshot::channel();
        let (output_closed, output) = oneshot::channel();
        #[cfg(unix)]
        unix::watch(input_closed, output_closed);
        #[cfg(not(unix))]
        drop((input_closed, output_closed));
        Self { input, output }
    }

    /// Returns two futures: the first is ready when standard input has no writer left, even if it holds unread messages;
    /// the second when standard output has no reader left.
    pub(super) fn split(self) -> (impl Future<Output = ()>, impl Future<Output = ()>) {
        (closed(self.input), closed(self.output))
    }
}

async fn closed(closed: oneshot::Receiver<()>) {
    if closed.await.is_err() {
        pending::<()>().await;
    }
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::thread;

    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;
    use tokio::sync::oneshot::Sender;

    /// Watches the streams in a thread that sleeps all the time.
    ///
    /// Registering the descriptors with the runtime would need `unsafe`, or make writes to them non-blocking for every
    /// process that shares them.
    pub fn watch(input_closed: Sender<()>, output_closed: Sender<()>) {
        let copy = |stream: BorrowedFd<'_>| stream.try_clone_to_owned();
        let input = copy(io::stdin().as_fd()).ok().map(|input| (input, input_closed));
        let started = copy(io::stdout().as_fd()).and_then(|output| {
            let wait = move || wait(input, &output, output_closed);
            thread::Builder::new().name("hangups".to_owned()).spawn(wait)
        });
        if let Err(error) = started {
            tracing::debug!(%error, "hang-ups of the standard streams cannot be detected");
        }
    }

    /// Blocks until the output has no reader, and meanwhile reports an input without a writer.
    pub(super) fn wait(mut input: Option<(OwnedFd, Sender<()>)>, output: &OwnedFd, output_closed: Sender<()>) {
        loop {
            let watched = [Some(output), input.as_ref().map(|(input, _)| input)];
            // The system reports a hang-up for every descriptor.
            let mut polled: Vec<_> =
                watched.into_iter().flatten().map(|stream| PollFd::new(stream, PollFlags::empty())).collect();
            match poll(&mut polled, None) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => {
                    tracing::debug!(%error, "hang-ups of the standard streams are no longer detected");
                    return;
                }
            }
            let mut closed = polled.iter().map(|stream| !stream.revents().is_empty());
            if closed.next() == Some(true) {
                _ = output_closed.send(());
                return;
            }
            if closed.next() == Some(true)
                && let Some((_, input_closed)) = input.take()
            {
                _ = input_closed.send(());
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn hangup_of_input_is_reported_before_it_is_read() {
        let (input, mut client_writes) = std::io::pipe().unwrap();
        let (client_reads, output) = std::io::pipe().unwrap();
        let (input_closed, input_open) = oneshot::channel();
        let (output_closed, mut output_open) = oneshot::channel();
        let watching = thread::spawn(move || {
            unix::wait(Some((input.into(), input_closed)), &output.into(), output_closed);
        });
        client_writes.write_all(b"unread").unwrap();
        drop(client_writes);
        input_open.await.unwrap();
        assert!(output_open.try_recv().is_err(), "the output still has its reader");
        drop(client_reads);
        output_open.await.unwrap();
        watching.join().unwrap();
    }
}
