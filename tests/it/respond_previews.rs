//! Tests of previews of `update_incidents`, and of the errors about its arguments.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::tools::{Filter, Toolbox};
use serde_json::{Value, json};

use crate::overrides::Scene;
use crate::support::{self, err};

fn with_id(id: &Value, mut change: Value) -> Value {
    change["incident_ids"] = json!([id]);
    change
}

fn preview(id: &Value, change: Value) -> Value {
    let mut arguments = with_id(id, change);
    arguments["dry_run"] = true.into();
    arguments
}

#[tokio::test]
async fn level_is_shown_with_its_assignees_and_checked() {
    let scene = Scene::start().await;
    let id = scene.incidents("triggered", 1).await.remove(0);
    let dry = scene.ok("update_incidents", preview(&id, json!({"escalation_level": 2}))).await;
    let row = &dry["incidents"][0];
    assert_eq!((&dry["outcome"], &row["after"]["escalation_level"]), (&json!("dry_run"), &json!(2)), "{dry}");
    assert_eq!(row["after"]["assignees"], dry["pages"], "{dry}");
    assert!(row["before"]["assignees"][0]["name"].is_string(), "{dry}");
    let made = scene.ok("update_incidents", with_id(&id, json!({"escalation_level": 2}))).await;
    assert_eq!(made["incidents"][0]["after"]["assignees"], row["after"]["assignees"], "as the preview says: {made}");
    for arguments in [preview(&id, json!({"escalation_level": 9})), with_id(&id, json!({"escalation_level": 9}))] {
        let refused = scene.ok("update_incidents", arguments).await;
        assert_eq!((&refused["outcome"], &refused["sent"]), (&json!("conflict"), &json!(false)), "{refused}");
        assert!(refused["incidents"][0]["problem"].as_str().unwrap().contains("no level 9"), "{refused}");
    }
}

#[tokio::test]
async fn values_of_previews_and_conflicts_have_names() {
    let scene = Scene::start().await;
    let id = scene.incidents("triggered", 1).await.remove(0);
    let users = scene.ok("get_users", json!({"limit": 50})).await;
    let policies = scene.ok("get_escalation_policies", json!({"limit": 50})).await;
    let user = |place: usize| users["users"][place]["id"].clone();
    let policy = |place: usize| policies["escalation_policies"][place]["name"].clone();
    for (change, other) in [
        (json!({"priority": "P1"}), json!({"priority": "P5"})),
        (json!({"assignee_ids": [user(4)]}), json!({"assignee_ids": [user(5)]})),
        (json!({"policy_id": policy(3)}), json!({"policy_id": policy(2)})),
    ] {
        let dry = scene.ok("update_incidents", preview(&id, change.clone())).await;
        let made = scene.ok("update_incidents", with_id(&id, change.clone())).await;
        let of = |answer: &Value, side: &str| answer["incidents"][0][side].clone();
        for (name, value) in of(&dry, "after").as_object().unwrap() {
            assert_eq!(*value, of(&made, "after")[name], "{change}: as the preview says: {dry} {made}");
        }
        let receipt = json!({"receipt": made["receipt"]});
        scene.ok("update_incidents", with_id(&id, other)).await;
        let refused = scene.ok("undo", receipt).await;
        assert_eq!(refused["outcome"], "conflict", "{change}: {refused}");
        let after = of(&refused, "after").to_string();
        assert!(!after.contains(r#""name":null"#), "{change}: {refused}");
        let bare = |value: &Value| value.as_str().is_some_and(|text| text.starts_with('P') && text.len() > 5);
        assert!(!of(&refused, "after").as_object().unwrap().values().any(bare), "{change}: {refused}");
    }
}

#[tokio::test]
async fn incident_given_twice_is_changed_once() {
    let scene = Scene::start().await;
    let ids = scene.incidents("triggered", 3).await;
    let shown = scene.ok("get_incidents", json!({"incident_id": ids[0], "include": ["incident_number"]})).await;
    let number = shown["incidents"][0]["incident_number"].clone();
    scene.account.sandbox.clear();
    let twice = json!([number, ids[0], format!("#{number}")]);
    let change = json!({"incident_ids": twice, "escalation_level": 2, "fields": ["environment=staging"]});
    let made = scene.ok("update_incidents", change).await;
    assert_eq!(made["incidents"].as_array().unwrap().len(), 1, "{made}");
    let id = ids[0].as_str().unwrap();
    let custom = format!("PUT /incidents/{id}/custom_fields/values");
    assert_eq!(scene.writes(), [format!("PUT /incidents/{id}"), custom]);
    let twice = json!({"incident_id": ids[1], "source_ids": [number, ids[0]]});
    let merged = scene.ok("merge_incidents", twice).await;
    assert_eq!(merged["merged"].as_array().unwrap().len(), 1, "{merged}");
}

#[tokio::test]
async fn status_that_is_so_already_is_not_sent_again() {
    let scene = Scene::start().await;
    let id = scene.incidents("acknowledged", 1).await.remove(0);
    let change = json!({"status": "acknowledged", "title": "Slow checkout"});
    let dry = scene.ok("update_incidents", preview(&id, change.clone())).await;
    assert_eq!(dry["undo"], "undo sets the values back.", "{dry}");
    let log = async || {
        let answer = scene.ok("get_timeline", json!({"incident_id": id})).await.to_string();
        answer.matches("Acknowledged").count()
    };
    let before = log().await;
    let made = scene.ok("update_incidents", with_id(&id, change)).await;
    assert_eq!((&made["outcome"], log().await), (&json!("applied"), before), "{made}");
}

#[tokio::test]
async fn type_of_incident_is_checked_before_it_is_sent() {
    let scene = Scene::start().await;
    let id = scene.incidents("triggered", 1).await.remove(0);
    for dry_run in [true, false] {
        let mut arguments = with_id(&id, json!({"incident_type": "Security"}));
        arguments["dry_run"] = dry_run.into();
        let error = err(&scene.tools, "update_incidents", arguments).await;
        assert_eq!(error.code(), Code::InvalidParameter, "{error}");
        assert!(error.hint_text().unwrap().contains("security_incident"), "{error}");
    }
    assert_eq!(scene.writes(), Vec::<String>::new());
    let made = scene.ok("update_incidents", with_id(&id, json!({"incident_type": "security incident"}))).await;
    assert_eq!(made["incidents"][0]["after"]["incident_type"], "security_incident", "{made}");
}

#[tokio::test]
async fn unknown_priority_is_refused_with_the_names() {
    let scene = Scene::start().await;
    let id = scene.incidents("triggered", 1).await.remove(0);
    let error = err(&scene.tools, "update_incidents", with_id(&id, json!({"priority": "P9"}))).await;
    let hint = error.hint_text().unwrap();
    assert!(hint.contains("P1, P2, P3, P4, P5") && !hint.contains("get_priorities"), "{hint}");
}

#[tokio::test]
async fn custom_fields_may_be_an_object() {
    let scene = Scene::start().await;
    let id = scene.incidents("triggered", 1).await.remove(0);
    let list = json!(["environment=staging", "customers_affected=42", "regions=eu-west-1,us-east-1"]);
    let object = json!({"environment": "staging", "customers_affected": 42, "regions": ["eu-west-1", "us-east-1"]});
    let expected = scene.ok("update_incidents", preview(&id, json!({"fields": list}))).await;
    for fields in [object.clone(), object.to_string().into()] {
        let dry = scene.ok("update_incidents", preview(&id, json!({"fields": fields}))).await;
        assert_eq!(dry["incidents"][0]["after"], expected["incidents"][0]["after"], "{dry}");
    }
    let code = scene.code("update_incidents", preview(&id, json!({"fields": {"environment": {"a": 1}}}))).await;
    assert_eq!(code, Code::InvalidParameter);
}

#[tokio::test]
async fn read_only_is_named_as_the_reason_for_a_missing_undo() {
    let filter = Filter { read_only: true, ..Filter::default() };
    let toolbox = Toolbox::new(&support::config("a-token"), &filter).unwrap();
    let error = err(&toolbox, "undo", json!({"receipt": "v1.x"})).await;
    assert_eq!(error.code(), Code::UnknownTool);
    assert!(error.hint_text().unwrap().contains("--read-only"), "{error}");
    assert!(!error.envelope().to_string().contains("toolset"), "{error}");
}
