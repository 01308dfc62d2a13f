//! Reads lists page by page, in order, up to what is requested.
//!
//! The rules: a page holds at most 100 rows; the offset advances by the rows received; PagerDuty returns at most 10,000
//! rows, which the answer reports; duplicate rows, from a list that shifts between pages, are dropped; reading stops as
//! soon as the limit or the answer's budget is reached. <https://developer.pagerduty.com/docs/pagination>
//!
//! Pages are requested in parallel and collected in order. At most one page more is in flight than have been collected:
//! the first page alone, then 2, 4 and 8. If the list ends early, at most half of the requests were in vain. [`collect`]
//! is the only place that decides this.

mod portions;

use std::collections::HashSet;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{FuturesOrdered, StreamExt};
use pagerduty_api::{MAX_PAGE, MAX_ROWS};
use pagerduty_rows::decode::Unreadable;

use crate::budget::Budget;
use crate::error::Result;
use crate::models::{Model, Page, Row};

pub use portions::{merge, resume};

/// The most pages in flight for one list. More would save little time and burden PagerDuty.
pub const MAX_PARALLEL_PAGES: usize = 8;

/// The most pages read of one list: twice the number of full pages that PagerDuty returns. It bounds the requests to a
/// host with smaller pages.
const MAX_PAGES: usize = 2 * MAX_ROWS / MAX_PAGE;

/// The most times that a list is read again from an earlier row. It bounds the requests to a host that returns different
/// rows each time.
const MAX_RETURNS: usize = 10;

/// The requested part of a list.
#[derive(Clone, Debug)]
pub struct ListRequest {
    /// The most rows.
    pub limit: usize,
    /// The number of rows to skip.
    pub offset: usize,
    /// The budget of the answer.
    pub budget: Budget,
}

impl ListRequest {
    /// A request for all rows.
    #[must_use]
    pub fn all() -> Self {
        Self { limit: usize::MAX, offset: 0, budget: Budget::unlimited() }
    }
}

/// The rows of a list, and the reason why it ends there.
#[derive(Clone, Debug)]
pub struct Listing<M> {
    /// The rows, in PagerDuty's order.
    pub rows: Vec<Row<M>>,
    /// The reason why it ends.
    pub end: End,
    /// The offset after the last row.
    pub next: usize,
    /// Set if the first row alone is larger than the answer's budget.
    pub oversized: bool,
    /// The offset of each row that could not be read, with the reason.
    pub left_out: Vec<(usize, String)>,
    /// Set if the list became shorter while it was read, so that it was read again from an earlier row.
    pub moved: bool,
    /// Set if rows may have been skipped because the list became shorter.
    pub lacks_rows: bool,
}

impl<M> Listing<M> {
    /// Returns the rows with the unreadable ones at their places.
    #[must_use]
    pub fn into_rows(self) -> Vec<Result<Row<M>, Unreadable>> {
        let first = self.next.saturating_sub(self.rows.len() + self.left_out.len());
        let mut rows: Vec<_> = self.rows.into_iter().map(Ok).collect();
        for (offset, why) in self.left_out {
            let place = offset.saturating_sub(first).min(rows.len());
            rows.insert(place, Err(Unreadable::because(why)));
        }
        rows
    }
}

/// The reason why a list ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The list is complete.
    Complete,
    /// The limit is reached. The rest starts at this offset.
    Limit(usize),
    /// The budget is used up. The rest starts at this offset.
    Budget(usize),
    /// PagerDuty has more rows and does not return them.
    Ceiling,
}

/// Returns the number of rows that can be requested twice without another page: the free space in the last page.
fn slack(limit: usize) -> usize {
    if limit > MAX_ROWS { 0 } else { limit.div_ceil(MAX_PAGE) * MAX_PAGE - limit }
}

/// Returns whether PagerDuty should count the rows of a list: if the pages have too little space to repeat the last row of
/// each previous page.
#[must_use]
pub fn is_counted(limit: usize, is_continued: bool) -> bool {
    let repeated = limit.div_ceil(MAX_PAGE).saturating_sub(1) + usize::from(is_continued);
    limit > MAX_PAGE && limit <= MAX_ROWS && slack(limit) < repeated
}

/// A requested page.
#[derive(Clone, Copy)]
struct Requested {
    start: usize,
    end: usize,
    /// Set if the first row must be one that was already returned. If it is not, the list became shorter and rows are
    /// missing.
    is_checked: bool,
}

/// Fetches pages with `fetch(offset, size)` until `wanted` is met. `spare` returns the number of further requests that may
/// be in flight; the next page that is needed is always requested. `given` are the keys of the rows before the offset.
///
/// If a page fails, the list fails, so a list never has a gap. Requests in flight are canceled when the list ends.
///
/// Each further page is requested from one row earlier, as long as the last page has space for the repeated rows. If
/// that row is not among the rows returned so far, earlier rows are gone, and the list is read again from a page
/// earlier. Without that space, the total number of rows shows the same; if a host does not count, rows are
/// requested twice anyway. After the list became shorter once, each further page repeats a row, even if it takes another
/// request. A continued list whose page has no space returns one row fewer.
pub async fn collect<M, F, Fut>(
    mut wanted: ListRequest,
    given: Vec<String>,
    spare: impl Fn() -> usize,
    mut fetch: F,
) -> Result<Listing<M>>
where
    M: Model,
    F: FnMut(usize, usize) -> Fut,
    Fut: Future<Output = Result<Page<M>>>,
{
    let mut knows_last = !given.is_empty();
    let (is_counted, mut total) = (is_counted(wanted.limit, knows_last), None);
    if knows_last && slack(wanted.limit) == 0 {
        wanted.limit = wanted.limit.saturating_sub(1);
    }
    let mut slack = slack(wanted.limit).max(usize::from(knows_last));
    let mut collector = Collector::new(wanted, given);
    let mut next = collector.offset;
    let (mut pages, mut fetched, mut returns) = (0, 0, 0);
    // `spare` counts a request once it is sent, which is when its future is first polled.
    let (mut opened, sent) = (0, AtomicUsize::new(0));
    let mut in_flight = FuturesOrdered::new();
    let mut goes_back = false;
    loop {
        while in_flight.is_empty()
            || (in_flight.len() <= pages.min(MAX_PARALLEL_PAGES - 1)
                && opened - sent.load(Ordering::Relaxed) < spare()
                && next - collector.offset < collector.likely_room())
        {
            let checks = slack > 0 || collector.moved || (is_counted && total.is_none());
            let twice = usize::from(knows_last && !goes_back && checks && next > 0);
            let room = collector.room().saturating_sub(next - collector.offset);
            let size = match (room, goes_back) {
                (0, _) => 0,
                (_, true) => MAX_PAGE.min(MAX_ROWS.saturating_sub(next)),
                (_, false) => MAX_PAGE.min(MAX_ROWS.saturating_sub(next) + twice).min(room + twice),
            };
            if size <= twice {
                break;
            }
            let start = next - twice;
            let requested = Requested { start, end: start + size, is_checked: twice > 0 || (goes_back && start > 0) };
            let page = fetch(start, size);
            let sent = &sent;
            in_flight.push_back(async move {
                sent.fetch_add(1, Ordering::Relaxed);
                (requested, page.await)
            });
            slack = slack.saturating_sub(twice);
            next = requested.end;
            opened += 1;
            knows_last = true;
            if goes_back {
                // The requests after it depend on its content.
                goes_back = false;
                break;
            }
        }
        let Some((requested, page)) = in_flight.next().await else {
            let end = if collector.offset >= MAX_ROWS { End::Ceiling } else { End::Limit(collector.offset) };
            return Ok(collector.finish(end));
        };
        let page = page?;
        fetched += 1;
        let fewer = page.total.and_then(|now| total.replace(now)?.checked_sub(now)).filter(|fewer| *fewer > 0);
        let fewer = fewer.or_else(|| (requested.is_checked && !collector.has_given(&page)).then_some(MAX_PAGE - 2));
        collector.lacks_rows |= fewer.is_some() && returns >= MAX_RETURNS;
        if let Some(fewer) = fewer.filter(|_| returns < MAX_RETURNS) {
            returns += 1;
            in_flight.clear();
            opened = sent.load(Ordering::Relaxed);
            // If all rows that are gone were before this page, the preceding row is one of those already returned.
            next = requested.start.saturating_sub(fewer + 1);
            (collector.offset, collector.moved, goes_back, pages) = (next, true, true, 0);
            continue;
        }
        let rows = collector.rows.len();
        collector.offset = requested.start;
        if let Some(end) = collector.take(page.rows) {
            return Ok(collector.finish(end));
        }
        // If a page has no rows although there are more, the next pages would be the same. The list continues after it,
        // if at all.
        if !page.more || collector.offset == requested.start {
            let rest = if requested.end < MAX_ROWS { End::Limit(requested.end) } else { End::Ceiling };
            return Ok(collector.finish(if page.more { rest } else { End::Complete }));
        }
        // The same holds for a page that only repeats rows, if the host ignores the offset. But a list that grows fast may
        // have shifted by a whole page. The two cannot be distinguished, so the list does not count as complete.
        if collector.rows.len() == rows && !collector.moved {
            let end = End::Limit(collector.offset);
            return Ok(collector.finish(end));
        }
        pages += 1;
        if fetched >= MAX_PAGES {
            let end = End::Limit(collector.offset);
            return Ok(collector.finish(end));
        }
        if collector.offset != requested.end {
            // A page of another size than requested: the pages after it begin in the wrong place.
            in_flight.clear();
            opened = sent.load(Ordering::Relaxed);
            next = collector.offset;
            pages = 0;
        }
    }
}

/// Cuts a list that came in one piece to the requested part.
#[must_use]
pub fn cut<M: Model>(wanted: ListRequest, page: Page<M>) -> Listing<M> {
    let start = wanted.offset;
    cut_from(start, wanted, Vec::new(), page.rows.into_iter().skip(start).collect())
}

/// Cuts the rest of a list, which begins at the offset `start`. Rows whose keys are in `given` are left out.
#[must_use]
pub fn cut_from<M: Model>(
    start: usize,
    wanted: ListRequest,
    given: Vec<String>,
    rows: Vec<Result<Row<M>, Unreadable>>,
) -> Listing<M> {
    let mut collector = Collector::starting_at(start, wanted, given);
    let end = collector.take(rows).unwrap_or(End::Complete);
    collector.finish(end)
}

/// The rows of a list that have been collected.
struct Collector<M> {
    wanted: ListRequest,
    offset: usize,
    seen: HashSet<String>,
    rows: Vec<Row<M>>,
    oversized: bool,
    left_out: Vec<(usize, String)>,
    moved: bool,
    lacks_rows: bool,
}

impl<M: Model> Collector<M> {
    fn new(wanted: ListRequest, given: Vec<String>) -> Self {
        Self::starting_at(wanted.offset, wanted, given)
    }

    /// Creates a collector from an offset that is less than the wanted one if the list became shorter.
    fn starting_at(offset: usize, wanted: ListRequest, given: Vec<String>) -> Self {
        let (seen, rows, left_out) = (given.into_iter().collect(), Vec::new(), Vec::new());
        let moved = offset < wanted.offset;
        Self { offset, wanted, seen, rows, oversized: false, left_out, moved, lacks_rows: false }
    }

    /// Returns whether the first row of a page was already returned. This is also true for a row without a key, and for
    /// an empty page although there are more rows.
    fn has_given(&self, page: &Page<M>) -> bool {
        let Some(first) = page.rows.first() else { return page.more };
        let key = first.as_ref().ok().and_then(|row| row.facts.key());
        key.is_none_or(|key| self.seen.contains(key.as_ref()))
    }

    fn room(&self) -> usize {
        self.wanted.limit - self.rows.len()
    }

    /// Returns the number of further rows that are likely to fit, judging by the size of the rows so far.
    fn likely_room(&self) -> usize {
        self.wanted.budget.likely_rows(self.rows.len()).map_or(self.room(), |rows| self.room().min(rows))
    }

    /// Takes rows in order. Returns the reason if a row does not fit.
    fn take(&mut self, rows: Vec<Result<Row<M>, Unreadable>>) -> Option<End> {
        for row in rows {
            let row = match row {
                Ok(row) => row,
                Err(unreadable) => {
                    // The row may have been requested twice.
                    if self.left_out.last().is_none_or(|(offset, _)| *offset < self.offset) {
                        self.left_out.push((self.offset, unreadable.why));
                    }
                    self.offset += 1;
                    continue;
                }
            };
            let is_new = row.facts.key().is_none_or(|key| self.seen.insert(key.into_owned()));
            if is_new {
                if self.room() == 0 {
                    return Some(End::Limit(self.offset));
                }
                if !self.wanted.budget.take(&row.shown) {
                    if !self.rows.is_empty() {
                        return Some(End::Budget(self.offset));
                    }
                    // The first row is always taken: an answer without rows would be useless.
                    self.oversized = true;
                }
                self.rows.push(row);
            }
            self.offset += 1;
        }
        None
    }

    /// Returns the rows.
    ///
    /// An offset comes from a page after which there were more rows. If there are none any more, the list became shorter,
    /// and rows before the offset may not have been returned.
    fn finish(self, end: End) -> Listing<M> {
        let is_empty = self.rows.is_empty() && self.left_out.is_empty();
        let lacks_rows = self.lacks_rows || (is_empty && end == End::Complete && self.wanted.offset > 0);
        let Self { rows, oversized, left_out, moved, .. } = self;
        Listing { rows, end, next: self.offset, oversized, left_out, moved, lacks_rows }
    }
}

#[cfg(test)]
mod tests;
