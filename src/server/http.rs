//! MCP over HTTP (all revisions, "Transports", "Streamable HTTP"), for platforms: one server, many users.
//!
//! `rmcp` speaks the protocol at `/mcp`. What stands around it here decides who may come in (`guard`, `caller`), how much at
//! a time (`limits`, `listen`) and what operators see (`operations`). By default nothing is kept between requests, so that
//! any instance answers any of them; `sessions` is for clients that need a session, and ties them to one instance.
//!
//! Nothing of one caller reaches another: a request's credential and tools travel with it as its `caller::Caller`, and a
//! session belongs to the credential that opened it.

mod accept;
mod caller;
mod connections;
mod endpoint;
mod guard;
mod holding;
mod limits;
mod listen;
mod operations;
mod refusal;
mod sessions;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::{TcpListener, lookup_host};

use super::handler::Server;
use crate::error::{Code, Error, Result};
use crate::metrics;
use crate::tools::Toolbox;
use guard::Guard;
use limits::{Bounds, Limits};
use sessions::Sessions;

pub(super) use caller::Caller;

/// How long calls may still take once the server is told to stop. Below the thirty seconds after which Kubernetes kills.
const DRAIN: Duration = Duration::from_secs(25);

/// The largest body that is read. The longest sensible message, a note, is a fifth of it. One for each connection has to fit
/// into memory (`docs/deploying.md` has the sum).
const MAX_BODY: usize = 128 * 1024;

/// The settings of the HTTP transport.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name or address to listen on.
    pub host: String,
    /// The port; 0 is any that is free.
    pub port: u16,
    /// What `Host` may say, besides this machine's own names and the address listened on: `name` or `name:port`.
    pub allowed_hosts: Vec<String>,
    /// Which `Origin`s may send requests from a browser, besides those of this machine when listening there only.
    pub allowed_origins: Vec<String>,
    /// Whether callers from other machines may use the server's own credential.
    pub shared_credential: bool,
    /// Set if every request needs a credential, including those from this machine.
    pub require_key: bool,
    /// Whether `initialize` opens a session.
    pub sessions: bool,
    /// How many requests are served at a time.
    pub max_calls: usize,
    /// How many of them for one credential.
    pub max_calls_per_credential: usize,
    /// How long a body may take to arrive, and how long a client may not read its answer.
    pub read_timeout: Duration,
    /// How long a connection may be open without a request, or with half a head of one.
    pub idle_timeout: Duration,
}

/// A server that has its port and does not serve yet.
#[derive(Debug)]
pub struct Http {
    listener: TcpListener,
    options: Options,
    /// Whether only this machine can reach it.
    loopback: bool,
    guard: Guard,
}

/// What requests share.
struct Shared {
    toolbox: Arc<Toolbox>,
    mcp: StreamableHttpService<Server, LocalSessionManager>,
    /// If there are any.
    sessions: Option<Sessions>,
    limits: Arc<Limits>,
    guard: Guard,
    /// Whether a request without a credential is refused.
    credential_required: bool,
    read_timeout: Duration,
}

impl Http {
    /// Takes the port. Nothing is answered before [`Http::serve`].
    pub async fn bind(options: Options) -> Result<Self> {
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

    /// What an operator probably forgot, if anything.
    #[must_use]
    pub fn warning(&self) -> Option<&'static str> {
        (!self.loopback && self.options.allowed_hosts.is_empty()).then_some(
            "no --allowed-host is given: requests for any name but this machine's own and the address listened on are \
             answered 403.",
        )
    }

    fn credential_required(&self) -> bool {
        self.options.require_key || (!self.loopback && !self.options.shared_credential)
    }

    /// Serves the tools of `toolbox` until `stop` is done, and then until what runs is answered, but not for longer than
    /// 25 seconds. Returns whether everything was answered.
    pub async fn serve(self, toolbox: Arc<Toolbox>, stop: impl Future<Output = ()>) -> bool {
        let credential_required = self.credential_required();
        let Self { listener, options, guard, .. } = self;
        let server = Server::new(Arc::clone(&toolbox));
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(options.sessions)
            .with_json_response(true)
            .with_max_request_body_bytes(MAX_BODY)
            // `guard` has checked it, for every path and not only this one.
            .disable_allowed_hosts();
        let cancellation = config.cancellation_token.clone();
        let manager = Arc::new(LocalSessionManager::default());
        let limits = Arc::new(Limits::new(Bounds {
            of: "requests",
            total: options.max_calls,
            each: options.max_calls_per_credential,
            // Calls take less than that as a rule.
            retry_after: 1,
            gauge: metrics::in_flight,
        }));
        let shared = Arc::new(Shared {
            mcp: StreamableHttpService::new(move || Ok(server.clone()), Arc::clone(&manager), config),
            toolbox: Arc::clone(&toolbox),
            sessions: options.sessions.then(|| Sessions::new(manager)),
            limits: Arc::clone(&limits),
            guard,
            credential_required,
            read_timeout: options.read_timeout,
        });
        let terms = listen::Terms {
            busy: options.max_calls,
            idle_timeout: options.idle_timeout,
            write_timeout: options.read_timeout,
        };
        // The first caller would wait for it, and everybody whose request this worker would have read meanwhile.
        if let Err(error) = toolbox.ready() {
            tracing::warn!(%error, "requests to PagerDuty cannot be sent");
        }
        let closed = terms.accept(listener, routes(shared), stop).await;
        tracing::info!("stopping: no new connections; what runs is finished");
        let calls = async {
            if !options.sessions {
                return limits.drained().await;
            }
            // Streams that wait for messages have no end of their own. Calls that are still being read need their sessions.
            tokio::time::sleep(listen::GRACE).await;
            limits.drained().await;
            cancellation.cancel();
        };
        let finish = async { tokio::join!(closed, calls) };
        let finished = tokio::time::timeout(DRAIN, finish).await.is_ok();
        if !finished {
            tracing::warn!("stopped with calls unanswered after {DRAIN:?}");
        }
        finished
    }
}

fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/mcp", any(endpoint::mcp))
        .route("/mcp/", any(endpoint::mcp))
        .route("/healthz", get(operations::alive))
        .route("/readyz", get(operations::ready))
        .route("/metrics", get(operations::metrics))
        .fallback(refusal::no_such_path)
        .method_not_allowed_fallback(refusal::no_such_method)
        .layer(guard::cors(&shared.guard))
        .layer(from_fn_with_state(Arc::clone(&shared), guard::check))
        .with_state(shared)
}
