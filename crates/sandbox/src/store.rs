//! The file that keeps an account's changes between processes.
//!
//! It holds the time the account was seeded and the records of later changes, from which every process builds the same
//! account. There is no file before the first change. A process checks the file before each request, and locks it for a
//! change, so that two processes see each other's changes and lose none.
//!
//! The user names the file. Only a regular file that is empty or was written by the sandbox is replaced or removed.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use pagerduty_files::{self as files, private};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::account::Account;
use super::edits::Entry;
use super::time::{from_utc, utc};
use crate::LOG;

/// The age at which an account is replaced by a new one: its incidents would no longer be recent.
const LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The time by which a clock may be set back.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The version of the file's format.
const VERSION: u32 = 1;

/// The maximum size of the file: each process reads all of it.
const MAX_FILE: u64 = 16 << 20;

/// The time to wait for another process that writes.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// The file in which changes are stored.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// The text of the file when it was last read or written, or `None` if there was no file.
    pub seen: Mutex<Option<String>>,
    /// Set when the file cannot be used. From then on changes are kept in memory.
    given_up: AtomicBool,
}

/// The content of the file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    version: u32,
    #[serde(serialize_with = "utc", deserialize_with = "from_utc")]
    pub seeded: Timestamp,
    pub records: Vec<Entry>,
}

/// The fields by which a file of any version is recognized.
#[derive(Deserialize)]
struct Mark {
    #[serde(rename = "version")]
    _version: u32,
    #[serde(rename = "seeded")]
    _seeded: IgnoredAny,
}

impl Store {
    pub fn new(path: PathBuf) -> Self {
        Self { path, seen: Mutex::default(), given_up: AtomicBool::default() }
    }

    /// Returns whether the file differs from the text in `seen` and has to be read again. Its text replaces `seen`.
    pub fn changed(&self, seen: &mut Option<String>) -> bool {
        if self.given_up.load(Ordering::Relaxed) {
            return false;
        }
        let changed = read(&self.path).and_then(|text| {
            let changed = text != *seen;
            if changed {
                check(text.as_deref())?;
                *seen = text;
            }
            Ok(changed)
        });
        match changed {
            Ok(changed) => changed,
            Err(error) => {
                self.give_up("used", &error);
                false
            }
        }
    }

    /// Returns the content of the file's text, unless it is too old or has another format.
    pub fn parse(&self, text: Option<&str>, now: Timestamp) -> Option<Kept> {
        let kept = serde_json::from_str::<Kept>(text?).ok().filter(|kept| kept.version == VERSION);
        if kept.is_none() {
            tracing::warn!(target: LOG, path = %self.path.display(), "the sandbox's file is not what was written: starting anew");
        }
        kept.filter(|kept| !is_old(kept.seeded, now))
    }

    /// Waits for the lock that allows changing the file. If the lock is not available in time, the change is made
    /// without it, and a simultaneous change by another process could be lost.
    pub fn lock(&self) -> Option<File> {
        if self.given_up.load(Ordering::Relaxed) {
            return None;
        }
        let file = private::lock_file(&lock_path(&self.path));
        let file = file.map_err(|error| self.give_up("locked", &error)).ok()?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Some(file),
                Err(TryLockError::WouldBlock) if began.elapsed() < LOCK_TIMEOUT => {
                    thread::sleep(Duration::from_millis(5));
                }
                Err(error) => {
                    tracing::warn!(target: LOG, %error, path = %self.path.display(), "the sandbox's file is not locked");
                    return Some(file);
                }
            }
        }
    }

    /// Writes the state of the account, and replaces `seen` by the written text.
    pub fn write(&self, account: &Account, seen: &mut Option<String>) {
        if self.given_up.load(Ordering::Relaxed) {
            return;
        }
        let kept = Kept { version: VERSION, seeded: account.seeded, records: account.records.clone() };
        let text = serde_json::to_string(&kept).map_err(io::Error::other);
        let text = text.and_then(|text| {
            if text.len() as u64 > MAX_FILE {
                return Err(io::Error::other("it would be too large; `sandbox reset` starts anew"));
            }
            private::replace(&self.path, &text).map(|()| text)
        });
        match text {
            Ok(text) => *seen = Some(text),
            Err(error) => self.give_up("written", &error),
        }
    }

    fn give_up(&self, what: &str, error: &io::Error) {
        if !self.given_up.swap(true, Ordering::Relaxed) {
            let path = self.path.display();
            tracing::warn!(target: LOG, %error, %path, "the sandbox's file cannot be {what}: changes last until this process ends");
        }
    }
}

/// Returns whether an account seeded at that moment is too old, or from a future that only a wrong clock can explain.
pub fn is_old(seeded: Timestamp, now: Timestamp) -> bool {
    !(-TOLERANCE..=LIFETIME).contains(&now.duration_since(seeded))
}

/// Returns the text of a file, or `None` if there is no file.
fn read(path: &Path) -> io::Result<Option<String>> {
    let bytes = files::open(path)?.map(|file| files::bytes(file, MAX_FILE)).transpose()?;
    // Bytes that are not text are replaced, and the result is then not valid.
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Refuses the text of a file that the sandbox did not write.
fn check(text: Option<&str>) -> io::Result<()> {
    match text {
        None | Some("") => Ok(()),
        Some(text) if serde_json::from_str::<Mark>(text).is_ok() => Ok(()),
        Some(_) => Err(io::Error::other("it was not written by the sandbox")),
    }
}

/// Removes a file of changes, so that the account is new in every process that uses it. Returns whether there was one.
pub fn reset(path: &Path) -> io::Result<bool> {
    let text = read(path)?;
    if text.is_none() {
        // Nothing has to be locked either.
        return Ok(false);
    }
    check(text.as_deref())?;
    let _lock = private::lock_file(&lock_path(path)).and_then(|file| file.lock().map(|()| file))?;
    private::remove(path)
}

fn lock_path(path: &Path) -> PathBuf {
    private::beside(path, ".lock")
}
