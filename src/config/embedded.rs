//! The settings of the sandbox.

use std::path::PathBuf;

use super::oauth::state_dir;
use super::unusable;
use crate::error::Result;

/// Returns the file of the sandbox in the state directory. Without a state directory there is no file.
pub(super) fn default_state() -> Option<PathBuf> {
    state_dir().map(|folder| folder.join("sandbox.json"))
}

/// Reads the file of the sandbox; `memory` means none.
pub(super) fn state(name: &'static str, value: &str) -> Result<Option<PathBuf>> {
    if value.eq_ignore_ascii_case("memory") {
        return Ok(None);
    }
    let path = PathBuf::from(value);
    let usable = path.is_absolute() && path.file_name().is_some();
    if usable { Ok(Some(path)) } else { Err(unusable(name, value, "memory, or the full path of a file")) }
}
