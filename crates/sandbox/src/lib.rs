//! An embedded stand-in for PagerDuty's REST API v2: a small HTTP server on a loopback port with a stateful account.
//!
//! New users, tests and agents under development need no PagerDuty account. The server has the wire format of PagerDuty's
//! own description, and enforces the rules that clients often break: tokens, `[]` on arrays, page sizes, date ranges, rate
//! limits and `From`. Writes take effect. It is also the identity server, for logins. Options and faults make it slow,
//! limit its rate and make it fail.
//!
//! It rejects requests outside its routes and requests from pages of other sites, and other machines cannot reach it.
//! Nothing outlives the process unless [`Options::state`] names a file. The tools are the same on this account and on
//! PagerDuty.
//!
//! A request passes these modules: `guard` checks its origin, `routes` records it, `faults` may make it fail, and `gate`
//! admits it. `engine` lists and shows the objects that `kinds` declares and `documents` stores, `edits` writes them, and
//! `behavior` has the rest. `view` and `reply` write the answer. Changes become records (`edits`, `behavior::changes`),
//! which `store` keeps.

mod account;
mod alerts;
mod behavior;
mod call;
mod connection;
mod control;
mod documents;
mod edits;
mod engine;
mod escalation;
mod faults;
mod gate;
mod guard;
mod helpers;
mod identity;
mod kind;
mod kinds;
mod log;
mod params;
mod reply;
mod routes;
mod scenario;
mod seed;
mod spec;
mod state;
mod store;
mod time;
mod view;

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pagerduty_serve::tls;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use faults::{Fault, FaultKind};
pub use helpers::Trigger;
pub use identity::IdentityOptions;
pub use scenario::Scenario;
pub use spec::FaultSpec;
pub use state::Recorded;
pub use store::reset;

/// The target of log lines: the product's filters (`pagerduty_mcp_server=debug`) apply to this crate, too.
const LOG: &str = "pagerduty_mcp_server::sandbox";

/// The credentials of the sandbox. They are valid nowhere else.
pub mod tokens {
    /// A user's API key: the current user, who belongs to two teams.
    pub const USER: &str = "sandbox-user";
    /// The API key of a user without a team, who nevertheless has an open incident and a place in one policy.
    pub const TEAMLESS: &str = "sandbox-teamless-user";
    /// An account-level API key: `/users/me` is a 400, and writes need a `From` header.
    pub const ACCOUNT: &str = "sandbox-account-key";
    /// The API key of a user without write permission: writes are a 403.
    pub const READ_ONLY: &str = "sandbox-read-only-user";
    /// The current user on a plan that lacks past and related incidents, workflows and automation actions, which are then
    /// a 402.
    pub const BASIC_PLAN: &str = "sandbox-basic-plan-user";
    /// The current user's OAuth token, accepted only as `Bearer`.
    pub const OAUTH: &str = "pdus+_sandbox-oauth";

    /// Returns the API key of any user of the account.
    #[must_use]
    pub fn of_user(id: &str) -> String {
        format!("{USER}-{id}")
    }
}

/// The options of a sandbox.
#[derive(Debug, Clone)]
pub struct Options {
    /// The loopback port to listen on, or 0 for any free one.
    pub port: u16,
    /// The time at which the account's clock stands still. Without it the clock runs.
    pub now: Option<Timestamp>,
    /// The number of incidents in the last 60 days.
    pub incidents: usize,
    /// The number of requests per minute that each token may send. Further ones are answered with 429.
    ///
    /// See <https://developer.pagerduty.com/docs/72d3b724589e3-rest-api-rate-limits>.
    pub rate_limit: u32,
    /// The delay of every answer.
    pub latency: Duration,
    /// The faults from the start.
    pub faults: FaultSpec,
    /// The file that keeps changes between processes. Without it, they last until the sandbox ends.
    pub state: Option<PathBuf>,
    /// Set if the sandbox serves HTTPS, with a certificate made for this run.
    pub tls: bool,
    /// Objects to add to the account, as `{"teams": [{…}], "services": […], …}`, or null. An object with the ID of another
    /// replaces it.
    pub documents: Value,
    /// The events that happen as time goes on, if there are any.
    pub scenario: Option<Scenario>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            now: None,
            incidents: 600,
            rate_limit: 960,
            latency: Duration::ZERO,
            faults: FaultSpec::default(),
            state: None,
            tls: false,
            documents: Value::Null,
            scenario: None,
        }
    }
}

/// A running sandbox. Dropping it stops the server, including requests still waiting for an answer.
pub struct Sandbox {
    url: String,
    server: Arc<state::Server>,
    ca: Option<String>,
    /// The task that terminates TLS in front of the server, if there is one; aborted when dropped.
    _front: JoinSet<()>,
    /// Dropping it stops the server. Nothing is sent on it.
    _alive: watch::Sender<()>,
}

impl fmt::Debug for Sandbox {
    /// Leaves the account out, which would fill many pages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Seeds an account and starts to serve it on the current Tokio runtime.
    ///
    /// # Errors
    /// If the port cannot be bound, or (`InvalidInput`) if a document cannot be used.
    pub async fn start(options: Options) -> io::Result<Self> {
        let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let (mut ca, mut front) = (None, JoinSet::new());
        if options.tls {
            let authority = tls::Authority::new()?;
            let until = time::later(Timestamp::now(), jiff::Span::new().years(1));
            let acceptor = authority.acceptor(&["localhost", "127.0.0.1"], until)?;
            ca = Some(authority.pem().to_owned());
            let plain = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let to = plain.local_addr()?;
            front.spawn(tls::front(std::mem::replace(&mut listener, plain), acceptor, to));
        }
        let (alive, stopped) = watch::channel(());
        let server = state::Server::new(&options, stopped);
        let server = Arc::new(server.map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?);
        tokio::spawn(routes::run(Arc::clone(&server), listener));
        let url = format!("{}://{address}", server.scheme);
        Ok(Self { url, server, ca, _front: front, _alive: alive })
    }

    /// Returns the PEM certificate of the authority that signed the server's certificate, if the sandbox serves HTTPS.
    #[must_use]
    pub fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// Returns the token for the remote control, which is sent in the header `X-Sandbox-Token`.
    #[must_use]
    pub fn control_token(&self) -> &str {
        self.server.control.secret()
    }

    /// Returns the base URL, `http://127.0.0.1:PORT` or the same with `https`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Adds a fault. Of several that match a request, the first is applied. Returns whether it was accepted, which it is
    /// not if too many faults are pending.
    #[allow(clippy::must_use_candidate, reason = "a test that adds few faults need not check")]
    pub fn fail(&self, fault: Fault) -> bool {
        self.server.faults.add(fault)
    }

    /// Puts the account's clock forward, also one that stands still. Then everything scripted until that time has happened.
    pub fn put_forward(&self, by: Duration) {
        self.server.put_forward(SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX));
    }

    /// Sets the behavior of the identity server.
    pub fn identity(&self, options: IdentityOptions) {
        self.server.identity.set(options);
    }

    /// Returns the requests received so far, in order and without their tokens. The oldest are dropped at a limit.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.server.recorded()
    }

    /// Returns the description that `GET /sandbox` gives: tokens and their users, and the number of objects.
    #[must_use]
    pub fn describe(&self) -> Value {
        control::describe(&self.server.account())
    }

    /// Removes the faults and the recorded requests. The account keeps its state.
    pub fn clear(&self) {
        self.server.faults.clear();
        self.server.forget();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hyper::Request;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use jiff::ToSpan;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    use tls::{Authority, front};
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn sandbox_answers_over_tls_and_http2() {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let plain = sandbox.url().trim_start_matches("http://").parse().unwrap();
        let authority = Authority::new().unwrap();
        let acceptor = authority.acceptor(&["localhost", "127.0.0.1"], Timestamp::now() + 48.hours()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(front(listener, acceptor, plain));
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        for (protocol, version) in [("h2", hyper::Version::HTTP_2), ("http/1.1", hyper::Version::HTTP_11)] {
            let mut tls = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots.clone())
                .with_no_client_auth();
            tls.alpn_protocols = vec![protocol.as_bytes().to_vec()];
            let stream = TcpStream::connect(address).await.unwrap();
            let name = "localhost".try_into().unwrap();
            let stream = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, stream).await.unwrap();
            let request = Request::get(format!("https://{address}/users/me"))
                .header("authorization", format!("Token token={}", tokens::USER))
                .body(http_body_util::Empty::<hyper::body::Bytes>::new())
                .unwrap();
            let answer = if version == hyper::Version::HTTP_2 {
                let (mut sender, connection) =
                    hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
                tokio::spawn(connection);
                sender.send_request(request).await.unwrap()
            } else {
                let (mut sender, connection) =
                    hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
                tokio::spawn(connection);
                sender.send_request(request).await.unwrap()
            };
            assert_eq!((answer.status().as_u16(), answer.version()), (200, version));
        }
        serving.abort();
    }
}
