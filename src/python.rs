//! The Python door: the private extension module `pagerduty_mcp_server._core`.
//!
//! This is the only module that names `pyo3`, and no decision about PagerDuty is taken here: Python values become ours, the
//! core is awaited with the interpreter released, and what it answers becomes Python's again. What people import is the
//! package around it, in `python/pagerduty_mcp_server`; its stub, `_core.pyi`, is the documentation of what stands here.

mod client;
mod command;
mod convert;
mod errors;
mod runtime;
mod sandbox;
mod settings;
mod tool;
mod waiting;

use pyo3::prelude::*;

/// What the package re-exports.
///
/// `gil_used = false`: no state here depends on the interpreter's lock.
#[pymodule(gil_used = false)]
mod _core {
    use pyo3::exceptions::PyRuntimeWarning;
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::client::{Client, Pages};
    #[pymodule_export]
    use super::command::run_cli;
    #[pymodule_export]
    use super::sandbox::Sandbox;
    #[pymodule_export]
    use super::tool::{Tool, definitions, list_tools};

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    const RESPONSE_LIMIT: usize = crate::params::Limit::DEFAULT;

    #[pymodule_init]
    fn prepare(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let names: Vec<_> = crate::config::VARIABLES.iter().map(|variable| variable.name).collect();
        module.add("VARIABLES", pyo3::types::PyTuple::new(module.py(), names)?)?;
        super::runtime::prepare(module)?;
        warn_of_debug_build(module)
    }

    fn warn_of_debug_build(module: &Bound<'_, PyModule>) -> PyResult<()> {
        if cfg!(debug_assertions) {
            let text = c"pagerduty_mcp_server is a debug build, which is slower; install a release build for use.";
            PyErr::warn(module.py(), &module.py().get_type::<PyRuntimeWarning>(), text, 1)?;
        }
        Ok(())
    }
}
