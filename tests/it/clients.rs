//! Tests of known clients: an answer is never larger than its client shows whole, and has the form that the client
//! reads.

use std::collections::HashSet;
use std::sync::Arc;

use pagerduty_mcp_server::clients::{Client, KNOWN, Size, Unit};
use pagerduty_mcp_server::config::Config;
use pagerduty_mcp_server::config::Format;
use pagerduty_mcp_server::sandbox::tokens;
use pagerduty_mcp_server::tools::Toolbox;
use serde_json::{Value, json};

use crate::session::{Session, initialize, stateless};
use crate::support::{Account, rows, toolbox, warnings};

/// Returns the tools with default settings, except for those that `adjust` sets.
fn tools(account: &Account, adjust: impl FnOnce(&mut Config)) -> Arc<Toolbox> {
    toolbox(&account.sandbox, tokens::USER, |config| {
        config.max_response_tokens = Some(25_000);
        adjust(config);
    })
}

/// Returns a session of the client with this name.
async fn session(toolbox: Arc<Toolbox>, name: &str) -> Session {
    let mut session = Session::new(toolbox);
    let mut params = initialize("2025-06-18");
    params["clientInfo"]["name"] = json!(name);
    session.request("initialize", params).await;
    session
}

/// Returns the result of a call.
async fn call(session: &mut Session, tool: &str, arguments: Value) -> Value {
    session.request("tools/call", json!({"name": tool, "arguments": arguments})).await["result"].clone()
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}

fn length(text: &str, unit: Unit) -> usize {
    match unit {
        Unit::Characters => text.encode_utf16().count(),
        Unit::Bytes => text.len(),
    }
}

/// Checks that a list fits the size that its client shows, uses most of it, and says how to continue.
#[track_caller]
fn check_bounded(client: &Client, size: Size, result: &Value) {
    let (text, title) = (text(result), client.title);
    let length = length(text, size.unit);
    let envelope: Value = serde_json::from_str(text).unwrap();
    assert!(length < size.most, "{title}: {length}");
    assert_eq!(envelope, result["structuredContent"], "{title}");
    let count = rows(&envelope, "incidents").len();
    assert_eq!(envelope["metadata"]["count"], count, "{title}");
    if count == 100 {
        return;
    }
    assert!(length > size.most * 3 / 4, "{title}: {length} of {}", size.most);
    assert_eq!(envelope["metadata"]["has_more"], true, "{title}");
    assert_eq!(envelope["metadata"]["next_offset"], count, "{title}");
    assert!(warnings(&envelope).contains("The answer is full"), "{title}");
}

#[tokio::test]
async fn list_fits_size_limit_of_client() {
    let account = Account::start().await;
    let tools = tools(&account, |_| {});
    let mut counts = Vec::new();
    for client in KNOWN {
        let (Some(name), Some(size)) = (client.name, client.limit()) else { continue };
        let mut session = session(tools.clone(), name).await;
        let by_session = call(&mut session, "get_incidents", json!({})).await;
        check_bounded(client, size, &by_session);
        counts.push((name, by_session["structuredContent"]["metadata"]["count"].as_u64().unwrap()));

        let mut params = stateless(json!({"name": "get_incidents", "arguments": {}}));
        params["_meta"]["io.modelcontextprotocol/clientInfo"]["name"] = json!(name);
        let by_request = Session::new(tools.clone()).request("tools/call", params).await;
        check_bounded(client, size, &by_request["result"]);
    }
    println!("{counts:?}");
    assert_eq!(counts.len(), 5);
    assert!(counts.contains(&("claude-code", 100)), "{counts:?}");
}

#[tokio::test]
async fn table_fits_size_limit_of_client() {
    let account = Account::start().await;
    let tools = tools(&account, |config| config.format = Format::Compact);
    for client in KNOWN {
        let (Some(name), Some(size)) = (client.name, client.limit()) else { continue };
        let mut session = session(tools.clone(), name).await;
        let result = call(&mut session, "get_incidents", json!({})).await;
        let length = length(text(&result), size.unit);
        assert!(length < size.most, "{}: {length}", client.title);
        assert!(result.get("structuredContent").is_none());
    }
}

#[tokio::test]
async fn bounded_list_is_complete_when_continued() {
    let account = Account::start().await;
    let all = account.ok("get_incidents", json!({"limit": 100})).await;
    let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let mut session = session(tools(&account, |_| {}), "copilot-cli").await;
    let (mut got, mut offset) = (Vec::new(), 0);
    while got.len() < 100 {
        let arguments = json!({"offset": offset, "limit": 100 - got.len()});
        let result = call(&mut session, "get_incidents", arguments).await;
        let page = &result["structuredContent"];
        got.extend(ids(rows(page, "incidents")));
        offset = page["metadata"]["next_offset"].as_u64().unwrap();
    }
    assert_eq!(got, ids(rows(&all, "incidents")));
    assert_eq!(got.iter().collect::<HashSet<_>>().len(), 100);
}

#[tokio::test]
async fn unknown_client_or_own_budget_is_not_bounded() {
    let account = Account::start().await;
    let by_hand = tools(&account, |config| config.set_max_response_tokens("--max-response-tokens", "25000").unwrap());
    for (tools, name) in [
        (tools(&account, |_| {}), "somebody-else"),
        (tools(&account, |_| {}), "mcp"),
        (tools(&account, |_| {}), "continue-cli-client"),
        (by_hand, "codex-mcp-client"),
    ] {
        let mut session = session(tools, name).await;
        let result = call(&mut session, "get_incidents", json!({})).await;
        assert_eq!(result["structuredContent"]["metadata"]["count"], 100, "{name}");
    }
}

#[tokio::test]
async fn notes_over_limit_are_left_out_with_warning() {
    let account = Account::start().await;
    let list = account.ok("get_incidents", json!({"limit": 1})).await;
    let id = &list["incidents"][0]["id"];
    let note = json!({"incident_id": id, "content": "x".repeat(20_000)});
    account.ok("add_incident_note", note).await;
    let mut session = session(tools(&account, |_| {}), "copilot-cli").await;
    let result = call(&mut session, "get_incidents", json!({"incident_id": id, "include_notes": true})).await;
    let envelope = &result["structuredContent"];
    assert_eq!(envelope["metadata"]["count"], 1);
    assert!(!warnings(envelope).is_empty(), "{}", envelope["metadata"]);
}

#[tokio::test]
async fn list_items_are_on_separate_lines() {
    let account = Account::start().await;
    for (name, lines) in [("somebody-else", 7), ("copilot-cli", 1)] {
        let mut session = session(tools(&account, |_| {}), name).await;
        let result = call(&mut session, "get_incidents", json!({"limit": 7})).await;
        assert_eq!(text(&result).lines().count(), lines, "{name}");
        assert_eq!(text(&result).replace('\n', ""), result["structuredContent"].to_string(), "{name}");
        let error = call(&mut session, "get_incidents", json!({"incident_id": "bad id!"})).await;
        assert_eq!(text(&error), error["structuredContent"].to_string(), "{name}");
    }
}

#[tokio::test]
async fn structured_content_setting_off_omits_it() {
    let account = Account::start().await;
    let tools = tools(&account, |config| config.set_structured_content("--structured-content", "off").unwrap());
    let mut session = session(tools, "google-adk").await;
    let good = call(&mut session, "get_incidents", json!({"limit": 2})).await;
    let bad = call(&mut session, "get_incidents", json!({"incident_id": "bad id!"})).await;
    for result in [&good, &bad] {
        assert!(result.get("structuredContent").is_none(), "{result}");
        assert!(serde_json::from_str::<Value>(text(result)).unwrap()["metadata"].is_object(), "{result}");
    }
    assert_eq!((&good["isError"], &bad["isError"]), (&json!(false), &json!(true)));
}
