//! From the bytes of PagerDuty's answers to the bytes of ours.
//!
//! [`decode`] parses what [`fields`] selects and lays it out as rows, [`repair`] rewrites JSON that it refuses,
//! [`text`] removes invisible characters, [`tokens`] measures the rows, [`table`] and [`mod@write`] turn them back into
//! text. The crate knows no resource, no request and no protocol.
//!
//! Every byte of every answer passes through here and little of anything else, and for that alone it is a crate: the release
//! compiles it for speed, and all else for size (`docs/performance.md`). So what it offers takes and returns finished types:
//! a generic function would be compiled where it is called.

pub mod decode;
pub mod fields;
pub mod repair;
pub mod table;
pub mod text;
pub mod tokens;
pub mod write;
