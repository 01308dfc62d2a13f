//! Connections: accepting them, their limits, their end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;

use crate::metrics;

/// How many connections are open at a time; further ones wait in the system's queue. Each may hold a head of a request, and
/// a file descriptor.
const MAX_CONNECTIONS: usize = 4096;

/// The largest head: request line and headers. Answered 431 beyond.
const MAX_HEAD: usize = 32 * 1024;

/// The most headers in it.
const MAX_HEADERS: usize = 100;

/// How long to wait after the system refused a connection: it is out of something, and asking again at once would only keep
/// a core busy.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The time-outs of connections.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// Without a whole head of a request.
    pub idle_timeout: Duration,
    /// Without a byte of an answer taken.
    pub write_timeout: Duration,
}

impl Connections {
    /// Accepts connections until `stop` is done. Returns those that are open then.
    pub async fn accept(
        self,
        listener: TcpListener,
        routes: Router,
        stop: impl Future<Output = ()>,
    ) -> GracefulShutdown {
        let open = GracefulShutdown::new();
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        tokio::pin!(stop);
        loop {
            let next = async {
                // An error would mean a closed semaphore, and nobody closes this one.
                let slot = Arc::clone(&slots).acquire_owned().await.ok();
                (slot, listener.accept().await)
            };
            tokio::select! {
                biased;
                () = &mut stop => return open,
                (slot, accepted) = next => match accepted {
                    Ok((stream, _)) => self.serve(stream, slot, routes.clone(), &open),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        }
    }

    fn serve(self, stream: TcpStream, slot: Option<OwnedSemaphorePermit>, routes: Router, open: &GracefulShutdown) {
        // Without it the second part of an answer waits for a delayed acknowledgement of the first.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot send without delay");
        }
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.write_timeout));
        let service = TowerToHyperService::new(routes);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.idle_timeout)
            .max_header_size(MAX_HEAD)
            .max_headers(MAX_HEADERS)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        let connection = open.watch(connection);
        metrics::connections(1);
        tokio::spawn(async move {
            let _slot = slot;
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
            metrics::connections(-1);
        });
    }
}
