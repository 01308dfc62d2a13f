//! A lock on the stored login, for work that one process does at a time and that must not be interrupted.
//!
//! Refresh tokens rotate: between the identity server's response and the store, only this process has the new one. Two
//! processes that refresh the same login would invalidate each other's tokens, and a process that ends in between loses
//! the login. So each change of the store holds an [`Exclusive`], and the end of the process waits for [`settled`].

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::sync::{RwLock, RwLockReadGuard};

use super::wire;
use crate::config::TokenStore;
use crate::private;

/// The time that the store may take for one refresh, with its attempts and waits.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// The time that the end of the process waits for work in progress: the longest time of a refresh. A second signal ends
/// the process at once.
const SHUTDOWN_TIMEOUT: Duration = wire::MAX_REQUEST.saturating_add(STORE_TIMEOUT);

/// A lock that work in progress holds for reading. The end of the process waits for write access.
static IN_PROGRESS: RwLock<()> = RwLock::const_new(());

/// The right to change the store, until it is dropped.
pub struct Exclusive {
    _at_work: RwLockReadGuard<'static, ()>,
    _file: Option<File>,
}

impl Exclusive {
    /// Waits for other processes that use `store`.
    ///
    /// If the lock file cannot be created, as in a read-only home, work continues without it: simultaneous refreshes are
    /// rare, and no login at all would be worse.
    pub async fn begin(store: &TokenStore) -> Self {
        let file = match store.lock_path() {
            Some(path) => tokio::task::spawn_blocking(move || locked(&path)).await.map_err(io::Error::other).flatten(),
            None => Err(io::Error::other("there is no home directory")),
        };
        if let Err(error) = &file {
            tracing::warn!(%error, "another server may change the stored login at the same time: no file can be locked");
        }
        Self { _at_work: IN_PROGRESS.read().await, _file: file.ok() }
    }
}

/// Waits until no work is in progress, for a limited time. Called at the end of the process.
pub async fn settled() {
    if let Ok(guard) = IN_PROGRESS.try_write() {
        drop(guard);
        return;
    }
    tracing::info!("waiting for the login to be stored");
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, IN_PROGRESS.write()).await.is_err() {
        tracing::warn!("shutting down during a refresh of the login: a new login may be necessary");
    }
}

fn locked(path: &Path) -> io::Result<File> {
    let file = private::lock_file(path)?;
    file.lock()?;
    Ok(file)
}
