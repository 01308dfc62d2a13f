//! Tests of `--confirm`: a person confirms destructive changes, through sessions of all revisions and over HTTP.

mod client;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use pagerduty_mcp_server::config::Config;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};
use pagerduty_mcp_server::tools::{Toolbox, all};
use serde_json::{Value, json};

use crate::http::{JSON, Web};
use crate::overrides::{Scene, all_tools};
use crate::session::{Session, initialize, stateless};
use crate::support::{binary, err, ok, rows};
use crate::tool_operations::arguments;
use client::{CLIENTS, Client, answered, by_rounds, question, web_round};

const YES: fn() -> Value = || json!({"action": "accept", "content": {"confirm": true}});

/// The answers that are no yes.
fn not_yes() -> [Value; 6] {
    [
        json!({"action": "accept"}),
        json!({"action": "accept", "content": {"confirm": false}}),
        json!({"action": "accept", "content": {"confirm": "true"}}),
        json!({"action": "decline"}),
        json!({"action": "cancel"}),
        json!({"action": "decline", "content": {"confirm": true}}),
    ]
}

/// Returns all tools of a new server on the account of a scene, with a person who confirms.
fn careful(scene: &Scene, adjust: impl FnOnce(&mut Config)) -> Arc<Toolbox> {
    all_tools(&scene.account, |config| {
        config.confirm.required = true;
        adjust(config);
    })
}

/// Returns the code of a result that is an error.
fn code(result: &Value) -> &str {
    assert_eq!(result["isError"], true, "{result}");
    result["structuredContent"]["error"]["code"].as_str().unwrap()
}

/// Returns the code of a call that no person confirmed.
fn not_confirmed() -> &'static str {
    Code::NotConfirmed.as_str()
}

/// Returns the arguments that merge two open incidents.
async fn merge(scene: &Scene) -> Value {
    let ids = scene.incidents("triggered", 2).await;
    json!({"incident_id": ids[0], "source_ids": [ids[1]]})
}

#[tokio::test]
async fn person_confirms_and_the_change_is_made_once() {
    for kind in CLIENTS {
        let scene = Scene::start().await;
        let mut client = Client::start(kind, careful(&scene, |_| {})).await;
        let arguments = merge(&scene).await;
        let title = scene.ok("get_incidents", json!({"incident_id": arguments["incident_id"]})).await;
        let title = title["incidents"][0]["title"].as_str().unwrap().to_owned();
        let (questions, result) = client.call("merge_incidents", &arguments, &YES()).await;
        let [question] = questions.as_slice() else { panic!("{kind}: {questions:?} {result}") };
        for part in [&title, "Merge", arguments["source_ids"][0].as_str().unwrap(), "cannot be undone"] {
            assert!(question.contains(part), "{kind}: {part}: {question}");
        }
        assert_eq!(result["structuredContent"]["outcome"], "applied", "{kind}: {result}");
        assert_eq!(scene.writes().len(), 1, "{kind}: {:?}", scene.writes());
        let (questions, result) = client.call("merge_incidents", &arguments, &YES()).await;
        assert!(questions.is_empty(), "{kind}: there is nothing to confirm: {questions:?}");
        assert_eq!(result["structuredContent"]["outcome"], "already_so", "{kind}: {result}");

        // This tool has no dry run.
        let id = scene.incidents("triggered", 1).await.remove(0);
        let (questions, result) = client.call("resolve_incident", &json!({"incident_id": id}), &YES()).await;
        let [question] = questions.as_slice() else { panic!("{kind}: {questions:?} {result}") };
        let incident = &result["structuredContent"]["incidents"][0];
        assert_eq!(incident["status"], "resolved", "{kind}: {result}");
        assert!(question.contains(incident["title"].as_str().unwrap()), "{kind}: {question}");
        assert_eq!(scene.writes().len(), 2, "{kind}: {:?}", scene.writes());
    }
}

#[tokio::test]
async fn question_without_a_yes_changes_nothing() {
    for kind in CLIENTS {
        let scene = Scene::start().await;
        let mut client = Client::start(kind, careful(&scene, |_| {})).await;
        let arguments = merge(&scene).await;
        for answer in not_yes() {
            let (questions, result) = client.call("merge_incidents", &arguments, &answer).await;
            assert_eq!((questions.len(), code(&result)), (1, not_confirmed()), "{kind} {answer}: {result}");
            let text = result["content"][0]["text"].as_str().unwrap();
            assert!(text.contains("--confirm") && !text.contains("declined"), "{kind} {answer}: {text}");
        }
        assert_eq!(scene.writes(), Vec::<String>::new(), "{kind}");
    }
}

#[tokio::test]
async fn client_that_refuses_the_question_itself_changes_nothing() {
    let scene = Scene::start().await;
    let Client::Session(mut session) = Client::start("2025-11-25", careful(&scene, |_| {})).await else { panic!() };
    let call = json!({"name": "merge_incidents", "arguments": merge(&scene).await});
    session.ask("tools/call", call).await;
    let question = session.receive().await;
    let error = json!({"code": -32601, "message": "Method not found"});
    session.send(&json!({"jsonrpc": "2.0", "id": question["id"], "error": error})).await;
    let result = session.receive().await["result"].clone();
    assert_eq!(code(&result), not_confirmed(), "{result}");
    assert_eq!(scene.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn question_without_an_answer_ends_and_a_late_yes_is_void() {
    let scene = Scene::start().await;
    let tools = careful(&scene, |config| config.confirm.wait = Duration::from_millis(50));
    let Client::Session(mut session) = Client::start("2025-11-25", tools).await else { panic!() };
    session.ask("tools/call", json!({"name": "merge_incidents", "arguments": merge(&scene).await})).await;
    let question = session.receive().await;
    let (mut result, mut cancelled) = (Value::Null, Value::Null);
    while result.is_null() || cancelled.is_null() {
        let message = session.receive().await;
        match message["method"].as_str() {
            None => result = message["result"].clone(),
            Some("notifications/cancelled") => cancelled = message["params"]["requestId"].clone(),
            Some(other) => panic!("{other}: {message}"),
        }
    }
    assert_eq!((code(&result), &cancelled), (not_confirmed(), &question["id"]), "{result}");
    session.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": YES()})).await;
    assert_eq!(session.request("ping", json!({})).await["result"], json!({}));
    assert_eq!(scene.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn withdrawn_call_ignores_a_late_yes() {
    let scene = Scene::start().await;
    let Client::Session(mut session) = Client::start("2025-11-25", careful(&scene, |_| {})).await else { panic!() };
    let arguments = merge(&scene).await;
    let call = session.ask("tools/call", json!({"name": "merge_incidents", "arguments": arguments})).await;
    let question = session.receive().await;
    session.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": call}})).await;
    let cancelled = session.receive().await;
    assert_eq!(cancelled["params"]["requestId"], question["id"], "the client may close its dialog: {cancelled}");
    session.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": YES()})).await;
    let shown = json!({"name": "get_incidents", "arguments": {"incident_id": arguments["source_ids"][0]}});
    let shown = session.request("tools/call", shown).await;
    assert_eq!(shown["result"]["structuredContent"]["incidents"][0]["status"], "triggered", "{shown}");
    assert_eq!(scene.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn end_of_input_ends_an_open_question() {
    let scene = Scene::start().await;
    let Client::Session(mut session) = Client::start("2025-11-25", careful(&scene, |_| {})).await else { panic!() };
    session.ask("tools/call", json!({"name": "merge_incidents", "arguments": merge(&scene).await})).await;
    session.receive().await;
    let rest = tokio::time::timeout(Duration::from_secs(20), session.finish()).await.expect("it waits for no answer");
    let result = rest.iter().find_map(|message| message.get("result")).unwrap();
    assert_eq!(code(result), not_confirmed(), "{result}");
    assert_eq!(scene.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn client_that_takes_no_questions_is_refused() {
    let scene = Scene::start().await;
    let tools = careful(&scene, |_| {});
    let arguments = merge(&scene).await;
    let call = json!({"name": "merge_incidents", "arguments": arguments});
    let refused = |result: &Value, hint: &str| {
        assert_eq!(code(result), "CONFIRMATION_UNAVAILABLE", "{result}");
        let text = result["structuredContent"]["error"]["hint"].as_str().unwrap();
        assert!(text.contains(hint), "{text}");
    };
    for elicitation in [Value::Null, json!({"url": {}})] {
        let mut params = initialize("2025-11-25");
        params["capabilities"] = json!({"elicitation": elicitation});
        let mut session = Session::new(Arc::clone(&tools));
        session.request("initialize", params).await;
        refused(&session.request("tools/call", call.clone()).await["result"], "--confirm");

        let mut params = stateless(call.clone());
        params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"elicitation": elicitation});
        let mut session = Session::new(Arc::clone(&tools));
        refused(&session.request("tools/call", params.clone()).await["result"], "--confirm");
        let web = Web::start(Arc::clone(&tools), false).await;
        refused(&web_round(&web, params, tokens::USER).await["result"], "--confirm");
    }
    let web = Web::start(Arc::clone(&tools), false).await;
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).to_string();
    refused(&web.send("POST", "/mcp", &[JSON], &body).await.json()["result"], "--sessions");
    let error = err(&tools, "merge_incidents", arguments.clone()).await;
    assert_eq!(error.code(), Code::ConfirmationUnavailable, "{error}");
    assert_eq!(scene.writes(), Vec::<String>::new());

    let mut dry_run = arguments.clone();
    dry_run["dry_run"] = json!("true");
    assert_eq!(ok(&tools, "merge_incidents", dry_run).await["outcome"], "dry_run", "a dry run asks no person");
    ok(&tools, "acknowledge_incident", json!({"incident_id": arguments["incident_id"]})).await;
}

#[tokio::test]
async fn wrong_arguments_and_ambiguous_names_ask_no_person() {
    let scene = Scene::start().await;
    let mut client = Client::start("2025-11-25", careful(&scene, |_| {})).await;
    for (tool, arguments, expected) in [
        ("merge_incidents", json!({"incident_id": "Q1"}), "MISSING_PARAMETER"),
        ("merge_incidents", json!({"incident_id": "bad id!", "source_ids": ["Q2"]}), "INVALID_INCIDENT_ID"),
        ("resolve_incident", json!({"incident_id": "bad id!"}), "INVALID_INCIDENT_ID"),
        ("resolve_incident", json!({"incident": "Q1"}), "UNKNOWN_PARAMETER"),
        ("resolve_incident", json!({}), "MISSING_PARAMETER"),
        ("resolve_incident", json!({"incident_id": "QNOSUCHINCIDENT"}), "NOT_FOUND"),
        ("cancel_override", json!({"schedule_id": "primary", "override_id": "Q1"}), "AMBIGUOUS_NAME"),
    ] {
        let (questions, result) = client.call(tool, &arguments, &YES()).await;
        assert_eq!((questions.len(), code(&result)), (0, expected), "{tool} {arguments}: {result}");
    }
    assert_eq!(scene.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn forged_or_foreign_confirmation_is_refused() {
    let scene = Scene::start().await;
    let tools = careful(&scene, |_| {});
    let ids = scene.incidents("triggered", 3).await;
    let call = json!({"name": "merge_incidents", "arguments": {"incident_id": ids[0], "source_ids": [ids[1]]}});
    let web = Web::start(Arc::clone(&tools), false).await;
    let asked = web_round(&web, by_rounds(call.clone()), tokens::USER).await["result"].clone();
    let round = answered(&call, &asked, &YES());
    let state = round["requestState"].as_str().unwrap();
    let with = |name: &str, value: Value| {
        let mut round = round.clone();
        round[name] = value;
        round
    };
    let mut other_tool = with("name", json!("resolve_incident"));
    other_tool["arguments"] = json!({"incident_id": ids[0]});
    let expired = {
        let web = Web::start(careful(&scene, |config| config.confirm.validity = SignedDuration::ZERO), false).await;
        let asked = web_round(&web, by_rounds(call.clone()), tokens::USER).await["result"].clone();
        answered(&call, &asked, &YES())
    };
    for (what, round, token) in [
        ("forged", with("requestState", json!(format!("{}AAAA", &state[..state.len() - 4]))), tokens::USER),
        ("cut", with("requestState", json!(&state[..20])), tokens::USER),
        ("none", with("requestState", json!("")), tokens::USER),
        ("other arguments", with("arguments", json!({"incident_id": ids[0], "source_ids": [ids[2]]})), tokens::USER),
        ("other tool", other_tool, tokens::USER),
        ("expired", expired, tokens::USER),
        ("other credential", round.clone(), tokens::OAUTH),
    ] {
        let result = web_round(&web, by_rounds(round), token).await["result"].clone();
        assert_eq!(code(&result), not_confirmed(), "{what}: {result}");
        assert_eq!(scene.writes(), Vec::<String>::new(), "{what}");
    }
    // An answer without a state is to no question.
    let mut without = round.clone();
    without.as_object_mut().unwrap().remove("requestState");
    let result = web_round(&web, by_rounds(without), tokens::USER).await["result"].clone();
    assert_eq!(result["resultType"], "input_required", "{result}");
    // Another instance continues.
    let other = Web::start(careful(&scene, |_| {}), false).await;
    let result = web_round(&other, by_rounds(round), tokens::USER).await["result"].clone();
    assert_eq!(result["structuredContent"]["outcome"], "applied", "{result}");
}

#[tokio::test]
async fn confirmation_counts_once() {
    let scene = Scene::start().await;
    let web = Web::start(careful(&scene, |_| {}), false).await;
    let id = scene.incidents("triggered", 1).await.remove(0);
    let call = json!({"name": "resolve_incident", "arguments": {"incident_id": id}});
    let asked = web_round(&web, by_rounds(call.clone()), tokens::USER).await["result"].clone();
    let round = by_rounds(answered(&call, &asked, &YES()));
    let (one, other) =
        tokio::join!(web_round(&web, round.clone(), tokens::USER), web_round(&web, round.clone(), tokens::USER));
    let third = web_round(&web, round, tokens::USER).await;
    let results = [one, other, third].map(|answer| answer["result"].clone());
    let (made, refused): (Vec<_>, Vec<_>) = results.iter().partition(|result| result["isError"] != true);
    assert_eq!((made.len(), refused.len()), (1, 2), "{results:?}");
    assert!(refused.iter().all(|result| code(result) == not_confirmed()), "{refused:?}");
    assert_eq!(scene.writes().len(), 1);
}

#[tokio::test]
async fn effect_that_changed_meanwhile_is_shown_again() {
    let scene = Scene::start().await;
    let mut client = Client::start("http", careful(&scene, |_| {})).await;
    let arguments = merge(&scene).await;
    let call = json!({"name": "merge_incidents", "arguments": arguments});
    let asked = client.round(call.clone()).await;
    scene.ok("update_incidents", json!({"incident_ids": arguments["source_ids"], "title": "Not the same"})).await;
    let asked = client.round(answered(&call, &asked, &YES())).await;
    let again = question(&asked["inputRequests"]["confirm"]["params"]);
    assert!(again.starts_with("This changed") && again.contains("Not the same"), "{again}");
    assert_eq!(scene.writes().len(), 1, "only the title was changed");
    let result = client.round(answered(&call, &asked, &YES())).await;
    assert_eq!(result["structuredContent"]["outcome"], "applied", "{result}");

    let Client::Session(mut session) = Client::start("2025-11-25", careful(&scene, |_| {})).await else { panic!() };
    let arguments = merge(&scene).await;
    session.ask("tools/call", json!({"name": "merge_incidents", "arguments": arguments})).await;
    let asked = session.receive().await;
    scene.ok("update_incidents", json!({"incident_ids": arguments["source_ids"], "status": "resolved"})).await;
    session.send(&json!({"jsonrpc": "2.0", "id": asked["id"], "result": YES()})).await;
    let asked = session.receive().await;
    assert!(question(&asked["params"]).starts_with("This changed"), "{asked}");
    session.send(&json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "cancel"}})).await;
    let result = session.receive().await["result"].clone();
    assert_eq!(code(&result), not_confirmed(), "{result}");
}

#[tokio::test]
async fn failure_of_the_preview_is_the_answer() {
    let scene = Scene::start().await;
    let mut client = Client::start("2025-11-25", careful(&scene, |_| {})).await;
    let arguments = merge(&scene).await;
    let refused = FaultKind::Status { code: 403, headers: [].into(), body: None };
    scene.account.sandbox.fail(Fault { times: 9, ..Fault::once("/incidents/{id}", refused) });
    let (questions, result) = client.call("merge_incidents", &arguments, &YES()).await;
    assert_eq!((questions.len(), code(&result)), (0, "PERMISSION_DENIED"), "{result}");
}

#[tokio::test]
async fn every_destructive_tool_runs_after_one_yes() {
    for tool in all().filter(|tool| tool.destructive) {
        let scene = Scene::start().await;
        let mut client = Client::start("http", careful(&scene, |_| {})).await;
        let mut asked = 0;
        for arguments in arguments(&scene.account, tool).await {
            let sent = scene.writes().len();
            let dry_run = arguments.get("dry_run") == Some(&json!(true));
            let (questions, result) = client.call(tool.name, &arguments.into(), &YES()).await;
            // The incident that is resolved without a dry run may be resolved already.
            let is_done = result["structuredContent"]["error"]["code"] == "ALREADY_RESOLVED";
            assert!(result["isError"] == false || is_done, "{}: {result}", tool.name);
            // The undoing of a later change may have undone this one, too.
            let nothing = ["already_so", "conflict"].map(Value::from).contains(&result["structuredContent"]["outcome"]);
            assert_eq!(questions.len(), usize::from(!dry_run && !nothing), "{}: {result}", tool.name);
            assert_eq!(scene.writes().len() > sent, !questions.is_empty(), "{}: {result}", tool.name);
            asked += questions.len();
            for question in questions {
                assert!(question.starts_with(tool.title) && question.lines().count() > 1, "{question}");
            }
        }
        assert!(asked > 0, "{} was never asked about", tool.name);
    }
}

#[tokio::test]
async fn unconfirmed_call_leaves_one_audit_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let scene = Scene::start().await;
    let mut client = Client::start("http", careful(&scene, |config| config.audit_log = Some(path.clone()))).await;
    let arguments = merge(&scene).await;
    let lines = || -> Vec<Value> {
        let text = std::fs::read_to_string(&path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    client.call("merge_incidents", &arguments, &json!({"action": "cancel"})).await;
    let [line] = &lines()[..] else { panic!("{:?}", lines()) };
    let outcome = (&line["outcome"], &line["error"], &line["sent"]);
    assert_eq!(outcome, (&json!("not_confirmed"), &json!(not_confirmed()), &json!(false)), "{line}");
    assert_eq!(line["credential"], "the X-PagerDuty-Token header", "{line}");
    assert!(line["objects"].to_string().contains(arguments["incident_id"].as_str().unwrap()), "{line}");
    client.call("merge_incidents", &arguments, &YES()).await;
    let outcomes: Vec<_> = lines().iter().map(|line| line["outcome"].clone()).collect();
    assert_eq!(outcomes, ["not_confirmed", "applied"], "both rounds of a call leave one line");
}

#[tokio::test]
async fn confirmation_does_not_change_the_list_of_tools() {
    let scene = Scene::start().await;
    let mut definitions = Vec::new();
    for required in [false, true] {
        let tools = all_tools(&scene.account, |config| config.confirm.required = required);
        let mut session = Session::initialized(tools).await;
        definitions.push(session.request("tools/list", json!({})).await["result"].clone());
    }
    assert_eq!(definitions[0], definitions[1]);
}

#[test]
fn command_without_a_terminal_is_refused() {
    let found =
        binary().args(["call", "get_incidents", "statuses=triggered", "limit=1", "--sandbox"]).output().unwrap();
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    let id = format!("incident_id={}", rows(&found, "incidents")[0]["id"].as_str().unwrap());
    for (options, variables) in [(&["--confirm"][..], &[][..]), (&[][..], &[("PAGERDUTY_CONFIRM", "1")][..])] {
        let mut command = binary();
        command.args(["call", "resolve_incident", &id, "--sandbox"]).args(options).envs(variables.iter().copied());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["error"]["code"], "CONFIRMATION_UNAVAILABLE", "{answer}");
    }
}
