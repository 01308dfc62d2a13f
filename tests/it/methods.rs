//! Tests of methods that are not served, and of the IDs of requests.

use serde_json::json;

use crate::session::{Session, stateless, unconnected};

#[tokio::test]
async fn methods_of_missing_capabilities_are_not_found() {
    let mut session = Session::initialized(unconnected()).await;
    for (method, params) in [
        ("prompts/list", json!({})),
        ("prompts/get", json!({"name": "x"})),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "a", "value": ""}}),
        ),
        ("logging/setLevel", json!({"level": "info"})),
        ("resources/subscribe", json!({"uri": "docs://tools"})),
        ("subscriptions/listen", json!({"notifications": {}})),
        ("tasks/list", json!({})),
        ("tools/uninstall", json!({})),
        ("", json!({})),
    ] {
        let answer = session.request(method, params).await;
        assert_eq!(answer["error"]["code"], -32601, "{method}: {answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(
            message.starts_with(method) && message.contains("offers tools and resources (tools/list,"),
            "{message}"
        );
    }
    let answer = session.request("ping", stateless(json!({}))).await;
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("ping is not supported in revision 2026-07-28"), "{message}");
    assert!(!message.contains("ping)"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_id_may_be_reused_after_answer() {
    // The ends run on two threads: the client is often faster than the server's bookkeeping.
    let mut session = Session::initialized(unconnected()).await;
    for _ in 0..2_000 {
        session.send(&json!({"jsonrpc": "2.0", "id": 7, "method": "ping"})).await;
        let answer = session.receive().await;
        assert_eq!(answer, json!({"jsonrpc": "2.0", "id": 7, "result": {}}));
    }
}
