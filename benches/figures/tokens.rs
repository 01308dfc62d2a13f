//! The cost of definitions and answers for a model, in o200k tokens.

use std::time::Duration;

use pagerduty_mcp_server::config::Format;
use pagerduty_mcp_server::reply::Written;
use pagerduty_mcp_server::tools::{Filter, Tool};
use serde_json::{Value, json};

use crate::account::{Account, runtime};
use crate::report::{Figure, Report};

const SECTION: &str = "Tokens (o200k)";

/// Counts the tokens of a text.
pub fn count(text: &str) -> f64 {
    tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len() as f64
}

/// Counts the tokens of an answer to `tools/list`, of the parts that a client passes to a model.
pub fn definitions(listed: &Value) -> f64 {
    let of = |tool: &Value| {
        let shown =
            json!({"name": tool["name"], "description": tool["description"], "inputSchema": tool["inputSchema"]});
        count(&shown.to_string())
    };
    listed["tools"].as_array().unwrap().iter().map(of).sum()
}

pub fn measure(report: &mut Report) {
    let definition =
        |tool: &Tool| json!({"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema()});
    let definitions = Filter::default().tools().unwrap().iter().map(|tool| count(&definition(tool).to_string())).sum();
    report.add(SECTION, Figure::new("definitions of the twelve tools", "", definitions).at_most(2_500.0));
    let account = Account::start(600, Duration::ZERO);
    let (json, table) = runtime().block_on(async {
        let reply = account.toolbox().call("get_incidents", serde_json::Map::new()).await.unwrap();
        let Written::Table(table) = reply.clone().write(Format::Compact) else { panic!("not a table") };
        (count(&reply.into_value().to_string()), count(&table))
    });
    report.add(SECTION, Figure::new("100 incidents, `json`", "", json).at_most(25_000.0));
    report.add(SECTION, Figure::new("100 incidents, `compact`", "", table).at_most(json * 0.55));
}
