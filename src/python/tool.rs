//! The catalogue as Python objects.

use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::{Value, json};

use super::convert::to_python;
use super::errors::raised;
use crate::docs::python::methods::Method;
use crate::server::definition;
use crate::tools::{self, Filter};

/// A tool, with the attributes of an MCP tool definition.
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

/// Returns the tools that are on by default, in the catalogue's order. Needs no configuration: the catalogue does not
/// depend on the account.
#[pyfunction]
pub fn list_tools(py: Python<'_>) -> PyResult<Vec<Tool>> {
    let tools = raised(py, Filter::default().tools())?;
    tools.into_iter().map(|tool| describe(py, tool)).collect()
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

/// A keyword of a method: name, annotation, and default in Python's notation.
type Keyword = (&'static str, String, Option<&'static str>);

/// Returns the parts of a method of the package: its tool, whether it is an iterator, its keywords and its docstring.
#[pyfunction]
pub fn method(name: &str) -> PyResult<(&'static str, bool, Vec<Keyword>, String)> {
    let method = Method::all().find(|method| method.name() == name);
    let method = method.ok_or_else(|| PyKeyError::new_err(name.to_owned()))?;
    let keywords = method.keywords().into_iter().map(|keyword| (keyword.name, keyword.annotation, keyword.default));
    Ok((method.tool.name, method.is_stream, keywords.collect(), method.documentation()))
}

/// Returns the definitions of tools in the format of a model provider or framework.
///
/// `enabled` are the settings of an object, `read_only` and `toolsets`: other tools are left out.
#[pyfunction]
#[pyo3(signature = (format, *, toolsets=None, read_only=false, enabled=None))]
pub fn definitions<'py>(
    py: Python<'py>,
    format: &str,
    toolsets: Option<Vec<String>>,
    read_only: bool,
    enabled: Option<(bool, Option<Vec<String>>)>,
) -> PyResult<Bound<'py, PyAny>> {
    let define = match format {
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
    // An object offers all of its tools unless the caller chooses from them.
    let toolsets = toolsets.or_else(|| enabled.as_ref().and_then(|(_, toolsets)| toolsets.clone()));
    let mut tools = raised(py, Filter { read_only, toolsets, tools: None }.tools())?;
    if let Some((read_only, toolsets)) = enabled {
        let enabled = raised(py, Filter { read_only, toolsets, tools: None }.tools())?;
        tools.retain(|tool| enabled.iter().any(|enabled| enabled.name == tool.name));
    }
    to_python(py, &tools.into_iter().map(define).collect())
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
