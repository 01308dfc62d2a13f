//! Pages, put together in order up to what the caller wants.
//!
//! The rules: a page holds at most 100 rows; the offset advances by the rows received; beyond 10,000 PagerDuty answers
//! nothing, which is said and not hidden; rows that appear twice because the list moved are dropped; fetching stops as
//! soon as the limit or the answer's budget is full. <https://developer.pagerduty.com/docs/pagination>
//!
//! Pages are fetched side by side, taken in order, and never more of them at a time than have already been taken, plus
//! one: the first comes alone, then 2, 4 and 8 are under way, and when the list ends early not more than half of the
//! requests were in vain. [`collect`] is the only place that decides so.

use std::collections::HashSet;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{FuturesOrdered, StreamExt};

use crate::client::decode::{Page, Row, Unreadable};
use crate::error::Result;
use crate::models::Model;
use crate::reply::Budget;

/// The largest page.
pub const PAGE: usize = 100;

/// The last row PagerDuty gives of any list.
pub const CEILING: usize = 10_000;

/// The most pages under way for one list. The last windows of a long list are this wide: wider ones would save little
/// time and press hard on PagerDuty.
const WIDEST: usize = 8;

/// The most pages taken of one list: twice as many as PagerDuty's ceiling allows for full ones. A server of smaller pages
/// is not asked ten thousand times.
const MOST_PAGES: usize = 2 * CEILING / PAGE;

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
    /// The rows that could not be read: the offset and the reason of each.
    pub left_out: Vec<(usize, String)>,
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

/// Fetches pages with `fetch(offset, size)` until `want` is met. `spare` says how many requests may be sent besides those
/// under way; the next page that is needed is asked for in any case.
///
/// The first page that fails fails the list: there is never a hole in it. What is under way when the list ends is dropped.
pub async fn collect<M, F, Fut>(want: Want, spare: impl Fn() -> usize, mut fetch: F) -> Result<Listing<M>>
where
    M: Model,
    F: FnMut(usize, usize) -> Fut,
    Fut: Future<Output = Result<Page<M>>>,
{
    let mut taker = Taker::new(want);
    let mut next = taker.offset;
    let (mut pages, mut fetched) = (0, 0);
    // `spare` knows of a request once it is sent, which is when its future is first polled.
    let (mut opened, sent) = (0, AtomicUsize::new(0));
    let mut underway = FuturesOrdered::new();
    loop {
        while underway.is_empty()
            || (underway.len() <= pages.min(WIDEST - 1)
                && opened - sent.load(Ordering::Relaxed) < spare()
                && next - taker.offset < taker.likely_room())
        {
            let size = PAGE.min(CEILING.saturating_sub(next)).min(taker.room().saturating_sub(next - taker.offset));
            if size == 0 {
                break;
            }
            let (end, page) = (next + size, fetch(next, size));
            let sent = &sent;
            underway.push_back(async move {
                sent.fetch_add(1, Ordering::Relaxed);
                (end, page.await)
            });
            next = end;
            opened += 1;
        }
        let Some((end, page)) = underway.next().await else {
            let end = if taker.offset >= CEILING { End::Ceiling } else { End::Limit(taker.offset) };
            return Ok(taker.finish(end));
        };
        let page = page?;
        let (rows, offset) = (taker.rows.len(), taker.offset);
        if let Some(end) = taker.take(page.rows) {
            return Ok(taker.finish(end));
        }
        // A page without rows would be followed by others like it, whatever `more` says.
        if !page.more || taker.offset == offset {
            return Ok(taker.finish(End::Complete));
        }
        // So would one that only repeats rows, if the host does not heed the offset; but in a storm of incidents a list may
        // have moved by a whole page. That cannot be told from here, so the list is not called complete.
        if taker.rows.len() == rows {
            let end = End::Limit(taker.offset);
            return Ok(taker.finish(end));
        }
        pages += 1;
        fetched += 1;
        if fetched == MOST_PAGES {
            let end = End::Limit(taker.offset);
            return Ok(taker.finish(end));
        }
        if taker.offset != end {
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
    left_out: Vec<(usize, String)>,
}

impl<M: Model> Taker<M> {
    fn new(want: Want) -> Self {
        let (seen, rows, left_out) = (HashSet::new(), Vec::new(), Vec::new());
        Self { offset: want.offset, want, seen, rows, oversized: false, left_out }
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
                    self.left_out.push((self.offset, unreadable.why));
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

    fn finish(self, end: End) -> Listing<M> {
        Listing { rows: self.rows, end, oversized: self.oversized, left_out: self.left_out }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::decode;
    use crate::error::{Code, Error};
    use crate::models::Team;
    use proptest::prelude::*;
    use serde_json::json;
    use std::cell::{Cell, RefCell};

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
        let listing = futures_util::FutureExt::now_or_never(collect(
            want,
            || usize::MAX,
            |offset, size| {
                requests.borrow_mut().push((offset, size));
                std::future::ready(Ok(serve(ids, offset, size)))
            },
        ));
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
            let needed = got.len().div_ceil(PAGE).max(1);
            prop_assert!(requests.len() <= 2 * needed, "{requests:?}");
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
        let listing = futures_util::FutureExt::now_or_never(collect(want, || usize::MAX, empty)).unwrap().unwrap();
        assert_eq!(listing.end, End::Complete);
    }

    #[test]
    fn a_page_that_only_repeats_rows_is_not_the_end_of_the_list() {
        let ids: Vec<u32> = (0..300).collect();
        let moved = Cell::new(0);
        let storm = |offset: usize, size| {
            // After the first page a hundred new ones stand before it.
            let page = serve(&ids, offset - moved.get(), size);
            moved.set(PAGE);
            std::future::ready(Ok(page))
        };
        let want = Want { limit: 200, offset: 0, budget: Budget::unlimited() };
        let listing = futures_util::FutureExt::now_or_never(collect(want, || 0, storm)).unwrap().unwrap();
        assert_eq!((listing.rows.len(), listing.end), (100, End::Limit(200)));
    }

    #[test]
    fn a_server_of_tiny_pages_is_left_after_a_while_and_can_be_asked_on() {
        let requests = Cell::new(0);
        let tiny = |offset, _| {
            requests.set(requests.get() + 1);
            std::future::ready(Ok(serve(&(0..5_000).collect::<Vec<_>>(), offset, 1)))
        };
        let listing = futures_util::FutureExt::now_or_never(collect::<Team, _, _>(Want::all(), || 0, tiny));
        let listing = listing.unwrap().unwrap();
        assert_eq!((listing.rows.len(), listing.end, requests.get()), (MOST_PAGES, End::Limit(MOST_PAGES), MOST_PAGES));
    }

    /// A server whose answers take a time of their own each, on a clock that only moves when everybody waits.
    struct Slow<'s> {
        ids: &'s [u32],
        /// Milliseconds that the n-th request takes, over and over.
        delays: &'s [u64],
        /// The largest page it gives, whatever is asked for.
        largest: usize,
        spare: usize,
        /// The request that fails.
        broken: Option<usize>,
    }

    /// What came of it: the IDs and why they end, the requests, the most of them at a time, and the time it took.
    struct Outcome {
        listing: Result<(Vec<String>, End)>,
        requests: usize,
        widest: usize,
        took: u64,
    }

    impl Slow<'_> {
        fn run(&self, want: Want) -> Outcome {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            runtime.unwrap().block_on(async {
                let (requests, now, widest) = (Cell::new(0), Cell::new(0_usize), Cell::new(0));
                let started = tokio::time::Instant::now();
                let fetch = |offset, size: usize| {
                    let (requests, now, widest) = (&requests, &now, &widest);
                    async move {
                        let number = requests.replace(requests.get() + 1);
                        now.set(now.get() + 1);
                        widest.set(widest.get().max(now.get()));
                        let delay = self.delays[number % self.delays.len()];
                        tokio::time::sleep(std::time::Duration::from_millis(delay)).await;
                        now.set(now.get() - 1);
                        if self.broken == Some(number) {
                            return Err(Error::new(Code::ApiError, "no"));
                        }
                        Ok(serve(self.ids, offset, size.min(self.largest)))
                    }
                };
                let listing = collect::<Team, _, _>(want, || self.spare.saturating_sub(now.get()), fetch).await;
                let took = u64::try_from(started.elapsed().as_millis()).unwrap();
                let listing = listing.map(|listing| {
                    let ids = listing.rows.iter().map(|row| row.facts.id().unwrap().to_owned()).collect();
                    (ids, listing.end)
                });
                Outcome { listing, requests: requests.get(), widest: widest.get(), took }
            })
        }
    }

    fn steady(ids: &[u32]) -> Slow<'_> {
        Slow { ids, delays: &[50], largest: PAGE, spare: usize::MAX, broken: None }
    }

    fn first(limit: usize) -> Want {
        Want { limit, ..Want::all() }
    }

    #[test]
    fn a_thousand_rows_are_ten_requests_in_four_round_trips() {
        let ids: Vec<u32> = (0..3_000).collect();
        let outcome = steady(&ids).run(first(1_000));
        assert_eq!((outcome.requests, outcome.widest, outcome.took), (10, 4, 200));
        assert_eq!(outcome.listing.unwrap(), ((0..1_000).map(|id| format!("P{id}")).collect(), End::Limit(1_000)));

        let outcome = steady(&ids).run(Want::all());
        assert_eq!((outcome.requests, outcome.widest, outcome.took), (31, WIDEST, 300), "one was in vain");

        let outcome = steady(&ids).run(Want { budget: Budget::of(Some(1_000_000)), ..first(1_000) });
        assert_eq!((outcome.requests, outcome.took), (10, 200), "a budget that is ample changes nothing");
    }

    #[test]
    fn a_list_in_one_page_is_one_request() {
        let ids: Vec<u32> = (0..100).collect();
        for limit in [1, 99, 100, 5_000] {
            assert_eq!(steady(&ids).run(first(limit)).requests, 1, "{limit}");
        }
    }

    #[test]
    fn without_anything_to_spare_pages_come_one_by_one() {
        let ids: Vec<u32> = (0..1_000).collect();
        let outcome = Slow { spare: 0, ..steady(&ids) }.run(Want::all());
        assert_eq!((outcome.requests, outcome.widest), (10, 1));
        assert_eq!(Slow { spare: 2, ..steady(&ids) }.run(Want::all()).widest, 2);
    }

    #[test]
    fn pages_that_would_not_fit_the_answer_are_not_asked_for() {
        let ids: Vec<u32> = (1_000..3_000).collect();
        // A row is a dozen tokens here, so that this is a budget for a little less than two pages.
        let outcome = steady(&ids).run(Want { budget: Budget::of(Some(1_600)), ..Want::all() });
        let (rows, end) = outcome.listing.unwrap();
        assert!((100..200).contains(&rows.len()) && end == End::Budget(rows.len()), "{} {end:?}", rows.len());
        assert_eq!(outcome.requests, 2, "the third page was not asked for");
    }

    #[test]
    fn a_page_is_asked_for_ahead_as_long_as_one_row_of_it_is_likely_to_fit() {
        let ids: Vec<u32> = (1_000..3_000).collect();
        let mut budget = Budget::of(Some(1_000));
        let empty = budget.left().unwrap();
        assert!(budget.take(&serve(&ids, 0, 1).rows[0].as_ref().unwrap().shown));
        let (envelope, row) = (1_000 - empty, empty - budget.left().unwrap());
        // After the first page there is room for 99 or 100 more, and one in doubt, which may be the first of the third page.
        for (rows, requests) in [(199, 2), (200, 3)] {
            let outcome = steady(&ids).run(Want { budget: Budget::of(Some(envelope + rows * row)), ..Want::all() });
            assert_eq!((outcome.requests, outcome.listing.unwrap().1), (requests, End::Budget(rows)));
        }
    }

    #[test]
    fn a_page_that_fails_fails_the_list_unless_it_is_not_needed() {
        let ids: Vec<u32> = (0..1_000).collect();
        for broken in 0..10 {
            let outcome = Slow { broken: Some(broken), ..steady(&ids) }.run(Want::all());
            assert_eq!(outcome.listing.unwrap_err().code(), Code::ApiError, "request {broken}");
        }
        let ids: Vec<u32> = (0..150).collect();
        let outcome = Slow { broken: Some(2), ..steady(&ids) }.run(Want::all());
        assert_eq!((outcome.requests, outcome.listing.unwrap().0.len()), (3, 150), "the list had ended before it");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn in_whatever_order_answers_come_the_list_is_the_same(
            length in 0usize..1_500, limit in 1usize..1_500, offset in 0usize..200, largest in 20usize..=PAGE,
            delays in proptest::collection::vec(0u64..200, 1..9), spare in 0usize..12, twice in 0u32..1_500,
        ) {
            let mut ids: Vec<u32> = (0..).take(length).collect();
            // The list moved while it was read, and a row is there once more.
            if let Some(at) = usize::try_from(twice).ok().filter(|at| *at < length) {
                ids.insert(at, ids[at.saturating_sub(1)]);
            }
            let expected = ids.iter().skip(offset).map(|id| format!("P{id}"));
            let mut seen = HashSet::new();
            let expected: Vec<_> = expected.filter(|id| seen.insert(id.clone())).take(limit).collect();
            let slow = Slow { ids: &ids, delays: &delays, largest, spare, broken: None };
            let outcome = slow.run(Want { limit, offset, budget: Budget::unlimited() });
            let (rows, end) = outcome.listing.unwrap();
            prop_assert_eq!(rows.len(), expected.len());
            prop_assert_eq!(rows, expected);
            if let End::Limit(next) = end {
                let rest: HashSet<_> = ids[next..].iter().map(|id| format!("P{id}")).collect();
                prop_assert!(!rest.is_empty());
            }
            prop_assert!(outcome.widest <= WIDEST.min(spare.max(1)));
        }
    }
}
