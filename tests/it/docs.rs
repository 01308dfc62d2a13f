//! Tests that the committed documentation is the generated one.

use std::fs;
use std::path::Path;

use pagerduty_mcp_server::docs;
use regex::Regex;

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

#[test]
fn markdown_links_resolve() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let in_folder = |folder: &str| fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = ["", "docs", "findings", "fuzz", "tests/clients"].into_iter().flat_map(in_folder).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    assert!(files.len() > 20, "{files:?}");
    let code = Regex::new(r"(?s)```.*?```|`[^`]*`").unwrap();
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        for found in link.captures_iter(&code.replace_all(&text, "")) {
            let (path, anchor) = found[1].split_once('#').unwrap_or((&found[1], ""));
            if path.contains("://") {
                continue;
            }
            let target = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            assert!(target.exists(), "{} links to {path}", file.display());
            let headings = || fs::read_to_string(&target).unwrap().lines().filter_map(anchor_of).collect::<Vec<_>>();
            assert!(
                anchor.is_empty() || headings().iter().any(|heading| heading == anchor),
                "{} links to {}, which has no such heading",
                file.display(),
                &found[1]
            );
        }
    }
}

/// Returns the anchor that GitHub generates for a heading.
fn anchor_of(line: &str) -> Option<String> {
    let heading = line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#'))?;
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    Some(kept.collect::<String>().to_lowercase().replace(' ', "-"))
}
