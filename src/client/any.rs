//! Requests of any operation of the API, which no tool declares.
//!
//! The operation comes from the table of all operations, which has already checked the path, the parameters and the body.
//! An answer is returned as it came.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use pagerduty_api::{Answer, Effect, Method, Operation, Resource, operations};
use pagerduty_reference as reference;
use pagerduty_rows::decode::text;
use pagerduty_rows::object::Object;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::accounts::memory::{Earlier, Outcome};
use super::decode::Unreadable;
use super::request::Write;
use super::writes::{Seen, Verify};
use super::{Api, Query, Request};
use crate::error::{Error, Result};
use crate::sync::lock;

/// The resource of operations that no tool declares.
const OBJECT: Resource = Resource { noun: "object", one: "object", many: "objects", pages: &[] };

/// The member under which the answer to a write is passed on.
const ANSWER: &str = "answer";

/// Reads the path of an operation, and its query if it has one. The text may be a whole address.
#[must_use]
pub fn address(text: &str) -> (String, Vec<(String, String)>) {
    let text = text.trim();
    let rest = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let text = rest.map_or(text, |rest| rest.find('/').and_then(|start| rest.get(start..)).unwrap_or_default());
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    (format!("/{}", path.trim_matches('/')), query)
}

/// A request of any operation.
#[derive(Clone, Debug)]
pub struct Any {
    /// The operation.
    pub operation: &'static reference::Operation,
    /// The path, with the IDs.
    pub path: String,
    /// The parameters, with complete names: `team_ids[]`.
    pub query: Vec<(String, String)>,
    /// The body.
    pub body: Option<Value>,
}

impl Any {
    /// Returns the method and the path.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("{} {}", self.operation.method, self.path)
    }

    fn request(&self) -> Request {
        let headers = self.operation.headers.iter().map(|(name, value)| (*name, *value)).collect();
        let query = Query::new().with_pairs(self.query.iter().cloned());
        Request::new(declared(self.operation), query).at(&self.path).about(&self.subject()).with_headers(headers)
    }
}

impl Api {
    /// Sends a read and returns the body of the answer.
    pub async fn read_any(&self, any: &Any) -> Result<Value> {
        self.send(&any.request(), body).await
    }

    /// Sends a write and returns the body of the answer, which is null if it is empty, with a warning.
    ///
    /// How a lost response could be verified is not known, so the outcome is unknown then.
    pub async fn write_any(&self, any: &Any, from: Option<String>) -> Result<(Value, Option<String>)> {
        let hint = format!("Check it with get_api before calling again: {} may have taken effect.", any.subject());
        let sent = any.body.clone().unwrap_or_default();
        let pairs: String = any.query.iter().flat_map(|(name, value)| [name, "=", value, "&"]).collect();
        let write = Write { gerund: "sending", hint, key: format!("{}?{pairs} {sent}", any.subject()) };
        let request = any.request().writing(sent, from, write);
        let changed = self
            .write(&request, Unverified { effect: request.operation.effect, has_answer: any.operation.key.is_some() })
            .await?;
        Ok((changed.shown.members().remove(ANSWER).unwrap_or_default(), changed.warning))
    }
}

/// A write whose outcome cannot be verified.
struct Unverified {
    effect: Effect,
    /// Whether PagerDuty answers with an object.
    has_answer: bool,
}

impl Verify for Unverified {
    fn decode(&self, bytes: &[u8]) -> Result<Object, Unreadable> {
        let is_empty = bytes.iter().all(u8::is_ascii_whitespace);
        let answer = if is_empty && !self.has_answer { Value::Null } else { body(bytes)? };
        Ok(Object::from_members(Map::from_iter([(ANSWER.to_owned(), answer)])))
    }

    async fn verify(&mut self, _: &Api, _: Instant, _: &Error) -> Seen {
        Seen::Unknown("this operation has no general way to verify it".to_owned())
    }

    fn outcome(&self, _: &Api, shown: &Object) -> Outcome {
        Outcome::Done(Some(shown.clone()))
    }

    fn repeat_warning(&self, earlier: &Earlier) -> Option<String> {
        let ago = earlier.sent.elapsed().as_secs();
        (self.effect == Effect::Once && matches!(earlier.outcome, Outcome::Unknown)).then(|| {
            format!(
                "An identical call sent this {ago} s ago, and its outcome is not known: it may have taken effect twice."
            )
        })
    }
}

fn body(bytes: &[u8]) -> Result<Value, Unreadable> {
    Ok(serde_json::from_str(&text(bytes))?)
}

/// Returns the operation in the form that requests have. Each is created once, when it is first used.
fn declared(any: &'static reference::Operation) -> &'static Operation {
    static CREATED: LazyLock<Mutex<HashMap<&'static str, &'static Operation>>> = LazyLock::new(Mutex::default);
    if let Some(known) = operations::all().find(|operation| operation.id == any.id) {
        return known;
    }
    lock(&CREATED).entry(any.id).or_insert_with(|| {
        let (method, effect) = match any.method {
            "POST" => (Method::Post, Effect::Once),
            "PUT" => (Method::Put, Effect::Idempotent),
            "PATCH" => (Method::Patch, Effect::Idempotent),
            "DELETE" => (Method::Delete, Effect::Idempotent),
            // A GET that makes PagerDuty act is sent once.
            _ if any.acts => (Method::Get, Effect::Once),
            _ => (Method::Get, Effect::Read),
        };
        let (resource, answer, scopes) = (&OBJECT, Answer::Nothing, any.scopes.as_slice());
        Box::leak(Box::new(Operation {
            id: any.id,
            method,
            path: any.path,
            resource,
            part: None,
            answer,
            effect,
            scopes,
        }))
    })
}
