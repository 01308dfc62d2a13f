//! The PagerDuty client: one connection pool for the process, one [`Api`] for each call.
//!
//! It sends requests of the operations in `pagerduty_api` with the right headers (`send`), handles failures as `policy`
//! decides, and decodes the responses. Tools decide about filters. Only `net`, `auth` and this module use `reqwest`.

mod accounts;
mod any;
mod body;
mod call;
mod codes;
pub mod decode;
pub mod directory;
pub(crate) mod failure;
mod incidents;
mod parts;
mod people;
pub(crate) mod policy;
mod probe;
mod request;
mod room;
mod schedules;
mod send;
mod user_context;
mod writes;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use jiff::Timestamp;
use pagerduty_api::{MAX_PAGE, Operation, Paging};
use pagerduty_rows::fields::Selection;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::auth::Credential;
use crate::budget::Budget;
use crate::config::{Config, Host};
use crate::error::{Error, Result};
use crate::ids::Id;
use crate::models::{Listed, Model, Page, Readable, Row, Shape};
use crate::net::{http, tls};
use crate::pagination::{self, ListRequest, Listing, MAX_PARALLEL_PAGES};
use crate::sync::lock;

use accounts::places::Places;
use accounts::{Account, Accounts};
pub use any::{Any, address};
pub use call::Change;
use call::{Call, SIDE_REQUEST_GRACE};
pub use people::MAX_PEOPLE;
use policy::Policy;
pub use probe::{Probe, RateLimit};
pub use request::{Query, Request};
use room::Room;
pub use room::Share;
pub use schedules::may_be_other_kind;
pub use user_context::{Owned, UserContext};
pub use writes::{
    Added, CUSTOM, Changed, CoverChange, CoverKind, IMPACTED, IncidentChange, IncidentOutcome, NewIncident, NewStatus,
    PENDING, RESOLUTION, Responder, SENT_ONLY, State, StatusUpdate, changed, comparable, has, plain_text,
    settable_changes,
};

/// The number of portions of a list that are requested in parallel.
const PARALLEL_PORTIONS: usize = 8;

/// The state that all calls share.
#[derive(Debug)]
pub struct Client {
    http: http::Pool,
    accounts: Accounts,
    host: Host,
    user_email: Option<String>,
    policy: Policy,
    /// The memory left for answers of unusual size, in megabytes.
    large: Semaphore,
    /// The memory that lists may use.
    room: Arc<Room>,
}

impl Client {
    /// Creates a client for the host in `config`. Nothing is opened yet.
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
            large: Semaphore::new(body::LARGE_ANSWERS),
            room: Arc::new(Room::new(config.list_memory)),
        }
    }

    /// Returns the API for one call with a credential.
    #[must_use]
    pub fn with(self: &Arc<Self>, credential: Credential) -> Api {
        self.until(Instant::now() + self.policy.call, credential)
    }

    /// Returns the API for one call that has to be answered by `deadline`.
    #[must_use]
    pub fn until(self: &Arc<Self>, deadline: Instant, credential: Credential) -> Api {
        Api {
            account: self.accounts.get(&credential),
            client: Arc::clone(self),
            credential,
            replacement: Arc::default(),
            call: Arc::new(Call::until(deadline)),
            urgent: false,
            grace: SIDE_REQUEST_GRACE,
        }
    }

    /// Opens a connection to the configured host before the first call.
    ///
    /// It sends a `HEAD` of the base URL without the credential and without a trace. A failure is only logged, since a
    /// call that follows reports it.
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

    /// Checks that the HTTP client can be built.
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

/// The API for one call with one credential.
#[derive(Clone, Debug)]
pub struct Api {
    client: Arc<Client>,
    account: Arc<Account>,
    credential: Credential,
    /// The credential that replaced the one refused in this call.
    replacement: Arc<Mutex<Option<Credential>>>,
    call: Arc<Call>,
    /// Set if reads are sent regardless of the rate limit too.
    urgent: bool,
    /// The time that additional requests are waited for once the main answer is there.
    grace: Duration,
}

impl Api {
    /// Returns the API for a call that makes a change, which sends its reads regardless of the rate limit too.
    #[must_use]
    pub fn urgent(self) -> Self {
        Self { urgent: true, ..self }
    }

    /// Returns the API for a part of a call that waits for additional requests only so long.
    #[must_use]
    pub fn hasty(self, grace: Duration) -> Self {
        Self { grace: grace.min(self.grace), ..self }
    }

    /// Returns the API for one of many requests of a call: it is sent once, and until `deadline`.
    ///
    /// Memory that a list of it takes is given back when it is dropped, so a call that sleeps between its requests holds
    /// none.
    #[must_use]
    pub fn once(&self, deadline: Instant) -> Self {
        Self { call: Arc::new(Call::once_until(deadline)), ..self.clone() }
    }

    /// Returns the time by PagerDuty's clock, to the second, or by the local one if no response has shown it.
    #[must_use]
    pub fn now_there(&self) -> Timestamp {
        self.time_there(Instant::now())
    }

    /// Returns the time by PagerDuty's clock at a moment of the past, like [`Api::now_there`].
    ///
    /// A call that begins before any response can use it for its beginning once it has one.
    #[must_use]
    pub fn time_there(&self, moment: Instant) -> Timestamp {
        let here = || Timestamp::now().checked_sub(moment.elapsed()).unwrap_or_default();
        let time = self.account.clock.at(moment).unwrap_or_else(here);
        Timestamp::from_second(time.as_second()).unwrap_or(time)
    }

    /// Returns whether the call makes a change.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        self.urgent
    }

    /// Records that the caller withdrew the call. Nothing is sent any more, unless a write is in doubt.
    pub fn withdraw(&self) {
        self.call.withdraw();
    }

    /// Records that the outcome of the writes has reached their caller, so that an identical call is a new write from now on.
    pub fn delivered(&self) {
        for key in self.call.keys() {
            self.account.memory.delivered(&key);
        }
    }

    /// Returns the objects that the call changes, each with the author and the outcome, in order.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        self.call.all_changes()
    }

    /// Returns whether a write was sent, regardless of its outcome.
    #[must_use]
    pub fn has_sent(&self) -> bool {
        self.call.has_sent()
    }

    /// Returns PagerDuty's IDs of the writes that were answered.
    #[must_use]
    pub fn request_ids(&self) -> Vec<String> {
        self.call.request_ids()
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

    /// Returns the error for a call that ends now, if it has a write in doubt.
    #[must_use]
    pub fn in_doubt(&self) -> Option<Error> {
        self.call.in_doubt()
    }

    /// Returns the time until which additional requests are waited for once the main answer is there.
    #[must_use]
    pub fn grace(&self) -> Instant {
        self.call.grace(self.grace, self.client.policy.spare())
    }

    /// Returns the credential in use: that of the call, or its replacement.
    fn current(&self) -> Credential {
        let replacement = lock(&self.replacement);
        replacement.as_ref().unwrap_or(&self.credential).clone()
    }

    /// Reads one object by its ID, with the fields of `selection`.
    pub async fn one<M: Readable>(&self, id: &Id<M>, query: Query, selection: &Selection<'_>) -> Result<Row<M>> {
        let query = query.with_all("include", &M::expansions(selection, Shape::One));
        self.read_one(&Request::on(M::GET, id, query), selection).await
    }

    /// Reads one object that belongs to another one, by the IDs of both.
    pub async fn one_below<M: Model, P>(
        &self,
        operation: &'static Operation,
        owner: &Id<P>,
        id: &Id<M>,
        selection: &Selection<'_>,
    ) -> Result<Row<M>> {
        let query = Query::new().with_all("include", &M::expansions(selection, Shape::One));
        self.read_one(&Request::below(operation, owner, id, query), selection).await
    }

    /// Reads a list, page by page until `wanted` is met.
    ///
    /// A query with more values than one request can hold is split into portions that are requested in parallel.
    pub async fn list<M: Listed>(
        &self,
        query: Query,
        wanted: ListRequest,
        selection: &Selection<'_>,
    ) -> Result<Listing<M>> {
        self.list_by(|query| Request::new(M::LIST, query), query, wanted, selection).await
    }

    /// Reads a list with the requests that `request` creates.
    async fn list_by<M: Model>(
        &self,
        request: impl Fn(Query) -> Request + Sync,
        query: Query,
        wanted: ListRequest,
        selection: &Selection<'_>,
    ) -> Result<Listing<M>> {
        let query = query.with_all("include", &M::expansions(selection, Shape::List));
        let Request { operation, path, .. } = request(Query::new());
        debug_assert_eq!(operation.paging(), Some(Paging::Offset));
        self.reserve_for(operation, wanted.limit).await?;
        let list = format!("{path}?{}", query.list());
        let start = wanted.offset;
        let given = self.account.places.before(&list, start);
        let mut portions = query.in_portions();
        // Boxed, so that a call that waits for memory does not hold it.
        let listing = if portions.len() < 2 {
            Box::pin(self.portion(&request, portions.pop().unwrap_or_default(), wanted, given, selection)).await?
        } else {
            Box::pin(self.merged(&request, portions, wanted, given, selection)).await?
        };
        self.account.places.record(list, start, &listing);
        Ok(listing)
    }

    /// Waits for the memory that a list may take, unless the call has some already, or must not wait.
    async fn reserve_for(&self, list: &'static Operation, rows: usize) -> Result<()> {
        if self.urgent {
            return Ok(());
        }
        let share = async {
            let owner = self.credential.owner_and_fingerprint().0;
            self.client.room.reserve(owner, self.client.room.estimate(list, rows)).await
        };
        self.call.reserve(share).await
    }

    /// Takes the memory that the call has reserved, for an answer of this many bytes.
    pub(crate) fn take_share(&self, answer: usize) -> Option<Share> {
        let mut share = self.call.take_share()?;
        share.resize(answer);
        Some(share)
    }

    /// Reads a list in portions and merges them.
    async fn merged<M: Model>(
        &self,
        request: &(impl Fn(Query) -> Request + Sync),
        mut portions: Vec<Query>,
        wanted: ListRequest,
        given: Vec<String>,
        selection: &Selection<'_>,
    ) -> Result<Listing<M>> {
        // A single portion may hold all rows of the result.
        let each = ListRequest {
            limit: wanted.offset.saturating_add(wanted.limit).saturating_add(1),
            offset: 0,
            budget: Budget::unlimited(),
        };
        let mut lists = Vec::with_capacity(portions.len());
        while !portions.is_empty() {
            let some = portions.drain(..portions.len().min(PARALLEL_PORTIONS));
            let some = some.map(|query| self.portion(request, query, each.clone(), Vec::new(), selection));
            lists.extend(try_join_all(some).await?);
        }
        Ok(pagination::merge(wanted, given, lists))
    }

    /// Reads a list whose query fits one request.
    async fn portion<M: Model>(
        &self,
        request: &(impl Fn(Query) -> Request + Sync),
        query: Query,
        wanted: ListRequest,
        given: Vec<String>,
        selection: &Selection<'_>,
    ) -> Result<Listing<M>> {
        let counted = pagination::is_counted(wanted.limit, !given.is_empty()).then_some(true);
        pagination::collect(
            wanted,
            given,
            || self.account.rate.room(),
            |offset, size| {
                let query = query.clone().with("limit", Some(size)).with("offset", Some(offset)).with("total", counted);
                let request = request(query);
                async move { self.page(&request, selection).await }
            },
        )
        .await
    }

    /// Returns the places where the credential's lists ended.
    #[must_use]
    pub fn places(&self) -> &Places {
        &self.account.places
    }

    /// Reads a list that belongs to one object and comes in one piece, cut to `wanted`.
    pub async fn list_below<M: Model, P>(
        &self,
        operation: &'static Operation,
        owner: &Id<P>,
        query: Query,
        wanted: ListRequest,
        selection: &Selection<'_>,
    ) -> Result<Listing<M>> {
        Ok(pagination::cut(wanted, self.page_below(operation, owner, query, selection).await?))
    }

    /// Reads the first page of a list that is not read by offset. The page has `more` if PagerDuty has others.
    pub async fn first<M: Model>(
        &self,
        operation: &'static Operation,
        query: Query,
        selection: &Selection<'_>,
    ) -> Result<Page<M>> {
        debug_assert!(!operation.names_one());
        let size = (operation.paging() == Some(Paging::Cursor)).then_some(MAX_PAGE);
        self.page(&Request::new(operation, query.with("limit", size)), selection).await
    }

    /// Reads a whole list that belongs to one object.
    pub async fn page_below<M: Model, P>(
        &self,
        operation: &'static Operation,
        owner: &Id<P>,
        query: Query,
        selection: &Selection<'_>,
    ) -> Result<Page<M>> {
        debug_assert_eq!(operation.paging(), Some(Paging::Whole));
        let query = query.with_all("include", &M::expansions(selection, Shape::List));
        self.page(&Request::on(operation, owner, query), selection).await
    }

    /// Reads again by ID the rows that have only references where `selection` shows more.
    ///
    /// A row that cannot be read stays as it is, and the first failure is returned.
    pub async fn expand<'r, M: Readable>(
        &self,
        rows: impl IntoIterator<Item = &'r mut Row<M>>,
        selection: &Selection<'_>,
    ) -> Option<Error> {
        let mut bare: Vec<_> = rows.into_iter().filter(|row| M::has_bare_references(&row.shown, selection)).collect();
        let mut failure = None;
        for rows in bare.chunks_mut(MAX_PARALLEL_PAGES) {
            let failures = join_all(rows.iter_mut().map(|row| self.read_again(row, selection))).await;
            failure = failure.or_else(|| failures.into_iter().find_map(Result::err));
        }
        failure
    }

    async fn read_again<M: Readable>(&self, row: &mut Row<M>, selection: &Selection<'_>) -> Result<()> {
        if let Some(id) = row.facts.id().and_then(Id::parse) {
            *row = self.one::<M>(&id, Query::new(), selection).await?;
        }
        Ok(())
    }

    async fn read_one<M: Model>(&self, request: &Request, selection: &Selection<'_>) -> Result<Row<M>> {
        let key = request.operation.key().unwrap_or_default();
        self.send(request, |body| decode::one(body, key, selection)).await
    }

    async fn page<M: Model>(&self, request: &Request, selection: &Selection<'_>) -> Result<Page<M>> {
        let key = request.operation.key().unwrap_or_default();
        self.send(request, |body| decode::page(body, key, selection)).await
    }
}
