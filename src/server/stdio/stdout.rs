//! Detects that the reader of standard output has gone.

/// Waits until the reader of standard output has gone, even while nothing is written. Never returns if this cannot be
/// detected: for a file, and on systems other than Unix, where the next write fails instead.
pub(super) async fn reader_gone() {
    #[cfg(unix)]
    if unix::reader_gone().await {
        return;
    }
    std::future::pending::<()>().await;
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::fd::{AsFd, OwnedFd};
    use std::thread;

    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;
    use tokio::sync::oneshot;

    /// Waits until the reader has gone. Returns `false` if that cannot be watched.
    ///
    /// Uses a thread that sleeps all the time: registering the descriptor with the runtime would need `unsafe`, or make
    /// writes to it non-blocking for every process that shares it.
    pub async fn reader_gone() -> bool {
        let (sender, gone) = oneshot::channel();
        let watch =
            |stdout| thread::Builder::new().name("stdout".to_owned()).spawn(move || sender.send(hung_up(&stdout)));
        match io::stdout().as_fd().try_clone_to_owned().and_then(watch) {
            Ok(_) => gone.await.unwrap_or(false),
            Err(error) => {
                tracing::debug!(%error, "standard output cannot be watched");
                false
            }
        }
    }

    /// Blocks until a pipe has no reader, or the other end of a socket or terminal has closed. The system reports these
    /// events without being asked to.
    fn hung_up(stdout: &OwnedFd) -> bool {
        let mut stdout = [PollFd::new(stdout, PollFlags::empty())];
        loop {
            match poll(&mut stdout, None) {
                Err(Errno::INTR) => {}
                outcome => return outcome.is_ok(),
            }
        }
    }
}
