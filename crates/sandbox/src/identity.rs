//! The identity server: `GET /oauth/authorize` and `POST /oauth/token` on the same port as the API.
//!
//! It consents at once, like PagerDuty for a browser with a session, and enforces the rules that clients can break: PKCE,
//! the redirect URL, codes that work once, refresh tokens that rotate. The API accepts its tokens as `Bearer` until they
//! expire. `POST /sandbox/identity` sets refusals, failures and the lifetime of tokens.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier};
use serde::Deserialize;
use serde_json::{Value, json};
use url::{Host, Url, form_urlencoded};

use super::gate::{CALLERS, Caller};
use super::reply::Problem;
use super::state::{Shared, lock};
use super::tokens;

/// The behavior of the identity server. Over HTTP it is the same in JSON, and omitted fields have their defaults.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityOptions {
    /// The lifetime of access tokens in seconds.
    pub expires_in: u64,
    /// Set if the user declines.
    pub deny: bool,
    /// The error to return instead of a code, such as `server_error`.
    pub error: Option<String>,
    /// The number of requests for tokens to answer with 503.
    pub fail: u32,
    /// Set if refresh tokens are refused, as if they had been revoked.
    pub reject_refresh: bool,
    /// The audience of the ID token. Without it, no ID token is issued.
    pub id_token_host: Option<String>,
}

impl Default for IdentityOptions {
    fn default() -> Self {
        Self { expires_in: 3600, deny: false, error: None, fail: 0, reject_refresh: false, id_token_host: None }
    }
}

/// The codes and tokens that were issued.
#[derive(Debug, Default)]
pub struct Identity(Mutex<Issued>);

#[derive(Debug, Default)]
struct Issued {
    options: IdentityOptions,
    codes: HashMap<String, Grant>,
    access: HashMap<String, Instant>,
    refresh: HashMap<String, String>,
}

/// The request that a code was issued for.
#[derive(Debug)]
struct Grant {
    client_id: String,
    redirect_uri: String,
    challenge: String,
    ends: Instant,
}

/// The lifetime of a code, as at PagerDuty.
const CODE_LIFETIME: Duration = Duration::from_secs(30);

impl Identity {
    pub fn set(&self, options: IdentityOptions) {
        lock(&self.0).options = options;
    }

    /// Returns the caller of an access token that was issued here.
    pub fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
        let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
        let ends = *lock(&self.0).access.get(token)?;
        // The same caller as for the fixed OAuth token: the current user.
        CALLERS.iter().find(|caller| caller.token == tokens::OAUTH).filter(|_| Instant::now() < ends).cloned()
    }
}

pub fn routes() -> Router<Shared> {
    Router::new().route("/oauth/authorize", get(authorize)).route("/oauth/token", post(token))
}

pub async fn control(State(server): State<Shared>, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Ok(options) => {
            server.identity.set(options);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => Problem::invalid(error.to_string()).into_response(),
    }
}

type Form = HashMap<String, String>;

fn form(text: &[u8]) -> Form {
    form_urlencoded::parse(text).into_owned().collect()
}

fn field<'f>(form: &'f Form, name: &str) -> &'f str {
    form.get(name).map(String::as_str).unwrap_or_default()
}

/// Authorizes a client (RFC 6749, section 4.1.1). An untrusted redirect URL is answered here and not followed.
async fn authorize(State(server): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let form = form(query.unwrap_or_default().as_bytes());
    let redirect = Url::parse(field(&form, "redirect_uri")).ok().filter(is_ours);
    let Some(mut redirect) = redirect else {
        return wrong("redirect_uri is not http://localhost:PORT/oauth/pagerduty");
    };
    for (name, value) in [("response_type", "code"), ("code_challenge_method", "S256")] {
        if field(&form, name) != value {
            return wrong(&format!("{name} is not {value}"));
        }
    }
    for name in ["client_id", "code_challenge", "state", "scope"] {
        if field(&form, name).is_empty() {
            return wrong(&format!("{name} is missing"));
        }
    }
    let mut issued = lock(&server.identity.0);
    let refusal = if issued.options.deny { Some("access_denied".to_owned()) } else { issued.options.error.clone() };
    let mut pairs = redirect.query_pairs_mut();
    if let Some(error) = refusal {
        pairs.append_pair("error", &error).append_pair("error_description", "The sandbox is set to refuse.");
    } else {
        let code = secret("code");
        pairs.append_pair("code", &code);
        let grant = Grant {
            client_id: field(&form, "client_id").to_owned(),
            redirect_uri: field(&form, "redirect_uri").to_owned(),
            challenge: field(&form, "code_challenge").to_owned(),
            ends: Instant::now() + CODE_LIFETIME,
        };
        issued.codes.insert(code, grant);
    }
    pairs.append_pair("state", field(&form, "state"));
    drop(pairs);
    let mut response = StatusCode::FOUND.into_response();
    response
        .headers_mut()
        .extend(HeaderValue::try_from(String::from(redirect)).ok().map(|url| (header::LOCATION, url)));
    response
}

fn is_ours(redirect: &Url) -> bool {
    redirect.scheme() == "http"
        && redirect.host() == Some(Host::Domain("localhost"))
        && redirect.path() == "/oauth/pagerduty"
        && redirect.query().is_none()
}

/// Issues tokens (RFC 6749, sections 4.1.3 and 6).
async fn token(State(server): State<Shared>, body: Bytes) -> Response {
    let form = form(&body);
    let mut issued = lock(&server.identity.0);
    if issued.options.fail > 0 {
        issued.options.fail -= 1;
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let client_id = field(&form, "client_id").to_owned();
    let granted = match field(&form, "grant_type") {
        // A code works once, even if the request fails.
        "authorization_code" => match issued.codes.remove(field(&form, "code")) {
            Some(grant) if grant.is_redeemed_by(&form) => Ok(()),
            _ => Err("the code is unknown, used, expired, or was given for another client, redirect URL or verifier"),
        },
        "refresh_token" if field(&form, "client_secret").is_empty() => {
            return refused(StatusCode::UNAUTHORIZED, "invalid_client", "refreshing needs the client secret");
        }
        "refresh_token" => match issued.refresh.remove(field(&form, "refresh_token")) {
            Some(owner) if owner == client_id && !issued.options.reject_refresh => Ok(()),
            _ => Err("the refresh token is unknown, used or revoked"),
        },
        _ => return refused(StatusCode::BAD_REQUEST, "unsupported_grant_type", "grant_type is not one of the two"),
    };
    if let Err(why) = granted {
        return refused(StatusCode::BAD_REQUEST, "invalid_grant", why);
    }
    // No prefix distinguishes it from a key: only the scheme does.
    let (access, refresh) = (secret("access"), secret("refresh"));
    let lifetime = issued.options.expires_in;
    issued.access.insert(access.clone(), Instant::now() + Duration::from_secs(lifetime));
    issued.refresh.insert(refresh.clone(), client_id);
    let mut answer = json!({
        "access_token": access, "token_type": "bearer", "expires_in": lifetime, "refresh_token": refresh,
        "scope": "read write",
    });
    if let (Some(host), Some(fields)) = (&issued.options.id_token_host, answer.as_object_mut()) {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let id_token = format!("{}.{}.", part(json!({"alg": "none"})), part(json!({"aud": host})));
        fields.insert("id_token".to_owned(), id_token.into());
    }
    ([(header::CACHE_CONTROL, "no-store")], axum::Json(answer)).into_response()
}

impl Grant {
    fn is_redeemed_by(&self, form: &Form) -> bool {
        let verifier = PkceCodeVerifier::new(field(form, "code_verifier").to_owned());
        // `oauth2` requires the lengths of RFC 7636.
        (43..=128).contains(&verifier.secret().len())
            && PkceCodeChallenge::from_code_verifier_sha256(&verifier).as_str() == self.challenge
            && field(form, "client_id") == self.client_id
            && field(form, "redirect_uri") == self.redirect_uri
            && Instant::now() < self.ends
    }
}

fn secret(kind: &str) -> String {
    format!("sandbox-{kind}-{}", CsrfToken::new_random().secret())
}

fn wrong(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response()
}

fn refused(status: StatusCode, error: &str, why: &str) -> Response {
    (status, axum::Json(json!({"error": error, "error_description": why}))).into_response()
}
