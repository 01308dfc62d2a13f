//! The answer of a change: what happened to each object, and the receipt.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::named;
use crate::client::{RESOLUTION, comparable};
use crate::error::{Code, Error, Result};
use crate::receipts::{Fields, Receipt};
use crate::reply::Reply;
use crate::tools::Context;

/// The most rows that show the titles of their objects.
const MOST_TITLES: usize = 20;

/// The most incidents whose receipt has their IDs. That of more has their numbers, which are shorter.
const MOST_IDS: usize = 10;

/// The length of a receipt in characters from which a model may not copy it exactly.
const LONGEST: usize = 4_000;

/// The outcome for one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The change took effect.
    Applied,
    /// The object was as wanted, so nothing was sent for it.
    AlreadySo,
    /// The state of the object does not allow the change, so nothing was sent for it.
    Conflict,
    /// The change was accepted, and has not ended.
    Pending,
    /// Some of the fields were changed.
    Partial,
    /// It is not known whether the change took effect.
    Unknown,
    /// The change did not take effect.
    Failed,
    /// The change would be sent.
    DryRun,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::AlreadySo => "already_so",
            Self::Conflict => "conflict",
            Self::Pending => "pending",
            Self::Partial => "partial",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
            Self::DryRun => "dry_run",
        }
    }
}

/// One object of a change.
#[derive(Debug)]
pub struct Row {
    pub id: String,
    /// Its number, title or other members that identify it.
    pub head: Fields,
    pub outcome: Outcome,
    /// The values that the change replaces, with the names of the objects in them.
    pub before: Fields,
    /// The values in their place.
    pub after: Fields,
    /// The reason why the change was not made, or not completely.
    pub problem: Option<String>,
    pub error: Option<Error>,
    /// The values that undoing the change sets and expects, if they are not those before and after it.
    pub reverse: Option<(Fields, Fields)>,
}

impl Row {
    /// Creates a row for an object that is not changed.
    pub fn new(id: &impl ToString, outcome: Outcome) -> Self {
        let (head, before, after) = (Fields::new(), Fields::new(), Fields::new());
        Self { id: id.to_string(), head, outcome, before, after, problem: None, error: None, reverse: None }
    }

    /// Creates a row for an object whose change failed.
    pub fn failed(id: &impl ToString, error: Error) -> Self {
        let outcome = if error.code() == Code::OutcomeUnknown { Outcome::Unknown } else { Outcome::Failed };
        Self { problem: Some(error.to_string()), error: Some(error), ..Self::new(id, outcome) }
    }

    fn shown(&self, with_title: bool) -> Value {
        let mut shown = Map::new();
        // An object that does not exist yet has none.
        if !self.id.is_empty() {
            shown.insert("id".to_owned(), self.id.as_str().into());
        }
        shown.extend(self.head.clone().into_iter().filter(|(name, _)| with_title || name != "title"));
        shown.insert("outcome".to_owned(), self.outcome.as_str().into());
        for (name, fields) in [("before", &self.before), ("after", &self.after)] {
            if !fields.is_empty() {
                shown.insert(name.to_owned(), fields.clone().into());
            }
        }
        shown.extend(self.problem.as_deref().map(|problem| ("problem".to_owned(), problem.into())));
        shown.into()
    }
}

/// A change of several objects of a kind.
pub struct Report {
    /// The kind, for the receipt.
    pub kind: &'static str,
    /// The ID of the object that they are part of, or nothing.
    pub owner: String,
    /// The name of the rows in the answer.
    pub many: &'static str,
    pub rows: Vec<Row>,
    /// Whether a request was sent that changes something.
    pub sent: bool,
    /// Set if the change cannot be undone.
    pub without_receipt: bool,
    /// Further members of the answer.
    pub more: Fields,
    pub warnings: Vec<String>,
}

impl Report {
    /// Creates a report without rows.
    pub fn new(kind: &'static str, many: &'static str) -> Self {
        let (rows, warnings, more) = (Vec::new(), Vec::new(), Fields::new());
        Self { kind, owner: String::new(), many, rows, sent: false, without_receipt: false, more, warnings }
    }

    /// Adds to a preview the users whom the change would page, and what undoing it would take.
    pub fn preview(&mut self, pages: Value, undo: &str) {
        self.more.insert("pages".to_owned(), pages);
        self.more.insert("undo".to_owned(), undo.into());
    }

    /// Returns the answer, with a receipt for what was changed. If nothing but errors came out, it is the first one.
    pub async fn reply(mut self, cx: &Context) -> Result<Reply> {
        let is_error = |row: &Row| matches!(row.outcome, Outcome::Failed | Outcome::Unknown);
        if self.rows.iter().all(is_error)
            && let Some(error) = self.rows.iter_mut().find_map(|row| row.error.take())
        {
            return Err(error);
        }
        let unnamed = named::fill(cx, &mut self.rows).await;
        self.warnings.extend(unnamed);
        let with_titles = self.rows.len() <= MOST_TITLES;
        let mut fields = Fields::new();
        fields.insert("outcome".to_owned(), self.outcome().as_str().into());
        fields.insert("sent".to_owned(), self.sent.into());
        fields.insert(self.many.to_owned(), self.rows.iter().map(|row| row.shown(with_titles)).collect());
        fields.extend(std::mem::take(&mut self.more));
        if let Some(receipt) = self.receipt(cx.api.time_of_changes()) {
            match cx.api.receipt_key().await {
                Ok(key) => {
                    let receipt = receipt.sign(&key);
                    if receipt.len() > LONGEST {
                        self.warnings.push(format!(
                            "The receipt has {} characters, because the values before differ. It must be copied exactly.",
                            receipt.len()
                        ));
                    }
                    fields.insert("receipt".to_owned(), receipt.into());
                }
                Err(error) => self.warnings.push(format!("There is no receipt: {error}")),
            }
        }
        Ok(Reply::flat(fields).warned(self.warnings))
    }

    /// Returns the outcome of all rows together.
    fn outcome(&self) -> Outcome {
        let any = |outcome| self.rows.iter().any(|row| row.outcome == outcome);
        let all = |outcomes: &[Outcome]| self.rows.iter().all(|row| outcomes.contains(&row.outcome));
        match () {
            () if all(&[Outcome::AlreadySo]) => Outcome::AlreadySo,
            () if any(Outcome::Pending) => Outcome::Pending,
            () if any(Outcome::DryRun) => Outcome::DryRun,
            () if all(&[Outcome::Applied, Outcome::AlreadySo]) => Outcome::Applied,
            () if !any(Outcome::Applied) && any(Outcome::Conflict) && !any(Outcome::Partial) => Outcome::Conflict,
            () => Outcome::Partial,
        }
    }

    fn receipt(&self, at: Timestamp) -> Option<Receipt> {
        let is_made = |row: &&Row| matches!(row.outcome, Outcome::Applied | Outcome::Partial);
        let by_number = self.rows.len() > MOST_IDS;
        let change = |row: &Row| {
            let number = row.head.get("incident_number").and_then(Value::as_u64).filter(|_| by_number);
            let id = number.map_or_else(|| row.id.clone(), |number| number.to_string());
            let (before, after) =
                row.reverse.as_ref().map_or((&row.before, &row.after), |(before, after)| (before, after));
            (!before.is_empty()).then(|| (id, plain(before), plain(after)))
        };
        let changes: Vec<_> = self.rows.iter().filter(is_made).filter_map(change).collect();
        (!changes.is_empty() && !self.without_receipt).then(|| Receipt::new(self.kind, &self.owner, at, changes))
    }
}

/// Returns values in the form that a receipt stores: objects as their IDs, and of a resolution only that there is one.
fn plain(fields: &Fields) -> Fields {
    let value = |name: &str, value: &Value| if name == RESOLUTION { true.into() } else { comparable(value) };
    fields.iter().map(|(name, is)| (name.clone(), value(name, is))).collect()
}

/// Returns a user for an answer.
pub fn person(id: &str, name: Option<&str>) -> Value {
    json!({"id": id, "name": name})
}
