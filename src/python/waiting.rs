//! The two ways of waiting for the core: by an `asyncio` future, or by blocking the thread.

use std::pin::pin;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3_async_runtimes::generic::future_into_py;
use pyo3_async_runtimes::tokio::get_runtime;

use super::client::refuse_after_fork;
use super::runtime::Tokio;

/// How often a thread that waits looks whether Ctrl-C was pressed.
const LOOK: Duration = Duration::from_millis(50);

/// The future of an outcome, on the loop that is running. Cancelling it drops `work`.
pub fn awaited<'py, T>(py: Python<'py>, work: impl Future<Output = T> + Send + 'static) -> PyResult<Bound<'py, PyAny>>
where
    T: for<'p> IntoPyObject<'p, Error = PyErr> + Send + 'static,
{
    future_into_py::<Tokio, _, _>(py, async { Ok(work.await) })
}

/// The outcome, with the interpreter released until it is there. What a signal's handler raises, such as
/// `KeyboardInterrupt`, is raised, and `work` dropped.
pub fn waited_for<'py, T>(
    py: Python<'py>,
    work: impl Future<Output = T> + Send + 'static,
) -> PyResult<Bound<'py, PyAny>>
where
    T: IntoPyObject<'py, Target = PyAny, Output = Bound<'py, PyAny>, Error = PyErr> + Send,
{
    until_done(py, work)?.into_pyobject(py)
}

/// The same for an outcome that is of no concern to Python.
#[allow(clippy::redundant_closure_for_method_calls)] // The method itself is not general enough for `attach`.
pub fn until_done<T: Send>(py: Python<'_>, work: impl Future<Output = T> + Send) -> PyResult<T> {
    refuse_after_fork()?;
    py.detach(|| {
        get_runtime().block_on(async {
            let mut work = pin!(work);
            loop {
                tokio::select! {
                    done = &mut work => return Ok(done),
                    () = tokio::time::sleep(LOOK) => Python::attach(|py| py.check_signals())?,
                }
            }
        })
    })
}
