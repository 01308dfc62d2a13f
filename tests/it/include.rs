//! Tests of `include`: known, misspelled, unknown and added fields.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::support::{Account, rows, warnings};

/// Answers the next list of incidents with one that has fields missing from PagerDuty's description.
fn with_more_fields(account: &Account) {
    let incident = json!({"id": "Q1", "title": "t", "impacted_services": [{"id": "PS", "type": "service_reference",
        "summary": "Shop", "self": "https://x", "html_url": null}], "occurrence": {"count": 3, "empty": null},
        "billed": "a\u{202e}b"});
    let page = json!({"incidents": [incident, {"id": "Q2"}], "more": false});
    account.sandbox.fail(Fault::once("/incidents", FaultKind::WrongJson(page)));
}

#[tokio::test]
async fn include_undocumented_fields_are_shown_and_cleaned() {
    let account = Account::start().await;
    with_more_fields(&account);
    let include = json!(["impacted_services", "id", "occurrence", "billed"]);
    let answer = account.ok("get_incidents", json!({"include": include})).await;
    let expected = json!({"impacted_services": [{"id": "PS", "summary": "Shop"}], "id": "Q1", "occurrence": {"count": 3},
        "billed": "a\u{fffd}b"});
    assert_eq!(answer["incidents"][0].to_string(), expected.to_string());
    assert_eq!(warnings(&answer), "");
}

#[tokio::test]
async fn include_field_without_values_is_warning() {
    let account = Account::start().await;
    for (tool, arguments) in [
        ("get_incidents", json!({"include": ["id", "coordinated_incidents"]})),
        ("get_teams", json!({"include": ["id", "coordinated_incidents"]})),
        ("get_oncalls", json!({"include": ["user", "coordinated_incidents"]})),
    ] {
        let answer = account.ok(tool, arguments).await;
        let said = warnings(&answer);
        assert!(said.contains("No row has coordinated_incidents") && said.contains("Known fields"), "{said}");
    }
    let id = account.ok("get_incidents", json!({"limit": 1})).await["incidents"][0]["id"].clone();
    for tool in ["get_incidents", "acknowledge_incident"] {
        let answer = account.ok(tool, json!({"incident_id": id, "include": ["id", "nowhere"]})).await;
        assert!(warnings(&answer).contains("No row has nowhere"), "{tool} {answer}");
    }
    let nothing = account.ok("get_teams", json!({"query": "no such team", "include": ["nowhere"]})).await;
    assert_eq!(warnings(&nothing), "", "an empty list gives no warning");
}

#[tokio::test]
async fn include_recorded_fields_are_not_misspellings() {
    let account = Account::start().await;
    for (tool, fields) in [
        (
            "get_incidents",
            &["impacted_services", "billed", "locale", "coordinated_incidents", "subscriber_requests"][..],
        ),
        ("get_schedules", &["http_cal_url", "web_cal_url", "oncall", "personal_http_cal_url"]),
        ("get_users", &["billed", "locale", "coordinated_incidents", "http_cal_url", "oncall"]),
        ("get_services", &["billed", "oncall", "privilege"]),
        ("get_escalation_policies", &["oncall", "privilege"]),
        ("get_teams", &["oncall", "privilege", "slug"]),
    ] {
        for field in fields {
            account.ok(tool, json!({"limit": 1, "include": ["id", field]})).await;
        }
    }
}

#[tokio::test]
async fn include_misspelling_error_suggests_name() {
    let account = Account::start().await;
    for (tool, slip, meant) in [
        ("get_incidents", "titel", "title"),
        ("get_incidents", "assigments", "assignments"),
        ("get_incidents", "htmlUrl", "html_url"),
        ("get_incidents", "Title", "title"),
        ("get_incidents", "+priorty", "priority"),
        ("get_incidents", "past_incident", "past_incidents"),
        ("get_services", "escalation_policies", "escalation_policy"),
        ("get_users", "team", "teams"),
    ] {
        let error = account.err(tool, json!({"include": [slip]})).await;
        assert_eq!(error.code(), Code::InvalidInclude, "{slip}");
        assert!(error.hint_text().unwrap().starts_with(&format!("Did you mean {meant}?")), "{slip}: {error:?}");
    }
    for nonsense in ["service.summary", "a b", "5", "é", "-x", "+", &"x".repeat(65)] {
        let error = account.err("get_incidents", json!({"include": [nonsense]})).await;
        assert_eq!(error.code(), Code::InvalidInclude, "{nonsense}");
    }
    let many: Vec<_> = (0..101).map(|number| format!("field_number_{number}")).collect();
    assert_eq!(account.err("get_incidents", json!({"include": many})).await.code(), Code::InvalidInclude);
    assert!(account.sandbox.requests().is_empty());
}

#[tokio::test]
async fn include_plus_adds_to_default_fields() {
    let account = Account::start().await;
    let plain = account.ok("get_incidents", json!({"limit": 3})).await;
    let without = |answer: &Value, names: &[&str]| {
        let mut rows = rows(answer, "incidents").clone();
        for name in names {
            for row in &mut rows {
                row.as_object_mut().unwrap().remove(*name);
            }
        }
        rows
    };
    for include in [json!("+html_url"), json!(["+html_url"]), json!(["id", "+html_url"]), json!("+html_url,+id")] {
        let answer = account.ok("get_incidents", json!({"limit": 3, "include": include})).await;
        assert!(rows(&answer, "incidents").iter().all(|row| row["html_url"].is_string()), "{include}");
        assert_eq!(&without(&answer, &["html_url"]), rows(&plain, "incidents"), "{include}");
    }
    let id = plain["incidents"][0]["id"].clone();
    let whole = account.ok("get_incidents", json!({"incident_id": id})).await;
    let with_notes = account.ok("get_incidents", json!({"incident_id": id, "include": ["+html_url", "+notes"]})).await;
    assert_eq!(without(&with_notes, &["html_url", "notes"]), *rows(&whole, "incidents"));
    let described = account.ok("get_incidents", json!({"incident_id": id, "include": "+description"})).await;
    assert!(described["incidents"][0]["description"].is_string(), "{described}");
}

#[tokio::test]
async fn include_extras_of_change_warn_to_read_by_id() {
    let account = Account::start().await;
    let id =
        account.ok("get_incidents", json!({"statuses": ["triggered"], "limit": 1})).await["incidents"][0]["id"].clone();
    for (include, names) in [
        (json!(["status", "notes"]), "notes"),
        (json!("+notes"), "notes"),
        (json!(["id", "past_incidents", "related_incidents"]), "past_incidents, related_incidents"),
        (json!(["id", "body", "notes"]), "body, notes"),
    ] {
        let answer = account.ok("acknowledge_incident", json!({"incident_id": id, "include": include})).await;
        let expected = format!(
            "PagerDuty does not send {names} with the answer to a change. Ask get_incidents for one by its ID."
        );
        assert_eq!(warnings(&answer), expected, "{include}");
    }
}
