//! Tests of `override_oncall` with several lines, with several users on call, and on existing overrides.

use std::time::Duration;

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::overrides::{Scene, day};
use crate::support::{err, rows};

/// Returns midnight of a day, without an offset.
fn date(days: i64) -> String {
    day(days)[..10].to_owned()
}

/// Returns the ID, the name and the e-mail address of a user.
async fn known(scene: &Scene, id: &str) -> [String; 3] {
    let user = scene.ok("get_users", json!({"user_id": id})).await["users"][0].clone();
    ["id", "name", "email"].map(|field| user[field].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn lines_with_ids_names_and_addresses_are_one_request() {
    for kind in ["layers", "shifts"] {
        let scene = Scene::start().await;
        let schedule = scene.schedule(kind).await;
        let others = scene.others(&schedule).await;
        let [_, name, _] = known(&scene, &others[1]).await;
        let [.., email] = known(&scene, &others[2]).await;
        let lines: Vec<_> = [others[0].as_str(), &name, &email]
            .iter()
            .enumerate()
            .map(|(index, user)| {
                let day = i64::try_from(index).unwrap() + 2;
                format!("{} 08:00 / {} 17:00: {user}", date(day), date(day))
            })
            .collect();
        let arguments = json!({"schedule_id": schedule, "shifts": lines});
        let made = scene.ok("override_oncall", arguments.clone()).await;
        assert_eq!(made["outcome"], "applied", "{made}");
        for (line, id) in rows(&made, "lines").iter().zip(&others) {
            assert_eq!((&line["outcome"], &line["user"]["id"]), (&json!("applied"), &json!(id)), "{line}");
            assert!(rows(line, "after").iter().all(|turn| turn["user"]["id"] == json!(id)), "{line}");
            assert!(rows(line, "overrides").iter().all(|one| one["id"].is_string()), "{line}");
        }
        assert_eq!(scene.writes().len(), 1, "{kind}");
        let again = scene.ok("override_oncall", arguments).await;
        assert_eq!((&again["outcome"], scene.writes().len()), (&json!("already_so"), 1), "{again}");
    }
}

#[tokio::test]
async fn clash_of_one_line_keeps_all_from_being_sent() {
    let scene = Scene::start().await;
    let schedule = scene.schedule("layers").await;
    let others = scene.others(&schedule).await;
    let taken = json!({"schedule_id": schedule, "start": date(3), "end": date(4), "user_id": others[0]});
    let made = scene.ok("override_oncall", taken).await;
    let lines = [
        format!("{} / {}: {}", date(2), date(3), others[1]),
        format!("{} 12:00 / {} 12:00: {}", date(3), date(4), others[1]),
        format!("{} 12:00 / {}: {}", date(2), date(3), others[2]),
    ];
    for dry_run in [true, false] {
        let arguments = json!({"schedule_id": schedule, "shifts": lines, "dry_run": dry_run});
        let refused = scene.ok("override_oncall", arguments).await;
        assert_eq!((&refused["outcome"], &refused["sent"]), (&json!("conflict"), &json!(false)), "{refused}");
        let found = rows(&refused, "lines");
        assert_eq!(found[0]["outcome"], if dry_run { "dry_run" } else { "not_sent" }, "{refused}");
        assert_eq!(found[1]["conflicts"][0]["override_id"], made["overrides"][0]["id"], "{refused}");
        assert!(found[2]["problem"].as_str().unwrap().contains(&lines[0]), "it overlaps the first: {refused}");
    }
    assert_eq!(scene.writes().len(), 1);
}

#[tokio::test]
async fn unknown_or_ambiguous_user_of_line_is_an_error() {
    let scene = Scene::start().await;
    let schedule = scene.schedule("layers").await;
    for user in ["Nemo Nirgends", "nemo@nowhere.example"] {
        let lines = [format!("{} / {}: {user}", date(2), date(3))];
        let error = err(&scene.tools, "override_oncall", json!({"schedule_id": schedule, "shifts": lines})).await;
        assert!(error.message().contains(user), "{error}");
    }
    assert_eq!(scene.writes(), Vec::<String>::new());
}

/// Makes a schedule of shifts have two rotations with a user on call each, and nothing else.
fn two_on_call(scene: &Scene, schedule: &str, users: [&str; 2]) {
    let member = |id: &str| json!({"type": "user_member", "user_id": id});
    let turn = |id: &str, rotation: &str| {
        json!({"type": "computed_shift_assignment", "start_time": day(1), "end_time": day(9), "member": member(id),
            "source": {"type": "schedule_rotation", "rotation_id": rotation}})
    };
    let turns = [turn(users[0], "PROTATION1"), turn(users[1], "PROTATION2")];
    let body = json!({"schedule": {"id": schedule, "type": "schedule_v3", "name": "Two", "time_zone": "Europe/Berlin",
        "final_schedule": {"type": "final_schedule", "computed_shift_assignments": turns}}});
    let path = format!("/v3/schedules/{schedule}");
    scene.account.sandbox.fail(Fault { times: 99, ..Fault::once(path, FaultKind::WrongJson(body)) });
}

#[tokio::test]
async fn several_on_call_need_a_choice() {
    let scene = Scene::start().await;
    let schedule = scene.schedule("shifts").await;
    let others = scene.others(&schedule).await;
    let [ada, bo] = [known(&scene, &others[0]).await, known(&scene, &others[1]).await];
    two_on_call(&scene, &schedule, [&ada[0], &bo[0]]);
    let take = |more: Value| {
        let mut all =
            json!({"schedule_id": schedule, "start": date(2), "end": date(3), "user_id": others[2], "dry_run": true});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let error = err(&scene.tools, "override_oncall", take(json!({}))).await;
    assert_eq!(error.code(), Code::MissingParameter);
    assert!(error.message().starts_with("replaces_id is missing"), "{error}");
    for text in [&ada[0], &ada[1], &bo[0], &bo[1]] {
        assert!(error.message().contains(text), "{text}: {error}");
    }
    let dry = scene.ok("override_oncall", take(json!({"replaces_id": bo[1]}))).await;
    assert_eq!(dry["overrides"][0]["replaces"]["id"], json!(bo[0]), "{dry}");
    let after: Vec<_> = rows(&dry, "after").iter().map(|turn| turn["user"]["id"].clone()).collect();
    assert!(
        after.contains(&json!(ada[0])) && after.contains(&json!(others[2])) && !after.contains(&json!(bo[0])),
        "{dry}"
    );
    let extra = scene.ok("override_oncall", take(json!({"extra": true}))).await;
    assert_eq!((&extra["overrides"][0]["kind"], rows(&extra, "after").len()), (&json!("custom_shift"), 3), "{extra}");
    let error = err(&scene.tools, "override_oncall", take(json!({"replaces_id": others[3]}))).await;
    assert!(error.hint_text().unwrap().contains(&ada[1]), "{error}");
    assert_eq!(scene.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn contradictory_user_to_replace_is_refused() {
    let scene = Scene::start().await;
    let schedule = scene.schedule("shifts").await;
    let others = scene.others(&schedule).await;
    for (replaced, extra) in [(&others[0], false), (&others[1], true)] {
        let arguments = json!({"schedule_id": schedule, "start": date(2), "end": date(3), "user_id": others[0],
            "replaces_id": replaced, "extra": extra});
        assert_eq!(scene.code("override_oncall", arguments.clone()).await, Code::ConflictingParameters, "{arguments}");
    }
}

/// Checks that a period belongs to a user without interruption.
fn assert_whole(answer: &Value, user: &str) {
    let turns = rows(answer, "after");
    assert!(turns.iter().all(|turn| turn["user"]["id"] == json!(user)), "{answer}");
    assert!(turns.windows(2).all(|pair| pair[0]["end"] == pair[1]["start"]), "{answer}");
    let (first, last) = (turns.first().unwrap(), turns.last().unwrap());
    assert_eq!((&first["start"], &last["end"]), (&answer["start"], &answer["end"]), "{answer}");
}

#[tokio::test]
async fn gap_is_taken_on_either_kind() {
    let scene = Scene::start().await;
    let me = scene.ok("build_user_context", json!({})).await["user_id"].as_str().unwrap().to_owned();
    for (schedule, kind) in [("Legacy Batch Manager", "custom_shift"), ("Legacy Batch Primary", "override")] {
        let arguments = json!({"schedule_id": schedule, "start": date(2), "end": date(3), "user_id": "me"});
        let made = scene.ok("override_oncall", arguments).await;
        assert_eq!((&made["outcome"], &made["overrides"][0]["kind"]), (&json!("applied"), &json!(kind)), "{made}");
        assert_whole(&made, &me);
        let cancel = json!({"schedule_id": schedule, "override_id": made["overrides"][0]["id"]});
        assert_eq!(scene.ok("cancel_override", cancel).await["after"], made["before"], "{schedule}");
    }
}

#[tokio::test]
async fn several_turns_of_shifts_are_one_request() {
    let scene = Scene::start().await;
    let schedule = scene.schedule("shifts").await;
    let user = scene.others(&schedule).await.remove(0);
    let arguments = json!({"schedule_id": schedule, "start": date(2), "end": date(6), "user_id": user});
    let made = scene.ok("override_oncall", arguments.clone()).await;
    assert_whole(&made, &user);
    let replaced: std::collections::BTreeSet<_> =
        rows(&made, "overrides").iter().map(|one| one["replaces"]["id"].to_string()).collect();
    assert!(replaced.len() > 1 && scene.writes().len() == 1, "{made}");
    assert_eq!(scene.ok("override_oncall", arguments).await["outcome"], "already_so");
    for one in rows(&made, "overrides") {
        let cancel = json!({"schedule_id": schedule, "override_id": one["id"]});
        assert_eq!(scene.ok("cancel_override", cancel).await["outcome"], "applied");
    }
    let now = json!({"schedule_id": schedule, "start": date(2), "end": date(6), "user_id": user, "dry_run": true});
    assert_eq!(scene.ok("override_oncall", now).await["before"], made["before"]);
}

#[tokio::test]
async fn extra_shift_is_added_and_canceled() {
    let scene = Scene::start().await;
    let schedule = scene.schedule("shifts").await;
    let user = scene.others(&schedule).await.remove(0);
    let arguments = json!({"schedule_id": schedule, "start": date(2), "end": date(3), "user_id": user, "extra": true});
    let made = scene.ok("override_oncall", arguments.clone()).await;
    assert_eq!(
        (&made["outcome"], &made["overrides"][0]["kind"]),
        (&json!("applied"), &json!("custom_shift")),
        "{made}"
    );
    assert_eq!(rows(&made, "after").len(), rows(&made, "before").len() + 1, "{made}");
    assert_eq!(scene.ok("override_oncall", arguments).await["outcome"], "already_so");
    let cancel = json!({"schedule_id": schedule, "override_id": made["overrides"][0]["id"]});
    let gone = scene.ok("cancel_override", cancel.clone()).await;
    assert_eq!((&gone["outcome"], &gone["kind"]), (&json!("applied"), &json!("custom_shift")), "{gone}");
    assert_eq!(gone["after"], made["before"]);
    assert_eq!(scene.ok("cancel_override", cancel).await["outcome"], "already_so");

    let layers = scene.schedule("layers").await;
    let arguments = json!({"schedule_id": layers, "start": date(2), "end": date(3), "user_id": user, "extra": true});
    assert_eq!(scene.code("override_oncall", arguments).await, Code::InvalidParameter, "one user at a time");
}

#[tokio::test]
async fn existing_override_of_shifts_is_changed() {
    let scene = Scene::start().await;
    let schedule = scene.schedule("shifts").await;
    let others = scene.others(&schedule).await;
    let take = json!({"schedule_id": schedule, "start": format!("{} 10:00", date(2)), "end": format!("{} 12:00", date(2)),
        "user_id": others[0]});
    let made = scene.ok("override_oncall", take).await;
    let id = made["overrides"][0]["id"].clone();
    let change = |more: Value| {
        let mut all = json!({"schedule_id": schedule, "override_id": id});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let longer = change(json!({"end": format!("{} 14:00", date(2)), "user_id": others[1]}));
    let mut dry = longer.clone();
    dry["dry_run"] = true.into();
    assert_eq!(scene.ok("override_oncall", dry).await["outcome"], "dry_run");
    assert_eq!(scene.writes().len(), 1);
    scene.account.sandbox.fail(Fault { method: Some("PUT".into()), ..Fault::once("*", FaultKind::LostResponse) });
    let changed = scene.ok("override_oncall", longer.clone()).await;
    assert_eq!(changed["outcome"], "applied", "{changed}");
    let own: Vec<_> = rows(&changed, "after").iter().filter(|turn| turn["user"]["id"] == json!(others[1])).collect();
    assert_eq!(own.len(), 1, "{changed}");
    assert!(own[0]["end"].as_str().unwrap().contains("T14:00:00"), "{changed}");
    assert!(!changed["after"].to_string().contains(&others[0]), "{changed}");
    assert_eq!(scene.ok("override_oncall", longer).await["outcome"], "already_so");
    for (arguments, code) in [
        (change(json!({})), Code::MissingParameter),
        (change(json!({"extra": true})), Code::ConflictingParameters),
        (change(json!({"end": date(1)})), Code::InvalidTimeRange),
        (json!({"schedule_id": schedule, "override_id": "PNOBODY", "end": date(4)}), Code::NotFound),
    ] {
        assert_eq!(scene.code("override_oncall", arguments.clone()).await, code, "{arguments}");
    }
    let layers = scene.schedule("layers").await;
    let arguments = json!({"schedule_id": layers, "override_id": "P1", "end": date(4)});
    let error = err(&scene.tools, "override_oncall", arguments).await;
    assert!(error.hint_text().unwrap().contains("cancel_override"), "{error}");
}

#[tokio::test]
async fn user_on_call_elsewhere_is_warned_about() {
    let scene = Scene::start().await;
    let (layers, shifts) = (scene.schedule("layers").await, scene.schedule("shifts").await);
    let members = json!({"schedule_id": shifts, "since": day(2), "until": day(3)});
    let members = scene.ok("get_schedules", members).await.to_string();
    let rendered = json!({"schedule_id": layers, "since": day(2), "until": day(3)});
    let rendered = scene.ok("get_schedules", rendered).await;
    let turns = &rendered["schedules"][0]["final_schedule"]["rendered_schedule_entries"];
    let busy = turns.as_array().unwrap().iter().map(|turn| turn["user"]["id"].clone());
    let busy = busy.into_iter().find(|id| !members.contains(id.as_str().unwrap()));
    let Some(busy) = busy else { panic!("no user of {layers} is free on {shifts}: {turns}") };
    let take = json!({"schedule_id": shifts, "start": day(2), "end": day(3), "user_id": busy, "dry_run": true});
    let dry = scene.ok("override_oncall", take).await;
    let clash = rows(&dry, "clashes").iter().find(|clash| clash["schedule"]["id"] == json!(layers));
    assert!(clash.is_some_and(|clash| clash["schedule"]["name"].is_string()), "{dry}");
    assert!(dry["warnings"].to_string().contains("is also on call for"), "{dry}");
}

#[tokio::test]
async fn withdrawn_override_is_made_once() {
    for kind in ["layers", "shifts"] {
        let scene = Scene::start().await;
        let schedule = scene.schedule(kind).await;
        let user = scene.others(&schedule).await.remove(0);
        let take = json!({"schedule_id": schedule, "start": day(2), "end": day(3), "user_id": user});
        for path in ["/schedules/{id}/overrides", "/v3/schedules/{id}/overrides"] {
            let slow = FaultKind::Delay(Duration::from_millis(300));
            scene.account.sandbox.fail(Fault { method: Some("POST".into()), ..Fault::once(path, slow) });
        }
        let sent = async {
            while scene.writes().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            first = scene.ok("override_oncall", take.clone()) => panic!("{first}"),
            () = sent => {}
        }
        let again = scene.ok("override_oncall", take).await;
        assert_eq!((&again["outcome"], scene.writes().len()), (&json!("already_so"), 1), "{kind}: {again}");
    }
}
