//! The exit statuses of the program.

/// The status of a command that succeeded.
pub const SUCCESS: u8 = 0;

/// The status of a command that ran and failed.
pub const FAILED: u8 = 1;

/// The status of a command with wrong arguments or settings.
pub const WRONG_USE: u8 = 2;

/// The status after Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// The status after SIGTERM.
#[cfg(unix)]
pub const TERMINATED: u8 = 143;
