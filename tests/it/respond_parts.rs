//! Tests of the tools that snooze and merge incidents, and change their notes and alerts.

use jiff::{SignedDuration, Timestamp};
use pagerduty_api::Method;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::overrides::{Scene, all_tools};
use crate::support::{ok, rows};
use crate::tool_operations::send;

fn in_hours(hours: i64) -> String {
    (Timestamp::now() + SignedDuration::from_hours(hours)).to_string()
}

/// Returns the time at which an incident is triggered again.
async fn returns_at(scene: &Scene, id: &Value) -> Option<Timestamp> {
    let answer = scene.ok("get_incidents", json!({"incident_id": id, "include": ["pending_actions"]})).await;
    let actions = answer["incidents"][0]["pending_actions"].as_array().cloned().unwrap_or_default();
    let action = actions.into_iter().find(|action| action["type"] == "unacknowledge")?;
    action["at"].as_str()?.parse().ok()
}

/// Returns the alerts of an incident.
async fn alerts(scene: &Scene, id: &Value) -> Vec<Value> {
    let path = format!("/incidents/{}/alerts?limit=100", id.as_str().unwrap());
    let (_, answer) = send(&scene.account.sandbox, Method::Get, &path).await;
    let alerts = rows(&answer, "alerts").iter();
    alerts.map(|alert| json!([alert["id"], alert["status"], alert["created_at"], alert["alert_key"]])).collect()
}

/// Returns the IDs of two open incidents with alerts.
async fn pair(scene: &Scene) -> [Value; 2] {
    let mut found = Vec::new();
    for id in scene.incidents("triggered", 6).await {
        if !alerts(scene, &id).await.is_empty() {
            found.push(id);
        }
    }
    [found.remove(0), found.remove(0)]
}

/// Returns the texts of the notes of an incident.
async fn notes(scene: &Scene, id: &Value) -> Vec<(String, String)> {
    let answer = scene.ok("get_incidents", json!({"incident_id": id, "include_notes": true})).await;
    let notes = answer["incidents"][0]["notes"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    notes.iter().map(|note| (text(&note["id"]), text(&note["content"]))).collect()
}

fn lose(scene: &Scene, method: &str, path: &str) {
    let lost = Fault { method: Some(method.to_owned()), ..Fault::once(path, FaultKind::LostResponse) };
    scene.account.sandbox.fail(lost);
}

#[tokio::test]
async fn snoozed_incident_returns_at_the_given_time() {
    for is_lost in [false, true] {
        let scene = Scene::start().await;
        let id = scene.incidents("acknowledged", 1).await.remove(0);
        if is_lost {
            lose(&scene, "POST", "/incidents/{id}/snooze");
        }
        let until = in_hours(8);
        let made = scene.ok("snooze_incident", json!({"incident_id": id, "until": until})).await;
        assert_eq!(made["outcome"], "applied", "{made}");
        let returns = returns_at(&scene, &id).await.unwrap();
        assert!(returns.duration_since(until.parse().unwrap()).abs() < SignedDuration::from_secs(5), "{returns}");
        assert_eq!(made["warnings"].to_string().contains("did not confirm"), is_lost, "{made}");
        let again = scene.ok("snooze_incident", json!({"incident_id": id, "until": until})).await;
        assert_eq!((&again["outcome"], &again["sent"]), (&json!("already_so"), &json!(false)), "{again}");
        assert_eq!(scene.writes().len(), 1, "it was sent once");
    }
}

#[tokio::test]
async fn snooze_needs_an_acknowledged_incident_and_a_time_ahead() {
    let scene = Scene::start().await;
    for status in ["triggered", "resolved"] {
        let id = scene.incidents(status, 1).await.remove(0);
        let refused = scene.ok("snooze_incident", json!({"incident_id": id, "until": in_hours(1)})).await;
        assert_eq!(refused["outcome"], "conflict", "{refused}");
        assert!(refused["incidents"][0]["problem"].is_string(), "{refused}");
    }
    let id = scene.incidents("acknowledged", 1).await.remove(0);
    for hours in [-1, 24 * 8] {
        let code = scene.code("snooze_incident", json!({"incident_id": id, "until": in_hours(hours)})).await;
        assert_eq!(code, Code::InvalidTimeRange);
    }
    assert_eq!(scene.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn merge_moves_alerts_and_is_verified_after_lost_answer() {
    for is_lost in [false, true] {
        let scene = Scene::start().await;
        let [target, source] = pair(&scene).await;
        let count = alerts(&scene, &target).await.len() + alerts(&scene, &source).await.len();
        let arguments = json!({"incident_id": target, "source_ids": [source]});
        let mut preview = arguments.clone();
        preview["dry_run"] = true.into();
        let dry = scene.ok("merge_incidents", preview).await;
        assert_eq!((&dry["outcome"], &dry["sent"]), (&json!("dry_run"), &json!(false)), "{dry}");
        assert!(dry["undo"].as_str().unwrap().contains("cannot") && dry["into"]["id"] == target, "{dry}");
        assert_eq!(scene.writes(), Vec::<String>::new());
        if is_lost {
            lose(&scene, "PUT", "/incidents/{id}/merge");
        }
        let made = scene.ok("merge_incidents", arguments.clone()).await;
        assert_eq!((&made["outcome"], &made["receipt"]), (&json!("applied"), &Value::Null), "{made}");
        assert_eq!(alerts(&scene, &target).await.len(), count);
        assert_eq!(scene.fields(&source).await["status"], "resolved");
        let again = scene.ok("merge_incidents", arguments).await;
        assert_eq!((&again["outcome"], &again["sent"]), (&json!("already_so"), &json!(false)), "{again}");
    }
}

#[tokio::test]
async fn merge_into_resolved_or_itself_sends_nothing() {
    let scene = Scene::start().await;
    let resolved = scene.incidents("resolved", 1).await.remove(0);
    let [one, other] = pair(&scene).await;
    for arguments in
        [json!({"incident_id": resolved, "source_ids": [one]}), json!({"incident_id": one, "source_ids": [other, one]})]
    {
        let refused = scene.ok("merge_incidents", arguments.clone()).await;
        assert_eq!((&refused["outcome"], &refused["sent"]), (&json!("conflict"), &json!(false)), "{refused}");
    }
    assert_eq!(scene.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn alerts_are_changed_moved_and_put_back() {
    let scene = Scene::start().await;
    let [one, other] = pair(&scene).await;
    let all = alerts(&scene, &one).await;
    let open: Vec<_> = all.iter().filter(|alert| alert[1] == "triggered").collect();
    let id = &open[0][0];
    for change in [
        json!({"status": "resolved"}),
        json!({"move_to_id": other}),
        json!({"status": "resolved", "move_to_id": other}),
    ] {
        let before = (alerts(&scene, &one).await, alerts(&scene, &other).await);
        let mut arguments = json!({"incident_id": one, "alert_ids": [id]});
        arguments.as_object_mut().unwrap().extend(crate::support::object(change.clone()));
        let made = scene.ok("update_alerts", arguments.clone()).await;
        assert_eq!(made["outcome"], "applied", "{made}");
        assert_ne!((alerts(&scene, &one).await, alerts(&scene, &other).await), before, "{change}: {made}");
        let undone = scene.ok("undo", json!({"receipt": made["receipt"]})).await;
        assert_eq!(undone["outcome"], "applied", "{change}: {undone}");
        assert_eq!((alerts(&scene, &one).await, alerts(&scene, &other).await), before, "{change}: {undone}");
    }
    let missing =
        scene.ok("update_alerts", json!({"incident_id": one, "alert_ids": [id, "QNONE"], "status": "resolved"})).await;
    assert_eq!(missing["outcome"], "partial", "{missing}");
    let outcomes: Vec<_> = rows(&missing, "alerts").iter().map(|row| &row["outcome"]).collect();
    assert_eq!(outcomes, ["applied", "failed"], "{missing}");
}

#[tokio::test]
async fn alert_is_not_moved_to_a_resolved_incident() {
    let scene = Scene::start().await;
    let [one, _] = pair(&scene).await;
    let resolved = scene.incidents("resolved", 1).await.remove(0);
    let alert = alerts(&scene, &one).await[0][0].clone();
    for dry_run in [true, false] {
        let arguments = json!({"incident_id": one, "alert_ids": [alert], "move_to_id": resolved, "dry_run": dry_run});
        let refused = scene.ok("update_alerts", arguments).await;
        assert_eq!((&refused["outcome"], &refused["sent"]), (&json!("conflict"), &json!(false)), "{refused}");
        assert!(refused["alerts"][0]["problem"].as_str().unwrap().contains("resolved"), "{refused}");
    }
}

#[tokio::test]
async fn merge_into_merged_incident_names_where_it_went() {
    let scene = Scene::start().await;
    let ids = scene.incidents("triggered", 3).await;
    scene.ok("merge_incidents", json!({"incident_id": ids[0], "source_ids": [ids[1]]})).await;
    for (target, source) in [(&ids[1], &ids[2]), (&ids[2], &ids[1])] {
        let refused = scene.ok("merge_incidents", json!({"incident_id": target, "source_ids": [source]})).await;
        assert_eq!(refused["outcome"], "conflict", "{refused}");
        let problem = refused["merged"][0]["problem"].as_str().unwrap();
        assert!(problem.contains(ids[0].as_str().unwrap()) && !problem.contains('"'), "{problem}");
    }
}

#[tokio::test]
async fn note_is_changed_put_back_and_deleted_once() {
    for is_lost in [false, true] {
        let scene = Scene::start().await;
        let incident = scene.incidents("triggered", 1).await.remove(0);
        let text = "restarted the cosnumer ".repeat(5);
        scene.ok("add_incident_note", json!({"incident_id": incident, "content": text})).await;
        let before = notes(&scene, &incident).await;
        let id = before.iter().find(|(_, content)| *content == text).unwrap().0.clone();
        if is_lost {
            lose(&scene, "PUT", "/incidents/{id}/notes/{note_id}");
            lose(&scene, "DELETE", "/incidents/{id}/notes/{note_id}");
        }
        let better = text.replace("cosnumer", "consumer");
        let edit = json!({"incident_id": incident, "note_id": id, "content": better});
        let made = scene.ok("edit_incident_note", edit.clone()).await;
        assert_eq!(
            (&made["outcome"], &made["notes"][0]["before"]["content"]),
            (&json!("applied"), &json!(text)),
            "{made}"
        );
        assert!(notes(&scene, &incident).await.contains(&(id.clone(), better)));
        let again = scene.ok("edit_incident_note", edit).await;
        assert_eq!((&again["outcome"], &again["sent"]), (&json!("already_so"), &json!(false)), "{again}");
        let undone = scene.ok("undo", json!({"receipt": made["receipt"]})).await;
        assert_eq!(undone["outcome"], "applied", "{undone}");
        assert_eq!(notes(&scene, &incident).await, before);
        assert_eq!(scene.code("undo", json!({"receipt": made["receipt"]})).await, Code::InvalidReceipt);

        let delete = json!({"incident_id": incident, "note_id": id, "delete": true});
        let gone = scene.ok("edit_incident_note", delete.clone()).await;
        assert_eq!((&gone["outcome"], &gone["receipt"]), (&json!("applied"), &Value::Null), "{gone}");
        assert_eq!(gone["notes"][0]["before"]["content"], text, "its text is not lost");
        assert!(notes(&scene, &incident).await.iter().all(|(note, _)| *note != id));
        let again = scene.ok("edit_incident_note", delete).await;
        assert_eq!(again["outcome"], "already_so", "{again}");
        let code =
            scene.code("edit_incident_note", json!({"incident_id": incident, "note_id": "PNONE1", "delete": true}));
        assert_eq!(code.await, Code::NotFound);
    }
}

#[tokio::test]
async fn note_of_another_user_is_not_changed() {
    let scene = Scene::start().await;
    let me = scene.ok("build_user_context", json!({})).await["user_id"].clone();
    let mut found = None;
    for id in scene.incidents("resolved", 40).await {
        let answer = scene.ok("get_incidents", json!({"incident_id": id, "include_notes": true})).await;
        let notes = answer["incidents"][0]["notes"].as_array().cloned().unwrap_or_default();
        if let Some(note) = notes.iter().find(|note| note["user"]["id"] != me) {
            found = Some((id, note["id"].clone()));
            break;
        }
    }
    let (incident, note) = found.expect("a note by another user");
    let refused =
        scene.ok("edit_incident_note", json!({"incident_id": incident, "note_id": note, "delete": true})).await;
    assert_eq!((&refused["outcome"], &refused["sent"]), (&json!("conflict"), &json!(false)), "{refused}");
    assert_eq!(scene.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn two_clients_at_once_resolve_each_incident_once() {
    let scene = Scene::start().await;
    let other = all_tools(&scene.account, |_| {});
    for ids in scene.incidents("triggered", 6).await.chunks(3) {
        let arguments = json!({"incident_ids": ids, "status": "resolved"});
        let (one, two) = tokio::join!(
            scene.ok("update_incidents", arguments.clone()),
            ok(&other, "update_incidents", arguments.clone())
        );
        for answer in [&one, &two] {
            let outcome = answer["outcome"].as_str().unwrap();
            assert!(["applied", "already_so"].contains(&outcome), "{answer}");
        }
        let applied =
            |answer: &Value| rows(answer, "incidents").iter().filter(|row| row["outcome"] == "applied").count();
        assert_eq!(applied(&one) + applied(&two), 3, "each was resolved once: {one} {two}");
    }
}
