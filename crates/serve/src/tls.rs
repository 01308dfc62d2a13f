//! Serves HTTPS in front of a plain HTTP server on this machine.
//!
//! PagerDuty is reached over TLS and HTTP/2, while the embedded account speaks plain HTTP/1.1. [`front`] bridges them:
//! it terminates TLS with a certificate of a throw-away [`Authority`] and forwards every request. A client has to be
//! configured to trust that authority; nothing in the product trusts it by default.
//!
//! ```text
//! let authority = Authority::new()?;                                  // authority.pem() is for SSL_CERT_FILE
//! let acceptor = authority.acceptor(&["localhost", "127.0.0.1"], in_a_year)?;
//! tokio::spawn(front(listener, acceptor, plain_server));              // aborting the task closes every connection
//! ```

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::LOG;

/// A certificate authority that lives as long as this value. Its key never leaves the process.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// Makes an authority with a new key.
    pub fn new() -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "pagerduty-mcp-server sandbox CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let pem = params.self_signed(&key).map_err(io::Error::other)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// Returns the authority's certificate in PEM, for the file in a client's `SSL_CERT_FILE`.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Returns the server's TLS configuration, with a certificate for `names` (DNS names and IP addresses) that is
    /// valid until the day of `until`. Offers HTTP/2 and HTTP/1.1.
    pub fn acceptor(&self, names: &[&str], until: Timestamp) -> io::Result<TlsAcceptor> {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, "pagerduty-mcp-server sandbox");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let until = until.to_zoned(TimeZone::UTC).date();
        let [month, day] = [until.month(), until.day()].map(i8::unsigned_abs);
        params.not_after = date_time_ymd(until.year().into(), month, day);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// Accepts TLS connections and forwards their requests to the plain HTTP server at `to`. When the future is dropped,
/// every connection is closed. If an answer breaks off at that server, it breaks off here too: over HTTP/2 its stream
/// is reset, over HTTP/1.1 the connection is closed.
pub async fn front(listener: TcpListener, acceptor: TlsAcceptor, to: SocketAddr) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, acceptor.clone(), to));
                }
                Err(error) => super::after_refusal(&error).await,
            },
            // Connections that have ended are removed.
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection until it ends.
async fn serve_connection(stream: TcpStream, acceptor: TlsAcceptor, to: SocketAddr) {
    super::send_without_delay(&stream);
    let stream = match acceptor.accept(stream).await {
        Ok(stream) => stream,
        Err(error) => return tracing::debug!(target: LOG, %error, "a TLS handshake failed"),
    };
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let (stream, service) = (TokioIo::new(stream), service_fn(move |request| forward(request, to)));
    let served = if is_http2 {
        hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await
    } else {
        hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await
    };
    if let Err(error) = served {
        tracing::debug!(target: LOG, %error, "a TLS connection broke");
    }
}

/// Forwards a request to the plain server, on a new connection for each request.
async fn forward(mut request: Request<Incoming>, to: SocketAddr) -> io::Result<Response<Incoming>> {
    let uri = request.uri();
    // HTTP/2 has the host in the URI, HTTP/1.1 in a header.
    let host = uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    let path = uri.path_and_query().cloned().map_or_else(Uri::default, Uri::from);
    *request.uri_mut() = path;
    *request.version_mut() = hyper::Version::HTTP_11;
    if let Some(host) = host {
        request.headers_mut().insert(HOST, host);
    }
    let stream = TcpStream::connect(to).await?;
    super::send_without_delay(&stream);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(io::Error::other)
}
