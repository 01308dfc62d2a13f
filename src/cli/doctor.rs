//! `doctor`: looks at everything a call depends on, and says what to do about what is wrong.
//!
//! It reads and changes nothing: not an incident, not a stored token, and it opens no browser.

use std::fmt::Write;
use std::sync::Arc;

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

/// Below a tenth of the rate limit, calls will soon fail.
const LITTLE: u64 = 10;

/// Seconds by which clocks may differ. An expiry is computed with ours, and honoured a minute early.
const SKEW: u64 = 60;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// As it should be.
    Ok,
    /// Something will not work, or nobody can tell.
    Warn,
    /// Nothing will work.
    Fail,
}

/// One line of the answer.
#[derive(Clone, Debug, Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    message: String,
    /// What to do.
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

    fn of(name: &'static str, status: Status, error: &Error) -> Self {
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

/// Returns the check that says that the report is about the embedded account.
fn sandbox(config: &Config) -> Check {
    let kept = config.sandbox_state.as_ref().map_or_else(
        || "Changes last until the process ends".to_owned(),
        |path| format!("Changes are kept in {}", path.display()),
    );
    Check::warn(
        "sandbox",
        format!("everything runs on the embedded account: nothing here is PagerDuty. {kept}"),
        format!("For the real account, leave out --sandbox and unset {SANDBOX}. `sandbox reset` forgets changes."),
    )
}

async fn examine(config: &Config) -> Vec<Check> {
    let client = Arc::new(Client::new(config));
    // A keyring that waits for somebody would keep the credential waiting, too: so it goes first.
    let kept = token_store(config).await;
    let credential = match &kept.error {
        Some(error) if kept.needed => Err(error.clone()),
        _ => Credentials::new(config).present().await,
    };
    let probe = client.probe(credential.clone().ok()).await;
    let mut checks: Vec<_> = dotenv(config).into_iter().collect();
    checks.extend([certificates(config), host(config, credential.as_ref().ok(), &probe)]);
    let accepted = match (&credential, &probe) {
        (Err(_), _) if kept.needed && kept.refreshable => {
            let hint = "Nothing: the next call does. `pagerduty-mcp-server auth login` does it now.";
            checks.push(Check::warn("credential", "the OAuth login has expired and can be refreshed", hint));
            false
        }
        (Err(error), _) => {
            checks.push(Check::of("credential", Status::Fail, error));
            false
        }
        (Ok(credential), Ok(Probe { abilities: Err(error), .. })) if error.code() == Code::AuthenticationFailed => {
            let mut check = Check::of("credential", Status::Fail, error);
            check.message.insert_str(0, &format!("from {}, refused: ", credential.source()));
            checks.push(check);
            false
        }
        (Ok(credential), Ok(Probe { abilities: Ok(_), .. })) => {
            checks.push(Check::ok("credential", format!("from {}, accepted", credential.source())));
            true
        }
        (Ok(credential), answered) => {
            let message = format!("from {}; whether PagerDuty accepts it is not known yet", credential.source());
            checks.push(Check::warn("credential", message, "See the other checks, and ask again."));
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
    let hint = "Set in the environment what is meant, and to nothing what is not; docs/configuration.md says what a file decides.";
    Some(Check::warn(NAME, message, hint))
}

/// Where a login is kept, and whether that can be used.
#[derive(Default)]
struct Kept {
    place: String,
    /// Whether calls depend on it: a login is configured, and no other credential is in front of it.
    needed: bool,
    /// What is there, in words; `None` if nobody looked.
    found: Option<&'static str>,
    /// Whether it has expired, and the next call will make a new one of it without asking anybody.
    refreshable: bool,
    error: Option<Error>,
}

async fn token_store(config: &Config) -> Kept {
    let oauth = &config.oauth;
    let place = oauth.store.describe();
    if oauth.client_id.is_none() {
        // A locked keyring would ask somebody to unlock it, for nothing.
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
            (None, Some(found)) => Check::ok(NAME, format!("{} can be read; {found} is in it", self.place)),
            (None, None) => Check::ok(NAME, format!("{} is not used: {CLIENT_ID} is not set", self.place)),
            (Some(error), _) if self.needed => Check::of(NAME, Status::Fail, error),
            (Some(error), _) => Check::ok(NAME, format!("not usable, and not needed: {}", error.message())),
        }
    }
}

/// Returns the check of the certificate authorities that TLS trusts: without any, no host can be verified.
fn certificates(config: &Config) -> Check {
    const NAME: &str = "certificates";
    match Client::roots(config) {
        Ok(Roots::None) => Check::ok(NAME, "none are needed: the host is on this machine, without TLS"),
        Ok(Roots::System) => Check::ok(NAME, "those of the system"),
        Ok(Roots::Named(count)) => Check::ok(
            NAME,
            format!("{count} authorities named by {SSL_CERT_FILE} and {SSL_CERT_DIR}, in place of the system's"),
        ),
        Ok(Roots::Mozilla) => Check::warn(
            NAME,
            "the system has no CA certificates; Mozilla's, as of this build, are used",
            format!("Install them (the package ca-certificates), or name a file of them with {SSL_CERT_FILE}."),
        ),
        Err(error) => Check::of(NAME, Status::Fail, &error),
    }
}

/// Whether the API is there, and is the API.
fn host(config: &Config, credential: Option<&Credential>, probe: &Result<Probe>) -> Check {
    let host = credential.and_then(Credential::host).unwrap_or(&config.host).describe();
    match probe {
        Err(error) => Check::of("host", Status::Fail, error),
        Ok(Probe { abilities: Err(error), .. })
            if error.code() == Code::UnexpectedResponse || error.http_status().is_some_and(|status| status >= 500) =>
        {
            Check::of("host", Status::Fail, error)
        }
        Ok(probe) => Check::ok("host", format!("{host} answered in {} ms", probe.took.as_millis())),
    }
}

/// Who the credential belongs to: what "my incidents" means, and in whose name changes are made.
async fn user(api: &Api, config: &Config) -> Check {
    let author = config.user_email.as_deref();
    match api.me().await {
        Ok(me) => {
            let message = format!("{} <{}>, in {} team(s)", me.name, me.email, me.teams.len());
            match author {
                Some(author) if author != me.email => Check::warn(
                    "user",
                    format!("{message}; changes are made in the name of {author}"),
                    format!("Unset {USER_EMAIL} unless that is meant."),
                ),
                _ if me.teams.is_empty() => Check::warn(
                    "user",
                    message,
                    "Questions about the current user's teams have no answer; pass team_ids or \
                     current_user_context=false, or have the user added to a team.",
                ),
                _ => Check::ok("user", message),
            }
        }
        Err(error) if error.code() == Code::NoUserContext => {
            let message = match author {
                Some(author) => {
                    format!("account-level key, which has no current user; changes are made in the name of {author}")
                }
                None => {
                    format!("account-level key, which has no current user, and {USER_EMAIL} names none for changes")
                }
            };
            let hint = format!(
                "Use a user's API key; or pass current_user_context=false to questions, and set {USER_EMAIL} for changes."
            );
            Check::warn("user", message, hint)
        }
        Err(error) => Check::of("user", severity(&error), &error),
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
                        "Set {USER_EMAIL} to the address of a user, or unset it if the key is a user's: changes will fail."
                    ),
                ),
            }
        }
    })
}

/// Teams come with the plan; everything about "my teams" needs them. `teams` is the one ability of interest that
/// PagerDuty documents by name (operation `listAbilities`).
fn teams(abilities: &Result<Vec<String>>) -> Check {
    match abilities {
        Ok(names) if names.iter().any(|name| name == "teams") => Check::ok("teams", "part of the account's plan"),
        Ok(_) => Check::warn(
            "teams",
            "the account's plan has no teams",
            "Use user, service or escalation policy filters; team_ids and questions about the user's teams have no answer.",
        ),
        Err(error) => unknown("teams", error),
    }
}

/// Past and related incidents come with larger plans, under no ability name that is documented: so it is tried.
async fn similar_incidents(api: &Api) -> Check {
    const NAME: &str = "similar_incidents";
    let want = ListRequest { limit: 1, ..ListRequest::all() };
    let newest = match api.list::<Incident>(Query::new(), want, &Incident::facts_only()).await {
        Ok(listing) => listing.rows.first().and_then(|row| row.facts.id().and_then(Id::<Incident>::parse)),
        Err(error) => return unknown(NAME, &error),
    };
    let Some(id) = newest else {
        return Check::ok(NAME, "past and related incidents: not known, as there is no recent incident to try with");
    };
    match tokio::try_join!(api.past_incidents(&id), api.related_incidents(&id)) {
        Ok(_) => Check::ok(NAME, "past and related incidents are part of the account's plan"),
        Err(error) if matches!(error.code(), Code::MissingAbility | Code::PermissionDenied) => Check::warn(
            NAME,
            format!("{}: {}", error.code(), error.message()),
            "include_past_incidents and include_related_incidents will come back with a warning; all else works.",
        ),
        Err(error) => unknown(NAME, &error),
    }
}

/// How much of the rate limit is left.
fn rate_limit(state: RateLimit, abilities: &Result<Vec<String>>) -> Check {
    const NAME: &str = "rate_limit";
    if let Err(error) = abilities
        && error.code() == Code::RateLimited
    {
        return Check::of(NAME, Status::Fail, error);
    }
    let (Some(limit), Some(remaining)) = (state.limit, state.remaining) else {
        return Check::ok(NAME, "not known: the answer does not say");
    };
    let reset = state.reset.map(|seconds| format!(", anew in {seconds} s")).unwrap_or_default();
    let message = format!("{remaining} of {limit} requests left{reset}");
    if remaining.saturating_mul(LITTLE) < limit {
        let hint = "Something else uses this key, or the questions are large: give each program a key of its own.";
        return Check::warn(NAME, message, hint);
    }
    Check::ok(NAME, message)
}

/// Whether our clock agrees with the host's.
fn clock(ahead: i64) -> Check {
    let seconds = ahead.unsigned_abs();
    if seconds <= SKEW {
        return Check::ok("clock", format!("within {} s of the host's", seconds.max(1)));
    }
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    Check::warn(
        "clock",
        format!("{seconds} s {side} the host's"),
        "Set the clock (NTP): tokens expire, and \"the last hour\" begins, at the wrong time.",
    )
}

/// What cannot be told for another reason than that it is missing.
fn unknown(name: &'static str, error: &Error) -> Check {
    let mut check = Check::of(name, Status::Warn, error);
    check.message.insert_str(0, "not known: ");
    check
}

/// Whether an error stops everything, or only this question.
fn severity(error: &Error) -> Status {
    if matches!(error.code(), Code::PermissionDenied | Code::RateLimited) { Status::Warn } else { Status::Fail }
}

/// For people: one line a check, what to do below it.
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
