//! The native binary, which runs [`pagerduty_mcp_server::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(pagerduty_mcp_server::cli::run(std::env::args_os()))
}
