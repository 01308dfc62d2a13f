//! The sandbox as a Python object, for tests of programs that use PagerDuty.

use pyo3::exceptions::{PyKeyError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use serde_json::{Value, json};

use std::io::ErrorKind;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::convert::{from_python, to_python};
use super::runtime::{forked, refuse_after_fork};
use super::waiting::block_on_raw;
use crate::sandbox::{self, Fault, Options, Trigger, tokens};
use crate::sync;

/// A running sandbox. `_core.pyi` documents it.
#[pyclass(frozen, module = "pagerduty_mcp_server._core")]
pub struct Sandbox {
    running: Mutex<Option<sandbox::Sandbox>>,
    #[pyo3(get)]
    url: String,
    #[pyo3(get)]
    control_token: String,
}

#[pymethods]
impl Sandbox {
    #[new]
    #[pyo3(signature = (*, incidents, rate_limit, latency, documents, scenario))]
    fn new(
        py: Python<'_>,
        incidents: usize,
        rate_limit: u32,
        latency: f64,
        documents: &Bound<'_, PyAny>,
        scenario: Option<&str>,
    ) -> PyResult<Self> {
        let latency = std::time::Duration::try_from_secs_f64(latency)
            .map_err(|_| PyValueError::new_err("latency is not a number of seconds"))?;
        let documents = from_python(documents)?;
        let scenario = scenario.map(str::parse).transpose().map_err(PyValueError::new_err)?;
        let options = Options { incidents, rate_limit, latency, documents, scenario, ..Options::default() };
        let running = block_on_raw(py, sandbox::Sandbox::start(options))?.map_err(|error| match error.kind() {
            ErrorKind::InvalidInput => PyValueError::new_err(error.to_string()),
            _ => PyOSError::new_err(format!("the sandbox cannot listen on a loopback port: {error}")),
        })?;
        let (url, control_token) = (running.url().to_owned(), running.control_token().to_owned());
        Ok(Self { running: Mutex::new(Some(running)), url, control_token })
    }

    #[classattr]
    const TOKEN: &'static str = tokens::USER;

    fn describe<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.ask(py, |sandbox| Ok(sandbox.describe()))
    }

    fn objects<'py>(&self, py: Python<'py>, resource: &str) -> PyResult<Bound<'py, PyAny>> {
        self.ask(py, |sandbox| sandbox.objects(resource).ok_or_else(|| PyKeyError::new_err(resource.to_owned())))
    }

    fn notes<'py>(&self, py: Python<'py>, incident: &str) -> PyResult<Bound<'py, PyAny>> {
        let missing = || PyKeyError::new_err(format!("there is no incident {incident}"));
        self.ask(py, |sandbox| sandbox.notes(incident).ok_or_else(missing))
    }

    #[pyo3(signature = (*, service, title, high_urgency, details))]
    fn trigger<'py>(
        &self,
        py: Python<'py>,
        service: Option<String>,
        title: String,
        high_urgency: bool,
        details: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let trigger = Trigger { service, title, high_urgency, details };
        self.ask(py, |sandbox| sandbox.trigger(trigger).map_err(PyValueError::new_err))
    }

    fn fail(&self, fault: &Bound<'_, PyAny>) -> PyResult<()> {
        let fault: Result<Fault, _> = serde_json::from_value(from_python(fault)?);
        let fault = fault.map_err(|error| PyValueError::new_err(error.to_string()))?;
        let taken = self.with(|sandbox| sandbox.fail(fault))?;
        if taken { Ok(()) } else { Err(PyValueError::new_err("too many pending faults: clear() removes them")) }
    }

    fn put_forward(&self, seconds: f64) -> PyResult<()> {
        let by = std::time::Duration::try_from_secs_f64(seconds);
        let by = by.map_err(|_| PyValueError::new_err("seconds is not a number of seconds"))?;
        self.with(|sandbox| sandbox.put_forward(by))
    }

    fn limit_rate(&self, requests: u32) -> PyResult<()> {
        self.with(|sandbox| sandbox.limit_rate(requests))
    }

    fn requests<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.ask(py, |sandbox| Ok(json!(sandbox.requests())))
    }

    fn clear(&self) -> PyResult<()> {
        self.with(sandbox::Sandbox::clear)
    }

    /// Stops the sandbox. In a forked process it does not run, so there is nothing to stop.
    fn stop(&self, py: Python<'_>) {
        if !forked() {
            let running = self.lock().take();
            py.detach(|| drop(running));
        }
    }
}

/// Leaks the sandbox in a forked process: to stop it needs locks that a thread may have held during the fork.
impl Drop for Sandbox {
    fn drop(&mut self) {
        if forked() {
            std::mem::forget(self.running.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}

impl Sandbox {
    fn lock(&self) -> MutexGuard<'_, Option<sandbox::Sandbox>> {
        sync::lock(&self.running)
    }

    fn with<T>(&self, look: impl FnOnce(&sandbox::Sandbox) -> T) -> PyResult<T> {
        refuse_after_fork()?;
        let running = self.lock();
        running.as_ref().map(look).ok_or_else(|| PyRuntimeError::new_err("this sandbox has ended"))
    }

    fn ask<'py>(
        &self,
        py: Python<'py>,
        look: impl FnOnce(&sandbox::Sandbox) -> PyResult<Value> + Send,
    ) -> PyResult<Bound<'py, PyAny>> {
        // Released, as another thread may hold the account while it waits for the interpreter.
        to_python(py, &py.detach(|| self.with(look))??)
    }
}
