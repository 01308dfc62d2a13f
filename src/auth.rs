//! Credentials: their sources, and how they are sent.
//!
//! A [`Credential`] can be sent and compared, but not printed. [`Credentials`] has the sources in order: the HTTP request's
//! header, the environment, the login with OAuth 2.0. They are resolved once per call, so that a refreshed token takes
//! effect at once. A login never happens for an HTTP request: the browser would open on the server, and the remote caller
//! would act as the user who logs in there.
//!
//! `login` decides what an OAuth call needs, `flow` is one login from the browser's opening to its last page, and
//! `identity` exchanges tokens with PagerDuty's identity server. `tokens` stores them (`keychain`, `file`), with a lock for
//! one process at a time (`exclusive`) and a time limit on the keyring (`worker`). `key` reads keys from every source, and
//! `redact` removes secrets from text.

mod browser;
mod callback;
mod exclusive;
mod file;
mod flow;
mod identity;
mod key;
mod keychain;
mod login;
mod page;
mod redact;
mod tokens;
mod wire;
mod worker;

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Arc, LazyLock, OnceLock};

use reqwest::header::HeaderValue;
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

use crate::config::{API_TOKEN, CLIENT_ID, Config, Host, Region, USER_API_KEY};
use crate::error::{Code, Error, Result};

pub use exclusive::{Exclusive, settled};
pub use key::{Door, is_unfilled, is_web_token, read as read_key};
pub use login::Login;
#[cfg(test)]
pub(crate) use redact::redact;
pub use tokens::{Store, Tokens};

/// The prefixes that distinguish OAuth access tokens from API keys.
const OAUTH_PREFIXES: [&str; 2] = ["pdus+_", "pdeu+_"];

/// The header of an HTTP request that carries a credential.
pub const TOKEN_HEADER: &str = "X-PagerDuty-Token";

/// The source of a credential that came in [`TOKEN_HEADER`], for messages.
pub const BY_TOKEN_HEADER: &str = "the X-PagerDuty-Token header";

/// The source of a credential that came in the standard header, for messages.
pub const BY_AUTHORIZATION: &str = "the Authorization header";

/// A PagerDuty credential.
///
/// Each call and each request holds one, so clones share the secret and the values derived from it.
#[derive(Clone)]
pub struct Credential {
    shared: Arc<Shared>,
    /// The login that can replace it.
    login: Option<Arc<Login>>,
}

struct Shared {
    secret: SecretString,
    source: &'static str,
    kind: Kind,
    /// The host that it belongs to, if the login names one.
    host: Option<Host>,
    fingerprint: OnceLock<Fingerprint>,
    header: OnceLock<HeaderValue>,
}

/// The kind of source of a credential.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The settings: the server's own credential.
    Settings,
    /// The login: an access token, which may lack a prefix.
    Login,
    /// An HTTP request: its caller's credential.
    Request,
}

impl Credential {
    /// Creates a credential with the name of its source, for messages.
    #[must_use]
    pub fn new(secret: SecretString, source: &'static str) -> Self {
        Self::of(secret, source, Kind::Settings, None)
    }

    fn of(secret: SecretString, source: &'static str, kind: Kind, host: Option<Host>) -> Self {
        let (fingerprint, header) = (OnceLock::new(), OnceLock::new());
        Self { shared: Arc::new(Shared { secret, source, kind, host, fingerprint, header }), login: None }
    }

    /// Returns the credential in a header of a request, or `None` if the header is blank. `source` is the header, for
    /// messages.
    #[must_use]
    pub fn from_header(value: &SecretString, source: &'static str) -> Option<Self> {
        let secret = value.expose_secret().trim();
        (!secret.is_empty()).then(|| Self::of(secret.into(), source, Kind::Request, None))
    }

    /// Creates the access token of a login, for the API of `region` if that is known.
    pub(crate) fn from_login(secret: SecretString, region: Option<Region>) -> Self {
        Self::of(secret, "the OAuth login", Kind::Login, region.map(Host::of_region))
    }

    /// Returns the same credential with the login that replaces it when it is refused.
    fn replaced_by(self, login: &Arc<Login>) -> Self {
        Self { login: Some(Arc::clone(login)), ..self }
    }

    /// Returns another credential of the same login to use instead of this one, which PagerDuty refused. Returns `None`
    /// if that requires a user to log in.
    pub async fn replacement(&self) -> Result<Option<Self>> {
        match &self.login {
            Some(login) => login.replace(&self.shared.secret).await,
            None => Ok(None),
        }
    }

    /// Returns the name of its source, such as a variable, for messages.
    #[must_use]
    pub fn source(&self) -> &'static str {
        self.shared.source
    }

    /// Returns whether it comes from the login.
    #[must_use]
    pub fn is_login(&self) -> bool {
        self.shared.kind == Kind::Login
    }

    /// Returns whether it came with a request, so that settings about the server's own credential do not apply.
    #[must_use]
    pub fn is_callers(&self) -> bool {
        self.shared.kind == Kind::Request
    }

    /// Returns the host that it belongs to, if the login names one.
    #[must_use]
    pub fn host(&self) -> Option<&Host> {
        self.shared.host.as_ref()
    }

    /// Returns the key under which state is kept for this credential alone.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let hash = || self.hash(u8::from(self.is_login()), self.shared.secret.expose_secret());
        *self.shared.fingerprint.get_or_init(hash)
    }

    /// Returns the fingerprints of the credential's owner and of the credential.
    ///
    /// That of the owner is the same for all access tokens of the process's login, which are refreshed, and that of the
    /// credential otherwise. Only state that may serve another user is kept under it.
    #[must_use]
    pub fn owner_and_fingerprint(&self) -> (Fingerprint, Fingerprint) {
        let fingerprint = self.fingerprint();
        let owner = if self.is_login() { self.hash(2, "") } else { fingerprint };
        (owner, fingerprint)
    }

    /// Returns the key with which texts are signed for this credential under a label: the same one in every process.
    ///
    /// For a key, it is derived from the secret. The tokens of a login change, so that of a login is derived from the ID of
    /// its user: it protects a text from being altered by mistake, and ties it to the user.
    pub(crate) fn signing_key(&self, label: &str, user: &str) -> hmac::Key {
        let secret = if self.is_login() { user } else { self.shared.secret.expose_secret() };
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), label.as_bytes());
        hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
    }

    fn hash(&self, kind: u8, secret: &str) -> Fingerprint {
        // Each process has a new key: `RandomState` has 128 bits of the system's randomness, and SipHash spreads them.
        static KEY: LazyLock<hmac::Key> = LazyLock::new(|| {
            let random = RandomState::new();
            let seed: Vec<u8> = (0..4_u8).flat_map(|word| random.hash_one(word).to_ne_bytes()).collect();
            hmac::Key::new(hmac::HMAC_SHA256, &seed)
        });
        let mut context = hmac::Context::with_key(&KEY);
        // The host is part of it: on another host the same token belongs to another account, or to none.
        context.update(self.host().map_or("", Host::base).as_bytes());
        context.update(&[0, kind]);
        context.update(secret.as_bytes());
        Fingerprint(context.sign())
    }

    /// Returns a form for display: the last characters of a long credential, as PagerDuty's own pages show it.
    #[must_use]
    pub fn masked(&self) -> String {
        let secret: Vec<char> = self.shared.secret.expose_secret().chars().collect();
        let shown: String =
            if secret.len() >= 16 { secret.iter().rev().take(4).rev().collect() } else { String::new() };
        format!("****{shown}")
    }

    /// Returns the `Authorization` header: `Token token=…` for API keys, `Bearer …` for OAuth access tokens. It is marked
    /// as sensitive, so that HTTP libraries do not log it.
    pub(crate) fn header(&self) -> Result<HeaderValue> {
        if let Some(header) = self.shared.header.get() {
            return Ok(header.clone());
        }
        let secret = self.shared.secret.expose_secret();
        let text = if self.is_login() || OAUTH_PREFIXES.iter().any(|prefix| secret.starts_with(prefix)) {
            format!("Bearer {secret}")
        } else {
            format!("Token token={secret}")
        };
        let mut header = HeaderValue::from_str(&text).map_err(|_| {
            Error::new(
                Code::InvalidConfiguration,
                format!("the credential in {} holds characters that no PagerDuty credential has", self.source()),
            )
            .hint("Copy the key again, without spaces, quotes or line breaks.")
        })?;
        header.set_sensitive(true);
        Ok(self.shared.header.get_or_init(|| header).clone())
    }

    /// Redacts the secret in a text from a server, which may echo it.
    pub(crate) fn redact(&self, text: &str) -> String {
        redact::redact(text, self.shared.secret.expose_secret(), "[credential]")
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("source", &self.shared.source).finish_non_exhaustive()
    }
}

/// A keyed hash of a credential, under which state is kept between calls.
///
/// Two credentials never have the same one, and it reveals nothing about the credential: the key is random and ends with
/// the process. [`Fingerprint::short`] is only printed in the log of changes.
#[derive(Clone, Copy)]
pub struct Fingerprint(hmac::Tag);

impl Fingerprint {
    /// Returns the beginning of the hash, which tells the credentials of one process apart in the log of changes.
    #[must_use]
    pub fn short(&self) -> String {
        let start = self.0.as_ref().iter().take(4);
        format!("{:08x}", start.fold(0_u32, |all, byte| all << 8 | u32::from(*byte)))
    }
}

impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref() == other.0.as_ref()
    }
}

impl Eq for Fingerprint {}

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_ref().hash(state);
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(…)")
    }
}

/// The source of a call's credential.
#[derive(Clone, Debug, Default)]
pub enum Origin {
    /// The machine on which the server runs: standard input, the command line, Python.
    #[default]
    Local,
    /// An HTTP request, with its credential if it has one.
    Http(Option<Credential>),
}

impl Origin {
    /// Returns the fingerprint that distinguishes callers by their credential. Callers without one share the server's.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.credential().map(Credential::fingerprint)
    }

    /// Returns the credential of a request, if it has one.
    fn credential(&self) -> Option<&Credential> {
        match self {
            Origin::Http(credential) => credential.as_ref(),
            Origin::Local => None,
        }
    }
}

/// The sources of credentials, in order.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The key from the settings, or the reason why it cannot be a key.
    settings: Option<Result<Credential>>,
    login: Option<Arc<Login>>,
    /// The name of a variable that looks like a misspelling of the one for the key.
    similar: Option<String>,
}

impl Credentials {
    /// Creates the sources that `config` names. Nothing is read or opened yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let settings = config.token.as_ref().map(|(given, source)| {
            let key = key::read(given.expose_secret(), source, Door::Settings)?;
            Ok(Credential::new(key, source))
        });
        Self { settings, login: Login::new(config).map(Arc::new), similar: config.similar_to_token.clone() }
    }

    /// Returns the credential for one call. A login may wait for the user; see [`Credentials::interrupted`].
    pub async fn resolve(&self, origin: &Origin) -> Result<Credential> {
        if let Some(credential) = origin.credential() {
            return Ok(credential.clone());
        }
        match (&self.settings, &self.login, origin) {
            (Some(credential), ..) => credential.clone(),
            (None, Some(login), Origin::Local) => login.credential().await,
            (None, login, _) => Err(self.missing(origin, login.is_some())),
        }
    }

    /// Returns the credential that is available now, as [`Credentials::resolve`] does for a local call, but without
    /// a login in the browser and without a refresh.
    pub async fn present(&self) -> Result<Credential> {
        match (&self.settings, &self.login) {
            (Some(credential), _) => credential.clone(),
            (None, Some(login)) => login.present().await,
            (None, None) => Err(self.missing(&Origin::Local, false)),
        }
    }

    /// Returns the key from the settings, if there is one, or an error if it cannot be a key.
    #[must_use]
    pub fn settings(&self) -> Option<Result<&Credential, &Error>> {
        self.settings.as_ref().map(Result::as_ref)
    }

    /// Returns the login, if the settings have one.
    #[must_use]
    pub fn login(&self) -> Option<&Arc<Login>> {
        self.login.as_ref()
    }

    /// Returns the error for a call that timed out before its credential was available.
    #[must_use]
    pub fn interrupted(&self) -> Error {
        self.login.as_ref().map_or_else(
            || Error::new(Code::Timeout, "the credential was not there in time").hint("Try again."),
            |login| login.interrupted(),
        )
    }

    /// Returns the error for a call that has none of the three sources of credentials.
    fn missing(&self, origin: &Origin, login: bool) -> Error {
        let what = match origin {
            Origin::Local => {
                format!("no PagerDuty credential: none of {API_TOKEN}, {USER_API_KEY} and {CLIENT_ID} is set")
            }
            Origin::Http(_) if login => format!(
                "no PagerDuty credential: the request has no {TOKEN_HEADER} header, {API_TOKEN} is not set, and a request \
                 over HTTP cannot use the login of {CLIENT_ID}"
            ),
            Origin::Http(_) => {
                format!("no PagerDuty credential: the request has no {TOKEN_HEADER} header, and {API_TOKEN} is not set")
            }
        };
        let similar = self.similar.as_ref();
        let similar = similar.map(|name| format!("{name} is set: did you mean {API_TOKEN}? ")).unwrap_or_default();
        Error::new(Code::MissingCredentials, what).hint(format!(
            "{similar}Three ways: set {API_TOKEN} in the server's environment or a .env file; or set {CLIENT_ID} there, to log \
             in by OAuth 2.0 in the browser; or send the {TOKEN_HEADER} header with each request (--transport http). To try \
             the server without an account, start it with --sandbox."
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_and_oauth_token_have_different_schemes() {
        for (secret, header) in
            [("u+abc", "Token token=u+abc"), ("pdus+_abc", "Bearer pdus+_abc"), ("pdeu+_abc", "Bearer pdeu+_abc")]
        {
            let sent = Credential::new(secret.into(), API_TOKEN).header().unwrap();
            assert!(sent.is_sensitive());
            assert_eq!(sent.to_str().unwrap(), header);
        }
        let login = Credential::from_login("abc".into(), None);
        assert_eq!(login.header().unwrap().to_str().unwrap(), "Bearer abc");
    }

    #[test]
    fn fingerprint_identifies_one_credential() {
        let of = |secret: &str| Credential::new(secret.into(), API_TOKEN).fingerprint();
        assert_eq!(of("u+abc"), of("u+abc"));
        assert_ne!(of("u+abc"), of("u+abd"));
        let login = |region| Credential::from_login("u+abc".into(), region).fingerprint();
        assert_ne!(of("u+abc"), login(None), "they go out in different schemes");
        assert_ne!(login(Some(Region::Us)), login(Some(Region::Eu)), "they go to different accounts");
        assert_eq!(format!("{:?}", of("u+abc")), "Fingerprint(…)");
    }

    #[test]
    fn credential_is_never_printed() {
        let credential = Credential::new("u+abc\n".into(), API_TOKEN);
        assert!(!format!("{credential:?}").contains("abc"));
        let error = credential.header().unwrap_err();
        assert!(!format!("{error:?} {}", error.envelope()).contains("abc"));
        assert_eq!(Credential::new("abc".into(), API_TOKEN).redact("bad token abc"), "bad token [credential]");
        assert_eq!(Credential::new("u+short".into(), API_TOKEN).masked(), "****");
        assert_eq!(Credential::new("u+0123456789abcdef".into(), API_TOKEN).masked(), "****cdef");
    }
}
