//! The HTTP server to which PagerDuty redirects the browser.
//!
//! It listens on loopback only, as long as one login lasts, and passes the first answer with the right `state` to it. A
//! request with another `state` is rejected without an effect on the login: any page in the browser can send one.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::routing::get;
use oauth2::CsrfToken;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::page::Page;
use crate::config::CALLBACK_PORT;
use crate::error::{Code, Error, Result};
use crate::serve::serve;
use crate::sync::lock;

/// The time that the last page may take to reach the browser.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// The answer in the browser's request.
#[derive(Debug)]
pub enum Answer {
    /// A code to redeem.
    Code(SecretString),
    /// The user did not consent.
    Denied,
    /// PagerDuty's code for another error.
    Error(String),
}

/// An answer, and the channel for the page to show.
pub type Arrival = (Answer, oneshot::Sender<Page>);

/// The server, while it runs.
pub struct Callback {
    pub port: u16,
    pub arrival: oneshot::Receiver<Arrival>,
    /// Dropping it stops the server.
    alive: watch::Sender<()>,
    servers: Vec<JoinHandle<()>>,
}

/// The login that waits for its answer: the state of the handler.
struct PendingLogin {
    state: CsrfToken,
    waiting: Mutex<Option<oneshot::Sender<Arrival>>>,
}

impl Callback {
    /// Starts listening on `port` for the answer to the login with this `state`.
    pub async fn listen(port: u16, state: CsrfToken) -> Result<Self> {
        let listeners = bind(port).await.map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => {
                Error::new(Code::CallbackPortInUse, format!("port {port}, which the login's callback needs, is in use"))
                    .hint(format!(
                        "Finish the other login, end the program that uses the port, or set {CALLBACK_PORT} to a port \
                         registered in the app's redirect URLs."
                    ))
            }
            _ => Error::new(Code::LoginFailed, format!("the login's callback cannot listen on port {port}: {error}"))
                .hint("Check that this process may open sockets on 127.0.0.1, or set PAGERDUTY_API_TOKEN instead."),
        })?;
        let port = listeners.first().and_then(|listener| listener.local_addr().ok()).map_or(port, |at| at.port());
        let (sender, arrival) = oneshot::channel();
        let (alive, stopped) = watch::channel(());
        let login = Arc::new(PendingLogin { state, waiting: Mutex::new(Some(sender)) });
        let routes = Router::new()
            // A request that only prefetches, such as that of a link scanner, must not use up the answer.
            .route("/oauth/pagerduty", get(answer).head(async || Page::Unknown))
            .fallback(async || Page::Unknown)
            .method_not_allowed_fallback(async || Page::Unknown)
            .with_state(login);
        let open = |listener| {
            let (routes, mut stopped) = (routes.clone(), stopped.clone());
            let end = async move { _ = stopped.changed().await };
            tokio::spawn(serve(listener, routes, |stream| (stream, ()), end))
        };
        let servers = listeners.into_iter().map(open).collect();
        Ok(Self { port, arrival, alive, servers })
    }

    /// Ends the server after the pages in progress have been delivered.
    pub async fn close(self) {
        // A later request gets a page that says so, instead of waiting.
        drop(self.arrival);
        drop(self.alive);
        let ended = async {
            for server in self.servers {
                let _ = server.await;
            }
        };
        let _ = tokio::time::timeout(CLOSE_GRACE, ended).await;
    }
}

/// Binds both addresses that `localhost` may mean to a browser.
///
/// A machine may lack the second one. But if another program has the port there, the browser might reach that program.
async fn bind(port: u16) -> io::Result<Vec<TcpListener>> {
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let same = first.local_addr()?.port();
    match TcpListener::bind((Ipv6Addr::LOCALHOST, same)).await {
        Ok(second) => Ok(vec![first, second]),
        Err(error) if error.kind() == ErrorKind::AddrInUse && port != 0 => Err(error),
        Err(_) => Ok(vec![first]),
    }
}

async fn answer(State(login): State<Arc<PendingLogin>>, RawQuery(query): RawQuery) -> Page {
    let query = query.unwrap_or_default();
    let value = |wanted: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
    };
    // `CsrfToken` compares in constant time.
    if value("state").map(CsrfToken::new).as_ref() != Some(&login.state) {
        return Page::Foreign;
    }
    let answer = match (value("error"), value("code").filter(|code| !code.is_empty())) {
        (Some(error), _) if error == "access_denied" => Answer::Denied,
        (Some(error), _) => Answer::Error(word(&error)),
        (None, Some(code)) => Answer::Code(code.into()),
        (None, None) => return Page::Foreign,
    };
    let waiting = lock(&login.waiting).take();
    let Some(waiting) = waiting else { return Page::Spent };
    let (reply, page) = oneshot::channel();
    if waiting.send((answer, reply)).is_err() {
        return Page::Abandoned;
    }
    page.await.unwrap_or(Page::Abandoned)
}

/// Returns an error code in the form that OAuth defines, without other characters.
fn word(error: &str) -> String {
    error.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    async fn visit(port: u16, query: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let request = format!("GET /oauth/pagerduty?{query} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).await.unwrap();
        page
    }

    #[tokio::test]
    async fn second_tab_shows_that_the_first_has_answered() {
        let mut callback = Callback::listen(0, CsrfToken::new("s".to_owned())).await.unwrap();
        let port = callback.port;
        let first = tokio::spawn(visit(port, "state=s&code=c"));
        let (answer, reply) = (&mut callback.arrival).await.unwrap();
        assert!(matches!(answer, Answer::Code(_)));
        assert!(visit(port, "state=s&code=c").await.starts_with("HTTP/1.1 409"), "while the first is being redeemed");
        reply.send(Page::Done).unwrap();
        callback.close().await;
        assert!(first.await.unwrap().contains("You are logged in"), "delivered before the end");
        assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err(), "nothing listens any more");
    }

    #[tokio::test]
    async fn denied_login_shows_its_page() {
        let mut callback = Callback::listen(0, CsrfToken::new("s".to_owned())).await.unwrap();
        let visitor = tokio::spawn(visit(callback.port, "state=s&error=access_denied"));
        let (answer, reply) = (&mut callback.arrival).await.unwrap();
        assert!(matches!(answer, Answer::Denied));
        drop(reply);
        assert!(visitor.await.unwrap().starts_with("HTTP/1.1 410"));
    }

    #[tokio::test]
    async fn callback_listens_on_loopback_only() {
        for listener in bind(0).await.unwrap() {
            assert!(listener.local_addr().unwrap().ip().is_loopback());
        }
    }

    #[tokio::test]
    async fn port_in_use_on_either_address_is_reported() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            // A machine may lack the second one.
            let Ok(taken) = TcpListener::bind(address).await else { continue };
            let port = taken.local_addr().unwrap().port();
            let error = Callback::listen(port, CsrfToken::new("s".to_owned())).await.err().unwrap();
            assert_eq!(error.code(), Code::CallbackPortInUse, "{address}");
        }
    }

    #[tokio::test]
    async fn prefetch_does_not_use_up_the_answer() {
        let mut callback = Callback::listen(0, CsrfToken::new("s".to_owned())).await.unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", callback.port)).await.unwrap();
        stream.write_all(b"HEAD /oauth/pagerduty?state=s&code=c HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut head = String::new();
        stream.read_to_string(&mut head).await.unwrap();
        assert!(head.starts_with("HTTP/1.1 404"), "{head}");
        assert!(callback.arrival.try_recv().is_err());
    }

    #[test]
    fn answer_is_never_printed_with_its_code() {
        assert!(!format!("{:?}", Answer::Code("verysecret".into())).contains("verysecret"));
    }
}
