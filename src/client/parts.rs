//! Reads lists that belong to one object, or to a part of one.

use pagerduty_api::Operation;
use pagerduty_rows::fields::Selection;

use super::{Api, Query, Request};
use crate::error::Result;
use crate::ids::Id;
use crate::models::Model;
use crate::pagination::{ListRequest, Listing};

impl Api {
    /// Reads a list that belongs to one object, page by page until `wanted` is met.
    pub async fn pages_below<M: Model, P>(
        &self,
        operation: &'static Operation,
        owner: &Id<P>,
        query: Query,
        wanted: ListRequest,
        selection: &Selection<'_>,
    ) -> Result<Listing<M>> {
        self.list_by(|query| Request::on(operation, owner, query), query, wanted, selection).await
    }

    /// Reads a list that belongs to a part of an object, page by page until `wanted` is met.
    pub async fn pages_of_part<M: Model, P, Q>(
        &self,
        operation: &'static Operation,
        owner: &Id<P>,
        part: &Id<Q>,
        wanted: ListRequest,
        selection: &Selection<'_>,
    ) -> Result<Listing<M>> {
        let request = |query| Request::below(operation, owner, part, query);
        self.list_by(request, Query::new(), wanted, selection).await
    }
}
