//! This build and a previous one side by side: `cargo bench -- --against PATH`.
//!
//! Both are processes on the same account, and take turns. The floor of each figure is the previous build, so the ratio
//! shows the progress. Name the file after its commit: the name is the title.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pagerduty_mcp_server::sandbox::tokens;
use serde_json::json;

use crate::account::{Account, Bare, Session, client, runtime};
use crate::functions::CALLS;
use crate::http::{Server, team};
use crate::instructions;
use crate::processes::{start_up, stripped};
use crate::python;
use crate::report::{Figure, Report, Samples};
use crate::server::{Process, binary, command, memory};

/// The previous build and this one.
struct Builds([PathBuf; 2]);

pub fn measure(report: &mut Report, previous: &Path) {
    let builds = Builds([previous.to_owned(), binary().into()]);
    let name = previous.file_stem().unwrap_or_default().to_string_lossy();
    let section: &'static str = String::leak(format!("Compared with `{name}` (the floor)"));
    let account = Account::start(600, Duration::ZERO);
    instructions(report, section, &builds, &account);
    runtime().block_on(async {
        for list in &LISTS {
            own_time(report, section, &builds, list).await;
        }
        over_http(report, section, &builds).await;
    });
    memories(report, section, &builds, &account);
    starts(report, section, &builds, &account);
    awaited(report, section, &builds, &account);
    let [before, after] = builds.0.each_ref().map(|path| stripped(path).metadata().unwrap().len() as f64 / 1e6);
    report.add(section, Figure::new("binary, stripped", "MB", after).floor(before));
}

/// Returns the figure of both builds' samples.
fn compared(what: &str, unit: &'static str, [before, after]: &[Samples; 2]) -> Figure {
    Figure::median(what, unit, after).floor(before.median())
}

fn instructions(report: &mut Report, section: &'static str, builds: &Builds, account: &Account) {
    if !instructions::is_available() {
        return;
    }
    let million = |count: f64| count / 1e6;
    for (what, arguments, most) in [
        ("instructions, 100 incidents over stdio", json!({}), Some(0.4)),
        ("instructions, one incident over stdio", json!({"limit": 1}), None),
    ] {
        let [before, after] = builds.0.each_ref().map(|path| million(instructions::call(path, account, &arguments)));
        let figure = Figure::new(what, "million", after).floor(before);
        report.add(section, if let Some(most) = most { figure.ratio_at_most(most) } else { figure });
    }
    let [before, after] = builds.0.each_ref().map(|path| million(instructions::start(path, account)));
    report.add(section, Figure::new("instructions, start to initialize", "million", after).floor(before));
}

/// A list whose time above its bare requests is measured: its name, the incidents of the account, the `limit`, a budget
/// in tokens, the rounds of its requests, how often it is called, and the target for the ratio.
struct List {
    what: &'static str,
    incidents: usize,
    limit: u32,
    budget: &'static str,
    rounds: &'static [usize],
    times: usize,
    most: f64,
}

const LISTS: [List; 2] = [
    List {
        what: "own time, 100 incidents, 0 ms",
        incidents: 600,
        limit: 100,
        budget: "25000",
        rounds: &[1],
        times: 300,
        most: 0.4,
    },
    List {
        what: "own time, 1,000 incidents, 0 ms",
        incidents: 8_000,
        limit: 1_000,
        budget: "0",
        rounds: &[1, 2, 4, 3],
        times: 100,
        most: 0.45,
    },
];

/// Measures the time of calls over standard input and output on top of their bare requests.
async fn own_time(report: &mut Report, section: &'static str, builds: &Builds, list: &List) {
    const BUDGET: &str = "PAGERDUTY_MAX_RESPONSE_TOKENS";
    let arguments = json!({"limit": list.limit});
    let account = Account::start(list.incidents, Duration::ZERO);
    let mut session = Session::open(account.toolbox_with(|name| (name == BUDGET).then_some(list.budget))).await;
    session.call("get_incidents", &arguments).await;
    let requests = account.requests_of(&mut session, "get_incidents", &arguments).await;
    let bare = Bare::new(account.url());
    let mut servers = builds.0.each_ref().map(|path| {
        let mut server = Process::start(command(path, &account).env(BUDGET, list.budget));
        server.initialize();
        // The first call looks up the user.
        server.call("get_incidents", &arguments);
        server
    });
    let mut own = [Samples::default(), Samples::default()];
    for _ in 0..report.rounds(list.times) {
        for (server, samples) in servers.iter_mut().zip(&mut own) {
            let start = Instant::now();
            bare.replay(&requests, list.rounds, None).await;
            let floor = start.elapsed().as_secs_f64();
            let start = Instant::now();
            server.call("get_incidents", &arguments);
            samples.add((start.elapsed().as_secs_f64() - floor) * 1e3);
        }
    }
    report.add(section, compared(list.what, "ms", &own).ratio_at_most(list.most));
}

/// Measures 50 clients, each of which waits for its answer.
async fn over_http(report: &mut Report, section: &'static str, builds: &Builds) {
    const WHAT: &str = "get_teams over HTTP, 50 clients";
    let account = Account::start(600, Duration::ZERO);
    let servers = builds.0.each_ref().map(|path| Server::start(path, &account));
    let calls = servers.each_ref().map(|server| {
        let [_, call] = team(&account, server, tokens::USER);
        call
    });
    let http = client();
    let times = report.rounds(2_000);
    let [mut rates, mut slowest] = [[Samples::default(), Samples::default()], [Samples::default(), Samples::default()]];
    for call in &calls {
        call.send_all(&http, 50, times / 4, &mut Samples::default()).await;
    }
    for _ in 0..9 {
        for (at, call) in calls.iter().enumerate() {
            let mut each = Samples::default();
            rates[at].add(call.send_all(&http, 50, times, &mut each).await);
            slowest[at].add(each.at(0.99));
        }
    }
    report.add(section, compared(&format!("{WHAT}: calls/s"), "calls/s", &rates).ratio_at_least(1.8));
    report.add(section, compared(&format!("{WHAT}: p99"), "ms", &slowest).ratio_at_most(0.6));
}

fn memories(report: &mut Report, section: &'static str, builds: &Builds, account: &Account) {
    let [mut idle, mut peak] = [[Samples::default(), Samples::default()], [Samples::default(), Samples::default()]];
    for _ in 0..7 {
        for (at, path) in builds.0.iter().enumerate() {
            let mut server = Process::start(&mut command(path, account));
            server.initialize();
            idle[at].add(memory(server.id(), "VmRSS"));
            server.call("get_incidents", &json!({}));
            server.call_at_once(200, "get_incidents", &json!({"limit": 10}));
            peak[at].add(memory(server.id(), "VmHWM"));
        }
    }
    report.add(section, compared("peak memory, 200 calls at once", "MB", &peak).ratio_at_most(0.7));
    report.add(section, compared("idle memory", "MB", &idle).ratio_at_most(1.0));
}

fn starts(report: &mut Report, section: &'static str, builds: &Builds, account: &Account) {
    let mut starts = [Samples::default(), Samples::default()];
    for _ in 0..report.rounds(150) {
        for (path, samples) in builds.0.iter().zip(&mut starts) {
            samples.add_time(start_up(&mut command(path, account)));
        }
    }
    report.add(section, compared("start to initialize", "ms", &starts).ratio_at_most(1.0));
}

/// Measures an awaited list on top of the same build's call over standard input and output. `AGAINST_PYTHON` is a Python
/// with the package of the previous build.
fn awaited(report: &mut Report, section: &'static str, builds: &Builds, account: &Account) {
    let Some(previous) = std::env::var_os("AGAINST_PYTHON").map(PathBuf::from) else { return };
    let Some(environment) = python::environment() else { return };
    let mut pairs = [previous, environment.join("bin/python")].into_iter().zip(&builds.0).map(|(python, native)| {
        let mut server = Process::start(&mut command(native, account));
        server.initialize();
        (Process::start(command(python, account).args(["-c", CALLS])), server)
    });
    let mut pairs: [_; 2] = std::array::from_fn(|_| pairs.next().unwrap());
    let mut own = [Samples::default(), Samples::default()];
    for round in 0..=report.rounds(200) {
        for ((python, server), samples) in pairs.iter_mut().zip(&mut own) {
            let start = Instant::now();
            server.call("get_incidents", &json!({"limit": 100}));
            let native = start.elapsed().as_secs_f64() * 1e3;
            let awaited = python.ask("awaited=100").trim().parse::<f64>().unwrap();
            // The first call looks up the user.
            if round > 0 {
                samples.add(awaited - native);
            }
        }
    }
    report.add(section, compared("Python: awaited list of 100 above native", "ms", &own).ratio_at_most(0.5));
}
