//! Instructions of a call, by callgrind: where time is too noisy, these are the same to a thousandth on every run.
//!
//! Of two sessions, one with more calls than the other, the difference is what the calls cost. Everything is counted, the
//! HTTP client's part too.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::account::Account;
use crate::processes::{call, environment, initialize};
use crate::report::Report;

pub fn measure(report: &mut Report) {
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("no valgrind: instructions are not counted");
        return;
    }
    let account = Account::start(600, Duration::ZERO);
    for (what, arguments) in [("get_incidents, 100", json!({})), ("get_incidents, 1", json!({"limit": 1}))] {
        let (few, many) = (count(&account, &arguments, 5), count(&account, &arguments, 25));
        report.add("Instructions (callgrind)", what, "thousand", (many - few) / 20.0 / 1_000.0, None, None);
    }
}

/// The instructions of a session with so many calls, one after another.
fn count(account: &Account, arguments: &Value, calls: u32) -> f64 {
    let binary = std::env::var("BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_pagerduty-mcp-server").to_owned());
    let mut command = Command::new("valgrind");
    environment(&mut command, account);
    let out = std::env::var("CALLGRIND_OUT").unwrap_or_else(|_| "/dev/null".to_owned());
    command.args(["--tool=callgrind", &format!("--callgrind-out-file={out}"), &binary]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    for message in std::iter::once(initialize()).chain((1..=calls).map(|id| call(id, "get_incidents", arguments))) {
        writeln!(input, "{message}").unwrap();
        std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    }
    drop(input);
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    let collected = said.lines().find_map(|line| line.split_once("Collected :")).expect("callgrind's summary").1;
    collected.trim().parse().unwrap()
}
