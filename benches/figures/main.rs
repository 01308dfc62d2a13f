//! All measurements: `cargo bench`. Prints Markdown, and leaves it with the same as JSON in `target/bench/`.
//!
//! Every figure stands next to its target and to its floor: what the bare HTTP requests cost with the same
//! client library over the same kind of connection, or a process that does nothing. The two are measured in turns, so that
//! whatever else the machine does meets both.
//!
//! `cargo bench -- calls http` measures some sections, `--quick` with a tenth of the rounds, and `--doc` writes the figures
//! into `docs/performance.md`. `cargo bench -- profiles --doc` compiles the release in several ways and compares them, which
//! takes long and is not among the rest. `BINARY` and `PYTHON` name another binary, or a Python that has the package already;
//! otherwise the wheel is built and installed into `target/bench/`. With `PYTHON=` nothing of Python is measured.
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

/// What is measured only when it is named.
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
    // Cargo adds `--bench` of its own.
    let chosen: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    if let Some(unknown) = chosen.iter().find(|one| **one != PROFILES && SECTIONS.iter().all(|(name, _)| name != *one))
    {
        panic!("there is no section {unknown:?}; there are {PROFILES} and {:?}", SECTIONS.map(|(name, _)| name));
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
