//! The orderly end of the interpreter.
//!
//! If the interpreter ended while a thread delivers an answer, Python would end that thread immediately, and the process with
//! it. So the end waits for deliveries in progress, and no further one begins. Before that it waits for a token refresh in
//! progress, whose result would be lost, and for writes in flight.

use pyo3::prelude::*;
use tokio::join;

use super::runtime::{close_deliveries, forked, is_used};
use super::waiting::block_on_raw;
use crate::auth;
use crate::tools;

/// Registers the orderly end with `atexit`. Called once, by the import of the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let at_exit = wrap_pyfunction!(finish, module)?;
    module.py().import("atexit")?.call_method1("register", (at_exit,))?;
    Ok(())
}

#[pyfunction]
fn finish(py: Python<'_>) -> PyResult<()> {
    if forked() {
        return Ok(());
    }
    let settled = async { _ = join!(auth::settled(), tools::settled()) };
    let settled = if is_used() { block_on_raw(py, settled) } else { Ok(()) };
    py.detach(close_deliveries);
    settled
}
