//! Tests of arguments: harmless slips are accepted, and invalid values are rejected instead of guessed.

use pagerduty_mcp_server::error::Code;
use serde_json::{Value, json};

use crate::support::{Account, rows, warnings};

#[tokio::test]
async fn harmless_argument_slips_are_accepted() {
    let account = Account::start().await;
    let number =
        rows(&account.ok("get_incidents", json!({"limit": 1})).await, "incidents")[0]["incident_number"].clone();
    let me = account.ok("build_user_context", json!({})).await;
    let team = me["team_ids"][0].as_str().unwrap();
    for (tool, slip, meant) in [
        ("get_teams", json!({"limit": "2"}), json!({"limit": 2})),
        ("get_teams", json!({"limit": 2.0}), json!({"limit": 2})),
        ("get_teams", json!({"limit": "2.0", "offset": "1.00"}), json!({"limit": 2, "offset": 1})),
        ("get_teams", json!({"limit": null, "query": null}), json!({})),
        ("get_incidents", json!({"statuses": "triggered"}), json!({"statuses": ["triggered"]})),
        ("get_incidents", json!({"statuses": "[\"triggered\"]"}), json!({"statuses": ["triggered"]})),
        ("get_incidents", json!({"statuses": "triggered, Resolved"}), json!({"statuses": ["triggered", "resolved"]})),
        ("get_incidents", json!({"incident_id": number}), json!({"incident_id": number.to_string()})),
        ("get_incidents", json!({"include_notes": "false"}), json!({"include_notes": false})),
        (
            "get_users",
            json!({"current_user_context": "False", "team_ids": team}),
            json!({"current_user_context": false, "team_ids": [team]}),
        ),
        (
            "get_users",
            json!({"current_user_context": false, "team_ids": [format!(" {team} "), ""]}),
            json!({"current_user_context": false, "team_ids": [team]}),
        ),
        ("get_teams", json!({"include": "name"}), json!({"include": ["name"]})),
        (
            "get_teams",
            json!({"include": ["name,id", "description"]}),
            json!({"include": ["name", "id", "description"]}),
        ),
        ("get_oncalls", json!({"user_ids": []}), json!({})),
    ] {
        assert_eq!(account.ok(tool, slip.clone()).await, account.ok(tool, meant).await, "{tool} {slip}");
    }
}

/// Returns lists nested to this depth.
fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

#[tokio::test]
async fn invalid_argument_error_has_value_and_next_step() {
    use Code::{
        InvalidEscalationPolicyId, InvalidIncidentId, InvalidInclude, InvalidParameter, InvalidScheduleId,
        InvalidServiceId, InvalidTeamId, InvalidTimeRange, InvalidTimestamp, InvalidUserId, MissingParameter,
        UnknownParameter,
    };

    let account = Account::start().await;
    let cases: Vec<(&str, Value, Code, &str)> = vec![
        ("get_teams", json!({"limit": -1}), InvalidParameter, "-1"),
        ("get_teams", json!({"limit": "abc"}), InvalidParameter, "abc"),
        ("get_teams", json!({"limit": 1.5}), InvalidParameter, "1.5"),
        ("get_teams", json!({"limit": true}), InvalidParameter, "true"),
        ("get_teams", json!({"limit": "99999999999999999999"}), InvalidParameter, "99999999999999999999"),
        ("get_teams", json!({"offset": -1}), InvalidParameter, "-1"),
        ("get_teams", json!({"offset": 10_000}), InvalidParameter, "10000"),
        ("get_teams", json!({"query": "é".repeat(513)}), InvalidParameter, "query has 1026 bytes, more than 1024"),
        ("get_users", json!({"user_id": nested(120)}), InvalidUserId, "[[[["),
        ("get_users", json!({"team_ids": nested(120)}), InvalidParameter, "[[[["),
        ("get_users", json!({"team_ids": "[".repeat(1_000_000)}), InvalidParameter, "[[[["),
        ("get_incidents", json!({"service_ids": vec!["P1"; 101]}), InvalidParameter, "101 IDs, more than 100"),
        (
            "add_incident_note",
            json!({"incident_id": "Q1", "content": "x".repeat(65_537)}),
            InvalidParameter,
            "content has 65537 bytes, more than 65536",
        ),
        ("get_teams", json!({"query": ["a"]}), InvalidParameter, "query"),
        ("get_users", json!({"current_user_context": "maybe"}), InvalidParameter, "maybe"),
        ("get_users", json!({"current_user_context": 0}), InvalidParameter, "true or false"),
        ("get_incidents", json!({"statuses": ["open"]}), InvalidParameter, "triggered"),
        ("get_incidents", json!({"urgencies": {"a": 1}}), InvalidParameter, "urgencies"),
        ("add_incident_note", json!({"incident_id": "Q1", "content": " "}), InvalidParameter, "content"),
        ("add_incident_note", json!({"incident_id": "Q1", "content": 5}), InvalidParameter, "content"),
        ("add_incident_note", json!({"incident_id": "Q1"}), MissingParameter, "content"),
        ("acknowledge_incident", json!({}), MissingParameter, "incident_id"),
        ("resolve_incident", json!({"incident_id": null}), MissingParameter, "incident_id"),
        ("list_users_oncall", json!({}), MissingParameter, "schedule_id"),
        ("get_incidents", json!({"incident_id": "../users/me"}), InvalidIncidentId, "../users/me"),
        ("get_incidents", json!({"incident_id": 4.5}), InvalidIncidentId, "4.5"),
        ("resolve_incident", json!({"incident_id": "Q1?x=1"}), InvalidIncidentId, "Q1?x=1"),
        ("get_escalation_policies", json!({"policy_id": ["P1"]}), InvalidEscalationPolicyId, "P1"),
        ("get_oncalls", json!({"current_user_context": false, "user_ids": [["P1"]]}), InvalidParameter, "user_ids"),
        ("get_incidents", json!({"include": ["titel"]}), InvalidInclude, "Did you mean title?"),
        ("get_incidents", json!({"include": [" "]}), InvalidInclude, "names nothing"),
        ("get_oncalls", json!({"include": ["escalation_levle"]}), InvalidInclude, "escalation_level"),
        ("get_teams", json!({"name": "x"}), UnknownParameter, "query"),
        ("get_teams", json!({"qurey": "x"}), UnknownParameter, "Did you mean query?"),
        ("build_user_context", json!({"user_id": "P1"}), UnknownParameter, "no parameters"),
        ("get_incidents", json!({"since": "yesterday"}), InvalidTimestamp, "yesterday"),
        ("get_incidents", json!({"since": 1_772_100_000}), InvalidTimestamp, "1772100000"),
        ("get_incidents", json!({"until": "9999-12-31"}), InvalidTimestamp, "\"9999-12-31\", which is out of range"),
        ("get_oncalls", json!({"until": "9999-12-31T23:59:59Z"}), InvalidTimestamp, "which is out of range"),
        ("get_incidents", json!({"until": "9999-12-31T23:59:59"}), InvalidTimestamp, "which is out of range"),
        ("get_incidents", json!({"until": "9999-12-32"}), InvalidTimestamp, "not an ISO 8601"),
        ("get_teams", json!({"limit": "5.5"}), InvalidParameter, "5.5"),
        ("get_incidents", json!({"since": "2026-11-02", "until": "2026-11-01"}), InvalidTimeRange, "before"),
        ("get_incidents", json!({"since": "2026-11-02", "until": "2026-11-02"}), InvalidTimeRange, "before"),
        ("get_incidents", json!({"since": "2026-01-01", "until": "2026-11-01"}), InvalidTimeRange, "180"),
        (
            "get_schedules",
            json!({"schedule_id": "P1", "since": "2026-01-01", "until": "2026-11-01"}),
            InvalidTimeRange,
            "180",
        ),
        (
            "list_users_oncall",
            json!({"schedule_id": "P1", "since": "2026-01-01", "until": "2026-11-01"}),
            InvalidTimeRange,
            "180",
        ),
        ("get_oncalls", json!({"until": "2099-01-01"}), InvalidTimeRange, "90 days"),
        ("get_oncalls", json!({"since": "2026-11-02", "until": "2026-11-01"}), InvalidTimeRange, "before"),
    ];
    refused(&account, cases).await;
    assert!(account.sandbox.requests().is_empty(), "PagerDuty received no request");
    // These may be names, so PagerDuty receives them in queries of lists.
    let names: Vec<(&str, Value, Code, &str)> = vec![
        ("get_teams", json!({"team_id": "A".repeat(65)}), InvalidTeamId, "AAAA"),
        ("get_users", json!({"user_id": "a b"}), InvalidUserId, "a b"),
        ("get_teams", json!({"team_id": "%2e%2e"}), InvalidTeamId, "%2e%2e"),
        ("get_services", json!({"service_id": "P1/"}), InvalidServiceId, "P1/"),
        ("get_schedules", json!({"schedule_id": "é"}), InvalidScheduleId, "get_schedules"),
        ("get_incidents", json!({"current_user_context": false, "team_ids": ["P1", "P/2"]}), InvalidTeamId, "P/2"),
    ];
    refused(&account, names).await;
    let requests = account.sandbox.requests();
    let lists = ["/teams", "/users", "/services", "/schedules", "/v3/schedules"];
    assert!(requests.iter().all(|request| lists.contains(&request.path.as_str())), "{requests:?}");
}

/// Checks that each call is refused with its code, names its value, and gives a next step.
async fn refused(account: &Account, cases: Vec<(&str, Value, Code, &str)>) {
    for (tool, arguments, code, part) in cases {
        let error = account.err(tool, arguments.clone()).await;
        assert_eq!(error.code(), code, "{tool} {arguments}: {error}");
        assert!(
            error.envelope().to_string().replace('\\', "").contains(part),
            "{tool} {arguments}: {}",
            error.envelope()
        );
        assert!(error.hint_text().is_some(), "{tool} {arguments}: no next step");
    }
}

#[tokio::test]
async fn unknown_statuses_and_urgencies_are_ignored_with_warning() {
    let account = Account::start().await;
    let answer =
        account.ok("get_incidents", json!({"statuses": ["open", "triggered"], "urgencies": ["high", "urgent"]})).await;
    assert!(
        rows(&answer, "incidents")
            .iter()
            .all(|incident| incident["status"] == "triggered" && incident["urgency"] == "high")
    );
    assert!(!rows(&answer, "incidents").is_empty());
    let said = warnings(&answer);
    assert!(said.contains("open") && said.contains("urgent") && said.contains("acknowledged"), "{said}");
}

#[tokio::test]
async fn times_are_sent_with_offset() {
    let account = Account::start().await;
    let arguments = json!({"since": "2026-11-01", "until": "2026-11-08T12:00:00+02:00"});
    let requests = account.requests_of("get_incidents", arguments).await;
    let list = requests.last().unwrap();
    assert!(list.contains("since=2026-11-01T00%3A00%3A00Z"), "{list}");
    assert!(list.contains("until=2026-11-08T10%3A00%3A00Z"), "{list}");
}

#[tokio::test]
async fn since_without_until_ends_now() {
    let account = Account::start().await;
    let three_weeks_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(21 * 24);
    let recent = account.ok("get_incidents", json!({"since": three_weeks_ago.to_string(), "limit": 1})).await;
    assert_eq!(warnings(&recent), "");
    let requests = account.requests_of("get_incidents", json!({"since": "2020-01-01"})).await;
    let oldest = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(180 * 24);
    let day = oldest.to_string()[..10].to_owned();
    assert!(requests.last().unwrap().contains(&format!("since={day}")), "{requests:?}");
    let old = account.ok("get_incidents", json!({"since": "2020-01-01"})).await;
    assert!(warnings(&old).contains(&format!("the newest 180 days were searched: from {day}")), "{old}");
}

#[tokio::test]
async fn single_time_bound_is_completed() {
    let account = Account::start().await;
    let schedule = account.ok("get_schedules", json!({"limit": 1})).await["schedules"][0]["id"].clone();
    let tomorrow = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24)).to_string();
    for (tool, arguments) in [
        ("get_incidents", json!({})),
        ("get_oncalls", json!({})),
        ("get_schedules", json!({"schedule_id": schedule})),
        ("list_users_oncall", json!({"schedule_id": schedule})),
    ] {
        for bound in ["since", "until"] {
            for time in ["2026-11-01", &tomorrow] {
                let mut arguments = arguments.clone();
                arguments[bound] = json!(time);
                let requests = account.requests_of(tool, arguments.clone()).await;
                let sent = requests.last().unwrap();
                assert!(sent.contains("since=") && sent.contains("until="), "{tool} {arguments}: {sent}");
            }
        }
    }
}

#[tokio::test]
async fn list_users_oncall_with_since_only_is_that_moment() {
    let account = Account::start().await;
    let schedules = account.ok("get_schedules", json!({})).await;
    let tomorrow = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
    let end = tomorrow + jiff::SignedDuration::from_mins(1);
    for schedule in rows(&schedules, "schedules") {
        let alone = json!({"schedule_id": schedule["id"], "since": tomorrow.to_string()});
        let minute = json!({"schedule_id": schedule["id"], "since": tomorrow.to_string(), "until": end.to_string()});
        assert_eq!(
            account.ok("list_users_oncall", alone).await["users"],
            account.ok("list_users_oncall", minute).await["users"]
        );
    }
}

#[tokio::test]
async fn extreme_times_are_answered() {
    let account = Account::start().await;
    let schedule = account.ok("get_schedules", json!({"limit": 1})).await["schedules"][0]["id"].clone();
    for time in ["9999-12-30", "9999-12-30T23:59:59Z", "0001-01-01", "-009999-01-02T00:00:00Z"] {
        for (tool, mut arguments) in [
            ("get_incidents", json!({})),
            ("get_oncalls", json!({})),
            ("get_schedules", json!({"schedule_id": schedule})),
            ("list_users_oncall", json!({"schedule_id": schedule})),
        ] {
            for end in ["since", "until"] {
                arguments[end] = json!(time);
                let outcome = account.toolbox.call(tool, crate::support::object(arguments.clone())).await;
                assert!(!outcome.is_err_and(|error| error.code() == Code::Internal), "{tool} {arguments}");
            }
        }
    }
}

#[tokio::test]
async fn error_message_shortens_long_values() {
    let account = Account::start().await;
    let long = "x".repeat(10_000);
    let answer = account.ok("get_incidents", json!({"statuses": ["triggered", long], "limit": 1})).await;
    assert!(warnings(&answer).len() < 500);
    for (tool, arguments) in [
        ("get_teams", json!({long.clone(): 1})),
        ("get_teams", json!({"team_id": long.clone() + "/"})),
        ("get_teams", json!({"include": [long]})),
        (long.as_str(), json!({})),
    ] {
        assert!(account.err(tool, arguments).await.message().len() < 500);
    }
}

#[tokio::test]
async fn too_many_ids_are_refused() {
    let account = Account::start().await;
    let ids: Vec<_> = (0..101).map(|number| format!("P{number}")).collect();
    let error = account.err("get_users", json!({"current_user_context": false, "team_ids": ids})).await;
    assert_eq!(error.code(), Code::InvalidParameter);
    assert!(error.hint_text().unwrap().contains("100"), "{error}");
}

#[tokio::test]
async fn detail_only_fields_of_list_are_warning() {
    let account = Account::start().await;
    let answer = account.ok("get_incidents", json!({"include": ["id", "body_details"], "limit": 1})).await;
    assert!(warnings(&answer).contains("body_details with a list"), "{answer}");
}
