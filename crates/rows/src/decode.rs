//! Decodes answers: the envelope, and of its objects the part that a [`Selection`] names.
//!
//! An incident has about 4 kB of JSON, of which a tenth is shown. The rest is checked and skipped, so that it costs no
//! memory.

use std::borrow::Cow;

use serde_json::Value;

use crate::facts::{Facts, parse};
use crate::fields::Selection;
use crate::object::Object;
use crate::plan::Plan;
use crate::project::{Projector, decoded};
use crate::scan::{Kind, Scanner};

/// An answer that cannot be used.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// The reason, without the text of the answer.
    pub why: String,
    /// Set if the answer ends too early, so that another attempt may get all of it.
    pub cut_off: bool,
}

impl Unreadable {
    /// Returns an error with this reason, for an answer that does not end too early.
    #[must_use]
    pub fn because(why: String) -> Self {
        Self { why, cut_off: false }
    }
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self { cut_off: error.is_eof(), why: error.to_string() }
    }
}

/// Returns the text of an answer. Bytes that are not UTF-8 become U+FFFD.
#[must_use]
pub fn text(body: &[u8]) -> Cow<'_, str> {
    // Checking for errors first is faster than searching for the first one.
    std::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed)
}

/// An answer without its envelope.
#[derive(Debug)]
pub struct Envelope<'t> {
    /// The value under the key.
    pub content: Content<'t>,
    /// Set if PagerDuty reports that there is more.
    pub more: bool,
    /// The total number of objects, if the request asked PagerDuty to count them.
    pub total: Option<u64>,
}

/// The value under the key of an envelope.
#[derive(Debug)]
pub enum Content<'t> {
    /// One value.
    One(Item<'t>),
    /// The elements of a list.
    Many(Vec<Item<'t>>),
}

/// An object with its facts, or the kind of another value.
pub type Item<'t> = Result<(Object, Facts<'t>), Kind>;

/// Decodes `{"<key>": …, "more": …}`, and keeps the part of the objects under the key that `selection` names.
pub fn envelope<'t>(text: &'t str, key: &'static str, selection: &Selection<'_>) -> Result<Envelope<'t>, Unreadable> {
    let plan = selection.plan();
    let mut reader = Reader { projector: Projector::new(text), plan: &plan, facts: selection.facts() };
    let envelope = reader.envelope(key)?;
    match reader.scanner().peek() {
        None => Ok(envelope),
        Some(_) => Err(reader.scanner().error("trailing characters")),
    }
}

/// Decodes the object that is the whole of a JSON text, which is nested to a depth in an answer.
#[must_use]
pub fn object<'t>(json: &'t str, selection: &Selection<'_>, depth: usize) -> Option<(Object, Facts<'t>)> {
    let plan = selection.plan();
    let mut reader = Reader { projector: Projector::new(json), plan: &plan, facts: selection.facts() };
    reader.item(depth).ok()?.ok()
}

struct Reader<'p, 't> {
    projector: Projector<'t>,
    plan: &'p Plan<'p>,
    facts: &'static [&'static str],
}

impl<'t> Reader<'_, 't> {
    fn scanner(&mut self) -> &mut Scanner<'t> {
        &mut self.projector.scanner
    }

    fn envelope(&mut self, key: &'static str) -> Result<Envelope<'t>, Unreadable> {
        let kind = self.scanner().kind()?;
        if kind != Kind::Object {
            let why = format!("invalid type: {}, expected an object with {key:?}", kind.name());
            return Err(self.scanner().error(&why));
        }
        let (mut content, mut more, mut total) = (None, false, None);
        let mut follows = self.scanner().opens(b'}');
        while follows {
            let name = decoded(self.scanner().name()?);
            match name.as_ref() {
                name if name == key => content = Some(self.content()?),
                "more" => {
                    let value = parse(self.scanner().skip()?);
                    let value = value.as_ref().and_then(flag);
                    more |= value.ok_or_else(|| self.scanner().error("more: neither true nor false"))?;
                }
                // Lists without an offset have the place of the next page, and some of them no `more`.
                "next_cursor" => {
                    more |=
                        parse(self.scanner().skip()?).as_ref().and_then(Value::as_str).is_some_and(|at| !at.is_empty());
                }
                "total" => total = parse(self.scanner().skip()?).and_then(|total| total.as_u64()),
                _ => drop(self.scanner().skip()?),
            }
            follows = self.scanner().continues(b'}')?;
        }
        let content = content.ok_or_else(|| self.scanner().error(&format!("missing field `{key}`")));
        Ok(Envelope { content: content.map_err(|error| Unreadable { cut_off: false, ..error })?, more, total })
    }

    fn content(&mut self) -> Result<Content<'t>, Unreadable> {
        if self.scanner().kind()? != Kind::List {
            return Ok(Content::One(self.item(0)?));
        }
        self.projector.repeats = true;
        let mut items = Vec::new();
        let mut follows = self.scanner().opens(b']');
        while follows {
            items.push(self.item(1)?);
            follows = self.scanner().continues(b']')?;
        }
        Ok(Content::Many(items))
    }

    fn item(&mut self, depth: usize) -> Result<Item<'t>, Unreadable> {
        match self.scanner().kind()? {
            Kind::Object => Ok(Ok(self.projector.row(self.plan, self.facts, depth)?)),
            other => {
                self.scanner().skip()?;
                Ok(Err(other))
            }
        }
    }
}

/// Reads a flag that may be written as text or as a number. Null counts as off.
///
/// Anything else is refused: reading it as off would end the list early.
fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Null => Some(false),
        Value::Bool(on) => Some(*on),
        Value::String(text) => text.to_ascii_lowercase().parse().ok(),
        Value::Number(number) => number.as_u64().filter(|number| *number <= 1).map(|number| number == 1),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// The depth to which a value is kept. The JSON library, which parses the values that rules need, fails at 128, but an
/// incident must be shown with any details of an alert.
pub const MAX_DEPTH: usize = 64;

/// The replacement for deeper values.
pub const TOO_DEEP: &str = "[nested too deep to be shown]";
