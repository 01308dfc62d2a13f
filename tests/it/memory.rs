//! Tests of the memory that lists may use: lists wait for their turn, and reads by ID and writes do not.

use std::time::Duration;

use futures_util::FutureExt;
use pagerduty_mcp_server::config::Config;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Options, tokens};
use serde_json::{Map, Value, json};

use crate::support::{Account, rows};

/// Returns an account where a single list takes all memory, and the IDs of an open incident and a team.
async fn ready(adjust: impl Fn(&mut Config)) -> (Account, Value, Value) {
    let small = |config: &mut Config| {
        config.list_memory = 1_000;
        adjust(config);
    };
    let account = Account::with(tokens::USER, Options::default(), small).await;
    account.ok("build_user_context", json!({})).await;
    let open = account.ok("get_incidents", json!({"statuses": ["triggered"], "limit": 1, "include": ["id"]})).await;
    let team = account.ok("get_teams", json!({"limit": 1})).await;
    account.sandbox.clear();
    (account, open["incidents"][0]["id"].clone(), team["teams"][0]["id"].clone())
}

fn lists(account: &Account) -> usize {
    account.sandbox.requests().iter().filter(|request| matches!(request.path.as_str(), "/incidents" | "/teams")).count()
}

#[tokio::test]
async fn list_waits_until_an_earlier_answer_is_written() {
    let (account, incident, team) = ready(|_| {}).await;
    let unread = account.toolbox.call("get_incidents", Map::new()).await.unwrap();
    let mut second = Box::pin(account.toolbox.call("get_teams", Map::new()));
    assert!(second.as_mut().now_or_never().is_none());

    account.ok("get_teams", json!({"team_id": team})).await;
    account.ok("acknowledge_incident", json!({"incident_id": incident})).await;
    account.ok("add_incident_note", json!({"incident_id": incident, "content": "on it"})).await;
    assert!(second.as_mut().now_or_never().is_none());
    assert_eq!(lists(&account), 1, "the second list was not requested: {:?}", account.sandbox.requests());

    drop(unread);
    second.await.unwrap();
    assert_eq!(lists(&account), 2);
}

#[tokio::test]
async fn canceled_list_gives_up_its_place() {
    let (account, ..) = ready(|_| {}).await;
    let unread = account.toolbox.call("get_incidents", Map::new()).await.unwrap();
    let mut canceled = Box::pin(account.toolbox.call("get_incidents", Map::new()));
    let mut next = Box::pin(account.toolbox.call("get_teams", Map::new()));
    assert!(canceled.as_mut().now_or_never().is_none() && next.as_mut().now_or_never().is_none());
    drop(canceled);
    drop(unread);
    next.await.unwrap();
    assert_eq!(lists(&account), 2);
}

#[tokio::test]
async fn wait_for_memory_counts_toward_the_time_limit() {
    let (account, ..) = ready(|config| config.timeout = Duration::from_millis(500)).await;
    let _unread = account.toolbox.call("get_incidents", Map::new()).await.unwrap();
    let error = account.err("get_teams", json!({})).await;
    assert_eq!(error.code(), Code::Timeout);
    assert!(error.hint_text().unwrap().contains("PAGERDUTY_LIST_MEMORY"), "{error}");
    assert_eq!(lists(&account), 1);
}

#[tokio::test]
async fn list_of_many_pages_fits_a_small_budget() {
    let small = |config: &mut Config| config.list_memory = 1_000;
    let account = Account::with(tokens::USER, Options { incidents: 450, ..Options::default() }, small).await;
    let calls = [450, 101, 7].map(|limit| {
        let (account, arguments) = (&account, json!({"limit": limit, "include": ["id"]}));
        async move { rows(&account.ok("get_incidents", arguments).await, "incidents").len() }
    });
    let counts = futures_util::future::join_all(calls).await;
    assert!(counts[0] > 100 && counts[1..] == [101, 7], "{counts:?}");
    let tools = ["get_schedules", "get_oncalls", "get_services", "build_user_context"];
    let calls = tools.map(|tool| async { account.toolbox.call(tool, Map::new()).await.map(drop) });
    for outcome in futures_util::future::join_all(calls).await {
        outcome.unwrap();
    }
}
