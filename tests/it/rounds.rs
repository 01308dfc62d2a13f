//! Tests of the round trips of each tool: which requests are concurrent, and which wait for others.
//!
//! The account answers the requests of a round only after all of them have arrived. So a call that sends them in
//! sequence never ends, and a call that sends one twice is detected.

use pagerduty_mcp_server::sandbox::{Fault, Options, tokens};
use serde_json::{Value, json};

use crate::support::Account;

/// Makes a call whose requests must be sent in rounds of these sizes, each after the previous one is answered.
pub async fn in_rounds(account: &Account, tool: &str, arguments: Value, rounds: &[u32]) -> Value {
    account.sandbox.clear();
    for round in rounds {
        account.sandbox.fail(Fault::together("*", *round));
    }
    let answer = account.ok(tool, arguments.clone()).await;
    let sent = account.sandbox.requests();
    let expected: u32 = rounds.iter().sum();
    assert_eq!(sent.len(), usize::try_from(expected).unwrap(), "{tool} {arguments}: {sent:?}");
    answer
}

#[tokio::test]
async fn context_call_takes_three_round_trips_cold_and_one_warm() {
    let mut account = Account::start().await;
    for (tool, cold) in [
        ("get_teams", &[1][..]),
        ("get_schedules", &[2]),
        ("get_services", &[1, 1]),
        ("get_users", &[1, 1]),
        ("get_escalation_policies", &[1, 1]),
        ("get_incidents", &[1, 1, 1]),
        // The policies of the user and of their teams are requested concurrently.
        ("get_oncalls", &[1, 2, 1]),
    ] {
        account = account.cold();
        in_rounds(&account, tool, json!({}), cold).await;
        let warm = &cold[cold.len() - 1..];
        in_rounds(&account, tool, json!({}), warm).await;
    }
    in_rounds(&account, "build_user_context", json!({}), &[1, 2]).await;
}

#[tokio::test]
async fn incident_with_extras_takes_one_round_trip_by_id() {
    let account = Account::start().await;
    let found = account.ok("get_incidents", json!({"limit": 1})).await["incidents"][0].clone();
    let extras = |of: &Value| {
        json!({"incident_id": of, "include_past_incidents": true, "include_related_incidents": true,
            "include_notes": true})
    };
    in_rounds(&account, "get_incidents", json!({"incident_id": found["id"]}), &[1]).await;
    in_rounds(&account, "get_incidents", extras(&found["id"]), &[4]).await;
    in_rounds(&account, "get_incidents", extras(&found["incident_number"]), &[1, 3]).await;
}

#[tokio::test]
async fn write_takes_one_round_trip_with_known_author() {
    let mut account = Account::start().await;
    let list = account.ok("get_incidents", json!({"limit": 1, "statuses": ["triggered"]})).await;
    let id = &list["incidents"][0]["id"];
    account = account.cold();
    in_rounds(&account, "acknowledge_incident", json!({"incident_id": id}), &[1, 1]).await;
    in_rounds(&account, "add_incident_note", json!({"incident_id": id, "content": "on it"}), &[1]).await;
    in_rounds(&account, "resolve_incident", json!({"incident_id": id}), &[1]).await;
}

#[tokio::test]
async fn thousand_incidents_take_four_round_trips() {
    let account = Account::with(tokens::USER, Options { incidents: 8_000, ..Options::default() }, |_| {}).await;
    account.ok("build_user_context", json!({})).await;
    let arguments = json!({"limit": 1_000, "include": ["id"]});
    let answer = in_rounds(&account, "get_incidents", arguments, &[1, 2, 4, 3]).await;
    assert_eq!(answer["metadata"]["count"], 1_000);
}
