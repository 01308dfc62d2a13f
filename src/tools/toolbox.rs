//! The tools that are switched on, and everything a call of them needs.
//!
//! A call passes three layers: [`observe`] counts, logs and labels it, [`authenticate`](run::authenticate) waits for the
//! credential, and [`run`](run::run) runs the tool. The time limit of a call covers the last two.

mod complete;
mod filter;
mod observe;
mod run;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::change::{self, Started};
use super::{CallOptions, Party, SETS, Tool};
use crate::audit::Log;
use crate::auth::{Credentials, Origin};
use crate::client::Client;
use crate::clients;
use crate::config::{Config, Confirm, Format, READ_ONLY, TOOLSETS};
use crate::error::{Code, Error, Result};
use crate::params::shorten;
use crate::reply::Reply;

pub use filter::{DEFAULT, EVERY, Filter};

/// The notice on an account that differs from what the tools' descriptions promise, for `serverInfo`, the instructions
/// and the metadata of every answer.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// The name in the metadata.
    pub name: &'static str,
    /// The server's title.
    pub title: &'static str,
    /// The first words of the instructions.
    pub notice: &'static str,
}

/// The tools that are switched on, and everything a call needs. Clones share connections and credentials.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "they are separate settings")]
pub struct Toolbox {
    tools: Vec<&'static Tool>,
    /// Whether tools that change something are left out.
    read_only: bool,
    client: Arc<Client>,
    credentials: Credentials,
    max_tokens: Option<usize>,
    budget_by_hand: bool,
    format: Format,
    structured_content: bool,
    timeout: Duration,
    raw_text: bool,
    label: Option<&'static Label>,
    audit: Log,
    confirm: Confirm,
}

/// A call of a tool.
pub(super) struct Call {
    pub caller: Party,
    pub options: CallOptions,
    pub tool: &'static Tool,
    pub arguments: Map<String, Value>,
}

impl Toolbox {
    /// Returns the tools that pass `filter`, for the host and with the credentials of `config`.
    pub fn new(config: &Config, filter: &Filter) -> Result<Self> {
        Ok(Self {
            tools: filter.tools()?,
            read_only: filter.read_only,
            client: Arc::new(Client::new(config)),
            credentials: Credentials::new(config),
            max_tokens: config.max_response_tokens,
            budget_by_hand: config.budget_by_hand,
            format: config.format,
            structured_content: config.structured_content,
            timeout: config.timeout,
            raw_text: config.raw_text,
            label: None,
            audit: Log::open(config)?,
            confirm: config.confirm,
        })
    }

    /// Returns the same toolbox with a label on all its answers.
    #[must_use]
    pub fn labeled(self, label: Option<&'static Label>) -> Self {
        Self { label, ..self }
    }

    /// Returns whether and how a person confirms changes.
    #[must_use]
    pub fn confirmation(&self) -> Confirm {
        self.confirm
    }

    /// Returns the log of changes.
    pub(super) fn audit(&self) -> &Log {
        &self.audit
    }

    /// Returns the label of the account, if it has one.
    #[must_use]
    pub fn label(&self) -> Option<&'static Label> {
        self.label
    }

    /// Opens a connection to PagerDuty before the first call, if there is a credential in the environment. Without one,
    /// neither the region nor the need for a connection is known yet.
    pub async fn warm_up(&self) {
        if self.credentials.settings().is_some_and(|key| key.is_ok()) {
            self.client.warm_up().await;
        }
    }

    /// Returns the same toolbox with fewer tools: those that pass `filter`, too.
    pub fn narrowed(&self, filter: &Filter) -> Result<Self> {
        let read_only = self.read_only || filter.read_only;
        Ok(Self { tools: filter.narrow(self.tools.iter().copied())?, read_only, ..self.clone() })
    }

    /// Returns an error if no request can be sent, because something that has to be loaded for it cannot be loaded.
    pub fn ready(&self) -> Result<()> {
        self.client.ready()
    }

    /// Returns the tools that are switched on, in the catalogue's order.
    #[must_use]
    pub fn tools(&self) -> &[&'static Tool] {
        &self.tools
    }

    /// Returns the sentences of instructions about the toolsets with a tool that is switched on.
    #[must_use]
    pub fn instructions(&self) -> String {
        let is_on = |set: &&&super::Toolset| self.tools.iter().any(|tool| set.contains(tool.name));
        SETS.iter()
            .filter(is_on)
            .map(|set| set.instructions)
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Returns the format of lists.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns whether answers have structured content beside their text.
    #[must_use]
    pub fn structured_content(&self) -> bool {
        self.structured_content
    }

    /// Returns the tool of this name, if it is switched on.
    pub fn tool(&self, name: &str) -> Result<&'static Tool> {
        self.tools.iter().find(|tool| tool.name == name).copied().ok_or_else(|| {
            let is_on = |tool: &&&Tool| self.tools.iter().any(|on| on.name == tool.name);
            let is_write = |tool: &&Tool| tool.name == name && !tool.is_read_only();
            if self.read_only && SETS.iter().any(|set| set.tools.iter().any(is_write)) {
                let message = format!("the tool {name} changes something, and changes are switched off");
                let hint = format!("The user allows only tools that read, with --read-only ({READ_ONLY}).");
                return Error::new(Code::UnknownTool, message).hint(hint);
            }
            if let Some(set) = SETS.iter().find(|set| set.contains(name)) {
                if set.tools.iter().any(|tool| is_on(&tool)) {
                    let message = format!("the tool {name} is not switched on");
                    let hint = format!("The user left it out with --read-only ({READ_ONLY}) or --tools.");
                    return Error::new(Code::UnknownTool, message).hint(hint);
                }
                let message = format!("the tool {name} is not switched on; it belongs to the toolset {}", set.name);
                let hint = format!(
                    "The user can switch it on with --toolsets {DEFAULT},{0}, {TOOLSETS}={DEFAULT},{0}, or \
                     toolsets=[\"{DEFAULT}\", \"{0}\"] in Python.",
                    set.name
                );
                return Error::new(Code::UnknownTool, message).hint(hint);
            }
            let names: Vec<_> = self.tools.iter().map(|tool| tool.name).collect();
            Error::new(Code::UnknownTool, format!("there is no tool {}", shorten(&format!("{name:?}"))))
                .hint(format!("Tools: {}.", names.join(", ")))
        })
    }

    /// Waits for the credential of local calls, which may mean until a person has logged in. A call waits for it as
    /// well, but only within its time limit.
    pub async fn log_in(&self) -> Result<()> {
        self.credentials.resolve(&Origin::Local).await.map(drop)
    }

    /// Calls a tool: arguments as a JSON object, the answer as the contract's envelope.
    ///
    /// A panic becomes [`Code::Internal`], so that the caller always gets an answer. The call has a time limit. Dropping
    /// the future stops the call's requests.
    pub async fn call(&self, name: &str, arguments: Map<String, Value>) -> Result<Reply> {
        self.call_from(&Origin::Local, name, arguments).await
    }

    /// Calls a tool in this process with other options.
    pub async fn call_on(&self, options: CallOptions, name: &str, arguments: Map<String, Value>) -> Result<Reply> {
        self.dispatch(Party::default(), options, name, arguments).await
    }

    /// Calls a tool with the credential of `origin`.
    pub async fn call_from(&self, origin: &Origin, name: &str, arguments: Map<String, Value>) -> Result<Reply> {
        self.call_for(Party { origin: origin.clone(), ..Party::default() }, name, arguments).await
    }

    /// Calls a tool for a known caller.
    pub async fn call_for(&self, caller: Party, name: &str, arguments: Map<String, Value>) -> Result<Reply> {
        let options = self.options_for(caller.client);
        self.dispatch(caller, options, name, arguments).await
    }

    /// Returns the options of a call by a model: within the budget of the settings, and never the whole account by
    /// accident.
    #[must_use]
    pub fn options(&self) -> CallOptions {
        CallOptions { max_tokens: self.max_tokens, shows: None, format: self.format, whole_account: false }
    }

    /// Returns the same options for a model behind this client: answers stay within what the client shows, unless the
    /// budget was chosen explicitly.
    fn options_for(&self, client: Option<&clients::Client>) -> CallOptions {
        let shows = client.filter(|_| !self.budget_by_hand).and_then(clients::Client::limit);
        CallOptions { shows, ..self.options() }
    }

    async fn dispatch(
        &self,
        caller: Party,
        options: CallOptions,
        name: &str,
        arguments: Map<String, Value>,
    ) -> Result<Reply> {
        let tool = match self.tool(name) {
            Ok(tool) => tool,
            Err(error) => return self.refuse(name, error),
        };
        let call = Call { caller, options, tool, arguments };
        if tool.is_read_only() {
            self.observe(&call, &Started::new()).await
        } else {
            change::in_task(self.clone(), call).await
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpStream;

    use pagerduty_api::Operation;
    use pagerduty_api::operations::incidents::UPDATE_INCIDENT;
    use pagerduty_api::operations::teams::GET_TEAM;
    use tokio::time::Instant;

    use super::*;
    use crate::client::NewStatus;
    use crate::config::TIMEOUT;
    use crate::ids::Id;
    use crate::models::{Incident, Model};
    use crate::sandbox::{Fault, FaultKind, Options, Sandbox, tokens};
    use crate::tools::tool::Run;

    fn toolbox(tools: Vec<&'static Tool>) -> Toolbox {
        let config = Config::from_lookup(|name| (name == crate::config::API_TOKEN).then(|| "key".to_owned())).unwrap();
        Toolbox { tools, ..Toolbox::new(&config, &Filter::default()).unwrap() }
    }

    const fn tool(operations: &'static [&'static Operation], run: Run) -> Tool {
        Tool {
            name: "odd",
            title: "",
            description: "",
            hint: "",
            operations,
            destructive: false,
            leads: false,
            changes_anything: false,
            waits: None,
            params: &[],
            check: |_| Ok(()),
            run,
        }
    }

    static PANICS: Tool = tool(&[&GET_TEAM], |_, _| Box::pin(async { panic!("out of {}", "cheese") }));
    static PANICS_EARLY: Tool = tool(&[&GET_TEAM], |_, _| panic!("at once"));
    static NEVER_ENDS: Tool = tool(&[&UPDATE_INCIDENT], |_, _| Box::pin(std::future::pending()));

    #[tokio::test]
    async fn tool_panics_call_is_answered() {
        for (tool, text) in [(&PANICS, "out of cheese"), (&PANICS_EARLY, "at once")] {
            let error = toolbox(vec![tool]).call("odd", Map::new()).await.unwrap_err();
            assert_eq!(error.code(), Code::Internal);
            assert!(error.message().contains(text), "{error}");
        }
    }

    static PANICS_AFTER_A_CHANGE: Tool = tool(&[&UPDATE_INCIDENT], |cx, _| {
        Box::pin(async move {
            let id = Id::parse("Q1").unwrap();
            let _ = cx.api.set_status(&id, NewStatus::Resolved, None, &Incident::defaults()).await;
            panic!("out of cheese")
        })
    });

    #[tokio::test]
    async fn panic_after_a_change_is_unknown_unless_refused() {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let mut config = Config::from_lookup(|name| match name {
            crate::config::API_TOKEN => Some(tokens::USER.to_owned()),
            TIMEOUT => Some("2".to_owned()),
            _ => None,
        })
        .unwrap();
        config.host = crate::config::Host::parse(sandbox.url()).unwrap();
        config.attempt_timeout = Duration::from_millis(100);
        let toolbox = Toolbox::new(&config, &Filter::default()).unwrap();
        let toolbox = Toolbox { tools: vec![&PANICS_AFTER_A_CHANGE], ..toolbox };
        let refused = FaultKind::Status { code: 403, headers: [].into(), body: None };
        for (kind, code) in [(FaultKind::Hang, Code::OutcomeUnknown), (refused, Code::Internal)] {
            sandbox.clear();
            sandbox.fail(Fault { times: 9, ..Fault::once("/incidents/{id}", kind) });
            let error = toolbox.call("odd", Map::new()).await.unwrap_err();
            assert_eq!(error.code(), code, "{error}");
            assert!(error.message().contains("out of cheese"), "{error}");
        }
    }

    /// A call and a sign of life, as lines.
    fn messages() -> [String; 2] {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let call = json!({"name": "odd", "arguments": {}, "_meta": meta});
        [("tools/call", call), ("server/discover", json!({"_meta": meta}))]
            .map(|(method, params)| json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string())
    }

    /// Checks that a call that panicked was answered, and that the server answered after it.
    fn survived(answers: &[Value]) {
        let [call, after] = answers else { panic!("{answers:?}") };
        assert_eq!(call["result"]["isError"], true, "{call}");
        let error = &call["result"]["structuredContent"]["error"];
        assert_eq!((&error["code"], &error["message"]), (&json!("INTERNAL"), &json!("odd failed: out of cheese")));
        assert!(after["result"]["supportedVersions"].is_array(), "{after}");
    }

    #[tokio::test]
    async fn panic_over_stdio_is_answered_server_lives_on() {
        let (mut near, far) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(far);
        let serving = tokio::spawn(crate::server::serve(toolbox(vec![&PANICS]).into(), reader, writer));
        let mut answers = Vec::new();
        for message in messages() {
            near.write_all(format!("{message}\n").as_bytes()).await.unwrap();
            let mut line = String::new();
            BufReader::new(&mut near).read_line(&mut line).await.unwrap();
            answers.push(serde_json::from_str(&line).unwrap());
        }
        survived(&answers);
        near.shutdown().await.unwrap();
        serving.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn panic_over_http_is_answered_server_lives_on() {
        let minute = Duration::from_mins(1);
        let options = crate::server::http::HttpOptions {
            port: 0,
            max_calls: 1,
            max_calls_per_credential: 1,
            read_timeout: minute,
            ..crate::server::http::HttpOptions::default()
        };
        let http = crate::server::http::Http::bind(options).await.unwrap();
        let greeting = http.describe();
        let address = greeting.split(['/', ' ']).find(|part| part.starts_with("127.0.0.1:")).unwrap();
        let serving = tokio::spawn(http.serve(toolbox(vec![&PANICS]).into(), std::future::pending()));
        let mut answers = Vec::new();
        for message in messages() {
            let mut connection = TcpStream::connect(address).await.unwrap();
            let method = if message.contains("tools/call") { "tools/call\r\nMcp-Name: odd" } else { "server/discover" };
            let head = format!(
                "POST /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
                 Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\n\
                 Content-Length: {}\r\n\r\n",
                message.len()
            );
            connection.write_all((head + &message).as_bytes()).await.unwrap();
            let mut answer = String::new();
            connection.read_to_string(&mut answer).await.unwrap();
            let body = answer.split_once("\r\n\r\n").unwrap().1;
            answers.push(serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}")));
        }
        survived(&answers);
        serving.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn unsent_change_times_out_and_changed_nothing() {
        let error = toolbox(vec![&NEVER_ENDS]).call("odd", Map::new()).await.unwrap_err();
        assert_eq!(error.code(), Code::Timeout);
        assert!(error.hint_text().unwrap().contains("Nothing was changed"), "{error}");
    }

    static NEVER_READ: Tool = tool(&[&GET_TEAM], |_, _| Box::pin(std::future::pending()));

    #[tokio::test(start_paused = true)]
    async fn wait_for_a_slot_is_part_of_the_time_limit() {
        let toolbox = toolbox(vec![&NEVER_READ, &NEVER_ENDS]);
        let began = Instant::now();
        tokio::time::advance(toolbox.timeout / 2).await;
        let call = |tool| {
            let caller = Party { arrived: Some(began), ..Party::default() };
            let call = Call { caller, options: toolbox.options(), tool, arguments: Map::new() };
            let toolbox = toolbox.clone();
            async move { toolbox.limit(&call, &Started::new()).await.unwrap_err() }
        };
        assert!(call(&NEVER_READ).await.message().contains("took longer"));
        assert_eq!(began.elapsed(), toolbox.timeout);
        let error = call(&NEVER_READ).await;
        assert!(error.code() == Code::Timeout && error.message().contains("for a free call slot"), "{error}");
        assert!(call(&NEVER_ENDS).await.hint_text().unwrap().contains("Nothing was changed"));
    }

    #[tokio::test(start_paused = true)]
    async fn read_times_out_without_mentioning_a_change() {
        let error = toolbox(vec![&NEVER_READ]).call("odd", Map::new()).await.unwrap_err();
        assert_eq!(error.code(), Code::Timeout);
        assert!(!error.envelope().to_string().contains("chang"), "{error:?}");
    }
}
