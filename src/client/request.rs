//! A request as data: method, path, query, body, and what kind it is.

use reqwest::Method;
use serde_json::Value;

use super::policy::Kind;
use super::resources::Resource;
use crate::error::{Code, Error};
use crate::ids::Id;

/// One request to the API.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    /// The path with `{id}` in place of IDs, for metrics.
    pub(super) template: String,
    pub(super) query: Query,
    pub(super) body: Option<Value>,
    pub(super) from: Option<String>,
    pub(super) kind: Kind,
    /// What is asked for, for messages: "team PABC123".
    pub(super) subject: String,
    /// What it changes, if anything.
    pub(super) change: Option<Change>,
}

/// A change, in words.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// What is done to the subject: "adding the note to".
    pub deed: &'static str,
    /// The next step when it is not known whether it was done.
    pub look: String,
    /// The change's key in the credential's memory.
    pub key: String,
}

impl Request {
    /// Reads a list.
    #[must_use]
    pub fn list(resource: &'static Resource, query: Query) -> Self {
        Self::get(resource.path.to_owned(), query, resource.many.replace('_', " "))
    }

    /// Reads what belongs to one object: the `{id}` of the resource's path.
    #[must_use]
    pub fn below<M>(resource: &'static Resource, id: &Id<M>, query: Query) -> Self {
        let path = resource.path.replace("{id}", id.as_str());
        let request = Self::get(path, query, format!("{} {id}", resource.noun));
        Self { template: resource.path.to_owned(), ..request }
    }

    /// Reads one object.
    #[must_use]
    pub fn one<M>(resource: &'static Resource, id: &Id<M>, query: Query) -> Self {
        let request = Self::get(format!("{}/{id}", resource.path), query, format!("{} {id}", resource.noun));
        Self { template: format!("{}/{{id}}", resource.path), ..request }
    }

    /// Reads a fixed path.
    #[must_use]
    pub(super) fn get(path: String, query: Query, subject: String) -> Self {
        let template = path.clone();
        Self {
            method: Method::GET,
            path,
            template,
            query,
            body: None,
            from: None,
            kind: Kind::Read,
            subject,
            change: None,
        }
    }

    /// Makes a change of it, in the name of `from`.
    #[must_use]
    pub(super) fn change(
        mut self,
        method: Method,
        body: Value,
        from: Option<String>,
        kind: Kind,
        change: Change,
    ) -> Self {
        self.method = method;
        self.body = Some(body);
        self.from = from;
        self.kind = kind;
        self.change = Some(change);
        self
    }

    /// Returns whether the path names one object.
    pub(super) fn names_one(&self) -> bool {
        self.template.contains("{id}")
    }

    /// Returns the filters of the query that hold IDs from the caller.
    pub(super) fn given_ids(&self) -> &[&'static str] {
        &self.query.given
    }

    /// Returns whether the request has no ID, no parameter and no body that could be wrong.
    pub(super) fn asks_for_nothing(&self) -> bool {
        !self.names_one() && self.query.pairs.is_empty() && self.body.is_none()
    }

    /// Its operation, as PagerDuty counts them.
    pub(super) fn operation(&self) -> String {
        format!("{} {}", self.method, self.template)
    }

    /// The same, for what went wrong.
    pub(super) fn unknown_after(&self, error: &Error) -> Error {
        self.unknown(error.message()).map_or_else(|| error.clone(), |unknown| unknown.with_facts_of(error))
    }

    /// The error when it cannot be known whether the change took effect; `None` for what changes nothing.
    pub(super) fn unknown(&self, why: &str) -> Option<Error> {
        let Change { deed, look, .. } = self.change.as_ref()?;
        let message = format!("it is not known whether {deed} {} took effect: {why}", self.subject);
        Some(Error::new(Code::OutcomeUnknown, message).hint(look.as_str()))
    }
}

/// The most values of one parameter in a request: two such lists still make a URL that every server on the way accepts.
pub const MOST_VALUES: usize = 100;

/// A query string in the making. Absent values add nothing.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pub(super) pairs: Vec<(String, String)>,
    /// The lists of IDs that the caller gave, which an error may name.
    given: Vec<&'static str>,
}

impl Query {
    /// An empty query.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A single value.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<impl ToString>) -> Self {
        self.pairs.extend(value.map(|value| (name.to_owned(), value.to_string())));
        self
    }

    /// A list of values. PagerDuty ignores array parameters whose name lacks the `[]`, which would widen the query.
    #[must_use]
    pub fn with_all<T: ToString>(mut self, name: &str, values: &[T]) -> Self {
        self.pairs.extend(values.iter().map(|value| (format!("{name}[]"), value.to_string())));
        self
    }

    /// A list of IDs that the caller gave.
    #[must_use]
    pub fn with_given<M>(mut self, name: &'static str, ids: &[Id<M>]) -> Self {
        self.given.extend((!ids.is_empty()).then_some(name));
        self.with_all(name, ids)
    }

    /// Splits a query that names more values than one request can hold into several, whose answers together are the
    /// result.
    pub(super) fn in_portions(self) -> Vec<Self> {
        let count = |name: &str| self.pairs.iter().filter(|(other, _)| other == name).count();
        let Some(long) = self.pairs.iter().map(|(name, _)| name).find(|name| count(name) > MOST_VALUES).cloned() else {
            return vec![self];
        };
        let (values, rest): (Vec<_>, Vec<_>) = self.pairs.into_iter().partition(|(name, _)| *name == long);
        let portion =
            |values: &[_]| Self { pairs: rest.iter().chain(values).cloned().collect(), given: self.given.clone() };
        values.chunks(MOST_VALUES).flat_map(|values| portion(values).in_portions()).collect()
    }

    /// Returns a name for the requested list, regardless of the requested part. `until` is left out because it moves
    /// with the clock where it was not given.
    pub(super) fn list(&self) -> String {
        let moves = ["limit", "offset", "total", "until"];
        let pairs = self.pairs.iter().filter(|(name, _)| !moves.contains(&name.as_str()));
        pairs.map(|(name, value)| [name, "=", value, "&"].concat()).collect()
    }
}
