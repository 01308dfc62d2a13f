//! What a test in this process can do with the account besides requests: look at it, raise an incident, change the limit.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::Sandbox;
use super::account::{Account, Agent, Body, Incident, Involvement, Status, Urgency};
use super::notes::NoteFields;
use super::seed;
use super::wire::{View, Whole};

/// An incident to be raised.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// The ID or the name of its service; without it, a service of the current user's team.
    pub service: Option<String>,
    /// What is wrong.
    pub title: String,
    /// Whether it is of high urgency.
    pub high_urgency: bool,
    /// What there is to say about it, as an e-mail would.
    pub details: Option<String>,
}

impl Sandbox {
    /// All objects of a resource (`incidents`, `services`, …) as PagerDuty's API writes them, incidents newest first.
    /// `None` if there is no such resource.
    #[must_use]
    pub fn objects(&self, resource: &str) -> Option<Value> {
        let account = self.server.account();
        let view = View::new(&account, &self.url, &[]);
        Some(match resource {
            "escalation_policies" => all(view, account.policies.iter().map(AsRef::as_ref)),
            "incidents" => all(view, account.incidents.iter().rev()),
            "schedules" => all(view, account.schedules.iter().map(AsRef::as_ref)),
            "services" => all(view, account.services.iter().map(AsRef::as_ref)),
            "teams" => all(view, account.teams.iter().map(AsRef::as_ref)),
            "users" => all(view, account.users.iter().map(AsRef::as_ref)),
            _ => return None,
        })
    }

    /// The notes of an incident as PagerDuty's API writes them, oldest first; `None` if there is no such incident.
    #[must_use]
    pub fn notes(&self, incident: &str) -> Option<Value> {
        let account = self.server.account();
        let notes = &account.incident_by_id_or_number(incident).ok()?.notes;
        Some(notes.iter().map(|note| json(&NoteFields::new(note, &self.url))).collect())
    }

    /// Raises an incident, assigned to whoever is on call for its service.
    ///
    /// # Errors
    /// If no service has that ID or name; the message lists the services.
    pub fn trigger(&self, trigger: Trigger) -> Result<Value, String> {
        self.server.change(|account| {
            let incident = account.raise(trigger)?;
            let raised = json(&View::new(account, &self.url, &[]).whole(&incident));
            account.incidents.push(incident);
            Ok(raised)
        })
    }

    /// From now on each token may send so many requests a minute. Minutes that have begun begin anew.
    pub fn limit_rate(&self, requests: u32) {
        self.server.limit.set(requests);
    }
}

impl Account {
    fn raise(&self, trigger: Trigger) -> Result<Incident, String> {
        let service = match &trigger.service {
            None => self.services.iter().find(|service| {
                service.out_of_use.is_none() && service.team.as_ref().is_some_and(|team| self.cast.current.is_in(team))
            }),
            Some(wanted) => self.services.iter().find(|service| service.id == *wanted || service.name == wanted),
        };
        let service = service.ok_or_else(|| {
            let names: Vec<String> = self.services.iter().map(|one| format!("{} ({})", one.name, one.id)).collect();
            format!("there is no service {:?}; there are {}", trigger.service.unwrap_or_default(), names.join(", "))
        })?;
        let number = self.incidents.last().map_or(1, |last| last.number + 1);
        let now = self.clock.now();
        let assignments = service.policy.on_call(now).into_iter().map(|user| Involvement { at: now, user });
        Ok(Incident {
            id: format!("QTEST{number:09}"),
            number,
            summary: format!("[#{number}] {}", trigger.title),
            key: format!("{number:032x}"),
            // None of the seed's: it is similar to no other incident for its alarm alone.
            alarm: seed::ALARM_COUNT + number as usize,
            kind: "incident_default",
            status: Status::Triggered,
            urgency: if trigger.high_urgency { Urgency::High } else { Urgency::Low },
            priority: None,
            service: service.clone(),
            policy: Arc::clone(&service.policy),
            created_at: now,
            updated_at: now,
            changed_at: now,
            changed_by: Agent::Service(service.clone()),
            resolved_at: None,
            assignments: assignments.collect(),
            acknowledgements: Vec::new(),
            alerts: 1,
            log_entry: format!("RTEST{number:09}"),
            bridge: None,
            body: trigger.details.map_or(Body::Absent, Body::Text),
            notes: Vec::new(),
            title: trigger.title,
        })
    }
}

fn all<'a, T: Whole + 'a>(view: View<'a>, objects: impl Iterator<Item = &'a T>) -> Value {
    objects.map(|object| json(&view.whole(object))).collect()
}

/// What is written here can always be written: the same goes out over HTTP.
fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
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
    async fn a_raised_incident_is_the_newest_and_has_its_own_id_and_number() {
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
