//! The settings of the OAuth login.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::table::typed;
use super::{By, Host, unusable};
use crate::error::{Code, Error, Result};

/// The port that replaces one that cannot be used.
const DEFAULT_PORT: u16 = 5173;

/// The store for a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenStore {
    /// The keyring of the operating system.
    Keyring,
    /// A file that only the user can read.
    File(PathBuf),
}

impl TokenStore {
    pub(super) fn parse(name: &'static str, value: &str) -> Result<Self> {
        match value.to_ascii_lowercase().as_str() {
            "keyring" => Ok(TokenStore::Keyring),
            "file" => {
                let folder = state_dir().ok_or_else(|| {
                    let message = format!("{name}=file needs a home directory, and there is none");
                    Error::new(Code::InvalidConfiguration, message)
                        .hint("Set HOME (or XDG_STATE_HOME), or use PAGERDUTY_API_TOKEN.")
                })?;
                Ok(TokenStore::File(folder.join("tokens.json")))
            }
            _ => Err(unusable(name, value, "keyring or file")),
        }
    }

    /// Returns the file that a process locks to change the stored login, or `None` if there is no place for one.
    #[must_use]
    pub fn lock_path(&self) -> Option<PathBuf> {
        match self {
            TokenStore::Keyring => state_dir().map(|folder| folder.join("keyring.lock")),
            TokenStore::File(path) => Some(path.with_extension("lock")),
        }
    }

    /// Returns the name of the store, for messages.
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

/// The way to open PagerDuty's login page.
#[derive(Clone)]
pub enum Browser {
    /// The commands of `BROWSER`, or else the browser of the system.
    System(Option<String>),
    /// A function, for programs that have their own window, and for tests.
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
    /// The OAuth client. Without one there is no login.
    pub client_id: Option<String>,
    /// The source of that client. A `.env` file may name another client, for which the stored login was not made.
    pub client_by: Option<By>,
    /// The client's secret. Without it an expired login is not refreshed: the user logs in again.
    pub client_secret: Option<SecretString>,
    /// The identity server.
    pub identity: Host,
    /// The port of the callback. With 0 it is any free port, which the sandbox accepts and PagerDuty refuses.
    pub callback_port: u16,
    /// The time limit of a login.
    pub timeout: Duration,
    /// The store for the login.
    pub store: TokenStore,
    /// The way to open the login page.
    pub browser: Browser,
}

impl OAuth {
    /// Returns the settings from variables; `get` returns no blank ones.
    pub(super) fn from_lookup(get: &impl Fn(&str) -> Option<String>) -> Result<Self> {
        let client_id = typed::CLIENT_ID.read(get)?;
        Ok(Self {
            client_by: client_id.as_ref().map(|_| By::User),
            client_id,
            client_secret: typed::CLIENT_SECRET.read(get)?.map(SecretString::from),
            identity: typed::IDENTITY_HOST.read(get)?,
            callback_port: typed::CALLBACK_PORT.read(get)?,
            timeout: typed::OAUTH_TIMEOUT.read(get)?,
            store: typed::TOKEN_STORE.read(get)?,
            browser: Browser::System(typed::BROWSER.read(get)?),
        })
    }
}

/// Reads the port of the callback. A port that cannot be used is replaced with a warning and not refused, as the contract
/// requires.
#[expect(clippy::unnecessary_wraps, reason = "parsers of other settings return errors")]
pub(super) fn port(name: &'static str, value: &str) -> Result<u16> {
    let usable = value.parse().ok().filter(|port| *port >= 1024);
    Ok(usable.unwrap_or_else(|| {
        tracing::warn!("{name} is {value:?}, not a port between 1024 and 65535; using {DEFAULT_PORT}");
        DEFAULT_PORT
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CALLBACK_PORT, CLIENT_SECRET, Config, IDENTITY_HOST, OAUTH_TIMEOUT, TOKEN_STORE};

    fn oauth(name: &'static str, value: &'static str) -> Result<OAuth> {
        Config::from_lookup(|wanted| (wanted == name).then(|| value.to_owned())).map(|config| config.oauth)
    }

    #[test]
    fn unusable_port_is_replaced() {
        for (value, port) in [("8080", 8080), ("1023", 5173), ("65536", 5173), ("none", 5173), ("", 5173), ("0", 5173)]
        {
            assert_eq!(oauth(CALLBACK_PORT, value).unwrap().callback_port, port, "{value}");
        }
    }

    #[test]
    fn unusable_settings_are_refused_by_name() {
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
    fn client_secret_is_never_printed() {
        assert!(!format!("{:?}", oauth(CLIENT_SECRET, "verysecret").unwrap()).contains("verysecret"));
    }
}
