//! Helpers shared by the tests: tools on the embedded account, and calls that must succeed or fail.

pub mod api;
pub mod tls;

use std::process::Command;
use std::sync::Arc;

use pagerduty_mcp_server::auth::{BY_TOKEN_HEADER, Credential, Origin};
use pagerduty_mcp_server::config::{Config, Host};
use pagerduty_mcp_server::error::Error;
use pagerduty_mcp_server::sandbox::{Options, Sandbox, tokens};
use pagerduty_mcp_server::tools::{Filter, Toolbox};
use serde_json::Value;

/// Returns a command of the binary, without the variables of the user who runs the tests.
///
/// The home and the state directory are folders of the build, so that a test cannot change the user's own login or
/// embedded account.
pub fn binary() -> Command {
    let home = env!("CARGO_TARGET_TMPDIR");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagerduty-mcp-server"));
    command.env_clear().env("PAGERDUTY_SANDBOX_STATE", "memory");
    command.envs(["HOME", "XDG_STATE_HOME", "LOCALAPPDATA"].map(|name| (name, home)));
    command
}

/// An embedded account, and the tools for one of its identities.
pub struct Account {
    pub sandbox: Sandbox,
    pub toolbox: Arc<Toolbox>,
}

impl Account {
    /// Starts an account, with the tools of its main user.
    pub async fn start() -> Self {
        Self::with(tokens::USER, Options::default(), |_| {}).await
    }

    /// Starts an account, with the tools of the owner of `token`.
    pub async fn of(token: &str) -> Self {
        Self::with(token, Options::default(), |_| {}).await
    }

    /// Starts an account with all settings.
    pub async fn with(token: &str, options: Options, adjust: impl FnOnce(&mut Config)) -> Self {
        let sandbox = Sandbox::start(options).await.expect("a loopback port");
        let toolbox = toolbox(&sandbox, token, adjust);
        Self { sandbox, toolbox }
    }

    /// Returns the same account, with these tools switched on.
    pub fn with_tools(self, tools: &[&str]) -> Self {
        let mut config = config(tokens::USER);
        config.host = Host::parse(self.sandbox.url()).expect("a usable URL");
        config.max_response_tokens = None;
        let tools = Some(tools.iter().map(|name| (*name).to_owned()).collect());
        let filter = Filter { tools, ..Filter::default() };
        Self { toolbox: Arc::new(Toolbox::new(&config, &filter).expect("usable settings")), ..self }
    }

    /// Returns the same account, with the tools of a new server whose caches are empty.
    pub fn cold(self) -> Self {
        let toolbox = toolbox(&self.sandbox, tokens::USER, |_| {});
        Self { toolbox, ..self }
    }

    /// Returns the tools of a new server, with the credential `token`.
    pub fn again(&self, token: &str) -> Again<'_> {
        Again { sandbox: &self.sandbox, toolbox: toolbox(&self.sandbox, token, |_| {}) }
    }

    /// Returns the answer of a call that must succeed.
    pub async fn ok(&self, tool: &str, arguments: Value) -> Value {
        ok(&self.toolbox, tool, arguments).await
    }

    /// Returns the error of a call that must fail.
    pub async fn err(&self, tool: &str, arguments: Value) -> Error {
        err(&self.toolbox, tool, arguments).await
    }

    /// Returns the requests of one successful call, as `METHOD path?query`.
    pub async fn requests_of(&self, tool: &str, arguments: Value) -> Vec<String> {
        self.sandbox.clear();
        self.ok(tool, arguments).await;
        self.sandbox.requests().iter().map(line).collect()
    }
}

/// Separate tools on the same account.
pub struct Again<'a> {
    pub sandbox: &'a Sandbox,
    pub toolbox: Arc<Toolbox>,
}

impl Again<'_> {
    /// Returns the answer of a call that must succeed.
    pub async fn ok(&self, tool: &str, arguments: Value) -> Value {
        ok(&self.toolbox, tool, arguments).await
    }
}

fn line(request: &pagerduty_mcp_server::sandbox::Recorded) -> String {
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    format!("{} {}{query}", request.method, request.path)
}

/// Returns tools on a running sandbox, with the credential `token`.
pub fn toolbox(sandbox: &Sandbox, token: &str, adjust: impl FnOnce(&mut Config)) -> Arc<Toolbox> {
    let mut config = config(token);
    config.host = Host::parse(sandbox.url()).expect("a usable URL");
    // Tests of the budget set it. The others need complete answers.
    config.max_response_tokens = None;
    adjust(&mut config);
    Arc::new(Toolbox::new(&config, &Filter::default()).expect("usable settings"))
}

/// Returns settings with only a credential. An empty one counts as none.
pub fn config(token: &str) -> Config {
    Config::from_lookup(|name| (name == "PAGERDUTY_API_TOKEN").then(|| token.to_owned())).expect("usable settings")
}

/// Returns the origin of a request over HTTP with this key.
pub fn origin(token: &str) -> Origin {
    Origin::Http(Credential::from_header(&token.into(), BY_TOKEN_HEADER))
}

pub async fn ok(toolbox: &Toolbox, tool: &str, arguments: Value) -> Value {
    match toolbox.call(tool, object(arguments.clone())).await {
        Ok(reply) => reply.into_value(),
        Err(error) => panic!("{tool} {arguments} failed: {}", error.envelope()),
    }
}

pub async fn err(toolbox: &Toolbox, tool: &str, arguments: Value) -> Error {
    match toolbox.call(tool, object(arguments.clone())).await {
        Ok(reply) => panic!("{tool} {arguments} answered {}", reply.into_value()),
        Err(error) => error,
    }
}

pub fn object(value: Value) -> serde_json::Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("arguments are an object, not {other}"),
    }
}

/// Returns the rows under a key of an answer.
pub fn rows<'v>(answer: &'v Value, key: &str) -> &'v Vec<Value> {
    answer[key].as_array().unwrap_or_else(|| panic!("no {key} in {answer}"))
}

/// Returns the warnings of an answer, joined.
pub fn warnings(answer: &Value) -> String {
    let list = answer["metadata"]["warnings"].as_array();
    list.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

/// The tools that list, and the keys of their rows.
pub const LISTS: [(&str, &str); 7] = [
    ("get_incidents", "incidents"),
    ("get_users", "users"),
    ("get_services", "services"),
    ("get_schedules", "schedules"),
    ("get_escalation_policies", "escalation_policies"),
    ("get_oncalls", "oncalls"),
    ("get_teams", "teams"),
];

/// Returns the cost of a text for a model, in o200k tokens.
pub fn tokens_of(text: &str) -> usize {
    tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len()
}
