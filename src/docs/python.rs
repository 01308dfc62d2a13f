//! The generated parts of the Python package: the stub of the methods, and the types of their answers.

pub mod methods;
mod texts;
mod types;

use std::fmt::Write;

use methods::{Keyword, Method};

pub use types::types_py;

/// Returns `_methods.pyi`.
pub fn methods_pyi() -> String {
    let mut body = String::new();
    for (class, is_async) in [("AsyncTools", true), ("SyncTools", false)] {
        let form = if is_async {
            "coroutine for each tool, and an asynchronous iterator"
        } else {
            "method for each tool, and an iterator"
        };
        let _ = write!(body, "\nclass {class}:\n    \"\"\"A {form} for each list.\"\"\"\n");
        Method::all().for_each(|method| write_method(&mut body, method, is_async));
    }
    let mut names: Vec<_> = Method::all().map(types::name).collect();
    names.sort_unstable();
    names.dedup();
    let any = if names.iter().any(|name| name.contains("Any")) { "from typing import Any\n" } else { "" };
    names.retain(|name| !name.contains('['));
    let names = names.join(",\n    ");
    format!("{HEAD}{any}\nfrom .types import (\n    {names},\n)\n\n__all__ = [\"AsyncTools\", \"SyncTools\"]\n{body}")
}

const HEAD: &str = r#""""Methods for tools, as type checkers and editors read them.

Generated from the catalogue: `UPDATE_DOCS=1 cargo test docs` writes it anew.
"""

from collections.abc import AsyncGenerator, Generator
"#;

fn write_method(text: &mut String, method: Method, is_async: bool) {
    let (start, returns) = match (method.is_stream, is_async) {
        (false, true) => ("async def", types::answer(method)),
        (false, false) => ("def", types::answer(method)),
        (true, true) => ("def", format!("AsyncGenerator[{}]", types::row(method))),
        (true, false) => ("def", format!("Generator[{}]", types::row(method))),
    };
    let keywords = method.keywords();
    let _ = write!(text, "\n    {start} {}(", method.name());
    if keywords.is_empty() {
        text.push_str("self");
    } else {
        text.push_str("\n        self,\n        *,\n");
        for Keyword { name, annotation, default, .. } in keywords {
            let default = default.map(|default| format!(" = {default}")).unwrap_or_default();
            let _ = writeln!(text, "        {name}: {annotation}{default},");
        }
        text.push_str("    ");
    }
    let documentation = method.documentation().trim_end().replace('\n', "\n        ").replace("\n        \n", "\n\n");
    let _ = writeln!(text, ") -> {returns}:\n        \"\"\"{documentation}\n        \"\"\"");
}
