//! Converts the bytes of PagerDuty's answers to the bytes of our answers.
//!
//! - [`decode`] reads the envelope, `project` copies the fields that [`fields`] selects into [`object`]s, and [`scan`]
//!   reads the tokens.
//! - [`facts`] are the values on which rules depend.
//! - [`repair`] rewrites what is not JSON.
//! - [`text`] removes invisible characters.
//! - [`tokens`] estimates the size of rows.
//! - [`table`] and [`mod@write`] write rows as text.
//!
//! The crate does not depend on any resource, request or protocol. It is separate for the sake of the compiler: every
//! byte of every answer passes through it, so the release build optimizes it for speed and everything else for size
//! (`docs/performance.md`). Its public functions have concrete types, because a generic function would be compiled in
//! the crate that calls it.

pub mod decode;
pub mod facts;
pub mod fields;
pub mod object;
mod plan;
mod project;
pub mod repair;
pub mod scan;
pub mod table;
pub mod text;
pub mod tokens;
pub mod write;
