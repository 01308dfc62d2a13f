//! Tests of progress notifications: which clients get them, when, and that none follows the answer.

use std::sync::Arc;
use std::time::Duration;

use pagerduty_mcp_server::config::Host;
use pagerduty_mcp_server::sandbox::tokens;
use pagerduty_mcp_server::tools::{Filter, Toolbox};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::session::Session;
use crate::support;

/// A stand-in for PagerDuty that answers on demand.
struct Slow(TcpListener);

impl Slow {
    async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        (Self(listener), url)
    }

    /// Waits for the next request and reads it.
    async fn request(&self) -> TcpStream {
        let (mut connection, _) = self.0.accept().await.unwrap();
        assert_ne!(connection.read(&mut [0; 4096]).await.unwrap(), 0, "a request has arrived");
        connection
    }
}

async fn answer(mut connection: TcpStream) {
    let body = json!({"teams": [], "more": false}).to_string();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    connection.write_all((head + &body).as_bytes()).await.unwrap();
}

/// Returns tools that wait for an answer of the PagerDuty at `url` longer than any test takes.
fn patient(url: &str) -> Arc<Toolbox> {
    let mut config = support::config(tokens::USER);
    config.host = Host::parse(url).unwrap();
    config.timeout = Duration::from_mins(5);
    config.attempt_timeout = config.timeout;
    Arc::new(Toolbox::new(&config, &Filter::default()).unwrap())
}

/// Makes a call in a session, with or without a token.
async fn call(session: &mut Session, token: Option<Value>) -> i64 {
    let meta = token.map(|token| json!({"progressToken": token}));
    session.ask("tools/call", json!({"name": "get_teams", "_meta": meta})).await
}

#[tokio::test]
async fn progress_is_reported_until_answer() {
    for token in [json!(0), json!("uuid")] {
        let (pagerduty, url) = Slow::start().await;
        let mut session = Session::initialized(patient(&url)).await;
        let id = call(&mut session, Some(token.clone())).await;
        let connection = pagerduty.request().await;
        let mut reported = 0.0;
        tokio::time::pause();
        for _ in 0..3 {
            let note = session.receive().await;
            assert_eq!((&note["method"], note.get("id")), (&json!("notifications/progress"), None), "{note}");
            assert_eq!(note["params"]["progressToken"], token, "{note}");
            let progress = note["params"]["progress"].as_f64().unwrap();
            assert!(progress > reported, "{note}");
            reported = progress;
        }
        tokio::time::resume();
        answer(connection).await;
        let mut last = session.receive().await;
        while last["method"] == "notifications/progress" {
            last = session.receive().await;
        }
        assert_eq!((&last["id"], &last["result"]["isError"]), (&json!(id), &json!(false)), "{last}");
        assert_eq!(session.finish().await, Vec::<Value>::new(), "nothing comes after the answer");
    }
}

#[tokio::test]
async fn progress_call_ends_soon_after_input() {
    let (pagerduty, url) = Slow::start().await;
    let mut session = Session::initialized(patient(&url)).await;
    let id = call(&mut session, Some(json!(1))).await;
    let _connection = pagerduty.request().await;
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let rest = session.finish().await;
    assert_eq!(began.elapsed().as_secs(), 10, "{rest:?}");
    let (last, reports) = rest.split_last().unwrap();
    assert_eq!((&last["id"], last["error"]["message"].is_string()), (&json!(id), true), "{last}");
    assert!(!reports.is_empty() && reports.iter().all(|note| note["method"] == "notifications/progress"), "{rest:?}");
}

#[tokio::test]
async fn progress_needs_a_token() {
    let (pagerduty, url) = Slow::start().await;
    let mut session = Session::initialized(patient(&url)).await;
    let id = call(&mut session, None).await;
    let connection = pagerduty.request().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(12)).await;
    tokio::time::resume();
    answer(connection).await;
    assert_eq!(session.receive().await["id"], id);
}

#[tokio::test]
async fn progress_stops_after_cancellation() {
    let (pagerduty, url) = Slow::start().await;
    let mut session = Session::initialized(patient(&url)).await;
    let id = call(&mut session, Some(json!(1))).await;
    let _connection = pagerduty.request().await;
    session.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}})).await;
    assert_eq!(session.request("ping", json!({})).await["result"], json!({}));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(12)).await;
    assert_eq!(session.finish().await, Vec::<Value>::new());
}
