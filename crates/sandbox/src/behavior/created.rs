//! Incidents that users create: <https://developer.pagerduty.com/api-reference/a7d81b0e9200f-create-an-incident>.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::changes::{Change, Record};
use super::incidents::shown;
use super::updates;
use crate::account::{Account, Body, Incident, Involvement, Status, Urgency};
use crate::call::Call;
use crate::documents::{Document, entries, id_of};
use crate::escalation::Path;
use crate::kinds::{ESCALATION_POLICY, SERVICE};
use crate::log::{LogEvent, person};
use crate::reply::{self, Answer, OrNotFound, Problem};

/// The parts of a new incident that no update has. The others are in the [`Change`] that it is part of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Created {
    /// The key by which it is found. Of the open incidents of a service, each has a different one.
    key: Option<String>,
    /// The details.
    details: Option<String>,
}

/// Answers `POST /incidents`.
pub fn create(account: &mut Account, call: &Call) -> Answer {
    let by = call.actor(account)?;
    let body = call.body()?;
    let fields = body.get("incident").ok_or_else(|| Problem::invalid("Incident cannot be empty."))?;
    if fields.get("type").and_then(Value::as_str) != Some("incident") {
        return Err(Problem::invalid("Type must be incident."));
    }
    let change = updates::read(account, fields)?;
    if change.title.is_none() {
        return Err(Problem::invalid("Title cannot be empty."));
    }
    if !change.assignees.is_empty() && change.escalation_policy.is_some() {
        return Err(Problem::invalid("Assignments and Escalation Policy cannot both be specified."));
    }
    let details = fields.get("body").and_then(|body| body.get("details"));
    let details = details.map(|details| details.as_str().map_or_else(|| details.to_string(), str::to_owned));
    let created = Created { key: updates::text(fields, "incident_key")?.filter(|key| !key.is_empty()), details };
    let id = format!("QNEW{:010}", account.next_number());
    let change = Change { created: Some(created), note: None, ..change };
    account.perform(Record { at: account.clock.now(), by, incident: id.clone(), change })?;
    reply::one("incident", &shown(account.incident(&id).or_404()?, call.view(account, &[])))
}

impl Account {
    fn next_number(&self) -> u32 {
        self.incidents.last().map_or(1, |last| last.number + 1)
    }

    /// Returns the reason if an incident cannot be created.
    pub fn check_created(&self, change: &Change, created: &Created) -> Result<(), Problem> {
        let id = change.service.as_deref().ok_or_else(|| Problem::invalid("Service cannot be empty."))?;
        let service = self.documents.get(&SERVICE, id).ok_or_else(|| Problem::invalid("Service Not Found"))?;
        match super::services::status(self, service).as_str() {
            Some("disabled") => return Err(Problem::invalid("Service is disabled.")),
            Some("maintenance") => return Err(Problem::invalid("Service is in maintenance.")),
            _ => {}
        }
        let is_same = |incident: &Incident| {
            incident.status != Status::Resolved && created.key.as_ref().is_some_and(|key| incident.key == *key)
        };
        if self.incidents_of(id).any(is_same) {
            return Err(Problem::arguments("Open incident with matching dedup key already exists on this service"));
        }
        Ok(())
    }

    /// Creates an incident. It was checked before.
    pub fn create(&mut self, record: &Record, created: &Created) -> Result<(), Problem> {
        let Record { at, change, by, incident: id } = record;
        let service = change.service.as_deref().unwrap_or_default();
        let found = self.documents.get(&SERVICE, service).or_404()?;
        let of_service = found.get("escalation_policy").map(id_of).unwrap_or_default().to_owned();
        let is_low = found.get("incident_urgency_rule").is_some_and(|rule| rule.get("urgency") == Some(&"low".into()));
        let policy = change.escalation_policy.clone().unwrap_or(of_service);
        let on_call = self.first_on_call(&policy, *at);
        let is_direct = !change.assignees.is_empty();
        let users = if is_direct { change.assignees.clone() } else { on_call };
        let number = self.next_number();
        let mut path = self.script.is_some().then(|| Path::new(*at));
        if let Some(path) = path.as_mut().filter(|_| is_direct) {
            path.leave();
        }
        let mut incident = Incident {
            urgency: change.urgency.unwrap_or(if is_low { Urgency::Low } else { Urgency::High }),
            priority: change.priority.clone().filter(|id| !id.is_empty()),
            assignments: users.iter().map(|user| Involvement { at: *at, user: user.clone() }).collect(),
            changed_by: person(by),
            log_entry: format!("RNEW{number:010}"),
            path,
            body: created.details.clone().map_or(Body::Absent, Body::Text),
            bridge: change.conference_bridge.clone(),
            ..Incident::new(id.clone(), number, service, policy, *at)
        };
        incident.retitle(change.title.as_deref().unwrap_or_default());
        incident.key = created.key.clone().unwrap_or(incident.key);
        incident.kind = super::responses::type_named(change.kind.as_deref()).unwrap_or(incident.kind);
        incident.write(*at, person(by), LogEvent::Trigger);
        if !users.is_empty() {
            incident.write(*at, person(by), LogEvent::Assign(users));
        }
        self.incidents.push(incident);
        self.notify_assigned(id, *at);
        Ok(())
    }

    /// Returns the users on the first level of a policy on which a user is on call.
    fn first_on_call(&self, policy: &str, at: Timestamp) -> Vec<String> {
        let rules = |policy: &Document| entries(policy, "escalation_rules").len();
        let levels = self.documents.get(&ESCALATION_POLICY, policy).map_or(0, rules);
        let mut levels = (1..=levels).map(|level| self.on_call(policy, level, at));
        levels.find(|users| !users.is_empty()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Sandbox};
    use serde_json::json;

    #[tokio::test]
    async fn created_incident_is_known_to_other_processes() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { incidents: 5, state: Some(folder.path().join("state.json")), ..Options::default() };
        let (one, other) = (Sandbox::start(options.clone()).await.unwrap(), Sandbox::start(options).await.unwrap());
        let service = one.objects("services").unwrap()[0]["id"].as_str().unwrap().to_owned();
        let change = Change {
            service: Some(service),
            title: Some("Too hot".to_owned()),
            created: Some(Created { key: Some("k".to_owned()), details: None }),
            ..Change::default()
        };
        let raise = |id: &str, change: &Change| {
            one.server.change(|account| {
                let by = account.cast.current.clone();
                let record = Record { at: account.clock.now(), by, incident: id.to_owned(), change: change.clone() };
                account.perform(record)
            })
        };
        raise("QNEW1", &change).unwrap();
        assert!(raise("QNEW2", &change).is_err(), "an open incident has the key");
        let newest = other.objects("incidents").unwrap()[0].clone();
        assert_eq!((&newest["id"], &newest["incident_key"]), (&json!("QNEW1"), &json!("k")));
        let here = one.objects("incidents").unwrap()[0].to_string().replace(one.url(), other.url());
        assert_eq!(newest.to_string(), here);
    }
}
