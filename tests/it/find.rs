//! Tests of `find`, and of the similar names that an empty list offers.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, tokens};
use serde_json::{Value, json};

use crate::support::{Account, rows, warnings};

async fn finder() -> Account {
    Account::start().await.with_tools(&["find", "get_incidents"])
}

/// Returns kind, ID and match of each row of an answer.
fn found(answer: &Value) -> Vec<(String, String, String)> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    rows(answer, "matches").iter().map(|row| (text(row, "kind"), text(row, "id"), text(row, "match"))).collect()
}

fn row(kind: &str, id: &str, fit: &str) -> (String, String, String) {
    (kind.to_owned(), id.to_owned(), fit.to_owned())
}

#[tokio::test]
async fn name_is_found_in_every_kind_exact_first() {
    let account = finder().await;
    let answer = account.ok("find", json!({"text": "checkout"})).await;
    let all = found(&answer);
    assert_eq!(all[0], row("teams", "P14VFCF", "exact"), "{answer}");
    for other in [row("services", "P7KEX0S", "words"), row("schedules", "PPKD8YK", "words")] {
        assert!(all.contains(&other), "{answer}");
    }
    let service = rows(&answer, "matches").iter().find(|row| row["id"] == "P7KEX0S").unwrap();
    assert_eq!((&service["name"], &service["teams"]), (&json!("Checkout API"), &json!(["Checkout"])));
    assert!(service["url"].as_str().unwrap().ends_with("/P7KEX0S"), "{service}");
    let only = account.ok("find", json!({"text": ["checkout"], "kinds": ["teams"]})).await;
    assert_eq!(found(&only), [row("teams", "P14VFCF", "exact")]);
    let part = account.ok("find", json!({"text": "heckou", "kinds": "teams"})).await;
    assert_eq!(found(&part), [row("teams", "P14VFCF", "part")]);
}

#[tokio::test]
async fn addresses_links_numbers_and_ids_are_found() {
    let account = finder().await;
    let list = json!({"limit": 1, "include": ["id", "incident_number", "html_url"]});
    let incident = account.ok("get_incidents", list).await["incidents"][0].clone();
    let id = incident["id"].as_str().unwrap();
    let number = incident["incident_number"].to_string();
    for (text, expected) in [
        ("tomas.ferreira@acme.example", row("users", "PA9SOVC", "exact")),
        ("PA9SOVC", row("users", "PA9SOVC", "exact")),
        ("PPKD8YK", row("schedules", "PPKD8YK", "exact")),
        ("https://acme.pagerduty.com/teams/P14VFCF", row("teams", "P14VFCF", "exact")),
        (incident["html_url"].as_str().unwrap(), row("incidents", id, "exact")),
        (&format!("#{number}"), row("incidents", id, "exact")),
        (number.as_str(), row("incidents", id, "exact")),
    ] {
        let answer = account.ok("find", json!({"text": text})).await;
        assert_eq!(found(&answer), [expected], "{text}: {answer}");
        assert_eq!(warnings(&answer), "", "{text}");
    }
    let me = account.ok("find", json!({"text": "me"})).await;
    assert_eq!(rows(&me, "matches")[0]["kind"], "users", "{me}");
    let several = account.ok("find", json!({"text": ["Data Platform", "P14VFCF"], "kinds": ["teams"]})).await;
    let texts: Vec<_> = rows(&several, "matches").iter().map(|row| &row["text"]).collect();
    assert_eq!(texts, ["Data Platform", "P14VFCF"]);
}

#[tokio::test]
async fn unknown_text_gives_similar_names_with_score() {
    let account = finder().await;
    let answer = account.ok("find", json!({"text": "Chekout", "kinds": ["teams", "services"]})).await;
    let all = found(&answer);
    assert_eq!(all[0], row("teams", "P14VFCF", "similar"), "{answer}");
    assert!(rows(&answer, "matches")[0]["score"].as_f64().unwrap() < 1.0);
    assert!(warnings(&answer).contains("Nothing has \"Chekout\" in its name"), "{answer}");
    let nothing = account.ok("find", json!({"text": "PNOBODY"})).await;
    assert!(found(&nothing).is_empty() && warnings(&nothing).contains("PNOBODY"), "{nothing}");
}

#[tokio::test]
async fn all_of_one_kind_are_listed_page_by_page() {
    let account = finder().await;
    let all = account.ok("find", json!({"kinds": ["schedules"]})).await;
    let (mut seen, mut offset) = (Vec::new(), json!(0));
    loop {
        let page = account.ok("find", json!({"kinds": ["schedules"], "limit": 7, "offset": offset})).await;
        seen.extend(found(&page));
        match page["metadata"].get("next_offset") {
            Some(next) => offset = next.clone(),
            None => break,
        }
    }
    assert_eq!(seen, found(&all));
    assert!(seen.iter().any(|(_, id, _)| id == "PPKD8YK"), "both kinds of schedules: {seen:?}");
    for arguments in [json!({}), json!({"kinds": ["teams", "users"]})] {
        assert_eq!(account.err("find", arguments).await.code(), Code::MissingParameter);
    }
}

#[tokio::test]
async fn failed_kind_is_a_warning_unless_all_fail() {
    let account = finder().await;
    let refused = || FaultKind::Status { code: 403, headers: [].into(), body: None };
    account.sandbox.fail(Fault { times: 9, ..Fault::once("/teams", refused()) });
    let answer = account.ok("find", json!({"text": "Checkout API"})).await;
    assert_eq!(found(&answer), [row("services", "P7KEX0S", "exact")]);
    assert!(warnings(&answer).contains("teams could not be searched"), "{answer}");
    let error = account.err("find", json!({"text": "Checkout", "kinds": ["teams"]})).await;
    assert_eq!(error.code(), Code::PermissionDenied);
    for path in ["/services", "/users", "/schedules", "/v3/schedules", "/escalation_policies"] {
        account.sandbox.fail(Fault { times: 9, ..Fault::once(path, refused()) });
    }
    assert_eq!(account.err("find", json!({"text": "Checkout"})).await.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn link_to_another_account_is_not_found() {
    let account = finder().await;
    let link = "https://other.pagerduty.com/teams/P14VFCF";
    assert_eq!(account.err("find", json!({"text": link})).await.code(), Code::WrongAccount);
    let answer = account.ok("find", json!({"text": [link, "P14VFCF"]})).await;
    assert_eq!(found(&answer).len(), 1);
    assert!(warnings(&answer).contains("WRONG_ACCOUNT"), "{answer}");
}

#[tokio::test]
async fn integration_key_gives_its_service_and_stays_secret() {
    let key = "0123456789abcdef0123456789abcdef";
    let integrations = json!([
        {"id": "PINTEG1", "type": "events_api_v2_inbound_integration", "name": "Datadog", "integration_key": key},
        {"id": "PINTEG2", "type": "generic_email_inbound_integration", "name": "Mail",
            "integration_email": "rockets@acme.pagerduty.com"},
    ]);
    let service = json!({"id": "PROCKET", "name": "Rockets", "integrations": integrations,
        "escalation_policy": {"id": "PBSWOQG", "type": "escalation_policy_reference"}});
    let options = Options { documents: json!({"services": [service]}), ..Options::default() };
    let account = Account::with(tokens::USER, options, |_| {}).await.with_tools(&["find"]);
    let answer = account.ok("find", json!({"text": [key, "Rockets@acme.pagerduty.com"]})).await;
    assert_eq!(found(&answer), [row("integrations", "PINTEG1", "exact"), row("integrations", "PINTEG2", "exact")]);
    assert_eq!(rows(&answer, "matches")[0]["service"], json!({"id": "PROCKET", "name": "Rockets"}));
    assert!(answer.to_string().contains("…cdef") && !answer.to_string().contains(&key[..20]), "{answer}");
    let unknown = key.replace('0', "9");
    let answer = account.ok("find", json!({"text": unknown})).await;
    assert!(warnings(&answer).contains("…cdef") && !answer.to_string().contains(&unknown[..20]), "{answer}");
    let sent = account.sandbox.requests();
    assert!(sent.iter().all(|request| !request.query.contains("cdef")), "{sent:?}");
}

#[tokio::test]
async fn empty_list_offers_similar_names() {
    let account = Account::start().await;
    for (tool, query, name) in [
        ("get_teams", json!({"query": "Chekout"}), "Checkout (P14VFCF)"),
        ("get_services", json!({"query": "Chekout", "current_user_context": false}), "Checkout API (P7KEX0S"),
        ("get_users", json!({"query": "Amarra Lindqvist", "current_user_context": false}), "Amara Lindqvist (PJT9BIV"),
        ("get_schedules", json!({"query": "Chekout secondary"}), "Checkout Secondary (PPKD8YK"),
        ("get_escalation_policies", json!({"query": "Chekout", "current_user_context": false}), "Checkout On-Call"),
    ] {
        let answer = account.ok(tool, query).await;
        assert_eq!(answer["metadata"]["count"], 0);
        assert!(warnings(&answer).contains(name), "{tool}: {answer}");
    }
}
