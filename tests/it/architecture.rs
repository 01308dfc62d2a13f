//! Tests of the invariants in `docs/invariants.md`, by searching the source.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Returns the source files of the product by name. The names of a crate begin with its folder, as in `rows/`.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = tree_of("", &root.join("src"));
    for name in crates() {
        sources.extend(tree_of(&format!("{name}/"), &root.join("crates").join(name).join("src")));
    }
    // This module uses every other one, and is compiled only for tests.
    sources.retain(|(name, _)| name != "fuzzing.rs");
    sources.sort();
    sources
}

/// Returns the folders in `crates`.
fn crates() -> Vec<String> {
    let folders = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("crates")).unwrap();
    folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect()
}

fn tree_of(prefix: &str, tree: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    all_files(tree, &mut files);
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let name = |path: &PathBuf| path.strip_prefix(tree).unwrap().to_string_lossy().replace('\\', "/");
    files.iter().map(|path| (format!("{prefix}{}", name(path)), fs::read_to_string(path).unwrap())).collect()
}

fn all_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all_files(&path, files) } else { files.push(path) }
    }
}

/// Returns the lines of code before the tests of a file.
fn code(source: &str) -> impl Iterator<Item = &str> {
    let lines = source.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    lines.filter(|line| !line.trim_start().starts_with("//"))
}

/// Returns the files outside `rooms` that have a line of code with one of `words`.
fn intruders(words: &[&str], rooms: &[&str]) -> Vec<String> {
    let in_room =
        |file: &str| rooms.iter().any(|room| file == format!("{room}.rs") || file.starts_with(&format!("{room}/")));
    let names = |source: &str| code(source).any(|line| words.iter().any(|word| line.contains(word)));
    sources().into_iter().filter(|(file, source)| !in_room(file) && names(source)).map(|(file, _)| file).collect()
}

#[test]
fn frameworks_are_used_only_by_edge_modules() {
    let none: [String; 0] = [];
    assert_eq!(intruders(&["rmcp::", "use rmcp"], &["server"]), none, "only server uses rmcp");
    assert_eq!(intruders(&["pyo3"], &["python", "pyjson"]), none, "only python and pyjson use pyo3");
    assert_eq!(intruders(&["reqwest"], &["client", "auth", "net"]), none, "only client, auth and net use reqwest");
    let serving = ["sandbox", "auth", "server", "serve"];
    assert_eq!(intruders(&["axum"], &serving), none, "only the server, the sandbox and the login have routes");
    assert_eq!(intruders(&["hyper::"], &["server/http", "serve"]), none, "only HTTP servers handle connections");
    assert_eq!(intruders(&["prometheus_client"], &["metrics"]), none, "only metrics uses prometheus_client");
    assert_eq!(intruders(&["clap"], &["cli"]), none, "only cli uses clap");
}

#[test]
fn rows_public_functions_are_not_generic() {
    // A generic function would be compiled in the calling crate, which is optimized for size.
    let has_types = |line: &str| {
        let parameters = line.split_once(">(").and_then(|(before, _)| before.split_once('<'));
        parameters.is_some_and(|(_, names)| names.split(", ").any(|name| !name.starts_with('\'')))
    };
    let is_generic = |line: &&str| {
        let line = line.trim_start();
        (line.starts_with("pub fn") || line.starts_with("pub const fn")) && (line.contains("impl ") || has_types(line))
    };
    for (file, source) in sources().into_iter().filter(|(file, _)| file.starts_with("rows/")) {
        let hit = code(&source).find(is_generic);
        assert!(hit.is_none(), "{file}: {hit:?}");
    }
}

#[test]
fn tools_never_build_urls() {
    let tools = sources().into_iter().filter(|(file, _)| file.starts_with("tools"));
    for (file, source) in tools {
        let hit = code(&source)
            .find(|line| ["http:", "https", "\"/", "/{", "}/", "Url"].iter().any(|word| line.contains(word)));
        assert!(hit.is_none(), "{file}: {hit:?}");
    }
}

#[test]
fn paths_are_declared_only_in_api_crate() {
    let other = |(file, _): &(String, String)| !["api", "sandbox"].contains(&room(file));
    for (file, source) in sources().into_iter().filter(other) {
        for path in pagerduty_api::operations::all().map(|operation| operation.path) {
            let start = format!("\"{}", path.split("/{").next().unwrap());
            let written = code(&source).find(|line| line.contains(&start));
            assert!(written.is_none(), "{file} writes a path that an operation of pagerduty_api declares: {written:?}");
        }
    }
}

#[test]
fn tools_do_not_use_sandbox() {
    let users = ["app", "cli", "sandbox", "lib", "python"];
    assert_eq!(intruders(&["sandbox::", "Sandbox"], &users), [""; 0]);
}

/// The sandbox is what the tests compare the product with: code that both share would be wrong in both.
///
/// Both use the calendar, which `test_calendars.py` compares with other libraries. The product uses it only for zones.
#[test]
fn crates_depend_on_listed_crates_only() {
    let allowed = [
        ("api", ""),
        ("calendar", ""),
        ("files", ""),
        ("payloads", ""),
        ("reference", ""),
        ("rows", ""),
        ("serve", ""),
        ("sandbox", "calendar files serve"),
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    for name in crates() {
        let Some((_, allowed)) = allowed.iter().find(|(known, _)| *known == name) else { continue };
        let manifest = fs::read_to_string(root.join(&name).join("Cargo.toml")).unwrap();
        let own = manifest.lines().filter_map(|line| line.strip_prefix("pagerduty-")?.split_once(" = "));
        assert_eq!(own.map(|(dependency, _)| dependency).collect::<Vec<_>>().join(" "), *allowed, "{name}");
    }
}

#[test]
fn only_cli_and_protocol_write_to_stdout() {
    assert_eq!(intruders(&["print!(", "println!(", "stdout()"], &["cli/output", "server/stdio"]), [""; 0]);
}

#[test]
fn only_config_reads_environment() {
    assert_eq!(intruders(&["env::var", "env::vars"], &["config"]), [""; 0]);
}

#[test]
fn tests_start_binary_with_separate_home() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let names = |path: &Path| fs::read_to_string(path).unwrap().contains(concat!("CARGO_BIN", "_EXE"));
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let direct: Vec<_> = files.filter(|path| path.is_file() && names(path) && !path.ends_with("support.rs")).collect();
    assert!(direct.is_empty(), "{direct:?}: use support::binary()");
}

#[test]
fn secrets_are_exposed_only_in_auth() {
    assert_eq!(intruders(&["expose_secret"], &["auth"]), [""; 0]);
}

#[test]
fn files_stay_readable() {
    for (file, source) in sources() {
        let lines = source.lines().count();
        assert!(lines <= 500, "{file} has {lines} lines: split it into two");
    }
}

#[test]
fn container_build_includes_every_needed_path() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dockerfile = fs::read_to_string(root.join("Dockerfile")).unwrap();
    let let_in = fs::read_to_string(root.join(".dockerignore")).unwrap();
    // The targets of the manifest have to exist, including `benches`.
    for needed in ["build.rs", "Cargo.toml", "Cargo.lock", "src", "crates", "benches"] {
        assert!(let_in.lines().any(|line| line == format!("!{needed}")), ".dockerignore keeps {needed} out");
        let copies = |line: &str| line.starts_with("COPY ") && line.split(' ').any(|word| word == needed);
        assert!(dockerfile.lines().any(copies), "the Dockerfile does not copy {needed}");
    }
}

/// Returns the module that a source file belongs to: its room.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

/// Returns the rooms that each room of `src` uses, outside of tests.
fn uses() -> BTreeMap<String, BTreeSet<String>> {
    // One module, or several in braces.
    let path = Regex::new(r"\bcrate::(\w+|\{[^}]*\})").unwrap();
    // `lib.rs` declares all rooms, and `main.rs` starts one.
    let mut others = vec!["lib".to_owned(), "main".to_owned()];
    others.extend(crates());
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, source) in sources().into_iter().filter(|(file, _)| !file.ends_with("/tests.rs")) {
        let room = room(&file).to_owned();
        if others.contains(&room) {
            continue;
        }
        let code = code(&source).collect::<Vec<_>>().join("\n");
        let targets = uses.entry(room.clone()).or_default();
        for modules in path.captures_iter(&code) {
            let names = modules[1].split(|c: char| c != '_' && !c.is_alphanumeric()).filter(|name| *name != room);
            targets.extend(names.map(str::to_owned));
        }
    }
    let rooms: BTreeSet<String> = uses.keys().cloned().collect();
    for used in uses.values_mut() {
        used.retain(|room| rooms.contains(room));
    }
    uses
}

#[test]
fn modules_have_no_cyclic_dependencies() {
    let mut uses = uses();
    assert!(uses.len() > 10 && uses["cli"].contains("server"), "the rooms were not found: {uses:?}");
    let mut floors = String::new();
    while !uses.is_empty() {
        let floor: Vec<String> =
            uses.iter().filter(|(_, used)| used.is_empty()).map(|(room, _)| room.clone()).collect();
        assert!(!floor.is_empty(), "these rooms use each other in a circle: {uses:#?}\nabove the floors:\n{floors}");
        writeln!(floors, "{}", floor.join(" ")).unwrap();
        uses.retain(|room, _| !floor.contains(room));
        for used in uses.values_mut() {
            used.retain(|room| !floor.contains(room));
        }
    }
    println!("{floors}");
}
