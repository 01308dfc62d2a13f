//! Tests that the committed documentation is the generated one.

use std::fs;
use std::path::Path;

use pagerduty_mcp_server::docs;

#[test]
fn generated_documentation_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = docs::files();
    let clients = files.iter_mut().find(|(path, _)| *path == "docs/clients.md").unwrap();
    clients.1 = with_part(&clients.1, "results", &fs::read_to_string(root.join("tests/clients/results.md")).unwrap());
    for (path, name, text) in docs::parts() {
        files.push((path, with_part(&fs::read_to_string(root.join(path)).unwrap(), name, &text)));
    }
    for (path, text) in files {
        let path = root.join(path);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "{} is not current: run `UPDATE_DOCS=1 cargo test docs`", path.display());
    }
}

/// Returns the file with the section of this name replaced.
fn with_part(file: &str, name: &str, text: &str) -> String {
    let (before, rest) = file.split_once(&format!("<!-- {name}:")).expect("the part begins");
    let (opening, rest) = rest.split_once("-->\n").expect("the mark ends");
    let (_, after) = rest.split_once(&format!("<!-- /{name} -->")).expect("the part ends");
    format!("{before}<!-- {name}:{opening}-->\n{text}<!-- /{name} -->{after}")
}
