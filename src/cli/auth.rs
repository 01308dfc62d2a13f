//! `auth login`, `auth status` and `auth logout`.

use std::fmt::Write;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::args::AuthCommand;
use super::output;
use super::output::{answer, in_line, note, print_error};
use super::status::{FAILED, SUCCESS};
use crate::app;
use crate::auth::{Credential, Credentials, Store, Tokens};
use crate::client::Client;
use crate::config::{CLIENT_ID, Config, Host, Region};
use crate::error::{Code, Error, Result};

/// Runs a command.
pub async fn run(command: AuthCommand, config: Config) -> Result<u8> {
    match command {
        AuthCommand::Login => login(&config).await,
        AuthCommand::Status { json } => status(config, json).await,
        AuthCommand::Logout => logout(&config).await,
    }
}

/// Logs in, even if a login is stored, and prints the user.
async fn login(config: &Config) -> Result<u8> {
    if config.sandbox {
        return Err(Error::new(Code::InvalidConfiguration, "the sandbox needs no login")
            .hint("Leave out --sandbox and PAGERDUTY_SANDBOX to log in to PagerDuty."));
    }
    config.refuse_host_of_file("the login")?;
    let credentials = Credentials::new(config);
    let login = credentials.login().ok_or_else(|| {
        Error::new(Code::InvalidConfiguration, format!("{CLIENT_ID} is not set, which a login needs"))
            .hint("Register an OAuth app at PagerDuty (Integrations > App Registration) and set its client ID.")
    })?;
    let credential = match login.renew().await {
        Ok(credential) => credential,
        Err(error) => return Ok(failed(&error)),
    };
    let text = match whose(config, credential).await {
        Ok(user) => format!("Logged in as {} <{}>.\n", in_line(&user.name), in_line(&user.email)),
        Err(error) => {
            note("The login succeeded and is stored, but PagerDuty does not accept it:");
            return Ok(failed(&error));
        }
    };
    answer(text).await;
    if let Some((_, source)) = &config.token {
        note(&format!("note: {source} is set and is used instead of the login; unset it."));
    }
    Ok(SUCCESS)
}

fn failed(error: &Error) -> u8 {
    print_error(error);
    FAILED
}

struct User {
    id: String,
    name: String,
    email: String,
}

/// Returns the user of a credential.
async fn whose(config: &Config, credential: Credential) -> Result<User> {
    let me = Arc::new(Client::new(config)).with(credential).me().await?;
    Ok(User { id: me.id.to_string(), name: me.name.clone(), email: me.email.clone() })
}

/// Prints the credential in use and its user. It changes nothing and never opens the browser.
async fn status(mut config: Config, as_json: bool) -> Result<u8> {
    let _sandbox = app::embed(&mut config).await?;
    let credentials = Credentials::new(&config);
    let stored = if config.token.is_none() && credentials.login().is_some() {
        Store::new(config.oauth.store.clone()).load().await
    } else {
        Ok(None)
    };
    let (stored, login) = match stored {
        Ok(login) => (Ok(()), login),
        Err(error) => (Err(error), None),
    };
    let mut report = Report::of(&config, login.as_ref());
    // It works like a fresh one: the next call refreshes it without the user.
    let refreshes = report.refreshable == Some(true) && login.is_some_and(|tokens| !tokens.is_fresh());
    let credential = match stored {
        Ok(()) if refreshes => Ok(None),
        Ok(()) => credentials.present().await.map(Some),
        Err(error) => Err(error),
    };
    let error = match credential {
        Ok(None) => None,
        Ok(Some(credential)) => {
            report.credential = Some(credential.masked());
            if let Some(host) = credential.host() {
                report.host = host.clone();
            }
            match whose(&config, credential).await {
                Ok(user) => {
                    report.user = Some(user);
                    None
                }
                // An account-level key works and has no user.
                Err(error) if error.code() == Code::NoUserContext => None,
                Err(error) => Some(error),
            }
        }
        Err(error) => Some(error),
    };
    if as_json {
        output::report(report.json(error.as_ref())).await;
    } else {
        answer(report.text()).await;
        error.iter().for_each(print_error);
    }
    Ok(if error.is_some() { FAILED } else { SUCCESS })
}

/// The output of `auth status`.
struct Report {
    source: Option<String>,
    credential: Option<String>,
    host: Host,
    expires_at: Option<Timestamp>,
    refreshable: Option<bool>,
    store: Option<String>,
    user: Option<User>,
}

impl Report {
    fn of(config: &Config, login: Option<&Tokens>) -> Self {
        let oauth = &config.oauth;
        let may_log_in = config.token.is_none() && oauth.client_id.is_some();
        let key = config.token.as_ref().map(|(_, source)| *source);
        Self {
            source: key.or(login.map(|_| "oauth")).map(str::to_owned),
            credential: None,
            host: config.host.clone(),
            expires_at: login.and_then(|tokens| Timestamp::from_second(tokens.expires_at()?).ok()),
            refreshable: login.map(|tokens| tokens.has_refresh_token() && oauth.client_secret.is_some()),
            store: may_log_in.then(|| oauth.store.describe()),
            user: None,
        }
    }

    fn json(&self, error: Option<&Error>) -> Value {
        let user = self.user.as_ref().map(|user| json!({"id": user.id, "name": user.name, "email": user.email}));
        let mut report = Map::new();
        for (name, value) in [
            ("ok", error.is_none().into()),
            ("source", self.source.clone().into()),
            ("credential", self.credential.clone().into()),
            ("host", self.host.base().into()),
            ("region", self.host.region().map(Region::name).into()),
            ("expires_at", self.expires_at.map(|end| end.to_string()).into()),
            ("refreshable", self.refreshable.into()),
            ("store", self.store.clone().into()),
            ("user", user.into()),
        ] {
            report.insert(name.to_owned(), value);
        }
        if let Some(error) = error {
            report.extend(error.envelope().get("error").cloned().map(|error| ("error".to_owned(), error)));
        }
        Value::Object(report)
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                let _ = writeln!(text, "{name:<12}{}", in_line(&value));
            }
        };
        let expiry = self.expires_at.map(|end| {
            let state = if end > Timestamp::now() { "" } else { " (expired)" };
            let then = if self.refreshable == Some(true) {
                ", refreshed automatically by the next call"
            } else {
                ", then the browser opens again"
            };
            format!("{end}{state}{then}")
        });
        line("Source", Some(self.source.clone().unwrap_or_else(|| "none".to_owned())));
        line("Credential", self.credential.clone());
        line("Host", Some(self.host.describe()));
        line("Expires", expiry);
        line("Stored in", self.store.clone());
        line("User", self.user.as_ref().map(|user| format!("{} <{}> ({})", user.name, user.email, user.id)));
        text
    }
}

/// Removes the stored login.
async fn logout(config: &Config) -> Result<u8> {
    let store = &config.oauth.store;
    let kept = Store::new(store.clone());
    let removed = match kept.clear(&kept.exclusive().await).await {
        Ok(removed) => removed,
        Err(error) => return Ok(failed(&error)),
    };
    let done = if removed.is_empty() {
        format!("No login is stored in {}; nothing to remove.\n", store.describe())
    } else {
        format!("Logged out: removed {} from {}.\n", removed.join(", "), store.describe())
    };
    answer(done).await;
    if let Some((_, source)) = &config.token {
        note(&format!("note: {source} is set and is still used."));
    }
    if !removed.is_empty() {
        note("note: the login is still valid at PagerDuty; to revoke it, remove the app on your user's settings page.");
    }
    Ok(SUCCESS)
}
