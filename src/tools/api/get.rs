//! `get_api`: reads any operation of the API.

use pagerduty_api::{MAX_PAGE, MAX_ROWS};
use pagerduty_reference::Paging;
use pagerduty_rows::object::Object;
use serde_json::{Map, Value};

use super::super::{About, Context, Tool, run};
use super::request;
use crate::client::Any;
use crate::error::{Code, Error, Result};
use crate::params::{Limit, Text, Texts};
use crate::reply::Reply;

/// Reads an operation.
pub(super) const GET_API: Tool = Tool::new::<Params>(
    "get_api",
    About {
        title: "Read any operation of PagerDuty's REST API",
        description: "Read (GET) any path of PagerDuty's REST API. find_api finds the path.",
        hint: "rest api get read raw path endpoint request",
    },
    &[],
    |cx, arguments| run(cx, arguments, get_api),
);

crate::params! {
    struct Params {
        "Like /teams/PABC123/members"
        path: Text,
        "Each name=value, like since=2026-12-01"
        query: Texts,
        "Only these fields"
        fields: Texts,
        "Max results, default 100"
        limit: Option<Limit>,
    }
}

async fn get_api(cx: Context, params: Params) -> Result<Reply> {
    let (mut any, warnings) = request::read("GET", &params.path.to_string(), params.query.as_slice(), None)?;
    if any.operation.acts {
        let message = format!("{} makes PagerDuty act, so it is no read", any.subject());
        return Err(Error::new(Code::InvalidParameter, message).hint("Use call_api with method=GET."));
    }
    let wanted: Vec<_> = params.fields.as_slice().iter().flat_map(|names| names.split(',')).map(str::trim).collect();
    let asked = params.limit.map(Limit::get).or_else(|| taken(&mut any, "limit"));
    let reply = if let Some(paging) = any.operation.paging {
        list(&cx, &any, paging, asked.unwrap_or(Limit::DEFAULT), &wanted).await?
    } else {
        if let Some(limit) = asked.filter(|_| any.operation.query.contains_key("limit")) {
            any.query.push(("limit".to_owned(), limit.to_string()));
        }
        let body = cx.api.read_any(&any).await?;
        whole(&cx, &any, body, &wanted)
    };
    Ok(reply.warned(warnings))
}

/// Takes a number out of the query.
fn taken(any: &mut Any, name: &str) -> Option<usize> {
    let place = any.query.iter().position(|(known, _)| known == name)?;
    any.query.remove(place).1.parse().ok()
}

/// Returns an answer that has no pages.
fn whole(cx: &Context, any: &Any, body: Value, wanted: &[&str]) -> Reply {
    let Value::Object(mut body) = body else { return Reply::flat(Map::from_iter([("answer".to_owned(), body)])) };
    if let Some(key) = key(any, &body).filter(|key| body.get(key).is_some_and(Value::is_array))
        && let Some(Value::Array(rows)) = body.shift_remove(&key)
    {
        return rows_of(cx, &key, rows, wanted, Next::None);
    }
    let shown = body.into_iter().map(|(name, value)| (name, projected(value, wanted)));
    Reply::flat(shown.collect())
}

/// The place at which a list continues.
enum Next {
    None,
    Offset(usize),
    Cursor(&'static str, String),
}

/// Reads pages until there are as many rows as asked for.
async fn list(cx: &Context, any: &Any, paging: Paging, limit: usize, wanted: &[&str]) -> Result<Reply> {
    let mut any = any.clone();
    let mut offset = match paging {
        Paging::Offset => taken(&mut any, "offset").unwrap_or_default(),
        Paging::Cursor | Paging::After => 0,
    };
    let (mut rows, mut name) = (Vec::new(), None);
    let next = loop {
        let mut page = any.clone();
        let size = (limit - rows.len()).min(MAX_PAGE);
        page.query.push(("limit".to_owned(), size.to_string()));
        if paging == Paging::Offset {
            page.query.push(("offset".to_owned(), offset.to_string()));
        }
        let Value::Object(mut body) = cx.api.read_any(&page).await? else { break Next::None };
        let Some(key) = key(&any, &body) else {
            // Not a list after all.
            return Ok(whole(cx, &any, Value::Object(body), wanted));
        };
        let more = body.get("more").is_some_and(|more| more == true);
        let found = match body.shift_remove(&key) {
            Some(Value::Array(found)) => found,
            other => {
                body.extend(other.map(|other| (key, other)));
                return Ok(whole(cx, &any, Value::Object(body), wanted));
            }
        };
        offset += found.len();
        let is_empty = found.is_empty();
        rows.extend(found);
        name.get_or_insert(key);
        let next = match paging {
            Paging::Offset => (more && offset < MAX_ROWS).then_some(Next::Offset(offset)),
            Paging::Cursor => text(&body, "next_cursor").map(|cursor| Next::Cursor("cursor", cursor)),
            Paging::After => text(&body, "after").map(|after| Next::Cursor("after", after)),
        };
        let Some(next) = next.filter(|_| !is_empty) else { break Next::None };
        if rows.len() >= limit {
            break next;
        }
        if let Next::Cursor(name, value) = &next {
            any.query.retain(|(known, _)| known != name);
            any.query.push(((*name).to_owned(), value.clone()));
        }
    };
    Ok(rows_of(cx, name.as_deref().unwrap_or("rows"), rows, wanted, next))
}

fn text(body: &Map<String, Value>, name: &str) -> Option<String> {
    body.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Returns the member of an answer that holds the rows.
fn key(any: &Any, body: &Map<String, Value>) -> Option<String> {
    let described = any.operation.key.filter(|key| body.contains_key(*key)).map(str::to_owned);
    described.or_else(|| {
        let mut lists = body.iter().filter(|(_, value)| value.is_array()).map(|(name, _)| name);
        lists.next().cloned().filter(|_| lists.next().is_none())
    })
}

/// Returns rows as an answer, cut where the budget ends.
fn rows_of(cx: &Context, key: &str, rows: Vec<Value>, wanted: &[&str], next: Next) -> Reply {
    let mut budget = cx.budget();
    let count = rows.len();
    let mut shown = Vec::new();
    for row in rows {
        let row = projected(row, wanted);
        let fits = budget.take(&Object::from_members(Map::from_iter([(String::new(), row.clone())])));
        if !fits && !shown.is_empty() {
            break;
        }
        shown.push(row);
    }
    let is_cut = shown.len() < count;
    let mut fields = Map::new();
    fields.insert("count".to_owned(), shown.len().into());
    fields.insert("has_more".to_owned(), (is_cut || !matches!(next, Next::None)).into());
    let kept = shown.len();
    fields.insert(key.to_owned(), shown.into());
    let mut reply = Reply::flat(fields);
    if is_cut {
        reply.warn(format!("The answer is full: {kept} of {count} rows are here. Name the fields you need in fields."));
    } else {
        match next {
            Next::None => {}
            Next::Offset(offset) => reply.set("next", format!("offset={offset}")),
            Next::Cursor(name, value) => reply.set("next", format!("{name}={value}")),
        }
    }
    reply
}

/// Returns a value without the members that say nothing: nulls, empty ones, and links to itself. Only the `wanted` fields
/// are kept, if there are any.
fn projected(value: Value, wanted: &[&str]) -> Value {
    match value {
        Value::Object(members) => {
            let is_kept = |name: &str, value: &Value| match wanted {
                [] => name != "self" && !is_empty(value),
                names => names.contains(&name),
            };
            let kept = members.into_iter().map(|(name, value)| (name, projected(value, &[])));
            Value::Object(kept.filter(|(name, value)| is_kept(name, value)).collect())
        }
        Value::Array(values) => values.into_iter().map(|value| projected(value, wanted)).collect(),
        other => other,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
