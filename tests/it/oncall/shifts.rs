//! Tests of `get_shifts`.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};
use serde_json::{Value, json};

use super::{House, documents, policy, schedule};
use crate::support::{rows, warnings};

/// Returns the start and the end of each shift, and the hours.
fn times(answer: &Value) -> Vec<(String, String, f64)> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    rows(answer, "shifts")
        .iter()
        .map(|row| (text(row, "start"), text(row, "end"), row["hours"].as_f64().unwrap()))
        .collect()
}

#[tokio::test]
async fn my_shifts_are_local_and_count_elapsed_hours() {
    let house = House::start().await;
    let arguments = json!({"since": "2026-03-27T12:00:00Z", "until": "2026-03-31T12:00:00Z"});
    let answer = house.ok("get_shifts", arguments).await;
    let expected = [
        ("2026-03-28T09:00:00+01:00", "2026-03-29T09:00:00+02:00", 23.0),
        ("2026-03-30T09:00:00+02:00", "2026-03-31T09:00:00+02:00", 24.0),
    ];
    assert_eq!(times(&answer), expected.map(|(start, end, hours)| (start.to_owned(), end.to_owned(), hours)));
    let row = &rows(&answer, "shifts")[0];
    assert_eq!(
        row["line"],
        "Ada Weiß, House Primary: Sat 2026-03-28 09:00 CET to Sun 2026-03-29 09:00 CEST (23 h, clocks go forward)"
    );
    assert_eq!(row["policies"], json!(["House, level 1"]));
    assert_eq!(answer["metadata"]["hours"], 47.0);
    assert_eq!(answer["metadata"]["time_zone"], "Europe/Berlin");
}

#[tokio::test]
async fn shifts_of_schedule_keep_their_start_and_are_joined() {
    let house = House::start().await;
    let arguments = |since: &str| json!({"schedule_ids": ["PSPRIM1"], "since": since, "until": "2026-03-28T12:00:00Z", "time_zone": "UTC"});
    let early = house.ok("get_shifts", arguments("2026-03-27T09:30:00Z")).await;
    let late = house.ok("get_shifts", arguments("2026-03-27T11:00:00Z")).await;
    assert_eq!(times(&early), times(&late), "a shift that began before the range is whole");
    let users: Vec<_> = rows(&late, "shifts").iter().map(|row| row["user"]["id"].as_str().unwrap()).collect();
    assert_eq!(users, ["PUBOB1", "PUCY1", "PUBOB1", "PUADA1"]);
    assert_eq!(times(&late)[0].0, "2026-03-27T08:00:00+00:00");
    assert_eq!(times(&late)[3].1, "2026-03-29T07:00:00+00:00", "and so is one that ends after it");
    let only = json!({"schedule_ids": ["PSPRIM1", "PSOFFI1"], "user_ids": ["PUCY1"], "since": "2026-03-27T11:00:00Z"});
    assert_eq!(rows(&house.ok("get_shifts", only).await, "shifts").len(), 1);
    let alone = json!({"user_ids": ["PUDEE1"], "since": "2026-03-27T12:00:00Z", "until": "2026-03-28T12:00:00Z"});
    assert_eq!(rows(&house.ok("get_shifts", alone).await, "shifts").len(), 2, "nights are between them");
}

#[tokio::test]
async fn clashes_between_schedules_are_named() {
    let mut documents = documents();
    let other = schedule("PSOTHER", "Other", &["PUADA1"], Some(("22:00:00", 4)), &json!([]));
    documents["schedules"].as_array_mut().unwrap().push(other);
    documents["escalation_policies"].as_array_mut().unwrap().push(policy("PEOTHER", "Other", &[&["PSOTHER"]]));
    let house = House::with(documents).await;
    let arguments = json!({"since": "2026-03-27T12:00:00Z", "until": "2026-03-29T12:00:00Z"});
    let answer = house.ok("get_shifts", arguments).await;
    assert_eq!(
        answer["metadata"]["clashes"],
        json!([
            "Ada Weiß is on House Primary and Other at once: Sat 2026-03-28 22:00 CET to Sun 2026-03-29 03:00 CEST \
                (4 h, clocks go forward)."
        ])
    );
    let clashing: Vec<_> = rows(&answer, "shifts").iter().filter(|row| row.get("clashes").is_some()).collect();
    assert_eq!(clashing.len(), 2, "{answer}");
}

#[tokio::test]
async fn users_without_shifts_and_unknown_zones_are_said() {
    let house = House::start().await;
    let range = json!({"user_ids": ["PUBOSS1"], "since": "2026-03-27", "until": "2026-03-28"});
    let answer = house.ok("get_shifts", range).await;
    assert!(rows(&answer, "shifts").is_empty());
    assert_eq!(answer["metadata"]["always_on_call"], json!(["Boss: House, level 3"]));
    for (arguments, code) in [
        (json!({"time_zone": "Mars/Olympus"}), Code::InvalidParameter),
        (json!({"format": "pdf"}), Code::InvalidParameter),
        (json!({"since": "2026-03-28", "until": "2026-03-27"}), Code::InvalidTimeRange),
        (json!({"since": "2026-01-01", "until": "2026-08-01"}), Code::InvalidTimeRange),
    ] {
        assert_eq!(house.err("get_shifts", arguments.clone()).await.code(), code, "{arguments}");
    }
    let rails = json!({"time_zone": "Eastern Time (US & Canada)", "since": "2026-03-27", "until": "2026-03-28"});
    assert_eq!(house.ok("get_shifts", rails).await["metadata"]["time_zone"], "America/New_York");
}

#[tokio::test]
async fn calendar_and_table_hold_every_shift() {
    let house = House::start().await;
    let arguments = |format: &str| json!({"team_ids": ["PTHOUSE"], "since": "2026-03-27T12:00:00Z", "until": "2026-03-29T12:00:00Z", "format": format});
    let shifts = rows(&house.ok("get_shifts", arguments("json")).await, "shifts").len();
    let calendar = house.ok("get_shifts", arguments("ics")).await;
    let file = &rows(&calendar, "files")[0];
    assert_eq!((&file["name"], &file["media_type"]), (&json!("shifts.ics"), &json!("text/calendar")));
    let text = file["text"].as_str().unwrap();
    assert_eq!(text.matches("BEGIN:VEVENT\r\n").count(), shifts);
    assert!(text.contains("DTSTART:20260327T180000Z\r\nDTEND:20260327T220000Z\r\n"), "{text}");
    assert!(text.contains("UID:PSPRIM1-PUCY1-20260327T180000Z@"), "{text}");
    assert!(!text.contains("TZID") && !text.contains("RRULE") && !text.contains("METHOD"));
    assert_eq!(calendar["metadata"]["shifts"], shifts);
    let table = house.ok("get_shifts", arguments("csv")).await;
    let text = rows(&table, "files")[0]["text"].as_str().unwrap();
    assert_eq!(text.lines().count(), shifts + 1);
    assert!(text.starts_with("start,end,hours,time_zone,user,user_id,schedule,schedule_id,policies,clashes\r\n"));
    assert!(text.contains(",4,Europe/Berlin,Cy 渡辺,PUCY1,House Primary,PSPRIM1,\"House, level 1\",\r\n"), "{text}");
    let empty = json!({"user_ids": ["PUBOSS1"], "since": "2026-03-27", "until": "2026-03-28", "format": "ics"});
    let empty = house.ok("get_shifts", empty).await;
    assert!(rows(&empty, "files")[0]["text"].as_str().unwrap().ends_with("END:VCALENDAR\r\n"));
    assert_eq!(warnings(&empty), "");
}

#[tokio::test]
async fn both_kinds_of_schedule_have_named_shifts() {
    let house = House::start().await;
    let arguments =
        json!({"schedule_ids": ["PSPRIM1", "PPKD8YK"], "since": "2026-03-27T12:00:00Z", "until": "2026-03-29"});
    let answer = house.ok("get_shifts", arguments).await;
    let shifts = rows(&answer, "shifts");
    for schedule in ["PSPRIM1", "PPKD8YK"] {
        let of_schedule: Vec<_> = shifts.iter().filter(|row| row["schedule"]["id"] == schedule).collect();
        assert!(!of_schedule.is_empty() && of_schedule.iter().all(|row| row["user"]["name"].is_string()), "{answer}");
    }
    assert_eq!(warnings(&answer), "");
    let partly = json!({"schedule_ids": ["PSPRIM1", "PNOSUCH"], "since": "2026-03-27T12:00:00Z"});
    let answer = house.ok("get_shifts", partly).await;
    assert!(warnings(&answer).contains("Schedule PNOSUCH could not be fetched"), "{answer}");
    assert_eq!(house.err("get_shifts", json!({"schedule_ids": ["PNOSUCH"]})).await.code(), Code::NotFound);
}

#[tokio::test]
async fn file_over_budget_is_cut_at_a_whole_shift() {
    let house = House::start().await;
    let small = super::tools(&house.sandbox, &tokens::of_user("PUADA1"), |config| {
        config.max_response_tokens = Some(2_000);
    });
    let arguments = |format: &str| json!({"schedule_ids": ["PSPRIM1"], "since": "2026-03-27", "format": format});
    let answer = crate::support::ok(&small, "get_shifts", arguments("ics")).await;
    let text = rows(&answer, "files")[0]["text"].as_str().unwrap();
    assert!(text.ends_with("END:VEVENT\r\nEND:VCALENDAR\r\n"), "{text}");
    assert!(warnings(&answer).contains("shifts are in the file"), "{answer}");
    assert!(crate::support::tokens_of(&answer.to_string()) <= 2_000);
    let rows_only = crate::support::ok(&small, "get_shifts", arguments("json")).await;
    assert_eq!(rows_only["metadata"]["has_more"], true);
    assert!(crate::support::tokens_of(&rows_only.to_string()) <= 2_000);
}

#[tokio::test]
async fn unreadable_oncalls_are_an_error_and_not_an_empty_file() {
    let house = House::start().await;
    let refused = FaultKind::Status { code: 403, headers: [].into(), body: None };
    house.sandbox.fail(Fault { times: 99, ..Fault::once("/oncalls", refused) });
    for arguments in [json!({"format": "ics"}), json!({"team_ids": ["PTHOUSE"], "format": "csv"})] {
        let error = house.err("get_shifts", arguments.clone()).await;
        assert_eq!(error.code(), Code::PermissionDenied, "{arguments}");
    }
    let error = house.err("get_shifts", json!({"schedule_ids": ["PNOONE1", "PNOONE2"]})).await;
    assert_eq!(error.code(), Code::NotFound);
    let answer = house.ok("get_shifts", json!({"team_ids": ["PTHOUSE"], "schedule_ids": ["PSPRIM1"]})).await;
    assert!(warnings(&answer).contains("The shifts of the teams could not be fetched"), "{answer}");
}
