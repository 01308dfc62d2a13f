//! Changes of an incident's status: <https://developer.pagerduty.com/api-reference/8a0e1aa2ec666-update-an-incident>.
//!
//! Acknowledging, resolving and triggering again take effect. Everything else PagerDuty would change (title, priority,
//! assignments, …) is refused rather than ignored.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::account::{Account, Agent, Incident, Involvement, Status, User};
use super::call::Call;
use super::reply::{self, Answer, Problem};
use super::wire::View;

/// How many incidents one request may update.
const LARGEST_BATCH: usize = 250;

/// What a write may say about an incident.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Which incident, in a request about several.
    #[serde(default)]
    id: Option<String>,
    #[serde(rename = "type")]
    _kind: Kind,
    #[serde(default)]
    status: Option<Status>,
    /// A last word, kept as a note.
    #[serde(default)]
    resolution: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Incident,
    IncidentReference,
}

#[derive(Debug, Deserialize)]
struct One {
    incident: Change,
}

#[derive(Debug, Deserialize)]
struct Many {
    incidents: Vec<Change>,
}

/// `PUT /incidents/{id}`, by ID only.
pub fn update(account: &mut Account, call: &Call) -> Answer {
    let actor = call.actor(account)?;
    account.incident(&call.id)?;
    let One { incident: change } = call.body()?;
    apply(account, &[(call.id.as_str(), &change)], &actor)?;
    let view = View::new(account, &[]);
    reply::one("incident", &view.whole(account.incident(&call.id)?))
}

/// `PUT /incidents`: all of them, or none when one is wrong.
pub fn update_many(account: &mut Account, call: &Call) -> Answer {
    let actor = call.actor(account)?;
    let Many { incidents: changes } = call.body()?;
    if changes.len() > LARGEST_BATCH {
        return Err(Problem::too_many_incidents());
    }
    let changes: Option<Vec<_>> = changes.iter().map(|change| Some((change.id.as_deref()?, change))).collect();
    let changes = changes.ok_or_else(|| Problem::invalid("Every incident needs an id."))?;
    apply(account, &changes, &actor)?;
    let view = View::new(account, &[]);
    let incidents: Result<Vec<_>, Problem> =
        changes.iter().map(|(id, _)| Ok(view.whole(account.incident(id)?))).collect();
    reply::all("incidents", incidents?)
}

/// Makes all changes, after a look whether each can be made.
fn apply(account: &mut Account, changes: &[(&str, &Change)], actor: &Arc<User>) -> Result<(), Problem> {
    for (id, change) in changes {
        let already_resolved = account.incident(id)?.status == Status::Resolved;
        if already_resolved && matches!(change.status, Some(Status::Acknowledged | Status::Resolved)) {
            return Err(Problem::already_resolved());
        }
    }
    let now = account.clock.now();
    for (id, change) in changes {
        if let Some(text) = &change.resolution {
            account.add_note(id, actor, format!("Resolution Note: {text}"))?;
        }
        let incident = account.incident_mut(id)?;
        match change.status {
            Some(Status::Acknowledged) => incident.acknowledge(actor, now),
            Some(Status::Resolved) => incident.resolve(actor, now),
            Some(Status::Triggered) => incident.trigger(actor, now),
            None => {}
        }
    }
    Ok(())
}

impl Incident {
    /// The assignees stay, and whoever acknowledges again does so from now on.
    fn acknowledge(&mut self, actor: &Arc<User>, now: Timestamp) {
        self.acknowledgements.retain(|acknowledgement| acknowledgement.user.id != actor.id);
        self.acknowledgements.push(Involvement { at: now, user: Arc::clone(actor) });
        self.change(Status::Acknowledged, actor, now);
    }

    /// Nobody is assigned to a resolved incident.
    fn resolve(&mut self, actor: &Arc<User>, now: Timestamp) {
        self.assignments.clear();
        self.acknowledgements.clear();
        self.change(Status::Resolved, actor, now);
    }

    /// Back to whoever is on call, unless it is still somebody's.
    fn trigger(&mut self, actor: &Arc<User>, now: Timestamp) {
        if self.assignments.is_empty() {
            let on_call = self.service.policy.on_call(now);
            self.assignments.extend(on_call.into_iter().map(|user| Involvement { at: now, user }));
        }
        self.acknowledgements.clear();
        self.change(Status::Triggered, actor, now);
    }

    fn change(&mut self, status: Status, actor: &Arc<User>, now: Timestamp) {
        self.status = status;
        self.resolved_at = (status == Status::Resolved).then_some(now);
        self.changed_at = now;
        self.changed_by = Agent::User(Arc::clone(actor));
        self.updated_at = now;
    }
}
