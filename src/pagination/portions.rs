//! Merges the portions of a list that is too large for one request.

use std::collections::{HashSet, VecDeque};

use super::{Collector, End, ListRequest, Listing};
use crate::models::{Model, Row};

/// Merges the portions of a list in its order, without duplicate rows, and cuts it to `wanted`. `given` are the keys of the
/// rows before the offset.
#[must_use]
pub fn merge<M: Model>(wanted: ListRequest, given: Vec<String>, lists: Vec<Listing<M>>) -> Listing<M> {
    let ends: Vec<_> = lists.iter().map(|list| list.end).collect();
    let (moved, lacks_rows) = (lists.iter().any(|list| list.moved), lists.iter().any(|list| list.lacks_rows));
    let left_out = lists.iter().flat_map(|list| list.left_out.iter().cloned()).collect();
    let mut portions: Vec<VecDeque<_>> = lists.into_iter().map(|list| list.rows.into()).collect();
    let (mut rows, mut seen) = (Vec::new(), HashSet::new());
    while let Some(row) = first(&mut portions) {
        if row.facts.key().is_none_or(|key| seen.insert(key.into_owned())) {
            rows.push(row);
        }
    }
    let start = resume(&rows.iter().map(Some), wanted.offset, &given);
    let mut collector = Collector::starting_at(start, wanted, given);
    collector.moved |= moved;
    collector.lacks_rows = lacks_rows;
    let end = collector.take(rows.into_iter().skip(start).map(Ok).collect()).unwrap_or_else(|| {
        if ends.contains(&End::Ceiling) {
            End::Ceiling
        } else if ends.iter().all(|end| *end == End::Complete) {
            End::Complete
        } else {
            End::Limit(collector.offset)
        }
    });
    Listing { left_out, ..collector.finish(end) }
}

/// Returns the offset at which a list that was read from its beginning continues. It is less than `offset` if the list
/// became shorter: then it is the offset after the last row whose key is in `given`. `None` is a row that could not be
/// read; like a row without a key, it may have been returned.
#[must_use]
pub fn resume<'r, M: Model>(
    rows: &(impl ExactSizeIterator<Item = Option<&'r Row<M>>> + DoubleEndedIterator + Clone),
    offset: usize,
    given: &[String],
) -> usize {
    let is_given = |row: Option<&Row<M>>| {
        row.and_then(|row| row.facts.key()).is_none_or(|key| given.iter().any(|given| *given == key))
    };
    if given.is_empty() {
        return offset;
    }
    match rows.clone().take(offset).rposition(is_given) {
        Some(last) => last + 1,
        // As many rows were added before the rows that were returned.
        None if rows.clone().any(is_given) => offset,
        None => 0,
    }
}

/// Takes the row that comes first in the list's order from the heads of the portions.
fn first<M: Model>(portions: &mut [VecDeque<Row<M>>]) -> Option<Row<M>> {
    let heads = portions.iter().enumerate().filter_map(|(place, rows)| Some((place, rows.front()?)));
    let first = heads.reduce(|first, other| if other.1.facts.goes_before(&first.1.facts) { other } else { first });
    let (place, _) = first?;
    portions.get_mut(place)?.pop_front()
}
