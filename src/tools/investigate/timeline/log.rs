//! Reads the log of an incident or of the account as events in words, oldest first.

use jiff::Timestamp;
use pagerduty_api::operations::log_entries::LIST_INCIDENT_LOG_ENTRIES;
use pagerduty_rows::fields::Selection;
use pagerduty_rows::object::Object;

use super::phrases;
use crate::client::Query;
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Agent, Incident, LogEntry, Model, Person, Row};
use crate::pagination::{End, ListRequest, Listing};
use crate::tools::Context;
use crate::tools::subject::MAX_TITLE;
use crate::tools::words::{name, quoted};

/// The most entries that are read for one answer. Most incidents have fewer.
const MAX_ENTRIES: usize = 1_000;

/// An event of a timeline: an entry of the log, or several equal ones.
#[derive(Clone, Debug)]
pub(in crate::tools) struct Entry {
    /// The ID of the first entry.
    pub id: String,
    /// The time.
    pub at: Timestamp,
    /// The type: `trigger`, `notify`, `acknowledge`.
    pub kind: String,
    /// The event in words, with texts of other origin quoted: `Acknowledged by Ada on the website`.
    pub line: String,
    /// The user, service or integration that caused it.
    pub agent: Option<Agent>,
    /// The users who were notified, assigned or requested.
    pub users: Vec<Person>,
    /// The method of a notification, and its outcome if it reached no device: `phone`, `phone (no answer)`.
    pub method: Option<String>,
    /// The ID and the title of the incident, where PagerDuty sends them.
    pub incident: Option<(String, Option<String>)>,
    /// The number of entries, and the time of the last one.
    pub count: usize,
    /// The time of the last entry.
    pub last: Timestamp,
    /// The fields to show.
    pub shown: Object,
}

impl Entry {
    /// Names a trigger by a user after the start of its incident: the user has opened it again.
    pub fn name_reopened(&mut self, created_at: Option<Timestamp>) {
        if self.is_by_user() && self.kind == "trigger" && created_at.is_some_and(|start| self.at > start) {
            let by = self.agent.as_ref().and_then(|agent| agent.name.as_deref()).map_or("a user".into(), name);
            self.line = format!("Reopened by {by}");
        }
    }

    /// Returns whether a user caused it.
    pub fn is_by_user(&self) -> bool {
        self.agent.as_ref().is_some_and(|agent| agent.is_user)
    }

    /// Adds the incident to the words: `#42 “disk is full”: Resolved by Ada`.
    pub fn name_incident(&mut self) {
        let Some((id, summary)) = &self.incident else { return };
        // PagerDuty's summary of an incident: `[#42] disk is full`.
        let number_and_title = summary.as_deref().and_then(|text| text.strip_prefix("[#")?.split_once("] "));
        let is_number = |number: &str| number.chars().all(|digit| digit.is_ascii_digit());
        let number_and_title = number_and_title.filter(|(number, _)| is_number(number));
        let label = match (number_and_title, summary) {
            (Some((number, title)), _) => format!("#{number} {}", quoted(title, MAX_TITLE)),
            (None, Some(title)) => quoted(title, MAX_TITLE),
            (None, None) => format!("Incident {id}"),
        };
        self.line = format!("{label}: {}", self.line);
    }
}

/// A log, or a part of it.
#[derive(Debug)]
pub(in crate::tools) struct Log {
    /// The events, oldest first.
    pub entries: Vec<Entry>,
    /// Set if there are earlier entries than those that were read.
    pub is_cut: bool,
    /// A warning about entries that could not be read.
    pub warning: Option<String>,
}

/// Returns the events of an incident, oldest first, at most the newest [`MAX_ENTRIES`]. Repeated notifications of a user
/// are one event.
///
/// `since` leaves out what happened before.
pub(in crate::tools) async fn of_incident(
    cx: &Context,
    id: &Id<Incident>,
    since: Option<Timestamp>,
) -> Result<Vec<Entry>> {
    let query = Query::new().with("since", since);
    Ok(joined(read(cx, Some(id), query, &LogEntry::facts_only()).await?.entries))
}

/// Returns the events of all incidents since a time, oldest first, and whether there are earlier ones that were not read.
pub(in crate::tools) async fn of_account(cx: &Context, since: Timestamp) -> Result<(Vec<Entry>, bool)> {
    let log = read(cx, None, Query::new().with("since", Some(since)), &LogEntry::facts_only()).await?;
    Ok((log.entries, log.is_cut))
}

/// Returns the log of an incident, with each notification apart.
pub(in crate::tools) async fn of_incident_apart(cx: &Context, id: &Id<Incident>) -> Result<Log> {
    read(cx, Some(id), Query::new(), &LogEntry::facts_only()).await
}

/// Reads the log of an incident, or of all incidents that the query covers.
pub async fn read(
    cx: &Context,
    incident: Option<&Id<Incident>>,
    query: Query,
    selection: &Selection<'_>,
) -> Result<Log> {
    // Without it, a channel is only its type.
    let query = query.with_all("include", &["channels"]);
    let most = ListRequest { limit: MAX_ENTRIES, ..ListRequest::all() };
    let listing: Listing<LogEntry> = match incident {
        Some(id) => {
            let id = cx.api.incident_id(id).await?;
            cx.api.pages_below(&LIST_INCIDENT_LOG_ENTRIES, &id, query, most, selection).await?
        }
        None => cx.api.list(query, most, selection).await?,
    };
    let is_cut = listing.end != End::Complete;
    let all = listing.rows.len() + listing.left_out.len();
    // PagerDuty's order is kept for events of the same second.
    let mut entries: Vec<_> = listing.rows.into_iter().rev().filter_map(entry).collect();
    entries.sort_by_key(|entry| entry.at);
    name_reopened(&mut entries);
    let unread = all - entries.len();
    let warning = (unread > 0).then(|| format!("{unread} of {all} log entries could not be read and are left out."));
    Ok(Log { entries, is_cut, warning })
}

/// Names the triggers by users that follow the end of their incident: a user has reopened it.
fn name_reopened(entries: &mut [Entry]) {
    let mut ended = std::collections::HashSet::new();
    for entry in entries {
        let incident = entry.incident.as_ref().map(|(id, _)| id.clone());
        match entry.kind.as_str() {
            "resolve" => _ = ended.insert(incident),
            "trigger" if ended.remove(&incident) => entry.name_reopened(Some(Timestamp::MIN)),
            _ => {}
        }
    }
}

/// Returns the event of an entry, if it has an ID and a time.
pub fn entry(row: Row<LogEntry>) -> Option<Entry> {
    let Row { facts, shown } = row;
    let (id, at) = (facts.id()?.to_owned(), facts.at?);
    let line = phrases::line(&facts);
    let outcome = phrases::outcome(&facts).map(|outcome| format!(" ({outcome})")).unwrap_or_default();
    let method = phrases::method(&facts).map(|method| format!("{method}{outcome}"));
    let LogEntry { kind, agent, users, incident, .. } = facts;
    Some(Entry { id, at, kind, line, agent, users, method, incident, count: 1, last: at, shown })
}

/// Joins repeated events: the notifications of one user that nothing but other notifications interrupts, and equal events
/// that follow each other.
///
/// A user with four notification rules gets four notifications for each assignment. A timeline with each of them hides
/// what people did.
pub fn joined(entries: Vec<Entry>) -> Vec<Entry> {
    let mut rows: Vec<Entry> = Vec::new();
    let mut methods: Vec<Vec<String>> = Vec::new();
    // The first row of the current run of notifications.
    let mut run = 0;
    for entry in entries {
        let is_notice = entry.kind == "notify";
        if !is_notice {
            run = rows.len() + 1;
        }
        let start = if is_notice { run } else { rows.len().saturating_sub(1) };
        let same = |row: &Entry| {
            row.kind == entry.kind
                && row.incident == entry.incident
                && if is_notice { row.users == entry.users && !row.users.is_empty() } else { row.line == entry.line }
        };
        let place = rows.iter().skip(start).position(same).map(|place| place + start);
        let method = entry.method.clone();
        if let Some((row, methods)) = place.and_then(|place| Some((rows.get_mut(place)?, methods.get_mut(place)?))) {
            row.count += 1;
            row.last = entry.last;
            methods.extend(method);
        } else {
            methods.push(method.into_iter().collect());
            rows.push(entry);
        }
    }
    for (row, methods) in rows.iter_mut().zip(methods).filter(|(row, _)| row.count > 1) {
        row.line = if row.kind == "notify" {
            let methods = counted(&methods);
            let how = if methods.is_empty() { String::new() } else { format!(": {methods}") };
            format!("Notified {} {} times{how}", phrases::names(&row.users), row.count)
        } else {
            format!("{} ({} times)", row.line, row.count)
        };
    }
    rows
}

/// Returns words in the order of their first occurrence, each with its number: `email, push, phone (2)`.
fn counted(words: &[String]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for word in words {
        match counts.iter_mut().find(|(known, _)| known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let words =
        counts.iter().map(|(word, count)| if *count > 1 { format!("{word} ({count})") } else { (*word).to_owned() });
    words.collect::<Vec<_>>().join(", ")
}
