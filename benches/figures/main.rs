//! All measurements: `cargo bench`. Prints Markdown, and leaves it with the same as JSON in `target/bench/`.
//!
//! Every figure stands next to its target (`docs/design.md`) and to its floor, what the bare HTTP requests cost in the same
//! process with the same client library over the same kind of connection. `cargo bench -- calls` measures one section.
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
mod instructions;
mod pages;
mod processes;
mod report;
mod tokens;

use report::Report;

type Section = fn(&mut Report);

/// The sections by name. Those of the HTTP transport join here.
const SECTIONS: [(&str, Section); 5] = [
    ("processes", processes::measure),
    ("calls", calls::measure),
    ("pages", pages::measure),
    ("tokens", tokens::measure),
    ("instructions", instructions::measure),
];

fn main() {
    // Cargo adds `--bench` of its own.
    let chosen: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let mut report = Report::default();
    for (name, measure) in SECTIONS {
        if chosen.is_empty() || chosen.iter().any(|one| one == name) {
            eprintln!("measuring {name} …");
            measure(&mut report);
        }
    }
    println!("{}", report.markdown());
    report.save();
}
