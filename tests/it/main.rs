//! All integration tests in one binary, so that the crate is linked only once.
#![allow(missing_docs)]
// The settings in clippy.toml apply to test functions, not to their helpers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod blanks;
mod browser;
mod scene;
mod support;

mod answers;
mod architecture;
mod auth;
mod author;
mod catalogue;
mod chaos;
mod cli;
mod clients;
mod codes;
mod completion;
mod context;
mod deploy;
mod docs;
mod dotenv;
mod examples;
mod fault_matrix;
mod faults;
mod files;
mod find;
mod format;
mod handoff;
mod http;
mod http2;
mod http_keys;
mod include;
mod isolation;
mod keyring;
mod limits;
mod lists;
mod memory;
mod methods;
mod names;
mod oncall;
mod operations;
mod override_lines;
mod overrides;
mod oversized;
mod pages;
mod params;
mod progress;
mod prompts;
mod refresh;
mod refusals;
mod requests;
mod rounds;
mod rules;
mod sandbox;
mod session;
mod shift_schedules;
mod shown;
mod stdio;
mod style;
mod templates;
mod tokens;
mod tolerance;
mod tool_operations;
mod withdrawn;
mod writes;
