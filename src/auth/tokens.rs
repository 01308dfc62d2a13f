//! The tokens of a login, and their store: the keyring, or a file in its place.
//!
//! The entries have the names and the form that the Python server writes with `keyring.set_password`, so that a user who
//! logged in there stays logged in. The Python server neither writes nor requires `region`.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::exclusive::Exclusive;
use super::worker::{KEYRING_TIMEOUT, Worker};
use super::{Credential, file, keychain};
use crate::config::{API_TOKEN, Region, TOKEN_STORE, TokenStore};
use crate::error::{Code, Error, Result};

/// The access token.
pub const ACCESS: &str = "oauth_token";
/// The time when it expires: Unix seconds, as text.
pub const EXPIRY: &str = "token_expiry";
/// The refresh token.
pub const REFRESH: &str = "refresh_token";
/// The region that the ID token named, with the end of the access token it came with: `eu@1763834400`. The Python server
/// leaves this entry when it logs in anew, and the region of another token then does not apply.
pub const REGION: &str = "region";

/// The entries in the order in which they are written.
///
/// Refresh tokens rotate, so a new one is written first: if the rest is interrupted, the entries hold an access token that
/// counts as expired and a valid refresh token.
pub const ENTRIES: [&str; 4] = [REFRESH, ACCESS, EXPIRY, REGION];

/// The time before its end from which a token counts as expired, so that it does not expire on its way to PagerDuty.
const EXPIRY_MARGIN: i64 = 60;

/// The tokens of a login.
#[derive(Clone)]
pub struct Tokens {
    pub(super) access: SecretString,
    pub(super) expires_at: Option<i64>,
    pub(super) refresh: Option<SecretString>,
    pub(super) region: Option<Region>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("expires_at", &self.expires_at)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl Tokens {
    /// Returns whether the access token can be used now. A token whose end is unknown cannot.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.expires_at.is_some_and(|end| end.saturating_sub(EXPIRY_MARGIN) > Timestamp::now().as_second())
    }

    /// Returns the time when the access token expires, in Unix seconds.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        self.expires_at
    }

    /// Returns whether there is a refresh token.
    #[must_use]
    pub fn has_refresh_token(&self) -> bool {
        self.refresh.is_some()
    }

    /// Returns the region that the login named.
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        self.region
    }

    /// Returns the access token as a credential. `follow` is set if it may choose the region.
    #[must_use]
    pub fn credential(&self, follow: bool) -> Credential {
        Credential::from_login(self.access.clone(), self.region.filter(|_| follow))
    }

    /// Returns the value of an entry.
    fn entry(&self, name: &str) -> Option<SecretString> {
        match name {
            ACCESS => Some(self.access.clone()),
            EXPIRY => self.expires_at.map(|end| end.to_string().into()),
            REFRESH => self.refresh.clone(),
            REGION => self.region.map(|region| format!("{}@{}", region.name(), self.expires_at.unwrap_or(0)).into()),
            _ => None,
        }
    }

    /// Reads tokens from the values of entries, if there is an access token. An unreadable value counts as absent.
    fn from_entries(mut get: impl FnMut(&'static str) -> Result<Option<SecretString>>) -> Result<Option<Self>> {
        let mut text = |name| Ok::<_, Error>(get(name)?.filter(|value| !value.expose_secret().trim().is_empty()));
        // This is read before the access token. If another process writes in between, its new token counts as expired, and
        // no old token as valid.
        let expiry = text(EXPIRY)?;
        let Some(access) = text(ACCESS)? else { return Ok(None) };
        // The Python server may have written a fraction.
        #[expect(clippy::cast_possible_truncation, reason = "a number that large is no point in time, and saturates")]
        let expires_at = expiry
            .and_then(|value| value.expose_secret().trim().parse::<f64>().ok())
            .filter(|end| end.is_finite())
            .map(|end| end as i64);
        let region = text(REGION)?.and_then(|value| {
            let (name, end) = value.expose_secret().split_once('@')?;
            Region::from_name(name).filter(|_| end.parse().ok() == expires_at)
        });
        Ok(Some(Self { access, expires_at, refresh: text(REFRESH)?, region }))
    }
}

/// The place where tokens are stored.
#[derive(Clone, Debug)]
pub struct Store(TokenStore);

impl Store {
    /// Creates the store of the settings. Nothing is opened yet.
    #[must_use]
    pub fn new(store: TokenStore) -> Self {
        Self(store)
    }

    /// Waits for the right to change the store, which every [`Store::save`] and [`Store::clear`] needs.
    pub async fn exclusive(&self) -> Exclusive {
        Exclusive::begin(&self.0).await
    }

    /// Returns the stored tokens, if there are any.
    pub async fn load(&self) -> Result<Option<Tokens>> {
        match &self.0 {
            TokenStore::Keyring => KEYRING
                .read(|| Tokens::from_entries(keychain::get))
                .await
                .unwrap_or_else(|| Err(waiting(KEYRING_TIMEOUT))),
            TokenStore::File(path) => {
                let path = path.clone();
                aside(move || {
                    let mut entries = file::read(&path)?;
                    Tokens::from_entries(|name| Ok(entries.remove(name)))
                })
                .await
            }
        }
    }

    /// Replaces the stored tokens by `tokens`.
    pub async fn save(&self, tokens: &Tokens, _right: &Exclusive) -> Result<()> {
        let tokens = tokens.clone();
        self.change(move |store| match store {
            TokenStore::Keyring => ENTRIES.into_iter().try_for_each(|name| match tokens.entry(name) {
                Some(value) => keychain::set(name, &value),
                // A refresh token of an earlier login would seem to belong to this one.
                None => keychain::delete(name).map(drop),
            }),
            TokenStore::File(path) => {
                let entries = ENTRIES.into_iter().filter_map(|name| Some((name, tokens.entry(name)?)));
                file::write(path, entries)
            }
        })
        .await
    }

    /// Removes the tokens, and returns the names of the entries that were there.
    pub async fn clear(&self, _right: &Exclusive) -> Result<Vec<&'static str>> {
        self.change(|store| match store {
            TokenStore::Keyring => {
                let mut removed = Vec::new();
                for name in ENTRIES {
                    if keychain::delete(name)? {
                        removed.push(name);
                    }
                }
                Ok(removed)
            }
            TokenStore::File(path) => {
                // An unusable file is removed too: this is the way to recover from it.
                let entries = file::read(path);
                file::remove(path)?;
                Ok(entries.map_or_else(
                    |_| vec!["a file that could not be used"],
                    |entries| ENTRIES.into_iter().filter(|name| entries.contains_key(*name)).collect(),
                ))
            }
        })
        .await
    }

    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&TokenStore) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = self.0.clone();
        match &self.0 {
            TokenStore::Keyring => {
                KEYRING.change(move || work(&store)).await.unwrap_or_else(|| Err(waiting(KEYRING_TIMEOUT)))
            }
            TokenStore::File(_) => aside(move || work(&store)).await,
        }
    }
}

/// The thread on which this process uses the keyring. The keyring runs a separate event loop, which must not run inside
/// the server's.
static KEYRING: Worker<Result<Option<Tokens>>> = Worker::new(KEYRING_TIMEOUT);

/// Runs file operations outside the threads that serve calls.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Error::new(Code::Internal, format!("the token store failed: {error}"))))
}

/// Returns the error for a keyring that did not answer in time.
pub fn waiting(within: Duration) -> Error {
    let within = within.as_secs_f64();
    Error::new(
        Code::TokenStoreUnavailable,
        format!("the system's keyring did not answer within {within} s: it is probably locked"),
    )
    .hint(format!(
        "Unlock the keyring in its window, then try again. To avoid the keyring, set {API_TOKEN}, or \
         {TOKEN_STORE}=file in the environment to keep the login in a file that only you can read."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(entries: &[(&str, &str)]) -> Option<Tokens> {
        let find = |name: &str| entries.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into());
        Tokens::from_entries(|name| Ok(find(name))).unwrap()
    }

    #[test]
    fn entries_written_by_python_are_read() {
        let end = Timestamp::now().as_second() + 3600;
        let fresh = tokens(&[(ACCESS, "t"), (EXPIRY, &format!("{end}.25"))]).unwrap();
        assert!(fresh.is_fresh() && fresh.expires_at == Some(end) && !fresh.has_refresh_token());
        assert!(tokens(&[(ACCESS, " ")]).is_none());
        for odd in ["soon", "inf", "", "-1", "-1e300"] {
            assert!(!tokens(&[(ACCESS, "t"), (EXPIRY, odd)]).unwrap().is_fresh(), "{odd}");
        }
    }

    #[test]
    fn token_counts_as_expired_a_minute_early() {
        let at = |seconds: i64| (Timestamp::now().as_second() + seconds).to_string();
        assert!(tokens(&[(ACCESS, "t"), (EXPIRY, &at(90))]).unwrap().is_fresh());
        assert!(!tokens(&[(ACCESS, "t"), (EXPIRY, &at(60))]).unwrap().is_fresh());
    }

    #[test]
    fn region_applies_only_to_its_token() {
        let entries = |region| [(ACCESS, "t"), (EXPIRY, "1763834400"), (REGION, region)];
        assert_eq!(tokens(&entries("eu@1763834400")).unwrap().region(), Some(Region::Eu));
        for other in ["eu@1763830000", "eu", "mars@1763834400", ""] {
            assert_eq!(tokens(&entries(other)).unwrap().region(), None, "{other}");
        }
    }

    #[test]
    fn tokens_are_never_printed() {
        let tokens = tokens(&[(ACCESS, "verysecret"), (REFRESH, "verysecret too")]).unwrap();
        assert!(!format!("{tokens:?}").contains("verysecret"));
    }
}
