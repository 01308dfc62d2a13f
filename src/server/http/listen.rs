//! Connections: accepting them, their limits, their end.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::{Abortable, Aborted};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Method, Request};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;

use super::connections::Connections;
use super::holding::Holding;

/// How many connections are open at a time beyond the requests that are served. Each may hold a head of a request, and a
/// file descriptor.
const SPARE: usize = 1024;

/// The largest head: request line and headers. Answered 431 beyond.
const MAX_HEAD: usize = 32 * 1024;

/// How much of what a client sends is read ahead.
const MAX_BUFFER: usize = 64 * 1024;

/// The most headers in it.
const MAX_HEADERS: usize = 100;

/// How long to wait after the system refused a connection, and there is none to be closed: asking again at once would only
/// keep a core busy.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How many requests are served at a time.
    pub busy: usize,
    /// Without a whole head of a request.
    pub idle_timeout: Duration,
    /// Without a byte of an answer taken.
    pub write_timeout: Duration,
}

impl Terms {
    /// Accepts connections until `stop` is done. What is returned is done when those are closed that are open then: those
    /// without a request at once, the others when theirs are answered.
    pub async fn accept(
        self,
        listener: TcpListener,
        routes: Router,
        stop: impl Future<Output = ()>,
    ) -> impl Future<Output = ()> {
        let graceful = GracefulShutdown::new();
        let all = Arc::new(Connections::new(self.busy.saturating_add(SPARE)));
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => self.serve(stream, &all, routes.clone(), &graceful),
                    Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        // The system is out of something, descriptors above all: a newcomer has more use for one.
                        if all.close_longest_idle() {
                            tokio::task::yield_now().await;
                        } else {
                            tokio::time::sleep(ACCEPT_PAUSE).await;
                        }
                    }
                }
            }
        }
        async move {
            all.close_unasked();
            graceful.shutdown().await;
        }
    }

    fn serve(self, stream: TcpStream, all: &Arc<Connections>, routes: Router, graceful: &GracefulShutdown) {
        let Some((connection, closed)) = all.open() else {
            tracing::warn!("a connection was closed: all that there may be are busy");
            return;
        };
        // Without it the second part of an answer waits for a delayed acknowledgement of the first.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot send without delay");
        }
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.write_timeout));
        let routes = TowerToHyperService::new(routes);
        let service = service_fn(move |request: Request<Incoming>| {
            // A stream of events has no end. Its client expects to come back when it breaks off.
            let endless = request.method() == Method::GET;
            let begun = connection.begin().map(|busy| (busy, routes.call(request)));
            async move {
                let (busy, answer) = begun.ok_or("it has been told to close")?;
                let Ok(answer) = answer.await;
                Ok::<_, &str>(answer.map(|body| Holding::new(body, (!endless).then_some(busy))))
            }
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.idle_timeout)
            .max_header_size(MAX_HEAD)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_BUFFER)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        let serving = Abortable::new(graceful.watch(serving), closed);
        tokio::spawn(async move {
            match serving.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "a connection broke"),
                Err(Aborted) => tracing::debug!("an idle connection was closed"),
            }
        });
    }
}
