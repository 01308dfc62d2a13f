//! Work on the stored login that one process does at a time, and that is not left half done.
//!
//! Refresh tokens rotate: between the identity server's answer and the store, the new one is known to this process alone.
//! Two processes that refresh the same login would make each other's tokens worthless, and a process that ends in between
//! takes the login with it. So whoever changes what is stored holds an [`Exclusive`], and whoever ends the process asks
//! [`settled`] first.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::sync::{RwLock, RwLockReadGuard};

use super::wire;
use crate::config::TokenStore;
use crate::private;

/// How long the store may take for what a refresh asks of it, its tries and waits included.
const STORING: Duration = Duration::from_secs(5);

/// How long the end of the process waits for work that is under way: as long as a refresh can take. Whoever has less time
/// tells it a second time.
const PATIENCE: Duration = wire::LONGEST.saturating_add(STORING);

/// Held for reading by whoever is at work; the end of the process waits until it can be had for writing.
static AT_WORK: RwLock<()> = RwLock::const_new(());

/// The right to change what is stored. Given back by dropping it.
pub struct Exclusive {
    _at_work: RwLockReadGuard<'static, ()>,
    _file: Option<File>,
}

impl Exclusive {
    /// Waits for the other processes that use `store`.
    ///
    /// Where the file that stands for the right cannot be made (a read-only home), work goes on without it: two refreshes
    /// at the same moment are rare, and no login at all would be worse.
    pub async fn begin(store: &TokenStore) -> Self {
        let file = match store.lock_path() {
            Some(path) => tokio::task::spawn_blocking(move || locked(&path)).await.map_err(io::Error::other).flatten(),
            None => Err(io::Error::other("there is no home directory")),
        };
        if let Err(error) = &file {
            tracing::warn!(%error, "another server may change the stored login at the same time: no file can be locked");
        }
        Self { _at_work: AT_WORK.read().await, _file: file.ok() }
    }
}

/// Waits until nothing is half done, for some seconds at most. For the end of the process.
pub async fn settled() {
    if let Ok(guard) = AT_WORK.try_write() {
        drop(guard);
        return;
    }
    tracing::info!("waiting for the login to be stored");
    if tokio::time::timeout(PATIENCE, AT_WORK.write()).await.is_err() {
        tracing::warn!("leaving while the login is being refreshed: it may have to be made anew");
    }
}

fn locked(path: &Path) -> io::Result<File> {
    let file = private::lock_file(path)?;
    file.lock()?;
    Ok(file)
}
