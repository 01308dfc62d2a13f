//! Tests of the parts of PagerDuty's objects that reach the reader: names beside IDs, marks of deletion, and details of
//! alerts.

use pagerduty_mcp_server::sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::support::{Account, rows, warnings};

/// Returns the rows that a tool makes of PagerDuty's answer to `path`.
async fn shown(account: &Account, tool: &str, arguments: Value, path: &str, answer: Value) -> Value {
    account.sandbox.clear();
    account.sandbox.fail(Fault::once(path, FaultKind::WrongJson(answer)));
    account.ok(tool, arguments).await[tool.trim_start_matches("get_")].clone()
}

/// Returns a reference to an object that no longer exists.
fn gone(id: &str, summary: &str) -> Value {
    json!({"id": id, "type": "user_reference", "summary": summary, "self": null, "html_url": null,
        "deleted_at": "2022-03-22T13:00:15-04:00"})
}

/// Returns the number of objects in a value that are marked as deleted.
fn marks(value: &Value) -> usize {
    match value {
        Value::Object(fields) => {
            usize::from(fields.contains_key("deleted_at")) + fields.values().map(marks).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(marks).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[tokio::test]
async fn deleted_objects_are_marked_everywhere() {
    let account = Account::start().await;
    let ada = || gone("PU3", "Former Colleague");
    let at = "2026-11-29T10:00:00Z";
    let policy = json!({"id": "P1", "name": "Core", "services": [ada()], "teams": [ada()],
        "escalation_rules": [{"id": "R1", "escalation_delay_in_minutes": 30, "targets": [ada()]}]});
    let schedule = json!({"id": "S1", "name": "Nights", "escalation_policies": [ada()], "teams": [ada()],
        "schedule_layers": [{"name": "L", "users": [{"user": ada()}, ada()]}], "users": [ada()],
        "final_schedule": {"rendered_schedule_entries": [{"start": at, "end": at, "user": ada()}]},
        "overrides_subschedule": {"rendered_schedule_entries": [{"start": at, "end": at, "user": ada()}]}});
    let incident = json!({"id": "Q1", "title": "t", "service": ada(), "escalation_policy": ada(), "teams": [ada()],
        "last_status_change_by": ada(), "assignments": [{"at": at, "assignee": ada()}],
        "acknowledgements": [{"at": at, "acknowledger": ada()}], "first_trigger_log_entry": ada()});
    let oncall = json!({"user": ada(), "schedule": ada(), "escalation_policy": ada(), "escalation_level": 1});
    let mut user = ada();
    user["contact_methods"] = json!([ada()]);
    user["teams"] = json!([ada()]);
    let note = json!({"id": "N1", "content": "c", "user": ada(), "channel": {"summary": "web"}});
    let filter = json!({"current_user_context": false, "schedule_ids": ["S1"]});
    for (tool, arguments, path, answer, count) in [
        ("get_escalation_policies", json!({}), "/escalation_policies", json!({"escalation_policies": [policy]}), 3),
        (
            "get_escalation_policies",
            json!({"policy_id": "P1", "include": ["services", "escalation_rules"]}),
            "/escalation_policies/{id}",
            json!({"escalation_policy": policy}),
            2,
        ),
        ("get_schedules", json!({}), "/schedules", json!({"schedules": [schedule]}), 6),
        (
            "get_schedules",
            json!({"schedule_id": "S1", "include": ["users", "schedule_layers"]}),
            "/schedules/{id}",
            json!({"schedule": schedule}),
            3,
        ),
        ("get_incidents", json!({}), "/incidents", json!({"incidents": [incident]}), 6),
        (
            "get_incidents",
            json!({"incident_id": "Q1", "include": ["service", "first_trigger_log_entry"]}),
            "/incidents/{id}",
            json!({"incident": incident}),
            2,
        ),
        ("get_oncalls", filter, "/oncalls", json!({"oncalls": [oncall]}), 3),
        ("get_users", json!({}), "/users", json!({"users": [user]}), 3),
        ("get_users", json!({"include": ["id"]}), "/users", json!({"users": [user]}), 1),
        ("get_services", json!({}), "/services", json!({"services": [{"id": "P1", "integrations": [ada()]}]}), 1),
    ] {
        let rows = shown(&account, tool, arguments.clone(), path, answer).await;
        assert_eq!(marks(&rows), count, "{tool} {arguments}: {rows}");
    }
    let id = account.ok("get_incidents", json!({"limit": 1, "include": ["id"]})).await["incidents"][0]["id"].clone();
    account.sandbox.fail(Fault::once("/incidents/{id}/notes", FaultKind::WrongJson(json!({"notes": [note]}))));
    let answer = account.ok("get_incidents", json!({"incident_id": id, "include": ["notes"]})).await;
    assert_eq!(marks(&answer), 1, "{answer}");
}

#[tokio::test]
async fn default_field_references_have_names() {
    let account = Account::start().await;
    let named = |id: &str| json!({"id": id, "type": "x_reference", "summary": format!("name of {id}"), "self": "s"});
    let incident = json!({"id": "Q1", "title": "t", "service": named("P1"), "escalation_policy": named("P2")});
    let policy = json!({"id": "P1", "name": "Core", "services": [named("P2")]});
    let user = json!({"id": "P1", "contact_methods": [named("P2")], "notification_rules": [named("P3")]});
    for (tool, path, key, row, at) in [
        ("get_incidents", "/incidents", "incidents", &incident, "/0/service"),
        ("get_incidents", "/incidents", "incidents", &incident, "/0/escalation_policy"),
        ("get_escalation_policies", "/escalation_policies", "escalation_policies", &policy, "/0/services/0"),
        ("get_teams", "/teams", "teams", &json!({"id": "P1", "parent": named("P2")}), "/0/parent"),
        ("get_users", "/users", "users", &user, "/0/contact_methods/0"),
        ("get_users", "/users", "users", &user, "/0/notification_rules/0"),
    ] {
        let rows = shown(&account, tool, json!({}), path, json!({ key: [row] })).await;
        let reference = rows.pointer(at).unwrap_or_else(|| panic!("no {at} in {rows}"));
        let name = format!("name of {}", reference["id"].as_str().unwrap());
        assert_eq!(reference["summary"], name, "{tool} {at}");
    }
    let whole = json!({"id": "P1", "type": "service", "summary": "Checkout", "self": "s", "name": "Checkout",
        "status": "active", "teams": []});
    let incident = json!({"incident": {"id": "Q1", "service": whole}});
    let arguments = json!({"incident_id": "Q1", "include": ["service"]});
    let rows = shown(&account, "get_incidents", arguments, "/incidents/{id}", incident).await;
    assert_eq!(rows, json!([{"service": {"id": "P1", "summary": "Checkout"}}]));
}

#[tokio::test]
async fn layer_users_are_shown_wrapped_or_not() {
    let account = Account::start().await;
    let ada = json!({"id": "P1", "type": "user_reference", "summary": "Ada", "self": "s"});
    let schedule = json!({"id": "S1", "schedule_layers": [{"name": "L",
        "users": [{"user": ada}, ada, {"user": null}, null, {"id": "P2", "user": null}]}]});
    let rows = shown(&account, "get_schedules", json!({}), "/schedules", json!({"schedules": [schedule]})).await;
    let ada = json!({"id": "P1", "summary": "Ada"});
    assert_eq!(rows[0]["schedule_layers"][0]["users"], json!([ada, ada, {"id": "P2"}]));
}

#[tokio::test]
async fn incident_by_id_shows_alert_body() {
    let account = Account::start().await;
    let runbook = json!({"type": "link", "href": "https://wiki.example/disk", "text": "Runbook"});
    let host = json!({"id": "1", "type": "host", "self": "s", "summary": "db-1", "rack": "R7"});
    let payload = json!({"severity": "critical", "source_origin": "db-1", "dedup_key": "disk/db-1",
        "contexts": [runbook], "client_url": "https://m.example", "details": {"title": "Disk", "host": host}});
    let body = json!({"type": "incident_body", "details": {"__pd_cef_payload": payload}});
    let fields =
        json!([{"id": "F1", "type": "field", "self": "s", "summary": "Impact", "name": "impact", "value": "EU"}]);
    let incident = json!({"incident": {"id": "Q1", "title": "[FIRING:1] Disk\r\n", "summary": "[#1] Disk\r\n",
        "description": "[FIRING:1] Disk\r\n", "body": body, "custom_fields": fields}});
    let one = |arguments: Value| shown(&account, "get_incidents", arguments, "/incidents/{id}", incident.clone());
    let rows = one(json!({"incident_id": "Q1"})).await;
    assert_eq!(
        rows,
        json!([{"id": "Q1", "title": "[FIRING:1] Disk", "summary": "[#1] Disk",
            "alert": {"severity": "critical", "source": "db-1", "dedup_key": "disk/db-1", "links": [runbook]},
            "body_details": {"title": "Disk", "host": host}, "client_url": "https://m.example"}])
    );
    let rows = one(json!({"incident_id": "Q1", "include": ["body", "custom_fields", "alert"]})).await;
    assert_eq!((&rows[0]["body"], &rows[0]["custom_fields"]), (&body, &fields), "the values are unchanged");
    assert_eq!(rows[0]["alert"]["severity"], "critical");
    let sent = account.sandbox.requests();
    assert!(sent[0].query.contains("include%5B%5D=body"), "{sent:?}");
}

#[tokio::test]
async fn sandbox_incident_shows_alert_body() {
    let account = Account::start().await;
    let list = account.ok("get_incidents", json!({"limit": 30, "include": ["id"]})).await;
    for incident in rows(&list, "incidents") {
        let one = account.ok("get_incidents", json!({"incident_id": incident["id"]})).await;
        let alert = &one["incidents"][0]["alert"];
        if alert.is_object() {
            assert!(["severity", "source", "dedup_key"].iter().all(|part| alert[part].is_string()), "{alert}");
            assert!(alert["links"][0]["href"].is_string(), "{alert}");
            return;
        }
    }
    panic!("no incident with an alert among the newest");
}

#[tokio::test]
async fn oncall_user_contact_data_only_on_request() {
    let account = Account::start().await;
    let schedule = account.ok("get_schedules", json!({"limit": 1})).await["schedules"][0]["id"].clone();
    let plain = account.requests_of("list_users_oncall", json!({"schedule_id": schedule})).await;
    assert_eq!(plain.len(), 1, "no further request by default");
    let arguments = json!({"schedule_id": schedule, "include": ["name", "contact_methods", "notification_rules"]});
    account.sandbox.clear();
    let answer = account.ok("list_users_oncall", arguments.clone()).await;
    let users = rows(&answer, "users").clone();
    assert_eq!(account.sandbox.requests().len(), 1 + users.len(), "each user is requested once");
    let methods: Vec<_> = users.iter().flat_map(|user| rows(user, "contact_methods")).collect();
    assert!(methods.iter().all(|method| method["address"].is_string() && method["summary"].is_string()), "{methods:?}");
    assert!(users.iter().flat_map(|user| rows(user, "notification_rules")).all(|rule| rule["urgency"].is_string()));
    let by_id = account.ok("get_users", json!({"include": ["contact_methods"]})).await;
    let all = by_id["users"].as_array().unwrap().iter().flat_map(|user| rows(user, "contact_methods"));
    let phones: Vec<_> = all.filter(|method| method["type"] == "phone_contact_method").collect();
    assert!(phones.iter().all(|phone| phone["country_code"] == 1) && !phones.is_empty(), "{by_id}");

    // If PagerDuty expanded them in the list itself, no further request would be made.
    let method = json!({"id": "M1", "type": "sms_contact_method", "summary": "Mobile", "self": "s", "label": "Mobile",
        "address": "5550100", "country_code": 49, "enabled": true, "blacklisted": false});
    let user = json!({"id": "P1", "name": "Ada", "contact_methods": [method]});
    account.sandbox.clear();
    account.sandbox.fail(Fault::once("/schedules/{id}/users", FaultKind::WrongJson(json!({"users": [user]}))));
    let answer = account.ok("list_users_oncall", arguments.clone()).await;
    let sent = account.sandbox.requests();
    assert!(sent.len() == 1 && sent[0].query.contains("contact_methods"), "{sent:?}");
    assert_eq!(
        answer["users"][0]["contact_methods"],
        json!([{"id": "M1", "summary": "Mobile", "type": "sms_contact_method", "address": "5550100",
            "country_code": 49, "enabled": true, "blacklisted": false}])
    );

    // The missing part is reported, and the users are returned anyway.
    account.sandbox.fail(Fault::once("/users/{id}", FaultKind::Status { code: 403, headers: [].into(), body: None }));
    let answer = account.ok("list_users_oncall", arguments).await;
    assert!(warnings(&answer).contains("PERMISSION_DENIED") && answer["users"][0]["name"].is_string(), "{answer}");
}

#[tokio::test]
async fn times_are_sent_with_at_most_milliseconds() {
    let account = Account::start().await;
    let schedule = account.ok("get_schedules", json!({"limit": 1})).await["schedules"][0]["id"].clone();
    let (since, until) = ("2026-11-01T00:00:00.123456789Z", "2026-11-02T00:00:00.000000001Z");
    let team = json!({"current_user_context": false, "team_ids": ["P1"], "since": since});
    for (tool, arguments) in [
        ("list_users_oncall", json!({"schedule_id": schedule})),
        ("list_users_oncall", json!({"schedule_id": schedule, "since": since, "until": until})),
        ("get_incidents", team),
        ("get_oncalls", json!({"since": since, "until": until})),
    ] {
        let sent = account.requests_of(tool, arguments).await.pop().unwrap();
        let query: Vec<_> = url::form_urlencoded::parse(sent.split_once('?').unwrap().1.as_bytes()).collect();
        let times: Vec<_> = query.iter().filter(|(name, _)| name == "since" || name == "until").collect();
        assert!(times.len() == 2 && times.iter().all(|(_, time)| time.len() <= 24), "{times:?}");
    }
}

#[tokio::test]
async fn empty_page_with_more_is_not_the_end() {
    let account = Account::start().await;
    account.sandbox.fail(Fault::once("/teams", FaultKind::WrongJson(json!({"teams": [], "more": true}))));
    let answer = account.ok("get_teams", json!({})).await;
    assert_eq!((&answer["metadata"]["has_more"], &answer["metadata"]["next_offset"]), (&json!(true), &json!(100)));
}

#[tokio::test]
async fn spent_daily_limit_is_reported() {
    let account = Account::start().await;
    let headers = [
        ("ratelimit-limit", "960"),
        ("ratelimit-remaining", "959"),
        ("ratelimit-reset", "56"),
        ("daily-ratelimit-limit", "10"),
        ("daily-ratelimit-remaining", "-3"),
        ("daily-ratelimit-reset", "49015"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    account.sandbox.fail(Fault::once("/teams", FaultKind::Status { code: 429, headers, body: None }));
    for _ in 0..2 {
        let error = account.err("get_teams", json!({})).await.envelope();
        let wait = error["error"]["retry_after_seconds"].as_u64().unwrap();
        assert!((49_000..=49_015).contains(&wait), "{error}");
    }
    assert_eq!(account.sandbox.requests().len(), 1, "held back");
    account.ok("get_schedules", json!({})).await;
}
