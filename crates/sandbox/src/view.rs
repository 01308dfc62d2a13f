//! How PagerDuty writes its objects: whole, or as a reference of five fields, or whole if `include[]` names them.
//!
//! See <https://developer.pagerduty.com/api-reference/a47605517c19a-api-concepts>.

use serde_json::{Value, json};

use super::account::{Account, Incident};
use super::documents::{Document, entries, id_of, referred, text};
use super::kind::Kind;
use super::kinds::INCIDENT;

pub const WEBSITE: &str = "https://acme.pagerduty.com";

/// The data that an answer is written from: the account, the URL that links start with, and the values of `include[]`.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub account: &'a Account,
    pub base: &'a str,
    includes: &'a [&'a str],
}

impl<'a> View<'a> {
    pub fn new(account: &'a Account, base: &'a str, includes: &'a [&'a str]) -> Self {
        Self { account, base, includes }
    }

    pub fn includes(self, name: &str) -> bool {
        self.includes.contains(&name)
    }

    /// Returns a document as PagerDuty shows it.
    pub fn whole(self, kind: &Kind, document: &Document) -> Document {
        let mut shown = self.head(kind, kind.name, text(document, "id"), summary(document));
        for field in kind.fields.iter().filter(|field| !field.hidden) {
            let computed = field.compute.map(|compute| compute(self.account, document));
            let stored = document.get(field.name).unwrap_or(&Value::Null);
            let included = self.includes(field.include);
            let value = if field.parts {
                let parts = entries(document, field.name).iter();
                parts.map(|part| self.part((kind, document), field.name, part, included)).collect()
            } else {
                self.expand(computed.as_ref().unwrap_or(stored), included, (kind, document))
            };
            shown.insert(field.name.to_owned(), value);
        }
        shown
    }

    /// Returns a reference to the document with this ID, or the document if `include[]` has `include`. Inside it,
    /// references stay references.
    pub fn link(self, kind: &Kind, id: &str, include: &str) -> Value {
        self.linked(kind, id, self.includes(include))
    }

    fn linked(self, kind: &Kind, id: &str, included: bool) -> Value {
        match self.account.documents.get_with_deleted(kind, id) {
            Some(document) if !text(document, "deleted_at").is_empty() => {
                let deleted = json!({"self": null, "html_url": null, "deleted_at": document.get("deleted_at")});
                with(self.reference(kind, id, text(document, "name")), deleted).into()
            }
            Some(document) if included => Self { includes: &[], ..self }.whole(kind, document).into(),
            Some(document) => self.reference(kind, id, summary(document)).into(),
            None => Value::Null,
        }
    }

    /// Returns the five fields of a reference.
    pub fn reference(self, kind: &Kind, id: &str, summary: &str) -> Document {
        self.head(kind, &format!("{}_reference", kind.name), id, summary)
    }

    /// Returns the five fields that an object begins with.
    pub fn head(self, kind: &Kind, kind_name: &str, id: &str, summary: &str) -> Document {
        let html_url = format!("{WEBSITE}/{}/{id}", kind.page);
        head(id, kind_name, summary, format!("{}/{}/{id}", self.base, kind.path), html_url.into())
    }

    /// Returns the URL of an object in the API.
    pub fn url(self, kind: &Kind, id: &str) -> String {
        format!("{}/{}/{id}", self.base, kind.path)
    }

    /// Returns a reference to a user, a service or another object, which may be deleted.
    pub fn named(self, kind: &Kind, id: &str) -> Document {
        match self.linked(kind, id, false) {
            Value::Object(reference) => reference,
            _ => with(self.reference(kind, id, "deleted"), json!({"self": null, "html_url": null})),
        }
    }

    /// Returns a reference to a log entry of an incident, as to one of its first kind.
    pub fn log_entry(self, incident: &Incident, entry: &str) -> Document {
        let id = &incident.id;
        let html_url = format!("{WEBSITE}/{}/{id}/log_entries/{entry}", INCIDENT.page);
        let url = format!("{}/log_entries/{entry}?incident_id={id}", self.base);
        head(entry, "trigger_log_entry_reference", "Triggered through the API", url, html_url.into())
    }

    /// Returns a value with its references written as PagerDuty does.
    fn expand(self, value: &Value, included: bool, owner: (&Kind, &Document)) -> Value {
        if let Some((kind, id)) = referred(value) {
            return self.linked(kind, id, included);
        }
        match value {
            Value::Array(values) => values.iter().map(|value| self.expand(value, included, owner)).collect(),
            Value::Object(fields) if is_reference(fields) => self.part_with_id(owner, id_of(value)),
            Value::Object(fields) => {
                let expand = |(name, value): (&String, &Value)| (name.clone(), self.expand(value, included, owner));
                Value::Object(fields.iter().map(expand).collect())
            }
            other => other.clone(),
        }
    }

    /// Returns a reference to a part of the same owner.
    fn part_with_id(self, owner: (&Kind, &Document), id: &str) -> Value {
        let (kind, document) = owner;
        let fields = kind.fields.iter().filter(|field| field.parts);
        let parts = fields.flat_map(|field| entries(document, field.name).iter().map(move |part| (field.name, part)));
        let found = parts.into_iter().find(|(_, part)| id_of(part) == id);
        found.map(|(field, part)| self.part(owner, field, part, false)).unwrap_or_default()
    }

    /// Returns an object that exists only inside its owner, whole or as a reference.
    pub fn part(self, owner: (&Kind, &Document), field: &str, part: &Value, whole: bool) -> Value {
        let Some(part) = part.as_object() else { return Value::Null };
        let (id, kind) = (text(part, "id"), text(part, "type"));
        let summary =
            ["summary", "name", "label"].into_iter().map(|name| text(part, name)).find(|text| !text.is_empty());
        let url = format!("{}/{field}/{id}", self.url(owner.0, text(owner.1, "id")));
        let kind = if whole { kind.to_owned() } else { format!("{kind}_reference") };
        let mut shown = head(id, &kind, summary.unwrap_or_default(), url, Value::Null);
        if whole {
            let rest = part.iter().filter(|(name, _)| !["id", "type", "summary"].contains(&name.as_str()));
            shown.extend(rest.map(|(name, value)| (name.clone(), self.expand(value, false, owner))));
        }
        shown.into()
    }
}

/// Returns the name of a document, or its description if its kind has no names.
fn summary(document: &Document) -> &str {
    match text(document, "name") {
        "" => text(document, "description"),
        name => name,
    }
}

pub fn head(id: &str, kind: &str, summary: &str, url: String, html_url: Value) -> Document {
    let fields = [
        ("id", id.into()),
        ("type", kind.into()),
        ("summary", summary.into()),
        ("self", url.into()),
        ("html_url", html_url),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn is_reference(fields: &Document) -> bool {
    text(fields, "type").ends_with("_reference")
}

/// Returns `first` with the fields of `rest` after its own.
pub fn with(mut first: Document, rest: Value) -> Document {
    if let Value::Object(rest) = rest {
        first.extend(rest);
    }
    first
}
