//! Requests users and policies to join an incident, and cancels pending requests.

use pagerduty_api::operations::incidents::GET_INCIDENT;
use pagerduty_api::operations::responders::{CANCEL_RESPONDER_REQUEST, CREATE_RESPONDER_REQUEST};
use pagerduty_rows::fields::{Field, Keep, plain};
use serde_json::{Map, Value, json};

use super::declared::{Declared, Done, Echo, Expected, Proof, Source};
use crate::client::{Api, Query, Request};
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Incident, User};
use crate::receipts::Fields;

/// A user or a policy that is requested to join an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Responder {
    /// The ID.
    pub id: String,
    /// Set for a policy, which stands for the users who are on call.
    pub is_policy: bool,
}

impl Responder {
    /// Returns the kind, as answers and receipts name it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        if self.is_policy { "escalation_policy" } else { "user" }
    }

    /// Returns the name of the field that has the state of the request.
    fn field(&self) -> String {
        format!("{} {}", self.kind(), self.id)
    }

    /// Returns the state of the request among the fields of an incident: `pending`, `joined`, `declined`,
    /// `user_cancelled`, or null if it was not requested.
    #[must_use]
    pub fn state(&self, incident: &Fields) -> Value {
        incident.get(&self.field()).cloned().unwrap_or_default()
    }

    /// Returns who requested it and when, as one text, or null.
    #[must_use]
    pub fn request(&self, incident: &Fields) -> Value {
        incident.get(&format!("{} request", self.field())).cloned().unwrap_or_default()
    }

    fn reference(&self) -> Value {
        json!({"id": self.id, "type": format!("{}_reference", self.kind())})
    }
}

/// The state of a request that can still be withdrawn.
pub const PENDING: &str = "pending";

const STATE: &[Field] = &[
    plain("id"),
    plain("incident_number"),
    raw("title"),
    plain("status"),
    raw("incidents_responders"),
    raw("responder_requests"),
];

const fn raw(name: &'static str) -> Field {
    Field { name, source: name, keep: Keep::Raw, derive: None }
}

fn list(of: Option<&Value>) -> impl Iterator<Item = &Value> {
    of.and_then(Value::as_array).into_iter().flatten()
}

fn text<'v>(of: &'v Value, name: &str) -> Option<&'v str> {
    of.get(name)?.as_str()
}

/// Returns who made a request and when, by which it differs from a later one.
fn request(of: &Value) -> Value {
    let requester = of.get("requester").and_then(|user| text(user, "id")).unwrap_or_default();
    let at = text(of, "requested_at").unwrap_or_default();
    let at = at.parse::<jiff::Timestamp>().map_or_else(|_| at.to_owned(), |at| at.to_string());
    format!("{requester} {at}").into()
}

/// Returns the state of an incident and of the requests to join it.
fn read(incident: &Map<String, Value>) -> Fields {
    let mut state = Fields::new();
    for name in ["incident_number", "title", "status"] {
        state.insert(name.to_owned(), incident.get(name).cloned().unwrap_or_default());
    }
    for responder in list(incident.get("incidents_responders")) {
        let user = responder.get("user").and_then(|user| text(user, "id"));
        if let Some((user, now)) = user.zip(responder.get("state")) {
            let user = Responder { id: user.to_owned(), is_policy: false };
            state.insert(format!("{} request", user.field()), request(responder));
            state.insert(user.field(), now.clone());
        }
    }
    for of_policy in list(incident.get("responder_requests")) {
        for target in list(of_policy.get("responder_request_targets")) {
            let target = target.get("responder_request_target").unwrap_or(target);
            let is_policy = text(target, "type").is_some_and(|kind| kind.starts_with("escalation_policy"));
            let Some(id) = text(target, "id").filter(|_| is_policy) else { continue };
            // The description and its example name the list differently.
            let responders =
                ["incidents_responders", "incident_responders"].into_iter().find_map(|name| target.get(name));
            let states: Vec<_> = list(responders).filter_map(|one| one.get("state")).collect();
            let pending = states.iter().find(|state| **state == PENDING);
            let now = pending.or(states.last()).map_or(Value::Null, |state| (*state).clone());
            let policy = Responder { id: id.to_owned(), is_policy };
            state.insert(format!("{} request", policy.field()), request(of_policy));
            state.insert(policy.field(), now);
        }
    }
    state
}

fn source(id: &Id<Incident>) -> Source {
    Source { request: Request::on(&GET_INCIDENT, id, Query::new()), fields: STATE, read }
}

impl Api {
    /// Reads an incident, by ID or number, and the requests to join it.
    pub async fn incident_with_responders(&self, id: &Id<Incident>) -> Result<(Id<Incident>, Fields)> {
        let source = source(id);
        let found = self.state(&source).await?.into_iter().next();
        let found = found.and_then(|(id, fields)| Some((Id::parse(&id)?, fields)));
        found.ok_or_else(|| self.unexpected(&source.request, "it has no usable id"))
    }

    /// Requests users and policies to join an incident, or cancels their pending requests if there is no message.
    /// `before` is the incident as it was read.
    pub async fn set_responders(
        &self,
        (id, before): (&Id<Incident>, &Fields),
        responders: &[Responder],
        message: Option<&str>,
        (requester, from): (&Id<User>, Option<String>),
    ) -> Result<Done> {
        // The state that the change leaves depends on the users, so it is only known which one it replaces.
        let replaced = responders.iter().map(|one| (one.field(), one.state(before))).collect();
        let requester = Value::from(requester.as_str());
        let (operation, body, gerund, echo) = if let Some(message) = message {
            let target = |one: &Responder| json!({"responder_request_target": one.reference()});
            let targets: Value = responders.iter().map(target).collect();
            let body = json!({
                "requester_id": requester, "message": message, "responder_request_targets": targets,
            });
            (&CREATE_RESPONDER_REQUEST, body, "requesting responders for", Echo::Envelope)
        } else {
            let targets: Value = responders.iter().map(Responder::reference).collect();
            let body = json!({"requester_id": requester, "responder_request_targets": targets});
            (&CANCEL_RESPONDER_REQUEST, body, "canceling requests to responders of", Echo::Envelope)
        };
        let declared = Declared {
            request: Request::on(operation, id, Query::new()),
            body,
            gerund,
            check: format!("get_incidents with incident_id={id} and include=incidents_responders"),
            sources: vec![source(id)],
            proof: Proof::Set(vec![Expected { replaced, ..Expected::of(id.as_str()) }]),
            echo,
        };
        self.make(&declared, from).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_of_requests_is_by_user_and_policy() {
        let of = |user: &str, state: &str| json!({"state": state, "user": {"id": user}});
        let target = |kind: &str, id: &str, responders: Value| json!({"responder_request_target": {"type": kind, "id": id, "incidents_responders": responders}});
        let incident = json!({
            "status": "triggered", "title": "t", "incidents_responders": [of("PA", "joined"), of("PB", "pending")],
            "responder_requests": [{"responder_request_targets": [
                target("user", "PA", json!([of("PA", "joined")])),
                target("escalation_policy", "PE", json!([of("PA", "joined"), of("PB", "pending")])),
                target("escalation_policy_reference", "PF", json!([])),
            ]}],
        });
        let state = read(incident.as_object().unwrap());
        let state = |id: &str, is_policy| Responder { id: id.to_owned(), is_policy }.state(&state);
        assert_eq!((state("PA", false), state("PB", false)), (json!("joined"), json!("pending")));
        assert_eq!(
            (state("PE", true), state("PF", true), state("PE", false)),
            (json!("pending"), Value::Null, Value::Null)
        );
    }
}
