//! Admission: the tokens and their permissions, and the rate limit.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, header};

use super::account::Account;
use super::documents::{Document, text};
use super::kinds::USER as USERS;
use super::reply::Problem;
use super::state::lock;
use super::tokens;

/// The identity and the permissions of a token.
#[derive(Clone, Debug)]
pub struct Caller {
    pub token: Cow<'static, str>,
    scheme: Scheme,
    user: Option<Role>,
    read_only: bool,
    basic_plan: bool,
    pub meaning: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    /// `Token token=KEY`
    Key,
    /// `Bearer TOKEN`
    Bearer,
}

#[derive(Debug, Clone)]
enum Role {
    Current,
    Teamless,
    ReadOnly,
    /// The user with this ID.
    Any(String),
}

const USER: Caller = Caller {
    token: Cow::Borrowed(tokens::USER),
    scheme: Scheme::Key,
    user: Some(Role::Current),
    read_only: false,
    basic_plan: false,
    meaning: "API key of the current user, who belongs to two teams",
};

/// The fixed credentials of the sandbox.
pub const CALLERS: &[Caller] = &[
    USER,
    Caller {
        token: Cow::Borrowed(tokens::TEAMLESS),
        user: Some(Role::Teamless),
        meaning: "API key of a user without a team, with an open incident and a place in one policy",
        ..USER
    },
    Caller {
        token: Cow::Borrowed(tokens::ACCOUNT),
        user: None,
        meaning: "account-level API key: no current user, and writes need a From header",
        ..USER
    },
    Caller {
        token: Cow::Borrowed(tokens::READ_ONLY),
        user: Some(Role::ReadOnly),
        read_only: true,
        meaning: "API key of a user who may not write (403)",
        ..USER
    },
    Caller {
        token: Cow::Borrowed(tokens::BASIC_PLAN),
        basic_plan: true,
        meaning: "API key of the current user on a plan without past and related incidents, workflows, automation actions and status pages (402)",
        ..USER
    },
    Caller {
        token: Cow::Borrowed(tokens::OAUTH),
        scheme: Scheme::Bearer,
        meaning: "OAuth token of the current user, accepted only as Bearer",
        ..USER
    },
];

impl Caller {
    /// Returns the caller that the `Authorization` header names.
    ///
    /// See <https://developer.pagerduty.com/docs/authentication>.
    pub fn of(headers: &HeaderMap, account: &Account) -> Result<Self, Problem> {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (scheme, token) = match (given.strip_prefix("Token token="), given.strip_prefix("Bearer ")) {
            (Some(token), _) => (Scheme::Key, token),
            (_, Some(token)) => (Scheme::Bearer, token),
            _ => return Err(Problem::unauthenticated()),
        };
        if let Some(known) = CALLERS.iter().find(|caller| caller.scheme == scheme && caller.token == token) {
            return Ok(known.clone());
        }
        let mut users = account.documents.all(&USERS).iter().map(|user| text(user, "id"));
        let id = users.find(|id| scheme == Scheme::Key && tokens::of_user(id) == token);
        let id = id.ok_or_else(Problem::unauthenticated)?;
        Ok(Self { token: token.to_owned().into(), user: Some(Role::Any(id.to_owned())), ..USER })
    }

    /// Returns the user of the token, unless it is an account-level key.
    pub fn user<'a>(&self, account: &'a Account) -> Option<&'a Document> {
        let id = match self.user.as_ref()? {
            Role::Current => &account.cast.current,
            Role::Teamless => &account.cast.teamless,
            Role::ReadOnly => &account.cast.read_only,
            Role::Any(id) => id,
        };
        account.documents.get(&USERS, id)
    }

    pub fn may_write(&self) -> Result<(), Problem> {
        if self.read_only { Err(Problem::access_denied()) } else { Ok(()) }
    }

    /// Refuses workflows and automation actions on a plan that lacks them.
    pub fn may_automate(&self) -> Result<(), Problem> {
        if self.basic_plan { Err(Problem::missing_ability()) } else { Ok(()) }
    }

    /// Refuses status pages on a plan that lacks them.
    pub fn may_publish(&self) -> Result<(), Problem> {
        if self.basic_plan { Err(Problem::missing_ability()) } else { Ok(()) }
    }

    /// Refuses past and related incidents on a plan that lacks them.
    pub fn may_compare_incidents(&self) -> Result<(), Problem> {
        if self.basic_plan { Err(Problem::missing_ability()) } else { Ok(()) }
    }
}

/// Counts the requests of each token in windows of a minute.
///
/// See <https://developer.pagerduty.com/docs/72d3b724589e3-rest-api-rate-limits>.
#[derive(Debug)]
pub struct RateLimit {
    limit: AtomicU32,
    windows: Mutex<HashMap<String, Window>>,
}

#[derive(Debug)]
struct Window {
    opened: Instant,
    used: u32,
}

/// The state of a caller's rate limit after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    limit: u32,
    remaining: u32,
    reset: Duration,
    pub exceeded: bool,
}

impl RateLimit {
    const WINDOW: Duration = Duration::from_mins(1);

    pub fn new(limit: u32) -> Self {
        Self { limit: AtomicU32::new(limit), windows: Mutex::default() }
    }

    /// Sets another limit, and starts new windows.
    pub fn set(&self, limit: u32) {
        let mut windows = lock(&self.windows);
        self.limit.store(limit, Ordering::Relaxed);
        windows.clear();
    }

    /// Counts one request of the caller.
    pub fn spend(&self, caller: &Caller, now: Instant) -> Allowance {
        let mut windows = lock(&self.windows);
        let window = windows.entry(caller.token.to_string()).or_insert(Window { opened: now, used: 0 });
        if now.duration_since(window.opened) >= Self::WINDOW {
            *window = Window { opened: now, used: 0 };
        }
        let limit = self.limit.load(Ordering::Relaxed);
        let exceeded = window.used >= limit;
        window.used = window.used.saturating_add(u32::from(!exceeded));
        let reset = Self::WINDOW.saturating_sub(now.duration_since(window.opened));
        Allowance { limit, remaining: limit - window.used, reset, exceeded }
    }

    /// Returns the state for an unknown caller, whose requests are not counted.
    pub fn untouched(&self) -> Allowance {
        let limit = self.limit.load(Ordering::Relaxed);
        Allowance { limit, remaining: limit, reset: Self::WINDOW, exceeded: false }
    }
}

impl Allowance {
    pub fn write(self, headers: &mut HeaderMap) {
        // Rounded up, so that the window has reset after that time.
        let reset = self.reset.as_secs() + u64::from(self.reset.subsec_nanos() > 0);
        headers.insert("ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("ratelimit-remaining", HeaderValue::from(self.remaining));
        headers.insert("ratelimit-reset", HeaderValue::from(reset));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_limit_windows_are_per_token_and_reset() {
        let limit = RateLimit::new(2);
        let start = Instant::now();
        let spend = |caller, seconds| limit.spend(caller, start + Duration::from_secs(seconds));
        let (one, other) = (&CALLERS[0], &CALLERS[1]);
        assert_eq!(spend(one, 0).remaining, 1);
        assert_eq!(spend(one, 10).remaining, 0);
        assert!(spend(one, 20).exceeded);
        assert_eq!(spend(one, 20).reset, Duration::from_secs(40));
        assert!(!spend(other, 20).exceeded);
        assert!(!spend(one, 60).exceeded);
    }
}
