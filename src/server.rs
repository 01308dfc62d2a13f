//! The MCP door: the tools of a [`Toolbox`](crate::tools::Toolbox), offered over the Model Context Protocol.
//!
//! [`Server`] answers the methods (revisions 2024-11-05 to 2026-07-28, all at the same time), [`serve`] runs
//! it over lines of JSON, [`serve_stdio`] over the process's own standard streams, [`http`] over HTTP.
//!
//! This is the only module that names `rmcp`, and it decides nothing about PagerDuty: which tools there are, what they
//! accept and what they answer is `tools`' business. What it adds is good manners towards clients: a wrong request is told
//! what is wrong with it, and nothing a client sends ends the session.

mod convert;
mod encode;
mod handler;
pub mod http;
mod lines;
mod message;
mod params;
mod progress;
mod resources;
mod stdio;

pub use convert::definition;
pub use handler::Server;
pub use stdio::{serve, serve_stdio};
