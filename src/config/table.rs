//! The variables: their names, their meanings, and the influence that a `.env` file has on each.

use super::answers::{FORMAT, MAX_RESPONSE_TOKENS, RAW_TEXT, STRUCTURED_CONTENT};
use super::oauth::{BROWSER, CALLBACK_PORT, CLIENT_ID, CLIENT_SECRET, IDENTITY_HOST, OAUTH_TIMEOUT, TOKEN_STORE};
use super::serving::{FASTMCP_HOST, FASTMCP_PORT, FASTMCP_TRANSPORT, MCP_HOST, MCP_PORT, REQUIRE_KEY};
use super::trust::{SSL_CERT_DIR, SSL_CERT_FILE};
use super::{embedded, flag, unquoted};

/// An environment variable, as it is documented.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// The name of the variable.
    pub name: &'static str,
    /// The value used when it is not set.
    pub default: &'static str,
    /// The purpose of the variable.
    pub meaning: &'static str,
    /// The influence that a `.env` file has on it.
    pub in_file: InFile,
}

/// The influence that a `.env` file has on a variable. The file may come from an unknown author: editors start servers
/// in the folders they open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InFile {
    /// The value is used: at worst it makes calls fail.
    Taken,
    /// The value is used if the environment names no credential, neither a key nor a client to log in with.
    Credential,
    /// The value is used together with a key from the same file, and ignored otherwise.
    WithKey,
    /// The value is used together with a key from the same file, or if it is one of PagerDuty's own hosts, and refused
    /// otherwise.
    HostWithKey,
    /// The value is used if it is a level of the log, and ignored otherwise: a filter could hide lines, or let libraries
    /// log the content of messages.
    Level,
    /// The value is ignored.
    Ignored,
    /// The value is refused, because continuing without it would mislead the user.
    Refused,
}

impl InFile {
    /// Returns the rule in the words of the documentation.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            InFile::Taken => "taken",
            InFile::Credential => "taken, unless the environment has a key or `PAGERDUTY_CLIENT_ID`",
            InFile::WithKey => "taken with a key of the same file, else ignored",
            InFile::HostWithKey => "taken with a key of the same file, or if it is the API of a region; else refused",
            InFile::Level => "taken if it is `error`, `warn`, `info` or `debug`, else ignored",
            InFile::Ignored => "ignored",
            InFile::Refused => "refused",
        }
    }
}

/// The credential.
pub const API_TOKEN: &str = "PAGERDUTY_API_TOKEN";
/// The credential under the official server's name.
pub const USER_API_KEY: &str = "PAGERDUTY_USER_API_KEY";
/// The service region.
pub const REGION: &str = "PAGERDUTY_REGION";
/// The API's base URL.
pub const API_HOST: &str = "PAGERDUTY_API_HOST";
/// The address of the author of writes.
pub const USER_EMAIL: &str = "PAGERDUTY_USER_EMAIL";
/// The time-out of a call.
pub const TIMEOUT: &str = "PAGERDUTY_TIMEOUT";
/// The time-out of connecting.
pub const CONNECT_TIMEOUT: &str = "PAGERDUTY_CONNECT_TIMEOUT";
/// The filter of the log.
pub const LOG: &str = "PAGERDUTY_LOG";

/// Every variable the server reads.
pub const VARIABLES: &[Variable] = &[
    Variable {
        name: API_TOKEN,
        default: "none",
        meaning: "The PagerDuty credential: a REST API key of a user (recommended) or of the account, or an OAuth access \
                  token (`pdus+_…`, `pdeu+_…`).",
        in_file: InFile::Credential,
    },
    Variable {
        name: USER_API_KEY,
        default: "none",
        meaning: "The same under the name that PagerDuty's official server used; read when `PAGERDUTY_API_TOKEN` is unset.",
        in_file: InFile::Credential,
    },
    Variable {
        name: CLIENT_ID,
        default: "none",
        meaning: "The client ID of an OAuth app registered at PagerDuty. Switches the login in the browser on, for when no \
                  other credential is given.",
        in_file: InFile::Taken,
    },
    Variable {
        name: CLIENT_SECRET,
        default: "none",
        meaning: "The OAuth app's secret. With it an expired login is refreshed; without it the browser opens again.",
        in_file: InFile::Taken,
    },
    Variable {
        name: CALLBACK_PORT,
        default: "5173",
        meaning: "The local port PagerDuty sends the browser back to. The app's redirect URL is \
                  `http://localhost:5173/oauth/pagerduty` with this port.",
        in_file: InFile::Taken,
    },
    Variable {
        name: OAUTH_TIMEOUT,
        default: "300",
        meaning: "Seconds that a login in the browser may take.",
        in_file: InFile::Taken,
    },
    Variable {
        name: TOKEN_STORE,
        default: "keyring",
        meaning: "Where a login is kept: `keyring`, the operating system's, or `file`, a file that only the user can read, \
                  for machines without a keyring.",
        in_file: InFile::Ignored,
    },
    Variable {
        name: BROWSER,
        default: "the system's",
        meaning: "The command that opens the login page: `%s` stands for the URL, several commands are separated by `:` (`;` \
                  on Windows) and tried in order.",
        in_file: InFile::Ignored,
    },
    Variable {
        name: IDENTITY_HOST,
        default: "https://identity.pagerduty.com",
        meaning: "The base URL of the identity server, for tests and gateways. Plain `http` is accepted for loopback \
                  addresses only.",
        in_file: InFile::Refused,
    },
    Variable {
        name: REGION,
        default: "by login, else us",
        meaning: "The service region of the account, `us` or `eu`. A valid credential sent to the other region is refused.",
        in_file: InFile::Taken,
    },
    Variable {
        name: API_HOST,
        default: "by region",
        meaning: "The base URL of the API, for a gateway in front of it, such as `https://pagerduty.internal.example`. Wins \
                  over the region. Plain `http` is accepted for loopback addresses only.",
        in_file: InFile::HostWithKey,
    },
    Variable {
        name: USER_EMAIL,
        default: "the current user's",
        meaning: "The email address of the user in whose name incidents are changed with the server's own credential. \
                  Required for writes with an account-level key.",
        in_file: InFile::WithKey,
    },
    embedded::SWITCH,
    embedded::FAULTS,
    embedded::STATE,
    Variable {
        name: MAX_RESPONSE_TOKENS,
        default: "25000",
        meaning: "The size of an answer, in tokens (estimated), at which a list is cut at a whole item. `0` is no limit. Unless it is \
                  set, lists also keep to what a known client shows, see `docs/clients.md`.",
        in_file: InFile::Taken,
    },
    Variable {
        name: RAW_TEXT,
        default: "0",
        meaning: "`1` leaves text as PagerDuty gives it. Otherwise control characters and invisible Unicode in answers become \
                  U+FFFD, since a model would read what no person sees.",
        in_file: InFile::Ignored,
    },
    Variable {
        name: FORMAT,
        default: "json",
        meaning: "How lists are written: `json`, the envelope, or `compact`, a table that holds the same in half the tokens. The \
                  Python functions always return the envelope.",
        in_file: InFile::Taken,
    },
    Variable {
        name: STRUCTURED_CONTENT,
        default: "on",
        meaning: "Whether answers over MCP have structured content beside the same JSON as text. `off` is for clients that show \
                  their model both, see `docs/clients.md`.",
        in_file: InFile::Taken,
    },
    Variable {
        name: TIMEOUT,
        default: "45",
        meaning: "Seconds after which a call is given up, all its requests together. Each attempt at a request may take a third \
                  of it. Keep it below the time-out of the MCP client, often 60: otherwise the client gives up first, and what \
                  became of a change is never told.",
        in_file: InFile::Taken,
    },
    Variable {
        name: CONNECT_TIMEOUT,
        default: "5",
        meaning: "Seconds after which a connection attempt is given up.",
        in_file: InFile::Taken,
    },
    Variable {
        name: SSL_CERT_FILE,
        default: "the system's",
        meaning: "A PEM file with the certificate authorities to trust in place of the system's, such as that of a company's \
                  proxy.",
        in_file: InFile::Ignored,
    },
    Variable {
        name: SSL_CERT_DIR,
        default: "the system's",
        meaning: "Folders of such files, separated by `:` (`;` on Windows).",
        in_file: InFile::Ignored,
    },
    Variable {
        name: LOG,
        default: "warn",
        meaning: "What is logged to standard error: `error`, `warn`, `info`, `debug`, or a filter such as \
                  `pagerduty_mcp_server=debug`. A level applies to the server's own lines; libraries log only if the filter \
                  names them, and then show the content of messages: `rmcp=debug`.",
        in_file: InFile::Level,
    },
    Variable {
        name: FASTMCP_TRANSPORT,
        default: "stdio",
        meaning: "`http` (or `streamable-http`) serves MCP over HTTP, as `--transport` does.",
        in_file: InFile::Ignored,
    },
    Variable {
        name: FASTMCP_HOST,
        default: "127.0.0.1",
        meaning: "The address to listen on, as `--host`.",
        in_file: InFile::Ignored,
    },
    Variable {
        name: FASTMCP_PORT,
        default: "8000",
        meaning: "The port to listen on, as `--port`.",
        in_file: InFile::Ignored,
    },
    Variable {
        name: MCP_HOST,
        default: "127.0.0.1",
        meaning: "The same as `FASTMCP_HOST`, under the name that PagerDuty's official server uses; read when that is unset.",
        in_file: InFile::Ignored,
    },
    Variable {
        name: MCP_PORT,
        default: "8000",
        meaning: "The same as `FASTMCP_PORT`, under the name that PagerDuty's official server uses; read when that is unset.",
        in_file: InFile::Ignored,
    },
    Variable {
        name: REQUIRE_KEY,
        default: "0",
        meaning: "`1` refuses requests over HTTP without a credential, from this machine as well, as `--require-key` does.",
        in_file: InFile::Ignored,
    },
];

/// Returns our variable of this name.
pub(super) fn ours(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| variable.name == name)
}

/// Returns whether a value is the same as the default.
pub(super) fn is_switched_off(variable: &Variable, value: &str) -> bool {
    let value = unquoted(value).trim_end_matches('/');
    value.eq_ignore_ascii_case(variable.default)
        || (variable.default == "0" && matches!(flag(variable.name, value), Ok(false)))
}

/// Returns whether a name looks like a misspelling of [`API_TOKEN`] or [`USER_API_KEY`]. The keys of PagerDuty's Events
/// API have different names (routing, integration, service) and are something else.
pub(super) fn is_similar_to_token(name: &str) -> bool {
    const WORDS: [&str; 9] = ["API", "KEY", "TOKEN", "USER", "REST", "ACCESS", "AUTH", "OAUTH", "APIKEY"];
    if ours(name).is_some() {
        return false;
    }
    let upper = name.to_ascii_uppercase();
    let rest = ["PAGERDUTY_", "PAGER_DUTY_", "PD_"].iter().find_map(|prefix| upper.strip_prefix(prefix));
    let words = rest.is_some_and(|rest| {
        rest.split('_').all(|word| WORDS.contains(&word)) && (rest.ends_with("KEY") || rest.ends_with("TOKEN"))
    });
    // The lengths first: most variables of an environment are far from it, and the distance is not free.
    let is_close = |known: &&str| upper.len().abs_diff(known.len()) <= 2 && strsim::osa_distance(&upper, known) <= 2;
    words || [API_TOKEN, USER_API_KEY].iter().any(is_close)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_like_the_one_for_a_key_are_known() {
        for name in [
            "PAGERDUTY_API_KEY",
            "PAGERDUTY_TOKEN",
            "PAGERDUTY_API_TOKN",
            "PAGERDUTY_APITOKEN",
            "pagerduty_api_token",
            "PAGERDUTY_USER_TOKEN",
            "PAGER_DUTY_API_TOKEN",
            "PD_API_KEY",
        ] {
            assert!(is_similar_to_token(name), "{name}");
        }
        for name in [
            API_TOKEN,
            USER_API_KEY,
            API_HOST,
            "PAGERDUTY_ROUTING_KEY",
            "PAGERDUTY_INTEGRATION_KEY",
            "PAGERDUTY_SERVICE_KEY",
            "PAGERDUTY_URL",
            "DATADOG_API_KEY",
            "PD_",
        ] {
            assert!(!is_similar_to_token(name), "{name}");
        }
    }
}
