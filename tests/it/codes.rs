//! Tests of error codes: each is caused once, and none is missing.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use pagerduty_mcp_server::config::Config;
use pagerduty_mcp_server::error::{Code, Error};
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, tokens};
use serde_json::{Value, json};

use crate::support::{self, Account};

/// The codes tested in other files: (code, file, test).
const ELSEWHERE: [(Code, &str, &str); 10] = [
    (Code::NotConfirmed, "tests/it/confirm.rs", "question_without_a_yes_changes_nothing"),
    (Code::ConfirmationUnavailable, "tests/it/confirm.rs", "client_that_takes_no_questions_is_refused"),
    (Code::InvalidReceipt, "src/receipts.rs", "receipt_of_another_credential_is_refused"),
    (Code::LoginFailed, "tests/it/auth.rs", "login_declined_fails_with_page"),
    (Code::LoginPending, "tests/it/auth.rs", "login_stays_open_after_call_times_out"),
    (Code::LoginTimeout, "tests/it/auth.rs", "login_not_completed_times_out"),
    (Code::CallbackPortInUse, "tests/it/auth.rs", "login_port_in_use_fails_before_browser_opens"),
    (Code::TokenStoreUnavailable, "tests/it/auth.rs", "login_without_keyring_names_alternatives"),
    (Code::Internal, "src/tools/toolbox.rs", "tool_panics_call_is_answered"),
    (Code::Cancelled, "tests/it/cli.rs", "ctrl_c_during_call_exits_with_answer"),
];

fn status(code: u16, headers: &[(&str, &str)], body: Option<&str>) -> FaultKind {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    FaultKind::Status { code, headers, body: body.map(str::to_owned) }
}

/// Returns the error of `get_teams` while requests to `/teams` fail in this way.
async fn failing(kind: FaultKind) -> Error {
    let account =
        Account::with(tokens::USER, Options::default(), |config| config.timeout = Duration::from_secs(2)).await;
    account.sandbox.fail(Fault { times: 10, ..Fault::once("/teams", kind) });
    account.err("get_teams", json!({})).await
}

async fn of(token: &str, tool: &str, arguments: Value) -> Error {
    Account::of(token).await.err(tool, arguments).await
}

/// Returns an error for each code, by causing it.
async fn every_error() -> Vec<(Code, Error)> {
    let user = Account::start().await;
    let open = user.ok("get_incidents", json!({"statuses": ["triggered"], "limit": 1})).await;
    let incident = json!({"incident_id": open["incidents"][0]["id"]});
    user.ok("resolve_incident", incident.clone()).await;
    let acknowledged =
        status(400, &[], Some(r#"{"error": {"code": 1002, "message": "Incident Already Acknowledged"}}"#));
    let second = Account::start().await;
    second.sandbox.fail(Fault { method: Some("PUT".into()), ..Fault::once("/incidents/{id}", acknowledged) });

    let third = Account::start().await;
    third.sandbox.fail(Fault::once("/incidents/{id}/notes", FaultKind::Reset));
    let note = json!({"incident_id": open["incidents"][0]["id"], "content": "on it"});

    vec![
        (Code::MissingCredentials, of("", "get_teams", json!({})).await),
        (
            Code::InvalidConfiguration,
            Config::from_lookup(|name| (name == "PAGERDUTY_REGION").then(|| "mars".to_owned())).unwrap_err(),
        ),
        (Code::AuthenticationFailed, of("no-such-key", "get_teams", json!({})).await),
        (Code::PermissionDenied, of(tokens::READ_ONLY, "resolve_incident", json!({"incident_id": "Q1"})).await),
        (Code::MissingAbility, failing(status(402, &[], None)).await),
        (Code::NotFound, user.err("get_teams", json!({"team_id": "PNOBODY"})).await),
        (Code::RateLimited, failing(status(429, &[("ratelimit-reset", "45")], None)).await),
        (Code::InvalidEscalationPolicyId, user.err("get_escalation_policies", json!({"policy_id": "a/b"})).await),
        (Code::InvalidIncidentId, user.err("get_incidents", json!({"incident_id": "../users/me"})).await),
        (Code::InvalidScheduleId, user.err("get_schedules", json!({"schedule_id": "a b"})).await),
        (Code::InvalidServiceId, user.err("get_services", json!({"service_id": "?"})).await),
        (Code::InvalidTeamId, user.err("get_teams", json!({"team_id": ".."})).await),
        (Code::InvalidUserId, user.err("get_users", json!({"user_id": "me/x"})).await),
        (Code::AmbiguousName, user.err("get_services", json!({"service_id": "search"})).await),
        (Code::WrongAccount, user.err("get_teams", json!({"team_id": "https://other.pagerduty.com/teams/P1"})).await),
        (Code::MissingParameter, user.err("list_users_oncall", json!({})).await),
        (Code::InvalidParameter, user.err("get_teams", json!({"limit": -1})).await),
        (Code::UnknownParameter, user.err("get_teams", json!({"nmae": "x"})).await),
        (Code::UnknownTool, user.err("get_team", json!({})).await),
        (Code::ConflictingParameters, user.err("get_teams", json!({"team_id": "P1", "query": "x"})).await),
        (Code::InvalidInclude, user.err("get_teams", json!({"include": ["nmae"]})).await),
        (Code::InvalidTimestamp, user.err("get_oncalls", json!({"since": "soon"})).await),
        (
            Code::InvalidTimeRange,
            user.err("get_incidents", json!({"since": "2026-02-01", "until": "2026-01-01"})).await,
        ),
        (Code::NoUserContext, of(tokens::ACCOUNT, "get_incidents", json!({})).await),
        (Code::NoTeams, of(tokens::TEAMLESS, "get_services", json!({})).await),
        (Code::AlreadyResolved, user.err("resolve_incident", incident).await),
        (
            Code::AlreadyAcknowledged,
            second.err("acknowledge_incident", json!({"incident_id": open["incidents"][0]["id"]})).await,
        ),
        (
            Code::ApiError,
            failing(status(
                400,
                &[],
                Some(r#"{"error": {"code": 2001, "message": "Invalid Input Provided", "errors": ["Name is odd"]}}"#),
            ))
            .await,
        ),
        (Code::UnexpectedResponse, failing(FaultKind::WrongJson(json!({"people": []}))).await),
        (Code::NetworkError, failing(FaultKind::Reset).await),
        (Code::Timeout, failing(FaultKind::Hang).await),
        (Code::OutcomeUnknown, third.err("add_incident_note", note).await),
    ]
}

#[tokio::test]
async fn error_codes_match_their_cases() {
    let errors = every_error().await;
    for (code, error) in &errors {
        assert_eq!(error.code(), *code, "{error}");
        let envelope = error.envelope();
        assert_eq!(envelope["metadata"], json!({"count": 0, "description": "Error occurred while processing request"}));
        assert_eq!(envelope["error"]["code"], code.as_str());
        assert_eq!(envelope["error"]["message"], error.message());
        assert!(error.hint_text().is_some(), "{code} has no next step");
    }
    let tested: HashSet<_> = errors.iter().map(|(code, _)| *code).chain(ELSEWHERE.map(|(code, ..)| code)).collect();
    let forgotten: Vec<_> = Code::ALL.iter().filter(|code| !tested.contains(code)).collect();
    assert!(forgotten.is_empty(), "no test for {forgotten:?}");
}

#[test]
fn error_code_tests_in_other_files_exist() {
    for (code, file, test) in ELSEWHERE {
        let source = fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(source.contains(&format!("fn {test}()")) && source.contains(&format!("{code:?}")), "{file}: {test}");
    }
}

#[tokio::test]
async fn api_error_includes_pagerduty_message() {
    let body = r#"{"error": {"code": 2001, "message": "Invalid Input Provided", "errors": ["Name is odd"]}}"#;
    let error = failing(status(400, &[("x-request-id", "req-1")], Some(body))).await;
    assert!(error.message().contains("Invalid Input Provided; Name is odd"), "{error}");
    let envelope = error.envelope();
    assert_eq!(envelope["error"]["request_id"], "req-1");
    assert_eq!((&envelope["error"]["status"], &envelope["error"]["pagerduty_code"]), (&json!(400), &json!(2001)));
}

#[tokio::test]
async fn truncated_answer_error_has_request_id() {
    let error = failing(FaultKind::Truncated).await;
    assert_eq!((error.code(), error.http_status()), (Code::NetworkError, Some(200)), "{error}");
    assert!(error.envelope()["error"]["request_id"].is_string(), "{}", error.envelope());
}

#[tokio::test]
async fn rate_limit_error_says_how_long_to_wait() {
    let error = failing(status(429, &[("ratelimit-reset", "45")], None)).await;
    assert_eq!(error.envelope()["error"]["retry_after_seconds"], 45);
    // A 429 may have neither headers nor a body.
    let error = failing(status(429, &[], Some(""))).await;
    assert_eq!((error.code(), &error.envelope()["error"]["retry_after_seconds"]), (Code::RateLimited, &json!(60)));
}

#[tokio::test]
async fn errors_contain_no_html_or_echoed_credential() {
    let echo = format!(r#"{{"error": {{"code": 1, "message": "bad key {}"}}}}"#, tokens::USER);
    for (kind, code) in [
        (FaultKind::Html, Code::ApiError),
        (status(200, &[], Some("<html>please log in</html>")), Code::UnexpectedResponse),
        (status(400, &[], Some(&echo)), Code::ApiError),
        (FaultKind::Empty, Code::UnexpectedResponse),
    ] {
        let error = failing(kind.clone()).await;
        let text = error.envelope().to_string();
        assert_eq!(error.code(), code, "{kind:?}: {error}");
        assert!(!text.contains('<') && !text.contains(tokens::USER), "{text}");
    }
}

/// Returns a key in the forms in which a gateway may echo it.
#[allow(clippy::format_collect, reason = "the texts are short")]
fn echoes(key: &str) -> Vec<String> {
    let percent = |upper: bool| -> String {
        let hex = |byte| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
        key.bytes().map(hex).collect()
    };
    let escaped: String = key.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let mut echoes = vec![
        percent(true),
        percent(false),
        percent(true).replace('%', "%25"),
        key.replace('+', "%2B"),
        key.replace('+', "%2b"),
        escaped.clone(),
        escaped.replace('\\', "\\\\"),
        key.replace('+', "\\u002B"),
        key.replace('+', "&#43;"),
        key.chars().map(|c| format!("&#x{:X};", u32::from(c))).collect(),
    ];
    for text in [key.to_owned(), format!("{key}:"), format!("u:{key}"), format!("me:{key}"), format!("you:{key}:x")] {
        for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
            echoes.push(format!("Basic {}", engine.encode(&text)));
        }
        echoes.push(STANDARD.encode(&text).replace('+', "%2B").replace('=', "%3D"));
    }
    echoes
}

#[tokio::test]
async fn encoded_echo_of_a_key_is_redacted() {
    // Eleven, twelve and thirteen bytes, with the characters that encodings change.
    for key in ["u+SECRET?~/", "u+SECRETKEY~", "u+/~SECRETKEY"] {
        let account = Account::start().await;
        let toolbox = support::toolbox(&account.sandbox, key, |_| {});
        for echo in echoes(key) {
            for body in [
                json!({"error": {"code": 1, "message": format!("no access for {echo} here")}}).to_string(),
                format!(r#"{{"error": {{"code": 1, "message": "no access for {echo} here"}}}}"#),
                format!("no access for {echo} here"),
                format!("<html><title>no access for {echo} here</title></html>"),
            ] {
                account.sandbox.fail(Fault::once("/teams", status(400, &[], Some(&body))));
                let error = support::err(&toolbox, "get_teams", json!({})).await;
                let text = error.envelope().to_string();
                assert!(text.contains("[credential]"), "{body}: {text}");
                assert!(text.contains("no access for") && text.contains(" here"), "{body}: {text}");
                assert!(!text.contains("SECRET") && !text.contains(&echo), "{body}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn missing_credential_hint_names_three_sources() {
    let error = of("", "get_teams", json!({})).await;
    for way in ["PAGERDUTY_API_TOKEN", "X-PagerDuty-Token", "PAGERDUTY_CLIENT_ID"] {
        assert!(error.hint_text().unwrap().contains(way), "{way}");
    }
}

#[tokio::test]
async fn unreachable_host_is_network_error() {
    let account = Account::start().await;
    let url = account.sandbox.url().to_owned();
    let toolbox = support::toolbox(&account.sandbox, tokens::USER, |_| {});
    drop(account.sandbox);
    // The port was freed just now. If another program took it meanwhile, there is nothing to test.
    if std::net::TcpListener::bind(url.trim_start_matches("http://")).is_err() {
        return;
    }
    let error = support::err(&toolbox, "get_teams", json!({})).await;
    assert_eq!(error.code(), Code::NetworkError, "{error}");
    assert!(error.is_retryable() && error.message().contains("127.0.0.1"), "{error}");
}
