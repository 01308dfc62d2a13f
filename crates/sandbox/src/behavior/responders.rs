//! Requests to users and policies to join an incident:
//! <https://developer.pagerduty.com/api-reference/a6bb7eb0d3b2e-create-a-responder-request-for-an-incident>.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::changes::{Change, Record};
use super::responses::Response;
use crate::account::{Account, Incident, Status};
use crate::call::Call;
use crate::documents::text;
use crate::kind::Kind;
use crate::kinds::{ESCALATION_POLICY, INCIDENT, USER};
use crate::log::{LogEvent, person};
use crate::reply::{self, Answer, OrNotFound, Problem};
use crate::view::View;

/// A user or a policy that is requested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Set for a policy.
    #[serde(default)]
    is_policy: bool,
    id: String,
}

/// A request to join an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    requester: String,
    message: String,
    targets: Vec<Target>,
}

/// A request that was made.
#[derive(Clone, Debug)]
pub struct Request {
    at: Timestamp,
    wanted: Wanted,
    /// The users that each target stood for.
    users: Vec<Vec<String>>,
}

/// A user who was requested.
#[derive(Clone, Debug)]
pub struct Responder {
    user: String,
    state: State,
    requester: String,
    message: String,
    requested_at: Timestamp,
    updated_at: Timestamp,
    policies: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Pending,
    Joined,
    UserCancelled,
}

impl Target {
    const fn kind(&self) -> &'static Kind {
        if self.is_policy { &ESCALATION_POLICY } else { &USER }
    }

    fn read(value: &Value) -> Result<Self, Problem> {
        let field = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let is_policy = match field("type") {
            "user" | "user_reference" => false,
            "escalation_policy" | "escalation_policy_reference" => true,
            _ => return Err(Problem::invalid("Target type must be user_reference or escalation_policy_reference.")),
        };
        Ok(Self { is_policy, id: field("id").to_owned() })
    }
}

/// Returns the targets in a body, each as `unwrap` finds it in its entry.
fn targets(body: &Value, unwrap: fn(&Value) -> Option<&Value>) -> Result<Vec<Target>, Problem> {
    let entries = body.get("responder_request_targets").and_then(Value::as_array);
    let entries = entries.filter(|entries| !entries.is_empty());
    let entries = entries.ok_or_else(|| Problem::invalid("Responder request targets cannot be empty."))?;
    let target = |entry| {
        let target = unwrap(entry).ok_or_else(|| Problem::invalid("Every target needs a responder_request_target."))?;
        Target::read(target)
    };
    entries.iter().map(target).collect()
}

fn requester(account: &Account, body: &Value) -> Result<String, Problem> {
    let id = body.get("requester_id").and_then(Value::as_str).unwrap_or_default();
    account.documents.get(&USER, id).ok_or_else(|| Problem::invalid("Requester Not Found"))?;
    Ok(id.to_owned())
}

fn perform(account: &mut Account, call: &Call, by: &str, response: Response) -> Result<(), Problem> {
    account.incident(&call.id).or_404()?;
    let change = Change { response: Some(response), ..Change::default() };
    account.perform(Record { at: account.clock.now(), by: by.to_owned(), incident: call.id.clone(), change })
}

/// Answers `POST /incidents/{id}/responder_requests`.
pub fn create(account: &mut Account, call: &Call) -> Answer {
    call.caller.may_automate()?;
    let body = call.body()?;
    let requester = requester(account, &body)?;
    let message = body.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
    if message.trim().is_empty() {
        return Err(Problem::invalid("Message cannot be empty."));
    }
    let targets = targets(&body, |entry| entry.get("responder_request_target"))?;
    let wanted = Wanted { requester: requester.clone(), message, targets };
    perform(account, call, &requester, Response::Request(wanted))?;
    let incident = account.incident(&call.id).or_404()?;
    let request = incident.requests.last().or_404()?;
    reply::one("responder_request", &request_shown(incident, request, call.view(account, &[])))
}

/// Answers `PUT /incidents/{id}/responder_requests/cancel`. Only pending requests are canceled.
pub fn cancel(account: &mut Account, call: &Call) -> Answer {
    call.caller.may_automate()?;
    let body = call.body()?;
    let requester = requester(account, &body)?;
    let targets = targets(&body, |entry| Some(entry))?;
    let incident = account.incident(&call.id).or_404()?;
    let result = |target: &Target| match incident.state_of(target) {
        Some(State::Pending) => "cancelled",
        Some(State::Joined) => "joined",
        Some(State::UserCancelled) | None => "not_found",
    };
    let shown = |target: &Target| {
        let kind = if target.is_policy { "escalation_policy_reference" } else { "user_reference" };
        json!({"type": kind, "id": target.id, "result": result(target)})
    };
    let results: Value = targets.iter().map(shown).collect();
    perform(account, call, &requester, Response::CancelRequest(targets))?;
    reply::one("responder_request_targets", &results)
}

impl Incident {
    /// Returns the users that a target stands for.
    fn users_of<'a>(&'a self, target: &'a Target) -> Vec<&'a str> {
        if !target.is_policy {
            return vec![&target.id];
        }
        let mut users = Vec::new();
        for request in &self.requests {
            let of_target = request.wanted.targets.iter().zip(&request.users).filter(|(one, _)| *one == target);
            users.extend(of_target.flat_map(|(_, users)| users).map(String::as_str));
        }
        users
    }

    fn state_of(&self, target: &Target) -> Option<State> {
        let users = self.users_of(target);
        let states: Vec<_> =
            self.responders.iter().filter(|one| users.contains(&one.user.as_str())).map(|one| one.state).collect();
        let pending = states.iter().find(|state| **state == State::Pending);
        pending.or(states.first()).copied()
    }

    /// Lets a user join the incident who was requested and has not joined so far.
    pub fn join(&mut self, user: &str, at: Timestamp) {
        let mut pending = self.responders.iter_mut().filter(|one| one.state == State::Pending);
        let Some(responder) = pending.find(|one| one.user == user) else { return };
        (responder.state, responder.updated_at) = (State::Joined, at);
        self.write(at, person(user), LogEvent::Join);
    }
}

impl Account {
    /// Returns the reason if responders cannot be requested.
    pub fn check_request(&self, incident: &Incident, wanted: &Wanted) -> Result<(), Problem> {
        if incident.status == Status::Resolved {
            return Err(Problem::invalid("Responders cannot be requested for a resolved incident."));
        }
        wanted.targets.iter().try_for_each(|target| {
            self.documents.get(target.kind(), &target.id).map(|_| ()).ok_or_else(|| {
                Problem::invalid(if target.is_policy { "Escalation Policy Not Found" } else { "User Not Found" })
            })
        })
    }

    /// Requests responders. It was checked before.
    pub fn request(&mut self, id: &str, wanted: &Wanted, by: &str, at: Timestamp) -> Result<(), Problem> {
        let users_of = |target: &Target| {
            if target.is_policy { self.on_call(&target.id, 1, at) } else { vec![target.id.clone()] }
        };
        let users: Vec<_> = wanted.targets.iter().map(users_of).collect();
        let name = |target: &Target| {
            let policy = self.documents.get(&ESCALATION_POLICY, &target.id).filter(|_| target.is_policy);
            policy.map(|policy| text(policy, "name").to_owned())
        };
        let policies: Vec<_> = wanted.targets.iter().map(name).collect();
        let incident = self.incident_mut(id).or_404()?;
        for (users, policy) in users.iter().zip(policies) {
            for user in users {
                let policies: Vec<_> = policy.iter().cloned().collect();
                incident.responders.retain(|one| one.user != *user);
                incident.responders.push(Responder {
                    user: user.clone(),
                    state: State::Pending,
                    requester: wanted.requester.clone(),
                    message: wanted.message.clone(),
                    requested_at: at,
                    updated_at: at,
                    policies,
                });
            }
        }
        let all: Vec<_> = users.iter().flatten().cloned().collect();
        incident.requests.push(Request { at, wanted: wanted.clone(), users });
        incident.write(at, person(by), LogEvent::Request { users: all, message: wanted.message.clone() });
        Ok(())
    }

    /// Cancels pending requests.
    pub fn cancel_request(&mut self, id: &str, targets: &[Target], by: &str, at: Timestamp) -> Result<(), Problem> {
        let incident = self.incident_mut(id).or_404()?;
        let users: Vec<String> =
            targets.iter().flat_map(|target| incident.users_of(target)).map(str::to_owned).collect();
        let mut pending: Vec<_> = incident
            .responders
            .iter_mut()
            .filter(|one| one.state == State::Pending && users.contains(&one.user))
            .collect();
        for responder in &mut pending {
            (responder.state, responder.updated_at) = (State::UserCancelled, at);
        }
        if !pending.is_empty() {
            incident.write(at, person(by), LogEvent::CancelRequest);
        }
        Ok(())
    }
}

/// Returns the responders of an incident as PagerDuty shows them.
pub fn responders(incident: &Incident, view: View<'_>) -> Value {
    incident.responders.iter().map(|one| responder_shown(incident, one, view)).collect()
}

/// Returns the requests of an incident as PagerDuty shows them.
pub fn requests(incident: &Incident, view: View<'_>) -> Value {
    incident.requests.iter().map(|request| request_shown(incident, request, view)).collect()
}

fn responder_shown(incident: &Incident, one: &Responder, view: View<'_>) -> Value {
    json!({
        "state": one.state,
        "user": view.link(&USER, &one.user, ""),
        "incident": view.reference(&INCIDENT, &incident.id, &incident.summary),
        "updated_at": one.updated_at.to_string(),
        "message": one.message,
        "requester": view.link(&USER, &one.requester, ""),
        "requested_at": one.requested_at.to_string(),
        "escalation_policy_requests": one.policies,
    })
}

fn request_shown(incident: &Incident, request: &Request, view: View<'_>) -> Value {
    let target = |(target, users): (&Target, &Vec<String>)| {
        let of_target = incident.responders.iter().filter(|one| users.contains(&one.user));
        let responders: Value = of_target.map(|one| responder_shown(incident, one, view)).collect();
        let name = text(&view.named(target.kind(), &target.id), "summary").to_owned();
        json!({"responder_request_target": {
            "type": target.kind().name, "id": target.id, "summary": name, "incidents_responders": responders,
        }})
    };
    json!({
        "incident": view.reference(&INCIDENT, &incident.id, &incident.summary),
        "requester": view.link(&USER, &request.wanted.requester, ""),
        "requested_at": request.at.to_string(),
        "message": request.wanted.message,
        "responder_request_targets": request.wanted.targets.iter().zip(&request.users).map(target).collect::<Value>(),
    })
}
