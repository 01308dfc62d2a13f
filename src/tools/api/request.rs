//! Reads the arguments of a request of any operation, and checks them before it is sent.

use pagerduty_reference::{Operation, Problem, Reference, Unknown};
use serde_json::Value;

use crate::client::{Any, address};
use crate::error::{Code, Error, Result};

/// Reads a request, and returns it with warnings about doubtful parts.
///
/// The path may be a whole address, and may end in a query.
pub(super) fn read(method: &str, path: &str, query: &[String], body: Option<&Value>) -> Result<(Any, Vec<String>)> {
    let reference = Reference::get();
    let (path, mut given) = address(path);
    let operation = reference.find(method, &path).map_err(|unknown| unknown_operation(method, &path, unknown))?;
    if let Some(media) = operation.media {
        let message = format!("{method} {path} takes a file ({media}), which this tool does not send");
        return Err(Error::new(Code::InvalidParameter, message).hint("Upload it in PagerDuty's web app."));
    }
    for pair in query {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            Error::new(Code::InvalidParameter, format!("query has {pair:?}, which is no name and value"))
                .hint("Write each like since=2026-12-01.")
        })?;
        given.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let checked = reference.query(operation, &given);
    let (mut refused, mut doubtful) = (Vec::new(), Vec::new());
    let query = checked.unwrap_or_else(|problems| {
        refused = problems;
        Vec::new()
    });
    for problem in reference.body(operation, body) {
        if problem.is_doubtful { &mut doubtful } else { &mut refused }.push(problem);
    }
    if !refused.is_empty() {
        return Err(refusal(&refused, operation));
    }
    let warnings = doubtful.iter().map(|problem| {
        format!("{} is not in PagerDuty's description of {}, so PagerDuty may ignore it.", problem.place, operation.id)
    });
    Ok((Any { operation, path, query, body: body.cloned() }, warnings.collect()))
}

/// Returns the error for a path that is no operation.
fn unknown_operation(method: &str, path: &str, unknown: Unknown) -> Error {
    let refused = |message: String| Error::new(Code::InvalidParameter, message);
    match unknown {
        Unknown::Method(others) => {
            let message = format!("PagerDuty has no {method} {path}");
            refused(message).hint(format!("The path has {}.", others.join(", ")))
        }
        Unknown::Path(similar) => {
            let similar: Vec<_> = similar.iter().map(|one| format!("{} {}", one.method, one.path)).collect();
            let message = format!("PagerDuty has no operation at {path:?}");
            refused(message).hint(format!("Similar ones: {}. find_api finds others.", similar.join("; ")))
        }
        Unknown::Value { name, value, allowed } => {
            let hint = match allowed {
                Some(allowed) => {
                    format!(
                        "Use one of {}.",
                        allowed.split('|').filter(|one| !one.is_empty()).collect::<Vec<_>>().join(", ")
                    )
                }
                None => "Use an ID as PagerDuty has it.".to_owned(),
            };
            refused(format!("the path has {value:?} in the place of {name}, which is not allowed")).hint(hint)
        }
    }
}

/// Returns the error for the parts of a request that PagerDuty would refuse.
fn refusal(problems: &[Problem], operation: &'static Operation) -> Error {
    let described = |problem: &Problem| {
        let nearest = problem.nearest.map(|name| format!("; {name} is")).unwrap_or_default();
        format!("{} {}{nearest}", problem.place, problem.fault)
    };
    let message = problems.iter().map(described).collect::<Vec<_>>().join("; ");
    let known: Vec<_> = operation.query.keys().map(|name| name.trim_end_matches('*')).collect();
    let hint = if operation.body.is_some() {
        example(operation)
    } else if known.is_empty() {
        format!("{} takes no query parameters.", operation.id)
    } else {
        format!("{} takes {}.", operation.id, known.join(", "))
    };
    Error::new(Code::InvalidParameter, message).hint(hint)
}

fn example(operation: &'static Operation) -> String {
    Reference::get().example(operation).map_or_else(
        || format!("{} takes no body.", operation.id),
        |example| format!("A body of {} is like {example}.", operation.id),
    )
}
