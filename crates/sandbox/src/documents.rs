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
    /// Deleted documents, which have `deleted_at` and to which others still refer.
    deleted: Vec<Document>,
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

    /// Returns the document with this ID, deleted or not.
    pub fn get_with_deleted(&self, kind: &Kind, id: &str) -> Option<&Document> {
        let deleted = || self.0.get(kind.name)?.deleted.iter().find(|document| text(document, "id") == id);
        self.get(kind, id).or_else(deleted)
    }

    /// Adds a document, in place of the one with the same ID if there is one.
    fn insert(&mut self, kind: &'static Kind, document: Document) {
        let Collection { documents, deleted, places } = self.0.entry(kind.name).or_default();
        let id = text(&document, "id").to_owned();
        deleted.retain(|one| text(one, "id") != id);
        if !text(&document, "deleted_at").is_empty() {
            deleted.push(document);
            return;
        }
        if let Some(before) = places.get(&id).and_then(|place| documents.get_mut(*place)) {
            *before = document;
        } else {
            places.insert(id, documents.len());
            documents.push(document);
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
            let defaults = defaults(kind);
            for (place, document) in documents.iter().enumerate() {
                let id = id_of(document);
                let name = if id.is_empty() { format!("{many}[{place}]") } else { format!("{many}[{place}] ({id})") };
                let document = read(kind, &defaults, document, now).map_err(|why| format!("{name}: {why}"))?;
                self.insert(kind, document);
            }
        }
        // References are checked last, because documents may refer to later ones.
        self.check()
    }

    /// Writes a document, and returns it with its defaults and absolute times.
    ///
    /// # Errors
    /// The field that cannot be used.
    pub fn put(&mut self, kind: &'static Kind, given: &Document, now: jiff::Timestamp) -> Result<Document, String> {
        let document = read(kind, &defaults(kind), &Value::Object(given.clone()), now)?;
        let before = self.get(kind, text(&document, "id")).cloned();
        self.insert(kind, document.clone());
        let checked = self.check();
        match before {
            Some(before) if checked.is_err() => self.insert(kind, before),
            None if checked.is_err() => self.take(kind, text(&document, "id")),
            _ => self.sort(),
        }
        checked.map(|()| document)
    }

    /// Deletes a document.
    ///
    /// # Errors
    /// A document that refers to it.
    pub fn remove(&mut self, kind: &'static Kind, id: &str) -> Result<(), String> {
        let before = self.get(kind, id).cloned();
        self.take(kind, id);
        let checked = self.check();
        if let Some(before) = before.filter(|_| checked.is_err()) {
            self.insert(kind, before);
        }
        self.sort();
        checked
    }

    fn take(&mut self, kind: &Kind, id: &str) {
        if let Some(Collection { documents, .. }) = self.0.get_mut(kind.name) {
            documents.retain(|document| text(document, "id") != id);
        }
        self.sort();
    }

    /// Refuses documents that do not fit together.
    fn check(&self) -> Result<(), String> {
        self.check_references()?;
        self.check_unique()
    }

    /// Refuses values that two objects have and only one may have.
    fn check_unique(&self) -> Result<(), String> {
        for kind in KINDS {
            for field in kind.fields.iter().filter(|field| field.unique) {
                let mut owners = HashMap::new();
                for document in self.all(kind) {
                    let (id, value) = (text(document, "id"), text(document, field.name));
                    if let Some(owner) = owners.insert(value.to_lowercase(), id) {
                        return Err(format!("{} ({owner}, {id}): both have the {} {value:?}", kind.many, field.name));
                    }
                }
            }
        }
        Ok(())
    }

    /// Refuses references to objects that do not exist.
    fn check_references(&self) -> Result<(), String> {
        for (kind, document) in KINDS.iter().flat_map(|kind| self.all(kind).iter().map(move |one| (kind, one))) {
            let dangling =
                document.iter().find_map(|(field, value)| Some((field, self.dangling(value, (kind, document))?)));
            if let Some((field, target)) = dangling {
                let id = text(document, "id");
                return Err(format!("{} ({id}): {field} refers to the {target}, which does not exist", kind.many));
            }
        }
        Ok(())
    }

    /// Returns the target of the first reference in a value that leads nowhere.
    fn dangling(&self, value: &Value, owner: (&Kind, &Document)) -> Option<String> {
        match value {
            Value::Array(values) => values.iter().find_map(|value| self.dangling(value, owner)),
            Value::Object(fields) => match (referred(value), text(fields, "type").strip_suffix("_reference")) {
                (Some((kind, id)), _) if self.get_with_deleted(kind, id).is_some() => None,
                (None, Some(_)) if has_part(owner, text(fields, "id")) => None,
                (_, Some(name)) => Some(format!("{name} {:?}", text(fields, "id"))),
                (_, None) => fields.values().find_map(|value| self.dangling(value, owner)),
            },
            _ => None,
        }
    }

    /// Sorts the documents of each kind by name, as PagerDuty lists them.
    pub fn sort(&mut self) {
        for Collection { documents, places, .. } in self.0.values_mut() {
            documents.sort_by(|one, other| text(one, "name").cmp(text(other, "name")));
            *places = documents.iter().zip(0..).map(|(one, place)| (text(one, "id").to_owned(), place)).collect();
        }
    }
}

/// Returns whether an object has a part with this ID, as users have contact methods.
fn has_part((kind, owner): (&Kind, &Document), id: &str) -> bool {
    let mut fields = kind.fields.iter().filter(|field| field.parts);
    fields.any(|field| entries(owner, field.name).iter().any(|part| id_of(part) == id))
}

/// The fields that every object has in answers. The sandbox writes them itself.
const HEAD: &[&str] = &["id", "type", "summary", "self", "html_url"];

/// Returns the default of each field.
fn defaults(kind: &Kind) -> Vec<Option<Value>> {
    kind.fields.iter().map(|field| serde_json::from_str(field.default?).ok()).collect()
}

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
    let zone = match text(given, "time_zone") {
        "" => Zone::utc(),
        name => Zone::named(name)?,
    };
    let mut document = Document::new();
    document.insert("id".to_owned(), id.into());
    for (field, default) in kind.fields.iter().zip(defaults) {
        let mut value = match (given.get(field.name), default) {
            (Some(value), None) if field.include.is_empty() && !value.is_string() => {
                return Err(format!("{} must be a string, not {value}", field.name));
            }
            (Some(Value::String(text)), None) if text.trim().is_empty() => {
                return Err(format!("{} must not be empty", field.name));
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
        if field.parts {
            identify(&mut value, id);
        }
        document.insert(field.name.to_owned(), value);
    }
    (kind.check)(&document)?;
    Ok(document)
}

/// Gives an ID to each object of a list that has none.
fn identify(value: &mut Value, owner: &str) {
    for (object, number) in value.as_array_mut().into_iter().flatten().zip(1..) {
        if let Some(fields) = object.as_object_mut().filter(|fields| text(fields, "id").is_empty()) {
            fields.insert("id".to_owned(), format!("{owner}{number}").into());
        }
    }
}

/// Returns whether a value is null or has the type of a default. A default of null stands for any type.
fn is_alike(value: &Value, default: &Value) -> bool {
    value.is_null() || default.is_null() || std::mem::discriminant(value) == std::mem::discriminant(default)
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

/// The fields that have times, besides those that end in `_at`.
const TIMES: &[&str] = &["start", "end", "start_time", "end_time", "effective_since", "effective_until", "layer_start"];

/// Replaces the relative times in a field by absolute ones. The starts of layers are in the schedule's time zone, and
/// those of events in the one beside them.
fn resolve_times(value: &mut Value, name: &str, zone: &Zone, now: jiff::Timestamp) -> Result<(), String> {
    match value {
        Value::String(text) if name.ends_with("_at") || TIMES.contains(&name) => {
            let utc = Zone::utc();
            let zone = if name == "layer_start" { zone } else { &utc };
            *text = time(text, now, zone)?.to_string();
        }
        Value::Array(values) => {
            // The start of a layer is a local time.
            let inner = if name == "schedule_layers" { "layer" } else { "" };
            values.iter_mut().try_for_each(|value| resolve_times(value, inner, zone, now))?;
        }
        Value::Object(fields) if fields.contains_key("date_time") => {
            let zone = Zone::named(text(fields, "time_zone"))?;
            if let Some(Value::String(text)) = fields.get_mut("date_time").filter(|text| is_relative(text)) {
                *text = zone.write(time(text, now, &zone)?);
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                let local = name == "layer" && matches!(key.as_str(), "start" | "end" | "rotation_virtual_start");
                let key = if local { "layer_start" } else { key };
                resolve_times(value, key, zone, now)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn time(text: &str, now: jiff::Timestamp, zone: &Zone) -> Result<jiff::Timestamp, String> {
    let at = relative(text, now, zone).or_else(|| zone.read(text));
    at.ok_or_else(|| format!("{text:?} is not a time; use ISO 8601, or a relative time such as now-2d"))
}

/// Returns whether a time is relative to now. Other times of an event are kept as their client wrote them: one that the
/// clocks skip would become another time of day on all other days.
fn is_relative(text: &Value) -> bool {
    text.as_str().is_some_and(|text| text.starts_with("now"))
}

#[cfg(test)]
mod tests {
    use super::super::kinds::{SERVICE, TEAM, USER};
    use super::*;

    fn add(given: &Value) -> Result<Documents, String> {
        let mut documents = Documents::default();
        documents.add(given, "2026-08-05T10:30:00Z".parse().unwrap()).map(|()| documents)
    }

    #[test]
    fn document_gets_defaults_in_the_order_of_its_kind() {
        let documents = add(&json!({"teams": [{"parent": null, "name": "Kitchen", "id": "PT1"}]})).unwrap();
        let team = documents.get(&TEAM, "PT1").unwrap();
        let expected = r#"{"id":"PT1","name":"Kitchen","description":"","default_role":"manager","parent":null}"#;
        assert_eq!(serde_json::to_string(team).unwrap(), expected);
    }

    #[test]
    fn document_with_the_same_id_replaces_the_first() {
        let team = |name: &str| json!({"id": "PT1", "name": name});
        let documents = add(&json!({"teams": [team("Kitchen"), team("Bar")]})).unwrap();
        assert_eq!(documents.all(&TEAM).len(), 1);
        assert_eq!(text(documents.get(&TEAM, "PT1").unwrap(), "name"), "Bar");
    }

    #[test]
    fn documents_may_refer_to_later_ones_and_have_relative_times() {
        let policy = json!({"id": "PP1", "type": "escalation_policy_reference"});
        let service = json!({"id": "PS1", "name": "Oven", "created_at": "now-2d", "escalation_policy": policy});
        let policy = json!({"id": "PP1", "name": "Cooks"});
        let documents = add(&json!({"services": [service], "escalation_policies": [policy]})).unwrap();
        assert_eq!(text(documents.get(&SERVICE, "PS1").unwrap(), "created_at"), "2026-08-03T10:30:00Z");
        assert!(documents.all(&USER).is_empty());
    }

    #[test]
    fn optional_fields_may_be_null() {
        let policy =
            json!({"id": "PP1", "name": "Cooks", "description": null, "teams": null, "escalation_rules": null});
        let documents = add(&json!({"escalation_policies": [policy]})).unwrap();
        assert!(documents.all(&SERVICE).is_empty());
    }

    #[test]
    fn invalid_document_is_refused_by_name_and_field() {
        let user = |field: &str, value: Value| {
            let mut user = json!({"id": "PU1", "name": "Ada", "email": "ada@acme.example"});
            user[field] = value;
            json!({"users": [user]})
        };
        let layer = json!({"name": "Daily", "start": "now", "users": []});
        let schedule = |field: &str, value: Value| {
            let mut layer = layer.clone();
            layer["rotation_turn_length_seconds"] = json!(86_400);
            layer[field] = value;
            json!({"schedules": [{"id": "PH1", "name": "Cooks", "schedule_layers": [layer]}]})
        };
        for (given, part) in [
            (json!([]), "the documents must be an object"),
            (json!({"things": []}), "there are no documents called \"things\"; use teams, users,"),
            (json!({"teams": {}}), "teams must be a list"),
            (json!({"teams": [7]}), "teams[0]: a document must be an object"),
            (json!({"teams": [{"name": "Kitchen"}]}), "teams[0]: id must be ASCII letters and digits, not null"),
            (json!({"teams": [{"id": "P/1"}]}), "teams[0] (P/1): id must be ASCII letters and digits, not \"P/1\""),
            (json!({"teams": [{"id": "PT1"}]}), "teams[0] (PT1): name is missing"),
            (user("emial", json!("x")), "users[0] (PU1): there is no field \"emial\" in a user; use id, name, email,"),
            (user("email", json!(7)), "users[0] (PU1): email must be a string, not 7"),
            (user("teams", json!("PT1")), "users[0] (PU1): teams must be a list, not \"PT1\""),
            (
                user("teams", json!([{"id": "PT1", "type": "team_reference"}])),
                "users (PU1): teams refers to the team \"PT1\", which does not exist",
            ),
            (
                user("teams", json!([{"id": "PT1", "type": "tema_reference"}])),
                "users (PU1): teams refers to the tema \"PT1\", which does not exist",
            ),
            (
                json!({"services": [{"id": "PS1", "name": "Oven", "escalation_policy": "PP1"}]}),
                "services[0] (PS1): escalation_policy must be a reference with id and type, not \"PP1\"",
            ),
            (
                json!({"services": [{"id": "PS1", "name": "Oven", "created_at": "soon"}]}),
                "services[0] (PS1): created_at: \"soon\" is not a time",
            ),
            (
                json!({"schedules": [{"id": "PH1", "name": "Cooks", "schedule_layers": [layer]}]}),
                "schedules[0] (PH1): schedule_layers: missing field `rotation_turn_length_seconds`",
            ),
            (
                schedule("rotation_turn_length_seconds", json!(0)),
                "schedule_layers: rotation_turn_length_seconds must be 1 hour to 365 days, not 0 seconds",
            ),
            (
                schedule("rotation_turn_length_seconds", json!(86_400_000_000_i64)),
                "must be 1 hour to 365 days, not 86400000000 seconds",
            ),
            (
                schedule(
                    "restrictions",
                    json!([{"type": "weekly", "start_time_of_day": "09:00", "duration_seconds": 1}]),
                ),
                "schedule_layers: the type of a restriction must be daily_restriction or weekly_restriction, not \"weekly\"",
            ),
            (
                json!({"schedules": [{"id": "PH1", "name": "Cooks", "time_zone": "Mars/Base"}]}),
                "schedules[0] (PH1): time zone \"Mars/Base\" is unknown; use an IANA name such as Europe/Berlin",
            ),
        ] {
            let error = add(&given).unwrap_err();
            assert!(error.contains(part), "{given}: {error}");
        }
    }
}
