//! Serves MCP over HTTP from the command line.

use std::time::Duration;

use clap::ValueEnum;
use futures_util::FutureExt;

use super::args::{HttpArguments, Transport};
use super::status::{FAILED, SUCCESS};
use super::{output, signals};
use crate::app::App;
use crate::auth::TOKEN_HEADER;
use crate::config::{self, Config, REQUIRE_KEY, Serving};
use crate::error::{Code, Error, Result};
use crate::server::http::{Http, HttpOptions};
use crate::tools::Filter;

impl HttpArguments {
    /// Returns the options if MCP is served over HTTP. Options of the command line win over the environment.
    pub fn options(self, environment: Serving) -> Result<Option<HttpOptions>> {
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
            (None, None) => HttpOptions::default().port,
        };
        let require_key = match environment.require_key {
            _ if self.require_key => true,
            Some((name, value)) => config::flag(name, &value)?,
            None => false,
        };
        if require_key && self.shared_credential {
            return Err(Error::new(
                Code::InvalidConfiguration,
                format!("--shared-credential contradicts {REQUIRE_KEY}: one admits callers without a key, the other rejects them"),
            )
            .hint(format!("Leave out --shared-credential, or set {REQUIRE_KEY} to 0.")));
        }
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let host = self.host.or(environment.host.map(|(_, host)| host));
        Ok(Some(HttpOptions {
            host: host.unwrap_or_else(|| HttpOptions::default().host),
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
            drain: self.drain.map(seconds),
        }))
    }
}

/// Serves until SIGTERM. Ctrl-C ends the process at once.
pub async fn serve(options: HttpOptions, config: Config, filter: &Filter) -> Result<u8> {
    // A file in a folder must not decide where the callers' credentials are sent.
    config.refuse_host_of_file(&format!("the callers' {TOKEN_HEADER} headers"))?;
    let stop = signals::terminated()?.map(drop);
    let app = App::start(config, filter).await?;
    let http = Http::bind(options).await?;
    output::note(&format!("{}{}", http.describe(), output::account(&app.toolbox)));
    if let Some(warning) = http.warning() {
        output::warn(warning);
    }
    Ok(if http.serve(app.toolbox, stop).await { SUCCESS } else { FAILED })
}
