//! How MCP is served, as far as the environment says: the names that users of the Python servers have set.

use std::env;

/// The transport.
pub const FASTMCP_TRANSPORT: &str = "FASTMCP_TRANSPORT";
/// The address to listen on.
pub const FASTMCP_HOST: &str = "FASTMCP_HOST";
/// The port to listen on.
pub const FASTMCP_PORT: &str = "FASTMCP_PORT";
/// The address under the official server's name.
pub const MCP_HOST: &str = "MCP_HOST";
/// The port under the official server's name.
pub const MCP_PORT: &str = "MCP_PORT";

/// The switch that requires a key in every request.
pub const REQUIRE_KEY: &str = "PAGERDUTY_REQUIRE_KEY";

/// What the environment says, each with the name of its variable. Not read yet: whoever does not serve does not care.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Serving {
    /// The transport.
    pub transport: Option<(&'static str, String)>,
    /// The address to listen on.
    pub host: Option<(&'static str, String)>,
    /// The port to listen on.
    pub port: Option<(&'static str, String)>,
    /// The value of the switch that requires a credential in every request.
    pub require_key: Option<(&'static str, String)>,
}

impl Serving {
    /// From the environment, and not from a `.env` file: a folder has no say in who may reach this machine.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_lookup(|name| env::var(name).ok())
    }

    /// From variables, looked up by name. Blank ones count as unset.
    #[must_use]
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                let value = lookup(name).map(|value| value.trim().to_owned());
                value.filter(|value| !value.is_empty()).map(|value| (*name, value))
            })
        };
        Self {
            transport: first(&[FASTMCP_TRANSPORT]),
            host: first(&[FASTMCP_HOST, MCP_HOST]),
            port: first(&[FASTMCP_PORT, MCP_PORT]),
            require_key: first(&[REQUIRE_KEY]),
        }
    }
}
