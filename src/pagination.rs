//! Pages, put together in order up to what the caller wants.
//!
//! The rules: a page holds at most 100 rows; the offset advances by the rows received; beyond 10,000 PagerDuty answers
//! nothing, which is said and not hidden; rows that appear twice because the list moved are dropped; fetching stops as
//! soon as the limit or the answer's budget is full. <https://developer.pagerduty.com/docs/pagination>
//!
//! Pages are fetched side by side, taken in order, and never more of them at a time than have already been taken, plus
//! one: the first comes alone, then 2, 4 and 8 are under way, and when the list ends early not more than half of the
//! requests were in vain. [`collect`] is the only place that decides so.

mod portions;

use std::collections::HashSet;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{FuturesOrdered, StreamExt};

use crate::budget::Budget;
use crate::client::decode::{Page, Row, Unreadable};
use crate::error::Result;
use crate::models::Model;

pub use portions::{merge, resume};

/// The largest page.
pub const PAGE: usize = 100;

/// The last row PagerDuty gives of any list.
pub const CEILING: usize = 10_000;

/// The most pages under way for one list. The last windows of a long list are this wide: wider ones would save little
/// time and press hard on PagerDuty.
pub const WIDEST: usize = 8;

/// The most pages taken of one list: twice as many as PagerDuty's ceiling allows for full ones. A server of smaller pages
/// is not asked ten thousand times.
const MOST_PAGES: usize = 2 * CEILING / PAGE;

/// How often a list is read again from an earlier row: a host that returns different rows each time must not be asked
/// forever.
const MOST_RETURNS: usize = 10;

/// How much of a list the caller wants.
#[derive(Clone, Debug)]
pub struct Want {
    /// How many rows at most.
    pub limit: usize,
    /// How many rows to pass over.
    pub offset: usize,
    /// How large the answer may get.
    pub budget: Budget,
}

impl Want {
    /// Everything there is.
    #[must_use]
    pub fn all() -> Self {
        Self { limit: usize::MAX, offset: 0, budget: Budget::unlimited() }
    }
}

/// The rows of a list, and why there are not more of them.
#[derive(Clone, Debug)]
pub struct Listing<M> {
    /// The rows, in PagerDuty's order.
    pub rows: Vec<Row<M>>,
    /// Why it ends here.
    pub end: End,
    /// The offset after the last row.
    pub next: usize,
    /// Whether the first row alone is larger than the answer's budget.
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

/// Why a list ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// There is no more.
    Complete,
    /// As many as wanted; the rest starts at this offset.
    Limit(usize),
    /// The answer is full; the rest starts at this offset.
    Budget(usize),
    /// PagerDuty gives no more, though it has more.
    Ceiling,
}

/// Returns how many rows can be requested twice without another page: the free room in the last page.
fn slack(limit: usize) -> usize {
    if limit > CEILING { 0 } else { limit.div_ceil(PAGE) * PAGE - limit }
}

/// Returns whether PagerDuty should count the rows of a list, which it should where the pages have too little room to
/// repeat the last row of each previous page.
#[must_use]
pub fn is_counted(limit: usize, is_continued: bool) -> bool {
    let repeated = limit.div_ceil(PAGE).saturating_sub(1) + usize::from(is_continued);
    limit > PAGE && limit <= CEILING && slack(limit) < repeated
}

/// A page that was requested.
#[derive(Clone, Copy)]
struct Asked {
    start: usize,
    end: usize,
    /// Set if the first row must be one that was already returned. If it is not, the list became shorter and rows are
    /// missing.
    is_checked: bool,
}

/// Fetches pages with `fetch(offset, size)` until `want` is met. `spare` returns how many requests may be sent in
/// addition to those in progress; the next page that is needed is always requested. `given` are the keys of the rows
/// before the wanted offset.
///
/// The first page that fails fails the list: there is never a hole in it. What is under way when the list ends is dropped.
///
/// Each further page is requested from one row earlier, as long as the last page has room for the repeated rows. If
/// that row is not among the rows returned so far, earlier rows are gone, and the list is read again from a page
/// earlier. Where there is no room, the total number of rows shows the same; if a host does not count, rows are
/// requested twice anyway. After the list became shorter once, each further page repeats a row, even if it takes another
/// request. A continued list without room has one row less.
pub async fn collect<M, F, Fut>(
    mut want: Want,
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
    let (is_counted, mut total) = (is_counted(want.limit, knows_last), None);
    if knows_last && slack(want.limit) == 0 {
        want.limit = want.limit.saturating_sub(1);
    }
    let mut slack = slack(want.limit).max(usize::from(knows_last));
    let mut taker = Taker::new(want, given);
    let mut next = taker.offset;
    let (mut pages, mut fetched, mut returns) = (0, 0, 0);
    // `spare` knows of a request once it is sent, which is when its future is first polled.
    let (mut opened, sent) = (0, AtomicUsize::new(0));
    let mut underway = FuturesOrdered::new();
    let mut goes_back = false;
    loop {
        while underway.is_empty()
            || (underway.len() <= pages.min(WIDEST - 1)
                && opened - sent.load(Ordering::Relaxed) < spare()
                && next - taker.offset < taker.likely_room())
        {
            let checks = slack > 0 || taker.moved || (is_counted && total.is_none());
            let twice = usize::from(knows_last && !goes_back && checks && next > 0);
            let room = taker.room().saturating_sub(next - taker.offset);
            let size = match (room, goes_back) {
                (0, _) => 0,
                (_, true) => PAGE.min(CEILING.saturating_sub(next)),
                (_, false) => PAGE.min(CEILING.saturating_sub(next) + twice).min(room + twice),
            };
            if size <= twice {
                break;
            }
            let start = next - twice;
            let asked = Asked { start, end: start + size, is_checked: twice > 0 || (goes_back && start > 0) };
            let page = fetch(start, size);
            let sent = &sent;
            underway.push_back(async move {
                sent.fetch_add(1, Ordering::Relaxed);
                (asked, page.await)
            });
            slack = slack.saturating_sub(twice);
            next = asked.end;
            opened += 1;
            knows_last = true;
            if goes_back {
                // The requests after it depend on its content.
                goes_back = false;
                break;
            }
        }
        let Some((asked, page)) = underway.next().await else {
            let end = if taker.offset >= CEILING { End::Ceiling } else { End::Limit(taker.offset) };
            return Ok(taker.finish(end));
        };
        let page = page?;
        fetched += 1;
        let fewer = page.total.and_then(|now| total.replace(now)?.checked_sub(now)).filter(|fewer| *fewer > 0);
        let fewer = fewer.or_else(|| (asked.is_checked && !taker.has_given(&page)).then_some(PAGE - 2));
        taker.lacks_rows |= fewer.is_some() && returns >= MOST_RETURNS;
        if let Some(fewer) = fewer.filter(|_| returns < MOST_RETURNS) {
            returns += 1;
            underway.clear();
            opened = sent.load(Ordering::Relaxed);
            // If all rows that are gone were before this page, the preceding row is one of those already returned.
            next = asked.start.saturating_sub(fewer + 1);
            (taker.offset, taker.moved, goes_back, pages) = (next, true, true, 0);
            continue;
        }
        let rows = taker.rows.len();
        taker.offset = asked.start;
        if let Some(end) = taker.take(page.rows) {
            return Ok(taker.finish(end));
        }
        // If a page has no rows although there are more, the next pages would be the same. The list continues after it,
        // if at all.
        if !page.more || taker.offset == asked.start {
            let rest = if asked.end < CEILING { End::Limit(asked.end) } else { End::Ceiling };
            return Ok(taker.finish(if page.more { rest } else { End::Complete }));
        }
        // So would one that only repeats rows, if the host does not heed the offset; but in a storm of incidents a list may
        // have moved by a whole page. That cannot be told from here, so the list is not called complete.
        if taker.rows.len() == rows && !taker.moved {
            let end = End::Limit(taker.offset);
            return Ok(taker.finish(end));
        }
        pages += 1;
        if fetched >= MOST_PAGES {
            let end = End::Limit(taker.offset);
            return Ok(taker.finish(end));
        }
        if taker.offset != asked.end {
            // A page of another size than was asked for: those after it begin in the wrong place.
            underway.clear();
            opened = sent.load(Ordering::Relaxed);
            next = taker.offset;
            pages = 0;
        }
    }
}

/// Cuts a list that came in one piece.
#[must_use]
pub fn cut<M: Model>(want: Want, page: Page<M>) -> Listing<M> {
    let start = want.offset;
    cut_from(start, want, Vec::new(), page.rows.into_iter().skip(start).collect())
}

/// Cuts the rest of a list, which begins at the offset `start`. Rows whose keys are in `given` are left out.
#[must_use]
pub fn cut_from<M: Model>(
    start: usize,
    want: Want,
    given: Vec<String>,
    rows: Vec<Result<Row<M>, Unreadable>>,
) -> Listing<M> {
    let mut taker = Taker::starting_at(start, want, given);
    let end = taker.take(rows).unwrap_or(End::Complete);
    taker.finish(end)
}

/// Takes rows while there is room for them.
struct Taker<M> {
    want: Want,
    offset: usize,
    seen: HashSet<String>,
    rows: Vec<Row<M>>,
    oversized: bool,
    left_out: Vec<(usize, String)>,
    moved: bool,
    lacks_rows: bool,
}

impl<M: Model> Taker<M> {
    fn new(want: Want, given: Vec<String>) -> Self {
        Self::starting_at(want.offset, want, given)
    }

    /// Takes rows from an offset that is less than the wanted one if the list became shorter.
    fn starting_at(offset: usize, want: Want, given: Vec<String>) -> Self {
        let (seen, rows, left_out) = (given.into_iter().collect(), Vec::new(), Vec::new());
        let moved = offset < want.offset;
        Self { offset, want, seen, rows, oversized: false, left_out, moved, lacks_rows: false }
    }

    /// Returns whether the first row of a page was already returned. This is also true for a row without a key, and for
    /// an empty page although there are more rows.
    fn has_given(&self, page: &Page<M>) -> bool {
        let Some(first) = page.rows.first() else { return page.more };
        let key = first.as_ref().ok().and_then(|row| row.facts.key());
        key.is_none_or(|key| self.seen.contains(key.as_ref()))
    }

    fn room(&self) -> usize {
        self.want.limit - self.rows.len()
    }

    /// How many more rows are going to fit, if they are as large as those before.
    fn likely_room(&self) -> usize {
        self.want.budget.likely_rows(self.rows.len()).map_or(self.room(), |rows| self.room().min(rows))
    }

    /// Takes rows in order; `Some` says why the next one found no room.
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
                if !self.want.budget.take(&row.shown) {
                    if !self.rows.is_empty() {
                        return Some(End::Budget(self.offset));
                    }
                    // The first row is always given: an answer without any would not help anybody.
                    self.oversized = true;
                }
                self.rows.push(row);
            }
            self.offset += 1;
        }
        None
    }

    /// Returns the rows. An offset comes from a page after which there were more rows: if there are none any more, the
    /// list became shorter, and rows before the offset may not have been returned.
    fn finish(self, end: End) -> Listing<M> {
        let is_empty = self.rows.is_empty() && self.left_out.is_empty();
        let lacks_rows = self.lacks_rows || (is_empty && end == End::Complete && self.want.offset > 0);
        let Self { rows, oversized, left_out, moved, .. } = self;
        Listing { rows, end, next: self.offset, oversized, left_out, moved, lacks_rows }
    }
}

#[cfg(test)]
mod tests;
