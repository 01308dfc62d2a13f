//! Tests of changes whose caller gave up: they run to their end, and an identical call does not repeat them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, tokens};
use serde_json::{Value, json};
use tokio::task::yield_now;

use crate::scene::Scene;
use crate::session::Session;
use crate::support::{Account, object, rows, warnings};

/// The time that the body of an answer takes after its change has taken effect.
const SLOW: Duration = Duration::from_secs(1);

async fn open_incident(account: &Account) -> Value {
    // Fetch what a change needs to know of its user.
    account.ok("build_user_context", json!({})).await;
    let arguments = json!({"statuses": ["triggered"], "limit": 1});
    account.ok("get_incidents", arguments).await["incidents"][0]["id"].clone()
}

fn fail(account: &Account, method: &str, path: &str, kind: FaultKind) {
    account.sandbox.fail(Fault { method: Some(method.to_owned()), ..Fault::once(path, kind) });
}

fn sent(account: &Account, method: &str) -> usize {
    account.sandbox.requests().iter().filter(|request| request.method == method).count()
}

fn notes(account: &Account, id: &Value, content: &str) -> usize {
    let notes = account.sandbox.notes(id.as_str().unwrap()).unwrap();
    notes.as_array().unwrap().iter().filter(|note| note["content"] == content).count()
}

/// Starts a call, and withdraws it when `when` returns true.
async fn withdraw(account: &Account, tool: &str, arguments: &Value, when: impl Fn() -> bool) {
    let call = account.toolbox.call(tool, object(arguments.clone()));
    let seen = async {
        while !when() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        outcome = call => panic!("{tool} was answered: {outcome:?}"),
        () = seen => {}
    }
}

#[tokio::test]
async fn canceled_note_is_not_written_again() {
    let account = Account::start().await;
    let id = open_incident(&account).await;
    let arguments = json!({"incident_id": id, "content": "rolled back"});
    account.sandbox.clear();
    fail(&account, "POST", "/incidents/{id}/notes", FaultKind::SlowBody(SLOW));
    withdraw(&account, "add_incident_note", &arguments, || notes(&account, &id, "rolled back") == 1).await;
    let answer = account.ok("add_incident_note", arguments.clone()).await;
    assert_eq!(rows(&answer, "notes")[0]["content"], "rolled back");
    assert!(warnings(&answer).contains("An earlier call wrote this note"), "{answer}");
    assert_eq!((sent(&account, "POST"), notes(&account, &id, "rolled back")), (1, 1));

    let again = account.ok("add_incident_note", arguments).await;
    assert_eq!(warnings(&again), "", "the caller got the answer, so a repetition is a new note");
    assert_eq!(notes(&account, &id, "rolled back"), 2);
}

/// Some clients give up without canceling, and their models repeat the call while the first is in flight.
#[tokio::test]
async fn identical_call_shares_note_in_flight() {
    let account = Account::start().await;
    let id = open_incident(&account).await;
    let arguments = json!({"incident_id": id, "content": "mitigated"});
    account.sandbox.clear();
    fail(&account, "POST", "/incidents/{id}/notes", FaultKind::SlowBody(SLOW));
    let repeat = async {
        while notes(&account, &id, "mitigated") == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        account.ok("add_incident_note", arguments.clone()).await
    };
    let (first, second) = tokio::join!(account.ok("add_incident_note", arguments.clone()), repeat);
    assert_eq!(rows(&first, "notes")[0]["id"], rows(&second, "notes")[0]["id"]);
    assert!(warnings(&second).contains("An earlier call wrote this note"), "{second}");
    assert_eq!((sent(&account, "POST"), notes(&account, &id, "mitigated")), (1, 1));

    account.ok("add_incident_note", arguments).await;
    assert_eq!(notes(&account, &id, "mitigated"), 2, "both callers got the answer, so a repetition is a new note");
}

#[tokio::test]
async fn note_canceled_by_several_calls_is_written_once() {
    let account = Account::start().await;
    let id = open_incident(&account).await;
    let arguments = json!({"incident_id": id, "content": "on it"});
    fail(&account, "POST", "/incidents/{id}/notes", FaultKind::SlowBody(SLOW));
    let there = || notes(&account, &id, "on it") == 1;
    withdraw(&account, "add_incident_note", &arguments, there).await;
    // The second and third call wait for the first one.
    for _ in 0..2 {
        withdraw(&account, "add_incident_note", &arguments, there).await;
    }
    // The text is the same, except for white space that may change on the way.
    let spaced = json!({"incident_id": id, "content": "on it\n"});
    assert!(warnings(&account.ok("add_incident_note", spaced).await).contains("An earlier call"));
    account.ok("add_incident_note", json!({"incident_id": id, "content": "another"})).await;
    assert_eq!((notes(&account, &id, "on it"), notes(&account, &id, "another")), (1, 1));
}

#[tokio::test]
async fn repeated_unknown_note_is_verified_first() {
    let account = Account::with(tokens::USER, Options::default(), |config| {
        config.backoff = Duration::from_millis(100);
    })
    .await;
    let id = open_incident(&account).await;
    let arguments = json!({"incident_id": id, "content": "late"});
    // Three verifications take at most about 250 ms. The six of a retry take at least 1,500 ms.
    fail(&account, "POST", "/incidents/{id}/notes", FaultKind::Late(Duration::from_millis(1_200)));
    let error = account.err("add_incident_note", arguments.clone()).await;
    assert_eq!(error.code(), Code::OutcomeUnknown, "{error}");
    let answer = account.ok("add_incident_note", arguments.clone()).await;
    assert!(warnings(&answer).contains("An earlier call"), "{answer}");
    assert_eq!((sent(&account, "POST"), notes(&account, &id, "late")), (1, 1));

    fail(&account, "POST", "/incidents/{id}/notes", FaultKind::Reset);
    let lost = json!({"incident_id": id, "content": "lost"});
    account.err("add_incident_note", lost.clone()).await;
    account.sandbox.fail(Fault { times: 9, ..Fault::once("/incidents/{id}/notes", FaultKind::Reset) });
    let unseen = account.err("add_incident_note", lost.clone()).await;
    assert!(unseen.code() == Code::OutcomeUnknown && unseen.message().contains("not sent again"), "{unseen}");
    account.sandbox.clear();
    let answer = account.ok("add_incident_note", lost).await;
    assert_eq!(notes(&account, &id, "lost"), 1, "the note never arrived, so it is written again");
    assert!(warnings(&answer).contains("the earlier one may still appear"), "{answer}");
}

/// Loses the answers to notes, and refuses to list them: the outcome of a note stays unknown.
fn lose_notes(account: &Account) {
    let path = "/incidents/{id}/notes";
    let refused = FaultKind::Status { code: 403, headers: [].into(), body: None };
    for (method, kind) in [("POST", FaultKind::LostResponse), ("GET", refused)] {
        let fault = Fault { method: Some(method.to_owned()), times: 10_000, ..Fault::once(path, kind) };
        account.sandbox.fail(fault);
    }
}

/// Adds notes whose outcome stays unknown, as many at a time as one credential may have calls in flight over HTTP.
async fn add_doubtful_notes(account: &Account, id: &Value, numbers: std::ops::Range<usize>) {
    for numbers in numbers.collect::<Vec<_>>().chunks(64) {
        let notes = numbers.iter().map(|number| json!({"incident_id": id, "content": format!("note {number}")}));
        let errors = join_all(notes.map(|note| account.err("add_incident_note", note))).await;
        assert!(errors.iter().all(|error| error.code() == Code::OutcomeUnknown), "{errors:?}");
    }
}

#[tokio::test]
async fn doubtful_note_is_not_repeated_after_many_others() {
    let account = unlimited().await;
    let id = open_incident(&account).await;
    lose_notes(&account);
    add_doubtful_notes(&account, &id, 0..200).await;
    account.sandbox.clear();
    let answer = account.ok("add_incident_note", json!({"incident_id": id, "content": "note 0"})).await;
    assert!(warnings(&answer).contains("An earlier call"), "{answer}");
    assert_eq!((sent(&account, "POST"), notes(&account, &id, "note 0")), (0, 1));
}

#[tokio::test]
async fn write_is_refused_when_too_many_are_in_doubt() {
    let account = unlimited().await;
    let id = open_incident(&account).await;
    lose_notes(&account);
    add_doubtful_notes(&account, &id, 0..512).await;
    account.sandbox.clear();
    for (tool, arguments) in [
        ("add_incident_note", json!({"incident_id": id, "content": "one more"})),
        ("acknowledge_incident", json!({"incident_id": id})),
    ] {
        let error = account.err(tool, arguments).await;
        assert_eq!(error.code(), Code::RateLimited, "{error}");
        assert!(
            error.message().contains("512") && error.hint_text().unwrap().contains("Nothing was changed"),
            "{error}"
        );
        let wait = error.envelope()["error"]["retry_after_seconds"].as_u64().unwrap();
        assert!((500..=600).contains(&wait), "the wait until the oldest record expires is not {wait} s");
    }
    assert_eq!((sent(&account, "POST"), sent(&account, "PUT")), (0, 0));
    let answer = account.ok("add_incident_note", json!({"incident_id": id, "content": "note 7"})).await;
    assert!(warnings(&answer).contains("An earlier call"), "{answer}");
    account.ok("add_incident_note", json!({"incident_id": id, "content": "one more"})).await;
    assert_eq!((notes(&account, &id, "note 7"), notes(&account, &id, "one more")), (1, 1), "note 7 was evicted");
}

/// Returns an account without a rate limit, whose client hardly waits between attempts.
async fn unlimited() -> Account {
    let options = Options { rate_limit: 1_000_000, ..Options::default() };
    Account::with(tokens::USER, options, |config| config.backoff = Duration::from_millis(1)).await
}

/// PagerDuty refuses a valid credential at times, and a revoked one may be reinstated.
#[tokio::test]
async fn refused_token_keeps_record_of_canceled_change() {
    for tool in ["add_incident_note", "acknowledge_incident"] {
        let account = Account::start().await;
        let id = open_incident(&account).await;
        let (method, path, arguments) = match tool {
            "add_incident_note" => ("POST", "/incidents/{id}/notes", json!({"incident_id": id, "content": "seen"})),
            _ => ("PUT", "/incidents/{id}", json!({"incident_id": id})),
        };
        fail(&account, method, path, FaultKind::SlowBody(SLOW));
        withdraw(&account, tool, &arguments, || sent(&account, method) == 1).await;
        refuse_a_read(&account);
        assert_eq!(account.err("get_teams", json!({})).await.code(), Code::AuthenticationFailed);
        let answer = account.ok(tool, arguments).await;
        assert!(warnings(&answer).contains("An earlier call"), "{tool}: {answer}");
        assert_eq!(sent(&account, method), 1, "{tool}");
    }
}

fn refuse_a_read(account: &Account) {
    fail(account, "GET", "/teams", FaultKind::Status { code: 401, headers: [].into(), body: None });
}

#[tokio::test]
async fn refreshed_login_does_not_repeat_canceled_note() {
    let scene = Scene::start().await.with_secret();
    let account = Account { toolbox: scene.toolbox(), sandbox: scene.sandbox };
    let id = open_incident(&account).await;
    let arguments = json!({"incident_id": id, "content": "before the refresh"});
    fail(&account, "POST", "/incidents/{id}/notes", FaultKind::SlowBody(SLOW));
    withdraw(&account, "add_incident_note", &arguments, || sent(&account, "POST") == 2).await;
    refuse_a_read(&account);
    account.ok("get_teams", json!({})).await;
    let answer = account.ok("add_incident_note", arguments).await;
    assert!(warnings(&answer).contains("An earlier call"), "{answer}");
    assert_eq!(notes(&account, &id, "before the refresh"), 1);
}

#[tokio::test]
async fn canceled_resolution_is_reported_as_done() {
    for (tool, status) in [("acknowledge_incident", "acknowledged"), ("resolve_incident", "resolved")] {
        let account = Account::start().await;
        let id = open_incident(&account).await;
        let arguments = json!({"incident_id": id});
        account.sandbox.clear();
        fail(&account, "PUT", "/incidents/{id}", FaultKind::SlowBody(SLOW));
        withdraw(&account, tool, &arguments, || sent(&account, "PUT") == 1).await;
        let answer = account.ok(tool, json!({"incident_id": id, "include": ["status"]})).await;
        assert_eq!(answer["incidents"], json!([{"status": status}]), "{tool}");
        assert!(warnings(&answer).contains("An earlier call"), "{answer}");
        assert_eq!(sent(&account, "PUT"), 1, "{tool}");
    }
}

#[tokio::test]
async fn call_canceled_before_sending_changes_nothing() {
    let account = Account::start().await;
    let id = open_incident(&account).await;
    let number =
        account.ok("get_incidents", json!({"incident_id": id})).await["incidents"][0]["incident_number"].clone();
    account.sandbox.clear();
    fail(&account, "GET", "/incidents/{id}", FaultKind::SlowBody(SLOW));
    let asked = || sent(&account, "GET") == 1;
    withdraw(&account, "resolve_incident", &json!({"incident_id": number}), asked).await;
    // A request that is withdrawn after a 429 is not sent again either.
    let limited = FaultKind::Status { code: 429, headers: [("retry-after".into(), "1".into())].into(), body: None };
    fail(&account, "POST", "/incidents/{id}/notes", limited);
    let arguments = json!({"incident_id": id, "content": "x"});
    withdraw(&account, "add_incident_note", &arguments, || sent(&account, "POST") == 1).await;
    tokio::time::sleep(SLOW * 2).await;
    assert_eq!((sent(&account, "PUT"), sent(&account, "POST")), (0, 1));
    assert_eq!(notes(&account, &id, "x"), 0);
}

#[tokio::test]
async fn note_canceled_over_mcp_is_written_once() {
    let account = Account::start().await;
    let id = open_incident(&account).await;
    let mut session = Session::initialized(Arc::clone(&account.toolbox)).await;
    let arguments = json!({"incident_id": id, "content": "from a client with five seconds"});
    fail(&account, "POST", "/incidents/{id}/notes", FaultKind::SlowBody(SLOW));
    let call = json!({"name": "add_incident_note", "arguments": arguments});
    let withdrawn = session.ask("tools/call", call.clone()).await;
    while notes(&account, &id, "from a client with five seconds") == 0 {
        yield_now().await;
    }
    let cancelled = json!({"requestId": withdrawn, "reason": "timed out"});
    session.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled})).await;
    let answer = session.request("tools/call", call).await;
    assert!(warnings(&answer["result"]["structuredContent"]).contains("An earlier call"), "{answer}");
    assert_eq!(notes(&account, &id, "from a client with five seconds"), 1);
}
