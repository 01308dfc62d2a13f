//! Tests of credentials over HTTP: the headers that hold one, and the refusals without one, for the clients that print
//! them.

use std::time::Duration;

use pagerduty_mcp_server::sandbox::{Options, Sandbox, tokens};
use pagerduty_mcp_server::server::http::{self, Http};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::support::toolbox;

/// A server on loopback that has a credential.
struct Server {
    sandbox: Sandbox,
    address: String,
    serving: JoinHandle<bool>,
}

/// The answer to a request.
struct Answer {
    status: u16,
    head: String,
    body: Value,
}

impl Server {
    async fn start(adjust: impl FnOnce(&mut http::HttpOptions)) -> Self {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let minute = Duration::from_mins(1);
        let mut options = http::HttpOptions {
            port: 0,
            max_calls: 8,
            max_calls_per_credential: 8,
            read_timeout: minute,
            ..http::HttpOptions::default()
        };
        adjust(&mut options);
        let http = Http::bind(options).await.unwrap();
        let greeting = http.describe();
        let address = greeting.split(['/', ' ']).find(|part| part.contains(':') && part.ends_with(char::is_numeric));
        let address = address.unwrap().replace("0.0.0.0", "127.0.0.1");
        let serving = tokio::spawn(http.serve(toolbox(&sandbox, tokens::USER, |_| {}), std::future::pending()));
        Self { sandbox, address, serving }
    }

    async fn send(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut connection = TcpStream::connect(&self.address).await.unwrap();
        let headers: String = headers.iter().map(|(name, value)| [*name, ": ", *value, "\r\n"].concat()).collect();
        let host = if headers.contains("Host:") { "" } else { "Host: localhost\r\n" };
        let head = format!(
            "{line} HTTP/1.1\r\n{host}{headers}Content-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        connection.write_all((head + body).as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: serde_json::from_str(body).unwrap_or(Value::Null) }
    }

    async fn ask(&self, id: &Value, method: &str, params: Value, headers: &[(&str, &str)]) -> Answer {
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.send("POST /mcp", headers, &message.to_string()).await
    }

    /// Returns the name of the user that the server acts for.
    async fn name(&self, headers: &[(&str, &str)]) -> Value {
        let call = json!({"name": "build_user_context", "arguments": {}});
        let answer = self.ask(&json!(1), "tools/call", call, headers).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["result"]["structuredContent"]["name"].clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

const TOKEN: &str = "X-PagerDuty-Token";

#[tokio::test]
async fn http_token_accepted_in_either_header_and_scheme() {
    let server = Server::start(|_| {}).await;
    let (own, theirs) = (server.name(&[]).await, server.name(&[(TOKEN, tokens::TEAMLESS)]).await);
    assert_ne!(own, theirs);
    let teamless = tokens::TEAMLESS;
    for (name, value) in [
        (TOKEN, format!("Token token={teamless}")),
        (TOKEN, format!("\"{teamless}\"")),
        (TOKEN, format!("Bearer {teamless}")),
        ("Authorization", format!("Bearer {teamless}")),
        ("authorization", format!("Token token={teamless}")),
    ] {
        assert_eq!(server.name(&[(name, &value)]).await, theirs, "{name}: {value}");
    }
    let both = [(TOKEN, tokens::USER), ("Authorization", "Bearer nonsense")];
    assert_eq!(server.name(&both).await, own, "X-PagerDuty-Token takes precedence");
    for gateways in ["Basic dTpw", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln"] {
        assert_eq!(server.name(&[("Authorization", gateways)]).await, own, "{gateways}: the gateway's own");
    }
}

#[tokio::test]
async fn http_unfilled_token_header_is_refused_unsent() {
    let server = Server::start(|_| {}).await;
    for (value, code, part) in [
        ("", "MISSING_CREDENTIALS", "did not fill it in"),
        ("  ", "MISSING_CREDENTIALS", "did not fill it in"),
        ("(null)", "MISSING_CREDENTIALS", "did not fill it in"),
        ("undefined", "MISSING_CREDENTIALS", "did not fill it in"),
        ("${PD_API_KEY}", "INVALID_CONFIGURATION", "PD_API_KEY"),
        ("{env:PD_API_KEY}", "INVALID_CONFIGURATION", "env_http_headers"),
        ("$PAGERDUTY_API_TOKEN", "INVALID_CONFIGURATION", "{env:NAME}"),
        ("your-api-key", "INVALID_CONFIGURATION", "placeholder"),
        ("u+abc def", "INVALID_CONFIGURATION", "blanks"),
    ] {
        for name in [TOKEN, "Authorization"] {
            let value = if name == TOKEN { value.to_owned() } else { format!("Bearer {value}") };
            let answer = server.ask(&json!(7), "tools/list", json!({}), &[(name, &value)]).await;
            assert_eq!((answer.status, &answer.body["error"]["data"]["code"]), (401, &json!(code)), "{name}: {value}");
            let message = answer.body["error"]["message"].as_str().unwrap();
            assert!(message.contains(part) && message.contains(name), "{message}");
            assert!(!message.contains("abc"), "{message}");
        }
    }
    assert!(server.sandbox.requests().is_empty());
}

#[tokio::test]
async fn http_authorization_without_scheme_is_refused_unsent() {
    let server = Server::start(|_| {}).await;
    for (value, code, part) in [
        ("", "MISSING_CREDENTIALS", "did not fill it in"),
        ("(null)", "MISSING_CREDENTIALS", "did not fill it in"),
        ("undefined", "MISSING_CREDENTIALS", "did not fill it in"),
        ("[object Object]", "MISSING_CREDENTIALS", "did not fill it in"),
        ("${PD_KEY}", "INVALID_CONFIGURATION", "PD_KEY"),
        ("${{ secrets.PD_KEY }}", "INVALID_CONFIGURATION", "PD_KEY"),
        ("/run/secrets/abc", "INVALID_CONFIGURATION", "a reference"),
        (tokens::TEAMLESS, "INVALID_CONFIGURATION", "no scheme"),
        ("u+abc", "INVALID_CONFIGURATION", "Authorization: Bearer KEY"),
    ] {
        let answer = server.ask(&json!(7), "tools/list", json!({}), &[("Authorization", value)]).await;
        assert_eq!((answer.status, &answer.body["error"]["data"]["code"]), (401, &json!(code)), "{value}");
        let message = answer.body["error"]["message"].as_str().unwrap();
        assert!(message.contains(part) && message.contains("Authorization"), "{message}");
        assert!(!message.contains("abc") && !message.contains(tokens::TEAMLESS), "{message}");
    }
    assert!(server.sandbox.requests().is_empty());
}

#[tokio::test]
async fn http_empty_toolsets_header_counts_as_absent() {
    let server = Server::start(|_| {}).await;
    let all = server.ask(&json!(1), "tools/list", json!({}), &[]).await.body;
    for value in ["", " "] {
        let answer = server.ask(&json!(1), "tools/list", json!({}), &[("X-MCP-Toolsets", value)]).await;
        assert_eq!((answer.status, &answer.body), (200, &all), "{value:?}");
    }
}

#[tokio::test]
async fn http_required_token_applies_to_loopback() {
    let server = Server::start(|options| options.require_key = true).await;
    for method in ["initialize", "tools/list", "tools/call"] {
        assert_eq!(server.ask(&json!(1), method, json!({}), &[]).await.status, 401, "{method}");
    }
    assert_eq!(server.send("GET /mcp", &[], "").await.status, 401);
    assert_eq!(server.ask(&json!(1), "tools/list", json!({}), &[("Authorization", "Basic dTpw")]).await.status, 401);
    server.name(&[(TOKEN, tokens::TEAMLESS)]).await;
    let healthy = server.send("GET /healthz", &[], "").await;
    assert_eq!(healthy.status, 200, "probes need no credential");
}

#[tokio::test]
async fn http_401_has_request_id_and_next_step() {
    let server = Server::start(|options| options.host = "0.0.0.0".to_owned()).await;
    for id in [json!(7), json!("seven"), json!(0)] {
        let answer = server.ask(&id, "initialize", json!({"capabilities": {}}), &[]).await;
        assert_eq!((answer.status, &answer.body["id"], &answer.body["jsonrpc"]), (401, &id, &json!("2.0")));
        let message = answer.body["error"]["message"].as_str().unwrap();
        assert!(message.contains("X-PagerDuty-Token") && message.contains("Authorization: Bearer"), "{message}");
        let challenge = "www-authenticate: PagerDuty-Token realm=\"Send your PagerDuty API key in X-PagerDuty-Token\"";
        assert!(answer.head.contains(challenge), "{}", answer.head);
    }
    for (line, body) in [("GET /mcp", ""), ("DELETE /mcp", ""), ("POST /mcp", "{"), ("POST /mcp", "{\"id\": {}}")] {
        let answer = server.send(line, &[], body).await;
        assert_eq!((answer.status, answer.body.get("id")), (401, Some(&Value::Null)), "{line} {body}");
    }
}

#[tokio::test]
async fn http_refusals_have_request_id() {
    let server = Server::start(|_| {}).await;
    let ping = json!({"jsonrpc": "2.0", "id": "p", "method": "ping"}).to_string();
    for (line, headers, status) in [
        ("POST /mcp", ("Host", "evil.example"), 403),
        ("POST /mcp", ("Origin", "https://evil.example"), 403),
        ("POST /mcp", ("X-MCP-Readonly", "perhaps"), 400),
        ("POST /mcp", (TOKEN, ""), 401),
        ("POST /nothing", ("X", "y"), 404),
    ] {
        let answer = server.send(line, &[headers], &ping).await;
        assert_eq!((answer.status, &answer.body["id"]), (status, &json!("p")), "{line} {headers:?}: {}", answer.body);
    }
    let many = json!({"jsonrpc": "2.0", "id": 3, "method": "ping", "params": {"x": vec![1; 3000]}});
    let answer = server.send("POST /mcp", &[], &many.to_string()).await;
    assert_eq!((answer.status, &answer.body["id"]), (413, &json!(3)));
    for (body, code) in [("{", -32700), ("[]", -32600), ("", -32600)] {
        let answer = server.send("POST /mcp", &[], body).await;
        assert_eq!((answer.status, answer.body.get("id")), (400, Some(&Value::Null)), "{body}");
        assert_eq!(answer.body["error"]["code"], code, "{body}");
    }
}

#[tokio::test]
async fn http_refusal_is_sent_after_body_is_read() {
    let server = Server::start(|options| options.require_key = true).await;
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": "x".repeat(60_000)}}).to_string();
    for (host, status) in [("evil.example", "403"), ("localhost", "401")] {
        let mut connection = TcpStream::connect(&server.address).await.unwrap();
        let head = format!("POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n", body.len());
        let (first, rest) = body.split_at(30_000);
        connection.write_all((head + first).as_bytes()).await.unwrap();
        let mut start = [0; 12];
        let early = tokio::time::timeout(Duration::from_millis(200), connection.read_exact(&mut start)).await;
        assert!(early.is_err(), "the answer precedes the body");
        connection.write_all(rest.as_bytes()).await.unwrap();
        connection.read_exact(&mut start).await.unwrap();
        assert_eq!(std::str::from_utf8(&start[9..]).unwrap(), status);
    }
}

#[tokio::test]
async fn http_oauth_metadata_says_there_is_no_login() {
    let server = Server::start(|_| {}).await;
    for line in [
        "POST /register",
        "GET /.well-known/oauth-protected-resource",
        "GET /.well-known/oauth-protected-resource/mcp",
        "GET /mcp/.well-known/oauth-protected-resource",
        "GET /.well-known/oauth-authorization-server",
        "GET /.well-known/oauth-authorization-server/mcp",
        "GET /.well-known/openid-configuration",
        "GET /mcp/.well-known/openid-configuration",
        "GET /authorize?response_type=code",
        "POST /token",
        "POST /register/",
        "POST //register",
        "POST /mcp/register",
        "POST /oauth/register",
        "GET /oauth/authorize",
        "POST /revoke",
        "GET /.well-known/jwks.json",
    ] {
        let answer = server.send(line, &[], "").await;
        assert_eq!((answer.status, &answer.body["error"]), (404, &json!("invalid_client_metadata")), "{line}");
        let description = answer.body["error_description"].as_str().unwrap();
        assert!(description.contains("X-PagerDuty-Token") && description.len() < 200, "{description}");
        assert!(!description.contains(['"', '\n']), "{description}");
    }
    for line in ["GET /registered", "GET /.well-known/change-password", "GET /.well-known/openid-configurations"] {
        let answer = server.send(line, &[], "").await;
        assert_eq!((answer.status, &answer.body["error"]["message"]), (404, &json!("there is nothing at this path")));
    }
}
