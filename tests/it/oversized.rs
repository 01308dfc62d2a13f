//! Answers that are not lists and larger than the budget.

use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, tokens};
use serde_json::{Value, json};

use crate::support::{Account, tokens_of, toolbox, warnings};

async fn account(budget: usize) -> Account {
    Account::with(tokens::USER, Options::default(), |config| config.max_response_tokens = Some(budget)).await
}

fn always(path: &str, answer: Value) -> Fault {
    Fault { times: u32::MAX, ..Fault::once(path, FaultKind::WrongJson(answer)) }
}

fn objects(letter: char, count: usize) -> Vec<Value> {
    (0..count).map(|number| json!({"id": format!("P{letter}{number:05}X")})).collect()
}

#[tokio::test]
async fn user_context_over_budget_is_cut_with_a_way_to_the_rest() {
    for (teams, services, policies, cut, lists) in [
        (3, 9_000, 1_000, "service_ids", "get_services"),
        (3, 10, 9_000, "escalation_policy_ids", "get_escalation_policies"),
        (9_000, 0, 0, "team_ids", "get_teams"),
    ] {
        let account = account(25_000).await;
        let me = json!({"id": "PME", "name": "Me", "email": "me@example.com", "teams": objects('T', teams)});
        let list = |name: &str, rows: Vec<Value>| json!({name: rows, "more": false});
        account.sandbox.fail(always("/users/me", json!({"user": me})));
        account.sandbox.fail(always("/services", list("services", objects('S', services))));
        account.sandbox.fail(always("/escalation_policies", list("escalation_policies", objects('E', policies))));
        let answer = account.ok("build_user_context", json!({})).await;
        let size = tokens_of(&answer.to_string());
        assert!((20_000..=25_000).contains(&size), "{cut}: {size} tokens");
        let warnings = answer["warnings"].as_array().unwrap().iter().filter_map(Value::as_str).collect::<Vec<_>>();
        let about = warnings.iter().find(|warning| warning.contains(cut)).unwrap();
        let count = answer[cut].as_array().unwrap().len();
        assert!(about.contains(&format!("{count} of 9000 {cut}")) && about.contains(lists), "{about}");
        let whole = toolbox(&account.sandbox, tokens::USER, |_| {});
        let whole = crate::support::ok(&whole, "build_user_context", json!({})).await;
        assert!(whole.get("warnings").is_none() && whole[cut].as_array().unwrap().len() == 9_000, "{cut}");
    }
}

#[tokio::test]
async fn schedule_over_budget_names_the_way_to_a_smaller_one() {
    let account = account(400).await;
    let schedules = account.ok("get_schedules", json!({"limit": 1, "include": ["id"]})).await;
    let id = &schedules["schedules"][0]["id"];
    let ranged = json!({"schedule_id": id, "since": "2026-01-01", "until": "2026-06-01"});
    let warned = warnings(&account.ok("get_schedules", ranged).await);
    assert!(warned.contains("larger than an answer should be. Shorten the range with since and until"), "{warned}");
    let account = self::account(260).await;
    let warned = warnings(&account.ok("get_schedules", json!({"schedule_id": id})).await);
    assert!(warned.contains("larger than an answer should be. Name the fields you need in include."), "{warned}");
}

#[tokio::test]
async fn note_over_budget_is_not_reported_as_missing_fields() {
    let account = account(300).await;
    let open = account.ok("get_incidents", json!({"statuses": ["triggered"], "limit": 1, "include": ["id"]})).await;
    let note = json!({"incident_id": open["incidents"][0]["id"], "content": "long ".repeat(200)});
    let warned = warnings(&account.ok("add_incident_note", note).await);
    assert!(warned.contains("larger than an answer should be. The note was added."), "{warned}");
}
