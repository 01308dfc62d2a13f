//! Converts the bytes of PagerDuty's answers to the bytes of our answers.
//!
//! - [`decode`] parses the fields that [`fields`] selects into rows.
//! - [`repair`] rewrites JSON that the decoder refuses.
//! - [`text`] removes invisible characters.
//! - [`tokens`] estimates the size of rows.
//! - [`table`] and [`mod@write`] write rows as text.
//!
//! The crate does not depend on any resource, request or protocol. It is separate for the sake of the compiler: every
//! byte of every answer passes through it, so the release build optimizes it for speed and everything else for size
//! (`docs/performance.md`). Its public functions have concrete types, because a generic function would be compiled in
//! the crate that calls it.

pub mod decode;
pub mod fields;
pub mod repair;
pub mod table;
pub mod text;
pub mod tokens;
pub mod write;
