//! The installed commands as processes. Linux only, because their costs are read from `/proc`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::account::Account;

/// A process that is used line by line. Dropping it ends the process.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    id: u32,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let (input, output) = (child.stdin.take(), BufReader::with_capacity(1 << 16, child.stdout.take().unwrap()));
        Self { child, input, output, id: 0 }
    }

    pub fn send(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }

    pub fn ask(&mut self, line: &str) -> String {
        self.send(line);
        self.line()
    }

    /// Sends a request and returns the line of its answer. Skips notifications and other lines.
    pub fn answer(&mut self, method: &str, params: &Value) -> String {
        self.id += 1;
        self.send(&message(self.id, method, params));
        let mark = format!("\"id\":{}", self.id);
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "{method}: the process ended");
            if line.contains(&mark) {
                return line;
            }
        }
    }

    /// Sends a request and returns its result, which must be a success.
    pub fn result(&mut self, method: &str, params: &Value) -> Value {
        result(&self.answer(method, params))
    }

    pub fn initialize(&mut self) {
        assert!(self.ask(&initialize()).contains("\"id\":0"));
    }

    /// Calls a tool, which must succeed.
    pub fn call(&mut self, tool: &str, arguments: &Value) {
        self.id += 1;
        let answer = self.ask(&call(self.id, tool, arguments));
        assert!(answer.contains("\"isError\":false"), "{tool}: {answer}");
    }

    /// Makes many calls at once. Writes in one thread while reading in another, since either pipe may fill up.
    pub fn call_at_once(&mut self, count: u32, tool: &str, arguments: &Value) {
        let first = self.id + 1;
        self.id += count;
        let calls: Vec<_> = (first..=self.id).map(|id| call(id, tool, arguments)).collect();
        let input = self.input.as_mut().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || writeln!(input, "{}", calls.join("\n")).unwrap());
            for _ in 0..count {
                let mut line = String::new();
                self.output.read_line(&mut line).unwrap();
                assert!(line.contains("\"isError\":false"), "{tool}: {line}");
            }
        });
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn end(mut self) {
        drop(self.input.take());
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        // Not every process ends with its input.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Returns the result in the line of an answer, which must be a success.
pub fn result(line: &str) -> Value {
    let mut answer: Value = serde_json::from_str(line).unwrap();
    let result = answer["result"].take();
    assert!(result.is_object() && result["isError"] != json!(true), "{line}");
    result
}

/// Returns a line of `/proc/…/status`, in MB.
pub fn memory(process: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// Returns the processor time that a process has taken, in milliseconds. The system counts in steps of ten.
pub fn processor_time(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<f64>().unwrap());
    ticks.sum::<f64>() * 10.0
}

fn message(id: u32, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

pub fn initialize() -> String {
    message(0, "initialize", &client())
}

/// Returns the parameters of `initialize`.
pub fn client() -> Value {
    json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "b", "version": "1"}})
}

pub fn call(id: u32, tool: &str, arguments: &Value) -> String {
    message(id, "tools/call", &json!({"name": tool, "arguments": arguments}))
}

/// Returns the binary to measure: `BINARY`, or that of this build.
pub fn binary() -> String {
    std::env::var("BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_pagerduty-mcp-server").to_owned())
}

/// Returns a command whose environment has nothing but an account.
pub fn command(program: impl AsRef<std::ffi::OsStr>, account: &Account) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("PAGERDUTY_API_HOST", account.url())
        .env("PAGERDUTY_API_TOKEN", pagerduty_mcp_server::sandbox::tokens::USER)
        .current_dir(std::env::temp_dir());
    command
}
