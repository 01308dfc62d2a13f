//! The methods of the Python classes: one for each tool, and one for each list.
//!
//! The stub and the extension module both read this, so that an editor shows the signature that the interpreter checks.

use std::fmt::Write;

use serde_json::Value;

use super::texts;
use crate::params::Declaration;
use crate::tools::{self, Tool};

/// The width of a docstring: that of the Python sources, less the indentation in a class.
const WIDTH: usize = 92;

/// The parameters of tools that only apply to a single object, in lists that take them for objects.
const NOT_OF_STREAMS: &[(&str, &[&str])] = &[("get_schedules", &["since", "until"])];

/// A method: a tool, or the list of a tool as a stream of rows.
#[derive(Clone, Copy)]
pub struct Method {
    /// The tool that the method calls.
    pub tool: &'static Tool,
    /// Whether the method returns an iterator of rows.
    pub is_stream: bool,
}

/// A keyword of a method.
pub struct Keyword {
    /// The name, which is that of the tool's parameter.
    pub name: &'static str,
    /// The type in Python's notation.
    pub annotation: String,
    /// The default in Python's notation, or `None` if the keyword is required.
    pub default: Option<&'static str>,
    /// The explanation, without the name.
    text: String,
}

impl Method {
    /// Returns all methods: the tools in the catalogue's order, then the streams.
    pub fn all() -> impl Iterator<Item = Self> {
        let tools = tools::all().map(|tool| Self { tool, is_stream: false });
        tools.chain(tools::all().filter(|tool| is_list(tool)).map(|tool| Self { tool, is_stream: true }))
    }

    /// Returns the name of the method.
    #[must_use]
    pub fn name(self) -> String {
        if self.is_stream { format!("iter_{}", self.rows()) } else { self.tool.name.to_owned() }
    }

    /// Returns the name of the list that a stream reads.
    fn rows(self) -> &'static str {
        self.tool.name.strip_prefix("get_").unwrap_or(self.tool.name)
    }

    /// Returns the keywords of the method. A stream has those that belong to a list as a whole: not those of a page or of
    /// a single object.
    #[must_use]
    pub fn keywords(self) -> Vec<Keyword> {
        let single =
            NOT_OF_STREAMS.iter().find(|(tool, _)| *tool == self.tool.name).map_or(&[][..], |(_, names)| names);
        let is_of_stream = |name: &str| {
            !(name == "offset" || name.ends_with("_id") || name.starts_with("include_") || single.contains(&name))
        };
        let declarations = self.tool.params.iter().filter(|one| !self.is_stream || is_of_stream(one.name));
        declarations.map(|declaration| self.keyword(declaration)).collect()
    }

    fn keyword(self, declaration: &'static Declaration) -> Keyword {
        let schema = declaration.form.schema();
        let kind = match schema.get("type").and_then(Value::as_str) {
            Some("array") => "list[str]",
            Some("integer") => "int",
            Some("boolean") => "bool",
            // The number of an incident is accepted as its ID.
            _ if declaration.name == "incident_id" => "str | int",
            _ => "str",
        };
        let (annotation, default) = match (declaration.required, kind) {
            (true, _) => (kind.to_owned(), None),
            (_, "bool") => {
                let is_on = schema.get("default").and_then(Value::as_bool) == Some(true);
                (kind.to_owned(), Some(if is_on { "True" } else { "False" }))
            }
            _ => (format!("{kind} | None"), Some("None")),
        };
        let text = texts::parameter(self, declaration);
        Keyword { name: declaration.name, annotation, default, text }
    }

    /// Returns the docstring, without quotes and without indentation.
    #[must_use]
    pub fn documentation(self) -> String {
        let mut text = String::new();
        for paragraph in texts::method(self).split("\n\n") {
            // The first line also has the quotes.
            let quotes = if text.is_empty() { 3 } else { 0 };
            let _ = write!(text, "{}\n\n", wrapped(paragraph, WIDTH, quotes, ""));
        }
        let keywords = self.keywords();
        if !keywords.is_empty() {
            text.push_str("Args:\n");
            for Keyword { name, text: meaning, .. } in keywords {
                let _ = writeln!(text, "    {}", wrapped(&format!("{name}: {meaning}"), WIDTH - 8, 0, "        "));
            }
            text.push('\n');
        }
        text.push_str(if self.is_stream { texts::YIELDS } else { texts::RETURNS });
        text
    }
}

/// Returns whether a tool returns a list that can be read page by page.
fn is_list(tool: &Tool) -> bool {
    tool.params.iter().any(|parameter| parameter.name == "limit")
}

/// Breaks a text at spaces. `taken` columns of the first line are in use, and `indent` precedes each further line.
fn wrapped(text: &str, width: usize, taken: usize, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let taken = if lines.len() == 1 { taken } else { 0 };
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if taken + line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join(&format!("\n{indent}"))
}
