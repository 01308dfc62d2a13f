//! The settings: a table of all environment variables, and the [`Config`] that is read from them.
//!
//! A variable of the environment takes precedence over one of a `.env` file ([`Dotenv`]), and an option of the command
//! line over both. [`Variables`] combines them. Only `python::settings` reads the environment elsewhere, because it has to
//! see the environment as Python does. `docs/configuration.md` is generated from [`VARIABLES`].

mod answers;
mod confirm;
mod dotenv;
mod embedded;
mod format;
mod oauth;
mod placeholder;
mod region;
mod serving;
mod table;
mod trust;
mod variables;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::error::{Code, Error, Result};

pub use confirm::Confirm;
pub use dotenv::Dotenv;
pub use format::Format;
pub use oauth::{Browser, OAuth, TokenStore};
pub use pagerduty_api::Region;
pub(crate) use placeholder::is_variable;
pub use region::parse_region;
pub use serving::Serving;
pub use table::{
    API_HOST, API_TOKEN, AUDIT_LOG, AUDIT_TEXT, BROWSER, CALLBACK_PORT, CLIENT_ID, CLIENT_SECRET, CONFIRM,
    CONNECT_TIMEOUT, FASTMCP_HOST, FASTMCP_PORT, FASTMCP_TRANSPORT, FORMAT, IDENTITY_HOST, InFile, LIST_MEMORY, LOG,
    MAX_RESPONSE_TOKENS, MCP_HOST, MCP_PORT, OAUTH_TIMEOUT, RAW_TEXT, READ_ONLY, REGION, REQUIRE_KEY, SANDBOX,
    SANDBOX_FAULTS, SANDBOX_SCENARIO, SANDBOX_STATE, SSL_CERT_DIR, SSL_CERT_FILE, STRUCTURED_CONTENT, TIMEOUT,
    TOKEN_STORE, TOOLSETS, USER_API_KEY, USER_EMAIL, VARIABLES, Variable,
};
use table::{is_similar_to_token, is_switched_off, named, typed};
pub use trust::Trust;
pub use variables::{By, FromFile, Variables};

/// The host of the API: a base URL without a trailing slash.
#[derive(Clone, Debug)]
pub struct Host {
    base: String,
    /// The same, parsed for the first request.
    url: OnceLock<Url>,
    name: String,
    region: Option<Region>,
}

impl Host {
    /// Returns the host of a region.
    #[must_use]
    pub fn of_region(region: Region) -> Self {
        let (base, name) = (format!("https://{}", region.host()), region.host().to_owned());
        Self { base, url: OnceLock::new(), name, region: Some(region) }
    }

    /// Returns a host by its base URL. Outside this machine only `https` is accepted, because the credential travels in a
    /// header.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_setting(API_HOST, text)
    }

    /// Reads the value of a variable.
    fn parse_setting(variable: &'static str, text: &str) -> Result<Self> {
        let invalid = |why: &str| {
            Error::new(Code::InvalidConfiguration, format!("{variable} is not usable: {why}"))
                .hint("Set the full base URL, such as https://api.eu.pagerduty.com.")
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
        let base = url.as_str().trim_end_matches('/').to_owned();
        // Scheme, port and path are compared too: anything else could be another server.
        let region = base.strip_prefix("https://").and_then(Region::from_host);
        Ok(Self { base, name: name.to_owned(), url: OnceLock::from(url), region })
    }

    /// Returns the base URL, without a trailing slash.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Returns the URL of a path below the host.
    pub fn url(&self, path: &str) -> Result<Url, url::ParseError> {
        let mut url = if let Some(url) = self.url.get() {
            url.clone()
        } else {
            let url = Url::parse(&self.base)?;
            self.url.get_or_init(|| url).clone()
        };
        let path = [url.path().trim_end_matches('/'), path].concat();
        url.set_path(&path);
        Ok(url)
    }

    /// Returns whether the host is on this machine and used without TLS. Its requests must not leave the machine, not even
    /// through a proxy.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.base.starts_with("http://")
    }

    /// Returns the region, unless the host is a gateway that could be in front of either region.
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        self.region
    }

    /// Returns the host for messages, with the region if it is known.
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
    /// The host of the API.
    pub host: Host,
    /// The source of that host. If it was not chosen, a login may name the region.
    pub host_by: Option<By>,
    /// The credential of the environment, with the variable it came from.
    pub token: Option<(SecretString, &'static str)>,
    /// The name of a variable that is set and looks like the one for the credential, if there is no credential.
    pub similar_to_token: Option<String>,
    /// The influence of the `.env` file on these settings.
    pub dotenv: FromFile,
    /// The login in the browser.
    pub oauth: OAuth,
    /// The email address of the author of writes.
    pub user_email: Option<String>,
    /// Whether to run on the sandbox.
    pub sandbox: bool,
    /// The faults of the sandbox, see [`crate::sandbox::FaultSpec::parse`].
    pub sandbox_faults: Option<String>,
    /// The scenario of the sandbox.
    pub sandbox_scenario: Option<String>,
    /// The file in which the sandbox keeps its changes, or `None` to keep them in memory.
    pub sandbox_state: Option<PathBuf>,
    /// Whether text is left as PagerDuty sends it, see [`pagerduty_rows::text`].
    pub raw_text: bool,
    /// The budget of an answer in tokens; `None` is no limit.
    pub max_response_tokens: Option<usize>,
    /// Set if that budget was chosen explicitly. Otherwise answers also stay within what a known client shows.
    pub budget_by_hand: bool,
    /// The format of answers.
    pub format: Format,
    /// Set if answers over MCP have structured content beside their text.
    pub structured_content: bool,
    /// The time-out of a call.
    pub timeout: Duration,
    /// The time-out of connecting.
    pub connect_timeout: Duration,
    /// The names of the toolsets to offer.
    pub toolsets: Vec<String>,
    /// Whether to offer only tools that change nothing.
    pub read_only: bool,
    /// Whether and how a person confirms changes that cannot be undone.
    pub confirm: Confirm,
    /// The file of the audit log.
    pub audit_log: Option<PathBuf>,
    /// Whether the audit log has the arguments of calls.
    pub audit_text: bool,
    /// The memory in bytes that lists in progress may use.
    pub list_memory: usize,
    /// The certificate authorities trusted instead of the system's.
    pub trust: Trust,
    /// The time-out of one attempt at a request. It is far below that of the call, so that an attempt on a dead
    /// connection leaves time for others. Neither it nor the back-off has a variable; programs and tests may set them.
    pub attempt_timeout: Duration,
    /// The first back-off between attempts; it doubles.
    pub backoff: Duration,
}

impl Config {
    /// Returns the settings from variables. Blank variables count as unset.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let get = &|name: &str| lookup(name).map(|value| unquoted(&value).to_owned()).filter(|value| !value.is_empty());
        for name in [CLIENT_ID, CLIENT_SECRET, USER_EMAIL] {
            if get(name).is_some_and(|value| is_variable(&value)) {
                return Err(Error::new(
                    Code::InvalidConfiguration,
                    format!("{name} holds a variable that was not filled in"),
                )
                .hint("The client passed the text on unchanged: write the value itself, or see its documentation."));
            }
        }
        let user_email = typed::USER_EMAIL.read(get)?;
        let host = match typed::API_HOST.read(get)? {
            Some(host) => host,
            None => Host::of_region(typed::REGION.read(get)?.unwrap_or(Region::Us)),
        };
        let timeout = typed::TIMEOUT.read(get)?;
        let token = [API_TOKEN, USER_API_KEY].into_iter().find_map(|name| get(name).map(|value| (value.into(), name)));
        Ok(Self {
            host,
            host_by: get(API_HOST).or_else(|| get(REGION)).map(|_| By::User),
            token,
            similar_to_token: None,
            dotenv: FromFile::default(),
            oauth: OAuth::from_lookup(get)?,
            user_email,
            sandbox: typed::SANDBOX.read(get)?,
            sandbox_faults: typed::SANDBOX_FAULTS.read(get)?,
            sandbox_scenario: typed::SANDBOX_SCENARIO.read(get)?,
            sandbox_state: typed::SANDBOX_STATE.read(get)?.unwrap_or_else(embedded::default_state),
            raw_text: typed::RAW_TEXT.read(get)?,
            max_response_tokens: typed::MAX_RESPONSE_TOKENS.read(get)?,
            budget_by_hand: get(MAX_RESPONSE_TOKENS).is_some(),
            format: typed::FORMAT.read(get)?,
            structured_content: typed::STRUCTURED_CONTENT.read(get)?,
            timeout,
            connect_timeout: typed::CONNECT_TIMEOUT.read(get)?,
            toolsets: typed::TOOLSETS.read(get)?,
            read_only: typed::READ_ONLY.read(get)?,
            confirm: Confirm::new(typed::CONFIRM.read(get)?),
            audit_log: typed::AUDIT_LOG.read(get)?,
            audit_text: typed::AUDIT_TEXT.read(get)?,
            list_memory: typed::LIST_MEMORY.read(get)?,
            trust: Trust::from_lookup(get)?,
            attempt_timeout: timeout / 3,
            backoff: Duration::from_millis(200),
        })
    }

    /// Returns the settings from variables, and refuses a `.env` file that sets a variable it may not set.
    pub fn new(variables: &Variables) -> Result<Self> {
        let (variables, dotenv) = variables.settled()?;
        let config = Self::from_lookup(|name| variables.get(name).map(str::to_owned));
        let mut config = config.map_err(|error| variables.placed(error))?;
        config.host_by = variables.by(API_HOST).or_else(|| variables.by(REGION));
        config.oauth.client_by = variables.by(CLIENT_ID);
        config.similar_to_token = variables.similar_to_token();
        config.dotenv = dotenv;
        Ok(config)
    }

    /// Refuses to send `what` to a host that a `.env` file chose, unless it is PagerDuty's: only the credential of the same
    /// file may go there.
    pub fn refuse_host_of_file(&self, what: &str) -> Result<()> {
        if self.sandbox || self.host_by != Some(By::File) || self.host.region.is_some() {
            return Ok(());
        }
        Err(Error::new(
            Code::InvalidConfiguration,
            format!("the .env file sets {API_HOST}, which would receive {what} from another source"),
        )
        .hint(format!("If that host is right, set {API_HOST} in the environment instead.")))
    }

    /// Returns the settings from the environment and the nearest `.env` file.
    pub fn from_env() -> Result<Self> {
        Self::new(&Variables::of_process(&Dotenv::load()))
    }
}

fn unusable(name: &str, value: &str, expected: &str) -> Error {
    Error::new(Code::InvalidConfiguration, format!("{name} is {value:?}")).hint(format!("Set it to {expected}."))
}

/// Returns a value without blanks and quotes around it: Docker's `--env-file` keeps quotes as part of the value.
fn unquoted(value: &str) -> &str {
    let value = value.trim();
    // A command may begin and end with quotes of different words.
    let whole = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote).filter(|inner| !inner.contains(quote));
    let inner = ['"', '\''].into_iter().find_map(whole);
    inner.map_or(value, str::trim)
}

/// Reads a text.
#[expect(clippy::unnecessary_wraps, reason = "parsers of other settings return errors")]
fn text(_: &'static str, value: &str) -> Result<String> {
    Ok(value.to_owned())
}

/// Reads an address that a header can carry.
fn email(name: &'static str, address: &str) -> Result<String> {
    let usable = address.contains('@') && address.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if usable { Ok(address.to_owned()) } else { Err(unusable(name, address, "the email address of a PagerDuty user")) }
}

/// Reads the value of a switch.
pub(crate) fn flag(name: &str, value: &str) -> Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(unusable(name, value, "on or off (or 1 or 0)")),
    }
}

fn seconds(name: &str, value: &str) -> Result<Duration> {
    let seconds = value.parse().ok().filter(|seconds: &f64| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| unusable(name, value, "a number of seconds above 0, such as 30"))
}

/// Reads names that are separated by commas.
#[allow(clippy::unnecessary_wraps)]
fn list(_: &str, value: &str) -> Result<Vec<String>> {
    Ok(value.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// Reads a number of megabytes, as bytes.
fn megabytes(name: &str, value: &str) -> Result<usize> {
    let megabytes = value.parse().ok().filter(|megabytes: &usize| *megabytes > 0);
    megabytes
        .and_then(|megabytes| megabytes.checked_mul(1024 * 1024))
        .ok_or_else(|| unusable(name, value, "a number of megabytes above 0, such as 24"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<Config> {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::from_lookup(find)
    }

    #[test]
    fn region_decides_the_host_unless_a_host_is_set() {
        for (variables, base) in [
            (&[][..], "https://api.pagerduty.com"),
            (&[(REGION, "EU")][..], "https://api.eu.pagerduty.com"),
            (&[(REGION, "eu"), (API_HOST, "https://gate.example/pd/")][..], "https://gate.example/pd"),
            (&[(API_HOST, "http://127.0.0.1:9/")][..], "http://127.0.0.1:9"),
            (&[(API_HOST, " ")][..], "https://api.pagerduty.com"),
        ] {
            let host = config(variables).unwrap().host;
            assert_eq!(host.base(), base);
            assert_eq!(host.url("/teams/P1").unwrap().as_str(), format!("{base}/teams/P1"));
        }
    }

    #[test]
    fn quotes_are_removed_only_around_the_whole_value() {
        for (value, expected) in
            [("'u+x'", "u+x"), (" \"a b\" ", "a b"), ("'py' 'x.py' %s 'log'", "'py' 'x.py' %s 'log'"), ("'", "'")]
        {
            assert_eq!(unquoted(value), expected);
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
    fn official_name_of_the_token_comes_second() {
        let both = config(&[(USER_API_KEY, "b"), (API_TOKEN, "a")]).unwrap();
        assert_eq!(both.token.unwrap().1, API_TOKEN);
        let official = config(&[(USER_API_KEY, "b"), (API_TOKEN, "")]).unwrap();
        assert_eq!(official.token.unwrap().1, USER_API_KEY);
    }

    #[test]
    fn debug_output_of_config_has_no_secret() {
        let config = config(&[(API_TOKEN, "u+verysecret")]).unwrap();
        assert!(!format!("{config:?}").contains("verysecret"));
    }
}
