//! The catalogue: every tool as a value, and the way to call one.
//!
//! [`SETS`] is the only list of tools. The MCP listing, MCP calls, the Python module, the command line, the documentation
//! and the snapshots all read it. The file of a resource declares its tools (a parameter struct, an async function and a
//! [`Tool`] constant each) and its [`Toolset`], which names them.

mod api;
mod change;
mod communicate;
mod confirm;
mod context;
mod escalation_policies;
mod find;
mod gather;
mod incidents;
mod investigate;
mod lane;
mod lookup;
mod markdown;
mod oncall;
mod oncalls;
mod pages;
mod resolve;
mod respond;
mod schedules;
mod scope;
mod services;
mod shift_schedules;
mod subject;
mod teams;
mod times;
mod tool;
mod toolbox;
mod toolset;
mod users;
mod words;

use context::listed;
use tool::{About, run};

pub use change::settled;
pub use confirm::{Asker, Asking, Round, Unavailable};
pub use context::{CallOptions, Context, Door, Party};
pub use lane::{ByLane, Lane};
pub use markdown::{markdown, overview_markdown, scopes_markdown};
pub use pages::{Page, Pages};
pub use tool::Tool;
pub use toolbox::{DEFAULT, EVERY, Filter, Label, Toolbox};
pub use toolset::Toolset;

/// The toolsets, in the order of the documentation.
pub const SETS: &[&Toolset] = &[
    &incidents::SET,
    &oncalls::SET,
    &schedules::SET,
    &escalation_policies::SET,
    &services::SET,
    &teams::SET,
    &users::SET,
    &find::SET,
    &oncall::SET,
    &investigate::SET,
    &respond::SET,
    &communicate::SET,
    &api::SET,
];

/// Returns every tool, in the order of the documentation: the leading ones, then toolset by toolset.
pub fn all() -> impl Iterator<Item = &'static Tool> + Clone {
    let tools = |leads| SETS.iter().flat_map(|set| set.tools).copied().filter(move |tool| tool.leads == leads);
    tools(true).chain(tools(false))
}
