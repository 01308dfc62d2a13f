//! The functions of the 4.x modules: the tool that each one calls, and their rules.
//!
//! The functions have no user context: a list without filters covers the whole account, and a function for a single object
//! requires an ID, without which its tool would return a list.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::client::{CallRules, Client, to_answer};
use super::convert::arguments_from_python;
use super::errors::raised;
use crate::error::{Code, Error, Result};
use crate::tools;

/// A function, with the rules beside those of its tool.
struct Function {
    name: &'static str,
    tool: &'static str,
    kind: Kind,
}

enum Kind {
    /// A list of the whole account unless a filter is given.
    List,
    /// A single object. The function requires this parameter, which its tool leaves optional.
    One(&'static str),
    /// The tool as it is.
    Tool,
}

/// The functions, without `update_incident_status`, whose tool depends on an argument.
const FUNCTIONS: &[Function] = &[
    list("list_escalation_policies", "get_escalation_policies"),
    one("show_escalation_policy", "get_escalation_policies", "policy_id"),
    list("list_incidents", "get_incidents"),
    one("show_incident", "get_incidents", "incident_id"),
    same("create_incident_note", "add_incident_note"),
    list("list_oncalls", "get_oncalls"),
    list("list_schedules", "get_schedules"),
    one("show_schedule", "get_schedules", "schedule_id"),
    same("list_users_oncall", "list_users_oncall"),
    list("list_services", "get_services"),
    one("show_service", "get_services", "service_id"),
    list("list_teams", "get_teams"),
    one("show_team", "get_teams", "team_id"),
    same("build_user_context", "build_user_context"),
    list("list_users", "get_users"),
    one("show_user", "get_users", "user_id"),
];

/// The values of `status` in `update_incident_status`, with their tools.
const STATUSES: &[(&str, &str)] = &[("acknowledged", "acknowledge_incident"), ("resolved", "resolve_incident")];

const fn list(name: &'static str, tool: &'static str) -> Function {
    Function { name, tool, kind: Kind::List }
}

const fn one(name: &'static str, tool: &'static str, id: &'static str) -> Function {
    Function { name, tool, kind: Kind::One(id) }
}

const fn same(name: &'static str, tool: &'static str) -> Function {
    Function { name, tool, kind: Kind::Tool }
}

/// Returns the `asyncio` future of a function's [`Answer`](super::client::Answer).
#[pyfunction]
pub fn call_function<'py>(
    py: Python<'py>,
    client: &Client,
    name: &str,
    arguments: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let function = match FUNCTIONS.iter().find(|function| function.name == name) {
        Some(Function { tool, kind, .. }) => Ok((*tool, kind)),
        None if name == "update_incident_status" => change(arguments)?.map(|tool| (tool, &Kind::Tool)),
        None => Err(Error::new(Code::Internal, format!("there is no function {name:?}"))),
    };
    let (tool, kind) = raised(py, function)?;
    let mut arguments = arguments_from_python(arguments)?;
    let mut rules = CallRules { whole_account: true, ..CallRules::default() };
    match kind {
        Kind::List if has_context(tool) => {
            if let Ok(arguments) = &mut arguments {
                arguments.insert("current_user_context".to_owned(), false.into());
            }
        }
        Kind::One(id) => rules.needs = Some(id),
        Kind::List | Kind::Tool => {}
    }
    to_answer(py, client.call_with(py, tool.to_owned(), arguments, rules)?)
}

/// Returns whether lists of a tool are those of the current user by default.
fn has_context(tool: &str) -> bool {
    let tool = tools::all().find(|found| found.name == tool);
    tool.is_some_and(|tool| tool.params.iter().any(|parameter| parameter.name == "current_user_context"))
}

/// Takes `status` out of the arguments, and returns its tool.
fn change(arguments: &Bound<'_, PyDict>) -> PyResult<Result<&'static str>> {
    let Some(status) = arguments.get_item("status")? else {
        return Ok(Err(Error::new(Code::Internal, "update_incident_status has no status")));
    };
    arguments.del_item("status")?;
    let text = status.cast::<PyString>().ok().and_then(|text| text.to_str().ok().map(str::to_owned));
    if let Some((_, tool)) = text.and_then(|text| STATUSES.iter().find(|(name, _)| *name == text)) {
        return Ok(Ok(tool));
    }
    let error = Error::new(Code::InvalidParameter, format!("status is {}", status.repr()?));
    Ok(Err(error.hint("Pass acknowledged or resolved.")))
}
