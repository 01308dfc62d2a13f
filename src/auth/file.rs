//! A JSON file that only the user can read, in place of the keyring. It is used only if the settings choose it, since it is
//! not encrypted.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::config::API_TOKEN;
use crate::error::{Code, Error, Result};
use crate::files;
use crate::private;

/// The largest file that is read. Tokens take a few kilobytes.
const MAX_FILE: u64 = 1 << 20;

/// Returns the entries, or none if there is no file. A file that others can read is rejected: its content may be known.
pub fn read(path: &Path) -> Result<HashMap<String, SecretString>> {
    let Some(file) = files::open(path).map_err(|error| unusable(path, "cannot be read", &error))? else {
        return Ok(HashMap::new());
    };
    if open_to_others(&file).map_err(|error| unusable(path, "cannot be read", &error))? {
        return Err(Error::new(
            Code::TokenStoreUnavailable,
            format!("the token file {} can be read by other users", path.display()),
        )
        .hint(
            "Remove it (pagerduty-mcp-server auth logout) and log in again, or make it \
             readable only by you: chmod 600.",
        ));
    }
    let text = files::text(file, MAX_FILE).map_err(|error| unusable(path, "cannot be read", &error))?;
    let entries: Map<String, Value> = serde_json::from_str(&text).map_err(|_| {
        // Without the parser's message, which may quote the file.
        Error::new(Code::TokenStoreUnavailable, format!("the token file {} is not what was written", path.display()))
            .hint("Remove it (pagerduty-mcp-server auth logout), then log in again.")
    })?;
    Ok(entries.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.into()))).collect())
}

/// Replaces the entries in one step, so that a reader sees either the old or the new file.
pub fn write(path: &Path, entries: impl Iterator<Item = (&'static str, SecretString)>) -> Result<()> {
    let entries: Map<String, Value> =
        entries.map(|(name, value)| (name.to_owned(), value.expose_secret().into())).collect();
    private::replace(path, &Value::Object(entries).to_string())
        .map_err(|error| unusable(path, "cannot be written", &error))
}

/// Removes the file, and the draft that a killed process may have left.
pub fn remove(path: &Path) -> Result<()> {
    private::remove(path).map(drop).map_err(|error| unusable(path, "cannot be removed", &error))
}

#[cfg(unix)]
fn open_to_others(file: &File) -> io::Result<bool> {
    Ok(std::os::unix::fs::MetadataExt::mode(&file.metadata()?) & 0o077 != 0)
}

/// On other systems the folder, which belongs to the user, decides.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the other systems' form")]
fn open_to_others(_: &File) -> io::Result<bool> {
    Ok(false)
}

fn unusable(path: &Path, what: &str, error: &io::Error) -> Error {
    Error::new(Code::TokenStoreUnavailable, format!("the token file {} {what}: {error}", path.display()))
        .hint(format!("Check the folder and its permissions, or set {API_TOKEN} instead of logging in."))
}
