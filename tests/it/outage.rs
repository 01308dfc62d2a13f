//! Tests of the scripted night of the sandbox, whose clock they put forward.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pagerduty_mcp_server::sandbox::{Options, Scenario, tokens};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::api::{Api, NOW, at, kinds, text};
use crate::support::{Account, rows};

const DATABASE: &str = "QN1GHT0DATABAS";
const PAYMENTS: &str = "QN1GHT0PAYMENT";
const CHECKOUT: &str = "QN1GHT0CHECKOU";

async fn night() -> Api {
    Api::with(Options { incidents: 40, scenario: Some(Scenario::Outage), ..Options::default() }).await
}

fn minutes(api: &Api, minutes: u64) {
    api.sandbox.put_forward(Duration::from_mins(minutes));
}

async fn incident(api: &Api, id: &str) -> Value {
    api.get(&format!("/incidents/{id}")).await["incident"].clone()
}

/// Returns the time of an entry since the beginning of the night, and its kind.
fn moment(entry: &Value) -> (i64, String) {
    let since = at(entry, "created_at").duration_since(NOW.parse().unwrap());
    (since.as_secs(), text(entry, "type").trim_end_matches("_log_entry").to_owned())
}

#[tokio::test]
async fn night_shows_the_state_of_each_moment() {
    let api = night().await;
    let before = api.incidents().await.len();
    assert_eq!(
        api.send(Method::GET, &format!("/incidents/{DATABASE}"), None, tokens::USER).await.0,
        StatusCode::NOT_FOUND
    );
    minutes(&api, 6);
    let database = incident(&api, DATABASE).await;
    let payments = incident(&api, PAYMENTS).await;
    assert_eq!((text(&database, "status"), text(&payments, "status")), ("triggered", "triggered"));
    assert_eq!(at(&payments, "created_at"), NOW.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(6));
    let related = api.get(&format!("/incidents/{PAYMENTS}/related_change_events")).await;
    assert_eq!(related["change_events"][0]["summary"], "Deployed payments-api 5.3.0");
    let due = at(&payments["pending_actions"][0], "at");
    assert_eq!(
        (text(&payments["pending_actions"][0], "type"), due),
        ("escalate", at(&payments, "created_at") + SignedDuration::from_mins(15))
    );

    minutes(&api, 14);
    assert_eq!(incident(&api, PAYMENTS).await["assignments"], payments["assignments"], "one minute before");
    assert_eq!(incident(&api, PAYMENTS).await["alert_counts"], json!({"all": 3, "triggered": 3, "resolved": 0}));
    minutes(&api, 1);
    let escalated = incident(&api, PAYMENTS).await;
    assert_eq!((text(&escalated, "status"), at(&escalated["assignments"][0], "at")), ("triggered", due));
    assert_ne!(escalated["assignments"][0]["assignee"], payments["assignments"][0]["assignee"]);

    minutes(&api, 9);
    let acknowledged = incident(&api, PAYMENTS).await;
    assert_eq!((text(&acknowledged, "status"), &acknowledged["priority"]["summary"]), ("acknowledged", &"P1".into()));
    assert_eq!(acknowledged["acknowledgements"][0]["acknowledger"], escalated["assignments"][0]["assignee"]);
    minutes(&api, 30);
    for id in [DATABASE, PAYMENTS, CHECKOUT] {
        let incident = incident(&api, id).await;
        assert_eq!((text(&incident, "status"), &incident["alert_counts"]["triggered"]), ("resolved", &0.into()));
    }
    assert_eq!(incident(&api, DATABASE).await["last_status_change_by"]["type"], "service_reference");
    assert_eq!(api.incidents().await.len(), before + 3);
    minutes(&api, 600);
    let log = api.log(PAYMENTS).await;
    assert_eq!(moment(log.last().unwrap()), (46 * 60, "annotate".to_owned()), "nothing happens after the night");
}

/// The log does not depend on when it is read.
#[tokio::test]
async fn night_read_in_steps_equals_night_read_at_once() {
    let (steps, once) = (night().await, night().await);
    for _ in 0..100 {
        steps.sandbox.put_forward(Duration::from_secs(37));
        steps.get("/incidents?limit=1").await;
    }
    once.sandbox.put_forward(Duration::from_secs(3_700));
    for id in [DATABASE, PAYMENTS, CHECKOUT] {
        let log = once.log(id).await;
        assert_eq!(kinds(&steps.log(id).await), kinds(&log));
        let moments = async |api: &Api| api.log(id).await.iter().map(moment).collect::<Vec<_>>();
        assert_eq!(moments(&steps).await, moments(&once).await);
    }
    let others: Vec<_> = once.log(PAYMENTS).await.iter().map(moment).filter(|(_, kind)| kind != "notify").collect();
    let minute = |seconds: i64, kind: &str| (seconds, kind.to_owned());
    let expected = [
        minute(360, "trigger"),
        minute(360, "assign"),
        minute(1_260, "escalate"),
        minute(1_380, "acknowledge"),
        minute(1_440, "priority_change"),
        minute(1_500, "annotate"),
        minute(2_220, "annotate"),
        minute(2_760, "resolve"),
        minute(2_760, "annotate"),
    ];
    assert_eq!(others, expected);
    let notified: Vec<_> = once.log(PAYMENTS).await.iter().map(moment).filter(|(_, kind)| kind == "notify").collect();
    assert!(notified.iter().all(|(at, _)| (363..1_380).contains(at)), "until the acknowledgement: {notified:?}");
    assert!(notified.iter().any(|(at, _)| *at < 1_260) && notified.iter().any(|(at, _)| *at > 1_260));
}

#[tokio::test]
async fn client_that_reacts_first_prevents_the_escalation() {
    let api = night().await;
    minutes(&api, 10);
    api.update(PAYMENTS, json!({"status": "acknowledged"})).await;
    minutes(&api, 20);
    let payments = incident(&api, PAYMENTS).await;
    let user = api.get("/users/me").await["user"]["id"].clone();
    assert_eq!(payments["acknowledgements"][0]["acknowledger"]["id"], user);
    assert_eq!(payments["acknowledgements"].as_array().unwrap().len(), 1);
    assert!(!kinds(&api.log(PAYMENTS).await).contains(&"escalate"));
    // The acknowledgement ends after half an hour, and the incident notifies again.
    minutes(&api, 11);
    let log = api.log(PAYMENTS).await;
    let ended = log.iter().find(|entry| entry["type"] == "unacknowledge_log_entry").unwrap();
    assert_eq!((moment(ended).0, text(&ended["channel"], "type")), (2_400, "timeout"));
    assert!(log.iter().any(|entry| entry["type"] == "notify_log_entry" && moment(entry).0 > 2_400));
    api.update(CHECKOUT, json!({"status": "resolved"})).await;
    minutes(&api, 60);
    let resolved = incident(&api, CHECKOUT).await;
    assert_eq!(resolved["last_status_change_by"]["id"], user, "it stays resolved");
}

#[tokio::test]
async fn incident_without_reaction_repeats_the_policy() {
    let api = night().await;
    let id = text(&api.trigger(), "id").to_owned();
    minutes(&api, 240);
    let log = api.log(&id).await;
    let escalations = kinds(&log).into_iter().filter(|kind| ["escalate", "repeat_escalation_path"].contains(kind));
    assert_eq!(
        escalations.collect::<Vec<_>>().join(" "),
        "escalate escalate repeat_escalation_path escalate escalate escalate repeat_escalation_path escalate escalate escalate"
    );
    assert_eq!(kinds(&log).last(), Some(&"resolve"), "by the time limit of the service");
}

#[tokio::test]
async fn clock_is_put_forward_over_remote_control() {
    let api = night().await;
    let url = format!("{}/sandbox/clock", api.sandbox.url());
    let post = async |body: &'static str| {
        let request = api.http.post(&url).header("x-sandbox-token", api.sandbox.control_token()).body(body);
        let answer = request.send().await.unwrap();
        (answer.status(), serde_json::from_slice::<Value>(&answer.bytes().await.unwrap()).unwrap())
    };
    assert_eq!(post(r#"{"forward": 300}"#).await, (StatusCode::OK, json!({"now": "2026-08-05T10:35:00Z"})));
    assert_eq!(incident(&api, DATABASE).await["status"], "triggered");
    for wrong in [r#"{"forward": -1}"#, r#"{"back": 1}"#] {
        assert_eq!(post(wrong).await.0, StatusCode::BAD_REQUEST);
    }
}

/// The agent reads the events of the night in their order, in the zone of the user.
#[tokio::test]
async fn timeline_tells_the_night_in_order() {
    let now = Some(NOW.parse().unwrap());
    let options = Options { incidents: 40, scenario: Some(Scenario::Outage), now, ..Options::default() };
    let account = Account::with(tokens::USER, options, |_| {}).await.with_tools(&["get_timeline", "get_incidents"]);
    account.sandbox.put_forward(Duration::from_mins(22));
    let row = async |id: &str, key: &str| {
        let answer = account.ok("get_incidents", json!({"incident_id": id})).await;
        text(&answer["incidents"][0][key][0]["assignee"], "summary").to_owned()
    };
    let second = row(PAYMENTS, "assignments").await;
    account.sandbox.put_forward(Duration::from_mins(30));
    let answer = account.ok("get_timeline", json!({"incident_id": PAYMENTS})).await;
    let told = rows(&answer, "log_entries").iter().filter(|row| !text(row, "line").starts_with("Notified"));
    let told: Vec<_> = told.map(|row| (text(row, "created_at"), text(row, "line").to_owned())).collect();
    let alert = "[FIRING:30] HighErrorRate payments-api (eu-west-1 critical)";
    let first = told[1].1.trim_start_matches("Assigned to ").to_owned();
    assert_ne!(first, second);
    let expected = [
        ("06:36:00", format!("Triggered by Payments API through the API: “{alert}”")),
        ("06:36:00", format!("Assigned to {first}")),
        ("06:51:00", format!("Escalated to {second} after a time-out")),
        ("06:53:00", format!("Acknowledged by {second} on the website, for 30 min")),
        ("06:54:00", format!("Priority set to P1 by {second}")),
        (
            "06:55:00",
            format!(
                "Note by {second}: “Every pod waits for a connection to payments-primary. It began minutes after the release 5.3.0.”"
            ),
        ),
        (
            "07:07:00",
            format!("Note by {second}: “Rolled back to 5.2.4. The connections of payments-primary are going down.”"),
        ),
        ("07:16:00", format!("Resolved by {second} on the website")),
        (
            "07:16:00",
            format!(
                "Note by {second}: “Resolution Note: The error rate is normal since the rollback. Follow-up: a limit for pools in review.”"
            ),
        ),
    ];
    let expected: Vec<_> =
        expected.into_iter().map(|(time, line)| (format!("2026-08-05T{time}-04:00"), line)).collect();
    let told: Vec<_> = told.into_iter().map(|(time, line)| (time.to_owned(), line)).collect();
    assert_eq!(told, expected);
}
