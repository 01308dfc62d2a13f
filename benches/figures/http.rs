//! The load that one instance carries over HTTP.
//!
//! The account, the server and the clients are three processes on this machine, so the figures are those of all three
//! on its cores. Each client waits for its answer before it sends the next request.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use pagerduty_mcp_server::sandbox::tokens;
use serde_json::{Value, json};

use crate::account::{Account, client, runtime};
use crate::report::{Figure, Report, Samples};
use crate::server::{binary, call, command, memory, processor_time};

const SECTION: &str = "Over HTTP";

/// A server. Dropping it ends the process.
pub struct Server {
    child: Child,
    url: String,
}

impl Server {
    pub fn start(binary: impl AsRef<OsStr>, account: &Account) -> Self {
        let mut command: Command = command(binary, account);
        command.env_remove("PAGERDUTY_API_TOKEN");
        command.args(["--transport", "http", "--port", "0", "--max-calls-per-credential", "1024"]);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut output, mut line) = (BufReader::new(child.stderr.take().unwrap()), String::new());
        output.read_line(&mut line).unwrap();
        // The rest of the output is not needed, but must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).expect("the line with the URL");
        Self { child, url: url.trim_end_matches('.').to_owned() }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns a call of a tool with this credential.
    pub fn call(&self, token: &str, tool: &str, arguments: &Value) -> Request {
        Request::Server { url: self.url.clone(), token: token.to_owned(), body: call(1, tool, arguments) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The request that is repeated.
pub enum Request {
    /// Sends this message to the server.
    Server { url: String, token: String, body: String },
    /// Sends the same request to the account behind the server.
    Account { url: String, token: String },
}

impl Request {
    pub async fn send(&self, http: &reqwest::Client) -> Duration {
        let begun = Instant::now();
        let request = match self {
            Request::Server { url, token, body } => http
                .post(url)
                .header("X-PagerDuty-Token", token)
                .header("Accept", "application/json, text/event-stream")
                .header("Content-Type", "application/json")
                .body(body.clone()),
            Request::Account { url, token } => http.get(url).header("Authorization", format!("Token token={token}")),
        };
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let body = answer.bytes().await.unwrap();
        assert!(!body.is_empty() && !body.windows(16).any(|part| part == b"\"isError\":true}}"), "a call failed");
        begun.elapsed()
    }

    /// Sends a request many times from so many clients. Returns the requests per second, and adds the duration of each.
    pub async fn send_all(&self, http: &reqwest::Client, clients: usize, times: usize, each: &mut Samples) -> f64 {
        send_all(std::slice::from_ref(self), http, clients, times, each).await
    }
}

/// Sends requests in turn, so many in total, from so many clients.
pub async fn send_all(
    requests: &[Request],
    http: &reqwest::Client,
    clients: usize,
    times: usize,
    each: &mut Samples,
) -> f64 {
    let begun = Instant::now();
    let sent = requests.iter().cycle().take(times).map(|request| request.send(http));
    let all: Vec<_> = stream::iter(sent).buffer_unordered(clients).collect().await;
    let rate = times as f64 / begun.elapsed().as_secs_f64();
    for time in all {
        each.add_time(time);
    }
    rate
}

pub fn measure(report: &mut Report) {
    runtime().block_on(async {
        carried(report).await;
        far(report).await;
        remembered(report).await;
    });
}

const TEAM: &str = "get_teams, one team";

/// Returns the call of one team, and its bare request before it.
pub fn team(account: &Account, server: &Server, token: &str) -> [Request; 2] {
    let url = format!("{}/teams?limit=1&offset=0", account.url());
    let bare = Request::Account { url, token: token.to_owned() };
    [bare, server.call(token, "get_teams", &json!({"limit": 1}))]
}

/// Measures calls per second and latencies by the number of clients.
async fn carried(report: &mut Report) {
    let account = Account::start(600, Duration::ZERO);
    let server = Server::start(binary(), &account);
    let http = client();
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.to_owned();
    let ping = Request::Server { url: server.url.clone(), token: tokens::USER.to_owned(), body };
    report.add(SECTION, Figure::new("memory at rest", "MB", memory(server.id(), "VmRSS")));
    let [bare, team] = team(&account, &server, tokens::USER);
    for clients in [1, 50, 500] {
        for (what, floor, asked) in [("ping", None, &ping), (TEAM, Some(&bare), &team)] {
            let [mut floors, mut rates] = [Samples::default(), Samples::default()];
            let (mut each, mut unused) = (Samples::default(), Samples::default());
            let times = report.rounds(2_000).max(clients * 2);
            asked.send_all(&http, clients, times / 4, &mut Samples::default()).await;
            for _ in 0..5 {
                if let Some(floor) = floor {
                    floors.add(floor.send_all(&http, clients, times, &mut unused).await);
                }
                rates.add(asked.send_all(&http, clients, times, &mut each).await);
            }
            let name = format!("{what}, {clients} at a time");
            let figure = Figure::median(&name, "calls/s", &rates);
            report.add(SECTION, if floor.is_some() { figure.floor(floors.median()) } else { figure });
            let figure = Figure::median(format!("{name}: how long each"), "ms", &each);
            report.add(SECTION, if floor.is_some() { figure.floor(unused.median()) } else { figure });
            report.add(SECTION, Figure::new(format!("{name}: the slowest hundredth"), "ms", each.at(0.99)));
        }
    }
    let hundred = server.call(tokens::USER, "get_incidents", &json!({}));
    let (mut each, calls) = (Samples::default(), report.rounds(300));
    hundred.send(&http).await;
    let before = processor_time(server.id());
    hundred.send_all(&http, 1, calls, &mut each).await;
    let took = (processor_time(server.id()) - before) / calls as f64;
    report.add(SECTION, Figure::median("100 incidents, one at a time", "ms", &each));
    report.add(SECTION, Figure::new("100 incidents: processor time of the server", "ms", took));
}

/// Measures 200 calls at once where each request takes 50 ms.
async fn far(report: &mut Report) {
    let account = Account::start(600, Duration::from_millis(50));
    let server = Server::start(binary(), &account);
    let http = client();
    let [bare, team] = team(&account, &server, tokens::USER);
    let [mut floors, mut rates] = [Samples::default(), Samples::default()];
    team.send_all(&http, 200, 200, &mut Samples::default()).await;
    for _ in 0..5 {
        floors.add(bare.send_all(&http, 200, report.rounds(2_000), &mut Samples::default()).await);
        rates.add(team.send_all(&http, 200, report.rounds(2_000), &mut Samples::default()).await);
    }
    let figure = Figure::median(format!("{TEAM}, 200 at a time, at 50 ms a request"), "calls/s", &rates);
    report.add(SECTION, figure.floor(floors.median()).at_least(1_500.0));
}

/// Measures whether memory grows with the number of calls.
async fn remembered(report: &mut Report) {
    let account = Account::start(600, Duration::ZERO);
    let server = Server::start(binary(), &account);
    let http = client();
    let [_, team] = team(&account, &server, tokens::USER);
    let calls = report.rounds(20_000);
    team.send_all(&http, 50, calls / 4, &mut Samples::default()).await;
    let before = memory(server.id(), "VmRSS");
    team.send_all(&http, 50, calls, &mut Samples::default()).await;
    let more = memory(server.id(), "VmRSS") - before;
    report.add(SECTION, Figure::new(format!("memory more after {calls} further calls"), "MB", more).above(before));
}
