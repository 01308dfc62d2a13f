//! Rows and pages of decoded objects.

use pagerduty_rows::decode::Unreadable;
use pagerduty_rows::object::Object;

/// One object: the typed facts that rules depend on, and the fields to show.
#[derive(Clone, Debug)]
pub struct Row<M> {
    /// The typed facts.
    pub facts: M,
    /// The fields to show.
    pub shown: Object,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<M> {
    /// The objects, or the reason why one cannot be read.
    pub rows: Vec<Result<Row<M>, Unreadable>>,
    /// Set if PagerDuty has more after them.
    pub more: bool,
    /// The total number of objects, if the request has `total=true`.
    pub total: Option<usize>,
}
