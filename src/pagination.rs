//! Pages, put together in order up to what the caller wants.
//!
//! The rules: a page holds at most 100 rows; the offset advances by the rows received; beyond 10,000 PagerDuty answers
//! nothing, which is said and not hidden; rows that appear twice because the list moved are dropped; fetching stops as
//! soon as the limit or the answer's budget is full. <https://developer.pagerduty.com/docs/pagination>
//!
//! Pages are fetched one after another. [`collect`] is the only place that decides so.

use std::collections::HashSet;
use std::future::Future;

use crate::client::decode::{Page, Row};
use crate::error::Result;
use crate::models::Model;
use crate::reply::Budget;

/// The largest page.
pub const PAGE: usize = 100;

/// The last row PagerDuty gives of any list.
pub const CEILING: usize = 10_000;

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
    /// Whether the first row alone is larger than the answer's budget.
    pub oversized: bool,
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

/// Fetches pages with `fetch(offset, size)` until `want` is met.
pub async fn collect<M, F, Fut>(want: Want, mut fetch: F) -> Result<Listing<M>>
where
    M: Model,
    F: FnMut(usize, usize) -> Fut,
    Fut: Future<Output = Result<Page<M>>>,
{
    let mut taker = Taker::new(want);
    loop {
        if taker.offset >= CEILING {
            return Ok(taker.finish(End::Ceiling));
        }
        if taker.room() == 0 {
            let end = End::Limit(taker.offset);
            return Ok(taker.finish(end));
        }
        let size = PAGE.min(CEILING - taker.offset).min(taker.room());
        let page = fetch(taker.offset, size).await?;
        let before = taker.rows.len();
        if let Some(end) = taker.take(page.rows) {
            return Ok(taker.finish(end));
        }
        // A page without a new row would be followed by others like it, whatever `more` says.
        let more = page.more && taker.rows.len() > before;
        if !more {
            return Ok(taker.finish(End::Complete));
        }
    }
}

/// Cuts a list that came in one piece.
#[must_use]
pub fn cut<M: Model>(want: Want, page: Page<M>) -> Listing<M> {
    let passed_over = want.offset;
    let mut taker = Taker::new(want);
    let end = taker.take(page.rows.into_iter().skip(passed_over).collect());
    taker.finish(end.unwrap_or(End::Complete))
}

/// Takes rows while there is room for them.
struct Taker<M> {
    want: Want,
    offset: usize,
    seen: HashSet<String>,
    rows: Vec<Row<M>>,
    oversized: bool,
}

impl<M: Model> Taker<M> {
    fn new(want: Want) -> Self {
        Self { offset: want.offset, want, seen: HashSet::new(), rows: Vec::new(), oversized: false }
    }

    fn room(&self) -> usize {
        self.want.limit - self.rows.len()
    }

    /// Takes rows in order; `Some` says why the next one found no room.
    fn take(&mut self, rows: Vec<Row<M>>) -> Option<End> {
        for row in rows {
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

    fn finish(self, end: End) -> Listing<M> {
        Listing { rows: self.rows, end, oversized: self.oversized }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::decode;
    use crate::models::Team;
    use proptest::prelude::*;
    use serde_json::json;
    use std::cell::RefCell;

    /// A list of `ids` as PagerDuty would page it.
    fn serve(ids: &[u32], offset: usize, size: usize) -> Page<Team> {
        let rows: Vec<_> = ids.iter().skip(offset).take(size).map(|id| json!({"id": format!("P{id}")})).collect();
        let more = offset + rows.len() < ids.len();
        decode::page(json!({"teams": rows, "more": more}).to_string().as_bytes(), "teams", &Team::defaults()).unwrap()
    }

    /// What a caller gets of a list, as IDs, and the requests it took.
    fn run(ids: &[u32], limit: usize, offset: usize, budget: Budget) -> (Vec<String>, End, Vec<(usize, usize)>) {
        let requests = RefCell::new(Vec::new());
        let want = Want { limit, offset, budget };
        let listing = futures_util::FutureExt::now_or_never(collect(want, |offset, size| {
            requests.borrow_mut().push((offset, size));
            std::future::ready(Ok(serve(ids, offset, size)))
        }));
        let listing = listing.unwrap().unwrap();
        let got = listing.rows.iter().map(|row| row.facts.id().unwrap().to_owned()).collect();
        (got, listing.end, requests.into_inner())
    }

    proptest! {
        #[test]
        fn whatever_the_limit_the_rows_are_the_first_ones_in_order(
            length in 0usize..500, limit in 1usize..600, offset in 0usize..600,
        ) {
            let ids: Vec<u32> = (0..).take(length).collect();
            let (got, end, requests) = run(&ids, limit, offset, Budget::unlimited());
            let expected: Vec<_> = ids.iter().skip(offset).take(limit).map(|id| format!("P{id}")).collect();
            prop_assert_eq!(&got, &expected);
            let rest = length.saturating_sub(offset + got.len());
            prop_assert_eq!(end, if rest > 0 { End::Limit(offset + limit) } else { End::Complete });
            prop_assert!(requests.len() <= limit.min(length).div_ceil(PAGE) + 1);
        }

        #[test]
        fn going_on_at_the_next_offset_loses_nothing(length in 1usize..400, limit in 1usize..150, tokens in 1usize..400) {
            let ids: Vec<u32> = (0..).take(length).collect();
            let (mut got, mut offset) = (Vec::new(), 0);
            loop {
                let (rows, end, _) = run(&ids, limit, offset, Budget::of(Some(tokens)));
                prop_assert!(!rows.is_empty());
                got.extend(rows);
                match end {
                    End::Limit(next) | End::Budget(next) => offset = next,
                    End::Complete | End::Ceiling => break,
                }
            }
            prop_assert_eq!(got, ids.iter().map(|id| format!("P{id}")).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_ceiling_is_reached_exactly_and_said() {
        let ids: Vec<u32> = (0..12_000).collect();
        let (got, end, requests) = run(&ids, 11_000, 950, Budget::unlimited());
        assert_eq!((got.len(), end), (CEILING - 950, End::Ceiling));
        assert!(requests.iter().all(|(offset, size)| offset + size <= CEILING));
        assert_eq!(
            run(&ids, 10, 9_990, Budget::unlimited()).1,
            End::Ceiling,
            "no offset is given that would be refused"
        );
        let (got, end, requests) = run(&ids, 10, CEILING, Budget::unlimited());
        assert_eq!((got.len(), end, requests.len()), (0, End::Ceiling, 0));
    }

    #[test]
    fn rows_that_appear_twice_are_dropped_and_still_advance_the_offset() {
        let mut ids: Vec<u32> = (0..150).collect();
        ids.insert(100, 99);
        let (got, end, _) = run(&ids, 120, 0, Budget::unlimited());
        assert_eq!((got.len(), end), (120, End::Limit(121)));
        assert_eq!(got.last().unwrap(), "P119");
    }

    #[test]
    fn a_server_that_promises_more_and_gives_nothing_is_not_asked_forever() {
        let empty = |_, _| std::future::ready(Ok(Page::<Team> { rows: Vec::new(), more: true }));
        let want = Want { limit: 10, offset: 0, budget: Budget::unlimited() };
        let listing = futures_util::FutureExt::now_or_never(collect(want, empty)).unwrap().unwrap();
        assert_eq!(listing.end, End::Complete);
    }
}
