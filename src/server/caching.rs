//! The cache hints of lists and resources (2026-07-28, "Caching").

use rmcp::model::CacheScope;

/// The time in milliseconds for which clients may keep a list or a resource without asking again.
///
/// The lists are fixed when the process starts. The limit is for a server that is restarted behind the same address with
/// other options.
pub(super) const TTL_MS: u64 = 5 * 60 * 1000;

/// The caches that may keep lists and resources: only the client's.
///
/// It is not `public`, because a request over HTTP may narrow its tools: a shared cache must not serve that list to others,
/// nor serve the list of a server with `--read-only` in place of another server's.
pub(super) const CACHE_SCOPE: CacheScope = CacheScope::Private;
