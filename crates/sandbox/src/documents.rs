//! The objects of the account as JSON documents, in the form in which PagerDuty's API writes them.
//!
//! A document has the fields of its [`Kind`]; a field that is left out gets its default. References are objects with `id`
//! and `type`, as in `{"id": "PTEAM01", "type": "team_reference"}`. Times are in ISO 8601 or relative (see [`relative`]).

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::kind::Kind;
use super::kinds::{KINDS, named};
use super::time::{Zone, relative};

/// An object. The order of its fields is kept.
pub type Document = Map<String, Value>;

/// The ID in a document or a reference.
pub fn id_of(value: &Value) -> &str {
    value.get("id").and_then(Value::as_str).unwrap_or_default()
}

/// Returns a field of a document as text, which is empty if there is none.
pub fn text<'a>(document: &'a Document, field: &str) -> &'a str {
    document.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the entries of a list in a document.
pub fn entries<'a>(document: &'a Document, field: &str) -> &'a [Value] {
    document.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Returns a reference to an object.
pub fn reference(kind: &Kind, id: &str) -> Value {
    json!({"id": id, "type": format!("{}_reference", kind.name)})
}

/// Returns the kind and the ID of a reference, unless the value is none.
pub fn referred(value: &Value) -> Option<(&'static Kind, &str)> {
    let kind = value.get("type")?.as_str()?.strip_suffix("_reference")?;
    Some((named(kind)?, value.get("id")?.as_str()?))
}

/// The documents of all kinds.
#[derive(Debug, Default)]
pub struct Documents(BTreeMap<&'static str, Collection>);

#[derive(Debug, Default)]
struct Collection {
    documents: Vec<Document>,
    /// The place of each document, by its ID.
    places: HashMap<String, usize>,
}

impl Documents {
    /// Returns all documents of a kind.
    pub fn all(&self, kind: &Kind) -> &[Document] {
        self.0.get(kind.name).map(|collection| collection.documents.as_slice()).unwrap_or_default()
    }

    /// Returns the document with this ID.
    pub fn get(&self, kind: &Kind, id: &str) -> Option<&Document> {
        let collection = self.0.get(kind.name)?;
        collection.documents.get(*collection.places.get(id)?)
    }

    /// Adds a document, in place of the one with the same ID if there is one.
    fn insert(&mut self, kind: &'static Kind, document: Document) {
        let Collection { documents, places } = self.0.entry(kind.name).or_default();
        let id = text(&document, "id").to_owned();
        match places.get(&id).and_then(|place| documents.get_mut(*place)) {
            Some(before) => *before = document,
            None => {
                places.insert(id, documents.len());
                documents.push(document);
            }
        }
    }

    /// Adds documents, given as `{"teams": [{…}], "users": […], …}`. Documents with the ID of another replace it.
    ///
    /// # Errors
    /// The document, the field and the value that cannot be used.
    pub fn add(&mut self, given: &Value, now: jiff::Timestamp) -> Result<(), String> {
        let given = given.as_object().ok_or("the documents must be an object, such as {\"teams\": [{…}]}")?;
        for (many, documents) in given {
            let Some(kind) = KINDS.iter().find(|kind| kind.many == many) else {
                let known: Vec<_> = KINDS.iter().map(|kind| kind.many).collect();
                return Err(format!("there are no documents called {many:?}; use {}", known.join(", ")));
            };
            let documents = documents.as_array().ok_or_else(|| format!("{many} must be a list"))?;
            let defaults = kind.fields.iter().map(|field| serde_json::from_str(field.default?).ok());
            let defaults: Vec<Option<Value>> = defaults.collect();
            for (place, document) in documents.iter().enumerate() {
                let id = id_of(document);
                let name = if id.is_empty() { format!("{many}[{place}]") } else { format!("{many}[{place}] ({id})") };
                let document = read(kind, &defaults, document, now).map_err(|why| format!("{name}: {why}"))?;
                self.insert(kind, document);
            }
        }
        // Only now: documents may refer to later ones.
        self.check_references()
    }

    /// Refuses references to documents that do not exist.
    fn check_references(&self) -> Result<(), String> {
        for (kind, document) in KINDS.iter().flat_map(|kind| self.all(kind).iter().map(move |one| (kind, one))) {
            for (field, value) in document {
                if let Some((target, id)) = self.dangling(value) {
                    let (many, own) = (kind.many, text(document, "id"));
                    return Err(format!(
                        "{many} ({own}): {field} refers to the {} {id:?}, which does not exist",
                        target.name
                    ));
                }
            }
        }
        Ok(())
    }

    /// Returns a reference in a value that leads nowhere.
    fn dangling<'a>(&self, value: &'a Value) -> Option<(&'static Kind, &'a str)> {
        if let Some((kind, id)) = referred(value) {
            return self.get(kind, id).is_none().then_some((kind, id));
        }
        match value {
            Value::Array(values) => values.iter().find_map(|value| self.dangling(value)),
            Value::Object(fields) => fields.values().find_map(|value| self.dangling(value)),
            _ => None,
        }
    }

    /// Sorts the documents of each kind by name, as PagerDuty lists them.
    pub fn sort(&mut self) {
        for Collection { documents, places } in self.0.values_mut() {
            documents.sort_by(|one, other| text(one, "name").cmp(text(other, "name")));
            *places = documents.iter().zip(0..).map(|(one, place)| (text(one, "id").to_owned(), place)).collect();
        }
    }
}

/// The fields that every object has in answers. The sandbox writes them itself.
const HEAD: &[&str] = &["id", "type", "summary", "self", "html_url"];

/// Returns a document with all fields of its kind, in order.
fn read(kind: &Kind, defaults: &[Option<Value>], given: &Value, now: jiff::Timestamp) -> Result<Document, String> {
    let given = given.as_object().ok_or("a document must be an object")?;
    let id = text(given, "id");
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(format!("id must be ASCII letters and digits, not {}", given.get("id").unwrap_or(&Value::Null)));
    }
    let known = |name: &str| HEAD.contains(&name) || kind.fields.iter().any(|field| field.name == name);
    if let Some(name) = given.keys().find(|name| !known(name)) {
        let known: Vec<_> = kind.fields.iter().map(|field| field.name).collect();
        return Err(format!("there is no field {name:?} in a {}; use id, {}", kind.name, known.join(", ")));
    }
    let zone = Zone::named(text(given, "time_zone"));
    let mut document = Document::new();
    document.insert("id".to_owned(), id.into());
    for (field, default) in kind.fields.iter().zip(defaults) {
        let mut value = match (given.get(field.name), default) {
            (Some(value), None) if field.include.is_empty() && !value.is_string() => {
                return Err(format!("{} must be a string, not {value}", field.name));
            }
            (Some(value), None) if !field.include.is_empty() && referred(value).is_none() => {
                return Err(format!("{} must be a reference with id and type, not {value}", field.name));
            }
            (Some(value), Some(default)) if field.compute.is_none() && !is_alike(value, default) => {
                return Err(format!("{} must be {}, not {value}", field.name, form_of(default)));
            }
            (Some(value), _) => value.clone(),
            (None, Some(default)) => default.clone(),
            (None, None) => return Err(format!("{} is missing", field.name)),
        };
        resolve_times(&mut value, field.name, &zone, now).map_err(|why| format!("{}: {why}", field.name))?;
        document.insert(field.name.to_owned(), value);
    }
    Ok(document)
}

/// Returns whether a value has the type of a default. A default of null stands for any type.
fn is_alike(value: &Value, default: &Value) -> bool {
    default.is_null() || std::mem::discriminant(value) == std::mem::discriminant(default)
}

fn form_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Replaces the relative times in a field by absolute ones. The starts of layers are in the schedule's time zone.
fn resolve_times(value: &mut Value, name: &str, zone: &Zone, now: jiff::Timestamp) -> Result<(), String> {
    match value {
        Value::String(text) if name.ends_with("_at") || matches!(name, "start" | "end" | "layer_start") => {
            let utc = Zone::named("");
            let zone = if name == "layer_start" { zone } else { &utc };
            let at = relative(text, now, zone).or_else(|| zone.read(text));
            *text = at.ok_or_else(|| format!("{text:?} is no time: use ISO 8601 or now-2d"))?.to_string();
        }
        Value::Array(values) => {
            // The start of a layer is a local time.
            let inner = if name == "schedule_layers" { "layer" } else { "" };
            values.iter_mut().try_for_each(|value| resolve_times(value, inner, zone, now))?;
        }
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                let key = if name == "layer" && key == "start" { "layer_start" } else { key };
                resolve_times(value, key, zone, now)?;
            }
        }
        _ => {}
    }
    Ok(())
}
