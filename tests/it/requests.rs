//! Tests of the requests that each tool sends to PagerDuty: their number and content.

use pagerduty_mcp_server::sandbox::tokens;
use serde_json::{Value, json};

use crate::support::Account;

/// Returns the query of a request as decoded pairs, without the paging.
fn query(request: &str) -> Vec<(String, String)> {
    let query = request.split_once('?').map_or("", |(_, query)| query);
    let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
    pairs.filter(|(name, _)| name != "limit" && name != "offset").collect()
}

fn has(request: &str, name: &str, value: &str) -> bool {
    query(request).contains(&(name.to_owned(), value.to_owned()))
}

#[tokio::test]
async fn object_by_id_is_one_request() {
    let account = Account::start().await;
    let me = account.ok("build_user_context", json!({})).await;
    let team = me["team_ids"][0].as_str().unwrap();
    assert_eq!(account.requests_of("get_teams", json!({"team_id": team})).await, [format!("GET /teams/{team}")]);
    let user = me["user_id"].as_str().unwrap();
    assert_eq!(account.requests_of("get_users", json!({"user_id": user})).await, [format!("GET /users/{user}")]);
}

#[tokio::test]
async fn queries_write_arrays_with_brackets_and_lowercase_bools() {
    let account = Account::start().await;
    let arguments = json!({"current_user_context": false, "schedule_ids": ["PA1"], "user_ids": ["PB1", "PC1"],
        "escalation_policy_ids": ["PD1"], "earliest": true});
    let requests = account.requests_of("get_oncalls", arguments).await;
    assert_eq!(requests.len(), 1);
    let sent = query(&requests[0]);
    for (name, value) in [
        ("schedule_ids[]", "PA1"),
        ("user_ids[]", "PB1"),
        ("user_ids[]", "PC1"),
        ("escalation_policy_ids[]", "PD1"),
        ("earliest", "true"),
    ] {
        assert!(sent.contains(&(name.to_owned(), value.to_owned())), "{sent:?}");
    }
    let arguments = json!({"current_user_context": false, "team_ids": ["PA1"], "service_ids": ["PB1"],
        "statuses": ["triggered"], "urgencies": ["low"]});
    let requests = account.requests_of("get_incidents", arguments).await;
    for (name, value) in
        [("team_ids[]", "PA1"), ("service_ids[]", "PB1"), ("statuses[]", "triggered"), ("urgencies[]", "low")]
    {
        assert!(has(&requests[0], name, value), "{requests:?}");
    }
}

#[tokio::test]
async fn all_statuses_and_urgencies_send_no_filter() {
    let account = Account::start().await;
    let requests = account.requests_of("get_incidents", json!({"limit": 1})).await;
    assert!(!requests.last().unwrap().contains("statuses") && !requests.last().unwrap().contains("urgencies"));
}

/// Answers the next two requests to `path` with this body instead of the sandbox's answer.
fn instead(account: &Account, path: &str, answer: Value) {
    use pagerduty_mcp_server::sandbox::{Fault, FaultKind};
    account.sandbox.fail(Fault { times: 2, ..Fault::once(path, FaultKind::WrongJson(answer)) });
}

fn many(prefix: &str) -> Vec<Value> {
    (0..101).map(|number| json!({"id": format!("{prefix}{number}")})).collect()
}

#[tokio::test]
async fn too_many_services_are_searched_by_team_with_warning() {
    let account = Account::start().await;
    instead(&account, "/services", json!({"services": many("PS"), "more": false}));
    let answer = account.ok("get_incidents", json!({"limit": 5})).await;
    assert!(crate::support::warnings(&answer).contains("more than 100 services"), "{answer}");
    let list = account.sandbox.requests().into_iter().rfind(|request| request.path == "/incidents").unwrap();
    assert!(list.query.contains("team_ids") && !list.query.contains("service_ids"), "{}", list.query);
}

#[tokio::test]
async fn many_policies_are_requested_in_portions() {
    let account = Account::start().await;
    instead(&account, "/escalation_policies", json!({"escalation_policies": many("PE"), "more": false}));
    account.ok("build_user_context", json!({})).await;
    account.sandbox.clear();
    instead(&account, "/escalation_policies", json!({"escalation_policies": many("PE"), "more": false}));
    let turn = |policy: &str, user: &str| json!({"user": {"id": user}, "escalation_policy": {"id": policy}, "escalation_level": 1});
    for policies in [[turn("PE1", "PU1"), turn("PE2", "PU2")], [turn("PE100", "PU3"), turn("PE1", "PU1")]] {
        use pagerduty_mcp_server::sandbox::{Fault, FaultKind};
        account
            .sandbox
            .fail(Fault::once("/oncalls", FaultKind::WrongJson(json!({"oncalls": policies, "more": false}))));
    }
    let answer = account.ok("get_oncalls", json!({"schedule_ids": ["PS1"], "limit": 2})).await;
    let asked: Vec<_> = account.sandbox.requests().into_iter().filter(|request| request.path == "/oncalls").collect();
    assert_eq!(asked.len(), 2);
    assert!(
        asked.iter().all(|request| request.query.len() < 4_096 && request.query.contains("schedule_ids%5B%5D=PS1"))
    );
    let named =
        |request: &pagerduty_mcp_server::sandbox::Recorded| request.query.matches("escalation_policy_ids").count();
    assert_eq!(asked.iter().map(named).collect::<std::collections::BTreeSet<_>>(), [1, 100].into());
    assert_eq!((&answer["metadata"]["count"], &answer["metadata"]["next_offset"]), (&json!(2), &json!(2)));
    assert_eq!(answer["oncalls"][0]["user"]["id"], "PU1", "{answer}");
}

#[tokio::test]
async fn get_oncalls_without_team_policies_returns_own() {
    let account = Account::start().await;
    let me = account.ok("build_user_context", json!({})).await;
    let account = account.cold();
    account.sandbox.clear();
    instead(&account, "/escalation_policies", json!({"escalation_policies": [], "more": false}));
    account.ok("get_oncalls", json!({})).await;
    let list = account.sandbox.requests().into_iter().rfind(|request| request.path == "/oncalls").unwrap();
    assert!(list.query.contains(&format!("user_ids%5B%5D={}", me["user_id"].as_str().unwrap())), "{}", list.query);
}

#[tokio::test]
async fn get_oncalls_removes_only_exact_duplicates() {
    let account = Account::start().await;
    let turn = |level: u32| json!({"user": {"id": "PU"}, "escalation_policy": {"id": "PE"}, "schedule": null, "escalation_level": level});
    instead(&account, "/oncalls", json!({"oncalls": [turn(1), turn(1), turn(2)], "more": false}));
    let answer = account.ok("get_oncalls", json!({"include": ["user"]})).await;
    assert_eq!(answer["oncalls"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn end_of_pagerduty_records_is_warning() {
    let account = Account::start().await;
    instead(&account, "/teams", json!({"teams": [{"id": "P1"}], "more": true}));
    let answer = account.ok("get_teams", json!({"offset": 9_999, "limit": 5})).await;
    assert_eq!(answer["metadata"]["has_more"], true);
    assert!(answer["metadata"].get("next_offset").is_none());
    assert!(crate::support::warnings(&answer).contains("10000"), "{answer}");
}

#[tokio::test]
async fn user_incidents_are_filtered_by_teams_and_services() {
    let account = Account::start().await;
    let me = account.ok("build_user_context", json!({})).await;
    let requests = account.requests_of("get_incidents", json!({"limit": 10})).await;
    let list = requests.last().unwrap();
    for (name, ids) in [("team_ids[]", &me["team_ids"]), ("service_ids[]", &me["service_ids"])] {
        let sent: Vec<_> =
            query(list).into_iter().filter(|(sent, _)| sent == name).map(|(_, id)| Value::from(id)).collect();
        assert_eq!(&Value::from(sent), ids, "{name}");
    }
}

#[tokio::test]
async fn user_policies_are_filtered_by_user_and_teams() {
    let account = Account::start().await;
    let me = account.ok("build_user_context", json!({})).await;
    let requests = account.requests_of("get_escalation_policies", json!({})).await;
    let list = requests.last().unwrap();
    assert!(has(list, "user_ids[]", me["user_id"].as_str().unwrap()), "{list}");
    for team in me["team_ids"].as_array().unwrap() {
        assert!(has(list, "team_ids[]", team.as_str().unwrap()), "{list}");
    }
}

#[tokio::test]
async fn user_oncalls_cover_policies_of_user_and_teams() {
    let account = Account::start().await;
    let me = account.ok("build_user_context", json!({})).await;
    let mine = me["escalation_policy_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned());
    let by_team = json!({"current_user_context": false, "team_ids": me["team_ids"], "include": ["id"]});
    let teams = account.ok("get_escalation_policies", by_team).await;
    let teams =
        teams["escalation_policies"].as_array().unwrap().iter().map(|policy| policy["id"].as_str().unwrap().to_owned());
    let expected: std::collections::BTreeSet<_> = mine.chain(teams).collect();
    let requests = account.requests_of("get_oncalls", json!({})).await;
    let sent: Vec<_> = query(requests.last().unwrap()).into_iter().map(|(_, id)| id).collect();
    assert_eq!(sent.len(), expected.len(), "each once");
    assert_eq!(sent.into_iter().collect::<std::collections::BTreeSet<_>>(), expected);
}

#[tokio::test]
async fn pages_are_fetched_up_to_limit() {
    let account = Account::start().await;
    let me = account.ok("build_user_context", json!({})).await;
    let arguments = json!({"current_user_context": false, "team_ids": me["team_ids"], "limit": 130, "include": ["id"]});
    let requests = account.requests_of("get_incidents", arguments).await;
    let paging: Vec<_> = requests
        .iter()
        .map(|request| {
            let pairs: Vec<_> =
                url::form_urlencoded::parse(request.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
            let value = |name: &str| pairs.iter().find(|(key, _)| key == name).unwrap().1.clone();
            format!("{}+{}", value("offset"), value("limit"))
        })
        .collect();
    assert_eq!(paging, ["0+100", "99+31"]);
}

#[tokio::test]
async fn include_requests_fields_sent_only_on_request() {
    let account = Account::start().await;
    let list = account.ok("get_incidents", json!({"limit": 1, "include": ["id"]})).await;
    let id = &list["incidents"][0]["id"];
    for (tool, arguments, value, expected) in [
        ("get_incidents", json!({"incident_id": id}), "body", true),
        ("get_incidents", json!({"incident_id": id, "include": ["title"]}), "body", false),
        ("get_incidents", json!({"incident_id": id, "include": ["client_url"]}), "body", true),
        ("get_incidents", json!({"incident_id": id, "include": ["custom_fields"]}), "custom_fields", true),
        ("get_incidents", json!({"include": ["conference_bridge"], "limit": 1}), "conference_bridge", true),
        ("get_incidents", json!({"limit": 1}), "body", false),
        ("get_schedules", json!({"limit": 1}), "schedule_layers", true),
        ("get_schedules", json!({"limit": 1, "include": ["name"]}), "schedule_layers", false),
    ] {
        let requests = account.requests_of(tool, arguments.clone()).await;
        let request = requests.iter().rfind(|request| !request.contains("/v3/")).unwrap();
        assert_eq!(has(request, "include[]", value), expected, "{tool} {arguments}: {requests:?}");
    }
}

#[tokio::test]
async fn incident_number_is_resolved_where_id_is_needed() {
    let account = Account::start().await;
    let list = account.ok("get_incidents", json!({"limit": 1})).await;
    let (id, number) =
        (list["incidents"][0]["id"].as_str().unwrap(), list["incidents"][0]["incident_number"].to_string());
    let alone = account.requests_of("get_incidents", json!({"incident_id": number, "include": ["id"]})).await;
    assert_eq!(alone, [format!("GET /incidents/{number}")]);
    let with_notes =
        account.requests_of("get_incidents", json!({"incident_id": number, "include": ["id", "notes"]})).await;
    assert_eq!(with_notes[0], format!("GET /incidents/{number}"));
    assert!(with_notes.contains(&format!("GET /incidents/{id}/notes")), "{with_notes:?}");
}

#[tokio::test]
async fn missing_incident_ends_call_without_extras() {
    use pagerduty_mcp_server::sandbox::{Fault, FaultKind};
    let account = Account::start().await;
    account.sandbox.fail(Fault::once("/incidents/{id}/notes", FaultKind::Hang));
    let error = account.err("get_incidents", json!({"incident_id": "QNOTHERE", "include_notes": true})).await;
    assert_eq!(error.code(), pagerduty_mcp_server::error::Code::NotFound);
}

#[tokio::test]
async fn thousand_incidents_take_ten_requests() {
    use pagerduty_mcp_server::sandbox::Options;
    let options = Options { incidents: 8_000, ..Options::default() };
    let account = Account::with(tokens::USER, options, |_| {}).await;
    account.ok("build_user_context", json!({})).await;
    account.sandbox.clear();
    let answer = account.ok("get_incidents", json!({"limit": 1_000, "include": ["id"]})).await;
    let requests = account.sandbox.requests().len();
    assert_eq!(
        (answer["metadata"]["count"].as_u64(), answer["metadata"]["next_offset"].as_u64()),
        (Some(1_000), Some(1_000))
    );
    assert!((10..=11).contains(&requests), "{requests} requests");
    let ids: std::collections::HashSet<_> =
        crate::support::rows(&answer, "incidents").iter().map(|row| row["id"].as_str()).collect();
    assert_eq!(ids.len(), 1_000);
}

#[tokio::test]
async fn pages_beyond_rate_limit_are_not_prefetched() {
    use pagerduty_mcp_server::sandbox::{Fault, FaultKind};
    let account = Account::start().await;
    let page: Vec<_> = (0..100).map(|number| json!({"id": format!("PT{number}")})).collect();
    let body = Some(json!({"teams": page, "more": true}).to_string());
    let headers = [("ratelimit-remaining", "1"), ("ratelimit-reset", "60")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    account.sandbox.fail(Fault::once("/teams", FaultKind::Status { code: 200, headers, body }));
    account.sandbox.fail(Fault { times: 9, ..Fault::once("/teams", FaultKind::Hang) });
    let call = account.ok("get_teams", json!({"limit": 1_000}));
    let sent = || account.sandbox.requests().len();
    let second = async {
        while sent() < 2 {
            tokio::task::yield_now().await;
        }
        // Any other request sent with the second page would arrive right after it.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = call => panic!("the second page is not answered"),
        () = second => {}
    }
    assert_eq!(sent(), 2, "only the needed page is requested");
}

#[tokio::test]
async fn oauth_token_is_sent_as_bearer() {
    // The sandbox accepts this token in no other scheme.
    let account = Account::of(tokens::OAUTH).await;
    account.ok("build_user_context", json!({})).await;
}
