//! Serving over HTTP: its options, and its run.

use std::time::Duration;

use clap::{Args, ValueEnum};
use futures_util::FutureExt;

use super::{FAILED, SUCCESS, output, signals};
use crate::app::App;
use crate::auth::TOKEN_HEADER;
use crate::config::{self, Config, REQUIRE_KEY, Serving};
use crate::error::{Code, Error, Result};
use crate::server::http::{Http, Options};
use crate::tools::Filter;

const HOST: &str = "127.0.0.1";
const PORT: u16 = 8000;

/// Says on its own options that they are about HTTP.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Serving over HTTP")]
pub struct HttpArguments {
    /// How MCP is served [default: stdio]
    #[arg(long, value_name = "TRANSPORT")]
    transport: Option<Transport>,

    /// The address to listen on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,

    /// The port to listen on, 0 for any that is free; MCP is at /mcp [default: 8000]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,

    /// Serve requests for this host, too: NAME or NAME:PORT, as in their Host header
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    allowed_host: Vec<String>,

    /// Serve requests from pages of this origin, too: scheme, name, port if it is not the usual one
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    allowed_origin: Vec<String>,

    /// Let callers from other machines act with the server's own credential if they bring none
    #[arg(long)]
    shared_credential: bool,

    /// Refuse requests without a credential of their own, from this machine as well
    #[arg(long, conflicts_with = "shared_credential")]
    require_key: bool,

    /// Open a session for clients of the revisions that have them; ties a client to this instance
    #[arg(long)]
    sessions: bool,

    /// How many requests are served at a time, in all; further ones are answered 429
    #[arg(long, value_name = "NUMBER", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    max_calls: u32,

    /// How many of them for one credential; near the limit for all, fewer while others are served
    #[arg(long, value_name = "NUMBER", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    max_calls_per_credential: u32,

    /// Seconds that the body of a request may take to arrive, and that a client may leave its answer unread
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    read_timeout: u32,

    /// Seconds after which a connection without a request is closed
    #[arg(long, value_name = "SECONDS", default_value_t = 75, value_parser = clap::value_parser!(u32).range(1..))]
    idle_timeout: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Transport {
    /// Standard input and output
    Stdio,
    /// Streamable HTTP
    #[value(alias = "streamable-http")]
    Http,
}

impl HttpArguments {
    /// The settings if MCP is to be served over HTTP. Options win over the environment.
    pub fn options(self, environment: Serving) -> Result<Option<Options>> {
        let transport = match (self.transport, environment.transport) {
            (Some(transport), _) => transport,
            (None, Some((name, value))) => Transport::from_str(&value, true).map_err(|_| {
                Error::new(Code::InvalidConfiguration, format!("{name} is {value:?}"))
                    .hint("Set it to stdio or http (or streamable-http).")
            })?,
            (None, None) => Transport::Stdio,
        };
        if transport == Transport::Stdio {
            return Ok(None);
        }
        let port = match (self.port, environment.port) {
            (Some(port), _) => port,
            (None, Some((name, value))) => value.parse().map_err(|_| {
                Error::new(Code::InvalidConfiguration, format!("{name} is {value:?}"))
                    .hint("Set it to a port, such as 8000.")
            })?,
            (None, None) => PORT,
        };
        let require_key = match environment.require_key {
            _ if self.require_key => true,
            Some((name, value)) => config::flag(name, &value)?,
            None => false,
        };
        if require_key && self.shared_credential {
            return Err(Error::new(
                Code::InvalidConfiguration,
                format!("--shared-credential contradicts {REQUIRE_KEY}: one lets callers without a key in, the other does not"),
            )
            .hint(format!("Leave out --shared-credential, or set {REQUIRE_KEY} to 0.")));
        }
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Ok(Some(Options {
            host: self.host.or(environment.host.map(|(_, host)| host)).unwrap_or_else(|| HOST.to_owned()),
            port,
            allowed_hosts: self.allowed_host,
            allowed_origins: self.allowed_origin,
            shared_credential: self.shared_credential,
            require_key,
            sessions: self.sessions,
            max_calls: self.max_calls as usize,
            max_calls_per_credential: self.max_calls_per_credential as usize,
            read_timeout: seconds(self.read_timeout),
            idle_timeout: seconds(self.idle_timeout),
        }))
    }
}

/// Serves until SIGTERM; Ctrl-C ends it at once.
pub async fn serve(options: Options, config: Config, filter: &Filter) -> Result<u8> {
    // A folder's file has no say in who is served, and none in where the callers' credentials go.
    config.refuse_host_of_file(&format!("what callers put into {TOKEN_HEADER}"))?;
    let stop = signals::terminated()?.map(drop);
    let app = App::start(config, filter).await?;
    let http = Http::bind(options).await?;
    output::note(&format!("{}{}", http.describe(), output::account(&app.toolbox)));
    if let Some(warning) = http.warning() {
        output::warn(warning);
    }
    Ok(if http.serve(app.toolbox, stop).await { SUCCESS } else { FAILED })
}
