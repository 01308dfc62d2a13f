//! Tests of reading lists: complete, cut, slow, broken and moving ones.

use super::*;
use crate::client::decode;
use crate::error::{Code, Error};
use crate::models::Team;
use proptest::prelude::*;
use serde_json::json;
use std::cell::{Cell, RefCell};

/// Returns a page of the list `ids` as PagerDuty would.
fn serve(ids: &[u32], offset: usize, size: usize) -> Page<Team> {
    let rows: Vec<_> = ids.iter().skip(offset).take(size).map(|id| json!({"id": format!("P{id}")})).collect();
    let more = offset + rows.len() < ids.len();
    decode::page(
        json!({"teams": rows, "more": more, "total": ids.len()}).to_string().as_bytes(),
        "teams",
        &Team::defaults(),
    )
    .unwrap()
}

/// Reads a list, and returns the IDs that a caller gets and the requests that were made.
fn run(ids: &[u32], limit: usize, offset: usize, budget: Budget) -> (Vec<String>, End, Vec<(usize, usize)>) {
    let requests = RefCell::new(Vec::new());
    let want = ListRequest { limit, offset, budget };
    let listing = futures_util::FutureExt::now_or_never(collect(
        want,
        Vec::new(),
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
    fn limit_of_any_size_returns_the_first_rows_in_order(
        length in 0usize..500, limit in 1usize..600, offset in 0usize..600,
    ) {
        let ids: Vec<u32> = (0..).take(length).collect();
        let (got, end, requests) = run(&ids, limit, offset, Budget::unlimited());
        let expected: Vec<_> = ids.iter().skip(offset).take(limit).map(|id| format!("P{id}")).collect();
        prop_assert_eq!(&got, &expected);
        let rest = length.saturating_sub(offset + got.len());
        prop_assert_eq!(end, if rest > 0 { End::Limit(offset + limit) } else { End::Complete });
        // Each page but the first brings a row less, since it repeats the last row of the one before.
        let needed = got.len().saturating_sub(1).div_ceil(MAX_PAGE - 1).max(1);
        prop_assert!(requests.len() <= 2 * needed, "{requests:?}");
    }

    #[test]
    fn continuing_at_next_offset_loses_no_row(length in 1usize..400, limit in 1usize..150, tokens in 1usize..400) {
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
fn list_beyond_the_ceiling_reports_it() {
    let ids: Vec<u32> = (0..12_000).collect();
    let (got, end, requests) = run(&ids, 11_000, 950, Budget::unlimited());
    assert_eq!((got.len(), end), (MAX_ROWS - 950, End::Ceiling));
    assert!(requests.iter().all(|(offset, size)| offset + size <= MAX_ROWS));
    assert_eq!(run(&ids, 10, 9_990, Budget::unlimited()).1, End::Ceiling, "no offset is given that would be refused");
    let (got, end, requests) = run(&ids, 10, MAX_ROWS, Budget::unlimited());
    assert_eq!((got.len(), end, requests.len()), (0, End::Ceiling, 0));
}

#[test]
fn duplicate_rows_are_dropped_and_advance_the_offset() {
    let mut ids: Vec<u32> = (0..150).collect();
    ids.insert(100, 99);
    let (got, end, _) = run(&ids, 120, 0, Budget::unlimited());
    assert_eq!((got.len(), end), (120, End::Limit(121)));
    assert_eq!(got.last().unwrap(), "P119");
}

#[test]
fn empty_page_with_more_ends_the_list() {
    let empty = |_, _| std::future::ready(Ok(Page::<Team> { rows: Vec::new(), more: true, total: None }));
    for (offset, end) in [(0, End::Limit(10)), (MAX_ROWS - 10, End::Ceiling)] {
        let want = ListRequest { limit: 10, offset, budget: Budget::unlimited() };
        let listing =
            futures_util::FutureExt::now_or_never(collect(want, Vec::new(), || usize::MAX, empty)).unwrap().unwrap();
        assert_eq!(listing.end, end, "nor is the list called complete");
    }
}

#[test]
fn repeated_page_is_not_the_end_of_the_list() {
    let ids: Vec<u32> = (0..300).collect();
    let moved = Cell::new(0);
    let storm = |offset: usize, size| {
        // After the first page, a hundred new rows precede it.
        let page = serve(&ids, offset - moved.get(), size);
        moved.set(MAX_PAGE);
        std::future::ready(Ok(page))
    };
    let want = ListRequest { limit: 200, offset: 0, budget: Budget::unlimited() };
    let listing = futures_util::FutureExt::now_or_never(collect(want, Vec::new(), || 0, storm)).unwrap().unwrap();
    assert_eq!((listing.rows.len(), listing.end), (100, End::Limit(200)));
}

#[test]
fn tiny_pages_are_limited_and_can_be_continued() {
    let requests = Cell::new(0);
    let tiny = |offset, _| {
        requests.set(requests.get() + 1);
        std::future::ready(Ok(serve(&(0..5_000).collect::<Vec<_>>(), offset, 1)))
    };
    let listing =
        futures_util::FutureExt::now_or_never(collect::<Team, _, _>(ListRequest::all(), Vec::new(), || 0, tiny));
    let listing = listing.unwrap().unwrap();
    assert_eq!((listing.rows.len(), listing.end, requests.get()), (MAX_PAGES, End::Limit(MAX_PAGES), MAX_PAGES));
}

/// A server whose answers take different times, on a clock that only advances when all tasks wait.
struct Slow<'s> {
    ids: &'s [u32],
    /// The times that requests take, in milliseconds, used in turn.
    delays: &'s [u64],
    /// The largest page that the server returns, regardless of the requested size.
    largest: usize,
    spare: usize,
    /// The number of the request that fails.
    broken: Option<usize>,
}

/// The result: the IDs and the reason for their end, the number of requests, the most at a time, and the total time.
struct Outcome {
    listing: Result<(Vec<String>, End)>,
    requests: usize,
    widest: usize,
    took: u64,
}

impl Slow<'_> {
    fn run(&self, want: ListRequest) -> Outcome {
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
            let listing = collect::<Team, _, _>(want, Vec::new(), || self.spare.saturating_sub(now.get()), fetch).await;
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
    Slow { ids, delays: &[50], largest: MAX_PAGE, spare: usize::MAX, broken: None }
}

fn first(limit: usize) -> ListRequest {
    ListRequest { limit, ..ListRequest::all() }
}

#[test]
fn thousand_rows_take_ten_requests_in_four_rounds() {
    let ids: Vec<u32> = (0..3_000).collect();
    let outcome = steady(&ids).run(first(1_000));
    assert_eq!((outcome.requests, outcome.widest, outcome.took), (10, 4, 200));
    assert_eq!(outcome.listing.unwrap(), ((0..1_000).map(|id| format!("P{id}")).collect(), End::Limit(1_000)));

    let outcome = steady(&ids).run(ListRequest::all());
    assert_eq!((outcome.requests, outcome.widest, outcome.took), (31, MAX_PARALLEL_PAGES, 300), "one was in vain");

    let outcome = steady(&ids).run(ListRequest { budget: Budget::of(Some(1_000_000)), ..first(1_000) });
    assert_eq!((outcome.requests, outcome.took), (10, 200), "a budget that is ample changes nothing");
}

#[test]
fn list_of_one_page_is_one_request() {
    let ids: Vec<u32> = (0..100).collect();
    for limit in [1, 99, 100, 5_000] {
        assert_eq!(steady(&ids).run(first(limit)).requests, 1, "{limit}");
    }
}

#[test]
fn pages_without_spare_requests_are_read_one_by_one() {
    let ids: Vec<u32> = (0..1_000).collect();
    let outcome = Slow { spare: 0, ..steady(&ids) }.run(ListRequest::all());
    assert_eq!((outcome.requests, outcome.widest), (10, 1));
    assert_eq!(Slow { spare: 2, ..steady(&ids) }.run(ListRequest::all()).widest, 2);
}

#[test]
fn pages_beyond_the_budget_are_not_requested() {
    let ids: Vec<u32> = (1_000..3_000).collect();
    // A row has about a dozen tokens here, so this budget is a little less than two pages.
    let outcome = steady(&ids).run(ListRequest { budget: Budget::of(Some(1_600)), ..ListRequest::all() });
    let (rows, end) = outcome.listing.unwrap();
    assert!((100..200).contains(&rows.len()) && end == End::Budget(rows.len()), "{} {end:?}", rows.len());
    assert_eq!(outcome.requests, 2, "the third page was not asked for");
}

#[test]
fn page_is_prefetched_if_one_row_is_likely_to_fit() {
    let ids: Vec<u32> = (1_000..3_000).collect();
    let mut budget = Budget::of(Some(1_000));
    let empty = budget.left().unwrap();
    assert!(budget.take(&serve(&ids, 0, 1).rows[0].as_ref().unwrap().shown));
    let (envelope, row) = (1_000 - empty, empty - budget.left().unwrap());
    // After the first page there is room for 99 or 100 more rows, and a possible one, which may be the first of the
    // third page.
    for (rows, requests) in [(199, 2), (200, 3)] {
        let outcome =
            steady(&ids).run(ListRequest { budget: Budget::of(Some(envelope + rows * row)), ..ListRequest::all() });
        assert_eq!((outcome.requests, outcome.listing.unwrap().1), (requests, End::Budget(rows)));
    }
}

#[test]
fn list_page_fails_whole_list_fails() {
    let ids: Vec<u32> = (0..1_000).collect();
    for broken in 0..10 {
        let outcome = Slow { broken: Some(broken), ..steady(&ids) }.run(ListRequest::all());
        assert_eq!(outcome.listing.unwrap_err().code(), Code::ApiError, "request {broken}");
    }
    let ids: Vec<u32> = (0..150).collect();
    let outcome = Slow { broken: Some(2), ..steady(&ids) }.run(ListRequest::all());
    assert_eq!((outcome.requests, outcome.listing.unwrap().0.len()), (3, 150), "the list had ended before it");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn list_is_the_same_in_any_order_of_responses(
        length in 0usize..1_500, limit in 1usize..1_500, offset in 0usize..200, largest in 20usize..=MAX_PAGE,
        delays in proptest::collection::vec(0u64..200, 1..9), spare in 0usize..12, twice in 0u32..1_500,
    ) {
        let mut ids: Vec<u32> = (0..).take(length).collect();
        // The list moved while it was read, so a row occurs again.
        if let Some(at) = usize::try_from(twice).ok().filter(|at| *at < length) {
            ids.insert(at, ids[at.saturating_sub(1)]);
        }
        let expected = ids.iter().skip(offset).map(|id| format!("P{id}"));
        let mut seen = HashSet::new();
        let expected: Vec<_> = expected.filter(|id| seen.insert(id.clone())).take(limit).collect();
        let slow = Slow { ids: &ids, delays: &delays, largest, spare, broken: None };
        let outcome = slow.run(ListRequest { limit, offset, budget: Budget::unlimited() });
        let (rows, end) = outcome.listing.unwrap();
        prop_assert_eq!(rows.len(), expected.len());
        prop_assert_eq!(rows, expected);
        if let End::Limit(next) = end {
            let rest: HashSet<_> = ids[next..].iter().map(|id| format!("P{id}")).collect();
            prop_assert!(!rest.is_empty());
        }
        prop_assert!(outcome.widest <= MAX_PARALLEL_PAGES.min(spare.max(1)));
    }
}

/// Reads a list that has different rows from the second request on, and returns what the caller gets.
fn run_moving(
    before: &[u32],
    after: &[u32],
    want: ListRequest,
    given: &[u32],
) -> (Vec<String>, bool, Vec<(usize, usize)>) {
    let requests = RefCell::new(Vec::new());
    let given = given.iter().map(|id| format!("P{id}")).collect();
    let fetch = |offset, size| {
        let ids = if requests.borrow().is_empty() { before } else { after };
        requests.borrow_mut().push((offset, size));
        std::future::ready(Ok(serve(ids, offset, size)))
    };
    let listing = futures_util::FutureExt::now_or_never(collect(want, given, || 0, fetch)).unwrap().unwrap();
    let got = listing.rows.iter().map(|row| row.facts.id().unwrap().to_owned()).collect();
    (got, listing.moved, requests.into_inner())
}

fn names(ids: impl Iterator<Item = u32>) -> Vec<String> {
    ids.map(|id| format!("P{id}")).collect()
}

proptest! {
    #[test]
    fn list_that_loses_rows_has_no_hole(
        length in 101u32..700, lost in 1usize..350, limit in 101usize..800, from in 0usize..99,
    ) {
        // Either each page has room for a repeated row, or the rows are counted.
        prop_assume!(slack(limit) >= limit.div_ceil(MAX_PAGE) || is_counted(limit, false));
        let before: Vec<u32> = (0..length).collect();
        let mut after = before.clone();
        after.drain(from..(from + lost).min(before.len()));
        let (got, _, requests) = run_moving(&before, &after, first(limit), &[]);
        let rest = after.iter().copied().filter(|id| *id >= 100);
        let expected: Vec<_> = names((0..100).chain(rest)).into_iter().take(limit).collect();
        prop_assert_eq!(got, expected, "{:?}", requests);
    }

    #[test]
    fn full_pages_have_no_hole_counted_or_not(
        length in 101u32..700, lost in 1usize..350, pages in 2usize..8, from in 0usize..99, counts in any::<bool>(),
    ) {
        let before: Vec<u32> = (0..length).collect();
        let mut after = before.clone();
        after.drain(from..(from + lost).min(before.len()));
        let requests = Cell::new(0);
        let fetch = |offset, size| {
            let ids = if requests.replace(requests.get() + 1) == 0 { &before } else { &after };
            let page = serve(ids, offset, size);
            std::future::ready(Ok(Page { total: page.total.filter(|_| counts), ..page }))
        };
        let listing = futures_util::FutureExt::now_or_never(collect(first(pages * MAX_PAGE), Vec::new(), || 0, fetch));
        let got: Vec<_> = listing.unwrap().unwrap().rows.iter().map(|row| row.facts.id().unwrap().to_owned()).collect();
        let rest = after.iter().copied().filter(|id| *id >= 100);
        prop_assert_eq!(got, names((0..100).chain(rest)).into_iter().take(pages * MAX_PAGE).collect::<Vec<_>>());
    }

    #[test]
    fn unchanged_list_takes_no_extra_page(length in 0usize..1_200, limit in 1usize..1_000) {
        let ids: Vec<u32> = (0..).take(length.min(limit + 150).max(limit)).collect();
        let (got, moved, requests) = run_moving(&ids, &ids, first(limit), &[]);
        prop_assert_eq!(got, names(ids.iter().copied().take(limit)));
        prop_assert!(!moved);
        prop_assert_eq!(requests.len(), limit.div_ceil(MAX_PAGE));
    }
}

#[test]
fn list_continues_after_the_rows_returned() {
    let ids: Vec<u32> = (0..10).collect();
    let want = |offset| ListRequest { limit: 2, offset, budget: Budget::unlimited() };
    // Nothing has moved: the last row is requested again, but not returned again.
    let (got, moved, requests) = run_moving(&ids, &ids, want(4), &[0, 1, 2, 3]);
    assert_eq!((got, moved, requests), (names(4..6), false, vec![(3, 3)]));
    // All rows returned so far are gone.
    let (got, moved, _) = run_moving(&ids[4..], &ids[4..], want(4), &[0, 1, 2, 3]);
    assert_eq!((got, moved), (names(4..6), true));
    // The last returned row is gone.
    let after = [0, 1, 2, 4, 5, 6, 7];
    let (got, moved, _) = run_moving(&after, &after, want(4), &[0, 1, 2, 3]);
    assert_eq!((got, moved), (names(4..6), true));
    // New rows precede it.
    let after: Vec<u32> = (20..23).chain(0..10).collect();
    let (got, moved, _) = run_moving(&after, &after, ListRequest { limit: 5, ..want(4) }, &[0, 1, 2, 3]);
    assert_eq!((got, moved), (names(4..9), false));
    // The list now ends earlier.
    let (got, moved, _) = run_moving(&ids[..1], &ids[..1], want(4), &[0, 1, 2, 3]);
    assert_eq!((got, moved), (Vec::new(), true));
}

#[test]
fn list_that_shrinks_twice_is_checked_again() {
    let ids: Vec<u32> = (0..400).collect();
    for limit in [199, 200, 299, 300, 395] {
        // A row at the beginning disappears after each of the first requests.
        for changes in 1..6 {
            let requests = Cell::new(0);
            let fetch = |offset, size| {
                let gone = requests.replace(requests.get() + 1).min(changes);
                std::future::ready(Ok(serve(&ids[gone..], offset, size)))
            };
            let listing = futures_util::FutureExt::now_or_never(collect(first(limit), Vec::new(), || 0, fetch));
            let listing = listing.unwrap().unwrap();
            let got: Vec<_> = listing.rows.iter().map(|row| row.facts.id().unwrap().to_owned()).collect();
            assert_eq!(got, names(0..u32::try_from(limit).unwrap()), "{limit} {changes}");
            assert!(listing.moved && !listing.lacks_rows, "{limit} {changes}");
        }
    }
}

#[test]
fn list_not_found_again_lacks_rows() {
    let ids: Vec<u32> = (0..3_000).collect();
    let given = vec!["PGONE".to_owned()];
    let fetch = |offset, size| std::future::ready(Ok(serve(&ids, offset, size)));
    let want = ListRequest { offset: 2_500, ..first(10) };
    let listing = futures_util::FutureExt::now_or_never(collect(want, given, || 0, fetch)).unwrap().unwrap();
    assert!(listing.lacks_rows);
}

#[test]
fn full_pages_of_a_continued_list_repeat_a_row() {
    let ids: Vec<u32> = (0..1_000).collect();
    for (limit, expected) in [(100, vec![(99, 100)]), (200, vec![(99, 100), (199, 100)])] {
        let want = ListRequest { offset: 100, ..first(limit) };
        let (got, moved, requests) = run_moving(&ids, &ids, want, &(0..100).collect::<Vec<_>>());
        assert_eq!((got, moved, requests), (names(100..99 + u32::try_from(limit).unwrap()), false, expected));
        assert!(is_counted(200, true) && is_counted(199, true) && !is_counted(199, false) && !is_counted(100, true));
    }
}

#[test]
fn portions_are_merged_in_order_without_duplicates() {
    let list = |ids: &[u32], end| {
        let rows = serve(ids, 0, MAX_PAGE).rows.into_iter().map(Result::unwrap).collect();
        let next = ids.len();
        Listing { rows, end, next, oversized: false, left_out: Vec::new(), moved: false, lacks_rows: false }
    };
    let lists = || vec![list(&[1, 2, 3], End::Complete), list(&[3, 4], End::Complete), list(&[5], End::Complete)];
    let got = |want: ListRequest| {
        let listing = merge(want, Vec::new(), lists());
        let ids: Vec<_> = listing.rows.iter().map(|row| row.facts.id().unwrap().to_owned()).collect();
        (ids, listing.end)
    };
    assert_eq!(got(ListRequest::all()), (names(1..6), End::Complete));
    assert_eq!(got(first(2)), (names(1..3), End::Limit(2)));
    assert_eq!(got(ListRequest { offset: 2, ..first(2) }), (names(3..5), End::Limit(4)));
    assert_eq!(got(ListRequest { offset: 4, ..first(2) }), (names(5..6), End::Complete));
    // The list is continued after rows of which the first one, all, or none are gone.
    let given = |given: &[u32]| {
        let listing = merge(ListRequest { offset: 2, ..first(2) }, names(given.iter().copied()), lists());
        (listing.rows.iter().map(|row| row.facts.id().unwrap().to_owned()).collect(), listing.end, listing.moved)
    };
    assert_eq!(given(&[0, 1]), (names(2..4), End::Limit(3), true));
    assert_eq!(given(&[8, 9]), (names(1..3), End::Limit(2), true));
    assert_eq!(given(&[1, 2]), (names(3..5), End::Limit(4), false));
    // New rows precede the rows that were returned.
    assert_eq!(given(&[3, 4]), (names(5..6), End::Complete, false));
}

#[test]
fn rereads_of_a_changing_list_are_limited() {
    let requests = Cell::new(0);
    let other = |_, size: usize| {
        let first = u32::try_from(requests.replace(requests.get() + 1)).unwrap() * 1_000;
        let ids: Vec<u32> = (first..).take(size).collect();
        std::future::ready(Ok(Page { more: true, total: None, ..serve(&ids, 0, size) }))
    };
    let listing = futures_util::FutureExt::now_or_never(collect(first(450), Vec::new(), || 0, other)).unwrap().unwrap();
    assert_eq!((listing.rows.len(), listing.moved), (450, true));
    assert!(requests.get() <= 2 * MAX_RETURNS, "{}", requests.get());

    let empty = |offset, size| {
        let ids: Vec<u32> = (0..100).collect();
        std::future::ready(Ok(Page { more: true, total: None, ..serve(&ids, offset, size) }))
    };
    let listing = futures_util::FutureExt::now_or_never(collect(first(150), Vec::new(), || 0, empty)).unwrap().unwrap();
    assert_eq!(listing.rows.len(), 100);
}
