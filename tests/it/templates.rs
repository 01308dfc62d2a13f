//! Tests of the resources that are objects of PagerDuty.

use pagerduty_mcp_server::sandbox::{Fault, FaultKind};
use pagerduty_mcp_server::tools::Filter;
use serde_json::{Value, json};

use crate::http::{JSON, Web};
use crate::session::{Session, stateless, toolbox, unconnected};
use crate::support::{Account, rows};

const TEMPLATE: &str = "pagerduty://schedules/{id}";

/// Reads a resource over standard input and output, and returns its text as JSON.
async fn read(account: &Account, uri: &str) -> Value {
    let mut session = Session::initialized(account.toolbox.clone()).await;
    let answer = session.request("resources/read", json!({"uri": uri})).await;
    let contents = rows(&answer["result"], "contents");
    assert_eq!((&contents[0]["uri"], &contents[0]["mimeType"]), (&json!(uri), &json!("application/json")), "{answer}");
    serde_json::from_str(contents[0]["text"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn schedule_of_either_kind_is_a_resource() {
    let account = Account::start().await;
    let all = account.ok("get_schedules", json!({})).await;
    let schedules = rows(&all, "schedules");
    for schedule in [schedules.first(), schedules.last()].into_iter().flatten() {
        let id = schedule["id"].as_str().unwrap();
        let expected = account.ok("get_schedules", json!({"schedule_id": id})).await;
        assert_eq!(read(&account, &format!("pagerduty://schedules/{id}")).await, expected);
    }
}

#[tokio::test]
async fn incident_and_dependencies_are_resources() {
    let scene = crate::similar::Scene::start().await;
    let (account, number) = (&scene.account, scene.number);
    let incident = account.ok("get_incidents", json!({"incident_id": number})).await["incidents"][0].clone();
    let service = incident["service"]["summary"].as_str().unwrap().replace(' ', "%20");
    for (uri, tool, arguments) in [
        (format!("pagerduty://incidents/{}/timeline", scene.id), "get_timeline", json!({"incident_id": scene.id})),
        (
            format!("pagerduty://services/{service}/dependencies"),
            "get_dependencies",
            json!({"service_id": incident["service"]["id"]}),
        ),
    ] {
        assert_eq!(read(account, &uri).await, account.ok(tool, arguments).await, "{uri}");
    }
    let brief = read(account, &format!("pagerduty://incidents/{number}")).await;
    assert_eq!(brief["incident"]["id"], json!(scene.id), "{brief}");
}

#[tokio::test]
async fn schedule_is_read_over_http_in_each_revision() {
    let account = Account::start().await;
    let schedules = account.ok("get_schedules", json!({"limit": 1})).await;
    let uri = format!("pagerduty://schedules/{}", schedules["schedules"][0]["id"].as_str().unwrap());
    let web = Web::start(account.toolbox.clone(), false).await;
    for (params, version) in [(json!({"uri": uri}), "2025-06-18"), (stateless(json!({"uri": uri})), "2026-07-28")] {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": params}).to_string();
        let headers =
            [JSON, ("MCP-Protocol-Version", version), ("Mcp-Method", "resources/read"), ("Mcp-Name", uri.as_str())];
        let answer = web.send("POST", "/mcp", &headers, &body).await.json();
        assert_eq!(answer["result"]["contents"][0]["uri"], json!(uri), "{answer}");
        if version == "2026-07-28" {
            assert_eq!(answer["result"]["ttlMs"], 0, "the object may change at any time: {answer}");
        }
    }
}

#[tokio::test]
async fn template_exists_with_its_tool_only() {
    for (tools, expected) in [("get_schedules", json!([TEMPLATE])), ("get_teams", json!([]))] {
        let filter = Filter { tools: Some(vec![tools.to_owned()]), ..Filter::default() };
        let mut session = Session::initialized(toolbox("http://127.0.0.1:9", &filter)).await;
        let answer = session.request("resources/templates/list", json!({})).await;
        let uris: Value =
            rows(&answer["result"], "resourceTemplates").iter().map(|one| one["uriTemplate"].clone()).collect();
        assert_eq!(uris, expected, "{answer}");
        if tools == "get_teams" {
            let answer = session.request("resources/read", json!({"uri": "pagerduty://schedules/P1"})).await;
            assert_eq!(answer["error"]["code"], -32002, "{answer}");
        }
    }
}

#[tokio::test]
async fn unreadable_schedule_is_an_error_with_its_reason() {
    let account = Account::start().await;
    let mut session = Session::initialized(account.toolbox.clone()).await;
    let broken = FaultKind::Status { code: 403, headers: [].into(), body: None };
    account.sandbox.fail(Fault { times: 9, ..Fault::once("/schedules/PFORBID1", broken) });
    for (uri, code, text) in [
        ("pagerduty://schedules/PNOTHING1", -32002, "NOT_FOUND"),
        ("pagerduty://schedules/PFORBID1", -32603, "PERMISSION_DENIED"),
    ] {
        let answer = session.request("resources/read", json!({"uri": uri})).await;
        let error = &answer["error"];
        assert_eq!((&error["code"], &error["data"]["error"]["code"]), (&json!(code), &json!(text)), "{answer}");
    }
}

#[tokio::test]
async fn prompts_without_their_tools_are_not_announced() {
    let mut session = Session::new(unconnected());
    let answer = session.request("initialize", crate::session::initialize("2025-11-25")).await;
    assert_eq!(answer["result"]["capabilities"], json!({"tools": {}, "resources": {}}));
    assert_eq!(session.request("prompts/list", json!({})).await["error"]["code"], -32601);
}
