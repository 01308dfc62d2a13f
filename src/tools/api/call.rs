//! `call_api`: calls any operation of the API.

use serde_json::{Map, Value, json};

use super::super::{About, Context, Tool, run};
use super::request;
use crate::client::Any;
use crate::error::{Code, Error, Result};
use crate::params::{Choice, Flag, Json, Text, Texts, Word};
use crate::reply::Reply;

/// Calls an operation.
pub(super) const CALL_API: Tool = Tool::new::<Params>(
    "call_api",
    About {
        title: "Call any operation of PagerDuty's REST API",
        description: "Change anything by PagerDuty's REST API. Only when the user asks for it. find_api has the path and an \
                      example body.",
        hint: "rest api post put delete patch raw request change create update anything",
    },
    &[],
    |cx, arguments| run(cx, arguments, call_api),
)
.destructive()
.changing_anything();

/// The methods.
#[derive(Clone, Copy, Debug)]
pub struct Methods;

impl Choice for Methods {
    const WORDS: &'static [&'static str] = &["POST", "PUT", "PATCH", "DELETE", "GET"];
}

crate::params! {
    struct Params {
        "GET only where it makes PagerDuty act"
        method: Word<Methods>,
        "Like /teams/PABC123/members"
        path: Text,
        "Each name=value, like since=2026-12-01"
        query: Texts,
        "JSON"
        body: Option<Json>,
        "Only show what would change"
        dry_run: Flag<false>,
    }
}

async fn call_api(cx: Context, params: Params) -> Result<Reply> {
    let body = params.body.as_ref().map(Json::value);
    let (any, warnings) = request::read(params.method.get(), &params.path.to_string(), params.query.as_slice(), body)?;
    if any.operation.is_read() {
        let message = format!("{} only reads", any.subject());
        return Err(Error::new(Code::InvalidParameter, message).hint("Use get_api."));
    }
    let mut fields = Map::new();
    let dry_run = params.dry_run.is_on();
    fields.insert("outcome".to_owned(), if dry_run { "dry_run" } else { "applied" }.into());
    fields.insert("sent".to_owned(), (!dry_run).into());
    fields.insert("operation".to_owned(), any.subject().into());
    fields.insert("does".to_owned(), any.operation.does.into());
    if dry_run {
        fields.insert("request".to_owned(), shown(&any));
        let (before, warning) = before(&cx, &any).await;
        fields.extend(before.map(|before| ("before".to_owned(), before)));
        return Ok(Reply::flat(fields).warned(warnings).warned(warning));
    }
    let from = if any.operation.from { cx.api.author().await? } else { None };
    let (answer, warning) = cx.api.write_any(&any, from).await?;
    if !answer.is_null() {
        fields.insert("answer".to_owned(), answer);
    }
    Ok(Reply::flat(fields).warned(warnings).warned(warning))
}

/// Returns the request for an answer.
fn shown(any: &Any) -> Value {
    let query: Vec<_> = any.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut shown = json!({"method": any.operation.method, "path": any.path});
    if let Value::Object(shown) = &mut shown {
        if !query.is_empty() {
            shown.insert("query".to_owned(), query.into());
        }
        shown.extend(any.body.clone().map(|body| ("body".to_owned(), body)));
    }
    shown
}

/// Reads the object that the request would change, if its path can be read.
async fn before(cx: &Context, any: &Any) -> (Option<Value>, Option<String>) {
    let Ok((read, _)) = request::read("GET", &any.path, &[], None) else { return (None, None) };
    match cx.api.read_any(&read).await {
        Ok(before) => (Some(before), None),
        Err(error) => (None, Some(format!("The state before could not be read: {error}"))),
    }
}
