//! What answers and definitions cost a model, in o200k tokens.

use pagerduty_mcp_server::reply::estimate_tokens;
use pagerduty_mcp_server::tools::ALL;
use serde_json::{Value, json};

use crate::support::{Account, rows, toolbox, warnings};
use pagerduty_mcp_server::sandbox::tokens;

fn count(value: &Value) -> usize {
    tiktoken_rs::o200k_base_singleton().encode_ordinary(&value.to_string()).len()
}

/// What the definitions may cost. Growing past it is a decision, made here.
const DEFINITIONS: usize = 2_200;

#[test]
fn the_definitions_of_all_tools_stay_within_their_figure() {
    let cost = |tool: &pagerduty_mcp_server::tools::Tool| {
        count(&json!({"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema()}))
    };
    let total: usize = ALL.iter().map(cost).sum();
    println!("definitions: {total} tokens");
    assert!(total <= DEFINITIONS, "the definitions cost {total} tokens");
}

/// The kinds of answers an estimate is used on.
const LISTS: [(&str, &str); 7] = [
    ("get_incidents", "incidents"),
    ("get_users", "users"),
    ("get_services", "services"),
    ("get_schedules", "schedules"),
    ("get_escalation_policies", "escalation_policies"),
    ("get_oncalls", "oncalls"),
    ("get_teams", "teams"),
];

#[tokio::test]
async fn the_estimate_is_within_a_tenth_of_the_tokenizer() {
    let account = Account::start().await;
    for (tool, key) in LISTS {
        let answer = account.ok(tool, json!({})).await;
        let rows = &answer[key];
        let (real, estimated) = (count(rows), estimate_tokens(rows));
        let off = estimated.abs_diff(real) * 100 / real;
        println!("{key}: {real} tokens, estimated {estimated}, {off} % off");
        assert!(off <= 10, "{key}: {real} tokens, estimated {estimated}");
    }
}

#[tokio::test]
async fn a_hundred_incidents_in_the_default_fields_fit_the_default_budget() {
    let account = Account::with(tokens::USER, pagerduty_mcp_server::sandbox::Options::default(), |config| {
        config.max_response_tokens = Some(25_000);
    })
    .await;
    let answer = account.ok("get_incidents", json!({})).await;
    assert_eq!(
        (answer["metadata"]["count"].as_u64(), count(&answer) <= 25_000),
        (Some(100), true),
        "{}",
        count(&answer)
    );
}

#[tokio::test]
async fn an_answer_is_cut_at_a_whole_item_and_says_how_to_go_on() {
    let account = Account::start().await;
    let small = toolbox(&account.sandbox, tokens::USER, |config| config.max_response_tokens = Some(3_000));
    let whole = account.ok("get_incidents", json!({"limit": 40})).await;
    let mut seen = Vec::new();
    let mut offset = 0;
    while seen.len() < 40 {
        let answer = crate::support::ok(&small, "get_incidents", json!({"limit": 40, "offset": offset})).await;
        assert!(count(&answer) <= 3_000, "{} tokens", count(&answer));
        assert_eq!(answer["metadata"]["has_more"], true);
        assert!(warnings(&answer).contains("offset") && warnings(&answer).contains("include"), "{answer}");
        seen.extend(rows(&answer, "incidents").clone());
        offset = answer["metadata"]["next_offset"].as_u64().unwrap();
        assert_eq!(offset, seen.len() as u64);
    }
    seen.truncate(40);
    assert_eq!(&seen, rows(&whole, "incidents"));
}

#[tokio::test]
async fn fetching_stops_once_the_answer_is_full() {
    let account = Account::start().await;
    let small = toolbox(&account.sandbox, tokens::USER, |config| config.max_response_tokens = Some(3_000));
    account.sandbox.clear();
    let arguments = json!({"limit": 500, "current_user_context": false, "team_ids": my_teams(&account).await});
    crate::support::ok(&small, "get_incidents", arguments).await;
    let pages = account.sandbox.requests().iter().filter(|request| request.path == "/incidents").count();
    assert_eq!(pages, 1);
}

async fn my_teams(account: &Account) -> Value {
    account.ok("build_user_context", json!({})).await["team_ids"].clone()
}

#[tokio::test]
async fn an_item_larger_than_the_budget_still_comes() {
    let account = Account::start().await;
    let tiny = toolbox(&account.sandbox, tokens::USER, |config| config.max_response_tokens = Some(1));
    let answer = crate::support::ok(&tiny, "get_users", json!({})).await;
    assert_eq!(answer["metadata"]["count"], 1);
    assert_eq!(answer["metadata"]["next_offset"], 1);
}
