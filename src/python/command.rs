//! The command line, for the console command and for `python -m`.

use std::ffi::OsString;

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

use crate::cli;

/// Runs the command line and returns its exit status.
///
/// Ctrl-C reaches two handlers: the command line's own, which ends it with a status, and Python's, which only notes that
/// `KeyboardInterrupt` is due as soon as Python code runs again. That would be a traceback after an orderly end, so what is
/// due is taken here. A program that has put its own handler in place of Python's gets what that one raises.
#[pyfunction]
pub fn run_cli(py: Python<'_>, argv: Vec<OsString>) -> PyResult<u8> {
    let status = py.detach(|| cli::run(argv));
    match py.check_signals() {
        Err(error) if !error.is_instance_of::<PyKeyboardInterrupt>(py) => Err(error),
        _ => Ok(status),
    }
}
