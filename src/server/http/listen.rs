//! Connections: accepting them, their limits, their end.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt;
use futures_util::future::{Abortable, Aborted};
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_io_timeout::TimeoutStream;

use super::connections::Connections;

/// How many connections are open at a time beyond the requests that are served. Each may hold a file descriptor, what was
/// read ahead of a request, its body, and an answer that nobody takes.
const SPARE: usize = 1024;

/// The largest head: request line and headers. Answered 431 beyond.
const MAX_HEAD: usize = 32 * 1024;

/// How much of what a client sends is read ahead.
const MAX_BUFFER: usize = 64 * 1024;

/// The most headers in it.
const MAX_HEADERS: usize = 100;

/// How much of what is sent, and of what comes in, the system holds for each connection. By default it takes megabytes from
/// a client that does not read or is not read.
const SYSTEM_BUFFER: u32 = 64 * 1024;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// How long connections on which nothing was asked yet are kept when the server is told to stop: a request may be on its
/// way, and its client would not know whether it was served.
pub const GRACE: Duration = Duration::from_secs(2);

/// How long to wait after the system refused a connection, and there is none to be closed: asking again at once would only
/// keep a core busy.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listens on an address. What is set on the listener holds for what it accepts.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that is started again gets its port at once. On Windows it would share it with whoever has it.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SYSTEM_BUFFER)?;
    socket.set_recv_buffer_size(SYSTEM_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

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
    /// on which nothing was ever asked get [`GRACE`] to do so, and then all are closed when their requests are answered.
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
        // Clients of those that wait to be accepted have long sent their requests.
        while let Some(Ok((stream, _))) = listener.accept().now_or_never() {
            self.serve(stream, &all, routes.clone(), &graceful);
        }
        drop(listener);
        async move {
            // Only then: hyper closes at once whatever it has read nothing of.
            if tokio::time::timeout(GRACE, all.asked()).await.is_err() {
                all.close_unasked();
            }
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
        let service = service_fn(move |mut request: Request<Incoming>| {
            let begun = connection.touch().then(|| {
                request.extensions_mut().insert(Arc::clone(&connection));
                routes.call(request)
            });
            let connection = Arc::clone(&connection);
            async move {
                let Ok(answer) = begun.ok_or("it has been told to close")?.await;
                let progress = move |frame| {
                    connection.touch();
                    frame
                };
                Ok::<_, &str>(answer.map(|body| body.map_frame(progress)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_system_holds_little_for_each_connection() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let accepted = TcpSocket::from_std_stream(accepted.into_std().unwrap());
        // Linux counts its own bookkeeping, and sets twice as much.
        assert!(accepted.send_buffer_size().unwrap() <= 2 * SYSTEM_BUFFER);
        assert!(accepted.recv_buffer_size().unwrap() <= 2 * SYSTEM_BUFFER);
    }
}
