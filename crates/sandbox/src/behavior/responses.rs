//! Actions of responders beside updates of an incident: snoozing and merging it, and changing its notes and alerts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::changes::{Change, Record};
use super::communications::Communication;
use super::responders::{Target, Wanted};
use super::{alerts, incidents, notes};
use crate::account::{Account, Incident, Status};
use crate::alerts::Signal;
use crate::call::Call;
use crate::log::{LogEvent, Via, person};
use crate::reply::{self, Answer, OrNotFound, Problem};

/// The types of incidents of the account.
const TYPES: [&str; 3] = ["incident_default", "major_incident", "security_incident"];

/// Returns the type of incidents with this name.
pub fn type_named(name: Option<&str>) -> Option<&'static str> {
    TYPES.into_iter().find(|kind| name == Some(kind))
}

/// The names of the types for people.
const TYPE_TITLES: [&str; 3] = ["Base Incident", "Major Incident", "Security Incident"];

/// The longest time that an incident can be snoozed for, in seconds.
const LONGEST_SNOOZE: i64 = 604_800;

/// The maximum number of alerts of an incident.
const MAX_ALERTS: usize = 1_000;

/// The maximum number of alerts that one request may update.
const MAX_BATCH: usize = 250;

/// An action of a responder on an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// The IDs of the incidents whose alerts it takes.
    Merge(Vec<String>),
    /// The new text of a note, or `None` if it is deleted.
    Note {
        id: String,
        content: Option<String>,
    },
    Alerts(Vec<AlertUpdate>),
    /// A request to users and policies to join.
    Request(Wanted),
    /// The users and policies whose requests are canceled.
    CancelRequest(Vec<Target>),
    Communication(Communication),
}

/// The new status of an alert, and the incident that it moves to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertUpdate {
    id: String,
    status: Option<Status>,
    incident: Option<String>,
}

/// Answers `GET /incidents/types`.
pub fn types(_: &Account, _: &Call) -> Answer {
    let shown = |(number, (name, display)): (usize, (&str, &str))| {
        json!({
            "id": format!("PTYPE{number:02}"),
            "type": "incident_type",
            "name": name,
            "display_name": display,
            "description": null,
            "enabled": true,
            "parent": null,
        })
    };
    reply::all("incident_types", TYPES.into_iter().zip(TYPE_TITLES).enumerate().map(shown))
}

fn respond(account: &mut Account, call: &Call, response: Response) -> Result<(), Problem> {
    perform(account, call, Change { response: Some(response), ..Change::default() })
}

fn perform(account: &mut Account, call: &Call, change: Change) -> Result<(), Problem> {
    let by = call.actor(account)?;
    account.incident(&call.id).or_404()?;
    account.perform(Record { at: account.clock.now(), by, incident: call.id.clone(), change })
}

fn shown(account: &Account, call: &Call) -> Answer {
    reply::one("incident", &incidents::shown(account.incident(&call.id).or_404()?, call.view(account, &[])))
}

/// Answers `POST /incidents/{id}/snooze`.
pub fn snooze(account: &mut Account, call: &Call) -> Answer {
    let duration = call.body()?.get("duration").and_then(Value::as_i64);
    let duration = duration.filter(|seconds| (1..=LONGEST_SNOOZE).contains(seconds));
    let duration = duration.ok_or_else(|| Problem::invalid("Duration must be from 1 to 604800 seconds."))?;
    perform(account, call, Change { snooze: Some(duration), ..Change::default() })?;
    shown(account, call)
}

/// Answers `PUT /incidents/{id}/merge`.
pub fn merge(account: &mut Account, call: &Call) -> Answer {
    let body = call.body()?;
    let sources = body.get("source_incidents").and_then(Value::as_array).filter(|sources| !sources.is_empty());
    let sources = sources.ok_or_else(|| Problem::invalid("Source incidents cannot be empty."))?;
    let id = |source: &Value| source.get("id").and_then(Value::as_str).map(str::to_owned);
    let sources: Option<Vec<_>> = sources.iter().map(id).collect();
    let sources = sources.ok_or_else(|| Problem::invalid("Every source incident needs an id."))?;
    respond(account, call, Response::Merge(sources))?;
    shown(account, call)
}

/// Answers `PUT /incidents/{id}/notes/{note_id}`.
pub fn update_note(account: &mut Account, call: &Call) -> Answer {
    let body = call.body()?;
    let content = body.get("note").and_then(|note| note.get("content")?.as_str()).unwrap_or_default();
    if content.trim().is_empty() {
        return Err(Problem::invalid("Content cannot be empty."));
    }
    let id = call.part().to_owned();
    respond(account, call, Response::Note { id, content: Some(content.to_owned()) })?;
    let incident = account.incident(&call.id).or_404()?;
    let note = incident.notes.iter().find(|note| note.id == call.part()).or_404()?;
    reply::one("note", &notes::shown(note, call.view(account, &[])))
}

/// Answers `DELETE /incidents/{id}/notes/{note_id}`.
pub fn delete_note(account: &mut Account, call: &Call) -> Answer {
    respond(account, call, Response::Note { id: call.part().to_owned(), content: None })?;
    Ok(Vec::new())
}

/// Answers `PUT /incidents/{id}/alerts`: all of them are updated, or none if one is wrong.
pub fn update_alerts(account: &mut Account, call: &Call) -> Answer {
    let body = call.body()?;
    let updates = body.get("alerts").and_then(Value::as_array).filter(|alerts| !alerts.is_empty());
    let updates = updates.ok_or_else(|| Problem::invalid("Alerts cannot be empty."))?;
    if updates.len() > MAX_BATCH {
        return Err(Problem::too_large("At most 250 alerts may be updated at a time."));
    }
    let updates = updates.iter().map(|update| read(update, None)).collect::<Result<Vec<_>, Problem>>()?;
    let ids: Vec<_> = updates.iter().map(|update| update.id.clone()).collect();
    respond(account, call, Response::Alerts(updates))?;
    let view = call.view(account, &[]);
    reply::all("alerts", ids.iter().filter_map(|id| alerts::shown_by_id(account, id, view)))
}

/// Answers `PUT /incidents/{id}/alerts/{alert_id}`.
pub fn update_alert(account: &mut Account, call: &Call) -> Answer {
    let body = call.body()?;
    let update = body.get("alert").ok_or_else(|| Problem::invalid("Alert cannot be empty."))?;
    let update = read(update, Some(call.part()))?;
    respond(account, call, Response::Alerts(vec![update]))?;
    reply::one("alert", &alerts::shown_by_id(account, call.part(), call.view(account, &[])).or_404()?)
}

fn read(update: &Value, id: Option<&str>) -> Result<AlertUpdate, Problem> {
    let id = id.or_else(|| update.get("id")?.as_str()).ok_or_else(|| Problem::invalid("Every alert needs an id."))?;
    let status = match update.get("status").and_then(Value::as_str) {
        None => None,
        Some("resolved") => Some(Status::Resolved),
        Some("triggered") => Some(Status::Triggered),
        Some(_) => return Err(Problem::invalid("Status must be resolved or triggered.")),
    };
    let incident = update.get("incident").and_then(|incident| incident.get("id")?.as_str()).map(str::to_owned);
    Ok(AlertUpdate { id: id.to_owned(), status, incident })
}

impl Account {
    /// Returns the reason if a responder cannot do this to an incident.
    pub fn check_response(&self, incident: &Incident, response: &Response) -> Result<(), Problem> {
        match response {
            Response::Merge(sources) => self.check_merge(incident, sources),
            Response::Communication(communication) => self.check_communication(communication),
            Response::Note { id, .. } => incident.notes.iter().find(|note| note.id == *id).or_404().map(|_| ()),
            Response::Request(wanted) => self.check_request(incident, wanted),
            Response::CancelRequest(_) => Ok(()),
            Response::Alerts(updates) => updates.iter().try_for_each(|update| {
                incident.alerts.iter().find(|alert| alert.id == update.id).or_404()?;
                let Some(target) = &update.incident else { return Ok(()) };
                let target = self.incident(target).ok_or_else(|| Problem::invalid("Incident Not Found"))?;
                if target.status == Status::Resolved {
                    return Err(Problem::invalid("Alerts cannot be moved to a resolved incident."));
                }
                Ok(())
            }),
        }
    }

    fn check_merge(&self, target: &Incident, sources: &[String]) -> Result<(), Problem> {
        if target.status == Status::Resolved {
            return Err(Problem::invalid("Incidents cannot be merged into a resolved incident."));
        }
        let mut alerts = target.alerts.len();
        for id in sources {
            let source = self.incident(id).ok_or_else(|| Problem::invalid("Source Incident Not Found"))?;
            if source.id == target.id {
                return Err(Problem::invalid("An incident cannot be merged into itself."));
            }
            if source.merged_into.is_some() {
                return Err(Problem::merged());
            }
            alerts += source.alerts.len();
        }
        if alerts > MAX_ALERTS {
            return Err(Problem::invalid("An incident can have at most 1,000 alerts."));
        }
        Ok(())
    }

    /// Does to an incident what a responder does. It was checked before.
    pub fn respond(&mut self, id: &str, response: &Response, by: &str, at: Timestamp) -> Result<(), Problem> {
        match response {
            Response::Merge(sources) => {
                for source_id in sources {
                    self.keep_events(source_id);
                    let source = self.incident_mut(source_id).or_404()?;
                    let moved = std::mem::take(&mut source.alerts);
                    source.merged_into = Some(id.to_owned());
                    if source.status != Status::Resolved {
                        source.resolve(person(by), at);
                        source.write_via(Via::Api, at, person(by), LogEvent::Resolve);
                    }
                    source.updated_at = at;
                    self.notify_assigned(source_id, at);
                    self.take_alerts(id, moved)?;
                }
            }
            Response::Communication(communication) => {
                self.incident_mut(id).or_404()?.communicate(communication, by, at);
            }
            Response::Request(wanted) => self.request(id, wanted, by, at)?,
            Response::CancelRequest(targets) => self.cancel_request(id, targets, by, at)?,
            Response::Note { id: note, content } => {
                let notes = &mut self.incident_mut(id).or_404()?.notes;
                match content {
                    Some(content) => notes.iter_mut().find(|one| one.id == *note).or_404()?.content.clone_from(content),
                    None => notes.retain(|one| one.id != *note),
                }
            }
            Response::Alerts(updates) => {
                if updates.iter().any(|update| update.incident.as_ref().is_some_and(|target| *target != id)) {
                    self.keep_events(id);
                }
                for update in updates {
                    let incident = self.incident_mut(id).or_404()?;
                    let place = incident.alerts.iter().position(|alert| alert.id == update.id).or_404()?;
                    let alert = incident.alerts.get_mut(place).or_404()?;
                    match update.status {
                        Some(Status::Resolved) => alert.resolved_at = alert.resolved_at.or(Some(at)),
                        Some(_) => alert.resolved_at = None,
                        None => {}
                    }
                    if let Some(target) = update.incident.as_ref().filter(|target| *target != id) {
                        let alert = incident.alerts.remove(place);
                        self.take_alerts(target, vec![alert])?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Keeps the events of an incident's alerts as they are, since their texts depend on the incident.
    fn keep_events(&mut self, id: &str) {
        let Some(incident) = self.incident(id) else { return };
        let events: Vec<_> = incident.alerts.iter().map(|alert| alert.event(self, incident)).collect();
        let Some(incident) = self.incident_mut(id) else { return };
        for (alert, event) in incident.alerts.iter_mut().zip(events) {
            alert.signal = Signal::Moved(Box::new(event));
        }
    }

    /// Adds alerts to an incident, in the order of their times.
    fn take_alerts(&mut self, id: &str, moved: Vec<crate::alerts::Alert>) -> Result<(), Problem> {
        let alerts = &mut self.incident_mut(id).or_404()?.alerts;
        alerts.extend(moved);
        alerts.sort_by_key(|alert| alert.at);
        Ok(())
    }
}
