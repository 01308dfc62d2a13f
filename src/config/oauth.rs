//! The settings of the OAuth login.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::{By, Host, seconds, unusable};
use crate::error::{Code, Error, Result};

/// The OAuth client; setting it switches the login on.
pub const CLIENT_ID: &str = "PAGERDUTY_CLIENT_ID";
/// The OAuth client's secret, which refreshing needs.
pub const CLIENT_SECRET: &str = "PAGERDUTY_CLIENT_SECRET";
/// The port that PagerDuty sends the browser back to.
pub const CALLBACK_PORT: &str = "PAGERDUTY_OAUTH_CALLBACK_PORT";
/// Where the identity server is.
pub const IDENTITY_HOST: &str = "PAGERDUTY_IDENTITY_HOST";
/// How long a login may take.
pub const OAUTH_TIMEOUT: &str = "PAGERDUTY_OAUTH_TIMEOUT";
/// Where tokens are kept.
pub const TOKEN_STORE: &str = "PAGERDUTY_TOKEN_STORE";
/// The browser.
pub const BROWSER: &str = "BROWSER";

const DEFAULT_PORT: u16 = 5173;

/// Where tokens are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenStore {
    /// The keyring of the operating system.
    Keyring,
    /// A file that only the user can read.
    File(PathBuf),
}

impl TokenStore {
    fn parse(value: &str) -> Result<Self> {
        match value.to_ascii_lowercase().as_str() {
            "keyring" => Ok(TokenStore::Keyring),
            "file" => {
                let folder = state_dir().ok_or_else(|| {
                    let message = format!("{TOKEN_STORE}=file needs a home directory, and there is none");
                    Error::new(Code::InvalidConfiguration, message)
                        .hint("Set HOME (or XDG_STATE_HOME), or use PAGERDUTY_API_TOKEN.")
                })?;
                Ok(TokenStore::File(folder.join("tokens.json")))
            }
            _ => Err(unusable(TOKEN_STORE, value, "keyring or file")),
        }
    }

    /// The file that is locked by whoever changes what is kept; `None` where there is no place for one.
    #[must_use]
    pub fn lock_path(&self) -> Option<PathBuf> {
        match self {
            TokenStore::Keyring => state_dir().map(|folder| folder.join("keyring.lock")),
            TokenStore::File(path) => Some(path.with_extension("lock")),
        }
    }

    /// For messages.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            TokenStore::Keyring => "the system's keyring".to_owned(),
            TokenStore::File(path) => path.display().to_string(),
        }
    }
}

/// Returns our folder for data that persists between runs and concerns no other program, or `None` without a home
/// directory.
pub(super) fn state_dir() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = |below: &str| std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(below));
    let found = if cfg!(windows) {
        set("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        home("Library/Application Support")
    } else {
        // https://specifications.freedesktop.org/basedir-spec/latest/
        set("XDG_STATE_HOME").or_else(|| home(".local/state"))
    };
    found.map(|folder| folder.join("pagerduty_mcp_server"))
}

/// How the person is brought to PagerDuty's login page.
#[derive(Clone)]
pub enum Browser {
    /// The commands of `BROWSER`, else the system's way of opening a URL.
    System(Option<String>),
    /// A function, for programs that have a window of their own, and for tests.
    Function(Arc<dyn Fn(&str) + Send + Sync>),
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Browser::System(commands) => f.debug_tuple("System").field(commands).finish(),
            Browser::Function(_) => f.write_str("Function"),
        }
    }
}

/// The settings of the login.
#[derive(Clone, Debug)]
pub struct OAuth {
    /// The client; without one there is no login.
    pub client_id: Option<String>,
    /// The source of that client. A `.env` file may name another client, for which the stored login was not made.
    pub client_by: Option<By>,
    /// The client's secret; without it an expired login is made anew, not refreshed.
    pub client_secret: Option<SecretString>,
    /// Where the identity server is.
    pub identity: Host,
    /// The port of the callback; 0 takes any free one, which PagerDuty would refuse and the sandbox does not.
    pub callback_port: u16,
    /// How long a person may take to log in.
    pub timeout: Duration,
    /// Where tokens are kept.
    pub store: TokenStore,
    /// How the browser is opened.
    pub browser: Browser,
}

impl OAuth {
    /// The settings from variables; `get` gives no blank ones.
    pub(super) fn from_lookup(get: &impl Fn(&str) -> Option<String>) -> Result<Self> {
        let identity = get(IDENTITY_HOST).unwrap_or_else(|| "https://identity.pagerduty.com".to_owned());
        Ok(Self {
            client_id: get(CLIENT_ID),
            client_by: get(CLIENT_ID).map(|_| By::User),
            client_secret: get(CLIENT_SECRET).map(SecretString::from),
            identity: Host::parse_setting(IDENTITY_HOST, &identity)?,
            callback_port: get(CALLBACK_PORT).map_or(DEFAULT_PORT, |value| port(&value)),
            timeout: get(OAUTH_TIMEOUT).map_or(Ok(Duration::from_mins(5)), |value| seconds(OAUTH_TIMEOUT, &value))?,
            store: get(TOKEN_STORE).map_or(Ok(TokenStore::Keyring), |value| TokenStore::parse(&value))?,
            browser: Browser::System(get(BROWSER)),
        })
    }
}

/// The contract: a port that cannot be used is told about and replaced, not refused.
fn port(value: &str) -> u16 {
    value.parse().ok().filter(|port| *port >= 1024).unwrap_or_else(|| {
        tracing::warn!("{CALLBACK_PORT} is {value:?}, not a port between 1024 and 65535; using {DEFAULT_PORT}");
        DEFAULT_PORT
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn oauth(name: &'static str, value: &'static str) -> Result<OAuth> {
        Config::from_lookup(|wanted| (wanted == name).then(|| value.to_owned())).map(|config| config.oauth)
    }

    #[test]
    fn a_port_that_cannot_be_used_is_replaced() {
        for (value, port) in [("8080", 8080), ("1023", 5173), ("65536", 5173), ("none", 5173), ("", 5173), ("0", 5173)]
        {
            assert_eq!(oauth(CALLBACK_PORT, value).unwrap().callback_port, port, "{value}");
        }
    }

    #[test]
    fn settings_that_cannot_be_used_are_refused_by_their_own_name() {
        for (name, value) in [
            (IDENTITY_HOST, "http://identity.pagerduty.com"),
            (IDENTITY_HOST, "identity.pagerduty.com"),
            (TOKEN_STORE, "paper"),
            (OAUTH_TIMEOUT, "0"),
        ] {
            let error = oauth(name, value).unwrap_err();
            assert_eq!(error.code(), Code::InvalidConfiguration);
            assert!(error.message().contains(name), "{error}");
        }
        assert_eq!(oauth(IDENTITY_HOST, "http://127.0.0.1:9").unwrap().identity.base(), "http://127.0.0.1:9");
    }

    #[test]
    fn the_client_secret_is_never_printed() {
        assert!(!format!("{:?}", oauth(CLIENT_SECRET, "verysecret").unwrap()).contains("verysecret"));
    }
}
