//! Tests of `override_oncall` and `cancel_override` against wrong IDs, concurrent calls and overrides of others.

use futures_util::future::join_all;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};
use serde_json::{Value, json};

use crate::overrides::{Scene, day};
use crate::support::{binary, err, rows};

const KINDS: [&str; 2] = ["layers", "shifts"];

fn take(schedule: &str, user: &str, days: i64) -> Value {
    json!({"schedule_id": schedule, "start": day(days), "end": day(days + 1), "user_id": user})
}

fn cancel(schedule: &str, id: &Value) -> Value {
    json!({"schedule_id": schedule, "override_id": id})
}

fn dry(mut arguments: Value) -> Value {
    arguments["dry_run"] = true.into();
    arguments
}

#[tokio::test]
async fn wrong_override_id_is_an_error_that_lists_the_ids() {
    for (kind, other) in [("layers", "shifts"), ("shifts", "layers")] {
        let scene = Scene::start().await;
        let (schedule, other) = (scene.schedule(kind).await, scene.schedule(other).await);
        let user = scene.others(&schedule).await.remove(0);
        let error = err(&scene.tools, "cancel_override", cancel(&schedule, &json!("PNOBODY"))).await;
        assert_eq!(error.code(), Code::NotFound, "{kind}: {error}");
        assert!(error.hint_text().unwrap().contains("It has none now"), "{error}");
        let made = scene.ok("override_oncall", take(&schedule, &user, 2)).await;
        let foreign = scene.ok("override_oncall", take(&other, &user, 4)).await;
        let (id, foreign) = (&made["overrides"][0]["id"], &foreign["overrides"][0]["id"]);
        for wrong in [&json!("PNOBODY"), foreign] {
            for arguments in [cancel(&schedule, wrong), dry(cancel(&schedule, wrong))] {
                let error = err(&scene.tools, "cancel_override", arguments).await;
                assert_eq!(error.code(), Code::NotFound, "{kind}: {error}");
                assert!(error.message().contains(&schedule), "{error}");
                assert!(error.message().contains(wrong.as_str().unwrap()), "{error}");
                let hint = error.hint_text().unwrap();
                assert!(hint.contains(id.as_str().unwrap()) && hint.contains(&user), "{hint}");
            }
        }
        assert_eq!(scene.writes().len(), 2, "{kind}: the overrides were made and nothing was removed");
        assert_eq!(scene.ok("override_oncall", take(&other, &user, 4)).await["outcome"], "already_so", "it holds");
        assert_eq!(scene.ok("cancel_override", cancel(&schedule, id)).await["outcome"], "applied");
        for arguments in [cancel(&schedule, id), dry(cancel(&schedule, id))] {
            assert_eq!(scene.ok("cancel_override", arguments).await["outcome"], "already_so", "{kind}");
        }
    }
}

#[tokio::test]
async fn override_far_ahead_is_found_by_dry_run_and_call() {
    for kind in KINDS {
        let scene = Scene::start().await;
        let schedule = scene.schedule(kind).await;
        let user = scene.others(&schedule).await.remove(0);
        let made = scene.ok("override_oncall", take(&schedule, &user, 300)).await;
        let id = &made["overrides"][0]["id"];
        let shown = scene.ok("cancel_override", dry(cancel(&schedule, id))).await;
        assert_eq!(shown["outcome"], "dry_run", "{kind}: {shown}");
        let gone = scene.ok("cancel_override", cancel(&schedule, id)).await;
        assert_eq!((&gone["outcome"], &gone["before"]), (&json!("applied"), &shown["before"]), "{kind}: {gone}");
    }
}

#[tokio::test]
async fn taken_over_custom_shift_is_not_canceled() {
    let scene = Scene::start().await;
    let schedule = scene.schedule("shifts").await;
    let others = scene.others(&schedule).await;
    let mut extra = take(&schedule, &others[0], 2);
    extra["extra"] = true.into();
    let extra = scene.ok("override_oncall", extra).await;
    let mut over = take(&schedule, &others[1], 2);
    over["replaces_id"] = others[0].as_str().into();
    let over = scene.ok("override_oncall", over).await;
    assert_eq!(over["outcome"], "applied", "{over}");
    let (shift, taken) = (&extra["overrides"][0]["id"], &over["overrides"][0]["id"]);
    for arguments in [dry(cancel(&schedule, shift)), cancel(&schedule, shift)] {
        let refused = scene.ok("cancel_override", arguments).await;
        assert_eq!((&refused["outcome"], &refused["sent"]), (&json!("conflict"), &json!(false)), "{refused}");
        assert_eq!(&refused["conflicts"][0]["override_id"], taken, "{refused}");
        assert_eq!(refused["conflicts"][0]["user"]["id"], json!(others[1]), "{refused}");
        assert!(refused["problem"].as_str().unwrap().contains("before you cancel"), "{refused}");
    }
    assert_eq!(scene.writes().len(), 2);
    for id in [taken, shift] {
        assert_eq!(scene.ok("cancel_override", cancel(&schedule, id)).await["outcome"], "applied");
    }
}

#[tokio::test]
async fn concurrent_calls_do_not_override_each_other() {
    for kind in KINDS {
        let scene = Scene::start().await;
        let schedule = scene.schedule(kind).await;
        let others = scene.others(&schedule).await;
        let users = [&others[0], &others[1], &others[0]];
        let calls = users.map(|user| scene.ok("override_oncall", take(&schedule, user, 2)));
        let answers = join_all(calls).await;
        let mut outcomes: Vec<_> = answers.iter().map(|answer| answer["outcome"].as_str().unwrap()).collect();
        outcomes.sort_unstable();
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == "applied").count(), 1, "{kind}: {outcomes:?}");
        assert!(outcomes.contains(&"conflict"), "{kind}: {outcomes:?}");
        assert_eq!(scene.writes().len(), 1, "{kind}");
        let applied = answers.iter().find(|answer| answer["outcome"] == "applied").unwrap();
        for refused in answers.iter().filter(|answer| answer["outcome"] == "conflict") {
            assert_eq!(refused["conflicts"][0]["user"]["id"], applied["user"]["id"], "{refused}");
        }
    }
}

#[tokio::test]
async fn repeated_call_with_user_to_replace_is_already_so() {
    for kind in KINDS {
        let scene = Scene::start().await;
        let schedule = scene.schedule(kind).await;
        let others = scene.others(&schedule).await;
        let mut arguments = take(&schedule, &others[0], 2);
        let seen = scene.ok("override_oncall", dry(arguments.clone())).await;
        arguments["replaces_id"] = seen["before"][0]["user"]["id"].clone();
        let made = scene.ok("override_oncall", arguments.clone()).await;
        assert_eq!(made["outcome"], "applied", "{made}");
        let again = scene.ok("override_oncall", arguments.clone()).await;
        assert_eq!((&again["outcome"], scene.writes().len()), (&json!("already_so"), 1), "{kind}: {again}");
        arguments["user_id"] = others[1].as_str().into();
        assert_eq!(scene.code("override_oncall", arguments).await, Code::InvalidParameter, "{kind}");
        assert!(!rows(&made, "overrides").is_empty());
    }
}

/// Makes a call of `override_oncall` on the command line, and returns its exit status and its answer.
async fn on_command_line(scene: &Scene, arguments: &Value) -> (Option<i32>, Value) {
    let pairs = arguments.as_object().unwrap().iter().map(|(name, value)| match value {
        Value::String(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    });
    let mut command = tokio::process::Command::from(binary());
    command.args(["--toolsets", "all", "call", "override_oncall"]).args(pairs);
    command.env("PAGERDUTY_API_HOST", scene.account.sandbox.url()).env("PAGERDUTY_API_TOKEN", tokens::USER);
    let output = command.output().await.unwrap();
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code(), answer)
}

#[tokio::test]
async fn exit_status_is_1_if_change_does_not_hold() {
    let scene = Scene::start().await;
    let schedule = scene.schedule("layers").await;
    let others = scene.others(&schedule).await;
    let (first, second) = (take(&schedule, &others[0], 2), take(&schedule, &others[1], 2));
    for (arguments, outcome, status) in [
        (dry(first.clone()), "dry_run", 0),
        (first.clone(), "applied", 0),
        (first, "already_so", 0),
        (dry(second.clone()), "conflict", 1),
        (second, "conflict", 1),
    ] {
        let (code, answer) = on_command_line(&scene, &arguments).await;
        assert_eq!((&answer["outcome"], code), (&json!(outcome), Some(status)), "{answer}");
        assert_eq!(answer.get("overrides").is_some(), matches!(outcome, "dry_run" | "applied"), "{answer}");
    }
    // The period has a custom shift, which takes an override, and a gap, which takes a custom shift.
    let taken = take("Legacy Batch Manager", &others[0], 2);
    assert_eq!(scene.ok("override_oncall", taken).await["outcome"], "applied");
    let mut longer = take("Legacy Batch Manager", &others[1], 2);
    longer["end"] = day(4).into();
    let refused = FaultKind::Status { code: 400, headers: [].into(), body: None };
    let path = "/v3/schedules/{id}/custom_shifts";
    scene.account.sandbox.fail(Fault { method: Some("POST".into()), ..Fault::once(path, refused) });
    let (code, answer) = on_command_line(&scene, &longer).await;
    assert_eq!((&answer["outcome"], code), (&json!("partial"), Some(1)), "{answer}");
}

#[tokio::test]
async fn parameter_for_one_kind_names_it() {
    let scene = Scene::start().await;
    let schedule = scene.schedule("layers").await;
    let user = scene.others(&schedule).await.remove(0);
    let schema = scene.tools.tool("override_oncall").unwrap().input_schema();
    for (name, value) in [("extra", json!(true)), ("override_id", json!("PNOBODY"))] {
        let mut arguments = take(&schedule, &user, 2);
        arguments[name] = value;
        assert_eq!(scene.code("override_oncall", arguments).await, Code::InvalidParameter, "{name}");
        let description = schema["properties"][name]["description"].as_str().unwrap();
        assert!(description.contains("kind shifts only"), "{name}: {description}");
    }
}
