//! PagerDuty's limits on requests.

/// The most rows of a page. <https://developer.pagerduty.com/docs/pagination>
pub const MAX_PAGE: usize = 100;

/// The number of rows of a list that can be requested by offset.
pub const MAX_ROWS: usize = 10_000;

/// The most values of one parameter in a request: two such lists still make a URL that every server on the way accepts.
pub const MAX_VALUES: usize = 100;
