//! Tests of `find_api`, `get_api` and `call_api`.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};
use pagerduty_mcp_server::tools::{Filter, SETS, Toolbox};
use serde_json::{Value, json};

use crate::overrides::Scene;
use crate::support::{self, err, rows};

/// Returns an incident of the account that has a status.
async fn incident(scene: &Scene, status: &str) -> Value {
    let found = scene.ok("search_incidents", json!({"statuses": [status], "limit": 1})).await;
    rows(&found, "incidents")[0].clone()
}

#[tokio::test]
async fn found_operation_names_its_tool_and_its_fields() {
    let scene = Scene::start().await;
    let found = scene.ok("find_api", json!({"query": "add a comment to an incident"})).await;
    let operation = &rows(&found, "operations")[0];
    assert_eq!(operation["operation"], "POST /incidents/{id}/notes");
    assert_eq!(operation["tools"], json!(["add_incident_note"]));
    assert_eq!(operation["body_fields"], json!({"note*": {"content*": "string"}}));
    assert_eq!(operation["body"], json!({"note": {"content": "<content>"}}));
    let nothing = scene.ok("find_api", json!({"query": "xyzzy"})).await;
    assert_eq!(nothing["count"], 0);
    assert!(nothing["warnings"].to_string().contains("Name the kind"), "{nothing}");
    assert_eq!(scene.account.sandbox.requests().len(), 0, "the table is in the program");
}

#[tokio::test]
async fn pages_of_any_list_continue_where_they_ended() {
    let scene = Scene::start().await;
    let all = scene.ok("get_api", json!({"path": "/users", "fields": "id", "limit": 1000})).await;
    assert_eq!((&all["has_more"], &all["next"]), (&json!(false), &Value::Null));
    let (mut users, mut next) = (Vec::new(), json!("offset=0"));
    while next.is_string() {
        let page = scene.ok("get_api", json!({"path": "users", "query": [next], "fields": "id", "limit": 30})).await;
        users.extend(rows(&page, "users").clone());
        next = page["next"].clone();
    }
    assert!(users.len() > 60, "{}", users.len());
    assert_eq!(&users, rows(&all, "users"));
}

#[tokio::test]
async fn one_object_is_read_without_empty_fields() {
    let scene = Scene::start().await;
    let id = incident(&scene, "triggered").await["id"].clone();
    let path = format!("https://api.pagerduty.com/incidents/{}?include[]=teams", id.as_str().unwrap());
    let read = scene.ok("get_api", json!({ "path": path })).await;
    assert_eq!(read["incident"]["id"], id);
    assert_eq!(read["incident"]["self"], Value::Null);
    let values = read["incident"].as_object().unwrap().values();
    assert_eq!(values.filter(|value| value.is_null() || **value == "" || **value == json!([])).count(), 0, "{read}");
}

#[tokio::test]
async fn wrong_request_is_refused_before_it_is_sent() {
    let scene = Scene::start().await;
    let body = json!({"incident": {"type": "incident", "title": "t", "service": {"idd": "P1"}, "urgency": "hihg"}});
    for (tool, arguments, parts) in [
        (
            "get_api",
            json!({"path": "/incidents", "query": ["statues=triggered"]}),
            "statues is not known; statuses[] is",
        ),
        ("get_api", json!({"path": "/incidents", "query": ["urgencies=hihg"]}), "not one of high, low"),
        ("get_api", json!({"path": "/incidents/../users"}), "no operation"),
        ("get_api", json!({"path": "/incidents/.."}), "\"..\" in the place of id"),
        ("get_api", json!({"path": "/incident"}), "GET /incidents"),
        ("get_api", json!({"path": "/change_events/P1/merge"}), "Similar ones"),
        ("get_api", json!({"path": "/schedules/P1/overrides"}), "since is missing; until is missing"),
        ("call_api", json!({"method": "DELETE", "path": "/incidents/P1"}), "GET, PUT"),
        ("call_api", json!({"method": "GET", "path": "/incidents"}), "Use get_api"),
        ("call_api", json!({"method": "POST", "path": "/incidents"}), "body is missing"),
        (
            "call_api",
            json!({"method": "POST", "path": "/incidents", "body": body}),
            "incident.service.idd is not known; id is",
        ),
        ("call_api", json!({"method": "POST", "path": "/incidents", "body": "{"}), "not JSON"),
    ] {
        let error = err(&scene.tools, tool, arguments.clone()).await;
        let text = format!("{error} {}", error.hint_text().unwrap_or_default());
        assert_eq!(error.code(), Code::InvalidParameter, "{arguments}: {text}");
        assert!(text.contains(parts), "{arguments}: {text}");
    }
    assert_eq!(scene.account.sandbox.requests().len(), 0);
}

#[tokio::test]
async fn dry_run_of_any_change_shows_it_and_sends_nothing() {
    let scene = Scene::start().await;
    let id = incident(&scene, "triggered").await["id"].as_str().unwrap().to_owned();
    let body = json!({"incident": {"type": "incident_reference", "title": "renamed"}});
    let change =
        |dry_run: bool| json!({"method": "PUT", "path": format!("/incidents/{id}"), "body": body, "dry_run": dry_run});
    let dry = scene.ok("call_api", change(true)).await;
    assert_eq!((&dry["outcome"], &dry["sent"]), (&json!("dry_run"), &json!(false)));
    assert_eq!(dry["request"]["body"], body);
    assert_eq!(dry["before"]["incident"]["id"], id);
    assert_eq!(scene.writes(), Vec::<String>::new());
    let made = scene.ok("call_api", change(false)).await;
    assert_eq!((&made["outcome"], &made["answer"]["incident"]["title"]), (&json!("applied"), &json!("renamed")));
    assert_eq!(scene.writes(), [format!("PUT /incidents/{id}")]);
}

#[tokio::test]
async fn lost_answer_of_a_create_is_unknown_and_not_sent_twice() {
    let scene = Scene::start().await;
    let id = incident(&scene, "triggered").await["id"].as_str().unwrap().to_owned();
    let path = format!("/incidents/{id}/notes");
    scene.account.sandbox.fail(Fault::once("/incidents/{id}/notes", FaultKind::Truncated));
    let note = json!({"method": "POST", "path": path, "body": {"note": {"content": "by hand"}}});
    let error = err(&scene.tools, "call_api", note.clone()).await;
    assert_eq!(error.code(), Code::OutcomeUnknown, "{error}");
    assert!(error.hint_text().unwrap().contains("get_api"), "{error:?}");
    assert_eq!(scene.writes().len(), 1);
    let again = scene.ok("call_api", note).await;
    assert!(again["warnings"].to_string().contains("taken effect twice"), "{again}");
}

#[tokio::test]
async fn read_only_server_has_no_call_api() {
    let scene = Scene::start().await;
    let toolsets = Some(SETS.iter().map(|set| set.name.to_owned()).collect());
    let filter = Filter { toolsets, read_only: true, ..Filter::default() };
    let tools = Toolbox::new(&support::config(tokens::USER), &filter).unwrap();
    let names: Vec<_> = tools.tools().iter().map(|tool| tool.name).collect();
    assert!(names.contains(&"get_api") && names.contains(&"find_api") && !names.contains(&"call_api"), "{names:?}");
    drop(scene);
}
