//! The events that a waiting call has seen: those of one incident by its log and its alerts, or new incidents by their list.

use std::collections::HashSet;
use std::fmt::Write;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pagerduty_api::operations::alerts::LIST_INCIDENT_ALERTS;
use pagerduty_api::operations::log_entries::LIST_INCIDENT_LOG_ENTRIES;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::alerts;
use super::super::timeline::{Entry, entry_of, joined};
use super::{Marker, NEW_INCIDENT};
use crate::client::{Api, Query};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Alert, Incident, LogEntry, Model, Service, Team};
use crate::pagination::{ListRequest, Listing};
use crate::tools::Context;
use crate::tools::oncall::read::spoken;
use crate::tools::subject::Subject;
use crate::tools::times::Local;
use crate::tools::words::sentence;

/// The types of log entries of each event. Alerts that PagerDuty groups into an incident have no entries in its log.
const KINDS: &[(&str, &[&str])] = &[
    ("acknowledged", &["acknowledge", "acknowledgement"]),
    ("resolved", &["resolve"]),
    (NEW_ALERT, &[]),
    ("triggered_again", &["unacknowledge"]),
    ("new_note", &["annotate"]),
    ("responder_joined", &["responder_accept", "responder_join", "accept_responder_request"]),
    ("escalated", &["escalate", "repeat_escalation_path"]),
];

const NEW_ALERT: &str = "new_alert";

/// The most alerts of one request. Each has the event of its sender.
const MAX_ALERTS: usize = 20;

/// A list that shows events of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The log.
    Log,
    /// The alerts.
    Alerts,
    /// The incident: the number of its alerts, and its responders, whom the log does not show for certain.
    Incident,
}

/// The time before the last seen event from which entries are read, since PagerDuty may list one late.
const OVERLAP: SignedDuration = SignedDuration::from_secs(5);

/// The most rows of one request. More do not come in some seconds.
const ROWS: usize = 100;

/// The sentence about an incident of which nothing more is awaited.
const RESOLVED: &str = "The incident is resolved.";

/// The object of the wait, and the events that were seen.
pub struct Watch {
    of: Of,
    /// The awaited events.
    pub words: Vec<&'static str>,
    /// The IDs of what was seen.
    seen: HashSet<String>,
    /// The places from which events count.
    since: Marker,
    marker: Marker,
    events: Vec<Event>,
    happened: Vec<&'static str>,
    /// Set if nothing that is awaited can come any more.
    ended: Option<&'static str>,
    /// Set if it was so when the wait began.
    pub was_so: bool,
    /// The number of requests by turns.
    number: usize,
    /// The sources to read before the next turn, the last one first.
    next: Vec<Source>,
    /// The sources whose last request failed.
    failed: Vec<(Source, Error)>,
}

enum Of {
    Incident { subject: Box<Subject>, log: Vec<Entry> },
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
        let seen = marker.main.seen.iter().chain(&marker.alerts.seen).cloned().collect();
        let (since, events, happened) = (marker.clone(), Vec::new(), Vec::new());
        Self {
            of,
            words,
            seen,
            since,
            marker,
            events,
            happened,
            ended: None,
            was_so: false,
            number: 1,
            next: Vec::new(),
            failed: Vec::new(),
        }
    }

    /// Watches an incident that was just read. Without words, each event counts.
    pub fn of_incident(cx: &Context, subject: Subject, words: &[&'static str], since: Option<Marker>) -> Self {
        let is_new = since.is_none();
        let marker = since.unwrap_or_else(|| Marker::new(cx.api.now_there()));
        let all = KINDS.iter().map(|(word, _)| *word);
        let words: Vec<_> = if words.is_empty() { all.collect() } else { words.to_vec() };
        let of = Of::Incident { subject: Box::new(subject), log: Vec::new() };
        let mut watch = Self::new(of, words, marker);
        // The log since the previous call comes first.
        if is_new {
            watch.settle();
            watch.was_so = watch.is_over();
        }
        watch
    }

    /// Ends the wait for a status that is reached already. If nothing else is awaited, it is the answer.
    pub fn settle(&mut self) {
        match self.subject().and_then(|subject| subject.status.as_deref()) {
            Some("resolved") if self.words != ["triggered_again"] => self.end("resolved"),
            Some("acknowledged") if self.words == ["acknowledged"] => self.end("acknowledged"),
            _ => {}
        }
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
        let marker = since.unwrap_or_else(|| Marker::new(cx.api.now_there()));
        Ok(Self::new(Of::Account(query), vec![NEW_INCIDENT], marker))
    }

    fn end(&mut self, status: &'static str) {
        if self.words.contains(&status) && !self.happened.contains(&status) {
            self.happened.push(status);
        }
        self.ended = Some(if status == "resolved" { RESOLVED } else { "The incident is acknowledged." });
    }

    /// Returns whether the wait is over.
    pub fn is_over(&self) -> bool {
        !self.happened.is_empty() || self.ended.is_some()
    }

    /// Returns whether another call can find more.
    pub fn can_go_on(&self) -> bool {
        self.ended != Some(RESOLVED)
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

    /// Returns the sources that have something about the awaited events.
    pub fn sources(&self) -> Vec<Source> {
        let is_incident = matches!(self.of, Of::Incident { .. });
        let reads = |word: &str| is_incident && self.words.contains(&word);
        let others = [(NEW_ALERT, Source::Alerts), ("responder_joined", Source::Incident)].into_iter();
        [Source::Log].into_iter().chain(others.filter(|(word, _)| reads(word)).map(|(_, source)| source)).collect()
    }

    /// Returns the source to read next. The incident shows in one request whether another one has something new.
    fn source(&mut self) -> Source {
        self.number += 1;
        let turns = if self.sources().len() > 1 { [Source::Log, Source::Incident] } else { [Source::Log; 2] };
        let turn = turns.get(self.number % 2).copied().unwrap_or(Source::Log);
        self.next.pop().unwrap_or(turn)
    }

    /// Makes all sources be read next: something may have happened since the previous call.
    pub fn catch_up(&mut self) {
        self.next = self.sources();
        self.next.reverse();
    }

    /// Returns whether a source is known to have more.
    pub fn is_behind(&self) -> bool {
        !self.next.is_empty()
    }

    /// Returns the failure of a source whose last request failed, so that its newest events may be missing.
    pub fn failure(&self) -> Option<&Error> {
        self.failed.first().map(|(_, error)| error)
    }

    /// Reads what is new with one request. Returns whether there is something.
    pub async fn look(&mut self, api: &Api, local: &Local) -> Result<bool> {
        let source = self.source();
        self.failed.retain(|(failed, _)| *failed != source);
        // The caller may stop waiting for it.
        self.failed.push((source, Error::new(Code::Timeout, "there was no response in time")));
        let outcome = self.read(source, api, local).await;
        self.failed.pop();
        if let Err(error) = &outcome {
            self.failed.push((source, error.clone()));
        }
        outcome
    }

    async fn read(&mut self, source: Source, api: &Api, local: &Local) -> Result<bool> {
        let since = self.marker.main.at - OVERLAP;
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
            Of::Incident { subject, .. } => {
                let id = subject.id.clone();
                if source == Source::Alerts {
                    let query = Query::new().with("sort_by", Some("created_at:desc"));
                    let rows = ListRequest { limit: MAX_ALERTS, ..ListRequest::all() };
                    let selection = Alert::facts_only();
                    let listing: Listing<Alert> =
                        api.pages_below(&LIST_INCIDENT_ALERTS, &id, query, rows, &selection).await?;
                    return Ok(self.take_alerts(listing.rows.into_iter().map(|row| row.facts).collect(), local));
                }
                if source == Source::Incident {
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
        let is_new = at >= self.since.main.at && self.seen.insert(id.to_owned());
        if is_new {
            self.marker.main.pass(at, id);
        }
        is_new
    }

    fn take_alerts(&mut self, mut alerts: Vec<Alert>, local: &Local) -> bool {
        alerts.sort_by_key(|alert| alert.created_at);
        let mut has_new = false;
        for alert in alerts {
            let Some((id, at)) = alert.id.clone().zip(alert.created_at) else { continue };
            if at < self.since.alerts.at || !self.seen.insert(id.clone()) {
                continue;
            }
            self.marker.alerts.pass(at, &id);
            has_new = true;
            let line = format!("Alert: {}", alerts::line(&alert, local));
            self.events.push(Event { at, line: line.trim_end_matches('.').to_owned(), incident: None });
        }
        if has_new && !self.happened.contains(&NEW_ALERT) {
            self.happened.push(NEW_ALERT);
        }
        has_new
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
            let mut entry = entry;
            let word = word_of(&entry);
            let is_resolved = word == Some("resolved");
            if let Some(word) = word.filter(|word| self.words.contains(word) && !self.happened.contains(word)) {
                self.happened.push(word);
            }
            let Of::Incident { subject, log, .. } = &mut self.of else { continue };
            subject.status = match word {
                Some(status @ ("acknowledged" | "resolved")) => Some(status.to_owned()),
                Some("triggered_again") => Some("triggered".to_owned()),
                _ => subject.status.take(),
            };
            entry.name_reopened(subject.created_at);
            log.push(entry);
            if is_resolved {
                self.settle();
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
        let assignees = |subject: &Subject| subject.assigned.iter().map(|one| one.user.id.clone()).collect::<Vec<_>>();
        // The other sources show what happened, and by whom.
        if found.alerts > subject.alerts && self.words.contains(&NEW_ALERT) {
            self.next.push(Source::Alerts);
        }
        let has_changed = found.status != subject.status || assignees(&found) != assignees(subject);
        if has_changed {
            self.next.push(Source::Log);
        }
        let has_more = !self.next.is_empty();
        **subject = found;
        let at = self.marker.main.at;
        for user in &joined {
            let line = format!("{} joined", spoken(user));
            self.events.push(Event { at, line, incident: None });
        }
        if !joined.is_empty() && !self.happened.contains(&"responder_joined") {
            self.happened.push("responder_joined");
        }
        has_more || !joined.is_empty()
    }

    /// Takes what has happened.
    pub fn happened(&mut self) -> Happened {
        let mut events = std::mem::take(&mut self.events);
        let mut line = self.ended.map(str::to_owned);
        if let Of::Incident { log, .. } = &mut self.of {
            let awaited = |entry: &&Entry| word_of(entry).is_some_and(|word| self.happened.contains(&word));
            let said = log.iter().filter(awaited).map(|entry| &entry.line);
            let said: Vec<_> = said.chain(events.iter().map(|event| &event.line)).cloned().collect();
            if !said.is_empty() {
                line = Some(sentence(said.join("; ")));
            }
            let joined = joined(std::mem::take(log)).into_iter();
            events.extend(joined.map(|entry| Event { at: entry.at, line: entry.line, incident: None }));
        }
        // The line also says that the wait cannot go on.
        if self.ended == Some(RESOLVED)
            && !self.happened.contains(&"resolved")
            && let Some(line) = line.as_mut().filter(|line| *line != RESOLVED)
        {
            let _ = write!(line, " {RESOLVED}");
        }
        if line.is_none() && !self.happened.is_empty() {
            let lines: Vec<_> = events.iter().map(|event| event.line.as_str()).collect();
            line = Some(sentence(lines.join("; ")));
        }
        events.sort_by_key(|event| event.at);
        Happened { words: self.happened.clone(), line, events }
    }
}

/// Returns the event that an entry is. A trigger by a user is no alert: the user has opened the incident again.
fn word_of(entry: &Entry) -> Option<&'static str> {
    if entry.kind == "trigger" && entry.is_by_user() {
        return Some("triggered_again");
    }
    KINDS.iter().find(|(_, kinds)| kinds.contains(&entry.kind.as_str())).map(|(word, _)| *word)
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
