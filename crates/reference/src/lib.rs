//! All operations of PagerDuty's REST API, as a table: search by words, lookup by path, and checks of requests.
//!
//! `operations.jsonl` holds the table. `generate.py` writes it from PagerDuty's OpenAPI description, which is not part of
//! the repository, and from `words.txt`, the descriptions. The table is read when it is first used. No I/O.

mod check;
mod lookup;
mod operation;
mod search;

use std::sync::OnceLock;

pub use check::Problem;
pub use lookup::Unknown;
pub use operation::{Members, Operation, Paging};

/// The table: the types of request bodies in the first line, an operation in each other line.
const TABLE: &str = include_str!("../operations.jsonl");

/// The operations, and the object types of their bodies.
#[derive(Debug)]
pub struct Reference {
    operations: Vec<Operation>,
    types: Vec<Members>,
    index: OnceLock<Vec<search::Weights>>,
}

impl Reference {
    /// Returns the table.
    #[must_use]
    pub fn get() -> &'static Self {
        static REFERENCE: OnceLock<Reference> = OnceLock::new();
        REFERENCE.get_or_init(|| {
            let mut lines = TABLE.lines();
            let types = lines.next().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
            // A test reads every line.
            let operations = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
            Self { operations, types, index: OnceLock::new() }
        })
    }

    /// Returns all operations, in the order of PagerDuty's description.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_an_operation() {
        let mut lines = TABLE.lines();
        serde_json::from_str::<Vec<Members>>(lines.next().unwrap()).unwrap();
        for line in lines {
            serde_json::from_str::<Operation>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
        assert_eq!(Reference::get().operations().len(), 465);
        assert!(TABLE.len() < 200_000, "{} bytes", TABLE.len());
    }
}
