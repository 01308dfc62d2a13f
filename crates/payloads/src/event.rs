//! The event of an alert, in one form for the three places where PagerDuty keeps it.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::{Map, Value};

use crate::text;

/// The parts of an event beside its details: our name, then the names that PagerDuty and the sender use.
const NAMES: &[(&str, &[&str])] = &[
    ("summary", &["description", "summary"]),
    ("source", &["source_origin", "source"]),
    ("timestamp", &["creation_time", "timestamp"]),
    ("class", &["event_class", "class"]),
    ("component", &["source_component", "component"]),
    ("group", &["service_group", "group"]),
    ("severity", &["severity"]),
    ("client", &["client"]),
    ("client_url", &["client_url"]),
    ("dedup_key", &["dedup_key"]),
];

/// The parts with links and images.
const CONTEXTS: &[&str] = &["contexts", "links", "images"];

/// An event.
pub struct Event<'b> {
    title: Option<&'b str>,
    body: &'b Value,
    common: Option<&'b Map<String, Value>>,
    /// The details: an object, a text, or null.
    pub details: Cow<'b, Value>,
    /// The name of the details in the places of facts.
    root: &'static str,
}

/// Returns the event in the common event format, which PagerDuty keeps in one of two places.
pub fn common(body: &Value) -> Option<&Map<String, Value>> {
    let nested = || body.get("details")?.get("__pd_cef_payload");
    body.get("cef_details").filter(|event| event.is_object()).or_else(nested)?.as_object()
}

impl<'b> Event<'b> {
    /// Finds the event in a body. `title` is the summary of the alert.
    pub fn of(body: &'b Value, title: Option<&'b str>) -> Self {
        let common = common(body);
        let beside = || body.get("details").filter(|details| details.get("__pd_cef_payload").is_none());
        let details = common.and_then(|event| event.get("details")).filter(|details| !details.is_null());
        let details = details.or_else(beside).unwrap_or(&Value::Null);
        let (details, root) = opened(details);
        Self { title: title.filter(|title| !title.trim().is_empty()), body, common, details, root }
    }

    /// Returns a part of the event beside its details, unless it is empty.
    pub fn part(&self, name: &str) -> Option<&'b str> {
        let names = NAMES.iter().find(|(own, _)| *own == name).map(|(_, names)| *names)?;
        let of_event = self.common.and_then(|event| {
            names.iter().filter_map(|name| event.get(*name)?.as_str()).find(|text| !text.trim().is_empty())
        });
        of_event.or(self.title.filter(|_| name == "summary"))
    }

    /// Returns a value in the details.
    pub fn detail(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self.details.as_ref(), |value, name| value.get(name)).filter(|value| !value.is_null())
    }

    /// Returns the place of a value in the details, for a fact.
    pub fn place(&self, path: &[&str]) -> String {
        let mut place = self.root.to_owned();
        for name in path {
            place.push('.');
            if name.contains(|one: char| !one.is_alphanumeric() && one != '_') {
                let _ = write!(place, "\"{name}\"");
            } else {
                place.push_str(name);
            }
        }
        place
    }

    /// Returns the links and images, with the name of the list they are in. PagerDuty may send them twice.
    pub fn contexts(&self) -> impl Iterator<Item = (&'static str, &'b Value)> {
        let of_event = CONTEXTS.iter().filter_map(|name| Some((*name, self.common?.get(*name)?)));
        let beside = CONTEXTS.iter().filter_map(|name| Some((*name, self.body.get(*name)?)));
        of_event
            .chain(beside)
            .filter_map(|(name, list)| Some((name, list.as_array()?)))
            .flat_map(|(name, list)| list.iter().map(move |item| (name, item)))
    }
}

/// Returns the details without what was put around them: the text of a JSON object, or the envelope of Amazon SNS.
fn opened(details: &Value) -> (Cow<'_, Value>, &'static str) {
    let parsed = details.as_str().and_then(text::object);
    let details = parsed.map_or(Cow::Borrowed(details), Cow::Owned);
    let message = details.get("TopicArn").and_then(|_| details.get("Message")?.as_str()).and_then(text::object);
    match message {
        Some(message) => (Cow::Owned(message), "details.Message"),
        None => (details, "details"),
    }
}
