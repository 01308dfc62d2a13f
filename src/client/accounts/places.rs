//! The places where the lists of a credential ended, used to detect that a list became shorter before it is continued.
//!
//! An offset counts rows. When earlier rows disappear, for example because their incidents are acknowledged, later rows
//! move up, and the same offset skips rows that the caller has not seen. So the last rows returned are remembered.

use std::collections::VecDeque;
use std::sync::Mutex;

use pagerduty_api::MAX_PAGE;

use crate::models::Model;
use crate::pagination::{End, Listing};
use crate::sync::lock;

/// The most offsets of lists that are remembered for a credential. Several users of one credential share them.
const MAX_PLACES: usize = 64;

/// The most rows that are remembered before an offset.
///
/// Even if all rows of the latest page are gone, the list is found again by those of the page before it.
const MAX_KEYS: usize = 2 * MAX_PAGE;

/// The ends of the latest lists.
#[derive(Debug, Default)]
pub struct Places(Mutex<VecDeque<Place>>);

#[derive(Debug)]
struct Place {
    list: String,
    /// The offset of the remaining rows.
    offset: usize,
    /// The keys of the rows before the offset, the last row first.
    keys: Vec<String>,
}

impl Place {
    fn is_at(&self, list: &str, offset: usize) -> bool {
        self.list == list && self.offset == offset
    }
}

impl Places {
    /// Returns the keys of the rows that were returned before an offset, as far as they are remembered.
    pub fn before(&self, list: &str, offset: usize) -> Vec<String> {
        let ends = lock(&self.0);
        ends.iter().find(|place| place.is_at(list, offset)).map_or_else(Vec::new, |place| place.keys.clone())
    }

    /// Remembers where a list ended that was read from the offset `start`.
    pub fn record<M: Model>(&self, list: String, start: usize, listing: &Listing<M>) {
        let (End::Limit(offset) | End::Budget(offset)) = listing.end else { return };
        let latest = listing.rows.iter().rev().filter_map(|row| row.facts.key().map(std::borrow::Cow::into_owned));
        let mut ends = lock(&self.0);
        let earlier =
            ends.iter().filter(|place| place.is_at(&list, start)).flat_map(|place| place.keys.iter().cloned());
        let keys = latest.chain(earlier).take(MAX_KEYS).collect();
        ends.retain(|place| !place.is_at(&list, offset));
        if ends.len() == MAX_PLACES {
            ends.pop_front();
        }
        ends.push_back(Place { list, offset, keys });
    }
}
