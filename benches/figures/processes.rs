//! The installed commands from outside: their size, start-up time, memory and processor time.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::account::{ASK, Account, Session, runtime};
use crate::python;
use crate::report::{Figure, Report, Samples, folder};
use crate::server::{Process, binary, command, initialize, memory, processor_time};

const SECTION: &str = "Start-up, memory and processor time";

const MEGABYTE: f64 = 1_000_000.0;

/// Measures the size of the binary and of the wheel.
pub fn sizes(report: &mut Report) {
    const SECTION: &str = "Size";
    let size = stripped(Path::new(&binary())).metadata().unwrap().len() as f64 / MEGABYTE;
    report.add(SECTION, Figure::new("native binary, stripped", "MB", size).at_most(9.0));
    if let Some(wheel) = python::wheel() {
        let size = wheel.metadata().unwrap().len() as f64 / MEGABYTE;
        report.add(SECTION, Figure::new("wheel", "MB", size).at_most(6.0));
    }
}

/// Returns the binary without symbols, as the profile `dist` leaves it. Other profiles may keep them.
pub fn stripped(binary: &Path) -> PathBuf {
    let stripped = folder().join("stripped");
    std::fs::copy(binary, &stripped).unwrap();
    Command::new("strip").arg(&stripped).status().expect("strip is installed");
    stripped
}

/// Returns the time from before the process starts until it has answered.
pub fn start_up(command: &mut Command) -> Duration {
    let start = Instant::now();
    let mut server = Process::start(command);
    // A process that echoes its input passes, too: it is the floor.
    assert!(server.ask(&initialize()).contains("\"id\":0"));
    let took = start.elapsed();
    server.end();
    took
}

/// Measures the start-up of a command and of its floor alternately.
fn start_ups(rounds: usize, floor: impl Fn() -> Command, measured: impl Fn() -> Command) -> [Samples; 2] {
    let [mut floors, mut starts] = [Samples::default(), Samples::default()];
    for _ in 0..rounds {
        floors.add_time(start_up(&mut floor()));
        starts.add_time(start_up(&mut measured()));
    }
    [floors, starts]
}

pub fn measure(report: &mut Report) {
    let account = Account::start(600, Duration::ZERO);
    let native = || command(binary(), &account);
    let [floor, took] = start_ups(report.rounds(100), || command("cat", &account), native);
    report.add(
        SECTION,
        Figure::median("native: start to answered initialize (floor: `cat`)", "ms", &took)
            .floor(floor.median())
            .at_most(3.0),
    );
    resident(report, "native", &mut native(), 12.0);
    processor_times(report, &account);
    let Some(python) = python::environment() else { return };
    let interpreter = || {
        let mut command = command(python.join("bin/python"), &account);
        command.args(["-c", "print(input(), flush=True)"]);
        command
    };
    let installed = || command(python.join("bin/pagerduty-mcp-server"), &account);
    let [floor, took] = start_ups(report.rounds(50), interpreter, installed);
    report.add(
        SECTION,
        Figure::median("Python: start to answered initialize (floor: an interpreter that echoes)", "ms", &took)
            .floor(floor.median())
            .at_most(40.0),
    );
    resident(report, "Python", &mut installed(), 25.0);
}

fn resident(report: &mut Report, what: &str, command: &mut Command, target: f64) {
    let mut server = Process::start(command);
    server.initialize();
    let mut add = |what: String, server: &Process, name: &str, target: Option<f64>| {
        let figure = Figure::new(what, "MB", memory(server.id(), name));
        report.add(SECTION, if let Some(target) = target { figure.at_most(target) } else { figure });
    };
    add(format!("{what}: memory, idle after initialize"), &server, "VmRSS", Some(target));
    server.ask(r#"{"jsonrpc": "2.0", "id": "tools", "method": "tools/list"}"#);
    server.call("get_incidents", &json!({}));
    add(format!("{what}: memory after listing tools and 100 incidents"), &server, "VmRSS", None);
    server.call_at_once(200, "get_incidents", &json!({"limit": 10}));
    add(format!("{what}: peak memory of 200 calls at once"), &server, "VmHWM", None);
    server.call("get_incidents", &json!({"limit": 1_000}));
    add(format!("{what}: peak memory after a long list besides"), &server, "VmHWM", None);
}

/// Measures the processor time of the server, and that of a client that only requests and reads.
fn processor_times(report: &mut Report, account: &Account) {
    let calls = if report.quick { 50 } else { 200 };
    let request = runtime().block_on(async {
        let mut session = Session::open(account.toolbox()).await;
        session.call("get_incidents", &json!({})).await;
        account.requests_of(&mut session, "get_incidents", &json!({})).await.remove(0)
    });
    let (mut floors, mut taken) = (Samples::default(), Samples::default());
    for _ in 0..5 {
        let mut bare = Command::new(std::env::current_exe().unwrap());
        bare.args([ASK, account.url(), request.path(), request.query(), &calls.to_string()]);
        let mut bare = Process::start(&mut bare);
        bare.line();
        floors.add(processor_time(bare.id()) / f64::from(calls));
        let mut server = Process::start(&mut command(binary(), account));
        server.initialize();
        server.call("get_incidents", &json!({}));
        let before = processor_time(server.id());
        for _ in 0..calls {
            server.call("get_incidents", &json!({}));
        }
        taken.add((processor_time(server.id()) - before) / f64::from(calls));
    }
    let figure = Figure::median("native: processor time of a list of 100 incidents", "ms", &taken);
    report.add(SECTION, figure.floor(floors.median()));
}
