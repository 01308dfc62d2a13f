//! Tests of `check_coverage`.
