//! Tests of the line transport with clients that break the protocol. `session.rs` tests sessions that follow it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pagerduty_mcp_server::server;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::time::timeout;

use crate::session::{Session, exchange, initialize, stateless, unconnected};
use crate::support::Account;

/// Returns a request as a line.
fn request(id: impl Into<Value>, method: &str, params: impl Into<Value>) -> Vec<u8> {
    let (id, params) = (id.into(), params.into());
    format!("{}\n", json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).into_bytes()
}

/// Returns an answer in short: its ID or `-`, and the code of its error or `ok`.
fn brief(answer: &Value) -> String {
    assert_eq!(answer["jsonrpc"], "2.0", "{answer}");
    // An unknown ID is omitted and never null, because the official clients reject null.
    let id = answer.get("id").map_or("-".to_owned(), Value::to_string);
    match answer.get("error") {
        Some(error) => format!("{id} {}", error["code"]),
        None => format!("{id} ok"),
    }
}

/// Checks that `input` gets the answers `expected`, in any order, and that a ping after it is still answered.
#[track_caller]
fn check(before: &[u8], input: &[u8], expected: &[&str]) {
    let input = [before, input, b"\n", &request("still here", "ping", json!({}))].concat();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answers = runtime.block_on(exchange(unconnected(), &input));
    let mut actual: Vec<_> = answers.iter().map(brief).collect();
    let mut expected: Vec<_> = expected.iter().map(|&answer| answer.to_owned()).collect();
    expected.push("\"still here\" ok".to_owned());
    if !before.is_empty() {
        expected.push("0 ok".to_owned());
    }
    actual.sort_unstable();
    expected.sort_unstable();
    assert_eq!(actual, expected, "{} was answered {answers:#?}", String::from_utf8_lossy(&input));
}

#[test]
fn stdio_odd_lines_are_answered_and_session_continues() {
    let nested = |depth| {
        let (open, shut) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{open}1{shut}}}"#)
    };
    let (deep, deepest, endless) = (nested(200), nested(100_000), r#"{"a":"#.repeat(100_000));
    let many_digits = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":{}}}}}"#, "9".repeat(100_000));
    let cases: &[(&[u8], &[&str])] = &[
        // Empty lines need no answer.
        (b"", &[]),
        (b" \t\r", &[]),
        (b"\n\n\r\n", &[]),
        (b"\xEF\xBB\xBF", &[]),
        // Valid messages in unusual forms.
        (b"  {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\t\r", &["1 ok"]),
        (b"\xEF\xBB\xBF{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", &["1 ok"]),
        (br#"{"method":"ping","params":null,"id":"a","jsonrpc":"2.0","extra":[]}"#, &["\"a\" ok"]),
        (br#"{"jsonrpc":"2.0","id":-7,"method":"ping","params":{}}"#, &["-7 ok"]),
        (br#"{"jsonrpc":"2.0","id":2.0,"method":"ping"}"#, &["2 ok"]),
        (br#"{"jsonrpc":"2.0","id":"","method":"ping"}"#, &["\"\" ok"]),
        (br#"{"jsonrpc":"2.0","id":"\u0000","method":"ping"}"#, &["\"\\u0000\" ok"]),
        // A repeated name: the last value counts, as in most parsers, and there is one answer.
        (br#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, &["2 ok"]),
        (br#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"no/such"}"#, &["1 -32601"]),
        // Lines that are not JSON.
        (b"ping", &["- -32700"]),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pi", &["- -32700"]),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}}", &["- -32700"]),
        (b"{'jsonrpc':'2.0','id':1,'method':'ping'}", &["- -32700"]),
        (b"Content-Length: 52", &["- -32700"]),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xFF\"}", &["- -32700"]),
        (b"\xFF\xFE{\0\"\0}\0", &["- -32700"]),
        (b"\0", &["- -32700"]),
        (br#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#, &["- -32700"]),
        (br#"{"jsonrpc":"2.0","id":1e999,"method":"ping"}"#, &["- -32700"]),
        (br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":-1e400}}"#, &["- -32700"]),
        (many_digits.as_bytes(), &["- -32700"]),
        (b"{\"jsonrpc\":\"2.0\",\"id\":\"\0\",\"method\":\"ping\"}", &["- -32700"]),
        (deep.as_bytes(), &["- -32700"]),
        (deepest.as_bytes(), &["- -32700"]),
        (endless.as_bytes(), &["- -32700"]),
        (b"a\nb", &["- -32700", "- -32700"]),
        // JSON that is not a message.
        (b"7", &["- -32600"]),
        (b"null", &["- -32600"]),
        (b"\"ping\"", &["- -32600"]),
        (b"{}", &["- -32600"]),
        (b"[]", &["- -32600"]),
        (br#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, &["- -32600"]),
        (br#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"},7]"#, &["- -32600"]),
        (br#"{"jsonrpc":"2.0"}"#, &["- -32600"]),
        (br#"{"jsonrpc":"2.0","id":1}"#, &["1 -32600"]),
        (br#"{"id":1,"method":"ping"}"#, &["1 -32600"]),
        (br#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, &["1 -32600"]),
        (br#"{"jsonrpc":2.0,"id":"x","method":"ping"}"#, &["\"x\" -32600"]),
        (br#"{"jsonrpc":"2.0","id":1,"method":7}"#, &["1 -32600"]),
        (br#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, &["1 -32600"]),
        (br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, &["- -32600"]),
        (br#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, &["1.5 -32600"]),
        (br#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, &["- -32600"]),
        (br#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, &["- -32600"]),
        (br#"{"jsonrpc":"2.0","id":9223372036854775807,"method":"ping"}"#, &["9223372036854775807 ok"]),
        (br#"{"jsonrpc":"2.0","id":9223372036854775808,"method":"ping"}"#, &["9223372036854775808 -32600"]),
        (br#"{"jsonrpc":"2.0","id":18446744073709551615,"method":"ping"}"#, &["18446744073709551615 -32600"]),
        (br#"{"jsonrpc":"2.0","id":1e20,"method":"ping"}"#, &["1e+20 -32600"]),
        (br#"{"jsonrpc":"1.0","id":9223372036854775808,"method":"ping"}"#, &["9223372036854775808 -32600"]),
        // Responses without a request.
        (br#"{"jsonrpc":"2.0","id":1,"result":{}}"#, &[]),
        (br#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}"#, &[]),
        (br#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"echo"}}"#, &[]),
        (br#"{"id":1,"result":7,"error":7}"#, &[]),
        // Notifications of any kind are not answered.
        (br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, &[]),
        (br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":12345}}"#, &[]),
        (br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{}}}"#, &[]),
        (br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":7}"#, &[]),
        (br#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}"#, &[]),
        (br#"{"jsonrpc":"2.0","method":"textDocument/didOpen"}"#, &[]),
        (br#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"get_teams"}}"#, &[]),
        // Requests that cannot be served.
        (br#"{"jsonrpc":"2.0","id":1,"method":"no/such"}"#, &["1 -32601"]),
        (br#"{"jsonrpc":"2.0","id":1,"method":"no/such","params":[1]}"#, &["1 -32601"]),
        (br#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, &["1 -32602"]),
        (br#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#, &["1 -32602"]),
    ];
    let before = request(0, "initialize", initialize("2025-11-25"));
    for (input, expected) in cases {
        check(&before, input, expected);
    }
}

#[tokio::test]
async fn id_without_a_type_is_echoed_as_written() {
    for id in ["123456789012345678901234567890", "-9223372036854775809", "1.50", "9007199254740993.0"] {
        for (rest, named) in [(r#""method":"ping""#, true), (r#""method":7"#, false)] {
            let input = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},{rest}}}\n");
            let (mut near, reader) = tokio::io::duplex(1 << 10);
            let (writer, mut output) = tokio::io::duplex(1 << 10);
            near.write_all(input.as_bytes()).await.unwrap();
            drop(near);
            server::serve(unconnected(), reader, writer).await.unwrap();
            let mut answer = String::new();
            output.read_to_string(&mut answer).await.unwrap();
            assert!(answer.contains(&format!(r#""id":{id},"#)), "{answer}");
            assert_eq!(answer.contains(&format!("`id` is {id}: ")), named, "{answer}");
        }
    }
}

#[tokio::test]
async fn batch_is_refused_with_what_to_send_instead() {
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let mut session = Session::new(unconnected());
    session.request("initialize", initialize("2025-03-26")).await;
    session.send(&json!([ping, ping])).await;
    let message = session.receive().await["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("batch") && message.contains("send each message by itself"), "{message}");
}

#[test]
fn stdio_before_initialize_serves_only_sessionless_methods() {
    let params = stateless(json!({}));
    let mut no_version = params.clone();
    no_version["_meta"].as_object_mut().unwrap().remove("io.modelcontextprotocol/protocolVersion");
    for (input, expected) in [
        (request(1, "ping", json!({})), "1 ok"),
        (request(1, "tools/list", json!({})), "1 -32602"),
        (request(1, "tools/call", json!({"name": "get_teams"})), "1 -32602"),
        (request(1, "no/such", json!({})), "1 -32601"),
        (request(1, "tools/list", params.clone()), "1 ok"),
        (request(1, "tools/list", no_version), "1 -32602"),
        (request(1, "no/such", params.clone()), "1 -32601"),
        (request(1, "server/discover", params), "1 ok"),
        (request(1, "server/discover", json!({})), "1 -32602"),
        (request(1, "initialize", json!({"protocolVersion": 7})), "1 -32602"),
        (request(1, "initialize", initialize("2025-06-18")), "1 ok"),
    ] {
        check(b"", &input, &[expected]);
    }
    // Early notifications and responses are dropped. `rmcp` alone would end the session.
    for method in ["notifications/initialized", "notifications/cancelled", "x"] {
        check(b"", json!({"jsonrpc": "2.0", "method": method}).to_string().as_bytes(), &[]);
    }
    check(b"", br#"{"jsonrpc":"2.0","id":1,"result":{}}"#, &[]);
}

#[test]
fn stdio_failed_initialize_may_be_repeated() {
    let bad = request(1, "initialize", json!({}));
    let good = request(2, "initialize", initialize("2025-11-25"));
    let list = request(3, "tools/list", json!({}));
    check(b"", &[&bad[..], &list, &good].concat(), &["1 -32602", "3 -32602", "2 ok"]);
    let list = request(4, "tools/list", json!({}));
    check(b"", &[&bad[..], &good, &list].concat(), &["1 -32602", "2 ok", "4 ok"]);
}

#[test]
fn stdio_oversized_message_is_refused_and_next_is_read() {
    const LIMIT: usize = 16 * 1024 * 1024;
    let frame = br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":""}}"#.len();
    let ping = |length: usize| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":"{}"}}}}"#, "x".repeat(length - frame))
    };
    check(b"", ping(LIMIT).as_bytes(), &["1 ok"]);
    check(b"", ping(LIMIT + 1).as_bytes(), &["- -32600"]);
}

#[tokio::test]
async fn stdio_last_line_without_newline_is_answered() {
    let mut input = request(1, "ping", json!({}));
    input.extend(request(2, "ping", json!({})).trim_ascii());
    assert_eq!(exchange(unconnected(), &input).await.len(), 2);
    let answers = exchange(unconnected(), b"{\"jsonrpc\":").await;
    assert_eq!(answers.iter().map(brief).collect::<Vec<_>>(), ["- -32700"]);
}

#[tokio::test]
async fn stdio_end_of_input_ends_session_after_answers() {
    assert_eq!(exchange(unconnected(), b"").await, Vec::<Value>::new());

    // As with `printf '…' | pagerduty-mcp-server`: all input arrives at once, followed by its end.
    let Account { toolbox, sandbox: _sandbox } = Account::start().await;
    let mut input = request(0, "initialize", initialize("2025-11-25"));
    input.extend(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
    for id in 1..=100 {
        input.extend(request(id, "tools/call", json!({"name": "get_services"})));
    }
    let answers = exchange(toolbox, &input).await;
    assert_eq!(answers[0]["id"], 0, "`initialize` is answered before anything else");
    assert_eq!(answers.len(), 101);
    assert!(answers[1..].iter().all(|answer| answer["result"]["isError"] == false), "{}", answers[1]);
}

#[tokio::test]
async fn stdio_ten_thousand_requests_are_answered_once_each() {
    let kinds = [
        ("ping", json!({})),
        ("tools/call", json!({"name": "get_teams", "arguments": {"limit": -1}})),
        ("tools/call", json!({"name": "get_team"})),
        ("resources/list", json!({})),
        ("no/such", json!({})),
    ];
    let mut input = request(0, "initialize", initialize("2025-11-25"));
    for (id, (method, params)) in (1..=10_000).zip(kinds.iter().cycle()) {
        input.extend(request(id, method, params.clone()));
    }
    let answers = exchange(unconnected(), &input).await;
    let mut ids: Vec<_> = answers.iter().map(|answer| answer["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..=10_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn stdio_slow_reader_loses_nothing() {
    let (mut near, reader) = tokio::io::duplex(64);
    let (writer, output) = tokio::io::duplex(64);
    let serving = tokio::spawn(server::serve(unconnected(), reader, writer));
    let writing = tokio::spawn(async move {
        for id in 0..1000 {
            near.write_all(&request(id, "ping", json!({}))).await.unwrap();
            near.write_all(b"?\n").await.unwrap();
        }
    });
    // Wait long enough for the server to stop reading, because its output is not read.
    for _ in 0..5000 {
        tokio::task::yield_now().await;
    }
    assert!(!writing.is_finished());
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(output));
    let (mut answers, mut refusals) = (0, 0);
    while let Some(line) = lines.next_line().await.unwrap() {
        let answer: Value = serde_json::from_str(&line).unwrap();
        *(if answer.get("id").is_some() { &mut answers } else { &mut refusals }) += 1;
    }
    writing.await.unwrap();
    serving.await.unwrap().unwrap();
    assert_eq!((answers, refusals), (1000, 1000));
}

/// Sends ten pings, whose answers are longer than what the output holds in these tests.
async fn pings(near: &mut DuplexStream) {
    for id in 0..10 {
        near.write_all(&request(id, "ping", json!({}))).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn unread_answers_end_the_session_some_time_after_the_input() {
    let (mut near, reader) = tokio::io::duplex(1 << 16);
    let (writer, _unread) = tokio::io::duplex(64);
    pings(&mut near).await;
    drop(near);
    let served = timeout(Duration::from_hours(1), server::serve(unconnected(), reader, writer));
    served.await.expect("the session ends").unwrap();
}

#[tokio::test(start_paused = true)]
async fn slow_reader_gets_every_answer_after_the_end_of_input() {
    let (mut near, reader) = tokio::io::duplex(1 << 16);
    let (writer, mut output) = tokio::io::duplex(64);
    pings(&mut near).await;
    drop(near);
    let serving = tokio::spawn(server::serve(unconnected(), reader, writer));
    let (mut text, mut piece) = (Vec::new(), [0; 64]);
    loop {
        tokio::time::sleep(Duration::from_secs(20)).await;
        match output.read(&mut piece).await.unwrap() {
            0 => break,
            length => text.extend_from_slice(&piece[..length]),
        }
    }
    serving.await.unwrap().unwrap();
    assert_eq!(String::from_utf8(text).unwrap().lines().count(), 10);
}

#[tokio::test(start_paused = true)]
async fn stdio_pausing_client_with_open_input_is_awaited() {
    let (mut near, reader) = tokio::io::duplex(1 << 16);
    let (writer, output) = tokio::io::duplex(64);
    pings(&mut near).await;
    let serving = tokio::spawn(server::serve(unconnected(), reader, writer));
    tokio::time::sleep(Duration::from_hours(1)).await;
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(output));
    for _ in 0..10 {
        assert!(lines.next_line().await.unwrap().is_some());
    }
    drop(near);
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn stdio_stopped_reader_ends_session_quietly() {
    let (mut near, reader) = tokio::io::duplex(1024);
    let (writer, output) = tokio::io::duplex(1024);
    drop(output);
    near.write_all(&request(1, "ping", json!({}))).await.unwrap();
    // The session ends even though the input is still open.
    server::serve(unconnected(), reader, writer).await.unwrap();
}

#[tokio::test]
async fn stdio_unwritable_output_is_error() {
    struct Full;
    impl AsyncWrite for Full {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::StorageFull.into()))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
    let (mut near, reader) = tokio::io::duplex(1024);
    near.write_all(b"?\n").await.unwrap();
    let error = server::serve(unconnected(), reader, Full).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[tokio::test]
async fn stdio_garbage_between_messages_is_harmless() {
    let mut session = Session::initialized(unconnected()).await;
    let quiet = session.request("tools/list", json!({})).await["result"].clone();
    session.send(&json!([1, 2])).await;
    assert_eq!(brief(&session.receive().await), "- -32600");
    assert_eq!(session.request("tools/list", json!({})).await["result"], quiet);
}

/// Returns lines that no client should send: random bytes, and messages with parts removed, doubled or replaced.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    let piece = prop::sample::select(
        &[
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "null",
            "7",
            "-1.5e3",
            "\"2.0\"",
            "\"jsonrpc\"",
            "\"id\"",
            "\"method\"",
            "\"params\"",
            "\"result\"",
            "\"error\"",
            "\"ping\"",
            "\"initialize\"",
            "\"tools/call\"",
            "\"tools/list\"",
            "\"resources/read\"",
            "\"notifications/cancelled\"",
            "\"requestId\"",
            "\"_meta\"",
            "\"name\"",
            "\"arguments\"",
        ][..],
    );
    let pieces = prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat().into_bytes());
    let value =
        prop::sample::select(vec![json!(null), json!(7), json!("x"), json!([]), json!({}), json!({"_meta": 7})]);
    let method = prop::sample::select(
        &["ping", "tools/list", "tools/call", "resources/read", "notifications/cancelled", "x"][..],
    );
    let message = (method, value.clone(), prop::option::of(value))
        .prop_map(|(method, params, id)| match id {
            Some(id) => json!({"jsonrpc": "2.0", "method": method, "params": params, "id": id}),
            None => json!({"jsonrpc": "2.0", "method": method, "params": params}),
        })
        .prop_map(|message| message.to_string().into_bytes());
    prop_oneof![bytes, pieces, message]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stdio_random_bytes_never_end_session(lines in prop::collection::vec(line(), 0..20), initialized: bool) {
        let mut input = if initialized { request(0, "initialize", initialize("2025-11-25")) } else { Vec::new() };
        input.extend(lines.join(&b'\n'));
        input.push(b'\n');
        input.extend(request("still here", "ping", json!({})));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answers = runtime.block_on(exchange(unconnected(), &input));
        prop_assert!(answers.iter().any(|answer| brief(answer) == "\"still here\" ok"), "{answers:?}");
    }
}
