//! Tokio as `pyo3-async-runtimes` needs it, with an orderly end.
//!
//! An answer is delivered from a Tokio thread. If the interpreter ended during a delivery, Python would end that thread
//! immediately, and the process with it. So the end of the interpreter waits for deliveries that have begun, and none
//! begins after that. Before, it waits for a login that is being refreshed, which would be lost, and for a change that
//! was sent. A forked process has none of these threads, and neither waits for them nor may use them.

use std::pin::Pin;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use ::tokio::join as tokio_join;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3_async_runtimes::generic::{ContextExt, Runtime};
use pyo3_async_runtimes::{TaskLocals, tokio};

use super::waiting::until_done;
use crate::auth::settled;
use crate::sync::lock;

/// How many threads deliver. They take turns with the interpreter, so more would only wait.
const DELIVERING_THREADS: usize = 8;

/// A delivery takes microseconds, or as long as others hold the interpreter; one that takes this long will never end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where they run: apart from the threads on which calls block, since a keyring may hold those until a person comes. Without
/// drivers and never entered, it is a pool of threads and no more.
static DELIVERERS: OnceLock<::tokio::runtime::Runtime> = OnceLock::new();

/// The process that made the first call, and has the threads.
static PROCESS: OnceLock<u32> = OnceLock::new();

static DELIVERIES: Mutex<Deliveries> = Mutex::new(Deliveries { under_way: 0, closed: false });
static ONE_LESS: Condvar = Condvar::new();

struct Deliveries {
    under_way: usize,
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

    /// Only deliveries are spawned like this.
    fn spawn_blocking<F>(deliver: F) -> Self::JoinHandle
    where
        F: FnOnce() + Send + 'static,
    {
        let delivery = Delivery::begin();
        // Set by the import, without which nobody comes here.
        let threads = DELIVERERS.get().unwrap_or_else(|| tokio::get_runtime());
        threads.spawn_blocking(move || {
            if delivery.is_some() {
                deliver();
            }
            drop(delivery);
        })
    }
}

/// Nothing of ours calls back into Python, so there is nothing to hand down to it.
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
    /// `None` if it is too late.
    fn begin() -> Option<Self> {
        let mut deliveries = deliveries();
        if deliveries.closed {
            return None;
        }
        deliveries.under_way += 1;
        Some(Self)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        deliveries().under_way -= 1;
        ONE_LESS.notify_all();
    }
}

fn deliveries() -> MutexGuard<'static, Deliveries> {
    lock(&DELIVERIES)
}

/// Whether calls were made before this process was forked.
pub fn forked() -> bool {
    PROCESS.get().is_some_and(|process| *process != std::process::id())
}

/// The threads that carry calls are not copied by a fork: in the child, a call would wait for them for ever.
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

/// Whoever awaited a call now would wait for ever.
pub fn refuse_at_the_end() -> PyResult<()> {
    if !deliveries().closed {
        return Ok(());
    }
    Err(PyRuntimeError::new_err(
        "the interpreter is ending, and an awaited call would not be answered any more: use SyncPagerDuty here, or register \
         what atexit calls after pagerduty_mcp_server is imported",
    ))
}

/// Called once, when the module is imported.
pub fn prepare(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let mut builder = ::tokio::runtime::Builder::new_multi_thread();
    builder.enable_all();
    tokio::init(builder);
    let deliverers =
        ::tokio::runtime::Builder::new_current_thread().max_blocking_threads(DELIVERING_THREADS).build()?;
    // A second import finds them.
    _ = DELIVERERS.set(deliverers);
    let at_exit = wrap_pyfunction!(finish, module)?;
    module.py().import("atexit")?.call_method1("register", (at_exit,))?;
    Ok(())
}

#[pyfunction]
fn finish(py: Python<'_>) -> PyResult<()> {
    if forked() {
        return Ok(());
    }
    let settled = async { _ = tokio_join!(settled(), crate::tools::settled()) };
    let settled = PROCESS.get().map_or(Ok(()), |_| until_done(py, settled));
    py.detach(|| {
        let mut deliveries = deliveries();
        deliveries.closed = true;
        drop(ONE_LESS.wait_timeout_while(deliveries, PATIENCE, |deliveries| deliveries.under_way > 0));
    });
    settled
}
