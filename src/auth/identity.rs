//! PagerDuty's identity server: the authorization URL, and the exchange of codes and refresh tokens for access tokens.
//!
//! It follows RFC 6749 with PKCE (RFC 7636), using the `oauth2` crate over our HTTP client, and PagerDuty's developer
//! documentation, "OAuth functionality".

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use oauth2::basic::{
    BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    ExtraTokenFields, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope,
    StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::redact::redact;
use super::tokens::Tokens;
use super::wire::{Trouble, Wire};

use crate::config::{CLIENT_ID, CLIENT_SECRET, Config, IDENTITY_HOST, Region, Trust};
use crate::error::{Code, Error, Result};
use crate::net::words::{self, ErrorBody};

/// The assumed lifetime of a token whose response has none.
const DEFAULT_LIFETIME: Duration = Duration::from_hours(1);

/// The next step for a refusal that is not an OAuth error, which is no reason to forget a login.
const CHECK_FOR_GATEWAY: &str = "PagerDuty does not refuse a login this way: check for a proxy or a gateway in between, and try again. The stored \
                          login is kept. If the problem persists, log in again with `pagerduty-mcp-server auth login`.";

type Response = StandardTokenResponse<Extra, BasicTokenType>;
type Client = oauth2::Client<
    BasicErrorResponse,
    Response,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The field that OpenID Connect adds to a response.
#[derive(Deserialize, Serialize)]
struct Extra {
    #[serde(default)]
    id_token: Option<String>,
}

impl ExtraTokenFields for Extra {}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Extra")
    }
}

/// A login in progress: the URL for the browser, and the secrets that check and redeem its answer.
pub struct Ticket {
    pub url: Url,
    pub verifier: PkceCodeVerifier,
    pub redirect: RedirectUrl,
}

/// The client of the identity server.
#[derive(Debug)]
pub struct Identity {
    client_id: String,
    client_secret: Option<SecretString>,
    base: String,
    name: String,
    plain: bool,
    connect_timeout: Duration,
    trust: Trust,
}

impl Identity {
    pub fn new(client_id: String, config: &Config) -> Self {
        let settings = &config.oauth;
        Self {
            client_id,
            client_secret: settings.client_secret.clone(),
            base: settings.identity.base().to_owned(),
            name: settings.identity.describe(),
            plain: settings.identity.is_plain(),
            connect_timeout: config.connect_timeout,
            trust: config.trust.clone(),
        }
    }

    /// Returns whether tokens can be refreshed, which needs the client's secret.
    pub fn can_refresh(&self) -> bool {
        self.client_secret.is_some()
    }

    /// Begins a login that returns to `port` with `state`.
    pub fn begin(&self, port: u16, state: &CsrfToken) -> Result<Ticket> {
        let redirect = RedirectUrl::new(format!("http://localhost:{port}/oauth/pagerduty")).map_err(unusable_url)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = self.client()?.set_redirect_uri(redirect.clone());
        let (url, _) = client
            .authorize_url(|| state.clone())
            .add_scopes(["read", "write"].map(|scope| Scope::new(scope.to_owned())))
            .set_pkce_challenge(challenge)
            .url();
        Ok(Ticket { url, verifier, redirect })
    }

    /// Redeems the code of a callback.
    pub async fn redeem(
        &self,
        code: &SecretString,
        verifier: PkceCodeVerifier,
        redirect: RedirectUrl,
    ) -> Result<Tokens> {
        let secrets = [code.expose_secret().to_owned(), verifier.secret().clone()];
        let client = self.client()?.set_redirect_uri(redirect);
        let wire = self.wire();
        let asked = client
            .exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()))
            .set_pkce_verifier(verifier)
            .request_async(&wire);
        match asked.await {
            Ok(response) => Ok(tokens(&response, None)),
            Err(failure) => Err(match self.explain(failure, &secrets) {
                Refusal::Rejected(why) => {
                    Error::new(Code::LoginFailed, format!("{} refused the login: {why}", self.name)).hint(format!(
                        "Log in again: an authorization code works once and expires within seconds. If that does not \
                         help, check {CLIENT_ID} and {CLIENT_SECRET} against the app's registration."
                    ))
                }
                Refusal::Failed(error) => error,
            }),
        }
    }

    /// Exchanges a refresh token. The old one is invalid after a success.
    pub async fn refresh(&self, old: &SecretString) -> Result<Tokens, Refusal> {
        let secrets = [old.expose_secret().to_owned()];
        let client = self.client().map_err(Refusal::Failed)?;
        let wire = self.wire();
        let token = RefreshToken::new(old.expose_secret().to_owned());
        let asked = client.exchange_refresh_token(&token).request_async(&wire);
        match asked.await {
            Ok(response) => Ok(tokens(&response, Some(old))),
            Err(failure) => Err(self.explain(failure, &secrets)),
        }
    }

    fn wire(&self) -> Wire {
        Wire::new(self.plain, self.connect_timeout, self.trust.clone())
    }

    fn client(&self) -> Result<Client> {
        let authorize = AuthUrl::new(format!("{}/oauth/authorize", self.base)).map_err(unusable_url)?;
        let token = TokenUrl::new(format!("{}/oauth/token", self.base)).map_err(unusable_url)?;
        let mut client: oauth2::Client<_, _, _, _, _> = oauth2::Client::new(ClientId::new(self.client_id.clone()));
        if let Some(secret) = &self.client_secret {
            client = client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
        }
        // In the body, as PagerDuty documents it.
        Ok(client.set_auth_type(AuthType::RequestBody).set_auth_uri(authorize).set_token_uri(token))
    }

    /// Returns the meaning of a failure. Only the message of the response is passed on, without `secrets`.
    fn explain(&self, failure: RequestTokenError<Trouble, BasicErrorResponse>, secrets: &[String]) -> Refusal {
        let name = &self.name;
        let own = self.client_secret.as_ref().map(ExposeSecret::expose_secret);
        let without_secrets = |text: &str| {
            let secrets = secrets.iter().map(String::as_str).chain(own);
            secrets.fold(text.to_owned(), |text, secret| redact(&text, secret, "[secret]"))
        };
        let quoted = |body: &[u8]| ErrorBody::read(body, without_secrets).quoted();
        match failure {
            RequestTokenError::ServerResponse(said) => {
                let mut why = said.error().to_string();
                if let Some(description) = said.error_description() {
                    why = format!("{why} ({description})");
                }
                // It is redacted before it is shortened: a secret that is cut would not be found.
                let why = words::shorten(&without_secrets(&words::clean(&why)), 300);
                match said.error() {
                    // The client is refused, and not the code or the token, which stay valid.
                    BasicErrorResponseType::InvalidClient | BasicErrorResponseType::UnauthorizedClient => {
                        Refusal::Failed(
                            Error::new(Code::LoginFailed, format!("{name} does not accept this client: {why}")).hint(
                                format!(
                                    "Check {CLIENT_ID} and {CLIENT_SECRET} against the app's registration at PagerDuty. \
                                     The stored login is kept."
                                ),
                            ),
                        )
                    }
                    // Not an error code of OAuth (RFC 6749, section 5.2), so it is not about the token.
                    BasicErrorResponseType::Extension(_) => Refusal::Failed(
                        Error::new(Code::LoginFailed, format!("{name} answered the login with {why}")).hint(CHECK_FOR_GATEWAY),
                    ),
                    _ => Refusal::Rejected(why),
                }
            }
            RequestTokenError::Request(Trouble::Status(status, said)) => Refusal::Failed(
                Error::new(Code::ApiError, format!("{name} answered {status} to the login{}", quoted(&said.0)))
                    .hint("PagerDuty has a problem; try again in a minute. The stored login is kept.")
                    .status(status),
            ),
            RequestTokenError::Request(Trouble::Refused(status, said)) => Refusal::Failed(
                Error::new(Code::ApiError, format!("{name} answered {status} to the login{}", quoted(&said.0)))
                    .hint(CHECK_FOR_GATEWAY)
                    .status(status),
            ),
            RequestTokenError::Request(Trouble::Unusable(error)) => Refusal::Failed(error),
            RequestTokenError::Request(Trouble::Untrusted(why, hint)) => Refusal::Failed(
                Error::new(Code::NetworkError, format!("{name} cannot be trusted with the login: {why}"))
                    .hint(format!("{hint} The stored login is kept.")),
            ),
            RequestTokenError::Request(trouble) => {
                Refusal::Failed(Error::new(Code::NetworkError, format!("{name} cannot be reached: {trouble}")).hint(
                    format!("Check the network, a proxy or firewall, and {IDENTITY_HOST}. The stored login is kept."),
                ))
            }
            // The response may contain tokens, so nothing of it is quoted.
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => Refusal::Failed(
                Error::new(Code::UnexpectedResponse, format!("the answer of {name} to the login is not usable"))
                    .hint(format!("Check that {IDENTITY_HOST} and any proxy lead to PagerDuty's identity server.")),
            ),
        }
    }
}

/// The reason why there are no tokens.
#[derive(Debug)]
pub enum Refusal {
    /// The server rejects the code or the refresh token for good.
    Rejected(String),
    /// The server could not be reached, or failed.
    Failed(Error),
}

/// Returns the tokens of a response. Without a new refresh token the old one stays valid (RFC 6749, section 6).
fn tokens(response: &Response, old_refresh: Option<&SecretString>) -> Tokens {
    let lifetime = response.expires_in().unwrap_or(DEFAULT_LIFETIME).as_secs();
    let refresh = response.refresh_token().map(|token| SecretString::from(token.secret().as_str()));
    Tokens {
        access: response.access_token().secret().as_str().into(),
        expires_at: Some(Timestamp::now().as_second().saturating_add_unsigned(lifetime)),
        refresh: refresh.or_else(|| old_refresh.cloned()),
        region: response.extra_fields().id_token.as_deref().and_then(region),
    }
}

/// Returns the region that an ID token names.
///
/// Its signature is not checked: it comes from the token endpoint over TLS (OpenID Connect Core, 3.1.3.7), and only chooses
/// between PagerDuty's two hosts.
fn region(id_token: &str) -> Option<Region> {
    let claims = URL_SAFE_NO_PAD.decode(id_token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let audience = claims.get("aud")?;
    let mut hosts = audience.as_array().map_or(std::slice::from_ref(audience), Vec::as_slice).iter();
    hosts.find_map(|host| {
        let host = host.as_str()?;
        Region::from_host(host.strip_prefix("https://").unwrap_or(host).trim_end_matches('/'))
    })
}

fn unusable_url(_: url::ParseError) -> Error {
    Error::new(Code::InvalidConfiguration, format!("{IDENTITY_HOST} does not make usable URLs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_token_only_chooses_between_two_hosts() {
        let token = |claims: &str| format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims));
        for (claims, expected) in [
            (r#"{"aud": "api.eu.pagerduty.com"}"#, Some(Region::Eu)),
            (r#"{"aud": ["client", "https://api.pagerduty.com/"]}"#, Some(Region::Us)),
            (r#"{"aud": "api.pagerduty.com.evil.example"}"#, None),
            (r#"{"aud": 7}"#, None),
            ("{}", None),
        ] {
            assert_eq!(region(&token(claims)), expected, "{claims}");
        }
        assert_eq!(region("no.token"), None);
        assert_eq!(region(""), None);
    }
}
