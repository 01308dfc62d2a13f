use futures_util::FutureExt;
use rmcp::model::ServerResult;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::unanswered::OVERHEAD;
use super::*;
use crate::server::encode::Line;

/// Returns a transport whose input is `messages`, and the other end of its outbox.
fn transport(messages: &[Value]) -> (LineTransport<io::Cursor<String>>, mpsc::Receiver<Outgoing>) {
    let input = messages.iter().map(|message| format!("{message}\n")).collect::<Vec<_>>().concat();
    let (outbox, inbox) = mpsc::channel(OUTBOX);
    (LineTransport::new(io::Cursor::new(input), outbox, InputEnd::default(), Offer::default()), inbox)
}

fn answer(id: i64) -> ServerJsonRpcMessage {
    ServerJsonRpcMessage::response(ServerResult::empty(()), RequestId::Number(id))
}

/// Returns the next message, or `None` at the end. Panics if `receive` would wait.
#[track_caller]
fn received<R: AsyncRead + Send + Unpin>(transport: &mut LineTransport<R>) -> Option<ClientJsonRpcMessage> {
    transport.receive().now_or_never().expect("`receive` is waiting")
}

#[tokio::test]
async fn end_of_input_waits_for_every_answer() {
    let ping = |id: i64| json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
    let (mut transport, _inbox) = transport(&[ping(1), ping(2)]);
    assert!(received(&mut transport).is_some() && received(&mut transport).is_some());
    for id in [1, 2] {
        assert!(transport.receive().now_or_never().is_none(), "{id} is not answered");
        transport.send(answer(id)).await.unwrap();
    }
    assert!(received(&mut transport).is_none());
}

#[tokio::test(start_paused = true)]
async fn reads_get_less_time_than_changes_after_end_of_input() {
    let call = |id: i64, tool: &str| {
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool,
        "arguments": {}, "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}})
    };
    let (mut transport, mut inbox) = transport(&[call(1, "get_teams"), call(2, "add_incident_note")]);
    assert!(received(&mut transport).is_some() && received(&mut transport).is_some());
    let unanswered = transport.unanswered.clone();
    let began = Instant::now();
    let answered = async {
        tokio::time::sleep(READS_END * 3).await;
        unanswered.remove(&RequestId::Number(2));
    };
    let (end, ()) = tokio::join!(transport.receive(), answered);
    assert!(end.is_none() && began.elapsed() == READS_END * 3, "the change was waited for");
    let Line::Whole(refused) = inbox.recv().await.unwrap().line else { panic!("it is an answer") };
    let refused: Value = serde_json::from_slice(&refused).unwrap();
    assert_eq!((&refused["id"], refused["error"]["message"].is_string()), (&json!(1), true), "{refused}");
    assert!(inbox.recv().await.is_none(), "nothing more is written");
}

#[tokio::test]
async fn end_of_input_ignores_withdrawn_requests() {
    let (mut transport, _inbox) = transport(&[
        json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}),
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}),
    ]);
    assert!(received(&mut transport).is_some() && received(&mut transport).is_some());
    assert!(received(&mut transport).is_none());
}

#[tokio::test(start_paused = true)]
async fn closed_input_behind_a_full_outbox_ends_the_session() {
    let ping = |id: usize| format!("{}\n", json!({"jsonrpc": "2.0", "id": id, "method": "ping"}));
    let input: String = (0..4 * OUTBOX).map(ping).collect();
    let (writer, _unread) = tokio::io::duplex(64);
    let config = crate::config::Config::from_lookup(|_| None).unwrap();
    let toolbox = Toolbox::new(&config, &crate::tools::Filter::default()).unwrap();
    let served = serve_lines(server(&toolbox), io::Cursor::new(input), writer, std::future::ready(()));
    timeout(READS_END * 100, served).await.expect("the session ends").unwrap();
}

#[tokio::test]
async fn nothing_is_read_until_initialize_is_answered() {
    let params =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let (mut transport, _inbox) = transport(&[
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}),
    ]);
    assert!(received(&mut transport).is_some());
    assert!(transport.receive().now_or_never().is_none(), "`initialize` is not answered");
    transport.send(answer(1)).await.unwrap();
    assert!(received(&mut transport).is_some());
}

#[tokio::test]
async fn nothing_is_read_while_unanswered_requests_fill_memory() {
    let most = i64::try_from(MAX_UNANSWERED / OVERHEAD).unwrap();
    let long = "x".repeat(MAX_MESSAGE - 1_000);
    for (params, fit) in [(json!({}), most), (json!({"x": long}), 2)] {
        let ping = |id: i64| json!({"jsonrpc": "2.0", "id": id, "method": "ping", "params": params});
        let messages: Vec<_> = (0..fit + 2).map(ping).collect();
        let (mut transport, _inbox) = transport(&messages);
        let mut read = 0;
        // Tokio's cooperative budget would make the future pending.
        while tokio::task::unconstrained(transport.receive()).now_or_never().is_some() {
            read += 1;
        }
        assert!((fit - fit / 50..=fit).contains(&read), "{read}");
        transport.send(answer(0)).await.unwrap();
        assert!(received(&mut transport).is_some(), "there is room again");
    }
}

#[tokio::test]
async fn nothing_is_read_while_the_outbox_is_full() {
    let (mut transport, mut inbox) = transport(&[json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})]);
    for id in 0..i64::try_from(OUTBOX).unwrap() {
        transport.send(answer(id)).await.unwrap();
    }
    assert!(transport.receive().now_or_never().is_none(), "the outbox is full");
    inbox.recv().await.unwrap();
    assert!(received(&mut transport).is_some());
}

#[tokio::test]
async fn calls_wait_for_others_of_their_lane_only() {
    let call = |id: usize, tool: &str, arguments: Value| {
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments,
            "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}})
    };
    let list = |id| call(id, "get_teams", json!({}));
    let most = max_calls(Lane::List);
    let mut messages: Vec<_> = (0..most + 3).map(list).collect();
    messages.push(call(5_000, "get_teams", json!({"team_id": "PT1"})));
    messages.push(call(5_001, "resolve_incident", json!({"incident_id": "Q1"})));
    messages.push(json!({"jsonrpc": "2.0", "id": 5_002, "method": "ping"}));
    messages.push(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": most + 1}}));
    let (mut transport, _inbox) = transport(&messages);
    let id = |message: Option<ClientJsonRpcMessage>| match message {
        Some(JsonRpcMessage::Request(request)) => request.id.to_string(),
        other => format!("{:?}", other.is_some()),
    };
    let mut read = Vec::new();
    while let Some(message) = tokio::task::unconstrained(transport.receive()).now_or_never() {
        read.push(id(message));
        if read.len() > most + 9 {
            break;
        }
    }
    let expected: Vec<_> = (0..most).chain([5_000, 5_001, 5_002]).map(|id| id.to_string()).collect();
    assert_eq!(read.get(..expected.len()), Some(expected.as_slice()), "lists beyond the limit wait");
    assert_eq!(read.len(), expected.len() + 1, "and the cancellation was read");

    for (answered, next) in [(0, most), (1, most + 2)] {
        transport.send(answer(answered)).await.unwrap();
        assert_eq!(id(received(&mut transport)), next.to_string(), "one was withdrawn");
    }
}
