//! Tests of the errors for PagerDuty's refusals: they have its own words, and a next step that fits the request.

use pagerduty_mcp_server::error::{Code, Error};
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};
use serde_json::{Value, json};

use crate::support::Account;

async fn refused(account: &Account, tool: &str, arguments: Value, path: &str, status: u16, body: &str) -> Error {
    account.sandbox.clear();
    let headers = [("x-request-id".to_owned(), "req-1".to_owned())].into();
    let kind = FaultKind::Status { code: status, headers, body: Some(body.to_owned()) };
    account.sandbox.fail(Fault { times: 9, ..Fault::once(path, kind) });
    account.err(tool, arguments).await
}

/// The answer to a bad key by the layer in front of the API.
const PAGE: &str = "<!DOCTYPE html><html><head><title>The page you were looking for doesn't exist (404)</title>\
                    <style>body { color: #666 }</style></head><body><h1>Sorry</h1></body></html>";

#[tokio::test]
async fn refusal_text_is_quoted_in_any_form() {
    let account = Account::start().await;
    for (body, words) in [
        (
            r#"{"error": {"code": 2001, "message": "Invalid Input Provided", "errors": ["Name is odd"]}}"#,
            "Invalid Input Provided; Name is odd",
        ),
        (r#"{"error": "Name is odd"}"#, "Name is odd"),
        (r#"{"message": "Name is odd", "status": 400}"#, "Name is odd"),
        (
            r#"{"error": {"message": "Invalid", "errors": {"name": ["is odd", "is long"]}}}"#,
            "Invalid; name: is odd, is long",
        ),
        (r#"{"errors": "Name is odd"}"#, "Name is odd"),
        (r#"{"errors": [["Name is odd"], {"message": "Type is odd"}]}"#, "Name is odd; Type is odd"),
        ("Name is odd\n", "Name is odd"),
        (PAGE, "The page you were looking for doesn't exist (404)"),
        ("{\"error\": \"Na\u{200b}me\u{202e} is\\n\\u001b[31m odd\"}", "Na\u{fffd}me\u{fffd} is \u{fffd}[31m odd"),
    ] {
        for status in [400, 401, 402, 403, 404, 409, 422, 429, 500] {
            let error = refused(&account, "get_teams", json!({}), "/teams", status, body).await;
            // The page of a failing proxy says nothing about the request.
            let is_quoted = status < 500 || body != PAGE;
            assert_eq!(error.message().contains(words), is_quoted, "{status} {body}: {error}");
            assert!(!error.message().contains(['<', '\n', '\u{1b}']) && error.message().len() < 700, "{error}");
            assert!(error.hint_text().is_some_and(|hint| !hint.is_empty()), "{error}");
            assert_eq!(error.pagerduty_request_id(), Some("req-1"), "{error}");
        }
    }
}

#[tokio::test]
async fn not_found_blames_id_only_when_about_id() {
    let account = Account::start().await;
    let id = json!({"team_id": "P1"});
    let teams = json!({"current_user_context": false, "team_ids": ["P1"]});
    let said = |message: &str| format!(r#"{{"error": {{"code": 2100, "message": "{message}"}}}}"#);
    let change = json!({"incident_id": "Q1"});
    for (tool, arguments, path, body, hint) in [
        ("get_teams", &id, "/teams/{id}", said("Not Found"), "Check the ID"),
        ("get_teams", &id, "/teams/{id}", said("Team Not Found"), "Check the ID"),
        ("get_teams", &id, "/teams/{id}", String::new(), "Check the ID"),
        ("get_teams", &id, "/teams/{id}", said("Account Not Found"), "PAGERDUTY_REGION"),
        ("get_teams", &id, "/teams/{id}", PAGE.to_owned(), "check the key"),
        ("get_teams", &json!({}), "/teams", said("Account Not Found"), "PAGERDUTY_REGION"),
        ("get_services", &teams, "/services", said("Team Not Found"), "team_ids"),
        ("get_users", &json!({}), "/users/me", said("User Not Found"), "PAGERDUTY_API_HOST"),
        ("resolve_incident", &change, "/incidents/{id}", said("Service Not Found"), "another object"),
        ("resolve_incident", &change, "/incidents/{id}", said("Incident Not Found"), "Check the ID"),
    ] {
        let error = refused(&account, tool, arguments.clone(), path, 404, &body).await;
        assert_eq!((error.code(), error.http_status()), (Code::NotFound, Some(404)), "{error}");
        let reported = error.hint_text().unwrap();
        assert!(reported.contains(hint), "{tool} {body}: {error} {reported}");
        assert_eq!(reported.contains("the ID,"), hint == "Check the ID", "{tool} {body}: {reported}");
        let words = body.split('"').find(|part| part.ends_with("Not Found")).unwrap_or_default();
        assert!(error.message().contains(words), "{error}");
    }
}

#[tokio::test]
async fn permission_denied_names_missing_scopes() {
    let account = Account::start().await;
    for body in [
        r#"{"error": {"message": "Access Denied", "code": 2010, "required_scopes": ["teams.read", "users.read"]}}"#,
        r#"{"message": "Access Denied", "required_scopes": "teams.read users.read"}"#,
    ] {
        let error = refused(&account, "get_teams", json!({}), "/teams", 403, body).await;
        assert_eq!(error.code(), Code::PermissionDenied);
        for text in [error.message(), error.hint_text().unwrap()] {
            assert!(text.contains("teams.read, users.read"), "{text}");
        }
        assert!(error.message().contains("Access Denied"), "{error}");
    }
}

#[tokio::test]
async fn no_user_context_only_for_account_level_key() {
    let account = Account::start().await;
    for (status, body, code) in [
        (
            400,
            r#"{"error": "Because this request was made using an account-level access token, the user cannot be determined"}"#,
            Code::NoUserContext,
        ),
        (400, r#"{"error": {"message": "Please use a user-level token."}}"#, Code::NoUserContext),
        (400, r#"{"error": {"code": 2001, "message": "Invalid Input Provided"}}"#, Code::ApiError),
        (400, "", Code::ApiError),
        (400, PAGE, Code::ApiError),
        (403, r#"{"error": "an account-level access token"}"#, Code::PermissionDenied),
    ] {
        let error = refused(&account, "build_user_context", json!({}), "/users/me", status, body).await;
        assert_eq!((error.code(), error.http_status()), (code, Some(status)), "{body}: {error}");
        assert_eq!(error.pagerduty_request_id(), Some("req-1"), "{error}");
    }
    let error = Account::of(tokens::ACCOUNT).await.err("build_user_context", json!({})).await;
    assert_eq!(error.code(), Code::NoUserContext);
    assert!(error.pagerduty_request_id().is_some() && error.message().contains("account-level"), "{error}");
}

#[tokio::test]
async fn error_in_success_body_is_quoted() {
    let account = Account::start().await;
    for (body, words, code) in [
        (
            r#"{"error": {"message": "Your account is suspended", "code": 2007}}"#,
            "Your account is suspended",
            Some(2007),
        ),
        (r#"{"error": "Your account is suspended"}"#, "Your account is suspended", None),
        (r#"{"message": "Your account is suspended", "status": 403}"#, "Your account is suspended", None),
        (r#"{"errors": [{"title": "Suspended", "detail": "Pay first"}]}"#, "Suspended; Pay first", None),
        (r#"{"title": "Suspended", "status": 403}"#, "Suspended", None),
        (r#"{"services": null, "errors": {"account": ["is suspended"]}}"#, "account: is suspended", None),
        ("\u{feff}{\"error\": \"u+SUSPENDED\"}", "u+SUSPENDED", None),
        (r#"[{"errorCode": "SUSPENDED", "message": "Your account is suspended"}]"#, "Your account is suspended", None),
        (r#""Your account is suspended""#, "Your account is suspended", None),
    ] {
        for status in [200, 206, 207] {
            for (tool, arguments, path) in [
                ("get_services", json!({}), "/services"),
                ("get_services", json!({"service_id": "P1"}), "/services/{id}"),
                ("get_incidents", json!({"incident_id": "Q1"}), "/incidents/{id}"),
                ("get_users", json!({"user_id": "P1"}), "/users/{id}"),
            ] {
                let error = refused(&account, tool, arguments, path, status, body).await;
                assert_eq!((error.code(), error.http_status()), (Code::ApiError, Some(status)), "{body}: {error}");
                assert!(error.message().ends_with(&format!(": {words}")), "{error}");
                assert_eq!((error.pagerduty_code(), error.pagerduty_request_id()), (code, Some("req-1")), "{error}");
                assert!(!error.hint_text().unwrap().contains("report"), "{error}");
            }
        }
    }
    let body = r#"{"error": {"message": "Your account is suspended"}}"#;
    let note = json!({"incident_id": "Q1", "content": "seen"});
    let error = refused(&account, "add_incident_note", note, "/incidents/{id}/notes", 200, body).await;
    assert!(error.message().contains("Your account is suspended"), "{error}");
    assert_eq!(error.code(), Code::OutcomeUnknown, "{error}");
}

#[tokio::test]
async fn object_without_envelope_is_not_quoted_as_error() {
    let account = Account::start().await;
    let incident = json!({"id": "Q1", "title": "Disk full", "details": "secret"});
    for body in [incident.to_string(), json!([incident]).to_string()] {
        for (arguments, path) in [(json!({"incident_id": "Q1"}), "/incidents/{id}"), (json!({}), "/incidents")] {
            let error = refused(&account, "get_incidents", arguments, path, 200, &body).await;
            assert_eq!(error.code(), Code::UnexpectedResponse, "{error}");
            assert!(!error.message().contains("Disk full"), "{error}");
        }
    }
}

#[tokio::test]
async fn not_found_for_list_names_only_given_filters() {
    let account = Account::start().await;
    let lists = [
        ("get_incidents", "/incidents", &["service_ids", "team_ids"][..]),
        ("get_services", "/services", &["team_ids"]),
        ("get_users", "/users", &["team_ids"]),
        ("get_escalation_policies", "/escalation_policies", &["user_ids", "team_ids"]),
        ("get_oncalls", "/oncalls", &["user_ids", "escalation_policy_ids"]),
    ];
    for (tool, path, filters) in lists {
        let mut arguments = json!({});
        let error = refused(&account, tool, arguments.clone(), path, 404, "404 page not found").await;
        let hint = error.hint_text().unwrap();
        assert!(!hint.contains("_ids") && hint.contains("PAGERDUTY_API_HOST"), "{tool}: {hint}");
        let error = refused(&account, tool, arguments.clone(), path, 414, "").await;
        assert!(!error.hint_text().unwrap().contains("fewer IDs"), "{tool}: {error:?}");

        arguments["current_user_context"] = json!(false);
        for name in filters {
            arguments[*name] = json!(["P1"]);
        }
        let error = refused(&account, tool, arguments.clone(), path, 404, "").await;
        assert!(error.hint_text().unwrap().contains(&filters.join(", ")), "{tool}: {error:?}");
        let error = refused(&account, tool, arguments, path, 414, "").await;
        assert!(error.hint_text().unwrap().contains("fewer IDs"), "{tool}: {error:?}");
    }
    let mine = json!({"schedule_ids": ["P1"]});
    let error = refused(&account, "get_oncalls", mine, "/oncalls", 404, "").await;
    assert!(error.hint_text().unwrap().contains("the IDs in schedule_ids,"), "{error:?}");
}
