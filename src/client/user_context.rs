//! The current user, with their teams, services and escalation policies.
//!
//! Each part is fetched separately, so that a tool fetches only those it needs. It is fetched once for all calls of the
//! credential and kept for a minute ([`Cached`](super::accounts::cached::Cached)).

use std::sync::Arc;
use std::time::Duration;

use pagerduty_api::operations::users::GET_CURRENT_USER;
use tokio::time::{Instant, timeout};

use super::call::Call;
use super::{Api, Query, Request};
use crate::config::USER_EMAIL;
use crate::error::{Code, Error, Result, spoken};
use crate::ids::Id;
use crate::models::{EscalationPolicy, Listed, Model, Row, Service, Team, User};
use crate::pagination::{End, ListRequest};

/// The time that a write waits for the address of its author.
const AUTHOR_TIMEOUT: Duration = Duration::from_secs(3);

/// The user that a credential belongs to.
#[derive(Clone, Debug)]
pub struct Me {
    /// The user's ID.
    pub id: Id<User>,
    /// The full name.
    pub name: String,
    /// The address that PagerDuty takes as the author of writes.
    pub email: String,
    /// The teams the user belongs to.
    pub teams: Vec<Id<Team>>,
    /// The name of the time zone that the user prefers.
    pub time_zone: Option<String>,
}

/// The current user, with everything that belongs to them.
#[derive(Clone, Debug)]
pub struct UserContext {
    /// The user and their teams.
    pub me: Arc<Me>,
    /// The services of the teams.
    pub services: Owned<Service>,
    /// The escalation policies that notify the user.
    pub policies: Owned<EscalationPolicy>,
}

/// The IDs of objects that belong to a user.
#[derive(Debug)]
pub struct Owned<M> {
    /// The IDs, in PagerDuty's order.
    pub ids: Arc<[Id<M>]>,
    /// Set if there are more than these.
    pub more: bool,
}

// Written by hand, because a derive would require `M: Clone`.
impl<M> Clone for Owned<M> {
    fn clone(&self) -> Self {
        Self { ids: Arc::clone(&self.ids), more: self.more }
    }
}

impl Api {
    /// Returns the current user.
    ///
    /// An account-level key belongs to no user, which PagerDuty reports with a 400: [`Code::NoUserContext`].
    pub async fn me(&self) -> Result<Arc<Me>> {
        self.account.me.get((), self.shared().fetch_me()).await
    }

    async fn fetch_me(self) -> Result<Arc<Me>> {
        let request = Request::new(&GET_CURRENT_USER, Query::new()).about("the current user");
        let row = self.read_one::<User>(&request, &User::facts_only()).await.map_err(|error| {
            if error.code() != Code::ApiError || !is_account_level(&error) {
                return error;
            }
            let message = format!("there is no current user, as with an account-level key: {}", error.message());
            Error::new(Code::NoUserContext, message).with_facts_of(&error).hint(
                "Use a user's API key, or call the tools that list with current_user_context=false and explicit filters \
                 (query, team_ids, service_ids, user_ids, schedule_ids, escalation_policy_ids), or with an ID. get_teams \
                 and get_schedules need no user.",
            )
        })?;
        let id = row.facts.id().and_then(Id::parse);
        let id = id.ok_or_else(|| self.unexpected(&request, "user.id: missing or not an ID"))?;
        Ok(Arc::new(Me {
            id,
            teams: row.facts.team_ids().iter().filter_map(|id| Id::parse(id)).collect(),
            name: row.facts.name.unwrap_or_default(),
            email: row.facts.email.unwrap_or_default(),
            time_zone: row.facts.time_zone,
        }))
    }

    /// Returns the subdomain of the account's web pages, if a response has shown it.
    #[must_use]
    pub fn known_subdomain(&self) -> Option<&str> {
        self.account.subdomain.get()
    }

    /// Returns the subdomain of the account's web pages, or `None` if PagerDuty does not show it.
    ///
    /// The first call that needs it reads the current user, unless a response has shown it.
    pub async fn subdomain(&self) -> Option<&str> {
        let subdomain = &self.account.subdomain;
        if subdomain.get().is_none() && !subdomain.is_requested() {
            // A failure is no reason to refuse the call, which reports it if it concerns the call.
            match if self.urgent { self.me_for_a_write().await } else { self.me().await } {
                Err(error) if error.is_retryable() => {}
                _ => subdomain.requested(),
            }
        }
        subdomain.get()
    }

    /// Returns whether the account has teams. It has none if its plan lacks them or before the first one is created.
    pub async fn has_teams(&self) -> Result<bool> {
        let api = self.shared();
        let fetch = async move {
            let first = ListRequest { limit: 1, ..ListRequest::all() };
            match api.list::<Team>(Query::new(), first, &Team::facts_only()).await {
                Ok(listing) => Ok(!listing.rows.is_empty()),
                Err(error) if error.code() == Code::MissingAbility => Ok(false),
                // A caller that may not see teams cannot tell whether there are any.
                Err(error) if error.code() == Code::PermissionDenied => Ok(true),
                Err(error) => Err(error),
            }
        };
        self.account.has_teams.get((), fetch).await
    }

    /// Returns the services of the user's teams, at least `most` of them if there are so many.
    pub async fn services_of(&self, teams: &[Id<Team>], most: usize) -> Result<Owned<Service>> {
        let fetch = self.shared().fetch_ids("team_ids", teams.to_vec(), most);
        self.account.services.get(teams.to_vec(), fetch).await
    }

    /// Returns the escalation policies of the user's teams.
    pub async fn policies_of_teams(&self, teams: &[Id<Team>]) -> Result<Owned<EscalationPolicy>> {
        let fetch = self.shared().fetch_ids("team_ids", teams.to_vec(), usize::MAX);
        self.account.policies_of_teams.get(teams.to_vec(), fetch).await
    }

    /// Returns the escalation policies that notify the user.
    pub async fn policies_of_user(&self, user: &Id<User>) -> Result<Owned<EscalationPolicy>> {
        let fetch = self.shared().fetch_ids("user_ids", vec![user.clone()], usize::MAX);
        self.account.policies_of_user.get(user.clone(), fetch).await
    }

    /// Returns the API for a fetch that calls share, with a separate deadline.
    ///
    /// The fetch must not fail because the call that began it has little time or patience left: each call that waits for
    /// it has its own limit. Calls may join the fetch until the first one ends, so it gets twice the time of a call.
    pub(super) fn shared(&self) -> Self {
        let deadline = Instant::now() + self.client.policy.call * 2;
        Self { call: Arc::new(Call::exempt_until(deadline)), ..self.clone() }
    }

    async fn fetch_ids<M: Listed, O>(self, filter: &str, owners: Vec<Id<O>>, limit: usize) -> Result<Owned<M>> {
        let request = ListRequest { limit, ..ListRequest::all() };
        let query = Query::new().with_all(filter, &owners);
        let listing = self.list::<M>(query, request, &M::facts_only()).await?;
        if listing.end == End::Ceiling {
            tracing::warn!(resource = M::RESOURCE.many, "only the first 10,000 are part of the user's context");
        }
        let ids = listing.rows.iter().filter_map(|row| row.facts.id().and_then(Id::parse)).collect();
        Ok(Owned { ids, more: listing.end != End::Complete })
    }

    /// Fetches the whole context even if it is kept, its parts in parallel, and keeps it for other calls.
    pub async fn user_context(&self) -> Result<UserContext> {
        let me = self.account.me.refresh((), self.shared().fetch_me()).await?;
        let services = async {
            // Without a team there is no filter, and without a filter PagerDuty lists all services of the account.
            if me.teams.is_empty() {
                return Ok(Owned { ids: Arc::new([]), more: false });
            }
            let fetch = self.shared().fetch_ids("team_ids", me.teams.clone(), usize::MAX);
            self.account.services.refresh(me.teams.clone(), fetch).await
        };
        let fetch = self.shared().fetch_ids("user_ids", vec![me.id.clone()], usize::MAX);
        let policies = self.account.policies_of_user.refresh(me.id.clone(), fetch);
        let (services, policies) = tokio::try_join!(services, policies)?;
        Ok(UserContext { me, services, policies })
    }

    /// Returns the current user for a write: the kept one, or else fetches it within a short time, regardless of the rate
    /// limit.
    pub(super) async fn me_for_a_write(&self) -> Result<Arc<Me>> {
        if let Some(me) = self.account.me.kept(&()) {
            return Ok(me);
        }
        let within = AUTHOR_TIMEOUT.min(self.client.policy.call / 4);
        let me = timeout(within, self.account.author.get((), self.shared().urgent().fetch_me())).await;
        let me = me.unwrap_or_else(|_| {
            Err(Error::new(
                Code::Timeout,
                format!("PagerDuty did not return the current user within {}", spoken(within)),
            ))
        })?;
        self.account.me.keep((), Arc::clone(&me));
        Ok(me)
    }

    /// Returns the user with this address, if PagerDuty has one and answers in a short time.
    pub(super) async fn user_by_email(&self, email: &str) -> Option<Id<User>> {
        let query = Query::new().with("query", Some(email));
        let listing = timeout(AUTHOR_TIMEOUT, self.list::<User>(query, ListRequest::all(), &User::facts_only()))
            .await
            .ok()?
            .ok()?;
        let theirs =
            |row: &Row<User>| row.facts.email.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(email));
        listing.rows.iter().find(|row| theirs(row))?.facts.id().and_then(Id::parse)
    }

    /// Returns the `From` address of a write: the configured one, else the current user's, or `None` if neither is
    /// available now. A user's key needs none: PagerDuty knows the author from the key.
    ///
    /// The configured address belongs to the server's own credential. Callers that bring another credential act in
    /// their own name.
    /// <https://developer.pagerduty.com/docs/rest-api-overview>
    pub async fn author(&self) -> Result<Option<String>> {
        let callers = self.credential.is_callers();
        if let Some(email) = self.client.user_email.as_ref().filter(|_| !callers) {
            return Ok(Some(email.clone()));
        }
        match self.me_for_a_write().await {
            Ok(me) => Ok((!me.email.is_empty()).then(|| me.email.clone())),
            Err(error) if error.code() == Code::NoUserContext => Err(Error::new(
                Code::NoUserContext,
                "the credential is an account-level key, so a change needs the address of its author",
            )
            .hint(if callers {
                "Send a user's API key or OAuth access token.".to_owned()
            } else {
                format!("Set {USER_EMAIL} to the email address of a user of the account, or use a user's API key.")
            })),
            // A request with this credential would be refused in the same way.
            Err(error) if error.code() == Code::AuthenticationFailed => Err(error),
            Err(error) => {
                tracing::info!(%error, "sending the change without its author's address");
                Ok(None)
            }
        }
    }
}

/// Returns whether PagerDuty reports that the request needs a user's key, which only its message shows.
fn is_account_level(error: &Error) -> bool {
    let words = error.message().to_lowercase().replace(['-', '_'], " ");
    error.http_status() == Some(400) && ["account level", "user level"].iter().any(|level| words.contains(level))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Credential;
    use crate::client::Client;
    use crate::config::{Config, Host};
    use crate::sandbox::{Fault, FaultKind, Options, Sandbox, tokens};

    #[tokio::test]
    async fn shared_fetch_outlives_the_deadline_of_its_first_call() {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let mut config = Config::from_lookup(|_| None).unwrap();
        config.host = Host::parse(sandbox.url()).unwrap();
        let client = Arc::new(Client::new(&config));
        sandbox.fail(Fault::once("/users/me", FaultKind::Delay(Duration::from_millis(500))));
        let until = |deadline| client.until(deadline, Credential::new(tokens::USER.into(), "a test"));
        let first = until(Instant::now() + Duration::from_millis(100));
        let second = until(Instant::now() + Duration::from_mins(5));
        let (_, joined) = tokio::join!(first.me(), second.me());
        joined.unwrap();
        assert_eq!(sandbox.requests().len(), 1, "they shared it");
    }
}
