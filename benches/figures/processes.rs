//! The installed commands as processes: start-up and memory. Linux only, where `/proc` says how much memory a process has.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::account::Account;
use crate::report::{Report, Target, median, milliseconds};

const NATIVE: &str = env!("CARGO_BIN_EXE_pagerduty-mcp-server");

/// A server in a process of its own.
struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Server {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command starts");
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        answer
    }

    /// A line of `/proc/…/status`, in MB.
    fn memory(&self, name: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    fn end(mut self) {
        drop(self.input);
        self.child.wait().unwrap();
    }
}

fn message(id: u32, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

pub fn initialize() -> String {
    let params =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "b", "version": "1"}});
    message(0, "initialize", &params)
}

pub fn call(id: u32, tool: &str, arguments: &Value) -> String {
    message(id, "tools/call", &json!({"name": tool, "arguments": arguments}))
}

/// From before the process exists to the answer of `initialize`.
fn start_up(command: impl Fn() -> Command, rounds: usize) -> f64 {
    let one = |_| {
        let start = Instant::now();
        let mut server = Server::start(&mut command());
        assert!(server.ask(&initialize()).contains("\"id\":0"));
        let took = start.elapsed();
        server.end();
        took
    };
    milliseconds(median((0..rounds).map(one).collect()))
}

pub fn environment(command: &mut Command, account: &Account) {
    command
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("PAGERDUTY_API_HOST", account.sandbox.url())
        .env("PAGERDUTY_API_TOKEN", pagerduty_mcp_server::sandbox::tokens::USER)
        .current_dir(std::env::temp_dir());
}

/// The Python that has the package: `PYTHON`, or that of the project's own environment.
fn python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    let python = std::env::var_os("PYTHON").map_or(own, PathBuf::from);
    let has = Command::new(&python).args(["-c", "import pagerduty_mcp_server"]).stderr(Stdio::null()).status();
    has.is_ok_and(|status| status.success()).then_some(python)
}

pub fn measure(report: &mut Report) {
    const SECTION: &str = "Start-up and memory";
    let account = Account::start(600, Duration::ZERO);
    let native = || {
        let mut command = Command::new(NATIVE);
        environment(&mut command, &account);
        command
    };
    let echo = start_up(
        || {
            let mut command = Command::new("cat");
            environment(&mut command, &account);
            command
        },
        60,
    );
    report.add(
        SECTION,
        "native: start to answered initialize (floor: cat)",
        "ms",
        start_up(native, 60),
        Some(echo),
        Some(Target::AtMost(3.0)),
    );
    memory(report, SECTION, "native", &mut native(), 12.0);
    match python() {
        None => eprintln!("no Python with the package (PYTHON, or .venv): Python is not measured"),
        Some(python) => {
            let with = |arguments: &[&str]| {
                let mut command = Command::new(&python);
                command.args(arguments);
                environment(&mut command, &account);
                command
            };
            let bare = start_up(|| with(&["-c", "print(input(), flush=True)"]), 30);
            let module = || with(&["-m", "pagerduty_mcp_server"]);
            let took = start_up(module, 30);
            report.add(
                SECTION,
                "Python: start to answered initialize (floor: an interpreter that echoes)",
                "ms",
                took,
                Some(bare),
                Some(Target::AtMost(40.0)),
            );
            memory(report, SECTION, "Python", &mut module(), 25.0);
            functions(report, &mut with(&["-c", FUNCTION]));
        }
    }
}

fn memory(report: &mut Report, section: &'static str, what: &str, command: &mut Command, target: f64) {
    let mut server = Server::start(command);
    server.ask(&initialize());
    report.add(
        section,
        format!("{what}: memory, idle after initialize"),
        "MB",
        server.memory("VmRSS"),
        None,
        Some(Target::AtMost(target)),
    );
    server.ask(&message(1, "tools/list", &json!({})));
    server.ask(&call(2, "get_incidents", &json!({})));
    report.add(
        section,
        format!("{what}: memory after listing tools and 100 incidents"),
        "MB",
        server.memory("VmRSS"),
        None,
        None,
    );
    let arguments = json!({"limit": 10});
    let calls: Vec<_> = (10..210).map(|id| call(id, "get_incidents", &arguments)).collect();
    // One writes while the other reads: neither side may be full.
    std::thread::scope(|scope| {
        let input = &mut server.input;
        scope.spawn(move || writeln!(input, "{}", calls.join("\n")).unwrap());
        for _ in 0..200 {
            server.output.read_line(&mut String::new()).unwrap();
        }
    });
    report.add(section, format!("{what}: peak memory of 200 calls at once"), "MB", server.memory("VmHWM"), None, None);
    server.end();
}

/// The median of a call from Python, in milliseconds.
const FUNCTION: &str = "
import asyncio, time
from pagerduty_mcp_server import mcp
async def main():
    for arguments in ({'limit': 1}, {'limit': 100}):
        await mcp.call_tool('get_incidents', arguments)
        times = []
        for _ in range(100):
            start = time.perf_counter()
            await mcp.call_tool('get_incidents', arguments)
            times.append(time.perf_counter() - start)
        print(sorted(times)[50] * 1000)
asyncio.run(main())
";

fn functions(report: &mut Report, command: &mut Command) {
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    for (what, took) in ["1 incident", "100 incidents"].iter().zip(output.lines()) {
        let what = format!("call_tool(\"get_incidents\"): {what}");
        report.add("Python functions", what, "ms", took.parse().unwrap(), None, None);
    }
}
