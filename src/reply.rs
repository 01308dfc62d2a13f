//! The answer of a tool: the envelope of the contract.
//!
//! ```json
//! {"metadata": {"count": 2, "description": "Found 2 results for resource type services", "has_more": false},
//!  "services": [{}, {}]}
//! ```
//!
//! The resource key is always plural and always a list. `metadata.warnings` reports a list that was cut, a value that was
//! ignored and a part that could not be fetched.

use std::sync::Arc;

use pagerduty_api::{MAX_ROWS, Resource};
use pagerduty_rows::object::Object;
use pagerduty_rows::write::Parts;
use pagerduty_rows::{table, text, write};
use serde_json::{Map, Value};

use crate::budget::Budget;
use crate::client::Share;
use crate::config::Format;
use crate::pagination::{End, Listing};

/// The warning about a single object that is larger than an answer should be. The next step follows.
const OVERSIZED: &str = "This one object is larger than an answer should be.";

/// The next step if a single object is too large.
pub const NAME_FIELDS: &str = "Name the fields you need in include.";

/// The warning if rows may be missing.
const SHORTER: &str = "The list may have become shorter since the previous page or while it was read, so rows may be \
                       missing. List it again with offset=0.";

/// The number of times that the rows of an answer are in memory: as rows, and as a text.
const COPIES: usize = 2;

/// The outcome of a call that ends with a question.
pub const ASKED: &str = "asked";

/// A question to a person with which a call ends.
#[derive(Clone, Debug)]
pub struct Question {
    /// The effect of the call, as the person reads it.
    pub text: String,
    /// The state that the call with the answer has to bring.
    pub state: String,
}

/// A written answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    /// The JSON of an object: the envelope, or the flat answer. Each object of a list is on a separate line, for readers that
    /// cut at whole lines, and there are no other newlines. Without them, it is compact JSON.
    Json(String),
    /// A list as a table, with the metadata in its first line.
    Table(String),
}

/// The answer of a tool.
#[derive(Clone, Debug)]
pub struct Reply {
    body: Body,
    metadata: Map<String, Value>,
    warnings: Vec<String>,
    /// The memory that the call reserved, until the answer is written.
    share: Option<Arc<Share>>,
    /// The question to a person with which the call ends.
    question: Option<Box<Question>>,
}

#[derive(Clone, Debug)]
enum Body {
    One { resource: &'static Resource, row: Object },
    Rows { resource: &'static Resource, rows: Vec<Object> },
    Flat(Map<String, Value>),
    Fixed(Map<String, Value>),
}

impl Reply {
    /// Returns one object, as a list of one. An object that is larger than `budget` is returned whole, with a warning
    /// that ends with `shorten`, the way to a smaller one.
    #[must_use]
    pub fn one(resource: &'static Resource, row: Object, mut budget: Budget, shorten: &str) -> Self {
        let fits = budget.take(&row);
        let mut reply = Self::of(Body::One { resource, row });
        if !fits {
            reply.warn(format!("{OVERSIZED} {shorten}"));
        }
        reply
    }

    /// Returns a list, with `has_more`, `next_offset` and a warning about its end. `narrow` names the parameters that make
    /// the list shorter.
    #[must_use]
    pub fn list<M>(resource: &'static Resource, listing: Listing<M>, narrow: &str) -> Self {
        let rows: Vec<_> = listing.rows.into_iter().map(|row| row.shown).collect();
        let mut reply = Self::of(Body::Rows { resource, rows });
        let (has_more, next_offset) = match listing.end {
            End::Complete => (false, None),
            End::Limit(next) | End::Budget(next) => (true, Some(next)),
            End::Ceiling => (true, None),
        };
        reply.set("has_more", has_more);
        if let Some(next_offset) = next_offset {
            reply.set("next_offset", next_offset);
        }
        match listing.end {
            End::Budget(next) => reply.warn(format!(
                "The answer is full and was cut at a whole item. To go on, pass offset={next}; to get less, narrow the query \
                 with {narrow}, or name fewer fields in include."
            )),
            End::Ceiling => reply.warn(format!(
                "PagerDuty lists only the first {MAX_ROWS} results, and there are more. Narrow the query with {narrow}."
            )),
            End::Complete | End::Limit(_) => {}
        }
        if listing.lacks_rows {
            reply.warn(SHORTER);
        } else if listing.moved {
            reply.warn(
                "The list became shorter meanwhile, so it was read again from an earlier row. Some rows may be repeated.",
            );
        }
        if listing.oversized {
            reply.warn(format!("{OVERSIZED} {NAME_FIELDS}"));
        }
        reply.warned(left_out(&listing.left_out))
    }

    /// Returns a list of composed rows, cut where `budget` ends. `narrow` names the parameters that make the list shorter.
    #[must_use]
    pub fn composed(resource: &'static Resource, mut rows: Vec<Object>, mut budget: Budget, narrow: &str) -> Self {
        let count = rows.len();
        let fitting = rows.iter().enumerate().take_while(|(place, row)| budget.take(row) || *place == 0).count();
        rows.truncate(fitting);
        let mut reply = Self::of(Body::Rows { resource, rows });
        reply.set("has_more", fitting < count);
        if fitting < count {
            let many = resource.many.replace('_', " ");
            reply.warn(format!("The answer is full: {fitting} of {count} {many} are here. For less, pass {narrow}."));
        }
        reply
    }

    fn of(body: Body) -> Self {
        Self { body, metadata: Map::new(), warnings: Vec::new(), share: None, question: None }
    }

    /// Returns an answer without the envelope. Fields of the metadata and warnings are beside its own fields.
    #[must_use]
    pub fn flat(fields: Map<String, Value>) -> Self {
        Self::of(Body::Flat(fields))
    }

    /// Returns an answer without the envelope whose form is fixed: only warnings, if there are any, are added to it.
    #[must_use]
    pub fn fixed(fields: Map<String, Value>) -> Self {
        Self::of(Body::Fixed(fields))
    }

    /// Returns the answer of a call that ends with a question to a person.
    #[must_use]
    pub fn asking(question: Question) -> Self {
        let fields = [("outcome", ASKED.into()), ("sent", false.into()), ("question", question.text.as_str().into())];
        let fields: [(&str, Value); 3] = fields;
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { question: Some(Box::new(question)), ..Self::flat(fields) }
    }

    /// Takes the question with which the call ends, if it does.
    pub fn take_question(&mut self) -> Option<Question> {
        self.question.take().map(|question| *question)
    }

    /// Adds a field to the metadata.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.metadata.insert(name.to_owned(), value.into());
    }

    /// Adds the given warnings.
    #[must_use]
    pub fn warned(mut self, warnings: impl IntoIterator<Item = String>) -> Self {
        self.warnings.extend(warnings);
        self
    }

    /// Adds a warning: one or two full sentences.
    pub fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// Returns whether the answer is a list without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(&self.body, Body::Rows { rows, .. } if rows.is_empty())
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn count(&self) -> usize {
        match &self.body {
            Body::Rows { rows, .. } => rows.len(),
            Body::One { .. } => 1,
            Body::Flat(_) | Body::Fixed(_) => 0,
        }
    }

    /// Returns the outcome of a change, if the answer has one.
    #[must_use]
    pub fn outcome(&self) -> Option<&str> {
        match &self.body {
            Body::Flat(fields) => fields.get("outcome").and_then(Value::as_str),
            Body::Fixed(_) | Body::One { .. } | Body::Rows { .. } => None,
        }
    }

    /// Returns the objects that a change was about, if the answer has an outcome of each: the name of their list, the ID
    /// and the outcome.
    #[must_use]
    pub fn changed(&self) -> Vec<(&str, &str, &str)> {
        let Body::Flat(fields) = &self.body else { return Vec::new() };
        let lists = fields.iter().filter_map(|(name, rows)| Some((name.as_str(), rows.as_array()?)));
        let rows = lists.flat_map(|(name, rows)| rows.iter().map(move |row| (name, row)));
        rows.filter_map(|(name, row)| Some((name, row.get("id")?.as_str()?, row.get("outcome")?.as_str()?))).collect()
    }

    /// Keeps the memory that the call reserved, until the answer is written.
    #[must_use]
    pub fn holding(self, share: impl FnOnce(usize) -> Option<Share>) -> Self {
        let rows: &[Object] = match &self.body {
            Body::Rows { rows, .. } => rows,
            Body::One { row, .. } => std::slice::from_ref(row),
            Body::Flat(_) | Body::Fixed(_) => &[],
        };
        let size = rows.iter().map(|row| row.as_str().len()).sum::<usize>();
        Self { share: share(COPIES * size).map(Arc::new), ..self }
    }

    /// Takes the memory that the call reserved.
    pub fn take_share(&mut self) -> Option<Arc<Share>> {
        self.share.take()
    }

    /// Makes invisible characters in all text visible.
    #[must_use]
    pub fn neutralized(mut self) -> Self {
        self.body = match self.body {
            Body::One { resource, row } => Body::One { resource, row: row.neutralized() },
            Body::Rows { resource, rows } => {
                Body::Rows { resource, rows: rows.into_iter().map(Object::neutralized).collect() }
            }
            Body::Flat(fields) => Body::Flat(neutralized(fields)),
            Body::Fixed(fields) => Body::Fixed(neutralized(fields)),
        };
        for warning in &mut self.warnings {
            *warning = text::neutralize(warning).into_owned();
        }
        self
    }

    /// Returns the answer as a value: an object with `metadata` and the resource's plural key, or the flat object.
    #[must_use]
    pub fn into_value(self) -> Value {
        serde_json::from_str(&self.into_json()).unwrap_or_default()
    }

    /// Returns the answer as JSON, with a line for each object of a list.
    fn into_json(self) -> String {
        self.into_parts().into_text()
    }

    /// Returns whether the answer is a table in this format. A table does not shorten a single object.
    #[must_use]
    pub fn is_table(&self, format: Format) -> bool {
        format == Format::Compact && matches!(&self.body, Body::Rows { rows, .. } if !rows.is_empty())
    }

    /// Returns the answer as JSON in parts, with a line for each object of a list.
    #[must_use]
    pub fn into_parts(self) -> Parts {
        let (resource, rows) = match self.body {
            Body::Flat(mut fields) => {
                fields.extend(self.metadata);
                return flat(fields, self.warnings).into();
            }
            Body::Fixed(fields) => return flat(fields, self.warnings).into(),
            Body::One { resource, row } => (resource, vec![row]),
            Body::Rows { resource, rows } => (resource, rows),
        };
        Parts::envelope(&metadata(resource, rows.len(), self.metadata, self.warnings), resource.many, rows)
    }

    /// Returns the answer in a format. Only lists become tables, because a table does not shorten a single object.
    #[must_use]
    pub fn write(self, format: Format) -> Written {
        match (format, self.body) {
            (Format::Compact, Body::Rows { resource, rows }) if !rows.is_empty() => {
                let mut metadata = metadata(resource, rows.len(), self.metadata, self.warnings);
                metadata.insert("format".into(), table::LEGEND.into());
                let rows: Vec<_> = rows.iter().map(Object::members).collect();
                Written::Table(format!("{}\n{}", table::in_one_line(&metadata.into()), table::table(&rows)))
            }
            (_, body) => Written::Json(Self { body, ..self }.into_json()),
        }
    }
}

/// The number of unreadable rows that a warning names.
const NAMED_ROWS: usize = 3;

/// Returns a warning about rows of a list that could not be read, the first few with offset and reason.
fn left_out(rows: &[(usize, String)]) -> Option<String> {
    let count = rows.len();
    let named = rows.iter().take(NAMED_ROWS).map(|(offset, why)| format!("offset {offset} ({why})"));
    let named = named.collect::<Vec<_>>().join(", ");
    match count {
        0 => None,
        1 => Some(format!("1 row could not be read and is left out: {named}.")),
        2..=NAMED_ROWS => Some(format!("{count} rows could not be read and are left out: {named}.")),
        _ => Some(format!("{count} rows could not be read and are left out, the first at {named}.")),
    }
}

fn neutralized(mut fields: Map<String, Value>) -> Map<String, Value> {
    text::neutralize_object(&mut fields);
    fields
}

/// Returns an answer without the envelope as JSON.
fn flat(mut fields: Map<String, Value>, warnings: Vec<String>) -> String {
    if !warnings.is_empty() {
        fields.insert("warnings".into(), warnings.into());
    }
    write::to_lines(&Value::Object(fields))
}

fn metadata(
    resource: &'static Resource,
    count: usize,
    more: Map<String, Value>,
    warnings: Vec<String>,
) -> Map<String, Value> {
    let results = if count == 1 { "result" } else { "results" };
    let mut metadata = Map::new();
    metadata.insert("count".into(), count.into());
    let description = format!("Found {count} {results} for resource type {}", resource.many);
    metadata.insert("description".into(), description.into());
    metadata.extend(more);
    if !warnings.is_empty() {
        metadata.insert("warnings".into(), warnings.into());
    }
    metadata
}
