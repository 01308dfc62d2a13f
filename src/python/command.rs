//! The command line, for the console command and for `python -m`.

use std::ffi::OsString;

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

use crate::cli;

/// Runs the command line and returns its exit status.
///
/// Ctrl-C reaches two handlers: that of the command line, which ends it with a status, and Python's, which schedules a
/// `KeyboardInterrupt` for the next Python code. That would be a traceback after an orderly end, so the exception is dropped
/// here. The exception of a program's own handler is raised.
#[pyfunction]
pub fn run_cli(py: Python<'_>, argv: Vec<OsString>) -> PyResult<u8> {
    let status = py.detach(|| cli::run(argv));
    match py.check_signals() {
        Err(error) if !error.is_instance_of::<PyKeyboardInterrupt>(py) => Err(error),
        _ => Ok(status),
    }
}
