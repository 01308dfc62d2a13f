//! Tests of the rules between parameters: conflicts, requirements, and the answers to a user without teams.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::tokens;
use serde_json::{Value, json};

use crate::support::{Account, rows, warnings};

/// Checks calls that must fail with a code, and the names that the error must contain.
async fn refused(account: &Account, code: Code, cases: &[(&str, Value, &str)]) {
    for (tool, arguments, names) in cases {
        let error = account.err(tool, arguments.clone()).await;
        assert_eq!(error.code(), code, "{tool} {arguments}: {error}");
        let text = error.envelope().to_string();
        assert!(text.contains(names), "{tool} {arguments}: {text} does not name {names}");
        assert!(error.hint_text().is_some(), "{tool} {arguments}: no next step");
    }
}

#[tokio::test]
async fn id_conflicts_with_every_list_filter() {
    let account = Account::start().await;
    let list = |name: &str| if name.ends_with("_ids") { json!(["PABC123"]) } else { json!("2026-11-01") };
    let filters = [
        ("get_escalation_policies", "policy_id", &["query", "user_ids", "team_ids"][..]),
        ("get_incidents", "incident_id", &["service_ids", "team_ids", "statuses", "urgencies", "since", "until"]),
        ("get_schedules", "schedule_id", &["query"]),
        ("get_services", "service_id", &["team_ids", "query"]),
        ("get_teams", "team_id", &["query"]),
        ("get_users", "user_id", &["team_ids", "query"]),
    ];
    for (tool, id, filters) in filters {
        for filter in filters {
            let value = match *filter {
                "statuses" => json!(["triggered"]),
                "urgencies" => json!(["high"]),
                name => list(name),
            };
            refused(&account, Code::ConflictingParameters, &[(tool, json!({id: "PABC123", *filter: value}), filter)])
                .await;
        }
    }
    assert!(account.sandbox.requests().is_empty(), "PagerDuty receives no request");
}

#[tokio::test]
async fn user_context_conflicts_with_its_filters() {
    let account = Account::start().await;
    let conflicts = [
        ("get_escalation_policies", "user_ids"),
        ("get_escalation_policies", "team_ids"),
        ("get_incidents", "service_ids"),
        ("get_incidents", "team_ids"),
        ("get_oncalls", "user_ids"),
        ("get_oncalls", "escalation_policy_ids"),
        ("get_services", "team_ids"),
        ("get_users", "team_ids"),
    ];
    for (tool, filter) in conflicts {
        for arguments in [json!({filter: ["PABC123"]}), json!({filter: ["PABC123"], "current_user_context": true})] {
            refused(&account, Code::ConflictingParameters, &[(tool, arguments, "current_user_context=false")]).await;
        }
    }
}

#[tokio::test]
async fn list_without_context_needs_filter() {
    let account = Account::start().await;
    for (tool, names) in [
        ("get_escalation_policies", "user_ids or team_ids"),
        ("get_incidents", "service_ids or team_ids"),
        ("get_oncalls", "schedule_ids or user_ids or escalation_policy_ids"),
        ("get_services", "team_ids"),
        ("get_users", "team_ids"),
    ] {
        let first = names.split(' ').next().unwrap();
        let cases = [
            (tool, json!({"current_user_context": false}), names),
            (tool, json!({"current_user_context": false, first: []}), names),
        ];
        refused(&account, Code::MissingParameter, &cases).await;
    }
}

#[tokio::test]
async fn get_oncalls_context_allows_schedule_ids() {
    let account = Account::start().await;
    let all = account.ok("get_oncalls", json!({})).await;
    let schedule = rows(&all, "oncalls").iter().find_map(|oncall| oncall["schedule"]["id"].as_str()).unwrap();
    let some = account.ok("get_oncalls", json!({"schedule_ids": [schedule]})).await;
    let shown = rows(&some, "oncalls");
    assert!(!shown.is_empty() && shown.len() < rows(&all, "oncalls").len());
    assert!(shown.iter().all(|oncall| oncall["schedule"]["id"] == schedule));
}

#[tokio::test]
async fn extras_need_incident_id() {
    let account = Account::start().await;
    for extra in ["past_incidents", "related_incidents", "notes"] {
        let flag = format!("include_{extra}");
        let cases = [
            ("get_incidents", json!({flag: true}), "incident_id"),
            ("get_incidents", json!({"include": [extra]}), "incident_id"),
        ];
        refused(&account, Code::MissingParameter, &cases).await;
    }
}

#[tokio::test]
async fn account_level_key_has_no_context_but_explicit_calls_work() {
    let account = Account::of(tokens::ACCOUNT).await;
    for tool in
        ["get_incidents", "get_oncalls", "get_services", "get_users", "get_escalation_policies", "build_user_context"]
    {
        refused(&account, Code::NoUserContext, &[(tool, json!({}), "current_user_context=false")]).await;
    }
    let teams = account.ok("get_teams", json!({"limit": 1})).await;
    let team = &rows(&teams, "teams")[0]["id"];
    for tool in ["get_incidents", "get_services", "get_users", "get_escalation_policies"] {
        account.ok(tool, json!({"current_user_context": false, "team_ids": [team]})).await;
    }
}

#[tokio::test]
async fn user_without_teams_never_sees_whole_account() {
    let account = Account::of(tokens::TEAMLESS).await;
    let me = account.ok("build_user_context", json!({})).await;
    assert_eq!((&me["team_ids"], &me["service_ids"]), (&json!([]), &json!([])));
    let user = me["user_id"].as_str().unwrap();

    let incidents = account.ok("get_incidents", json!({})).await;
    assert!(!rows(&incidents, "incidents").is_empty());
    for incident in rows(&incidents, "incidents") {
        assert!(
            incident["assignments"].as_array().unwrap().iter().any(|one| one["assignee"]["id"] == user),
            "{incident}"
        );
    }
    assert!(warnings(&incidents).contains("no team"));

    let policies = account.ok("get_escalation_policies", json!({})).await;
    assert!(!rows(&policies, "escalation_policies").is_empty());
    for policy in rows(&policies, "escalation_policies") {
        assert!(policy["escalation_rules"].to_string().contains(user), "{policy}");
    }

    let oncalls = account.ok("get_oncalls", json!({})).await;
    assert!(rows(&oncalls, "oncalls").iter().all(|oncall| oncall["user"]["id"] == user));
    let asked = account.requests_of("get_oncalls", json!({})).await;
    assert!(asked.last().unwrap().contains(&format!("user_ids%5B%5D={user}")), "{asked:?}");

    let cases = [("get_services", json!({}), "team_ids"), ("get_users", json!({}), "team_ids")];
    refused(&account, Code::NoTeams, &cases).await;
}

#[tokio::test]
async fn user_context_limits_rows_to_user_and_teams() {
    let account = Account::start().await;
    let me = account.ok("build_user_context", json!({})).await;
    let (user, teams) = (me["user_id"].as_str().unwrap(), me["team_ids"].as_array().unwrap());
    let in_my_teams = |row: &Value| row["teams"].as_array().unwrap().iter().any(|team| teams.contains(&team["id"]));

    let policies = account.ok("get_escalation_policies", json!({})).await;
    assert!(!rows(&policies, "escalation_policies").is_empty());
    assert!(rows(&policies, "escalation_policies").iter().all(&in_my_teams));

    for (tool, key) in [("get_incidents", "incidents"), ("get_services", "services"), ("get_users", "users")] {
        let answer = account.ok(tool, json!({})).await;
        assert!(!rows(&answer, key).is_empty() && rows(&answer, key).iter().all(&in_my_teams), "{tool}");
    }

    let oncalls = account.ok("get_oncalls", json!({})).await;
    let others = rows(&oncalls, "oncalls").iter().filter(|oncall| oncall["user"]["id"] != user).count();
    assert!(others > 0, "the list includes teammates");
}

#[tokio::test]
async fn schedule_list_ignores_since_and_until_with_warning() {
    let account = Account::start().await;
    let answer = account.ok("get_schedules", json!({"since": "2026-11-01", "until": "2026-11-08"})).await;
    assert!(warnings(&answer).contains("schedule_id"), "{answer}");
    let answer = account.ok("get_schedules", json!({"include": ["id", "final_schedule"], "limit": 1})).await;
    assert!(warnings(&answer).contains("final_schedule"), "{answer}");
}
