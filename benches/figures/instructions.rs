//! Counts the instructions of a call with callgrind. Where time is too noisy, these are the same to a thousandth in
//! each run.
//!
//! The cost of a call is the difference between two sessions, one of which makes more calls. The count includes the
//! HTTP client, whose part the bare requests show.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::account::{ASK, Account, Recorded, Session, runtime};
use crate::report::{Figure, Report};
use crate::server::{Process, binary, command};

const SECTION: &str = "Instructions (callgrind)";
const THOUSAND: f64 = 1_000.0;

pub fn measure(report: &mut Report) {
    if !is_available() {
        return;
    }
    let account = Account::start(600, Duration::ZERO);
    report.add(
        SECTION,
        Figure::new("start to answered initialize", "thousand", start(Path::new(&binary()), &account) / THOUSAND),
    );
    for (what, arguments) in [("get_incidents, 1", json!({"limit": 1})), ("get_incidents, 100", json!({}))] {
        let floor = bare(&account, &arguments) / THOUSAND;
        let figure = Figure::new(what, "thousand", call(Path::new(&binary()), &account, &arguments) / THOUSAND);
        report.add(SECTION, figure.floor(floor));
    }
}

/// Returns whether valgrind is installed.
pub fn is_available() -> bool {
    let there = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !there {
        eprintln!("valgrind is not installed: skipping the instruction counts");
    }
    there
}

/// Counts the instructions of a server that is only initialized.
pub fn start(binary: &Path, account: &Account) -> f64 {
    session(binary, account, &json!({}), 0)
}

/// Counts the instructions of one call, without the costs of start-up and of first calls.
pub fn call(binary: &Path, account: &Account, arguments: &Value) -> f64 {
    (session(binary, account, arguments, 25) - session(binary, account, arguments, 5)) / 20.0
}

/// Counts the instructions of a call's bare request.
fn bare(account: &Account, arguments: &Value) -> f64 {
    let request = runtime().block_on(async {
        let mut session = Session::open(account.toolbox()).await;
        session.call("get_incidents", arguments).await;
        account.requests_of(&mut session, "get_incidents", arguments).await.remove(0)
    });
    (bare_session(account, &request, 25) - bare_session(account, &request, 5)) / 20.0
}

fn session(binary: &Path, account: &Account, arguments: &Value, calls: u32) -> f64 {
    count(command("valgrind", account), &[binary.to_str().unwrap()], |server| {
        server.initialize();
        for _ in 0..calls {
            server.call("get_incidents", arguments);
        }
    })
}

fn bare_session(account: &Account, request: &Recorded, calls: u32) -> f64 {
    let this = std::env::current_exe().unwrap();
    let times = calls.to_string();
    let arguments = [this.to_str().unwrap(), ASK, account.url(), request.path(), request.query(), &times];
    count(command("valgrind", account), &arguments, |client| assert!(client.line().contains("done")))
}

/// Counts the instructions of a process while `work` uses it. `CALLGRIND_OUT` keeps the profile of the last one.
fn count(mut valgrind: Command, arguments: &[&str], work: impl FnOnce(&mut Process)) -> f64 {
    let log = crate::report::folder().join("callgrind.log");
    let out = std::env::var("CALLGRIND_OUT").unwrap_or_else(|_| "/dev/null".to_owned());
    valgrind.args([
        "--tool=callgrind",
        &format!("--callgrind-out-file={out}"),
        &format!("--log-file={}", log.display()),
    ]);
    let mut process = Process::start(valgrind.args(arguments));
    work(&mut process);
    process.end();
    let log = std::fs::read_to_string(log).unwrap();
    let collected = log.lines().find_map(|line| line.split_once("Collected :")).expect("callgrind's summary").1;
    collected.trim().parse().unwrap()
}
