//! The cost of calls from Python: importing the package, and each function compared with the same call in Rust.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::account::{Account, Session, runtime};
use crate::python;
use crate::report::{Figure, Report, Samples};
use crate::server::{Process, command};

const SECTION: &str = "Python functions";

/// A Python script that makes a call for each line of input, and prints how many milliseconds it took.
pub const CALLS: &str = "
import asyncio, sys, time
from pagerduty_mcp_server import PagerDuty, SyncPagerDuty

loop = asyncio.new_event_loop()
blocking, awaited = SyncPagerDuty(), PagerDuty()

async def many(count):
    await asyncio.gather(*(awaited.get_teams(limit=1) for _ in range(count)))

ways = {
    'blocking': lambda limit: blocking.get_incidents(limit=limit),
    'awaited': lambda limit: loop.run_until_complete(awaited.get_incidents(limit=limit)),
    'at once': lambda count: loop.run_until_complete(many(count)),
}
for line in sys.stdin:
    way, number = line.rstrip().split('=')
    start = time.perf_counter()
    ways[way](int(number))
    print((time.perf_counter() - start) * 1e3, flush=True)
";

pub fn measure(report: &mut Report) {
    let Some(environment) = python::environment() else { return };
    let interpreter = environment.join("bin/python");
    let account = Account::start(600, Duration::ZERO);
    importing(report, || command(&interpreter, &account));
    let mut calls = Process::start(command(&interpreter, &account).args(["-c", CALLS]));
    let mut call = |way: &str| calls.ask(way).trim().parse::<f64>().unwrap();
    let mut session = runtime_session(&account);
    for limit in [1, 100] {
        let [mut native, mut blocking, mut awaited] = [Samples::default(), Samples::default(), Samples::default()];
        for round in 0..=report.rounds(200) {
            let [one, two, three] =
                [session.call(limit), call(&format!("blocking={limit}")), call(&format!("awaited={limit}"))];
            // The first call looks up the user.
            if round > 0 {
                native.add(one);
                blocking.add(two);
                awaited.add(three);
            }
        }
        for (what, samples) in
            [("SyncPagerDuty().get_incidents", blocking), ("await PagerDuty().get_incidents", awaited)]
        {
            let what = format!("`{what}(limit={limit})` on top of the native call (the floor)");
            report.add(SECTION, Figure::median(what, "ms", &samples.over(&native)).above(native.median()));
        }
    }
    let mut many = Samples::default();
    for _ in 0..report.rounds(20) {
        many.add(1e6 / call("at once=1000"));
    }
    report.add(SECTION, Figure::median("1,000 awaits at once", "calls/s", &many));
}

fn importing(report: &mut Report, python: impl Fn() -> std::process::Command) {
    let run = |code: &str| {
        let start = Instant::now();
        assert!(python().args(["-c", code]).status().unwrap().success());
        start.elapsed()
    };
    let [mut bare, mut ours] = [Samples::default(), Samples::default()];
    for _ in 0..report.rounds(50) {
        bare.add_time(run("pass"));
        ours.add_time(run("import pagerduty_mcp_server"));
    }
    let what = "`import pagerduty_mcp_server` on top of the interpreter (the floor)";
    report.add(SECTION, Figure::median(what, "ms", &ours.over(&bare)).above(bare.median()));
}

/// A session in this process that can be called from outside its runtime.
struct Native {
    runtime: tokio::runtime::Runtime,
    session: Session,
}

fn runtime_session(account: &Account) -> Native {
    let runtime = runtime();
    let session = runtime.block_on(Session::open(account.toolbox()));
    Native { runtime, session }
}

impl Native {
    fn call(&mut self, limit: u32) -> f64 {
        let start = Instant::now();
        self.runtime.block_on(self.session.call("get_incidents", &json!({ "limit": limit })));
        start.elapsed().as_secs_f64() * 1_000.0
    }
}
