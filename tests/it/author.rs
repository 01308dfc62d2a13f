//! Tests of a `PAGERDUTY_USER_EMAIL` that belongs to no user: the failing call and `doctor` name the variable.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, tokens};
use serde_json::{Value, json};

use crate::support::{Account, binary};

const WRONG: &str = "nobody@example.com";

async fn account() -> Account {
    let wrong = |config: &mut pagerduty_mcp_server::config::Config| config.user_email = Some(WRONG.to_owned());
    Account::with(tokens::ACCOUNT, Options::default(), wrong).await
}

#[tokio::test]
async fn unknown_author_email_is_named_in_error() {
    let account = account().await;
    for (code, body) in [
        (404, json!({"error": {"message": "Requester User Not Found", "code": 1008}})),
        (400, json!({"error": {"message": "Requester User Not Found", "code": 1008}})),
        (
            400,
            json!({"error": {"message": "Invalid Input Provided", "code": 2001, "errors": ["Requester User Not Found"]}}),
        ),
        (404, json!({"error": "requester user not found"})),
    ] {
        for (tool, path, arguments) in [
            ("acknowledge_incident", "/incidents/{id}", json!({"incident_id": "Q1"})),
            ("add_incident_note", "/incidents/{id}/notes", json!({"incident_id": "Q1", "content": "seen"})),
        ] {
            account.sandbox.clear();
            let body = Some(body.to_string());
            account.sandbox.fail(Fault::once(path, FaultKind::Status { code, headers: [].into(), body }));
            let error = account.err(tool, arguments).await;
            assert_eq!((error.code(), error.http_status()), (Code::InvalidConfiguration, Some(code)), "{error}");
            for part in ["PAGERDUTY_USER_EMAIL", WRONG, "Requester User Not Found"] {
                assert!(error.message().contains(part), "{part}: {error}");
            }
            assert!(!error.message().contains("Q1"), "the error does not blame the incident: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_checks_author_email() {
    let account = account().await;
    let me = account.sandbox.url().to_owned();
    let users = crate::support::toolbox(&account.sandbox, tokens::USER, |_| {});
    let user = crate::support::ok(&users, "build_user_context", json!({})).await;
    let doctor = |token: &str, address: &str| {
        let output = binary()
            .args(["doctor", "--json"])
            .envs([
                ("PAGERDUTY_API_HOST", me.as_str()),
                ("PAGERDUTY_API_TOKEN", token),
                ("PAGERDUTY_USER_EMAIL", address),
            ])
            .output()
            .unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = answer["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == "author").cloned().unwrap()
    };
    for token in [tokens::ACCOUNT, tokens::USER] {
        let check = doctor(token, WRONG);
        assert_eq!(check["status"], "warn", "{check}");
        assert!(check["message"].as_str().unwrap().contains(WRONG), "{check}");
        let check = doctor(token, &user["email"].as_str().unwrap().to_uppercase());
        assert_eq!(check["status"], "ok", "{check}");
    }
}

#[test]
fn invalid_author_email_stops_start() {
    for value in ["nobody", "${PAGERDUTY_USER_EMAIL}", "a@b\u{7}c", "j\u{f6}@example.com"] {
        let output =
            binary().args(["call", "get_teams", "--sandbox"]).env("PAGERDUTY_USER_EMAIL", value).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && text.contains("PAGERDUTY_USER_EMAIL"), "{value}: {text}");
    }
}
