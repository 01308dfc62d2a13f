//! The operations that tools name: the sandbox serves each of them, and a tool sends no others.

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use pagerduty_api::operations::alerts::GET_INCIDENT_ALERT;
use pagerduty_api::operations::schedules::{SCHEDULES, SHIFT_SCHEDULES};
use pagerduty_api::operations::status_pages::GET_POST;
use pagerduty_api::{Method, Operation, Resource, operations};
use pagerduty_mcp_server::config::Host;
use pagerduty_mcp_server::params::Form;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Recorded, Sandbox, tokens};
use pagerduty_mcp_server::tools::{Filter, Tool, Toolbox, all};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use crate::support::{Account, config};

/// Sends a request without content to the sandbox, and returns the status and the body.
pub async fn send(sandbox: &Sandbox, method: Method, path: &str) -> (StatusCode, Value) {
    send_body(sandbox, method, path, &json!({})).await
}

async fn send_body(sandbox: &Sandbox, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    let method = method.as_str().parse().unwrap();
    // This fails if it is already installed.
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.request(method, format!("{}{path}", sandbox.url())).header("content-type", "application/json");
    let request = request.body(body.to_string());
    let authorization = format!("Token token={}", tokens::USER);
    let answer = request.header("authorization", authorization).send().await.unwrap();
    let status = answer.status();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

/// Returns the ID of an object that the path of an operation can name.
async fn id_for(sandbox: &Sandbox, operation: &Operation) -> String {
    let (collection, _) = operation.path.split_once("/{id}").unwrap();
    // Dependencies have no list of all of them.
    let (collection, many) = if operations::all().any(|list| list.path == collection) {
        (collection, collection.rsplit('/').next().unwrap())
    } else {
        (list_of(operation.resource).path, operation.resource.many)
    };
    let (_, list) = send(sandbox, Method::Get, collection).await;
    let id = &list[many][0]["id"];
    id.as_str().unwrap_or_else(|| panic!("{collection}: {list}")).to_owned()
}

/// Returns the ID of a note or an alert of an incident, which the path of an operation can name.
async fn part_of_incident(sandbox: &Sandbox, parts: &str, incident: &str) -> String {
    if parts == "business_services" {
        let (_, list) = send(sandbox, Method::Get, "/business_services").await;
        return list[parts][0]["id"].as_str().unwrap_or_else(|| panic!("{list}")).to_owned();
    }
    let path = format!("/incidents/{incident}/{parts}");
    if parts == "notes" {
        let (_, made) = send_body(sandbox, Method::Post, &path, &json!({"note": {"content": "a text"}})).await;
        return made["note"]["id"].as_str().unwrap_or_else(|| panic!("{path}: {made}")).to_owned();
    }
    let (_, list) = send(sandbox, Method::Get, &path).await;
    list[parts][0]["id"].as_str().unwrap_or_else(|| panic!("{path}: {list}")).to_owned()
}

/// Returns the ID of a part of an object, which the path of an operation can name. For a schedule, it is a new override or
/// custom shift.
async fn part_for(sandbox: &Sandbox, operation: &Operation, schedule: &str) -> String {
    let (collection, _) = operation.path.rsplit_once("/{").unwrap();
    if let Some(parts) = collection.strip_prefix("/incidents/{id}/") {
        return part_of_incident(sandbox, parts, schedule).await;
    }
    if operation.resource != &SCHEDULES && operation.resource != &SHIFT_SCHEDULES {
        let (_, list) = send(sandbox, Method::Get, &collection.replace("{id}", schedule)).await;
        let id = list[operation.part.unwrap().many][0]["id"].as_str();
        return id.unwrap_or_else(|| panic!("{collection}: {list}")).to_owned();
    }
    let (family, parts) = collection.split_once("/{id}/").unwrap();
    let (_, users) = send(sandbox, Method::Get, "/users").await;
    let [user, other] = [0, 1].map(|index| json!({"type": "user_member", "user_id": users["users"][index]["id"]}));
    let times = [10, 11].map(|days| (Timestamp::now() + SignedDuration::from_hours(24 * days)).to_string());
    let create = async |parts: &str, item: Value| {
        let path = format!("{family}/{schedule}/{parts}");
        let (status, body) = send_body(sandbox, Method::Post, &path, &json!({parts: [item]})).await;
        let id = body[0]["override"]["id"].as_str().or(body[parts][0]["id"].as_str());
        id.unwrap_or_else(|| panic!("{path}: {status} {body}")).to_owned()
    };
    if family == "/schedules" {
        let user = json!({"id": users["users"][0]["id"], "type": "user_reference"});
        return create(parts, json!({"start": times[0], "end": times[1], "user": user})).await;
    }
    let assignment = json!({"type": "shift_assignment", "member": user});
    let shift =
        json!({"type": "custom_shift", "start_time": times[0], "end_time": times[1], "assignments": [assignment]});
    let shift = create("custom_shifts", shift).await;
    if parts == "custom_shifts" {
        return shift;
    }
    let item = json!({"type": "override_shift", "custom_shift_id": shift, "start_time": times[0], "end_time": times[1],
        "overridden_member": user, "overriding_member": other});
    create(parts, item).await
}

/// Returns calls of the tools that change incidents.
async fn responding(account: &Account, tool: &str) -> Vec<Value> {
    let list = async |status: &str| {
        let path = format!("/incidents?statuses[]={status}&date_range=all");
        send(&account.sandbox, Method::Get, &path).await.1["incidents"].clone()
    };
    let (open, acknowledged) = (list("triggered").await, list("acknowledged").await);
    let ids: Vec<_> = open.as_array().unwrap().iter().map(|incident| incident["id"].clone()).collect();
    let part = async |parts| part_of_incident(&account.sandbox, parts, ids[0].as_str().unwrap()).await;
    let of_service = async |service: &str| {
        let path = format!("/incidents?service_ids[]={service}&date_range=all");
        send(&account.sandbox, Method::Get, &path).await.1["incidents"][0]["id"].clone()
    };
    match tool {
        "call_api" => {
            let path = format!("/incidents/{}", ids[0].as_str().unwrap());
            let body = json!({"incident": {"type": "incident_reference", "title": "Another one"}});
            vec![json!({"method": "PUT", "path": path, "body": body})]
        }
        "create_incident" => vec![
            json!({"title": "One", "service_id": "P7KEX0S", "incident_type": "major_incident"}),
            json!({"title": "Two", "service_id": "P7KEX0S", "dry_run": true}),
        ],
        "run_automation" => vec![
            json!({"incident_id": of_service("P0319H3").await, "action_id": "01K4CYE9PTXJ8YPEHRGVBY0HPF"}),
            json!({"incident_id": ids[0], "workflow_id": "PFF2OLD"}),
        ],
        "set_maintenance" => {
            let [start, until] = [1, 2].map(|hours| Timestamp::now() + SignedDuration::from_hours(hours));
            vec![
                json!({"service_ids": ["P7KEX0S"], "start": start, "until": until}),
                json!({"window_id": "PWQ8ZXQ", "description": "shorter"}),
                json!({"window_id": "PWKQH7D", "end_now": true}),
                json!({"service_ids": ["P7KEX0S"], "until": until, "dry_run": true}),
            ]
        }
        "request_responders" => vec![
            json!({"incident_id": ids[0], "user_ids": ["PO9ZE6D"], "policy_ids": ["PJBDDA3"]}),
            json!({"incident_id": ids[0], "policy_ids": ["PJBDDA3"], "cancel": true}),
            json!({"incident_id": ids[1], "policy_ids": ["PJBDDA3"], "dry_run": true}),
        ],
        "update_incidents" => vec![
            json!({"incident_ids": [ids[0]], "title": "One"}),
            json!({"incident_ids": ids[..4], "status": "acknowledged", "fields": ["environment=staging"]}),
            json!({"incident_ids": [ids[1]], "escalation_level": 2, "dry_run": true}),
        ],
        "snooze_incident" => {
            let until = Timestamp::now() + SignedDuration::from_hours(1);
            vec![json!({"incident_id": acknowledged[0]["id"], "until": until})]
        }
        "merge_incidents" => vec![json!({"incident_id": ids[0], "source_ids": [ids[1]]})],
        "update_alerts" => {
            vec![json!({"incident_id": ids[0], "alert_ids": [part("alerts").await], "status": "resolved"})]
        }
        "edit_incident_note" => vec![
            json!({"incident_id": ids[0], "note_id": part("notes").await, "content": "another text"}),
            json!({"incident_id": ids[0], "note_id": part("notes").await, "delete": true}),
        ],
        "send_status_update" => {
            let templates = send(&account.sandbox, Method::Get, "/templates").await.1["templates"].clone();
            let users = send(&account.sandbox, Method::Get, "/users").await.1["users"].clone();
            let call =
                json!({"incident_id": ids[0], "message": "a text", "subscriber_ids": [users[7]["id"], "payments"]});
            let with_template = json!({"incident_id": ids[1], "message": "a text", "template_id": templates[0]["id"]});
            vec![call, with_template]
        }
        "post_status_page" => {
            let page = id_for(&account.sandbox, &GET_POST).await;
            let post = part_for(&account.sandbox, &GET_POST, &page).await;
            let new = json!({"status_page_id": page, "title": "One", "message": "a text", "status": "investigating",
                "severity": "minor", "services": ["Checkout=degraded"]});
            let of_post = |text: &str, is_postmortem: bool| json!({"status_page_id": page, "post_id": post, "message": text, "postmortem": is_postmortem});
            vec![new, of_post("a text", false), of_post("another text", true)]
        }
        "set_business_impact" => {
            let service = part("business_services").await;
            let call = |impacted| json!({"incident_id": ids[0], "business_service_id": service, "impacted": impacted});
            vec![call(true), call(false)]
        }
        _ => Vec::new(),
    }
}

/// Tools whose changes can be undone.
const UNDOABLE: [&str; 7] = [
    "create_incident",
    "update_incidents",
    "update_alerts",
    "edit_incident_note",
    "set_business_impact",
    "request_responders",
    "set_maintenance",
];

/// Returns receipts of changes that can be undone.
async fn receipts(account: &Account) -> Vec<Value> {
    let mut receipts = Vec::new();
    for tool in all().filter(|tool| UNDOABLE.contains(&tool.name)) {
        let toolbox = toolbox_with(account, tool);
        for call in responding(account, tool.name).await {
            let made = crate::support::ok(&toolbox, tool.name, call).await;
            receipts.extend(made["receipt"].as_str().map(|receipt| json!({ "receipt": receipt })));
        }
    }
    receipts
}

/// Returns calls of the tools whose arguments depend on each other.
async fn composed(account: &Account, tool: &Tool) -> Option<Vec<Map<String, Value>>> {
    let calls = if tool.name == "undo" { receipts(account).await } else { responding(account, tool.name).await };
    if !calls.is_empty() {
        return Some(calls.into_iter().map(crate::support::object).collect());
    }
    if tool.waits.is_some() {
        // Events since then are there at once.
        let since = (Timestamp::now() - SignedDuration::from_hours(24 * 20)).to_string();
        let mut calls = Vec::new();
        for (many, name) in [("incidents", "incident_id"), ("teams", "team_ids")] {
            let (_, list) = send(&account.sandbox, Method::Get, &format!("/{many}")).await;
            let call = json!({name: list[many][0]["id"], "since": since});
            calls.push(call.as_object().unwrap().clone());
        }
        return Some(calls);
    }
    let mut calls = Vec::new();
    if tool.name == "get_alerts" {
        let incident = id_for(&account.sandbox, &GET_INCIDENT_ALERT).await;
        let alert = part_for(&account.sandbox, &GET_INCIDENT_ALERT, &incident).await;
        let both = [json!({"incident_id": incident}), json!({"incident_id": incident, "alert_id": alert})];
        calls.extend(both.map(|call| call.as_object().unwrap().clone()));
    }
    if tool.name == "get_status_pages" {
        let page = id_for(&account.sandbox, &GET_POST).await;
        let post = part_for(&account.sandbox, &GET_POST, &page).await;
        let all = [json!({}), json!({"status_page_id": page}), json!({"status_page_id": page, "post_id": post})];
        calls.extend(all.map(|call| call.as_object().unwrap().clone()));
    }
    for operation in tool.operations.iter().filter(|operation| !operation.effect.is_read()) {
        let schedule = id_for(&account.sandbox, operation).await;
        let (_, users) = send(&account.sandbox, Method::Get, "/users").await;
        let user = &users["users"][0]["id"];
        let [start, end] = [20, 21].map(|days| (Timestamp::now() + SignedDuration::from_hours(24 * days)).to_string());
        let call = match tool.name {
            "override_oncall" if operation.part.is_some() => {
                let part = part_for(&account.sandbox, operation, &schedule).await;
                json!({"schedule_id": schedule, "override_id": part, "user_id": users["users"][2]["id"]})
            }
            "override_oncall" => {
                let extra = operation.path.ends_with("custom_shifts");
                json!({"schedule_id": schedule, "start": start, "end": end, "user_id": user, "extra": extra})
            }
            "cancel_override" => {
                let part = part_for(&account.sandbox, operation, &schedule).await;
                json!({"schedule_id": schedule, "override_id": part})
            }
            _ => return None,
        };
        calls.push(call.as_object().unwrap().clone());
    }
    (!calls.is_empty()).then_some(calls)
}

#[tokio::test]
async fn operations_of_tools_are_served_by_the_sandbox() {
    let account = Account::start().await;
    let named: BTreeMap<_, _> =
        all().flat_map(|tool| tool.operations).map(|operation| (operation.id, operation)).collect();
    for operation in named.values() {
        let mut path = operation.path.to_owned();
        if operation.names_one() {
            let id = id_for(&account.sandbox, operation).await;
            let part =
                if operation.part.is_some() { part_for(&account.sandbox, operation, &id).await } else { String::new() };
            path = operation.path_with(&[&id, &part]);
        }
        // A write without content is refused, but not as unknown.
        let (status, answer) = send(&account.sandbox, operation.method, &path).await;
        let refused = [StatusCode::BAD_REQUEST, StatusCode::METHOD_NOT_ALLOWED];
        assert!(status.is_success() || refused.contains(&status), "{}: {status} {answer}", operation.id);
    }
}

/// Returns the operation that lists the objects of a resource.
fn list_of(resource: &Resource) -> &'static Operation {
    let is_list = |operation: &&Operation| {
        operation.resource == resource && operation.method == Method::Get && !operation.path.contains('{')
    };
    operations::all().find(is_list).unwrap_or_else(|| panic!("no list of {}", resource.many))
}

/// Returns the ID of an object of a resource.
async fn id_of(sandbox: &Sandbox, resource: &Resource) -> String {
    let list = list_of(resource);
    let (_, answer) = send(sandbox, Method::Get, list.path).await;
    answer[resource.many][0]["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// Returns the arguments of calls that use as much of a tool as its parameters allow: each optional ID alone, and none.
pub async fn arguments(account: &Account, tool: &Tool) -> Vec<Map<String, Value>> {
    if let Some(calls) = composed(account, tool).await {
        return calls;
    }
    let (mut all, mut alone) = (Map::new(), vec![None]);
    for parameter in tool.params {
        let value: Value = match parameter.form {
            Form::Id(resource) => id_of(&account.sandbox, resource).await.into(),
            Form::Verbatim => "a text".into(),
            Form::Switch(false) => true.into(),
            // A tool without an ID may require one of its words instead.
            Form::List([word, ..]) if !tool.params.iter().any(|one| one.form.resource().is_some()) => json!([word]),
            Form::Text
            | Form::Time
            | Form::Integer
            | Form::Ids(_)
            | Form::List(_)
            | Form::Word(_)
            | Form::Switch(true) => continue,
        };
        match parameter.form {
            Form::Id(_) if !parameter.required => alone.push(Some((parameter.name.to_owned(), value))),
            _ => {
                all.insert(parameter.name.to_owned(), value);
            }
        }
    }
    // An incident's extras need its ID.
    let has_id = alone.len() > 1;
    let is_required = |name: &str| tool.params.iter().any(|parameter| parameter.name == name && parameter.required);
    let call = |id: Option<(String, Value)>| match id {
        None if has_id => all.clone().into_iter().filter(|(name, _)| is_required(name)).collect(),
        id => all.clone().into_iter().chain(id).collect(),
    };
    alone.into_iter().map(call).collect()
}

/// Returns a server that has just started, with this tool switched on.
pub fn toolbox_with(account: &Account, tool: &Tool) -> Toolbox {
    let mut config = config(tokens::USER);
    config.host = Host::parse(account.sandbox.url()).unwrap();
    let filter = Filter { tools: Some(vec![tool.name.to_owned()]), ..Filter::default() };
    Toolbox::new(&config, &filter).unwrap()
}

/// Returns the operation of a request: a path without a parameter comes first.
pub fn operation_of(request: &Recorded) -> &'static Operation {
    let matches = |operation: &&Operation| {
        let (path, sent): (Vec<_>, Vec<_>) = (operation.path.split('/').collect(), request.path.split('/').collect());
        operation.method.as_str() == request.method
            && path.len() == sent.len()
            && path.iter().zip(&sent).all(|(path, sent)| path == sent || path.starts_with('{'))
    };
    let found = operations::all().filter(matches).min_by_key(|operation| operation.names_one());
    found.unwrap_or_else(|| panic!("{request:?} is no operation"))
}

#[tokio::test]
async fn tools_send_only_their_operations() {
    // A tool without operations sends any, or none.
    for tool in all().filter(|tool| !tool.operations.is_empty()) {
        let account = Account::start().await;
        let mut used = HashSet::new();
        for arguments in arguments(&account, tool).await {
            account.sandbox.clear();
            // The outcome of a write without a response has to be found out.
            let faults = if tool.is_read_only() { &[None][..] } else { &[None, Some(FaultKind::LostResponse)] };
            for fault in faults {
                let write = tool.operations.iter().find(|operation| !operation.effect.is_read());
                if let (Some(kind), Some(write)) = (fault, write) {
                    account.sandbox.fail(Fault::once(write.path, kind.clone()));
                }
                let server = toolbox_with(&account, tool);
                let outcome = server.call(tool.name, arguments.clone()).await;
                // PagerDuty refuses to change an incident that is resolved.
                assert!(outcome.is_ok() || !tool.is_read_only(), "{} {arguments:?}: {outcome:?}", tool.name);
            }
            for request in &account.sandbox.requests() {
                let sent = operation_of(request);
                let named = tool.operations.iter().any(|operation| operation.id == sent.id);
                assert!(named, "{} does not name {}, which it sent", tool.name, sent.id);
                used.insert(sent.id);
            }
        }
        assert!(used.contains(tool.operations[0].id), "{} sent only {used:?}", tool.name);
    }
}
