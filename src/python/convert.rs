//! Conversion of JSON between Python and Rust.
//!
//! Arguments arrive as text from Python's `json`, which decides what is JSON in Python. The first use imports `json`, not the
//! import of the package. Answers are made of their text by `pagerduty_pyjson`: see `benches/json_to_python`.

use pyo3::exceptions::{PyRecursionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyString};
use serde_json::{Map, Value};

use crate::error::{Code, Error, Result};

/// Returns the arguments of a call, from a `dict` or from the JSON text of one, as models write it.
pub fn arguments_from_python(arguments: &Bound<'_, PyAny>) -> PyResult<Result<Map<String, Value>>> {
    let text = match arguments.cast::<PyString>() {
        Ok(text) => text.to_str().map(str::to_owned),
        Err(_) => dump(arguments.cast::<PyDict>()?),
    };
    let text = match text {
        Ok(text) => text,
        Err(error) if is_about_value(arguments.py(), &error) => return Ok(Err(not_json(&error))),
        Err(error) => return Err(error),
    };
    Ok(serde_json::from_str(if text.trim().is_empty() { "{}" } else { &text }).map_err(not_json))
}

fn not_json(why: impl std::fmt::Display) -> Error {
    Error::new(Code::InvalidParameter, format!("the arguments are not a JSON object: {why}"))
        .hint("Pass an object like {\"limit\": 10}; every string has to be valid Unicode.")
}

/// Returns whether an exception means that JSON has no such value, and not that something else failed.
fn is_about_value(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyTypeError>(py)
        || error.is_instance_of::<PyValueError>(py)
        || error.is_instance_of::<PyRecursionError>(py)
}

/// Returns a Python value as JSON.
pub fn from_python(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    serde_json::from_str(&dump(value)?).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Returns the JSON text of a value. Raises the exceptions of `json.dumps`: `TypeError`, or `ValueError` for NaN.
fn dump(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let py = value.py();
    let strict = [("allow_nan", false)].into_py_dict(py)?;
    py.import("json")?.call_method("dumps", (value,), Some(&strict))?.extract()
}

/// Returns a JSON value as a Python object.
pub fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    pagerduty_pyjson::object(py, &value.to_string())
}
