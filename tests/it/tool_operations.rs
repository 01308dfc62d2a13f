//! The operations that tools name: the sandbox serves each of them, and a tool sends no others.

use std::collections::{BTreeMap, HashSet};

use pagerduty_api::{Method, Operation, operations};
use pagerduty_mcp_server::config::Host;
use pagerduty_mcp_server::params::Form;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Recorded, Sandbox, tokens};
use pagerduty_mcp_server::tools::{Filter, Tool, Toolbox, all};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use crate::support::{Account, config};

/// Sends a request to the sandbox, and returns the status and the body.
async fn send(sandbox: &Sandbox, method: Method, path: &str) -> (StatusCode, Value) {
    let method = method.as_str().parse().unwrap();
    // This fails if it is already installed.
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.request(method, format!("{}{path}", sandbox.url())).header("content-type", "application/json");
    let request = request.body("{}");
    let authorization = format!("Token token={}", tokens::USER);
    let answer = request.header("authorization", authorization).send().await.unwrap();
    let status = answer.status();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

/// Returns the ID of an object that the path of an operation can name.
async fn id_for(sandbox: &Sandbox, operation: &Operation) -> String {
    let (collection, _) = operation.path.split_once("/{id}").unwrap();
    let (_, list) = send(sandbox, Method::Get, collection).await;
    let id = &list[collection.rsplit('/').next().unwrap()][0]["id"];
    id.as_str().unwrap_or_else(|| panic!("{collection}: {list}")).to_owned()
}

#[tokio::test]
async fn operations_of_tools_are_served_by_the_sandbox() {
    let account = Account::start().await;
    let named: BTreeMap<_, _> =
        all().flat_map(|tool| tool.operations).map(|operation| (operation.id, operation)).collect();
    for operation in named.values() {
        let mut path = operation.path.to_owned();
        if operation.names_one() {
            path = path.replace("{id}", &id_for(&account.sandbox, operation).await);
        }
        // A write without content is refused, but not as unknown.
        let (status, answer) = send(&account.sandbox, operation.method, &path).await;
        assert!(status.is_success() || status == StatusCode::BAD_REQUEST, "{}: {status} {answer}", operation.id);
    }
}

/// Returns the arguments of calls that use as much of a tool as its parameters allow.
async fn arguments(account: &Account, tool: &Tool) -> Vec<Map<String, Value>> {
    let mut all = Map::new();
    for parameter in tool.params {
        let value = match parameter.form {
            Form::Id(_) => match tool.operations.iter().find(|operation| operation.names_one()) {
                Some(operation) => id_for(&account.sandbox, operation).await.into(),
                None => continue,
            },
            Form::Verbatim => "a text".into(),
            Form::Switch(false) => true.into(),
            // A tool without an ID may require one of its words instead.
            Form::List([word, ..]) if !tool.params.iter().any(|one| one.form.resource().is_some()) => json!([word]),
            Form::Text | Form::Time | Form::Integer | Form::Ids(_) | Form::List(_) | Form::Switch(true) => continue,
        };
        all.insert(parameter.name.to_owned(), value);
    }
    let optional = |name: &String| {
        tool.params.iter().any(|one| one.name == *name && matches!(one.form, Form::Id(_)) && !one.required)
    };
    let without_id = all.keys().any(optional).then(Map::new);
    without_id.into_iter().chain([all]).collect()
}

/// Returns a server that has just started, with this tool switched on.
fn toolbox_with(account: &Account, tool: &Tool) -> Toolbox {
    let mut config = config(tokens::USER);
    config.host = Host::parse(account.sandbox.url()).unwrap();
    let filter = Filter { tools: Some(vec![tool.name.to_owned()]), ..Filter::default() };
    Toolbox::new(&config, &filter).unwrap()
}

/// Returns the operation of a request: a path without a parameter comes first.
fn operation_of(request: &Recorded) -> &'static Operation {
    let matches = |operation: &&Operation| {
        let (path, sent): (Vec<_>, Vec<_>) = (operation.path.split('/').collect(), request.path.split('/').collect());
        operation.method.as_str() == request.method
            && path.len() == sent.len()
            && path.iter().zip(&sent).all(|(path, sent)| path == sent || *path == "{id}")
    };
    let found = operations::all().filter(matches).min_by_key(|operation| operation.names_one());
    found.unwrap_or_else(|| panic!("{request:?} is no operation"))
}

#[tokio::test]
async fn tools_send_only_their_operations() {
    for tool in all() {
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
