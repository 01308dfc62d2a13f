//! The Python door: the private extension module `pagerduty_mcp_server._core`.
//!
//! This is the only module that names `pyo3`. It converts values, waits for the core with the interpreter released, and holds
//! the rules of the 4.x functions (`legacy`); all other rules are those of the core. Programs import the package around it,
//! in `python/pagerduty_mcp_server`; its stub, `_core.pyi`, documents the items below.

mod client;
mod command;
mod convert;
mod errors;
mod legacy;
mod runtime;
mod sandbox;
mod settings;
mod shutdown;
mod tool;
mod waiting;

use pyo3::prelude::*;

/// The extension module.
///
/// `gil_used = false`: no state here depends on the interpreter's lock.
#[pymodule(gil_used = false)]
mod _core {
    use pyo3::exceptions::PyRuntimeWarning;
    use pyo3::prelude::*;
    use pyo3::types::PyTuple;

    use crate::docs::python::methods::Method;

    #[pymodule_export]
    use super::client::{Answer, Client, Pages};
    #[pymodule_export]
    use super::command::run_cli;
    #[pymodule_export]
    use super::legacy::call_function;
    #[pymodule_export]
    use super::sandbox::Sandbox;
    #[pymodule_export]
    use super::tool::{Tool, definitions, list_tools, method};

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    const RESPONSE_LIMIT: usize = crate::params::Limit::DEFAULT;

    #[pymodule_init]
    fn initialize(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let variables = crate::config::VARIABLES.iter().map(|variable| variable.name);
        module.add("VARIABLES", PyTuple::new(module.py(), variables)?)?;
        let methods: Vec<_> = Method::all().map(Method::name).collect();
        module.add("METHODS", PyTuple::new(module.py(), methods)?)?;
        super::runtime::start()?;
        super::shutdown::register(module)?;
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
