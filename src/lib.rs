//! PagerDuty for AI agents and on-call engineers.
//!
//! One core has three front ends: an MCP server ([`server`]), a command line ([`cli`]), and a Python module (feature
//! `python`). Each passes calls to the catalogue ([`tools`]), which sends requests to PagerDuty ([`client`]) and returns an
//! envelope ([`reply`]). `ARCHITECTURE.md` describes the modules.
//!
//! ```no_run
//! use pagerduty_mcp_server::config::Config;
//! use pagerduty_mcp_server::tools::{Filter, Toolbox};
//!
//! # async fn example() -> pagerduty_mcp_server::error::Result<()> {
//! let toolbox = Toolbox::new(&Config::from_env()?, &Filter::default())?;
//! let teams = toolbox.call("get_teams", serde_json::Map::new()).await?.into_value();
//! println!("{}", teams["metadata"]["count"]);
//! # Ok(())
//! # }
//! ```

pub mod app;
pub mod audit;
pub mod auth;
pub mod budget;
pub mod cli;
pub mod client;
pub mod clients;
pub mod config;
pub mod docs;
pub mod error;
// Not part of the public API. The settings in clippy.toml cover test functions, but not the targets of `fuzz/`.
#[cfg(any(test, fuzzing))]
#[allow(missing_docs, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub mod fuzzing;
pub mod ids;
pub mod metrics;
pub mod models;
pub mod names;
mod net;
pub mod pagination;
pub mod params;
#[cfg(feature = "python")]
mod python;
pub mod receipts;
pub mod reply;
pub mod server;
pub mod shifts;
mod sync;
pub mod tools;
pub mod trace;

use pagerduty_files::{self as files, private};
pub use pagerduty_sandbox as sandbox;
pub use pagerduty_serve as serve;
