//! The current user, and what belongs to them.
//!
//! Every question "about me" starts here. The parts are separate, so that a tool asks only for those it needs; each is
//! fetched once for all calls of the credential and kept for a minute ([`Part`](super::accounts::Part)).

use std::sync::Arc;
use std::time::Duration;

use pagerduty_rows::fields::{Selection, plain};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::call::Call;
use super::decode::Row;
use super::resources::USERS;
use super::{Api, Query, Request};
use crate::config::USER_EMAIL;
use crate::error::{Code, Error, Result, spoken};
use crate::ids::Id;
use crate::models::{EscalationPolicy, Model, Service, Team, User};
use crate::pagination::{End, Want};

/// The time that a change waits for the address of its author.
const AUTHOR: Duration = Duration::from_secs(3);

/// Who the credential belongs to.
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

/// The IDs of what belongs to somebody.
#[derive(Debug)]
pub struct Owned<M> {
    /// In PagerDuty's order.
    pub ids: Arc<[Id<M>]>,
    /// Whether there are more than these.
    pub more: bool,
}

// By hand, because a derive would ask the same of `M`.
impl<M> Clone for Owned<M> {
    fn clone(&self) -> Self {
        Self { ids: Arc::clone(&self.ids), more: self.more }
    }
}

impl Api {
    /// The current user. PagerDuty: operation `getCurrentUser`.
    ///
    /// An account-level key belongs to no user. PagerDuty answers it with a 400 that says so: [`Code::NoUserContext`].
    pub async fn me(&self) -> Result<Arc<Me>> {
        self.account.me.get((), self.shared().ask_me()).await
    }

    async fn ask_me(self) -> Result<Arc<Me>> {
        let request = Request::get(format!("{}/me", USERS.path), Query::new(), "the current user".to_owned());
        let row = self.read_one::<User>(&request, USERS.one, &User::facts_only()).await.map_err(|error| {
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
        }))
    }

    /// Returns whether the account has teams. It has none if its plan lacks them or before the first one is created.
    pub async fn has_teams(&self) -> Result<bool> {
        let api = self.shared();
        let ask = async move {
            let want = Want { limit: 1, ..Want::all() };
            match api.list::<Team>(Query::new(), want, &Team::facts_only()).await {
                Ok(listing) => Ok(!listing.rows.is_empty()),
                Err(error) if error.code() == Code::MissingAbility => Ok(false),
                // A caller that may not see teams cannot tell whether there are any.
                Err(error) if error.code() == Code::PermissionDenied => Ok(true),
                Err(error) => Err(error),
            }
        };
        self.account.has_teams.get((), ask).await
    }

    /// The services of the user's teams, at least `most` of them if there are so many.
    pub async fn services_of(&self, teams: &[Id<Team>], most: usize) -> Result<Owned<Service>> {
        let ask = self.shared().ask_ids("team_ids", teams.to_vec(), most);
        self.account.services.get(teams.to_vec(), ask).await
    }

    /// The escalation policies of the user's teams.
    pub async fn policies_of_teams(&self, teams: &[Id<Team>]) -> Result<Owned<EscalationPolicy>> {
        let ask = self.shared().ask_ids("team_ids", teams.to_vec(), usize::MAX);
        self.account.policies_of_teams.get(teams.to_vec(), ask).await
    }

    /// The escalation policies that notify the user.
    pub async fn policies_of_user(&self, user: &Id<User>) -> Result<Owned<EscalationPolicy>> {
        let ask = self.shared().ask_ids("user_ids", vec![user.clone()], usize::MAX);
        self.account.policies_of_user.get(user.clone(), ask).await
    }

    /// For a fetch that calls share. It must not fail because the one that began it has little time or patience left: each
    /// who waits for it is bounded by itself. Twice a call's time is what those who join it in the course of one may take.
    fn shared(&self) -> Self {
        let deadline = Instant::now() + self.client.policy.call * 2;
        Self { call: Arc::new(Call::until(deadline)), ..self.clone() }
    }

    async fn ask_ids<M: Model, O>(self, filter: &str, owners: Vec<Id<O>>, limit: usize) -> Result<Owned<M>> {
        let want = Want { limit, ..Want::all() };
        let query = Query::new().with_all(filter, &owners);
        let listing = self.list::<M>(query, want, &M::facts_only()).await?;
        if listing.end == End::Ceiling {
            tracing::warn!(resource = M::RESOURCE.many, "only the first 10,000 are part of the user's context");
        }
        let ids = listing.rows.iter().filter_map(|row| row.facts.id().and_then(Id::parse)).collect();
        Ok(Owned { ids, more: listing.end != End::Complete })
    }

    /// The whole context, its parts fetched side by side. Asked afresh, whatever is kept, and kept for other calls.
    pub async fn user_context(&self) -> Result<UserContext> {
        let me = self.account.me.refresh((), self.shared().ask_me()).await?;
        let services = async {
            // Without a team there is no filter, and no filter would mean every service of the account.
            if me.teams.is_empty() {
                return Ok(Owned { ids: Arc::new([]), more: false });
            }
            let ask = self.shared().ask_ids("team_ids", me.teams.clone(), usize::MAX);
            self.account.services.refresh(me.teams.clone(), ask).await
        };
        let ask = self.shared().ask_ids("user_ids", vec![me.id.clone()], usize::MAX);
        let policies = self.account.policies_of_user.refresh(me.id.clone(), ask);
        let (services, policies) = tokio::try_join!(services, policies)?;
        Ok(UserContext { me, services, policies })
    }

    /// Returns the current user for a change: the known one, or else asks for a short time, regardless of the rate
    /// limit.
    pub(super) async fn me_for_a_change(&self) -> Result<Arc<Me>> {
        if let Some(me) = self.account.me.kept(&()) {
            return Ok(me);
        }
        let within = AUTHOR.min(self.client.policy.call / 4);
        let me = timeout(within, self.account.author.get((), self.shared().urgent().ask_me())).await;
        let me = me.unwrap_or_else(|_| {
            Err(Error::new(
                Code::Timeout,
                format!("PagerDuty did not say within {} who the current user is", spoken(within)),
            ))
        })?;
        self.account.me.keep((), Arc::clone(&me));
        Ok(me)
    }

    /// Returns the user with this address, if PagerDuty has one and answers in a short time.
    pub(super) async fn user_by_email(&self, email: &str) -> Option<Id<User>> {
        let query = Query::new().with("query", Some(email));
        let fields = Selection::new(vec![plain("email")], User::FACTS);
        let listing = timeout(AUTHOR, self.list::<User>(query, Want::all(), &fields)).await.ok()?.ok()?;
        let theirs = |row: &Row<User>| {
            row.shown.get("email").and_then(Value::as_str).is_some_and(|known| known.eq_ignore_ascii_case(email))
        };
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
        match self.me_for_a_change().await {
            Ok(me) => Ok((!me.email.is_empty()).then(|| me.email.clone())),
            Err(error) if error.code() == Code::NoUserContext => Err(Error::new(
                Code::NoUserContext,
                "the credential is an account-level key, so a change needs to say in whose name it is made",
            )
            .hint(if callers {
                "Send a user's API key or OAuth access token.".to_owned()
            } else {
                format!("Set {USER_EMAIL} to the email address of a user of the account, or use a user's API key.")
            })),
            // A request with this credential would be refused in the same way.
            Err(error) if error.code() == Code::AuthenticationFailed => Err(error),
            Err(error) => {
                tracing::info!(%error, "the change is sent without its author's address");
                Ok(None)
            }
        }
    }
}

/// Returns whether PagerDuty says that the request needs a user's key. It says so only in its message.
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
    async fn whoever_joins_a_fetch_has_its_own_time() {
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
