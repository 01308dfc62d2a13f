//! Files that only the user can read, one process at a time, replaced in one step.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Creates a folder that only the user can enter, unless it exists.
pub fn folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Opens the lock file for changes to the files beside it, creating it if necessary. Nothing is locked yet. The lock
/// ends with the file and with the process.
pub fn lock_file(path: &Path) -> io::Result<File> {
    folder(path.parent().unwrap_or(Path::new(".")))?;
    // Opening a pipe would wait for its reader.
    super::exists(path)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Appends a text to a file in one step, so that the texts of several processes do not mix. The file is created if necessary.
pub fn append(path: &Path, text: &str) -> io::Result<()> {
    // Opening a pipe would wait for its reader.
    super::exists(path)?;
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

/// Replaces a file in one step, so that a reader sees either the old or the new content.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    folder(path.parent().unwrap_or(Path::new(".")))?;
    let draft = draft(path);
    // The draft was left by a process that was killed while writing: only one process writes at a time.
    absent_is_fine(fs::remove_file(&draft))?;
    // The draft is created with its permissions, under a name that did not exist, so other users can never read it.
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

/// Removes a file, and the draft that a killed process may have left. Returns whether there was a file.
pub fn remove(path: &Path) -> io::Result<bool> {
    absent_is_fine(fs::remove_file(draft(path)))?;
    absent_is_fine(fs::remove_file(path))
}

/// Returns the path of a file in the same folder, whose name is longer by `suffix`.
#[must_use]
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Returns the path of the draft, which is written before it replaces the file.
fn draft(path: &Path) -> PathBuf {
    beside(path, ".new")
}

/// Returns whether the file existed, or the error if the removal failed for another reason.
fn absent_is_fine(removed: io::Result<()>) -> io::Result<bool> {
    match removed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
