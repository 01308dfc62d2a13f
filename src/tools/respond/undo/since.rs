//! Changes of objects since a receipt.

use futures_util::future::join_all;
use jiff::SignedDuration;
use serde_json::Value;

use crate::client::{CUSTOM, comparable};
use crate::ids::Id;
use crate::models::Incident;
use crate::receipts::{Fields, Receipt, is_still};
use crate::tools::Context;
use crate::tools::investigate::timeline::{self, Entry};

/// The most incidents whose logs are read.
const MOST_LOGS: usize = 50;

/// The time within which the entries of a change follow each other.
const SAME_CHANGE: SignedDuration = SignedDuration::from_secs(5);

/// The fields of incidents, and the kinds of log entries about them.
const KINDS: &[(&str, &[&str])] = &[
    ("status", &["acknowledge", "acknowledgement", "unacknowledge", "resolve", "trigger"]),
    ("assignees", &["assign", "reassign", "escalate", "delegate"]),
    ("escalation_policy", &["delegate"]),
    ("urgency", &["urgency_change"]),
    ("priority", &["priority_change"]),
    ("title", &["field_value_change"]),
    ("incident_type", &["field_value_change"]),
    ("conference_url", &["field_value_change"]),
];

/// Reads the events of incidents since a change, as far as they can be read.
pub(super) async fn since(cx: &Context, receipt: &Receipt, ids: &[Id<Incident>]) -> Vec<Option<Vec<Entry>>> {
    let since = receipt.at.checked_add(SAME_CHANGE).ok();
    let logs = ids.iter().take(MOST_LOGS).map(|id| async move { timeline::of_incident(cx, id, since).await.ok() });
    join_all(logs).await
}

/// Returns the last event about fields that a change left, in words with its time.
pub(super) fn later_change(entries: &[Entry], left: &Fields) -> Option<String> {
    let is_about = |entry: &&Entry| {
        let kinds = KINDS.iter().filter(|(name, _)| left.contains_key(*name)).flat_map(|(_, kinds)| *kinds);
        kinds.into_iter().any(|kind| entry.kind == *kind)
            || (entry.kind == "custom_field_value_change" && left.keys().any(|name| name.starts_with(CUSTOM)))
    };
    let last = entries.iter().rev().find(is_about)?;
    Some(format!("{} at {}", last.line, last.at))
}

/// Returns the names of fields whose values are not those that the change left.
pub(super) fn differences<'r>(left: &'r Fields, now: &Fields) -> Vec<&'r str> {
    let differs =
        |(name, value): &(&String, &Value)| !is_still(value, &comparable(now.get(*name).unwrap_or(&Value::Null)));
    left.iter().filter(differs).map(|(name, _)| name.as_str()).collect()
}

/// Returns the reason why a change cannot be taken back, with the user who changed the status last.
pub(super) fn changed_since(differs: &[&str], now: &Fields, later: Option<&str>) -> String {
    let mut problem = match differs {
        [] => "Changed since, to the same values.".to_owned(),
        differs => format!("Changed since: {}.", differs.join(", ")),
    };
    if let Some(later) = later {
        problem.extend([" ", later, "."]);
    } else if differs.contains(&"status") {
        let by = now.get("last_status_change_by").and_then(|by| by.get("name")?.as_str());
        let at = now.get("last_status_change_at").and_then(Value::as_str);
        if let Some((by, at)) = by.zip(at) {
            problem.extend([" ", by, " changed the status at ", at, "."]);
        }
    }
    problem.push_str(" Nothing was sent; set the values with update_incidents.");
    problem
}
