//! Events as programs send them, in the places where PagerDuty keeps them.

use std::path::Path;

use pagerduty_payloads::{Payload, read};
use serde_json::{Map, Value, json};

/// The places of an event in the body of an alert or of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Common,
    Nested,
    Bare,
}

/// Returns an event in PagerDuty's common event format. It may have been sent to either version of the Events API.
pub fn common(sent: &Value) -> Value {
    let payload = sent.get("payload").unwrap_or(sent);
    let names = [
        ("description", if payload.get("summary").is_some() { "summary" } else { "description" }),
        ("source_origin", "source"),
        ("creation_time", "timestamp"),
        ("event_class", "class"),
        ("source_component", "component"),
        ("service_group", "group"),
        ("severity", "severity"),
        ("details", if payload.get("custom_details").is_some() { "custom_details" } else { "details" }),
    ];
    let mut event: Map<String, Value> =
        names.iter().filter_map(|(name, sent)| Some(((*name).to_owned(), payload.get(*sent)?.clone()))).collect();
    let key = if sent.get("incident_key").is_some() { "incident_key" } else { "dedup_key" };
    for (name, sent_name) in [("client", "client"), ("client_url", "client_url"), ("dedup_key", key)] {
        event.extend(sent.get(sent_name).map(|value| (name.to_owned(), value.clone())));
    }
    event.insert("contexts".to_owned(), contexts(sent));
    event.into()
}

fn contexts(sent: &Value) -> Value {
    let list = |name: &str| sent.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut contexts = Vec::new();
    for (name, kind) in [("links", "link"), ("images", "image")] {
        for mut item in list(name) {
            if let Some(item) = item.as_object_mut() {
                item.insert("type".to_owned(), kind.into());
            }
            contexts.push(item);
        }
    }
    contexts.into()
}

/// Returns the body of an alert with an event.
pub fn body(sent: &Value, form: Form) -> Value {
    let event = common(sent);
    match form {
        // The details and the links are there twice.
        Form::Common => {
            json!({"type": "alert_body", "cef_details": event, "details": event["details"], "contexts": event["contexts"]})
        }
        Form::Nested => json!({"type": "incident_body", "details": {"__pd_cef_payload": event}}),
        Form::Bare => json!({"type": "alert_body", "details": event["details"], "contexts": event["contexts"]}),
    }
}

/// Reads an event in one of its forms.
pub fn payload(sent: &Value, form: Form) -> Payload {
    let event = common(sent);
    read(&body(sent, form), event["description"].as_str())
}

/// Reads the event in a file, if the file exists.
pub fn event(path: &Path) -> Option<Value> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).expect("JSON"))
}

/// Returns what was read as lines: the sender, the facts, the links, the alerts within the event, and the rest.
pub fn lines(payload: &Payload) -> Vec<String> {
    let mut lines = vec![format!("sender: {}", payload.sender.unwrap_or("unknown"))];
    for fact in &payload.facts {
        let at = fact.at.map(|at| format!(" ({at})")).unwrap_or_default();
        lines.push(format!("{}: {:?}{at} <{}>", fact.kind.name(), fact.value, fact.from));
    }
    for link in &payload.links {
        let text = link.text.as_deref().map(|text| format!(" {text:?}")).unwrap_or_default();
        lines.push(format!("link {}: {}{text} <{}>", link.meaning.name(), link.href, link.from));
    }
    if let Some(group) = &payload.group {
        let count = |count: Option<usize>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
        lines.push(format!("alerts: {} firing, {} resolved", count(group.firing), count(group.resolved)));
        lines.extend(group.labels.iter().map(|(name, value)| format!("label {name}: {value:?}")));
        lines.extend(group.instances.iter().map(|instance| format!("instance: {instance:?}")));
        lines.extend((group.more > 0).then(|| format!("more: {}", group.more)));
    }
    lines.extend(payload.details.as_ref().map(|details| format!("details: {details}")));
    lines.extend((payload.left_out > 0).then(|| format!("left out: {}", payload.left_out)));
    lines.extend(payload.remarks.iter().map(|remark| format!("remark: {remark}")));
    if let Some(repeats) = &payload.repeats {
        lines.push(format!("repeats: {:?}{}", repeats.key, if repeats.is_guess { " (guess)" } else { "" }));
    }
    lines
}
