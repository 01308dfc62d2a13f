//! The events that the company's monitors send, in `seed/signals.json`: real shapes with made-up values.
//!
//! Words in braces are replaced by values of the incident and the alert.

use std::sync::LazyLock;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Dice;
use super::alarms::VARIABLES;
use crate::account::{Account, Body, Incident, Urgency};
use crate::alerts::{Alert, Form};
use crate::documents::text;
use crate::time::Zone;

/// An event with words to replace.
#[derive(Debug, Deserialize)]
pub struct Sample {
    /// The monitor whose incidents begin with it. The others accompany incidents of any monitor.
    of: Option<String>,
    pub form: Form,
    event: Map<String, Value>,
    repeat: Option<Repeat>,
}

/// A text that an event contains several times, with `{n}` replaced by a number.
#[derive(Debug, Deserialize)]
struct Repeat {
    name: String,
    times: usize,
    text: String,
}

static SAMPLES: LazyLock<Vec<Sample>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../seed/signals.json")).unwrap_or_default());

/// Returns the table of signals.
pub fn all() -> &'static [Sample] {
    &SAMPLES
}

/// Returns the signal that incidents of a monitor begin with.
pub fn of_monitor(name: &str) -> Option<&'static Sample> {
    SAMPLES.iter().find(|sample| sample.of.as_deref() == Some(name))
}

/// Returns the place of a signal that accompanies an incident.
pub fn companion(dice: &mut Dice) -> usize {
    let places: Vec<usize> =
        SAMPLES.iter().zip(0..).filter(|(sample, _)| sample.of.is_none()).map(|(_, place)| place).collect();
    dice.pick(&places).copied().unwrap_or_default()
}

/// A word without its braces, and the value that replaces it.
pub type Values = Vec<(String, String)>;

impl Sample {
    /// Returns the event with its words replaced.
    pub fn fill(&self, values: &Values) -> Map<String, Value> {
        let mut event = self.event.clone();
        let blocks = self.repeat.as_ref().map(|repeat| {
            let block = |number: usize| repeat.text.replace("{n}", &format!("{number:02}"));
            (repeat.name.clone(), (1..=repeat.times).map(block).collect::<String>())
        });
        let values: Vec<&(String, String)> = blocks.iter().chain(values).collect();
        event.values_mut().for_each(|value| replace(value, &values));
        event
    }
}

/// Replaces the words in every text of a value.
pub fn replace(value: &mut Value, values: &[&(String, String)]) {
    match value {
        Value::String(text) => {
            for (name, with) in values {
                if text.contains('{') {
                    *text = text.replace(&format!("{{{name}}}"), with);
                }
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(|entry| replace(entry, values)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, values)),
        _ => {}
    }
}

/// Returns the values of an alert. The values of the incident's own event precede the random ones.
pub fn values(account: &Account, incident: &Incident, alert: &Alert, title: &str) -> Values {
    let service = account.service_of(incident).map_or("", |service| text(service, "name"));
    let (own, url, class): (&[(&str, String)], &str, &str) = match &incident.body {
        Body::Event(event) => (&event.details, &event.client_url, event.class),
        _ => (&[], "", ""),
    };
    let written = |labels: &[(&str, String)]| -> String {
        labels.iter().flat_map(|(name, value)| [" - ", name, " = ", value, "\n"]).collect()
    };
    let body = if let Body::Text(text) = &incident.body { text.as_str() } else { "" };
    let level = if incident.urgency == Urgency::High { "critical" } else { "warning" };
    let mut dice = Dice::new(alert.id.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))));
    let random = words(&mut dice);
    let region = own.iter().chain(&random).find(|(name, _)| *name == "region").map_or("eu", |(_, value)| value);
    // Alertmanager sorts labels, the name of the alert first.
    let mut sorted = own.to_vec();
    sorted.extend([("cluster", format!("{region}-production")), ("severity", level.to_owned())]);
    sorted.sort_by_key(|(name, _)| (*name != "alertname", *name));
    sorted.dedup_by_key(|(name, _)| *name);
    let fixed = [
        ("service", service.to_lowercase().replace(' ', "-")),
        ("level", level.to_owned()),
        ("class", class.to_owned()),
        ("url", url.to_owned()),
        ("labels", written(own)),
        ("sorted_labels", written(&sorted)),
        ("text", body.to_owned()),
        ("title", title.to_owned()),
    ];
    let own = own.iter().map(|(name, value)| (*name, value.clone()));
    // Texts of others come last, so that words in them stay.
    let all = times(alert.at, &account.zone).into_iter().chain(own).chain(random).chain(fixed);
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Returns random values of the words that alarms have.
pub fn words(dice: &mut Dice) -> Vec<(&'static str, String)> {
    VARIABLES.iter().map(|(name, values)| (*name, dice.word(values).to_owned())).collect()
}

/// Returns a time in the forms of several monitors. Two of them do not say that they are in the zone of the company.
pub fn times(at: Timestamp, zone: &Zone) -> [(&'static str, String); 6] {
    let local = at.to_zoned(zone.rules.clone()).datetime();
    [
        ("iso", at.to_string()),
        ("epoch", at.as_second().to_string()),
        ("local", format!("{local}.000")),
        ("aws", at.to_string().replace('Z', ".000+0000")),
        ("date_dots", local.date().to_string().replace('-', ".")),
        ("time", local.time().to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_monitor_has_a_signal_and_companions_exist() {
        for name in ["Datadog", "Prometheus Alertmanager", "Amazon CloudWatch", "E-mail", "Person"] {
            assert!(of_monitor(name).is_some(), "{name}");
        }
        assert!(all().iter().filter(|sample| sample.of.is_none()).count() >= 15);
    }
}
