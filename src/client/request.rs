//! A request as data: an operation, the ID and the query that it is sent with, and the write that it makes.

use pagerduty_api::{Answer, MAX_VALUES, Operation};
use serde_json::Value;

use crate::error::{Code, Error};
use crate::ids::Id;

/// One request to the API.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) operation: &'static Operation,
    pub(super) path: String,
    /// The ID in the path, or those in the body.
    pub(super) id: Option<String>,
    pub(super) query: Query,
    pub(super) body: Option<Value>,
    /// Headers that the operation requires.
    pub(super) headers: Vec<(&'static str, &'static str)>,
    /// The `From` address: the author of a write.
    pub(super) from: Option<String>,
    /// The requested object or list, for messages: "team PABC123".
    pub(super) subject: String,
    /// The write, unless the operation only reads.
    pub(super) write: Option<Write>,
}

/// A write, in words.
#[derive(Clone, Debug)]
pub(super) struct Write {
    /// The action on the subject, as a gerund: "adding the note to".
    pub gerund: &'static str,
    /// The next step when the outcome is unknown.
    pub hint: String,
    /// The key of the write in the memory of its account.
    pub key: String,
}

impl Request {
    /// Creates a request for an operation whose path has no ID.
    #[must_use]
    pub fn new(operation: &'static Operation, query: Query) -> Self {
        let subject = match operation.answer {
            Answer::Many(rows, _) => rows.many.replace('_', " "),
            Answer::One(resource) | Answer::Outcomes(resource) => format!("the {}", resource.noun),
            Answer::Nothing => format!("the {}", operation.resource.noun),
        };
        let path = operation.path.to_owned();
        Self { operation, path, id: None, query, body: None, headers: Vec::new(), from: None, subject, write: None }
    }

    /// Creates a request for an operation on the object with this ID.
    #[must_use]
    pub fn on<M>(operation: &'static Operation, id: &Id<M>, query: Query) -> Self {
        let path = operation.path_with(&[id.as_str()]);
        let subject = format!("{} {id}", operation.resource.noun);
        Self {
            operation,
            path,
            id: Some(id.to_string()),
            query,
            body: None,
            headers: Vec::new(),
            from: None,
            subject,
            write: None,
        }
    }

    /// Creates a request for an operation on a part of the object with this ID, such as an override of a schedule.
    #[must_use]
    pub fn below<M, P>(operation: &'static Operation, id: &Id<M>, part: &Id<P>, query: Query) -> Self {
        let path = operation.path_with(&[id.as_str(), part.as_str()]);
        let whole = Self::on(operation, id, query);
        let noun = operation.part.map_or("part", |resource| resource.noun);
        let subject = format!("{noun} {part} of {}", whole.subject);
        Self { path, subject, ..whole }
    }

    /// Names the subject in messages.
    #[must_use]
    pub(super) fn about(self, subject: &str) -> Self {
        Self { subject: subject.to_owned(), ..self }
    }

    /// Adds the body of a read that has one.
    #[must_use]
    pub(super) fn with_body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Names the objects in its body by their IDs, for the log.
    #[must_use]
    pub(super) fn naming(self, ids: String) -> Self {
        Self { id: Some(ids), ..self }
    }

    /// Makes it a write by the author `from`. A `null` is no body.
    #[must_use]
    pub(super) fn writing(self, body: Value, from: Option<String>, write: Write) -> Self {
        Self { body: Some(body).filter(|body| !body.is_null()), from, write: Some(write), ..self }
    }

    /// Adds the headers that its operation requires.
    #[must_use]
    pub(super) fn with_headers(self, headers: Vec<(&'static str, &'static str)>) -> Self {
        Self { headers, ..self }
    }

    /// Sets the path, whose placeholders have been filled in.
    #[must_use]
    pub(super) fn at(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// Returns the key of the write in the memory of its account, which is empty for a read.
    pub(super) fn key(&self) -> &str {
        self.write.as_ref().map_or("", |write| &write.key)
    }

    /// Returns the filters of the query that hold IDs from the caller.
    pub(super) fn given_ids(&self) -> &[&'static str] {
        &self.query.given
    }

    /// Returns whether the request has no ID, no parameter and no body that could be wrong.
    pub(super) fn has_no_argument(&self) -> bool {
        !self.operation.names_one() && self.query.pairs.is_empty() && self.body.is_none()
    }

    /// Returns the error for a write whose outcome is unknown after this error.
    pub(super) fn unknown_after(&self, error: &Error) -> Error {
        self.unknown(error.message()).map_or_else(|| error.clone(), |unknown| unknown.with_facts_of(error))
    }

    /// Returns the error for a write whose outcome is unknown, or `None` for a read.
    pub(super) fn unknown(&self, why: &str) -> Option<Error> {
        let Write { gerund, hint, .. } = self.write.as_ref()?;
        let message = format!("it is not known whether {gerund} {} took effect: {why}", self.subject);
        Some(Error::new(Code::OutcomeUnknown, message).hint(hint.as_str()))
    }
}

/// A query string under construction. Absent values add nothing.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pub(super) pairs: Vec<(String, String)>,
    /// The lists of IDs from the caller, which an error may name.
    given: Vec<&'static str>,
}

impl Query {
    /// Creates an empty query.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a single value.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<impl ToString>) -> Self {
        self.pairs.extend(value.map(|value| (name.to_owned(), value.to_string())));
        self
    }

    /// Adds parameters whose names are complete.
    #[must_use]
    pub fn with_pairs(mut self, pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        self.pairs.extend(pairs);
        self
    }

    /// Adds a list of values.
    ///
    /// PagerDuty ignores array parameters whose name lacks the `[]`, which would widen the query.
    #[must_use]
    pub fn with_all<T: ToString>(mut self, name: &str, values: &[T]) -> Self {
        self.pairs.extend(values.iter().map(|value| (format!("{name}[]"), value.to_string())));
        self
    }

    /// Adds a list of IDs from the caller.
    #[must_use]
    pub fn with_given<M>(mut self, name: &'static str, ids: &[Id<M>]) -> Self {
        self.given.extend((!ids.is_empty()).then_some(name));
        self.with_all(name, ids)
    }

    /// Returns the text that the query searches names for.
    #[must_use]
    pub fn searched(&self) -> Option<&str> {
        self.pairs.iter().find(|(name, _)| name == "query").map(|(_, value)| value.as_str())
    }

    /// Splits a query with more values than one request can hold into several, whose answers together are the result.
    pub(super) fn in_portions(self) -> Vec<Self> {
        let count = |name: &str| self.pairs.iter().filter(|(other, _)| other == name).count();
        let Some(long) = self.pairs.iter().map(|(name, _)| name).find(|name| count(name) > MAX_VALUES).cloned() else {
            return vec![self];
        };
        let (values, rest): (Vec<_>, Vec<_>) = self.pairs.into_iter().partition(|(name, _)| *name == long);
        let portion =
            |values: &[_]| Self { pairs: rest.iter().chain(values).cloned().collect(), given: self.given.clone() };
        values.chunks(MAX_VALUES).flat_map(|values| portion(values).in_portions()).collect()
    }

    /// Returns a name for the requested list, regardless of the requested part.
    ///
    /// `until` is not part of it: where it was not given, it moves with the clock.
    pub(super) fn list(&self) -> String {
        let moves = ["limit", "offset", "total", "until"];
        let pairs = self.pairs.iter().filter(|(name, _)| !moves.contains(&name.as_str()));
        pairs.map(|(name, value)| [name, "=", value, "&"].concat()).collect()
    }
}
