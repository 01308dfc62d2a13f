//! Tests of the command line that need its process. `tests/python/test_cli.py` has the others, for the binary and the
//! package.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};
use serde_json::{Value, json};

use crate::support::tls::https;
use crate::support::{Account, binary};

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_during_call_exits_with_answer() {
    let account = Account::start().await;
    account.sandbox.fail(Fault::once("/teams", FaultKind::Hang));
    let child = binary()
        .args(["call", "get_teams"])
        .env("PAGERDUTY_API_HOST", account.sandbox.url())
        .env("PAGERDUTY_API_TOKEN", tokens::USER)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = async {
        while account.sandbox.requests().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asked).await.expect("the call reaches the account");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["error"]["code"], Code::Cancelled.as_str());
    assert_eq!(output.status.code(), Some(130));
}

#[cfg(unix)]
#[test]
fn signal_ends_command_with_unread_answer() {
    let mut child = binary()
        .args(["call", "get_incidents", "limit=300", "--sandbox", "--max-response-tokens", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The rest of the answer is more than a pipe holds.
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut [0; 1]).unwrap();
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let (ended, end) = std::sync::mpsc::channel();
    let id = child.id().to_string();
    std::thread::spawn(move || ended.send(child.wait()));
    let status = end.recv_timeout(Duration::from_secs(30));
    if status.is_err() {
        Command::new("kill").args(["-KILL", &id]).status().unwrap();
    }
    assert_eq!(status.expect("the process ends").unwrap().code(), Some(143));
    drop(output);
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_remove_terminal_escapes() {
    let account = Account::start().await;
    let name = "Ada\u{1b}]0;owned\u{7}\u{202e}\nfail  host  not PagerDuty\u{2028}x";
    let me = json!({"user": {"id": "PUSER1", "name": name, "email": "ada@example.com", "teams": []}});
    let fault = Fault { times: 99, ..Fault::once("/users/me", FaultKind::WrongJson(me)) };
    account.sandbox.fail(fault);
    for arguments in [&["doctor"][..], &["doctor", "--json"], &["auth", "status"], &["auth", "status", "--json"]] {
        let output = binary()
            .args(arguments)
            .env("PAGERDUTY_API_HOST", account.sandbox.url())
            .env("PAGERDUTY_API_TOKEN", tokens::USER)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("Ada\u{fffd}]0;owned\u{fffd}"), "{arguments:?}: {text}");
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{arguments:?}: {text:?}");
        assert!(!text.contains("\nfail  host"), "{arguments:?}: {text}");
    }
}

#[test]
fn proxy_is_not_used_for_loopback() {
    // Nothing listens at this port, so any request to the proxy fails.
    let output = binary()
        .args(["call", "get_teams", "limit=1", "--sandbox"])
        .envs(["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"].map(|name| (name, "http://127.0.0.1:1")))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Returns a command of the binary, with a key for the PagerDuty at `url`.
fn server_of(url: &str, arguments: &[&str]) -> Command {
    let mut command = binary();
    command.args(arguments).env("PAGERDUTY_API_HOST", url).env("PAGERDUTY_API_TOKEN", "u+secret");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

#[test]
fn connection_is_opened_early_without_credential() {
    use std::io::{BufRead, BufReader, Write};

    let pagerduty = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", pagerduty.local_addr().unwrap());
    let mut child = server_of(&url, &[]).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let initialize = crate::session::initialize("2025-11-25");
    let initialize = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize});
    writeln!(input, "{initialize}").unwrap();
    let mut answer = String::new();
    // Keep the output open: a server exits when its output is closed.
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut answer).unwrap();
    assert!(answer.contains("serverInfo"), "answered before PagerDuty accepts the connection");
    writeln!(input, r#"{{"jsonrpc": "2.0", "method": "notifications/initialized"}}"#).unwrap();

    // Accept in a separate thread, so that a missing connection fails the test instead of blocking it.
    let (knock, knocked) = std::sync::mpsc::channel();
    std::thread::spawn(move || knock.send(pagerduty.accept()));
    let (mut connection, _) = knocked.recv_timeout(Duration::from_secs(30)).expect("a connection is opened").unwrap();
    let mut head = [0; 2_048];
    let length = connection.read(&mut head).unwrap();
    let head = String::from_utf8_lossy(&head[..length]).to_lowercase();
    assert!(head.starts_with("head / http/1.1"), "{head}");
    assert!(!head.contains("authorization") && !head.contains("secret"), "{head}");
    drop((connection, input, output));
    assert!(child.wait().unwrap().success(), "the connection is not needed");
}

#[test]
fn commands_without_requests_open_no_connection() {
    use std::io::{ErrorKind, Write};

    let pagerduty = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    pagerduty.set_nonblocking(true).unwrap();
    let url = format!("http://{}", pagerduty.local_addr().unwrap());
    for arguments in [&["tools"][..], &["--version"], &[]] {
        let mut child = server_of(&url, arguments).spawn().unwrap();
        if arguments.is_empty() {
            let initialize = crate::session::initialize("2025-11-25");
            let initialize =
                serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize});
            writeln!(child.stdin.take().unwrap(), "{initialize}").unwrap();
        }
        assert!(child.wait_with_output().unwrap().status.success());
        assert_eq!(pagerduty.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "{arguments:?}");
    }
}

#[test]
fn repeated_option_last_wins_and_lists_append() {
    let run = |arguments: &[&str]| {
        let mut command = binary();
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let table =
        run(&["tools", "--format", "yaml", "--region", "us", "--format", "json", "--region", "eu", "--read-only"]);
    assert_eq!(table, run(&["--read-only", "tools", "--read-only"]));
    assert_eq!(run(&["tools", "--tools", "get_teams", "--tools", "get_users"]).lines().count(), 2);
}

#[test]
fn enable_write_tools_option_is_accepted() {
    let mut command = binary();
    let output = command.args(["--enable-write-tools", "tools"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 12);
    assert!(String::from_utf8(output.stderr).unwrap().contains("--enable-write-tools has no effect"));
}

/// Runs a command with only these variables in its environment, and returns its answer.
async fn answer(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Value {
    let mut command = tokio::process::Command::from(binary());
    let command = command.args(arguments).envs(variables.iter().copied()).current_dir(folder);
    let output = command.output().await.unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

/// Returns the check of this name from the answer of `doctor`.
fn check<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let checks = answer["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name} in {answer}"))
}

#[tokio::test]
async fn unusable_certificates_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, text) = (folder.path().join("missing.pem"), folder.path().join("text.pem"));
    std::fs::write(&text, "not a certificate").unwrap();
    for (variable, path) in
        [("SSL_CERT_FILE", &missing), ("SSL_CERT_FILE", &text), ("SSL_CERT_DIR", &folder.path().to_owned())]
    {
        let path = path.to_str().unwrap();
        let variables =
            [("PAGERDUTY_API_TOKEN", "u+key"), ("PAGERDUTY_API_HOST", "https://127.0.0.1:1"), (variable, path)];
        let error = &answer(folder.path(), &["call", "get_teams"], &variables).await["error"];
        assert_eq!(error["code"], Code::InvalidConfiguration.as_str(), "{error}");
        assert!(error["message"].as_str().unwrap().contains(path), "{error}");
        assert!(error["hint"].as_str().unwrap().contains(variable), "{error}");
        let checks = answer(folder.path(), &["doctor", "--json"], &variables).await;
        assert_eq!(check(&checks, "certificates")["status"], "fail", "{checks}");
    }
}

#[tokio::test]
async fn ssl_cert_file_is_used() {
    let account = Account::start().await;
    let endpoint = https(&account.sandbox).await;
    let (folder, authority) = (tempfile::tempdir().unwrap(), endpoint.authority().to_str().unwrap());
    let variables = [("PAGERDUTY_API_TOKEN", tokens::USER), ("PAGERDUTY_API_HOST", &endpoint.url)];
    let named = [variables[0], variables[1], ("SSL_CERT_FILE", authority)];
    let teams = answer(folder.path(), &["call", "get_teams"], &named).await;
    assert!(teams["teams"].is_array(), "{teams}");
    let checks = answer(folder.path(), &["doctor", "--json"], &named).await;
    assert_eq!(checks["ok"], true, "{checks}");
    std::fs::write(folder.path().join(".env"), format!("SSL_CERT_FILE={authority}\n")).unwrap();
    let refused = answer(folder.path(), &["call", "get_teams"], &variables).await;
    assert_eq!(refused["error"]["code"], Code::NetworkError.as_str(), "{refused}");
}

#[tokio::test]
async fn bundled_certificates_replace_missing_system_store() {
    let folder = tempfile::tempdir().unwrap();
    // An empty variable counts as unset for our settings, and gives the system's loader no certificates.
    let checks = answer(
        folder.path(),
        &["doctor", "--json"],
        &[("PAGERDUTY_API_TOKEN", "u+key"), ("PAGERDUTY_API_HOST", "https://127.0.0.1:1"), ("SSL_CERT_FILE", "")],
    )
    .await;
    let certificates = check(&checks, "certificates");
    assert_eq!(certificates["status"], "warn", "{checks}");
    assert!(certificates["message"].as_str().unwrap().contains("Mozilla"), "{checks}");
    assert!(
        check(&checks, "host")["message"].as_str().unwrap().contains("no connection"),
        "the connection was attempted: {checks}"
    );
}

#[test]
fn toolsets_are_chosen_by_option_or_variable() {
    let listed = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output =
            binary().args(arguments).args(["tools", "--json"]).envs(variables.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let tools: Value = serde_json::from_slice(&output.stdout).unwrap();
        tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let default = listed(&[], &[]);
    assert_eq!(default.len(), 12);
    assert_eq!(listed(&["--toolsets", "core"], &[]), default);
    let all = listed(&["--toolsets", "all"], &[]);
    assert!(all.len() > 12 && all.contains(&"whos_oncall".to_owned()), "{all:?}");
    assert_eq!(listed(&[], &[("PAGERDUTY_TOOLSETS", "all")]), all);
    assert_eq!(listed(&[], &[("PAGERDUTY_TOOLSETS", "core, find")]).len(), 13);
    assert_eq!(listed(&["--toolsets", "teams"], &[("PAGERDUTY_TOOLSETS", "all")]), ["get_teams"]);
    assert_eq!(listed(&["--tools", "find"], &[("PAGERDUTY_TOOLSETS", "teams")]), ["find"]);
    assert_eq!(listed(&[], &[("PAGERDUTY_READ_ONLY", "1")]).len(), 9);

    let hidden = binary().args(["--sandbox", "call", "find", "text=x"]).output().unwrap();
    let error = String::from_utf8(hidden.stderr).unwrap() + &String::from_utf8(hidden.stdout).unwrap();
    assert!(error.contains("belongs to the toolset find") && error.contains("--toolsets core,find"), "{error}");
    let call = ["--sandbox", "--read-only", "call", "resolve_incident", "incident_id=1"];
    let left_out = binary().args(call).output().unwrap();
    let error = String::from_utf8(left_out.stderr).unwrap() + &String::from_utf8(left_out.stdout).unwrap();
    assert!(error.contains("changes are switched off") && error.contains("--read-only"), "{error}");
}
