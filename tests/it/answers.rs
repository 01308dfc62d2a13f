//! Tests of the envelope, the metadata and the fields of answers.

use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};
use serde_json::{Map, Value, json};

use crate::support::{Account, rows, warnings};

fn names(row: &Value) -> Vec<&str> {
    row.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Returns whether the fields of `row` are among `fields`, in that order.
fn in_order(row: &Value, fields: &[&str]) -> bool {
    let expected: Vec<_> = fields.iter().copied().filter(|field| row.get(field).is_some()).collect();
    names(row) == expected
}

fn has_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => {
            fields.values().any(|field| pagerduty_rows::fields::is_empty(field) || has_empty(field))
        }
        Value::Array(items) => items.iter().any(has_empty),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Every read tool with arguments that have results, its key, and its default fields in order.
const DEFAULTS: [(&str, &str, &[&str]); 7] = [
    (
        "get_escalation_policies",
        "escalation_policies",
        &["id", "name", "description", "escalation_rules", "services", "teams"],
    ),
    (
        "get_incidents",
        "incidents",
        &[
            "id",
            "incident_number",
            "title",
            "status",
            "urgency",
            "created_at",
            "updated_at",
            "summary",
            "description",
            "last_status_change_at",
            "resolved_at",
            "alert_counts",
            "alert",
            "body_details",
            "client_url",
            "service",
            "escalation_policy",
            "last_status_change_by",
            "assignments",
            "acknowledgements",
            "teams",
        ],
    ),
    ("get_oncalls", "oncalls", &["user", "schedule", "escalation_policy", "escalation_level", "start", "end"]),
    (
        "get_schedules",
        "schedules",
        &[
            "id",
            "name",
            "summary",
            "time_zone",
            "description",
            "kind",
            "escalation_policies",
            "teams",
            "schedule_layers",
            "final_schedule",
            "overrides",
        ],
    ),
    (
        "get_services",
        "services",
        &["id", "name", "status", "created_at", "updated_at", "description", "teams", "integrations"],
    ),
    ("get_teams", "teams", &["id", "name", "description", "parent"]),
    (
        "get_users",
        "users",
        &["id", "name", "email", "type", "description", "teams", "contact_methods", "notification_rules"],
    ),
];

#[tokio::test]
async fn lists_have_envelope_default_fields_and_no_empty_values() {
    let account = Account::start().await;
    for (tool, key, fields) in DEFAULTS {
        let answer = account.ok(tool, json!({})).await;
        let rows = rows(&answer, key);
        assert!(!rows.is_empty(), "{tool}");
        assert_eq!(names(&answer), ["metadata", key], "{tool}");
        let (count, metadata) = (rows.len(), &answer["metadata"]);
        let results = if count == 1 { "result" } else { "results" };
        assert_eq!(metadata["count"], count, "{tool}");
        assert_eq!(metadata["description"], format!("Found {count} {results} for resource type {key}"), "{tool}");
        assert!(metadata["has_more"].is_boolean(), "{tool}");
        for row in rows {
            // PagerDuty lists only references of shift-based schedules, which `shift_schedules.rs` tests.
            let fields =
                if tool == "get_schedules" && row["time_zone"].is_null() { &["id", "name", "kind"] } else { fields };
            assert!(in_order(row, fields), "{tool}: {:?}", names(row));
            assert!(!has_empty(row), "{tool}: {row}");
        }
    }
}

/// Returns the shape of a value: its keys, sorted and nested, with a single merged element for each list.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), shape(field))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => {
            let mut merged = Value::Null;
            for item in items {
                merge(&mut merged, shape(item));
            }
            vec![merged].into()
        }
        _ => "…".into(),
    }
}

fn merge(into: &mut Value, other: Value) {
    match (into, other) {
        (Value::Object(fields), Value::Object(others)) => {
            for (name, value) in others {
                merge(fields.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::Array(items), Value::Array(others)) => {
            for (item, other) in items.iter_mut().zip(others) {
                merge(item, other);
            }
        }
        (into, other) => *into = other,
    }
}

#[tokio::test]
async fn nested_fields_match_contract_and_references_shrink() {
    let account = Account::start().await;
    let reference = json!({"id": "…", "summary": "…"});
    let typed = json!({"id": "…", "summary": "…", "type": "…"});
    // One of them was deleted and stays in a layer.
    let members = json!([{"id": "…", "summary": "…", "deleted_at": "…"}]);
    let expected = [
        (
            "get_escalation_policies",
            "escalation_policies",
            json!({
                "escalation_rules": [{"id": "…", "escalation_delay_in_minutes": "…", "targets": [typed]}],
                "services": [reference], "teams": [reference],
            }),
        ),
        (
            "get_incidents",
            "incidents",
            json!({
                "service": reference, "escalation_policy": reference, "last_status_change_by": reference,
                "assignments": [{"assignee": reference, "at": "…"}],
                "acknowledgements": [{"acknowledger": reference, "at": "…"}], "teams": [reference],
            }),
        ),
        ("get_oncalls", "oncalls", json!({"user": reference, "schedule": reference, "escalation_policy": reference})),
        (
            "get_schedules",
            "schedules",
            json!({
                "escalation_policies": [reference], "teams": [reference],
                "schedule_layers": [{"id": "…", "name": "…", "start": "…", "end": "…", "users": members}],
            }),
        ),
        ("get_services", "services", json!({"teams": [reference], "integrations": [reference]})),
        ("get_teams", "teams", json!({"parent": typed})),
        ("get_users", "users", json!({"teams": [typed], "contact_methods": [typed], "notification_rules": [typed]})),
    ];
    for (tool, key, nested) in expected {
        let answer = account.ok(tool, json!({})).await;
        let shape = shape(&answer[key])[0].clone();
        for (field, expected) in nested.as_object().unwrap() {
            let mut found = shape[field].clone();
            if field == "schedule_layers" && found[0].get("end").is_none() {
                // A layer that is still in force has no end.
                merge(&mut found, json!([{"end": "…"}]));
            }
            assert_eq!(&found, expected, "{tool}.{field}");
        }
    }
}

#[tokio::test]
async fn single_object_is_list_of_one_under_plural_key() {
    let account = Account::start().await;
    for (tool, key, id) in [
        ("get_escalation_policies", "escalation_policies", "policy_id"),
        ("get_incidents", "incidents", "incident_id"),
        ("get_schedules", "schedules", "schedule_id"),
        ("get_services", "services", "service_id"),
        ("get_teams", "teams", "team_id"),
        ("get_users", "users", "user_id"),
    ] {
        let first = rows(&account.ok(tool, json!({})).await, key)[0]["id"].clone();
        let answer = account.ok(tool, json!({ id: first })).await;
        assert_eq!(rows(&answer, key).len(), 1, "{tool}");
        assert_eq!(answer[key][0]["id"], first, "{tool}");
        let metadata = json!({"count": 1, "description": format!("Found 1 result for resource type {key}")});
        assert_eq!(answer["metadata"], metadata, "{tool}");
    }
}

#[tokio::test]
async fn build_user_context_returns_flat_object() {
    let account = Account::start().await;
    let me = account.ok("build_user_context", json!({})).await;
    assert_eq!(names(&me), ["user_id", "name", "email", "team_ids", "service_ids", "escalation_policy_ids"]);
    assert_eq!(me["team_ids"].as_array().unwrap().len(), 2);
    assert!(["service_ids", "escalation_policy_ids"].iter().all(|list| !me[list].as_array().unwrap().is_empty()));
}

#[tokio::test]
async fn get_incidents_list_counts_statuses() {
    let account = Account::start().await;
    let answer = account.ok("get_incidents", json!({"limit": 200})).await;
    let incidents = rows(&answer, "incidents");
    let count = |of: &dyn Fn(&Value) -> bool| incidents.iter().filter(|incident| of(incident)).count();
    let metadata = &answer["metadata"];
    assert_eq!(names(&metadata["status_counts"]), ["triggered", "acknowledged", "resolved"]);
    for status in ["triggered", "acknowledged", "resolved"] {
        let counted = count(&|incident| incident["status"] == status);
        assert!(counted > 0);
        assert_eq!(metadata["status_counts"][status], counted, "{status}");
    }
    let no_data = count(&|incident| incident["title"].as_str().unwrap().starts_with("No Data:"));
    assert!(no_data > 0);
    assert_eq!(metadata["no_data_count"], no_data);

    let autoresolved = metadata["autoresolve_count"].as_u64().unwrap();
    assert!(autoresolved > 0 && autoresolved < metadata["status_counts"]["resolved"].as_u64().unwrap());
    // The counts do not depend on the fields that are shown.
    let bare = account.ok("get_incidents", json!({"limit": 200, "include": ["id"]})).await;
    for name in ["status_counts", "autoresolve_count", "no_data_count"] {
        assert_eq!(bare["metadata"][name], metadata[name], "{name}");
    }
    // All three counts are present even if nothing is found.
    let none = account.ok("get_incidents", json!({"since": "2001-01-01", "until": "2001-01-02"})).await;
    assert_eq!(none["metadata"]["status_counts"], json!({"triggered": 0, "acknowledged": 0, "resolved": 0}));
    assert_eq!((&none["metadata"]["autoresolve_count"], &none["metadata"]["no_data_count"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn get_incidents_orders_newest_first() {
    let account = Account::start().await;
    let answer = account.ok("get_incidents", json!({})).await;
    let created: Vec<_> =
        rows(&answer, "incidents").iter().map(|incident| incident["created_at"].as_str().unwrap()).collect();
    assert!(created.windows(2).all(|pair| pair[0] >= pair[1]));
}

#[tokio::test]
async fn limit_defaults_to_hundred_and_may_be_raised() {
    let account = Account::start().await;
    let first = account.ok("get_incidents", json!({"include": ["id"]})).await;
    assert_eq!((&first["metadata"]["count"], &first["metadata"]["has_more"]), (&json!(100), &json!(true)));
    assert_eq!(first["metadata"]["next_offset"], 100);
    let all = account.ok("get_incidents", json!({"include": ["id"], "limit": 5000})).await;
    let total = rows(&all, "incidents").len();
    assert!(
        total > 100 && all["metadata"]["has_more"] == false && all["metadata"].get("next_offset").is_none(),
        "{}",
        all["metadata"]
    );
    let rest = account.ok("get_incidents", json!({"include": ["id"], "offset": 100, "limit": 5000})).await;
    let together: Vec<_> = rows(&first, "incidents").iter().chain(rows(&rest, "incidents")).cloned().collect();
    assert_eq!(&together, rows(&all, "incidents"));
}

#[tokio::test]
async fn include_replaces_default_fields_in_requested_order() {
    let account = Account::start().await;
    let include = ["urgency", "html_url", "title", "priority", "id", "incident_type", "title"];
    let answer = account.ok("get_incidents", json!({"include": include})).await;
    let with_priority = rows(&answer, "incidents").iter().find(|incident| incident.get("priority").is_some()).unwrap();
    assert_eq!(names(with_priority), ["urgency", "html_url", "title", "priority", "id", "incident_type"]);
    assert_eq!(names(&with_priority["priority"]), ["id", "summary"], "a reference shrinks");
    let answer = account.ok("get_services", json!({"include": ["escalation_policy", "name"]})).await;
    assert_eq!(names(&answer["services"][0]), ["escalation_policy", "name"]);
}

#[tokio::test]
async fn description_equal_to_title_only_on_request() {
    let account = Account::start().await;
    let by_default = account.ok("get_incidents", json!({"limit": 1})).await;
    assert!(by_default["incidents"][0].get("description").is_none());
    let asked = account.ok("get_incidents", json!({"limit": 1, "include": ["description", "title"]})).await;
    assert_eq!(asked["incidents"][0]["description"], asked["incidents"][0]["title"]);
}

/// Reads incidents with all extras until one satisfies `wanted`.
async fn incident_with(account: &Account, wanted: impl Fn(&Value) -> bool) -> Value {
    let list = account.ok("get_incidents", json!({"limit": 60, "include": ["id"]})).await;
    for incident in rows(&list, "incidents") {
        let arguments = json!({"incident_id": incident["id"], "include_notes": true, "include_past_incidents": true,
            "include_related_incidents": true});
        let answer = account.ok("get_incidents", arguments).await;
        if wanted(&answer["incidents"][0]) {
            return answer;
        }
    }
    panic!("no such incident among the newest")
}

#[tokio::test]
async fn incident_by_id_returns_requested_extras() {
    let account = Account::start().await;
    let full = |incident: &Value| {
        ["notes", "past_incidents", "related_incidents"].iter().all(|key| incident.get(key).is_some())
    };
    let answer = incident_with(&account, full).await;
    let incident = &answer["incidents"][0];
    for key in ["past_incidents", "related_incidents", "notes"] {
        assert_eq!(answer["metadata"][format!("{key}_count")], rows(incident, key).len(), "{key}");
    }
    let scores: Vec<_> =
        rows(incident, "past_incidents").iter().map(|past| past["similarity_score"].as_f64().unwrap()).collect();
    assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]), "{scores:?}");
    for related in rows(incident, "related_incidents") {
        assert!(related["relationship_type"].is_string() && related["relationship_metadata"].is_object(), "{related}");
        assert!(related["id"].is_string() && related["title"].is_string(), "{related}");
    }
    for note in rows(incident, "notes") {
        assert!(in_order(note, &["id", "content", "created_at", "user", "channel"]), "{note}");
        assert_eq!((names(&note["user"]), names(&note["channel"])), (vec!["id", "name"], vec!["summary"]));
    }
    // Extras can also be named in `include`, and keep their position there.
    let arguments = json!({"incident_id": incident["id"], "include": ["notes", "title", "past_incidents"]});
    let asked = account.ok("get_incidents", arguments).await;
    assert_eq!(names(&asked["incidents"][0]), ["notes", "title", "past_incidents"]);
    assert_eq!(asked["incidents"][0]["notes"], incident["notes"]);
}

#[tokio::test]
async fn incident_by_id_returns_alert_details() {
    let account = Account::start().await;
    let payload = |incident: &Value| incident.get("client_url").is_some() && incident["body_details"].is_object();
    let answer = incident_with(&account, payload).await;
    assert!(answer["incidents"][0]["body_details"].get("title").is_none());
    let text = |incident: &Value| {
        incident["body_details"].as_object().is_some_and(|details| details.keys().eq(["description"]))
    };
    incident_with(&account, text).await;
    incident_with(&account, |incident| incident.get("body_details").is_none()).await;
}

#[tokio::test]
async fn failed_extra_is_warning_and_incident_is_returned() {
    let account = Account::of(tokens::BASIC_PLAN).await;
    let list = account.ok("get_incidents", json!({"limit": 1, "include": ["id"]})).await;
    let id = list["incidents"][0]["id"].clone();
    let arguments = json!({"incident_id": id, "include_past_incidents": true, "include_related_incidents": true, "include_notes": true});
    account.sandbox.fail(Fault {
        times: 10,
        ..Fault::once("/incidents/{id}/notes", FaultKind::Status { code: 503, headers: [].into(), body: None })
    });
    let answer = account.ok("get_incidents", arguments).await;
    assert_eq!(answer["incidents"][0]["id"], id);
    let said = warnings(&answer);
    for part in ["past_incidents", "related_incidents", "MISSING_ABILITY", "notes could not be fetched: API_ERROR"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(answer["incidents"][0].get("notes").is_none() && answer["metadata"].get("notes_count").is_none());
}

#[tokio::test]
async fn requested_fields_are_returned_or_reported_missing() {
    let account = Account::start().await;
    let user = account.ok("build_user_context", json!({})).await["user_id"].clone();
    let schedule = account.ok("get_schedules", json!({"limit": 1})).await["schedules"][0]["id"].clone();
    for (tool, mut arguments, field) in [
        ("get_users", json!({}), "http_cal_url"),
        ("get_users", json!({}), "web_cal_url"),
        ("list_users_oncall", json!({"schedule_id": schedule}), "http_cal_url"),
        ("get_schedules", json!({}), "next_oncall_for_user"),
        ("get_schedules", json!({"schedule_id": schedule}), "next_oncall_for_user"),
        ("get_incidents", json!({}), "custom_fields"),
    ] {
        arguments["include"] = json!(["id", field]);
        let answer = account.ok(tool, arguments.clone()).await;
        assert!(warnings(&answer).contains(field), "{tool} {arguments}: {answer}");
    }
    let one = account.requests_of("get_users", json!({"user_id": user, "include": ["http_cal_url"]})).await;
    assert!(one[0].contains("calendar_urls"), "{one:?}");
}

#[tokio::test]
async fn layer_without_id_is_shown_without_id() {
    let account = Account::start().await;
    let answer = account.ok("get_schedules", json!({})).await;
    let layers = || rows(&answer, "schedules").iter().flat_map(|schedule| rows(schedule, "schedule_layers"));
    assert!(layers().any(|layer| layer.get("id").is_none() && layer["users"].is_array()));
    assert!(layers().any(|layer| layer.get("id").is_some()));
}

#[tokio::test]
async fn named_objects_are_sorted_by_name() {
    let account = Account::start().await;
    for (tool, key) in [("get_teams", "teams"), ("get_schedules", "schedules"), ("get_services", "services")] {
        let answer = account.ok(tool, json!({})).await;
        let rows = rows(&answer, key).iter().filter(|row| key != "schedules" || row["time_zone"].is_string());
        let names: Vec<_> = rows.map(|row| row["name"].as_str().unwrap().to_lowercase()).collect();
        assert!(names.is_sorted(), "{tool}: {names:?}");
    }
}

#[tokio::test]
async fn list_users_oncall_continues_at_next_offset() {
    let account = Account::start().await;
    let (now, day) = (jiff::Timestamp::now(), jiff::SignedDuration::from_hours(24));
    let schedule = account.ok("get_schedules", json!({"limit": 1})).await["schedules"][0]["id"].clone();
    let arguments = json!({"schedule_id": schedule, "since": now.to_string(), "until": (now + day * 60).to_string()});
    let all = account.ok("list_users_oncall", arguments.clone()).await;
    assert!(rows(&all, "users").len() > 1);
    let mut rest = arguments;
    rest["offset"] = json!(1);
    assert_eq!(rows(&account.ok("list_users_oncall", rest).await, "users"), &rows(&all, "users")[1..]);
}

#[tokio::test]
async fn get_schedules_renders_schedule_over_range() {
    let account = Account::start().await;
    let now = jiff::Timestamp::now();
    let day = jiff::SignedDuration::from_hours(24);
    let (since, until) = ((now - day * 3).to_string(), (now + day * 3).to_string());
    let list = account.ok("get_schedules", json!({})).await;
    let mut overrides = 0;
    for schedule in rows(&list, "schedules").iter().filter(|schedule| schedule["time_zone"].is_string()) {
        assert!(schedule.get("final_schedule").is_none() && schedule.get("overrides").is_none());
        let arguments = json!({"schedule_id": schedule["id"], "since": since, "until": until});
        let rendered = account.ok("get_schedules", arguments).await["schedules"][0].clone();
        let entries = rows(&rendered["final_schedule"], "rendered_schedule_entries");
        for entry in entries.iter().chain(rendered["overrides"].as_array().into_iter().flatten()) {
            let mut user = names(&entry["user"]);
            // A user who was deleted stays in the schedule.
            user.retain(|name| *name != "deleted_at");
            assert_eq!((names(entry), user), (vec!["start", "end", "user"], vec!["id", "summary"]));
        }
        overrides += rendered["overrides"].as_array().map_or(0, Vec::len);
    }
    assert!(overrides > 0);
}

#[tokio::test]
async fn list_users_oncall_returns_users() {
    let account = Account::start().await;
    let schedule = account.ok("get_schedules", json!({"limit": 1})).await["schedules"][0]["id"].clone();
    let answer = account.ok("list_users_oncall", json!({"schedule_id": schedule})).await;
    assert!(!rows(&answer, "users").is_empty() && answer["metadata"]["has_more"] == false);
    assert!(answer["users"][0]["email"].is_string());
    let named =
        account.ok("list_users_oncall", json!({"schedule_id": schedule, "include": ["name", "time_zone"]})).await;
    assert_eq!(names(&named["users"][0]), ["name", "time_zone"]);
}
