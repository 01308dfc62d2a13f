//! Turns the bytes of PagerDuty's answers into the bytes of our answers.
//!
//! [`decode`] parses what [`fields`] selects and lays it out as rows, [`repair`] rewrites JSON that it refuses,
//! [`text`] removes invisible characters, [`tokens`] measures the rows, [`table`] and [`mod@write`] turn them back into
//! text. The crate does not depend on any resource, request or protocol.
//!
//! It is a crate only for the sake of the compiler: the release build optimizes it for speed, because every byte of every
//! answer passes through it, and everything else for size (`docs/performance.md`). So its public functions have concrete
//! types: a generic function would be compiled in the crate that calls it.

pub mod decode;
pub mod fields;
pub mod repair;
pub mod table;
pub mod text;
pub mod tokens;
pub mod write;
