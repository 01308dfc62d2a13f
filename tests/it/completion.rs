//! Tests of the completion of names in prompts and templates.

use std::sync::Arc;

use pagerduty_mcp_server::config::Host;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, tokens};
use pagerduty_mcp_server::tools::{Filter, Toolbox};
use serde_json::{Value, json};

use crate::http::{JSON, Web};
use crate::session::{Session, stateless};
use crate::support::{Account, config};

/// Returns the tools that the prompts need, with a credential.
fn oncall(account: &Account, token: &str) -> Arc<Toolbox> {
    let mut config = config(token);
    config.host = Host::parse(account.sandbox.url()).unwrap();
    let toolsets = Some(vec!["schedules".to_owned(), "oncall".to_owned()]);
    Arc::new(Toolbox::new(&config, &Filter { toolsets, ..Filter::default() }).unwrap())
}

/// Returns the parameters of a completion of a prompt's argument.
fn of_prompt(argument: &str, value: &str) -> Value {
    json!({"ref": {"type": "ref/prompt", "name": "coverage_check"}, "argument": {"name": argument, "value": value}})
}

/// Returns the values of a completion.
async fn completed(session: &mut Session, params: Value) -> Vec<String> {
    let answer = session.request("completion/complete", params).await;
    let values = answer["result"]["completion"]["values"].as_array().unwrap_or_else(|| panic!("{answer}"));
    values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn names_complete_arguments_of_prompts_and_templates() {
    let account = Account::start().await;
    let mut session = Session::initialized(oncall(&account, tokens::USER)).await;
    assert_eq!(completed(&mut session, of_prompt("team", "plat")).await, ["Platform", "Data Platform"]);
    assert_eq!(
        completed(&mut session, of_prompt("schedule", "checkout")).await,
        ["Checkout Primary", "Checkout Secondary"]
    );
    let template = json!({"ref": {"type": "ref/resource", "uri": "pagerduty://schedules/{id}"},
        "argument": {"name": "id", "value": "Checkout Sec"}});
    assert_eq!(completed(&mut session, template).await, ["Checkout Secondary"]);
    assert!(completed(&mut session, of_prompt("team", "")).await.len() > 10);
    let handoff = json!({"ref": {"type": "ref/prompt", "name": "handoff"},
        "argument": {"name": "time_zone", "value": "europe/berl"}});
    assert_eq!(completed(&mut session, handoff).await, ["Europe/Berlin"]);
    assert_eq!(completed(&mut session, of_prompt("since", "2026")).await, Vec::<String>::new());
}

#[tokio::test]
async fn numbers_of_open_incidents_and_services_complete() {
    let scene = crate::similar::Scene::start().await;
    let mut session = Session::initialized(scene.account.toolbox.clone()).await;
    let mut of = async |reference: Value, name: &str, value: &str| {
        completed(&mut session, json!({"ref": reference, "argument": {"name": name, "value": value}})).await
    };
    let triage = json!({"type": "ref/prompt", "name": "triage"});
    let number = scene.number.to_string();
    assert_eq!(of(triage.clone(), "incident", &number).await, std::slice::from_ref(&number));
    let all = of(triage.clone(), "incident", "").await;
    assert!(all.len() > 5 && all.contains(&number), "{all:?}");
    let title =
        scene.account.ok("get_incidents", json!({"incident_id": scene.id})).await["incidents"][0]["title"].clone();
    assert!(of(triage.clone(), "incident", title.as_str().unwrap()).await.contains(&number));
    assert_eq!(of(triage, "incident", "no such title").await, Vec::<String>::new());
    let resolved = json!({"statuses": ["resolved"], "limit": 1});
    let resolved = scene.account.ok("get_incidents", resolved).await["incidents"][0].clone();
    let review = json!({"type": "ref/prompt", "name": "post_incident_review"});
    let (id, reviewed) = (resolved["id"].as_str().unwrap(), resolved["incident_number"].to_string());
    for text in [reviewed.as_str(), &id[..6], &id.to_lowercase()] {
        assert_eq!(of(review.clone(), "incident", text).await, [reviewed.as_str()], "{text}");
    }
    let timeline = json!({"type": "ref/resource", "uri": "pagerduty://incidents/{id}/timeline"});
    assert_eq!(of(timeline, "id", &number).await, [number]);
    let dependencies = json!({"type": "ref/resource", "uri": "pagerduty://services/{id}/dependencies"});
    assert!(of(dependencies, "id", "checkout a").await.contains(&"Checkout API".to_owned()));
}

#[tokio::test]
async fn completion_has_at_most_100_values() {
    let teams: Vec<_> = (0..150)
        .map(|number| json!({"id": format!("PROCK{number:03}"), "name": format!("Rocket {number:03}")}))
        .collect();
    let options = Options { documents: json!({"teams": teams}), ..Options::default() };
    let account = Account::with(tokens::USER, options, |_| {}).await;
    let mut session = Session::initialized(oncall(&account, tokens::USER)).await;
    let answer = session.request("completion/complete", of_prompt("team", "rocket")).await;
    let completion = &answer["result"]["completion"];
    assert_eq!((completion["values"].as_array().unwrap().len(), &completion["hasMore"]), (100, &json!(true)));
}

#[tokio::test]
async fn completion_without_credential_or_after_failure_is_empty() {
    let account = Account::start().await;
    let mut session = Session::initialized(oncall(&account, "")).await;
    assert_eq!(completed(&mut session, of_prompt("team", "plat")).await, Vec::<String>::new());
    let mut session = Session::initialized(oncall(&account, tokens::USER)).await;
    let broken = FaultKind::Status { code: 403, headers: [].into(), body: None };
    account.sandbox.fail(Fault { times: 9, ..Fault::once("/teams", broken) });
    assert_eq!(completed(&mut session, of_prompt("team", "plat")).await, Vec::<String>::new());
}

#[tokio::test]
async fn completion_of_unknown_argument_is_refused() {
    let account = Account::start().await;
    let mut session = Session::initialized(oncall(&account, tokens::USER)).await;
    let unknown = json!({"ref": {"type": "ref/prompt", "name": "dinner"}, "argument": {"name": "team", "value": ""}});
    for params in [of_prompt("colour", ""), unknown, json!({"ref": {"type": "ref/prompt"}})] {
        let answer = session.request("completion/complete", params).await;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
}

#[tokio::test]
async fn completion_is_announced_with_prompts_only() {
    let account = Account::start().await;
    let mut session = Session::initialized(oncall(&account, tokens::USER)).await;
    let discovered = session.request("server/discover", stateless(json!({}))).await;
    assert_eq!(discovered["result"]["capabilities"]["completions"], json!({}), "{discovered}");
    let mut session = Session::initialized(account.toolbox.clone()).await;
    let answer = session.request("completion/complete", of_prompt("team", "")).await;
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
}

#[tokio::test]
async fn completion_over_http_uses_the_callers_credential() {
    let account = Account::start().await;
    let web = Web::start(oncall(&account, ""), false).await;
    let params = of_prompt("team", "checkout");
    for (params, version) in [(params.clone(), "2025-06-18"), (stateless(params), "2026-07-28")] {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "completion/complete", "params": params}).to_string();
        let headers = [JSON, ("MCP-Protocol-Version", version), ("Mcp-Method", "completion/complete")];
        let answer = web.send("POST", "/mcp", &headers, &body).await.json();
        assert_eq!(answer["result"]["completion"]["values"], json!([]), "{answer}");
        let with_key = [headers.as_slice(), &[("X-PagerDuty-Token", tokens::USER)]].concat();
        let answer = web.send("POST", "/mcp", &with_key, &body).await.json();
        assert_eq!(answer["result"]["completion"]["values"], json!(["Checkout"]), "{answer}");
    }
}
