//! The keyring's stand-in: a JSON file that only the user can read. An explicit choice, since it is not encrypted.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::exclusive::private_folder;
use crate::config::API_TOKEN;
use crate::error::{Code, Error, Result};

/// The entries; none if there is no file. A file that others can read is refused: what is in it may be known already.
pub fn read(path: &Path) -> Result<HashMap<String, SecretString>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(unusable(path, "cannot be read", &error)),
    };
    if open_to_others(&file).map_err(|error| unusable(path, "cannot be read", &error))? {
        return Err(Error::new(
            Code::TokenStoreUnavailable,
            format!("the token file {} can be read by other users", path.display()),
        )
        .hint(
            "Remove it (pagerduty-mcp-server auth logout) and log in again, or make it yours alone with chmod 600.",
        ));
    }
    let text = io::read_to_string(file).map_err(|error| unusable(path, "cannot be read", &error))?;
    let entries: Map<String, Value> = serde_json::from_str(&text).map_err(|_| {
        // Not the parser's words, which may quote the file.
        Error::new(Code::TokenStoreUnavailable, format!("the token file {} is not what was written", path.display()))
            .hint("Remove it (pagerduty-mcp-server auth logout), then log in again.")
    })?;
    Ok(entries.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.into()))).collect())
}

/// Replaces the entries. The new file takes the place of the old one in one step, so that a reader sees one or the other.
pub fn write(path: &Path, entries: impl Iterator<Item = (&'static str, SecretString)>) -> Result<()> {
    let entries: Map<String, Value> =
        entries.map(|(name, value)| (name.to_owned(), value.expose_secret().into())).collect();
    replace(path, &Value::Object(entries).to_string()).map_err(|error| unusable(path, "cannot be written", &error))
}

/// Removes the file, and what a process that was killed may have left of a new one.
pub fn remove(path: &Path) -> Result<()> {
    [path, &draft(path)]
        .into_iter()
        .try_for_each(|path| absent_is_fine(fs::remove_file(path)))
        .map_err(|error| unusable(path, "cannot be removed", &error))
}

/// Where the new file is written before it takes the place of the old one.
fn draft(path: &Path) -> PathBuf {
    path.with_extension("new")
}

fn absent_is_fine(outcome: io::Result<()>) -> io::Result<()> {
    outcome.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    private_folder(path.parent().unwrap_or(Path::new(".")))?;
    let draft = draft(path);
    // Of a process that was killed while it wrote: one at a time writes, see `exclusive`.
    absent_is_fine(fs::remove_file(&draft))?;
    // Nobody else can read it at any moment: it is created that way, under a name that did not exist.
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&draft).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let moved = written.and_then(|()| fs::rename(&draft, path));
    if moved.is_err() {
        let _ = fs::remove_file(&draft);
    }
    moved
}

#[cfg(unix)]
fn open_to_others(file: &File) -> io::Result<bool> {
    Ok(std::os::unix::fs::MetadataExt::mode(&file.metadata()?) & 0o077 != 0)
}

/// Elsewhere the folder, which belongs to the user, decides.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the other systems' form")]
fn open_to_others(_: &File) -> io::Result<bool> {
    Ok(false)
}

fn unusable(path: &Path, what: &str, error: &io::Error) -> Error {
    Error::new(Code::TokenStoreUnavailable, format!("the token file {} {what}: {error}", path.display()))
        .hint(format!("Check the folder and its permissions, or set {API_TOKEN} instead of logging in."))
}
