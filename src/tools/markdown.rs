//! The documentation of tools as Markdown, written from their values.

use std::fmt::Write;

use pagerduty_api::operations::incidents::{INCIDENTS, NOTES};
use serde_json::Value;

use super::incidents::IncidentExtras;
use super::{SETS, Tool, Toolset, all};
use crate::models::{TABLES, Table};
use crate::params::{Declaration, Extras};

/// Returns the documentation of tools: `docs/tools.md`, and the resource `docs://tools`.
#[must_use]
pub fn markdown(tools: &[&'static Tool]) -> String {
    let mut text = String::from(
        "# PagerDuty tools\n\n\
         Every answer is `{\"metadata\": {\"count\", \"description\", …}, \"<plural resource>\": […]}`; a single \
         object is a list with one element. `build_user_context`, `get_handoff`, `override_oncall` and `cancel_override` answer a flat object. Lists say `has_more`, and \
         `next_offset` when there is more; `warnings` lists what was ignored, is missing or is uncertain. Empty fields \
         are left out. An error is `{\"metadata\": …, \"error\": {\"code\", \"message\", \"hint\"}}`.\n\n\
         An ID excludes list filters, and `limit` and `offset` beside it are ignored. `current_user_context` (default \
         true) limits a list to what concerns the current user; for others pass false with explicit filters. \
         Timestamps are ISO 8601; without an offset they are UTC, or in the time zone of the answer for tools whose answers \
         have one. A blank value (`\"\"`, `[]`, `null`, a `limit` or an \
         ID of 0) is the same as none; a list with only empty entries (`[\"\"]`) is an error. \
         Wherever an ID is expected, a unique name works too, a user's email address, an incident's number, `me` for \
         the current user, and the link to the web page of the object.\n",
    );
    toolsets(&mut text, SETS, tools);
    for tool in tools {
        section(&mut text, tool);
    }
    text.push_str("\n## Fields\n\n`include` replaces the default fields; it may name any of these, and the answer has them in that order. With `+` before a name (`+html_url`) the default fields come, too. Other names are passed on, since PagerDuty sends fields that its description lacks; a warning names those that are in no row. Tools without `include` compose their rows. By default an incident's `description` is left out where it only repeats the title.\n\n| Resource | Default | On request |\n|---|---|---|\n");
    // No tool has an `include` for notes.
    TABLES.iter().filter(|table| table.resource != &NOTES).for_each(|table| fields(&mut text, table));
    text
}

/// Returns the table of the tools that are on by default, and one of the toolsets that are not, if there are any.
#[must_use]
pub fn overview_markdown(sets: &[&Toolset]) -> String {
    let mut text = String::from("| Tool | Description |\n|---|---|\n");
    let is_on = |tool: &&Tool| sets.iter().any(|set| set.default && set.contains(tool.name));
    for tool in all().filter(is_on) {
        let _ = writeln!(text, "| `{}` | {} |", tool.name, tool.description);
    }
    let others: Vec<_> = sets.iter().copied().filter(|set| !set.default).collect();
    if !others.is_empty() {
        text.push_str("\nThese toolsets are off by default; `--toolsets core,NAME` adds one to the tools above, and `--toolsets all` offers\nevery tool.\n");
        toolsets(&mut text, &others, &all().collect::<Vec<_>>());
    }
    text
}

/// Writes the table of the toolsets with any of these tools.
fn toolsets(text: &mut String, sets: &[&Toolset], tools: &[&Tool]) {
    text.push_str("\n| Toolset | Content | Tools |\n|---|---|---|\n");
    for set in sets {
        let names: Vec<_> = tools.iter().map(|tool| tool.name).filter(|name| set.contains(name)).collect();
        if !names.is_empty() {
            let _ = writeln!(text, "| `{}` | {} | {} |", set.name, set.about, quoted(&names));
        }
    }
}

fn section(text: &mut String, tool: &Tool) {
    let effect = match (tool.changes(), tool.destructive, tool.is_idempotent()) {
        (None, ..) => "only reads".to_owned(),
        (Some(noun), true, _) => format!("changes the {noun} for good"),
        (Some(noun), _, true) => format!("changes the {noun}; twice is the same as once"),
        (Some(noun), ..) => format!("changes the {noun}; twice has the effect twice"),
    };
    let _ = write!(text, "\n## {}\n\n{} ({effect})\n", tool.name, tool.description);
    let (needed, further) = tool.scopes();
    let further =
        if further.is_empty() { String::new() } else { format!("; some calls also need {}", quoted(&further)) };
    let _ = write!(text, "\nScopes of a token: {}{further}.\n", user_or(&needed));
    if tool.params.is_empty() {
        text.push_str("\nNo parameters.\n");
        return;
    }
    text.push_str("\n| Parameter | Type | Meaning |\n|---|---|---|\n");
    for parameter in tool.params {
        let required = if parameter.required { " (required)" } else { "" };
        let _ = writeln!(text, "| `{}`{required} | {} | {} |", parameter.name, kind(parameter), parameter.description);
    }
}

/// Returns the type in words: "integer", "list of string: high, low", "boolean, default true".
fn kind(parameter: &Declaration) -> String {
    let schema = parameter.form.schema();
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let words = |of: &Value| {
        let words = of.get("enum").and_then(Value::as_array)?;
        Some(words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "))
    };
    let mut kind = match schema.get("items") {
        None => words(&Value::Object(schema.clone())).unwrap_or_else(|| text(schema.get("type"))),
        Some(items) => words(items).map_or_else(|| "list of strings".to_owned(), |words| format!("list of {words}")),
    };
    if let Some(default) = schema.get("default") {
        let _ = write!(kind, ", default {default}");
    }
    kind
}

fn fields(text: &mut String, table: &Table) {
    let default: Vec<_> = table.default.iter().map(|field| field.name).collect();
    let extras = if table.resource == &INCIDENTS { IncidentExtras::NAMES } else { &[] };
    let others: Vec<_> = table.other.iter().chain(extras).copied().collect();
    let _ = writeln!(text, "| {} | {} | {} |", table.resource.many, default.join(", "), others.join(", "));
}

/// Returns the table of OAuth scopes that the tools need.
#[must_use]
pub fn scopes_markdown() -> String {
    let mut text = String::from("| Tool | Scopes | Some calls also need |\n|---|---|---|\n");
    for tool in all() {
        let (needed, further) = tool.scopes();
        let _ = writeln!(text, "| `{}` | {} | {} |", tool.name, user_or(&needed), quoted(&further));
    }
    text
}

/// Returns scopes as code. Without one, any token of a user will do.
fn user_or(scopes: &[&str]) -> String {
    if scopes.is_empty() { "any, of a user".to_owned() } else { quoted(scopes) }
}

/// Returns names as code.
fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overview_separates_toolsets_that_are_off() {
        let default: Vec<_> = SETS.iter().copied().filter(|set| set.default).collect();
        assert!(!overview_markdown(&default).contains("off by default"));
        let on = Toolset { name: "on", title: "", about: "", default: true, instructions: "", tools: SETS[0].tools };
        let off = Toolset { name: "off", about: "More.", default: false, tools: SETS[1].tools, ..on };
        let text = overview_markdown(&[&on, &off]);
        let (tools, toolsets) = text.split_once("off by default").unwrap();
        for tool in on.tools {
            assert!(tools.contains(&format!("| `{}` | ", tool.name)) && !toolsets.contains(tool.name), "{text}");
        }
        let row = format!("| `off` | More. | `{}` |", off.tools[0].name);
        assert!(toolsets.contains(&row) && !tools.contains(off.tools[0].name), "{text}");
    }
}
