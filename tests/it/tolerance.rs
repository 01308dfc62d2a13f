//! Tests of undocumented answers, over real HTTP: usable ones are accepted, and unusable ones are reported.

use std::sync::Arc;
use std::time::Duration;

use pagerduty_mcp_server::config::Host;
use pagerduty_mcp_server::error::{Code, Error};
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, Sandbox, tokens};
use serde_json::{Value, json};

use crate::support::{Account, rows, toolbox, warnings};

fn answer(code: u16, headers: &[(&str, &str)], body: &str) -> FaultKind {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    FaultKind::Status { code, headers, body: Some(body.to_owned()) }
}

/// Returns the outcome of `get_teams` for an answer with this body.
async fn teams(account: &Account, kind: FaultKind) -> Result<Value, Error> {
    account.sandbox.clear();
    account.sandbox.fail(Fault { times: 9, ..Fault::once("/teams", kind) });
    let outcome = account.toolbox.call("get_teams", serde_json::Map::new()).await;
    outcome.map(pagerduty_mcp_server::reply::Reply::into_value)
}

#[tokio::test]
async fn equivalent_answers_are_accepted() {
    let account = Account::start().await;
    let plain = r#"{"teams": [{"id": "P1", "name": "Core"}], "more": false}"#;
    for (what, kind) in [
        ("plain", answer(200, &[], plain)),
        ("a byte order mark", answer(200, &[], &format!("\u{feff}{plain}"))),
        ("another content type", answer(200, &[("content-type", "text/html; charset=latin1")], plain)),
        ("another success", answer(203, &[], plain)),
        ("text for a switch", answer(200, &[], &plain.replace("false", "\"false\""))),
        ("no switch", answer(200, &[], r#"{"teams": [{"id": "P1", "name": "Core"}]}"#)),
        (
            "numbers as text",
            answer(200, &[], &plain.replace("\"more\"", "\"limit\": \"100\", \"total\": \"1\", \"more\"")),
        ),
        ("unknown fields", answer(200, &[], &plain.replace("\"more\"", "\"next\": {\"a\": [1]}, \"more\""))),
        ("nulls", answer(200, &[], r#"{"teams": [{"id": "P1", "name": "Core", "parent": null}], "more": null}"#)),
        ("space around", answer(200, &[], &format!("\n\t {plain} \n"))),
        ("an odd date", answer(200, &[("date", "once upon a time")], plain)),
        ("odd limits", answer(200, &[("ratelimit-remaining", "lots"), ("ratelimit-reset", "-7")], plain)),
    ] {
        let reported = teams(&account, kind).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(reported["teams"], json!([{"id": "P1", "name": "Core"}]), "{what}");
        assert_eq!(reported["metadata"]["has_more"], false, "{what}");
    }
}

#[tokio::test]
async fn unusable_answers_are_reported_not_guessed() {
    let account = Account::start().await;
    let deep = format!("{{\"teams\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let utf_16: String = "{\"teams\": []}".chars().flat_map(|letter| [letter, '\0']).collect();
    for (what, kind, part) in [
        ("no envelope", answer(200, &[], "{}"), "missing field `teams`"),
        ("a bare list", answer(200, &[], "[]"), "an object with"),
        ("null", answer(200, &[], "null"), "an object with"),
        ("another type", answer(200, &[], r#"{"teams": "none"}"#), "not a list"),
        ("rows of another type", answer(200, &[], r#"{"teams": ["P1"]}"#), "a string instead of an object"),
        ("a switch that is none", answer(200, &[], r#"{"teams": [], "more": "perhaps"}"#), "more"),
        ("nested deeply", answer(200, &[], &deep), "a list instead of an object"),
        ("two bytes a letter", answer(200, &[], &utf_16), "not usable"),
        ("HTML after a mark", answer(200, &[], "\u{feff}<html>"), "HTML"),
        ("HTML", answer(200, &[("content-type", "application/json")], "<html>"), "HTML"),
        ("truncated for good", answer(200, &[], r#"{"teams": [{"id""#), "EOF"),
        ("no content", answer(204, &[], ""), "EOF"),
        ("wrong content encoding", answer(200, &[("content-encoding", "gzip")], "{}"), "damaged"),
    ] {
        let error = teams(&account, kind).await.unwrap_err();
        assert!(matches!(error.code(), Code::UnexpectedResponse | Code::NetworkError), "{what}: {error}");
        assert!(error.message().contains(part) && error.message().len() < 300, "{what}: {error}");
    }
}

#[tokio::test]
async fn odd_values_keep_their_row_and_list() {
    let account = Account::start().await;
    let body = r#"{"teams": [{"id": "P1", "name": "cut \ud83d"}, null, {"id": "P2", "description": 1e400},
        {"id": "P3", "description": 123456789012345678901234567890}, {"id": "P4", "description": 0.1},
        {"id": "P5", "description": -0}, {"id": "P6", "description": -0.0}], "more": false}"#;
    let reported = teams(&account, answer(200, &[], body)).await.unwrap();
    let expected = json!([{"id": "P1", "name": "cut \u{fffd}"}, {"id": "P2", "description": "1e400"},
        {"id": "P3", "description": "123456789012345678901234567890"}, {"id": "P4", "description": 0.1},
        {"id": "P5", "description": 0}, {"id": "P6", "description": -0.0}]);
    assert_eq!(
        reported["teams"].to_string(),
        expected.to_string(),
        "numbers that are equal may be written differently"
    );
    assert_eq!(
        warnings(&reported),
        "1 row could not be read and is left out: offset 1 (teams: null instead of an object)."
    );
}

#[tokio::test]
async fn decompression_bomb_is_refused_early() {
    let account = Account::start().await;
    // The compressed answer is small enough. The decompressed one would fill the machine's memory.
    let error = teams(&account, FaultKind::Bomb(2_000)).await.unwrap_err();
    assert_eq!(error.code(), Code::UnexpectedResponse, "{error}");
    assert!(error.message().contains("larger than 64 MB"), "{error}");
    assert_eq!(account.sandbox.requests().len(), 1, "the answer is not requested again");
}

#[tokio::test]
async fn answer_of_maximum_size_is_read_completely() {
    let account = Account::start().await;
    // Blanks up to the limit are an answer that ends too early, which is requested again. Larger answers are not.
    account.sandbox.fail(Fault::once("/teams", FaultKind::Bomb(64)));
    account.ok("get_teams", json!({})).await;
    assert_eq!(account.sandbox.requests().len(), 2);
}

#[tokio::test]
async fn unknown_enum_values_pass_through() {
    let account = Account::start().await;
    let incident = json!({"id": "Q1", "status": "snoozed", "urgency": "severe", "incident_number": "17",
        "alert_counts": {"all": "3"}, "teams": null, "last_status_change_by": {"id": null}});
    account.sandbox.fail(Fault::once("/incidents", FaultKind::WrongJson(json!({"incidents": [incident]}))));
    let answer = account.ok("get_incidents", json!({})).await;
    let shown = &rows(&answer, "incidents")[0];
    assert_eq!(
        (&shown["status"], &shown["urgency"], &shown["incident_number"]),
        (&json!("snoozed"), &json!("severe"), &json!("17"))
    );
    assert_eq!(answer["metadata"]["status_counts"]["triggered"], 0);
}

/// The target of the redirect is a second account, which would record any request.
#[tokio::test]
async fn redirect_is_not_followed_with_credential() {
    let account = Account::start().await;
    let other = Sandbox::start(Options::default()).await.unwrap();
    let elsewhere = format!("{}/teams", other.url());
    let id =
        account.ok("get_incidents", json!({"statuses": ["triggered"], "limit": 1})).await["incidents"][0]["id"].clone();
    for code in [300, 301, 302, 303, 307, 308] {
        account.sandbox.clear();
        let kind = answer(code, &[("location", &elsewhere)], "");
        account.sandbox.fail(Fault { times: 9, ..Fault::once("*", kind) });
        for (tool, arguments) in [
            ("get_teams", json!({})),
            ("resolve_incident", json!({"incident_id": id})),
            ("add_incident_note", json!({"incident_id": id, "content": "x"})),
        ] {
            let error = account.err(tool, arguments).await;
            assert_eq!((error.code(), error.http_status()), (Code::ApiError, Some(code)), "{tool}: {error}");
            assert!(error.hint_text().unwrap().contains("does not redirect"), "{error}");
        }
        assert_eq!(account.sandbox.requests().len(), 3, "{code}: once each");
    }
    assert_eq!(other.requests(), [], "the target receives no request");
}

#[tokio::test]
async fn wrong_local_clock_is_harmless() {
    for hours in [-6, 6] {
        let now = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours);
        let options = Options { now: Some(now), ..Options::default() };
        let account = Account::with(tokens::USER, options, |config| config.backoff = Duration::from_millis(5)).await;
        let id = account
            .ok(
                "get_incidents",
                json!({"statuses": ["triggered"], "limit": 1, "since": "2026-01-01", "until": "2026-06-01"}),
            )
            .await;
        assert!(id["metadata"].is_object());
        let open = account.sandbox.objects("incidents").unwrap();
        let open = open.as_array().unwrap().iter().find(|incident| incident["status"] == "triggered").unwrap();
        let id = open["id"].as_str().unwrap();
        let lost = |method: &str, path: &str| Fault {
            method: Some(method.into()),
            ..Fault::once(path, FaultKind::LostResponse)
        };
        account.sandbox.fail(lost("POST", "/incidents/{id}/notes"));
        let arguments = json!({"incident_id": id, "content": "by another clock"});
        let answer = account.ok("add_incident_note", arguments).await;
        assert_eq!(rows(&answer, "notes")[0]["content"], "by another clock", "{hours} hours");
        account.sandbox.fail(lost("PUT", "/incidents/{id}"));
        account.ok("resolve_incident", json!({"incident_id": id})).await;
    }
}

#[tokio::test]
async fn older_identical_note_is_not_mistaken_for_lost_one() {
    // Both clocks stand still at first, so the account's clock has to be moved by the date of its answers.
    let now: jiff::Timestamp = "2026-08-01T12:00:00Z".parse().unwrap();
    let account = Account::with(tokens::USER, Options { now: Some(now), ..Options::default() }, |config| {
        config.backoff = Duration::from_millis(5);
    })
    .await;
    let incidents = account.sandbox.objects("incidents").unwrap();
    let id = incidents[0]["id"].as_str().unwrap().to_owned();
    let arguments = json!({"incident_id": id, "content": "on it"});
    account.ok("add_incident_note", arguments.clone()).await;
    // Another process, without a record of the first note, a minute later by PagerDuty's clock.
    let another = toolbox(&account.sandbox, tokens::USER, |config| config.backoff = Duration::from_millis(5));
    let account = Account { toolbox: another, ..account };
    account.ok("build_user_context", json!({})).await;
    for (date, code) in
        [("Sat, 01 Aug 2026 12:01:00 GMT", Some(Code::OutcomeUnknown)), ("Sat, 01 Aug 2026 12:00:04 GMT", None)]
    {
        account.sandbox.clear();
        account.sandbox.fail(Fault::once("/incidents/{id}/notes", FaultKind::Reset));
        let headers = [("date".to_owned(), date.to_owned())].into();
        account.sandbox.fail(Fault { times: 9, ..Fault::once("/incidents/{id}/notes", FaultKind::Headers(headers)) });
        let outcome = account.toolbox.call("add_incident_note", crate::support::object(arguments.clone())).await;
        assert_eq!(outcome.err().map(|error| error.code()), code, "{date}");
        assert_eq!(
            account
                .sandbox
                .notes(&id)
                .unwrap()
                .as_array()
                .unwrap()
                .iter()
                .filter(|note| note["content"] == "on it")
                .count(),
            1
        );
    }
}

#[tokio::test]
async fn lost_note_without_server_date_is_not_claimed() {
    let account =
        Account::with(tokens::USER, Options::default(), |config| config.backoff = Duration::from_millis(5)).await;
    account.sandbox.fail(Fault {
        times: u32::MAX,
        ..Fault::once("*", FaultKind::Headers([("date".to_owned(), "?".to_owned())].into()))
    });
    let open = account.ok("get_incidents", json!({"statuses": ["triggered"], "limit": 1})).await;
    account.sandbox.clear();
    let id = &open["incidents"][0]["id"];
    account
        .sandbox
        .fail(Fault { method: Some("POST".into()), ..Fault::once("/incidents/{id}/notes", FaultKind::LostResponse) });
    account.sandbox.fail(Fault {
        times: u32::MAX,
        ..Fault::once("*", FaultKind::Headers([("date".to_owned(), "?".to_owned())].into()))
    });
    let error = account.err("add_incident_note", json!({"incident_id": id, "content": "on it"})).await;
    assert_eq!(error.code(), Code::OutcomeUnknown, "{error}");
}

#[tokio::test]
async fn answer_outside_http_is_network_error() {
    // Another kind of program listens on the port: it answers, but not in HTTP.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            use tokio::io::AsyncWriteExt;
            stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").await.unwrap();
        }
    });
    let account = Account::start().await;
    let toolbox =
        Arc::clone(&toolbox(&account.sandbox, tokens::USER, |config| config.host = Host::parse(&url).unwrap()));
    let error = crate::support::err(&toolbox, "get_teams", json!({})).await;
    assert_eq!(error.code(), Code::NetworkError, "{error}");
    server.abort();
}
