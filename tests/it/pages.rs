//! Tests that hand-written pages name files, items, tests and headings that exist.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// The words after which Rust and Python declare a name.
const DECLARING: [&str; 10] = ["fn", "def", "const", "static", "struct", "enum", "trait", "type", "mod", "class"];

/// The files of the product and its tests, and the names that they declare.
struct Tree {
    files: Vec<PathBuf>,
    names: HashSet<String>,
}

impl Tree {
    fn read() -> Self {
        let mut files = Vec::new();
        for folder in ["", "src", "crates", "python", "tests", "benches"] {
            files_of(&root().join(folder), &mut files);
        }
        let mut names = HashSet::new();
        for text in files.iter().filter_map(|file| fs::read_to_string(file).ok()) {
            let words: Vec<_> = text.split_whitespace().collect();
            for pair in words.windows(2).filter(|pair| DECLARING.contains(&pair[0])) {
                names.extend(pair[1].split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned));
            }
        }
        Self { files, names }
    }

    /// Returns whether a path ends a file's path, or a folder's if it ends with a slash.
    fn has_path(&self, path: &str) -> bool {
        let is_at = |file: &PathBuf| match path.strip_suffix('/') {
            Some(folder) => file.ancestors().any(|ancestor| ancestor.ends_with(folder)),
            None => file.ends_with(path),
        };
        self.files.iter().any(is_at) || root().join(path).exists()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Adds the files of a folder, and those below it unless the folder is the root.
fn files_of(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            files.push(path);
        } else if folder != root().join("") && !path.ends_with("node_modules") {
            files_of(&path, files);
        }
    }
}

fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Returns the inline code of a text.
fn code_in(text: &str) -> Vec<String> {
    let fence = Regex::new(r"(?s)```.*?```").unwrap();
    let code = Regex::new(r"`([^`\n]+)`").unwrap();
    code.captures_iter(&fence.replace_all(text, "")).map(|found| found[1].to_owned()).collect()
}

#[test]
fn invariants_page_names_existing_tests() {
    let tree = Tree::read();
    for row in page("docs/invariants.md").lines().filter(|line| line.starts_with("| ")) {
        let (_, tests) = row.trim_end_matches(" |").rsplit_once(" | ").unwrap();
        for name in code_in(tests) {
            let exists = if name.contains('.') { tree.has_path(&name) } else { tree.names.contains(&name) };
            assert!(exists, "docs/invariants.md names {name}, which does not exist");
        }
    }
}

#[test]
fn architecture_page_names_existing_code() {
    let tree = Tree::read();
    for name in code_in(&page("ARCHITECTURE.md")) {
        let exists = if name.contains(['*', ' ']) || name.contains("://") || name.starts_with('.') {
            true
        } else if let Some((_, item)) = name.rsplit_once("::") {
            tree.names.contains(item)
        } else if name.contains(['/', '.']) {
            tree.has_path(&name)
        } else {
            true
        };
        assert!(exists, "ARCHITECTURE.md names {name}, which does not exist");
    }
}

#[test]
fn mutation_testing_names_existing_files() {
    let config = page(".cargo/mutants.toml");
    let globs: Vec<_> = config.split('"').filter(|text| text.starts_with("src/")).collect();
    assert!(globs.len() > 5, "{globs:?}");
    for glob in globs {
        let path = root().join(glob.trim_end_matches("*.rs"));
        assert!(path.exists(), ".cargo/mutants.toml names {glob}, which does not exist");
    }
}

#[test]
fn markdown_links_resolve() {
    let in_folder = |folder: &str| fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
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
