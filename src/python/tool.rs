//! The catalogue as Python objects.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::{Value, json};

use super::convert::to_python;
use super::errors::raised;
use crate::server::definition;
use crate::tools::{self, Filter};

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
    tools::all().map(|tool| describe(py, tool)).collect()
}

fn describe(py: Python<'_>, tool: &tools::Tool) -> PyResult<Tool> {
    let definition = to_python(py, &definition(tool))?;
    Ok(Tool {
        name: tool.name,
        title: tool.title,
        description: tool.description,
        input_schema: definition.get_item("inputSchema")?.cast_into::<PyDict>()?.unbind(),
        annotations: definition.get_item("annotations")?.cast_into::<PyDict>()?.unbind(),
    })
}

/// The definitions of tools as model providers and frameworks expect them.
#[pyfunction]
#[pyo3(signature = (format, *, toolsets=None, read_only=false))]
pub fn definitions<'py>(
    py: Python<'py>,
    format: &str,
    toolsets: Option<Vec<String>>,
    read_only: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let shape = match format {
        "mcp" => definition,
        "openai" => openai,
        "openai-responses" => openai_responses,
        "anthropic" => anthropic,
        _ => {
            return Err(PyValueError::new_err(format!(
                "format is {format:?}; it can be 'openai', 'openai-responses', 'anthropic' or 'mcp'"
            )));
        }
    };
    let filter = Filter { read_only, toolsets, tools: None };
    let tools: Vec<Value> = raised(py, filter.tools())?.into_iter().map(shape).collect();
    to_python(py, &tools.into())
}

/// <https://platform.openai.com/docs/api-reference/chat/create>
fn openai(tool: &tools::Tool) -> Value {
    let (name, description, parameters) = (tool.name, tool.description, tool.input_schema());
    json!({"type": "function", "function": {"name": name, "description": description, "parameters": parameters}})
}

/// <https://platform.openai.com/docs/api-reference/responses/create>; not strict, which would make every parameter required.
fn openai_responses(tool: &tools::Tool) -> Value {
    let (name, description, parameters) = (tool.name, tool.description, tool.input_schema());
    json!({"type": "function", "name": name, "description": description, "parameters": parameters, "strict": false})
}

/// <https://docs.claude.com/en/api/messages>
fn anthropic(tool: &tools::Tool) -> Value {
    json!({"name": tool.name, "description": tool.description, "input_schema": tool.input_schema()})
}
