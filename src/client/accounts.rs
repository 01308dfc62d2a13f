//! The state kept between the calls of one owner: the user's context for a minute, the rate limit, and sent writes.
//!
//! The owner is a credential or a login. The context belongs to one credential, so that it never serves another: a
//! refused credential and a refreshed login start with an empty one. The rest is kept.

pub mod cached;
pub mod clock;
pub mod memory;
pub mod names;
pub mod places;
pub mod rate;
pub mod subdomain;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::time::Instant;

use super::people::People;
use super::schedules::Kinds;
use super::user_context::{Me, Owned};
use crate::auth::{Credential, Fingerprint};
use crate::ids::Id;
use crate::models::{EscalationPolicy, Service, Team, User};
use crate::sync::lock;
use cached::Cached;
use clock::Clock;
use memory::Memory;
use names::Names;
use places::Places;
use rate::Rate;
use subdomain::Subdomain;

/// The most owners whose state is kept. One process serves a few, but many callers of an HTTP server must not fill the
/// memory.
const MAX_ACCOUNTS: usize = 1_000;

/// The accounts of this process, by owner.
#[derive(Debug, Default)]
pub struct Accounts(Mutex<HashMap<Fingerprint, Entry>>);

#[derive(Debug)]
struct Entry {
    account: Arc<Account>,
    /// The credential that the context was fetched with.
    credential: Fingerprint,
    used: Instant,
}

impl Accounts {
    /// Returns the account of a credential, creating it if necessary.
    ///
    /// If all accounts that are kept have writes to remember, a new one is not kept and cannot make writes.
    pub fn get(&self, credential: &Credential) -> Arc<Account> {
        let now = Instant::now();
        let (owner, credential) = credential.owner_and_fingerprint();
        let mut all = lock(&self.0);
        if let Some(entry) = all.get_mut(&owner) {
            entry.used = now;
            if entry.credential != credential {
                entry.credential = credential;
                entry.account = Arc::new(entry.account.without_context());
            }
            return Arc::clone(&entry.account);
        }
        if all.len() >= MAX_ACCOUNTS {
            // Nothing kept for a credential is used for longer than this.
            all.retain(|_, entry| now - entry.used < memory::RETENTION || entry.account.has_writes());
        }
        if all.len() >= MAX_ACCOUNTS {
            let evictable = all.iter().filter(|(_, entry)| !entry.account.has_writes());
            let Some(oldest) = evictable.min_by_key(|(_, entry)| entry.used).map(|(owner, _)| *owner) else {
                return Arc::new(Account::without_writes());
            };
            all.remove(&oldest);
        }
        let account = Arc::new(Account::default());
        all.insert(owner, Entry { account: Arc::clone(&account), credential, used: now });
        account
    }

    /// Forgets the context of `account`, since its credential was refused.
    ///
    /// An account without writes is removed, so that refused credentials do not evict others.
    pub fn forget(&self, account: &Arc<Account>) {
        lock(&self.0).retain(|_, entry| {
            if !Arc::ptr_eq(&entry.account, account) {
                return true;
            }
            entry.account = Arc::new(account.without_context());
            account.has_writes()
        });
    }
}

/// The state kept for one owner.
#[derive(Debug, Default)]
pub struct Account {
    /// The current user.
    pub me: Cached<(), Arc<Me>>,
    /// The places where its lists ended.
    pub places: Places,
    /// Set if the account has teams.
    pub has_teams: Cached<(), bool>,
    /// The services of the user's teams.
    pub services: Cached<Vec<Id<Team>>, Owned<Service>>,
    /// The escalation policies of the user's teams.
    pub policies_of_teams: Cached<Vec<Id<Team>>, Owned<EscalationPolicy>>,
    /// The escalation policies that notify the user.
    pub policies_of_user: Cached<Id<User>, Owned<EscalationPolicy>>,
    /// The users who were read by ID.
    pub people: People,
    /// The kinds of schedules.
    pub schedule_kinds: Kinds,
    /// The objects that names were found to mean.
    pub names: Names,
    /// The subdomain of its web pages.
    pub subdomain: Subdomain,
    /// The rate limit.
    pub rate: Arc<Rate>,
    /// PagerDuty's clock.
    pub clock: Arc<Clock>,
    /// The notes that were returned to callers.
    pub notes: Arc<NoteLedger>,
    /// The writes whose outcome may not have reached their callers.
    pub memory: Arc<Memory>,
    /// The author of writes, fetched for a write: like `me`, but regardless of the rate limit.
    pub author: Cached<(), Arc<Me>>,
}

impl Account {
    /// Creates an account that cannot make writes, since they would not be remembered.
    fn without_writes() -> Self {
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

    /// Returns whether calls have made writes that later calls have to take into account.
    fn has_writes(&self) -> bool {
        self.memory.is_in_use() || !self.notes.is_empty()
    }
}

/// The IDs of the notes that were returned to callers, for as long as writes are remembered. Each note is returned once.
#[derive(Debug, Default)]
pub struct NoteLedger(Mutex<VecDeque<(String, Instant)>>);

impl NoteLedger {
    /// The most IDs that are remembered: more than the rate limit allows a credential to write in two minutes.
    const MAX_CLAIMED: usize = 2_000;

    /// Claims a note, and returns false if it was returned before.
    pub fn claim(&self, id: &str) -> bool {
        let mut claimed = self.claimed();
        if claimed.iter().any(|(known, _)| known == id) {
            return false;
        }
        if claimed.len() == Self::MAX_CLAIMED {
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
        claimed.retain(|(_, since)| since.elapsed() < memory::RETENTION);
        claimed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn credential(number: usize) -> Credential {
        Credential::new(format!("u+{number}").into(), "a test")
    }

    #[tokio::test(start_paused = true)]
    async fn accounts_are_bounded_and_the_idle_are_evicted() {
        let accounts = Accounts::default();
        let first = accounts.get(&credential(0));
        assert!(Arc::ptr_eq(&first, &accounts.get(&credential(0))), "one credential, one account");
        assert!(!Arc::ptr_eq(&first, &accounts.get(&credential(1))));
        for number in 2..MAX_ACCOUNTS {
            tokio::time::advance(Duration::from_millis(1)).await;
            accounts.get(&credential(number));
        }
        accounts.get(&credential(0));
        tokio::time::advance(Duration::from_millis(1)).await;
        accounts.get(&credential(MAX_ACCOUNTS));
        assert_eq!(lock(&accounts.0).len(), MAX_ACCOUNTS);
        assert!(Arc::ptr_eq(&first, &accounts.get(&credential(0))), "it was in use");
        assert!(
            !lock(&accounts.0).contains_key(&credential(1).owner_and_fingerprint().0),
            "it was idle for the longest time"
        );

        tokio::time::advance(memory::RETENTION).await;
        accounts.get(&credential(MAX_ACCOUNTS + 1));
        assert_eq!(lock(&accounts.0).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn account_with_writes_is_never_evicted() {
        let accounts = Accounts::default();
        for number in 0..MAX_ACCOUNTS {
            accounts.get(&credential(number)).memory.sent("a note", None).unwrap();
        }
        let beyond = accounts.get(&credential(MAX_ACCOUNTS));
        assert!(beyond.memory.sent("a note", None).is_err(), "it could not be remembered");
        let first = accounts.get(&credential(0));
        assert!(first.memory.earlier("a note", None).is_some());
        first.memory.keep("a note", None);
        accounts.get(&credential(MAX_ACCOUNTS)).memory.sent("a note", None).unwrap();
        assert_eq!(lock(&accounts.0).len(), MAX_ACCOUNTS);
    }

    #[test]
    fn refused_credential_is_forgotten() {
        let accounts = Accounts::default();
        let account = accounts.get(&credential(1));
        accounts.forget(&account);
        assert!(lock(&accounts.0).is_empty());
    }

    #[tokio::test]
    async fn refused_credential_keeps_its_writes() {
        let accounts = Accounts::default();
        let account = accounts.get(&credential(1));
        account.has_teams.keep((), true);
        account.memory.sent("a note", None).unwrap();
        accounts.forget(&account);
        let renewed = accounts.get(&credential(1));
        assert!(renewed.memory.earlier("a note", None).is_some() && renewed.has_teams.kept(&()).is_none());
        assert!(accounts.get(&credential(2)).memory.earlier("a note", None).is_none(), "another credential");
    }

    #[test]
    fn refreshed_login_keeps_writes_and_drops_the_context() {
        let accounts = Accounts::default();
        let login = |secret: &str| accounts.get(&Credential::from_login(secret.to_owned().into(), None));
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
