//! Documents that the API creates, updates and deletes, as records that can be stored and applied again.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::account::Account;
use super::behavior::changes::Record;
use super::call::Call;
use super::documents::{Document, reference, text};
use super::kind::Kind;
use super::kinds::named;
use super::reply::{self, Answer, OrNotFound, Problem};
use super::time::{from_utc, utc};

/// A change of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Entry {
    Incident(Box<Record>),
    Document(Edit),
}

/// A document that was created, updated or deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    #[serde(serialize_with = "utc", deserialize_with = "from_utc")]
    at: Timestamp,
    by: String,
    kind: String,
    id: String,
    /// The new document, or `None` if it was deleted.
    document: Option<Document>,
}

/// The statuses of successful writes.
pub const CREATED: StatusCode = StatusCode::CREATED;
pub const DELETED: StatusCode = StatusCode::NO_CONTENT;

/// Answers `POST /KIND`.
pub fn create(kind: &'static Kind, account: &mut Account, call: &Call) -> Answer {
    let by = call.actor(account)?;
    let mut fields = fields(kind, None, call)?;
    if kind.fields.iter().any(|field| field.name == "created_at") {
        fields.entry("created_at").or_insert_with(|| "now".into());
    }
    let id = account.new_id(kind);
    account.write(kind, id.clone(), Some(fields), by)?;
    show(kind, account, call, &id)
}

/// Answers `PUT /KIND/{id}`. Omitted fields are unchanged.
pub fn update(kind: &'static Kind, account: &mut Account, call: &Call) -> Answer {
    let by = call.actor(account)?;
    let mut document = account.documents.get(kind, &call.id).or_404()?.clone();
    let fields = fields(kind, Some(&document), call)?;
    document.extend(fields);
    account.write(kind, call.id.clone(), Some(document), by)?;
    show(kind, account, call, &call.id)
}

/// Answers `DELETE /KIND/{id}`. An object that others refer to cannot be deleted.
pub fn delete(kind: &'static Kind, account: &mut Account, call: &Call) -> Answer {
    let by = call.actor(account)?;
    account.documents.get(kind, &call.id).or_404()?;
    account.write(kind, call.id.clone(), None, by)?;
    Ok(Vec::new())
}

/// Returns the fields in the body that the API may write. Others are ignored, because clients send back whole objects, with
/// references in place of parts such as contact methods.
pub fn fields(kind: &Kind, stored: Option<&Document>, call: &Call) -> Result<Document, Problem> {
    let mut body = call.body()?;
    let Some(Value::Object(mut given)) = body.get_mut(kind.name).map(Value::take) else {
        return Err(Problem::invalid(format!("The request body needs an object {:?}.", kind.name)));
    };
    let mut fields = Document::new();
    for field in kind.fields.iter().filter(|field| field.is_writable()) {
        let Some(value) = given.remove(field.name) else { continue };
        let value = match field.accept {
            Some(accept) => accept(stored, &value).map_err(Problem::invalid)?,
            None => with_references(value),
        };
        fields.insert(field.name.to_owned(), value);
    }
    Ok(fields)
}

/// Returns a value with references in place of whole objects, which clients send back after an `include[]`.
fn with_references(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(with_references).collect(),
        Value::Object(fields) => match (named(text(&fields, "type")), text(&fields, "id")) {
            (Some(kind), id) if !id.is_empty() => reference(kind, id),
            _ => fields.into_iter().map(|(name, value)| (name, with_references(value))).collect(),
        },
        other => other,
    }
}

/// Answers with the document that was written.
fn show(kind: &'static Kind, account: &Account, call: &Call, id: &str) -> Answer {
    let document = account.documents.get(kind, id).or_404()?;
    reply::one(kind.name, &call.view(account, &[]).whole(kind, document))
}

impl Account {
    /// Returns IDs that no object inside a document has, for the next write.
    pub fn new_part_ids(&self) -> impl Iterator<Item = String> + use<> {
        let write = self.records.len() + 1;
        (0..).map(move |number| format!("QNEW{write:05}{number:05}"))
    }

    /// Stores a document that was changed.
    pub fn rewrite(&mut self, kind: &Kind, document: Document, by: String) -> Result<(), Problem> {
        self.write(kind, text(&document, "id").to_owned(), Some(document), by)
    }

    /// Returns an ID that no document of the kind has.
    pub fn new_id(&self, kind: &Kind) -> String {
        let mut ids = (self.records.len() + 1..).map(|number| format!("PNEW{number:05}"));
        ids.find(|id| self.documents.get(kind, id).is_none()).unwrap_or_default()
    }

    /// Writes or deletes a document now.
    fn write(&mut self, kind: &Kind, id: String, fields: Option<Document>, by: String) -> Result<(), Problem> {
        let document = fields.map(|mut fields| {
            fields.insert("id".to_owned(), id.as_str().into());
            fields
        });
        self.apply(Edit { at: self.clock.now(), by, kind: kind.name.to_owned(), id, document })
    }

    /// Makes an edit and adds its record.
    fn apply(&mut self, edit: Edit) -> Result<(), Problem> {
        let kind = named(&edit.kind).or_404()?;
        let edited = match &edit.document {
            Some(document) => self.documents.put(kind, document, edit.at).map(Some),
            None if self.is_used(&edit.id) => Err(format!("The {} is still in use.", kind.name.replace('_', " "))),
            None => self.documents.remove(kind, &edit.id).map(|()| None),
        };
        // The record has the document with its defaults and absolute times.
        let document = edited.map_err(Problem::invalid)?;
        self.records.push(Entry::Document(Edit { document, ..edit }));
        Ok(())
    }

    /// Returns whether an incident or a token refers to the object with this ID.
    fn is_used(&self, id: &str) -> bool {
        let tokens = [&self.cast.current, &self.cast.teamless, &self.cast.read_only];
        tokens.into_iter().any(|user| user == id) || self.incidents.iter().any(|incident| incident.refers_to(id))
    }

    /// Repeats a change that was stored.
    pub fn replay(&mut self, entry: Entry) -> Result<(), Problem> {
        match entry {
            Entry::Incident(record) => {
                self.advance_to(record.at);
                self.perform(*record)
            }
            Entry::Document(edit) => {
                self.advance_to(edit.at);
                self.apply(edit)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kinds::TEAM;
    use super::super::{Options, Sandbox};
    use super::*;

    fn names(sandbox: &Sandbox) -> Vec<String> {
        let teams = sandbox.objects("teams").unwrap();
        teams.as_array().unwrap().iter().map(|team| team["name"].as_str().unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn edits_are_replayed_by_other_processes() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { incidents: 5, state: Some(folder.path().join("state.json")), ..Options::default() };
        let (one, other) = (Sandbox::start(options.clone()).await.unwrap(), Sandbox::start(options).await.unwrap());
        let write = |id: &str, fields: Option<Value>| {
            let fields = fields.map(|fields| fields.as_object().cloned().unwrap());
            one.server.change(|account| {
                let by = account.cast.current.clone();
                account.write(&TEAM, id.to_owned(), fields, by)
            })
        };
        let before = names(&other);
        write("PNEW1", Some(json!({"name": "Kitchen"}))).unwrap();
        write("PNEW2", Some(json!({"name": "Bar", "parent": {"id": "PNEW1", "type": "team_reference"}}))).unwrap();
        assert!(names(&other).contains(&"Kitchen".to_owned()) && names(&other).contains(&"Bar".to_owned()));
        assert!(write("PNEW1", None).is_err(), "the other team refers to it");
        assert!(names(&one).contains(&"Kitchen".to_owned()), "a refused edit changes nothing");
        assert!(write("PNEW1", Some(json!({"name": 7}))).is_err());
        write("PNEW2", None).unwrap();
        write("PNEW1", None).unwrap();
        assert_eq!((names(&one), names(&other)), (before.clone(), before));
    }
}
