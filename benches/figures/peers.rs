//! Other MCP servers for PagerDuty on the same account, installed from the package index into `target/bench/`.
//!
//! A server that cannot be installed, for example because there is no network or no such Python, is skipped.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::account::{Account, runtime};
use crate::processes::start_up;
use crate::python::succeeds;
use crate::report::{Figure, Report, Samples, folder};
use crate::server::{Process, binary, client, command, memory, result};
use crate::tokens::{count, definitions};

const SECTION: &str = "Other servers (the floor is this one)";

/// A published package, the Python it needs, and how it is started and called.
struct Peer {
    name: &'static str,
    package: &'static str,
    python: &'static str,
    /// The arguments of its Python.
    start: &'static [&'static str],
    /// The tools and arguments for 100 incidents and for one team.
    incidents: (&'static str, &'static str),
    team: (&'static str, &'static str),
}

/// Version 4.0.7 has no setting for the API's address.
const ADDRESSED: &str = "import os, pagerduty
address = property(lambda self: os.environ['PAGERDUTY_API_HOST'], lambda self, value: None)
pagerduty.RestApiV2Client.url = address
from pagerduty_mcp_server.__main__ import main
main()";

const PEERS: [Peer; 2] = [
    Peer {
        name: "4.0.7 (Python)",
        package: "pagerduty-mcp-server==4.0.7",
        python: "3.13",
        start: &["-c", ADDRESSED],
        incidents: ("get_incidents", "limit"),
        team: ("get_teams", "team_id"),
    },
    Peer {
        name: "official 1.1.0",
        package: "pagerduty-mcp==1.1.0",
        python: "3.12",
        start: &["-m", "pagerduty_mcp"],
        incidents: ("list_incidents", "limit"),
        team: ("get_team", "team_id"),
    },
];

pub fn measure(report: &mut Report) {
    let account = Account::start(600, Duration::ZERO);
    let team = runtime().block_on(async {
        let me = account.toolbox().call("build_user_context", serde_json::Map::new()).await.unwrap().into_value();
        me["team_ids"][0].clone()
    });
    let ours =
        Peer { name: "", package: "", python: "", start: &[], incidents: PEERS[0].incidents, team: PEERS[0].team };
    let mut floor = None;
    for peer in &PEERS {
        let Some(environment) = install(peer) else { continue };
        let floor = floor.get_or_insert_with(|| Costs::of(report, &ours, &team, || command(binary(), &account)));
        let costs = Costs::of(report, peer, &team, || {
            let mut command = command(environment.join("bin/python"), &account);
            // The official server's name of the token; a place for their caches.
            command.env("PAGERDUTY_USER_API_KEY", pagerduty_mcp_server::sandbox::tokens::USER);
            command.env("HOME", &environment).args(peer.start);
            command
        });
        costs.add(report, peer.name, floor);
    }
}

/// The costs of a server.
struct Costs {
    start: Samples,
    idle: f64,
    incidents: Samples,
    team: Samples,
    answer: f64,
    definitions: f64,
}

impl Costs {
    fn of(report: &Report, peer: &Peer, team: &Value, start: impl Fn() -> Command) -> Self {
        let mut costs = Self {
            start: Samples::default(),
            idle: 0.0,
            incidents: Samples::default(),
            team: Samples::default(),
            answer: 0.0,
            definitions: 0.0,
        };
        for _ in 0..if report.quick { 2 } else { 8 } {
            costs.start.add_time(start_up(&mut start()));
        }
        let mut server = Process::start(&mut start());
        server.result("initialize", &client());
        server.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        costs.idle = memory(server.id(), "VmRSS");
        costs.definitions = definitions(&server.result("tools/list", &json!({})));
        let mut arguments = json!({});
        arguments[peer.incidents.1] = json!(100);
        let answer = timed(&mut server, peer.incidents.0, &arguments, report.rounds(50), &mut costs.incidents);
        costs.answer = count(answer["content"][0]["text"].as_str().unwrap_or_default());
        let mut arguments = json!({});
        arguments[peer.team.1] = team.clone();
        timed(&mut server, peer.team.0, &arguments, report.rounds(100), &mut costs.team);
        costs
    }

    fn add(&self, report: &mut Report, name: &str, floor: &Self) {
        let times = [
            ("start to answered initialize", &self.start, &floor.start),
            ("100 incidents", &self.incidents, &floor.incidents),
            ("one team", &self.team, &floor.team),
        ];
        for (what, samples, floor) in times {
            report.add(SECTION, Figure::median(format!("{name}: {what}"), "ms", samples).floor(floor.median()));
        }
        let numbers = [
            ("memory, idle after initialize", "MB", self.idle, floor.idle),
            ("tokens of 100 incidents", "", self.answer, floor.answer),
            ("tokens of all definitions", "", self.definitions, floor.definitions),
        ];
        for (what, unit, value, floor) in numbers {
            report.add(SECTION, Figure::new(format!("{name}: {what}"), unit, value).floor(floor));
        }
    }
}

/// Calls a tool many times after one call, and returns the last result.
fn timed(server: &mut Process, tool: &str, arguments: &Value, times: usize, samples: &mut Samples) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    let mut answer = server.answer("tools/call", &params);
    for _ in 0..times {
        let begun = Instant::now();
        answer = server.answer("tools/call", &params);
        samples.add_time(begun.elapsed());
    }
    result(&answer)
}

/// Installs a peer into a separate environment.
fn install(peer: &Peer) -> Option<PathBuf> {
    let environment = folder().join("peers").join(peer.package);
    if environment.join("installed").exists() {
        return Some(environment);
    }
    let create = |python: &Path| {
        succeeds(Command::new("uv").args(["venv", "--quiet", "--clear", "--python"]).arg(python).arg(&environment))
    };
    let mut install = Command::new("uv");
    install.args(["pip", "install", "--quiet", "--compile-bytecode", "--python"]);
    install.arg(environment.join("bin/python")).arg(peer.package);
    let mut pythons = pyenv(peer.python).into_iter().chain([peer.python.into()]);
    if pythons.any(|python| create(&python)) && succeeds(&mut install) {
        std::fs::write(environment.join("installed"), "").unwrap();
        return Some(environment);
    }
    eprintln!("cannot install {} with Python {}: skipping it", peer.package, peer.python);
    None
}

/// Returns an interpreter of pyenv, which uv does not find behind its shims.
fn pyenv(version: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir(std::env::home_dir()?.join(".pyenv/versions")).ok()?;
    let mut found = versions.filter_map(|entry| Some(entry.ok()?.path()));
    let starts = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(version));
    found.find(starts).map(|path| path.join("bin/python"))
}
