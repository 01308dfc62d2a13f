//! Tests of the toolset `respond`: what each change shows and sends, and that its receipt undoes it.

use std::collections::HashSet;
use std::time::Duration;

use pagerduty_mcp_server::config::Host;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, tokens};
use serde_json::{Value, json};

use crate::overrides::{Scene, all_tools};
use crate::support::{self, Account, err, ok, rows};

/// The fields of an incident that a change may concern.
const FIELDS: [&str; 9] = [
    "status",
    "title",
    "urgency",
    "priority",
    "assignments",
    "escalation_policy",
    "incident_type",
    "conference_bridge",
    "custom_fields",
];

impl Scene {
    /// Returns the IDs of open incidents with a status.
    pub async fn incidents(&self, status: &str, count: usize) -> Vec<Value> {
        let arguments = json!({"scope": "all", "statuses": [status], "limit": count, "include": ["id"]});
        let found = self.ok("search_incidents", arguments).await;
        let ids: Vec<_> = rows(&found, "incidents").iter().map(|row| row["id"].clone()).collect();
        assert_eq!(ids.len(), count, "{status}");
        ids
    }

    /// Returns the fields of an incident that a change may concern, without the times of assignments.
    pub async fn fields(&self, id: &Value) -> Value {
        let answer = self.ok("get_incidents", json!({"incident_id": id, "include": FIELDS})).await;
        let mut incident = answer["incidents"][0].clone();
        for assignment in incident["assignments"].as_array_mut().into_iter().flatten() {
            assignment.as_object_mut().unwrap().shift_remove("at");
        }
        incident
    }

    /// Returns the ID of another user than the assignees of an incident.
    pub async fn colleague(&self, id: &Value) -> Value {
        let assigned = self.fields(id).await["assignments"].to_string();
        let users = self.ok("get_users", json!({"limit": 50})).await;
        let other = |user: &&Value| !assigned.contains(user["id"].as_str().unwrap());
        rows(&users, "users").iter().find(other).unwrap()["id"].clone()
    }
}

fn with(arguments: &Value, more: Value) -> Value {
    let mut arguments = arguments.clone();
    arguments.as_object_mut().unwrap().extend(support::object(more));
    arguments
}

/// Returns arguments for a change of each field, for an incident with a status.
async fn changes(scene: &Scene) -> Vec<(&'static str, Value)> {
    let users = scene.ok("get_users", json!({"limit": 50})).await;
    let email = rows(&users, "users")[4]["email"].clone();
    let policies = scene.ok("get_escalation_policies", json!({"limit": 50})).await;
    let policy = rows(&policies, "escalation_policies")[3]["name"].clone();
    vec![
        ("triggered", json!({"status": "acknowledged"})),
        ("triggered", json!({"status": "resolved", "resolution": "restarted"})),
        ("acknowledged", json!({"status": "resolved"})),
        ("acknowledged", json!({"status": "triggered"})),
        ("resolved", json!({"status": "triggered"})),
        ("triggered", json!({"title": "Disk of db-1 is full", "urgency": "low"})),
        ("triggered", json!({"priority": "P3"})),
        ("triggered", json!({"incident_type": "security_incident"})),
        ("acknowledged", json!({"assignee_ids": [email]})),
        ("triggered", json!({"policy_id": policy})),
        ("triggered", json!({"escalation_level": 2})),
        ("triggered", json!({"conference_url": "https://meet.example/1"})),
        (
            "triggered",
            json!({"fields": ["environment=staging", "customers_affected=42", "regions=eu-west-1, us-east-1"]}),
        ),
    ]
}

#[tokio::test]
async fn receipt_undoes_each_change_field_by_field() {
    let scene = Scene::start().await;
    for (status, change) in changes(&scene).await {
        let id = scene.incidents(status, 1).await.remove(0);
        let before = scene.fields(&id).await;
        let arguments = with(&change, json!({"incident_ids": [id]}));
        let sent = scene.writes().len();

        let dry = scene.ok("update_incidents", with(&arguments, json!({"dry_run": true}))).await;
        assert_eq!((&dry["outcome"], &dry["sent"]), (&json!("dry_run"), &json!(false)), "{change}: {dry}");
        assert!(dry["pages"].is_array() && dry["receipt"].is_null(), "{change}: {dry}");
        assert_eq!(scene.writes().len(), sent, "{change}: a dry run sends nothing");

        let made = scene.ok("update_incidents", arguments.clone()).await;
        assert_eq!((&made["outcome"], &made["sent"]), (&json!("applied"), &json!(true)), "{change}: {made}");
        let row = &made["incidents"][0];
        assert_eq!((&row["id"], &row["outcome"]), (&id, &json!("applied")), "{made}");
        for name in row["before"].as_object().unwrap().keys() {
            assert_ne!(row["before"][name], row["after"][name], "{change}: {made}");
        }
        assert_ne!(scene.fields(&id).await, before, "{change}: {made}");
        let receipt = made["receipt"].as_str().unwrap_or_else(|| panic!("{change}: {made}"));

        let dry = scene.ok("undo", json!({"receipt": receipt, "dry_run": true})).await;
        assert_eq!((&dry["outcome"], &dry["sent"]), (&json!("dry_run"), &json!(false)), "{change}: {dry}");
        let undone = scene.ok("undo", json!({"receipt": receipt})).await;
        assert_eq!(undone["outcome"], "applied", "{change}: {undone}");
        let mut expected = Vec::new();
        if !change["resolution"].is_null() {
            expected.push("The resolution stays as a note.");
        }
        if status == "acknowledged" && !change["status"].is_null() {
            expected.push("An acknowledgement that is set back is that of the user who undoes the change.");
        }
        let shown = undone["warnings"].as_array().cloned().unwrap_or_default();
        assert_eq!(shown, expected, "{change}: {undone}");
        assert_eq!(scene.fields(&id).await, before, "{change}: {made} {undone}");
        assert_eq!(undone["pages"], dry["pages"], "{change}: {undone}");
        let fresh = all_tools(&scene.account, |_| {});
        let other = ok(&fresh, "undo", json!({"receipt": receipt})).await;
        assert_eq!((&other["outcome"], &other["sent"]), (&json!("already_so"), &json!(false)), "{change}: {other}");

        let sent = scene.writes().len();
        let again = scene.code("undo", json!({"receipt": receipt})).await;
        assert_eq!(again, Code::InvalidReceipt, "{change}");
        assert_eq!(scene.writes().len(), sent, "{change}: the second undo sends nothing");
    }
}

#[tokio::test]
async fn reaching_the_wanted_state_again_is_no_error() {
    let scene = Scene::start().await;
    for change in [json!({"status": "resolved"}), json!({"priority": "P2", "urgency": "high"})] {
        let arguments = with(&change, json!({"incident_ids": scene.incidents("triggered", 1).await}));
        scene.ok("update_incidents", arguments.clone()).await;
        let sent = scene.writes().len();
        let again = scene.ok("update_incidents", arguments).await;
        assert_eq!((&again["outcome"], &again["sent"]), (&json!("already_so"), &json!(false)), "{again}");
        assert!(again["receipt"].is_null() && scene.writes().len() == sent, "{again}");
    }
}

#[tokio::test]
async fn undo_is_refused_after_another_change() {
    let scene = Scene::start().await;
    let id = scene.incidents("triggered", 1).await.remove(0);
    let title = json!({"incident_ids": [id], "title": "One"});
    let made = scene.ok("update_incidents", title).await;
    let resolved = scene.ok("update_incidents", json!({"incident_ids": [id], "status": "resolved"})).await;
    scene.ok("update_incidents", json!({"incident_ids": [id], "status": "triggered", "title": "Two"})).await;
    scene.ok("update_incidents", json!({"incident_ids": [id], "status": "acknowledged"})).await;
    let sent = scene.writes().len();
    let refused = scene.ok("undo", json!({"receipt": made["receipt"]})).await;
    assert_eq!((&refused["outcome"], &refused["sent"]), (&json!("conflict"), &json!(false)), "{refused}");
    let problem = refused["incidents"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("Changed since: title"), "{problem}");
    let refused = scene.ok("undo", json!({"receipt": resolved["receipt"]})).await;
    let me = scene.ok("build_user_context", json!({})).await["name"].clone();
    let problem = refused["incidents"][0]["problem"].as_str().unwrap();
    assert!(problem.contains(me.as_str().unwrap()), "it names the user: {problem}");
    assert_eq!(scene.writes().len(), sent);
}

#[tokio::test]
async fn receipt_is_useless_to_another_credential() {
    let scene = Scene::start().await;
    let id = scene.incidents("triggered", 1).await.remove(0);
    let made = scene.ok("update_incidents", json!({"incident_ids": [id], "urgency": "low"})).await;
    let receipt = made["receipt"].as_str().unwrap();
    assert!(!receipt.contains(tokens::USER));
    let colleague = all_tools(&scene.account, |config| {
        *config = support::config(tokens::TEAMLESS);
        config.host = Host::parse(scene.account.sandbox.url()).unwrap();
    });
    let error = err(&colleague, "undo", json!({ "receipt": receipt })).await;
    assert_eq!(error.code(), Code::InvalidReceipt, "{error}");
    let again = all_tools(&scene.account, |_| {});
    let undone = ok(&again, "undo", json!({ "receipt": receipt })).await;
    assert_eq!(undone["outcome"], "applied", "another process with the same credential can use it: {undone}");
}

#[tokio::test]
async fn bulk_reports_item_by_item_and_hides_nothing() {
    let scene = Scene::start().await;
    let mut ids = scene.incidents("triggered", 5).await;
    let resolved = scene.incidents("resolved", 1).await.remove(0);
    ids.extend([resolved.clone(), json!("QNOSUCHINCIDEN")]);
    scene.account.sandbox.clear();
    let made = scene.ok("update_incidents", json!({"incident_ids": ids, "status": "acknowledged"})).await;
    assert_eq!(made["outcome"], "partial", "{made}");
    let outcomes: Vec<_> = rows(&made, "incidents").iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["applied", "applied", "applied", "applied", "applied", "conflict", "failed"], "{made}");
    assert!(made["incidents"][5]["problem"].as_str().unwrap().contains("reopen"), "{made}");
    assert!(made["incidents"][6]["problem"].as_str().unwrap().contains("NOT_FOUND"), "{made}");
    assert_eq!(scene.writes(), ["PUT /incidents"], "one request");
    for id in &ids[..5] {
        assert_eq!(scene.fields(id).await["status"], "acknowledged");
    }
    let undone = scene.ok("undo", json!({"receipt": made["receipt"]})).await;
    assert_eq!(undone["outcome"], "applied", "{undone}");
    for id in &ids[..5] {
        assert_eq!(scene.fields(id).await["status"], "triggered");
    }
}

#[tokio::test]
async fn refused_portion_is_sent_again_without_the_bad_item() {
    let scene = Scene::start().await;
    let ids = scene.incidents("triggered", 8).await;
    // Another client resolves one of them after it was read.
    let other = all_tools(&scene.account, |_| {});
    let late = FaultKind::Delay(Duration::from_millis(400));
    scene.account.sandbox.fail(Fault { method: Some("PUT".into()), ..Fault::once("/incidents", late) });
    let arguments = json!({"incident_ids": ids, "status": "resolved"});
    let race = async {
        while !scene.writes().contains(&"PUT /incidents".to_owned()) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        ok(&other, "resolve_incident", json!({"incident_id": ids[3]})).await
    };
    let (made, _) = tokio::join!(scene.ok("update_incidents", arguments), race);
    for (place, row) in rows(&made, "incidents").iter().enumerate() {
        let expected = if place == 3 { "already_so" } else { "applied" };
        assert_eq!(row["outcome"], expected, "{made}");
    }
    for id in &ids {
        assert_eq!(scene.fields(id).await["status"], "resolved");
    }
}

#[tokio::test]
async fn more_than_a_portion_is_sent_in_several() {
    let options = Options { incidents: 1_500, ..Options::default() };
    let account = Account::with(tokens::USER, options, |_| {}).await;
    let tools = all_tools(&account, |_| {});
    let scene = Scene { account, tools };
    let found = json!({"scope": "all", "limit": 260, "include": ["id"], "statuses": ["resolved"]});
    let ids: Vec<_> =
        rows(&scene.ok("search_incidents", found).await, "incidents").iter().map(|row| row["id"].clone()).collect();
    assert_eq!(ids.len(), 260);
    scene.account.sandbox.clear();
    let made = scene.ok("update_incidents", json!({"incident_ids": ids, "title": "Closed in bulk"})).await;
    assert_eq!(made["outcome"], "applied", "{made}");
    assert_eq!(scene.writes(), ["PUT /incidents", "PUT /incidents"]);
    let distinct: HashSet<_> = rows(&made, "incidents").iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(distinct.len(), 260);
    let undone = scene.ok("undo", json!({"receipt": made["receipt"]})).await;
    assert_eq!(undone["outcome"], "applied");
}

#[tokio::test]
async fn ambiguous_name_changes_nothing() {
    let scene = Scene::start().await;
    let id = scene.incidents("triggered", 1).await.remove(0);
    for (arguments, code) in [
        (json!({"policy_id": "primary"}), None),
        (json!({"priority": "P77"}), Some(Code::InvalidParameter)),
        (json!({"assignee_ids": ["unknown@acme.example"]}), Some(Code::InvalidUserId)),
        (json!({"fields": ["no_such_field=1"]}), Some(Code::InvalidParameter)),
        (json!({"fields": ["customers_affected=many"]}), Some(Code::InvalidParameter)),
        (json!({}), Some(Code::MissingParameter)),
        (json!({"resolution": "done"}), Some(Code::MissingParameter)),
        (json!({"assignee_ids": ["me"], "escalation_level": 2}), Some(Code::ConflictingParameters)),
        (json!({"assignee_ids": ["me"], "status": "resolved"}), Some(Code::ConflictingParameters)),
    ] {
        let found = scene.code("update_incidents", with(&arguments, json!({"incident_ids": [id]}))).await;
        assert!(code.is_none_or(|code| code == found), "{arguments}: {found}");
    }
    assert_eq!(scene.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn dry_run_names_the_users_it_would_page() {
    let scene = Scene::start().await;
    let id = scene.incidents("triggered", 1).await.remove(0);
    let user = scene.colleague(&id).await;
    let preview = |more: Value| with(&more, json!({"incident_ids": [id], "dry_run": true}));
    let dry = scene.ok("update_incidents", preview(json!({"assignee_ids": [user]}))).await;
    assert_eq!((&dry["pages"][0]["id"], rows(&dry, "pages").len()), (&user, 1), "{dry}");
    assert!(dry["pages"][0]["name"].is_string() && dry["undo"].is_string(), "{dry}");
    let policy = scene.fields(&id).await["escalation_policy"]["id"].clone();
    let oncalls =
        scene.ok("get_oncalls", json!({"current_user_context": false, "escalation_policy_ids": [policy]})).await;
    let second: HashSet<_> = rows(&oncalls, "oncalls")
        .iter()
        .filter(|oncall| oncall["escalation_level"] == 2)
        .map(|oncall| oncall["user"]["id"].as_str().unwrap())
        .collect();
    let dry = scene.ok("update_incidents", preview(json!({"escalation_level": 2}))).await;
    let paged: HashSet<_> = rows(&dry, "pages").iter().map(|user| user["id"].as_str().unwrap()).collect();
    assert_eq!(paged, second, "{dry}");
    assert_eq!(scene.writes(), Vec::<String>::new());
}
