//! The two ways to wait for the core: an `asyncio` future, or a blocked thread.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3_async_runtimes::TaskLocals;
use pyo3_async_runtimes::generic::future_into_py_with_locals;
use pyo3_async_runtimes::tokio::get_runtime;
use tokio::task::JoinHandle;

use super::runtime::{Tokio, refuse_after_fork, refuse_at_the_end};

/// How often a blocked thread lets Python run the handlers of signals, such as Ctrl-C.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// Returns an `asyncio` future of the output, on the running loop. Canceling it drops `work`.
pub fn to_awaitable<'py, T>(
    py: Python<'py>,
    work: impl Future<Output = T> + Send + 'static,
) -> PyResult<Bound<'py, PyAny>>
where
    T: for<'p> IntoPyObject<'p, Error = PyErr> + Send + 'static,
{
    refuse_at_the_end()?;
    let running = py.import(intern!(py, "asyncio"))?.call_method0(intern!(py, "get_running_loop"));
    let running = running.map_err(|error| {
        let text = "there is no running asyncio loop, which this call needs: under trio or without a loop, call the methods \
                    of SyncPagerDuty, in a thread";
        let refused = PyRuntimeError::new_err(text);
        refused.set_cause(py, Some(error));
        refused
    })?;
    // Without the context of the Python task, which only code that calls back into Python would need.
    future_into_py_with_locals::<Tokio, _, _>(py, TaskLocals::new(running), async { Ok(work.await) })
}

/// Waits for the output with the interpreter released. An exception of a signal's handler, such as `KeyboardInterrupt`,
/// is raised, and drops `work`.
pub fn block_on<'py, T>(py: Python<'py>, work: impl Future<Output = T> + Send + 'static) -> PyResult<Bound<'py, PyAny>>
where
    T: IntoPyObject<'py, Target = PyAny, Output = Bound<'py, PyAny>, Error = PyErr> + Send + 'static,
{
    block_on_raw(py, work)?.into_pyobject(py)
}

/// Waits like [`block_on`], but does not convert the output to a Python object.
///
/// `work` runs on the threads of calls. A signal's handler may make a call, which Tokio does not allow on a thread that
/// drives a future, and which may need the result of `work`.
#[allow(clippy::redundant_closure_for_method_calls)] // The method itself is not general enough for `attach`.
pub fn block_on_raw<T: Send + 'static>(py: Python<'_>, work: impl Future<Output = T> + Send + 'static) -> PyResult<T> {
    refuse_after_fork()?;
    let runs_handlers = runs_handlers(py)?;
    py.detach(|| {
        let (sender, output) = sync_channel(1);
        // The receiver is gone if a handler has raised.
        let _running = AbortOnDrop(get_runtime().spawn(async move { _ = sender.send(work.await) }));
        loop {
            let received = if runs_handlers {
                output.recv_timeout(SIGNAL_INTERVAL)
            } else {
                output.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match received {
                Ok(output) => return Ok(output),
                Err(RecvTimeoutError::Timeout) => Python::attach(|py| py.check_signals())?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(PyRuntimeError::new_err("the call panicked: standard error says where"));
                }
            }
        }
    })
}

/// Returns whether this is the main thread, the only one in which Python runs the handlers of signals.
///
/// Another thread has none to run. It should not return to an interpreter that is ending, as a daemon thread would with
/// every check.
fn runs_handlers(py: Python<'_>) -> PyResult<bool> {
    // Not imported for this: in a program that has not imported it, the main thread is almost always the only one.
    let Ok(threading) = py.import("sys")?.getattr("modules")?.get_item("threading") else { return Ok(true) };
    threading.call_method0("main_thread")?.getattr("ident")?.eq(threading.call_method0("get_ident")?)
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
