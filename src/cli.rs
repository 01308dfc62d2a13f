//! The command line.
//!
//! The native binary and the Python console command both call [`run`]. Answers are written to standard output, everything
//! else to standard error. The exit status is 0, 1 if a call failed or its change does not hold, 2 if the command was
//! wrong, 130 after Ctrl-C, and 143 after SIGTERM (0 or 1 over HTTP).

mod args;
mod auth;
mod confirm;
mod doctor;
mod http;
mod output;
mod signals;
mod status;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::thread;

use clap::error::ErrorKind;
use serde_json::{Map, Value};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::app::{self, App};
use crate::audit;
use crate::config::{self, By, Config, Dotenv, Format, SANDBOX_STATE, Variables};
use crate::error::{Code, Error, Result};
use crate::private;
use crate::reply::Written;
use crate::sandbox::{self, Sandbox};
use crate::server::{self, http::HttpOptions};
use crate::tools::{self, Door, Filter, Party};
use args::{Arguments, CallArguments, Command, LogFormat, SandboxArguments, SandboxCommand};
use output::{answer, print, print_error, tool_list};
use status::{FAILED, SUCCESS, WRONG_USE};

pub use args::help;

/// Runs the command line. `arguments` begins with the program's name. Returns the exit status.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments = match Arguments::read(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return wrong_use(&error),
    };
    match execute(arguments) {
        Ok(status) => status,
        Err(error) => {
            print_error(&error);
            WRONG_USE
        }
    }
}

/// Prints clap's output: help and version are answers, the rest are errors.
fn wrong_use(error: &clap::Error) -> u8 {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        print(&error.render().to_string());
        return SUCCESS;
    }
    output::print_usage_error(&error.render().to_string());
    WRONG_USE
}

fn execute(arguments: Arguments) -> Result<u8> {
    if matches!(arguments.log_format, LogFormat::Json) {
        output::json();
    }
    let mut variables = Variables::of_process(&Dotenv::load());
    let serving = arguments.command.is_none();
    let of_file = arguments.log_level.is_none() && variables.by(config::LOG) == Some(By::File);
    let level = arguments.log_level.or_else(|| variables.get(config::LOG).map(str::to_owned));
    start_logging(level, arguments.log_format, serving, of_file).map_err(|error| variables.placed(error))?;
    if arguments.enable_write_tools {
        tracing::warn!("--enable-write-tools has no effect: incidents can be changed unless --read-only is given");
    }
    if arguments.sandbox || matches!(arguments.command, Some(Command::Sandbox(_))) {
        variables.set(config::SANDBOX, "1".to_owned())?;
    }
    if let Some(region) = arguments.region {
        variables.choose(config::parse_region(&region)?);
    }
    let mut config = Config::new(&variables)?;
    config.dotenv.warn();
    config.raw_text |= arguments.raw_text;
    config.confirm.required |= arguments.confirm;
    config.audit_log = arguments.audit_log.or(config.audit_log);
    config.audit_text |= arguments.audit_text;
    config.sandbox_faults = arguments.sandbox_faults.or(config.sandbox_faults);
    if let Some(format) = arguments.format {
        config.format = Format::parse(&format)?;
    }
    if let Some(tokens) = arguments.max_response_tokens {
        config.set_max_response_tokens("--max-response-tokens", &tokens)?;
    }
    if let Some(structured_content) = arguments.structured_content {
        config.set_structured_content("--structured-content", &structured_content)?;
    }
    let settings = Filter::of(&config);
    let filter = Filter {
        read_only: arguments.read_only || settings.read_only,
        toolsets: arguments.toolsets.or(settings.toolsets.filter(|_| arguments.tools.is_none())),
        tools: arguments.tools,
    };
    // The work is mostly waiting, so a few threads are enough on any machine.
    let threads = thread::available_parallelism().map_or(2, |cores| cores.get().min(4));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .map_err(|error| Error::new(Code::Internal, format!("the runtime cannot be started: {error}")))?;
    let label = config.sandbox.then_some(app::SANDBOX.name);
    let called = match &arguments.command {
        Some(Command::Call(call)) => Some(call.tool.clone()),
        Some(Command::Tools { .. } | Command::Doctor { .. } | Command::Auth(_) | Command::Sandbox(_)) | None => None,
    };
    let http = match &arguments.command {
        None => arguments.http.options(config::Serving::from_env())?,
        Some(_) => None,
    };
    // Over HTTP, the service always ends by a signal.
    let is_http = http.is_some();
    let (status, signaled) = runtime.block_on(async {
        tokio::select! {
            // First: until the first poll of this, Ctrl-C is not handled here, and is lost in a Python process.
            biased;
            status = signals::received(is_http) => {
                if let Some(tool) = called.filter(|_| !output::has_answered()) {
                    answer_json(&cancelled(&tool).labeled(label).envelope()).await;
                }
                (status, true)
            }
            status = command(arguments.command, http, config, &filter) => (status, is_http),
        }
    });
    runtime.block_on(async {
        tokio::select! {
            // Signals are received from the first poll on.
            biased;
            () = signals::second(signaled) => {}
            // Otherwise a refreshed login that is not stored yet would be lost, and a change that was sent would be cut off.
            _ = async { tokio::join!(crate::auth::settled(), crate::tools::settled()) } => {}
        }
    });
    // A thread may wait for input that never arrives.
    runtime.shutdown_background();
    status
}

async fn command(command: Option<Command>, http: Option<HttpOptions>, config: Config, filter: &Filter) -> Result<u8> {
    match command {
        None => serve(http, config, filter).await,
        Some(Command::Tools { json }) => {
            let app = App::start(Config { sandbox: false, ..config }, filter).await?;
            answer(tool_list(app.toolbox.tools(), json)).await;
            Ok(SUCCESS)
        }
        Some(Command::Call(arguments)) => call(arguments, config, filter).await,
        Some(Command::Auth(command)) => auth::run(command, config).await,
        Some(Command::Doctor { json }) => doctor::run(config, json).await,
        Some(Command::Sandbox(arguments)) => serve_sandbox(arguments, &config).await,
    }
}

async fn serve(http: Option<HttpOptions>, config: Config, filter: &Filter) -> Result<u8> {
    if let Some(options) = http {
        return http::serve(options, config, filter).await;
    }
    let app = App::start(config, filter).await?;
    if std::io::stdin().is_terminal() {
        output::note(&format!(
            "Serving MCP on standard input and output, for an MCP client. Press Ctrl-D to end it, or see --help.{}",
            output::account(&app.toolbox)
        ));
    }
    server::serve_stdio(app.toolbox).await.map_err(|error| {
        Error::new(Code::NetworkError, format!("standard output cannot be written: {error}"))
            .hint("Check the target of the output, such as a full disk or a closed pipe.")
    })?;
    Ok(SUCCESS)
}

/// The outcomes of changes that do not hold, or only in part.
const NOT_DONE: [&str; 3] = ["conflict", "partial", "unknown"];

async fn call(arguments: CallArguments, config: Config, filter: &Filter) -> Result<u8> {
    let app = App::start(config, filter).await?;
    let tool = app.toolbox.tool(&arguments.tool)?;
    let arguments = pairs(&arguments.arguments)?;
    let answered = async {
        // Before the call and its timeout starts: the user may take as long as a login may take.
        app.toolbox.log_in().await?;
        let caller = Party { door: Door::CommandLine, asking: confirm::asking(), ..Party::default() };
        app.toolbox.call_for(caller, tool.name, arguments).await
    };
    let (written, status) = match answered.await {
        Ok(reply) => {
            let status =
                if reply.outcome().is_some_and(|outcome| NOT_DONE.contains(&outcome)) { FAILED } else { SUCCESS };
            (reply.write(app.toolbox.format()), status)
        }
        Err(error) => (Written::Json(error.envelope().to_string()), FAILED),
    };
    match written {
        Written::Json(envelope) => answer_json(&serde_json::from_str(&envelope).unwrap_or_default()).await,
        Written::Table(table) => answer(format!("{table}\n")).await,
    }
    Ok(status)
}

/// Returns the answer to an interrupted call. Every call gets an answer.
fn cancelled(name: &str) -> Error {
    let error = Error::new(Code::Cancelled, format!("{name} was interrupted"));
    let only_reads = tools::all().any(|tool| tool.name == name && tool.is_read_only());
    error.hint(if only_reads {
        "Nothing was changed. Call it again."
    } else {
        "A change may have taken effect: check before trying again."
    })
}

async fn answer_json(envelope: &Value) {
    answer(format!("{envelope:#}\n")).await;
}

/// Parses arguments of the form `key=value`. A repeated key makes a list.
fn pairs(arguments: &[String]) -> Result<Map<String, Value>> {
    let mut map: Map<String, Value> = Map::new();
    for argument in arguments {
        let (key, value) = argument.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
            Error::new(Code::InvalidParameter, format!("{argument:?} is not of the form key=value"))
                .hint("Write arguments like limit=5 or statuses=triggered,acknowledged; `tools` lists them.")
        })?;
        match map.get_mut(key) {
            None => {
                map.insert(key.to_owned(), value.into());
            }
            Some(Value::Array(values)) => values.push(value.into()),
            Some(first) => *first = vec![first.take(), value.into()].into(),
        }
    }
    Ok(map)
}

async fn serve_sandbox(arguments: SandboxArguments, config: &Config) -> Result<u8> {
    if let Some(SandboxCommand::Reset) = arguments.command {
        return reset_sandbox(config).await;
    }
    let options = sandbox::Options {
        port: arguments.port,
        rate_limit: arguments.rate_limit,
        faults: app::faults(config)?,
        scenario: app::scenario(arguments.scenario.as_ref().or(config.sandbox_scenario.as_ref()))?,
        tls: arguments.tls,
        ..sandbox::Options::default()
    };
    let sandbox = Sandbox::start(options).await.map_err(|error| {
        Error::new(Code::InvalidConfiguration, format!("the sandbox cannot listen on port {}: {error}", arguments.port))
            .hint("Choose another --port, or 0 for any that is free.")
    })?;
    let certificate = sandbox.ca().map(|pem| Certificate::write(pem, config, sandbox.url())).transpose()?;
    answer(output::sandbox_banner(&sandbox, certificate.as_ref().map(|certificate| certificate.0.as_path()))).await;
    std::future::pending::<()>().await;
    Ok(SUCCESS)
}

/// The file with the certificate of a sandbox's authority. It is removed when the sandbox ends.
struct Certificate(PathBuf);

impl Certificate {
    /// Writes the file next to the account's file, under a name that no other running sandbox uses.
    fn write(pem: &str, config: &Config, url: &str) -> Result<Self> {
        let port = url.rsplit(':').next().unwrap_or_default();
        let folder = config.sandbox_state.as_deref().and_then(Path::parent).ok_or_else(|| {
            Error::new(Code::InvalidConfiguration, "there is no folder for the certificate of the sandbox's authority")
                .hint(format!("Set {SANDBOX_STATE} to the full path of a file: the certificate is written next to it."))
        })?;
        let path = folder.join(format!("sandbox-ca-{port}.pem"));
        private::replace(&path, pem).map_err(|error| {
            Error::new(Code::InvalidConfiguration, format!("{} cannot be written: {error}", path.display()))
                .hint("Check the folder and its permissions.")
        })?;
        Ok(Self(path))
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        if let Err(error) = private::remove(&self.0) {
            tracing::debug!(%error, path = %self.0.display(), "certificate not removed");
        }
    }
}

async fn reset_sandbox(config: &Config) -> Result<u8> {
    let Some(path) = &config.sandbox_state else {
        answer("The sandbox keeps nothing: each process starts with a fresh account.\n".to_owned()).await;
        return Ok(SUCCESS);
    };
    let there = sandbox::reset(path).map_err(|error| {
        Error::new(Code::InvalidConfiguration, format!("{} cannot be removed: {error}", path.display()))
            .hint(format!("Check {SANDBOX_STATE}, and the file, its folder and their permissions."))
    })?;
    let path = path.display();
    let done = if there {
        format!("The sandbox was reset: removed {path}.\n")
    } else {
        format!("The sandbox has no changes: {path} does not exist.\n")
    };
    answer(done).await;
    Ok(SUCCESS)
}

/// Starts to log to standard error. Standard output belongs to the protocol.
///
/// A bare level applies to the modules of this crate: libraries log only if a filter names them, because some of their lines
/// contain messages. A server logs each change with its author, unless the level is `error` or a filter does not name it
/// (`pagerduty_mcp_server::audit=info`). A level from a `.env` file (`of_file`) does not hide it.
fn start_logging(level: Option<String>, format: LogFormat, serving: bool, of_file: bool) -> Result<()> {
    let level = level.unwrap_or_default();
    let own = |directive: &str| match directive.trim() {
        named if named.find('=').is_some_and(|at| at > 0) => named.to_owned(),
        level => format!("pagerduty_mcp_server={}", level.trim_start_matches('=')),
    };
    let directives = match level.trim() {
        "" => own("warn"),
        level => level.split(',').map(own).collect::<Vec<_>>().join(","),
    };
    let audited = serving && (of_file || ["", "warn"].contains(&level.trim()));
    // Not `EnvFilter`, which would add a regex engine for filters by field.
    let filter: Targets = directives.parse().map_err(|error| {
        Error::new(Code::InvalidConfiguration, format!("{} is {level:?}, which is not usable: {error}", config::LOG))
            .hint("Use error, warn, info, debug or trace, or a filter such as pagerduty_mcp_server=debug.")
    })?;
    // The level may come from a `.env` file, which must not hide the warnings about that file.
    let filter = filter.with_target("pagerduty_mcp_server::config", Level::WARN);
    let filter = if audited { filter.with_target(audit::TARGET, Level::INFO) } else { filter };
    // In a Python process an earlier call may have started logging, which then stays.
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log = tracing_subscriber::registry().with(filter);
    let _ = match format {
        LogFormat::Text => log.with(lines.with_ansi(std::io::stderr().is_terminal())).try_init(),
        LogFormat::Json => {
            log.with(lines.json().flatten_event(true).with_current_span(true).with_span_list(false)).try_init()
        }
    };
    Ok(())
}
