//! The wheel, and a Python that has it: built and installed here, or named by `PYTHON`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::report::{folder, root};

/// The wheel as it is released, built once; nothing if that is not possible here, or a Python is named that needs none.
pub fn wheel() -> Option<&'static Path> {
    static WHEEL: OnceLock<Option<PathBuf>> = OnceLock::new();
    WHEEL.get_or_init(|| if named().is_none() { build() } else { None }).as_deref()
}

fn build() -> Option<PathBuf> {
    let wheels = folder().join("wheel");
    // Of an earlier version there may be others.
    std::fs::remove_dir_all(&wheels).ok();
    let mut command = Command::new("uvx");
    command.args(["maturin>=1.9.4,<2", "build", "--quiet", "--locked", "--release", "--out"]).arg(&wheels);
    if !succeeds(&mut command) {
        eprintln!("the wheel cannot be built (uv, maturin): it is not measured");
        return None;
    }
    let found = std::fs::read_dir(wheels).unwrap().map(|entry| entry.unwrap().path());
    found.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "whl"))
}

/// The folder of an environment with the package: `bin/python` and `bin/pagerduty-mcp-server`.
pub fn environment() -> Option<&'static Path> {
    static ENVIRONMENT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = || match named() {
        // Nothing is the name of no Python.
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
    eprintln!("the wheel cannot be installed: Python is not measured");
    None
}

fn succeeds(command: &mut Command) -> bool {
    command.current_dir(root()).status().is_ok_and(|status| status.success())
}
