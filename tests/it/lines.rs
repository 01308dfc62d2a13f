//! Tests of the sentences of composed answers, over all tools that investigate.

use std::time::Duration;

use pagerduty_mcp_server::sandbox::{Options, Scenario, tokens};
use pagerduty_mcp_server::tools::SETS;
use serde_json::{Value, json};

use crate::overrides::all_tools;
use crate::support::{Account, ok};
use crate::tool_operations::{arguments, toolbox_with};

/// Collects the sentences of an answer.
fn sentences<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if ["line", "summary", "state", "first_alert"].contains(&name.as_str()) => {
                        found.push(text);
                    }
                    Value::Array(lines) if name == "lines" => found.extend(lines.iter().filter_map(Value::as_str)),
                    value => sentences(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| sentences(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn sentences_have_one_full_stop_and_one_line() {
    let options = Options { scenario: Some(Scenario::Outage), ..Options::default() };
    let account = Account::with(tokens::USER, options, |_| {}).await;
    account.sandbox.put_forward(Duration::from_mins(30));
    let set = SETS.iter().find(|set| set.name == "investigate").unwrap();
    let all = all_tools(&account, |_| {});
    let open = ok(&all, "search_incidents", json!({"statuses": ["triggered", "acknowledged"], "limit": 6})).await;
    let mut count = 0;
    for tool in set.tools.iter().filter(|tool| tool.waits.is_none()) {
        let mut calls = arguments(&account, tool).await;
        if tool.params.iter().any(|parameter| parameter.name == "incident_id") {
            let incidents = open["incidents"].as_array().unwrap().iter();
            calls.extend(incidents.map(|one| json!({"incident_id": one["id"]}).as_object().unwrap().clone()));
        }
        for call in calls {
            let answer = toolbox_with(&account, tool).call(tool.name, call.clone()).await;
            let answer = answer.unwrap_or_else(|error| panic!("{} {call:?}: {error}", tool.name)).into_value();
            let mut found = Vec::new();
            sentences(&answer, &mut found);
            for text in &found {
                let has_two = ["..", ".”.", "!”.", "?”.", "…”."].iter().any(|end| text.contains(end));
                assert!(!has_two && !text.contains(['\n', '\r']), "{}: {text}", tool.name);
                assert!(!text.contains(" ,") && !text.contains("  "), "{}: {text}", tool.name);
            }
            count += found.len();
        }
    }
    assert!(count > 100, "{count}");
}

#[tokio::test]
async fn names_of_what_can_be_run_are_quoted() {
    let account = Account::start().await;
    let all = all_tools(&account, |_| {});
    let found = ok(&all, "get_automations", json!({})).await;
    for row in found["automations"].as_array().unwrap() {
        let name = row["name"].as_str().unwrap();
        assert!(row["line"].as_str().unwrap().contains(&format!(" “{name}”")), "{row}");
    }
}
