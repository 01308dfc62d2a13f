//! Merges the portions of a list that is too large for one request.

use std::collections::{HashSet, VecDeque};

use super::{End, Listing, Taker, Want};
use crate::client::decode::Row;
use crate::models::Model;

/// Merges the portions of a list in its order, without duplicate rows, and cuts it to `want`.
#[must_use]
pub fn merge<M: Model>(want: Want, lists: Vec<Listing<M>>) -> Listing<M> {
    let ends: Vec<_> = lists.iter().map(|list| list.end).collect();
    let left_out = lists.iter().flat_map(|list| list.left_out.iter().cloned()).collect();
    let mut portions: Vec<VecDeque<_>> = lists.into_iter().map(|list| list.rows.into()).collect();
    let (mut rows, mut seen) = (Vec::new(), HashSet::new());
    while let Some(row) = first(&mut portions) {
        if row.facts.key().is_none_or(|key| seen.insert(key.into_owned())) {
            rows.push(Ok(row));
        }
    }
    let passed_over = want.offset;
    let mut taker = Taker::new(want, Vec::new());
    let end = taker.take(rows.into_iter().skip(passed_over).collect()).unwrap_or_else(|| {
        if ends.contains(&End::Ceiling) {
            End::Ceiling
        } else if ends.iter().all(|end| *end == End::Complete) {
            End::Complete
        } else {
            End::Limit(taker.offset)
        }
    });
    Listing { left_out, ..taker.finish(end) }
}

/// Takes the row that comes first in the list's order from the heads of the portions.
fn first<M: Model>(portions: &mut [VecDeque<Row<M>>]) -> Option<Row<M>> {
    let heads = portions.iter().enumerate().filter_map(|(place, rows)| Some((place, rows.front()?)));
    let first = heads.reduce(|first, other| if other.1.facts.goes_before(&first.1.facts) { other } else { first });
    let (place, _) = first?;
    portions.get_mut(place)?.pop_front()
}
