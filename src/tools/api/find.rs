//! `find_api`: finds operations of the API by words.

use pagerduty_reference::{Members, Operation, Reference};
use serde_json::{Map, Value, json};

use super::super::{About, Context, Tool, all, run};
use crate::error::Result;
use crate::params::Text;
use crate::reply::Reply;

/// Finds operations.
pub(super) const FIND_API: Tool = Tool::new::<Params>(
    "find_api",
    About {
        title: "Find an operation of PagerDuty's REST API",
        description: "Search all 465 operations of PagerDuty's REST API by purpose, with parameters and an example body.",
        hint: "rest api endpoint operation reference anything else raw request webhook tag license orchestration extension",
    },
    &[],
    |cx, arguments| run(cx, arguments, find_api),
);

crate::params! {
    struct Params {
        "Purpose, like: add a user to a team"
        query: Text,
    }
}

/// The most operations in an answer.
const MOST: usize = 5;

async fn find_api(_: Context, params: Params) -> Result<Reply> {
    let reference = Reference::get();
    let found = reference.search(&params.query.to_string(), MOST);
    let mut fields = Map::new();
    fields.insert("count".to_owned(), found.len().into());
    let is_empty = found.is_empty();
    fields.insert("operations".to_owned(), found.into_iter().map(|one| shown(reference, one)).collect());
    let mut reply = Reply::flat(fields);
    if is_empty {
        reply.warn("No operation has one of these words. Name the kind of object and the action, like: delete a team.");
    }
    Ok(reply)
}

/// Returns an operation for an answer.
fn shown(reference: &'static Reference, operation: &'static Operation) -> Value {
    let mut shown = Map::new();
    shown.insert("operation".to_owned(), format!("{} {}", operation.method, operation.path).into());
    shown.insert("does".to_owned(), operation.does.into());
    let mut set = |name: &str, value: Value| {
        let is_empty = value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
        if !is_empty && !value.is_null() {
            shown.insert(name.to_owned(), value);
        }
    };
    let tools: Vec<_> = all()
        .filter(|tool| tool.operations.first().is_some_and(|first| first.id == operation.id))
        .map(|tool| tool.name)
        .collect();
    set("tools", json!(tools));
    set("path", members(&operation.at));
    set("query", members(&operation.query));
    set("body", reference.example(operation).unwrap_or_default());
    set("body_fields", reference.fields(operation));
    set("media_type", json!(operation.media));
    set("scopes", json!(operation.scopes));
    if operation.deprecated {
        set("deprecated", true.into());
    }
    shown.into()
}

fn members(members: &Members) -> Value {
    Value::Object(members.iter().map(|(name, kind)| ((*name).to_owned(), kind.trim_end_matches('|').into())).collect())
}
