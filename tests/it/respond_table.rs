//! Example calls of the tools that change something in the toolsets `respond` and `communicate`, as data.
//!
//! The tests of all changes read them: each fault with each change (`respond_faults.rs`), random faults
//! (`respond_chaos.rs`), previews and receipts (`respond_rules.rs`). A new tool adds rows to a file below, and the file to
//! [`all`].

mod communicate;
mod incidents;
mod parts;
mod responses;
mod undo;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use pagerduty_api::Method;
use pagerduty_mcp_server::sandbox::{FaultSpec, Options, Trigger, tokens};
use pagerduty_mcp_server::tools::Toolbox;
use serde_json::{Value, json};

use crate::overrides::all_tools;
use crate::support::{Account, ok};
use crate::tool_operations::send;

/// Returns all rows.
pub fn all() -> impl Iterator<Item = &'static Example> {
    let all = [communicate::EXAMPLES, incidents::EXAMPLES, parts::EXAMPLES, responses::EXAMPLES, undo::EXAMPLES];
    all.into_iter().flatten()
}

/// An example call of a tool that changes something.
pub struct Example {
    pub tool: &'static str,
    /// The change in a few words.
    pub name: &'static str,
    /// Creates the objects of a call, which no other call uses.
    pub call: for<'s> fn(&'s Stage) -> BoxFuture<'s, Call>,
    /// The method and the path of the request that makes the change, with the placeholders of the API.
    pub sends: (&'static str, &'static str),
    /// The path of the requests that show the outcome, with placeholders for the call's IDs, and their number before the
    /// change.
    pub looks: (&'static str, usize),
    /// The answer to the request when it is sent again after it took effect.
    pub again: Again,
    /// Outcomes under faults that differ from those of the matrix. The first of each pair is the name of the fault, or
    /// the outcome in the matrix.
    pub exceptions: &'static [(&'static str, &'static str)],
    /// Returns what the change concerns in the account. A change that is taken back restores it.
    pub state: for<'s> fn(&'s Stage, &'s Call) -> BoxFuture<'s, Value>,
    /// Returns the number of times that the change took effect in a state.
    pub effects: fn(&Value) -> usize,
    pub undo: Undo,
}

/// A call of a tool.
#[derive(Clone, Debug)]
pub struct Call {
    pub arguments: Value,
    /// The IDs of its objects, by placeholder.
    pub ids: Value,
}

/// The answer to a request that is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// PagerDuty accepts it, and it changes nothing.
    Accepted,
    /// PagerDuty refuses it, because the change took effect.
    Refused,
    /// It is never sent again, because it would take effect twice.
    Never,
}

/// The way in which a change is taken back.
#[derive(Clone, Copy)]
pub enum Undo {
    /// By its receipt.
    Receipt,
    /// It cannot be taken back by a receipt, for this reason.
    Never(&'static str),
}

/// An account with the tools of all toolsets.
pub struct Stage {
    pub account: Account,
    pub tools: Arc<Toolbox>,
}

impl Call {
    /// Returns a path with the IDs in place of its placeholders.
    pub fn path(&self, template: &str) -> String {
        let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => self.id(name).to_owned(),
            None => part.to_owned(),
        };
        template.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    pub fn id(&self, name: &str) -> &str {
        self.ids[name].as_str().unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// Returns the arguments for a preview.
    pub fn preview(&self) -> Value {
        let mut arguments = self.arguments.clone();
        arguments["dry_run"] = true.into();
        arguments
    }
}

impl Example {
    /// Returns the example with this tool and name.
    pub fn named(tool: &str, name: &str) -> &'static Self {
        all().find(|row| (row.tool, row.name) == (tool, name)).unwrap_or_else(|| panic!("no example {tool}, {name}"))
    }

    /// Returns what the row is about, for messages.
    pub fn title(&self) -> String {
        format!("{} ({})", self.tool, self.name)
    }
}

impl Stage {
    pub async fn start() -> Self {
        Self::seeded(None).await
    }

    /// Starts an account whose random faults have this seed.
    pub async fn seeded(seed: Option<u64>) -> Self {
        let faults = FaultSpec { seed, faults: Vec::new() };
        let options = Options { faults, incidents: 40, ..Options::default() };
        let account = Account::with(tokens::USER, options, |_| {}).await;
        let tools = all_tools(&account, |_| {});
        Self { account, tools }
    }

    /// Raises an incident with an alert, and returns its ID.
    pub fn raise(&self, title: &str) -> String {
        let trigger = Trigger { service: None, title: title.to_owned(), high_urgency: true, details: None };
        self.account.sandbox.trigger(trigger).unwrap()["id"].as_str().unwrap().to_owned()
    }

    pub async fn ok(&self, tool: &str, arguments: Value) -> Value {
        ok(&self.tools, tool, arguments).await
    }

    /// Returns the response to a request.
    pub async fn get(&self, path: &str) -> Value {
        let (status, answer) = send(&self.account.sandbox, Method::Get, path).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    /// Returns the fields of an incident that a change may concern.
    pub async fn fields(&self, id: &str) -> Value {
        let path = format!("/incidents/{id}?include[]=custom_fields&include[]=conference_bridge");
        let incident = self.get(&path).await["incident"].take();
        let mut fields = json!({});
        for name in FIELDS {
            fields[name] = incident[name].clone();
        }
        let actions = incident["pending_actions"].as_array().into_iter().flatten();
        fields["pending_actions"] = actions.map(|action| action["type"].clone()).collect();
        let assignments = incident["assignments"].as_array().into_iter().flatten();
        fields["assignees"] = assignments.map(|assignment| assignment["assignee"]["id"].clone()).collect();
        fields
    }
}

/// The fields of incidents that a change may concern, besides the assignees and the pending actions.
const FIELDS: [&str; 10] = [
    "status",
    "title",
    "urgency",
    "priority",
    "escalation_policy",
    "incident_type",
    "conference_bridge",
    "custom_fields",
    "alert_counts",
    "resolve_reason",
];
