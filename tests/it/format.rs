//! Tests of `format=compact`: the same data in half the tokens.

use pagerduty_mcp_server::config::Format;
use pagerduty_mcp_server::reply::Written;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, tokens};
use pagerduty_mcp_server::server::serve;
use pagerduty_mcp_server::tools::Toolbox;
use pagerduty_rows::tokens::estimate_text;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Account, LISTS, binary, object, rows, tokens_of, toolbox};

async fn table(toolbox: &Toolbox, tool: &str, arguments: Value) -> String {
    match toolbox.call(tool, object(arguments)).await.unwrap().write(Format::Compact) {
        Written::Table(table) => table,
        Written::Json(envelope) => panic!("not a table: {envelope}"),
    }
}

#[tokio::test]
async fn table_of_hundred_incidents_costs_at_most_55_percent() {
    let account = Account::start().await;
    for (tool, key) in LISTS {
        let json = account.ok(tool, json!({})).await;
        let compact = table(&account.toolbox, tool, json!({})).await;
        let (full, small) = (tokens_of(&json.to_string()), tokens_of(&compact));
        println!("{key}: {} rows, {full} tokens, as a table {small}, {} %", rows(&json, key).len(), small * 100 / full);
        let estimated = estimate_text(&compact);
        println!("  estimated {estimated}, {} %", estimated * 100 / small);
        assert!((small..=small * 5 / 4).contains(&estimated), "{key}: {small} tokens, estimated {estimated}");
        assert!(key != "incidents" || small * 100 <= full * 55, "{small} of {full} tokens");
    }
}

#[tokio::test]
async fn table_stays_in_budget_with_any_column_names() {
    let account = Account::start().await;
    let small = toolbox(&account.sandbox, tokens::USER, |config| {
        (config.format, config.max_response_tokens) = (Format::Compact, Some(6_000));
    });
    account.ok("build_user_context", json!({})).await;
    for alphabet in ["abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789abcdef", "aB1-_ ü"] {
        let alphabet: Vec<char> = alphabet.chars().collect();
        let mut random = fastrand::Rng::with_seed(7);
        let mut name = || (0..12).map(|_| alphabet[random.usize(..alphabet.len())]).collect::<String>();
        let mut details = || (0..4).map(|_| (name(), json!("x"))).collect::<serde_json::Map<_, _>>();
        let rows: Vec<_> = (0..100).map(|row| json!({"id": format!("Q{row}"), "found": details()})).collect();
        let fault = FaultKind::WrongJson(json!({"incidents": rows, "more": true}));
        account.sandbox.fail(Fault::once("/incidents", fault));
        let table = table(&small, "get_incidents", json!({"include": ["id", "found"], "limit": 100})).await;
        assert!(tokens_of(&table) <= 6_000, "{} tokens: {table}", tokens_of(&table));
        assert!(table.lines().count() > 20, "{table}");
    }
}

#[tokio::test]
async fn table_starts_with_metadata_and_rows_have_all_columns() {
    let account = Account::start().await;
    for (tool, key) in LISTS {
        let json = account.ok(tool, json!({"limit": 50})).await;
        let compact = table(&account.toolbox, tool, json!({"limit": 50})).await;
        let mut lines = compact.lines();
        let mut metadata: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
        assert!(metadata.as_object_mut().unwrap().remove("format").is_some(), "the table has a legend");
        assert_eq!(metadata, json["metadata"], "{key}");
        let columns = lines.next().unwrap().split('\t').count();
        assert!(lines.clone().all(|line| line.split('\t').count() == columns), "{key}");
        assert_eq!(lines.count(), rows(&json, key).len(), "{key}");
    }
}

#[tokio::test]
async fn budget_is_measured_on_table() {
    let account = Account::start().await;
    let budget = |format| {
        toolbox(&account.sandbox, tokens::USER, |config| {
            config.max_response_tokens = Some(6_000);
            config.format = format;
        })
    };
    let all = json!({"limit": 200});
    let json = crate::support::ok(&budget(Format::Json), "get_incidents", all.clone()).await;
    let compact = table(&budget(Format::Compact), "get_incidents", all).await;
    let (few, many) = (rows(&json, "incidents").len(), compact.lines().count() - 2);
    println!("{few} incidents as JSON, {many} as a table of {} tokens", tokens_of(&compact));
    assert!(many * 2 > few * 3, "{many} against {few}");
    assert!((5_400..=6_000).contains(&tokens_of(&compact)), "{} tokens", tokens_of(&compact));
}

#[tokio::test]
async fn answers_without_list_stay_json() {
    let account = Account::start().await;
    let id = account.ok("get_teams", json!({"limit": 1})).await["teams"][0]["id"].clone();
    for (tool, arguments) in [
        ("build_user_context", json!({})),
        ("get_teams", json!({"team_id": id})),
        ("get_teams", json!({"query": "no such team"})),
    ] {
        let json = account.ok(tool, arguments.clone()).await;
        let compact = account.toolbox.call(tool, object(arguments)).await.unwrap().write(Format::Compact);
        let Written::Json(compact) = compact else { panic!("{tool}: a table") };
        assert_eq!(serde_json::from_str::<Value>(&compact).unwrap(), json, "{tool}");
    }
}

#[tokio::test]
async fn mcp_table_is_text_only_and_errors_stay_json() {
    let account = Account::with(tokens::USER, Options::default(), |config| config.format = Format::Compact).await;
    let call = |id: u32, arguments: Value| {
        let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {}, "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"}});
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": {"name": "get_teams", "arguments": arguments, "_meta": meta}})
    };
    let input = format!("{}\n{}\n", call(1, json!({})), call(2, json!({"limit": -1})));
    let (mut near, far) = tokio::io::duplex(1 << 20);
    let (reader, writer) = tokio::io::split(far);
    near.write_all(input.as_bytes()).await.unwrap();
    near.shutdown().await.unwrap();
    serve(std::sync::Arc::clone(&account.toolbox), reader, writer).await.unwrap();
    let mut output = String::new();
    near.read_to_string(&mut output).await.unwrap();
    let mut answers: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    answers.sort_by_key(|answer| answer["id"].as_u64());
    let [list, error] = answers.as_slice() else { panic!("{output}") };
    assert!(list["result"].get("structuredContent").is_none());
    assert!(list["result"]["content"][0]["text"].as_str().unwrap().lines().nth(1).unwrap().starts_with("id\tname"));
    assert_eq!(error["result"]["structuredContent"]["error"]["code"], "INVALID_PARAMETER");
}

#[test]
fn cli_accepts_format_and_budget() {
    let run = |options: &[&str]| {
        let mut command = binary();
        command.args(["call", "get_incidents", "--sandbox"]).args(options).output().unwrap()
    };
    let table = run(&["--format", "compact"]);
    assert!(table.status.success());
    assert_eq!(String::from_utf8(table.stdout).unwrap().lines().count(), 102);
    let cut: Value = serde_json::from_slice(&run(&["--max-response-tokens", "2000"]).stdout).unwrap();
    assert!(rows(&cut, "incidents").len() < 20, "{}", cut["metadata"]);
    for wrong in [["--format", "yaml"], ["--max-response-tokens", "many"]] {
        let output = run(&wrong);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("hint:"), "{wrong:?}");
    }
}
