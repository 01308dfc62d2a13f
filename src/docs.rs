//! The reference documentation, written from the catalogue, the codes, the variables and the command line.
//!
//! `docs/*.md` and the resource `docs://tools` are these texts. `tests/it/docs.rs` fails when a committed file differs, and
//! writes it with `UPDATE_DOCS=1`.

mod clients;
pub mod python;

use std::fmt::Write;

use serde_json::Value;

use crate::cli;
use crate::config::VARIABLES;
use crate::error::Code;
use crate::models::{EscalationPolicy, Incident, Model, Oncall, Schedule, Service, Team, User};
use crate::params::Declaration;
use crate::tools::{Tool, all};

/// First line of every generated file.
const GENERATED: &str = "<!-- Generated from the source: `UPDATE_DOCS=1 cargo test docs` writes it anew. -->\n\n";

/// The generated files: (path below the repository, content).
#[must_use]
pub fn files() -> Vec<(&'static str, String)> {
    let tools: Vec<_> = all().collect();
    vec![
        ("docs/tools.md", format!("{GENERATED}{}", tools_markdown(&tools))),
        ("docs/errors.md", format!("{GENERATED}{}", errors_markdown())),
        ("docs/configuration.md", format!("{GENERATED}{}", configuration_markdown())),
        ("docs/clients.md", format!("{GENERATED}{}", clients::clients_markdown())),
        ("docs/command-line.md", format!("{GENERATED}{}", command_line_markdown())),
        ("python/pagerduty_mcp_server/_methods.pyi", python::methods_pyi()),
        ("python/pagerduty_mcp_server/types.py", python::types_py()),
    ]
}

/// The generated parts of written files: (path below the repository, the part's name, content). A part stands between
/// `<!-- name: … -->` and `<!-- /name -->`.
#[must_use]
pub fn parts() -> Vec<(&'static str, &'static str, String)> {
    let mut tools = String::from("| Tool | What it does |\n|---|---|\n");
    for tool in all() {
        let _ = writeln!(tools, "| `{}` | {} |", tool.name, tool.description);
    }
    let mut scopes = String::from("| Tool | Scopes | Some calls also need |\n|---|---|---|\n");
    for tool in all() {
        let (needed, further) = tool.scopes();
        let _ = writeln!(scopes, "| `{}` | {} | {} |", tool.name, user_or(&needed), quoted(&further));
    }
    vec![("README.md", "tools", tools), ("docs/authentication.md", "scopes", scopes)]
}

/// Returns scopes as code. Without one, any token of a user will do.
fn user_or(scopes: &[&str]) -> String {
    if scopes.is_empty() { "any, of a user".to_owned() } else { quoted(scopes) }
}

/// Returns names as code.
fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The tools, for those who want more than their descriptions: the resource `docs://tools`.
#[must_use]
pub fn tools_markdown(tools: &[&'static Tool]) -> String {
    let mut text = String::from(
        "# PagerDuty tools\n\n\
         Every answer is `{\"metadata\": {\"count\", \"description\", …}, \"<plural resource>\": […]}`, one object being a list of \
         one; only `build_user_context` answers a flat object. Lists say `has_more`, and `next_offset` when there is more; \
         `warnings` says what to know about the answer. Empty fields are left out. An error is \
         `{\"metadata\": …, \"error\": {\"code\", \"message\", \"hint\"}}`.\n\n\
         An ID excludes list filters, and `limit` and `offset` beside it are ignored. `current_user_context` (default true) \
         limits a list to what concerns the current user; to ask about others pass false with explicit filters. Timestamps \
         are ISO 8601; without an offset they are UTC. A blank value (`\"\"`, `[]`, `null`, a `limit` or an ID \
         of 0) is the same as none; a list that holds something and names nothing (`[\"\"]`) is an error. An ID may be a \
         link to its web page.\n",
    );
    for tool in tools {
        section(&mut text, tool);
    }
    text.push_str("\n## Fields\n\n`include` replaces the default fields; it may name any of these, and the answer has them in that order. With `+` before a name (`+html_url`) the default fields come, too. Other names are passed on, since PagerDuty sends fields that its description lacks; a warning names those that are in no row. By default an incident's `description` is left out where it only repeats the title.\n\n| Resource | Default | On request |\n|---|---|---|\n");
    fields::<EscalationPolicy>(&mut text, &[]);
    fields::<Incident>(&mut text, &["past_incidents", "related_incidents", "notes"]);
    fields::<Oncall>(&mut text, &[]);
    fields::<Schedule>(&mut text, &[]);
    fields::<Service>(&mut text, &[]);
    fields::<Team>(&mut text, &[]);
    fields::<User>(&mut text, &[]);
    text
}

fn section(text: &mut String, tool: &Tool) {
    let effect = match (tool.changes(), tool.destructive, tool.is_idempotent()) {
        (None, ..) => "only reads".to_owned(),
        (Some(noun), true, _) => format!("changes the {noun} for good"),
        (Some(noun), _, true) => format!("changes the {noun}; twice is the same as once"),
        (Some(noun), ..) => format!("changes the {noun}; twice has the effect twice"),
    };
    let _ = write!(text, "\n## {}\n\n{} ({effect})\n", tool.name, tool.description);
    let (needed, further) = tool.scopes();
    let further =
        if further.is_empty() { String::new() } else { format!("; some calls also need {}", quoted(&further)) };
    let _ = write!(text, "\nScopes of a token: {}{further}.\n", user_or(&needed));
    if tool.params.is_empty() {
        text.push_str("\nNo parameters.\n");
        return;
    }
    text.push_str("\n| Parameter | Type | Meaning |\n|---|---|---|\n");
    for parameter in tool.params {
        let required = if parameter.required { " (required)" } else { "" };
        let _ = writeln!(text, "| `{}`{required} | {} | {} |", parameter.name, kind(parameter), parameter.description);
    }
}

/// The type in words: "integer", "list of string: high, low", "boolean, default true".
fn kind(parameter: &Declaration) -> String {
    let schema = parameter.form.schema();
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut kind = match schema.get("items") {
        None => text(schema.get("type")),
        Some(items) => match items.get("enum").and_then(Value::as_array) {
            None => "list of strings".to_owned(),
            Some(words) => format!("list of {}", words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
        },
    };
    if let Some(default) = schema.get("default") {
        let _ = write!(kind, ", default {default}");
    }
    kind
}

fn fields<M: Model>(text: &mut String, extras: &[&str]) {
    let default: Vec<_> = M::DEFAULT.iter().map(|field| field.name).collect();
    let others: Vec<_> = M::OTHER.iter().chain(extras).copied().collect();
    let _ = writeln!(text, "| {} | {} | {} |", M::RESOURCE.many, default.join(", "), others.join(", "));
}

fn errors_markdown() -> String {
    let mut text = String::from(
        "# Errors\n\n\
         A failed call answers `isError: true` over MCP, raises `PagerDutyError` in Python, and ends with exit status 1 on the \
         command line. Everywhere the same envelope says what went wrong:\n\n\
         ```json\n\
         {\"metadata\": {\"count\": 0, \"description\": \"Error occurred while processing request\"},\n \
         \"error\": {\"code\": \"INVALID_USER_ID\", \"message\": \"what went wrong, with the value\", \"hint\": \"what to do next\"}}\n\
         ```\n\n\
         Where PagerDuty answered, `status`, `request_id` (its support asks for it) and `pagerduty_code` are there too; \
         `RATE_LIMITED` has `retry_after_seconds`. After a 5xx a read may be tried again, too. A change whose answer was lost has been \
         looked for: an error says that it did not take effect, and `OUTCOME_UNKNOWN` that this could not be told. Codes are stable.\n\n\
         | Code | When | A read may be tried again unchanged |\n|---|---|---|\n",
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
         Variables come from the environment, then from a `.env` file in the working directory or the nearest parent that has \
         one; what is set already wins. Options of the command line win over both. A blank variable is as good as \
         none, and one that is blank in the environment is none whatever the file says.\n\n\
         A `.env` file may come from an unknown author, because editors start servers in the folders they open. It only decides \
         what the last column says. Settings that are ignored are named in the log and by `doctor`; a file whose setting is refused stops the start with \
         exit status 2. What is set in the environment, even to nothing, leaves the file without a say. For `auth login` and over \
         HTTP, where callers bring their keys, a file's `PAGERDUTY_API_HOST` is refused unless it is the API of a region.\n\n\
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
