//! The generated documentation: from the catalogue, the error codes, the variables and the command line.
//!
//! `tests/it/docs.rs` fails when a committed file differs from it, and writes the files with `UPDATE_DOCS=1`.

mod clients;
pub mod python;

use std::fmt::Write;

use crate::cli;
use crate::config::VARIABLES;
use crate::error::Code;
use crate::tools::{self, SETS, all};

/// The first line of every generated file.
const GENERATED: &str =
    "<!-- Generated from the source: `UPDATE_DOCS=1 cargo test docs` regenerates this file. -->\n\n";

/// Returns the generated files: (path in the repository, content).
#[must_use]
pub fn files() -> Vec<(&'static str, String)> {
    let all_tools: Vec<_> = all().collect();
    vec![
        ("docs/tools.md", format!("{GENERATED}{}", tools::markdown(&all_tools))),
        ("docs/errors.md", format!("{GENERATED}{}", errors_markdown())),
        ("docs/configuration.md", format!("{GENERATED}{}", configuration_markdown())),
        ("docs/clients.md", format!("{GENERATED}{}", clients::clients_markdown())),
        ("docs/command-line.md", format!("{GENERATED}{}", command_line_markdown())),
        ("python/pagerduty_mcp_server/_methods.pyi", python::methods_pyi()),
        ("python/pagerduty_mcp_server/types.py", python::types_py()),
    ]
}

/// Returns the generated parts of hand-written files: (path in the repository, name of the part, content). A part is between
/// `<!-- name: … -->` and `<!-- /name -->`.
#[must_use]
pub fn parts() -> Vec<(&'static str, &'static str, String)> {
    vec![
        ("README.md", "tools", tools::overview_markdown(SETS)),
        ("docs/authentication.md", "scopes", tools::scopes_markdown()),
    ]
}

fn errors_markdown() -> String {
    let mut text = String::from(
        "# Errors\n\n\
         A failed call answers `isError: true` over MCP, raises `PagerDutyError` in Python, and has exit status 1 on the command \
         line. The envelope is the same everywhere:\n\n\
         ```json\n\
         {\"metadata\": {\"count\": 0, \"description\": \"Error occurred while processing request\"},\n \
         \"error\": {\"code\": \"INVALID_USER_ID\", \"message\": \"what went wrong, with the value\", \"hint\": \"what to do next\"}}\n\
         ```\n\n\
         If PagerDuty answered, the error also has `status`, `request_id` (for PagerDuty's support) and `pagerduty_code`; \
         `RATE_LIMITED` has `retry_after_seconds`. A read may be retried after a 5xx, too. A change whose answer was lost is \
         verified: an error means that it did not take effect, and `OUTCOME_UNKNOWN` means that this could not be determined. \
         Codes are stable.\n\n\
         | Code | When | A read may be retried unchanged |\n|---|---|---|\n",
    );
    for code in Code::ALL {
        let again = if code.is_retryable() { "yes" } else { "no" };
        let _ = writeln!(text, "| `{code}` | {} | {again} |", code.meaning());
    }
    text
}

fn configuration_markdown() -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         Variables are read from the environment, then from a `.env` file in the working directory or its nearest \
         parent that has one. A variable that is already set takes precedence, and command line options take \
         precedence over both. An empty variable counts as unset, and an empty one in the environment overrides the \
         `.env` file.\n\n\
         A `.env` file may come from another person: editors start servers in the folders they open. So it sets only \
         what the last column allows. Settings that are ignored are named in the log and by `doctor`; a file with a \
         refused setting stops the server at startup, with exit status 2. A variable that is set in the environment, \
         even to nothing, overrides the file. For `auth login` and over HTTP, where callers send their keys, the \
         `PAGERDUTY_API_HOST` of a file is refused unless it is the API of a region.\n\n\
         | Variable | Default | Meaning | In a `.env` file |\n|---|---|---|---|\n",
    );
    for variable in VARIABLES {
        let rule = variable.in_file.rule();
        let _ = writeln!(text, "| `{}` | {} | {} | {rule} |", variable.name, variable.default, variable.meaning);
    }
    text
}

fn command_line_markdown() -> String {
    let mut text = String::from("# Command line\n");
    for (command, help) in cli::help() {
        let _ = write!(text, "\n## `{command}`\n\n```text\n{}\n```\n", help.trim_end());
    }
    text
}
