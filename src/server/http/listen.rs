//! Accepts connections, limits them and closes them.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Abortable, Aborted};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_io_timeout::TimeoutStream;

use super::body::Holding;
use super::connections::Connections;
use super::{AppState, guard};

/// The most open connections beyond the concurrent requests. Each may hold a file descriptor, read-ahead data, the body of
/// a request, and an unread answer.
const SPARE: usize = 1024;

/// The largest head of a request: request line and headers. A larger one is answered 431, and one with more than 100
/// headers, which is hyper's own limit: if it were set, each request would take another allocation for them.
const MAX_HEAD: usize = 32 * 1024;

/// The most bytes that are read ahead from a connection.
const MAX_BUFFER: usize = 64 * 1024;

/// The size of the system's buffers for each direction of a connection. By default the system buffers megabytes for a client
/// that does not read.
const SYSTEM_BUFFER: u32 = 64 * 1024;

/// The most connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// The time for which connections without a request stay open when the server shuts down: a request may be in transit, and
/// its client could not tell whether it was served.
pub const GRACE: Duration = Duration::from_secs(2);

/// The wait after the system failed to accept a connection and no idle one can be closed: trying again at once would only
/// keep a core busy.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listens on an address. Options of the listener apply to the connections that it accepts.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restarted server gets its port at once. On Windows it would share the port with another process.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SYSTEM_BUFFER)?;
    socket.set_recv_buffer_size(SYSTEM_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The limits of connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// The most concurrent requests.
    pub max_calls: usize,
    /// The most time without the complete head of a request.
    pub idle_timeout: Duration,
    /// The most time in which a client reads nothing of an answer.
    pub read_timeout: Duration,
}

impl ConnectionLimits {
    /// Accepts connections until `stop` is ready.
    ///
    /// The returned future is ready when all connections are closed. New ones get [`GRACE`] to send their first request,
    /// and each connection is closed when its requests are answered.
    pub async fn accept(
        self,
        listener: TcpListener,
        state: &Arc<AppState>,
        stop: impl Future<Output = ()>,
    ) -> impl Future<Output = ()> {
        let graceful = GracefulShutdown::new();
        let all = Arc::new(Connections::new(self.max_calls.saturating_add(SPARE)));
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => self.serve(stream, &all, state, &graceful),
                    Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                    Err(error) => {
                        tracing::warn!(%error, "connection not accepted");
                        // The system lacks resources, usually file descriptors: an idle connection is the cheapest to close.
                        if all.close_longest_idle() {
                            tokio::task::yield_now().await;
                        } else {
                            tokio::time::sleep(ACCEPT_PAUSE).await;
                        }
                    }
                }
            }
        }
        // Clients of connections that wait to be accepted have already sent their requests.
        while let Some(Ok((stream, _))) = listener.accept().now_or_never() {
            self.serve(stream, &all, state, &graceful);
        }
        drop(listener);
        async move {
            // Shut down only after this wait: hyper then closes connections that have sent nothing.
            if tokio::time::timeout(GRACE, all.all_used()).await.is_err() {
                all.close_unused();
            }
            graceful.shutdown().await;
        }
    }

    fn serve(self, stream: TcpStream, all: &Arc<Connections>, state: &Arc<AppState>, graceful: &GracefulShutdown) {
        let Some((connection, closed)) = all.open() else {
            tracing::warn!("a connection was closed: the server is at its limit, and all connections are busy");
            return;
        };
        // Without TCP_NODELAY, the second part of an answer waits for a delayed acknowledgement of the first.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.read_timeout));
        let state = Arc::clone(state);
        let service = service_fn(move |request: Request<Incoming>| {
            let (state, connection) = (Arc::clone(&state), Arc::clone(&connection));
            async move {
                if !connection.touch() {
                    return Err("the connection was evicted");
                }
                let answer = guard::check(&state, request, &connection).await;
                Ok(Holding::answer(answer, connection))
            }
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.idle_timeout)
            .max_header_size(MAX_HEAD)
            .max_buf_size(MAX_BUFFER)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        let serving = Abortable::new(graceful.watch(serving), closed);
        tokio::spawn(async move {
            match serving.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "connection failed"),
                Err(Aborted) => tracing::debug!("idle connection evicted"),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn accepted_connection_has_small_system_buffers() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let accepted = TcpSocket::from_std_stream(accepted.into_std().unwrap());
        // Linux counts its own bookkeeping, and sets twice as much.
        assert!(accepted.send_buffer_size().unwrap() <= 2 * SYSTEM_BUFFER);
        assert!(accepted.recv_buffer_size().unwrap() <= 2 * SYSTEM_BUFFER);
    }
}
