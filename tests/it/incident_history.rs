//! Tests of the history that the sandbox keeps of an incident: its log, alerts, changes, notifications and custom fields.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use pagerduty_mcp_server::sandbox::tokens;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::api::{Api, NOW, at, kinds, text};

#[tokio::test]
async fn seeded_logs_agree_with_their_incidents() {
    let api = Api::start(150).await;
    let mut seen = BTreeSet::new();
    for incident in api.incidents().await {
        let id = text(&incident, "id");
        let log = api.log(id).await;
        assert!(log.is_sorted_by_key(|entry| at(entry, "created_at")), "{log:?}");
        assert!(at(log.last().unwrap(), "created_at") <= NOW.parse().unwrap());
        assert_eq!(log[0]["id"], incident["first_trigger_log_entry"]["id"]);
        assert_eq!(
            (text(&log[0], "type"), at(&log[0], "created_at")),
            ("trigger_log_entry", at(&incident, "created_at"))
        );
        let ended =
            log.iter().filter(|entry| entry["type"] == "resolve_log_entry").map(|entry| at(entry, "created_at"));
        let resolved = incident["resolved_at"].as_str().map(|at| at.parse().unwrap());
        assert_eq!(ended.collect::<Vec<Timestamp>>(), resolved.into_iter().collect::<Vec<_>>(), "{log:?}");
        if let Some(last) = log.iter().rev().find(|entry| {
            ["acknowledge", "unacknowledge", "resolve", "trigger"]
                .iter()
                .any(|kind| text(entry, "type").starts_with(kind))
        }) {
            assert_eq!(at(last, "created_at"), at(&incident, "last_status_change_at"), "{log:?}");
            assert_eq!(last["agent"]["id"], incident["last_status_change_by"]["id"], "{log:?}");
        }
        let notes = api.get(&format!("/incidents/{id}/notes")).await["notes"].as_array().unwrap().clone();
        let written = log.iter().filter(|entry| entry["type"] == "annotate_log_entry");
        let written: Vec<_> = written.map(|entry| (&entry["created_at"], &entry["channel"]["summary"])).collect();
        let notes: Vec<_> = notes.iter().rev().map(|note| (&note["created_at"], &note["content"])).collect();
        assert_eq!(written, notes);
        for notice in log.iter().filter(|entry| entry["type"] == "notify_log_entry") {
            assert!(text(&notice["user"], "type") == "user_reference" && notice["channel"]["type"] == "auto");
            let notification = &notice["channel"]["notification"];
            assert!(["email", "phone", "sms", "push"].contains(&text(notification, "type")), "{notice}");
        }
        seen.extend(kinds(&log).into_iter().map(str::to_owned));
    }
    let expected = ["acknowledge", "annotate", "assign", "escalate", "notify", "priority_change", "resolve", "snooze"];
    let expected = expected.into_iter().chain(["trigger", "unacknowledge"]);
    assert_eq!(seen, expected.map(str::to_owned).collect());
}

#[tokio::test]
async fn changes_of_an_incident_are_in_its_log() {
    let api = Api::start(20).await;
    let incident = api.trigger();
    let id = text(&incident, "id");
    let priority = json!({"id": "PNONE", "type": "priority_reference"});
    let refused = json!({"incident": {"type": "incident", "priority": priority}});
    let (status, _) = api.send(Method::PUT, &format!("/incidents/{id}"), Some(refused), tokens::USER).await;
    assert_eq!((status, api.log(id).await.len()), (StatusCode::BAD_REQUEST, 2), "a refused change is in no log");
    let user = api.get("/users/me").await["user"].clone();
    let assignee = json!([{"assignee": {"id": user["id"], "type": "user_reference"}}]);
    let other = api.get("/escalation_policies?query=Payments").await["escalation_policies"][0].clone();
    let steps = [
        (json!({"title": "Much too hot"}), "field_value_change"),
        (json!({"urgency": "low"}), "urgency_change"),
        (json!({"priority": "P2"}), "priority_change"),
        (json!({"escalation_level": 2}), "escalate"),
        (json!({"assignments": assignee}), "assign"),
        (json!({"escalation_policy": {"id": other["id"], "type": "escalation_policy_reference"}}), "delegate"),
        (json!({"status": "acknowledged"}), "acknowledge"),
        (json!({"status": "triggered"}), "unacknowledge"),
        (json!({"status": "resolved", "resolution": "Opened a window"}), "resolve annotate"),
    ];
    let mut before = api.log(id).await;
    for (fields, expected) in steps {
        api.update(id, fields).await;
        let log = api.log(id).await;
        let known: BTreeSet<_> = before.iter().map(|entry| text(entry, "id")).collect();
        let new: Vec<Value> = log.iter().filter(|entry| !known.contains(text(entry, "id"))).cloned().collect();
        assert_eq!(kinds(&new).join(" "), expected);
        assert!(new.iter().all(|entry| entry["agent"]["id"] == user["id"]), "{new:?}");
        before = log;
    }
    let entry = |kind: &str| before.iter().find(|entry| text(entry, "type").starts_with(kind)).unwrap();
    assert_eq!(entry("priority")["channel"]["new_priority"]["summary"], "P2");
    assert_eq!(entry("field")["changeset"], json!(["Updated title to Much too hot"]));
    assert_eq!(entry("annotate")["channel"]["summary"], "Resolution Note: Opened a window");
    assert_eq!(entry("assign")["assignees"][0]["type"], "user_reference");
    assert_eq!(entry("trigger")["event_details"]["description"], "Too hot", "the alert keeps its own title");
    let overview = api.all(&format!("/incidents/{id}/log_entries?is_overview=true"), "log_entries").await;
    assert_eq!(overview.len(), before.len() - 1, "all but the change of a field");
    let one = api.get(&format!("/log_entries/{}?time_zone=Asia/Kolkata", text(entry("resolve"), "id"))).await;
    assert_eq!(one["log_entry"]["created_at"], "2026-08-05T16:00:00+05:30");
}

#[tokio::test]
async fn log_of_account_is_newest_first_and_filtered() {
    let api = Api::start(60).await;
    let all = api.all("/log_entries?include[]=incidents", "log_entries").await;
    assert!(all.iter().rev().is_sorted_by_key(|entry| at(entry, "created_at")));
    assert!(all.iter().all(|entry| entry["incident"]["type"] == "incident"));
    let day = "since=2026-08-04T10:30:00Z&until=2026-08-05T10:00:00Z";
    let in_day = api.all(&format!("/log_entries?{day}"), "log_entries").await;
    let expected = all.iter().filter(|entry| {
        ("2026-08-04T10:30:00Z".parse().unwrap().."2026-08-05T10:00:00Z".parse().unwrap())
            .contains(&at(entry, "created_at"))
    });
    assert_eq!(in_day.len(), expected.count());
    let team = text(&in_day[0]["teams"][0], "id").to_owned();
    let of_team = api.all(&format!("/log_entries?{day}&team_ids[]={team}"), "log_entries").await;
    assert!(!of_team.is_empty() && of_team.len() < in_day.len());
    assert!(of_team.iter().all(|entry| entry["teams"][0]["id"] == *team));
    let (status, _) = api.send(Method::GET, "/log_entries/RNONE", None, tokens::USER).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn alerts_agree_with_counts_and_have_every_form() {
    let api = Api::start(150).await;
    let (mut forms, mut clients) = (BTreeSet::new(), BTreeSet::new());
    for incident in api.incidents().await {
        let id = text(&incident, "id");
        let alerts = api.all(&format!("/incidents/{id}/alerts?include[]=services"), "alerts").await;
        let count = |status: &str| alerts.iter().filter(|alert| alert["status"] == *status).count();
        let counts = json!({"all": alerts.len(), "triggered": count("triggered"), "resolved": count("resolved")});
        assert_eq!(incident["alert_counts"], counts, "{id}");
        let open = api.all(&format!("/incidents/{id}/alerts?statuses[]=triggered"), "alerts").await;
        assert_eq!(open.len(), count("triggered"));
        for alert in &alerts {
            assert!(
                text(alert, "created_at").ends_with("-04:00") && at(alert, "created_at") >= at(&incident, "created_at")
            );
            assert_eq!(alert["resolved_at"].is_null(), alert["status"] == "triggered");
            assert!(["critical", "error", "warning", "info"].contains(&text(alert, "severity")), "{alert}");
            assert_eq!(alert["service"]["type"], "service");
            assert!(!alert.to_string().contains("{service}"), "{alert}");
            let body = &alert["body"];
            forms.insert(match &body["details"] {
                _ if body["cef_details"].is_object() => "cef_details",
                Value::Object(details) if details.contains_key("__pd_cef_payload") => "__pd_cef_payload",
                Value::Object(_) => "object",
                Value::String(_) => "string",
                _ => "null",
            });
            clients.extend(body["cef_details"]["client"].as_str().map(str::to_owned));
            let first = text(&alert["first_trigger_log_entry"], "id");
            let entry = api.get(&format!("/log_entries/{first}?include[]=channels")).await["log_entry"].clone();
            assert_eq!(
                (at(&entry, "created_at"), &entry["incident"]["id"]),
                (at(alert, "created_at"), &incident["id"])
            );
        }
        let one = api.get(&format!("/incidents/{id}/alerts/{}", text(&alerts[0], "id"))).await;
        assert_eq!(one["alert"]["id"], alerts[0]["id"]);
    }
    assert_eq!(forms, BTreeSet::from(["__pd_cef_payload", "cef_details", "null", "object", "string"]));
    for client in ["Alertmanager", "Zabbix", "Datadog", "Grafana"] {
        assert!(clients.contains(client), "{clients:?}");
    }
}

#[tokio::test]
async fn resolved_incident_resolves_its_alerts() {
    let api = Api::start(20).await;
    let incidents = api.incidents().await;
    let incident =
        incidents.iter().find(|one| one["status"] == "triggered" && one["alert_counts"]["all"] != 1).unwrap();
    let counts =
        async || api.get(&format!("/incidents/{}", text(incident, "id"))).await["incident"]["alert_counts"].clone();
    api.update(text(incident, "id"), json!({"status": "resolved"})).await;
    assert_eq!(counts().await["triggered"], 0);
    api.update(text(incident, "id"), json!({"status": "triggered"})).await;
    assert_eq!(counts().await, incident["alert_counts"]);
}

#[tokio::test]
async fn change_events_are_listed_by_time_and_service() {
    let api = Api::start(150).await;
    let all = api.all("/change_events", "change_events").await;
    assert!(all.len() > 100);
    assert!(
        all.iter().any(|change| change["timestamp"].is_null()) && all.iter().any(|change| change["source"].is_null())
    );
    let times: Vec<_> = all.iter().filter_map(|change| change["timestamp"].as_str()).collect();
    assert!(times.iter().rev().is_sorted() && times[0] < NOW);
    let since = "since=2026-08-01T00:00:00Z&until=2026-08-04T00:00:00Z";
    let in_range = api.all(&format!("/change_events?{since}"), "change_events").await;
    assert!(!in_range.is_empty() && in_range.len() < all.len());
    let path = "/change_events?since=2026-08-01T00:00:00-04:00";
    assert_eq!(api.send(Method::GET, path, None, tokens::USER).await.0, StatusCode::BAD_REQUEST);
    let one = &in_range[0];
    assert_eq!(api.get(&format!("/change_events/{}", text(one, "id"))).await["change_event"], *one);
    let service = text(&one["services"][0], "id");
    let of_service = api.all(&format!("/services/{service}/change_events"), "change_events").await;
    assert!(of_service.contains(one) && of_service.iter().all(|change| change["services"][0]["id"] == *service));
    let reasons = async |incident: &Value| {
        let related = api.get(&format!("/incidents/{}/related_change_events", text(incident, "id"))).await;
        let related = related["change_events"].as_array().unwrap().clone();
        related.iter().map(|change| text(&change["correlation_reason"], "reason").to_owned()).collect::<Vec<_>>()
    };
    let mut seen = BTreeSet::new();
    for incident in api.incidents().await.iter().filter(|incident| incident["status"] != "resolved") {
        seen.extend(reasons(incident).await);
    }
    assert_eq!(seen, ["most_recent", "related_service"].map(str::to_owned).into());
}

#[tokio::test]
async fn notifications_are_those_of_the_logs() {
    let api = Api::start(60).await;
    let range = "since=2026-07-25T00:00:00Z&until=2026-08-06T00:00:00Z";
    let all = api.all(&format!("/notifications?{range}&include[]=users"), "notifications").await;
    let logged = api.all(&format!("/log_entries?{range}"), "log_entries").await;
    assert_eq!(all.len(), logged.iter().filter(|entry| entry["type"] == "notify_log_entry").count());
    assert!(all.iter().all(|one| one["user"]["type"] == "user" && text(one, "started_at").ends_with("-04:00")));
    let phone = api.all(&format!("/notifications?{range}&filter=phone_notification"), "notifications").await;
    assert!(!phone.is_empty() && phone.len() < all.len());
    assert!(phone.iter().all(|one| one["type"] == "phone_notification" && text(one, "address").starts_with('+')));
    for wrong in ["", "since=2026-08-01T00:00:00Z", "since=2026-01-01T00:00:00Z&until=2026-08-01T00:00:00Z"] {
        let (status, _) = api.send(Method::GET, &format!("/notifications?{wrong}"), None, tokens::USER).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn outlier_counts_incidents_of_one_alarm() {
    let api = Api::start(600).await;
    let mut categories = BTreeSet::new();
    for incident in api.incidents().await.iter().rev().take(40) {
        let id = text(incident, "id");
        let outlier = api.get(&format!("/incidents/{id}/outlier_incident")).await["outlier_incident"].clone();
        assert_eq!(outlier["incident"]["id"], incident["id"]);
        assert!(outlier["incident"]["occurrence"]["count"].as_u64() >= Some(1));
        assert!(!text(&outlier["incident_template"], "mined_text").contains('{'));
        categories.insert(text(&outlier["incident"]["occurrence"], "category").to_owned());
    }
    assert!(categories.len() >= 2, "{categories:?}");
    let id = text(&api.trigger(), "id").to_owned();
    let path = format!("/incidents/{id}/outlier_incident");
    let (status, _) = api.send(Method::GET, &path, None, tokens::BASIC_PLAN).await;
    assert_eq!(status, StatusCode::PAYMENT_REQUIRED);
}

#[tokio::test]
async fn custom_fields_are_set_and_logged() {
    let api = Api::start(20).await;
    let incident = api.trigger();
    let path = format!("/incidents/{}/custom_fields/values", text(&incident, "id"));
    let value = |answer: &Value, name: &str| {
        let fields = answer["custom_fields"].as_array().unwrap().clone();
        fields.into_iter().find(|field| field["name"] == *name).unwrap()["value"].clone()
    };
    assert_eq!(value(&api.get(&path).await, "environment"), Value::Null);
    let set = json!([{"name": "environment", "value": "staging"}, {"name": "regions", "value": ["eu-west-1"]}]);
    api.put(&path, json!({"custom_fields": set})).await;
    let now = api.get(&path).await;
    assert_eq!((value(&now, "environment"), value(&now, "regions")), ("staging".into(), json!(["eu-west-1"])));
    let log = api.log(text(&incident, "id")).await;
    assert_eq!(kinds(&log)[2..], ["custom_field_value_change"; 2]);
    assert_eq!(log[2]["channel"]["changeset"]["customer_fields"][0]["value"], "staging");
    for wrong in [json!([{"name": "environment", "value": "moon"}]), json!([{"name": "moon", "value": "full"}])] {
        let (status, _) = api.send(Method::PUT, &path, Some(json!({"custom_fields": wrong})), tokens::USER).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    let seeded = api.incidents().await;
    let with = api.get(&format!("/incidents/{}?include[]=custom_fields", text(&seeded[0], "id"))).await;
    assert!(with["incident"]["custom_fields"].as_array().unwrap().iter().any(|field| !field["value"].is_null()));
    assert!(seeded[0].get("custom_fields").is_none());
}

/// A notification that a rule sends after some minutes is in no answer before, and is not sent if the incident changes first.
#[tokio::test]
async fn notifications_follow_the_rules_until_a_reaction() {
    let api = Api::start(5).await;
    let id = text(&api.trigger(), "id").to_owned();
    assert_eq!(kinds(&api.log(&id).await), ["trigger", "assign"]);
    let user = json!([{"assignee": {"id": "PTJT5BQ", "type": "user_reference"}}]);
    api.update(&id, json!({"assignments": user})).await;
    let methods = async || {
        let log = api.log(&id).await;
        let sent = log.iter().filter(|entry| entry["type"] == "notify_log_entry");
        sent.map(|entry| text(&entry["channel"]["notification"], "type").to_owned()).collect::<Vec<_>>()
    };
    api.sandbox.put_forward(Duration::from_secs(3));
    assert_eq!(methods().await, ["phone"]);
    api.sandbox.put_forward(Duration::from_mins(5));
    assert_eq!(methods().await, ["phone", "sms"], "the second rule is five minutes later");
    api.update(&id, json!({"status": "acknowledged"})).await;
    api.update(&id, json!({"status": "triggered"})).await;
    api.update(&id, json!({"status": "acknowledged"})).await;
    api.sandbox.put_forward(Duration::from_hours(1));
    assert_eq!(methods().await, ["phone", "sms"], "the incident was acknowledged before the next one");
    assert_eq!(
        api.get(&format!("/incidents/{id}")).await["incident"]["status"],
        "acknowledged",
        "without a scenario it stays"
    );
}

#[tokio::test]
async fn moved_alert_keeps_its_event() {
    let api = Api::start(150).await;
    let incidents = api.incidents().await;
    let mut open = incidents.iter().filter(|incident| incident["status"] == "triggered");
    let one = text(open.next().unwrap(), "id").to_owned();
    let service = &incidents.iter().find(|incident| incident["id"] == one.as_str()).unwrap()["service"]["id"];
    let other = open.find(|incident| incident["service"]["id"] != *service).unwrap();
    let other = text(other, "id");
    let event = |alerts: &[Value], id: &str| {
        let alert = alerts.iter().find(|alert| alert["id"] == id).unwrap_or_else(|| panic!("{id}: {alerts:?}"));
        (alert["summary"].clone(), alert["body"].clone())
    };
    let before = api.all(&format!("/incidents/{one}/alerts"), "alerts").await;
    let moved = before.last().unwrap();
    let id = text(moved, "id");
    let target = json!({"id": other, "type": "incident_reference"});
    let body = json!({"alerts": [{"id": id, "type": "alert", "incident": target}]});
    api.put(&format!("/incidents/{one}/alerts"), body).await;
    let after = api.all(&format!("/incidents/{other}/alerts"), "alerts").await;
    assert_eq!(event(&after, id), event(&before, id));
}
