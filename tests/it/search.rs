//! Tests of `search_incidents`.

use std::collections::BTreeSet;

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Options, tokens};
use serde_json::{Value, json};

use crate::overrides::{Scene, all_tools, day};
use crate::support::{Account, err, rows, warnings};

/// Returns the IDs of the incidents of an answer.
fn ids(answer: &Value) -> Vec<&str> {
    rows(answer, "incidents").iter().map(|row| row["id"].as_str().unwrap()).collect()
}

fn titles(answer: &Value) -> Vec<String> {
    rows(answer, "incidents").iter().map(|row| row["title"].as_str().unwrap().to_lowercase()).collect()
}

/// Returns all incidents of the last two months.
async fn everything(scene: &Scene) -> Value {
    scene.ok("search_incidents", json!({"since": day(-60), "limit": 10_000})).await
}

#[tokio::test]
async fn words_of_title_select_in_whole_account() {
    let scene = Scene::start().await;
    let all = everything(&scene).await;
    let search = json!({"text": "RESPONSES 5xx", "since": day(-60), "limit": 10_000});
    let found = scene.ok("search_incidents", search).await;
    let matching = |title: &String| title.contains("5xx") && title.contains("responses");
    let expected: Vec<_> =
        ids(&all).into_iter().zip(titles(&all)).filter(|(_, title)| matching(title)).map(|(id, _)| id).collect();
    assert!(!expected.is_empty() && expected.len() < ids(&all).len() / 2, "{expected:?}");
    assert_eq!(ids(&found), expected);
    assert_eq!(found["metadata"]["rows_read"], ids(&all).len());
    assert_eq!(found["metadata"]["has_more"], false);
}

#[tokio::test]
async fn excluded_words_and_services_are_left_out() {
    let scene = Scene::start().await;
    let all = everything(&scene).await;
    let service = rows(&all, "incidents")[0]["service"]["summary"].clone();
    let search = json!({"exclude": ["no data", service], "since": day(-60), "limit": 10_000});
    let found = scene.ok("search_incidents", search).await;
    let kept = rows(&all, "incidents").iter().filter(|row| {
        let title = row["title"].as_str().unwrap().to_lowercase();
        row["service"]["summary"] != service && !(title.contains("no") && title.contains("data"))
    });
    let kept: Vec<_> = kept.map(|row| row["id"].as_str().unwrap()).collect();
    assert!(kept.len() < ids(&all).len());
    assert_eq!(ids(&found), kept);
}

#[tokio::test]
async fn pages_of_selected_rows_continue_where_they_ended() {
    let scene = Scene::start().await;
    let search = |offset: Value, limit: usize| json!({"text": "no data", "since": day(-60), "offset": offset, "limit": limit, "include": ["id", "title"]});
    let whole = scene.ok("search_incidents", search(json!(0), 10_000)).await;
    let (mut offset, mut pages) = (json!(0), Vec::new());
    loop {
        let page = scene.ok("search_incidents", search(offset, 3)).await;
        assert!(rows(&page, "incidents").len() <= 3);
        pages.extend(ids(&page).into_iter().map(str::to_owned));
        offset = page["metadata"]["next_offset"].clone();
        assert_eq!(page["metadata"]["has_more"], offset.is_number());
        if offset.is_null() {
            break;
        }
    }
    assert!(pages.len() > 6, "{pages:?}");
    assert_eq!(pages, ids(&whole));
}

#[tokio::test]
async fn search_reads_a_limited_number_of_rows() {
    let account = Account::with(tokens::USER, Options { incidents: 3_000, ..Options::default() }, |_| {}).await;
    let tools = all_tools(&account, |_| {});
    let scene = Scene { account, tools };
    let search = json!({"text": "word in no title", "since": day(-61)});
    let first = scene.ok("search_incidents", search.clone()).await;
    let count = |answer: &Value, name: &str| answer["metadata"][name].as_u64().unwrap();
    let next = count(&first, "next_offset");
    assert!((2_000..2_500).contains(&next) && next == count(&first, "rows_read"), "{first}");
    assert_eq!((&first["metadata"]["has_more"], ids(&first).len()), (&json!(true), 0));
    assert!(warnings(&first).contains(&format!("pass offset={next}")), "{first}");
    let rest = scene.ok("search_incidents", with(&search, "offset", next)).await;
    assert_eq!(rest["metadata"]["has_more"], false, "{rest}");
    assert_eq!(next + count(&rest, "rows_read"), 3_000);
}

#[tokio::test]
async fn priority_is_found_by_its_name() {
    let scene = Scene::start().await;
    let search = json!({"priorities": ["p1", "P2"], "since": day(-60), "limit": 1_000});
    let found = scene.ok("search_incidents", search).await;
    let names = rows(&found, "incidents").iter().map(|row| row["priority"]["summary"].as_str().unwrap());
    assert_eq!(names.collect::<BTreeSet<_>>(), BTreeSet::from(["P1", "P2"]));
    let requests = scene.account.sandbox.requests();
    let of_priorities = requests.iter().filter(|request| request.path == "/priorities").count();
    let sent = requests.iter().rev().find(|request| request.path == "/incidents").unwrap();
    assert_eq!(of_priorities, 2, "{requests:?}");
    assert!(sent.query.contains("priority_ids[]=PAZ4B7F") || sent.query.contains("priority_ids%5B%5D=PAZ4B7F"));

    let error = err(&scene.tools, "search_incidents", json!({"priorities": ["P9"]})).await;
    assert_eq!(error.code(), Code::InvalidParameter, "{error}");
    assert!(error.message().contains("P9"), "{error}");
}

#[tokio::test]
async fn scope_limits_search_to_user_and_teams() {
    let scene = Scene::start().await;
    let own = scene.ok("build_user_context", json!({})).await["user_id"].clone();
    let assigned = scene.ok("search_incidents", json!({"scope": "assigned"})).await;
    assert!(!rows(&assigned, "incidents").is_empty());
    for row in rows(&assigned, "incidents") {
        assert!(rows(row, "assignments").iter().any(|one| one["assignee"]["id"] == own), "{row}");
    }
    assert!(warnings(&assigned).contains("scope=all"), "{assigned}");
    let mine = scene.ok("search_incidents", json!({"scope": "mine", "limit": 1_000})).await;
    let context = scene.ok("get_incidents", json!({"limit": 1_000})).await;
    assert_eq!(ids(&mine), ids(&context));
    assert!(ids(&mine).len() < ids(&scene.ok("search_incidents", json!({"limit": 1_000})).await).len());

    let both = json!({"scope": "mine", "service_ids": ["P7KEX0S"]});
    let error = err(&scene.tools, "search_incidents", both).await;
    assert_eq!(error.code(), Code::ConflictingParameters);
}

#[tokio::test]
async fn search_by_ids_is_one_request() {
    let scene = Scene::start().await;
    scene.account.sandbox.clear();
    let search = json!({"service_ids": ["P7KEX0S"], "statuses": ["resolved"], "sort_by": "resolved_at:desc"});
    let found = scene.ok("search_incidents", search).await;
    let ended: Vec<_> = rows(&found, "incidents").iter().map(|row| row["resolved_at"].as_str().unwrap()).collect();
    assert!(ended.len() > 1 && ended.is_sorted_by(|one, other| one >= other), "{ended:?}");
    assert_eq!(scene.account.sandbox.requests().len(), 1);
}

fn with(arguments: &Value, name: &str, value: u64) -> Value {
    let mut arguments = arguments.clone();
    arguments[name] = value.into();
    arguments
}
