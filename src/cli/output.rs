//! Writes to standard output and standard error. Besides the protocol, nothing else writes to standard output.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use pagerduty_rows::text;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::sandbox::{Sandbox, tokens};
use crate::server::definition;
use crate::tools::{Tool, Toolbox};

/// Set once an answer has been printed, at least in part.
static ANSWERED: AtomicBool = AtomicBool::new(false);

/// Prints an answer. A reader that stops reading (`… | head`) is not an error.
pub fn print(text: &str) {
    ANSWERED.store(true, Ordering::Relaxed);
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Prints an answer from another thread, so that a signal ends the process even if its output is not read.
pub async fn answer(text: String) {
    tokio::task::spawn_blocking(move || print(&text)).await.ok();
}

/// Returns whether an answer has been printed, at least in part.
pub fn has_answered() -> bool {
    ANSWERED.load(Ordering::Relaxed)
}

/// Set if everything on standard error is written as lines of JSON.
static JSON: AtomicBool = AtomicBool::new(false);

/// Writes everything on standard error as lines of JSON from now on, in the form of the log: messages for people, usage
/// errors, panics.
pub fn json() {
    JSON.store(true, Ordering::Relaxed);
    std::panic::set_hook(Box::new(|panic| {
        line("ERROR", &panic.to_string(), &[]);
    }));
}

/// Writes a line of JSON if standard error has those. Returns whether it does.
fn line(level: &str, message: &str, more: &[(&str, Option<&str>)]) -> bool {
    if !JSON.load(Ordering::Relaxed) {
        return false;
    }
    let mut line = Map::new();
    line.insert("timestamp".to_owned(), jiff::Timestamp::now().to_string().into());
    line.insert("level".to_owned(), level.into());
    line.insert("message".to_owned(), message.into());
    line.extend(more.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.into()))));
    line.insert("target".to_owned(), "pagerduty_mcp_server".into());
    let _ = writeln!(io::stderr(), "{}", Value::Object(line));
    true
}

/// Writes a message for people, or a line of JSON if standard error has those.
pub fn note(text: &str) {
    if !line("INFO", text, &[]) {
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// Returns a sentence that names an account that is not PagerDuty's, for the first line of a server; otherwise nothing.
pub fn account(toolbox: &Toolbox) -> String {
    toolbox.label().map(|label| format!(" The account is {}, which is not real.", label.title)).unwrap_or_default()
}

/// Writes a warning for people, or a line of JSON if standard error has those.
pub fn warn(text: &str) {
    if !line("WARN", text, &[]) {
        let _ = writeln!(io::stderr(), "warning: {text}");
    }
}

/// Returns text that PagerDuty or a file supplied (a name, an error message) as part of a line on a terminal: without
/// escape sequences and hidden characters, and without line breaks, which could add lines that look like output.
pub fn in_line(text: &str) -> Cow<'_, str> {
    let breaks_line = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}');
    let shown = text::neutralize(text);
    if shown.contains(breaks_line) { Cow::Owned(shown.replace(breaks_line, " ")) } else { shown }
}

/// Prints the report of a command as JSON, without hidden characters.
pub async fn report(mut report: Value) {
    text::neutralize_value(&mut report);
    answer(format!("{report:#}\n")).await;
}

/// Prints an error of use with its hint.
pub fn print_error(error: &Error) {
    if line("ERROR", error.message(), &[("code", Some(error.code().as_str())), ("hint", error.hint_text())]) {
        return;
    }
    note(&format!("error: {}", in_line(error.message())));
    if let Some(hint) = error.hint_text() {
        note(&format!("hint: {}", in_line(hint)));
    }
}

/// Prints an error of use that clap found, with a hint.
pub fn print_usage_error(text: &str) {
    let text = text.split("\n\nFor more information").next().unwrap_or(text).trim_end();
    note(&format!("{text}\n\nhint: `pagerduty-mcp-server --help` lists the options and commands."));
}

/// Returns the tools as a table for people, or as the definitions that an MCP client gets.
pub fn tool_list(tools: &[&'static Tool], as_json: bool) -> String {
    if as_json {
        let definitions: Value = tools.iter().map(|tool| definition(tool)).collect();
        return format!("{definitions:#}\n");
    }
    let width = tools.iter().map(|tool| tool.name.len()).max().unwrap_or(0);
    let line = |tool: &&Tool| format!("{:width$}  {}\n", tool.name, tool.description);
    tools.iter().map(line).collect::<Vec<_>>().concat()
}

/// Returns the output of `sandbox`: the address and the tokens of the account, as lines that a shell can read.
pub fn sandbox_banner(sandbox: &Sandbox, certificate: Option<&Path>) -> String {
    let url = sandbox.url();
    let certificate = certificate.map(|path| format!("SSL_CERT_FILE={}\n", path.display())).unwrap_or_default();
    format!(
        "PAGERDUTY_API_HOST={url}\nPAGERDUTY_API_TOKEN={}\nPAGERDUTY_IDENTITY_HOST={url}\n{certificate}SANDBOX_TOKEN={}\n\
         # Other tokens: {} (in no team), {} (account-level), {} (read-only), {} (basic plan), {} (OAuth).\n\
         # GET {url}/sandbox describes the account, with SANDBOX_TOKEN in the header X-Sandbox-Token. Ctrl-C ends it.\n",
        tokens::USER,
        sandbox.control_token(),
        tokens::TEAMLESS,
        tokens::ACCOUNT,
        tokens::READ_ONLY,
        tokens::BASIC_PLAN,
        tokens::OAUTH,
    )
}
