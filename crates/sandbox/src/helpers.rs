//! The account for tests in the same process, without requests: read objects, raise an incident, change the rate limit.

use serde_json::Value;

use super::Sandbox;
use super::account::{Account, Body, Incident, Involvement, Urgency, is_in};
use super::alerts::{Alert, Signal};
use super::behavior::{incidents, notes};
use super::documents::{Document, id_of, text};
use super::escalation::Path;
use super::kinds::{KINDS, SERVICE, USER};
use super::log::{LogEvent, itself};
use super::view::View;

/// An incident to be raised.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// The ID or the name of its service. Without it, a service of the current user's team.
    pub service: Option<String>,
    /// The title.
    pub title: String,
    /// Set for high urgency.
    pub high_urgency: bool,
    /// The details, as from an e-mail.
    pub details: Option<String>,
}

impl Sandbox {
    /// Returns all objects of a resource (`incidents`, `services`, …) as PagerDuty's API writes them, incidents newest first.
    /// `None` if there is no such resource.
    #[must_use]
    pub fn objects(&self, resource: &str) -> Option<Value> {
        let account = self.server.account();
        let view = View::new(&account, &self.url, &[]);
        if resource == "incidents" {
            return Some(account.incidents.iter().rev().map(|incident| incidents::shown(incident, view)).collect());
        }
        let kind = KINDS.iter().find(|kind| kind.many == resource)?;
        Some(account.documents.all(kind).iter().map(|document| view.whole(kind, document)).collect())
    }

    /// Returns the notes of an incident as PagerDuty's API writes them, oldest first, or `None` if there is no such
    /// incident.
    #[must_use]
    pub fn notes(&self, incident: &str) -> Option<Value> {
        let account = self.server.account();
        let view = View::new(&account, &self.url, &[]);
        let notes = &account.incident_by_id_or_number(incident)?.notes;
        Some(notes.iter().map(|note| notes::shown(note, view)).collect())
    }

    /// Raises an incident, assigned to the users on call for its service.
    ///
    /// # Errors
    /// If no service has that ID or name. The message lists the services.
    pub fn trigger(&self, trigger: Trigger) -> Result<Value, String> {
        self.server.change(|account| {
            let incident = account.raise(trigger)?;
            let raised = incidents::shown(&incident, View::new(account, &self.url, &[])).into();
            let (id, at) = (incident.id.clone(), incident.created_at);
            account.incidents.push(incident);
            account.notify_assigned(&id, at);
            Ok(raised)
        })
    }

    /// Sets the number of requests per minute for each token, and resets the windows.
    pub fn limit_rate(&self, requests: u32) {
        self.server.limit.set(requests);
    }
}

impl Account {
    fn raise(&self, trigger: Trigger) -> Result<Incident, String> {
        let services = self.documents.all(&SERVICE);
        let current = self.documents.get(&USER, &self.cast.current);
        let is_own = |service: &Document| {
            let team = service.get("teams").and_then(|teams| teams.get(0)).map(id_of).unwrap_or_default();
            text(service, "status") == "active" && current.is_some_and(|user| is_in(user, team))
        };
        let service = match &trigger.service {
            None => services.iter().find(|service| is_own(service)),
            Some(wanted) => services.iter().find(|one| [text(one, "id"), text(one, "name")].contains(&wanted.as_str())),
        };
        let service = service.ok_or_else(|| {
            let names = services.iter().map(|one| format!("{} ({})", text(one, "name"), text(one, "id")));
            let names: Vec<String> = names.collect();
            format!("there is no service {:?}; there are {}", trigger.service.unwrap_or_default(), names.join(", "))
        })?;
        let policy = service.get("escalation_policy").map(id_of).unwrap_or_default().to_owned();
        let service = text(service, "id").to_owned();
        let number = self.incidents.last().map_or(1, |last| last.number + 1);
        let now = self.clock.now();
        let users = self.on_call(&policy, 1, now);
        let mut incident = Incident {
            urgency: if trigger.high_urgency { Urgency::High } else { Urgency::Low },
            assignments: users.iter().map(|user| Involvement { at: now, user: user.clone() }).collect(),
            log_entry: format!("RTEST{number:09}"),
            path: self.script.is_some().then(|| Path::new(now)),
            body: trigger.details.map_or(Body::Absent, Body::Text),
            ..Incident::new(format!("QTEST{number:09}"), number, &service, policy, now)
        };
        incident.retitle(&trigger.title);
        incident.alerts.push(Alert::new(number, 0, now, incident.key.clone(), Signal::First(trigger.title)));
        incident.write(now, itself(&incident), LogEvent::Trigger);
        if !users.is_empty() {
            incident.write(now, itself(&incident), LogEvent::Assign(users));
        }
        Ok(incident)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    fn trigger(service: Option<&str>) -> Trigger {
        let service = service.map(str::to_owned);
        Trigger { service, title: "Too hot".into(), high_urgency: false, details: Some("42 degrees".into()) }
    }

    #[tokio::test]
    async fn trigger_raises_newest_incident_with_new_id_and_number() {
        let sandbox = Sandbox::start(Options { incidents: 5, ..Options::default() }).await.unwrap();
        let one = sandbox.trigger(trigger(None)).unwrap();
        let other = sandbox.trigger(trigger(one["service"]["id"].as_str())).unwrap();
        assert_ne!((&one["id"], &one["incident_number"]), (&other["id"], &other["incident_number"]));
        assert_eq!(other["service"]["id"], one["service"]["id"]);
        assert_eq!((other["urgency"].as_str(), other["status"].as_str()), (Some("low"), Some("triggered")));
        assert!(!other["assignments"].as_array().unwrap().is_empty());
        let all = sandbox.objects("incidents").unwrap();
        assert_eq!(all.as_array().unwrap().len(), 7);
        assert_eq!(all[0], other);
        assert_eq!(sandbox.notes(one["id"].as_str().unwrap()), Some(Value::Array(Vec::new())));
        assert!(sandbox.trigger(trigger(Some("Nothing"))).unwrap_err().contains("there is no service \"Nothing\""));
        assert!(sandbox.objects("things").is_none() && sandbox.notes("PNONE").is_none());
    }
}
