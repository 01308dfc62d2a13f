//! The state kept between the calls of one owner: the user's context for a minute, the rate limit, and sent changes.
//!
//! The owner is a credential or a login. The context belongs to one credential, so that it never serves another: a
//! refused credential and a refreshed login start with an empty one. The rest is kept.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::time::Instant;

use super::clock::Clock;
use super::context::{Me, Owned};
use super::memory::{self, Memory};
use super::places::Places;
use super::rate::Rate;
use crate::auth::{Credential, Fingerprint};
use crate::error::Result;
use crate::ids::Id;
use crate::metrics;
use crate::models::{EscalationPolicy, Service, Team, User};
use crate::sync::lock;

/// How long a part of the context is as good as new.
const FRESH: Duration = Duration::from_mins(1);

/// How many credentials are remembered. One process serves a few; a crowd behind one HTTP server must not fill it.
const MOST: usize = 1_000;

/// The accounts of this process, by owner.
#[derive(Debug, Default)]
pub struct Accounts(Mutex<HashMap<Fingerprint, Kept>>);

#[derive(Debug)]
struct Kept {
    account: Arc<Account>,
    /// The credential that the context was fetched with.
    credential: Fingerprint,
    used: Instant,
}

impl Accounts {
    /// Returns the account of a credential, a new one if there is none.
    ///
    /// If all accounts that are kept have changes to remember, a new one is not kept and cannot make changes.
    pub fn of(&self, credential: &Credential) -> Arc<Account> {
        let now = Instant::now();
        let (owner, credential) = (credential.owner(), credential.fingerprint());
        let mut all = lock(&self.0);
        if let Some(kept) = all.get_mut(&owner) {
            kept.used = now;
            if kept.credential != credential {
                kept.credential = credential;
                kept.account = Arc::new(kept.account.without_context());
            }
            return Arc::clone(&kept.account);
        }
        if all.len() >= MOST {
            // Nothing kept for a credential is used for longer than this.
            all.retain(|_, kept| now - kept.used < memory::KEPT || kept.account.has_changes());
        }
        if all.len() >= MOST {
            let unchanged = all.iter().filter(|(_, kept)| !kept.account.has_changes());
            let Some(oldest) = unchanged.min_by_key(|(_, kept)| kept.used).map(|(owner, _)| *owner) else {
                return Arc::new(Account::without_changes());
            };
            all.remove(&oldest);
        }
        let account = Arc::new(Account::default());
        all.insert(owner, Kept { account: Arc::clone(&account), credential, used: now });
        account
    }

    /// Forgets the context of `account`, since its credential was refused. An account that has changed nothing is
    /// removed, so that refused credentials do not evict others.
    pub fn forget(&self, account: &Arc<Account>) {
        lock(&self.0).retain(|_, kept| {
            if !Arc::ptr_eq(&kept.account, account) {
                return true;
            }
            kept.account = Arc::new(account.without_context());
            account.has_changes()
        });
    }
}

/// The state kept for one owner.
#[derive(Debug, Default)]
pub struct Account {
    /// Who it belongs to.
    pub me: Part<(), Arc<Me>>,
    /// The places where its lists were left off.
    pub places: Places,
    /// Set if the account has teams.
    pub has_teams: Part<(), bool>,
    /// The services of the user's teams.
    pub services: Part<Vec<Id<Team>>, Owned<Service>>,
    /// The escalation policies of the user's teams.
    pub policies_of_teams: Part<Vec<Id<Team>>, Owned<EscalationPolicy>>,
    /// The escalation policies that notify the user.
    pub policies_of_user: Part<Id<User>, Owned<EscalationPolicy>>,
    /// Where the rate limit stands.
    pub rate: Arc<Rate>,
    /// What PagerDuty's clock shows.
    pub clock: Arc<Clock>,
    /// The notes that calls have been told are theirs.
    pub notes: Arc<Claims>,
    /// The changes whose outcome may not have reached their callers.
    pub memory: Arc<Memory>,
    /// The author of changes, where a change asked for it: like `me`, but not held back by the rate limit.
    pub author: Part<(), Arc<Me>>,
}

impl Account {
    /// Returns an account that cannot make changes, since they would not be remembered.
    fn without_changes() -> Self {
        Self { memory: Arc::new(Memory::full()), ..Self::default() }
    }

    /// Returns the same account without the context of its user.
    fn without_context(&self) -> Self {
        Self {
            rate: Arc::clone(&self.rate),
            clock: Arc::clone(&self.clock),
            notes: Arc::clone(&self.notes),
            memory: Arc::clone(&self.memory),
            ..Self::default()
        }
    }

    /// Returns whether calls have made changes that later calls may need to know.
    fn has_changes(&self) -> bool {
        self.memory.is_in_use() || !self.notes.is_empty()
    }
}

/// The IDs of the notes that were returned to callers, for as long as changes are remembered: each note is returned once.
#[derive(Debug, Default)]
pub struct Claims(Mutex<VecDeque<(String, Instant)>>);

impl Claims {
    /// The most IDs that are remembered: more than the rate limit allows a credential to write in two minutes.
    const MOST: usize = 2_000;

    /// Claims a note. Returns false if it was returned before.
    pub fn claim(&self, id: &str) -> bool {
        let mut claimed = self.claimed();
        if claimed.iter().any(|(known, _)| known == id) {
            return false;
        }
        if claimed.len() == Self::MOST {
            claimed.pop_front();
        }
        claimed.push_back((id.to_owned(), Instant::now()));
        true
    }

    fn is_empty(&self) -> bool {
        self.claimed().is_empty()
    }

    fn claimed(&self) -> MutexGuard<'_, VecDeque<(String, Instant)>> {
        let mut claimed = lock(&self.0);
        claimed.retain(|(_, since)| since.elapsed() < memory::KEPT);
        claimed
    }
}

/// A value that is fetched once for all who ask at the same time, and kept for a while. `K` is what it was fetched for:
/// asked for something else, it is fetched again.
pub struct Part<K, T>(Arc<Mutex<State<K, T>>>);

struct State<K, T> {
    kept: Option<(K, T, Instant)>,
    /// Held by those who wait for it and nobody else: when the last of them is gone, so are its requests.
    underway: Option<(K, WeakShared<Fetch<T>>)>,
    /// Tells the fetch that is under way from those it replaced.
    turn: u64,
}

type Fetch<T> = BoxFuture<'static, Result<T>>;

impl<K, T> Default for Part<K, T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State { kept: None, underway: None, turn: 0 })))
    }
}

impl<K, T> fmt::Debug for Part<K, T> {
    /// Without the value: it is somebody's name and address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Part(…)")
    }
}

impl<K, T> Part<K, T>
where
    K: Clone + PartialEq + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// The value, fetched if it is not at hand. Callers at the same time share one fetch and what it ends with; it goes on
    /// as long as one of them waits. An error is not kept.
    pub async fn get(&self, of: K, fetch: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        let shared = {
            let mut state = lock(&self.0);
            match &state.kept {
                Some((kept_for, value, at)) if *kept_for == of && at.elapsed() < FRESH => {
                    metrics::cache("context", true);
                    return Ok(value.clone());
                }
                _ => metrics::cache("context", false),
            }
            let underway = state.underway.as_ref().filter(|(for_, _)| *for_ == of);
            match underway.and_then(|(_, fetch)| fetch.upgrade()) {
                Some(underway) => underway,
                None => self.begin(&mut state, of, fetch),
            }
        };
        shared.await
    }

    /// Returns the value, if it is kept.
    pub fn kept(&self, of: &K) -> Option<T> {
        let state = lock(&self.0);
        let fresh =
            |(kept_for, value, at): &(K, T, Instant)| (kept_for == of && at.elapsed() < FRESH).then(|| value.clone());
        state.kept.as_ref().and_then(fresh)
    }

    /// Keeps a value that was fetched for another purpose.
    pub fn keep(&self, of: K, value: T) {
        lock(&self.0).kept = Some((of, value, Instant::now()));
    }

    /// The value, fetched now whatever is at hand, and kept for the others.
    pub async fn refresh(&self, of: K, fetch: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        let shared = self.begin(&mut lock(&self.0), of, fetch);
        shared.await
    }

    fn begin(
        &self,
        state: &mut State<K, T>,
        of: K,
        fetch: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Shared<Fetch<T>> {
        state.turn += 1;
        let (turn, asked, key, part) = (state.turn, Instant::now(), of.clone(), Arc::clone(&self.0));
        let fetch = async move {
            let outcome = fetch.await;
            let mut state = lock(&part);
            if state.turn == turn {
                state.underway = None;
                if let Ok(value) = &outcome {
                    state.kept = Some((key, value.clone(), asked));
                }
            }
            outcome
        };
        let shared = fetch.boxed().shared();
        state.underway = shared.downgrade().map(|fetch| (of, fetch));
        shared
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;
    use crate::error::{Code, Error};

    fn credential(number: usize) -> Credential {
        Credential::new(format!("u+{number}").into(), "a test")
    }

    /// A fetch that waits for a permit, then ends with how many were begun; and the count.
    struct Source {
        begun: Arc<AtomicUsize>,
        gate: Arc<Semaphore>,
    }

    impl Source {
        fn new() -> Self {
            Self { begun: Arc::default(), gate: Arc::new(Semaphore::new(0)) }
        }

        fn fetch(&self) -> impl Future<Output = Result<usize>> + Send + 'static {
            let (begun, gate) = (Arc::clone(&self.begun), Arc::clone(&self.gate));
            async move {
                let number = begun.fetch_add(1, Ordering::Relaxed) + 1;
                gate.acquire().await.unwrap().forget();
                Ok(number)
            }
        }
    }

    #[tokio::test]
    async fn callers_at_the_same_time_share_one_fetch() {
        let (part, source) = (Part::default(), Source::new());
        source.gate.add_permits(1);
        let all = futures_util::future::join_all((0..50).map(|_| part.get((), source.fetch()))).await;
        assert!(all.into_iter().all(|value| value.unwrap() == 1));
        assert_eq!(part.get((), source.fetch()).await.unwrap(), 1, "kept");
    }

    #[tokio::test]
    async fn a_fetch_outlives_the_caller_who_began_it_and_dies_with_the_last() {
        let (part, source) = (Part::default(), Source::new());
        let mut first = Box::pin(part.get((), source.fetch()));
        let mut second = Box::pin(part.get((), source.fetch()));
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        drop(first);
        source.gate.add_permits(1);
        assert_eq!(second.await.unwrap(), 1, "the second took it over where it stood");

        let alone = Part::<(), usize>::default();
        let mut waiting = Box::pin(alone.get((), source.fetch()));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(waiting);
        source.gate.add_permits(1);
        assert_eq!(alone.get((), source.fetch()).await.unwrap(), 3, "nobody waited for the one before");
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_is_kept_for_a_minute_and_for_what_it_was_fetched_for() {
        let (part, source) = (Part::default(), Source::new());
        source.gate.add_permits(9);
        assert_eq!(part.get("a", source.fetch()).await.unwrap(), 1);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(part.get("a", source.fetch()).await.unwrap(), 1);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(part.get("a", source.fetch()).await.unwrap(), 2);
        assert_eq!(part.get("b", source.fetch()).await.unwrap(), 3, "another question");
        assert_eq!(part.refresh("b", source.fetch()).await.unwrap(), 4, "asked afresh");
        assert_eq!(part.get("b", source.fetch()).await.unwrap(), 4, "and refilled");
    }

    #[tokio::test]
    async fn an_error_is_shared_and_not_kept() {
        let part = Part::<(), usize>::default();
        let tries = RefCell::new(0);
        let fail = || {
            *tries.borrow_mut() += 1;
            async {
                tokio::task::yield_now().await;
                Err(Error::new(Code::NetworkError, "no"))
            }
        };
        let (one, two) = tokio::join!(part.get((), fail()), part.get((), fail()));
        assert!(one.is_err() && two.is_err());
        assert_eq!(part.get((), async { Ok(7) }).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn what_was_asked_before_a_refresh_does_not_replace_it() {
        let (part, source) = (Part::default(), Source::new());
        let mut old = Box::pin(part.get((), source.fetch()));
        assert!(old.as_mut().now_or_never().is_none());
        assert_eq!(part.refresh((), async { Ok(100) }).await.unwrap(), 100);
        source.gate.add_permits(1);
        assert_eq!(old.await.unwrap(), 1);
        assert_eq!(part.get((), source.fetch()).await.unwrap(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn the_crowd_is_bounded_and_the_idle_go_first() {
        let accounts = Accounts::default();
        let first = accounts.of(&credential(0));
        assert!(Arc::ptr_eq(&first, &accounts.of(&credential(0))), "one credential, one account");
        assert!(!Arc::ptr_eq(&first, &accounts.of(&credential(1))));
        for number in 2..MOST {
            tokio::time::advance(Duration::from_millis(1)).await;
            accounts.of(&credential(number));
        }
        accounts.of(&credential(0));
        tokio::time::advance(Duration::from_millis(1)).await;
        accounts.of(&credential(MOST));
        assert_eq!(lock(&accounts.0).len(), MOST);
        assert!(Arc::ptr_eq(&first, &accounts.of(&credential(0))), "it was in use");
        assert!(!lock(&accounts.0).contains_key(&credential(1).owner()), "it was idle for longest");

        tokio::time::advance(memory::KEPT).await;
        accounts.of(&credential(MOST + 1));
        assert_eq!(lock(&accounts.0).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn account_with_changes_is_never_evicted() {
        let accounts = Accounts::default();
        for number in 0..MOST {
            accounts.of(&credential(number)).memory.sent("a note", None).unwrap();
        }
        let beyond = accounts.of(&credential(MOST));
        assert!(beyond.memory.sent("a note", None).is_err(), "it could not be remembered");
        let first = accounts.of(&credential(0));
        assert!(first.memory.earlier("a note", None).is_some());
        first.memory.keep("a note", None);
        accounts.of(&credential(MOST)).memory.sent("a note", None).unwrap();
        assert_eq!(lock(&accounts.0).len(), MOST);
    }

    #[test]
    fn a_refused_credential_is_forgotten() {
        let accounts = Accounts::default();
        let account = accounts.of(&credential(1));
        accounts.forget(&account);
        assert!(lock(&accounts.0).is_empty());
    }

    #[tokio::test]
    async fn a_refused_credential_keeps_the_memory_of_its_changes() {
        let accounts = Accounts::default();
        let account = accounts.of(&credential(1));
        account.has_teams.keep((), true);
        account.memory.sent("a note", None).unwrap();
        accounts.forget(&account);
        let renewed = accounts.of(&credential(1));
        assert!(renewed.memory.earlier("a note", None).is_some() && renewed.has_teams.kept(&()).is_none());
        assert!(accounts.of(&credential(2)).memory.earlier("a note", None).is_none(), "another credential");
    }

    #[test]
    fn a_refreshed_login_keeps_changes_and_drops_the_context() {
        let accounts = Accounts::default();
        let login = |secret: &str| accounts.of(&Credential::of_login(secret.to_owned().into(), None));
        let first = login("first");
        first.has_teams.keep((), true);
        first.memory.sent("a note", Some("a@acme.example")).unwrap();
        let second = login("second");
        assert!(
            second.memory.earlier("a note", Some("A@acme.example")).is_some() && second.has_teams.kept(&()).is_none()
        );
        assert!(second.memory.earlier("a note", Some("b@acme.example")).is_none(), "another user has logged in");
        assert!(Arc::ptr_eq(&second, &login("second")));
    }
}
