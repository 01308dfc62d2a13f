//! Tests of `send_status_update`.

use pagerduty_api::Method;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, tokens};
use serde_json::{Value, json};

use crate::communicate::{lose, with};
use crate::overrides::{Scene, all_tools};
use crate::support::{Account, err, ok, rows};
use crate::tool_operations::send;

const TOOL: &str = "send_status_update";
const PATH: &str = "/incidents/{id}/status_updates";
const TEXT: &str = "Card payments fail for 5 % of customers.\nWe roll back.";

/// Returns an incident with subscribers, and their IDs.
async fn subscribed(scene: &Scene) -> (Value, Vec<Value>) {
    for id in scene.incidents("triggered", 6).await {
        let listed = subscribers(scene, &id).await;
        if !listed.is_empty() {
            return (id, listed);
        }
    }
    panic!("no incident has subscribers")
}

async fn subscribers(scene: &Scene, incident: &Value) -> Vec<Value> {
    let path = format!("/incidents/{}/status_updates/subscribers", incident.as_str().unwrap());
    let (_, answer) = send(&scene.account.sandbox, Method::Get, &path).await;
    rows(&answer, "subscribers").iter().map(|one| one["subscriber_id"].clone()).collect()
}

/// Returns the messages of the status updates of an incident, from its log.
async fn sent(scene: &Scene, incident: &Value) -> Vec<Value> {
    let path = format!("/incidents/{}/log_entries?limit=100", incident.as_str().unwrap());
    let (_, log) = send(&scene.account.sandbox, Method::Get, &path).await;
    let updates = rows(&log, "log_entries").iter().filter(|entry| entry["type"] == "status_update_log_entry");
    updates.map(|entry| entry["message"].clone()).collect()
}

/// Returns the requests so far that change something.
fn changes(scene: &Scene) -> Vec<String> {
    scene.writes().into_iter().filter(|write| !write.ends_with("/render")).collect()
}

#[tokio::test]
async fn dry_run_names_subscribers_and_sends_nothing() {
    let scene = Scene::start().await;
    let (id, listed) = subscribed(&scene).await;
    let users = scene.ok("get_users", json!({"limit": 20})).await;
    let user = &users["users"][9];
    let arguments = json!({"incident_id": id, "message": TEXT, "template_id": "stakeholder update",
        "subscriber_ids": [user["email"], "Search"], "dry_run": true});
    let dry = scene.ok(TOOL, arguments).await;
    assert_eq!((&dry["outcome"], &dry["sent"]), (&json!("dry_run"), &json!(false)), "{dry}");
    assert_eq!(dry["tells_count"], listed.len() + 2, "{dry}");
    assert!(rows(&dry, "tells").iter().all(|one| one["name"].is_string()), "{dry}");
    assert!(rows(&dry, "tells").iter().any(|one| one["type"] == "team" && one["name"] == "Search"), "{dry}");
    assert_eq!((&dry["subscribes"][0]["id"], rows(&dry, "subscribes").len()), (&user["id"], 2), "{dry}");
    let after = &dry["incidents"][0]["after"];
    assert!(after["message"].as_str().unwrap().ends_with(&format!(": {TEXT}")), "the text of the template: {dry}");
    assert!(after["html_message"].as_str().unwrap().contains("<h2>") && after["subject"].is_string(), "{dry}");
    assert!(dry["undo"].is_string() && dry["receipt"].is_null(), "{dry}");
    assert_eq!(changes(&scene), Vec::<String>::new());
    assert_eq!((subscribers(&scene, &id).await, sent(&scene, &id).await.len()), (listed, 0));
}

#[tokio::test]
async fn status_update_is_sent_once_even_if_its_response_is_lost() {
    for is_lost in [false, true] {
        let scene = Scene::start().await;
        let (id, listed) = subscribed(&scene).await;
        let users = scene.ok("get_users", json!({"limit": 20})).await;
        let user = &users["users"][9]["id"];
        let arguments = json!({"incident_id": id, "message": TEXT, "subscriber_ids": [user]});
        if is_lost {
            lose(&scene, "POST", PATH);
            lose(&scene, "POST", "/incidents/{id}/status_updates/subscribers");
        }
        let made = scene.ok(TOOL, arguments).await;
        assert_eq!((&made["outcome"], &made["sent"]), (&json!("applied"), &json!(true)), "{made}");
        assert_eq!(made["warnings"].to_string().contains("did not confirm"), is_lost, "{made}");
        assert_eq!(sent(&scene, &id).await, [json!(TEXT)]);
        let mut expected = listed;
        expected.push(user.clone());
        assert_eq!(subscribers(&scene, &id).await, expected);
        assert_eq!(changes(&scene).iter().filter(|write| write.ends_with("/status_updates")).count(), 1);
        // Another process does not know of this call, and finds the message in the log.
        let other = all_tools(&scene.account, |_| {});
        for tools in [&scene.tools, &other] {
            let again = ok(tools, TOOL, json!({"incident_id": id, "message": format!("{TEXT}  \n")})).await;
            assert_eq!((&again["outcome"], &again["sent"]), (&json!("already_so"), &json!(false)), "{again}");
        }
        assert_eq!(sent(&scene, &id).await.len(), 1);
        scene.ok(TOOL, json!({"incident_id": id, "message": "It is over."})).await;
        assert_eq!(sent(&scene, &id).await.len(), 2);
    }
}

#[tokio::test]
async fn status_update_that_never_arrives_is_unknown_and_not_repeated() {
    let scene = Scene::start().await;
    let (id, _) = subscribed(&scene).await;
    let failing = FaultKind::Status { code: 502, headers: [].into(), body: None };
    scene.account.sandbox.fail(Fault { method: Some("POST".into()), ..Fault::once(PATH, failing) });
    let error = err(&scene.tools, TOOL, json!({"incident_id": id, "message": TEXT})).await;
    assert_eq!(error.code(), Code::OutcomeUnknown, "{error}");
    assert!(error.hint_text().unwrap().contains("get_timeline"), "{error}");
    assert_eq!(changes(&scene).len(), 1, "it is not sent again by itself");
}

#[tokio::test]
async fn two_calls_at_once_send_a_status_update_once() {
    let scene = Scene::start().await;
    let (id, _) = subscribed(&scene).await;
    let call = || scene.ok(TOOL, json!({"incident_id": id, "message": TEXT}));
    let (one, other) = tokio::join!(call(), call());
    let mut outcomes = [one["outcome"].as_str().unwrap(), other["outcome"].as_str().unwrap()];
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["already_so", "applied"], "{one} {other}");
    assert_eq!(sent(&scene, &id).await.len(), 1);
}

#[tokio::test]
async fn email_of_a_subject_has_the_message_as_text() {
    let scene = Scene::start().await;
    let (id, _) = subscribed(&scene).await;
    let arguments = json!({"incident_id": id, "message": "a <script> & b", "subject": "Payments"});
    let made = scene.ok(TOOL, arguments).await;
    let after = &made["incidents"][0]["after"];
    assert_eq!(
        (&after["subject"], &after["html_message"]),
        (&json!("Payments"), &json!("<p>a &lt;script&gt; &amp; b</p>"))
    );
    assert_eq!(sent(&scene, &id).await, ["a <script> & b"], "the message itself stays as it is");
    let template = json!({"incident_id": id, "message": "x", "template_id": "support briefing", "subject": "S"});
    let made = scene.ok(TOOL, with(&template, json!({"dry_run": true}))).await;
    let remarks = made["warnings"].to_string();
    assert!(remarks.contains("“{{incident.severity}} does not exist.”"), "{remarks}");
    assert_eq!(made["incidents"][0]["after"]["subject"], "S", "{made}");
}

#[tokio::test]
async fn unclear_subscriber_or_template_sends_nothing() {
    let double = json!({"users": [{"id": "PUDOUBL", "name": "Search", "email": "search@acme.example"}],
        "templates": [{"id": "PTMDBL1", "name": "Stakeholder update"}]});
    let account = Account::with(tokens::USER, Options { documents: double, ..Options::default() }, |_| {}).await;
    let tools = all_tools(&account, |_| {});
    let scene = Scene { account, tools };
    let (id, _) = subscribed(&scene).await;
    let call = |more: Value| with(&json!({"incident_id": id, "message": TEXT}), more);
    for (more, code) in [
        (json!({"subscriber_ids": ["search"]}), Code::AmbiguousName),
        (json!({"subscriber_ids": ["no such user or team"]}), Code::InvalidParameter),
        (json!({"subscriber_ids": ["PNONE77"]}), Code::InvalidParameter),
        (json!({"subscriber_ids": ["unknown@acme.example"]}), Code::InvalidUserId),
        (json!({"template_id": "stakeholder update"}), Code::AmbiguousName),
        (json!({"template_id": "PNONE77"}), Code::NotFound),
        (json!({"message": "  "}), Code::InvalidParameter),
    ] {
        let error = err(&scene.tools, TOOL, call(more.clone())).await;
        assert_eq!(error.code(), code, "{more}: {error}");
        let is_ambiguous = code == Code::AmbiguousName;
        let candidates = error.envelope()["error"]["candidates"].clone();
        assert_eq!(candidates.as_array().is_some_and(|all| all.len() == 2), is_ambiguous, "{}", error.envelope());
    }
    assert_eq!(changes(&scene), Vec::<String>::new());
}

#[tokio::test]
async fn subscribers_that_cannot_be_read_are_a_warning() {
    let scene = Scene::start().await;
    let (id, _) = subscribed(&scene).await;
    let refused = FaultKind::Status { code: 403, headers: [].into(), body: None };
    let path = "/incidents/{id}/status_updates/subscribers";
    scene.account.sandbox.fail(Fault { times: 9, ..Fault::once(path, refused) });
    let made = scene.ok(TOOL, json!({"incident_id": id, "message": TEXT})).await;
    assert_eq!((&made["outcome"], &made["tells"]), (&json!("applied"), &Value::Null), "{made}");
    assert!(made["warnings"].to_string().contains("subscribers could not be fetched"), "{made}");
    assert_eq!(sent(&scene, &id).await.len(), 1);
}
