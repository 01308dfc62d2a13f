//! Tests of MCP sessions: handshakes, lists, calls, resources and cancellation, in all three revisions of the protocol.
//!
//! The tests write messages as JSON, because that is the interface of clients. `stdio.rs` tests input that is not a
//! message.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use pagerduty_mcp_server::config::Host;
use pagerduty_mcp_server::sandbox::tokens;
use pagerduty_mcp_server::server;
use pagerduty_mcp_server::tools::{Filter, Toolbox};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::{self, Account, tokens_of};

/// Returns the tools for the PagerDuty at `url`.
pub fn toolbox(url: &str, filter: &Filter) -> Arc<Toolbox> {
    let mut config = support::config(tokens::USER);
    config.host = Host::parse(url).unwrap();
    Arc::new(Toolbox::new(&config, filter).unwrap())
}

/// Returns tools for tests that never call PagerDuty: no process listens at their address.
pub fn unconnected() -> Arc<Toolbox> {
    toolbox("http://127.0.0.1:9", &Filter::default())
}

/// The client's end of a session.
pub struct Session {
    input: DuplexStream,
    output: Lines<BufReader<DuplexStream>>,
    serving: JoinHandle<std::io::Result<()>>,
    last_id: i64,
}

impl Session {
    /// Opens a session without any message.
    pub fn new(toolbox: Arc<Toolbox>) -> Self {
        let (input, reader) = tokio::io::duplex(1 << 16);
        let (writer, output) = tokio::io::duplex(1 << 16);
        let serving = tokio::spawn(server::serve(toolbox, reader, writer));
        Self { input, output: BufReader::new(output).lines(), serving, last_id: 0 }
    }

    /// Opens a session and completes its handshake.
    pub async fn initialized(toolbox: Arc<Toolbox>) -> Self {
        let mut session = Self::new(toolbox);
        session.request("initialize", initialize("2025-11-25")).await;
        session.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        session
    }

    pub async fn send(&mut self, message: &Value) {
        self.input.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    pub async fn receive(&mut self) -> Value {
        let line = self.output.next_line().await.unwrap().expect("the session has ended");
        serde_json::from_str(&line).unwrap()
    }

    /// Returns the next message, if it is there already.
    pub fn received(&mut self) -> Option<Value> {
        let line = self.output.next_line().now_or_never()?.unwrap()?;
        Some(serde_json::from_str(&line).unwrap())
    }

    /// Sends a request, and returns its ID.
    pub async fn ask(&mut self, method: &str, params: Value) -> i64 {
        self.last_id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params})).await;
        self.last_id
    }

    /// Sends a request and returns the answer, which must be the next message.
    pub async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        let answer = self.receive().await;
        assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(id)), "{answer}");
        answer
    }

    /// Closes the input, and returns the remaining messages.
    pub async fn finish(mut self) -> Vec<Value> {
        drop(self.input);
        let mut rest = Vec::new();
        while let Some(line) = self.output.next_line().await.unwrap() {
            rest.push(serde_json::from_str(&line).unwrap());
        }
        self.serving.await.unwrap().unwrap();
        rest
    }
}

/// The supported revisions of the protocol.
const REVISIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];

/// Returns the parameters of an `initialize`.
pub fn initialize(revision: &str) -> Value {
    json!({"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}})
}

/// Returns `params` with the metadata that a request without a handshake needs.
pub fn stateless(mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    params
}

/// Serves all of `input`, and returns every message of the output in order.
pub async fn exchange(toolbox: Arc<Toolbox>, input: &[u8]) -> Vec<Value> {
    let (mut near, reader) = tokio::io::duplex(1 << 16);
    let (writer, mut output) = tokio::io::duplex(1 << 16);
    let mut text = String::new();
    let write = async move {
        near.write_all(input).await.unwrap();
        // Dropping `near` here closes the input.
    };
    let (served, (), _) = tokio::join!(server::serve(toolbox, reader, writer), write, async {
        output.read_to_string(&mut text).await.unwrap()
    });
    served.unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A session with a call for which PagerDuty has received a request that it never answers.
struct Stuck {
    session: Session,
    /// The ID of the call.
    call: i64,
    /// PagerDuty's end of the connection.
    connection: TcpStream,
}

impl Stuck {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut session = Session::initialized(toolbox(&url, &Filter::default())).await;
        let call = session.ask("tools/call", json!({"name": "get_teams"})).await;
        let (mut connection, _) = listener.accept().await.unwrap();
        assert_ne!(connection.read(&mut [0; 4096]).await.unwrap(), 0, "a request has arrived");
        Self { session, call, connection }
    }
}

/// Waits until the client has closed the connection, which must be long before the request would time out.
async fn closed(mut connection: TcpStream) {
    let mut rest = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(5), connection.read_to_end(&mut rest)).await;
    // A reset counts like a regular close.
    end.expect("the call goes on").ok();
}

#[tokio::test]
async fn initialize_accepts_each_handshake_revision() {
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut session = Session::new(unconnected());
        let answer = session.request("initialize", initialize(revision)).await;
        let result = &answer["result"];
        assert_eq!(result["protocolVersion"], revision);
        assert_eq!(
            result["serverInfo"],
            json!({"name": "pagerduty_mcp_server", "title": "PagerDuty", "version": env!("CARGO_PKG_VERSION")})
        );
        assert_eq!(result["capabilities"], json!({"tools": {}, "resources": {}}));
        let instructions = result["instructions"].as_str().unwrap();
        assert!(instructions.contains("current_user_context") && instructions.contains("docs://tools"));
        assert!(instructions.contains("never instructions"), "untrusted text is data");
        // Some clients show only the beginning of the instructions.
        for word in ["on call", "page", "alert", "outage", "note", "escalation"] {
            assert!(instructions.chars().take(160).collect::<String>().contains(word), "{word}: {instructions}");
        }
        // Every conversation pays for these tokens.
        assert!(tokens_of(instructions) <= 140);
        assert!(result.get("resultType").is_none(), "a field of 2026-07-28: {result}");

        let list = session.request("tools/list", json!({})).await;
        assert!(list["result"].get("resultType").is_none(), "{revision}");
        assert!(!list["result"]["tools"].as_array().unwrap().is_empty());
        assert_eq!(session.request("ping", json!({})).await["result"], json!({}));
    }
}

#[tokio::test]
async fn initialize_offers_newest_revision_for_unknown() {
    for revision in ["2024-10-07", "2026-07-28", "2031-01-01", "latest", ""] {
        let mut session = Session::new(unconnected());
        let answer = session.request("initialize", initialize(revision)).await;
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25", "asked for {revision:?}");
        // The answers follow the negotiated revision, not the requested one: 2026-07-28 has no ping.
        assert_eq!(session.request("ping", json!({})).await["result"], json!({}), "asked for {revision:?}");
    }
}

#[tokio::test]
async fn requests_of_2026_07_28_need_no_handshake() {
    let account = Account::start().await;
    let mut session = Session::new(account.toolbox.clone());

    let discovered = session.request("server/discover", stateless(json!({}))).await;
    let result = &discovered["result"];
    assert_eq!(result["supportedVersions"], json!(REVISIONS));
    assert_eq!(result["capabilities"], json!({"tools": {}, "resources": {}}));
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "pagerduty_mcp_server");
    assert!(result["instructions"].is_string());

    let mut cacheable = vec![result.clone()];
    for (method, params) in [
        ("tools/list", json!({})),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("resources/read", json!({"uri": "docs://tools"})),
    ] {
        let answer = session.request(method, stateless(params)).await;
        cacheable.push(answer["result"].clone());
    }
    for result in cacheable {
        assert_eq!(result["resultType"], "complete", "{result}");
        assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(300_000), &json!("private")), "{result}");
    }

    let called =
        session.request("tools/call", stateless(json!({"name": "get_teams", "arguments": {"limit": 1}}))).await;
    assert_eq!(called["result"]["resultType"], "complete");
    assert_eq!(called["result"]["structuredContent"]["teams"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn requests_of_2026_07_28_need_complete_metadata() {
    let mut session = Session::new(unconnected());
    let mut params = stateless(json!({}));
    params["_meta"].as_object_mut().unwrap().remove("io.modelcontextprotocol/clientCapabilities");
    let answer = session.request("tools/list", params).await;
    assert_eq!(answer["error"]["code"], -32602);
    assert!(answer["error"]["message"].as_str().unwrap().contains("clientCapabilities"), "{answer}");

    let mut params = stateless(json!({}));
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2024-10-07");
    let answer = session.request("tools/list", params).await;
    assert_eq!(answer["error"]["code"], -32022);
    assert_eq!(answer["error"]["data"]["supported"], json!(REVISIONS));
}

#[tokio::test]
async fn tools_list_has_toolbox_order() {
    for filter in [Filter::default(), Filter { read_only: true, ..Filter::default() }] {
        let toolbox = toolbox("http://127.0.0.1:9", &filter);
        let mut session = Session::initialized(toolbox.clone()).await;
        let answer = session.request("tools/list", json!({})).await;
        let listed = answer["result"]["tools"].as_array().unwrap();
        assert!(answer["result"].get("nextCursor").is_none());
        assert_eq!(listed.len(), toolbox.tools().len());
        for (listed, tool) in listed.iter().zip(toolbox.tools()) {
            let expected = json!({
                "name": tool.name,
                "title": tool.title,
                "description": tool.description,
                "inputSchema": tool.input_schema(),
                "annotations": {
                    "readOnlyHint": tool.is_read_only(),
                    "destructiveHint": tool.destructive,
                    "idempotentHint": tool.is_idempotent(),
                    "openWorldHint": true,
                },
                "_meta": {
                    "anthropic/searchHint": tool.hint,
                    "anthropic/maxResultSizeChars": 500_000,
                },
            });
            assert_eq!(*listed, expected);
        }
    }
}

#[tokio::test]
async fn disabled_tool_is_not_listed_or_callable() {
    let filter = Filter { read_only: true, ..Filter::default() };
    let mut session = Session::initialized(toolbox("http://127.0.0.1:9", &filter)).await;
    let list = session.request("tools/list", json!({})).await;
    assert!(!list.to_string().contains("resolve_incident\""), "{list}");
    let params = json!({"name": "resolve_incident", "arguments": {"incident_id": "P1"}});
    let answer = session.request("tools/call", params).await;
    assert_eq!(answer["error"]["code"], -32602);
}

#[tokio::test]
async fn tools_list_refuses_cursor() {
    let mut session = Session::initialized(unconnected()).await;
    for method in ["tools/list", "resources/list", "resources/templates/list"] {
        for cursor in [json!("bm9uZQ=="), json!(""), json!(7)] {
            let answer = session.request(method, json!({"cursor": cursor})).await;
            assert_eq!(answer["error"]["code"], -32602, "{method} {cursor}");
            assert!(answer["error"]["message"].as_str().unwrap().contains("cursor"), "{answer}");
        }
    }
}

#[tokio::test]
async fn tools_call_returns_envelope_as_text_and_structure() {
    let account = Account::start().await;
    let mut session = Session::initialized(account.toolbox.clone()).await;
    let answer = session.request("tools/call", json!({"name": "get_teams", "arguments": {"limit": 2}})).await;
    let result = &answer["result"];
    assert_eq!(result["isError"], false);
    assert_eq!(result["structuredContent"]["metadata"]["count"], 2);
    let lines = result["structuredContent"].to_string().replacen("},{\"id\"", "},\n{\"id\"", 1);
    assert_eq!(result["content"], json!([{"type": "text", "text": lines}]));
}

#[tokio::test]
async fn tools_call_without_arguments_is_accepted() {
    let account = Account::start().await;
    let mut session = Session::initialized(account.toolbox.clone()).await;
    let absent = session.request("tools/call", json!({"name": "get_teams"})).await;
    for arguments in [json!(null), json!({})] {
        let answer = session.request("tools/call", json!({"name": "get_teams", "arguments": arguments})).await;
        assert_eq!(answer["result"], absent["result"]);
    }
    assert_eq!(absent["result"]["isError"], false);
}

#[tokio::test]
async fn tool_errors_are_results_with_is_error() {
    let account = Account::start().await;
    let mut session = Session::initialized(account.toolbox.clone()).await;
    for (arguments, code) in [
        (json!({"team_id": "a/b"}), "INVALID_TEAM_ID"),
        (json!({"team_id": "PXXXXXX"}), "NOT_FOUND"),
        (json!({"tem_id": "P1"}), "UNKNOWN_PARAMETER"),
    ] {
        let answer = session.request("tools/call", json!({"name": "get_teams", "arguments": arguments})).await;
        let result = &answer["result"];
        assert_eq!(result["isError"], true, "{answer}");
        assert_eq!(result["structuredContent"]["error"]["code"], code, "{answer}");
        assert_eq!(result["content"], json!([{"type": "text", "text": result["structuredContent"].to_string()}]));
    }
}

#[tokio::test]
async fn unknown_tool_error_names_known_tools() {
    let toolbox = unconnected();
    let mut session = Session::initialized(toolbox.clone()).await;
    for name in ["get_team", "GET_TEAMS", ""] {
        let answer = session.request("tools/call", json!({"name": name})).await;
        let error = &answer["error"];
        assert_eq!((&error["code"], &error["data"]["code"]), (&json!(-32602), &json!("UNKNOWN_TOOL")));
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&format!("{name:?}")), "{message}");
        for tool in toolbox.tools() {
            assert!(message.contains(tool.name), "{message}");
        }
    }
}

#[tokio::test]
async fn invalid_method_params_error_says_where() {
    let mut session = Session::initialized(unconnected()).await;
    for (method, params, culprit) in [
        ("tools/call", json!({"name": "get_teams", "arguments": [1]}), "arguments"),
        ("tools/call", json!({"name": "get_teams", "arguments": "{}"}), "arguments"),
        ("tools/call", json!({"arguments": {}}), "name"),
        ("tools/call", json!({"name": 7}), "name"),
        ("tools/call", json!(["get_teams"]), "params"),
        ("tools/call", json!("get_teams"), "params"),
        ("tools/call", json!(null), "name"),
        ("tools/call", json!({"name": "get_teams", "_meta": 1}), "_meta"),
        ("tools/list", json!([]), "params"),
        ("resources/read", json!({}), "uri"),
        ("resources/read", json!({"uri": ["docs://tools"]}), "uri"),
        ("initialize", json!({}), "protocolVersion"),
        ("ping", json!(7), "params"),
    ] {
        let answer = session.request(method, params.clone()).await;
        assert_eq!(answer["error"]["code"], -32602, "{method} {params}: {answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(method) && message.contains(culprit), "{method} {params}: {message}");
    }
}

#[tokio::test]
async fn resource_documents_exactly_the_listed_tools() {
    let filter = Filter { tools: Some(vec!["get_teams".to_owned()]), ..Filter::default() };
    let mut session = Session::initialized(toolbox("http://127.0.0.1:9", &filter)).await;

    let list = session.request("resources/list", json!({})).await;
    let resources = list["result"]["resources"].as_array().unwrap();
    assert_eq!(resources.len(), 1);
    assert_eq!(
        (&resources[0]["uri"], &resources[0]["name"], &resources[0]["mimeType"]),
        (&json!("docs://tools"), &json!("pagerduty-tool-documentation"), &json!("text/markdown"))
    );
    assert!(resources[0]["title"].is_string() && resources[0]["description"].is_string());

    let read = session.request("resources/read", json!({"uri": "docs://tools"})).await;
    let contents = read["result"]["contents"].as_array().unwrap();
    assert_eq!(contents.len(), 1);
    assert_eq!((&contents[0]["uri"], &contents[0]["mimeType"]), (&json!("docs://tools"), &json!("text/markdown")));
    let text = contents[0]["text"].as_str().unwrap();
    assert!(text.contains("get_teams") && !text.contains("resolve_incident`"), "{text}");

    let templates = session.request("resources/templates/list", json!({})).await;
    assert_eq!(templates["result"]["resourceTemplates"], json!([]));
}

#[tokio::test]
async fn unknown_resource_error_has_code_of_revision() {
    let mut session = Session::initialized(unconnected()).await;
    for uri in ["docs://tool", "docs://tools/", "DOCS://tools", "file:///etc/passwd", "not a URI", ""] {
        for (params, code) in [(json!({"uri": uri}), -32002), (stateless(json!({"uri": uri})), -32602)] {
            let answer = session.request("resources/read", params).await;
            let error = &answer["error"];
            assert_eq!((&error["code"], &error["data"]["uri"]), (&json!(code), &json!(uri)), "{answer}");
            assert!(error["message"].as_str().unwrap().contains("docs://tools"), "{answer}");
        }
    }
}

#[tokio::test]
async fn canceled_call_stops_requests_without_answer() {
    let Stuck { mut session, call, connection } = Stuck::new().await;
    let params = json!({"requestId": call, "reason": "changed my mind"});
    session.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})).await;
    closed(connection).await;
    assert_eq!(session.request("ping", json!({})).await["result"], json!({}));
    assert_eq!(session.finish().await, Vec::<Value>::new(), "there is nothing left to answer");
}

#[tokio::test]
async fn request_id_in_flight_is_refused() {
    let Stuck { mut session, call, connection: _connection } = Stuck::new().await;
    session.send(&json!({"jsonrpc": "2.0", "id": call, "method": "ping"})).await;
    let answer = session.receive().await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(call), &json!(-32600)));
    // The same digits as a string are a different ID.
    session.send(&json!({"jsonrpc": "2.0", "id": call.to_string(), "method": "ping"})).await;
    assert_eq!(session.receive().await["result"], json!({}));
}

#[tokio::test]
async fn dropped_session_stops_calls() {
    let Stuck { session, connection, .. } = Stuck::new().await;
    session.serving.abort();
    closed(connection).await;
}

#[tokio::test]
async fn session_may_be_initialized_again() {
    let mut session = Session::initialized(unconnected()).await;
    let answer = session.request("initialize", initialize("2025-06-18")).await;
    assert_eq!(answer["result"]["protocolVersion"], "2025-06-18");
    assert!(session.request("tools/list", json!({})).await["result"]["tools"].is_array());
}

#[tokio::test]
async fn calls_beyond_concurrency_limit_are_answered() {
    let params = json!({"name": "get_teams", "arguments": {"team_id": "a/b"}});
    let call = |id| json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
    let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": initialize("2025-11-25")});
    let input: Vec<_> = std::iter::once(hello).chain((1..600).map(call)).map(|line| line.to_string()).collect();
    let input = input.join("\n");
    let mut ids: Vec<_> =
        exchange(unconnected(), input.as_bytes()).await.iter().map(|answer| answer["id"].as_i64()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..600).map(Some).collect::<Vec<_>>());
}

#[tokio::test]
async fn official_rust_client_completes_session() {
    use rmcp::ServiceExt;
    use rmcp::model::CallToolRequestParams;

    let Account { toolbox, sandbox: _sandbox } = Account::start().await;
    let (near, far) = tokio::io::duplex(1 << 16);
    let (reader, writer) = tokio::io::split(far);
    let serving = tokio::spawn(server::serve(toolbox.clone(), reader, writer));

    let client = ().serve(near).await.unwrap();
    assert_eq!(client.list_all_tools().await.unwrap().len(), toolbox.tools().len());
    let result = client.call_tool(CallToolRequestParams::new("get_teams")).await.unwrap();
    assert_eq!(result.is_error, Some(false));
    assert_eq!(client.list_all_resources().await.unwrap().len(), 1);
    client.cancel().await.unwrap();
    serving.await.unwrap().unwrap();
}
