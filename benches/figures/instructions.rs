//! Instructions of a call, by callgrind: where time is too noisy, these are the same to a thousandth on every run.
//!
//! Of two sessions, one with more calls than the other, the difference is what the calls cost. Everything is counted, the
//! HTTP client's part too, which is what the bare requests are for.

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
    if !is_there() {
        return;
    }
    let account = Account::start(600, Duration::ZERO);
    report.add(
        SECTION,
        Figure::of("start to answered initialize", "thousand", start(Path::new(&binary()), &account) / THOUSAND),
    );
    for (what, arguments) in [("get_incidents, 1", json!({"limit": 1})), ("get_incidents, 100", json!({}))] {
        let floor = bare(&account, &arguments) / THOUSAND;
        let figure = Figure::of(what, "thousand", call(Path::new(&binary()), &account, &arguments) / THOUSAND);
        report.add(SECTION, figure.floor(floor));
    }
}

/// Whether there is a valgrind.
pub fn is_there() -> bool {
    let there = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !there {
        eprintln!("no valgrind: instructions are not counted");
    }
    there
}

/// Of a server that is only initialized.
fn start(binary: &Path, account: &Account) -> f64 {
    session(binary, account, &json!({}), 0)
}

/// Of one call, all calls before it being paid for.
pub fn call(binary: &Path, account: &Account, arguments: &Value) -> f64 {
    (session(binary, account, arguments, 25) - session(binary, account, arguments, 5)) / 20.0
}

/// Of the bare request of a call.
fn bare(account: &Account, arguments: &Value) -> f64 {
    let request = runtime().block_on(async {
        let mut session = Session::open(account.toolbox()).await;
        session.call("get_incidents", arguments).await;
        account.requests_of(&mut session, "get_incidents", arguments).await.remove(0)
    });
    (asked(account, &request, 25) - asked(account, &request, 5)) / 20.0
}

fn session(binary: &Path, account: &Account, arguments: &Value, calls: u32) -> f64 {
    counted(command("valgrind", account), &[binary.to_str().unwrap()], |server| {
        server.initialize();
        for _ in 0..calls {
            server.call("get_incidents", arguments);
        }
    })
}

fn asked(account: &Account, request: &Recorded, calls: u32) -> f64 {
    let this = std::env::current_exe().unwrap();
    let times = calls.to_string();
    let arguments = [this.to_str().unwrap(), ASK, account.url(), request.path(), request.query(), &times];
    counted(command("valgrind", account), &arguments, |client| assert!(client.line().contains("done")))
}

/// The instructions of a process that is made to do something. `CALLGRIND_OUT` keeps the profile of the last one.
fn counted(mut valgrind: Command, arguments: &[&str], work: impl FnOnce(&mut Process)) -> f64 {
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
    let said = std::fs::read_to_string(log).unwrap();
    let collected = said.lines().find_map(|line| line.split_once("Collected :")).expect("callgrind's summary").1;
    collected.trim().parse().unwrap()
}
