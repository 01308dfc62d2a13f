//! JSON between the two languages.
//!
//! It crosses as text, by way of Python's own `json`: one parser each instead of a third thing between them, and what is
//! JSON in Python is for Python to say. `json` is imported by the first use, not with the package.

use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict};
use serde_json::{Map, Value};

use crate::error::{Code, Error};

/// Arguments from a `dict`. What `json.dumps` does not take raises what it raises: `TypeError`, or `ValueError` for NaN.
pub fn from_python(arguments: &Bound<'_, PyDict>) -> PyResult<Result<Map<String, Value>, Error>> {
    let py = arguments.py();
    let strict = [("allow_nan", false)].into_py_dict(py)?;
    let text: String = py.import("json")?.call_method("dumps", (arguments,), Some(&strict))?.extract()?;
    // What Python writes, we read, with one exception: half of a surrogate pair.
    Ok(serde_json::from_str(&text).map_err(|error| {
        Error::new(Code::InvalidParameter, format!("the arguments are not valid JSON: {error}"))
            .hint("Every string has to be valid Unicode.")
    }))
}

/// A value as Python has it.
pub fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (value.to_string(),))
}
