//! Runs all measurements: `cargo bench`. Prints them as Markdown, and writes Markdown and JSON to `target/bench/`.
//!
//! Each figure is printed with its target and its floor. The floor is the cost of the bare HTTP requests with the same
//! client library over the same kind of connection, or of a process that does nothing. The two are measured
//! alternately, so that other load on the machine affects both.
//!
//! `cargo bench -- calls http` measures some sections. `--quick` runs a tenth of the rounds, and `--doc` writes the
//! figures into `docs/performance.md`.
//!
//! `cargo bench -- --against PATH` compares the binary with a previous one. `cargo bench -- profiles` compiles it in
//! several ways and compares these, and `cargo bench -- grown` compiles it with many more tools. Both take long, so they
//! run only when named.
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
mod against;
mod calls;
mod functions;
mod grown;
mod growth;
mod http;
mod instructions;
mod pages;
mod peers;
mod processes;
mod profiles;
mod python;
mod report;
mod server;
mod tokens;

use std::path::Path;
use std::time::Duration;

use account::Account;
use report::Report;

type Section = fn(&mut Report);

/// The sections by name.
const SECTIONS: [(&str, Section); 10] = [
    ("sizes", processes::sizes),
    ("processes", processes::measure),
    ("calls", calls::measure),
    ("pages", pages::measure),
    ("http", http::measure),
    ("functions", functions::measure),
    ("tokens", tokens::measure),
    ("instructions", instructions::measure),
    ("growth", growth::measure),
    ("peers", peers::measure),
];

/// The sections that are measured only when named, because they compile the binary several times. Each has its own part
/// of the document.
const COMPILED: [(&str, Section); 2] = [("profiles", profiles::measure), ("grown", grown::measure)];

/// The option with a previous build.
const AGAINST: &str = "--against";

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
    let (quick, doc) = (has("--quick"), has("--doc"));
    let previous = arguments.iter().position(|argument| argument == AGAINST).map(|at| {
        let path = arguments.get(at + 1).expect("--against needs the path of a binary");
        (at + 1, Path::new(path))
    });
    // Cargo adds the argument `--bench`.
    let is_section =
        |(at, argument): &(usize, &String)| !argument.starts_with("--") && previous.is_none_or(|(path, _)| path != *at);
    let chosen: Vec<_> = arguments.iter().enumerate().filter(is_section).map(|(_, name)| name.as_str()).collect();
    let known: Vec<_> = SECTIONS.iter().chain(&COMPILED).map(|(name, _)| *name).collect();
    if let Some(unknown) = chosen.iter().find(|name| !known.contains(name)) {
        panic!("unknown section {unknown:?}: known are {known:?}");
    }
    if let Some((_, previous)) = previous {
        part("against", quick, doc, |report| against::measure(report, previous));
    }
    if chosen.is_empty() && previous.is_some() {
        return;
    }
    let named = |(name, _): &&(&str, Section)| chosen.contains(name);
    for (name, measure) in COMPILED.iter().filter(named) {
        part(name, quick, doc, measure);
    }
    let sections: Vec<_> = SECTIONS.iter().filter(|section| chosen.is_empty() || named(section)).collect();
    if !sections.is_empty() {
        part("figures", quick, doc, |report| {
            for (name, measure) in sections {
                eprintln!("measuring {name} …");
                measure(report);
            }
        });
    }
}

/// Measures, prints and stores one part of the document, and writes it with `doc`.
fn part(name: &str, quick: bool, doc: bool, measure: impl FnOnce(&mut Report)) {
    let mut report = Report::new(quick);
    measure(&mut report);
    println!("{}", report.markdown());
    report.save(name);
    if doc {
        report.document(name);
    }
}
