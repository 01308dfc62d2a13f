//! Tokio as `pyo3-async-runtimes` needs it: the threads of calls, and the threads that deliver answers to Python.
//!
//! Deliveries are counted, so that the end of the interpreter can wait for them (`shutdown`). A forked process has none of
//! these threads, and must neither use them nor wait for them.

use std::pin::Pin;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3_async_runtimes::generic::{ContextExt, Runtime};
use pyo3_async_runtimes::{TaskLocals, tokio};

use crate::sync::lock;

/// The number of threads that deliver.
///
/// Deliveries need the interpreter one at a time, so more threads would only wait.
const DELIVERING_THREADS: usize = 8;

/// The time limit for deliveries at the end of the interpreter.
///
/// A delivery takes microseconds, or as long as another thread holds the interpreter. One
/// that takes this long is assumed to hang.
const DELIVERY_GRACE: Duration = Duration::from_secs(10);

/// The threads that deliver, apart from those on which calls block: a keyring may hold the latter until the user unlocks it.
/// Without drivers and never entered, this runtime is only a thread pool.
static DELIVERERS: OnceLock<::tokio::runtime::Runtime> = OnceLock::new();

/// The process that made the first call, and has the threads.
static PROCESS: OnceLock<u32> = OnceLock::new();

static DELIVERIES: Mutex<Deliveries> = Mutex::new(Deliveries { in_progress: 0, closed: false });
static DELIVERED: Condvar = Condvar::new();

struct Deliveries {
    in_progress: usize,
    closed: bool,
}

/// The runtime of all calls.
pub struct Tokio;

impl Runtime for Tokio {
    type JoinError = ::tokio::task::JoinError;
    type JoinHandle = ::tokio::task::JoinHandle<()>;

    fn spawn<F>(future: F) -> Self::JoinHandle
    where
        F: Future<Output = ()> + Send + 'static,
    {
        tokio::get_runtime().spawn(future)
    }

    /// Spawns a delivery. `pyo3-async-runtimes` spawns nothing else this way.
    fn spawn_blocking<F>(deliver: F) -> Self::JoinHandle
    where
        F: FnOnce() + Send + 'static,
    {
        let delivery = Delivery::begin();
        // The import sets it, and no call comes before the import.
        let threads = DELIVERERS.get().unwrap_or_else(|| tokio::get_runtime());
        threads.spawn_blocking(move || {
            if delivery.is_some() {
                deliver();
            }
            drop(delivery);
        })
    }
}

/// Without effect: our futures do not call back into Python, so they need no context of a Python task.
impl ContextExt for Tokio {
    fn scope<F, R>(_: TaskLocals, future: F) -> Pin<Box<dyn Future<Output = R> + Send>>
    where
        F: Future<Output = R> + Send + 'static,
    {
        Box::pin(future)
    }

    fn get_task_locals() -> Option<TaskLocals> {
        None
    }
}

struct Delivery;

impl Delivery {
    /// Counts a delivery, or returns `None` if the interpreter is ending.
    fn begin() -> Option<Self> {
        let mut deliveries = deliveries();
        if deliveries.closed {
            return None;
        }
        deliveries.in_progress += 1;
        Some(Self)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        deliveries().in_progress -= 1;
        DELIVERED.notify_all();
    }
}

fn deliveries() -> MutexGuard<'static, Deliveries> {
    lock(&DELIVERIES)
}

/// Rejects further deliveries and waits for those in progress. The caller must not hold the interpreter.
pub fn close_deliveries() {
    let mut deliveries = deliveries();
    deliveries.closed = true;
    drop(DELIVERED.wait_timeout_while(deliveries, DELIVERY_GRACE, |deliveries| deliveries.in_progress > 0));
}

/// Returns whether a call was made.
pub fn is_used() -> bool {
    PROCESS.get().is_some()
}

/// Returns whether this process was forked after the first call.
pub fn forked() -> bool {
    PROCESS.get().is_some_and(|process| *process != std::process::id())
}

/// Refuses a call in a forked process, which has no threads for it: the call would never end.
pub fn refuse_after_fork() -> PyResult<()> {
    PROCESS.get_or_init(std::process::id);
    if !forked() {
        return Ok(());
    }
    Err(PyRuntimeError::new_err(
        "pagerduty_mcp_server was used before os.fork() and cannot be used in the child: start processes by 'spawn' or \
         'forkserver' (multiprocessing.set_start_method), or make the first call after the fork",
    ))
}

/// Refuses an awaited call while the interpreter is ending: its answer would not be delivered.
pub fn refuse_at_the_end() -> PyResult<()> {
    if !deliveries().closed {
        return Ok(());
    }
    Err(PyRuntimeError::new_err(
        "the interpreter is ending, and an awaited call would not be answered any more: use SyncPagerDuty here, or register \
         atexit callbacks after the import of pagerduty_mcp_server",
    ))
}

/// Sets the threads up. Called once, by the import of the module.
pub fn start() -> PyResult<()> {
    let mut builder = ::tokio::runtime::Builder::new_multi_thread();
    builder.enable_all();
    tokio::init(builder);
    let deliverers =
        ::tokio::runtime::Builder::new_current_thread().max_blocking_threads(DELIVERING_THREADS).build()?;
    // A second import keeps the first ones.
    _ = DELIVERERS.set(deliverers);
    Ok(())
}
