//! Tests of `set_maintenance`: windows are opened, changed, ended and set back.

use jiff::{SignedDuration, Timestamp};
use pagerduty_api::Method;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::overrides::{Scene, all_tools};
use crate::support::{ok, rows};
use crate::tool_operations::send;

/// A service without a maintenance window, and with open incidents.
const SERVICE: &str = "Checkout API";

fn at(minutes: i64) -> String {
    let at = Timestamp::now() + SignedDuration::from_mins(minutes);
    Timestamp::from_second(at.as_second()).unwrap().to_string()
}

fn with(arguments: &Value, more: Value) -> Value {
    let mut arguments = arguments.clone();
    arguments.as_object_mut().unwrap().extend(crate::support::object(more));
    arguments
}

/// Returns a window as PagerDuty shows it, or null.
async fn window(scene: &Scene, id: &Value) -> Value {
    let path = format!("/maintenance_windows/{}", id.as_str().unwrap());
    send(&scene.account.sandbox, Method::Get, &path).await.1["maintenance_window"].clone()
}

/// Opens a window, and returns its ID and the answer.
async fn open(scene: &Scene, arguments: Value) -> (Value, Value) {
    let made = scene.ok("set_maintenance", arguments).await;
    assert_eq!((&made["outcome"], &made["sent"]), (&json!("applied"), &json!(true)), "{made}");
    (made["windows"][0]["id"].clone(), made)
}

#[tokio::test]
async fn opened_window_silences_and_its_receipt_ends_it() {
    for (start, is_lost) in [(None, false), (Some(at(60)), false), (None, true), (Some(at(60)), true)] {
        let scene = Scene::start().await;
        let mut arguments = json!({"service_ids": [SERVICE], "until": at(120), "description": "deploy of 7.2"});
        arguments.as_object_mut().unwrap().extend(start.clone().map(|start| ("start".to_owned(), start.into())));
        let dry = scene.ok("set_maintenance", with(&arguments, json!({"dry_run": true}))).await;
        assert_eq!((&dry["outcome"], &dry["sent"], &dry["receipt"]), (&json!("dry_run"), &json!(false), &Value::Null));
        assert_eq!((&dry["silenced"][0]["name"], &dry["clashes"]), (&json!(SERVICE), &json!([])), "{dry}");
        assert!(dry["open_incidents"].is_array() && dry["undo"].is_string(), "{dry}");
        assert_eq!(scene.writes(), Vec::<String>::new());
        if is_lost {
            let lost = Fault::once("/maintenance_windows", FaultKind::LostResponse);
            scene.account.sandbox.fail(Fault { method: Some("POST".to_owned()), ..lost });
        }
        let (id, made) = open(&scene, arguments.clone()).await;
        assert_eq!(made["warnings"].to_string().contains("did not confirm"), is_lost, "{made}");
        let shown = window(&scene, &id).await;
        assert_eq!((&shown["end_time"], &shown["description"]), (&arguments["until"], &json!("deploy of 7.2")));
        assert!(start.is_none_or(|start| shown["start_time"] == start), "{shown}");
        let again = scene.ok("set_maintenance", arguments).await;
        assert_eq!((&again["outcome"], &again["sent"]), (&json!("already_so"), &json!(false)), "{again}");

        let receipt = json!({"receipt": made["receipt"]});
        // A window that has just begun is removed, like one to come.
        let undone = scene.ok("undo", receipt.clone()).await;
        assert_eq!(undone["outcome"], "applied", "{undone}");
        let left = window(&scene, &id).await;
        assert!(left.is_null() || left["end_time"].as_str().unwrap() <= at(1).as_str(), "{left}");
        assert_eq!(scene.code("undo", receipt.clone()).await, Code::InvalidReceipt);
        let other = ok(&all_tools(&scene.account, |_| {}), "undo", receipt).await;
        assert_eq!((&other["outcome"], &other["sent"]), (&json!("already_so"), &json!(false)), "{other}");
        assert_eq!(scene.writes().len(), 2);
    }
}

#[tokio::test]
async fn changed_window_is_set_back_field_by_field() {
    let scene = Scene::start().await;
    let (id, _) = open(&scene, json!({"service_ids": [SERVICE], "start": at(60), "until": at(120)})).await;
    for change in [
        json!({"until": at(180)}),
        json!({"start": at(70), "description": "longer"}),
        json!({"service_ids": [SERVICE, "Payments API"]}),
    ] {
        let before = window(&scene, &id).await;
        let arguments = with(&change, json!({"window_id": id}));
        let sent = scene.writes().len();
        let dry = scene.ok("set_maintenance", with(&arguments, json!({"dry_run": true}))).await;
        assert_eq!((&dry["outcome"], scene.writes().len()), (&json!("dry_run"), sent), "{dry}");
        let made = scene.ok("set_maintenance", arguments.clone()).await;
        assert_eq!(made["outcome"], "applied", "{made}");
        let row = &made["windows"][0];
        assert_eq!(row["before"].as_object().unwrap().len(), change.as_object().unwrap().len(), "{made}");
        assert_ne!(window(&scene, &id).await, before);
        let again = scene.ok("set_maintenance", arguments).await;
        assert_eq!((&again["outcome"], &again["sent"]), (&json!("already_so"), &json!(false)), "{again}");
        let undone = scene.ok("undo", json!({"receipt": made["receipt"]})).await;
        assert_eq!(undone["outcome"], "applied", "{undone}");
        assert_eq!(window(&scene, &id).await, before, "{made} {undone}");
        assert_eq!(scene.code("undo", json!({"receipt": made["receipt"]})).await, Code::InvalidReceipt);
    }
    let made = scene.ok("set_maintenance", json!({"window_id": id, "until": at(200)})).await;
    scene.ok("set_maintenance", json!({"window_id": id, "until": at(240)})).await;
    let undone = scene.ok("undo", json!({"receipt": made["receipt"]})).await;
    assert_eq!((&undone["outcome"], &undone["sent"]), (&json!("conflict"), &json!(false)), "{undone}");
}

#[tokio::test]
async fn window_ends_now_and_can_then_not_be_changed() {
    let scene = Scene::start().await;
    // The window of the seed that has begun.
    let id = json!("PWKQH7D");
    let start = scene.ok("set_maintenance", json!({"window_id": id, "start": at(60)})).await;
    assert_eq!((&start["outcome"], &start["sent"]), (&json!("conflict"), &json!(false)), "{start}");
    let sent = scene.writes().len();
    let end = json!({"window_id": id, "end_now": true});
    let dry = scene.ok("set_maintenance", with(&end, json!({"dry_run": true}))).await;
    assert_eq!((&dry["outcome"], &dry["windows"][0]["after"]["removed"]), (&json!("dry_run"), &json!(false)), "{dry}");
    assert_eq!(scene.writes().len(), sent);
    let ended = scene.ok("set_maintenance", end.clone()).await;
    assert_eq!((&ended["outcome"], &ended["receipt"]), (&json!("applied"), &Value::Null), "{ended}");
    assert!(window(&scene, &id).await["end_time"].as_str().unwrap() <= at(1).as_str());
    let again = scene.ok("set_maintenance", end).await;
    assert_eq!((&again["outcome"], &again["sent"]), (&json!("already_so"), &json!(false)), "{again}");
    let change = scene.ok("set_maintenance", json!({"window_id": id, "until": at(60)})).await;
    assert_eq!((&change["outcome"], &change["sent"]), (&json!("conflict"), &json!(false)), "{change}");
    assert_eq!(scene.writes().len(), sent + 1);
}

#[tokio::test]
async fn clash_is_named_and_impossible_windows_are_not_sent() {
    let scene = Scene::start().await;
    let arguments = json!({"service_ids": ["Staging Clusters"], "until": at(60), "dry_run": true});
    let dry = scene.ok("set_maintenance", arguments).await;
    let clash = &rows(&dry, "clashes")[0];
    assert_eq!((&clash["id"], &clash["services"][0]["name"]), (&json!("PWKQH7D"), &json!("Staging Clusters")), "{dry}");
    for (arguments, code) in [
        (json!({}), Code::MissingParameter),
        (json!({"service_ids": [SERVICE]}), Code::MissingParameter),
        (json!({"end_now": true}), Code::MissingParameter),
        (json!({"window_id": "PWKQH7D"}), Code::MissingParameter),
        (json!({"window_id": "PWKQH7D", "end_now": true, "until": at(60)}), Code::ConflictingParameters),
        (json!({"service_ids": [SERVICE], "until": at(-60)}), Code::InvalidTimeRange),
        (json!({"service_ids": [SERVICE], "start": at(60), "until": at(30)}), Code::InvalidTimeRange),
        (json!({"service_ids": ["Service"], "until": at(60)}), Code::AmbiguousName),
        (json!({"window_id": "PWQ8ZXQ", "start": at(-60)}), Code::InvalidTimeRange),
        (json!({"window_id": "PNONE", "end_now": true}), Code::NotFound),
    ] {
        assert_eq!(scene.code("set_maintenance", arguments.clone()).await, code, "{arguments}");
    }
    assert_eq!(scene.writes(), Vec::<String>::new());
}
