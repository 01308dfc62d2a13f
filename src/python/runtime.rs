//! Tokio as `pyo3-async-runtimes` needs it, with an orderly end.
//!
//! An answer is delivered from a thread of Tokio's. If the interpreter ended while one was at it, Python would end that
//! thread where it stands, and the process with it. So the end of the interpreter waits for deliveries that have begun, and
//! none begins after that.

use std::pin::Pin;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3_async_runtimes::generic::{ContextExt, Runtime};
use pyo3_async_runtimes::{TaskLocals, tokio};

/// How many threads deliver. They take turns with the interpreter, so more would only wait.
const DELIVERING_THREADS: usize = 8;

/// A delivery takes microseconds; one that takes this long will never end.
const PATIENCE: Duration = Duration::from_secs(2);

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
        tokio::get_runtime().spawn_blocking(move || {
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
        let mut deliveries = DELIVERIES.lock().unwrap_or_else(PoisonError::into_inner);
        if deliveries.closed {
            return None;
        }
        deliveries.under_way += 1;
        Some(Self)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        DELIVERIES.lock().unwrap_or_else(PoisonError::into_inner).under_way -= 1;
        ONE_LESS.notify_all();
    }
}

/// Called once, when the module is imported.
pub fn prepare(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let mut builder = ::tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().max_blocking_threads(DELIVERING_THREADS);
    tokio::init(builder);
    let at_exit = wrap_pyfunction!(finish_deliveries, module)?;
    module.py().import("atexit")?.call_method1("register", (at_exit,))?;
    Ok(())
}

#[pyfunction]
fn finish_deliveries(py: Python<'_>) {
    py.detach(|| {
        let mut deliveries = DELIVERIES.lock().unwrap_or_else(PoisonError::into_inner);
        deliveries.closed = true;
        drop(ONE_LESS.wait_timeout_while(deliveries, PATIENCE, |deliveries| deliveries.under_way > 0));
    });
}
