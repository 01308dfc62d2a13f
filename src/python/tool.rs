//! The catalogue as Python objects.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::convert::to_python;
use crate::tools;

/// A tool, with the attributes of an MCP tool definition, by its names.
#[pyclass(frozen, get_all, module = "pagerduty_mcp_server")]
pub struct Tool {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    #[pyo3(name = "inputSchema")]
    input_schema: Py<PyDict>,
    annotations: Py<PyDict>,
}

#[pymethods]
impl Tool {
    fn __repr__(&self) -> String {
        format!("Tool(name={:?}, description={:?})", self.name, self.description)
    }
}

/// The tools, in the catalogue's order. Needs no configuration: what there is does not depend on the account.
#[pyfunction]
pub fn list_tools(py: Python<'_>) -> PyResult<Vec<Tool>> {
    tools::ALL.iter().map(|tool| describe(py, tool)).collect()
}

fn describe(py: Python<'_>, tool: &tools::Tool) -> PyResult<Tool> {
    let definition = to_python(py, &tool.definition())?;
    Ok(Tool {
        name: tool.name,
        title: tool.title,
        description: tool.description,
        input_schema: definition.get_item("inputSchema")?.cast_into::<PyDict>()?.unbind(),
        annotations: definition.get_item("annotations")?.cast_into::<PyDict>()?.unbind(),
    })
}
