//! What definitions and answers cost a model, in o200k tokens.

use std::time::Duration;

use pagerduty_mcp_server::reply::{Format, Written};
use pagerduty_mcp_server::tools::ALL;
use serde_json::json;

use crate::account::{Account, runtime};
use crate::report::{Report, Target};

const SECTION: &str = "Tokens (o200k)";

fn count(text: &str) -> f64 {
    tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len() as f64
}

pub fn measure(report: &mut Report) {
    let definition = |tool: &pagerduty_mcp_server::tools::Tool| json!({"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema()});
    let definitions = ALL.iter().map(|tool| count(&definition(tool).to_string())).sum();
    report.add(SECTION, "definitions of the twelve tools", "", definitions, None, Some(Target::AtMost(2_500.0)));
    let account = Account::start(600, Duration::ZERO);
    let (json, table) = runtime().block_on(async {
        let toolbox = account.toolbox();
        let reply = toolbox.call("get_incidents", serde_json::Map::new()).await.unwrap();
        let Written::Table(table) = reply.clone().write(Format::Compact) else { panic!("a list is a table") };
        (count(&reply.into_value().to_string()), count(&table))
    });
    report.add(SECTION, "100 incidents, json", "", json, None, Some(Target::AtMost(25_000.0)));
    report.add(SECTION, "100 incidents, compact", "", table, None, Some(Target::AtMost(json * 0.55)));
}
