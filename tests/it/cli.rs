//! The command line where it needs the process itself; `tests/python/test_cli.py` has the rest, for both doors.

use std::process::{Command, Stdio};

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
        .env("PAGERDUTY_API_HOST", account.sandbox.url())
        .env("PAGERDUTY_API_TOKEN", tokens::USER)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    while account.sandbox.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["error"]["code"], Code::Cancelled.as_str());
    assert_eq!(output.status.code(), Some(130));
}
