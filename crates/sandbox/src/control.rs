//! The routes that only a sandbox has: its description, and the remote control for tests in other languages. The remote
//! control requires a separate token, which gives no other access.
//!
//! `GET /sandbox`, `POST` and `DELETE /sandbox/faults`, `POST /sandbox/clock`, `POST /sandbox/identity`, `GET` and `DELETE /sandbox/requests`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, head, post};
use axum::{Json, Router};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::account::{Account, Status};
use super::call::Call;
use super::documents::{Document, entries, id_of, text};
use super::faults::{Fault, Faults};
use super::gate::CALLERS;
use super::kinds::{ESCALATION_POLICY, SCHEDULE, SERVICE, SHIFT_SCHEDULE, TEAM, USER};
use super::reply::{Answer, Problem, one};
use super::state::{Recorded, Shared};
use super::{guard, identity};

pub fn routes(server: &Shared) -> Router<Shared> {
    Router::new()
        .route("/sandbox", get(summary))
        .route("/sandbox/clock", post(put_forward))
        .route("/sandbox/faults", post(add_fault).delete(clear_faults))
        .route("/sandbox/identity", post(identity::control))
        .route("/sandbox/requests", get(requests).delete(forget_requests))
        .layer(from_fn_with_state(Arc::clone(server), guard::check_control))
        // For a client that opens its connection early. Such requests are not counted and get no faults.
        .route("/", head(async || StatusCode::NO_CONTENT))
}

async fn add_fault(State(server): State<Shared>, body: Bytes) -> Response {
    match serde_json::from_slice::<Fault>(&body) {
        Ok(fault) => {
            if server.faults.add(fault) {
                StatusCode::NO_CONTENT.into_response()
            } else {
                Problem::invalid(Faults::TOO_MANY).into_response()
            }
        }
        Err(error) => Problem::invalid(error.to_string()).into_response(),
    }
}

/// A request to put the clock forward by a number of seconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forward {
    forward: u32,
}

async fn put_forward(State(server): State<Shared>, body: Bytes) -> Response {
    match serde_json::from_slice::<Forward>(&body) {
        Ok(Forward { forward }) => {
            server.put_forward(SignedDuration::from_secs(forward.into()));
            Json(json!({"now": server.now().to_string()})).into_response()
        }
        Err(error) => Problem::invalid(error.to_string()).into_response(),
    }
}

async fn clear_faults(State(server): State<Shared>) -> StatusCode {
    server.faults.clear();
    StatusCode::NO_CONTENT
}

async fn requests(State(server): State<Shared>) -> Json<Vec<Recorded>> {
    Json(server.recorded())
}

async fn forget_requests(State(server): State<Shared>) -> StatusCode {
    server.forget();
    StatusCode::NO_CONTENT
}

async fn summary(State(server): State<Shared>) -> Json<Value> {
    Json(describe(&server.account()))
}

pub fn describe(account: &Account) -> Value {
    let person = |id: &str| {
        let user = account.documents.get(&USER, id)?;
        let team = |id| Some(json!({"id": id, "name": account.documents.get(&TEAM, id)?.get("name")}));
        let teams: Value = entries(user, "teams").iter().filter_map(|membership| team(id_of(membership))).collect();
        Some(json!({"id": id, "name": user.get("name"), "email": user.get("email"), "teams": teams}))
    };
    let tokens: Vec<Value> = CALLERS
        .iter()
        .map(|caller| {
            let user = caller.user(account).map(|user: &Document| text(user, "id"));
            json!({"token": caller.token, "user": user, "meaning": caller.meaning})
        })
        .collect();
    let count = |kind| account.documents.all(kind).len();
    let with = |status: Status| account.incidents.iter().filter(|incident| incident.status == status).count();
    json!({
        "now": account.clock.now().to_string(),
        "tokens": tokens,
        "current_user": person(&account.cast.current),
        "teamless_user": person(&account.cast.teamless),
        "read_only_user": person(&account.cast.read_only),
        "counts": {
            "teams": count(&TEAM),
            "users": count(&USER),
            "services": count(&SERVICE),
            "escalation_policies": count(&ESCALATION_POLICY),
            "schedules": count(&SCHEDULE) + count(&SHIFT_SCHEDULE),
            "incidents": account.incidents.len(),
            "triggered": with(Status::Triggered),
            "acknowledged": with(Status::Acknowledged),
            "resolved": with(Status::Resolved),
        },
    })
}

/// The abilities, and whether they need one of the larger plans.
const ABILITIES: &[(&str, bool)] = &[
    ("advanced_reports", true),
    ("coordinated_responding", true),
    ("event_intelligence", true),
    ("manage_schedules", false),
    ("read_only_users", false),
    ("service_support_hours", false),
    ("sso", false),
    ("team_responders", false),
    ("teams", false),
    ("urgencies", false),
];

/// Answers `GET /abilities`: <https://developer.pagerduty.com/api-reference/a47605517c19a-api-concepts#abilities>.
pub fn abilities(_: &Account, call: &Call) -> Answer {
    let larger_plan = call.caller.may_compare_incidents().is_ok();
    let abilities = ABILITIES.iter().filter(|(_, needs_larger_plan)| larger_plan || !needs_larger_plan);
    one("abilities", &abilities.map(|(name, _)| *name).collect::<Vec<_>>())
}
