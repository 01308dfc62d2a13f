//! The catalogue: every tool as a value, and the one way of calling one.
//!
//! [`ALL`] is the only list of tools. The MCP listing, MCP calls, the Python module, the command line, the documentation
//! and the snapshots all read it. A tool is declared in its resource's file: a parameter struct, an async function, and one
//! [`Tool`] constant. To add one: its file, one line in [`ALL`], its snapshot, the regenerated docs.

mod change;
mod counted;
mod escalation_policies;
mod filter;
mod incidents;
mod oncalls;
mod pages;
mod schedules;
mod scope;
mod services;
mod shift_schedules;
mod teams;
mod toolbox;
mod users;

use std::any::Any;
use std::future::Future;
use std::sync::{Arc, Weak};

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use crate::auth::Origin;
use crate::client::resources::Resource;
use crate::client::{Api, Query};
use crate::clients::{self, Size};
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Model, Request};
use crate::pagination::{Listing, Want};
use crate::params::{self, Declaration, Extras, Include, Limit, Offset, Params};
use crate::reply::{Budget, Format, Reply};

pub use change::{AUDIT, settled};
pub use filter::Filter;
pub use pages::{Page, Pages};
pub use toolbox::{Label, Toolbox};

/// Every tool, in the order of the documentation.
pub const ALL: &[Tool] = &[
    users::BUILD_USER_CONTEXT,
    incidents::GET_INCIDENTS,
    incidents::ACKNOWLEDGE_INCIDENT,
    incidents::RESOLVE_INCIDENT,
    incidents::ADD_INCIDENT_NOTE,
    oncalls::GET_ONCALLS,
    schedules::GET_SCHEDULES,
    schedules::LIST_USERS_ONCALL,
    escalation_policies::GET_ESCALATION_POLICIES,
    services::GET_SERVICES,
    teams::GET_TEAMS,
    users::GET_USERS,
];

/// What a tool may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It only reads.
    Read,
    /// It adds or changes something that can be changed back.
    Write,
    /// It ends something: what it does cannot be taken back by another call of ours.
    Destructive,
}

/// The part of PagerDuty a tool is about; tools are switched on and off by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toolset {
    /// Escalation policies.
    EscalationPolicies,
    /// Incidents and their notes.
    Incidents,
    /// On-calls.
    Oncalls,
    /// Schedules.
    Schedules,
    /// Services.
    Services,
    /// Teams.
    Teams,
    /// Users.
    Users,
}

impl Toolset {
    /// Every toolset.
    pub const ALL: &'static [Toolset] = &[
        Toolset::EscalationPolicies,
        Toolset::Incidents,
        Toolset::Oncalls,
        Toolset::Schedules,
        Toolset::Services,
        Toolset::Teams,
        Toolset::Users,
    ];

    /// The name, as it is written in `--toolsets`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Toolset::EscalationPolicies => "escalation_policies",
            Toolset::Incidents => "incidents",
            Toolset::Oncalls => "oncalls",
            Toolset::Schedules => "schedules",
            Toolset::Services => "services",
            Toolset::Teams => "teams",
            Toolset::Users => "users",
        }
    }
}

/// A tool as a value.
pub struct Tool {
    /// The name it is called by. Renaming one breaks prompts.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// What it does, for a model that has never seen PagerDuty; sent with every request, so in few words.
    pub description: &'static str,
    /// Words that describe its purpose, for clients that search tools by such words. The model never sees them.
    pub hint: &'static str,
    /// What it is about.
    pub toolset: Toolset,
    /// What it may do.
    pub access: Access,
    /// Whether calling it twice is the same as calling it once.
    pub idempotent: bool,
    /// Its parameters.
    pub params: &'static [Declaration],
    run: Run,
}

/// The largest number of characters that `anthropic/maxResultSizeChars` may ask for.
const MAX_RESULT_SIZE: usize = 500_000;

type Run = fn(Context, &Map<String, Value>) -> BoxFuture<'static, Result<Reply>>;

impl Tool {
    /// A tool that only reads.
    const fn read<P: Params>(name: &'static str, toolset: Toolset, about: About, run: Run) -> Self {
        Self::new::<P>(name, toolset, about, Access::Read, true, run)
    }

    const fn new<P: Params>(
        name: &'static str,
        toolset: Toolset,
        about: About,
        access: Access,
        idempotent: bool,
        run: Run,
    ) -> Self {
        let About { title, description, hint } = about;
        Self { name, title, description, hint, toolset, access, idempotent, params: P::DECLARATIONS, run }
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.access == Access::Read
    }

    /// Whether what it does cannot be taken back.
    #[must_use]
    pub fn is_destructive(&self) -> bool {
        self.access == Access::Destructive
    }

    /// The JSON Schema of its arguments.
    #[must_use]
    pub fn input_schema(&self) -> Map<String, Value> {
        params::schema(self.params)
    }

    /// Requires a parameter that the schema leaves optional: without an ID, a query for one object would be a query for
    /// all.
    pub fn require(&self, arguments: &Map<String, Value>, name: &str) -> Result<()> {
        params::require(arguments, self.params, name)
    }

    /// The tool as MCP defines it. <https://modelcontextprotocol.io/specification/2025-11-25/server/tools>
    #[must_use]
    pub fn definition(&self) -> Value {
        json!({
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": self.input_schema(),
            "annotations": {
                "readOnlyHint": self.is_read_only(),
                "destructiveHint": self.is_destructive(),
                "idempotentHint": self.idempotent,
                "openWorldHint": true,
            },
            "_meta": self.meta(),
        })
    }

    /// Returns additional information for some clients: words to find the tool by, and how many characters its answers
    /// may have before they are moved to a file. That number is the largest allowed; answers have a separate budget.
    #[must_use]
    pub fn meta(&self) -> Map<String, Value> {
        let hint = ("anthropic/searchHint".to_owned(), self.hint.into());
        let size = ("anthropic/maxResultSizeChars".to_owned(), MAX_RESULT_SIZE.into());
        [hint, size].into_iter().collect()
    }
}

impl std::fmt::Debug for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tool").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A tool's words.
#[derive(Clone, Copy)]
struct About {
    title: &'static str,
    description: &'static str,
    hint: &'static str,
}

/// What a tool works with during one call.
#[derive(Clone, Debug)]
pub struct Context {
    /// The API in the name of the call's credential.
    pub api: Api,
    /// What the caller may ask for, and how much of it.
    pub terms: Terms,
}

/// The caller of a tool.
#[derive(Clone, Debug, Default)]
pub struct Party {
    /// The source of the call.
    pub origin: Origin,
    /// The known properties of the client, if it is a known one.
    pub client: Option<&'static clients::Client>,
    /// The client's own name, for the log.
    pub client_name: Option<String>,
    /// A value that is held until the call has ended, even if its caller has stopped waiting.
    pub place: Option<Arc<dyn Any + Send + Sync>>,
    /// A reference that is dropped when the answer can no longer reach the client, if that can be seen. In a session a
    /// call runs on after that.
    pub reader: Option<Weak<()>>,
}

impl Party {
    /// Returns whether the answer can no longer reach the client.
    fn is_gone(&self) -> bool {
        self.reader.as_ref().is_some_and(|reader| reader.strong_count() == 0)
    }
}

/// On which terms a door calls: those of a model, or those of a program, which has other means to protect itself.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How many tokens the answer may have; `None` is no limit.
    pub max_tokens: Option<usize>,
    /// The size that the client shows whole, if it is known and applies.
    pub shows: Option<Size>,
    /// How it is going to be written.
    pub format: Format,
    /// Whether a list without the user's context and without a filter is the whole account, and not a mistake.
    pub whole_account: bool,
}

impl Context {
    /// What an answer may hold.
    #[must_use]
    pub fn budget(&self) -> Budget {
        Budget::of(self.terms.max_tokens).within(self.terms.shows)
    }

    /// Returns one object, read by its ID. `shorten` is the way to a smaller one.
    pub async fn show<M: Model, X: Extras>(
        &self,
        id: &Id<M>,
        query: Query,
        include: &Include<M, X>,
        shorten: &str,
    ) -> Result<Reply> {
        let row = self.api.one(id, query, &include.selection()).await?;
        Ok(self.object(M::RESOURCE, row.shown, include, Request::One, shorten))
    }

    /// A list; `narrow` names the parameters that make it shorter.
    pub async fn list<M: Model, X: Extras>(
        &self,
        query: Query,
        want: Want,
        include: &Include<M, X>,
        narrow: &str,
    ) -> Result<Reply> {
        let listing = self.api.list::<M>(query, want, &include.selection()).await?;
        Ok(listed(M::RESOURCE, listing, include, narrow))
    }

    /// Returns the answer with one object.
    fn object<M: Model, X: Extras>(
        &self,
        resource: &'static Resource,
        row: Map<String, Value>,
        include: &Include<M, X>,
        request: Request,
        shorten: &str,
    ) -> Reply {
        let warnings = include.warnings(request, std::iter::once(&row));
        Reply::one(resource, row, self.budget(), shorten).warned(warnings)
    }

    /// How much of a list to fetch.
    #[must_use]
    pub fn want(&self, limit: Option<Limit>, offset: Option<Offset>) -> Want {
        Want {
            limit: limit.map_or(Limit::DEFAULT, Limit::get),
            offset: offset.map_or(0, Offset::get),
            budget: self.budget().for_list(self.terms.format),
        }
    }
}

/// Returns the answer with a list.
fn listed<M: Model, X: Extras>(
    resource: &'static Resource,
    listing: Listing<M>,
    include: &Include<M, X>,
    narrow: &str,
) -> Reply {
    let warnings = include.warnings(Request::List, listing.rows.iter().map(|row| &row.shown));
    Reply::list(resource, listing, narrow).warned(warnings)
}

/// Decodes the arguments and runs the tool's function.
fn run<P, F, Fut>(cx: Context, arguments: &Map<String, Value>, tool: F) -> BoxFuture<'static, Result<Reply>>
where
    P: Params,
    F: FnOnce(Context, P) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Reply>> + Send + 'static,
{
    let remarks = params::remarks(arguments, P::DECLARATIONS);
    match P::decode(arguments) {
        Ok(params) => {
            let reply = tool(cx, params);
            Box::pin(async { Ok(reply.await?.warned(remarks)) })
        }
        Err(error) => Box::pin(std::future::ready(Err(error))),
    }
}
