//! Orders the code of the published binary, so that the code of the start is in one place.
//!
//! The system maps 64 kB of a binary around each instruction that is executed first. The functions of the start are spread
//! over the whole binary, so without an order four fifths of it would be resident at rest.

// Cargo reads the output.
#![allow(clippy::print_stdout)]

use std::env;
use std::path::Path;

/// The functions of the start, as a linker script. `benches/start_order.py` writes it.
const ORDER: &str = "deploy/start.ld";

fn main() {
    println!("cargo:rerun-if-changed={ORDER}");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|set| set == value);
    // Other profiles are for use during development, where not every linker accepts a script.
    let published = is("OPT_LEVEL", "z");
    if published && is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        let root = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo:rustc-link-arg-bins=-Wl,-T,{}", Path::new(&root).join(ORDER).display());
    }
}
