//! Tests of the rules for all changes of the toolsets `respond` and `communicate`: each has an example in the table, and
//! a receipt that restores the state before, once.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::tools::{SETS, Tool};
use serde_json::json;

use crate::respond_table::{self, Example, Stage, Undo};
use crate::support::err;

/// Returns the tools that change something.
fn tools() -> impl Iterator<Item = &'static Tool> {
    let sets = SETS.iter().filter(|set| ["respond", "communicate"].contains(&set.name));
    sets.flat_map(|set| set.tools).copied().filter(|tool| !tool.is_read_only())
}

/// Returns the methods and paths of the requests that may change something.
fn writes(stage: &Stage) -> Vec<String> {
    let requests = stage.account.sandbox.requests();
    let writes = requests.iter().filter(|request| request.method != "GET");
    writes.map(|request| format!("{} {}", request.method, request.path)).collect()
}

#[test]
fn each_tool_that_changes_something_has_an_example() {
    let missing: Vec<_> =
        tools().filter(|tool| !respond_table::all().any(|row| row.tool == tool.name)).map(|tool| tool.name).collect();
    assert!(missing.is_empty(), "add examples to tests/it/respond_table.rs: {missing:?}");
}

async fn receipt_restores(stage: &Stage, row: &Example) {
    let title = row.title();
    let call = (row.call)(stage).await;
    let before = (row.state)(stage, &call).await;
    assert_eq!((row.effects)(&before), 0, "{title}: {before}");
    let made = stage.ok(row.tool, call.arguments.clone()).await;
    assert_eq!((&made["outcome"], &made["sent"]), (&json!("applied"), &json!(true)), "{title}: {made}");
    let after = (row.state)(stage, &call).await;
    assert_eq!((row.effects)(&after), 1, "{title}: {after}");
    let receipt = match row.undo {
        Undo::Receipt => made["receipt"].as_str().unwrap_or_else(|| panic!("{title}: {made}")),
        Undo::Never(why) => {
            assert!(made["receipt"].is_null(), "{title}: {why}, but there is a receipt: {made}");
            return;
        }
    };
    let undone = stage.ok("undo", json!({ "receipt": receipt })).await;
    assert_eq!((&undone["outcome"], &undone["sent"]), (&json!("applied"), &json!(true)), "{title}: {undone}");
    assert_eq!((row.state)(stage, &call).await, before, "{title}: {undone}");
    let sent = writes(stage).len();
    let again = err(&stage.tools, "undo", json!({ "receipt": receipt })).await;
    assert_eq!(again.code(), Code::InvalidReceipt, "{title}: {again}");
    assert_eq!(writes(stage).len(), sent, "{title}: the second undo sends nothing");
}

#[tokio::test]
async fn receipt_restores_the_state_before_each_change_once() {
    let stage = Stage::start().await;
    for row in respond_table::all() {
        receipt_restores(&stage, row).await;
    }
}
