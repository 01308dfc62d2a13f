//! Settings: every environment variable in one table, and the one [`Config`] made from them.
//!
//! Variables come from the environment, then from a `.env` file ([`Dotenv`]); what is already set wins. Options of the
//! command line win over both. [`Variables`] puts them together. Nothing else in the crate reads the environment, but for
//! `python::settings`, which has to see it as Python does. `docs/configuration.md` is generated from [`VARIABLES`].

mod answers;
mod dotenv;
mod embedded;
mod oauth;
mod region;
mod serving;
mod trust;
mod variables;

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::error::{Code, Error, Result};
use crate::reply::Format;
use answers::tokens;

pub use answers::{FORMAT, MAX_RESPONSE_TOKENS, RAW_TEXT, STRUCTURED_CONTENT};
pub use dotenv::Dotenv;
pub use embedded::{SANDBOX, SANDBOX_FAULTS, SANDBOX_STATE};
pub use oauth::{
    BROWSER, Browser, CALLBACK_PORT, CLIENT_ID, CLIENT_SECRET, IDENTITY_HOST, OAUTH_TIMEOUT, OAuth, TOKEN_STORE,
    TokenStore,
};

pub use region::Region;
pub use serving::{FASTMCP_HOST, FASTMCP_PORT, FASTMCP_TRANSPORT, MCP_HOST, MCP_PORT, Serving};
pub use trust::{SSL_CERT_DIR, SSL_CERT_FILE, Trust};
pub use variables::{By, Variables};

/// An environment variable, as it is documented.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What holds when it is not set.
    pub default: &'static str,
    /// What it is for.
    pub meaning: &'static str,
}

/// The credential.
pub const API_TOKEN: &str = "PAGERDUTY_API_TOKEN";
/// The credential under the official server's name.
pub const USER_API_KEY: &str = "PAGERDUTY_USER_API_KEY";
/// The service region.
pub const REGION: &str = "PAGERDUTY_REGION";
/// The API's base URL.
pub const API_HOST: &str = "PAGERDUTY_API_HOST";
/// The author of writes.
pub const USER_EMAIL: &str = "PAGERDUTY_USER_EMAIL";
/// The time-out of a call.
pub const TIMEOUT: &str = "PAGERDUTY_TIMEOUT";
/// The time-out of connecting.
pub const CONNECT_TIMEOUT: &str = "PAGERDUTY_CONNECT_TIMEOUT";
/// What is logged.
pub const LOG: &str = "PAGERDUTY_LOG";

/// Every variable the server reads.
pub const VARIABLES: &[Variable] = &[
    Variable {
        name: API_TOKEN,
        default: "none",
        meaning: "The PagerDuty credential: a REST API key of a user (recommended) or of the account, or an OAuth access \
                  token (`pdus+_…`, `pdeu+_…`).",
    },
    Variable {
        name: USER_API_KEY,
        default: "none",
        meaning: "The same under the name that PagerDuty's official server used; read when `PAGERDUTY_API_TOKEN` is unset.",
    },
    Variable {
        name: CLIENT_ID,
        default: "none",
        meaning: "The client ID of an OAuth app registered at PagerDuty. Switches the login in the browser on, for when no \
                  other credential is given.",
    },
    Variable {
        name: CLIENT_SECRET,
        default: "none",
        meaning: "The OAuth app's secret. With it an expired login is refreshed; without it the browser opens again.",
    },
    Variable {
        name: CALLBACK_PORT,
        default: "5173",
        meaning: "The local port PagerDuty sends the browser back to. The app's redirect URL is \
                  `http://localhost:5173/oauth/pagerduty` with this port.",
    },
    Variable { name: OAUTH_TIMEOUT, default: "300", meaning: "Seconds that a login in the browser may take." },
    Variable {
        name: TOKEN_STORE,
        default: "keyring",
        meaning: "Where a login is kept: `keyring`, the operating system's, or `file`, a file that only the user can read, \
                  for machines without a keyring.",
    },
    Variable {
        name: BROWSER,
        default: "the system's",
        meaning: "The command that opens the login page: `%s` stands for the URL, several commands are separated by `:` (`;` \
                  on Windows) and tried in order. Not read from a `.env` file.",
    },
    Variable {
        name: IDENTITY_HOST,
        default: "https://identity.pagerduty.com",
        meaning: "The base URL of the identity server, for tests and gateways. Plain `http` is accepted for loopback \
                  addresses only.",
    },
    Variable {
        name: REGION,
        default: "by login, else us",
        meaning: "The service region of the account, `us` or `eu`. A valid credential sent to the other region is refused.",
    },
    Variable {
        name: API_HOST,
        default: "by region",
        meaning: "The base URL of the API, for a gateway in front of it, such as `https://pagerduty.internal.example`. Wins \
                  over the region. Plain `http` is accepted for loopback addresses only.",
    },
    Variable {
        name: USER_EMAIL,
        default: "the current user's",
        meaning: "The email address of the user in whose name incidents are changed with the server's own credential. \
                  Required for writes with an account-level key.",
    },
    embedded::SWITCH,
    embedded::FAULTS,
    embedded::STATE,
    Variable {
        name: MAX_RESPONSE_TOKENS,
        default: "25000",
        meaning: "The size of an answer, in tokens (estimated), at which a list is cut at a whole item. `0` is no limit. Unless it is \
                  set, lists also keep to what a known client shows, see `docs/clients.md`.",
    },
    Variable {
        name: RAW_TEXT,
        default: "0",
        meaning: "`1` leaves text as PagerDuty gives it. Otherwise control characters and invisible Unicode in answers become \
                  U+FFFD, since a model would read what no person sees.",
    },
    Variable {
        name: FORMAT,
        default: "json",
        meaning: "How lists are written: `json`, the envelope, or `compact`, a table that holds the same in half the tokens. The \
                  Python functions always return the envelope.",
    },
    Variable {
        name: STRUCTURED_CONTENT,
        default: "on",
        meaning: "Whether answers over MCP have structured content beside the same JSON as text. `off` is for clients that show \
                  their model both, see `docs/clients.md`.",
    },
    Variable {
        name: TIMEOUT,
        default: "45",
        meaning: "Seconds after which a call is given up, all its requests together. Each attempt at a request may take a third \
                  of it. Keep it below the time-out of the MCP client, often 60: otherwise the client gives up first, and what \
                  became of a change is never told.",
    },
    Variable { name: CONNECT_TIMEOUT, default: "5", meaning: "Seconds after which a connection attempt is given up." },
    Variable {
        name: SSL_CERT_FILE,
        default: "the system's",
        meaning: "A PEM file with the certificate authorities to trust in place of the system's, such as that of a company's \
                  proxy. Not read from a `.env` file.",
    },
    Variable {
        name: SSL_CERT_DIR,
        default: "the system's",
        meaning: "Folders of such files, separated by `:` (`;` on Windows). Not read from a `.env` file.",
    },
    Variable {
        name: LOG,
        default: "warn",
        meaning: "What is logged to standard error: `error`, `warn`, `info`, `debug`, or a filter such as \
                  `pagerduty_mcp_server=debug`.",
    },
    Variable {
        name: FASTMCP_TRANSPORT,
        default: "stdio",
        meaning: "`http` (or `streamable-http`) serves MCP over HTTP, as `--transport` does.",
    },
    Variable { name: FASTMCP_HOST, default: "127.0.0.1", meaning: "The address to listen on, as `--host`." },
    Variable { name: FASTMCP_PORT, default: "8000", meaning: "The port to listen on, as `--port`." },
    Variable {
        name: MCP_HOST,
        default: "127.0.0.1",
        meaning: "The same as `FASTMCP_HOST`, under the name that PagerDuty's official server uses; read when that is unset.",
    },
    Variable {
        name: MCP_PORT,
        default: "8000",
        meaning: "The same as `FASTMCP_PORT`, under the name that PagerDuty's official server uses; read when that is unset.",
    },
];

/// Where the API is: a base URL without a trailing slash.
#[derive(Clone, Debug)]
pub struct Host {
    base: String,
    name: String,
    region: Option<Region>,
}

impl Host {
    /// The host of a region.
    #[must_use]
    pub fn of_region(region: Region) -> Self {
        Self { base: format!("https://{}", region.host()), name: region.host().to_owned(), region: Some(region) }
    }

    /// A host by its base URL. Anything but `https` is refused outside this machine: the credential travels in a header.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_setting(API_HOST, text)
    }

    /// The same for the value of another variable.
    fn parse_setting(variable: &str, text: &str) -> Result<Self> {
        let invalid = |why: &str| {
            Error::new(Code::InvalidConfiguration, format!("{variable} is not usable: {why}"))
                .hint("Give the full base URL, such as https://api.eu.pagerduty.com.")
        };
        let text = text.trim();
        let url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
        let name = url.host_str().filter(|name| !name.is_empty()).ok_or_else(|| invalid("it names no host"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("it holds a user name or a password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("it has a query or a fragment"));
        }
        let loopback = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            return Err(invalid("it is not https, and the credential would travel in the clear"));
        }
        let region = Region::of_host(name);
        Ok(Self { base: url.as_str().trim_end_matches('/').to_owned(), name: name.to_owned(), region })
    }

    /// The base URL, without a trailing slash.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Whether it is one of PagerDuty's own hosts.
    #[must_use]
    pub fn is_pagerduty(&self) -> bool {
        self.name.ends_with(".pagerduty.com")
    }

    /// Whether it is on this machine and reached without TLS: nothing that leaves the machine may come in between.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.base.starts_with("http://")
    }

    /// The region, unless the host is a gateway that could be in front of either.
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        self.region
    }

    /// For messages: the host, with the region where it is known.
    #[must_use]
    pub fn describe(&self) -> String {
        match self.region {
            Some(Region::Us) => format!("{} (US region)", self.name),
            Some(Region::Eu) => format!("{} (EU region)", self.name),
            None => self.name.clone(),
        }
    }
}

/// All settings of a server.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "switches that have nothing to do with each other")]
pub struct Config {
    /// Where the API is.
    pub host: Host,
    /// Who chose that host. If nobody did, a login may name the region.
    pub host_by: Option<By>,
    /// The credential of the environment, with the variable it came from.
    pub token: Option<(SecretString, &'static str)>,
    /// The login in the browser.
    pub oauth: OAuth,
    /// The author of writes.
    pub user_email: Option<String>,
    /// Whether to run on the embedded account.
    pub sandbox: bool,
    /// What goes wrong in the embedded account, see [`crate::sandbox::FaultSpec::parse`].
    pub sandbox_faults: Option<String>,
    /// The file in which the embedded account keeps what is changed in it; `None` is memory.
    pub sandbox_state: Option<PathBuf>,
    /// Whether text is left as PagerDuty gives it, see [`pagerduty_rows::text`].
    pub raw_text: bool,
    /// The budget of an answer in tokens; `None` is no limit.
    pub max_response_tokens: Option<usize>,
    /// Whether somebody chose that budget. Otherwise answers keep to what a known client shows, too.
    pub budget_by_hand: bool,
    /// How answers are written.
    pub format: Format,
    /// Whether answers over MCP have structured content beside their text.
    pub structured_content: bool,
    /// The time-out of a call.
    pub timeout: Duration,
    /// The time-out of connecting.
    pub connect_timeout: Duration,
    /// The certificate authorities that are trusted in place of the system's.
    pub trust: Trust,
    /// The time-out of one attempt at a request, so far below that of the call that one on a dead connection leaves time for
    /// others. No variable sets it, nor the back-off: programs and tests may.
    pub attempt_timeout: Duration,
    /// The first back-off between attempts; it doubles.
    pub backoff: Duration,
}

impl Config {
    /// The settings from variables, looked up by name. Blank variables count as unset.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let get = |name: &str| lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let host = match (get(API_HOST), get(REGION)) {
            (Some(url), _) => Host::parse(&url)?,
            (None, Some(region)) => Host::of_region(Region::parse(&region)?),
            (None, None) => Host::of_region(Region::Us),
        };
        let timeout = get(TIMEOUT).map_or(Ok(Duration::from_secs(45)), |value| seconds(TIMEOUT, &value))?;
        let token = [API_TOKEN, USER_API_KEY].into_iter().find_map(|name| get(name).map(|value| (value.into(), name)));
        Ok(Self {
            host,
            host_by: get(API_HOST).or_else(|| get(REGION)).map(|_| By::User),
            token,
            oauth: OAuth::from_lookup(&get)?,
            user_email: get(USER_EMAIL),
            sandbox: get(SANDBOX).map_or(Ok(false), |value| flag(SANDBOX, &value))?,
            sandbox_faults: get(SANDBOX_FAULTS),
            sandbox_state: embedded::state(get(SANDBOX_STATE))?,
            raw_text: get(RAW_TEXT).map_or(Ok(false), |value| flag(RAW_TEXT, &value))?,
            max_response_tokens: get(MAX_RESPONSE_TOKENS).map_or(Ok(Some(25_000)), |value| tokens(&value))?,
            budget_by_hand: get(MAX_RESPONSE_TOKENS).is_some(),
            format: get(FORMAT).map_or(Ok(Format::Json), |value| Format::parse(&value))?,
            structured_content: get(STRUCTURED_CONTENT).map_or(Ok(true), |value| flag(STRUCTURED_CONTENT, &value))?,
            timeout,
            connect_timeout: get(CONNECT_TIMEOUT)
                .map_or(Ok(Duration::from_secs(5)), |value| seconds(CONNECT_TIMEOUT, &value))?,
            trust: Trust::from_lookup(get),
            attempt_timeout: timeout / 3,
            backoff: Duration::from_millis(200),
        })
    }

    /// The settings from what is set, unless a `.env` file decides in it what is not its to decide.
    pub fn new(variables: &Variables) -> Result<Self> {
        variables.check()?;
        let mut config = Self::from_lookup(|name| variables.get(name).map(str::to_owned))?;
        config.host_by = variables.by(API_HOST).or_else(|| variables.by(REGION));
        config.oauth.client_by = variables.by(CLIENT_ID);
        Ok(config)
    }

    /// Refuses a host that a `.env` file chose, unless it is PagerDuty's, for whoever is about to send `what` there: only
    /// the file's own credential may go to it.
    pub fn refuse_host_of_file(&self, what: &str) -> Result<()> {
        if self.sandbox || self.host_by != Some(By::File) || self.host.is_pagerduty() {
            return Ok(());
        }
        Err(Error::new(
            Code::InvalidConfiguration,
            format!("the .env file sets {API_HOST}, and would send {what} there, which is not its own"),
        )
        .hint(format!("If that host is right, set {API_HOST} in the environment instead.")))
    }

    /// The settings from the environment and the nearest `.env` file.
    pub fn from_env() -> Result<Self> {
        Self::new(&Variables::of_process(&Dotenv::load()?))
    }
}

fn unusable(name: &str, value: &str, expected: &str) -> Error {
    Error::new(Code::InvalidConfiguration, format!("{name} is {value:?}")).hint(format!("Set it to {expected}."))
}

fn flag(name: &str, value: &str) -> Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(unusable(name, value, "on or off (1 or 0 will do, too)")),
    }
}

fn seconds(name: &str, value: &str) -> Result<Duration> {
    let seconds = value.parse().ok().filter(|seconds: &f64| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| unusable(name, value, "a number of seconds above 0, such as 30"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<Config> {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::from_lookup(find)
    }

    #[test]
    fn the_region_decides_the_host_and_a_host_wins_over_it() {
        for (variables, base) in [
            (&[][..], "https://api.pagerduty.com"),
            (&[(REGION, "EU")][..], "https://api.eu.pagerduty.com"),
            (&[(REGION, "eu"), (API_HOST, "https://gate.example/pd/")][..], "https://gate.example/pd"),
            (&[(API_HOST, "http://127.0.0.1:9/")][..], "http://127.0.0.1:9"),
            (&[(API_HOST, " ")][..], "https://api.pagerduty.com"),
        ] {
            assert_eq!(config(variables).unwrap().host.base(), base);
        }
    }

    #[test]
    fn unusable_settings_are_refused_with_their_value() {
        for (name, value) in [
            (REGION, "asia"),
            (API_HOST, "api.pagerduty.com"),
            (API_HOST, "http://api.pagerduty.com"),
            (API_HOST, "https://me:secret@api.pagerduty.com"),
            (API_HOST, "https://api.pagerduty.com?x=1"),
            (SANDBOX, "maybe"),
            (SANDBOX_STATE, "sandbox.json"),
            (SANDBOX_STATE, "/"),
            (MAX_RESPONSE_TOKENS, "-1"),
            (FORMAT, "yaml"),
            (STRUCTURED_CONTENT, "text"),
            (TIMEOUT, "0"),
            (TIMEOUT, "inf"),
            (CONNECT_TIMEOUT, "soon"),
        ] {
            let error = config(&[(name, value)]).unwrap_err();
            assert_eq!(error.code(), Code::InvalidConfiguration, "{name}={value}");
            assert!(error.hint_text().is_some() && !error.message().contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_official_servers_name_for_the_token_is_second() {
        let both = config(&[(USER_API_KEY, "b"), (API_TOKEN, "a")]).unwrap();
        assert_eq!(both.token.unwrap().1, API_TOKEN);
        let official = config(&[(USER_API_KEY, "b"), (API_TOKEN, "")]).unwrap();
        assert_eq!(official.token.unwrap().1, USER_API_KEY);
    }

    #[test]
    fn a_configuration_can_be_printed_without_its_secret() {
        let config = config(&[(API_TOKEN, "u+verysecret")]).unwrap();
        assert!(!format!("{config:?}").contains("verysecret"));
    }
}
