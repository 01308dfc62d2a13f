//! The arguments, as a declaration that clap reads.

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use super::http::HttpArguments;

/// PagerDuty for AI agents: serves MCP over standard input and output or HTTP, or calls a tool from the command line.
#[derive(Debug, Parser)]
#[command(
    name = "pagerduty-mcp-server",
    version,
    // Of an option given twice the last one counts, so that arguments can override those of a container's entry point.
    args_override_self = true,
    after_help = "Without a command it serves MCP. The credential comes from PAGERDUTY_API_TOKEN (environment or .env),\n\
                  or from a login in the browser (PAGERDUTY_CLIENT_ID, see `auth`).\n\
                  No account at hand? Try: pagerduty-mcp-server call get_incidents limit=3 --sandbox"
)]
#[allow(clippy::struct_excessive_bools, reason = "they are switches")]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Run on the embedded account: no PagerDuty account and no credential needed
    #[arg(long, global = true)]
    pub sandbox: bool,

    /// What goes wrong in the embedded account: "2% reset; GET /incidents status=503 x3; delay=50; seed=7"
    #[arg(long, global = true, value_name = "SPEC")]
    pub sandbox_faults: Option<String>,

    /// Offer only the tools that change nothing
    #[arg(long, global = true)]
    pub read_only: bool,

    /// Offer only these tools
    #[arg(long, global = true, value_name = "NAME", value_delimiter = ',')]
    pub tools: Option<Vec<String>>,

    /// Offer only the tools of these toolsets
    #[arg(long, global = true, value_name = "NAME", value_delimiter = ',')]
    pub toolsets: Option<Vec<String>>,

    /// Leave text as PagerDuty gives it, with control characters and invisible Unicode
    #[arg(long, global = true)]
    pub raw_text: bool,

    /// The service region of the account: us or eu
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,

    /// How lists are written: json, or compact (a table of the same in half the tokens)
    #[arg(long, global = true, value_name = "FORMAT")]
    pub format: Option<String>,

    /// The size at which an answer is cut at a whole item, in tokens; 0 is no limit
    #[arg(long, global = true, value_name = "TOKENS")]
    pub max_response_tokens: Option<String>,

    /// Whether answers over MCP have structured content beside the same text: on or off
    #[arg(long, global = true, value_name = "on|off")]
    pub structured_content: Option<String>,

    /// What to log to standard error: error, warn, info, debug, trace
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,

    /// How log lines are written
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// Accepted for configurations of PagerDuty's official server, where it switches on what is on here
    #[arg(long, global = true, hide = true)]
    pub enable_write_tools: bool,

    #[command(flatten)]
    pub http: HttpArguments,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One object a line, for programs
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the tools
    Tools {
        /// As JSON: name, title, description, input schema, annotations
        #[arg(long)]
        json: bool,
    },
    /// Call a tool and print its answer; exit status 1 if it is an error
    Call(CallArguments),
    /// Check everything a call depends on, and say what to do about what is wrong; exit status 1 if a check fails
    Doctor {
        /// As JSON: each check with name, status, message, hint
        #[arg(long)]
        json: bool,
    },
    /// Log in to PagerDuty in the browser (OAuth 2.0), see who is logged in, log out
    #[command(subcommand)]
    Auth(AuthCommand),
    /// Serve a fresh embedded account alone, and print its URL and tokens
    Sandbox(SandboxArguments),
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub enum AuthCommand {
    /// Log in in the browser, and say as whom; needs an OAuth app's client ID
    Login,
    /// Show which credential is in force, and whose it is; exit status 1 if there is none that works
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove the stored login
    Logout,
}

#[derive(Debug, Args)]
pub struct CallArguments {
    /// The tool's name
    pub tool: String,

    /// Arguments as key=value; lists as a,b or by repeating the key
    #[arg(value_name = "KEY=VALUE")]
    pub arguments: Vec<String>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SandboxArguments {
    #[command(subcommand)]
    pub command: Option<SandboxCommand>,

    /// The loopback port; 0 is any that is free
    #[arg(long, default_value_t = 0)]
    pub port: u16,

    /// Requests a minute before it answers 429
    #[arg(long, value_name = "REQUESTS", default_value_t = 960)]
    pub rate_limit: u32,

    /// Speak HTTPS, with a certificate of an authority made for this run, and print the path of that authority's certificate
    #[arg(long)]
    pub tls: bool,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub enum SandboxCommand {
    /// Forget what was changed in the account of --sandbox, in every process that uses it
    Reset,
}

/// The help texts of the program and its commands, for the documentation: (command, text).
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
