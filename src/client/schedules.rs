//! Counts schedules.

use pagerduty_api::operations::schedules::LIST_SCHEDULES;

use super::{Api, Query, Request};
use crate::error::Result;
use crate::models::{Model, Schedule};

impl Api {
    /// Counts the layer-based schedules that have `name` in their name.
    /// <https://developer.pagerduty.com/docs/pagination>
    pub async fn count_schedules(&self, name: Option<&str>) -> Result<usize> {
        let query = Query::new().with("query", name).with("limit", Some(1)).with("total", Some(true));
        let request = Request::new(&LIST_SCHEDULES, query);
        let page = self.page::<Schedule>(&request, &Schedule::facts_only()).await?;
        page.total.ok_or_else(|| self.unexpected(&request, "total: missing"))
    }
}
