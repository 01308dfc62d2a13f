//! Tests of the rules for all changes of the toolsets `respond` and `communicate`: each has an example in the table, and
//! a receipt that restores the state before, once.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::tools::{SETS, Tool};
use serde_json::{Value, json};

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

/// The text about the parameter that previews a change.
const DRY_RUN: &str = "Only show what would change";

#[test]
fn each_tool_that_changes_something_has_a_dry_run() {
    let is_preview = |tool: &&Tool| {
        tool.params.iter().any(|parameter| (parameter.name, parameter.description) == ("dry_run", DRY_RUN))
    };
    let without: Vec<_> = tools().filter(|tool| !is_preview(tool)).map(|tool| tool.name).collect();
    assert!(without.is_empty(), "{without:?}");
}

/// Returns whether each object in a value has a name beside its ID.
fn is_named(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().all(is_named),
        Value::Object(object) if object.contains_key("id") => object.get("name").is_some_and(Value::is_string),
        Value::Object(object) => object.values().all(is_named),
        _ => true,
    }
}

#[tokio::test]
async fn dry_run_sends_only_reads_and_names_whom_it_reaches() {
    let stage = Stage::start().await;
    for row in respond_table::all() {
        let title = row.title();
        let call = (row.call)(&stage).await;
        let before = (row.state)(&stage, &call).await;
        let sent = writes(&stage).len();
        let dry = stage.ok(row.tool, call.preview()).await;
        assert_eq!((&dry["outcome"], &dry["sent"]), (&json!("dry_run"), &json!(false)), "{title}: {dry}");
        assert_eq!(writes(&stage).len(), sent, "{title}: {dry}");
        assert_eq!((row.state)(&stage, &call).await, before, "{title}: {dry}");
        assert!(dry["receipt"].is_null() && dry["undo"].is_string(), "{title}: {dry}");
        let reached: Vec<_> = ["pages", "tells", "publishes"].iter().filter_map(|name| dry.get(*name)).collect();
        assert!(!reached.is_empty() && reached.iter().all(|users| users.is_array()), "{title}: {dry}");
        assert!(reached.iter().all(|users| is_named(users)), "{title}: {dry}");
        let rows = dry.as_object().unwrap().values().filter_map(Value::as_array).flatten();
        let sides: Vec<_> = rows.flat_map(|row| [&row["before"], &row["after"]]).collect();
        assert!(sides.iter().any(|side| side.is_object()), "{title}: {dry}");
        assert!(sides.iter().all(|side| is_named(side)), "{title}: {dry}");
        let made = stage.ok(row.tool, call.arguments.clone()).await;
        assert_eq!(made["outcome"], "applied", "{title}: as the preview says: {made}");
    }
}
