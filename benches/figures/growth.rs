//! Loads that grow with the product and its use: every toolset, long streams, many credentials.

use std::path::Path;
use std::time::{Duration, Instant};

use pagerduty_mcp_server::sandbox::tokens;
use pagerduty_mcp_server::tools::SETS;
use serde_json::{Map, json};

use crate::account::{Account, Bare, client, runtime};
use crate::http::{Request, Server, send_all, team};
use crate::python;
use crate::report::{Figure, Report, Samples};
use crate::server::{Process, binary, client as client_info, command, memory, result};
use crate::tokens::definitions;

const SECTION: &str = "Growth";

pub fn measure(report: &mut Report) {
    let account = Account::start(600, Duration::ZERO);
    list_tools(report, SECTION, Path::new(&binary()), &account, &[]);
    runtime().block_on(many_credentials(report));
    if let Some(environment) = python::environment() {
        stream(report, &environment.join("bin/python"));
    }
}

/// Measures `tools/list` of a binary with every toolset on: those of this build, and `more`.
pub fn list_tools(report: &mut Report, section: &'static str, binary: &Path, account: &Account, more: &[&str]) {
    let names: Vec<_> = SETS.iter().map(|set| set.name).chain(more.iter().copied()).collect();
    let mut server = Process::start(command(binary, account).args(["--toolsets", &names.join(",")]));
    server.result("initialize", &client_info());
    let mut samples = Samples::default();
    let mut line = String::new();
    for round in 0..=report.rounds(200) {
        let begun = Instant::now();
        line = server.answer("tools/list", &json!({}));
        if round > 0 {
            samples.add_time(begun.elapsed());
        }
    }
    let answer = result(&line);
    let what = format!("tools/list with every toolset, {} tools", answer["tools"].as_array().unwrap().len());
    report.add(section, Figure::median(&what, "ms", &samples));
    report.add(section, Figure::new(format!("{what}: size"), "kB", line.len() as f64 / 1e3));
    report.add(section, Figure::new(format!("{what}: tokens of the definitions"), "", definitions(&answer)));
    report.add(section, Figure::new(format!("{what}: memory afterwards"), "MB", memory(server.id(), "VmRSS")));
}

/// Measures 500 clients with 50 credentials. Each credential has its own cache, rate limit and connections.
async fn many_credentials(report: &mut Report) {
    const CLIENTS: usize = 500;
    const CREDENTIALS: usize = 50;
    let account = Account::start(600, Duration::ZERO);
    let arguments =
        Map::from_iter([("current_user_context".to_owned(), json!(false)), ("query".to_owned(), json!("a"))]);
    let users = account.toolbox().call("get_users", arguments).await.unwrap().into_value();
    let users = users["users"].as_array().unwrap().iter().take(CREDENTIALS);
    let keys: Vec<_> = users.map(|user| tokens::of_user(user["id"].as_str().unwrap())).collect();
    assert_eq!(keys.len(), CREDENTIALS, "the account has enough users");
    let server = Server::start(binary(), &account);
    let http = client();
    let (bares, calls): (Vec<Request>, Vec<Request>) =
        keys.iter().map(|key| team(&account, &server, key).into()).unzip();
    let times = report.rounds(5_000).max(CLIENTS * 2);
    send_all(&calls, &http, CLIENTS, times / 4, &mut Samples::default()).await;
    let [mut floors, mut rates] = [Samples::default(), Samples::default()];
    let [mut each, mut unused] = [Samples::default(), Samples::default()];
    for _ in 0..5 {
        floors.add(send_all(&bares, &http, CLIENTS, times, &mut unused).await);
        rates.add(send_all(&calls, &http, CLIENTS, times, &mut each).await);
    }
    let what = "get_teams over HTTP, 500 clients with 50 credentials";
    report.add(SECTION, Figure::median(format!("{what}: calls/s"), "calls/s", &rates).floor(floors.median()));
    report.add(SECTION, Figure::new(format!("{what}: p99"), "ms", each.at(0.99)).floor(unused.at(0.99)));
    report.add(SECTION, Figure::new(format!("{what}: peak memory"), "MB", memory(server.id(), "VmHWM")));
}

/// A Python script that reads all incidents of the teams in a line, and prints how many there were, how many
/// milliseconds it took, and how much memory it used more at its peak.
const STREAM: &str = "
import asyncio, json, sys, time
from pagerduty_mcp_server import PagerDuty

def peak():
    with open('/proc/self/status') as status:
        return next(int(line.split()[1]) for line in status if line.startswith('VmHWM')) / 1024

async def read(arguments):
    rows = 0
    async with PagerDuty() as pd:
        async for incident in pd.iter_incidents(**arguments):
            rows += 1
    return rows

for line in sys.stdin:
    before, start = peak(), time.perf_counter()
    rows = asyncio.run(read(json.loads(line)))
    print(json.dumps([rows, (time.perf_counter() - start) * 1e3, peak() - before]), flush=True)
";

/// Measures 10,000 rows that a Python program reads one by one.
fn stream(report: &mut Report, python: &Path) {
    const ROWS: usize = 10_000;
    let account = Account::start(ROWS + ROWS / 20, Duration::ZERO);
    let runtime = runtime();
    let arguments = runtime.block_on(async {
        let teams = account.toolbox().call("get_teams", Map::new()).await.unwrap().into_value();
        let ids: Vec<_> = teams["teams"].as_array().unwrap().iter().map(|team| team["id"].clone()).collect();
        let since = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * 62);
        json!({"current_user_context": false, "team_ids": ids, "since": since.to_string()})
    });
    let mut program = Process::start(command(python, &account).args(["-c", STREAM]));
    let bare = Bare::new(account.url());
    let [mut floors, mut times] = [Samples::default(), Samples::default()];
    let mut grown = 0.0_f64;
    for round in 0..=if report.quick { 2 } else { 7 } {
        runtime.block_on(account.forget_requests());
        let measured: [f64; 3] = serde_json::from_str(&program.ask(&arguments.to_string())).unwrap();
        assert!((measured[0] - ROWS as f64).abs() < 0.5, "all rows that PagerDuty returns");
        grown = grown.max(measured[2]);
        let requests = runtime.block_on(account.requests());
        let start = Instant::now();
        runtime.block_on(bare.replay(&requests, &vec![1; requests.len()], None));
        if round > 0 {
            floors.add_time(start.elapsed());
            times.add(measured[1]);
        }
    }
    let what = "10,000 incidents, one by one, in Python";
    report.add(SECTION, Figure::median(what, "ms", &times).floor(floors.median()));
    report.add(SECTION, Figure::new(format!("{what}: memory more at the peak"), "MB", grown));
}
