//! The events that a waiting call has seen: those of one incident by its log, or new incidents by their list.

use std::collections::HashSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pagerduty_api::operations::log_entries::LIST_INCIDENT_LOG_ENTRIES;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::subject::Subject;
use super::super::timeline::{Entry, entry_of, joined};
use super::{Marker, NEW_INCIDENT};
use crate::client::{Api, Query};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, LogEntry, Model, Service, Team};
use crate::pagination::{ListRequest, Listing};
use crate::tools::Context;

/// The types of log entries of each event.
const KINDS: &[(&str, &[&str])] = &[
    ("acknowledged", &["acknowledge", "acknowledgement"]),
    ("resolved", &["resolve"]),
    ("new_alert", &["trigger", "link"]),
    ("new_note", &["annotate"]),
    ("responder_joined", &["responder_accept", "responder_join", "accept_responder_request"]),
    ("escalated", &["escalate", "repeat_escalation_path"]),
];

/// The time before the last seen event from which entries are read, since PagerDuty may list one late.
const OVERLAP: SignedDuration = SignedDuration::from_secs(5);

/// The most rows of one request. More do not come in some seconds.
const ROWS: usize = 100;

/// The object of the wait, and the events that were seen.
pub struct Watch {
    of: Of,
    /// The awaited events.
    words: Vec<&'static str>,
    /// The IDs of what was seen.
    seen: HashSet<String>,
    /// The time from which events count.
    since: Timestamp,
    marker: Marker,
    events: Vec<Event>,
    happened: Vec<&'static str>,
    /// Set if nothing that is awaited can come any more.
    ended: Option<&'static str>,
}

enum Of {
    Incident { subject: Box<Subject>, log: Vec<Entry>, number: usize },
    Account(Query),
}

/// An event of the answer.
pub struct Event {
    pub at: Timestamp,
    pub line: String,
    pub incident: Option<Value>,
}

/// The awaited events that have happened.
pub struct Happened {
    pub words: Vec<&'static str>,
    pub line: Option<String>,
    pub events: Vec<Event>,
}

impl Watch {
    fn new(of: Of, words: Vec<&'static str>, marker: Marker) -> Self {
        let seen = marker.seen.iter().cloned().collect();
        let (since, events, happened) = (marker.at, Vec::new(), Vec::new());
        Self { of, words, seen, since, marker, events, happened, ended: None }
    }

    /// Watches an incident that was just read. Without words, each event counts.
    pub fn of_incident(cx: &Context, subject: Subject, words: &[&'static str], since: Option<Marker>) -> Self {
        let marker = since.unwrap_or_else(|| Marker { at: cx.api.now_there(), seen: Vec::new() });
        let all = KINDS.iter().map(|(word, _)| *word);
        let words: Vec<_> = if words.is_empty() { all.collect() } else { words.to_vec() };
        let status = subject.status.clone();
        let of = Of::Incident { subject: Box::new(subject), log: Vec::new(), number: 0 };
        let mut watch = Self::new(of, words, marker);
        // A status that is reached already is not waited for. If nothing else is, it is the answer.
        match status.as_deref() {
            Some("resolved") => watch.end("resolved"),
            Some("acknowledged") if watch.words == ["acknowledged"] => watch.end("acknowledged"),
            _ => {}
        }
        watch
    }

    /// Watches the incidents of teams and services, by default those of the current user.
    pub async fn of_account(
        cx: &Context,
        teams: &[Id<Team>],
        services: &[Id<Service>],
        since: Option<Marker>,
    ) -> Result<Self> {
        let query = if teams.is_empty() && services.is_empty() {
            mine(cx).await?
        } else {
            Query::new().with_given("team_ids", teams).with_given("service_ids", services)
        };
        let marker = since.unwrap_or_else(|| Marker { at: cx.api.now_there(), seen: Vec::new() });
        Ok(Self::new(Of::Account(query), vec![NEW_INCIDENT], marker))
    }

    fn end(&mut self, status: &'static str) {
        if self.words.contains(&status) && !self.happened.contains(&status) {
            self.happened.push(status);
        }
        self.ended =
            Some(if status == "resolved" { "The incident is resolved." } else { "The incident is acknowledged." });
    }

    /// Returns whether the wait is over.
    pub fn is_over(&self) -> bool {
        !self.happened.is_empty() || self.ended.is_some()
    }

    /// Returns whether another call can find more.
    pub fn can_go_on(&self) -> bool {
        self.ended != Some("The incident is resolved.")
    }

    /// Returns the next time at which PagerDuty acts by itself, if it announces one.
    pub fn next_action(&self, there: Timestamp) -> Option<Instant> {
        let Of::Incident { subject, .. } = &self.of else { return None };
        let (now, there) = (Instant::now(), there);
        let next = subject.pending.iter().map(|(_, at)| *at).filter(|at| *at >= there).min()?;
        Some(now + Duration::try_from(next.duration_since(there)).ok()?)
    }

    /// Returns the incident, if there is one.
    pub fn subject(&self) -> Option<&Subject> {
        match &self.of {
            Of::Incident { subject, .. } => Some(subject),
            Of::Account(_) => None,
        }
    }

    /// Returns the place at which another call continues.
    pub fn marker(&self) -> &Marker {
        &self.marker
    }

    /// Reads what is new with one request. Returns whether there is something.
    pub async fn look(&mut self, api: &Api) -> Result<bool> {
        let since = self.marker.at - OVERLAP;
        match &mut self.of {
            Of::Account(query) => {
                let until = api.now_there() + SignedDuration::from_mins(5);
                let query = query.clone().with("since", Some(since)).with("until", Some(until));
                let query = query.with("sort_by", Some("created_at:desc"));
                let rows = ListRequest { limit: ROWS, ..ListRequest::all() };
                let listing: Listing<Incident> = api.list(query, rows, &Subject::selection()).await?;
                let incidents = listing.rows.iter().filter_map(|row| Subject::from_row(&row.shown)).rev();
                Ok(self.take_incidents(incidents.collect()))
            }
            Of::Incident { subject, number, .. } => {
                *number += 1;
                // The log of PagerDuty does not show for certain that a responder joined, but the incident does.
                let reads_incident = self.words.contains(&"responder_joined") && *number % 3 == 0;
                let id = subject.id.clone();
                if reads_incident {
                    let row = api.one::<Incident>(&id, Query::new(), &Subject::selection()).await?;
                    return Ok(Subject::from_row(&row.shown).is_some_and(|found| self.take_subject(found)));
                }
                let query = Query::new().with("since", Some(since)).with_all("include", &["channels"]);
                let rows = ListRequest { limit: ROWS, ..ListRequest::all() };
                let selection = LogEntry::facts_only();
                let listing: Listing<LogEntry> =
                    api.pages_below(&LIST_INCIDENT_LOG_ENTRIES, &id, query, rows, &selection).await?;
                let mut entries: Vec<_> = listing.rows.into_iter().rev().filter_map(entry_of).collect();
                entries.sort_by_key(|entry| entry.at);
                Ok(self.take_entries(entries))
            }
        }
    }

    /// Returns whether an event was not seen before, and marks it as seen.
    fn is_new(&mut self, id: &str, at: Timestamp) -> bool {
        if at < self.since || !self.seen.insert(id.to_owned()) {
            return false;
        }
        if at > self.marker.at {
            self.marker = Marker { at, seen: Vec::new() };
        }
        if at == self.marker.at {
            self.marker.seen.push(id.to_owned());
        }
        true
    }

    fn take_incidents(&mut self, incidents: Vec<Subject>) -> bool {
        let mut has_new = false;
        for incident in incidents {
            let Some(at) = incident.created_at.filter(|at| self.is_new(incident.id.as_str(), *at)) else { continue };
            has_new = true;
            let on = incident.service.as_ref().map(|service| format!(" on {}", service.label())).unwrap_or_default();
            let urgency = incident.urgency.as_deref().map(|urgency| format!(", {urgency} urgency")).unwrap_or_default();
            let line = format!("{}{on}{urgency}", incident.label());
            let shown = json!({"id": incident.id.as_str(), "number": incident.number, "status": incident.status});
            self.events.push(Event { at, line, incident: Some(shown) });
        }
        if has_new {
            self.happened = vec![NEW_INCIDENT];
        }
        has_new
    }

    fn take_entries(&mut self, entries: Vec<Entry>) -> bool {
        let mut has_new = false;
        for entry in entries {
            if !self.is_new(&entry.id, entry.at) {
                continue;
            }
            has_new = true;
            let kind = entry.kind.as_str();
            let word = KINDS.iter().find(|(_, kinds)| kinds.contains(&kind)).map(|(word, _)| *word);
            let is_resolved = word == Some("resolved");
            if let Some(word) = word.filter(|word| self.words.contains(word) && !self.happened.contains(word)) {
                self.happened.push(word);
            }
            let Of::Incident { subject, log, .. } = &mut self.of else { continue };
            subject.status = match word {
                Some(status @ ("acknowledged" | "resolved")) => Some(status.to_owned()),
                _ if kind == "unacknowledge" => Some("triggered".to_owned()),
                _ => subject.status.take(),
            };
            log.push(entry);
            if is_resolved {
                self.end("resolved");
            }
        }
        has_new
    }

    fn take_subject(&mut self, found: Subject) -> bool {
        let Of::Incident { subject, .. } = &mut self.of else { return false };
        let joined: Vec<_> = found
            .joined
            .iter()
            .filter(|user| !subject.joined.iter().any(|known| known.id == user.id))
            .cloned()
            .collect();
        **subject = found;
        let at = self.marker.at;
        for user in &joined {
            let line = format!("{} joined", user.name.as_deref().unwrap_or(&user.id));
            self.events.push(Event { at, line, incident: None });
        }
        if !joined.is_empty() && !self.happened.contains(&"responder_joined") {
            self.happened.push("responder_joined");
        }
        !joined.is_empty()
    }

    /// Takes what has happened.
    pub fn happened(&mut self) -> Happened {
        let mut events = std::mem::take(&mut self.events);
        let mut line = self.ended.map(str::to_owned);
        if let Of::Incident { log, .. } = &mut self.of {
            let awaited = |entry: &&Entry| {
                let words = KINDS.iter().filter(|(word, _)| self.happened.contains(word));
                words.flat_map(|(_, kinds)| kinds.iter()).any(|kind| *kind == entry.kind)
            };
            let said: Vec<_> = log.iter().filter(awaited).map(|entry| entry.line.clone()).collect();
            if !said.is_empty() {
                line = Some(format!("{}.", said.join("; ")));
            }
            let joined = joined(std::mem::take(log)).into_iter();
            events.extend(joined.map(|entry| Event { at: entry.at, line: entry.line, incident: None }));
        }
        if line.is_none() && !self.happened.is_empty() {
            let lines: Vec<_> = events.iter().map(|event| event.line.as_str()).collect();
            line = Some(format!("{}.", lines.join("; ")));
        }
        events.sort_by_key(|event| event.at);
        Happened { words: self.happened.clone(), line, events }
    }
}

/// Returns the query for the incidents of the current user's teams, or without teams for those assigned to the user.
async fn mine(cx: &Context) -> Result<Query> {
    match cx.api.me().await {
        Ok(me) if me.teams.is_empty() => Ok(Query::new().with_all("user_ids", std::slice::from_ref(&me.id))),
        Ok(me) => Ok(Query::new().with_all("team_ids", &me.teams)),
        Err(error) if error.code() == Code::NoUserContext => {
            let message = "the credential belongs to no user";
            Err(Error::new(Code::NoUserContext, message).hint("Pass team_ids or service_ids."))
        }
        Err(error) => Err(error),
    }
}
