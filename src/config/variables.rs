//! The variables that are set, and who set each of them.
//!
//! Every door reads its settings through here, so that all of them agree on what is set, and on what a `.env` file may
//! decide: the check and the values it is about are the same.

use std::collections::HashMap;
use std::env;

use super::{API_HOST, API_TOKEN, Dotenv, Host, IDENTITY_HOST, REGION, Region, SANDBOX_STATE, USER_API_KEY, VARIABLES};
use crate::error::{Code, Error, Result};

/// Who set a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Whoever runs the program: by an option, an argument or the environment.
    User,
    /// The `.env` file, which may be anybody's.
    File,
}

/// Our variables that are set. Two that are equal make the same [`Config`](super::Config).
///
/// Not printable: the credential is among them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(HashMap<&'static str, (String, By)>);

impl Variables {
    /// What the environment has and, of what is not in it, the `.env` file. A variable that is blank in the environment is
    /// in it all the same: so the file's can be switched off.
    #[must_use]
    pub fn new(environment: impl Fn(&str) -> Option<String>, file: &Dotenv) -> Self {
        let find = |name: &'static str| {
            let set = environment(name).map(|value| (value, By::User));
            // A path is not the file's to choose: it would be written to.
            let of_file = || (name != SANDBOX_STATE).then(|| Some((file.get(name)?, By::File))).flatten();
            Some((name, set.or_else(of_file)?))
        };
        Self(VARIABLES.iter().filter_map(|variable| find(variable.name)).collect())
    }

    /// The same with the environment of this process. Text that is not Unicode is set, too, and refused by whoever reads it.
    #[must_use]
    pub fn of_process(file: &Dotenv) -> Self {
        Self::new(|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()), file)
    }

    /// Sets a variable to what an option or an argument says. Whoever gives one means something by it: a blank value would
    /// quietly be another setting.
    pub fn set(&mut self, name: &'static str, value: String) -> Result<()> {
        if value.trim().is_empty() {
            return Err(Error::new(Code::InvalidConfiguration, format!("a blank value is given for {name}"))
                .hint("Give the value; or leave it out, and that of the environment holds."));
        }
        self.0.insert(name, (value, By::User));
        Ok(())
    }

    /// Unsets a variable, wherever it came from.
    pub fn unset(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Chooses a region by an option or an argument: whoever names one does not mean another host. One of this machine that
    /// the user named stays: it stands in for either region, and what is tested with it must not go out to PagerDuty.
    pub fn choose(&mut self, region: Region) {
        // Plain HTTP is accepted for this machine alone.
        let local = |host: &str| Host::parse(host).is_ok_and(|host| host.is_plain());
        if self.by(API_HOST) != Some(By::User) || !self.get(API_HOST).is_some_and(local) {
            self.unset(API_HOST);
        }
        self.0.insert(REGION, (region.name().to_owned(), By::User));
    }

    /// The value of a variable. Blank is unset.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|(value, _)| value.trim()).filter(|value| !value.is_empty())
    }

    /// The variable that holds the credential in force, if it is not that of a login or of a request.
    #[must_use]
    pub fn credential(&self) -> Option<&'static str> {
        [API_TOKEN, USER_API_KEY].into_iter().find(|name| self.get(name).is_some())
    }

    /// Who set a variable, if it is set.
    #[must_use]
    pub fn by(&self, name: &str) -> Option<By> {
        self.get(name)?;
        self.0.get(name).map(|(_, by)| *by)
    }

    /// Refuses a file that would send a credential which is not its own to a host of its choice: the file may be anybody's,
    /// the key in the environment and the login in the keyring are the user's. This machine is no exception, as its ports
    /// may be anybody's, too.
    pub(super) fn check(&self) -> Result<()> {
        let own = self.credential().and_then(|name| self.by(name)) == Some(By::File);
        // One that cannot be read is refused for that by whoever reads it.
        let foreign = |host: &str| Host::parse(host).is_ok_and(|host| !host.is_pagerduty());
        // What goes to the identity server is never the file's own: the login is whoever's keyring it is.
        for (name, trusted) in [(API_HOST, own), (IDENTITY_HOST, false)] {
            if !trusted && self.by(name) == Some(By::File) && self.get(name).is_some_and(foreign) {
                return Err(Error::new(
                    Code::InvalidConfiguration,
                    format!("the .env file sets {name}, and would send a credential there that is not its own"),
                )
                .hint(format!("If that host is right, set {name} in the environment instead.")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CLIENT_ID, Config};

    const GATE: &str = "PAGERDUTY_API_HOST=https://gate.example\n";

    fn read(file: &str, environment: &[(&str, &str)]) -> Result<Config> {
        let find = |name: &str| environment.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        Config::new(&Variables::new(find, &Dotenv::parse(file).unwrap()))
    }

    #[test]
    fn a_files_host_gets_no_credential_but_the_files_own() {
        let (mine, blank) = ("u+mine", " ");
        for (file, environment, fine) in [
            // The file's own credential is in force.
            ("PAGERDUTY_API_TOKEN=u+x", &[][..], true),
            ("PAGERDUTY_USER_API_KEY=u+x", &[], true),
            ("PAGERDUTY_API_TOKEN=u+x\nPAGERDUTY_CLIENT_ID=c", &[(CLIENT_ID, "mine")], true),
            ("PAGERDUTY_API_TOKEN=u+x", &[(USER_API_KEY, mine)], true),
            ("PAGERDUTY_API_TOKEN=\nPAGERDUTY_USER_API_KEY=u+x", &[], true),
            ("PAGERDUTY_USER_API_KEY=u+x", &[(API_TOKEN, blank)], true),
            // The user's key is.
            ("", &[(API_TOKEN, mine)], false),
            ("", &[(USER_API_KEY, mine)], false),
            ("PAGERDUTY_API_TOKEN=u+x", &[(API_TOKEN, mine)], false),
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
    fn a_host_is_the_files_only_if_nobody_else_chose_it() {
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
        for host in ["https://pagerduty.com.evil.example", "http://127.0.0.1:9", "http://localhost:9"] {
            read(&format!("{API_HOST}={host}"), &[(API_TOKEN, "u+mine")]).unwrap_err();
        }
    }

    #[test]
    fn a_region_wins_over_a_host_unless_the_user_named_one_of_this_machine() {
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
            let mut variables = Variables::new(find, &Dotenv::parse(file).unwrap());
            variables.choose(Region::Eu);
            assert_eq!(Config::new(&variables).unwrap().host.base(), host, "{file} {environment:?}");
        }
    }

    #[test]
    fn a_file_never_chooses_the_identity_server() {
        for host in ["https://evil.example", "http://127.0.0.1:9"] {
            let file = format!("{IDENTITY_HOST}={host}\nPAGERDUTY_API_TOKEN=u+x\nPAGERDUTY_CLIENT_ID=c\n");
            assert!(read(&file, &[]).unwrap_err().message().contains(IDENTITY_HOST));
            assert!(read(&file, &[(IDENTITY_HOST, "")]).is_ok(), "switched off");
        }
    }

    #[test]
    fn what_is_given_says_something() {
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
    fn a_file_never_chooses_where_the_sandbox_writes() {
        let default = read("", &[]).unwrap().sandbox_state;
        assert_eq!(read("PAGERDUTY_SANDBOX_STATE=/etc/passwd", &[]).unwrap().sandbox_state, default);
        assert_eq!(read("", &[(SANDBOX_STATE, "/tmp/x")]).unwrap().sandbox_state, Some("/tmp/x".into()));
        assert_eq!(read("", &[(SANDBOX_STATE, "memory")]).unwrap().sandbox_state, None);
    }

    #[test]
    fn whose_client_it_is_is_known() {
        let file = "PAGERDUTY_CLIENT_ID=theirs\nPAGERDUTY_CLIENT_SECRET=theirs\n";
        assert_eq!(read(file, &[]).unwrap().oauth.client_by, Some(By::File));
        assert_eq!(read(file, &[(CLIENT_ID, "mine")]).unwrap().oauth.client_by, Some(By::User));
        assert_eq!(read("", &[]).unwrap().oauth.client_by, None);
    }
}
