//! Whether anything still reads standard output.

/// Waits until the reader of standard output has gone, even while nothing is written. Does not end where this cannot be
/// told: for a file, and on systems other than Unix, where the next write fails instead.
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

    /// Returns whether it has gone, or cannot be watched.
    ///
    /// By a thread that sleeps all the time: registering the descriptor with the runtime would take `unsafe`, or make writes
    /// to it non-blocking for every process that shares it.
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

    /// Blocks until a pipe has no reader, or a socket or terminal has no other end. Those are reported without being asked
    /// for.
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
