//! Tests of `undo` after other changes: what another user changed stays, and the answer says who changed it when.

use std::sync::Arc;
use std::time::Duration;

use pagerduty_mcp_server::config::Host;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Options, tokens};
use pagerduty_mcp_server::tools::Toolbox;
use serde_json::{Value, json};

use crate::overrides::{Scene, all_tools};
use crate::support::{self, Account, err, ok, rows};

/// Returns the name of another user, and the tools of that user.
async fn other_user(scene: &Scene) -> (String, Arc<Toolbox>) {
    let me = scene.ok("build_user_context", json!({})).await["user_id"].clone();
    let users = scene.ok("get_users", json!({"limit": 50})).await;
    let other = rows(&users, "users").iter().find(|user| user["id"] != me && user["role"] != "observer").unwrap();
    let token = tokens::of_user(other["id"].as_str().unwrap());
    let tools = all_tools(&scene.account, |config| {
        *config = support::config(&token);
        config.host = Host::parse(scene.account.sandbox.url()).unwrap();
        config.max_response_tokens = None;
    });
    (other["name"].as_str().unwrap().to_owned(), tools)
}

/// Lets the time pass within which the entries of a change follow each other.
fn later(scene: &Scene) {
    scene.account.sandbox.put_forward(Duration::from_secs(30));
}

fn with_id(id: &Value, mut change: Value) -> Value {
    change["incident_ids"] = json!([id]);
    change
}

#[tokio::test]
async fn used_receipt_does_not_revert_equal_change_by_another() {
    let scene = Scene::start().await;
    let (name, colleague) = other_user(&scene).await;
    let id = scene.incidents("triggered", 1).await.remove(0);
    let change = with_id(&id, json!({"status": "acknowledged", "urgency": "low", "priority": "P2"}));
    let made = scene.ok("update_incidents", change.clone()).await;
    let receipt = json!({"receipt": made["receipt"]});
    assert_eq!(scene.ok("undo", receipt.clone()).await["outcome"], "applied");
    later(&scene);
    assert_eq!(ok(&colleague, "update_incidents", change).await["outcome"], "applied");
    let (fields, sent) = (scene.fields(&id).await, scene.writes().len());

    assert_eq!(scene.code("undo", receipt.clone()).await, Code::InvalidReceipt);
    // Another process does not know that the receipt was used.
    let refused = ok(&all_tools(&scene.account, |_| {}), "undo", receipt).await;
    assert_eq!((&refused["outcome"], &refused["sent"]), (&json!("conflict"), &json!(false)), "{refused}");
    let problem = refused["incidents"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("to the same values") && problem.contains(&name), "{problem}");
    assert_eq!((scene.fields(&id).await, scene.writes().len()), (fields, sent));
}

#[tokio::test]
async fn receipt_that_finds_the_change_undone_is_used_up() {
    let scene = Scene::start().await;
    let (name, colleague) = other_user(&scene).await;
    let id = scene.incidents("triggered", 1).await.remove(0);
    let change = with_id(&id, json!({"status": "acknowledged", "priority": "P2"}));
    let made = scene.ok("update_incidents", change.clone()).await;
    let receipt = json!({"receipt": made["receipt"]});
    let other = all_tools(&scene.account, |_| {});
    assert_eq!(ok(&other, "undo", receipt.clone()).await["outcome"], "applied");
    let again = scene.ok("undo", receipt.clone()).await;
    assert_eq!(again["outcome"], "already_so", "another process undid it: {again}");
    // The colleague makes the same change within the same seconds.
    ok(&colleague, "update_incidents", change).await;
    let sent = scene.writes().len();
    assert_eq!(scene.code("undo", receipt.clone()).await, Code::InvalidReceipt);
    let refused = ok(&all_tools(&scene.account, |_| {}), "undo", receipt).await;
    assert_eq!(refused["outcome"], "conflict", "{refused}");
    assert!(refused["incidents"][0]["problem"].as_str().unwrap().contains(&name), "{refused}");
    assert_eq!(scene.writes().len(), sent);
}

#[tokio::test]
async fn later_change_of_any_of_many_incidents_is_seen() {
    let scene = Scene::start().await;
    let (name, colleague) = other_user(&scene).await;
    let ids = scene.incidents("resolved", 60).await;
    let change = json!({"incident_ids": ids, "incident_type": "major_incident"});
    let made = scene.ok("update_incidents", change).await;
    let receipt = json!({"receipt": made["receipt"]});
    let last = rows(&made, "incidents")
        .iter()
        .filter(|row| row["outcome"] == "applied")
        .max_by_key(|row| row["incident_number"].as_u64());
    let last = last.unwrap()["id"].clone();
    for kind in ["security_incident", "major_incident"] {
        ok(&colleague, "update_incidents", with_id(&last, json!({"incident_type": kind}))).await;
    }
    let undone = scene.ok("undo", receipt).await;
    assert_eq!(undone["outcome"], "partial", "{undone}");
    for row in rows(&undone, "incidents") {
        let expected = if row["id"] == last { "conflict" } else { "applied" };
        assert_eq!(row["outcome"], expected, "{row}");
    }
    let refused = rows(&undone, "incidents").iter().find(|row| row["id"] == last).unwrap();
    assert!(refused["problem"].as_str().unwrap().contains(&name), "{refused}");
}

#[tokio::test]
async fn conflict_says_who_changed_each_field_when() {
    let scene = Scene::start().await;
    let (name, colleague) = other_user(&scene).await;
    let policies = scene.ok("get_escalation_policies", json!({"limit": 50})).await;
    let policy = |place: usize| rows(&policies, "escalation_policies")[place]["id"].clone();
    let users = scene.ok("get_users", json!({"limit": 50})).await;
    let user = |place: usize| rows(&users, "users")[place]["id"].clone();
    for (field, mine, theirs) in [
        ("status", json!({"status": "acknowledged"}), vec![json!({"status": "resolved"})]),
        ("title", json!({"title": "One"}), vec![json!({"title": "Two"})]),
        // There are two values, so it is set back and forth.
        ("urgency", json!({"urgency": "low"}), vec![json!({"urgency": "high"}), json!({"urgency": "low"})]),
        ("priority", json!({"priority": "P3"}), vec![json!({"priority": "P4"})]),
        ("assignees", json!({"assignee_ids": [user(4)]}), vec![json!({"assignee_ids": [user(5)]})]),
        ("escalation_policy", json!({"policy_id": policy(3)}), vec![json!({"policy_id": policy(2)})]),
        (
            "incident_type",
            json!({"incident_type": "major_incident"}),
            vec![json!({"incident_type": "security_incident"})],
        ),
        (
            "conference_url",
            json!({"conference_url": "https://meet.example/1"}),
            vec![json!({"conference_url": "https://meet.example/2"})],
        ),
        (
            "custom_fields.environment",
            json!({"fields": {"environment": "staging"}}),
            vec![json!({"fields": ["environment=development"]})],
        ),
    ] {
        let id = scene.incidents("triggered", 1).await.remove(0);
        if field == "urgency" {
            scene.ok("update_incidents", with_id(&id, json!({"urgency": "high"}))).await;
        }
        let made = scene.ok("update_incidents", with_id(&id, mine)).await;
        assert_eq!(made["outcome"], "applied", "{field}: {made}");
        later(&scene);
        for change in theirs {
            let changed = ok(&colleague, "update_incidents", with_id(&id, change)).await;
            assert_eq!(changed["outcome"], "applied", "{field}: {changed}");
        }
        let sent = scene.writes().len();
        let refused = scene.ok("undo", json!({"receipt": made["receipt"]})).await;
        assert_eq!(refused["outcome"], "conflict", "{field}: {refused}");
        let problem = refused["incidents"][0]["problem"].as_str().unwrap();
        let year = jiff::Timestamp::now().strftime(" at %Y-").to_string();
        for part in [field, name.as_str(), year.as_str(), "Nothing was sent"] {
            assert!(problem.contains(part), "{field}: {part:?} is missing: {problem}");
        }
        assert_eq!(scene.writes().len(), sent, "{field}");
    }
}

#[tokio::test]
async fn resolution_is_shown_and_stays_after_undo() {
    let scene = Scene::start().await;
    let id = scene.incidents("triggered", 1).await.remove(0);
    let change = with_id(&id, json!({"status": "resolved", "resolution": "restarted the consumer"}));
    let mut preview = change.clone();
    preview["dry_run"] = true.into();
    let dry = scene.ok("update_incidents", preview).await;
    assert_eq!(dry["incidents"][0]["after"]["resolution"], "restarted the consumer", "{dry}");
    assert!(dry["undo"].as_str().unwrap().contains("stays as a note"), "{dry}");
    let made = scene.ok("update_incidents", change).await;
    assert_eq!(made["incidents"][0]["after"]["resolution"], "restarted the consumer", "{made}");
    for dry_run in [true, false] {
        let undone = scene.ok("undo", json!({"receipt": made["receipt"], "dry_run": dry_run})).await;
        assert!(undone["warnings"].to_string().contains("stays as a note"), "{undone}");
    }
    assert_eq!(scene.fields(&id).await["status"], "triggered");
}

#[tokio::test]
async fn snooze_that_replaced_another_is_undone_by_its_receipt() {
    let scene = Scene::start().await;
    let id = scene.incidents("acknowledged", 1).await.remove(0);
    let snooze = |hours: i64| {
        let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours);
        json!({"incident_id": id, "until": until})
    };
    let returns = async || {
        let shown = scene.ok("get_incidents", json!({"incident_id": id, "include": ["pending_actions"]})).await;
        let actions = shown["incidents"][0]["pending_actions"].as_array().cloned().unwrap_or_default();
        let action = actions.into_iter().find(|action| action["type"] == "unacknowledge");
        action.map(|action| action["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap())
    };
    scene.ok("snooze_incident", snooze(2)).await;
    let before = returns().await.unwrap();
    let made = scene.ok("snooze_incident", snooze(5)).await;
    let receipt = json!({"receipt": made["receipt"]});
    let undone = scene.ok("undo", receipt.clone()).await;
    assert_eq!(undone["outcome"], "applied", "{made} {undone}");
    let now = returns().await.unwrap();
    assert!(now.duration_since(before).abs() <= jiff::SignedDuration::from_secs(2), "{before} {now}");
    assert_eq!(scene.code("undo", receipt).await, Code::InvalidReceipt);

    // A later snooze by another user stays.
    let made = scene.ok("snooze_incident", snooze(5)).await;
    let (name, colleague) = other_user(&scene).await;
    later(&scene);
    ok(&colleague, "snooze_incident", snooze(7)).await;
    let refused = scene.ok("undo", json!({"receipt": made["receipt"]})).await;
    assert_eq!(refused["outcome"], "conflict", "{refused}");
    assert!(refused["incidents"][0]["problem"].as_str().unwrap().contains(&name), "{refused}");
}

#[tokio::test]
async fn receipt_of_many_incidents_stays_short() {
    let options = Options { incidents: 2_000, ..Options::default() };
    let account = Account::with(tokens::USER, options, |_| {}).await;
    let tools = all_tools(&account, |_| {});
    account.sandbox.limit_rate(10_000);
    let scene = Scene { account, tools };
    let found = json!({"scope": "all", "limit": 500, "include": ["id"], "statuses": ["resolved"]});
    let found = scene.ok("search_incidents", found).await;
    let ids: Vec<_> = rows(&found, "incidents").iter().map(|row| row["id"].clone()).collect();
    assert_eq!(ids.len(), 500);
    let made = scene.ok("update_incidents", json!({"incident_ids": ids, "incident_type": "major_incident"})).await;
    assert_eq!(made["outcome"], "applied");
    let receipt = made["receipt"].as_str().unwrap();
    assert!(receipt.len() < 2_000, "{} characters", receipt.len());
    println!("{} characters, {} tokens", receipt.len(), support::tokens_of(receipt));
    scene.account.sandbox.clear();
    let undone = scene.ok("undo", json!({ "receipt": receipt })).await;
    assert_eq!(undone["outcome"], "applied");
    // Some had the type before.
    let changed = |answer: &Value| rows(answer, "incidents").iter().filter(|row| row["outcome"] == "applied").count();
    assert_eq!((changed(&undone), changed(&made) > 400), (changed(&made), true));
    assert_eq!(scene.writes(), ["PUT /incidents", "PUT /incidents"]);
    let reads = scene.account.sandbox.requests().len();
    assert!(reads < 600, "each incident is read once: {reads} requests");
    let again = err(&scene.tools, "undo", json!({ "receipt": receipt })).await;
    assert_eq!(again.code(), Code::InvalidReceipt);
}
