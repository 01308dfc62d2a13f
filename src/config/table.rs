//! The settings: the name, default, meaning and type of each variable, and the influence that a `.env` file has on it.

use std::path::PathBuf;
use std::time::Duration;

use super::answers::tokens;
use super::oauth::TokenStore;
use super::{
    Format, Host, Region, email, embedded, flag, list, megabytes, oauth, region, seconds, text, trust, unquoted,
};
use crate::error::Result;

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
            InFile::Taken => "used",
            InFile::Credential => "used, unless the environment has a key or `PAGERDUTY_CLIENT_ID`",
            InFile::WithKey => "used with a key of the same file, else ignored",
            InFile::HostWithKey => "used with a key of the same file, or if it is the API of a region; else refused",
            InFile::Level => "used if it is `error`, `warn`, `info` or `debug`, else ignored",
            InFile::Ignored => "ignored",
            InFile::Refused => "refused",
        }
    }
}

/// A variable with a default value.
pub(super) struct Setting<T> {
    pub name: &'static str,
    pub default: &'static str,
    parse: fn(&'static str, &str) -> Result<T>,
}

impl<T> Setting<T> {
    /// Returns the value of the variable, or the default one.
    pub fn read(&self, get: &impl Fn(&str) -> Option<String>) -> Result<T> {
        self.parse(&get(self.name).unwrap_or_else(|| self.default.to_owned()))
    }

    /// Returns the value of a text.
    pub fn parse(&self, text: &str) -> Result<T> {
        (self.parse)(self.name, text)
    }
}

/// A variable without a default value.
pub(super) struct Optional<T> {
    name: &'static str,
    parse: fn(&'static str, &str) -> Result<T>,
}

impl<T> Optional<T> {
    /// Returns the value of the variable, if it is set.
    pub fn read(&self, get: &impl Fn(&str) -> Option<String>) -> Result<Option<T>> {
        get(self.name).map(|text| (self.parse)(self.name, &text)).transpose()
    }
}

/// Declares the variables. `default` is a value, and `unset` describes the behavior without one. A variable without a
/// type is read where it is used.
macro_rules! settings {
    ($($name:ident = $text:literal, $in_file:ident,
        $kind:ident $default:literal $(as $parse:path => $type:ty)?, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: &str = $text;)*

        /// Every variable that the server reads.
        pub const VARIABLES: &[Variable] = &[$(Variable {
            name: $text,
            default: $default,
            meaning: $meaning,
            in_file: InFile::$in_file,
        }),*];

        /// The variables with their types.
        pub(super) mod typed {
            use super::*;

            $($(settings!(@typed $name, $text, $kind $default, $parse, $type);)?)*
        }
    };
    (@typed $name:ident, $text:literal, default $default:literal, $parse:path, $type:ty) => {
        pub const $name: Setting<$type> = Setting { name: $text, default: $default, parse: $parse };
    };
    (@typed $name:ident, $text:literal, unset $default:literal, $parse:path, $type:ty) => {
        pub const $name: Optional<$type> = Optional { name: $text, parse: $parse };
    };
}

settings! {
    API_TOKEN = "PAGERDUTY_API_TOKEN", Credential, unset "none",
        "The PagerDuty credential: a REST API key of a user (recommended) or of the account, or an OAuth access \
        token (`pdus+_…`, `pdeu+_…`).";
    USER_API_KEY = "PAGERDUTY_USER_API_KEY", Credential, unset "none",
        "The same under the name that PagerDuty's official server used. It is read when `PAGERDUTY_API_TOKEN` is unset.";
    CLIENT_ID = "PAGERDUTY_CLIENT_ID", Taken, unset "none" as text => String,
        "The client ID of an OAuth app registered at PagerDuty. It enables the login in the browser, which is used when \
        there is no other credential.";
    CLIENT_SECRET = "PAGERDUTY_CLIENT_SECRET", Taken, unset "none" as text => String,
        "The OAuth app's secret. With it an expired login is refreshed; without it the browser opens again.";
    CALLBACK_PORT = "PAGERDUTY_OAUTH_CALLBACK_PORT", Taken, default "5173" as oauth::port => u16,
        "The local port to which PagerDuty sends the browser back. The app's redirect URL is \
        `http://localhost:5173/oauth/pagerduty` with this port.";
    OAUTH_TIMEOUT = "PAGERDUTY_OAUTH_TIMEOUT", Taken, default "300" as seconds => Duration,
        "The time limit of a login in the browser, in seconds.";
    TOKEN_STORE = "PAGERDUTY_TOKEN_STORE", Ignored, default "keyring" as TokenStore::parse => TokenStore,
        "The store for a login: `keyring`, the operating system's, or `file`, a file that only the user can read, for \
        machines without a keyring.";
    BROWSER = "BROWSER", Ignored, unset "the system's" as text => String,
        "The command that opens the login page. `%s` stands for the URL. Several commands are separated by `:` (`;` on \
        Windows) and tried in order.";
    IDENTITY_HOST = "PAGERDUTY_IDENTITY_HOST", Refused,
        default "https://identity.pagerduty.com" as Host::parse_setting => Host,
        "The base URL of the identity server, for tests and gateways. Plain `http` is accepted for loopback addresses \
        only.";
    REGION = "PAGERDUTY_REGION", Taken, unset "by login, else us" as region::parse_setting => Region,
        "The service region of the account, `us` or `eu`. A valid credential sent to the other region is refused.";
    API_HOST = "PAGERDUTY_API_HOST", HostWithKey, unset "by region" as Host::parse_setting => Host,
        "The base URL of the API, for a gateway in front of it, such as `https://pagerduty.internal.example`. It takes \
        precedence over the region. Plain `http` is accepted for loopback addresses only.";
    USER_EMAIL = "PAGERDUTY_USER_EMAIL", WithKey, unset "the current user's" as email => String,
        "The email address of the user in whose name incidents are changed with the server's own credential. It is \
        required for writes with an account-level key.";
    SANDBOX = "PAGERDUTY_SANDBOX", Refused, default "0" as flag => bool,
        "`1` runs everything against the sandbox: no PagerDuty account, no credential, no network.";
    SANDBOX_FAULTS = "PAGERDUTY_SANDBOX_FAULTS", Ignored, unset "none" as text => String,
        "The faults of the sandbox, to try how an agent handles them: `2% reset; GET /incidents status=503 x3; delay=50; \
        seed=7`. An entry has a likelihood, method, path, kind and number of times, all but the kind optional. Kinds: \
        `status=CODE`, `limited=SECONDS`, `redirect=URL`, `delay=MS`, `slow_body=MS`, `bomb=MB`, `html`, `empty`, \
        `truncated`, `reset`, `hang`, `wrong_json`, `garbage`; and for changes that take effect nevertheless, \
        `lost_response`, `replaced=CODE`, `late=MS`. It has no effect without `PAGERDUTY_SANDBOX` or the command \
        `sandbox`.";
    SANDBOX_SCENARIO = "PAGERDUTY_SANDBOX_SCENARIO", Ignored, unset "none" as text => String,
        "The events that happen in the sandbox as time goes on: `outage`, a night in `docs/sandbox.md`. Its account lasts as \
        long as the process. It has no effect without `PAGERDUTY_SANDBOX` or the command `sandbox`.";
    SANDBOX_STATE = "PAGERDUTY_SANDBOX_STATE", Ignored,
        unset "in the state directory" as embedded::state => Option<PathBuf>,
        "The place where the sandbox keeps its changes: the full path of a file, or `memory`, with which each process \
        starts with a new account.";
    MAX_RESPONSE_TOKENS = "PAGERDUTY_MAX_RESPONSE_TOKENS", Taken, default "25000" as tokens => Option<usize>,
        "The size of an answer, in tokens (estimated), at which a list is truncated after a whole item. `0` is no \
        limit. If it is unset, lists also keep to the size that a known client shows, see `docs/clients.md`.";
    RAW_TEXT = "PAGERDUTY_RAW_TEXT", Ignored, default "0" as flag => bool,
        "`1` leaves text as PagerDuty sends it. Otherwise control characters and invisible Unicode in answers become \
        U+FFFD, because a model would read text that no person can see.";
    FORMAT = "PAGERDUTY_FORMAT", Taken, default "json" as Format::parse_setting => Format,
        "The format of lists: `json`, the envelope, or `compact`, a table with the same content in half the tokens. The \
        Python functions always return the envelope.";
    STRUCTURED_CONTENT = "PAGERDUTY_STRUCTURED_CONTENT", Taken, default "on" as flag => bool,
        "Whether answers over MCP have structured content beside the same JSON as text. `off` is for clients that show \
        their model both, see `docs/clients.md`.";
    TIMEOUT = "PAGERDUTY_TIMEOUT", Taken, default "45" as seconds => Duration,
        "The time limit of a call with all its requests, in seconds. Each attempt at a request may take a third of it. \
        Keep it below the time-out of the MCP client, often 60: otherwise the client gives up first, and does not \
        receive the outcome of a change.";
    CONNECT_TIMEOUT = "PAGERDUTY_CONNECT_TIMEOUT", Taken, default "5" as seconds => Duration,
        "The time limit of a connection attempt, in seconds.";
    LIST_MEMORY = "PAGERDUTY_LIST_MEMORY", Taken, default "16" as megabytes => usize,
        "The memory in megabytes that lists in progress and their unread answers may use together. Further lists wait \
        for their turn before they send a request. One credential can use three quarters of it.";
    SSL_CERT_FILE = "SSL_CERT_FILE", Ignored, unset "the system's" as trust::path => PathBuf,
        "A PEM file with the certificate authorities to trust in place of the system's, such as that of a company's \
        proxy.";
    SSL_CERT_DIR = "SSL_CERT_DIR", Ignored, unset "the system's" as trust::paths => Vec<PathBuf>,
        "Folders of such files, separated by `:` (`;` on Windows).";
    LOG = "PAGERDUTY_LOG", Level, unset "warn",
        "The filter of the log on standard error: `error`, `warn`, `info`, `debug`, or a filter such as \
        `pagerduty_mcp_server=debug`. A level applies to the server's own lines. Libraries log only if the filter names \
        them, and then show the content of messages: `rmcp=debug`.";
    TOOLSETS = "PAGERDUTY_TOOLSETS", Ignored, default "core" as list => Vec<String>,
        "The toolsets to offer, separated by commas, as `--toolsets`. `core` are those that are on by default, and `all` \
        is every one.";
    READ_ONLY = "PAGERDUTY_READ_ONLY", Taken, default "0" as flag => bool,
        "`1` offers only tools that change nothing, as `--read-only` does.";
    CONFIRM = "PAGERDUTY_CONFIRM", Taken, default "0" as flag => bool,
        "`1` asks a person before each change that destroys, publishes or runs something, as `--confirm` does.";
    AUDIT_LOG = "PAGERDUTY_AUDIT_LOG", Ignored, unset "none" as trust::path => PathBuf,
        "The file to which a line about each change is appended, as `--audit-log`. Without it, a server logs these lines on \
        standard error.";
    AUDIT_TEXT = "PAGERDUTY_AUDIT_TEXT", Ignored, default "0" as flag => bool,
        "`1` adds the arguments of a call to its line in that file, with the text of notes, titles and messages, as \
        `--audit-text` does.";
    FASTMCP_TRANSPORT = "FASTMCP_TRANSPORT", Ignored, unset "stdio",
        "`http` (or `streamable-http`) serves MCP over HTTP, as `--transport` does.";
    FASTMCP_HOST = "FASTMCP_HOST", Ignored, unset "127.0.0.1",
        "The address to listen on, as `--host`.";
    FASTMCP_PORT = "FASTMCP_PORT", Ignored, unset "8000",
        "The port to listen on, as `--port`.";
    MCP_HOST = "MCP_HOST", Ignored, unset "127.0.0.1",
        "The same as `FASTMCP_HOST`, under the name that PagerDuty's official server uses. It is read when that is unset.";
    MCP_PORT = "MCP_PORT", Ignored, unset "8000",
        "The same as `FASTMCP_PORT`, under the name that PagerDuty's official server uses. It is read when that is unset.";
    REQUIRE_KEY = "PAGERDUTY_REQUIRE_KEY", Ignored, unset "0",
        "`1` refuses requests over HTTP without a credential, from this machine as well, as `--require-key` does.";
}

/// Returns the variable of this name, if the server reads it.
pub(super) fn named(name: &str) -> Option<&'static Variable> {
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
    if named(name).is_some() {
        return false;
    }
    let upper = name.to_ascii_uppercase();
    let rest = ["PAGERDUTY_", "PAGER_DUTY_", "PD_"].iter().find_map(|prefix| upper.strip_prefix(prefix));
    let words = rest.is_some_and(|rest| {
        rest.split('_').all(|word| WORDS.contains(&word)) && (rest.ends_with("KEY") || rest.ends_with("TOKEN"))
    });
    // The lengths are compared first, because the distance takes time and most variables are much longer or shorter.
    let is_close = |known: &&str| upper.len().abs_diff(known.len()) <= 2 && strsim::osa_distance(&upper, known) <= 2;
    words || [API_TOKEN, USER_API_KEY].iter().any(is_close)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_similar_to_the_key_variable_are_recognized() {
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
