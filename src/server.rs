//! The MCP server: offers the tools of a [`Toolbox`](crate::tools::Toolbox) over the Model Context Protocol.
//!
//! [`Server`] answers the methods (revisions 2024-11-05 to 2026-07-28, concurrently), [`serve`] runs it over lines of JSON,
//! [`serve_stdio`] over the standard streams of the process, and [`http`] over HTTP.
//!
//! This is the only module that names `rmcp`. It decides nothing about PagerDuty: the tools, their parameters and their answers
//! belong to `tools`. It adds tolerance toward clients: a wrong request gets an error that says what is wrong, and no message
//! ends the session.

mod caching;
mod caller;
mod completion;
mod convert;
mod elicit;
mod encode;
mod handler;
pub mod http;
mod lines;
mod message;
mod offer;
mod params;
mod progress;
mod prompts;
mod resources;
mod stdio;

pub use convert::definition;
pub use handler::Server;
pub use stdio::{serve, serve_stdio};
