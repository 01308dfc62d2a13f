//! The `.env` file: read, never written into the environment.
//!
//! The nearest one of the working directory and its parents. It is often somebody else's: editors start servers in project
//! folders. So a line that cannot be read is passed over with a warning, unless it is about us; then starting without it
//! would only fail later, with a worse message. No message quotes a line, which may hold a credential.

use std::collections::HashMap;
use std::io::Cursor;
use std::path::PathBuf;
use std::{env, fs};

use super::{API_HOST, API_TOKEN, Host, IDENTITY_HOST, USER_API_KEY};
use crate::error::{Code, Error, Result};

/// What all our variables begin with.
const PREFIX: &str = "PAGERDUTY_";

/// The variables of a `.env` file.
#[derive(Clone, Default)]
pub struct Dotenv {
    variables: HashMap<String, String>,
    skipped: usize,
}

impl Dotenv {
    /// Reads the nearest `.env` file; none is no variables.
    pub fn load() -> Result<Self> {
        let Some(path) = nearest() else { return Ok(Self::default()) };
        let bytes = fs::read(&path).map_err(|error| {
            Error::new(Code::InvalidConfiguration, format!("{} cannot be read: {}", path.display(), error.kind()))
                .hint("Make the file readable, or remove it.")
        })?;
        // Other encodings in other people's comments are no concern of ours.
        let found = Self::parse(&String::from_utf8_lossy(&bytes))?;
        found.check(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))?;
        Ok(found)
    }

    /// Refuses a file that would send a credential which is not its own to a host of its choice: the file may be anybody's,
    /// the key in the environment and the login in the keyring are the user's. `is_set` says what the environment has.
    fn check(&self, is_set: impl Fn(&str) -> bool) -> Result<()> {
        let own_key = [API_TOKEN, USER_API_KEY].into_iter().any(|name| self.variables.contains_key(name));
        let users_key = is_set(API_TOKEN) || is_set(USER_API_KEY);
        let harmless = |host: &str| Host::parse(host).is_ok_and(|host| host.is_pagerduty() || host.is_plain());
        for (name, trusted) in [(API_HOST, own_key && !users_key), (IDENTITY_HOST, false)] {
            let chosen = self.variables.get(name).filter(|_| !is_set(name) && !trusted);
            if chosen.is_some_and(|host| !harmless(host)) {
                return Err(Error::new(
                    Code::InvalidConfiguration,
                    format!("the .env file sets {name}, and would send a credential there that is not its own"),
                )
                .hint(format!("If that host is right, set {name} in the environment instead.")));
            }
        }
        Ok(())
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let whole: Result<Vec<_>, _> = dotenvy::from_read_iter(Cursor::new(text)).collect();
        if let Ok(pairs) = whole {
            return Ok(Self { variables: first_of_each(pairs), skipped: 0 });
        }
        // One by one, since a quote that is not closed takes all lines after it along.
        let (mut pairs, mut skipped) = (Vec::new(), 0);
        for line in text.lines() {
            match dotenvy::from_read_iter(Cursor::new(line)).next() {
                None => {}
                Some(Ok(pair)) => pairs.push(pair),
                Some(Err(_)) if line.contains(PREFIX) => {
                    return Err(Error::new(
                        Code::InvalidConfiguration,
                        format!("a line of the .env file that names {PREFIX}… has a syntax error"),
                    )
                    .hint(
                        "Write one NAME=value per line; put values with spaces or # in double quotes, and close them.",
                    ));
                }
                Some(Err(_)) => skipped += 1,
            }
        }
        Ok(Self { variables: first_of_each(pairs), skipped })
    }

    /// The value of a variable of ours. Of others the file has no say: a folder's `.env` must not choose, say, which
    /// program is started as the browser.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.variables.get(name).filter(|_| name.starts_with(PREFIX)).cloned()
    }

    /// What the process's environment says, and where that says nothing, the file.
    #[must_use]
    pub fn or_env(&self, name: &str) -> Option<String> {
        env::var(name).ok().or_else(|| self.get(name))
    }

    /// Warns of lines that were passed over. Apart from reading, because what is logged may stand in the file itself.
    pub fn warn(&self) {
        if self.skipped > 0 {
            tracing::warn!(lines = self.skipped, "passed over lines of the .env file that cannot be read");
        }
    }
}

/// Of two lines with the same name the first counts, as what is set already does.
fn first_of_each(pairs: Vec<(String, String)>) -> HashMap<String, String> {
    pairs.into_iter().rev().collect()
}

fn nearest() -> Option<PathBuf> {
    let here = env::current_dir().ok()?;
    here.ancestors().map(|folder| folder.join(".env")).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_peoples_lines_do_not_matter() {
        let text = "# comment\nAPP_NAME=My App\njust a line\nmy-var=1\nexport PAGERDUTY_REGION=eu\nQUOTED=\"a b\" # c\n\
                    PAGERDUTY_API_TOKEN='u+x'\n";
        let file = Dotenv::parse(text).unwrap();
        assert_eq!(file.get("PAGERDUTY_REGION").as_deref(), Some("eu"));
        assert_eq!(file.get("PAGERDUTY_API_TOKEN").as_deref(), Some("u+x"));
        assert_eq!(file.get("QUOTED"), None, "not ours");
        assert!(file.skipped >= 2, "{}", file.skipped);
        let quoted = Dotenv::parse("X='it's'\nPAGERDUTY_REGION=eu\nPAGERDUTY_REGION=us\n").unwrap();
        assert_eq!((quoted.get("PAGERDUTY_REGION").as_deref(), quoted.skipped), (Some("eu"), 1));
    }

    #[test]
    fn a_file_cannot_send_the_users_credential_to_a_host_of_its_choice() {
        let check = |text: &str, set: &[&str]| Dotenv::parse(text).unwrap().check(|name| set.contains(&name));
        let host = "PAGERDUTY_API_HOST=https://gate.example\n";
        for set in [&[API_TOKEN][..], &[USER_API_KEY], &[]] {
            assert_eq!(check(host, set).unwrap_err().code(), Code::InvalidConfiguration, "{set:?}");
        }
        assert!(check(&format!("{host}PAGERDUTY_API_TOKEN=u+x\n"), &[]).is_ok(), "its own credential");
        assert!(check(&format!("{host}PAGERDUTY_API_TOKEN=u+x\n"), &[API_TOKEN]).is_err());
        assert!(check(host, &[API_TOKEN, API_HOST]).is_ok(), "the environment's host wins");
        assert!(check("PAGERDUTY_API_HOST=https://api.eu.pagerduty.com\n", &[API_TOKEN]).is_ok());
        assert!(check("PAGERDUTY_API_HOST=https://pagerduty.com.evil.example\n", &[API_TOKEN]).is_err());
        assert!(check("PAGERDUTY_IDENTITY_HOST=https://evil.example\nPAGERDUTY_API_TOKEN=u+x\n", &[]).is_err());
    }

    #[test]
    fn a_line_about_us_that_cannot_be_read_is_an_error_without_its_content() {
        for text in ["PAGERDUTY_API_TOKEN=a u+secret", "x y\nPAGERDUTY_API_TOKEN u+secret"] {
            let error = Dotenv::parse(text).map(|file| file.variables).unwrap_err();
            assert_eq!(error.code(), Code::InvalidConfiguration);
            assert!(!error.envelope().to_string().contains("secret"), "{error}");
        }
    }
}
