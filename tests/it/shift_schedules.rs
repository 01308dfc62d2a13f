//! Tests of shift-based schedules, which PagerDuty serves separately from layer-based ones.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::support::{Account, rows, warnings};

const RANGE: [&str; 2] = ["2026-11-02T00:00:00Z", "2026-11-16T00:00:00Z"];

/// Returns every schedule of the list, read page by page.
async fn listed(account: &Account, limit: usize) -> Vec<Value> {
    let (mut all, mut offset) = (Vec::new(), 0);
    loop {
        let answer = account.ok("get_schedules", json!({"limit": limit, "offset": offset})).await;
        all.extend(rows(&answer, "schedules").clone());
        match answer["metadata"]["next_offset"].as_u64() {
            Some(next) => offset = next,
            None => return all,
        }
    }
}

/// PagerDuty lists references of them, which have no time zone.
fn is_shift_based(schedule: &Value) -> bool {
    schedule["kind"] == "shifts"
}

async fn shift_based(account: &Account) -> Value {
    let all = listed(account, 100).await;
    all.into_iter().find(is_shift_based).expect("a shift-based schedule")
}

#[tokio::test]
async fn schedule_list_has_both_kinds_page_by_page() {
    let account = Account::start().await;
    let all = listed(&account, 100).await;
    let kinds: Vec<_> = all.iter().map(is_shift_based).collect();
    assert!(kinds.contains(&true) && kinds.contains(&false), "{all:?}");
    assert!(kinds.is_sorted(), "schedules of layers come first");
    assert!(all.iter().all(|schedule| is_shift_based(schedule) || schedule["kind"] == "layers"), "{all:?}");
    for limit in [1, 2, 7, all.len() - 1, all.len()] {
        assert_eq!(listed(&account, limit).await, all, "{limit} at a time");
    }
    let beyond = account.ok("get_schedules", json!({"offset": all.len()})).await;
    assert_eq!((beyond["metadata"]["count"].as_u64(), &beyond["metadata"]["has_more"]), (Some(0), &json!(false)));
}

/// Answers with schedules of both kinds to a call with `limit` and `offset`, which may go back to earlier pages.
fn serve(account: &Account, layers: &[&str], shifts: &[&str], limit: usize, offset: usize) {
    let schedules = |ids: &[&str]| -> Vec<_> {
        ids.iter().map(|id| json!({"id": format!("P{id}"), "name": id, "summary": id, "type": "schedule"})).collect()
    };
    let fail = |path: String, answer: Value| {
        account.sandbox.fail(Fault { times: 9, ..Fault::once(path, FaultKind::WrongJson(answer)) });
    };
    for start in 0..10 {
        let size = match start {
            start if start == offset => limit,
            start if start + 1 == offset => limit + 1,
            _ => 100,
        };
        let page: Vec<_> = layers.iter().copied().skip(start).take(size).collect();
        let more = start + page.len() < layers.len();
        fail(format!("/schedules?offset={start}"), json!({"schedules": schedules(&page), "more": more}));
    }
    let count = json!({"schedules": [], "more": false, "total": layers.len()});
    fail("/schedules?total=true".to_owned(), count);
    fail("/v3/schedules".to_owned(), json!({"schedules": schedules(shifts), "next_cursor": null}));
}

#[tokio::test]
async fn schedule_list_of_both_kinds_has_no_hole_when_shrinking() {
    let removed: [(&str, usize, usize); 5] =
        [("layer", 0, 1), ("layer", 0, 3), ("shift", 0, 1), ("layer", 1, 3), ("", 0, 0)];
    for limit in [1, 2, 3, 4, 5] {
        for (kind, from, to) in removed {
            let account = Account::start().await;
            let (mut layers, mut shifts) = (vec!["L0", "L1", "L2"], vec!["V0", "V1", "V2", "V3"]);
            let (mut seen, mut offset) = (Vec::new(), 0);
            for turn in 0..10 {
                serve(&account, &layers, &shifts, limit, offset);
                let page = account.ok("get_schedules", json!({"limit": limit, "offset": offset})).await;
                seen.extend(rows(&page, "schedules").iter().map(|row| row["id"].as_str().unwrap().to_owned()));
                account.sandbox.clear();
                if turn == 0 {
                    (if kind == "layer" { &mut layers } else { &mut shifts }).drain(from..to);
                }
                let Some(next) = page["metadata"]["next_offset"].as_u64() else { break };
                offset = usize::try_from(next).unwrap();
            }
            let expected: Vec<_> = layers.iter().chain(&shifts).map(|id| format!("P{id}")).collect();
            let missing: Vec<_> = expected.iter().filter(|id| !seen.contains(id)).collect();
            assert!(missing.is_empty(), "{limit} {kind} {from}..{to}: {seen:?} lacks {missing:?}");
        }
    }
}

#[tokio::test]
async fn schedule_query_finds_both_kinds() {
    let account = Account::start().await;
    let schedule = shift_based(&account).await;
    let name = schedule["name"].as_str().unwrap();
    let found = account.ok("get_schedules", json!({"query": name.to_uppercase()})).await;
    assert_eq!(rows(&found, "schedules"), &vec![schedule.clone()]);
    let team = name.split(' ').next().unwrap();
    let found = account.ok("get_schedules", json!({"query": team})).await;
    assert!(rows(&found, "schedules").len() > 1 && rows(&found, "schedules").contains(&schedule), "{found}");
}

#[tokio::test]
async fn schedule_id_accepts_either_kind() {
    let account = Account::start().await;
    let oncalls = account.ok("get_oncalls", json!({"limit": 100})).await;
    let id = shift_based(&account).await["id"].clone();
    assert!(
        rows(&oncalls, "oncalls").iter().any(|oncall| oncall["schedule"]["id"] == id),
        "the ID comes from the list"
    );

    let one = account.ok("get_schedules", json!({"schedule_id": id})).await["schedules"][0].clone();
    let kind = account.ok("get_schedules", json!({"schedule_id": id, "include": ["type"]})).await;
    assert_eq!(kind["schedules"], json!([{"type": "schedule_v3"}]));
    assert_eq!(one["kind"], "shifts");
    for field in ["name", "time_zone", "description", "teams", "escalation_policies", "rotations"] {
        assert!(!one[field].is_null(), "{field}: {one}");
    }
    assert!(one["final_schedule"].is_null() && one["html_url"].is_null(), "{one}");

    let [since, until] = RANGE;
    let rendered = account.ok("get_schedules", json!({"schedule_id": id, "since": since, "until": until})).await;
    let entries = rows(&rendered["schedules"][0]["final_schedule"], "rendered_schedule_entries");
    assert!(entries.len() > 10, "one shift per day: {rendered}");
    for entry in entries {
        assert!(entry["user"]["id"].is_string() && entry["user"]["summary"].is_string(), "{entry}");
        assert!(entry["start"].is_string() && entry["end"].is_string() && entry["source"] == "schedule_rotation");
    }

    let some = account.ok("get_schedules", json!({"schedule_id": id, "include": ["html_url", "name", "id"]})).await;
    let names: Vec<_> = some["schedules"][0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["html_url", "name", "id"]);
}

#[tokio::test]
async fn known_kind_and_known_users_save_requests() {
    let account = Account::start().await;
    let id = shift_based(&account).await["id"].clone();
    let [since, until] = RANGE;
    let arguments = json!({"schedule_id": id, "since": since, "until": until});
    account.ok("get_schedules", arguments.clone()).await;
    let before = account.sandbox.requests().len();
    account.ok("get_schedules", arguments).await;
    assert_eq!(account.sandbox.requests().len(), before + 1, "{:?}", account.sandbox.requests());
}

#[tokio::test]
async fn include_works_for_both_kinds_of_schedule() {
    let account = Account::start().await;
    let id = shift_based(&account).await["id"].clone();
    for include in [json!(["id", "summary"]), json!(["id", "html_url"]), json!(["id", "name", "self"])] {
        let list = account.ok("get_schedules", json!({"include": include})).await;
        let row = rows(&list, "schedules").iter().find(|schedule| schedule["id"] == id).unwrap();
        let one = account.ok("get_schedules", json!({"schedule_id": id, "include": include})).await;
        for name in include.as_array().unwrap() {
            assert!(row[name.as_str().unwrap()].is_string(), "{include}: {row}");
            assert!(one["schedules"][0][name.as_str().unwrap()].is_string(), "{include}: {one}");
        }
    }
}

#[tokio::test]
async fn unreadable_users_of_schedule_are_named() {
    let account = Account::start().await;
    let id = shift_based(&account).await["id"].clone();
    account.sandbox.fail(Fault::once("/users/{id}", FaultKind::Status { code: 403, headers: [].into(), body: None }));
    let answer = account.ok("list_users_oncall", json!({"schedule_id": id})).await;
    assert!(warnings(&answer).contains("is on call there and could not be fetched"), "{answer}");
    let bare = json!({"schedule": {"id": id, "type": "schedule_v3", "name": "x"}});
    account.sandbox.fail(Fault::once("/v3/schedules/{id}", FaultKind::WrongJson(bare)));
    let answer = account.ok("list_users_oncall", json!({"schedule_id": id})).await;
    assert!(warnings(&answer).contains("did not render this schedule"), "{answer}");
}

#[tokio::test]
async fn list_users_oncall_accepts_either_kind() {
    let account = Account::start().await;
    let id = shift_based(&account).await["id"].clone();
    let now = account.ok("list_users_oncall", json!({"schedule_id": id})).await;
    assert_eq!(rows(&now, "users").len(), 1, "{now}");
    assert!(now["users"][0]["email"].is_string(), "{now}");
    let [since, until] = RANGE;
    let arguments = json!({"schedule_id": id, "since": since, "until": until, "include": ["id", "name"]});
    let all = account.ok("list_users_oncall", arguments).await;
    assert!(rows(&all, "users").len() > 1, "{all}");
}

#[tokio::test]
async fn failure_of_one_schedule_kind_is_warning() {
    let account = Account::start().await;
    let refused = || FaultKind::Status { code: 403, headers: [].into(), body: None };
    account.sandbox.fail(Fault::once("/v3/schedules", refused()));
    let layers = account.ok("get_schedules", json!({})).await;
    assert!(warnings(&layers).contains("Shift-based schedules could not be listed"), "{layers}");
    assert!(!rows(&layers, "schedules").iter().any(is_shift_based));
    assert!(!warnings(&layers).contains("gateway"), "{layers}");
    let absent = FaultKind::Status { code: 404, headers: [].into(), body: Some("404 page not found".into()) };
    account.sandbox.fail(Fault::once("/v3/schedules", absent));
    let layers = account.ok("get_schedules", json!({})).await;
    assert!(warnings(&layers).contains("a gateway in front of PagerDuty may lack the path /v3/schedules"), "{layers}");

    account.sandbox.fail(Fault::once("/schedules", refused()));
    let shifts = account.ok("get_schedules", json!({})).await;
    assert!(warnings(&shifts).contains("the others could not be listed"), "{shifts}");
    assert!(rows(&shifts, "schedules").iter().all(is_shift_based) && rows(&shifts, "schedules").len() > 1);

    account.sandbox.fail(Fault::once("/schedules", refused()));
    account.sandbox.fail(Fault::once("/v3/schedules", refused()));
    assert_eq!(account.err("get_schedules", json!({})).await.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn unreadable_rows_of_either_kind_are_named() {
    let account = Account::start().await;
    let layers = json!({"schedules": [{"id": "PL0", "name": "L0"}, null, {"id": "PL1", "name": "L1"}], "more": false});
    let shifts = json!({"schedules": [{"id": "PV0", "name": "V0"}, null, {"id": "PV1", "name": "V1"}, 7]});
    let serve = |layers: &Value| {
        account.sandbox.clear();
        for (path, answer) in [("/schedules", layers), ("/v3/schedules", &shifts)] {
            account.sandbox.fail(Fault { times: 9, ..Fault::once(path, FaultKind::WrongJson(answer.clone())) });
        }
    };
    serve(&layers);
    let answer = account.ok("get_schedules", json!({})).await;
    assert_eq!(rows(&answer, "schedules").len(), 4, "{answer}");
    let expected = "3 rows could not be read and are left out: offset 1 (schedules: null instead of an object), \
                    offset 4 (schedules: null instead of an object), offset 6 (schedules: a number instead of an object).";
    assert_eq!(warnings(&answer), expected);

    serve(&json!({"schedules": [], "more": false, "total": 0}));
    let answer = account.ok("get_schedules", json!({"limit": 1})).await;
    assert_eq!((&answer["schedules"][0]["id"], &answer["metadata"]["next_offset"]), (&json!("PV0"), &json!(2)));
    assert!(warnings(&answer).contains("offset 1 (schedules: null instead of an object)"), "{answer}");
    let rest = account.ok("get_schedules", json!({"limit": 2, "offset": 2})).await;
    assert_eq!((&rest["schedules"][0]["id"], &rest["metadata"]["next_offset"]), (&json!("PV1"), &Value::Null));
    let expected = "1 row could not be read and is left out: offset 3 (schedules: a number instead of an object).";
    assert_eq!(warnings(&rest), expected);

    // The name of an unreadable row is not known, so it may be one of those that are searched for.
    let answer = account.ok("get_schedules", json!({"query": "v1"})).await;
    assert_eq!(rows(&answer, "schedules").len(), 1, "{answer}");
    assert!(warnings(&answer).contains("2 rows could not be read"), "{answer}");

    serve_refused(&account, &shifts);
    let answer = account.ok("get_schedules", json!({})).await;
    assert!(warnings(&answer).contains("2 rows could not be read"), "{answer}");
}

/// Refuses to list the schedules of layers.
fn serve_refused(account: &Account, shifts: &Value) {
    account.sandbox.clear();
    account.sandbox.fail(Fault::once("/schedules", FaultKind::Status { code: 403, headers: [].into(), body: None }));
    account.sandbox.fail(Fault::once("/v3/schedules", FaultKind::WrongJson(shifts.clone())));
}

#[tokio::test]
async fn unknown_schedule_of_both_kinds_is_not_found() {
    let account = Account::start().await;
    for tool in ["get_schedules", "list_users_oncall"] {
        let error = account.err(tool, json!({"schedule_id": "PNOSUCH"})).await;
        assert_eq!(error.code(), Code::NotFound, "{error}");
        assert!(error.message().contains("PNOSUCH"), "{error}");
    }
}
