//! The PagerDuty client: one connection pool for the process, one [`Api`] for a call.
//!
//! It sends [`Request`]s with the right headers (`send`), does about failures what `policy` says, and decodes what comes
//! back. It knows the wire, not the tools: which filters a question needs is not decided here. Only this module and `auth` name `reqwest`.

mod accounts;
mod call;
mod clock;
mod context;
pub mod decode;
pub(crate) mod failure;
pub(crate) mod http;
mod incidents;
mod memory;
mod places;
pub(crate) mod policy;
mod probe;
mod rate;
mod request;
pub mod resources;
mod schedules;
mod send;
mod statuses;
pub(crate) mod tls;
pub(crate) mod words;
mod writes;

use std::sync::{Arc, Mutex};

use futures_util::future::{join_all, try_join_all};
use pagerduty_rows::fields::Selection;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::auth::Credential;
use crate::budget::Budget;
use crate::config::{Config, Host};
use crate::error::{Error, Result};
use crate::ids::Id;
use crate::models::{Model, Request as Shape};
use crate::pagination::{self, Listing, WIDEST, Want};
use crate::sync::lock;
use decode::{Page, Row};
use resources::{Paging, Resource};

use accounts::{Account, Accounts};
use call::Call;
pub use call::Change;
pub use context::{Owned, UserContext};
use policy::Policy;
pub use probe::{Probe, RateLimit};
pub use request::{MOST_VALUES, Query, Request};
pub use statuses::NewStatus;
pub use writes::Changed;

/// The number of portions of a list that are requested at the same time.
const PORTIONS: usize = 8;

/// What all calls share.
#[derive(Debug)]
pub struct Client {
    http: http::Pool,
    accounts: Accounts,
    host: Host,
    user_email: Option<String>,
    policy: Policy,
    /// Room for answers of unusual size, in megabytes.
    large: Semaphore,
}

impl Client {
    /// A client for the host in `config`. Nothing is opened yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let policy = Policy {
            attempt: config.attempt_timeout.min(config.timeout),
            backoff: config.backoff,
            call: config.timeout,
        };
        Self {
            http: http::Pool::new(settings(config)),
            accounts: Accounts::default(),
            host: config.host.clone(),
            user_email: config.user_email.clone(),
            policy,
            large: Semaphore::new(send::LARGE),
        }
    }

    /// The client for one call in the name of a credential.
    #[must_use]
    pub fn with(self: &Arc<Self>, credential: Credential) -> Api {
        self.until(Instant::now() + self.policy.call, credential)
    }

    /// The same for a call that has to be answered by `deadline`.
    #[must_use]
    pub fn until(self: &Arc<Self>, deadline: Instant, credential: Credential) -> Api {
        Api {
            account: self.accounts.of(&credential),
            client: Arc::clone(self),
            credential,
            replacement: Arc::default(),
            call: Arc::new(Call::until(deadline)),
            urgent: false,
        }
    }

    /// Opens a connection to the configured host, so that the first call finds it open. What is sent is a `HEAD` of the
    /// base URL, without the credential and without a trace of whose it is. Failing is no failure: a call that follows
    /// says what is wrong.
    pub async fn warm_up(&self) {
        let outcome = match self.http.client() {
            Ok((http, watch)) => {
                let outcome = http.head(self.host.base()).send().await;
                if !outcome.as_ref().is_err_and(reqwest::Error::is_timeout) {
                    watch.end();
                }
                outcome.map_err(http::reason)
            }
            Err(error) => Err(error.to_string()),
        };
        match outcome {
            Ok(answer) => tracing::debug!(status = answer.status().as_u16(), "connected early"),
            Err(reason) => tracing::debug!(reason, "no connection yet"),
        }
    }

    /// Whether the HTTP client is there, or can be built now.
    pub fn ready(&self) -> Result<()> {
        self.http.client().map(|(_, watch)| watch.end())
    }

    /// Returns the certificate authorities that TLS trusts, or would trust.
    pub(crate) fn roots(config: &Config) -> Result<tls::Roots> {
        tls::roots(&settings(config))
    }
}

/// Returns the settings of the connections to the API.
fn settings(config: &Config) -> http::Settings {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.pagerduty+json;version=2"));
    http::Settings {
        plain: config.host.is_plain(),
        connect_timeout: config.connect_timeout,
        timeout: config.attempt_timeout.min(config.timeout),
        headers,
        trust: config.trust.clone(),
    }
}

/// The API for one call, in the name of one credential.
#[derive(Clone, Debug)]
pub struct Api {
    client: Arc<Client>,
    account: Arc<Account>,
    credential: Credential,
    /// The credential that replaced the one refused in this call.
    replacement: Arc<Mutex<Option<Credential>>>,
    call: Arc<Call>,
    /// Set if reads are not held back by the rate limit either.
    urgent: bool,
}

impl Api {
    /// Returns the same for a call that makes a change, whose reads are not held back by the rate limit either.
    #[must_use]
    pub fn urgent(self) -> Self {
        Self { urgent: true, ..self }
    }

    /// Notes that the caller has gone: requests of which nothing is known to have been sent are not sent any more.
    pub fn withdraw(&self) {
        self.call.withdraw();
    }

    /// Notes that the outcome of a change has reached its caller, so that an identical call is a new change from now
    /// on.
    pub fn delivered(&self) {
        if let Some(key) = self.call.key() {
            self.account.memory.delivered(&key);
        }
    }

    /// Returns the change that the call makes and its author, once they are known.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        self.call.change()
    }

    /// Returns whether a change was sent, regardless of its outcome.
    #[must_use]
    pub fn has_sent(&self) -> bool {
        self.call.has_sent()
    }

    /// Returns the current user's ID, if it is known.
    #[must_use]
    pub fn user_id(&self) -> Option<String> {
        self.account.me.kept(&()).map(|me| me.id.to_string())
    }

    /// Returns the credential that the call is made with.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// What to say if the call ends now, where a change was sent and its answer is not known.
    #[must_use]
    pub fn in_doubt(&self) -> Option<Error> {
        self.call.in_doubt()
    }

    /// Returns the time until which additional requests are waited for once the main answer is there.
    #[must_use]
    pub fn grace(&self) -> Instant {
        self.call.grace(self.client.policy.spare())
    }

    /// Returns the credential in use: that of the call, or its replacement.
    fn current(&self) -> Credential {
        let replacement = lock(&self.replacement);
        replacement.as_ref().unwrap_or(&self.credential).clone()
    }

    /// One object by its ID, with the fields of `selection`.
    pub async fn one<M: Model>(&self, id: &Id<M>, query: Query, selection: &Selection<'_>) -> Result<Row<M>> {
        let query = query.with_all("include", &M::expansions(selection, Shape::One));
        self.read_one(&Request::one(M::RESOURCE, id, query), M::RESOURCE.one, selection).await
    }

    /// A list, page after page until `want` is met.
    ///
    /// A query that names more values than one request can hold is split into portions that are requested in parallel.
    pub async fn list<M: Model>(&self, query: Query, want: Want, selection: &Selection<'_>) -> Result<Listing<M>> {
        let query = query.with_all("include", &M::expansions(selection, Shape::List));
        let list = format!("{}?{}", M::RESOURCE.path, query.list());
        let start = want.offset;
        let given = self.account.places.before(&list, start);
        let mut portions = query.in_portions();
        let listing = if portions.len() < 2 {
            self.portion(portions.pop().unwrap_or_default(), want, given, selection).await?
        } else {
            self.merged(portions, want, given, selection).await?
        };
        self.account.places.note(list, start, &listing);
        Ok(listing)
    }

    async fn merged<M: Model>(
        &self,
        mut portions: Vec<Query>,
        want: Want,
        given: Vec<String>,
        selection: &Selection<'_>,
    ) -> Result<Listing<M>> {
        // Any one portion may hold all rows of the result.
        let each = Want {
            limit: want.offset.saturating_add(want.limit).saturating_add(1),
            offset: 0,
            budget: Budget::unlimited(),
        };
        let mut lists = Vec::with_capacity(portions.len());
        while !portions.is_empty() {
            let some = portions.drain(..portions.len().min(PORTIONS));
            let some = some.map(|query| self.portion(query, each.clone(), Vec::new(), selection));
            lists.extend(try_join_all(some).await?);
        }
        Ok(pagination::merge(want, given, lists))
    }

    async fn portion<M: Model>(
        &self,
        query: Query,
        want: Want,
        given: Vec<String>,
        selection: &Selection<'_>,
    ) -> Result<Listing<M>> {
        debug_assert_eq!(M::RESOURCE.paging, Paging::Offset);
        let counted = pagination::is_counted(want.limit, !given.is_empty()).then_some(true);
        pagination::collect(
            want,
            given,
            || self.account.rate.room(),
            |offset, size| {
                let query = query.clone().with("limit", Some(size)).with("offset", Some(offset)).with("total", counted);
                async move { self.page(&Request::list(M::RESOURCE, query), M::RESOURCE.many, selection).await }
            },
        )
        .await
    }

    /// The places where the credential's lists were left off.
    #[must_use]
    pub fn places(&self) -> &places::Places {
        &self.account.places
    }

    /// A list that belongs to one object and comes in one piece, cut to `want`.
    pub async fn list_below<M: Model, P>(
        &self,
        resource: &'static Resource,
        parent: &Id<P>,
        query: Query,
        want: Want,
        selection: &Selection<'_>,
    ) -> Result<Listing<M>> {
        Ok(pagination::cut(want, self.page_below(resource, parent, query, selection).await?))
    }

    /// Returns a whole list that belongs to one object.
    pub async fn page_below<M: Model, P>(
        &self,
        resource: &'static Resource,
        parent: &Id<P>,
        query: Query,
        selection: &Selection<'_>,
    ) -> Result<Page<M>> {
        debug_assert_eq!(resource.paging, Paging::Whole);
        let query = query.with_all("include", &M::expansions(selection, Shape::List));
        self.page(&Request::below(resource, parent, query), resource.many, selection).await
    }

    /// Reads again by ID the rows that have only references where `selection` shows more. A row that cannot be read
    /// stays as it is, and the first failure is returned.
    pub async fn expand<'r, M: Model>(
        &self,
        rows: impl IntoIterator<Item = &'r mut Row<M>>,
        selection: &Selection<'_>,
    ) -> Option<Error> {
        let mut bare: Vec<_> = rows.into_iter().filter(|row| M::has_bare_references(&row.shown, selection)).collect();
        let mut failure = None;
        for rows in bare.chunks_mut(WIDEST) {
            let failures = join_all(rows.iter_mut().map(|row| self.read_again(row, selection))).await;
            failure = failure.or_else(|| failures.into_iter().find_map(Result::err));
        }
        failure
    }

    async fn read_again<M: Model>(&self, row: &mut Row<M>, selection: &Selection<'_>) -> Result<()> {
        if let Some(id) = row.facts.id().and_then(Id::parse) {
            *row = self.one::<M>(&id, Query::new(), selection).await?;
        }
        Ok(())
    }

    async fn read_one<M: Model>(
        &self,
        request: &Request,
        key: &'static str,
        selection: &Selection<'_>,
    ) -> Result<Row<M>> {
        self.send(request, |body| decode::one(body, key, selection)).await
    }

    async fn page<M: Model>(&self, request: &Request, key: &'static str, selection: &Selection<'_>) -> Result<Page<M>> {
        self.send(request, |body| decode::page(body, key, selection)).await
    }
}
