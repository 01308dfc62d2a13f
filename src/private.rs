//! Files that only the user can read, one process at a time, replaced in one step.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Makes a folder that only the user can enter, unless it is there.
pub fn folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Opens the file whose lock stands for the right to change what is beside it, and makes it if need be. Nothing is
/// locked yet; the lock ends with the file, and with the process.
pub fn lock_file(path: &Path) -> io::Result<File> {
    folder(path.parent().unwrap_or(Path::new(".")))?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Replaces a file. The new one takes the place of the old one in one step, so that a reader sees one or the other.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    folder(path.parent().unwrap_or(Path::new(".")))?;
    let draft = draft(path);
    // Left by a process that was killed while it wrote: only one at a time writes.
    absent_is_fine(fs::remove_file(&draft))?;
    // Other users cannot read it at any moment: it is created that way, under a name that did not exist.
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

/// Removes a file, and what a process that was killed may have left of a new one. Returns whether there was a file.
pub fn remove(path: &Path) -> io::Result<bool> {
    absent_is_fine(fs::remove_file(draft(path)))?;
    absent_is_fine(fs::remove_file(path))
}

/// Where the new file is written before it takes the place of the old one.
fn draft(path: &Path) -> PathBuf {
    path.with_extension("new")
}

/// Whether the file was there, unless the removal failed for another reason.
fn absent_is_fine(removed: io::Result<()>) -> io::Result<bool> {
    match removed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
