//! Tests of names, addresses and links in the places of IDs.

use std::collections::BTreeSet;

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, tokens};
use serde_json::{Value, json};

use crate::overrides::Scene;
use crate::session::Session;
use crate::support::{Account, binary, err, object, origin, rows, warnings};

/// Starts an account with further objects.
async fn account_with(documents: Value) -> Account {
    Account::with(tokens::USER, Options { documents, ..Options::default() }, |_| {}).await
}

/// Returns the paths and queries of the requests of one successful call.
async fn sent(account: &Account, tool: &str, arguments: Value) -> Vec<String> {
    account.requests_of(tool, arguments).await
}

#[tokio::test]
async fn ids_cost_no_further_request() {
    let account = Account::start().await;
    let requests = sent(&account, "get_services", json!({"service_id": "P7KEX0S"})).await;
    assert_eq!(requests, ["GET /services/P7KEX0S"]);
    let arguments = json!({"current_user_context": false, "team_ids": ["P14VFCF", "PXTI2A2,PA5DOUT"]});
    assert_eq!(sent(&account, "get_users", arguments).await.len(), 1);
}

#[tokio::test]
async fn name_costs_one_request_and_none_when_it_is_kept() {
    let account = Account::start().await;
    let by_name = |name: &str| json!({"service_id": name});
    let first = sent(&account, "get_services", by_name("checkout  api")).await;
    assert_eq!(first.len(), 2, "{first:?}");
    assert!(first[0].starts_with("GET /services?query=checkout+api"), "{first:?}");
    assert_eq!(first[1], "GET /services/P7KEX0S");
    assert_eq!(sent(&account, "get_services", by_name("Checkout API")).await, ["GET /services/P7KEX0S"]);
    let by_two = json!({"current_user_context": false, "team_ids": ["Payments", "P14VFCF", "Search"]});
    assert_eq!(sent(&account, "get_users", by_two).await.len(), 3);
}

#[tokio::test]
async fn every_kind_is_found_by_name() {
    let account = Account::start().await;
    for (tool, arguments, key, id) in [
        ("get_teams", json!({"team_id": "data platform"}), "teams", "PR5GSBO"),
        ("get_services", json!({"service_id": "\"Checkout API\""}), "services", "P7KEX0S"),
        ("get_users", json!({"user_id": "Tomás Ferreira"}), "users", "PA9SOVC"),
        ("get_users", json!({"user_id": "Tomas.Ferreira@ACME.example"}), "users", "PA9SOVC"),
        ("get_schedules", json!({"schedule_id": "Checkout Primary"}), "schedules", "PEB6SZ3"),
        ("get_schedules", json!({"schedule_id": "checkout secondary"}), "schedules", "PPKD8YK"),
        ("get_escalation_policies", json!({"policy_id": "checkout on-call"}), "escalation_policies", "PJBDDA3"),
    ] {
        let answer = account.ok(tool, arguments.clone()).await;
        assert_eq!(answer[key][0]["id"], id, "{arguments}");
        assert_eq!(warnings(&answer), "", "{arguments}");
    }
    let users = account.ok("list_users_oncall", json!({"schedule_id": "Checkout Secondary"})).await;
    assert_eq!(users, account.ok("list_users_oncall", json!({"schedule_id": "PPKD8YK"})).await);
}

#[tokio::test]
async fn lists_take_names_links_addresses_and_me_together() {
    let account = Account::start().await;
    let me = account.ok("build_user_context", json!({})).await["user_id"].clone();
    let mixed = json!({"current_user_context": false, "user_ids": ["me", "Tomás Ferreira", "adaeze.obi@acme.example",
        "https://acme.pagerduty.com/users/P9ABP2Q"]});
    let ids = json!({"current_user_context": false, "user_ids": [me, "PA9SOVC", "PTJT5BQ", "P9ABP2Q"]});
    let (mixed, ids) = (account.ok("get_oncalls", mixed).await, account.ok("get_oncalls", ids).await);
    assert_eq!(mixed["oncalls"], ids["oncalls"]);
}

#[tokio::test]
async fn unique_word_is_taken_with_a_remark() {
    let account = Account::start().await;
    let answer = account.ok("get_users", json!({"user_id": "tomás"})).await;
    assert_eq!(answer["users"][0]["id"], "PA9SOVC");
    let remark = warnings(&answer);
    assert!(remark.contains("Tomás Ferreira") && remark.contains("PA9SOVC") && remark.contains("tomás"), "{remark}");
    // "ada" begins other names, and is no word of theirs.
    let error = account.err("get_users", json!({"user_id": "ada"})).await;
    assert_eq!(error.code(), Code::InvalidUserId);
}

#[tokio::test]
async fn several_objects_of_a_name_are_offered() {
    let ada = |id: &str, name: &str, zone: &str| json!({"id": id, "name": name, "email": format!("{id}@acme.example"), "time_zone": zone});
    let account = account_with(json!({"users": [
        ada("PADA001", "Ada Lovelace", "Europe/London"), ada("PADA002", "Ada Byron", "Asia/Tokyo"),
        ada("PADA003", "Ada BYRON", "Europe/Berlin"),
    ]}))
    .await;
    let error = account.err("get_users", json!({"user_id": "Ada"})).await;
    assert_eq!(error.code(), Code::AmbiguousName);
    assert!(error.message().starts_with("user_id is \"Ada\""), "{error}");
    let envelope = error.envelope();
    let candidates = envelope["error"]["candidates"].as_array().unwrap();
    let ids: BTreeSet<_> = candidates.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["PADA001", "PADA002", "PADA003"].into());
    let hint = error.hint_text().unwrap();
    assert!(hint.contains("PADA001") && hint.contains("Asia/Tokyo") && hint.contains("PADA002@acme.example"), "{hint}");
    // The exact name precedes those with its words, and white space does not matter.
    let error = account.err("get_users", json!({"user_id": "ada\tbyron "})).await;
    assert_eq!(error.envelope()["error"]["candidates"].as_array().unwrap().len(), 2);
    assert_eq!(account.ok("get_users", json!({"user_id": "ada lovelace"})).await["users"][0]["id"], "PADA001");
}

#[tokio::test]
async fn schedules_of_both_kinds_share_their_names() {
    let twin = json!({"id": "PTWINS2", "name": "Checkout Primary", "time_zone": "Europe/Berlin"});
    let account = account_with(json!({"shift_schedules": [twin]})).await;
    let error = account.err("get_schedules", json!({"schedule_id": "Checkout Primary"})).await;
    assert_eq!(error.code(), Code::AmbiguousName);
    let hint = error.hint_text().unwrap();
    assert!(hint.contains("PEB6SZ3") && hint.contains("PTWINS2"), "{hint}");
}

#[tokio::test]
async fn deleted_object_is_not_found_by_name() {
    let account = Account::start().await;
    let name = json!({"user_id": "Zofia Nowak"});
    assert_eq!(account.err("get_users", name).await.code(), Code::InvalidUserId);
}

#[tokio::test]
async fn unknown_name_offers_similar_ones_and_uses_none() {
    let account = Account::start().await;
    let error = account.err("get_services", json!({"service_id": "Chekout API"})).await;
    assert_eq!(error.code(), Code::InvalidServiceId);
    assert!(error.hint_text().unwrap().contains("Checkout API (P7KEX0S"), "{error:?}");
    let nearest = error.envelope()["error"]["nearest"][0].clone();
    assert_eq!(nearest["id"], "P7KEX0S");
    assert!(nearest["score"].as_f64().is_some_and(|score| score > 0.75 && score < 1.0), "{nearest}");
    assert!(!account.sandbox.requests().iter().any(|request| request.path.contains("P7KEX0S")));
    // A corrected name is found at once: a name without a match is not kept.
    account.err("get_teams", json!({"team_id": "Rocketry"})).await;
    account.err("get_teams", json!({"team_id": "Rocketry"})).await;
}

#[tokio::test]
async fn other_arguments_are_checked_before_any_request() {
    let account = Account::start().await;
    for arguments in [
        json!({"schedule_id": "Checkout Primary", "since": "yesterday"}),
        json!({"schedule_id": "Checkout Primary", "limitt": 1}),
        json!({"schedule_id": "Checkout Primary", "include": ["nmae"]}),
    ] {
        account.err("get_schedules", arguments).await;
    }
    assert_eq!(account.sandbox.requests().len(), 0);
}

#[tokio::test]
async fn lookups_of_one_call_run_side_by_side() {
    let account = Account::start().await;
    for path in ["/teams", "/users"] {
        account.sandbox.fail(Fault::once(path, FaultKind::Delay(std::time::Duration::from_millis(400))));
    }
    let began = std::time::Instant::now();
    let arguments = json!({"current_user_context": false, "team_ids": ["Payments"], "user_ids": ["Noor Haddad"]});
    account.ok("get_escalation_policies", arguments).await;
    assert!(began.elapsed() < std::time::Duration::from_millis(790), "{:?}", began.elapsed());
}

#[tokio::test]
async fn name_in_the_form_of_an_id_works_in_lower_case() {
    let account = account_with(json!({"teams": [{"id": "PTEAMEU", "name": "EU1"}]})).await;
    let error = account.err("get_teams", json!({"team_id": "EU1"})).await;
    assert_eq!((error.code(), account.sandbox.requests().len()), (Code::NotFound, 1));
    assert!(error.hint_text().unwrap().contains("EU1 was taken for an ID"), "{error:?}");
    let empty = account.ok("get_users", json!({"current_user_context": false, "team_ids": ["EU1"]})).await;
    assert!(warnings(&empty).contains("EU1 was taken for an ID"), "{empty}");
    assert_eq!(account.ok("get_teams", json!({"team_id": "eu1"})).await["teams"][0]["id"], "PTEAMEU");
}

#[tokio::test]
async fn me_is_the_user_of_the_credential() {
    let account = Account::start().await;
    let me = account.ok("build_user_context", json!({})).await["user_id"].clone();
    assert_eq!(account.ok("get_users", json!({"user_id": " Me"})).await["users"][0]["id"], me);
    let nobody = Account::of(tokens::ACCOUNT).await;
    let error = nobody.err("get_users", json!({"user_id": "me"})).await;
    assert_eq!(error.code(), Code::NoUserContext);
    assert!(error.message().starts_with("user_id is \"me\""), "{error}");
    // For other resources it is a name.
    assert_eq!(account.err("get_teams", json!({"team_id": "me"})).await.code(), Code::InvalidTeamId);
}

#[tokio::test]
async fn link_to_another_account_is_refused() {
    let account = Account::start().await;
    let incident = account.ok("get_incidents", json!({"limit": 1})).await["incidents"][0]["id"].clone();
    let incident = incident.as_str().unwrap();
    let link = |account: &str| format!("https://{account}.pagerduty.com/incidents/{incident}");
    for (tool, parameter) in [("get_incidents", "incident_id"), ("acknowledge_incident", "incident_id")] {
        let server = account.again(tokens::USER);
        account.sandbox.clear();
        let error = crate::support::err(&server.toolbox, tool, json!({parameter: link("other")})).await;
        assert_eq!(error.code(), Code::WrongAccount, "{tool}: {error}");
        assert!(error.message().contains("other") && error.message().contains("acme"), "{error}");
        assert!(account.sandbox.requests().iter().all(|request| request.method == "GET"));
        // The account is known now, so the next link is refused without a request.
        account.sandbox.clear();
        crate::support::err(&server.toolbox, tool, json!({parameter: link("Third")})).await;
        assert_eq!(account.sandbox.requests().len(), 0, "{tool}");
    }
}

#[tokio::test]
async fn link_to_own_account_costs_no_further_request() {
    let account = Account::start().await;
    let link = json!({"service_id": "https://ACME.pagerduty.com/service-directory/P7KEX0S"});
    assert_eq!(sent(&account, "get_services", link).await, ["GET /services/P7KEX0S"]);
    let account = account.cold();
    // An answer without a web page does not show the account, so the user is read once.
    let list = json!({"current_user_context": false, "team_ids": ["https://acme.pagerduty.com/teams/P1"]});
    let first = sent(&account, "get_services", list.clone()).await;
    assert_eq!((first.len(), first[1].as_str()), (2, "GET /users/me"), "{first:?}");
    assert_eq!(sent(&account, "get_services", list).await.len(), 1);
}

#[tokio::test]
async fn names_of_one_credential_are_not_kept_for_another() {
    let account = Account::start().await;
    let team = json!({"team_id": "Checkout"});
    for (user, lookups) in [("PJT9BIV", 1), ("P9ABP2Q", 1), ("PJT9BIV", 0)] {
        account.sandbox.clear();
        let caller = origin(&tokens::of_user(user));
        account.toolbox.call_from(&caller, "get_teams", object(team.clone())).await.unwrap();
        let sent = account.sandbox.requests();
        assert_eq!(sent.iter().filter(|request| request.path == "/teams").count(), lookups, "{user}");
        let me = account.toolbox.call_from(&caller, "get_users", object(json!({"user_id": "me"}))).await.unwrap();
        assert_eq!(me.into_value()["users"][0]["id"], user);
    }
    account.sandbox.clear();
    let refused = account.toolbox.call_from(&origin("sandbox-user-"), "get_teams", object(team)).await.unwrap_err();
    assert_eq!(refused.code(), Code::AuthenticationFailed, "a name that is kept answers no other credential");
}

#[tokio::test]
async fn names_reach_only_an_encoded_query() {
    let account = Account::start().await;
    for name in
        ["../users/me", "a/b?x=1&query=Payments", "P1/../P2", "Robert'); DROP TABLE", "x\r\nHost: evil", "%2e%2e"]
    {
        let error = account.err("get_teams", json!({"team_id": name})).await;
        assert_eq!(error.code(), Code::InvalidTeamId, "{name}: {error}");
    }
    for request in account.sandbox.requests() {
        assert_eq!(request.path, "/teams", "{request:?}");
        let names: BTreeSet<_> = request.query.split('&').map(|pair| pair.split('=').next().unwrap()).collect();
        assert!(names.is_subset(&["query", "limit", "offset", "total"].into()), "{request:?}");
    }
}

#[tokio::test]
async fn hidden_characters_of_candidates_are_neutralized() {
    let team = |id: &str, name: &str| json!({"id": id, "name": name});
    let account = account_with(json!({"teams": [
        team("PHIDDN1", "Rockets \u{202e}reversed"), team("PHIDDN2", "Rockets\u{200b} two"),
    ]}))
    .await;
    let error = account.err("get_teams", json!({"team_id": "rockets"})).await;
    assert_eq!(error.code(), Code::AmbiguousName);
    let text = error.envelope().to_string();
    assert!(!text.contains('\u{202e}') && !text.contains('\u{200b}'), "{text}");
}

#[tokio::test]
async fn schedule_is_found_while_the_other_kind_fails() {
    let account = Account::start().await;
    account.sandbox.fail(Fault {
        times: 9,
        ..Fault::once("/v3/schedules", FaultKind::Status { code: 404, headers: [].into(), body: None })
    });
    let answer = account.ok("get_schedules", json!({"schedule_id": "Checkout Primary"})).await;
    assert_eq!(answer["schedules"][0]["id"], "PEB6SZ3");
    assert!(warnings(&answer).contains("Shift-based schedules could not be searched"), "{answer}");
}

#[tokio::test]
async fn name_is_not_resolved_while_objects_may_be_missing() {
    for (path, code) in [("/schedules", 403), ("/v3/schedules", 403), ("/v3/schedules", 503)] {
        let Scene { account, tools } = Scene::start().await;
        account
            .sandbox
            .fail(Fault { times: 90, ..Fault::once(path, FaultKind::Status { code, headers: [].into(), body: None }) });
        for name in ["Checkout", "Checkout Primary"] {
            let cover = json!({"schedule_id": name, "start": "now", "end": "2099-01-01T00:00Z", "user_id": "me"});
            for (tool, arguments) in [("override_oncall", cover), ("get_schedules", json!({"schedule_id": name}))] {
                let error = err(&tools, tool, arguments).await;
                assert_eq!(error.http_status(), Some(code), "{tool} {name} {path}: {error}");
                assert!(error.hint_text().unwrap().contains("may have the same name"), "{error}");
            }
        }
        assert!(account.sandbox.requests().iter().all(|request| request.method == "GET"));
        account.sandbox.clear();
        let error = err(&tools, "get_schedules", json!({"schedule_id": "Checkout"})).await;
        assert_eq!(error.code(), Code::AmbiguousName, "the failure was not kept");
    }
}

#[tokio::test]
async fn id_without_digit_is_found_unless_it_is_a_name() {
    let team = |id: &str, name: &str| json!({"id": id, "name": name});
    let teams = [team("PKITCHEN", "Cooks"), team("PT1", "PBAKERSX"), team("PBAKERSX", "Others")];
    let account = account_with(json!({"teams": teams})).await;
    let found = account.ok("get_teams", json!({"team_id": "PKITCHEN", "include": ["name"]})).await;
    assert_eq!(found["teams"], json!([{"name": "Cooks"}]));
    let named = account.ok("get_teams", json!({"team_id": "PBAKERSX", "include": ["id"]})).await;
    assert_eq!(named["teams"], json!([{"id": "PT1"}]));
}

#[tokio::test]
async fn failed_lookup_keeps_its_code() {
    let account = Account::start().await;
    account.sandbox.fail(Fault {
        times: 9,
        ..Fault::once("/teams", FaultKind::Status { code: 403, headers: [].into(), body: None })
    });
    let error = account.err("get_teams", json!({"team_id": "Payments"})).await;
    assert_eq!(error.code(), Code::PermissionDenied);
    assert!(error.message().starts_with("team_id is \"Payments\", which could not be looked up"), "{error}");
}

#[tokio::test]
async fn session_and_command_line_take_names() {
    let account = Account::start().await;
    let mut session = Session::initialized(account.toolbox.clone()).await;
    let params = json!({"name": "get_services", "arguments": {"service_id": "Checkout API", "include": ["id"]}});
    let answer = session.request("tools/call", params).await;
    assert_eq!(rows(&answer["result"]["structuredContent"], "services")[0]["id"], "P7KEX0S", "{answer}");
    let output =
        binary().args(["call", "get_services", "service_id=Checkout API", "include=id", "--sandbox"]).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["services"][0]["id"], "P7KEX0S", "{answer}");
}

#[tokio::test]
async fn write_takes_a_link_and_no_name() {
    let account = Account::start().await;
    let open = json!({"limit": 1, "statuses": ["triggered"], "include": ["id", "html_url"]});
    let incident = account.ok("get_incidents", open).await["incidents"][0].clone();
    let account = account.cold();
    account.sandbox.clear();
    account.ok("acknowledge_incident", json!({"incident_id": incident["html_url"]})).await;
    let requests: Vec<_> =
        account.sandbox.requests().iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    let id = incident["id"].as_str().unwrap();
    assert_eq!(requests, ["GET /users/me".to_owned(), format!("PUT /incidents/{id}")]);
    account.sandbox.clear();
    let error = account.err("acknowledge_incident", json!({"incident_id": "Disk full"})).await;
    assert_eq!((error.code(), account.sandbox.requests().len()), (Code::InvalidIncidentId, 0));
}
