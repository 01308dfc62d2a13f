//! PagerDuty's numeric codes with a meaning that its messages alone do not carry.

/// The incident is already resolved.
pub const ALREADY_RESOLVED: i64 = 1001;

/// The incident is already acknowledged.
pub const ALREADY_ACKNOWLEDGED: i64 = 1002;

/// The incident is too old to be changed.
pub const STALE: i64 = 1005;

/// The incident was merged into another one.
pub const MERGED: i64 = 1019;

/// PagerDuty itself ran out of time.
pub const TIMED_OUT: i64 = 2016;
