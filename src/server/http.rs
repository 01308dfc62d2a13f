//! MCP over HTTP (all revisions, "Transports", "Streamable HTTP"): one server for many users.
//!
//! At `/mcp`, `direct` answers tool calls whose answer is one JSON document, and `rmcp` implements the rest of the protocol.
//! The modules around it check requests (`guard`, `headers`), limit them (`limits`, `listen`) and report to operators
//! (`operations`). By default nothing is kept between requests, so any instance can answer any request; `sessions` is for
//! clients that need a session, and ties them to one instance.
//!
//! Callers are isolated from each other: the credential and the tools of a request travel with it as its
//! `Caller`, and a session belongs to the credential that opened it.

mod accept;
mod body;
mod connections;
mod cors;
mod direct;
mod endpoint;
mod guard;
mod headers;
mod limits;
mod listen;
mod operations;
mod options;
mod refusal;
mod sessions;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::{TcpListener, lookup_host};

use super::handler::Server;
use crate::error::{Code, Error, Result, spoken};
use crate::metrics;
use crate::tools::Toolbox;
use crate::trace::Trace;
use connections::Connection;
use guard::Guard;
use limits::{Bounds, Limits};
use sessions::Sessions;

pub use options::{DRAIN_SECS, HttpOptions, IDLE_TIMEOUT_SECS, MAX_CALLS, MAX_CALLS_PER_CREDENTIAL, READ_TIMEOUT_SECS};

/// The time that a shutdown may take, including the time in which new calls are still served. It is below the 30 s after which
/// Kubernetes kills.
const SHUTDOWN: Duration = Duration::from_secs(25);

/// The largest body that is read. The longest useful message, a note, is a fifth of it. A body for each connection must fit
/// into memory (see `docs/deploying.md`).
const MAX_BODY: usize = 128 * 1024;

/// A server that listens and does not serve yet.
#[derive(Debug)]
pub struct Http {
    listener: TcpListener,
    options: HttpOptions,
    /// Set if only this machine can reach it.
    loopback: bool,
    guard: Guard,
}

/// The state that requests share.
struct AppState {
    toolbox: Arc<Toolbox>,
    server: Server,
    mcp: StreamableHttpService<Server, LocalSessionManager>,
    /// The sessions, if they are enabled.
    sessions: Option<Sessions>,
    limits: Arc<Limits>,
    guard: Guard,
    /// Set if a request without a credential is refused.
    credential_required: bool,
    read_timeout: Duration,
    /// Set once the server shuts down.
    stopping: AtomicBool,
}

impl Http {
    /// Listens on the port. Requests are answered from [`Http::serve`] on.
    pub async fn bind(options: HttpOptions) -> Result<Self> {
        let (host, port) = (options.host.as_str(), options.port);
        let cannot = |why: &str| {
            Error::new(Code::InvalidConfiguration, format!("cannot listen on {host} port {port}: {why}"))
                .hint("Choose another --port (0 is any that is free), or a --host that is an address of this machine.")
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let mut listening = Err(io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address"));
        for address in lookup_host((bare, port)).await.map_err(|error| cannot(&error.to_string()))? {
            listening = listen::listen(address);
            if listening.is_ok() {
                break;
            }
        }
        let listener = listening.map_err(|error| cannot(&error.to_string()))?;
        let bound = listener.local_addr().map_err(|error| cannot(&error.to_string()))?;
        let loopback = bound.ip().is_loopback();
        let guard = Guard::new(&options, bound.ip())?;
        Ok(Self { listener, options, loopback, guard })
    }

    /// Returns the first line that the server prints: its address, and the credential of requests.
    #[must_use]
    pub fn describe(&self) -> String {
        let address = self.listener.local_addr().map_or_else(|_| self.options.host.clone(), |at| at.to_string());
        let mode = if self.credential_required() {
            "Every request needs its own X-PagerDuty-Token header."
        } else if self.loopback {
            "Only this machine can reach it; a request without an X-PagerDuty-Token header uses the server's own credential."
        } else {
            "A request without an X-PagerDuty-Token header uses the server's own credential: any client that reaches this \
             port acts in its name."
        };
        format!("Serving MCP at http://{address}/mcp. {mode}")
    }

    /// Returns a warning about an option that is probably missing.
    #[must_use]
    pub fn warning(&self) -> Option<&'static str> {
        (!self.loopback && self.options.allowed_hosts.is_empty()).then_some(
            "no --allowed-host is given: requests for names other than this machine's own and the address listened on are \
             answered 403.",
        )
    }

    fn credential_required(&self) -> bool {
        self.options.require_key || (!self.loopback && !self.options.shared_credential)
    }

    /// Serves the tools of `toolbox` until `stop` is ready and the drain time is over, and then answers the requests in progress
    /// for up to 25 s less the drain time.
    /// Returns whether all were answered.
    pub async fn serve(self, toolbox: Arc<Toolbox>, stop: impl Future<Output = ()>) -> bool {
        let credential_required = self.credential_required();
        let Self { listener, options, guard, loopback } = self;
        let default = if loopback { Duration::ZERO } else { Duration::from_secs(DRAIN_SECS.into()) };
        let drain = options.drain.unwrap_or(default);
        let limit = SHUTDOWN.saturating_sub(drain).max(listen::GRACE * 2);
        let server = Server::new(Arc::clone(&toolbox));
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(options.sessions)
            .with_json_response(true)
            .with_max_request_body_bytes(MAX_BODY)
            // `guard` has checked it, for every path.
            .disable_allowed_hosts();
        let cancellation = config.cancellation_token.clone();
        let manager = Arc::new(LocalSessionManager::default());
        let limits = Arc::new(Limits::new(Bounds {
            of: "requests",
            total: options.max_calls,
            per_credential: options.max_calls_per_credential,
            // Most calls take less than that.
            retry_after: 1,
            gauge: metrics::in_flight,
        }));
        let state = Arc::new(AppState {
            server: server.clone(),
            mcp: StreamableHttpService::new(move || Ok(server.clone()), Arc::clone(&manager), config),
            toolbox: Arc::clone(&toolbox),
            sessions: options.sessions.then(|| Sessions::new(manager)),
            limits: Arc::clone(&limits),
            guard,
            credential_required,
            read_timeout: options.read_timeout,
            stopping: AtomicBool::new(false),
        });
        let connections = listen::ConnectionLimits {
            max_calls: options.max_calls,
            idle_timeout: options.idle_timeout,
            read_timeout: options.read_timeout,
        };
        // Otherwise the first request would load the certificates and block a worker thread meanwhile.
        if let Err(error) = toolbox.ready() {
            tracing::warn!(%error, "requests to PagerDuty cannot be sent");
        }
        let stop = async {
            stop.await;
            state.stopping.store(true, Ordering::Relaxed);
            if !drain.is_zero() {
                tracing::info!(
                    "shutting down in {}: /readyz answers 503 so that gateways choose another instance",
                    spoken(drain)
                );
                tokio::time::sleep(drain).await;
            }
        };
        let closed = connections.accept(listener, &state, stop).await;
        tracing::info!("shutting down: new connections are refused, requests in progress are answered");
        let calls = async {
            if !options.sessions {
                return limits.drained().await;
            }
            // Streams that wait for messages never end. Calls that are still being read need their sessions.
            tokio::time::sleep(listen::GRACE).await;
            limits.drained().await;
            cancellation.cancel();
        };
        let finish = async { tokio::join!(closed, calls) };
        let finished = tokio::time::timeout(limit, finish).await.is_ok();
        if !finished {
            tracing::warn!("shut down with unanswered calls after {}", spoken(limit));
        }
        finished
    }
}

/// An admitted request, whose body is read.
struct Asked<'c> {
    parts: Parts,
    body: Bytes,
    trace: Option<Trace>,
    connection: &'c Arc<Connection>,
}

/// Passes a request on to its path.
async fn answer(state: &AppState, asked: Asked<'_>) -> Response {
    let answer = match asked.parts.uri.path() {
        "/mcp" | "/mcp/" => return endpoint::mcp(state, asked).await,
        "/healthz" => operations::alive,
        "/readyz" => operations::ready,
        "/metrics" => operations::metrics,
        _ => return refusal::no_such_path(&asked.parts.uri, &asked.body),
    };
    match asked.parts.method {
        Method::GET | Method::HEAD => answer(state),
        _ => refusal::no_such_method().into_response(),
    }
}
