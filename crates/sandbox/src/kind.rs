//! Kinds of objects, declared as data. The engine lists, shows and checks objects of every kind by these tables.

use serde_json::Value;

use super::account::Account;
use super::documents::{Document, id_of};

/// A kind of object.
#[derive(Debug)]
pub struct Kind {
    /// The key of one object in an answer, and its `type`.
    pub name: &'static str,
    /// The key of several, and of their documents.
    pub many: &'static str,
    /// Their collection in the API.
    pub path: &'static str,
    /// The folder on the website.
    pub page: &'static str,
    /// The operations that the engine serves. A kind's module in `behavior` has the others.
    pub serves: &'static [Verb],
    /// The fields after the five that every object begins with, in the order of PagerDuty's answers.
    pub fields: &'static [Field],
    /// The parameters that narrow a list.
    pub filters: &'static [(&'static str, Filter)],
    /// Returns the reason if a document is not valid, beyond the types of its fields.
    pub check: fn(&Document) -> Result<(), String>,
    /// The documents of the initial account, as a list in JSON.
    pub seed: &'static str,
}

/// An operation that is the same for every kind.
#[derive(Clone, Copy, Debug)]
pub enum Verb {
    List,
    Show,
    Create,
    Update,
    Delete,
}

/// Every operation of the engine.
pub const CRUD: &[Verb] = &[Verb::List, Verb::Show, Verb::Create, Verb::Update, Verb::Delete];

/// A field of a kind.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    /// The value of a document that leaves the field out, in JSON. Without it the field is required.
    pub default: Option<&'static str>,
    /// The value of `include[]` that replaces the references in it by objects.
    pub include: &'static str,
    /// Set if its objects exist only inside their owner, as an integration does in its service. One without an ID gets one.
    pub parts: bool,
    /// Set if the field is used by the account and is in no answer of the engine.
    pub hidden: bool,
    /// Set if no two objects may have the same value, in upper or lower case.
    pub unique: bool,
    /// Computes the value for each answer.
    pub compute: Option<Compute>,
    /// Reads the value in a request. Without it, a computed field is ignored there, and others are stored as they are.
    pub accept: Option<Accept>,
}

/// Computes a field from the account and the document.
pub type Compute = fn(&Account, &Document) -> Value;

/// Returns the value to store for one in a request, or the reason if it is not valid. An update has the stored document.
pub type Accept = fn(Option<&Document>, &Value) -> Result<Value, String>;

/// A condition on a document, for the values of a parameter.
#[derive(Debug)]
pub enum Filter {
    /// One of these fields contains a value, in upper or lower case.
    Contains(&'static [&'static str]),
    /// The field is a value.
    Is(&'static str),
    /// The field holds a reference with a value as its ID.
    Refers(&'static str),
    /// The function decides for each value.
    By(fn(&Account, &Document, &str) -> bool),
}

/// A field that each document has to give.
pub const fn required(name: &'static str) -> Field {
    Field { name, default: None, include: "", parts: false, hidden: false, unique: false, compute: None, accept: None }
}

/// A field with a default in JSON.
pub const fn optional(name: &'static str, default: &'static str) -> Field {
    Field { default: Some(default), ..required(name) }
}

/// A field that is computed.
pub const fn computed(name: &'static str, compute: Compute) -> Field {
    Field { compute: Some(compute), ..optional(name, "null") }
}

impl Field {
    /// Sets the value of `include[]` for the references in the field.
    pub const fn include(self, include: &'static str) -> Self {
        Self { include, ..self }
    }

    /// Computes the value for each answer, from the one that is stored and others.
    pub const fn computed(self, compute: Compute) -> Self {
        Self { compute: Some(compute), ..self }
    }

    /// Reads the value in requests.
    pub const fn accepted(self, accept: Accept) -> Self {
        Self { accept: Some(accept), ..self }
    }

    /// Requires a different value in each object.
    pub const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    /// Marks the objects in the field as parts of their owner.
    pub const fn parts(self) -> Self {
        Self { parts: true, ..self }
    }

    /// Keeps the field out of answers.
    pub const fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }

    /// Returns whether requests may write the field.
    pub fn is_writable(&self) -> bool {
        !self.hidden && !self.parts && (self.compute.is_none() || self.accept.is_some())
    }
}

impl Filter {
    /// Returns whether the document meets the condition for one of the values.
    pub fn matches(&self, account: &Account, document: &Document, wanted: &[&str]) -> bool {
        let text = |field: &str| document.get(field).and_then(Value::as_str).unwrap_or_default();
        match self {
            Self::Contains(fields) => fields.iter().any(|field| contains(text(field), wanted)),
            Self::Is(field) => wanted.contains(&text(field)),
            Self::Refers(field) => match document.get(*field) {
                Some(Value::Array(references)) => references.iter().any(|one| wanted.contains(&id_of(one))),
                Some(reference) => wanted.contains(&id_of(reference)),
                None => false,
            },
            Self::By(matches) => wanted.iter().any(|wanted| matches(account, document, wanted)),
        }
    }
}

/// Returns whether `text` contains one of the values, in upper or lower case.
fn contains(text: &str, wanted: &[&str]) -> bool {
    let text = text.to_lowercase();
    wanted.iter().any(|wanted| text.contains(&wanted.to_lowercase()))
}
