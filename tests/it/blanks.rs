//! Tests of empty values: those of clients that must fill every parameter, and lists that name nothing.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::tools::{Tool, all};
use serde_json::{Map, Value, json};

use crate::support::{Account, rows, warnings};

/// The tools that take an ID, with the parameter and the key of their rows.
const BY_ID: [(&str, &str, &str); 9] = [
    ("get_escalation_policies", "policy_id", "escalation_policies"),
    ("get_incidents", "incident_id", "incidents"),
    ("get_schedules", "schedule_id", "schedules"),
    ("get_services", "service_id", "services"),
    ("get_teams", "team_id", "teams"),
    ("get_users", "user_id", "users"),
    ("list_users_oncall", "schedule_id", "users"),
    ("acknowledge_incident", "incident_id", "incidents"),
    ("resolve_incident", "incident_id", "incidents"),
];

fn tool(name: &str) -> &'static Tool {
    all().find(|tool| tool.name == name).unwrap()
}

/// Returns every parameter except `except`, with the value that `fill` gives for its type.
fn filled(tool: &Tool, except: &str, fill: impl Fn(&str, bool) -> Value) -> Map<String, Value> {
    let others = tool.params.iter().filter(|parameter| parameter.name != except && !parameter.required);
    let value = |parameter: &pagerduty_mcp_server::params::Declaration| {
        let schema = parameter.form.schema();
        fill(schema["type"].as_str().unwrap(), schema.get("default") == Some(&json!(true)))
    };
    others.map(|parameter| (parameter.name.to_owned(), value(parameter))).collect()
}

/// Returns the value that a client without any information but the type of a parameter may send.
fn zero(kind: &str, default: bool) -> Value {
    match kind {
        "string" => json!(""),
        "integer" => json!(0),
        "boolean" => json!(default),
        "array" => json!([]),
        other => panic!("{other}"),
    }
}

async fn some_id(account: &Account, list: &str, key: &str) -> Value {
    rows(&account.ok(list, json!({"limit": 1})).await, key)[0]["id"].clone()
}

/// A function that returns a value for a parameter of a type, which may be on by default.
type Fill<'f> = &'f dyn Fn(&str, bool) -> Value;

#[tokio::test]
async fn blank_parameters_beside_id_are_ignored() {
    let account = Account::start().await;
    for (name, parameter, key) in BY_ID {
        let lists = [("schedule_id", "get_schedules", "schedules"), ("incident_id", "get_incidents", "incidents")];
        let (_, list, of) = lists.into_iter().find(|(of, ..)| *of == parameter).unwrap_or((parameter, name, key));
        let id = some_id(&account, list, of).await;
        let alone = match name {
            // A second call is an error, so its answer is not compared.
            "resolve_incident" => Value::Null,
            _ => account.ok(name, json!({parameter: id})).await,
        };
        let blanks: [Fill<'_>; 4] = [&zero, &|_, _| Value::Null, &|_, _| json!(""), &|_, _| json!("null")];
        for fill in blanks {
            let mut arguments = filled(tool(name), parameter, fill);
            arguments.insert(parameter.to_owned(), id.clone());
            let answer = account.ok(name, Value::Object(arguments.clone())).await;
            if name.starts_with("get_") {
                let without = |mut answer: Value| {
                    answer["metadata"].as_object_mut().unwrap().remove("warnings");
                    answer
                };
                assert_eq!(without(answer), alone, "{name} {arguments:?}");
            }
            if name == "resolve_incident" {
                break;
            }
        }
    }
}

#[tokio::test]
async fn blank_parameters_of_list_are_ignored() {
    let account = Account::start().await;
    for name in ["get_incidents", "get_services", "get_users", "get_teams", "get_schedules", "get_escalation_policies"]
    {
        let list = account.ok(name, json!({})).await;
        assert_eq!(account.ok(name, Value::Object(filled(tool(name), "", zero))).await, list, "{name}");
    }
    let alone = account.ok("get_schedules", json!({})).await;
    assert_eq!(account.ok("get_schedules", json!({"query": "", "limit": 0})).await, alone);
    assert_eq!(account.ok("get_schedules", json!({"query": " ", "limit": "0", "offset": 0.0})).await, alone);
}

#[tokio::test]
async fn limit_and_offset_beside_id_are_ignored_with_warning() {
    let account = Account::start().await;
    for (name, parameter, key) in &BY_ID[..6] {
        let id = some_id(&account, name, key).await;
        let answer = account.ok(name, json!({*parameter: id, "limit": 100, "offset": 5})).await;
        assert_eq!(answer[key][0]["id"], id, "{name}");
        let said = format!("limit and offset were ignored: {parameter} names one object.");
        assert_eq!(warnings(&answer), said, "{name}");
        assert!(account.err(name, json!({*parameter: id, "limit": -1})).await.code() == Code::InvalidParameter);
    }
}

#[tokio::test]
async fn all_statuses_beside_id_are_accepted() {
    let account = Account::start().await;
    let id = some_id(&account, "get_incidents", "incidents").await;
    let all = json!(["triggered", "acknowledged", "resolved"]);
    let answer = account.ok("get_incidents", json!({"incident_id": id, "statuses": all, "urgencies": ["high", "low"]}));
    assert_eq!(answer.await["incidents"][0]["id"], id);
    let error = account.err("get_incidents", json!({"incident_id": id, "statuses": ["resolved"]})).await;
    assert_eq!(error.code(), Code::ConflictingParameters);
}

#[tokio::test]
async fn list_of_blanks_is_rejected() {
    let names: Vec<_> = all().map(|tool| tool.name).collect();
    let account = Account::start().await.with_tools(&names);
    for tool in all() {
        let lists = tool.params.iter().filter(|parameter| parameter.form.schema()["type"] == "array");
        for (name, is_required) in lists.map(|parameter| (parameter.name, parameter.required)) {
            for nothing in [json!([""]), json!([null]), json!([","]), json!(["null"]), json!(","), json!("[null]")] {
                if name == "schedule_ids" && nothing == json!(["null"]) {
                    continue;
                }
                let mut arguments = json!({name: nothing});
                for required in tool.params.iter().filter(|parameter| parameter.required && parameter.name != name) {
                    arguments[required.name] = json!("PABC123");
                }
                let error = account.err(tool.name, arguments.clone()).await;
                let expected = if name == "include" { Code::InvalidInclude } else { Code::InvalidParameter };
                assert_eq!(error.code(), expected, "{} {arguments}: {error}", tool.name);
                assert!(error.message().contains("names nothing"), "{error}");
                let may_be_left_out = error.hint_text().unwrap().contains(&format!("leave {name} out"));
                assert_eq!(may_be_left_out, !is_required, "{error}");
            }
        }
    }
    assert!(account.sandbox.requests().is_empty(), "PagerDuty received no request");
}

#[tokio::test]
async fn null_in_schedule_ids_means_no_schedule() {
    let account = Account::start().await;
    let requests = account.requests_of("get_oncalls", json!({"schedule_ids": ["null"]})).await;
    assert!(requests.last().unwrap().contains("schedule_ids%5B%5D=null"), "{requests:?}");
    let requests = account.requests_of("get_oncalls", json!({"schedule_ids": "null"})).await;
    assert!(!requests.last().unwrap().contains("schedule_ids"), "{requests:?}");
}

#[tokio::test]
async fn word_null_counts_as_absent() {
    let account = Account::start().await;
    let all = account.ok("get_teams", json!({})).await;
    for word in ["null", "None", "undefined", " null "] {
        let answer = account.ok("get_teams", json!({"query": word})).await;
        assert_eq!(answer["teams"], all["teams"], "{word}");
        assert!(warnings(&answer).contains("To search for that word"), "{answer}");
    }
    let requests = account.requests_of("get_teams", json!({"query": "NULL"})).await;
    assert!(requests[0].contains("query=NULL"), "{requests:?}");
    for (tool, arguments) in [
        ("get_incidents", json!({"incident_id": "None", "limit": "null", "since": "undefined", "statuses": "null"})),
        ("get_services", json!({"service_id": "NULL", "current_user_context": "null", "include": "null"})),
    ] {
        assert_eq!(account.ok(tool, arguments.clone()).await, account.ok(tool, json!({})).await, "{tool} {arguments}");
    }
    for id in ["null", "", "None"] {
        let error = account.err("acknowledge_incident", json!({"incident_id": id})).await;
        assert_eq!(error.code(), Code::MissingParameter, "{id}");
    }
}

#[tokio::test]
async fn incident_id_accepts_common_notations() {
    let account = Account::start().await;
    let found = account.ok("get_incidents", json!({"limit": 1})).await["incidents"][0].clone();
    let (id, number) = (found["id"].as_str().unwrap(), found["incident_number"].as_u64().unwrap());
    #[expect(clippy::cast_precision_loss, reason = "it is small")]
    let fraction = number as f64;
    for written in [
        json!(fraction),
        json!(format!("#{number}")),
        json!(format!("{number}.0")),
        json!(format!("https://acme.pagerduty.com/incidents/{id}")),
        json!(format!("https://acme.eu.pagerduty.com/incidents/{id}/timeline?x=1")),
        json!(format!("/incidents/{id}/timeline")),
        json!(format!("<https://acme.pagerduty.com/incidents/{id}|#{number}>")),
        json!(format!("(https://acme.pagerduty.com/incidents/{id}).")),
        json!(format!("\"{id}\"")),
        json!(format!("`{number}`")),
    ] {
        let answer = account.ok("get_incidents", json!({"incident_id": written})).await;
        assert_eq!(answer["incidents"][0]["id"], id, "{written}");
        account.ok("add_incident_note", json!({"incident_id": written, "content": "seen"})).await;
    }
    let error =
        account.err("acknowledge_incident", json!({"incident_id": "https://acme.pagerduty.com/users/P1"})).await;
    assert_eq!(error.code(), Code::InvalidIncidentId);
    assert!(error.message().contains("a link to user P1"), "{error}");
}

#[tokio::test]
async fn id_parameters_accept_web_links() {
    let account = Account::start().await;
    for (name, parameter, key) in &BY_ID[..6] {
        let list = account.ok(name, json!({"limit": 1, "include": ["id", "html_url"]})).await;
        let (id, link) = (&list[key][0]["id"], &list[key][0]["html_url"]);
        assert_eq!(account.ok(name, json!({*parameter: link})).await[key][0]["id"], *id, "{name} {link}");
    }
    let team =
        account.ok("get_teams", json!({"limit": 1, "include": ["html_url"]})).await["teams"][0]["html_url"].clone();
    account.ok("get_users", json!({"current_user_context": false, "team_ids": [team]})).await;
}

#[tokio::test]
async fn id_of_zero_counts_as_absent() {
    let account = Account::start().await;
    for zero in [json!(0), json!(0.0), json!("0"), json!("0.0"), json!(" 0 ")] {
        for (name, parameter, _) in &BY_ID[..6] {
            let answer = account.ok(name, json!({*parameter: zero})).await;
            assert_eq!(answer, account.ok(name, json!({})).await, "{name} {zero}");
        }
        for (name, parameter, _) in &BY_ID[6..] {
            let error = account.err(name, json!({*parameter: zero})).await;
            assert_eq!(error.code(), Code::MissingParameter, "{name} {zero}: {error}");
        }
        let teams = json!({"current_user_context": false, "team_ids": [zero]});
        let error = account.err("get_services", teams).await;
        assert!(error.message().contains("names nothing"), "{error}");
    }
    let error = account.err("acknowledge_incident", json!({"incident_id": "#0"})).await;
    assert_eq!(error.code(), Code::InvalidIncidentId, "{error}");
    assert!(!account.sandbox.requests().iter().any(|request| request.path.ends_with("/0")));
}
