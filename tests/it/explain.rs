//! Tests of `explain_page`.

use jiff::{SignedDuration, Timestamp};
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options};
use serde_json::{Value, json};

use crate::support::{Account, rows};

/// Options of an account with one policy of two levels: a schedule of layers with an override, and a user directly.
async fn account() -> Account {
    let account = Account::with(pagerduty_mcp_server::sandbox::tokens::USER, Options::default(), |_| {}).await;
    account.with_tools(&[
        "explain_page",
        "get_incidents",
        "acknowledge_incident",
        "snooze_incident",
        "resolve_incident",
        "build_user_context",
        "get_escalation_policies",
    ])
}

#[allow(clippy::needless_pass_by_value, reason = "values are written in place")]
fn log(entries: Value) -> Fault {
    let page = json!({"log_entries": entries, "more": false});
    Fault { times: 9, ..Fault::once("/incidents/{id}/log_entries", FaultKind::WrongJson(page)) }
}

fn ago(minutes: i64) -> String {
    (Timestamp::now() - SignedDuration::from_mins(minutes)).to_string()
}

fn user(id: &str, name: &str) -> Value {
    json!({"id": id, "type": "user_reference", "summary": name})
}

fn service() -> Value {
    json!({"id": "PS1", "type": "service_reference", "summary": "Checkout"})
}

fn policy() -> Value {
    json!({"id": "PP1", "type": "escalation_policy", "name": "Payments", "num_loops": 0, "escalation_rules": [
        {"escalation_delay_in_minutes": 5, "targets": [{"id": "PSCHED1", "type": "schedule_reference", "summary": "Primary"}]},
        {"escalation_delay_in_minutes": 30, "targets": [user("PGRACE", "Grace")]}]})
}

#[allow(clippy::needless_pass_by_value, reason = "values are written in place")]
fn oncall(user: Value, level: u64, schedule: Value) -> Value {
    json!({"user": user, "schedule": schedule, "escalation_level": level, "start": null, "end": null,
        "escalation_policy": {"id": "PP1", "type": "escalation_policy_reference", "summary": "Payments"}})
}

/// Serves an incident that was assigned to Ada some minutes ago by an override, and goes to Grace.
fn serve(account: &Account) {
    let (began, at) = (ago(1), Timestamp::now() + SignedDuration::from_mins(4));
    let incident = json!({"id": "Q1ABC", "incident_number": 42, "title": "disk is full", "status": "triggered", "urgency": "high",
        "created_at": began, "service": service(), "assigned_via": "escalation_policy",
        "escalation_policy": {"id": "PP1", "type": "escalation_policy_reference", "summary": "Payments"},
        "assignments": [{"at": began, "assignee": user("PADA", "Ada")}],
        "pending_actions": [{"type": "escalate", "at": at.to_string()}, {"type": "resolve", "at": ago(-240)}]});
    let (start, end) = (ago(60), ago(-300));
    let schedule = json!({"id": "PSCHED1", "name": "Primary", "time_zone": "Etc/UTC",
        "overrides_subschedule": {"rendered_schedule_entries": [
            {"start": start, "end": end, "user": user("PADA", "Ada"), "id": "QO1"}]},
        "final_schedule": {"rendered_schedule_entries": [{"start": start, "end": end, "user": user("PADA", "Ada")}]}});
    let notice = |id: &str, minutes, method: &str| {
        json!({"id": id, "type": "notify_log_entry", "created_at": ago(minutes), "user": user("PADA", "Ada"), "agent": service(),
            "channel": {"type": "auto", "notification": {"type": method, "status": "success"}}})
    };
    let entries = json!([
        notice("R3", 0, "phone"),
        notice("R2", 1, "push"),
        {"id": "R1", "type": "assign_log_entry", "created_at": began, "agent": service(), "assignees": [user("PADA", "Ada")],
            "channel": {"type": "auto"}},
    ]);
    let primary = json!({"id": "PSCHED1", "type": "schedule_reference", "summary": "Primary"});
    let oncalls = json!([oncall(user("PADA", "Ada"), 1, primary), oncall(user("PGRACE", "Grace"), 2, Value::Null)]);
    for (path, body) in [
        ("/incidents/{id}", json!({"incident": incident})),
        ("/escalation_policies/{id}", json!({"escalation_policy": policy()})),
        ("/oncalls", json!({"oncalls": oncalls, "more": false})),
        ("/services/{id}", json!({"service": {"id": "PS1", "acknowledgement_timeout": 1800}})),
        ("/schedules/{id}", json!({"schedule": schedule})),
        ("/users/{id}", json!({"user": {"id": "PADA", "name": "Ada", "email": "ada@example.com"}})),
    ] {
        account.sandbox.fail(Fault { times: 9, ..Fault::once(path, FaultKind::WrongJson(body)) });
    }
    account.sandbox.fail(log(entries));
}

#[tokio::test]
async fn page_is_explained_with_override_and_next_level() {
    let account = account().await;
    serve(&account);
    let answer = account.ok("explain_page", json!({"incident_id": "Q1ABC", "user_id": "PADA"})).await;
    let why = &answer["why"];
    let line = why["line"].as_str().unwrap();
    assert!(line.starts_with("It was assigned to Ada ("), "{line}");
    assert!(
        line.contains(", on call at level 1 of Payments by the schedule Primary, as an override, until "),
        "{answer}"
    );
    assert_eq!(
        (&why["level"], &why["source"], &why["schedule"]["id"]),
        (&json!(1), &json!("override"), &json!("PSCHED1"))
    );
    let methods: Vec<_> = rows(&answer, "pages").iter().map(|page| &page["by"]).collect();
    assert_eq!(methods, ["push", "phone"]);
    let next: Vec<_> = rows(&answer, "next").iter().map(|step| (&step["event"], &step["users"][0]["id"])).collect();
    assert_eq!(next, [(&json!("escalates"), &json!("PGRACE")), (&json!("resolves"), &Value::Null)]);
    assert_eq!(
        answer["if_acknowledged"],
        "Acknowledging it stops the escalation; it pages again after 30 min unless it is resolved."
    );
    assert!(answer["warnings"].is_null(), "{answer}");
}

#[tokio::test]
async fn parts_that_fail_are_named_and_others_stay() {
    for (path, warning) in [
        ("/incidents/{id}/log_entries", "The log of the incident could not be read"),
        ("/oncalls", "The escalation could not be read"),
        ("/services/{id}", "The time limits of the service could not be read"),
        ("/users/me", "The current user could not be read"),
    ] {
        let account = account().await;
        let refused = FaultKind::Status { code: 403, headers: [].into(), body: None };
        account.sandbox.fail(Fault { times: 9, ..Fault::once(path, refused) });
        serve(&account);
        let answer = account.ok("explain_page", json!({"incident_id": "Q1ABC"})).await;
        let warnings = answer["warnings"].to_string();
        assert!(warnings.contains(warning), "{path}: {answer}");
        assert_eq!(answer["incident"]["number"], 42);
    }
    let account = account().await;
    assert_eq!(account.err("explain_page", json!({"incident_id": "QNOSUCH1"})).await.code(), Code::NotFound);
}

#[tokio::test]
async fn unread_log_and_service_are_no_facts() {
    let refused = || FaultKind::Status { code: 403, headers: [].into(), body: None };
    let ask = async |path: &str, user: &str| {
        let account = account().await;
        account.sandbox.fail(Fault { times: 9, ..Fault::once(path, refused()) });
        if user != "PADA" {
            account.sandbox.fail(Fault { times: 9, ..Fault::once("/users/{id}", refused()) });
        }
        serve(&account);
        account.ok("explain_page", json!({"incident_id": "Q1ABC", "user_id": user})).await
    };
    let answer = ask("/incidents/{id}/log_entries", "PADA").await;
    assert!(answer["pages"].is_null(), "{answer}");
    let line = answer["why"]["line"].as_str().unwrap();
    assert!(line.starts_with("It is assigned to Ada since "), "the incident says so: {line}");
    let answer = ask("/incidents/{id}/log_entries", "PGRACE1").await;
    assert!(answer["why"].is_null() && answer["pages"].is_null(), "{answer}");
    let answer = ask("/services/{id}", "PADA").await;
    let unknown = "Acknowledging it stops the escalation; it is unknown when it pages again, since the service could not be read.";
    assert_eq!(answer["if_acknowledged"], unknown);
    let answer = ask("/oncalls", "PADA").await;
    assert!(!answer["why"]["line"].as_str().unwrap().contains("no level"), "{answer}");
    assert_eq!(answer["if_acknowledged"], unknown);
}

#[tokio::test]
async fn page_of_the_sandbox_is_explained_through_its_life() {
    let account = account().await;
    let open = account.ok("get_incidents", json!({"statuses": ["triggered"], "urgencies": ["high"], "limit": 1})).await;
    let incident = &rows(&open, "incidents")[0];
    let assignee = incident["assignments"][0]["assignee"]["id"].clone();
    let call = json!({"incident_id": incident["id"], "user_id": assignee});
    let answer = account.ok("explain_page", call.clone()).await;
    assert!(answer["why"]["line"].as_str().unwrap().contains(" at level "), "{answer}");
    assert!(!rows(&answer, "pages").is_empty(), "{answer}");
    assert!(answer["if_acknowledged"].is_string(), "{answer}");
    assert!(answer["state"].is_null(), "{answer}");
    let me = account.ok("build_user_context", json!({})).await;
    let name = me["name"].as_str().unwrap();
    account.ok("acknowledge_incident", json!({"incident_id": incident["id"]})).await;
    let answer = account.ok("explain_page", call.clone()).await;
    assert_eq!(answer.as_object().unwrap().keys().next().map(String::as_str), Some("state"), "it comes first");
    let state = answer["state"].as_str().unwrap();
    assert!(state.starts_with(&format!("It is acknowledged by {name} since ")), "{state}");
    let until = (Timestamp::now() + SignedDuration::from_hours(3)).to_string();
    account.ok("snooze_incident", json!({"incident_id": incident["id"], "until": until})).await;
    let answer = account.ok("explain_page", call.clone()).await;
    let state = answer["state"].as_str().unwrap();
    assert!(state.contains(&format!(". It was snoozed by {name} (")) && state.contains(", until "), "{state}");
    let events: Vec<_> = rows(&answer, "next").iter().map(|step| step["event"].as_str().unwrap()).collect();
    assert!(events.iter().all(|event| *event != "escalates") || events.contains(&"pages_again"), "{answer}");
    account.ok("resolve_incident", json!({"incident_id": incident["id"]})).await;
    let answer = account.ok("explain_page", call).await;
    assert_eq!(answer["then"], "The incident is resolved: no user is paged any more.");
    assert!(answer["state"].as_str().unwrap().starts_with(&format!("It is resolved by {name} after ")), "{answer}");
    assert_eq!(rows(&answer, "next").len(), 0);
    let none = account.ok("explain_page", json!({"incident_id": incident["id"], "user_id": "PNOSUCH"})).await;
    assert!(none["why"]["line"].as_str().unwrap().contains("was not paged"), "{none}");
}
