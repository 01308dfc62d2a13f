//! The binary with as many tools and operations as the whole of PagerDuty's API would need: 63 and 465.
//!
//! A copy of the tree gets generated tools and operations and is compiled. They are made up: each tool lists or reads
//! teams under another name, with its own parameters and function, and names several operations. So the figures
//! show the cost of the catalogue, not of code that handles new kinds of objects.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pagerduty_mcp_server::tools::all;

use crate::account::Account;
use crate::growth::list_tools;
use crate::instructions;
use crate::processes::{start_up, stripped};
use crate::report::{Figure, Report, Samples, folder, root};
use crate::server::{Process, binary, command, memory};

const SECTION: &str = "63 tools and 465 operations in the binary (the floor is without the generated ones)";

const TOOLS: usize = 63;
const OPERATIONS: usize = 465;

pub fn measure(report: &mut Report) {
    let builds = [PathBuf::from(binary()), build()];
    let account = Account::start(600, Duration::ZERO);
    let mut starts = [Samples::default(), Samples::default()];
    for _ in 0..report.rounds(100) {
        for (path, samples) in builds.iter().zip(&mut starts) {
            samples.add_time(start_up(&mut command(path, &account)));
        }
    }
    let [before, after] = starts;
    report.add(SECTION, Figure::median("start to answered initialize", "ms", &after).floor(before.median()));
    if instructions::is_available() {
        let [before, after] = builds.each_ref().map(|path| instructions::start(path, &account) / 1e3);
        report.add(SECTION, Figure::new("instructions of the start", "thousand", after).floor(before));
    }
    let [before, after] = builds.each_ref().map(|path| {
        let mut server = Process::start(&mut command(path, &account));
        server.initialize();
        memory(server.id(), "VmRSS")
    });
    report.add(SECTION, Figure::new("memory, idle after initialize", "MB", after).floor(before));
    let [before, after] = builds.each_ref().map(|path| stripped(path).metadata().unwrap().len() as f64 / 1e6);
    report.add(SECTION, Figure::new("binary, stripped", "MB", after).floor(before));
    list_tools(report, SECTION, &builds[1], &account, &["grown"]);
}

/// Compiles a copy of the tree with generated tools, and returns its binary.
fn build() -> PathBuf {
    let tree = folder().join("grown");
    std::fs::remove_dir_all(&tree).ok();
    std::fs::create_dir_all(&tree).unwrap();
    for part in ["Cargo.toml", "Cargo.lock", "README.md", "src", "crates", "benches", "tests", "docs"] {
        copy(&root().join(part), &tree.join(part));
    }
    let tools = TOOLS - all().count();
    let operations = OPERATIONS - pagerduty_api::operations::all().count();
    edit(&tree.join("crates/api/src/operations.rs"), "pub mod users;", "pub mod grown;\npub mod users;");
    edit(&tree.join("crates/api/src/operations.rs"), "    users::ALL,", "    users::ALL,\n    grown::ALL,");
    std::fs::write(tree.join("crates/api/src/operations/grown.rs"), generated_operations(operations)).unwrap();
    edit(&tree.join("src/tools.rs"), "mod users;", "mod grown;\nmod users;");
    edit(&tree.join("src/tools.rs"), "    &users::SET,", "    &users::SET,\n    &grown::SET,");
    std::fs::write(tree.join("src/tools/grown.rs"), generated_tools(tools, operations)).unwrap();
    eprintln!("compiling {TOOLS} tools …");
    // Cargo takes packages at the same relative path for the same, so the copy needs a separate target folder.
    let target = folder().join("grown-target");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--locked", "--profile", "dist", "--bin", "pagerduty-mcp-server", "--target-dir"]);
    assert!(cargo.arg(&target).current_dir(&tree).status().unwrap().success(), "the copy is compiled");
    target.join("dist/pagerduty-mcp-server")
}

fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        std::fs::copy(from, to).unwrap();
        return;
    }
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

/// Replaces the only occurrence of a text.
fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{} has {from:?} once", path.display());
    std::fs::write(path, text.replace(from, to)).unwrap();
}

fn generated_operations(count: usize) -> String {
    let mut text = String::from(
        "//! Generated operations.\n#![allow(missing_docs)]\n\nuse super::teams::TEAMS;\nuse crate::{Operation, Paging};\n\n",
    );
    let names: Vec<_> = (0..count).map(|at| format!("&GROWN_{at}")).collect();
    _ = writeln!(text, "pub(super) const ALL: &[&Operation] = &[{}];", names.join(", "));
    for at in 0..count {
        _ = writeln!(
            text,
            "pub const GROWN_{at}: Operation = Operation::list(\"listGrown{at}\", \"/grown{at}\", &TEAMS, Paging::Offset, \
             &[\"grown{at}.read\"]);"
        );
    }
    text
}

fn generated_tools(count: usize, operations: usize) -> String {
    let names: Vec<_> = (0..count).map(|at| format!("&GROWN_{at}")).collect();
    let mut text = format!(
        "//! Generated tools.\n\nuse pagerduty_api::operations::grown;\nuse pagerduty_api::operations::teams::{{GET_TEAM, \
         LIST_TEAMS}};\n\nuse super::lookup::lookup;\nuse super::{{About, Context, Tool, Toolset, run}};\nuse \
         crate::client::Query;\nuse crate::error::Result;\nuse crate::ids::Id;\nuse crate::models::Team;\nuse \
         crate::params::{{Include, Limit, Offset, Text}};\nuse crate::reply::Reply;\n\npub(super) const SET: Toolset = \
         Toolset {{ name: \"grown\", title: \"Grown\", about: \"Generated.\", default: false, instructions: \"\", tools: \
         &[{}] }};\n",
        names.join(", ")
    );
    let each = operations.div_ceil(count);
    for at in 0..count {
        let mut more = String::new();
        for operation in at * each..((at + 1) * each).min(operations) {
            _ = write!(more, ", &grown::GROWN_{operation}");
        }
        _ = writeln!(
            text,
            r#"
const GROWN_{at}: Tool = Tool::new::<Params{at}>(
    "get_grown_{at}",
    About {{ title: "Find number {at}", description: "Find the objects of kind {at} by name, team or user, or one by ID.", hint: "grown {at}" }},
    &[&LIST_TEAMS, &GET_TEAM{more}],
    |cx, arguments| run(cx, arguments, get_grown_{at}),
);

crate::params! {{
    struct Params{at} {{
        "One by ID, without other filters, of kind {at}"
        team_id: Option<Id<Team>>,
        "Part of the name of kind {at}"
        query: Option<Text>,
        "Part of the description of kind {at}"
        description: Option<Text>,
        "Max results, default 100"
        limit: Option<Limit>,
        "next_offset of the previous answer; after changing rows start again at 0"
        offset: Option<Offset>,
        "Only these fields; +name adds to the default ones"
        include: Include<Team>,
    }}
}}

async fn get_grown_{at}(cx: Context, params: Params{at}) -> Result<Reply> {{
    let lookup = lookup!(params, team_id, [query, description]);
    let scope = async {{
        Ok(Query::new().with("query", params.query.as_ref()).with("description", params.description.as_ref()).into())
    }};
    lookup.answer(&cx, scope).await
}}"#
        );
    }
    text
}
