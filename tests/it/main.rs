//! One binary for all tests from outside, so that the crate is linked once.
#![allow(missing_docs)]

mod support;

mod catalogue;
mod docs;
mod tokens;
