//! The embedded account on a thread of its own, a session with the server, and the bare requests of a call.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use pagerduty_mcp_server::config::{Config, Host};
use pagerduty_mcp_server::sandbox::{Options, Recorded, Sandbox, tokens};
use pagerduty_mcp_server::server;
use pagerduty_mcp_server::tools::{Filter, Toolbox};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

/// A running account.
pub struct Account {
    pub sandbox: Sandbox,
    _end: tokio::sync::oneshot::Sender<()>,
}

impl Account {
    /// An account with `incidents`, each of whose answers is held back for `latency`.
    pub fn start(incidents: usize, latency: Duration) -> Self {
        let (ready, started) = mpsc::channel();
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let options = Options { incidents, latency, rate_limit: u32::MAX, ..Options::default() };
                ready.send(Sandbox::start(options).await.unwrap()).unwrap();
                _ = ended.await;
            });
        });
        Self { sandbox: started.recv().unwrap(), _end: end }
    }

    pub fn toolbox(&self) -> Arc<Toolbox> {
        let mut config = Config::from_lookup(|name| match name {
            "PAGERDUTY_API_TOKEN" => Some(tokens::USER.to_owned()),
            "PAGERDUTY_MAX_RESPONSE_TOKENS" => Some("0".to_owned()),
            _ => None,
        })
        .unwrap();
        config.host = Host::parse(self.sandbox.url()).unwrap();
        Arc::new(Toolbox::new(&config, &Filter::default()).unwrap())
    }

    /// The requests of one call.
    pub async fn requests_of(&self, session: &mut Session, tool: &str, arguments: &Value) -> Vec<Recorded> {
        self.sandbox.clear();
        session.call(tool, arguments).await;
        self.sandbox.requests()
    }
}

/// As the product runs: a few threads.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A client's end of an MCP session in this process.
pub struct Session {
    input: DuplexStream,
    output: BufReader<DuplexStream>,
    line: String,
    /// MCP: no id twice in a session.
    id: u32,
}

impl Session {
    pub async fn open(toolbox: Arc<Toolbox>) -> Self {
        let (input, reader) = tokio::io::duplex(1 << 20);
        let (writer, output) = tokio::io::duplex(1 << 20);
        tokio::spawn(server::serve(toolbox, reader, writer));
        let mut session = Self { input, output: BufReader::with_capacity(1 << 16, output), line: String::new(), id: 0 };
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

/// The same client library as the product's, with the same settings and nothing around it.
#[derive(Clone)]
pub struct Bare {
    http: reqwest::Client,
    base: String,
}

impl Bare {
    pub fn new(account: &Account) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, base: account.sandbox.url().to_owned() }
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

    /// Sends requests in waves: `waves` says how many go side by side before the next may follow.
    pub async fn replay(&self, requests: &[Recorded], waves: &[usize], body: Option<&str>) {
        assert_eq!(requests.len(), waves.iter().sum::<usize>(), "{requests:?}");
        let mut rest = requests;
        for wave in waves {
            let (now, later) = rest.split_at(*wave);
            futures_util::future::join_all(now.iter().map(|request| self.send(request, body))).await;
            rest = later;
        }
    }
}
