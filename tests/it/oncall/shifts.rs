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
    assert_eq!(answer["metadata"]["hours_in_range"], 47.0);
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
    assert!(text.starts_with(
        "start,end,hours,time_zone,user,user_id,schedule,schedule_id,policies,clashes,or_earlier,or_later\r\n"
    ));
    assert!(text.contains(",4,Europe/Berlin,Cy 渡辺,PUCY1,House Primary,PSPRIM1,\"House, level 1\",,,\r\n"), "{text}");
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

/// Returns the lines of a calendar that begin with a word.
fn of_calendar(answer: &Value, word: &str) -> Vec<String> {
    let text = rows(answer, "files")[0]["text"].as_str().unwrap().replace("\r\n ", "");
    text.lines().filter(|line| line.starts_with(word)).map(str::to_owned).collect()
}

#[tokio::test]
async fn shift_beyond_what_was_read_is_marked_as_cut() {
    let mut documents = documents();
    let mut alone = schedule("PSALONE", "Alone", &["PUDEE1"], None, &json!([]));
    alone["schedule_layers"][0]["start"] = "2025-01-01T08:00:00Z".into();
    alone["schedule_layers"][0]["rotation_virtual_start"] = "2025-01-01T08:00:00Z".into();
    documents["schedules"].as_array_mut().unwrap().push(alone);
    documents["escalation_policies"].as_array_mut().unwrap().push(policy("PEALONE", "Alone", &[&["PSALONE"]]));
    let house = House::with(documents).await;
    let range = |mut arguments: Value| {
        arguments["since"] = "2026-03-27".into();
        arguments["until"] = "2026-03-28".into();
        arguments
    };
    for arguments in [json!({"schedule_ids": ["PSALONE"]}), json!({"user_ids": ["PUDEE1"]})] {
        let answer = house.ok("get_shifts", range(arguments.clone())).await;
        let shifts = rows(&answer, "shifts");
        let shift = shifts.iter().find(|row| row["schedule"]["id"] == "PSALONE").unwrap();
        assert_eq!((&shift["or_earlier"], &shift["or_later"]), (&json!(true), &json!(true)), "{shift}");
        assert!(shift.get("hours").is_none(), "{shift}");
        let line = shift["line"].as_str().unwrap();
        assert!(line.contains(" or earlier to ") && line.contains(" or later (at least "), "{line}");
        let table = house.ok("get_shifts", range(json!({"schedule_ids": ["PSALONE"], "format": "csv"}))).await;
        assert!(rows(&table, "files")[0]["text"].as_str().unwrap().ends_with(",Alone,,true,true\r\n"), "{table}");
    }
    let whole = house.ok("get_shifts", range(json!({"schedule_ids": ["PSPRIM1"]}))).await;
    let is_cut = |row: &&Value| row.get("or_earlier").or(row.get("or_later")).is_some();
    assert_eq!(rows(&whole, "shifts").iter().filter(is_cut).count(), 0, "{whole}");
    assert_eq!(rows(&whole, "shifts")[0]["policies"], json!(["House"]));
}

#[tokio::test]
async fn uids_of_a_user_alone_do_not_depend_on_the_range() {
    let account = crate::support::Account::start().await;
    let tools = super::tools(&account.sandbox, tokens::USER, |_| {});
    let now = jiff::Timestamp::now();
    let uids = async |days: i64| {
        let time = |days: i64| (now + jiff::SignedDuration::from_hours(24 * days)).to_string();
        let arguments = json!({"schedule_ids": ["PA5L9WG"], "since": time(days), "until": time(20), "format": "ics"});
        let answer = crate::support::ok(&tools, "get_shifts", arguments).await;
        of_calendar(&answer, "UID:")
    };
    let (early, late) = (uids(1).await, uids(5).await);
    assert!(late.len() > 10 && early.len() == late.len() + 4, "{early:?} {late:?}");
    assert!(late.iter().all(|uid| early.contains(uid)), "{early:?} {late:?}");
}

#[tokio::test]
async fn shift_of_an_override_has_its_id() {
    let house = House::start().await;
    let range = json!({"schedule_ids": ["PSPRIM1"], "since": "2026-03-27T12:00:00Z", "until": "2026-03-28T12:00:00Z"});
    let entry =
        |user: &str, start: &str, end: &str| json!({"id": "POVER", "user": {"id": user}, "start": start, "end": end});
    let cover = entry("PUCY1", "2026-03-27T18:00:00Z", "2026-03-27T22:00:00Z");
    let before = entry("PUBOB1", "2026-03-27T08:00:00Z", "2026-03-27T18:00:00Z");
    let body = json!({"schedule": {"id": "PSPRIM1", "name": "House Primary",
        "overrides_subschedule": {"rendered_schedule_entries": [cover]},
        "final_schedule": {"rendered_schedule_entries": [before, cover]}}});
    house.sandbox.fail(Fault::once("/schedules/{id}", FaultKind::WrongJson(body)));
    let answer = house.ok("get_shifts", range.clone()).await;
    let ids: Vec<_> = rows(&answer, "shifts").iter().map(|row| row.get("override_id")).collect();
    assert_eq!(ids, [None, Some(&json!("POVER"))], "{answer}");
    let mut with_team = range;
    with_team["team_ids"] = json!(["PTHOUSE"]);
    let both = house.ok("get_shifts", with_team).await;
    let primary: Vec<_> = rows(&both, "shifts").iter().filter(|row| row["schedule"]["id"] == "PSPRIM1").collect();
    assert_eq!(primary.len(), 4, "each shift is there once: {both}");
    assert_eq!(primary[1]["policies"], json!(["House, level 1"]));
}

#[tokio::test]
async fn overrides_of_schedules_of_shifts_have_their_ids() {
    let account = crate::support::Account::start().await;
    let tools = super::tools(&account.sandbox, tokens::USER, |_| {});
    let day = |days: i64| {
        let time = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
        time.strftime("%Y-%m-%dT00:00:00Z").to_string()
    };
    let cover = json!({"schedule_id": "PPKD8YK", "start": day(3), "end": day(4), "user_id": "P9WEAZL"});
    let made = crate::support::ok(&tools, "override_oncall", cover).await;
    assert_eq!(made["outcome"], "applied", "{made}");
    let range = json!({"schedule_id": "PPKD8YK", "since": day(2), "until": day(6)});
    let answer = account.ok("get_schedules", range).await;
    let overrides = rows(&answer, "schedules")[0]["overrides"].as_array().unwrap();
    assert!(!overrides.is_empty() && overrides.iter().all(|one| one["user"]["summary"].is_string()), "{answer}");
    let ids = made["overrides"].as_array().unwrap();
    let ids: Vec<_> = ids.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert!(ids.iter().all(|id| overrides.iter().any(|one| one["id"] == *id)), "{made} {overrides:?}");
    let range = json!({"schedule_ids": ["PPKD8YK"], "since": day(2), "until": day(6)});
    let answer = crate::support::ok(&tools, "get_shifts", range).await;
    let shown: Vec<_> = rows(&answer, "shifts").iter().filter_map(|row| row["override_id"].as_str()).collect();
    assert!(ids.iter().all(|id| shown.contains(id)), "{made} {answer}");
}
