//! Calls of tools from Python, inside its own process.

use std::sync::{Arc, OnceLock};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3_async_runtimes::tokio::future_into_py;
use tokio::sync::Mutex;

use super::convert::{from_python, to_python};
use super::errors::to_exception;
use super::settings::Settings;
use crate::app::App;
use crate::error::{Error, Result};
use crate::reply::Reply;
use crate::tools::Filter;

/// Calls a tool; the `asyncio` future of its answer. Cancelling that drops the call, and its requests with it.
#[pyfunction]
pub fn call_tool<'py>(py: Python<'py>, name: String, arguments: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
    refuse_after_fork()?;
    let prepared = match (from_python(arguments)?, Settings::read(py)?) {
        (Ok(arguments), Ok(settings)) => Ok((arguments, settings)),
        (Err(error), _) | (_, Err(error)) => Err(error),
    };
    future_into_py(py, async move {
        let call = async {
            let (arguments, settings) = prepared?;
            app(settings).await?.toolbox.call(&name, arguments).await
        };
        Ok(Outcome(call.await))
    })
}

/// The app for these settings: the one that is running if it has the same, else a new one in its place.
///
/// So connections, what is known about the current user, and above all the embedded account live from call to call. Calls
/// still under way keep the app they began with.
async fn app(settings: Settings) -> Result<Arc<App>> {
    static RUNNING: Mutex<Option<(Settings, Arc<App>)>> = Mutex::const_new(None);
    let mut running = RUNNING.lock().await;
    if let Some((of, app)) = running.as_ref()
        && *of == settings
    {
        return Ok(Arc::clone(app));
    }
    let app = Arc::new(App::start(settings.config()?, &Filter::default()).await?);
    *running = Some((settings, Arc::clone(&app)));
    Ok(app)
}

/// The threads that carry calls are not copied by a fork: in the child, a call would wait for them for ever.
fn refuse_after_fork() -> PyResult<()> {
    static PROCESS: OnceLock<u32> = OnceLock::new();
    let process = std::process::id();
    if *PROCESS.get_or_init(|| process) == process {
        return Ok(());
    }
    Err(PyRuntimeError::new_err(
        "pagerduty_mcp_server was used before os.fork() and cannot be used in the child: start processes by 'spawn' or \
         'forkserver' (multiprocessing.set_start_method), or make the first call after the fork",
    ))
}

/// What a call ended with. Becomes a Python value, or is raised, where the interpreter is held anyway.
struct Outcome(Result<Reply, Error>);

impl<'py> IntoPyObject<'py> for Outcome {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.0 {
            Ok(reply) => to_python(py, &reply.into_value()),
            Err(error) => Err(to_exception(py, &error)),
        }
    }
}
