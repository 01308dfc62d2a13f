//! The type of an operation.

use crate::Resource;

/// An operation of the API.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// PagerDuty's name of it: `listTeams`.
    pub id: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path. `{id}` stands for the ID of an object of `resource`, and a second placeholder for the ID of a `part` of it.
    pub path: &'static str,
    /// The resource that the path is about.
    pub resource: &'static Resource,
    /// The resource whose objects exist only inside one of `resource`, if the path names one, too.
    pub part: Option<&'static Resource>,
    /// The content of an answer.
    pub answer: Answer,
    /// The effect of a request.
    pub effect: Effect,
    /// The OAuth scopes that a token needs, where PagerDuty names any.
    pub scopes: &'static [&'static str],
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates.
    Post,
    /// Updates.
    Put,
    /// Updates a part.
    Patch,
    /// Deletes.
    Delete,
}

/// The content of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A single object, under the resource's `one`.
    One(&'static Resource),
    /// A list, under the resource's `many`.
    Many(&'static Resource, Paging),
    /// A list without an envelope, with the outcome of each object that was sent: `[{"status", "errors", "<one>"}]`.
    Outcomes(&'static Resource),
    /// No content.
    Nothing,
}

/// How the parts of a list are requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// By `limit` and `offset`, up to 100 rows at a time and 10,000 in all.
    /// <https://developer.pagerduty.com/docs/pagination>
    Offset,
    /// By `limit` and `cursor`, up to 100 rows at a time. The client reads the first page.
    Cursor,
    /// The list comes in one piece.
    Whole,
}

/// The effect of a request, which decides whether it may be sent again when its outcome is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It changes nothing.
    Read,
    /// It changes something, and sending it twice has the effect of sending it once.
    Idempotent,
    /// It changes something, and sending it twice has the effect twice.
    Once,
}

impl Operation {
    /// Creates an operation that reads a list.
    #[must_use]
    pub const fn list(
        id: &'static str,
        path: &'static str,
        resource: &'static Resource,
        paging: Paging,
        scopes: &'static [&'static str],
    ) -> Self {
        let answer = Answer::Many(resource, paging);
        Self { id, method: Method::Get, path, resource, part: None, answer, effect: Effect::Read, scopes }
    }

    /// Creates an operation that reads one object.
    #[must_use]
    pub const fn get(
        id: &'static str,
        path: &'static str,
        resource: &'static Resource,
        scopes: &'static [&'static str],
    ) -> Self {
        let answer = Answer::One(resource);
        Self { id, method: Method::Get, path, resource, part: None, answer, effect: Effect::Read, scopes }
    }

    /// Creates an operation that reads one object that belongs to another.
    #[must_use]
    pub const fn get_of(
        id: &'static str,
        path: &'static str,
        owner: &'static Resource,
        resource: &'static Resource,
        scopes: &'static [&'static str],
    ) -> Self {
        let answer = Answer::One(resource);
        Self { id, method: Method::Get, path, resource: owner, part: None, answer, effect: Effect::Read, scopes }
    }

    /// Creates an operation that reads a whole list that belongs to one object.
    #[must_use]
    pub const fn list_of(
        id: &'static str,
        path: &'static str,
        owner: &'static Resource,
        rows: &'static Resource,
        scopes: &'static [&'static str],
    ) -> Self {
        let answer = Answer::Many(rows, Paging::Whole);
        Self { id, method: Method::Get, path, resource: owner, part: None, answer, effect: Effect::Read, scopes }
    }

    /// Creates an operation that reads a list, page by page, that belongs to one object.
    #[must_use]
    pub const fn pages_of(
        id: &'static str,
        path: &'static str,
        owner: &'static Resource,
        rows: &'static Resource,
        scopes: &'static [&'static str],
    ) -> Self {
        let answer = Answer::Many(rows, Paging::Offset);
        Self { id, method: Method::Get, path, resource: owner, part: None, answer, effect: Effect::Read, scopes }
    }

    /// Creates an operation that creates objects, which a second request would create again.
    #[must_use]
    pub const fn create(
        id: &'static str,
        path: &'static str,
        owner: &'static Resource,
        answer: Answer,
        scopes: &'static [&'static str],
    ) -> Self {
        Self { id, method: Method::Post, path, resource: owner, part: None, answer, effect: Effect::Once, scopes }
    }

    /// Creates an operation that updates an object.
    #[must_use]
    pub const fn update(
        id: &'static str,
        path: &'static str,
        resource: &'static Resource,
        scopes: &'static [&'static str],
    ) -> Self {
        let (answer, effect) = (Answer::One(resource), Effect::Idempotent);
        Self { id, method: Method::Put, path, resource, part: None, answer, effect, scopes }
    }

    /// Creates an operation that updates several objects.
    #[must_use]
    pub const fn update_all(
        id: &'static str,
        path: &'static str,
        resource: &'static Resource,
        scopes: &'static [&'static str],
    ) -> Self {
        Self { answer: Answer::Many(resource, Paging::Whole), ..Self::update(id, path, resource, scopes) }
    }

    /// Creates an operation that deletes an object.
    #[must_use]
    pub const fn delete(
        id: &'static str,
        path: &'static str,
        resource: &'static Resource,
        scopes: &'static [&'static str],
    ) -> Self {
        let (answer, effect) = (Answer::Nothing, Effect::Idempotent);
        Self { id, method: Method::Delete, path, resource, part: None, answer, effect, scopes }
    }

    /// Makes the resource a part of `owner`, whose ID comes first in the path.
    #[must_use]
    pub const fn below(self, owner: &'static Resource) -> Self {
        Self { part: Some(self.resource), resource: owner, ..self }
    }

    /// Returns whether the path names one object.
    #[must_use]
    pub fn names_one(&self) -> bool {
        self.path.contains("{id}")
    }

    /// Returns the path with these IDs in the place of its placeholders, in order.
    #[must_use]
    pub fn path_with(&self, ids: &[&str]) -> String {
        let mut ids = ids.iter();
        let segments = self.path.split('/').map(|segment| match segment.strip_prefix('{') {
            Some(_) => ids.next().copied().unwrap_or(segment),
            None => segment,
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// Returns the envelope key of an answer, if it has content and an envelope.
    #[must_use]
    pub const fn key(&self) -> Option<&'static str> {
        match self.answer {
            Answer::One(resource) => Some(resource.one),
            Answer::Many(resource, _) => Some(resource.many),
            Answer::Outcomes(_) | Answer::Nothing => None,
        }
    }

    /// Returns how the parts of a list are requested, if an answer is a list.
    #[must_use]
    pub const fn paging(&self) -> Option<Paging> {
        match self.answer {
            Answer::Many(_, paging) => Some(paging),
            Answer::One(_) | Answer::Outcomes(_) | Answer::Nothing => None,
        }
    }
}

impl Method {
    /// Returns the method in the form used by HTTP.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

impl Effect {
    /// Returns whether a request changes nothing.
    #[must_use]
    pub const fn is_read(self) -> bool {
        matches!(self, Effect::Read)
    }
}
