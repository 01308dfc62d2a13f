//! The two ways of waiting for the core: by an `asyncio` future, or by blocking the thread.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3_async_runtimes::generic::future_into_py;
use pyo3_async_runtimes::tokio::get_runtime;
use tokio::task::JoinHandle;

use super::runtime::{Tokio, refuse_after_fork, refuse_at_the_end};

/// How often a thread that waits looks whether Ctrl-C was pressed.
const LOOK: Duration = Duration::from_millis(50);

/// The future of an outcome, on the loop that is running. Cancelling it drops `work`.
pub fn awaited<'py, T>(py: Python<'py>, work: impl Future<Output = T> + Send + 'static) -> PyResult<Bound<'py, PyAny>>
where
    T: for<'p> IntoPyObject<'p, Error = PyErr> + Send + 'static,
{
    refuse_at_the_end()?;
    if let Err(error) = py.import("asyncio")?.call_method0("get_running_loop") {
        let text = "there is no running asyncio loop, which this waits with: under trio or without a loop, call the \
                    methods of SyncPagerDuty, in a thread";
        let refused = PyRuntimeError::new_err(text);
        refused.set_cause(py, Some(error));
        return Err(refused);
    }
    future_into_py::<Tokio, _, _>(py, async { Ok(work.await) })
}

/// The outcome, with the interpreter released until it is there. What a signal's handler raises, such as
/// `KeyboardInterrupt`, is raised, and `work` dropped.
pub fn waited_for<'py, T>(
    py: Python<'py>,
    work: impl Future<Output = T> + Send + 'static,
) -> PyResult<Bound<'py, PyAny>>
where
    T: IntoPyObject<'py, Target = PyAny, Output = Bound<'py, PyAny>, Error = PyErr> + Send + 'static,
{
    until_done(py, work)?.into_pyobject(py)
}

/// The same for an outcome that is of no concern to Python.
///
/// `work` runs on the threads of calls, not on this one: a signal's handler may call in its turn, which Tokio allows on no
/// thread that drives a future, and may need what `work` is just doing for both.
#[allow(clippy::redundant_closure_for_method_calls)] // The method itself is not general enough for `attach`.
pub fn until_done<T: Send + 'static>(py: Python<'_>, work: impl Future<Output = T> + Send + 'static) -> PyResult<T> {
    refuse_after_fork()?;
    let looks = runs_handlers(py)?;
    py.detach(|| {
        let (sender, outcome) = sync_channel(1);
        // Nobody listens any more if a handler has raised.
        let _running = Running(get_runtime().spawn(async move { _ = sender.send(work.await) }));
        loop {
            let received = if looks {
                outcome.recv_timeout(LOOK)
            } else {
                outcome.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match received {
                Ok(outcome) => return Ok(outcome),
                Err(RecvTimeoutError::Timeout) => Python::attach(|py| py.check_signals())?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(PyRuntimeError::new_err("the call panicked: standard error says where"));
                }
            }
        }
    })
}

/// Whether this is the main thread, the only one in which Python runs the handlers of signals. Others have nothing to look
/// for, and had better not come back to an interpreter that is ending, as a daemon thread would every time it looks.
fn runs_handlers(py: Python<'_>) -> PyResult<bool> {
    // Not imported for this: where nobody has, the main thread is hardly ever not alone.
    let Ok(threading) = py.import("sys")?.getattr("modules")?.get_item("threading") else { return Ok(true) };
    threading.call_method0("main_thread")?.getattr("ident")?.eq(threading.call_method0("get_ident")?)
}

/// Work that nobody waits for any more is dropped.
struct Running(JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}
