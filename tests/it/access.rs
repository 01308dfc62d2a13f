//! Tests of what each tool may do: its annotations, and the filters that switch it off.

use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::tokens;
use pagerduty_mcp_server::server::definition;
use pagerduty_mcp_server::tools::{EVERY, Filter, SETS, Tool, Toolbox, all};
use serde_json::{Map, Value};

use crate::support::config;

/// The effect of a tool.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Access {
    /// It changes nothing.
    Reads,
    /// Its changes can be changed back.
    Writes,
    /// It destroys, publishes or runs something, or cannot be taken back.
    Destroys,
}

use Access::{Destroys, Reads, Writes};

/// The tools that change something, by design. All others only read.
const CHANGES: &[(&str, Access)] = &[
    ("acknowledge_incident", Writes),
    ("resolve_incident", Destroys),
    ("add_incident_note", Writes),
    ("override_oncall", Writes),
    ("cancel_override", Destroys),
    ("create_incident", Writes),
    ("update_incidents", Writes),
    ("snooze_incident", Writes),
    ("merge_incidents", Destroys),
    ("request_responders", Writes),
    ("run_automation", Destroys),
    ("update_alerts", Writes),
    ("edit_incident_note", Destroys),
    ("set_maintenance", Writes),
    ("undo", Destroys),
    ("send_status_update", Writes),
    ("post_status_page", Destroys),
    ("set_business_impact", Writes),
    ("call_api", Destroys),
];

fn access(tool: &Tool) -> Access {
    CHANGES.iter().find(|(name, _)| *name == tool.name).map_or(Reads, |(_, access)| *access)
}

#[test]
fn annotations_state_what_each_tool_may_do() {
    for tool in all() {
        let hints = &definition(tool)["annotations"];
        let stated = (hints["readOnlyHint"].as_bool(), hints["destructiveHint"].as_bool());
        let access = access(tool);
        assert_eq!(stated, (Some(access == Reads), Some(access == Destroys)), "{}", tool.name);
        let writes = tool.operations.iter().any(|operation| !operation.effect.is_read());
        assert_eq!(writes || tool.changes_anything, access != Reads, "{} names its operations", tool.name);
    }
}

/// Returns the names of the tools that a server with these filters lists, and checks that it calls no other ones.
async fn offered(filter: &Filter, narrowed: Option<&Filter>) -> Vec<&'static str> {
    let mut toolbox = Toolbox::new(&config(tokens::USER), filter).unwrap();
    if let Some(narrowed) = narrowed {
        toolbox = toolbox.narrowed(narrowed).unwrap();
    }
    let names: Vec<_> = toolbox.tools().iter().map(|tool| tool.name).collect();
    for tool in all().filter(|tool| !names.contains(&tool.name)) {
        let error = toolbox.call(tool.name, Map::<String, Value>::new()).await.unwrap_err();
        assert_eq!(error.code(), Code::UnknownTool, "{}: {error}", tool.name);
    }
    names
}

#[tokio::test]
async fn filters_hold_for_every_tool() {
    let every = || Filter { toolsets: Some(vec![EVERY.to_owned()]), ..Filter::default() };
    let read_only = Filter { read_only: true, ..every() };
    let reads: Vec<_> = all().filter(|tool| access(tool) == Reads).map(|tool| tool.name).collect();
    assert_eq!(offered(&read_only, None).await, reads);
    let header = Filter { read_only: true, ..Filter::default() };
    assert_eq!(offered(&every(), Some(&header)).await, reads, "a request may narrow the tools, too");
    for set in SETS {
        let only = Filter { toolsets: Some(vec![set.name.to_owned()]), ..Filter::default() };
        let names: Vec<_> = all().filter(|tool| set.contains(tool.name)).map(|tool| tool.name).collect();
        assert_eq!(offered(&only, None).await, names, "{}", set.name);
        assert_eq!(offered(&every(), Some(&only)).await, names, "{}", set.name);
        let both = Filter { read_only: true, ..only };
        let names: Vec<_> = names.into_iter().filter(|name| reads.contains(name)).collect();
        assert_eq!(offered(&both, None).await, names, "{}", set.name);
    }
    for tool in all() {
        let only = Filter { tools: Some(vec![tool.name.to_owned()]), ..Filter::default() };
        assert_eq!(offered(&only, None).await, [tool.name]);
        let read_only = Filter { read_only: true, ..only };
        assert_eq!(offered(&read_only, None).await.is_empty(), access(tool) != Reads, "{}", tool.name);
    }
}
