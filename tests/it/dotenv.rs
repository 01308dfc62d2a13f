//! Tests of a `.env` file in the folder where the server starts: the settings it determines, the ignored ones, and
//! those that stop the start.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Account, binary};
use pagerduty_mcp_server::sandbox::tokens;

fn server(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = binary();
    command.args(arguments).current_dir(folder).envs(environment.iter().copied());
    command.env("XDG_STATE_HOME", folder).env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
    command.output().unwrap()
}

fn folder(file: impl AsRef<[u8]>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".env"), file).unwrap();
    folder
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns the check of this name from the answer of `doctor --json`.
fn check(output: &Output, name: &str) -> Value {
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(output)));
    answer["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).cloned().unwrap_or_default()
}

const CALL: [&str; 3] = ["call", "get_teams", "limit=1"];

#[tokio::test(flavor = "multi_thread")]
async fn dotenv_cannot_enable_sandbox() {
    let account = Account::start().await;
    let real = [("PAGERDUTY_API_HOST", account.sandbox.url()), ("PAGERDUTY_API_TOKEN", tokens::USER)];
    for line in ["PAGERDUTY_SANDBOX=1", "export PAGERDUTY_SANDBOX='true'", "PAGERDUTY_SANDBOX=maybe"] {
        let folder = folder(line);
        for arguments in [&CALL[..], &["doctor"], &["auth", "status"], &[]] {
            let output = server(folder.path(), arguments, &real);
            let text = stderr(&output);
            assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}: {text}");
            assert!(text.contains("PAGERDUTY_SANDBOX") && text.contains(".env, line 1"), "{text}");
        }
        let none = server(folder.path(), &CALL, &[]);
        assert_eq!(none.status.code(), Some(2), "the sandbox stays off without a credential");
        let meant = server(folder.path(), &[&CALL[..], &["--sandbox"]].concat(), &real);
        assert!(meant.status.success(), "{}", stderr(&meant));
        let off: Vec<_> = real.into_iter().chain([("PAGERDUTY_SANDBOX", "0")]).collect();
        assert!(account.sandbox.requests().is_empty(), "no request was sent before");
        assert!(server(folder.path(), &CALL, &off).status.success());
        assert_eq!(account.sandbox.requests().len(), 1, "the request went to the real account");
        account.sandbox.clear();
    }
    let output = server(folder("PAGERDUTY_SANDBOX=0").path(), &CALL, &real);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "the setting changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn dotenv_ignored_settings_are_logged_and_in_doctor() {
    let account = Account::start().await;
    let real = [("PAGERDUTY_API_HOST", account.sandbox.url()), ("PAGERDUTY_USER_API_KEY", tokens::USER)];
    let folder = folder(
        "PAGERDUTY_RAW_TEXT=1\nPAGERDUTY_USER_EMAIL=evil@example.com\nPAGERDUTY_TOKEN_STORE=file\nFASTMCP_HOST=0.0.0.0\n\
         PAGERDUTY_API_TOKEN=theirs\nPAGERDUTY_LOG=off\nPAGERDUTY_FORMAT=compact\n",
    );
    let names = [
        "PAGERDUTY_RAW_TEXT",
        "PAGERDUTY_USER_EMAIL",
        "PAGERDUTY_TOKEN_STORE",
        "FASTMCP_HOST",
        "PAGERDUTY_API_TOKEN",
        "PAGERDUTY_LOG",
    ];
    let output = server(folder.path(), &CALL, &real);
    let text = stderr(&output);
    assert!(
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("id\tname"),
        "harmless settings apply: {text}"
    );
    let doctor = server(folder.path(), &["doctor", "--json"], &real);
    let check = check(&doctor, "dotenv");
    assert_eq!((doctor.status.code(), &check["status"]), (Some(0), &Value::from("warn")));
    for name in names {
        assert!(text.contains(&format!("{name} in ")), "{name}: {text}");
        assert!(check["message"].as_str().unwrap().contains(&format!("{name} is ignored")), "{check}");
    }
    assert!(!text.contains("theirs") && !check.to_string().contains("theirs"));
    let set: Vec<_> = real
        .into_iter()
        .chain(names.map(|name| (name, "")).into_iter().filter(|(name, _)| *name != "PAGERDUTY_API_TOKEN"))
        .collect();
    let output = server(folder.path(), &CALL, &set);
    assert!(!stderr(&output).contains("RAW_TEXT"), "the environment takes precedence");
}

/// Returns the log of a server on the embedded account that adds a note, with this level in the file and `environment`.
fn log_of_a_note(level: &str, environment: &[(&str, &str)]) -> String {
    let folder = folder(format!("PAGERDUTY_LOG={level}\n"));
    let mut command = binary();
    command.current_dir(folder.path()).env("PAGERDUTY_SANDBOX", "1");
    command.envs(environment.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let initialize = crate::session::initialize("2025-11-25");
    let arguments = json!({"incident_id": "Q0000000000001", "content": "note-4711"});
    for message in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "add_incident_note", "arguments": arguments}}),
    ] {
        writeln!(input, "{message}").unwrap();
    }
    drop(input);
    stderr(&child.wait_with_output().unwrap())
}

#[test]
fn dotenv_log_level_keeps_audit_and_hides_content() {
    for level in ["error", "warn", "debug", "off", "trace", "rmcp=debug", "debug,rmcp=debug", "=debug"] {
        let log = log_of_a_note(level, &[]);
        assert!(log.contains("pagerduty_mcp_server::audit"), "{level}: {log}");
        assert!(!log.contains("4711"), "{level}: {log}");
    }
    for level in ["debug", "debug,hyper=warn", "=debug", "hyper=warn,debug"] {
        let log = log_of_a_note("", &[("PAGERDUTY_LOG", level)]);
        assert!(log.contains("DEBUG") && !log.contains("4711"), "{level}: {log}");
    }
    assert!(!log_of_a_note("debug", &[("PAGERDUTY_LOG", "error")]).contains("audit"), "the environment may disable it");
}

#[tokio::test(flavor = "multi_thread")]
async fn dotenv_token_and_host_yield_to_login_with_notice() {
    let account = Account::start().await;
    let file = folder(format!("PAGERDUTY_API_TOKEN={}\nPAGERDUTY_API_HOST={}\n", tokens::USER, account.sandbox.url()));
    let output = server(file.path(), &CALL, &[]);
    assert!(output.status.success(), "a file may hold the key: {}", stderr(&output));
    assert!(stderr(&output).contains("with the key of"), "{}", stderr(&output));
    let doctor = check(&server(file.path(), &["doctor", "--json"], &[]), "dotenv");
    assert!(doctor["message"].as_str().unwrap().contains(account.sandbox.url()), "{doctor}");
    account.sandbox.clear();
    let login = [("PAGERDUTY_CLIENT_ID", "mine"), ("PAGERDUTY_TOKEN_STORE", "file")];
    let output = server(file.path(), &CALL, &login);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("PAGERDUTY_API_HOST"), "{}", stderr(&output));
    let key = folder("PAGERDUTY_API_TOKEN=theirs\n");
    let status = server(key.path(), &["auth", "status", "--json"], &login);
    assert!(stderr(&status).contains("PAGERDUTY_API_TOKEN in "), "{}", stderr(&status));
    let answer: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!((&answer["source"], &answer["error"]["code"]), (&Value::Null, &Value::from("MISSING_CREDENTIALS")));
    assert!(account.sandbox.requests().is_empty());
}

#[test]
fn dotenv_foreign_lines_do_not_stop_start() {
    let sandbox = [("PAGERDUTY_SANDBOX", "1")];
    let fine = |folder: &TempDir, below: &str, what: &str| {
        let path = folder.path().join(below);
        fs::create_dir_all(&path).unwrap();
        let output = server(&path, &CALL, &sandbox);
        assert!(output.status.success(), "{what}: {}", stderr(&output));
        stderr(&output)
    };
    for line in [
        &b"NEXT_PUBLIC_PAGERDUTY_LABEL=On call now"[..],
        b"NEXT_PUBLIC_PAGERDUTY_LABEL=\"On call now",
        b"MY_PAGERDUTY_API_TOKEN 'x",
        b"\xef\xbb\xbfPAGERDUTY_TIMEOUT=20 # seconds",
        b"# PAGERDUTY_API_TOKEN=\"abc\n",
        b"PAGERDUTY_USER_EMAIL=jo@example.com  # me",
        b"NAME=caf\xe9",
        b"\xff\xfeP\0A\0G\0E\0R\0=\0",
        b"\0\0\0\0",
    ] {
        fine(&folder(line), "", &String::from_utf8_lossy(line));
    }
    let text = fine(&folder("X='\nY=\"a\"b\n"), "", "two broken lines");
    assert!(text.contains("skipped lines of") && text.contains("(2)"), "{text}");
    let large = folder(vec![b'#'; 2 << 20]);
    assert!(fine(&large, "below", "a large file").contains("larger than"));
}

#[cfg(unix)]
#[test]
fn dotenv_unreadable_is_skipped_with_log_line() {
    let folder = tempfile::tempdir().unwrap();
    // The loop of links is not a file, even for root. The file without permissions can only be opened by root.
    std::os::unix::fs::symlink(".env", folder.path().join(".env")).unwrap();
    assert!(server(folder.path(), &CALL, &[("PAGERDUTY_SANDBOX", "1")]).status.success());
    fs::remove_file(folder.path().join(".env")).unwrap();
    fs::write(folder.path().join(".env"), "PAGERDUTY_SANDBOX=1").unwrap();
    fs::set_permissions(folder.path().join(".env"), std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let below = folder.path().join("below");
    fs::create_dir(&below).unwrap();
    let output = server(&below, &CALL, &[("PAGERDUTY_SANDBOX", "1")]);
    assert!(output.status.success(), "{}", stderr(&output));
    // Root can read it anyway.
    assert!(stderr(&output).contains("was skipped") || fs::read(folder.path().join(".env")).is_ok());
}

#[test]
fn dotenv_broken_line_error_has_location_and_no_value() {
    let folder = folder("A=1\nPAGERDUTY_API_TOKEN=\"secret-4711\n");
    for arguments in [&CALL[..], &["doctor"]] {
        let output = server(folder.path(), arguments, &[]);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(
            text.contains(".env, line 2") && text.contains("PAGERDUTY_API_TOKEN") && text.contains("hint:"),
            "{text}"
        );
        assert!(!text.contains("4711"), "{text}");
    }
    let output = server(folder.path(), &CALL, &[("PAGERDUTY_API_TOKEN", ""), ("PAGERDUTY_SANDBOX", "1")]);
    assert!(output.status.success(), "what is set needs no line: {}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_token_is_not_sent() {
    let account = Account::start().await;
    let nowhere = tempfile::tempdir().unwrap();
    let of = |token: &str| {
        let environment = [("PAGERDUTY_API_HOST", account.sandbox.url()), ("PAGERDUTY_API_TOKEN", token)];
        server(nowhere.path(), &CALL, &environment)
    };
    for token in ["\"sandbox-user\"", "Token token=sandbox-user", "Bearer sandbox-user", "'sandbox-user'\r\n"] {
        assert!(of(token).status.success(), "{token}");
    }
    account.sandbox.clear();
    for token in ["${PAGERDUTY_API_TOKEN}", "{env:PD_KEY}", "your-api-key", "null", "sandbox user"] {
        let output = of(token);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), &answer["error"]["code"]), (Some(1), &Value::from("INVALID_CONFIGURATION")));
        assert!(answer["error"]["message"].as_str().unwrap().starts_with("PAGERDUTY_API_TOKEN holds"), "{answer}");
    }
    assert!(account.sandbox.requests().is_empty());
    for name in ["PAGERDUTY_API_KEY", "PAGERDUTY_TOKEN", "PAGERDUTY_API_TOKN"] {
        let environment = [("PAGERDUTY_API_HOST", account.sandbox.url()), (name, "u+abc")];
        let answer: Value = serde_json::from_slice(&server(nowhere.path(), &CALL, &environment).stdout).unwrap();
        let hint = answer["error"]["hint"].as_str().unwrap();
        assert!(hint.contains(&format!("{name} is set: did you mean PAGERDUTY_API_TOKEN?")), "{hint}");
        let doctor = check(&server(nowhere.path(), &["doctor", "--json"], &environment), "credential");
        assert!(doctor["hint"].as_str().unwrap().contains(name), "{doctor}");
    }
}
