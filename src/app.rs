//! The toolbox of a running program, with the sandbox if it uses one.

use std::sync::Arc;

use crate::config::{By, Config, Host, SANDBOX_FAULTS, SANDBOX_SCENARIO};
use crate::error::{Code, Error, Result};
use crate::sandbox::{self, FaultSpec, Sandbox, Scenario};
use crate::tools::{Filter, Label, Toolbox};

/// The notice to a model and its user that the sandbox is not PagerDuty.
pub const SANDBOX: Label = Label {
    name: "sandbox",
    title: "PagerDuty (sandbox)",
    notice: "SANDBOX: this is a made-up PagerDuty account for trying things out. Its incidents, users and on-call shifts are \
             not real, and changes reach no person. Say so when you report results.",
};

/// The tools that a door offers, and the sandbox that they use.
#[derive(Debug)]
pub struct App {
    /// The enabled tools.
    pub toolbox: Arc<Toolbox>,
    _sandbox: Option<Sandbox>,
}

impl App {
    /// Creates the tools. With `config.sandbox`, starts the sandbox first and uses it in place of PagerDuty: its host, its
    /// credential and its author of writes replace those of the environment.
    pub async fn start(mut config: Config, filter: &Filter) -> Result<Self> {
        let running = embed(&mut config).await?;
        let toolbox = Toolbox::new(&config, filter)?.labeled(running.is_some().then_some(&SANDBOX));
        Ok(Self { toolbox: Arc::new(toolbox), _sandbox: running })
    }
}

/// Starts the sandbox if `config` enables it, and directs `config` to it.
pub async fn embed(config: &mut Config) -> Result<Option<Sandbox>> {
    if !config.sandbox {
        return Ok(None);
    }
    let faults = faults(config)?;
    let scenario = scenario(config.sandbox_scenario.as_ref())?;
    // The script begins when the process starts, so another process could not continue it.
    let state = config.sandbox_state.clone().filter(|_| scenario.is_none());
    let sandbox =
        Sandbox::start(sandbox::Options { faults, scenario, state, ..Default::default() }).await.map_err(|error| {
            Error::new(Code::NetworkError, format!("the sandbox cannot listen on a loopback port: {error}"))
                .hint("Check that this process may open sockets on 127.0.0.1.")
        })?;
    config.host = Host::parse(sandbox.url())?;
    config.host_by = Some(By::User);
    config.token = Some((sandbox::tokens::USER.into(), "the sandbox"));
    config.user_email = None;
    Ok(Some(sandbox))
}

/// Parses the scenario of the sandbox.
pub fn scenario(name: Option<&String>) -> Result<Option<Scenario>> {
    let read = |name: &String| {
        name.parse().map_err(|why: String| {
            Error::new(Code::InvalidConfiguration, format!("{SANDBOX_SCENARIO} is not usable: {why}"))
                .hint(format!("Set it to {}.", Scenario::NAMES.join(" or ")))
        })
    };
    name.map(read).transpose()
}

/// Parses the faults of the sandbox from the settings.
pub fn faults(config: &Config) -> Result<FaultSpec> {
    FaultSpec::parse(config.sandbox_faults.as_deref().unwrap_or_default()).map_err(|why| {
        Error::new(Code::InvalidConfiguration, format!("{SANDBOX_FAULTS} is not usable: {why}"))
            .hint("Write entries such as 2% reset; GET /incidents status=503 x3; delay=50, separated by semicolons.")
    })
}
