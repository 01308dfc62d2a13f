//! Tests of `check_coverage`: each kind of finding is found where it is planted, and a clean account has none.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use super::{House, documents, policy, schedule, service, target, user};
use crate::support::{rows, warnings};

/// Two days, the second of which has 23 hours.
fn range(mut arguments: Value) -> Value {
    arguments["since"] = "2026-03-27T12:00:00Z".into();
    arguments["until"] = "2026-03-29T12:00:00Z".into();
    arguments
}

/// Returns an account with these documents beside the usual ones.
async fn with(kind: &str, added: Value) -> House {
    let mut documents = documents();
    documents[kind].as_array_mut().unwrap().extend(added.as_array().unwrap().iter().cloned());
    House::with(documents).await
}

/// Returns an account with one more policy, `PETESTS`.
async fn with_policy(levels: &[&[&str]]) -> House {
    with("escalation_policies", json!([policy("PETESTS", "Tests", levels)])).await
}

/// Returns the kinds of findings.
fn kinds(answer: &Value) -> Vec<&str> {
    rows(answer, "findings").iter().map(|row| row["kind"].as_str().unwrap()).collect()
}

fn lines(answer: &Value) -> Vec<&str> {
    rows(answer, "findings").iter().map(|row| row["line"].as_str().unwrap()).collect()
}

async fn check(house: &House, arguments: Value) -> Value {
    house.ok("check_coverage", range(arguments)).await
}

async fn check_policy(levels: &[&[&str]]) -> Value {
    let answer = check(&with_policy(levels).await, json!({"policy_ids": ["PETESTS"]})).await;
    assert_eq!(warnings(&answer), "");
    answer
}

#[tokio::test]
async fn clean_account_has_no_findings() {
    let mut documents = documents();
    documents["escalation_policies"] = json!([policy("PEHOUSE", "House", &[&["PSPRIM1"], &["PUDEE1"], &["PUBOSS1"]])]);
    let house = House::with(documents).await;
    for arguments in [
        json!({"policy_ids": ["PEHOUSE"]}),
        json!({"team_ids": ["PTHOUSE"]}),
        json!({"service_ids": ["PVHOUSE"]}),
        json!({"schedule_ids": ["PSPRIM1"]}),
        json!({"policy_ids": ["PEHOUSE"], "team_ids": ["PTHOUSE"], "service_ids": ["PVHOUSE"], "schedule_ids": ["PSPRIM1"]}),
        json!({}),
    ] {
        let answer = check(&house, arguments.clone()).await;
        assert_eq!(lines(&answer), Vec::<&str>::new(), "{arguments}");
        assert_eq!(answer["metadata"]["summary"], "No findings.", "{answer}");
        assert_eq!(warnings(&answer), "", "{arguments}");
    }
}

#[tokio::test]
async fn gap_of_all_levels_is_found() {
    let answer = check_policy(&[&["PSOFFI1"]]).await;
    assert_eq!(kinds(&answer), ["gap"]);
    assert_eq!(
        rows(&answer, "findings")[0],
        json!({"kind": "gap",
            "line": "Tests: no user is on call on any level, Fri 2026-03-27 17:00 to Sat 2026-03-28 09:00 CET and once \
                     more (31 h in all).",
            "policy": {"id": "PETESTS", "name": "Tests"}, "since": "2026-03-27T17:00:00+01:00",
            "until": "2026-03-28T09:00:00+01:00", "hours": 31.0, "times": 2,
            "next_step": "Cover the time with override_oncall, or change the schedule."})
    );
    assert_eq!(kinds(&check_policy(&[&["PSOFFI1"], &["PSOFFI1", "PUBOSS1"]]).await), ["level_gap", "two_levels"]);
    let house = House::start().await;
    let of_schedule = check(&house, json!({"schedule_ids": ["PSOFFI1"]})).await;
    assert_eq!(kinds(&of_schedule), ["gap"]);
    assert_eq!(rows(&of_schedule, "findings")[0]["schedule"]["id"], "PSOFFI1");
}

#[tokio::test]
async fn empty_level_and_level_gap_are_told_apart() {
    let answer = check_policy(&[&["PSPRIM1"], &["PSOFFI1"], &["PUBOSS1"]]).await;
    assert_eq!(kinds(&answer), ["level_gap"]);
    assert!(
        lines(&answer)[0].starts_with("Tests, level 2: no user is on call there, Fri 2026-03-27 17:00"),
        "{answer}"
    );
    let mut documents = documents();
    let mut empty = schedule("PSEMPTY", "Empty", &["PUDEE1"], None, &json!([]));
    empty["schedule_layers"][0]["start"] = "2026-06-01T08:00:00Z".into();
    empty["schedule_layers"][0]["rotation_virtual_start"] = "2026-06-01T08:00:00Z".into();
    documents["schedules"].as_array_mut().unwrap().push(empty);
    let tests = policy("PETESTS", "Tests", &[&["PSPRIM1"], &["PSEMPTY"]]);
    documents["escalation_policies"].as_array_mut().unwrap().push(tests);
    let answer = check(&House::with(documents).await, json!({"policy_ids": ["PETESTS"]})).await;
    assert_eq!(kinds(&answer), ["empty_level"], "{answer}");
    assert_eq!(rows(&answer, "findings")[0]["level"], 2);
}

#[tokio::test]
async fn level_that_no_phone_or_push_reaches_is_found() {
    let email = |id: &str| {
        let mut user = user(id, "Email Only");
        user["contact_methods"].as_array_mut().unwrap().truncate(1);
        user["notification_rules"] = json!([{"id": "PR1", "type": "assignment_notification_rule", "urgency": "high",
            "start_delay_in_minutes": 0,
            "contact_method": {"id": format!("{id}E"), "type": "email_contact_method_reference"}}]);
        user
    };
    let mut blocked = user("PUTEST1", "Blocked");
    blocked["contact_methods"][1]["blacklisted"] = true.into();
    let mut unused = user("PUTEST1", "Unused");
    unused["notification_rules"][0]["contact_method"] =
        json!({"id": "PUTEST1E", "type": "email_contact_method_reference"});
    let mut push = email("PUTEST1");
    push["contact_methods"][0]["type"] = "push_notification_contact_method".into();
    for (planted, found) in
        [(email("PUTEST1"), true), (blocked, true), (unused, true), (push, false), (user("PUTEST1", "Phone"), false)]
    {
        let mut documents = documents();
        documents["users"].as_array_mut().unwrap().push(planted.clone());
        let levels: [&[&str]; 2] = [&["PUTEST1"], &["PUBOSS1"]];
        let tests = policy("PETESTS", "Tests", &levels);
        documents["escalation_policies"].as_array_mut().unwrap().push(tests);
        let answer = check(&House::with(documents).await, json!({"policy_ids": ["PETESTS"]})).await;
        assert_eq!(kinds(&answer), if found { vec!["unreachable"] } else { vec![] }, "{planted}");
        if found {
            assert_eq!(rows(&answer, "findings")[0]["who"][0]["id"], "PUTEST1");
        }
    }
    // Another user on the level can be woken.
    assert_eq!(kinds(&check_policy(&[&["PUBOSS1", "PUDEE1"]]).await), Vec::<&str>::new());
}

#[tokio::test]
async fn user_on_two_levels_is_found() {
    let answer = check_policy(&[&["PSPRIM1"], &["PUADA1"]]).await;
    assert_eq!(kinds(&answer), ["two_levels"]);
    let row = &rows(&answer, "findings")[0];
    assert_eq!(
        row["line"],
        "Tests, level 1: Ada Weiß is on levels 1 and 2 at once, Sat 2026-03-28 09:00 CET to Sun 2026-03-29 09:00 CEST \
         (23 h, clocks go forward)."
    );
    assert_eq!(row["who"], json!([{"id": "PUADA1", "name": "Ada Weiß"}]));
    assert_eq!(kinds(&check_policy(&[&["PSPRIM1"], &["PUDEE1"]]).await), Vec::<&str>::new());
}

#[tokio::test]
async fn clash_between_policies_is_found() {
    let mut documents = documents();
    let other = schedule("PSOTHER", "Other", &["PUADA1"], Some(("12:00:00", 2)), &json!([]));
    documents["schedules"].as_array_mut().unwrap().push(other);
    documents["escalation_policies"] = json!([
        policy("PEHOUSE", "House", &[&["PSPRIM1"], &["PUBOSS1"]]),
        policy("PEOTHER", "Other", &[&["PSOTHER", "PUBOSS1"]])
    ]);
    let house = House::with(documents).await;
    let answer = check(&house, json!({"team_ids": ["PTHOUSE"]})).await;
    assert_eq!(kinds(&answer), ["clash"], "{answer}");
    assert_eq!(
        lines(&answer)[0],
        "Other: Ada Weiß is also on House Primary (House, level 1) at once, Sat 2026-03-28 12:00 to 14:00 CET (2 h)."
    );
    assert_eq!(kinds(&check(&house, json!({"policy_ids": ["PEOTHER"]})).await), Vec::<&str>::new());
    let named = check(&house, json!({"schedule_ids": ["PSPRIM1", "PSOTHER"]})).await;
    assert_eq!(kinds(&named), ["gap", "clash"], "the other schedule has gaps");
}

#[tokio::test]
async fn schedules_of_one_policy_do_not_clash() {
    let mut documents = documents();
    let other = schedule("PSOTHER", "Other", &["PUADA1"], None, &json!([]));
    documents["schedules"].as_array_mut().unwrap().push(other);
    documents["escalation_policies"] = json!([policy("PEHOUSE", "House", &[&["PSPRIM1"], &["PSOTHER"]])]);
    let house = House::with(documents).await;
    let named = check(&house, json!({"schedule_ids": ["PSPRIM1", "PSOTHER"]})).await;
    assert_eq!(lines(&named), Vec::<&str>::new(), "{named}");
    assert!(named["metadata"].get("reaches").is_none(), "no policy was checked");
}

#[tokio::test]
async fn verdict_names_the_users_that_a_page_reaches() {
    let verdict = async |levels: &[&[&str]]| check_policy(levels).await["metadata"]["reaches"].clone();
    assert_eq!(verdict(&[&["PUBOSS1"]]).await, json!(["Tests: reaches Boss at level 1."]));
    assert_eq!(
        verdict(&[&["PSOFFI1"], &["PUBOSS1"]]).await,
        json!(["Tests: reaches Dee at level 1 for 17 h; Boss at level 2, after up to 15 min, for 31 h."])
    );
    assert_eq!(
        verdict(&[&["PSOFFI1"]]).await,
        json!(["Tests: reaches Dee at level 1 for 17 h; no user by phone or push for 31 h."])
    );
    let account = crate::support::Account::start().await;
    let tools = super::tools(&account.sandbox, pagerduty_mcp_server::sandbox::tokens::USER, |_| {});
    let answer = crate::support::ok(&tools, "check_coverage", json!({"policy_ids": ["Legacy Batch Exports"]})).await;
    assert_eq!(answer["metadata"]["reaches"], json!(["Legacy Batch Exports: reaches no user by phone or push."]));
    let house = House::start().await;
    let refused = FaultKind::Status { code: 403, headers: [].into(), body: None };
    house.sandbox.fail(Fault { times: 99, ..Fault::once("/users/{id}", refused) });
    let answer = check(&house, json!({"policy_ids": ["PEHOUSE"]})).await;
    assert!(
        answer["metadata"]["reaches"][0].as_str().unwrap().contains(" (contact data not read) at level 1"),
        "{answer}"
    );
}

#[tokio::test]
async fn deleted_users_and_schedules_are_found() {
    let house = House::start().await;
    let body = |levels: Value| {
        FaultKind::WrongJson(
            json!({"escalation_policy": {"id": "PEHOUSE", "name": "House", "type": "escalation_policy",
            "escalation_rules": levels}}),
        )
    };
    let gone = json!({"id": "PUGONE1", "type": "user_reference", "summary": "Zed", "self": null, "html_url": null,
        "deleted_at": "2026-01-01T00:00:00Z"});
    let rules = json!([{"targets": [target("PSPRIM1")]}, {"targets": [gone]}]);
    house.sandbox.fail(Fault::once("/escalation_policies/{id}", body(rules)));
    let layers = json!([{"name": "Daily", "users": [{"user": target("PUADA1")}, {"user": gone}]}]);
    let layers = json!({"schedule": {"id": "PSPRIM1", "name": "House Primary", "schedule_layers": layers}});
    house.sandbox.fail(Fault::once("/schedules/{id}", FaultKind::WrongJson(layers)));
    let mut oncalls = json!({"oncalls": [], "more": false});
    let entry = |id: &str, name: &str| {
        json!({"user": {"id": id, "summary": name, "type": "user_reference"}, "schedule": target("PSPRIM1"),
            "escalation_policy": {"id": "PEHOUSE", "summary": "House"}, "escalation_level": 1,
            "start": "2026-03-27T00:00:00Z", "end": "2026-03-30T00:00:00Z"})
    };
    oncalls["oncalls"] = json!([entry("PUADA1", "Ada")]);
    house.sandbox.fail(Fault::once("/oncalls", FaultKind::WrongJson(oncalls.clone())));
    let answer = check(&house, json!({"policy_ids": ["PEHOUSE"]})).await;
    assert_eq!(kinds(&answer), ["empty_level", "deleted", "deleted"], "{answer}");
    let found = lines(&answer).join("\n");
    assert!(found.contains("House, level 2: all its targets are deleted"), "{found}");
    assert!(found.contains("House, level 2: Zed (deleted user) is still a target."), "{found}");
    assert!(found.contains("Zed (deleted user) is still in the rotation."), "{found}");
    // PagerDuty has no user of this ID any more, so the level has no user either.
    house.sandbox.clear();
    oncalls["oncalls"] = json!([entry("PUGONE1", "Zed")]);
    house.sandbox.fail(Fault::once("/oncalls", FaultKind::WrongJson(oncalls)));
    let answer = check(&house, json!({"policy_ids": ["PEHOUSE"]})).await;
    assert_eq!(kinds(&answer)[0], "gap", "{answer}");
    assert!(kinds(&answer).contains(&"deleted"), "{answer}");
}

#[tokio::test]
async fn services_that_page_no_user_are_found() {
    let planted = |change: &dyn Fn(&mut Value)| {
        let mut service = service("PVTESTS", "Tested", "PECLEAN");
        change(&mut service);
        service
    };
    let hours = |outside: &str, end: &str| {
        json!([{"type": "use_support_hours", "during_support_hours": {"type": "constant", "urgency": "high"},
            "outside_support_hours": {"type": "constant", "urgency": outside}},
            {"type": "fixed_time_per_day", "time_zone": "Berlin", "start_time": "09:00:00", "end_time": end,
                "days_of_week": [1, 2, 3, 4, 5, 6, 7]}])
    };
    for (service, expected) in [
        (planted(&|_| {}), vec![]),
        (planted(&|service| service["status"] = "disabled".into()), vec!["service_disabled"]),
        (planted(&|service| service["integrations"] = json!([])), vec!["service_without_integration"]),
    ] {
        let mut documents = documents();
        let clean = policy("PECLEAN", "Clean", &[&["PUBOSS1"]]);
        documents["escalation_policies"].as_array_mut().unwrap().push(clean);
        documents["services"].as_array_mut().unwrap().push(service.clone());
        let answer = check(&House::with(documents).await, json!({"service_ids": ["PVTESTS"]})).await;
        assert_eq!(kinds(&answer), expected, "{service}");
    }
    let house = with("escalation_policies", json!([policy("PECLEAN", "Clean", &[&["PUBOSS1"]])])).await;
    for (outside, end, expected) in
        [("low", "17:00:00", vec!["outside_support_hours"]), ("high", "17:00:00", vec![]), ("low", "09:00:00", vec![])]
    {
        let mut service = planted(&|_| {});
        let [urgency, hours] = [0, 1].map(|part| hours(outside, end)[part].clone());
        service["incident_urgency_rule"] = urgency;
        service["support_hours"] = hours;
        service["escalation_policy"] = policy("PECLEAN", "Clean", &[&["PUBOSS1"]]);
        let body = FaultKind::WrongJson(json!({ "service": service }));
        house.sandbox.fail(Fault::once("/services/{id}", body));
        let answer = check(&house, json!({"service_ids": ["PVHOUSE"]})).await;
        assert_eq!(kinds(&answer), expected, "{outside} until {end}: {answer}");
    }
    let body = FaultKind::WrongJson(json!({"service": planted(&|service| service["status"] = "maintenance".into())}));
    house.sandbox.fail(Fault::once("/services/{id}", body));
    let answer = check(&house, json!({"service_ids": ["PVHOUSE"]})).await;
    assert_eq!(kinds(&answer), ["service_in_maintenance"], "its policy came as a reference: {answer}");
    assert_eq!(answer["metadata"]["checked"]["policies"], 1);
}

#[tokio::test]
async fn parts_that_fail_are_warnings_and_no_findings() {
    let house = with_policy(&[&["PSPRIM1"], &["PUDEE1"]]).await;
    let refused = FaultKind::Status { code: 403, headers: [].into(), body: None };
    for (path, warning) in [
        ("/users/{id}", "The contact data of user"),
        ("/schedules/{id}", "The rotation of House Primary could not be fetched and was not checked"),
    ] {
        house.sandbox.clear();
        house.sandbox.fail(Fault { times: 99, ..Fault::once(path, refused.clone()) });
        let answer = check(&house, json!({"policy_ids": ["PETESTS"]})).await;
        assert_eq!(kinds(&answer), Vec::<&str>::new(), "{path}");
        assert!(warnings(&answer).contains(warning), "{path}: {answer}");
        assert_eq!(answer["metadata"]["summary"], "No findings in what could be checked; see warnings.");
    }
    house.sandbox.clear();
    let answer = check(&house, json!({"policy_ids": ["PETESTS", "PENOONE"]})).await;
    assert!(warnings(&answer).contains("Policy PENOONE could not be fetched and was not checked"), "{answer}");
    for ids in [json!(["PENOONE"]), json!(["PENOONE", "PENONE2"])] {
        let error = house.err("check_coverage", json!({"policy_ids": ids})).await;
        assert_eq!(error.code(), Code::NotFound);
    }
}

#[tokio::test]
async fn unreadable_oncalls_are_an_error_and_not_full_coverage() {
    let house = House::start().await;
    let refused = FaultKind::Status { code: 403, headers: [].into(), body: None };
    house.sandbox.fail(Fault { times: 99, ..Fault::once("/oncalls", refused) });
    for arguments in [json!({}), json!({"policy_ids": ["PEHOUSE"]}), json!({"service_ids": ["PVHOUSE"]})] {
        let error = house.err("check_coverage", range(arguments.clone())).await;
        assert_eq!(error.code(), Code::PermissionDenied, "{arguments}");
    }
    let answer = check(&house, json!({"policy_ids": ["PEHOUSE"], "schedule_ids": ["PSPRIM1"]})).await;
    assert!(warnings(&answer).contains("The on-calls of the policies could not be fetched"), "{answer}");
}

#[tokio::test]
async fn policies_beyond_the_limit_are_named_in_a_warning() {
    let many: Vec<_> =
        (0..60).map(|place| policy(&format!("PEMANY{place}"), &format!("Many {place}"), &[&["PUBOSS1"]])).collect();
    let house = with("escalation_policies", many.into()).await;
    let answer = check(&house, json!({"team_ids": ["PTHOUSE"]})).await;
    assert!(warnings(&answer).contains("Only 50 of 61 policies were checked"), "{answer}");
    assert_eq!(answer["metadata"]["checked"]["policies"], 50);
}

#[tokio::test]
async fn teams_of_the_sandbox_have_what_is_planted() {
    let account = crate::support::Account::start().await;
    let tools = super::tools(&account.sandbox, pagerduty_mcp_server::sandbox::tokens::USER, |_| {});
    let answer = crate::support::ok(&tools, "check_coverage", json!({"team_ids": ["Partner Portal"]})).await;
    assert_eq!(lines(&answer), Vec::<&str>::new());
    assert_eq!(warnings(&answer), "");
    let answer = crate::support::ok(&tools, "check_coverage", json!({"team_ids": ["Legacy Batch"]})).await;
    let mut found = kinds(&answer);
    found.dedup();
    assert_eq!(found, ["empty_level", "unreachable", "level_gap", "deleted", "two_levels", "clash"], "{answer}");
}

#[tokio::test]
async fn parts_without_a_response_do_not_hold_the_rest_back() {
    let house = with_policy(&[&["PSPRIM1"], &["PUDEE1"]]).await;
    for path in ["/schedules/{id}", "/users/{id}"] {
        house.sandbox.clear();
        house.sandbox.fail(Fault { times: 1, ..Fault::once(path, FaultKind::Hang) });
        let answer = check(&house, json!({"policy_ids": ["PETESTS"]})).await;
        assert_eq!(kinds(&answer), Vec::<&str>::new(), "{path}");
        assert!(warnings(&answer).contains("no response soon after that of the others"), "{path}: {answer}");
    }
}
