//! The start of a change. A dry run needs neither its author nor a lock.

use tokio::sync::OwnedMutexGuard;

use crate::error::Result;
use crate::ids::Id;
use crate::models::Incident;
use crate::tools::Context;

/// Returns the `From` address of a change.
pub async fn author(cx: &Context, dry_run: bool) -> Result<Option<String>> {
    if dry_run { Ok(None) } else { cx.api.author().await }
}

/// Waits until no other call changes these incidents, and prevents others from changing them until the guards are dropped.
pub async fn hold(cx: &Context, ids: &[Id<Incident>], dry_run: bool) -> Vec<OwnedMutexGuard<()>> {
    if dry_run { Vec::new() } else { cx.api.hold_incidents(ids).await }
}
