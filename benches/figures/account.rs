//! The embedded account in a separate process, a session with the server, and the bare requests of a call.
//!
//! The account is another process of this program, so that its processor time and memory are not part of the
//! measurement.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pagerduty_mcp_server::config::{Config, Host};
use pagerduty_mcp_server::sandbox::{Options, Sandbox, tokens};
use pagerduty_mcp_server::server;
use pagerduty_mcp_server::tools::{Filter, Toolbox};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, DuplexStream};

/// The argument that makes this program serve an account.
pub const SERVE: &str = "--serve-account";

/// A running account. Dropping it ends the process.
pub struct Account {
    child: Child,
    url: String,
    /// The token of the account's control interface.
    token: String,
    control: reqwest::Client,
}

/// A request as recorded by the account.
#[derive(Debug, Clone, Deserialize)]
pub struct Recorded {
    method: String,
    path: String,
    query: String,
    from: Option<String>,
}

impl Account {
    /// Starts an account with `incidents`, which delays each answer by `latency`.
    pub fn start(incidents: usize, latency: Duration) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([SERVE, &incidents.to_string(), &latency.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let (url, token) = (lines.next().unwrap(), lines.next().unwrap());
        Self { child, url, token, control: client() }
    }

    /// Serves an account until standard input ends. Runs in the other process.
    pub fn serve(incidents: usize, latency: Duration) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = Options { incidents, latency, rate_limit: u32::MAX, ..Options::default() };
        runtime.block_on(async {
            let sandbox = Sandbox::start(options).await.unwrap();
            println!("{}\n{}", sandbox.url(), sandbox.control_token());
            std::io::stdout().flush().unwrap();
            tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
        });
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the tools on this account, with the default settings.
    pub fn toolbox(&self) -> Arc<Toolbox> {
        self.toolbox_with(|_| None)
    }

    /// Returns the tools on this account, with other settings.
    pub fn toolbox_with(&self, setting: impl Fn(&str) -> Option<&'static str>) -> Arc<Toolbox> {
        let lookup = |name: &str| match name {
            "PAGERDUTY_API_TOKEN" => Some(tokens::USER.to_owned()),
            name => setting(name).map(str::to_owned),
        };
        let mut config = Config::from_lookup(lookup).unwrap();
        config.host = Host::parse(&self.url).unwrap();
        Arc::new(Toolbox::new(&config, &Filter::default()).unwrap())
    }

    /// Returns the requests of one call.
    pub async fn requests_of(&self, session: &mut Session, tool: &str, arguments: &Value) -> Vec<Recorded> {
        self.forget_requests().await;
        session.call(tool, arguments).await;
        self.requests().await
    }

    /// Starts a new record of requests.
    pub async fn forget_requests(&self) {
        let request = self.control.delete(format!("{}/sandbox/requests", self.url));
        request.header("X-Sandbox-Token", &self.token).send().await.unwrap();
    }

    /// Returns the recorded requests.
    pub async fn requests(&self) -> Vec<Recorded> {
        let request = self.control.get(format!("{}/sandbox/requests", self.url));
        let recorded = request.header("X-Sandbox-Token", &self.token).send().await.unwrap();
        serde_json::from_slice(&recorded.bytes().await.unwrap()).unwrap()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}

/// Returns a runtime like the product's, with a few threads.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Returns the product's HTTP client library with the same settings and nothing else.
pub fn client() -> reqwest::Client {
    // Fails if a provider is already installed.
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// The client's end of an MCP session in this process.
pub struct Session {
    input: DuplexStream,
    output: tokio::io::BufReader<DuplexStream>,
    line: String,
    /// The next request ID: MCP allows each only once in a session.
    id: u32,
}

impl Session {
    pub async fn open(toolbox: Arc<Toolbox>) -> Self {
        let (input, reader) = tokio::io::duplex(1 << 20);
        let (writer, output) = tokio::io::duplex(1 << 20);
        tokio::spawn(server::serve(toolbox, reader, writer));
        let output = tokio::io::BufReader::with_capacity(1 << 16, output);
        let mut session = Self { input, output, line: String::new(), id: 0 };
        session.ask("initialize", &crate::server::client()).await;
        session
    }

    async fn ask(&mut self, method: &str, params: &Value) {
        self.id += 1;
        let message = format!("{}\n", json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}));
        self.input.write_all(message.as_bytes()).await.unwrap();
        self.line.clear();
        self.output.read_line(&mut self.line).await.unwrap();
    }

    /// Calls a tool and reads the line of the answer, without parsing it.
    pub async fn call(&mut self, tool: &str, arguments: &Value) {
        self.ask("tools/call", &json!({"name": tool, "arguments": arguments})).await;
        assert!(self.line.contains("\"isError\":false"), "{tool}: {}", self.line);
    }
}

/// The bare requests of calls.
#[derive(Clone)]
pub struct Bare {
    http: reqwest::Client,
    base: String,
}

impl Bare {
    pub fn new(url: &str) -> Self {
        Self { http: client(), base: url.to_owned() }
    }

    /// Sends a recorded request and reads the answer to its end.
    pub async fn send(&self, request: &Recorded, body: Option<&str>) {
        let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
        let url = format!("{}{}{query}", self.base, request.path);
        let mut builder = self
            .http
            .request(request.method.parse().unwrap(), url)
            .header(ACCEPT, "application/vnd.pagerduty+json;version=2")
            .header(AUTHORIZATION, format!("Token token={}", tokens::USER));
        if let Some(from) = &request.from {
            builder = builder.header("From", from);
        }
        if let Some(body) = body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.to_owned());
        }
        let answer = builder.send().await.unwrap();
        assert!(answer.status().is_success());
        answer.bytes().await.unwrap();
    }

    /// Sends requests in rounds of the given sizes. Each round starts after the previous one is answered.
    pub async fn replay(&self, requests: &[Recorded], rounds: &[usize], body: Option<&str>) {
        assert_eq!(requests.len(), rounds.iter().sum::<usize>(), "{requests:?}");
        let mut rest = requests;
        for round in rounds {
            let (now, later) = rest.split_at(*round);
            futures_util::future::join_all(now.iter().map(|request| self.send(request, body))).await;
            rest = later;
        }
    }
}

/// The argument that makes this program a client: it requests `PATH?QUERY` of `URL` and reads the answers, `COUNT`
/// times in sequence. This is the floor for measuring a process from outside.
pub const ASK: &str = "--ask";

/// Runs the client in the other process.
pub fn ask(url: &str, path: &str, query: &str, count: usize) {
    let request = Recorded { method: "GET".to_owned(), path: path.to_owned(), query: query.to_owned(), from: None };
    runtime().block_on(async {
        let bare = Bare::new(url);
        for _ in 0..count {
            bare.send(&request, None).await;
        }
        // Waits for the end of input, as the server does, so that the measuring process decides when to end.
        println!("done");
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
    });
}

impl Recorded {
    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn query(&self) -> &str {
        &self.query
    }
}
