//! Compares settings of the profile `dist`: the same binary compiled in several ways.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::account::Account;
use crate::instructions;
use crate::processes::{start_up, stripped};
use crate::report::{Figure, Report, Samples, folder, root};
use crate::server::command;

/// The variants: a name, and the differences from `Cargo.toml` as values of Cargo's `--config`.
const VARIANTS: [(&str, &[&str]); 6] = [
    ("as in `Cargo.toml`", &[]),
    ("`rows` for size, too", &["profile.dist.package.pagerduty-rows.opt-level='z'"]),
    ("what is at `z` at `s`", &["profile.dist.opt-level='s'"]),
    ("everything at 3", &["profile.dist.opt-level=3"]),
    ("LTO `thin`", &["profile.dist.lto='thin'"]),
    ("16 codegen units", &["profile.dist.codegen-units=16"]),
];

pub fn measure(report: &mut Report) {
    let built: Vec<_> = VARIANTS.iter().map(|(name, config)| (*name, build(name, config))).collect();
    let account = Account::start(600, Duration::ZERO);
    let mut starts: Vec<_> = built.iter().map(|_| Samples::default()).collect();
    // Alternate, so that other load on the machine affects all of them.
    for _ in 0..report.rounds(60) {
        for ((_, binary), samples) in built.iter().zip(&mut starts) {
            samples.add_time(start_up(&mut command(binary, &account)));
        }
    }
    for ((name, binary), start) in built.iter().zip(&starts) {
        report.add("Start to answered initialize", Figure::median(*name, "ms", start));
        let size = binary.metadata().unwrap().len() as f64 / 1e6;
        report.add("Binary, stripped", Figure::new(*name, "MB", size));
        if instructions::is_available() {
            let count = instructions::call(binary, &account, &json!({})) / 1e3;
            report.add("Instructions of listing 100 incidents", Figure::new(*name, "thousand", count));
        }
    }
}

/// Builds a variant and returns its stripped binary.
fn build(name: &str, config: &[&str]) -> PathBuf {
    eprintln!("compiling: {name} …");
    let target = folder().join("profiles");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--quiet", "--locked", "--profile", "dist", "--bin", "pagerduty-mcp-server", "--target-dir"])
        .arg(&target);
    for one in config {
        cargo.args(["--config", one]);
    }
    assert!(cargo.current_dir(root()).status().unwrap().success(), "{name} is built");
    let kept = target.join(format!("{}.bin", name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")));
    std::fs::copy(stripped(&target.join("dist/pagerduty-mcp-server")), &kept).unwrap();
    kept
}
