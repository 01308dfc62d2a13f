//! Tests of `who_can_help`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pagerduty_api::Method;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::overrides::all_tools;
use crate::similar::Scene;
use crate::support::{err, ok, rows, warnings};
use crate::tool_operations::send;

const TOOL: &str = "who_can_help";

async fn ask(scene: &Scene, mut arguments: Value) -> Value {
    arguments["incident_id"] = scene.id.as_str().into();
    scene.account.ok(TOOL, arguments).await
}

#[tokio::test]
async fn helpers_are_on_call_or_resolved_one_like_it() {
    let scene = Scene::start().await;
    let answer = ask(&scene, json!({})).await;
    let helpers = rows(&answer, "helpers");
    let arguments = json!({"incident_id": scene.id, "kinds": ["past"], "limit": 10});
    let similar = scene.account.ok("get_similar_incidents", arguments).await;
    for past in rows(&similar, "similar_incidents").iter().filter(|past| past["ended"]["by"].is_object()) {
        let by = &past["ended"]["by"];
        let helper = helpers.iter().find(|helper| helper["id"] == by["id"]).unwrap_or_else(|| panic!("{by}: {answer}"));
        assert!(helper["resolved_like_it"].as_u64() > Some(0), "{helper}");
        assert!(helper["line"].as_str().unwrap().contains("like it"), "{helper}");
    }
    let incident = scene.account.ok("get_incidents", json!({"incident_id": scene.id})).await["incidents"][0].clone();
    let policy = &incident["escalation_policy"]["id"];
    let levels = scene.account.ok("whos_oncall", json!({"policy_id": policy})).await;
    for level in rows(&levels, "levels") {
        for user in rows(level, "oncall") {
            let helper = helpers.iter().find(|helper| helper["id"] == user["id"]).unwrap();
            assert!(helper["on_call"]["level"].as_u64() <= level["level"].as_u64(), "{helper}");
            assert_eq!(helper["on_call"]["level"] == level["level"], helper["on_call"]["until"] == user["until"]);
        }
    }
    let is_at_work = |helper: &&Value| helper["has_it"] == true || helper["you"] == true;
    let first = helpers.iter().find(|helper| !is_at_work(helper)).unwrap();
    assert_eq!(&helpers[0], first, "users who work on it already come last: {answer}");
    assert_eq!(helpers.iter().filter(|helper| helper["you"] == true).count(), 1, "{answer}");
    assert!(helpers.iter().is_sorted_by_key(|helper| is_at_work(&helper)), "{answer}");
    let holder = &incident["assignments"][0]["assignee"]["id"];
    for helper in helpers {
        assert_eq!(helper["has_it"] == true, helper["id"] == *holder, "{helper}");
        assert!(
            helper["name"].is_string() && helper["local_time"].is_string() && helper["email"].is_string(),
            "{helper}"
        );
    }
}

#[tokio::test]
async fn all_past_incidents_like_it_are_counted() {
    let scene = Scene::start().await;
    let answer = ask(&scene, json!({})).await;
    let arguments = json!({"incident_id": scene.id, "kinds": ["past"], "resolutions": false, "limit": 100});
    let similar = scene.account.ok("get_similar_incidents", arguments).await;
    let mut counts = std::collections::BTreeMap::<String, u64>::new();
    for past in rows(&similar, "similar_incidents") {
        let path = format!("/incidents/{}", past["id"].as_str().unwrap());
        let (_, read) = send(&scene.account.sandbox, Method::Get, &path).await;
        let incident = &read["incident"];
        let by = &incident["last_status_change_by"];
        if incident["status"] == "resolved" && by["type"].as_str().is_some_and(|kind| kind.starts_with("user")) {
            *counts.entry(by["id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    let shown = rows(&answer, "helpers").iter().filter(|helper| helper["resolved_like_it"].is_u64());
    let shown: std::collections::BTreeMap<_, _> = shown
        .map(|helper| (helper["id"].as_str().unwrap().to_owned(), helper["resolved_like_it"].as_u64().unwrap()))
        .collect();
    assert!(counts.len() > 1 && counts.values().any(|count| *count > 1), "{counts:?}");
    assert_eq!(shown, counts);
}

#[tokio::test]
async fn fewer_helpers_than_there_are_is_said() {
    let scene = Scene::start().await;
    let answer = ask(&scene, json!({"limit": 1})).await;
    assert_eq!((rows(&answer, "helpers").len(), &answer["metadata"]["has_more"]), (1, &json!(true)));
    let answer = ask(&scene, json!({})).await;
    assert_eq!(answer["metadata"]["has_more"], false);
}

#[tokio::test]
async fn comparison_by_words_is_said() {
    let scene = Scene::start().await;
    let refused = FaultKind::Status { code: 403, headers: [].into(), body: None };
    scene.account.sandbox.fail(Fault { times: 99, ..Fault::once("/incidents/{id}/past_incidents", refused) });
    let answer = ask(&scene, json!({})).await;
    assert!(warnings(&answer).contains("whose titles have the same words"), "{answer}");
}

#[tokio::test]
async fn requests_without_response_hold_no_helper_back() {
    let hang = async |path: &str| {
        let scene = Scene::start().await;
        let whole = ask(&scene, json!({})).await;
        scene.account.sandbox.fail(Fault { times: 999, ..Fault::once(path, FaultKind::Hang) });
        // A server without cached users.
        let tools = all_tools(&scene.account, |_| {});
        let began = std::time::Instant::now();
        let answer = ok(&tools, TOOL, json!({"incident_id": scene.id})).await;
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "{path}: {:?}", began.elapsed());
        assert!(rows(&answer, "helpers").len() + 2 >= rows(&whole, "helpers").len(), "{path}: {answer}");
        assert!(path.ends_with("notes") || !warnings(&answer).is_empty(), "{path}: {answer}");
        if path == "/notifications" {
            assert!(rows(&answer, "helpers").iter().all(|helper| helper["local_time"].is_string()), "{answer}");
        }
    };
    let paths = ["/users/{id}", "/users", "/notifications", "/incidents/{id}/notes"];
    futures_util::future::join_all(paths.map(hang)).await;
}

#[tokio::test]
async fn user_who_asks_is_marked() {
    let scene = Scene::start().await;
    let me = scene.account.ok("build_user_context", json!({})).await;
    let list = scene.account.ok("get_incidents", json!({"statuses": ["triggered", "acknowledged"]})).await;
    let mut count = 0;
    for incident in rows(&list, "incidents") {
        let answer = scene.account.ok(TOOL, json!({"incident_id": incident["id"]})).await;
        let helpers = rows(&answer, "helpers");
        let name = format!("{} (you): ", me["name"].as_str().unwrap());
        for helper in helpers {
            let is_me = helper["name"] == me["name"];
            assert_eq!(helper["you"] == true, is_me, "{helper}");
            assert_eq!(helper["line"].as_str().unwrap().starts_with(&name), is_me, "{helper}");
            count += usize::from(is_me);
        }
    }
    assert!(count > 0, "no incident that the user can help with: {list}");
}

#[tokio::test]
async fn awake_only_leaves_out_users_at_night() {
    let scene = Scene::start().await;
    let all = ask(&scene, json!({})).await;
    for helper in rows(&all, "helpers") {
        let user = scene.account.ok("get_users", json!({"user_id": helper["id"], "include": ["time_zone"]})).await;
        let zone = user["users"][0]["time_zone"].as_str().unwrap();
        let hour = Timestamp::now().to_zoned(TimeZone::get(zone).unwrap()).hour();
        assert_eq!(helper["awake"], (7..23).contains(&hour), "{helper} {zone}");
    }
    let awake = ask(&scene, json!({"awake_only": true})).await;
    let ids = |answer: &Value| rows(answer, "helpers").iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
    let expected: Vec<_> =
        rows(&all, "helpers").iter().filter(|one| one["awake"] == true).map(|one| one["id"].clone()).collect();
    assert_eq!(ids(&awake), expected);
    let asleep = ids(&all).len() - expected.len();
    assert_eq!(awake["metadata"]["left_out_asleep"].as_u64().unwrap_or(0), asleep as u64);
}

#[tokio::test]
async fn failing_part_of_help_is_a_warning_until_all_fail() {
    let scene = Scene::start().await;
    let paths = [
        ("/incidents/{id}/past_incidents", "past incidents"),
        ("/oncalls", "on-call users"),
        ("/incidents/{id}/related_change_events", "related changes"),
        ("/services/{id}/change_events", "changes of the service"),
        ("/notifications", "notifications"),
    ];
    for (number, (path, what)) in paths.iter().enumerate() {
        let refused = FaultKind::Status { code: 400, headers: [].into(), body: None };
        scene.account.sandbox.fail(Fault { times: 99, ..Fault::once(*path, refused) });
        if number == 3 {
            let error = err(&scene.account.toolbox, TOOL, json!({"incident_id": scene.id})).await;
            assert_eq!(error.code(), Code::ApiError);
            scene.account.sandbox.clear();
        } else {
            let answer = ask(&scene, json!({})).await;
            assert!(warnings(&answer).contains(&format!("The {what} could not be read")), "{answer}");
        }
    }
}
