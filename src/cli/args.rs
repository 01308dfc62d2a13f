//! The command line arguments, as a declaration for clap.
//!
//! Values that variables may have, too, are strings here and parsed later. So they follow the same rules as in variables,
//! only the last value of a repeated option has to be valid, and errors follow `--log-format`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::server::http::{IDLE_TIMEOUT_SECS, MAX_CALLS, MAX_CALLS_PER_CREDENTIAL, READ_TIMEOUT_SECS};

/// PagerDuty for AI agents: an MCP server over standard input and output or HTTP, and a command line for its tools
#[derive(Debug, Default, Parser)]
#[command(
    name = "pagerduty-mcp-server",
    version,
    // Of an option given twice the last one counts, so that arguments can override those of a container's entry point.
    args_override_self = true,
    after_help = "Without a command it serves MCP. The credential comes from PAGERDUTY_API_TOKEN (environment or .env),\n\
                  or from a login in the browser (PAGERDUTY_CLIENT_ID, see `auth`).\n\
                  Try it without an account: pagerduty-mcp-server call get_incidents limit=3 --sandbox"
)]
#[allow(clippy::struct_excessive_bools, reason = "they are switches")]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Use the sandbox, an embedded account: no PagerDuty account and no credential needed
    #[arg(long, global = true)]
    pub sandbox: bool,

    /// Faults of the sandbox: "2% reset; GET /incidents status=503 x3; delay=50; seed=7"
    #[arg(long, global = true, value_name = "SPEC")]
    pub sandbox_faults: Option<String>,

    /// Offer only tools that change nothing
    #[arg(long, global = true)]
    pub read_only: bool,

    /// Offer only these tools
    #[arg(long, global = true, value_name = "NAME", value_delimiter = ',')]
    pub tools: Option<Vec<String>>,

    /// Offer only the tools of these toolsets; core: those that are on by default; all: every one
    #[arg(long, global = true, value_name = "NAME", value_delimiter = ',')]
    pub toolsets: Option<Vec<String>>,

    /// Ask a person before changes that destroy, publish or run something; the client must take questions (MCP elicitation),
    /// which opencode, Gemini CLI, openai-agents and crewai-tools do not
    #[arg(long, global = true)]
    pub confirm: bool,

    /// Append a line of JSON about each change to this file, instead of logging it
    #[arg(long, global = true, value_name = "FILE")]
    pub audit_log: Option<PathBuf>,

    /// Add the arguments of calls to these lines, with the text of notes, titles and messages
    #[arg(long, global = true)]
    pub audit_text: bool,

    /// Keep control characters and invisible Unicode in text from PagerDuty
    #[arg(long, global = true)]
    pub raw_text: bool,

    /// Service region of the account: us or eu
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,

    /// Format of lists: json or compact; compact is a table with the same data in half the tokens
    #[arg(long, global = true, value_name = "FORMAT")]
    pub format: Option<String>,

    /// Maximum size of an answer in tokens, at which a list is truncated; 0 is no limit
    #[arg(long, global = true, value_name = "TOKENS")]
    pub max_response_tokens: Option<String>,

    /// Send structured content over MCP in addition to the same text: on or off
    #[arg(long, global = true, value_name = "on|off")]
    pub structured_content: Option<String>,

    /// Level of the log on standard error: error, warn, info, debug or trace
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,

    /// Format of the log
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// Accepted for configurations of PagerDuty's official server, where it enables tools that are always enabled here
    #[arg(long, global = true, hide = true)]
    pub enable_write_tools: bool,

    #[command(flatten)]
    pub http: HttpArguments,
}

/// The options of MCP over HTTP, which have a separate heading in `--help`.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Serving over HTTP")]
pub struct HttpArguments {
    /// Transport of MCP [default: stdio]
    #[arg(long, value_name = "TRANSPORT")]
    pub transport: Option<Transport>,

    /// Address to listen on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<String>,

    /// Port to listen on, 0 for any free one; MCP is at /mcp [default: 8000]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,

    /// Also serve requests for this host: NAME or NAME:PORT, as in their Host header
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub allowed_host: Vec<String>,

    /// Also serve requests from pages of this origin: scheme, name, and port unless it is the default
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    pub allowed_origin: Vec<String>,

    /// Let callers on other machines use the server's credential if they send none
    #[arg(long)]
    pub shared_credential: bool,

    /// Refuse requests without a credential, including requests from this machine
    #[arg(long, conflicts_with = "shared_credential")]
    pub require_key: bool,

    /// Keep MCP sessions for protocol revisions that have them; a client must then return to this instance
    #[arg(long)]
    pub sessions: bool,

    /// Maximum concurrent requests; more are rejected with 429
    #[arg(long, value_name = "NUMBER", default_value_t = MAX_CALLS, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_calls: u32,

    /// Maximum concurrent requests per credential (lowered for busy credentials when the server is nearly full)
    #[arg(long, value_name = "NUMBER", default_value_t = MAX_CALLS_PER_CREDENTIAL, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_calls_per_credential: u32,

    /// Seconds to receive a request body, and for a client to read more of its answer
    #[arg(long, value_name = "SECONDS", default_value_t = READ_TIMEOUT_SECS, value_parser = clap::value_parser!(u32).range(1..))]
    pub read_timeout: u32,

    /// Seconds until a connection without a request is closed
    #[arg(long, value_name = "SECONDS", default_value_t = IDLE_TIMEOUT_SECS, value_parser = clap::value_parser!(u32).range(1..))]
    pub idle_timeout: u32,

    /// Seconds after SIGTERM in which calls are still served while /readyz answers 503 (default 5, or 0 on a loopback address)
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(..=20))]
    pub drain: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// Standard input and output
    Stdio,
    /// Streamable HTTP
    #[value(alias = "streamable-http")]
    Http,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LogFormat {
    /// Plain text
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// List the tools
    Tools {
        /// Print JSON: name, title, description, input schema, annotations
        #[arg(long)]
        json: bool,
    },
    /// Call a tool and print its answer; exit status 1 if it is an error or a change does not hold
    Call(CallArguments),
    /// Check everything that a call depends on, with a hint for each problem; exit status 1 if a check fails
    Doctor {
        /// Print JSON: name, status, message and hint of each check
        #[arg(long)]
        json: bool,
    },
    /// Log in to PagerDuty in the browser (OAuth 2.0), show the login, log out
    #[command(subcommand)]
    Auth(AuthCommand),
    /// Serve a fresh sandbox without MCP, and print its URL and tokens
    Sandbox(SandboxArguments),
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub enum AuthCommand {
    /// Log in with the browser, and print the user; needs the client ID of an OAuth app
    Login,
    /// Show the credential in use and its user; exit status 1 if no credential works
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove the stored login
    Logout,
}

#[derive(Debug, Args)]
pub struct CallArguments {
    /// Name of the tool
    pub tool: String,

    /// Arguments as key=value; lists as a,b or by repeated keys
    #[arg(value_name = "KEY=VALUE")]
    pub arguments: Vec<String>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SandboxArguments {
    #[command(subcommand)]
    pub command: Option<SandboxCommand>,

    /// Loopback port; 0 is any free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,

    /// Requests per minute; more are answered with 429
    #[arg(long, value_name = "REQUESTS", default_value_t = 960)]
    pub rate_limit: u32,

    /// Events that happen in the account as time goes on: "outage"
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<String>,

    /// Serve HTTPS with a certificate authority made for this run, and print the path of its certificate
    #[arg(long)]
    pub tls: bool,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub enum SandboxCommand {
    /// Discard all stored changes of the --sandbox account, for every process that uses it
    Reset,
}

impl Arguments {
    /// Reads the arguments, which begin with the program's name.
    ///
    /// Without any, which is how most clients start the server, clap is not used: describing all commands to it takes more
    /// instructions than the rest of the start.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let arguments: Vec<_> = arguments.into_iter().collect();
        if arguments.len() < 2 { Ok(Self::default()) } else { Self::try_parse_from(arguments) }
    }
}

impl Default for HttpArguments {
    fn default() -> Self {
        Self {
            transport: None,
            host: None,
            port: None,
            allowed_host: Vec::new(),
            allowed_origin: Vec::new(),
            shared_credential: false,
            require_key: false,
            sessions: false,
            max_calls: MAX_CALLS,
            max_calls_per_credential: MAX_CALLS_PER_CREDENTIAL,
            read_timeout: READ_TIMEOUT_SECS,
            idle_timeout: IDLE_TIMEOUT_SECS,
            drain: None,
        }
    }
}

/// Returns the help texts of the program and its commands, for the documentation: (command, text).
#[must_use]
pub fn help() -> Vec<(String, String)> {
    let mut program = Arguments::command();
    program.build();
    let name = program.get_name().to_owned();
    let mut texts = vec![(name.clone(), program.render_help().to_string())];
    for command in program.get_subcommands_mut().filter(|command| command.get_name() != "help") {
        let path = format!("{name} {}", command.get_name());
        texts.push((path.clone(), command.render_help().to_string()));
        for command in command.get_subcommands_mut().filter(|command| command.get_name() != "help") {
            texts.push((format!("{path} {}", command.get_name()), command.render_help().to_string()));
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_arguments_are_read_as_clap_reads_them() {
        let program = || [OsString::from("pagerduty-mcp-server")];
        let parsed = Arguments::try_parse_from(program()).unwrap();
        assert_eq!(format!("{:?}", Arguments::read(program()).unwrap()), format!("{parsed:?}"));
        let parsed = Arguments::try_parse_from(program().into_iter().chain(["--sandbox".into()])).unwrap();
        assert_ne!(format!("{parsed:?}"), format!("{:?}", Arguments::default()));
    }
}
