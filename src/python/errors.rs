//! Conversion of [`Error`] to the exceptions of `pagerduty_mcp_server.errors`.

use pyo3::prelude::*;
use pyo3::types::IntoPyDict;

use super::convert::to_python;
use crate::error::{Error, Family, Result};

/// Returns the value, or the exception for the error.
pub fn raised<T>(py: Python<'_>, outcome: Result<T>) -> PyResult<T> {
    outcome.map_err(|error| to_exception(py, &error))
}

/// Returns the name of the exception class.
const fn class(family: Family) -> &'static str {
    match family {
        Family::Auth => "PagerDutyAuthError",
        Family::Arguments => "ValidationError",
        Family::Request | Family::Call => "PagerDutyError",
    }
}

/// Returns the exception for an error, or the exception that its construction raised.
pub fn to_exception(py: Python<'_>, error: &Error) -> PyErr {
    make(py, error).map_or_else(|failure| failure, PyErr::from_value)
}

fn make<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let attributes = [
        ("code", error.code().as_str().into_pyobject(py)?.into_any()),
        ("hint", error.hint_text().into_pyobject(py)?),
        ("status", error.http_status().into_pyobject(py)?),
        ("retryable", error.is_retryable().into_pyobject(py)?.to_owned().into_any()),
        ("envelope", to_python(py, &error.envelope())?),
    ];
    let class = py.import("pagerduty_mcp_server.errors")?.getattr(class(error.code().family()))?;
    class.call((error.message(),), Some(&attributes.into_py_dict(py)?))
}
