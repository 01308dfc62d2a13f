//! A plain HTTP/1.1 server for the embedded account and for the page to which a login returns.
//!
//! Not `axum::serve`: since the client speaks HTTP/2, that would compile an HTTP/2 server, too, which is not needed here. The
//! server for other machines has to check more, see `server::http` of the product.

pub mod names;
pub mod tls;

use std::io::{self, ErrorKind};
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// The target of log lines: the product's filters (`pagerduty_mcp_server=debug`) apply to this crate, too.
const LOG: &str = "pagerduty_mcp_server::serve";

/// The pause after the system failed to accept a connection: an immediate retry would only keep a core busy.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `routes` until `end` completes, and then until the requests in flight are answered.
///
/// `line` turns each connection into the stream that is served, and the extension of its requests.
pub async fn serve<S, X>(
    listener: TcpListener,
    routes: Router,
    line: impl Fn(TcpStream) -> (S, X),
    end: impl Future<Output = ()>,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    X: Clone + Send + Sync + 'static,
{
    let graceful = GracefulShutdown::new();
    tokio::pin!(end);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut end => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                after_refusal(&error).await;
                continue;
            }
        };
        send_without_delay(&stream);
        let (stream, extension) = line(stream);
        let routes = TowerToHyperService::new(routes.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(extension.clone());
            routes.call(request)
        });
        let serving = graceful.watch(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::debug!(target: LOG, %error, "a connection broke");
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Waits after the system failed to accept a connection, unless the client closed it.
async fn after_refusal(error: &io::Error) {
    if error.kind() != ErrorKind::ConnectionAborted {
        tracing::warn!(target: LOG, %error, "a connection could not be accepted");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

/// Switches off Nagle's algorithm: otherwise every second answer on a connection waits for a delayed acknowledgement.
fn send_without_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(target: LOG, %error, "cannot send without delay");
    }
}
