//! The embedded account in a process of its own, a session with the server, and the bare requests of a call.
//!
//! The account is this program once more, so that neither its processor time nor its memory is counted with what is measured.

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

/// The argument that makes this program an account.
pub const SERVE: &str = "--serve-account";

/// A running account. It ends with this value.
pub struct Account {
    child: Child,
    url: String,
    /// The token that opens the remote control.
    token: String,
    control: reqwest::Client,
}

/// A request as the account saw it.
#[derive(Debug, Clone, Deserialize)]
pub struct Recorded {
    method: String,
    path: String,
    query: String,
    from: Option<String>,
}

impl Account {
    /// An account with `incidents`, each of whose answers is held back for `latency`.
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

    /// What the other process does: an account until its standard input ends.
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

    /// The tools on this account, with the default settings.
    pub fn toolbox(&self) -> Arc<Toolbox> {
        self.toolbox_with(|_| None)
    }

    /// The same with some settings.
    pub fn toolbox_with(&self, setting: impl Fn(&str) -> Option<&'static str>) -> Arc<Toolbox> {
        let lookup = |name: &str| match name {
            "PAGERDUTY_API_TOKEN" => Some(tokens::USER.to_owned()),
            name => setting(name).map(str::to_owned),
        };
        let mut config = Config::from_lookup(lookup).unwrap();
        config.host = Host::parse(&self.url).unwrap();
        Arc::new(Toolbox::new(&config, &Filter::default()).unwrap())
    }

    /// The requests of one call.
    pub async fn requests_of(&self, session: &mut Session, tool: &str, arguments: &Value) -> Vec<Recorded> {
        let requests = format!("{}/sandbox/requests", self.url);
        self.control.delete(&requests).header("X-Sandbox-Token", &self.token).send().await.unwrap();
        session.call(tool, arguments).await;
        let recorded = self.control.get(&requests).header("X-Sandbox-Token", &self.token);
        let recorded = recorded.send().await.unwrap().bytes().await.unwrap();
        serde_json::from_slice(&recorded).unwrap()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}

/// As the product runs: a few threads.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// The same client library as the product's, with the same settings and nothing around it.
pub fn client() -> reqwest::Client {
    // Fails when it is installed already.
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A client's end of an MCP session in this process.
pub struct Session {
    input: DuplexStream,
    output: tokio::io::BufReader<DuplexStream>,
    line: String,
    /// MCP: no id twice in a session.
    id: u32,
}

impl Session {
    pub async fn open(toolbox: Arc<Toolbox>) -> Self {
        let (input, reader) = tokio::io::duplex(1 << 20);
        let (writer, output) = tokio::io::duplex(1 << 20);
        tokio::spawn(server::serve(toolbox, reader, writer));
        let output = tokio::io::BufReader::with_capacity(1 << 16, output);
        let mut session = Self { input, output, line: String::new(), id: 0 };
        let params =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "b", "version": "1"}});
        session.ask("initialize", &params).await;
        session
    }

    async fn ask(&mut self, method: &str, params: &Value) {
        self.id += 1;
        let message = format!("{}\n", json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}));
        self.input.write_all(message.as_bytes()).await.unwrap();
        self.line.clear();
        self.output.read_line(&mut self.line).await.unwrap();
    }

    /// Calls a tool and reads the answer's line, which is not parsed.
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

    /// Sends requests in rounds: how many go side by side before the next may follow.
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

/// The argument that makes this program a client that asks `URL` for `PATH?QUERY` and reads the answers, `COUNT` times, one
/// after another: the floor where a process is measured from outside.
pub const ASK: &str = "--ask";

/// What that other process does.
pub fn ask(url: &str, path: &str, query: &str, count: usize) {
    let request = Recorded { method: "GET".to_owned(), path: path.to_owned(), query: query.to_owned(), from: None };
    runtime().block_on(async {
        let bare = Bare::new(url);
        for _ in 0..count {
            bare.send(&request, None).await;
        }
        // Like the server, which waits for its input to end: whoever measures decides when.
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
