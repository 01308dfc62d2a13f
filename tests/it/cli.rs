//! The command line where it needs the process itself; `tests/python/test_cli.py` has the rest, for both doors.

use std::process::{Command, Stdio};
use std::time::Duration;

use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};
use serde_json::Value;

use crate::support::Account;

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_during_a_call_is_answered() {
    use pagerduty_mcp_server::error::Code;

    let account = Account::start().await;
    account.sandbox.fail(Fault::once("/teams", FaultKind::Hang));
    let child = Command::new(env!("CARGO_BIN_EXE_pagerduty-mcp-server"))
        .args(["call", "get_teams"])
        .env_clear()
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

#[test]
fn a_proxy_is_not_told_what_stays_on_this_machine() {
    // Nobody listens there: whatever goes to the proxy fails.
    let output = Command::new(env!("CARGO_BIN_EXE_pagerduty-mcp-server"))
        .args(["call", "get_teams", "limit=1", "--sandbox"])
        .env_clear()
        .envs(["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"].map(|name| (name, "http://127.0.0.1:1")))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn another_programs_dotenv_file_does_not_stop_the_server() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), b"APP_NAME=My App\njust a line\nNAME=caf\xe9\nPAGERDUTY_SANDBOX=1\n")
        .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_pagerduty-mcp-server"))
        .args(["call", "get_teams", "limit=1"])
        .env_clear()
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stderr).contains("passed over lines"), "said on standard error");
}
