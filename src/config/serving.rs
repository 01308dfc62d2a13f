//! The settings of the environment for serving MCP, under the names that users of the Python servers have set.

use std::env;

use super::{FASTMCP_HOST, FASTMCP_PORT, FASTMCP_TRANSPORT, MCP_HOST, MCP_PORT, REQUIRE_KEY};

/// The values in the environment, each with the name of its variable. They are parsed when a server starts, because other
/// commands do not need them.
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
    /// Returns the values in the environment. A `.env` file does not count, because a folder must not decide who can reach
    /// this machine.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_lookup(|name| env::var(name).ok())
    }

    /// Returns the values of variables. Blank ones count as unset.
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
