//! Credentials: where they come from, and how they go over the wire.
//!
//! A [`Credential`] can be sent and compared, not printed. The order of sources is the contract's: a request's own header,
//! the environment, OAuth. This module knows the second; the first and the third fit in front of and behind it in
//! [`Credentials::resolve`], which every call goes through.

use std::fmt;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::config::{API_TOKEN, Config, USER_API_KEY};
use crate::error::{Code, Error, Result};

/// OAuth access tokens are told from API keys by these prefixes.
const OAUTH_PREFIXES: [&str; 2] = ["pdus+_", "pdeu+_"];

/// A PagerDuty credential.
#[derive(Clone)]
pub struct Credential {
    secret: SecretString,
    source: &'static str,
}

impl Credential {
    /// A credential and the name of where it came from, for messages.
    #[must_use]
    pub fn new(secret: SecretString, source: &'static str) -> Self {
        Self { secret, source }
    }

    /// Where it came from: the name of a variable, for messages.
    #[must_use]
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// The `Authorization` header: `Token token=…` for API keys, `Bearer …` for OAuth access tokens. Marked sensitive,
    /// so that HTTP libraries keep it out of their logs.
    pub(crate) fn header(&self) -> Result<HeaderValue> {
        let secret = self.secret.expose_secret();
        let text = if OAUTH_PREFIXES.iter().any(|prefix| secret.starts_with(prefix)) {
            format!("Bearer {secret}")
        } else {
            format!("Token token={secret}")
        };
        let mut header = HeaderValue::from_str(&text).map_err(|_| {
            Error::new(
                Code::InvalidConfiguration,
                format!("the credential in {} holds characters that no PagerDuty credential has", self.source),
            )
            .hint("Copy the key again, without spaces, quotes or line breaks.")
        })?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// The text without the secret, should a server have echoed it.
    pub(crate) fn redact(&self, text: &str) -> String {
        text.replace(self.secret.expose_secret(), "[credential]")
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("source", &self.source).finish_non_exhaustive()
    }
}

/// The sources of credentials, in order.
#[derive(Clone, Debug)]
pub struct Credentials {
    environment: Option<Credential>,
}

impl Credentials {
    /// The sources that `config` names.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let environment = config.token.clone().map(|(secret, source)| Credential::new(secret, source));
        Self { environment }
    }

    /// The credential for one call.
    pub fn resolve(&self) -> Result<Credential> {
        self.environment.clone().ok_or_else(|| {
            Error::new(Code::MissingCredentials, format!("no PagerDuty credential: neither {API_TOKEN} nor {USER_API_KEY} is set"))
                .hint(format!(
                    "Three ways are planned for: set {API_TOKEN} in the server's environment or a .env file (works in this \
                     version); send the X-PagerDuty-Token header (HTTP transport, not in this version); log in by OAuth 2.0 \
                     with PAGERDUTY_CLIENT_ID (not in this version). To try the server without an account, start it with --sandbox."
                ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_oauth_tokens_go_out_in_their_own_schemes() {
        for (secret, header) in
            [("u+abc", "Token token=u+abc"), ("pdus+_abc", "Bearer pdus+_abc"), ("pdeu+_abc", "Bearer pdeu+_abc")]
        {
            let sent = Credential::new(secret.into(), API_TOKEN).header().unwrap();
            assert!(sent.is_sensitive());
            assert_eq!(sent.to_str().unwrap(), header);
        }
    }

    #[test]
    fn a_credential_is_never_printed() {
        let credential = Credential::new("u+abc\n".into(), API_TOKEN);
        assert!(!format!("{credential:?}").contains("abc"));
        let error = credential.header().unwrap_err();
        assert!(!format!("{error:?} {}", error.envelope()).contains("abc"));
        assert_eq!(Credential::new("abc".into(), API_TOKEN).redact("bad token abc"), "bad token [credential]");
    }
}
