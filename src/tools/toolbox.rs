//! The tools that are switched on, with what they need to be called: what every door holds.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::change::{self, Started};
use super::counted::Counted;
use super::{Context, Filter, Party, Terms, Tool};
use crate::auth::{Credentials, Origin};
use crate::client::Client;
use crate::clients;
use crate::config::{Config, TIMEOUT};
use crate::error::{Code, Error, Result, spoken};
use crate::params::shorten;
use crate::reply::{Format, Reply};
use crate::trace::seconds;

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
pub struct Toolbox {
    tools: Vec<&'static Tool>,
    client: Arc<Client>,
    credentials: Credentials,
    max_tokens: Option<usize>,
    budget_by_hand: bool,
    format: Format,
    structured_content: bool,
    timeout: Duration,
    raw_text: bool,
    turns: Option<Arc<Semaphore>>,
    label: Option<&'static Label>,
}

impl Toolbox {
    /// The tools that pass `filter`, against the host and with the credentials of `config`.
    pub fn new(config: &Config, filter: &Filter) -> Result<Self> {
        Ok(Self {
            tools: filter.tools()?,
            client: Arc::new(Client::new(config)),
            credentials: Credentials::new(config),
            max_tokens: config.max_response_tokens,
            budget_by_hand: config.budget_by_hand,
            format: config.format,
            structured_content: config.structured_content,
            timeout: config.timeout,
            raw_text: config.raw_text,
            turns: None,
            label: None,
        })
    }

    /// Returns the same toolbox with a label on all its answers.
    #[must_use]
    pub fn labelled(self, label: Option<&'static Label>) -> Self {
        Self { label, ..self }
    }

    /// Returns the label of the account, if it has one.
    #[must_use]
    pub fn label(&self) -> Option<&'static Label> {
        self.label
    }

    /// Connects to PagerDuty before anybody asks, if there is a credential in the environment: without one it is not yet
    /// known whether, and in which region, there is anything to be asked.
    pub async fn warm_up(&self) {
        if self.credentials.settings().is_some_and(|key| key.is_ok()) {
            self.client.warm_up().await;
        }
    }

    /// The same with fewer tools: those of this one that pass `filter`, too.
    pub fn narrowed(&self, filter: &Filter) -> Result<Self> {
        let passing = filter.tools()?;
        let both = |tool: &&'static Tool| passing.iter().any(|passing| passing.name == tool.name);
        Ok(Self { tools: self.tools.iter().copied().filter(both).collect(), ..self.clone() })
    }

    /// The same with so many calls at a time; further ones wait for their turn, as part of the time that a call may take.
    #[must_use]
    pub fn taking_turns(&self, at_a_time: usize) -> Self {
        Self { turns: Some(Arc::new(Semaphore::new(at_a_time))), ..self.clone() }
    }

    /// Whether requests could be sent: what has to be loaded for them is, or cannot be.
    pub fn ready(&self) -> Result<()> {
        self.client.ready()
    }

    /// The tools that are switched on, in the catalogue's order.
    #[must_use]
    pub fn tools(&self) -> &[&'static Tool] {
        &self.tools
    }

    /// How answers are to be written.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns whether answers have structured content beside their text.
    #[must_use]
    pub fn structured_content(&self) -> bool {
        self.structured_content
    }

    /// The tool of this name, if it is switched on.
    pub fn tool(&self, name: &str) -> Result<&'static Tool> {
        self.tools.iter().find(|tool| tool.name == name).copied().ok_or_else(|| {
            let names: Vec<_> = self.tools.iter().map(|tool| tool.name).collect();
            Error::new(Code::UnknownTool, format!("there is no tool {}", shorten(&format!("{name:?}"))))
                .hint(format!("Tools: {}.", names.join(", ")))
        })
    }

    /// Waits for the credential of local calls, for a person to log in if need be. Calls do that themselves, but only as
    /// long as a call may take.
    pub async fn log_in(&self) -> Result<()> {
        self.credentials.resolve(&Origin::Local).await.map(drop)
    }

    /// Calls a tool: arguments as a JSON object, the answer as the contract's envelope.
    ///
    /// A panic becomes [`Code::Internal`], so that the caller always gets an answer; the whole call is bounded in time.
    /// Dropping the future stops the call's requests.
    pub async fn call(&self, name: &str, arguments: Map<String, Value>) -> Result<Reply> {
        self.call_from(&Origin::Local, name, arguments).await
    }

    /// The terms of a call by a model: within the budget of the settings, and never the whole account by accident.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms { max_tokens: self.max_tokens, shows: None, format: self.format, whole_account: false }
    }

    /// Returns the same terms for a model behind this client: answers stay within what the client shows, unless the
    /// budget was chosen explicitly.
    fn terms_for(&self, client: Option<&clients::Client>) -> Terms {
        let shows = client.filter(|_| !self.budget_by_hand).and_then(clients::Client::limit);
        Terms { shows, ..self.terms() }
    }

    /// Calls a tool in this process on other terms.
    pub async fn call_on(&self, terms: Terms, name: &str, arguments: Map<String, Value>) -> Result<Reply> {
        self.dispatch(Party::default(), terms, name, arguments).await
    }

    /// The same for a call that may bring its own credential.
    pub async fn call_from(&self, origin: &Origin, name: &str, arguments: Map<String, Value>) -> Result<Reply> {
        self.call_for(Party { origin: origin.clone(), ..Party::default() }, name, arguments).await
    }

    /// Calls a tool for a known party.
    pub async fn call_for(&self, party: Party, name: &str, arguments: Map<String, Value>) -> Result<Reply> {
        let terms = self.terms_for(party.client);
        self.dispatch(party, terms, name, arguments).await
    }

    async fn dispatch(&self, party: Party, terms: Terms, name: &str, arguments: Map<String, Value>) -> Result<Reply> {
        match self.tool(name) {
            Ok(tool) if !tool.is_read_only() => change::in_task(self.clone(), party, terms, tool, arguments).await,
            _ => self.logged(&party, terms, name, arguments, &Started::new()).await,
        }
    }

    /// Runs a call, and leaves the API it works with in `started` as soon as there is one.
    pub(super) async fn logged(
        &self,
        party: &Party,
        terms: Terms,
        name: &str,
        arguments: Map<String, Value>,
        started: &Started,
    ) -> Result<Reply> {
        let counted = Counted::begin(self.tool(name).map_or("unknown", |tool| tool.name));
        let shown = |error: Error| {
            let error = error.labelled(self.label.map(|label| label.name));
            if self.raw_text { error } else { error.neutralised() }
        };
        let answered = async {
            let mut reply = self.run(&party.origin, terms, name, arguments, started).await.map_err(shown)?;
            if let Some(label) = self.label {
                reply.set(label.name, true);
            }
            Ok(if self.raw_text { reply } else { reply.neutralised() })
        };
        let outcome = AssertUnwindSafe(answered).catch_unwind().await;
        let outcome = outcome.unwrap_or_else(|panic| Err(shown(panicked(name, panic.as_ref()))));
        let elapsed = counted.end(outcome.as_ref().map_or_else(|error| error.code().as_str(), |_| "ok"));
        let elapsed_s = seconds(elapsed);
        match &outcome {
            Ok(_) => tracing::info!(tool = name, elapsed_s, "call answered"),
            // What the caller can mend is told to the caller; the rest is for whoever reads the log at night.
            Err(error) if error.http_status().is_some() || error.is_retryable() || error.code() == Code::Internal => {
                let request_id = error.pagerduty_request_id();
                tracing::warn!(tool = name, elapsed_s, request_id, %error, "call failed");
            }
            Err(error) => tracing::debug!(tool = name, elapsed_s, %error, "call refused"),
        }
        outcome
    }

    fn no_turn(&self, tool: &Tool) -> Error {
        let error =
            Error::new(Code::Timeout, format!("{} waited {} for a free call slot", tool.name, spoken(self.timeout)));
        let hint = "Too many calls are under way: send fewer at a time.";
        if tool.is_read_only() { error.hint(hint) } else { error.hint(format!("Nothing was changed. {hint}")) }
    }

    fn took_longer(&self, tool: &Tool) -> Error {
        let error = Error::new(Code::Timeout, format!("{} took longer than {}", tool.name, spoken(self.timeout)));
        timed_out(tool, error.hint(format!("Ask for less at a time, or allow more time with {TIMEOUT}.")))
    }

    async fn run(
        &self,
        origin: &Origin,
        terms: Terms,
        name: &str,
        arguments: Map<String, Value>,
        started: &Started,
    ) -> Result<Reply> {
        let tool = self.tool(name)?;
        let deadline = Instant::now() + self.timeout;
        let _turn = match &self.turns {
            // An error within would mean a closed semaphore, and nobody closes this one.
            Some(turns) => timeout_at(deadline, turns.acquire()).await.map_err(|_| self.no_turn(tool))?.ok(),
            None => None,
        };
        let credential = timeout_at(deadline, self.credentials.resolve(origin)).await;
        let credential = credential.unwrap_or_else(|_| Err(self.credentials.interrupted()))?;
        let by_login = credential.is_login();
        let api = self.client.until(deadline, credential);
        let api = if tool.is_read_only() { api } else { api.urgent() };
        _ = started.set(api.clone());
        let cx = Context { api: api.clone(), terms };
        let running = AssertUnwindSafe(async { (tool.run)(cx, &arguments).await }).catch_unwind();
        match timeout_at(deadline, running).await {
            Ok(Err(panic)) => {
                let error = panicked(name, panic.as_ref());
                // What became of a change matters more than whose fault it is that nobody knows.
                Err(api
                    .in_doubt()
                    .map_or_else(|| error.clone(), |doubt| doubt.adding(&format!("; {}", error.message()))))
            }
            Ok(Ok(outcome)) => {
                let refused = matches!(&outcome, Err(error) if error.code() == Code::AuthenticationFailed);
                if let Some(login) = self.credentials.login().filter(|_| by_login && refused) {
                    login.forget();
                }
                outcome.map_err(|error| timed_out(tool, error))
            }
            Err(_) => Err(api.in_doubt().unwrap_or_else(|| self.took_longer(tool))),
        }
    }
}

/// Extends the hint of a time-out error that a tool returned. If the tool changes something, nothing was changed, even
/// if a read before the change took too long.
fn timed_out(tool: &Tool, error: Error) -> Error {
    if tool.is_read_only() || error.code() != Code::Timeout {
        return error;
    }
    error.hint(format!("Nothing was changed. Try again, or allow more time with {TIMEOUT}."))
}

/// The answer to a call that panicked.
fn panicked(name: &str, panic: &(dyn std::any::Any + Send)) -> Error {
    Error::new(Code::Internal, format!("{name} failed: {}", panic_text(panic)))
        .hint("This is a bug in the server; please report it with the arguments.")
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpStream;

    use super::*;
    use crate::client::NewStatus;
    use crate::ids::Id;
    use crate::models::{Incident, Model};
    use crate::sandbox::{Fault, FaultKind, Options, Sandbox, tokens};
    use crate::tools::{Access, Toolset};

    fn toolbox(tools: Vec<&'static Tool>) -> Toolbox {
        let config = Config::from_lookup(|name| (name == crate::config::API_TOKEN).then(|| "key".to_owned())).unwrap();
        Toolbox { tools, ..Toolbox::new(&config, &Filter::default()).unwrap() }
    }

    const fn tool(access: Access, run: super::super::Run) -> Tool {
        Tool {
            name: "odd",
            title: "",
            description: "",
            hint: "",
            toolset: Toolset::Teams,
            access,
            idempotent: true,
            params: &[],
            run,
        }
    }

    static PANICS: Tool = tool(Access::Read, |_, _| Box::pin(async { panic!("out of {}", "cheese") }));
    static PANICS_EARLY: Tool = tool(Access::Read, |_, _| panic!("at once"));
    static NEVER_ENDS: Tool = tool(Access::Write, |_, _| Box::pin(std::future::pending()));

    #[tokio::test]
    async fn a_tool_that_panics_is_answered() {
        for (tool, text) in [(&PANICS, "out of cheese"), (&PANICS_EARLY, "at once")] {
            let error = toolbox(vec![tool]).call("odd", Map::new()).await.unwrap_err();
            assert_eq!(error.code(), Code::Internal);
            assert!(error.message().contains(text), "{error}");
        }
    }

    static PANICS_AFTER_A_CHANGE: Tool = tool(Access::Write, |cx, _| {
        Box::pin(async move {
            let id = Id::parse("Q1").unwrap();
            let _ = cx.api.set_status(&id, NewStatus::Resolved, None, &Incident::defaults()).await;
            panic!("out of cheese")
        })
    });

    #[tokio::test]
    async fn a_tool_that_panics_after_a_change_leaves_it_in_doubt_unless_it_was_refused() {
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
    async fn a_panic_is_answered_over_stdio_and_the_server_lives_on() {
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
    async fn a_panic_is_answered_over_http_and_the_server_lives_on() {
        let minute = Duration::from_mins(1);
        let options = crate::server::http::Options {
            host: "127.0.0.1".to_owned(),
            port: 0,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            shared_credential: false,
            require_key: false,
            sessions: false,
            max_calls: 1,
            max_calls_per_credential: 1,
            read_timeout: minute,
            idle_timeout: minute,
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
    async fn a_call_is_bounded_and_a_change_that_was_not_sent_did_not_happen() {
        let error = toolbox(vec![&NEVER_ENDS]).call("odd", Map::new()).await.unwrap_err();
        assert_eq!(error.code(), Code::Timeout);
        assert!(error.hint_text().unwrap().contains("Nothing was changed"), "{error}");
    }

    static NEVER_READ: Tool = tool(Access::Read, |_, _| Box::pin(std::future::pending()));

    #[tokio::test(start_paused = true)]
    async fn waiting_for_a_turn_is_part_of_the_time_a_call_may_take() {
        let toolbox = toolbox(vec![&NEVER_READ]).taking_turns(1);
        let began = Instant::now();
        let call = || toolbox.call("odd", Map::new());
        let (first, second) = tokio::join!(call(), call());
        assert!(first.unwrap_err().message().contains("took longer"));
        assert!(second.unwrap_err().message().contains("slot"));
        assert_eq!(began.elapsed(), toolbox.timeout);
        assert!(call().now_or_never().is_none(), "it has a slot now");
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_times_out_is_not_told_of_as_a_change() {
        let toolbox = toolbox(vec![&NEVER_READ]).taking_turns(1);
        let call = || toolbox.call("odd", Map::new());
        let (first, second) = tokio::join!(call(), call());
        for error in [first.unwrap_err(), second.unwrap_err()] {
            assert_eq!(error.code(), Code::Timeout);
            assert!(!error.envelope().to_string().contains("chang"), "{error:?}");
        }
    }
}
