//! Files that settings name: pipes, endless files and unusual encodings neither block a command nor are used.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::tokens;
use serde_json::Value;
use tempfile::tempdir;
use tokio::time::timeout;

use crate::support::tls::https;
use crate::support::{Account, binary};

/// Runs a command with only these variables in its environment, for a limited time.
async fn run<V: AsRef<OsStr>>(folder: &Path, arguments: &[&str], variables: &[(&str, V)]) -> Output {
    let mut command = tokio::process::Command::from(binary());
    let variables = variables.iter().map(|(name, value)| (name, value));
    command.args(arguments).env_clear().envs(variables).current_dir(folder).kill_on_drop(true);
    timeout(Duration::from_secs(30), command.output()).await.expect("the command ends").unwrap()
}

async fn answer<V: AsRef<OsStr>>(folder: &Path, arguments: &[&str], variables: &[(&str, V)]) -> Value {
    let output = run(folder, arguments, variables).await;
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

/// Returns the message of an error, which has to have this code and a hint.
#[track_caller]
fn message(answer: &Value, code: Code) -> &str {
    let error = &answer["error"];
    assert_eq!(error["code"], code.as_str(), "{answer}");
    assert!(error["hint"].is_string(), "{answer}");
    error["message"].as_str().unwrap()
}

#[cfg(unix)]
fn make_pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[cfg(unix)]
#[tokio::test]
async fn certificates_in_a_pipe_or_a_huge_file_are_refused() {
    let folder = tempdir().unwrap();
    let (pipe, huge) = (folder.path().join("pipe.pem"), folder.path().join("huge.pem"));
    make_pipe(&pipe);
    File::create(&huge).unwrap().set_len(1 << 40).unwrap();
    for (path, why) in [(&pipe, "it is not a regular file"), (&huge, "it is larger than 16 MB")] {
        let path = path.to_str().unwrap();
        let variables =
            [("PAGERDUTY_API_TOKEN", "u+key"), ("PAGERDUTY_API_HOST", "https://127.0.0.1:1"), ("SSL_CERT_FILE", path)];
        let refused = answer(folder.path(), &["call", "get_teams"], &variables).await;
        let message = message(&refused, Code::InvalidConfiguration);
        assert!(message.contains("SSL_CERT_FILE") && message.contains(path) && message.contains(why), "{message}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn certificate_folder_with_a_pipe_is_used() {
    let account = Account::start().await;
    let endpoint = https(&account.sandbox).await;
    let folder = tempdir().unwrap();
    make_pipe(&folder.path().join("a.pem"));
    fs::copy(endpoint.authority(), folder.path().join("b.pem")).unwrap();
    let variables = [
        ("PAGERDUTY_API_TOKEN", tokens::USER),
        ("PAGERDUTY_API_HOST", &endpoint.url),
        ("SSL_CERT_DIR", folder.path().to_str().unwrap()),
    ];
    let teams = answer(folder.path(), &["call", "get_teams"], &variables).await;
    assert!(teams["teams"].is_array(), "{teams}");
}

#[tokio::test]
async fn certificates_are_read_in_every_encoding_of_text() {
    let account = Account::start().await;
    let endpoint = https(&account.sandbox).await;
    let folder = tempdir().unwrap();
    let pem = fs::read_to_string(endpoint.authority()).unwrap();
    let marked = format!("\u{feff}{pem}");
    let units: Vec<u16> = marked.encode_utf16().collect();
    let file = folder.path().join("authority.pem");
    for (encoding, bytes) in [
        ("UTF-8 with a mark", marked.clone().into_bytes()),
        ("a mark in front of each part", format!("\u{feff}# joined\n{marked}").into_bytes()),
        ("UTF-16", units.iter().flat_map(|unit| unit.to_le_bytes()).collect()),
    ] {
        fs::write(&file, bytes).unwrap();
        let variables = [
            ("PAGERDUTY_API_TOKEN", tokens::USER),
            ("PAGERDUTY_API_HOST", &endpoint.url),
            ("SSL_CERT_FILE", file.to_str().unwrap()),
        ];
        let teams = answer(folder.path(), &["call", "get_teams"], &variables).await;
        assert!(teams["teams"].is_array(), "{encoding}: {teams}");
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
#[tokio::test]
async fn stored_login_in_a_pipe_or_a_huge_file_is_refused() {
    let folder = tempdir().unwrap();
    let state = folder.path().join("pagerduty_mcp_server");
    fs::create_dir(&state).unwrap();
    let (store, lock) = (state.join("tokens.json"), state.join("tokens.lock"));
    let variables = [
        ("PAGERDUTY_CLIENT_ID", OsStr::new("client")),
        ("PAGERDUTY_TOKEN_STORE", OsStr::new("file")),
        ("XDG_STATE_HOME", folder.path().as_os_str()),
    ];
    make_pipe(&store);
    let refused = answer(folder.path(), &["auth", "status", "--json"], &variables).await;
    let why = message(&refused, Code::TokenStoreUnavailable);
    assert!(why.contains("tokens.json") && why.contains("it is not a regular file"), "{why}");
    fs::remove_file(&store).unwrap();
    let mut options = File::options();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create(true).truncate(true).open(&store).unwrap().set_len(1 << 40).unwrap();
    let refused = answer(folder.path(), &["auth", "status", "--json"], &variables).await;
    let why = message(&refused, Code::TokenStoreUnavailable);
    assert!(why.contains("tokens.json") && why.contains("it is larger than 1 MB"), "{why}");
    fs::remove_file(&store).unwrap();
    make_pipe(&lock);
    let output = run(folder.path(), &["auth", "logout"], &variables).await;
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("it is not a regular file"), "{output:?}");
}
