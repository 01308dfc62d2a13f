//! What one instance carries over HTTP: `cargo bench --bench http [CALLS]`.
//!
//! Three processes on this machine: the embedded account, the server, and this driver, which keeps a number of clients busy
//! that each wait for their answer before they ask again. So the figures are those of all three on these cores, and a lower
//! bound for the server on cores of its own. Prints calls per second, latencies and the server's memory; measures, judges
//! nothing.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::indexing_slicing)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};

const BINARY: &str = env!("CARGO_BIN_EXE_pagerduty-mcp-server");
const CLIENTS: [usize; 3] = [1, 50, 500];

/// A process that ends with the benchmark, and a word of its first line that begins with `prefix`.
struct Process(Child);

impl Process {
    fn start(command: &mut Command, error: bool) -> (Self, String) {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let line =
            if error { first_line(child.stderr.take().unwrap()) } else { first_line(child.stdout.take().unwrap()) };
        let url =
            line.split([' ', '=']).find(|word| word.starts_with("http://")).expect("it says where it is").to_owned();
        (Self(child), url.trim_end().trim_end_matches('.').to_owned())
    }

    /// Resident memory in kilobytes, where the system tells.
    fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn first_line(output: impl std::io::Read + Send + 'static) -> String {
    let mut lines = BufReader::new(output);
    let mut line = String::new();
    lines.read_line(&mut line).expect("it says something");
    // What else it says is of no interest, and must not fill the pipe.
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    line
}

struct Target {
    http: reqwest::Client,
    url: String,
    body: String,
}

impl Target {
    async fn call(&self) -> Duration {
        let begun = Instant::now();
        let request = self.http.post(&self.url).header("X-PagerDuty-Token", "sandbox-user");
        let request = request.header("Accept", "application/json, text/event-stream");
        let answer = request.header("Content-Type", "application/json").body(self.body.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let body = answer.bytes().await.unwrap();
        assert!(!body.is_empty() && !body.windows(16).any(|part| part == b"\"isError\":true}}"), "a call failed");
        begun.elapsed()
    }

    /// Calls by so many clients at a time: the time in all, and each call's, sorted.
    async fn run(&self, clients: usize, calls: usize) -> (Duration, Vec<Duration>) {
        let begun = Instant::now();
        let mut times: Vec<_> = stream::iter(0..calls).map(|_| self.call()).buffer_unordered(clients).collect().await;
        let elapsed = begun.elapsed();
        times.sort_unstable();
        (elapsed, times)
    }
}

#[tokio::main]
async fn main() {
    let calls = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(100_000_usize);
    let (_sandbox, account) =
        Process::start(Command::new(BINARY).args(["sandbox", "--rate-limit", &u32::MAX.to_string()]), false);
    let mut command = Command::new(BINARY);
    command.args(["--transport", "http", "--port", "0", "--max-calls-per-credential", "1024"]);
    let (server, url) = Process::start(command.env("PAGERDUTY_API_HOST", account), true);
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let message =
        |method: &str, params: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    println!("memory at rest: {} kB", server.memory().unwrap_or_default());
    println!("{:<12} {:>8} {:>8} {:>12} {:>10} {:>10}", "call", "clients", "calls", "calls/s", "p50 ms", "p99 ms");
    for (name, body) in [
        ("ping", message("ping", "{}")),
        ("get_teams", message("tools/call", r#"{"name":"get_teams","arguments":{"limit":1}}"#)),
    ] {
        let target = Target { http: http.clone(), url: url.clone(), body };
        for clients in CLIENTS {
            target.run(clients, clients * 4).await;
            let count = (calls / 10).max(clients);
            let (elapsed, times) = target.run(clients, count).await;
            let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
            let rate = f64::from(u32::try_from(times.len()).unwrap()) / elapsed.as_secs_f64();
            println!("{name:<12} {clients:>8} {count:>8} {rate:>12.0} {:>10.2} {:>10.2}", at(50), at(99));
        }
    }
    let target = Target { http, url, body: message("tools/call", r#"{"name":"get_teams","arguments":{"limit":1}}"#) };
    println!("memory before: {} kB", server.memory().unwrap_or_default());
    for tenth in 1..=10 {
        target.run(50, calls / 10).await;
        println!("memory after {} calls: {} kB", tenth * (calls / 10), server.memory().unwrap_or_default());
    }
}
