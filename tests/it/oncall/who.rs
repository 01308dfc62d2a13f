//! Tests of `whos_oncall`.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use super::House;
use crate::overrides::Scene;
use crate::support::{rows, warnings};

/// Returns the sentences of an answer.
fn lines(answer: &Value) -> Vec<&str> {
    rows(answer, "levels").iter().map(|row| row["line"].as_str().unwrap()).collect()
}

async fn at(house: &House, at: &str) -> Value {
    house.ok("whos_oncall", json!({"policy_id": "PEHOUSE", "at": at})).await
}

#[tokio::test]
async fn each_level_says_until_when_and_who_is_next() {
    let house = House::start().await;
    let answer = at(&house, "2026-03-27T12:00:00Z").await;
    assert_eq!(
        lines(&answer),
        [
            "House, level 1: Bob Øre (House Primary) until Fri 2026-03-27 19:00 CET, then Cy 渡辺.",
            "House, level 2: Dee (House Office) until Fri 2026-03-27 17:00 CET, then a gap until Sat 2026-03-28 09:00 CET, \
             then Dee.",
            "House, level 3: Boss (always).",
        ]
    );
    assert_eq!(
        rows(&answer, "levels")[0],
        json!({"policy": {"id": "PEHOUSE", "name": "House"}, "level": 1, "line": lines(&answer)[0],
            "escalates_after_minutes": 15,
            "oncall": [{"id": "PUBOB1", "name": "Bob Øre", "schedule": {"id": "PSPRIM1", "name": "House Primary"},
                "from": "2026-03-27T09:00:00+01:00", "until": "2026-03-27T19:00:00+01:00"}],
            "next": [{"id": "PUCY1", "name": "Cy 渡辺", "schedule": {"id": "PSPRIM1", "name": "House Primary"},
                "from": "2026-03-27T19:00:00+01:00", "until": "2026-03-27T23:00:00+01:00"}]})
    );
    assert_eq!(answer["metadata"]["time_zone"], "Europe/Berlin");
    assert_eq!(answer["metadata"]["at"], "2026-03-27T13:00:00+01:00");
}

#[tokio::test]
async fn override_and_gap_are_shown_at_their_times() {
    let house = House::start().await;
    let answer = at(&house, "2026-03-27T18:00:00Z").await;
    assert_eq!(
        lines(&answer)[..2],
        [
            "House, level 1: Cy 渡辺 (House Primary) until Fri 2026-03-27 23:00 CET, then Bob Øre.",
            "House, level 2: a gap, no user is on call until Sat 2026-03-28 09:00 CET, then Dee.",
        ]
    );
    assert_eq!(rows(&answer, "levels")[1]["gap"], json!({"until": "2026-03-28T09:00:00+01:00"}));
    assert_eq!(rows(&answer, "levels")[1]["oncall"], json!([]));
    let answer = at(&house, "2026-03-27T22:00:00Z").await;
    assert!(lines(&answer)[0].contains("Bob Øre (House Primary) until Sat 2026-03-28 09:00 CET, then Ada"), "{answer}");
    let summer = at(&house, "2026-03-28T12:00:00Z").await;
    assert!(lines(&summer)[0].contains("until Sun 2026-03-29 09:00 CEST"), "{summer}");
}

#[tokio::test]
async fn each_way_to_ask_takes_at_most_two_round_trips() {
    let house = House::start().await;
    house.ok("whos_oncall", json!({"at": "2026-03-27T12:00:00Z"})).await;
    let at = "2026-03-27T12:00:00Z";
    for (arguments, rounds, levels) in [
        (json!({"policy_id": "PEHOUSE", "at": at}), &[2][..], 3),
        (json!({"service_id": "PVHOUSE", "at": at}), &[1, 1], 3),
        (json!({"team_id": "PTHOUSE", "at": at}), &[1, 1], 3),
        // Both kinds of schedule are tried at once.
        (json!({"schedule_id": "PSPRIM1", "at": at}), &[2], 1),
        (json!({"at": at}), &[2, 1], 3),
        (json!({"policy_id": "PEHOUSE", "at": at, "contact": true}), &[2, 4], 3),
    ] {
        house.sandbox.clear();
        for round in rounds {
            house.sandbox.fail(Fault::together("*", *round));
        }
        let answer = house.ok("whos_oncall", arguments.clone()).await;
        let sent = house.sandbox.requests();
        assert_eq!(sent.len(), rounds.iter().sum::<u32>() as usize, "{arguments}: {sent:?}");
        assert_eq!(rows(&answer, "levels").len(), levels, "{arguments}: {answer}");
        assert_eq!(warnings(&answer), "", "{arguments}");
    }
}

#[tokio::test]
async fn service_and_contact_data_are_shown() {
    let house = House::start().await;
    let arguments = json!({"service_id": "PVHOUSE", "at": "2026-03-27T12:00:00Z", "contact": true});
    let answer = house.ok("whos_oncall", arguments).await;
    assert_eq!(answer["metadata"]["service"], json!({"id": "PVHOUSE", "name": "House Service", "status": "active"}));
    let bob = &rows(&answer, "levels")[0]["oncall"][0];
    assert_eq!(bob["email"], "pubob1@house.example");
    assert_eq!(
        bob["contact"],
        json!([{"type": "email", "label": "Default", "address": "pubob1@house.example"},
            {"type": "phone", "label": "Mobile", "address": "+49 301234567"}])
    );
}

#[tokio::test]
async fn schedule_of_shifts_is_answered_with_names() {
    let house = House::start().await;
    let answer = house.ok("whos_oncall", json!({"schedule_id": "PPKD8YK", "at": "2026-03-27T12:00:00Z"})).await;
    let row = &rows(&answer, "levels")[0];
    assert_eq!(row["schedule"]["name"], "Checkout Secondary");
    assert!(row["oncall"][0]["name"].is_string() && row["next"][0]["name"].is_string(), "{row}");
    let policy = house.ok("whos_oncall", json!({"policy_id": "PJBDDA3", "at": "2026-03-27T12:00:00Z"})).await;
    let same = &rows(&policy, "levels")[1];
    assert_eq!(same["oncall"][0]["id"], row["oncall"][0]["id"]);
    assert_eq!(same["oncall"][0]["until"], row["oncall"][0]["until"]);
}

#[tokio::test]
async fn schedule_without_shifts_is_a_gap_on_each_way() {
    let house = House::start().await;
    for schedule in ["PSEMPTY", "Legacy Batch Manager"] {
        let mut documents = super::documents();
        let mut empty = super::schedule("PSEMPTY", "Empty", &["PUDEE1"], None, &json!([]));
        for name in ["start", "rotation_virtual_start"] {
            empty["schedule_layers"][0][name] = "2026-06-01T08:00:00Z".into();
        }
        documents["schedules"].as_array_mut().unwrap().push(empty);
        let empty = House::with(documents).await;
        let answer = empty.ok("whos_oncall", json!({"schedule_id": schedule, "at": "2026-03-27T12:00:00Z"})).await;
        assert_eq!(warnings(&answer), "", "{schedule}");
        assert!(lines(&answer)[0].contains("a gap, no user is on call before"), "{answer}");
        assert_eq!(rows(&answer, "levels")[0]["gap"], json!({"until": null}), "{answer}");
    }
    let answer = house.ok("whos_oncall", json!({"team_id": "Legacy Batch", "at": "2026-03-27T12:00:00Z"})).await;
    assert!(lines(&answer).iter().any(|line| line.contains("no user is on call")), "{answer}");
}

#[tokio::test]
async fn two_subjects_are_refused_and_failing_parts_reported() {
    let house = House::start().await;
    let error = house.err("whos_oncall", json!({"policy_id": "PEHOUSE", "team_id": "PTHOUSE"})).await;
    assert_eq!(error.code(), Code::ConflictingParameters);
    house.sandbox.clear();
    let refused = FaultKind::Status { code: 403, headers: [].into(), body: None };
    house.sandbox.fail(Fault { times: 9, ..Fault::once("/users/{id}", refused.clone()) });
    let arguments = json!({"policy_id": "PEHOUSE", "at": "2026-03-27T12:00:00Z", "contact": true});
    let answer = house.ok("whos_oncall", arguments.clone()).await;
    assert_eq!(lines(&answer).len(), 3);
    assert!(warnings(&answer).contains("The contact data of user"), "{answer}");
    house.sandbox.clear();
    house.sandbox.fail(Fault { times: 9, ..Fault::once("/oncalls", refused) });
    for arguments in [arguments, json!({}), json!({"team_id": "PTHOUSE"}), json!({"service_id": "PVHOUSE"})] {
        let error = house.err("whos_oncall", arguments.clone()).await;
        assert_eq!(error.code(), Code::PermissionDenied, "{arguments}");
    }
}

#[tokio::test]
async fn times_without_offset_are_local() {
    let house = House::start().await;
    let metadata = |answer: &Value, name: &str| answer["metadata"][name].as_str().unwrap_or_default().to_owned();
    let answer = at(&house, "2026-03-28T08:30").await;
    assert_eq!(metadata(&answer, "at"), "2026-03-28T08:30:00+01:00");
    let answer = at(&house, "2026-03-29T02:30").await;
    assert_eq!(metadata(&answer, "at"), "2026-03-29T03:30:00+02:00", "the clocks go forward");
    assert!(warnings(&answer).contains("does not exist"), "{answer}");
    assert!(metadata(&at(&house, "2026-03-28T08:30:00Z").await, "at").ends_with("09:30:00+01:00"));
    for tool in ["get_shifts", "check_coverage"] {
        let day = json!({"since": "2026-03-28", "until": "2026-03-29"});
        let answer = house.ok(tool, day).await;
        assert_eq!(metadata(&answer, "since"), "2026-03-28T00:00:00+01:00", "{tool}");
        let day = json!({"since": "2026-03-28", "until": "2026-03-29", "time_zone": "Asia/Kolkata"});
        assert_eq!(metadata(&house.ok(tool, day).await, "until"), "2026-03-29T00:00:00+05:30", "{tool}");
    }
    let report = house.ok("get_handoff", json!({"since": "2026-03-27T06:00", "until": "2026-03-27T18:00"})).await;
    assert_eq!(report["since"], "2026-03-27T06:00:00+01:00");
}

#[tokio::test]
async fn users_of_a_schedule_have_their_own_ends_and_starts() {
    let scene = Scene::start().await;
    let now = jiff::Timestamp::now();
    let start = now + jiff::SignedDuration::from_mins(1);
    let end = now + jiff::SignedDuration::from_mins(30);
    let extra = json!({"schedule_id": "Partner Portal Primary", "user_id": "Uma Krishnan", "start": start.to_string(),
        "end": end.to_string(), "extra": true});
    scene.ok("override_oncall", extra).await;
    let at = (now + jiff::SignedDuration::from_mins(2)).to_string();
    let answer = scene.ok("whos_oncall", json!({"schedule_id": "Partner Portal Primary", "at": at})).await;
    let row = &rows(&answer, "levels")[0];
    let on = rows(row, "oncall");
    assert_eq!(on.len(), 2, "{row}");
    let line = row["line"].as_str().unwrap();
    let name = on.iter().min_by_key(|one| one["until"].as_str().unwrap()).unwrap()["name"].as_str().unwrap();
    assert!(line.starts_with(&format!("Partner Portal Primary: {name} until ")) && line.contains("; "), "{line}");
    let rotation = on.iter().find(|one| one["name"] != "Uma Krishnan").unwrap();
    let from: jiff::Timestamp = rotation["from"].as_str().unwrap().parse().unwrap();
    assert!(from < start, "the turn began before the extra shift: {rotation}");
}

#[tokio::test]
async fn shift_of_a_deleted_user_is_a_gap() {
    let mut documents = super::documents();
    let mut gone = super::user("PUGONE1", "Zed");
    gone["deleted_at"] = "2026-01-01T00:00:00Z".into();
    documents["users"].as_array_mut().unwrap().push(gone);
    documents["schedules"][0] = super::schedule("PSPRIM1", "House Primary", &["PUGONE1", "PUBOB1"], None, &json!([]));
    let house = House::with(documents).await;
    let answer = at(&house, "2026-03-27T12:00:00Z").await;
    let row = &rows(&answer, "levels")[0];
    if row["oncall"] != json!([]) {
        // It is Bob's turn, so the next one is the deleted user's.
        assert!(row["line"].as_str().unwrap().contains("Bob Øre (House Primary) until"), "{row}");
    }
    let answer = at(&house, "2026-03-28T12:00:00Z").await;
    let other = &rows(&answer, "levels")[0];
    let gap = if row["oncall"] == json!([]) { row } else { other };
    assert_eq!(gap["oncall"], json!([]), "{gap}");
    let line = gap["line"].as_str().unwrap();
    assert!(line.contains("a gap, no user is on call until") && line.contains("then Bob Øre"), "{line}");
    assert!(line.contains("Zed (deleted user) is still assigned"), "{line}");
    assert_eq!(gap["deleted"][0]["id"], "PUGONE1");
    assert_eq!(gap["next"][0]["id"], "PUBOB1");
}
