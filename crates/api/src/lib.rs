//! The part of PagerDuty's REST API that the tools use, as data: resources, operations, regions.
//!
//! Nothing here sends a request. Each path, envelope key and OAuth scope is declared once, so that no other module writes
//! one and nothing is guessed from the shape of an answer. A test compares the operations with PagerDuty's OpenAPI
//! description.

mod limits;
mod operation;
pub mod operations;
mod region;
mod resource;

pub use limits::{MAX_PAGE, MAX_ROWS, MAX_VALUES};
pub use operation::{Answer, Effect, Method, Operation, Paging};
pub use region::Region;
pub use resource::Resource;
