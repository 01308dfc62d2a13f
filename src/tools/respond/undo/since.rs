//! Changes of incidents since a receipt: which fields have other values, and who changed them when.

use std::collections::HashMap;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::client::{CUSTOM, SENT_ONLY, comparable};
use crate::ids::Id;
use crate::models::{Incident, User};
use crate::receipts::{Fields, Receipt, is_still};
use crate::tools::Context;
use crate::tools::investigate::timeline::{self, Entry};
use crate::tools::times::Local;

/// The most incidents whose logs are read one by one.
const MOST_LOGS: usize = 50;

/// The time within which the entries of a change follow each other.
const SAME_CHANGE: SignedDuration = SignedDuration::from_secs(5);

/// The fields of incidents, the kinds of log entries about them, and a word that an entry about several fields has.
const KINDS: &[(&str, &[&str], &str)] = &[
    ("status", &["acknowledge", "acknowledgement", "unacknowledge", "resolve", "trigger"], ""),
    ("assignees", &["assign", "reassign", "escalate", "delegate"], ""),
    ("escalation_policy", &["delegate"], ""),
    ("urgency", &["urgency_change"], ""),
    ("priority", &["priority_change"], ""),
    ("title", &["field_value_change"], "title"),
    ("incident_type", &["field_value_change"], "type"),
    ("conference_url", &["field_value_change", "conference_bridge_change"], "conference"),
    ("returns_at", &["snooze"], ""),
    ("incident", &["link", "unlink"], ""),
];

/// The log of an incident since a change.
#[derive(Default)]
pub(in crate::tools) struct Later {
    /// The entries, or `None` if they were not read.
    entries: Option<Vec<Entry>>,
    /// The time until which entries by the author of the change may belong to it.
    own: Timestamp,
    /// The user who uses the receipt, if known.
    me: Option<Id<User>>,
}

impl Later {
    /// Reads the log of each incident since the change of a receipt, as far as it can be read. The log of many incidents is
    /// read as that of the account.
    pub(in crate::tools) async fn of(
        cx: &Context,
        receipt: &Receipt,
        ids: &[Id<Incident>],
        from: Option<&str>,
    ) -> Vec<Self> {
        let own = receipt.at.checked_add(SAME_CHANGE).unwrap_or(receipt.at);
        // Entries have whole seconds.
        let since = Timestamp::from_second(receipt.at.as_second()).unwrap_or(receipt.at);
        let (logs, me) = tokio::join!(logs(cx, since, ids), cx.api.author_of_writes(from));
        logs.into_iter().map(|entries| Self { entries, own, me: me.clone() }).collect()
    }

    /// Returns whether the log was read.
    pub(in crate::tools) fn is_known(&self) -> bool {
        self.entries.is_some()
    }

    /// Returns the entries about a field, oldest first.
    fn about(&self, field: &str) -> impl DoubleEndedIterator<Item = &Entry> {
        let custom: (&str, &[&str], &str) = ("", &["custom_field_value_change"], "");
        let known = KINDS.iter().find(|(name, ..)| *name == field).copied();
        let (_, kinds, word) = known.unwrap_or(if field.starts_with(CUSTOM) { custom } else { ("", &[], "") });
        let is_about =
            move |entry: &&Entry| kinds.contains(&entry.kind.as_str()) && entry.line.to_lowercase().contains(word);
        self.entries.iter().flatten().filter(is_about)
    }

    /// Returns the fields that were changed after a change, even if they have the same values again.
    pub(in crate::tools) fn touched<'f>(&self, left: &'f Fields) -> Vec<&'f str> {
        let is_other = |entry: &Entry| {
            let user = entry.agent.as_ref().filter(|agent| agent.is_user);
            user.zip(self.me.as_ref()).is_some_and(|(user, me)| user.id != me.as_str())
        };
        let is_later = |name: &&String| self.about(name).any(|entry| entry.at >= self.own || is_other(entry));
        left.keys().filter(is_later).map(String::as_str).collect()
    }

    /// Returns the reason why a change cannot be taken back: the fields that were changed since, by whom and when.
    pub(in crate::tools) fn conflict(&self, differs: &[&str], touched: &[&str], now: &Fields, local: &Local) -> String {
        let (mut problem, fields) = if differs.is_empty() {
            (format!("Changed since, to the same values: {}.", touched.join(", ")), touched)
        } else {
            (format!("Changed since: {}.", differs.join(", ")), differs)
        };
        let mut entries: Vec<_> = fields.iter().filter_map(|field| self.about(field).next_back()).collect();
        entries.sort_by_key(|entry| (entry.at, &entry.id));
        entries.dedup_by_key(|entry| &entry.id);
        for entry in &entries {
            problem.extend([" ", entry.line.as_str(), " at ", &local.iso(entry.at), "."]);
        }
        let by = now.get("last_status_change_by").and_then(|by| by.get("name")?.as_str());
        let at = now.get("last_status_change_at").and_then(|at| at.as_str()?.parse().ok());
        if entries.is_empty()
            && fields.contains(&"status")
            && let Some((by, at)) = by.zip(at)
        {
            problem.extend([" ", by, " changed the status at ", &local.iso(at), "."]);
        }
        problem.push_str(" Nothing was sent.");
        problem
    }
}

/// Reads the log of each incident since a time.
async fn logs(cx: &Context, since: Timestamp, ids: &[Id<Incident>]) -> Vec<Option<Vec<Entry>>> {
    if ids.len() <= MOST_LOGS {
        let read = |id| async move { timeline::of_incident(cx, id, Some(since)).await.ok() };
        return join_all(ids.iter().map(read)).await;
    }
    let Ok((entries, false)) = timeline::of_account(cx, since).await else { return vec![None; ids.len()] };
    let mut all: HashMap<String, Vec<Entry>> = HashMap::new();
    for entry in entries {
        if let Some((id, _)) = &entry.incident {
            all.entry(id.clone()).or_default().push(entry);
        }
    }
    ids.iter().map(|id| Some(all.remove(id.as_str()).unwrap_or_default())).collect()
}

/// Returns the reason why a change of one incident cannot be taken back.
pub(in crate::tools) async fn conflict(
    cx: &Context,
    receipt: &Receipt,
    id: &Id<Incident>,
    differs: &[&str],
    now: &Fields,
) -> String {
    let (later, local) = tokio::join!(Later::of(cx, receipt, std::slice::from_ref(id), None), Local::of(cx, None));
    later.first().map_or_else(String::new, |later| later.conflict(differs, &[], now, &local))
}

/// Returns the names of fields whose values are not those that the change left.
pub(in crate::tools) fn differences<'r>(left: &'r Fields, now: &Fields) -> Vec<&'r str> {
    let differs = |(name, value): &(&String, &Value)| {
        !SENT_ONLY.contains(&name.as_str()) && !is_still(value, &comparable(now.get(*name).unwrap_or(&Value::Null)))
    };
    left.iter().filter(differs).map(|(name, _)| name.as_str()).collect()
}
