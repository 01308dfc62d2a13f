//! The tools that are switched on, with what they need to be called: what every door holds.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::{Map, Value};

use super::{ALL, Context, Tool, Toolset};
use crate::auth::Credentials;
use crate::client::Client;
use crate::config::{Config, TIMEOUT};
use crate::error::{Code, Error, Result};
use crate::reply::Reply;

/// Which tools are switched on. `None` is no choice: all of them.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only tools that change nothing.
    pub read_only: bool,
    /// Only these tools.
    pub tools: Option<Vec<String>>,
    /// Only tools of these toolsets.
    pub toolsets: Option<Vec<String>>,
}

impl Filter {
    /// The tools that pass, in the catalogue's order: read-only first, then names, then toolsets; a tool must pass all
    /// three. An unknown name is an error, since a filter with a typo would switch off what was meant to stay.
    fn apply(&self) -> Result<Vec<&'static Tool>> {
        let names: Vec<_> = ALL.iter().map(|tool| tool.name).collect();
        let toolsets: Vec<_> = Toolset::ALL.iter().map(|toolset| toolset.name()).collect();
        check("tool", self.tools.as_deref(), &names)?;
        check("toolset", self.toolsets.as_deref(), &toolsets)?;
        let chosen = |list: &Option<Vec<String>>, name: &str| list.as_ref().is_none_or(|list| list.iter().any(|one| one == name));
        Ok(ALL
            .iter()
            .filter(|tool| !self.read_only || tool.is_read_only())
            .filter(|tool| chosen(&self.tools, tool.name) && chosen(&self.toolsets, tool.toolset.name()))
            .collect())
    }
}

fn check(what: &str, chosen: Option<&[String]>, known: &[&str]) -> Result<()> {
    match chosen.into_iter().flatten().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(Error::new(Code::InvalidConfiguration, format!("there is no {what} {unknown:?}"))
            .hint(format!("Known {what}s: {}.", known.join(", ")))),
    }
}

/// The tools that are switched on, and everything a call needs.
#[derive(Debug)]
pub struct Toolbox {
    tools: Vec<&'static Tool>,
    client: Arc<Client>,
    credentials: Credentials,
    max_tokens: Option<usize>,
    timeout: Duration,
}

impl Toolbox {
    /// The tools that pass `filter`, against the host and with the credentials of `config`.
    pub fn new(config: &Config, filter: &Filter) -> Result<Self> {
        Ok(Self {
            tools: filter.apply()?,
            client: Arc::new(Client::new(config)),
            credentials: Credentials::new(config),
            max_tokens: config.max_response_tokens,
            timeout: config.timeout,
        })
    }

    /// The tools that are switched on, in the catalogue's order.
    #[must_use]
    pub fn tools(&self) -> &[&'static Tool] {
        &self.tools
    }

    /// The tool of this name, if it is switched on.
    pub fn tool(&self, name: &str) -> Result<&'static Tool> {
        self.tools.iter().find(|tool| tool.name == name).copied().ok_or_else(|| {
            let names: Vec<_> = self.tools.iter().map(|tool| tool.name).collect();
            Error::new(Code::UnknownTool, format!("there is no tool {name:?}")).hint(format!("Tools: {}.", names.join(", ")))
        })
    }

    /// Calls a tool: arguments as a JSON object, the answer as the contract's envelope.
    ///
    /// A panic becomes [`Code::Internal`], so that the caller always gets an answer; the whole call is bounded in time.
    /// Dropping the future stops the call's requests.
    pub async fn call(&self, name: &str, arguments: Map<String, Value>) -> Result<Reply> {
        let tool = self.tool(name)?;
        let cx = Context { api: self.client.with(self.credentials.resolve()?), max_tokens: self.max_tokens };
        let running = async { (tool.run)(cx, &arguments).await };
        match tokio::time::timeout(self.timeout, AssertUnwindSafe(running).catch_unwind()).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Err(Error::new(Code::Internal, format!("{name} failed: {}", panic_text(panic.as_ref())))
                .hint("This is a bug in the server; please report it with the arguments.")),
            Err(_) => Err(Error::new(Code::Timeout, format!("{name} took longer than {:?}", self.timeout)).hint(
                if tool.is_read_only() {
                    format!("Ask for less at a time, or allow more with {TIMEOUT}.")
                } else {
                    "The change may have taken effect: look at the incident before trying again.".to_owned()
                },
            )),
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
