//! Runs all measurements: `cargo bench`. Prints them as Markdown, and writes Markdown and JSON to `target/bench/`.
//!
//! Each figure is printed with its target and its floor. The floor is the cost of the bare HTTP requests with the same
//! client library over the same kind of connection, or of a process that does nothing. The two are measured
//! alternately, so that other load on the machine affects both.
//!
//! `cargo bench -- calls http` measures some sections. `--quick` runs a tenth of the rounds, and `--doc` writes the
//! figures into `docs/performance.md`.
//!
//! `cargo bench -- profiles --doc` compiles the release in several ways and compares the results. That takes long, so
//! it runs only when named.
//!
//! `BINARY` and `PYTHON` select another binary, and a Python that already has the package. By default the wheel is
//! built and installed into `target/bench/`. With an empty `PYTHON=`, Python is not measured.
#![allow(missing_docs)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr
)]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod account;
mod calls;
mod functions;
mod http;
mod instructions;
mod pages;
mod processes;
mod profiles;
mod python;
mod report;
mod server;
mod tokens;

use std::time::Duration;

use account::Account;
use report::Report;

type Section = fn(&mut Report);

/// The sections by name.
const SECTIONS: [(&str, Section); 8] = [
    ("sizes", processes::sizes),
    ("processes", processes::measure),
    ("calls", calls::measure),
    ("pages", pages::measure),
    ("http", http::measure),
    ("functions", functions::measure),
    ("tokens", tokens::measure),
    ("instructions", instructions::measure),
];

/// The section that is measured only when named.
const PROFILES: &str = "profiles";

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [account::SERVE, incidents, latency] => {
            return Account::serve(incidents.parse().unwrap(), Duration::from_millis(latency.parse().unwrap()));
        }
        [account::ASK, url, path, query, count] => return account::ask(url, path, query, count.parse().unwrap()),
        _ => {}
    }
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    // Cargo adds the argument `--bench`.
    let chosen: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    if let Some(unknown) = chosen.iter().find(|one| **one != PROFILES && SECTIONS.iter().all(|(name, _)| name != *one))
    {
        panic!("unknown section {unknown:?}: known are {PROFILES} and {:?}", SECTIONS.map(|(name, _)| name));
    }
    let mut report = Report::new(has("--quick"));
    for (name, measure) in SECTIONS {
        if chosen.is_empty() || chosen.iter().any(|one| *one == name) {
            eprintln!("measuring {name} …");
            measure(&mut report);
        }
    }
    let profiles = has(PROFILES);
    if profiles {
        profiles::measure(&mut report);
    }
    println!("{}", report.markdown());
    report.save();
    if has("--doc") {
        report.document(if profiles { PROFILES } else { "figures" });
    }
}
