//! The facts about an object that rules depend on.

use std::borrow::Cow;

use serde_json::Value;

use crate::fields::Selection;
use crate::object::Object;
use crate::scan::{Kind, Scanner};
use crate::{decode, project, repair};

/// The values of some fields of an object, as PagerDuty sent them. A null counts as absent.
///
/// A path is the name of a field, or names of nested fields with dots between them.
#[derive(Clone, Debug)]
pub struct Facts<'t> {
    names: &'static [&'static str],
    values: Vec<Option<&'t str>>,
    /// The depth of the values in the answer.
    depth: usize,
}

impl<'t> Facts<'t> {
    /// Returns facts that are all absent.
    #[must_use]
    pub fn absent(names: &'static [&'static str], depth: usize) -> Self {
        Self { names, values: vec![None; names.len()], depth }
    }

    /// Sets the fact at a position of the names.
    pub(crate) fn set(&mut self, place: usize, value: &'t str) {
        if let Some(slot) = self.values.get_mut(place) {
            *slot = Some(value);
        }
    }

    /// Returns the text at a path, or `None` if it is absent or of another type.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        self.borrowed(path).map(Cow::into_owned)
    }

    /// Returns the text at a path like [`text`](Self::text), without a copy if it has no escapes.
    #[must_use]
    pub fn borrowed(&self, path: &str) -> Option<Cow<'t, str>> {
        let mut scanner = Scanner::new(self.json(path)?);
        match scanner.kind() {
            Ok(Kind::String) => Some(project::decoded(scanner.string().ok()?)),
            // A number that is shown as text.
            Ok(Kind::Number) => {
                let shown = repair::number(scanner.number().ok()?).1?;
                Some(shown.strip_prefix('"')?.strip_suffix('"')?.to_owned().into())
            }
            _ => None,
        }
    }

    /// Returns the value at a path.
    #[must_use]
    pub fn value(&self, path: &str) -> Option<Value> {
        project::value(self.json(path)?, self.depth)
    }

    /// Returns the part of the object at a path that `selection` names.
    #[must_use]
    pub fn object(&self, path: &str, selection: &Selection<'_>) -> Option<Object> {
        Some(decode::object(self.json(path)?, selection, self.depth)?.0)
    }

    /// Returns the JSON at a path, in which a text has no escapes: the same text may be sent with different ones.
    #[must_use]
    pub fn comparable(&self, path: &str) -> Option<Cow<'t, str>> {
        let json = self.json(path)?;
        let mut scanner = Scanner::new(json);
        match scanner.kind() {
            Ok(Kind::String) if json.contains('\\') => {
                Some(format!("\"{}\"", project::decoded(scanner.string().ok()?)).into())
            }
            _ => Some(json.into()),
        }
    }

    /// Returns the JSON at a path, as PagerDuty sent it.
    #[must_use]
    pub fn json(&self, path: &str) -> Option<&'t str> {
        let find = |name: &str| self.names.iter().position(|known| *known == name);
        if let Some(place) = find(path) {
            return self.values.get(place).copied().flatten();
        }
        let (first, below) = path.split_once('.').unwrap_or((path, ""));
        let place = find(first);
        debug_assert!(place.is_some(), "{first} is not among the facts {:?}", self.names);
        below.split('.').fold(self.values.get(place?).copied().flatten(), |value, name| member(value?, name))
    }
}

/// Returns the value of a JSON text that PagerDuty sent.
#[must_use]
pub fn parse(json: &str) -> Option<Value> {
    project::value(json, 0)
}

/// Returns the first member of an object that has this name and is not null.
fn member<'t>(object: &'t str, name: &str) -> Option<&'t str> {
    let mut scanner = Scanner::new(object);
    let mut follows = scanner.kind().ok()? == Kind::Object && scanner.opens(b'}');
    while follows {
        let is_wanted = project::decoded(scanner.name().ok()?) == name;
        let value = scanner.skip().ok()?;
        if is_wanted && value != "null" {
            return Some(value);
        }
        follows = scanner.continues(b'}').ok()?;
    }
    None
}
