//! Tests of HTTP requests before they are parsed as messages (paths, methods, media types), and of the form of answers.

use std::sync::Arc;
use std::time::Duration;

use pagerduty_mcp_server::sandbox::{Options, Sandbox};
use pagerduty_mcp_server::server::http::{Http, HttpOptions};
use pagerduty_mcp_server::tools::{Filter, Toolbox};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::session::{initialize, stateless, toolbox, unconnected};

/// A server on a port of this machine.
pub struct Web {
    address: String,
    serving: JoinHandle<bool>,
}

impl Drop for Web {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The answer to a request.
pub struct Answer {
    pub status: u16,
    head: String,
    body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let line = |line: &&str| line.to_ascii_lowercase().starts_with(&format!("{name}:"));
        self.head.lines().find(line).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }

    /// Returns the body, which must be JSON and have its media type.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{} {}", self.head, self.body);
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Returns the messages of a stream of events.
    fn events(&self) -> Vec<Value> {
        let data = self.body.lines().filter_map(|line| line.strip_prefix("data:"));
        data.filter_map(|data| serde_json::from_str(data.trim()).ok()).collect()
    }
}

impl Web {
    pub async fn start(toolbox: Arc<Toolbox>, sessions: bool) -> Self {
        let minute = Duration::from_mins(1);
        let http = Http::bind(HttpOptions {
            port: 0,
            sessions,
            max_calls: 8,
            max_calls_per_credential: 8,
            read_timeout: minute,
            ..HttpOptions::default()
        });
        let http = http.await.unwrap();
        let greeting = http.describe();
        let address = greeting.split(['/', ' ']).find(|part| part.starts_with("127.0.0.1:")).unwrap().to_owned();
        let serving = tokio::spawn(http.serve(toolbox, std::future::pending()));
        Self { address, serving }
    }

    /// Sends a request, and returns the connection.
    pub async fn begin(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
        let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        let mut connection = TcpStream::connect(&self.address).await.unwrap();
        connection.write_all((head + body).as_bytes()).await.unwrap();
        connection
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        finish(self.begin(method, path, headers, body).await).await
    }
}

/// Returns the whole answer on a connection, without the sizes of its chunks.
async fn finish(mut connection: TcpStream) -> Answer {
    let mut text = String::new();
    connection.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

pub const JSON: (&str, &str) = ("Content-Type", "application/json");
const BOTH: (&str, &str) = ("Accept", "application/json, text/event-stream");

fn list() -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string()
}

#[tokio::test]
async fn http_both_paths_answer_json_clients() {
    let web = Web::start(unconnected(), false).await;
    for path in ["/mcp", "/mcp/"] {
        for accept in [None, Some("*/*"), Some("application/json"), Some("application/*"), Some(BOTH.1)] {
            let headers: Vec<_> = [JSON].into_iter().chain(accept.map(|accept| ("Accept", accept))).collect();
            let answer = web.send("POST", path, &headers, &list()).await;
            assert_eq!(answer.status, 200, "{path} {accept:?}: {}", answer.body);
            assert_eq!(answer.json()["result"]["tools"].as_array().unwrap().len(), 12);
        }
    }
    let answer = web.send("POST", "/mcp/x", &[JSON], &list()).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!(-32600)));
}

#[tokio::test]
async fn http_host_is_checked_on_both_paths() {
    let web = Web::start(unconnected(), false).await;
    for path in ["/mcp", "/mcp/"] {
        let mut connection = TcpStream::connect(&web.address).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: 192.0.2.1\r\nConnection: close\r\n\r\n");
        connection.write_all(head.as_bytes()).await.unwrap();
        let answer = finish(connection).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains("192.0.2.1"));
    }
}

#[tokio::test]
async fn http_refusals_are_json() {
    let web = Web::start(unconnected(), false).await;
    let bad_header = ("MCP-Protocol-Version", "1999-01-01");
    for (method, path, headers, body, status) in [
        ("POST", "/mcp", vec![JSON, ("Accept", "text/html")], list(), 406),
        ("POST", "/mcp", vec![JSON, ("Accept", "application/json;q=0")], list(), 406),
        ("POST", "/mcp", vec![("Content-Type", "text/plain")], list(), 415),
        ("POST", "/mcp", vec![], list(), 415),
        ("POST", "/mcp", vec![JSON, bad_header], list(), 400),
        ("POST", "/mcp", vec![JSON], String::new(), 400),
        ("POST", "/mcp", vec![JSON], "{".to_owned(), 400),
        ("POST", "/mcp", vec![JSON], format!("[{}]", list()), 400),
        ("GET", "/mcp", vec![], String::new(), 405),
        ("GET", "/mcp/", vec![BOTH], String::new(), 405),
        ("DELETE", "/mcp", vec![], String::new(), 405),
        ("PUT", "/mcp", vec![JSON], list(), 405),
        ("POST", "/healthz", vec![], String::new(), 405),
        ("GET", "/nothing", vec![], String::new(), 404),
    ] {
        let answer = web.send(method, path, &headers, &body).await;
        assert_eq!(answer.status, status, "{method} {path} {headers:?}: {}", answer.body);
        let error = &answer.json()["error"];
        assert!(error["code"].is_i64() && !error["message"].as_str().unwrap().is_empty(), "{}", answer.body);
        assert_eq!(answer.header("allow").is_some(), status == 405, "{method} {path}: {}", answer.head);
    }
}

#[tokio::test]
async fn http_invalid_request_id_is_refused() {
    let web = Web::start(unconnected(), false).await;
    for id in ["9223372036854775808", "123456789012345678901234567890", "-9223372036854775809", "1.50"] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        let answer = web.send("POST", "/mcp", &[JSON], &body).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.body.contains(&format!(r#""id":{id},"#)), "{}", answer.body);
        assert!(answer.body.contains(&format!("`id` is {id}: ")), "{}", answer.body);
    }
}

#[tokio::test]
async fn batch_is_refused_with_what_to_send_instead() {
    let web = Web::start(unconnected(), false).await;
    let answer = web.send("POST", "/mcp", &[JSON], &format!("[{},{}]", list(), list())).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!(-32600)));
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("batch") && message.contains("send each message by itself"), "{message}");
    for body in ["[1]", r#"["x"]"#] {
        let answer = web.send("POST", "/mcp", &[JSON], body).await;
        assert!(answer.json()["id"].is_null(), "{}", answer.body);
    }
}

#[tokio::test]
async fn http_wrong_kind_of_params_is_named() {
    let web = Web::start(unconnected(), false).await;
    for (method, params, culprit) in [
        ("tools/call", json!([]), "params"),
        ("tools/call", json!("x"), "params"),
        ("tools/call", json!({"name": "get_teams", "_meta": 7}), "_meta"),
        ("tools/call", json!({"name": 7}), "name"),
        ("tools/list", json!(7), "params"),
        ("ping", json!([1]), "params"),
        ("initialize", json!([]), "params"),
    ] {
        let body = json!({"jsonrpc": "2.0", "id": 5, "method": method, "params": params}).to_string();
        let answer = web.send("POST", "/mcp", &[JSON, BOTH], &body).await;
        assert_eq!(answer.status, 200, "{method} {params}: {}", answer.body);
        let events = answer.events();
        let answer = events.last().cloned().unwrap_or_else(|| answer.json());
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(5), &json!(-32602)), "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(method) && message.contains(culprit), "{method} {params}: {message}");
    }
}

#[tokio::test]
async fn http_unknown_method_has_status_of_revision() {
    let web = Web::start(unconnected(), false).await;
    for (params, version, status) in [(json!({}), "2025-06-18", 200), (stateless(json!({})), "2026-07-28", 404)] {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "prompts/list", "params": params}).to_string();
        let headers = [JSON, ("MCP-Protocol-Version", version), ("Mcp-Method", "prompts/list")];
        let answer = web.send("POST", "/mcp", &headers, &body).await;
        assert_eq!(answer.status, status, "{version}: {}", answer.body);
        let error = answer.json();
        assert_eq!((&error["error"]["code"], &error["id"]), (&json!(-32601), &json!(1)), "{error}");
        assert!(error["error"]["message"].as_str().unwrap().starts_with("prompts/list is not supported: "), "{error}");
    }
}

/// Starts a stand-in for PagerDuty that answers on demand, and returns it with the tools that call it.
async fn slow() -> (TcpListener, Arc<Toolbox>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, toolbox(&url, &Filter::default()))
}

async fn answer_teams(listener: &TcpListener, after: Duration) {
    let (mut connection, _) = listener.accept().await.unwrap();
    assert_ne!(connection.read(&mut [0; 4096]).await.unwrap(), 0, "a request has arrived");
    tokio::time::sleep(after).await;
    let body = json!({"teams": [], "more": false}).to_string();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    connection.write_all((head + &body).as_bytes()).await.unwrap();
}

fn call(id: u32, token: Option<&str>) -> String {
    let meta = token.map(|token| json!({"progressToken": token}));
    let params = json!({"name": "get_teams", "_meta": meta});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string()
}

#[tokio::test]
async fn http_progress_precedes_answer_in_stream() {
    let (pagerduty, toolbox) = slow().await;
    let web = Web::start(toolbox, false).await;
    let long = Duration::from_millis(5_500);
    for (accept, notes) in [(Some(BOTH), 1), (None, 0)] {
        let headers: Vec<_> = [JSON].into_iter().chain(accept).collect();
        let body = call(7, Some("t"));
        let (answer, ()) = tokio::join!(web.send("POST", "/mcp", &headers, &body), answer_teams(&pagerduty, long));
        let messages = if notes == 0 { vec![answer.json()] } else { answer.events() };
        assert_eq!(messages.len(), notes + 1, "{}", answer.body);
        assert_eq!(messages[notes]["id"], 7, "{}", answer.body);
        assert!(messages[..notes].iter().all(|note| note["params"]["progressToken"] == "t"), "{}", answer.body);
    }
}

/// A call with a progress token may be answered by a stream, so `rmcp` answers it.
#[tokio::test]
async fn http_call_progress_token_changes_no_byte() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let web = Web::start(toolbox(sandbox.url(), &Filter::default()), false).await;
    let headers = |version| [JSON, BOTH, ("MCP-Protocol-Version", version), ("Mcp-Method", "tools/call")];
    for params in [
        json!({"name": "get_teams", "arguments": {"limit": 2}}),
        json!({"name": "get_teams", "arguments": null}),
        json!({"name": "get_teams", "arguments": {"limit": -1}}),
        json!({"name": "get_team"}),
    ] {
        let name = params["name"].as_str().unwrap();
        for (version, mut params) in [("2025-06-18", params.clone()), ("2026-07-28", stateless(params.clone()))] {
            let headers: Vec<_> = headers(version).into_iter().chain([("Mcp-Name", name)]).collect();
            let mut answers = Vec::new();
            for token in [None, Some("t")] {
                if let Some(token) = token {
                    params["_meta"]["progressToken"] = json!(token);
                }
                let body = json!({"jsonrpc": "2.0", "id": "a \"b\"", "method": "tools/call", "params": params});
                let answer = web.send("POST", "/mcp", &headers, &body.to_string()).await;
                assert_eq!((answer.status, &answer.json()["id"]), (200, &body["id"]), "{}", answer.body);
                answers.push(answer.body);
            }
            assert_eq!(answers[0], answers[1], "{version} {params}");
        }
    }
}

#[tokio::test]
async fn http_call_disagrees_with_its_headers_refused() {
    let web = Web::start(unconnected(), false).await;
    let call = |params: Value| json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    let newest = call(stateless(json!({"name": "get_teams"})));
    let (version, method) = (("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"));
    for (headers, body) in [
        (vec![method, ("Mcp-Name", "get_teams")], &newest),
        (vec![version, ("Mcp-Name", "get_teams")], &newest),
        (vec![version, method], &newest),
        (vec![version, method, ("Mcp-Name", "get_users")], &newest),
        (vec![version, method, method, ("Mcp-Name", "get_teams")], &newest),
        (vec![("MCP-Protocol-Version", "2025-06-18"), method, ("Mcp-Name", "get_teams")], &newest),
        (vec![version, method, ("Mcp-Name", "get_teams")], &call(json!({"name": "get_teams"}))),
        (vec![("MCP-Protocol-Version", "1999-01-01")], &call(json!({"name": "get_teams"}))),
    ] {
        let headers: Vec<_> = [JSON, BOTH].into_iter().chain(headers).collect();
        let answer = web.send("POST", "/mcp", &headers, body).await;
        assert_eq!((answer.status, &answer.json()["id"]), (400, &json!(1)), "{headers:?}: {}", answer.body);
    }
}

#[tokio::test]
async fn http_session_refuses_id_in_flight() {
    let (pagerduty, toolbox) = slow().await;
    let web = Web::start(toolbox, true).await;
    let body =
        json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": initialize("2025-06-18")}).to_string();
    let opened = web.send("POST", "/mcp", &[JSON, BOTH], &body).await;
    let session = opened.header("mcp-session-id").unwrap_or_else(|| panic!("{}", opened.head)).to_owned();
    let headers = [JSON, BOTH, ("Mcp-Session-Id", &session)];
    let body = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
    web.send("POST", "/mcp", &headers, &body).await;

    let first = web.begin("POST", "/mcp", &headers, &call(7, None)).await;
    let (mut connection, _) = pagerduty.accept().await.unwrap();
    assert_ne!(connection.read(&mut [0; 4096]).await.unwrap(), 0, "the first call is being answered");
    let second = web.send("POST", "/mcp", &headers, &call(7, None)).await;
    assert_eq!((second.status, &second.json()["id"]), (400, &json!(7)), "{}", second.body);

    let body = json!({"teams": [], "more": false}).to_string();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    connection.write_all((head + &body).as_bytes()).await.unwrap();
    assert_eq!(finish(first).await.events()[0]["id"], 7);

    drop(connection);
    let body = call(7, None);
    let (again, ()) = tokio::join!(web.send("POST", "/mcp", &headers, &body), answer_teams(&pagerduty, Duration::ZERO));
    assert_eq!(again.events()[0]["id"], 7, "{}", again.body);

    let refused = web.send("POST", "/mcp", &[JSON, ("Accept", "application/json"), headers[2]], &call(8, None)).await;
    assert_eq!((refused.status, &refused.json()["id"]), (406, &json!(8)), "a session answers by a stream");
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("send Accept: application/json, text/event-stream"), "{message}");
}
