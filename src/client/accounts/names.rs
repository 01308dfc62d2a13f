//! The objects that names were found to mean.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use pagerduty_api::Resource;

use super::cached::Cached;
use crate::client::directory::Found;
use crate::sync::lock;

/// The most names that are kept for one credential.
const MOST: usize = 500;

/// The cell of one name.
type Cell = Arc<Cached<(), Arc<Found>>>;

/// The objects that names were found to mean, for a minute each. Concurrent calls share one search.
#[derive(Debug, Default)]
pub struct Names(Mutex<HashMap<(&'static str, String), Cell>>);

impl Names {
    /// Returns the cell of a normalized name.
    pub fn cell(&self, resource: &'static Resource, name: &str) -> Cell {
        let mut cells = lock(&self.0);
        if cells.len() >= MOST {
            cells.retain(|_, cell| cell.kept(&()).is_some());
        }
        if cells.len() >= MOST {
            cells.clear();
        }
        Arc::clone(cells.entry((resource.many, name.to_owned())).or_default())
    }
}
