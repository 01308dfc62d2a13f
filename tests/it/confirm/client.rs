//! Clients that answer questions, in sessions and between calls, over both transports.

use std::sync::Arc;

use pagerduty_mcp_server::sandbox::tokens;
use pagerduty_mcp_server::tools::Toolbox;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpStream;

use crate::http::{JSON, Web};
use crate::session::{Session, initialize, stateless};

/// A client that takes questions.
pub enum Client {
    /// A session of an older revision over standard input and output.
    Session(Session),
    /// Calls of 2026-07-28 over standard input and output.
    Rounds(Session),
    /// Calls of 2026-07-28 over HTTP, without a session.
    Web(Web),
    /// A session of an older revision over HTTP.
    WebSession(Web, String),
}

/// The kinds of clients.
pub const CLIENTS: [&str; 5] = ["2025-06-18", "2025-11-25", "2026-07-28", "http", "http session"];

fn capable(revision: &str) -> Value {
    let mut params = initialize(revision);
    let elicitation = if revision == "2025-06-18" { json!({}) } else { json!({"form": {}}) };
    params["capabilities"] = json!({ "elicitation": elicitation });
    params
}

/// Returns `params` with the metadata of a client of 2026-07-28 that takes questions.
pub fn by_rounds(params: Value) -> Value {
    let mut params = stateless(params);
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"elicitation": {"form": {}}});
    params
}

/// The next event of a stream.
async fn event(stream: &mut Lines<BufReader<TcpStream>>) -> Value {
    while let Some(line) = stream.next_line().await.unwrap() {
        if let Some(event) = line.strip_prefix("data:").and_then(|data| serde_json::from_str(data.trim()).ok()) {
            return event;
        }
    }
    panic!("the stream has ended")
}

impl Client {
    pub async fn start(kind: &str, tools: Arc<Toolbox>) -> Self {
        match kind {
            "2026-07-28" => Self::Rounds(Session::new(tools)),
            "http" => Self::Web(Web::start(tools, false).await),
            "http session" => {
                let web = Web::start(tools, true).await;
                let body = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": capable("2025-11-25")});
                let opened = web.send("POST", "/mcp", &session_headers(None), &body.to_string()).await;
                let id = opened.header("mcp-session-id").unwrap().to_owned();
                let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
                web.send("POST", "/mcp", &session_headers(Some(&id)), &ready).await;
                Self::WebSession(web, id)
            }
            revision => {
                let mut session = Session::new(tools);
                session.request("initialize", capable(revision)).await;
                session.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
                Self::Session(session)
            }
        }
    }

    /// Sends a message of 2026-07-28 and returns its result.
    pub async fn round(&mut self, params: Value) -> Value {
        let params = by_rounds(params);
        let answer = match self {
            Self::Rounds(session) => session.request("tools/call", params).await,
            Self::Web(web) => web_round(web, params, tokens::USER).await,
            Self::Session(_) | Self::WebSession(..) => panic!("a session has no rounds"),
        };
        answer["result"].clone()
    }

    /// Makes a call whose questions get this answer, and returns the questions and the result.
    pub async fn call(&mut self, tool: &str, arguments: &Value, answer: &Value) -> (Vec<String>, Value) {
        let call = json!({"name": tool, "arguments": arguments});
        let mut questions = Vec::new();
        match self {
            Self::Session(session) => {
                session.ask("tools/call", call).await;
                loop {
                    let message = session.receive().await;
                    if message["method"] != "elicitation/create" {
                        return (questions, message["result"].clone());
                    }
                    questions.push(question(&message["params"]));
                    session.send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": answer})).await;
                }
            }
            Self::WebSession(web, id) => {
                let headers = session_headers(Some(id));
                let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).to_string();
                let mut stream = BufReader::new(web.begin("POST", "/mcp", &headers, &body).await).lines();
                loop {
                    let message = event(&mut stream).await;
                    if message["method"] != "elicitation/create" {
                        return (questions, message["result"].clone());
                    }
                    questions.push(question(&message["params"]));
                    let body = json!({"jsonrpc": "2.0", "id": message["id"], "result": answer}).to_string();
                    assert_eq!(web.send("POST", "/mcp", &headers, &body).await.status, 202);
                }
            }
            Self::Rounds(_) | Self::Web(_) => {
                let mut result = self.round(call.clone()).await;
                while result["resultType"] == "input_required" {
                    let request = &result["inputRequests"]["confirm"];
                    assert_eq!(request["method"], "elicitation/create", "{result}");
                    questions.push(question(&request["params"]));
                    result = self.round(answered(&call, &result, answer)).await;
                }
                (questions, result)
            }
        }
    }
}

/// Returns the call with the answer to the question of a result.
pub fn answered(call: &Value, asked: &Value, answer: &Value) -> Value {
    let mut call = call.clone();
    call["inputResponses"] = json!({ "confirm": answer });
    call["requestState"] = asked["requestState"].clone();
    assert!(call["requestState"].is_string(), "{asked}");
    call
}

/// Returns the text of a question, which must be a form with one required switch.
pub fn question(params: &Value) -> String {
    let schema = &params["requestedSchema"];
    assert_eq!((&params["mode"], &schema["required"]), (&json!("form"), &json!(["confirm"])), "{params}");
    assert_eq!(schema["properties"].as_object().unwrap().len(), 1, "{params}");
    assert_eq!(schema["properties"]["confirm"]["type"], "boolean", "{params}");
    params["message"].as_str().unwrap().to_owned()
}

fn session_headers(id: Option<&str>) -> Vec<(&str, &str)> {
    let mut headers =
        vec![JSON, ("Accept", "application/json, text/event-stream"), ("X-PagerDuty-Token", tokens::USER)];
    headers.extend(id.map(|id| ("Mcp-Session-Id", id)));
    headers
}

/// Sends a call of 2026-07-28 over HTTP.
pub async fn web_round(web: &Web, params: Value, token: &str) -> Value {
    let name = params["name"].as_str().unwrap().to_owned();
    let headers = [
        JSON,
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", &name),
        ("X-PagerDuty-Token", token),
    ];
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    web.send("POST", "/mcp", &headers, &body).await.json()
}
