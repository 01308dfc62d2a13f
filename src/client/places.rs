//! The places where the lists of a credential were left off, used to detect that a list became shorter before it is
//! continued.
//!
//! An offset counts rows. When earlier rows disappear, for example because their incidents are acknowledged, later rows
//! move up, and the same offset skips rows that the caller has not seen. So the last rows returned are remembered.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::accounts::lock;
use crate::models::Model;
use crate::pagination::{End, Listing, PAGE, Want, slack};

/// The most lists that are remembered for a credential.
const MOST: usize = 16;

/// The ends of the latest lists.
#[derive(Debug, Default)]
pub struct Places {
    ends: Mutex<VecDeque<Place>>,
    changes: AtomicU64,
}

#[derive(Debug)]
struct Place {
    list: String,
    /// The offset of the remaining rows.
    offset: usize,
    /// The keys of the last rows before the offset.
    keys: Vec<String>,
    /// The number of changes made by then.
    changes: u64,
}

impl Places {
    /// Returns the keys of the rows returned before the wanted offset, as far as they should be checked.
    ///
    /// One of them is requested again. Where the pages have no room for it, it is only requested after a change, and
    /// takes the place of the last row.
    pub fn before(&self, list: &str, want: &mut Want) -> Vec<String> {
        let ends = lock(&self.ends);
        let Some(place) = ends.iter().find(|place| place.list == list && place.offset == want.offset) else {
            return Vec::new();
        };
        if slack(want.limit) == 0 {
            if place.changes == self.changes.load(Ordering::Relaxed) {
                return Vec::new();
            }
            want.limit -= 1;
        }
        place.keys.clone()
    }

    /// Remembers where a list was left off.
    pub fn note<M: Model>(&self, list: String, listing: &Listing<M>) {
        let (End::Limit(offset) | End::Budget(offset)) = listing.end else { return };
        let latest = listing.rows.iter().rev().take(PAGE).filter_map(|row| row.facts.key());
        let keys = latest.map(std::borrow::Cow::into_owned).collect();
        let place = Place { list, offset, keys, changes: self.changes.load(Ordering::Relaxed) };
        let mut ends = lock(&self.ends);
        ends.retain(|other| other.list != place.list || other.offset != place.offset);
        if ends.len() == MOST {
            ends.pop_front();
        }
        ends.push_back(place);
    }

    /// Counts a change.
    pub fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }
}
