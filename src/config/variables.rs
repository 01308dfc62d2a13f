//! The variables that are set, with the source of each.
//!
//! Every door reads its settings here, so that all doors agree on the values and on the influence of a `.env` file
//! ([`InFile`]): the values that are checked are the values that are used.

use std::collections::BTreeMap;
use std::env;

use super::{
    API_HOST, API_TOKEN, CLIENT_ID, Dotenv, Host, InFile, REGION, Region, SANDBOX, USER_API_KEY, VARIABLES, Variable,
    flag, is_similar_to_token, is_switched_off, named,
};
use crate::error::{Code, Error, Result};

/// The source of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The user who runs the program, by an option, an argument or the environment.
    User,
    /// The `.env` file, which may come from an unknown author.
    File,
}

/// The variables of the server that are set. Equal variables give an equal [`Config`](super::Config).
///
/// The type cannot be printed, because the credential is among the values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables {
    /// Few variables are set, so a comparison is cheaper than a hash.
    set: BTreeMap<&'static str, (String, By)>,
    file: Dotenv,
    /// Our variables that the file sets but does not decide.
    ignored: Vec<&'static str>,
    /// A name in the environment that looks like a misspelling of the one for a key.
    similar: Option<String>,
}

/// The influence of a `.env` file on the settings, for display.
#[derive(Clone, Debug, Default)]
pub struct FromFile {
    /// The file, if there is one.
    pub name: Option<String>,
    /// The variables that it determines.
    pub taken: Vec<&'static str>,
    /// The variables that it sets but does not determine, each with the reason.
    pub ignored: Vec<(&'static str, &'static str)>,
    /// The faults that do not stop the start, as sentences.
    pub faults: Vec<String>,
    /// The host that requests go to because of the file, if it is not PagerDuty's.
    pub host: Option<String>,
}

impl FromFile {
    /// Logs what the user may not expect. This is separate from reading, because the file may set the log level.
    pub fn warn(&self) {
        for fault in &self.faults {
            tracing::warn!("{fault}");
        }
        let file = self.name.as_deref().unwrap_or_default();
        for (name, why) in &self.ignored {
            tracing::warn!("{name} in {file} is ignored: {why}");
        }
        if let Some(host) = &self.host {
            tracing::warn!("requests go to {host} with the key of {file}, because that file sets the host");
        }
    }
}

/// The reason for ignoring a variable of a file regardless of other settings.
const NEVER: &str = "a .env file cannot set it; set it in the environment if you need it";

impl Variables {
    /// Returns the variables of the environment, and those of the `.env` file that are not in the environment.
    ///
    /// A blank variable of the environment counts, so that one of the file can be switched off.
    #[must_use]
    pub fn new(environment: impl Fn(&str) -> Option<String>, file: &Dotenv) -> Self {
        let find = |name: &'static str| {
            let set = environment(name).map(|value| (value, By::User));
            Some((name, set.or_else(|| Some((file.get(name)?.to_owned(), By::File)))?))
        };
        Self {
            set: VARIABLES.iter().filter_map(|variable| find(variable.name)).collect(),
            ignored: file.ignored().into_iter().filter(|name| environment(name).is_none()).collect(),
            file: file.clone(),
            similar: None,
        }
    }

    /// Returns the variables with the environment of this process. Text that is not Unicode counts as set, and is refused
    /// when it is parsed.
    #[must_use]
    pub fn of_process(file: &Dotenv) -> Self {
        let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
        Self::new(|name| env::var_os(name).map(text), file)
            .beside(|| env::vars_os().map(|(name, value)| (text(name), text(value))))
    }

    /// Adds a name in the whole environment that looks like a misspelling of the one for a key.
    ///
    /// It is reported only without a key, so with one in the environment the names are not compared.
    #[must_use]
    pub fn beside<E: IntoIterator<Item = (String, String)>>(mut self, environment: impl FnOnce() -> E) -> Self {
        if self.credential().is_some_and(|name| self.by(name) == Some(By::User)) {
            return self;
        }
        let mut similar =
            environment().into_iter().filter(|(name, value)| is_similar_to_token(name) && !value.trim().is_empty());
        self.similar = similar.next().map(|(name, _)| name);
        self
    }

    /// Returns a name that looks like a misspelling of the one for a key, in the environment or the file.
    #[must_use]
    pub fn similar_to_token(&self) -> Option<String> {
        self.similar.clone().or_else(|| self.file.similar().map(str::to_owned))
    }

    /// Sets a variable to the value of an option or an argument. A blank value is refused, because the setting of the
    /// environment would silently take its place.
    pub fn set(&mut self, name: &'static str, value: String) -> Result<()> {
        if value.trim().is_empty() {
            return Err(Error::new(Code::InvalidConfiguration, format!("{name} has a blank value"))
                .hint("Pass the value, or leave it out to use that of the environment."));
        }
        self.set.insert(name, (value, By::User));
        Ok(())
    }

    /// Unsets a variable from any source.
    pub fn unset(&mut self, name: &str) {
        self.set.remove(name);
    }

    /// Sets the region from an option or an argument, and unsets another host.
    ///
    /// A host on this machine that the user named stays: it is a stand-in for either region, and requests of a test must
    /// not reach PagerDuty.
    pub fn choose(&mut self, region: Region) {
        // Plain HTTP is accepted for this machine alone.
        let local = |host: &str| Host::parse(host).is_ok_and(|host| host.is_plain());
        if self.by(API_HOST) != Some(By::User) || !self.get(API_HOST).is_some_and(local) {
            self.unset(API_HOST);
        }
        self.set.insert(REGION, (region.name().to_owned(), By::User));
    }

    /// Returns the value of a variable. A blank variable is unset.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.set.get(name).map(|(value, _)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Returns the variable with the credential in use, unless the credential comes from a login or a request.
    #[must_use]
    pub fn credential(&self) -> Option<&'static str> {
        [API_TOKEN, USER_API_KEY].into_iter().find(|name| self.get(name).is_some())
    }

    /// Returns the source of a variable, if it is set.
    #[must_use]
    pub fn by(&self, name: &str) -> Option<By> {
        self.get(name)?;
        self.set.get(name).map(|(_, by)| *by)
    }

    /// Returns the variables without those that a `.env` file sets and may not decide, and the report on the file.
    /// Refuses a file if continuing without its setting would mislead the user.
    pub(super) fn settled(&self) -> Result<(Self, FromFile)> {
        let mut settled = self.clone();
        let mut ignored: Vec<_> = self.ignored.iter().map(|name| (*name, NEVER)).collect();
        let users = [API_TOKEN, USER_API_KEY, CLIENT_ID].into_iter().any(|name| self.by(name) == Some(By::User));
        let of_file =
            |rule| VARIABLES.iter().filter(move |variable| self.is_files(variable) && variable.in_file == rule);
        if users {
            for variable in of_file(InFile::Credential) {
                settled.unset(variable.name);
                ignored.push((variable.name, "the environment has its own credential"));
            }
        }
        let own = settled.credential().and_then(|name| settled.by(name)) == Some(By::File);
        let on = |value: &str| matches!(flag(SANDBOX, value), Ok(true));
        let embedded = self.by(SANDBOX) == Some(By::User) && self.get(SANDBOX).is_some_and(on);
        for (name, line) in self.file.broken() {
            // The line is irrelevant where its value would have no effect.
            let counts = match named(name).map(|variable| variable.in_file) {
                _ if self.set.contains_key(name) => false,
                Some(InFile::Taken | InFile::Level) => true,
                _ if embedded => false,
                Some(InFile::Credential) => !users && (name == API_TOKEN || self.get(API_TOKEN).is_none()),
                Some(InFile::WithKey) => own,
                Some(InFile::HostWithKey | InFile::Refused) => true,
                Some(InFile::Ignored) | None => false,
            };
            if counts {
                return Err(Error::new(
                    Code::InvalidConfiguration,
                    format!("{}, line {line}: the line sets {name} and has a syntax error", self.file.name()),
                )
                .hint("Write NAME=value, close every quote, and put only a comment (#) after a closing quote."));
            }
        }
        if !own {
            for variable in of_file(InFile::WithKey) {
                settled.unset(variable.name);
                if !embedded {
                    ignored.push((variable.name, "it goes with a key of the same file, which is not used"));
                }
            }
        }
        let refused = of_file(InFile::Refused)
            .filter(|variable| self.get(variable.name).is_some_and(|value| !is_switched_off(variable, value)));
        // A host that cannot be read is refused when it is parsed for use.
        let foreign = |variable: &&Variable| {
            let host = self.get(variable.name).map(Host::parse);
            host.is_some_and(|host| host.is_ok_and(|host| host.region().is_none()))
        };
        let hosts = of_file(InFile::HostWithKey).filter(foreign);
        for variable in refused.chain(hosts.clone().filter(|_| !own)) {
            if !embedded {
                return Err(self.refusal(variable));
            }
            settled.unset(variable.name);
        }
        let taken = VARIABLES.iter().filter(|variable| settled.is_files(variable)).map(|variable| variable.name);
        let report = FromFile {
            name: self.file.is_present().then(|| self.file.name()),
            taken: taken.collect(),
            ignored,
            faults: self.file.faults(),
            host: hosts.filter(|_| own).find_map(|variable| self.get(variable.name)).map(str::to_owned),
        };
        Ok((settled, report))
    }

    /// Returns whether a variable has the file's value.
    fn is_files(&self, variable: &Variable) -> bool {
        self.by(variable.name) == Some(By::File)
    }

    /// Returns the error for a file that sets a variable it may not set, where continuing without it would mislead the
    /// user.
    fn refusal(&self, variable: &Variable) -> Error {
        let (name, place) = (variable.name, self.file.place(variable.name));
        let (why, hint) = if name == SANDBOX {
            (
                "and a .env file cannot decide whether calls go to the sandbox".to_owned(),
                format!(
                    "Start with --sandbox, or set {name} in the environment: 1 for the sandbox, 0 for the real account."
                ),
            )
        } else {
            (
                "which would receive a credential from another source".to_owned(),
                format!(
                    "Set {name} in the environment if that host is right, or set it there to nothing if it is wrong."
                ),
            )
        };
        Error::new(Code::InvalidConfiguration, format!("{place}: the .env file sets {name}, {why}")).hint(hint)
    }

    /// Returns an error about a setting, with the place of the setting if it is in a file.
    #[must_use]
    pub fn placed(&self, error: Error) -> Error {
        let named = |variable: &&Variable| self.is_files(variable) && error.message().contains(variable.name);
        match VARIABLES.iter().find(named) {
            Some(variable) => error.adding(&format!(" ({})", self.file.place(variable.name))),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, IDENTITY_HOST, SANDBOX_STATE};

    const GATE: &str = "PAGERDUTY_API_HOST=https://gate.example\n";

    fn read(file: &str, environment: &[(&str, &str)]) -> Result<Config> {
        let find = |name: &str| environment.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        Config::new(&Variables::new(find, &Dotenv::parse(file)))
    }

    #[test]
    fn host_of_file_gets_only_the_credential_of_the_file() {
        let (mine, blank) = ("u+mine", " ");
        for (file, environment, fine) in [
            // The file's own credential is in force.
            ("PAGERDUTY_API_TOKEN=u+x", &[][..], true),
            ("PAGERDUTY_USER_API_KEY=u+x", &[], true),
            ("PAGERDUTY_API_TOKEN=u+x\nPAGERDUTY_CLIENT_ID=c", &[], true),
            ("PAGERDUTY_API_TOKEN=u+x", &[(CLIENT_ID, blank)], true),
            ("PAGERDUTY_API_TOKEN=\nPAGERDUTY_USER_API_KEY=u+x", &[], true),
            ("PAGERDUTY_USER_API_KEY=u+x", &[(API_TOKEN, blank)], true),
            // The user's key is.
            ("", &[(API_TOKEN, mine)], false),
            ("", &[(USER_API_KEY, mine)], false),
            ("PAGERDUTY_API_TOKEN=u+x", &[(API_TOKEN, mine)], false),
            ("PAGERDUTY_API_TOKEN=u+x", &[(USER_API_KEY, mine)], false),
            ("PAGERDUTY_API_TOKEN=u+x", &[(CLIENT_ID, "mine")], false),
            ("PAGERDUTY_USER_API_KEY=u+x", &[(API_TOKEN, mine)], false),
            ("PAGERDUTY_API_TOKEN=", &[(USER_API_KEY, mine)], false),
            // The login is, or nothing.
            ("PAGERDUTY_CLIENT_ID=c", &[], false),
            ("", &[(CLIENT_ID, "mine")], false),
            ("PAGERDUTY_API_TOKEN=\nPAGERDUTY_CLIENT_ID=c", &[], false),
            ("PAGERDUTY_API_TOKEN=' '\nPAGERDUTY_CLIENT_ID=c\nPAGERDUTY_TOKEN_STORE=file", &[], false),
            ("PAGERDUTY_API_TOKEN=u+x\nPAGERDUTY_CLIENT_ID=c", &[(API_TOKEN, blank)], false),
            ("PAGERDUTY_API_TOKEN=u+x", &[(API_TOKEN, "")], false),
            ("PAGERDUTY_USER_API_KEY=u+x", &[(USER_API_KEY, "")], false),
            ("", &[], false),
        ] {
            let outcome = read(&format!("{GATE}{file}\n"), environment);
            assert_eq!(
                outcome.as_ref().err().map(Error::code),
                (!fine).then_some(Code::InvalidConfiguration),
                "{file}"
            );
            assert!(outcome.is_err_and(|error| error.message().contains(API_HOST)) != fine, "{file}");
        }
    }

    #[test]
    fn host_in_environment_wins_over_host_of_file() {
        for (file, environment, host, of_file) in [
            (format!("{GATE}PAGERDUTY_API_TOKEN=u+x"), &[][..], "https://gate.example", true),
            (GATE.to_owned(), &[(API_HOST, "https://mine.example")], "https://mine.example", false),
            (GATE.to_owned(), &[(API_HOST, "")], "https://api.pagerduty.com", false),
            (format!("{API_HOST}=https://api.eu.pagerduty.com"), &[], "https://api.eu.pagerduty.com", false),
        ] {
            let config = read(&file, environment).unwrap();
            let refused = config.refuse_host_of_file("a credential").is_err();
            assert_eq!((config.host.base(), refused), (host, of_file), "{file}");
        }
        for host in [
            "https://pagerduty.com.evil.example",
            "http://127.0.0.1:9",
            "http://localhost:9",
            "https://anything.pagerduty.com",
            "https://anything.pagerduty.com:8443/path",
            "https://api.pagerduty.com:8443",
            "https://api.pagerduty.com/path",
            "https://api.pagerduty.com.",
        ] {
            read(&format!("{API_HOST}={host}"), &[(API_TOKEN, "u+mine")]).unwrap_err();
        }
    }

    #[test]
    fn region_wins_over_a_host_except_on_loopback() {
        let (eu, local) = ("https://api.eu.pagerduty.com", "http://127.0.0.1:9");
        for (file, environment, host) in [
            (GATE, None, eu),
            (GATE, Some("https://mine.example"), eu),
            ("", Some("https://127.0.0.1.evil.example"), eu),
            ("PAGERDUTY_API_HOST=http://127.0.0.1:9\nPAGERDUTY_API_TOKEN=u+x", None, eu),
            ("", Some("not a host"), eu),
            ("", Some(local), local),
            (GATE, Some(local), local),
            ("", Some("http://[::1]:9"), "http://[::1]:9"),
        ] {
            let find = |name: &str| environment.filter(|_| name == API_HOST).map(str::to_owned);
            let mut variables = Variables::new(find, &Dotenv::parse(file));
            variables.choose(Region::Eu);
            assert_eq!(Config::new(&variables).unwrap().host.base(), host, "{file} {environment:?}");
        }
    }

    #[test]
    fn identity_server_of_file_is_refused() {
        for host in ["https://evil.example", "http://127.0.0.1:9", "https://identity.pagerduty.com:8443"] {
            let file = format!("{IDENTITY_HOST}={host}\nPAGERDUTY_API_TOKEN=u+x\nPAGERDUTY_CLIENT_ID=c\n");
            assert!(read(&file, &[]).unwrap_err().message().contains(IDENTITY_HOST));
            assert!(read(&file, &[(IDENTITY_HOST, "")]).is_ok(), "switched off");
        }
    }

    #[test]
    fn each_variable_of_file_is_used_ignored_or_refused() {
        let value = |variable: &Variable| match variable.name {
            API_HOST | IDENTITY_HOST => "https://gate.example",
            crate::config::USER_EMAIL => "a@b.example",
            REGION => "eu",
            crate::config::FORMAT => "compact",
            crate::config::LOG => "debug",
            _ => "1",
        };
        for variable in VARIABLES {
            let name = variable.name;
            let alone = format!("{name}={}\n", value(variable));
            let with_key = format!("{alone}{API_TOKEN}=u+x\n");
            let of = |file: &str, environment: &[(&str, &str)]| match read(file, environment) {
                Ok(config) if config.dotenv.taken.contains(&name) => "taken",
                Ok(config) if config.dotenv.ignored.iter().any(|(ignored, _)| *ignored == name) => "ignored",
                Ok(_) => "lost",
                Err(error) => {
                    assert!(error.message().contains(name) && error.message().contains(".env"), "{error}");
                    "refused"
                }
            };
            let own = if name == USER_API_KEY { API_TOKEN } else { USER_API_KEY };
            let (alone, with_key) = (of(&alone, &[(own, "u+mine")]), of(&with_key, &[]));
            let expected = match variable.in_file {
                InFile::Taken | InFile::Level => ["taken", "taken"],
                InFile::Credential | InFile::WithKey => ["ignored", "taken"],
                InFile::HostWithKey => ["refused", "taken"],
                InFile::Ignored => ["ignored", "ignored"],
                InFile::Refused => ["refused", "refused"],
            };
            assert_eq!([alone, with_key], expected, "{name}");
        }
    }

    #[test]
    fn ignored_variable_of_file_changes_nothing() {
        let file = "PAGERDUTY_RAW_TEXT=1\nPAGERDUTY_TOKEN_STORE=file\nPAGERDUTY_USER_EMAIL=evil@b.example\n\
                    PAGERDUTY_API_TOKEN=theirs\nPAGERDUTY_SANDBOX=off\n";
        let config = read(file, &[(USER_API_KEY, "mine")]).unwrap();
        assert_eq!(config.token.map(|(_, source)| source), Some(USER_API_KEY));
        assert_eq!((config.raw_text, config.sandbox, config.user_email), (false, false, None));
        assert_eq!(config.oauth.store, crate::config::TokenStore::Keyring);
        assert_eq!(config.dotenv.ignored.len(), 4);
    }

    #[test]
    fn sandbox_chosen_by_user_is_not_refused() {
        let file = format!("{GATE}PAGERDUTY_SANDBOX=1\nPAGERDUTY_IDENTITY_HOST=https://gate.example");
        let config = read(&file, &[(SANDBOX, "1"), (API_TOKEN, "u+mine")]).unwrap();
        assert!(config.sandbox && config.host.region().is_some());
        assert!(!read("PAGERDUTY_SANDBOX=1", &[(SANDBOX, "")]).unwrap().sandbox);
    }

    #[test]
    fn errors_about_a_file_name_file_and_line() {
        for (file, environment, part) in [
            ("\nPAGERDUTY_REGION=mars", &[][..], "line 2"),
            ("A=1\nPAGERDUTY_REGION='eu", &[], "line 2"),
            ("PAGERDUTY_SANDBOX=1", &[], "line 1"),
        ] {
            let error = read(file, environment).unwrap_err();
            assert!(error.message().contains(".env file") && error.message().contains(part), "{error}");
        }
        for (file, environment) in [
            ("PAGERDUTY_REGION='eu", &[(REGION, "us")][..]),
            ("PAGERDUTY_API_TOKEN='u+x", &[(USER_API_KEY, "u+mine")]),
            ("PAGERDUTY_API_TOKEN='u+x", &[(CLIENT_ID, "mine")]),
            ("PAGERDUTY_API_TOKEN='u+x", &[(SANDBOX, "1")]),
            ("PAGERDUTY_API_TOKEN=u+x\nPAGERDUTY_USER_API_KEY='u+x", &[]),
            ("PAGERDUTY_USER_EMAIL='a@b.example", &[(API_TOKEN, "u+mine")]),
            ("PAGERDUTY_RAW_TEXT='1", &[]),
        ] {
            assert!(read(file, environment).is_ok(), "{file}: the value could not count");
        }
    }

    #[test]
    fn misspelled_key_variable_is_named_without_a_key() {
        assert_eq!(read("PAGERDUTY_API_KEY=u+x", &[]).unwrap().similar_to_token.as_deref(), Some("PAGERDUTY_API_KEY"));
        let environment =
            [("PAGERDUTY_TOKEN", "u+x"), ("PAGERDUTY_API_KEY", " ")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let variables = Variables::default().beside(|| environment);
        assert_eq!(variables.similar_to_token().as_deref(), Some("PAGERDUTY_TOKEN"));
    }

    #[test]
    fn blank_argument_is_refused() {
        let mut variables = Variables::default();
        for blank in ["", " \n"] {
            let error = variables.set(API_TOKEN, blank.to_owned()).unwrap_err();
            assert_eq!(error.code(), Code::InvalidConfiguration);
        }
        assert_eq!(variables.get(API_TOKEN), None);
        variables.set(API_TOKEN, " u+x ".to_owned()).unwrap();
        assert_eq!(variables.get(API_TOKEN), Some("u+x"));
    }

    #[test]
    fn sandbox_state_of_file_is_ignored() {
        let default = read("", &[]).unwrap().sandbox_state;
        assert_eq!(read("PAGERDUTY_SANDBOX_STATE=/etc/passwd", &[]).unwrap().sandbox_state, default);
        assert_eq!(read("", &[(SANDBOX_STATE, "/tmp/x")]).unwrap().sandbox_state, Some("/tmp/x".into()));
        assert_eq!(read("", &[(SANDBOX_STATE, "memory")]).unwrap().sandbox_state, None);
    }

    #[test]
    fn source_of_the_oauth_client_is_kept() {
        let file = "PAGERDUTY_CLIENT_ID=theirs\nPAGERDUTY_CLIENT_SECRET=theirs\n";
        assert_eq!(read(file, &[]).unwrap().oauth.client_by, Some(By::File));
        assert_eq!(read(file, &[(CLIENT_ID, "mine")]).unwrap().oauth.client_by, Some(By::User));
        assert_eq!(read("", &[]).unwrap().oauth.client_by, None);
    }
}
