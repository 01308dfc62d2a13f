//! Keyring operations, which may wait for the user to unlock the keyring. They run on one thread, and callers wait for
//! a limited time.
//!
//! The keyring's own calls have no time-out. A read that takes too long continues after its caller has given up, and
//! the next caller takes its result; there are never two reads at the same time. One thread does everything in order,
//! so that threads do not pile up and an old change cannot overtake a new one.

use std::sync::{Mutex, MutexGuard, mpsc};
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::sync;

/// The time that a caller waits for the keyring.
pub const KEYRING_TIMEOUT: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;
type Read<T> = Shared<BoxFuture<'static, Option<(T, Instant)>>>;

/// A thread that runs operations in order. `T` is the result of a read.
pub struct Worker<T> {
    timeout: Duration,
    state: Mutex<State<T>>,
}

struct State<T> {
    jobs: Option<mpsc::Sender<Job>>,
    /// The latest read, unless a change was made after it.
    read: Option<Read<T>>,
}

impl<T: Clone + Send + Sync + 'static> Worker<T> {
    /// Creates a worker whose callers wait for that long. The thread starts with the first operation.
    pub const fn new(timeout: Duration) -> Self {
        Self { timeout, state: Mutex::new(State { jobs: None, read: None }) }
    }

    /// Returns the result of `read`, or of the read in progress, or `None` if there is no result in time. A result that
    /// came after its caller had given up is used if it is not older than the current wait.
    pub async fn read(&self, read: impl FnOnce() -> T + Clone + Send + 'static) -> Option<T> {
        let deadline = Instant::now() + self.timeout;
        loop {
            let (in_flight, begun) = self.join(read.clone());
            let (outcome, at) = tokio::time::timeout_at(deadline, in_flight).await.ok()??;
            if begun || at.elapsed() < self.timeout {
                return Some(outcome);
            }
        }
    }

    /// Returns the read in progress or a new one, and whether it is new.
    fn join(&self, read: impl FnOnce() -> T + Send + 'static) -> (Read<T>, bool) {
        let mut state = self.lock();
        // A read that was awaited to its end is not used again.
        if let Some(in_flight) = state.read.take().filter(|read| read.peek().is_none()) {
            state.read = Some(in_flight.clone());
            return (in_flight, false);
        }
        let outcome = submit(&mut state, move || (read(), Instant::now()));
        let begun = outcome.map(Result::ok).boxed().shared();
        state.read = Some(begun.clone());
        (begun, true)
    }

    /// Runs an operation that changes something, after all earlier ones. Returns `None` if it is not done in time; it then
    /// continues.
    pub async fn change<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> Option<R> {
        let done = {
            let mut state = self.lock();
            state.read = None;
            submit(&mut state, work)
        };
        timeout(self.timeout, done).await.ok()?.ok()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        sync::lock(&self.state)
    }
}

/// Passes an operation to the thread. A thread that ended because an operation panicked is replaced.
fn submit<T, R: Send + 'static>(
    state: &mut State<T>,
    work: impl FnOnce() -> R + Send + 'static,
) -> oneshot::Receiver<R> {
    let (reply, outcome) = oneshot::channel();
    let job: Job = Box::new(move || drop(reply.send(work())));
    let refused = match &state.jobs {
        Some(jobs) => jobs.send(job).err().map(|refused| refused.0),
        None => Some(job),
    };
    if let Some(job) = refused {
        let (jobs, queue) = mpsc::channel::<Job>();
        let begun =
            thread::Builder::new().name("keyring".to_owned()).spawn(move || queue.into_iter().for_each(|job| job()));
        match begun {
            Ok(_) => drop(jobs.send(job)),
            // The job is dropped, so its caller gets an error at once.
            Err(error) => tracing::warn!(%error, "no thread for the keyring"),
        }
        state.jobs = Some(jobs);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A keyring that responds once it is unlocked, and counts the requests.
    #[derive(Clone)]
    struct Locked {
        asked: Arc<AtomicUsize>,
        unlocked: Arc<Mutex<mpsc::Receiver<usize>>>,
    }

    impl Locked {
        fn new() -> (Self, mpsc::Sender<usize>) {
            let (unlock, unlocked) = mpsc::channel();
            (Self { asked: Arc::default(), unlocked: Arc::new(Mutex::new(unlocked)) }, unlock)
        }

        fn read(&self) -> impl FnOnce() -> Option<usize> + Clone + Send + 'static {
            let this = self.clone();
            move || {
                this.asked.fetch_add(1, Ordering::SeqCst);
                this.unlocked.lock().unwrap().recv().ok()
            }
        }
    }

    #[tokio::test]
    async fn late_read_serves_the_next_caller() {
        let worker = Worker::new(Duration::from_millis(50));
        let (keyring, unlock) = Locked::new();
        for _ in 0..3 {
            let both = tokio::join!(worker.read(keyring.read()), worker.read(keyring.read()));
            assert_eq!(both, (None, None));
        }
        assert_eq!(keyring.asked.load(Ordering::SeqCst), 1, "there is one read at a time");
        unlock.send(1).unwrap();
        // Wait longer than the default limit: the answer is on its way through the thread.
        let worker = Worker { timeout: Duration::from_secs(20), ..worker };
        assert_eq!(worker.read(keyring.read()).await, Some(Some(1)));
        assert_eq!(keyring.asked.load(Ordering::SeqCst), 1);
        unlock.send(2).unwrap();
        assert_eq!(worker.read(keyring.read()).await, Some(Some(2)), "and is used once");
    }

    #[tokio::test]
    async fn read_after_a_change_is_new() {
        let worker = Worker::new(Duration::from_millis(50));
        let (keyring, unlock) = Locked::new();
        assert_eq!(worker.read(keyring.read()).await, None);
        assert_eq!(worker.change(|| ()).await, None, "it waits for the read");
        unlock.send(1).unwrap();
        unlock.send(2).unwrap();
        let worker = Worker { timeout: Duration::from_secs(20), ..worker };
        assert_eq!(worker.read(keyring.read()).await, Some(Some(2)));
    }

    #[tokio::test]
    async fn panic_ends_one_operation() {
        let worker = Worker::<()>::new(Duration::from_secs(20));
        assert_eq!(worker.change(|| panic!("out of cheese")).await, None::<()>);
        while worker.change(|| 1).await.is_none() {}
    }
}
