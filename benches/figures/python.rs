//! The wheel and a Python that has it, built and installed here or selected by `PYTHON`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::report::{folder, root};

/// Returns the wheel as it is released, built once. Returns `None` if it cannot be built here or if `PYTHON` is set.
pub fn wheel() -> Option<&'static Path> {
    static WHEEL: OnceLock<Option<PathBuf>> = OnceLock::new();
    WHEEL.get_or_init(|| if named().is_none() { build() } else { None }).as_deref()
}

fn build() -> Option<PathBuf> {
    let wheels = folder().join("wheel");
    // Remove wheels of earlier versions.
    std::fs::remove_dir_all(&wheels).ok();
    let mut command = Command::new("uvx");
    command.args(["maturin>=1.9.4,<2", "build", "--quiet", "--locked", "--profile", "dist", "--out"]).arg(&wheels);
    if !succeeds(&mut command) {
        eprintln!("cannot build the wheel with uv and maturin: skipping its measurements");
        return None;
    }
    let found = std::fs::read_dir(wheels).unwrap().map(|entry| entry.unwrap().path());
    found.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "whl"))
}

/// Returns the folder of an environment with the package: `bin/python` and `bin/pagerduty-mcp-server`.
pub fn environment() -> Option<&'static Path> {
    static ENVIRONMENT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = || match named() {
        // An empty `PYTHON` has no parent folder, so Python is not measured.
        Some(python) => python.parent().and_then(Path::parent).map(Path::to_owned),
        None => install(),
    };
    ENVIRONMENT.get_or_init(found).as_deref()
}

fn named() -> Option<PathBuf> {
    std::env::var_os("PYTHON").map(PathBuf::from)
}

fn install() -> Option<PathBuf> {
    let wheel = wheel()?;
    let environment = folder().join("venv");
    let mut create = Command::new("uv");
    create.args(["venv", "--quiet", "--clear"]).arg(&environment);
    let mut install = Command::new("uv");
    install.args(["pip", "install", "--quiet", "--compile-bytecode", "--python"]).arg(&environment).arg(wheel);
    if succeeds(&mut create) && succeeds(&mut install) {
        return Some(environment);
    }
    eprintln!("cannot install the wheel: skipping the measurements of Python");
    None
}

/// Runs a command in the root folder, and returns whether it succeeds.
pub fn succeeds(command: &mut Command) -> bool {
    command.current_dir(root()).status().is_ok_and(|status| status.success())
}
