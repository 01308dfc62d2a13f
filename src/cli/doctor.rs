//! `doctor`: checks everything that a call depends on, with a hint for each problem.
//!
//! It changes nothing: no incident and no stored token. It opens no browser.

use std::fmt::Write;
use std::sync::Arc;

use pagerduty_calendar::zones::{self, Origin};
use serde::Serialize;
use serde_json::json;

use super::output;
use super::output::in_line;
use super::status::{FAILED, SUCCESS};
use crate::app;
use crate::auth::{Credential, Credentials, Store};
use crate::client::{Api, Client, Probe, Query, RateLimit};
use crate::config::{CLIENT_ID, Config, FromFile, SANDBOX, SSL_CERT_DIR, SSL_CERT_FILE, USER_EMAIL};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, Model, User};
use crate::net::tls::Roots;
use crate::pagination::ListRequest;

/// The fraction of the rate limit, as a divisor, below which calls will soon fail.
const LOW_REMAINING: u64 = 10;

/// The seconds by which the clocks may differ. Expiry times are computed with the local clock, with a minute of reserve.
const MAX_SKEW_SECS: u64 = 60;

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// No problem was found.
    Ok,
    /// Some calls will fail, or the result is unknown.
    Warn,
    /// No call will work.
    Fail,
}

/// One line of the report.
#[derive(Clone, Debug, Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    message: String,
    /// The next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Check {
    fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: Status::Ok, message: message.into(), hint: None }
    }

    fn warn(name: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, status: Status::Warn, message: message.into(), hint: Some(hint.into()) }
    }

    fn from_error(name: &'static str, status: Status, error: &Error) -> Self {
        let code = error.code();
        let message = format!("{code}: {}", error.message());
        Self { name, status, message, hint: error.hint_text().map(str::to_owned) }
    }
}

/// Runs the checks and prints them.
pub async fn run(mut config: Config, as_json: bool) -> Result<u8> {
    let running = app::embed(&mut config).await?;
    let mut checks = examine(&config).await;
    if running.is_some() {
        checks.insert(0, sandbox(&config));
    }
    let failed = checks.iter().any(|check| check.status == Status::Fail);
    if as_json {
        output::report(json!({"ok": !failed, "checks": checks})).await;
    } else {
        output::answer(table(&checks)).await;
    }
    Ok(if failed { FAILED } else { SUCCESS })
}

/// Returns the check that warns that the report is about the sandbox.
fn sandbox(config: &Config) -> Check {
    let kept = config.sandbox_state.as_ref().map_or_else(
        || "Changes last until the process ends".to_owned(),
        |path| format!("Changes are kept in {}", path.display()),
    );
    Check::warn(
        "sandbox",
        format!("all calls use the sandbox instead of PagerDuty. {kept}"),
        format!("For the real account, leave out --sandbox and unset {SANDBOX}. `sandbox reset` removes changes."),
    )
}

async fn examine(config: &Config) -> Vec<Check> {
    let client = Arc::new(Client::new(config));
    // First, because a keyring that waits for the user would delay the credential, too.
    let kept = token_store(config).await;
    let credential = match &kept.error {
        Some(error) if kept.needed => Err(error.clone()),
        _ => Credentials::new(config).present().await,
    };
    let probe = client.probe(credential.clone().ok()).await;
    let mut checks: Vec<_> = dotenv(config).into_iter().collect();
    checks.extend([time_zones(), certificates(config), host(config, credential.as_ref().ok(), &probe)]);
    let accepted = match (&credential, &probe) {
        (Err(_), _) if kept.needed && kept.refreshable => {
            let hint = "Run `pagerduty-mcp-server auth login` to refresh it now; otherwise the next call does.";
            checks.push(Check::warn("credential", "the OAuth login has expired and can be refreshed", hint));
            false
        }
        (Err(error), _) => {
            checks.push(Check::from_error("credential", Status::Fail, error));
            false
        }
        (Ok(credential), Ok(Probe { abilities: Err(error), .. })) if error.code() == Code::AuthenticationFailed => {
            let mut check = Check::from_error("credential", Status::Fail, error);
            check.message.insert_str(0, &format!("from {}, refused: ", credential.source()));
            checks.push(check);
            false
        }
        (Ok(credential), Ok(Probe { abilities: Ok(_), .. })) => {
            checks.push(Check::ok("credential", format!("from {}, accepted", credential.source())));
            true
        }
        (Ok(credential), answered) => {
            let message = format!("from {}; it is unknown whether PagerDuty accepts it", credential.source());
            checks.push(Check::warn("credential", message, "Resolve the other problems, and run doctor again."));
            answered.is_ok()
        }
    };
    if let (Ok(credential), Ok(probe), true) = (credential, &probe, accepted) {
        let api = client.with(credential);
        let (user, author, similar) = tokio::join!(user(&api, config), author(&api, config), similar_incidents(&api));
        checks.push(user);
        checks.extend(author);
        checks.extend([teams(&probe.abilities), similar]);
        checks.push(rate_limit(probe.rate_limit, &probe.abilities));
    }
    checks.extend(probe.iter().filter_map(|probe| probe.ahead).map(clock));
    checks.push(kept.check());
    checks
}

/// Returns the check of the `.env` file: the settings that it determines, and those that are ignored.
fn dotenv(config: &Config) -> Option<Check> {
    const NAME: &str = "dotenv";
    let FromFile { name, taken, ignored, faults, host } = &config.dotenv;
    let name = name.as_ref()?;
    let mut message = match taken.as_slice() {
        [] => format!("{name} sets nothing that counts"),
        taken => format!("{name} sets {}", taken.join(", ")),
    };
    if let Some(host) = host {
        let _ = write!(message, "; requests go to {host} with the key of that file");
    }
    if ignored.is_empty() && faults.is_empty() && host.is_none() {
        return Some(Check::ok(NAME, message));
    }
    for (name, why) in ignored {
        let _ = write!(message, "; {name} is ignored: {why}");
    }
    for fault in faults {
        let _ = write!(message, "; {fault}");
    }
    let hint = "Set the intended values in the environment, and the others to nothing; see docs/configuration.md for what a file decides.";
    Some(Check::warn(NAME, message, hint))
}

/// The place of a stored login, and whether it can be used.
#[derive(Default)]
struct Kept {
    place: String,
    /// Set if calls depend on it: a login is configured, and no other credential precedes it.
    needed: bool,
    /// The content in words, or `None` if it was not read.
    found: Option<&'static str>,
    /// Set if it has expired and the next call refreshes it without the user.
    refreshable: bool,
    error: Option<Error>,
}

async fn token_store(config: &Config) -> Kept {
    let oauth = &config.oauth;
    let place = oauth.store.describe();
    if oauth.client_id.is_none() {
        // A locked keyring would ask the user to unlock it, without need.
        return Kept { place, ..Kept::default() };
    }
    let needed = config.token.is_none() && oauth.client_id.is_some();
    let loaded = Store::new(oauth.store.clone()).load().await;
    let refreshable = matches!(&loaded, Ok(Some(tokens))
        if !tokens.is_fresh() && tokens.has_refresh_token() && oauth.client_secret.is_some());
    let (found, error) = match loaded {
        Ok(None) => (Some("no login"), None),
        Ok(Some(tokens)) if tokens.is_fresh() => (Some("a login"), None),
        Ok(Some(_)) => (Some("an expired login"), None),
        Err(error) => (None, Some(error)),
    };
    Kept { place, needed, found, refreshable, error }
}

impl Kept {
    fn check(&self) -> Check {
        const NAME: &str = "token_store";
        match (&self.error, self.found) {
            (None, Some(found)) => Check::ok(NAME, format!("{} can be read and contains {found}", self.place)),
            (None, None) => Check::ok(NAME, format!("{} is not used: {CLIENT_ID} is not set", self.place)),
            (Some(error), _) if self.needed => Check::from_error(NAME, Status::Fail, error),
            (Some(error), _) => Check::ok(NAME, format!("not usable, but not needed: {}", error.message())),
        }
    }
}

/// Returns the check that names the time zone database in use: local times are wrong if it is older than a change of rules.
fn time_zones() -> Check {
    let Origin { release, folder } = zones::origin();
    let place =
        folder.as_ref().map_or_else(|| "in this program".to_owned(), |folder| format!("from {}", folder.display()));
    Check::ok("time_zones", format!("release {release}, {place}"))
}

/// Returns the check of the certificate authorities that TLS trusts: without any, no host can be verified.
fn certificates(config: &Config) -> Check {
    const NAME: &str = "certificates";
    match Client::roots(config) {
        Ok(Roots::None) => Check::ok(NAME, "not needed: the host is on this machine, without TLS"),
        Ok(Roots::System) => Check::ok(NAME, "the system's"),
        Ok(Roots::Named(count)) => Check::ok(
            NAME,
            format!("{count} authorities from {SSL_CERT_FILE} and {SSL_CERT_DIR}, instead of the system's"),
        ),
        Ok(Roots::Mozilla) => Check::warn(
            NAME,
            "the system has no CA certificates; those of Mozilla at the time of this build are used",
            format!("Install the package ca-certificates, or set {SSL_CERT_FILE} to a file of certificates."),
        ),
        Err(error) => Check::from_error(NAME, Status::Fail, &error),
    }
}

/// Returns the check whether the host responds, and responds like the API.
fn host(config: &Config, credential: Option<&Credential>, probe: &Result<Probe>) -> Check {
    let host = credential.and_then(Credential::host).unwrap_or(&config.host).describe();
    match probe {
        Err(error) => Check::from_error("host", Status::Fail, error),
        Ok(Probe { abilities: Err(error), .. })
            if error.code() == Code::UnexpectedResponse || error.http_status().is_some_and(|status| status >= 500) =>
        {
            Check::from_error("host", Status::Fail, error)
        }
        Ok(probe) => Check::ok("host", format!("{host} answered in {} ms", probe.took.as_millis())),
    }
}

/// Returns the check of the credential's user, who decides the meaning of "my incidents" and is the author of changes.
async fn user(api: &Api, config: &Config) -> Check {
    let author = config.user_email.as_deref();
    match api.me().await {
        Ok(me) => {
            let message = format!("{} <{}>, in {} team(s)", me.name, me.email, me.teams.len());
            match author {
                Some(author) if author != me.email => Check::warn(
                    "user",
                    format!("{message}; the author of changes is {author}"),
                    format!("Unset {USER_EMAIL} unless this is intended."),
                ),
                _ if me.teams.is_empty() => Check::warn(
                    "user",
                    message,
                    "Calls about the current user's teams find nothing: pass team_ids or current_user_context=false, or add \
                     the user to a team.",
                ),
                _ => Check::ok("user", message),
            }
        }
        Err(error) if error.code() == Code::NoUserContext => {
            let message = match author {
                Some(author) => {
                    format!("account-level key, which has no current user; the author of changes is {author}")
                }
                None => {
                    format!(
                        "account-level key, which has no current user; {USER_EMAIL} does not set an author of changes"
                    )
                }
            };
            let hint = format!(
                "Use a user's API key, or pass current_user_context=false to reads and set {USER_EMAIL} for changes."
            );
            Check::warn("user", message, hint)
        }
        Err(error) => Check::from_error("user", severity(&error), &error),
    }
}

/// Checks whether the configured address of the author belongs to a user.
async fn author(api: &Api, config: &Config) -> Option<Check> {
    const NAME: &str = "author";
    let address = config.user_email.as_deref()?;
    let query = Query::new().with("query", Some(address));
    Some(match api.list::<User>(query, ListRequest::all(), &User::facts_only()).await {
        Err(error) => unknown(NAME, &error),
        Ok(found) => {
            let has_it = |user: &User| user.email.as_ref().is_some_and(|email| email.eq_ignore_ascii_case(address));
            match found.rows.iter().find(|row| has_it(&row.facts)) {
                Some(row) => {
                    let name = row.facts.name.as_deref().unwrap_or(address);
                    Check::ok(NAME, format!("{USER_EMAIL} is the address of {name}"))
                }
                None => Check::warn(
                    NAME,
                    format!("the account has no user {address:?}, which {USER_EMAIL} sets as the author of changes"),
                    format!(
                        "Set {USER_EMAIL} to the address of a user, or unset it if the key is a user's: otherwise changes fail."
                    ),
                ),
            }
        }
    })
}

/// Returns the check whether the account's plan has teams, which calls about the user's teams need.
///
/// `teams` is the only relevant ability whose name PagerDuty documents (operation `listAbilities`).
fn teams(abilities: &Result<Vec<String>>) -> Check {
    match abilities {
        Ok(names) if names.iter().any(|name| name == "teams") => Check::ok("teams", "part of the account's plan"),
        Ok(_) => Check::warn(
            "teams",
            "the account's plan has no teams",
            "Use filters by user, service or escalation policy: team_ids and calls about the user's teams find nothing.",
        ),
        Err(error) => unknown("teams", error),
    }
}

/// Returns the check whether the account's plan has past and related incidents. The name of that ability is not documented,
/// so the check requests them.
async fn similar_incidents(api: &Api) -> Check {
    const NAME: &str = "similar_incidents";
    let want = ListRequest { limit: 1, ..ListRequest::all() };
    let newest = match api.list::<Incident>(Query::new(), want, &Incident::facts_only()).await {
        Ok(listing) => listing.rows.first().and_then(|row| row.facts.id().and_then(Id::<Incident>::parse)),
        Err(error) => return unknown(NAME, &error),
    };
    let Some(id) = newest else {
        return Check::ok(
            NAME,
            "past and related incidents: unknown, because there is no recent incident to request them for",
        );
    };
    match tokio::try_join!(api.past_incidents(&id, None), api.related_incidents(&id)) {
        Ok(_) => Check::ok(NAME, "past and related incidents are part of the account's plan"),
        Err(error) if matches!(error.code(), Code::MissingAbility | Code::PermissionDenied) => Check::warn(
            NAME,
            format!("{}: {}", error.code(), error.message()),
            "Leave out include_past_incidents and include_related_incidents: they only give a warning. Everything else works.",
        ),
        Err(error) => unknown(NAME, &error),
    }
}

/// Returns the check of the remaining rate limit.
fn rate_limit(state: RateLimit, abilities: &Result<Vec<String>>) -> Check {
    const NAME: &str = "rate_limit";
    if let Err(error) = abilities
        && error.code() == Code::RateLimited
    {
        return Check::from_error(NAME, Status::Fail, error);
    }
    let (Some(limit), Some(remaining)) = (state.limit, state.remaining) else {
        return Check::ok(NAME, "unknown: the response has no rate limit headers");
    };
    let reset = state.reset.map(|seconds| format!(", resets in {seconds} s")).unwrap_or_default();
    let message = format!("{remaining} of {limit} requests left{reset}");
    if remaining.saturating_mul(LOW_REMAINING) < limit {
        let hint = "Give each program its own key: another program uses this one, or the calls are large.";
        return Check::warn(NAME, message, hint);
    }
    Check::ok(NAME, message)
}

/// Returns the check of the local clock against the host's.
fn clock(ahead: i64) -> Check {
    let seconds = ahead.unsigned_abs();
    if seconds <= MAX_SKEW_SECS {
        return Check::ok("clock", format!("within {} s of the host's", seconds.max(1)));
    }
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    Check::warn(
        "clock",
        format!("{seconds} s {side} the host's"),
        "Set the clock (NTP): with a wrong clock, tokens expire and time ranges begin at the wrong time.",
    )
}

/// Returns the check whose result another problem makes unknown.
fn unknown(name: &'static str, error: &Error) -> Check {
    let mut check = Check::from_error(name, Status::Warn, error);
    check.message.insert_str(0, "unknown: ");
    check
}

/// Returns whether an error prevents all calls, or only this check.
fn severity(error: &Error) -> Status {
    if matches!(error.code(), Code::PermissionDenied | Code::RateLimited) { Status::Warn } else { Status::Fail }
}

/// Returns the report for people: a line for each check, with its hint below it.
fn table(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let status = match check.status {
            Status::Ok => "ok",
            Status::Warn => "warn",
            Status::Fail => "fail",
        };
        let _ = writeln!(text, "{status:4}  {:width$}  {}", check.name, in_line(&check.message));
        if let Some(hint) = &check.hint {
            let _ = writeln!(text, "{:4}  {:width$}  -> {}", "", "", in_line(hint));
        }
    }
    text
}
