//! Tests of time limits and rate limits: delayed calls, requests that are not sent, and the reported outcome of
//! changes.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use pagerduty_mcp_server::config::Config;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, tokens};
use serde_json::{Map, Value, json};

use crate::support::{Account, err, ok, origin, toolbox, warnings};

fn headers(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn refused(pairs: &[(&str, &str)]) -> FaultKind {
    FaultKind::Status { code: 429, headers: headers(pairs), body: None }
}

/// A 429 of the credential's own limit.
fn limited(seconds: &str) -> FaultKind {
    refused(&[("ratelimit-limit", "960"), ("ratelimit-remaining", "0"), ("ratelimit-reset", seconds)])
}

/// Returns an account with a known user, and the ID of an open incident. No request is recorded yet.
async fn ready(adjust: impl Fn(&mut Config)) -> (Account, Value) {
    let account = Account::with(tokens::USER, Options::default(), adjust).await;
    account.ok("build_user_context", json!({})).await;
    let open = account.ok("get_incidents", json!({"statuses": ["triggered"], "limit": 1, "include": ["id"]})).await;
    account.sandbox.clear();
    (account, open["incidents"][0]["id"].clone())
}

fn always(path: &str, kind: FaultKind) -> Fault {
    Fault { times: u32::MAX, ..Fault::once(path, kind) }
}

#[tokio::test]
async fn rate_limit_delays_only_calls_of_its_credential() {
    let (account, _) = ready(|_| {}).await;
    account.sandbox.fail(Fault::once("/teams", limited("45")));
    assert_eq!(account.err("get_teams", json!({})).await.code(), Code::RateLimited);
    for tool in ["get_teams", "get_schedules"] {
        let error = account.err(tool, json!({})).await;
        let seconds = error.envelope()["error"]["retry_after_seconds"].as_u64().unwrap();
        assert_eq!((error.code(), (1..=45).contains(&seconds)), (Code::RateLimited, true), "{tool}: {error}");
        assert!(error.message().contains("was not sent"), "{error}");
    }
    assert_eq!(account.sandbox.requests().len(), 1, "no other request was sent");
    let other = origin(tokens::TEAMLESS);
    account.toolbox.call_from(&other, "get_teams", Map::new()).await.unwrap();
}

#[tokio::test]
async fn hanging_extra_does_not_lose_incident() {
    let began = std::time::Instant::now();
    // In the second group, the incident takes most of the call's time, so little is left for the additional requests. An
    // answer after the time limit would be an error.
    tokio::join!(hanging_extras(0, 45), hanging_extras(4_000, 8));
    // The answers of the first group come 5 s after the incident, and on a busy machine later, but do not wait for the
    // time limit.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

/// Makes calls that get the incident after a delay in milliseconds, and its past and related incidents never.
async fn hanging_extras(delay: u64, timeout: u64) {
    let account = Account::start().await;
    let id =
        account.ok("get_incidents", json!({"statuses": ["triggered"], "limit": 1})).await["incidents"][0]["id"].clone();
    account.sandbox.fail(always("/incidents/{id}", FaultKind::Delay(Duration::from_millis(delay))));
    for path in ["past_incidents", "related_incidents"] {
        account.sandbox.fail(always(&format!("/incidents/{{id}}/{path}"), FaultKind::Hang));
    }
    let toolbox = toolbox(&account.sandbox, tokens::USER, |config| {
        config.timeout = Duration::from_secs(timeout);
        config.attempt_timeout = config.timeout;
    });
    let asked = json!({
        "incident_id": id, "include_past_incidents": true, "include_related_incidents": true, "include_notes": true,
    });
    for answer in join_all((0..50).map(|_| ok(&toolbox, "get_incidents", asked.clone()))).await {
        assert_eq!(answer["incidents"][0]["id"], id);
        let warnings = warnings(&answer);
        assert!(warnings.contains("past_incidents could not be fetched: TIMEOUT"), "{warnings}");
        assert!(warnings.contains("related_incidents could not be fetched: TIMEOUT"), "{warnings}");
        assert!(!warnings.contains("notes could"), "{warnings}");
    }
}

#[tokio::test]
async fn timeout_error_matches_kind_of_call() {
    let account = Account::start().await;
    for timeout in [Duration::from_micros(1), Duration::from_millis(1), Duration::from_millis(30)] {
        // Every request takes too long.
        account.sandbox.fail(always("*", FaultKind::Hang));
        for (tool, arguments, changes) in [
            ("get_teams", json!({}), false),
            ("get_incidents", json!({}), false),
            ("get_incidents", json!({"incident_id": "1", "include_notes": true}), false),
            ("build_user_context", json!({}), false),
            ("acknowledge_incident", json!({"incident_id": "1"}), true),
            ("add_incident_note", json!({"incident_id": "1", "content": "on it"}), true),
        ] {
            let toolbox = toolbox(&account.sandbox, tokens::USER, |config| {
                (config.timeout, config.attempt_timeout) = (timeout, timeout / 3);
            });
            let error = err(&toolbox, tool, arguments).await;
            let text = error.envelope().to_string();
            assert_eq!(error.code(), Code::Timeout, "{text}");
            assert_eq!(text.contains("Nothing was changed"), changes, "{tool} {timeout:?}: {text}");
            assert_eq!(text.contains("Request less"), !changes, "{tool} {timeout:?}: {text}");
            assert!(text.contains("PAGERDUTY_TIMEOUT"), "{text}");
        }
    }
    assert!(account.sandbox.requests().iter().all(|request| request.method == "GET"));
}

#[tokio::test]
async fn time_out_names_the_limit_that_was_set() {
    let account = Account::start().await;
    account.sandbox.fail(always("/teams", FaultKind::Hang));
    for (limit, attempt, message) in [
        // The third attempt has only the rest of the time.
        (900, 350, vec!["did not answer within the time limit of 900 ms", "took longer than 900 ms"]),
        (45_000, 100, vec!["did not answer within 100 ms, the share of one attempt in the time limit of 45 s"]),
    ] {
        let toolbox = toolbox(&account.sandbox, tokens::USER, |config| {
            config.timeout = Duration::from_millis(limit);
            config.attempt_timeout = Duration::from_millis(attempt);
            config.backoff = Duration::from_millis(1);
        });
        let error = err(&toolbox, "get_teams", json!({})).await;
        assert_eq!(error.code(), Code::Timeout, "{error}");
        assert!(message.iter().any(|message| error.message().ends_with(message)), "{error}");
    }
}

#[tokio::test]
async fn change_is_not_delayed_by_low_remaining() {
    let (account, id) = ready(|_| {}).await;
    account.sandbox.fail(Fault::once("/teams", limited("45")));
    account.err("get_teams", json!({})).await;
    assert_eq!(account.err("get_teams", json!({})).await.code(), Code::RateLimited);
    account.sandbox.clear();
    account.ok("add_incident_note", json!({"incident_id": id, "content": "x"})).await;
    account.ok("resolve_incident", json!({"incident_id": id})).await;
    assert_eq!(account.sandbox.requests().len(), 2);
}

#[tokio::test]
async fn rate_limited_change_is_not_in_doubt() {
    let (account, id) = ready(|_| {}).await;
    account.sandbox.fail(always("*", limited("45")));
    for (tool, arguments) in [
        ("resolve_incident", json!({"incident_id": id})),
        ("add_incident_note", json!({"incident_id": id, "content": "x"})),
    ] {
        assert_eq!(account.err(tool, arguments).await.code(), Code::RateLimited, "{tool}");
    }
    assert_eq!(account.sandbox.requests().len(), 2);
}

#[tokio::test]
async fn retry_after_is_reported_and_at_least_one_second() {
    for (wait, times) in [("18400000000000000000", 1), ("1e30", 1), ("0", 3)] {
        let (account, _) = ready(|config| config.backoff = Duration::from_millis(5)).await;
        account.sandbox.fail(Fault { times, ..Fault::once("/teams", refused(&[("retry-after", wait)])) });
        let error = account.err("get_teams", json!({})).await;
        assert_eq!(error.code(), Code::RateLimited, "{wait}: {error}");
        let seconds = error.envelope()["error"]["retry_after_seconds"].as_u64().unwrap();
        assert!((1..=86_400).contains(&seconds), "{wait}: {seconds}");
    }
}

#[tokio::test]
async fn operation_rate_limit_does_not_delay_others() {
    let own = [("ratelimit-limit", "10"), ("ratelimit-remaining", "0"), ("ratelimit-reset", "45")];
    for kind in [refused(&own), refused(&[("retry-after", "45")]), refused(&[("ratelimit-reset", "45")])] {
        let (account, _) = ready(|_| {}).await;
        account.sandbox.fail(Fault::once("/teams", kind));
        for _ in 0..2 {
            assert_eq!(account.err("get_teams", json!({})).await.code(), Code::RateLimited);
        }
        assert_eq!(account.sandbox.requests().len(), 1, "the second call was delayed");
        account.ok("get_schedules", json!({})).await;
    }
    let (account, _) = ready(|_| {}).await;
    account.sandbox.fail(Fault::once("/teams", FaultKind::Headers(headers(&own))));
    account.ok("get_teams", json!({})).await;
    account.ok("get_schedules", json!({})).await;
}

#[tokio::test]
async fn calls_are_not_delayed_while_requests_remain() {
    for (left, crowd) in [("350", 200), ("60", 55)] {
        let (account, _) = ready(|_| {}).await;
        let says = headers(&[("ratelimit-remaining", left), ("ratelimit-reset", "3600")]);
        account.sandbox.fail(always("/teams", FaultKind::Headers(says)));
        account.ok("get_teams", json!({})).await;
        // No request is answered before all of them have arrived.
        account.sandbox.clear();
        account.sandbox.fail(Fault::together("/teams", crowd));
        join_all((0..crowd).map(|_| account.ok("get_teams", json!({})))).await;
    }
}

#[tokio::test]
async fn calls_at_the_limit_are_delayed_not_refused() {
    let (account, _) = ready(|_| {}).await;
    let says = headers(&[("ratelimit-remaining", "2"), ("ratelimit-reset", "3600")]);
    account.sandbox.fail(always("/teams", FaultKind::Headers(says)));
    account.ok("get_teams", json!({})).await;
    join_all((0..20).map(|_| account.ok("get_teams", json!({})))).await;
    assert_eq!(account.sandbox.requests().len(), 21);
}

#[tokio::test]
async fn change_sent_before_timeout_is_outcome_unknown() {
    let (account, id) = ready(|config| config.timeout = Duration::from_secs(3)).await;
    account.sandbox.fail(always("*", FaultKind::Hang));
    let hint = format!("incident_id={}", id.as_str().unwrap());
    for (tool, arguments, gerund) in [
        ("resolve_incident", json!({"incident_id": id}), "resolving incident"),
        ("add_incident_note", json!({"incident_id": id, "content": "x"}), "adding the note to incident"),
    ] {
        let error = account.err(tool, arguments).await;
        assert_eq!(error.code(), Code::OutcomeUnknown, "{error}");
        assert!(error.message().contains(gerund) && error.hint_text().unwrap().contains(&hint), "{}", error.envelope());
    }
    let reads = account.sandbox.requests().iter().filter(|request| request.method == "GET").count();
    assert_eq!(reads, 2, "there was time to verify each");
}

#[tokio::test]
async fn change_not_verified_in_time_is_outcome_unknown() {
    let account = Account::with(tokens::USER, Options::default(), |config| {
        config.user_email = Some("me@example.com".to_owned());
        config.timeout = Duration::from_secs(3);
        config.backoff = Duration::from_secs(1);
    })
    .await;
    let id = account.sandbox.objects("incidents").unwrap()[0]["id"].clone();
    account.sandbox.fail(Fault::once("/incidents/{id}/notes", refused(&[])));
    account.sandbox.fail(always("*", FaultKind::Hang));
    let change = account.err("add_incident_note", json!({"incident_id": id, "content": "x"}));
    // Another call already requests the author of the notes. It begins after the back-off, so it ends well after this
    // one.
    let other = async {
        while account.sandbox.requests().len() < 2 {
            tokio::task::yield_now().await;
        }
        account.err("build_user_context", json!({})).await
    };
    let error = tokio::select! {
        error = change => error,
        error = other => panic!("the other call ended first: {error}"),
    };
    assert_eq!(error.code(), Code::OutcomeUnknown, "{error}");
    assert!(error.message().contains("adding the note to incident"), "{error}");
    let requests = account.sandbox.requests();
    let reads = requests.iter().filter(|request| request.method == "GET" && request.path.ends_with("/notes")).count();
    assert_eq!(reads, 0, "there was no time to verify");
}

#[tokio::test]
async fn change_not_sent_before_timeout_did_not_happen() {
    let (account, id) = ready(|config| config.timeout = Duration::from_secs(2)).await;
    let incident = account.ok("get_incidents", json!({"incident_id": id})).await["incidents"][0].clone();
    account.sandbox.fail(always("/incidents/{id}", FaultKind::Hang));
    let number = incident["incident_number"].clone();
    let error = account.err("add_incident_note", json!({"incident_id": number, "content": "x"})).await;
    assert_eq!(error.code(), Code::Timeout, "{error}");
    assert!(account.sandbox.requests().iter().all(|request| request.method == "GET"));
}

#[tokio::test]
async fn failed_verification_is_unknown_with_pagerduty_message() {
    let (account, id) = ready(|config| config.backoff = Duration::from_millis(5)).await;
    let unavailable =
        FaultKind::Status { code: 503, headers: [("x-request-id".to_owned(), "req-7".to_owned())].into(), body: None };
    account.sandbox.fail(always("*", unavailable));
    for (tool, arguments) in [
        ("acknowledge_incident", json!({"incident_id": id})),
        ("add_incident_note", json!({"incident_id": id, "content": "x"})),
    ] {
        let error = account.err(tool, arguments).await;
        let envelope = error.envelope();
        assert_eq!(
            (error.code(), &envelope["error"]["request_id"]),
            (Code::OutcomeUnknown, &json!("req-7")),
            "{error}"
        );
        assert!(!error.is_retryable() && error.message().contains("503"), "{error}");
    }
}

#[tokio::test]
async fn acknowledging_resolved_incident_after_reset_says_so() {
    let (account, id) = ready(|config| config.backoff = Duration::from_millis(5)).await;
    account.ok("resolve_incident", json!({"incident_id": id})).await;
    account.sandbox.fail(Fault { method: Some("PUT".into()), ..Fault::once("/incidents/{id}", FaultKind::Reset) });
    let error = account.err("acknowledge_incident", json!({"incident_id": id})).await;
    assert_eq!(error.code(), Code::AlreadyResolved, "{error}");
    assert!(error.message().contains("is resolved by now"), "{error}");
}

#[tokio::test]
async fn late_note_is_written_once() {
    let (account, id) = ready(|config| config.backoff = Duration::from_millis(400)).await;
    account.sandbox.fail(Fault {
        method: Some("POST".into()),
        ..Fault::once("/incidents/{id}/notes", FaultKind::Late(Duration::from_millis(100)))
    });
    // The first verification is probably too early. The second one is not.
    account.ok("add_incident_note", json!({"incident_id": id, "content": "late"})).await;
    let posts = account.sandbox.requests().iter().filter(|request| request.method == "POST").count();
    let notes = account.sandbox.notes(id.as_str().unwrap()).unwrap();
    let written = notes.as_array().unwrap().iter().filter(|note| note["content"] == "late").count();
    assert_eq!((posts, written), (1, 1));
}

#[tokio::test]
async fn identical_notes_are_both_written() {
    let (account, id) = ready(|config| config.backoff = Duration::from_millis(5)).await;
    let arguments = json!({"incident_id": id, "content": "still on it"});
    let first = account.ok("add_incident_note", arguments.clone()).await;
    account
        .sandbox
        .fail(Fault { method: Some("POST".into()), ..Fault::once("/incidents/{id}/notes", FaultKind::Reset) });
    let error = account.err("add_incident_note", arguments.clone()).await;
    assert_eq!(error.code(), Code::OutcomeUnknown, "the notes are different");
    account
        .sandbox
        .fail(Fault { method: Some("POST".into()), ..Fault::once("/incidents/{id}/notes", FaultKind::LostResponse) });
    let second = account.ok("add_incident_note", arguments).await;
    assert_ne!(first["notes"][0]["id"], second["notes"][0]["id"]);
}

#[tokio::test]
async fn concurrent_identical_notes_get_distinct_notes() {
    let (account, id) = ready(|config| config.backoff = Duration::from_millis(5)).await;
    let post = |kind| Fault { method: Some("POST".into()), ..Fault::once("/incidents/{id}/notes", kind) };
    account.sandbox.fail(post(FaultKind::Reset));
    account.sandbox.fail(post(FaultKind::SlowBody(Duration::from_secs(1))));
    let arguments = json!({"incident_id": id, "content": "on it"}).as_object().unwrap().clone();
    let calls = [(); 2].map(|()| account.toolbox.call("add_incident_note", arguments.clone()));
    let succeeded = join_all(calls).await.iter().filter(|outcome| outcome.is_ok()).count();
    let notes = account.sandbox.notes(id.as_str().unwrap()).unwrap();
    let written = notes.as_array().unwrap().iter().filter(|note| note["content"] == "on it").count();
    assert_eq!((succeeded, written), (1, 1), "one note was not written");
}

#[tokio::test]
async fn lost_note_of_unknown_author_is_not_claimed() {
    let (account, id) = ready(|_| {}).await;
    let arguments = json!({"incident_id": id, "content": "on it"});
    account.ok("add_incident_note", arguments.clone()).await;
    let colleague = account.ok("get_users", json!({"limit": 1})).await["users"][0]["email"].clone();
    let other = toolbox(&account.sandbox, tokens::ACCOUNT, |config| {
        config.user_email = colleague.as_str().map(str::to_owned);
        config.backoff = Duration::from_millis(5);
    });
    account
        .sandbox
        .fail(Fault { method: Some("POST".into()), ..Fault::once("/incidents/{id}/notes", FaultKind::Reset) });
    let error = err(&other, "add_incident_note", arguments).await;
    assert_eq!(error.code(), Code::OutcomeUnknown, "{error}");
}

#[tokio::test]
async fn success_with_other_status_is_verified() {
    let (account, id) = ready(|config| config.backoff = Duration::from_millis(5)).await;
    for said in [json!({"id": id, "status": "triggered"}), json!({"id": "QOTHER", "status": "resolved"})] {
        let kind = FaultKind::WrongJson(json!({"incident": said}));
        account.sandbox.fail(Fault { method: Some("PUT".into()), ..Fault::once("/incidents/{id}", kind) });
        let error = account.err("resolve_incident", json!({"incident_id": id})).await;
        assert_eq!(error.code(), Code::OutcomeUnknown, "{error}");
        assert!(error.message().contains("still triggered"), "{error}");
    }
}

#[tokio::test]
async fn late_resolution_is_not_reported_as_failed() {
    let (account, id) = ready(|config| config.backoff = Duration::from_millis(400)).await;
    let put = |times, kind| Fault { method: Some("PUT".into()), times, ..Fault::once("/incidents/{id}", kind) };
    // Later attempts show nothing about the first one, which is still in a queue.
    account.sandbox.fail(put(1, FaultKind::Late(Duration::from_millis(1_500))));
    account.sandbox.fail(put(2, FaultKind::Reset));
    match account.toolbox.call("resolve_incident", json!({"incident_id": id}).as_object().unwrap().clone()).await {
        Ok(answer) => assert_eq!(answer.into_value()["incidents"][0]["status"], "resolved"),
        Err(error) => assert_eq!(error.code(), Code::OutcomeUnknown, "{error}"),
    }
}
