//! Tests of lists that change while they are read, and of lists that are too large for one request.

use std::collections::BTreeSet;

use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, tokens};
use serde_json::{Value, json};

use crate::support::{Account, rows, warnings};

fn ids(answer: &Value, key: &str) -> Vec<String> {
    rows(answer, key).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// Returns every triggered incident of the user, and the incidents acknowledged by a loop that follows `next_offset`.
async fn acknowledged_page_by_page(account: &Account, limit: usize) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut arguments = json!({"statuses": ["triggered"], "include": ["id"]});
    let all = account.ok("get_incidents", json!({"statuses": ["triggered"], "limit": 1_000})).await;
    let all: BTreeSet<_> = ids(&all, "incidents").into_iter().collect();
    arguments["limit"] = json!(limit);
    let mut done = BTreeSet::new();
    for _ in 0..=all.len() {
        let page = account.ok("get_incidents", arguments.clone()).await;
        for id in ids(&page, "incidents") {
            account.ok("acknowledge_incident", json!({"incident_id": id})).await;
            assert!(done.insert(id), "twice");
        }
        match page["metadata"].get("next_offset") {
            Some(next) => arguments["offset"] = next.clone(),
            None => break,
        }
    }
    (all, done)
}

#[tokio::test]
async fn list_page_by_page_with_changes_skips_none() {
    for limit in [1, 2, 3] {
        let account = Account::start().await;
        let (all, done) = acknowledged_page_by_page(&account, limit).await;
        assert!(all.len() > limit, "{all:?}");
        assert_eq!(done, all, "{limit} at a time");
    }
}

#[tokio::test]
async fn full_pages_overlap_by_the_row_before() {
    let account = Account::with(tokens::USER, Options { incidents: 8_000, ..Options::default() }, |_| {}).await;
    let me = account.ok("build_user_context", json!({})).await;
    let arguments = json!({"current_user_context": false, "team_ids": me["team_ids"], "statuses": ["resolved"],
        "include": ["id"]});
    let mut next = arguments.clone();
    let first = account.ok("get_incidents", arguments).await;
    next["offset"] = first["metadata"]["next_offset"].clone();
    assert_eq!(next["offset"], 100);
    // The next page begins with the last row returned, which takes the place of another row.
    account.sandbox.clear();
    let second = account.ok("get_incidents", next).await;
    let requests = account.sandbox.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].query.contains("offset=99") && requests[0].query.contains("limit=100"), "{requests:?}");
    assert_eq!((&second["metadata"]["count"], &second["metadata"]["next_offset"]), (&json!(99), &json!(199)));
    let both: BTreeSet<_> = ids(&first, "incidents").into_iter().chain(ids(&second, "incidents")).collect();
    assert_eq!(both.len(), 199);
}

/// Returns a page of teams as a fault.
fn teams(ids: std::ops::Range<usize>, more: bool) -> FaultKind {
    let teams: Vec<_> = ids.map(|id| json!({"id": format!("PT{id}")})).collect();
    FaultKind::WrongJson(json!({"teams": teams, "more": more}))
}

#[tokio::test]
async fn full_page_changed_by_others_is_followed_by_the_rest() {
    let account = Account::start().await;
    account.sandbox.fail(Fault::once("/teams?offset=0", teams(0..100, true)));
    let first = account.ok("get_teams", json!({"include": ["id"]})).await;
    assert_eq!((rows(&first, "teams").len(), &first["metadata"]["next_offset"]), (100, &json!(100)));
    // Other processes have removed the hundred rows.
    account.sandbox.fail(Fault::once("/teams?offset=99", teams(0..0, false)));
    account.sandbox.fail(Fault::once("/teams?offset=0", teams(100..150, false)));
    let second = account.ok("get_teams", json!({"include": ["id"], "offset": 100})).await;
    assert_eq!(ids(&second, "teams"), (100..150).map(|id| format!("PT{id}")).collect::<Vec<_>>());
    assert!(warnings(&second).contains("became shorter"), "{second}");
}

#[tokio::test]
async fn page_after_a_removed_page_repeats_no_earlier_row() {
    let account = Account::start().await;
    for (offset, page) in [(0, teams(0..100, true)), (99, teams(99..199, true))] {
        account.sandbox.fail(Fault::once(format!("/teams?offset={offset}"), page));
    }
    account.ok("get_teams", json!({"include": ["id"]})).await;
    let second = account.ok("get_teams", json!({"include": ["id"], "offset": 100})).await;
    assert_eq!((rows(&second, "teams").len(), &second["metadata"]["next_offset"]), (99, &json!(199)));
    // The rows of the second page are gone: the rest follows the last row of the first one.
    let rest: Vec<_> = (99..100).chain(199..230).map(|id| json!({"id": format!("PT{id}")})).collect();
    account.sandbox.fail(Fault::once("/teams?offset=198", teams(0..0, false)));
    let rest = FaultKind::WrongJson(json!({"teams": rest, "more": false}));
    account.sandbox.fail(Fault::once("/teams?offset=99", rest));
    let third = account.ok("get_teams", json!({"include": ["id"], "offset": 199})).await;
    assert_eq!(ids(&third, "teams"), (199..230).map(|id| format!("PT{id}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn empty_page_after_the_first_is_never_complete_silently() {
    let account = Account::start().await;
    let first = account.ok("get_teams", json!({"limit": 1})).await;
    assert_eq!(first["metadata"]["has_more"], true);
    for offset in [1, 5_000] {
        account.sandbox.clear();
        for _ in 0..2 {
            account.sandbox.fail(Fault::once("/teams", teams(0..0, false)));
        }
        let empty = account.ok("get_teams", json!({"limit": 1, "offset": offset})).await;
        assert_eq!((&empty["metadata"]["count"], &empty["metadata"]["has_more"]), (&json!(0), &json!(false)));
        assert!(warnings(&empty).contains("List it again with offset=0"), "{empty}");
        account.sandbox.clear();
    }
    account.sandbox.fail(Fault::once("/teams", teams(0..0, false)));
    let none = account.ok("get_teams", json!({"query": "none"})).await;
    assert_eq!(warnings(&none), "", "an empty list");
}

#[tokio::test]
async fn shrinking_list_has_no_hole() {
    let account = Account::start().await;
    // Three rows at the beginning disappear before the second page is requested.
    for answer in [teams(0..100, true), teams(102..150, false), teams(3..103, true), teams(102..150, false)] {
        account.sandbox.fail(Fault::once("/teams", answer));
    }
    let answer = account.ok("get_teams", json!({"limit": 150})).await;
    let expected: Vec<_> = (0..150).map(|id| format!("PT{id}")).collect();
    assert_eq!(ids(&answer, "teams"), expected);
    assert!(warnings(&answer).contains("became shorter"), "{answer}");
    let asked: Vec<_> = account.sandbox.requests().into_iter().map(|request| request.query).collect();
    assert_eq!(asked, ["limit=100&offset=0", "limit=51&offset=99", "limit=100&offset=0", "limit=48&offset=99"]);
}

#[tokio::test]
async fn full_pages_with_total_have_no_hole() {
    let account = Account::start().await;
    let page = |ids: std::ops::Range<usize>, more: bool, total: usize| {
        let teams: Vec<_> = ids.map(|id| json!({"id": format!("PT{id}")})).collect();
        FaultKind::WrongJson(json!({"teams": teams, "more": more, "total": total}))
    };
    // Three rows at the beginning disappear before the second window is requested.
    for (offset, answer) in [
        (0, page(0..100, true, 150)),
        (100, page(103..150, false, 147)),
        (200, page(0..0, false, 147)),
        (96, page(99..150, false, 147)),
    ] {
        account.sandbox.fail(Fault::once(format!("/teams?offset={offset}"), answer));
    }
    let answer = account.ok("get_teams", json!({"limit": 300})).await;
    assert_eq!(ids(&answer, "teams"), (0..150).map(|id| format!("PT{id}")).collect::<Vec<_>>());
    assert_eq!(answer["metadata"]["has_more"], false);
    assert!(warnings(&answer).contains("became shorter"), "{answer}");
}

#[tokio::test]
async fn account_without_teams_is_listed_whole() {
    let account = Account::of(tokens::TEAMLESS).await;
    let no_ability = || FaultKind::Status { code: 402, headers: std::collections::BTreeMap::new(), body: None };
    let none = || FaultKind::WrongJson(json!({"teams": [], "more": false}));
    for (tool, key) in [("get_services", "services"), ("get_users", "users")] {
        for answer in [no_ability(), none()] {
            for arguments in [json!({"limit": 3}), json!({"limit": 3, "current_user_context": false})] {
                let account = account.again(tokens::TEAMLESS);
                account.sandbox.clear();
                account.sandbox.fail(Fault::once("/teams", answer.clone()));
                let listed = account.ok(tool, arguments.clone()).await;
                assert_eq!(rows(&listed, key).len(), 3, "{tool} {arguments}");
                assert_eq!(listed["metadata"]["has_more"], true);
                assert!(warnings(&listed).contains("no teams"), "{listed}");
            }
        }
    }
    account.sandbox.clear();
    account.sandbox.fail(Fault::once("/teams", no_ability()));
    let error = account.err("get_teams", json!({})).await;
    assert!(error.hint_text().unwrap().contains("get_services"), "{error}");
}

#[tokio::test]
async fn query_filters_the_whole_account() {
    let account = Account::of(tokens::TEAMLESS).await;
    for (tool, key) in
        [("get_services", "services"), ("get_users", "users"), ("get_escalation_policies", "escalation_policies")]
    {
        let requests = account.requests_of(tool, json!({"current_user_context": false, "query": "a"})).await;
        assert_eq!(requests.len(), 1, "{requests:?}");
        let answer = account.ok(tool, json!({"current_user_context": false, "query": "a"})).await;
        assert!(!rows(&answer, key).is_empty(), "{tool}");
    }
    for tool in ["get_services", "get_users"] {
        let hint = account.err(tool, json!({})).await;
        assert!(hint.hint_text().unwrap().contains("query"), "{hint}");
    }
}

#[tokio::test]
async fn many_teams_are_requested_in_portions() {
    let account = Account::start().await;
    let teams: Vec<_> = (0..250).map(|team| json!({"id": format!("PT{team}"), "type": "team"})).collect();
    let me = json!({"user": {"id": "PME", "name": "Me", "email": "me@example.com", "teams": teams}});
    account.sandbox.fail(Fault::once("/users/me", FaultKind::WrongJson(me)));
    let user = |name: &str| json!({"id": format!("P{name}"), "name": name});
    for page in [vec![user("Ada"), user("Eve")], vec![user("Bob"), user("Eve")], vec![user("cy")]] {
        let page = json!({"users": page, "more": false});
        account.sandbox.fail(Fault::once("/users", FaultKind::WrongJson(page)));
    }
    let answer = account.ok("get_users", json!({"include": ["name"]})).await;
    let names: Vec<_> = rows(&answer, "users").iter().map(|user| user["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Ada", "Bob", "cy", "Eve"]);
    assert_eq!(answer["metadata"]["has_more"], false);
    let requests = account.sandbox.requests();
    assert_eq!(requests.len(), 4);
    assert!(requests.iter().all(|request| request.query.len() < 4_096));
    let teams: usize = requests.iter().map(|request| request.query.matches("team_ids").count()).sum();
    assert_eq!(teams, 250);
}

#[tokio::test]
async fn shrinking_portions_are_listed_without_hole() {
    let account = Account::start().await;
    let teams: Vec<_> = (0..150).map(|team| json!({"id": format!("PT{team}"), "type": "team"})).collect();
    let me = json!({"user": {"id": "PME", "name": "Me", "email": "me@example.com", "teams": teams}});
    account.sandbox.fail(Fault::once("/users/me", FaultKind::WrongJson(me)));
    let mut left = vec!["Ada", "Bob", "Cy", "Dan", "Eve", "Fay", "Gus"];
    let (mut seen, mut arguments) = (Vec::new(), json!({"include": ["id"], "limit": 2}));
    for _ in 0..7 {
        for portion in 0..2 {
            let users = left.iter().enumerate().filter(|(place, _)| place % 2 == portion);
            let users: Vec<_> = users.map(|(_, name)| json!({"id": format!("P{name}"), "name": name})).collect();
            let page = json!({"users": users, "more": false});
            account.sandbox.fail(Fault::once("/users", FaultKind::WrongJson(page)));
        }
        let page = account.ok("get_users", arguments.clone()).await;
        let page_ids = ids(&page, "users");
        left.retain(|name| !page_ids.contains(&format!("P{name}")));
        seen.extend(page_ids);
        match page["metadata"].get("next_offset") {
            Some(next) => arguments["offset"] = next.clone(),
            None => break,
        }
    }
    assert_eq!(seen, ["PAda", "PBob", "PCy", "PDan", "PEve", "PFay", "PGus"]);
}

#[tokio::test]
async fn schedule_without_policy_warns_of_no_oncalls() {
    let account = Account::start().await;
    let answer = account.ok("get_oncalls", json!({"current_user_context": false, "schedule_ids": ["PNOWHRE"]})).await;
    assert_eq!(answer["metadata"]["count"], 0);
    let said = warnings(&answer);
    assert!(said.contains("PNOWHRE") && said.contains("list_users_oncall"), "{said}");
    let mine = account.ok("get_oncalls", json!({"schedule_ids": ["PNOWHRE"]})).await;
    assert!(warnings(&mine).contains("pass false"), "{mine}");
    let all = account.ok("get_oncalls", json!({})).await;
    let schedule = rows(&all, "oncalls").iter().find_map(|oncall| oncall["schedule"]["id"].as_str()).unwrap();
    assert_eq!(warnings(&account.ok("get_oncalls", json!({"schedule_ids": [schedule]})).await), "");
}
