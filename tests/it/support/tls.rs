//! PagerDuty as in production: TLS and HTTP/2 in front of the embedded account.
//!
//! [`Https`] forwards everything and is sufficient for most tests. [`Http2`] is controlled by a test: a function
//! decides the fate of each request on each connection.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use h2::Reason;
use h2::server::SendResponse;
use http::{Request, Response};
use hyper::body::Bytes;
use jiff::{Timestamp, ToSpan};
use pagerduty_mcp_server::config::{Config, Host};
use pagerduty_mcp_server::sandbox::Sandbox;
use pagerduty_mcp_server::serve::tls::{Authority, front};
use pagerduty_mcp_server::tools::Toolbox;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::toolbox;

/// The names under which a client reaches this machine.
pub const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// A server on a port of this machine, with the authority of its certificate.
pub struct Endpoint {
    pub url: String,
    authority: NamedTempFile,
    serving: AbortHandle,
}

impl Endpoint {
    async fn start<S>(authority: &Authority, serve: impl FnOnce(TcpListener) -> S) -> Self
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), authority.pem()).unwrap();
        Self { url, authority: file, serving: tokio::spawn(serve(listener)).abort_handle() }
    }

    /// Returns the path for `SSL_CERT_FILE`.
    pub fn authority(&self) -> &Path {
        self.authority.path()
    }

    /// Returns the tools on the account behind the server.
    pub fn toolbox(&self, sandbox: &Sandbox, token: &str, adjust: impl FnOnce(&mut Config)) -> Arc<Toolbox> {
        toolbox(sandbox, token, |config| {
            config.host = Host::parse(&self.url).unwrap();
            config.trust.file = Some(self.authority().to_owned());
            adjust(config);
        })
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn address_of(sandbox: &Sandbox) -> SocketAddr {
    sandbox.url().trim_start_matches("http://").parse().unwrap()
}

/// Returns an account behind TLS, with a certificate that is valid for a year.
pub async fn https(sandbox: &Sandbox) -> Endpoint {
    let authority = Authority::new().unwrap();
    https_as(sandbox, &authority, &authority, &NAMES, Timestamp::now() + (365 * 24).hours()).await
}

/// Returns the same with a certificate from one authority for a client that trusts another one.
pub async fn https_as(
    sandbox: &Sandbox,
    by: &Authority,
    trusted: &Authority,
    names: &[&str],
    until: Timestamp,
) -> Endpoint {
    let (acceptor, to) = (by.acceptor(names, until).unwrap(), address_of(sandbox));
    Endpoint::start(trusted, |listener| front(listener, acceptor, to)).await
}

/// The fate of a request.
#[derive(Clone, Debug)]
pub enum Fate {
    /// The request is answered.
    Answered,
    /// The request is answered once the notification comes.
    Held(Arc<Notify>),
    /// The connection goes silent: nothing more is read or written, and it stays open.
    Silence,
    /// The request is never answered, while the connection stays alive and answers pings.
    Ignored,
    /// The stream is reset without an effect.
    Reset(Reason),
    /// The request takes effect, and its stream is reset instead of answered.
    Lost(Reason),
    /// The request takes effect, and the answer breaks off in the middle of its body.
    Half,
    /// The request takes effect, and the answer stalls in the middle of its body, while the connection stays alive and
    /// answers pings.
    Stalled,
    /// The request takes effect. Then the connection is shut down in order, with this stream as the last one, and
    /// closed without an answer.
    LostWithConnection,
}

/// A function that decides the fate of a request by the number of its connection, its position on it (both from 0), and
/// the request itself.
type Fates = Arc<dyn Fn(usize, usize, &Request<()>) -> Fate + Send + Sync>;

/// An account behind HTTP/2 that a test controls.
pub struct Http2 {
    pub endpoint: Endpoint,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    opened: AtomicUsize,
    /// For each connection, whether its TLS session was resumed.
    resumed: Mutex<Vec<bool>>,
    silent: Notify,
    closed: Notify,
}

impl Http2 {
    pub async fn start(
        sandbox: &Sandbox,
        fates: impl Fn(usize, usize, &Request<()>) -> Fate + Send + Sync + 'static,
    ) -> Self {
        let fates: Fates = Arc::new(fates);
        Self::conversing(sandbox, move |connection| converse(connection, Arc::clone(&fates))).await
    }

    /// Starts a server whose first connection refuses every request: it is shutting down, and answers no stream. Later
    /// connections answer.
    pub async fn going_away(sandbox: &Sandbox) -> Self {
        Self::conversing(sandbox, |connection| async {
            match connection.number {
                0 => go_away(connection.stream).await,
                _ => converse(connection, Arc::new(|_, _, _| Fate::Answered)).await,
            }
        })
        .await
    }

    async fn conversing<C>(sandbox: &Sandbox, converse: impl Fn(Connection) -> C + Send + Sync + 'static) -> Self
    where
        C: Future<Output = io::Result<()>> + Send + 'static,
    {
        let authority = Authority::new().unwrap();
        let acceptor = authority.acceptor(&NAMES, Timestamp::now() + 48.hours()).unwrap();
        let (log, to) = (Arc::<Log>::default(), address_of(sandbox));
        let (kept, converse) = (Arc::clone(&log), Arc::new(converse));
        let serve = |listener: TcpListener| async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let number = log.opened.fetch_add(1, Ordering::Relaxed);
                let (acceptor, log, converse) = (acceptor.clone(), Arc::clone(&log), Arc::clone(&converse));
                connections.spawn(async move {
                    let (stream, line) = handshake(&acceptor, stream, &log).await?;
                    converse(Connection { stream, line, number, to, log }).await
                });
            }
        };
        Self { endpoint: Endpoint::start(&authority, serve).await, log: kept }
    }

    /// Returns how many connections have been opened.
    pub fn connections(&self) -> usize {
        self.log.opened.load(Ordering::Relaxed)
    }

    /// Returns for each connection whether its TLS session was resumed.
    pub fn resumed(&self) -> Vec<bool> {
        self.log.resumed.lock().unwrap().clone()
    }

    /// Waits for a connection to go silent.
    pub async fn silent(&self) {
        self.log.silent.notified().await;
    }

    /// Waits for the client to give up a silent connection.
    pub async fn given_up(&self) {
        self.log.closed.notified().await;
    }
}

/// A connection of a client.
struct Connection {
    stream: TlsStream<TcpStream>,
    /// The same connection below TLS.
    line: TcpStream,
    number: usize,
    to: SocketAddr,
    log: Arc<Log>,
}

async fn handshake(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    log: &Log,
) -> io::Result<(TlsStream<TcpStream>, TcpStream)> {
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let line = TcpStream::from_std(stream.try_clone()?)?;
    let stream = TcpStream::from_std(stream)?;
    let stream = acceptor.accept(stream).await?;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "the client would not speak HTTP/2");
    let resumed = stream.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
    log.resumed.lock().unwrap().push(resumed);
    Ok((stream, line))
}

async fn converse(connection: Connection, fates: Fates) -> io::Result<()> {
    let Connection { stream, line, number, to, log } = connection;
    let mut connection = h2::server::handshake(stream).await.map_err(io::Error::other)?;
    let (mut answering, mut kept, mut place) = (JoinSet::new(), Vec::new(), 0);
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The client trusts no certificate, and so reads none.
    let plain = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().map_err(io::Error::other)?;
    while let Some(accepted) = connection.accept().await {
        let (request, mut respond) = accepted.map_err(io::Error::other)?;
        let (head, body) = request.into_parts();
        let request = Request::from_parts(head, ());
        let fate = fates(number, place, &request);
        place += 1;
        match fate {
            Fate::Silence => {
                log.silent.notify_one();
                return fall_silent(line, &log).await;
            }
            Fate::Ignored => kept.push((respond, body)),
            Fate::Reset(reason) => respond.send_reset(reason),
            Fate::LostWithConnection => {
                let mut taking_effect = std::pin::pin!(answer(request, body, respond, to, fate, plain.clone()));
                loop {
                    tokio::select! {
                        () = &mut taking_effect => break,
                        // Polled to drive the connection.
                        _ = connection.accept() => {}
                    }
                }
                connection.abrupt_shutdown(Reason::NO_ERROR);
            }
            fate => {
                answering.spawn(answer(request, body, respond, to, fate, plain.clone()));
            }
        }
    }
    Ok(())
}

/// Reads without answering, until the client gives the connection up.
async fn fall_silent(mut line: TcpStream, log: &Log) -> io::Result<()> {
    let taken = tokio::io::copy(&mut line, &mut tokio::io::sink()).await;
    log.closed.notify_one();
    taken.map(drop)
}

async fn answer(
    request: Request<()>,
    mut body: h2::RecvStream,
    mut respond: SendResponse<Bytes>,
    to: SocketAddr,
    fate: Fate,
    plain: reqwest::Client,
) {
    let mut bytes = Vec::new();
    while let Some(Ok(chunk)) = body.data().await {
        let _ = body.flow_control().release_capacity(chunk.len());
        bytes.extend_from_slice(&chunk);
    }
    if let Fate::Held(release) = &fate {
        release.notified().await;
    }
    let url = format!("http://{to}{}", request.uri().path_and_query().unwrap());
    let asked = plain.request(request.method().clone(), url);
    let answer = asked.headers(request.headers().clone()).body(bytes).send().await.unwrap();
    let mut head = Response::new(());
    (*head.status_mut(), *head.headers_mut()) = (answer.status(), answer.headers().clone());
    for hop in ["connection", "transfer-encoding"] {
        head.headers_mut().remove(hop);
    }
    let bytes = answer.bytes().await.unwrap();
    match fate {
        Fate::Lost(reason) => respond.send_reset(reason),
        Fate::LostWithConnection => {}
        Fate::Half => {
            let Ok(mut sending) = respond.send_response(head, false) else { return };
            let _ = sending.send_data(bytes.slice(..bytes.len() / 2), false);
            sending.send_reset(Reason::INTERNAL_ERROR);
        }
        Fate::Stalled => {
            let Ok(mut sending) = respond.send_response(head, false) else { return };
            let _ = sending.send_data(bytes.slice(..bytes.len() / 2), false);
            std::future::pending::<()>().await;
        }
        _ => {
            let Ok(mut sending) = respond.send_response(head, false) else { return };
            let _ = sending.send_data(bytes, true);
        }
    }
}

/// Implements just enough HTTP/2 to refuse the first request.
async fn go_away(mut stream: TlsStream<TcpStream>) -> io::Result<()> {
    const PREFACE: usize = 24;
    const HEADERS: u8 = 1;
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    /// The frame says that there was no error, and that no stream was processed.
    const GOAWAY: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    stream.write_all(&SETTINGS).await?;
    stream.read_exact(&mut [0; PREFACE]).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [_, high, low, kind, ..] = head;
        stream.read_exact(&mut vec![0; usize::from(high) << 8 | usize::from(low)]).await?;
        if kind == HEADERS {
            break;
        }
    }
    stream.write_all(&GOAWAY).await?;
    stream.shutdown().await
}
