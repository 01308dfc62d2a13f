//! The tools as methods of Python classes, with their parameters as keywords: `python/pagerduty_mcp_server/_tools.py`.

use std::fmt::Write;

use serde_json::Value;

use crate::params::Declaration;
use crate::tools::{Tool, all};

/// Parameters that belong to a page or to one object, not to a list as a whole.
const NOT_OF_LISTS: &[&str] = &[
    "policy_id",
    "incident_id",
    "schedule_id",
    "service_id",
    "team_id",
    "user_id",
    "include_past_incidents",
    "include_related_incidents",
    "include_notes",
    "offset",
];

/// The file.
pub fn tools_py() -> String {
    let mut text = String::from(HEAD);
    class(&mut text, "AsyncTools", false);
    class(&mut text, "SyncTools", true);
    text
}

const HEAD: &str = r#""""The tools as methods, with their parameters as keywords.

Generated from the catalogue: `UPDATE_DOCS=1 cargo test docs` writes it anew.
"""

TYPE_CHECKING = False  # As in `typing`, which takes longer to import than everything else here.
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from typing import Any
else:
    from ._annotations import Any, AsyncGenerator, Generator
"#;

fn class(text: &mut String, name: &str, sync: bool) {
    let (a, what) = if sync { ("", "block") } else { ("async ", "are coroutines") };
    let _ = write!(
        text,
        "\n\nclass {name}:\n    \"\"\"One method for each tool and one for each list; those of tools {what}.\"\"\"\n\n    \
         {a}def _ask(self, name: str, arguments: \"dict[str, Any]\") -> \"dict[str, Any]\":\n        \
         raise NotImplementedError\n\n    \
         def _stream(\n        self, name: str, arguments: \"dict[str, Any]\"\n    ) -> \"{}\":\n        \
         raise NotImplementedError\n",
        iterator(sync)
    );
    for tool in all() {
        method(text, tool, sync);
    }
    for tool in all().filter(|tool| is_list(tool)) {
        stream(text, tool, sync);
    }
}

fn iterator(sync: bool) -> &'static str {
    if sync { "Generator[dict[str, Any], None, None]" } else { "AsyncGenerator[dict[str, Any], None]" }
}

fn is_list(tool: &Tool) -> bool {
    tool.params.iter().any(|parameter| parameter.name == "limit")
}

fn method(text: &mut String, tool: &Tool, sync: bool) {
    let (a, wait) = if sync { ("", "") } else { ("async ", "await ") };
    let parameters: Vec<_> = tool.params.iter().collect();
    signature(text, &format!("{a}def {}", tool.name), &parameters, "dict[str, Any]");
    docstring(text, tool.description, &parameters, sync, RETURNS);
    arguments(text, &parameters);
    let _ = writeln!(text, "        return {wait}self._ask(\"{}\", arguments)", tool.name);
}

const RETURNS: &str = "        Returns:\n            The answer, as MCP clients get it, however large it is.\n\n        \
                       Raises:\n            PagerDutyError: The call failed; `code` says why.\n";

const YIELDS: &str = "        Yields:\n            Each object of the list, fetched page by page as the loop goes on.\n\n        \
                      Raises:\n            PagerDutyError: A page could not be fetched; `code` says why.\n";

fn stream(text: &mut String, tool: &Tool, sync: bool) {
    let name = tool.name.strip_prefix("get_").unwrap_or(tool.name);
    let list = |parameter: &&Declaration| {
        // A schedule is rendered over a range alone, never in a list.
        let rendered = tool.name == "get_schedules" && ["since", "until"].contains(&parameter.name);
        !NOT_OF_LISTS.contains(&parameter.name) && !rendered
    };
    let parameters: Vec<_> = tool.params.iter().filter(list).collect();
    let description = format!("All that `{}` lists, one by one.", tool.name);
    signature(text, &format!("def iter_{name}"), &parameters, iterator(sync));
    docstring(text, &description, &parameters, sync, YIELDS);
    arguments(text, &parameters);
    let _ = writeln!(text, "        return self._stream(\"{}\", arguments)", tool.name);
}

fn signature(text: &mut String, start: &str, parameters: &[&Declaration], returns: &str) {
    if parameters.is_empty() {
        let _ = writeln!(text, "\n    {start}(self) -> \"{returns}\":");
        return;
    }
    let _ = writeln!(text, "\n    {start}(\n        self,\n        *,");
    for parameter in parameters {
        let _ = writeln!(text, "        {}: {},", parameter.name, annotation(parameter));
    }
    let _ = writeln!(text, "    ) -> \"{returns}\":");
}

/// The type, and the default of what is not required.
fn annotation(parameter: &Declaration) -> String {
    let schema = parameter.form.schema();
    let kind = match schema.get("type").and_then(Value::as_str) {
        Some("array") => "list[str]",
        Some("integer") => "int",
        Some("boolean") => "bool",
        // Incidents have numbers, which go for IDs.
        _ if parameter.name == "incident_id" => "str | int",
        _ => "str",
    };
    match (parameter.required, schema.get("type").and_then(Value::as_str), schema.get("default")) {
        (true, ..) => format!("\"{kind}\""),
        (_, Some("boolean"), Some(Value::Bool(true))) => "bool = True".to_owned(),
        (_, Some("boolean"), _) => "bool = False".to_owned(),
        _ => format!("\"{kind} | None\" = None"),
    }
}

fn docstring(text: &mut String, summary: &str, parameters: &[&Declaration], short: bool, end: &str) {
    let summary = wrapped(summary, "        ", 3);
    if short {
        let _ = writeln!(text, "        \"\"\"{summary}\"\"\"");
        return;
    }
    let _ = writeln!(text, "        \"\"\"{summary}\n");
    if !parameters.is_empty() {
        text.push_str("        Args:\n");
        for parameter in parameters {
            let description = match (parameter.name, end == YIELDS) {
                ("limit", true) => "How many at most; default all, which PagerDuty ends at 10,000",
                _ => parameter.description,
            };
            let line = format!("{}: {description}.", parameter.name);
            let _ = writeln!(text, "            {}", wrapped(&line, "                ", 0));
        }
        text.push('\n');
    }
    let _ = writeln!(text, "{end}        \"\"\"");
}

/// Broken at spaces, below the hundred columns of the Python sources.
fn wrapped(text: &str, indent: &str, first: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let taken = if lines.len() == 1 { first + 8 } else { 0 } + indent.len();
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if taken + line.chars().count() + 1 + word.chars().count() <= 92 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join(&format!("\n{indent}"))
}

fn arguments(text: &mut String, parameters: &[&Declaration]) {
    if parameters.is_empty() {
        text.push_str("        arguments: dict[str, Any] = {}\n");
        return;
    }
    text.push_str("        arguments: dict[str, Any] = {\n");
    for Declaration { name, .. } in parameters {
        let _ = writeln!(text, "            \"{name}\": {name},");
    }
    text.push_str("        }\n");
}
