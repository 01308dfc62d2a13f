//! Tests of `request_responders`: whom it pages, and how requests are withdrawn.

use pagerduty_api::Method;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};
use serde_json::{Value, json};

use crate::overrides::{Scene, all_tools};
use crate::support::{err, ok, rows};
use crate::tool_operations::send;

const POLICY: &str = "Checkout On-Call";

/// Returns the users who were requested for an incident, each with the state of the request.
async fn requested(scene: &Scene, id: &Value) -> Vec<(String, String)> {
    let path = format!("/incidents/{}", id.as_str().unwrap());
    let (_, answer) = send(&scene.account.sandbox, Method::Get, &path).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let responders = rows(&answer["incident"], "incidents_responders").iter();
    responders.map(|one| (text(&one["user"]["id"]), text(&one["state"]))).collect()
}

fn states(answer: &Value) -> Vec<(&str, &Value)> {
    let rows = rows(answer, "responders").iter();
    rows.map(|row| (row["outcome"].as_str().unwrap(), &row["after"]["state"])).collect()
}

#[tokio::test]
async fn requested_users_are_paged_and_receipt_withdraws() {
    for is_lost in [false, true] {
        let scene = Scene::start().await;
        let id = scene.incidents("triggered", 1).await.remove(0);
        let user = scene.colleague(&id).await;
        let arguments =
            json!({"incident_id": id, "user_ids": [user], "policy_ids": [POLICY], "message": "look at the queue"});
        let mut preview = arguments.clone();
        preview["dry_run"] = true.into();
        let dry = scene.ok("request_responders", preview).await;
        assert_eq!((&dry["outcome"], &dry["sent"], &dry["receipt"]), (&json!("dry_run"), &json!(false), &Value::Null));
        assert!(rows(&dry, "pages").iter().any(|page| page["id"] == user && page["name"].is_string()), "{dry}");
        assert!(rows(&dry, "responders").iter().all(|row| row["name"].is_string()), "{dry}");
        assert_eq!(scene.writes(), Vec::<String>::new());

        if is_lost {
            let fault = Fault::once("/incidents/{id}/responder_requests", FaultKind::LostResponse);
            scene.account.sandbox.fail(fault);
        }
        let made = scene.ok("request_responders", arguments.clone()).await;
        assert_eq!((&made["outcome"], &made["sent"]), (&json!("applied"), &json!(true)), "{made}");
        assert_eq!(states(&made), [("applied", &json!("pending")), ("applied", &json!("pending"))], "{made}");
        let pending = requested(&scene, &id).await;
        let mut paged: Vec<_> =
            rows(&dry, "pages").iter().map(|page| page["id"].as_str().unwrap().to_owned()).collect();
        paged.sort();
        let mut users: Vec<_> = pending.iter().map(|(user, _)| user.clone()).collect();
        users.sort();
        assert_eq!(users, paged, "the dry run names those that are paged");
        assert_eq!(scene.writes().len(), 1);

        let again = scene.ok("request_responders", arguments).await;
        assert_eq!((&again["outcome"], &again["sent"]), (&json!("already_so"), &json!(false)), "{again}");
        let timeline = scene.ok("get_timeline", json!({"incident_id": id})).await.to_string();
        assert!(timeline.contains("to join") && timeline.contains("look at the queue"), "{timeline}");

        let receipt = json!({"receipt": made["receipt"]});
        let undone = scene.ok("undo", receipt.clone()).await;
        assert_eq!(undone["outcome"], "applied", "{undone}");
        assert!(requested(&scene, &id).await.iter().all(|(_, state)| state == "user_cancelled"), "{undone}");
        assert_eq!(scene.code("undo", receipt.clone()).await, Code::InvalidReceipt);
        let other = ok(&all_tools(&scene.account, |_| {}), "undo", receipt).await;
        assert_eq!((&other["outcome"], &other["sent"]), (&json!("already_so"), &json!(false)), "{other}");
        assert_eq!(scene.writes().len(), 2);
    }
}

#[tokio::test]
async fn request_of_user_who_joined_is_not_withdrawn() {
    let scene = Scene::start().await;
    let id = scene.incidents("triggered", 1).await.remove(0);
    let user = scene.colleague(&id).await;
    let arguments = json!({"incident_id": id, "user_ids": ["me", user, user]});
    let made = scene.ok("request_responders", arguments.clone()).await;
    scene.ok("acknowledge_incident", json!({"incident_id": id})).await;
    let mut cancel = arguments;
    cancel["cancel"] = true.into();
    let sent = scene.writes().len();
    let mut preview = cancel.clone();
    preview["dry_run"] = true.into();
    let dry = scene.ok("request_responders", preview).await;
    assert_eq!((&dry["outcome"], &dry["pages"]), (&json!("dry_run"), &json!([])), "{dry}");
    assert_eq!(scene.writes().len(), sent);
    let canceled = scene.ok("request_responders", cancel).await;
    let outcomes: Vec<_> = rows(&canceled, "responders").iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["conflict", "applied"], "{canceled}");
    assert!(canceled["responders"][0]["problem"].as_str().unwrap().contains("Joined already"), "{canceled}");
    assert!(canceled["receipt"].is_null() && canceled["undo"].is_string(), "{canceled}");
    let undone = scene.ok("undo", json!({"receipt": made["receipt"]})).await;
    assert_eq!((&undone["outcome"], &undone["sent"]), (&json!("conflict"), &json!(false)), "{undone}");
}

#[tokio::test]
async fn request_of_another_user_is_not_withdrawn() {
    let scene = Scene::start().await;
    let id = scene.incidents("triggered", 1).await.remove(0);
    let arguments = json!({"incident_id": id, "user_ids": [scene.colleague(&id).await]});
    let made = scene.ok("request_responders", arguments.clone()).await;
    let mut cancel = arguments.clone();
    cancel["cancel"] = true.into();
    scene.ok("request_responders", cancel).await;
    let other = all_tools(&scene.account, |config| config.token = crate::support::config(tokens::TEAMLESS).token);
    ok(&other, "request_responders", arguments).await;
    let undone = scene.ok("undo", json!({"receipt": made["receipt"]})).await;
    assert_eq!((&undone["outcome"], &undone["sent"]), (&json!("conflict"), &json!(false)), "{undone}");
    assert!(undone["responders"][0]["problem"].as_str().unwrap().contains("another request"), "{undone}");
}

#[tokio::test]
async fn impossible_requests_send_nothing() {
    let scene = Scene::start().await;
    let resolved = scene.incidents("resolved", 1).await.remove(0);
    let answer = scene.ok("request_responders", json!({"incident_id": resolved, "user_ids": ["me"]})).await;
    assert_eq!((&answer["outcome"], &answer["sent"]), (&json!("conflict"), &json!(false)), "{answer}");
    let open = scene.incidents("triggered", 1).await.remove(0);
    for (arguments, code) in [
        (json!({}), Code::MissingParameter),
        (json!({"user_ids": ["me"], "message": "x", "cancel": true}), Code::ConflictingParameters),
        (json!({"policy_ids": ["On-Call"]}), Code::AmbiguousName),
        (json!({"user_ids": ["unknown@acme.example"]}), Code::InvalidUserId),
    ] {
        let mut arguments = arguments;
        arguments["incident_id"] = open.clone();
        assert_eq!(scene.code("request_responders", arguments.clone()).await, code, "{arguments}");
    }
    assert_eq!(scene.writes(), Vec::<String>::new());
    let basic = all_tools(&scene.account, |config| config.token = crate::support::config(tokens::BASIC_PLAN).token);
    let error = err(&basic, "request_responders", json!({"incident_id": open, "user_ids": ["me"]})).await;
    assert_eq!(error.code(), Code::MissingAbility);
}
